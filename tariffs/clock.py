"""The wall clock of a site over a span of time: its offset from UTC, and when it passes a time of day. Instants are seconds.

    UTC     |----- +01:00 -----|------- +02:00 -------|      an offset change is itself a passing: the clock jumps over
    local   ... 01:30   01:59  |  03:00   03:30 ...          times (spring), or shows them again (autumn)

Between two changes of its offset the wall clock runs as evenly as UTC, so a time of day recurs every 24 hours from its
first passing. Nothing is computed in local time across a change.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_S = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Span = tuple[int, int, int]  # since, until, and by how many seconds the wall clock is ahead of UTC


def second_of(at: datetime) -> int:
    """The whole second in which an instant lies, counted from 1970 in UTC."""
    since = at - EPOCH
    return since.days * DAY_S + since.seconds


def instant_of(second: int) -> datetime:
    return EPOCH + timedelta(seconds=second)


def offsets(start: int, end: int, site: ZoneInfo) -> list[Span]:
    """From `start` until `end`, by offset, and at least one second of it."""
    spans: list[Span] = []
    end = max(end, start + 1)
    for day in range(start // DAY_S, (end - 1) // DAY_S + 1):
        for since, until, ahead in _offsets_of_day(day, site):
            since, until = max(since, start), min(until, end)
            if spans and spans[-1][2] == ahead:
                spans[-1] = (spans[-1][0], until, ahead)
            elif since < until:
                spans.append((since, until, ahead))
    return spans


def passings(spans: list[Span], times_s: Collection[int]) -> Iterator[int]:
    """The seconds after the beginning of the spans at which the wall clock comes to one of `times_s` (seconds after midnight).

    Changes of the offset are among them. In no order, and some may come twice.
    """
    for count, (since, until, ahead) in enumerate(spans):
        if count:
            yield since
        for wanted in times_s:
            days = (since + ahead - wanted) // DAY_S + 1
            yield from range(days * DAY_S + wanted - ahead, until, DAY_S)


@lru_cache(maxsize=8192)
def _offsets_of_day(day: int, site: ZoneInfo) -> tuple[Span, ...]:
    """Of a day in UTC; an offset changes at most once in a day."""
    since, until = day * DAY_S, (day + 1) * DAY_S
    first = _offset(since, site)
    if first == _offset(until, site):
        return ((since, until, first),)
    change = since + bisect_left(range(DAY_S), 1, key=lambda seconds: _offset(since + seconds, site) != first)
    return ((since, change, first), (change, until, _offset(until, site)))


def _offset(second: int, site: ZoneInfo) -> int:
    ahead = instant_of(second).astimezone(site).utcoffset()
    assert ahead is not None, "a zone of the database has an offset at any time"
    return ahead.days * DAY_S + ahead.seconds
