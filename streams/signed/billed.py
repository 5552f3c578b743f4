"""The curve of a session as its meter signed it: the energy that is billed, and when it came.

Made of the verdict that was recorded, so that a bill, a CDR and an audit ten years later see the same curve.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, pairwise

from msgspec import structs

from streams.registers import EXACT
from vocabulary.quantities import WattHours, seconds_between
from vocabulary.sessions import ChargingSession, EnergySource, Reading
from vocabulary.signatures import MeterClock, SignatureChecked, Verdict

TOLERANCE_WH = Decimal(2)  # integer registers at both ends of the unsigned session


def is_pair(checked: SignatureChecked) -> bool:
    """Whether there are two signed readings to bill."""
    return checked.billing is Verdict.VERIFIED


def as_signed(session: ChargingSession, checked: SignatureChecked) -> ChargingSession:
    """The session with the energy that the meter signed: the difference of the pair, and between them what was told.

    What was told stays the shape of the curve between the signed readings as long as it tells the same energy; else those alone
    are known.
    """
    alone, (begin, _) = signed_alone(session, checked), ends(checked)
    inner = session.readings[1:-1] if differs_by(session, checked) <= TOLERANCE_WH else ()
    shift = EXACT.subtract(begin, session.readings[0].register_wh) if session.readings else Decimal(0)
    shifted = [Reading(at=r.at, register_wh=WattHours(EXACT.add(r.register_wh, shift))) for r in inner]
    readings = tuple(_through(alone.readings, shifted))
    return structs.replace(session, readings=readings, energy_wh=signed_wh(checked), energy_source=EnergySource.SIGNED)


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


def signed_alone(session: ChargingSession, checked: SignatureChecked) -> ChargingSession:
    """The session as its signed readings alone tell it: those in between count by a clock that the meter vouches for."""
    begin, end = ends(checked)
    timed = [(point.at, point.wh) for point in checked.between if point.at and session.start < point.at < session.end]
    risen = accumulate((wh for _, wh in timed), max)
    inner = [Reading(at=at, register_wh=wh) for (at, _), wh in zip(timed, risen, strict=True)]
    readings = (Reading(at=session.start, register_wh=begin), *inner, Reading(at=session.end, register_wh=end))
    return structs.replace(session, readings=readings)


def vouches_for_time(checked: SignatureChecked) -> bool:
    """Whether amounts may be taken from how long it took: both times synchronised, or the time between them legal."""
    clocks = {checked.begin_clock, checked.end_clock}
    is_told = checked.begin_at is not None and checked.end_at is not None
    return is_told and clocks in ({MeterClock.SYNCHRONISED}, {MeterClock.RELATIVE})


def lasts_apart_s(session: ChargingSession, checked: SignatureChecked) -> int:
    """By how many seconds the time between the signed readings differs from that of the session."""
    assert checked.begin_at is not None and checked.end_at is not None, "a clock that is vouched for tells a time"
    return abs(seconds_between(checked.begin_at, checked.end_at) - seconds_between(session.start, session.end))


def ends(checked: SignatureChecked) -> tuple[WattHours, WattHours]:
    assert checked.begin_wh is not None and checked.end_wh is not None, "a verdict that billing is verified has a pair"
    return checked.begin_wh, checked.end_wh


def signed_wh(checked: SignatureChecked) -> WattHours:
    begin, end = ends(checked)
    return WattHours(EXACT.subtract(end, begin))


def differs_by(session: ChargingSession, checked: SignatureChecked) -> Decimal:
    return abs(EXACT.subtract(signed_wh(checked), session.energy_wh))
