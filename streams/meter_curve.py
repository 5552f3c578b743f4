"""The register's values between the start and the end of a session, as a curve that never falls.

What a register does in the field, and what is made of it:

    falls by 1 Wh or less                             rounding: clamped
    9…9, then a small value                           rolled over: it is counted on
    falls to less than half and never comes back      reset: the parts are added up; an estimate
    all samples far below meterStart and meterStop    they count from the session's start: shifted up to the register
    all samples a thousand times off                  one of the two has a wrong unit: nobody can say which
    falls in any other way                            contradicts itself

The first two and the fourth say something about the meter, not about the energy. The last two have no energy.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from streams.registers import EXACT, Register
from vocabulary.quantities import WattHours, seconds_between
from vocabulary.sessions import Doubt, Finding, Reading

ROUNDING_WH = Decimal(1)  # integer registers truncate at one end and round at the other: 1 Wh is no contradiction
# A register must hold 4000 h at the meter's greatest power (Directive 2014/32/EU Annex V): 10 A on one phase need 9.2 MWh.
_TOPS = tuple(Decimal(10) ** power for power in range(7, 19))
_NEAR = Decimal("0.01")  # of the top: how near to it, and how little above zero, a roll-over is believed
_MOST_W = Decimal(1_000_000)  # more than any EVSE delivers today; the gate knows the EVSE's own
_GRACE_S = 60
_THOUSAND = Decimal(1000)


class Curve(NamedTuple):
    """Readings that never fall, from begin to end, and what had to be noticed on the way."""

    readings: tuple[Reading, ...]
    doubts: tuple[Doubt, ...] = ()


class _Unrolled(NamedTuple):
    values: list[Decimal]
    doubts: tuple[Doubt, ...]


def curve(begin: Reading, between: Iterable[Register], end: Reading) -> Curve | Doubt:
    """The readings from begin to end, or the finding that contradicts them."""
    inside = _inside(begin, between, end)
    if contradiction := _other_unit(begin, inside, end):
        return contradiction
    shift = begin.register_wh if _count_from_the_start(begin, inside, end) else Decimal(0)
    points = [begin, *(_shifted(point, shift) for point in inside), end]
    unrolled = _unrolled(points)
    if isinstance(unrolled, Doubt):
        return unrolled
    doubts = unrolled.doubts
    if shift:
        told = f"samples up to {inside[-1].register_wh} Wh, register from {begin.register_wh} to {end.register_wh} Wh"
        doubts = (*doubts, Doubt(finding=Finding.SAMPLES_RELATIVE, detail=told))
    return Curve(tuple(_clamped(points, unrolled.values)), doubts)


def _inside(begin: Reading, between: Iterable[Register], end: Reading) -> list[Reading]:
    """In order of time; of two values at one instant the lower."""
    lowest: dict[datetime, Decimal] = {}
    for register in between:
        if begin.at < register.at < end.at:
            lowest[register.at] = min(register.wh, lowest.get(register.at, register.wh))
    return [Reading(at=at, register_wh=WattHours(wh)) for at, wh in sorted(lowest.items())]


def _shifted(point: Reading, shift: Decimal) -> Reading:
    return Reading(at=point.at, register_wh=WattHours(EXACT.add(point.register_wh, shift))) if shift else point


def _lie_between(values: Iterable[Decimal], lowest: Decimal, highest: Decimal) -> bool:
    return all(lowest - ROUNDING_WH <= value <= highest + ROUNDING_WH for value in values)


def _count_from_the_start(begin: Reading, inside: Sequence[Reading], end: Reading) -> bool:
    """Whether samples tell the session's energy where start and end tell the meter's register (seen of several makers)."""
    if not inside or max(point.register_wh for point in inside) >= begin.register_wh - ROUNDING_WH:
        return False
    return _lie_between((point.register_wh for point in inside), Decimal(0), end.register_wh - begin.register_wh)


def _other_unit(begin: Reading, inside: Sequence[Reading], end: Reading) -> Doubt | None:
    """Samples that agree with start and end only if one of the two is multiplied by a thousand: kWh as Wh, or Wh as kWh."""
    if not inside or begin.register_wh <= 0 or end.register_wh < begin.register_wh:
        return None
    values = [point.register_wh for point in inside]
    lowest, highest = begin.register_wh, end.register_wh
    if _lie_between(values, lowest, highest):
        return None
    as_kwh = [value / _THOUSAND for value in values]
    as_wh = [value * _THOUSAND for value in values]
    if not (
        _lie_between(as_kwh, lowest, highest)
        or (_lie_between(as_wh, lowest, highest + _THOUSAND) and highest - lowest < lowest / 10)
    ):
        return None
    told = f"register from {lowest} to {highest} Wh, samples from {min(values)} to {max(values)} Wh"
    return Doubt(finding=Finding.UNITS_CONTRADICT, detail=told)


def _unrolled(points: Sequence[Reading]) -> _Unrolled | Doubt:
    """The values as if the register had gone on counting where it began anew."""
    values, doubts = [Decimal(points[0].register_wh)], list[Doubt]()
    highest, since, added = points[0].register_wh, points[0].at, Decimal(0)
    for index, point in enumerate(points[1:], 1):
        wh = point.register_wh
        if wh < highest - ROUNDING_WH:
            told = f"from {highest} Wh at {since.isoformat()} to {wh} Wh at {point.at.isoformat()}"
            seconds = seconds_between(since, point.at)
            if (top := _rolled_over(highest, wh, seconds)) is not None:
                added = EXACT.add(added, top)
                doubts.append(Doubt(finding=Finding.ROLLED_OVER, detail=told))
            elif _was_reset(highest, points[index:]):
                counted = Decimal(0) if wh <= _most_wh(seconds) else wh
                added = EXACT.add(added, EXACT.subtract(highest, counted))
                doubts.append(Doubt(finding=Finding.REGISTER_RESET, detail=told))
            else:
                return Doubt(finding=Finding.REGISTER_FELL, detail=told)
            highest, since = wh, point.at
        elif wh >= highest:
            highest, since = wh, point.at
        values.append(EXACT.add(wh, added))
    return _Unrolled(values, tuple(doubts))


def _rolled_over(before: Decimal, after: Decimal, seconds: int) -> Decimal | None:
    """The top that the register passed: the next power of ten, if both values are near it."""
    top = next((top for top in _TOPS if before < top), None)
    if top is None or top - before > top * _NEAR or after < 0 or after > top * _NEAR:
        return None
    return top if top - before + after <= _most_wh(seconds) else None


def _was_reset(before: Decimal, rest: Sequence[Reading]) -> bool:
    """Whether the register went on from a far lower value: it came down to less than half, counts, and never comes back."""
    after, last = rest[0].register_wh, rest[-1].register_wh
    return after >= 0 and after * 2 < before and last > 0 and max(p.register_wh for p in rest) < before - ROUNDING_WH


def _most_wh(seconds: int) -> Decimal:
    return _MOST_W * (seconds + _GRACE_S) / 3600


def _clamped(points: Sequence[Reading], values: Sequence[Decimal]) -> Iterable[Reading]:
    """What remains of a fall or an excess is rounding, and is taken away."""
    lowest, highest = min(values[0], values[-1]), values[-1]
    for point, value in zip(points, values, strict=True):
        lowest = min(max(value, lowest), highest)
        yield Reading(at=point.at, register_wh=WattHours(lowest))
