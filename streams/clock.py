"""Whether a station's clock can be believed, and what its times are where it is wrong in a way that can be told.

`ClockCompared` tells of messages that arrived at another time than they tell; it is there only where the two are apart.

    start and end both apart by one offset, and that is implausible     corrected by it; the raw messages stay as they came
    one of them implausible, or with another offset                     not to be trusted: what depends on the time has no price
    both late by one offset, but not by whole quarter hours, or         the same: such a clock is behind, and nobody knows why
    while the station said of other messages that they had waited
    both off by whole quarter hours that are an hour apart              the same: local time told as UTC, while clocks changed
    stop within a second of the start, and real energy                  a clock that was not set (MicroOcpp writes start + 1 s):
                                                                        the end is the arrival of the stop, if that can be told
    late by anything else                                               an offline queue: nothing is wrong

Implausible is: before 2015; more than 5 minutes ahead of the arrival; a whole number of quarter hours, between 1 h and 14 h,
off by no more than a minute (local time told as UTC). An offline queue has no constant offset: it arrives at once, and what it
tells is spread.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from msgspec import Struct, structs

from streams.energy import Energy
from streams.measured import Momentary
from streams.registers import Register
from streams.stretches import Told
from vocabulary.charging import ClockCompared, Moment
from vocabulary.clocks import APART, quarter_hours
from vocabulary.sessions import Doubt, Finding

ANCIENT = datetime(2015, 1, 1, tzinfo=UTC)
_AS_ONE = timedelta(minutes=1)
_STEADY = timedelta(seconds=20)  # of a clock that runs; two that waited are late by the same time by chance
_AT_ONCE = timedelta(seconds=1)
_REAL_WH = 100  # more than any EVSE delivers in a second
_NONE = timedelta(0)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_FAR = timedelta(hours=1)
_CHANGE = timedelta(hours=1)  # of civil time, in spring and in autumn


class Compared(Struct, frozen=True, gc=False, array_like=True):
    """A message's time and its first arrival. `seq` None: 1.6, which has no numbers."""

    of: Moment
    at: datetime
    received_at: datetime
    seq: int | None = None


T = TypeVar("T", Register, Told, Momentary)


class Clock(Struct, frozen=True):
    """A session's start and end, as they are to be used. `shift` was added to the station's times."""

    start: datetime
    end: datetime
    shift: timedelta = _NONE
    doubts: tuple[Doubt, ...] = ()

    def corrected(self, told: Iterable[T]) -> list[T]:
        """What has an `at`, by the corrected clock; without what is far outside of the session, which may be of any year."""
        if not self.shift:
            return list(told)
        since, until = _moved(self.start, -self.shift), _moved(self.end, -self.shift)
        near = (one for one in told if since - one.at <= _FAR and one.at - until <= _FAR)
        return [structs.replace(one, at=_moved(one.at, self.shift)) for one in near]


def with_comparison(known: tuple[Compared, ...], event: ClockCompared) -> tuple[Compared, ...]:
    """A message that came again arrived when it first arrived."""
    told = Compared(event.of, event.at, event.received_at, event.seq)
    others = tuple(c for c in known if not _is_of_one_message(c, told))
    same = (c for c in known if _is_of_one_message(c, told))
    return (*others, min((told, *same), key=lambda c: c.received_at))


def _is_of_one_message(one: Compared, other: Compared) -> bool:
    return (one.of, one.at, one.seq) == (other.of, other.at, other.seq)


def within(compared: Iterable[Compared], first: int | None, last: int | None) -> list[Compared]:
    """Of the messages numbered from the start's number to the end's: what is beside them tells nothing of the session."""
    return [c for c in compared if c.seq is None or first is None or last is None or _is_within(c, c.seq, first, last)]


def _is_within(compared: Compared, seq: int, first: int, last: int) -> bool:
    match compared.of:
        case Moment.START:
            return seq == first
        case Moment.UPDATE:
            return first <= seq <= last
        case Moment.END:
            return seq == last


