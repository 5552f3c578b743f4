"""How the first rules concluded a session: without doubts. Whatever contradicts itself has no price.

What a home concluded before it adopted newer rules (`vocabulary.reference.RulesAdopted`) replays by these, byte for byte. So
nothing here changes any more.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import structs

from streams.energy import Bounds, Energy
from streams.registers import BEGIN, END, Kind, Register
from streams.registers import as_listed as every_kind
from vocabulary.charging import Sample
from vocabulary.quantities import WattHours, seconds_between
from vocabulary.sessions import ChargingSession, Doubt, EnergySource, Finding, Reading

_ROUNDING_WH = Decimal(1)
_LONGEST = timedelta(days=30)
_MARGIN = Decimal("1.1")
_GRACE_S = 60


def registers(samples: Sequence[Sample]) -> tuple[Register, ...]:
    """The import register; a single phase was taken for all of them."""
    told = (register for register in every_kind(samples) if register.kind in (Kind.TOTAL, Kind.ONE_PHASE))
    return tuple(structs.replace(register, kind=Kind.TOTAL) for register in told)


def energy(bounds: Bounds, found: list[Register]) -> Energy | Doubt:
    if bounds.end < bounds.start:
        return Doubt(finding=Finding.END_BEFORE_START, detail=f"start {bounds.start.isoformat()}, end {bounds.end.isoformat()}")
    ends = _ends(bounds, found)
    if ends is None:
        return Doubt(finding=Finding.ENERGY_UNKNOWN, detail="no import register at start and end")
    source, begin_wh, end_wh = ends
    if end_wh < begin_wh:
        return _fell(f"from {begin_wh} Wh at the start to {end_wh} Wh at the end")
    readings = _curve(Reading(at=bounds.start, register_wh=begin_wh), found, Reading(at=bounds.end, register_wh=end_wh))
    if isinstance(readings, Register):
        return _fell(f"{readings.wh} Wh at {readings.at.isoformat()} is out of order")
    return Energy(source, readings)


def blocks(session: ChargingSession, power_w_max: int) -> Doubt | None:
    """Why a session was not billed, before any tariff was looked at."""
    if session.end - session.start > _LONGEST:
        lasts = f"{session.start.isoformat()} to {session.end.isoformat()}"
        return Doubt(finding=Finding.DURATION_IMPLAUSIBLE, detail=lasts)
    limit = Decimal(power_w_max) * _MARGIN * (seconds_between(session.start, session.end) + _GRACE_S) / 3600
    if limit < session.energy_wh:
        return Doubt(finding=Finding.ENERGY_IMPLAUSIBLE, detail=f"{session.energy_wh} Wh, at most {limit:.0f} Wh fit")
    return None


def _fell(detail: str) -> Doubt:
    return Doubt(finding=Finding.REGISTER_FELL, detail=detail)


def _curve(begin: Reading, between: Iterable[Register], end: Reading) -> tuple[Reading, ...] | Register:
    """Readings that never fall, within rounding; or the value that contradicts them."""
    readings = [begin]
    for register in sorted(between, key=_by_time):
        if not begin.at < register.at < end.at:
            continue
        lowest, highest = readings[-1].register_wh, end.register_wh
        if register.wh < lowest - _ROUNDING_WH or register.wh > highest + _ROUNDING_WH:
            return register
        clamped = WattHours(min(max(register.wh, lowest), highest))
        if register.at > readings[-1].at:
            readings.append(Reading(at=register.at, register_wh=clamped))
    return (*readings, end)


def _ends(bounds: Bounds, found: list[Register]) -> tuple[EnergySource, WattHours, WattHours] | None:
    begin = _agreed(_first([r for r in found if r.context == BEGIN]), bounds.meter_start)
    end = _agreed(_last([r for r in found if r.context == END]), bounds.meter_stop)
    if begin is not None and end is not None:
        return EnergySource.TRANSACTION_SAMPLES, WattHours(begin.wh), WattHours(end.wh)
    if bounds.meter_start is not None and bounds.meter_stop is not None:
        return EnergySource.METER_START_STOP, bounds.meter_start, bounds.meter_stop
    ordinary = [r for r in found if bounds.start <= r.at <= bounds.end]
    first = begin or _told(bounds.start, bounds.meter_start) or _first(ordinary)
    last = end or _told(bounds.end, bounds.meter_stop) or _last(ordinary)
    if first is None or last is None or last.at <= first.at:
        return None
    return EnergySource.FIRST_AND_LAST_SAMPLE, WattHours(first.wh), WattHours(last.wh)


def _told(at: datetime, wh: WattHours | None) -> Register | None:
    return None if wh is None else Register(at, wh, "")


def _first(found: list[Register]) -> Register | None:
    return min(found, key=_by_time, default=None)


def _last(found: list[Register]) -> Register | None:
    return max(found, key=_by_time, default=None)


def _by_time(register: Register) -> tuple[datetime, Decimal]:
    return register.at, register.wh


def _agreed(sampled: Register | None, told: WattHours | None) -> Register | None:
    return None if sampled is None or (told is not None and abs(sampled.wh - told) > _ROUNDING_WH) else sampled
