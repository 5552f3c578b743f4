"""The energy of a session: which values it is made of, in order of trust, and the curve of the register between them.

    Transaction.Begin and End samples     1.6 gives them decimals that meterStart and meterStop have not
    meterStart and meterStop
    first and last sample of the register
    the same at the inlet (DC)            before conversion; only where nothing was told at the outlet or in the cable
    sum of intervals                      only where no register was told
    nothing                               unknown, which is never zero

Where values between the two ends contradict them or themselves, the ends alone make an energy that a person must confirm.

A verified signed pair is no source of its own: where its meter's signatures count it is billed instead of what these give, and
held where the two are far apart (streams.proof). What a session is made of is of one kind; values of two kinds are never mixed
or added.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from streams.meter_curve import ROUNDING_WH, Curve, curve
from streams.registers import BEGIN, END, EXACT, Kind, Register
from vocabulary.quantities import WattHours, seconds_between
from vocabulary.sessions import CONTRADICTING, Doubt, EnergySource, Finding, Reading

_QUARTER = timedelta(minutes=15)  # the length of a clock-aligned interval of which only one was told
_NEAR_AN_END = timedelta(minutes=1)  # a sample that stands for the register at the start or the end
_ZERO = WattHours(Decimal(0))


class Bounds(NamedTuple):
    """When a session began and ended, and the register then, as the transaction's own fields tell it."""

    start: datetime
    meter_start: WattHours | None
    end: datetime
    meter_stop: WattHours | None


class Energy(NamedTuple):
    """`readings` from start to end, never falling; their difference is the energy."""

    source: EnergySource
    readings: tuple[Reading, ...]
    doubts: tuple[Doubt, ...] = ()


class _Ends(NamedTuple):
    """`apart`: what is told where first and last sample leave out time of the session."""

    source: EnergySource
    begin: WattHours
    end: WattHours
    apart: str = ""


def energy(bounds: Bounds, found: Sequence[Register]) -> Energy | Doubt:
    """The energy by the most trusted source that has any, or the finding for which there is none."""
    if bounds.end < bounds.start:
        return Doubt(finding=Finding.END_BEFORE_START, detail=f"start {bounds.start.isoformat()}, end {bounds.end.isoformat()}")
    if (doubt := _begin_below_zero(bounds, found)) is not None:
        rest = energy(*_without_that_begin(bounds, found))
        return rest._replace(doubts=(*rest.doubts, doubt)) if isinstance(rest, Energy) else rest
    by_kind: dict[Kind, list[Register]] = {kind: [] for kind in Kind}
    for register in found:
        by_kind[register.kind].append(register)
    for source in _SOURCES:
        told = source(bounds, by_kind)
        if told is not None:
            return told
    return Doubt(finding=Finding.ENERGY_UNKNOWN, detail="no import register at start and end")


def _begin_below_zero(bounds: Bounds, found: Sequence[Register]) -> Doubt | None:
    """A register that only counts up is never below zero: a begin that is was not read."""
    told = [r.wh for r in found if _is_negative_begin(bounds, r)]
    if bounds.meter_start is not None and bounds.meter_start < 0:
        told.append(bounds.meter_start)
    if not told:
        return None
    return Doubt(finding=Finding.BEGIN_PLACEHOLDER, detail=f"{min(told)} Wh at {bounds.start.isoformat()}, below zero")


def _is_negative_begin(bounds: Bounds, register: Register) -> bool:
    return register.wh < 0 and (register.context == BEGIN or register.at <= bounds.start)


def _without_that_begin(bounds: Bounds, found: Sequence[Register]) -> tuple[Bounds, list[Register]]:
    start = None if bounds.meter_start is not None and bounds.meter_start < 0 else bounds.meter_start
    return bounds._replace(meter_start=start), [r for r in found if not _is_negative_begin(bounds, r)]