def judged(start: datetime, end: datetime, compared: Sequence[Compared], may_be_late: bool) -> Clock:
    """The times of a session from `start` to `end`. `may_be_late`: the station said of some messages that they had waited.

    It did not say so of those that are compared (`ingest.clock`), so that explains no constant offset of theirs; but then
    nothing is corrected.
    """
    offsets = [offset for of, at in ((Moment.START, start), (Moment.END, end)) if (offset := _offset(compared, of, at))]
    if len(offsets) == 2:
        offsets += [c.at - c.received_at for c in compared if c.of is Moment.UPDATE]
        if max(offsets) - min(offsets) <= _AS_ONE and _is_wrong(max(offsets), start, end, may_be_late):
            return _shifted(start, end, -_error(max(offsets)))
        came_at_once = abs((end - offsets[1]) - (start - offsets[0])) <= APART
        if not came_at_once and _is_wrong_all_along(offsets[:2]):
            return Clock(start, end, doubts=(_untrusted(start, end, compared),))
    if start < ANCIENT or end < ANCIENT or any(offset > APART for offset in offsets):
        return Clock(start, end, doubts=(_untrusted(start, end, compared),))
    return Clock(start, end)


def _offset(compared: Iterable[Compared], of: Moment, at: datetime) -> timedelta | None:
    """How far the message's time is ahead of its arrival; None: not known, or not far."""
    return next((c.at - c.received_at for c in compared if (c.of, c.at) == (of, at)), None)


def _is_wrong(offset: timedelta, start: datetime, end: datetime, may_be_late: bool) -> bool:
    if start < ANCIENT or offset > APART:
        return True
    return quarter_hours(offset) is not None and not may_be_late and end - start > APART


def _is_wrong_all_along(offsets: Sequence[timedelta]) -> bool:
    """Both ends are late by the same time, or by an hour more or less, as civil time changes; the messages between may wait."""
    spread = max(offsets) - min(offsets)
    if None not in map(quarter_hours, offsets):
        return spread <= _AS_ONE or abs(spread - _CHANGE) <= _AS_ONE
    return spread <= _STEADY


def _error(offset: timedelta) -> timedelta:
    """The clock's error: a message takes a moment to arrive, so the greatest offset is the nearest to it."""
    return quarter_hours(offset) or _AT_ONCE * (offset // _AT_ONCE)


def _shifted(start: datetime, end: datetime, shift: timedelta) -> Clock:
    told = f"{_signed(-shift)} s against the arrival; the station tells {start.isoformat()} to {end.isoformat()}"
    return Clock(_moved(start, shift), _moved(end, shift), shift, (Doubt(finding=Finding.CLOCK_CORRECTED, detail=told),))


def _moved(at: datetime, by: timedelta) -> datetime:
    """As far as the calendar goes: a station may tell its first or its last second."""
    try:
        return at + by
    except OverflowError:
        return _LAST if by > _NONE else _FIRST


def _signed(offset: timedelta) -> str:
    return f"{offset // _AT_ONCE:+}"


def _untrusted(start: datetime, end: datetime, compared: Sequence[Compared]) -> Doubt:
    arrived = ", ".join(
        f"{of} {at.isoformat()} arrived " + next((c.received_at.isoformat() for c in compared if (c.of, c.at) == (of, at)), "–")
        for of, at in ((Moment.START, start), (Moment.END, end))
    )
    return Doubt(finding=Finding.CLOCK_UNTRUSTED, detail=arrived)


def stopped_at_once(start: datetime, end: datetime, told: Energy) -> bool:
    """Whether more energy was told than any EVSE delivers in the second or less between start and end."""
    return _NONE <= end - start <= _AT_ONCE and told.readings[-1].register_wh - told.readings[0].register_wh > _REAL_WH


def estimated(start: datetime, end: datetime, compared: Sequence[Compared]) -> Clock:
    """The times of a session that seems to have ended at once: its messages' arrivals, if they came as it went on."""
    ahead, behind = _offset(compared, Moment.START, start), _offset(compared, Moment.END, end)
    arrived, left = start - (ahead or _NONE), None if behind is None else end - behind
    apart = APART if ahead is None else _AS_ONE  # a start that is not compared may have waited for as long
    if left is None or left - arrived <= apart:  # not known, or out of a queue
        return Clock(start, end, doubts=(_untrusted(start, end, compared),))
    told = f"from {start.isoformat()} to {end.isoformat()}; the stop arrived {left.isoformat()}"
    return Clock(arrived, left, arrived - start, (Doubt(finding=Finding.END_ESTIMATED, detail=told),))
