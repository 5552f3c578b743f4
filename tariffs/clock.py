"""When the wall clock of a site passes a time of day, as instants.

    UTC     |----- +01:00 -----|------- +02:00 -------|      an offset change is itself a passing: the clock jumps over
    local   ... 01:30   01:59  |  03:00   03:30 ...          times (spring), or shows them again (autumn)

Between two changes of its offset the wall clock runs as evenly as UTC, so a time of day recurs every 24 hours from its
first passing. Nothing is computed in local time across a change.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from vocabulary.quantities import ONE_SECOND

_DAY = timedelta(days=1)


def passings(start: datetime, end: datetime, zone: ZoneInfo, times: Collection[time]) -> Iterator[datetime]:
    """The instants after `start` and before `end` (UTC, whole seconds) at which the local clock comes to one of `times`.

    Changes of the offset are among them. In no order, and some may come twice.
    """
    if not times:
        return
    changes = list(_offset_changes(start, end, zone))
    yield from changes
    for since, until in pairwise((start, *changes, end)):
        local = since.astimezone(zone).replace(tzinfo=UTC)  # as if the site's offset were UTC's, which is as even
        for wanted in times:
            first = local.replace(hour=wanted.hour, minute=wanted.minute, second=wanted.second)
            at = since + ((first if first > local else first + _DAY) - local)
            while at < until:
                yield at
                at += _DAY


def _offset_changes(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants at which the zone's offset from UTC changes; it never does so twice within a day."""

    def offset(seconds: int) -> timedelta | None:
        return (since + seconds * ONE_SECOND).astimezone(zone).utcoffset()

    since = start
    while since < end:
        span = (min(since + _DAY, end) - since) // ONE_SECOND
        before = offset(0)
        if before != offset(span):
            yield since + ONE_SECOND * bisect_left(range(span), 1, key=lambda seconds: offset(seconds) != before)
        since += _DAY