def by_both_ends(bounds: Bounds, found: Sequence[Register], doubt: Doubt) -> Energy | Doubt:
    """Start and end alone, where what is between contradicts them or itself: whether they are right is for a person to say."""
    bounds, found = _without_that_begin(bounds, found)
    ends = _ends(bounds, [register for register in found if register.kind is Kind.TOTAL])
    if doubt.finding not in CONTRADICTING or ends is None or ends.end < ends.begin:
        return doubt
    readings = (Reading(at=bounds.start, register_wh=ends.begin), Reading(at=bounds.end, register_wh=ends.end))
    return Energy(ends.source, readings, (doubt,))


def against_power(told: Energy, powers_w: Sequence[Decimal]) -> Energy:
    """With a doubt where the powers that were told give about a thousand times the energy: kWh were sent as Wh.

    Three values at least, since one says little about the time between; their mean may be off by half or double all the same.
    """
    first, last = told.readings[0], told.readings[-1]
    energy_wh = last.register_wh - first.register_wh
    if len(powers_w) < 3 or energy_wh <= 0:
        return told
    by_power_wh = sum(powers_w, Decimal(0)) / len(powers_w) * seconds_between(first.at, last.at) / 3600
    if not energy_wh * 500 <= by_power_wh <= energy_wh * 2000:
        return told
    noticed = Doubt(
        finding=Finding.UNIT_TOO_LOW, detail=f"{energy_wh} Wh by the register, {by_power_wh:.0f} Wh by the power told"
    )
    return told._replace(doubts=(*told.doubts, noticed))


def _of_totals(bounds: Bounds, by_kind: dict[Kind, list[Register]]) -> Energy | Doubt | None:
    return _of_registers(bounds, by_kind[Kind.TOTAL])


def _of_one_phase(bounds: Bounds, by_kind: dict[Kind, list[Register]]) -> Energy | Doubt | None:
    """A single value under a phase's name, where no other value of the register was sampled."""
    labelled = by_kind[Kind.ONE_PHASE]
    if not labelled or by_kind[Kind.TOTAL]:
        return None
    told = _of_registers(bounds, labelled)
    if not isinstance(told, Energy):
        return _of_registers(bounds, []) or told
    (at, wh), *_ = _once(labelled) or [(bounds.start, _ZERO)]
    noticed = Doubt(finding=Finding.ONE_PHASE_TAKEN, detail=f"from {at.isoformat()} on, {wh} Wh")
    return told._replace(doubts=(*told.doubts, noticed))


def _of_inlet(bounds: Bounds, by_kind: dict[Kind, list[Register]]) -> Energy | Doubt | None:
    if by_kind[Kind.TOTAL] or by_kind[Kind.ONE_PHASE]:
        return None
    return _of_registers(bounds._replace(meter_start=None, meter_stop=None), by_kind[Kind.INLET], EnergySource.INLET_SAMPLES)


def _of_intervals(bounds: Bounds, by_kind: dict[Kind, list[Register]]) -> Energy | Doubt | None:
    """The energies told for intervals, each once, added up; where a register was told, it alone counts."""
    if any(by_kind[kind] for kind in (Kind.TOTAL, Kind.ONE_PHASE, Kind.INLET)):
        return None
    counted = _ending(bounds, by_kind[Kind.INTERVAL]) or _beginning(bounds, by_kind[Kind.CLOCK_INTERVAL])
    if not counted:
        return None
    readings = [Reading(at=bounds.start, register_wh=_ZERO)]
    for until, wh in counted:
        readings.append(Reading(at=until, register_wh=WattHours(EXACT.add(readings[-1].register_wh, wh))))
    return Energy(EnergySource.INTERVALS, _up_to(bounds.end, readings))


def _ending(bounds: Bounds, told: list[Register]) -> list[tuple[datetime, Decimal]]:
    """The intervals that ended in the session, each with its end."""
    return [(at, wh) for at, wh in _once(told) if bounds.start < at <= bounds.end]


def _beginning(bounds: Bounds, told: list[Register]) -> list[tuple[datetime, Decimal]]:
    """The clock-aligned intervals that share time with the session, each with its end: nothing else charged meanwhile."""
    each = [(at, wh) for at, wh in _once(told) if at < bounds.end]
    length = min((after - before for (before, _), (after, _) in pairwise(each)), default=_QUARTER)
    ends = [(at + min(length, bounds.end - at), wh) for at, wh in each]
    return [(until, wh) for until, wh in ends if bounds.start < until]


