"""The curve of a session as its meter signed it: the energy that is billed, and when it came."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, pairwise

from msgspec import structs

from streams.registers import EXACT
from streams.signed.gate import Pair
from streams.signed.record import SignedReading
from vocabulary.quantities import WattHours
from vocabulary.sessions import ChargingSession, EnergySource, Reading
from vocabulary.signatures import MeterClock

TOLERANCE_WH = Decimal(2)  # integer registers at both ends of the unsigned session


def as_signed(session: ChargingSession, pair: Pair) -> ChargingSession:
    """The session with the energy that the meter signed: the difference of the pair, and between them what was told.

    What was told stays the shape of the curve between the signed readings as long as it tells the same energy; else those alone
    are known.
    """
    alone, energy_wh = signed_alone(session, pair), signed_wh(pair)
    inner = session.readings[1:-1] if differs_by(session, energy_wh) <= TOLERANCE_WH else ()
    shift = EXACT.subtract(_wh(pair.begin.reading), session.readings[0].register_wh) if session.readings else Decimal(0)
    shifted = [Reading(at=r.at, register_wh=WattHours(EXACT.add(r.register_wh, shift))) for r in inner]
    readings = tuple(_through(alone.readings, shifted))
    return structs.replace(session, readings=readings, energy_wh=energy_wh, energy_source=EnergySource.SIGNED)


def _through(signed: Sequence[Reading], told: Sequence[Reading]) -> Iterator[Reading]:
    """The signed readings, and between each two of them what was told, no lower than the one and no higher than the other."""
    for before, after in pairwise(signed):
        yield before
        first, last = bisect_right(told, before.at, key=_at), bisect_left(told, after.at, key=_at)
        for reading in told[first:last]:
            wh = min(max(before.register_wh, reading.register_wh), after.register_wh)
            yield Reading(at=reading.at, register_wh=wh)
    yield signed[-1]


def _at(reading: Reading) -> datetime:
    return reading.at


def signed_alone(session: ChargingSession, pair: Pair) -> ChargingSession:
    """The session as its signed readings alone tell it: those in between count by a clock that the meter vouches for."""
    begin, end = _wh(pair.begin.reading), _wh(pair.end.reading)
    timed = {at: _wh(reading) for at, reading in _synchronised(pair) if session.start < at < session.end}
    risen = accumulate((wh for _, wh in sorted(timed.items())), max)
    inner = [Reading(at=at, register_wh=wh) for at, wh in zip(sorted(timed), risen, strict=True)]
    readings = (Reading(at=session.start, register_wh=begin), *inner, Reading(at=session.end, register_wh=end))
    return structs.replace(session, readings=readings)


def _synchronised(pair: Pair) -> Iterator[tuple[datetime, SignedReading]]:
    for place in pair.between:
        if place.reading.at is not None and place.reading.clock is MeterClock.SYNCHRONISED:
            yield place.reading.at, place.reading


def vouches_for_time(pair: Pair) -> bool:
    """Whether amounts may be taken from how long it took: both times synchronised, or the time between them legal."""
    readings = pair.begin.reading, pair.end.reading
    return all(each.is_time_usable for each in readings) and {each.clock for each in readings} in (
        {MeterClock.SYNCHRONISED},
        {MeterClock.RELATIVE},
    )


def signed_wh(pair: Pair) -> WattHours:
    return WattHours(EXACT.subtract(_wh(pair.end.reading), _wh(pair.begin.reading)))


def differs_by(session: ChargingSession, wh: WattHours) -> Decimal:
    return abs(EXACT.subtract(wh, session.energy_wh))


def _wh(reading: SignedReading) -> WattHours:
    assert reading.wh is not None
    return reading.wh