def _once(told: list[Register]) -> list[tuple[datetime, Decimal]]:
    """In order of time, one of each instant: a retry in another message adds nothing."""
    return sorted({r.at: r.wh for r in sorted(told, key=_by_time) if r.wh >= 0}.items())


def _by_time(register: Register) -> tuple[datetime, Decimal]:
    return register.at, register.wh


def _up_to(end: datetime, readings: list[Reading]) -> tuple[Reading, ...]:
    """The last reading of each instant, and one at the end, whatever ended after it."""
    first, *rest = [*readings, Reading(at=end, register_wh=readings[-1].register_wh)]
    return (first, *{reading.at: reading for reading in rest}.values())


_SOURCES: tuple[Callable[[Bounds, dict[Kind, list[Register]]], Energy | Doubt | None], ...] = (
    _of_one_phase,  # only where there is no total, and it may complete what the transaction's fields tell
    _of_totals,
    _of_inlet,
    _of_intervals,
)


def _of_registers(bounds: Bounds, found: list[Register], source: EnergySource | None = None) -> Energy | Doubt | None:
    ends = _ends(bounds, found)
    if ends is None:
        return None
    begin, end = Reading(at=bounds.start, register_wh=ends.begin), Reading(at=bounds.end, register_wh=ends.end)
    made = curve(begin, found, end)
    if not isinstance(made, Curve):
        return made
    left_out = [Doubt(finding=Finding.ENDS_NOT_TOLD, detail=ends.apart)] if ends.apart else []
    return Energy(source or ends.source, made.readings, (*made.doubts, *left_out))


def _ends(bounds: Bounds, found: list[Register]) -> _Ends | None:
    """First and last register value, and where they come from: the most trusted source that has both.

    Transaction.Begin and End samples have decimals that 1.6's integer meterStart and meterStop have not, so they win where
    they agree within rounding; where they do not, the transaction's own fields win (reference: OCPP 1.6 §6.45, §6.49).
    """
    begin = _agreed(_first([r for r in found if r.context == BEGIN]), bounds.meter_start)
    end = _agreed(_last([r for r in found if r.context == END]), bounds.meter_stop)
    if begin is not None and end is not None:
        return _Ends(EnergySource.TRANSACTION_SAMPLES, WattHours(begin.wh), WattHours(end.wh))
    if bounds.meter_start is not None and bounds.meter_stop is not None:
        return _Ends(EnergySource.METER_START_STOP, bounds.meter_start, bounds.meter_stop)
    ordinary = [r for r in found if bounds.start <= r.at <= bounds.end]
    first = begin or _told(bounds.start, bounds.meter_start) or _first(ordinary)
    last = end or _told(bounds.end, bounds.meter_stop) or _last(ordinary)
    if first is None or last is None or last.at <= first.at:
        return None  # one value says where the meter stands, not what was delivered
    near = first.at - bounds.start <= _NEAR_AN_END and bounds.end - last.at <= _NEAR_AN_END
    apart = "" if near else f"told from {first.at.isoformat()} to {last.at.isoformat()}"
    return _Ends(EnergySource.FIRST_AND_LAST_SAMPLE, WattHours(first.wh), WattHours(last.wh), apart)


def _told(at: datetime, wh: WattHours | None) -> Register | None:
    return None if wh is None else Register(at, wh, "")


def _first(found: list[Register]) -> Register | None:
    """The first value by the station's clock."""
    return min(found, key=_by_time, default=None)


def _last(found: list[Register]) -> Register | None:
    return max(found, key=_by_time, default=None)


def _agreed(sampled: Register | None, told: WattHours | None) -> Register | None:
    """The sample, unless the transaction's own field tells another value."""
    return None if sampled is None or (told is not None and abs(sampled.wh - told) > ROUNDING_WH) else sampled
