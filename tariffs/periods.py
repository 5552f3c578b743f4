"""Cut a session at every instant at which a price can change, so that within a period nothing changes.

    clock      |........22:00.....................|     also midnights, and changes of the clock itself
    activity   |  charging            |   idle    |
    energy     |.............10 kWh...............|     thresholds of the session so far
    duration   |....30 min........................|     since the start of the session
    periods    |----|----|---|--------|-----------|     half-open, contiguous, from start to end

A period is judged by its first moment. Its energy is the difference of the register at its two ends, so the periods'
energy adds up to the session's, digit for digit, wherever it is cut. There is always at least one period: a session that
has just begun is an empty one, and may owe a start fee.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter
from zoneinfo import ZoneInfo

from msgspec import Struct

from tariffs.clock import passings
from tariffs.register import Cut, Register, register_of
from tariffs.restrictions import Boundaries, Moment, boundaries
from vocabulary.quantities import ONE_SECOND, seconds_between, whole_second
from vocabulary.sessions import Activity, ChargingSession
from vocabulary.tariff import Tariff

_START = attrgetter("start")


class Period(Struct, frozen=True, kw_only=True):
    """Half-open, UTC, whole seconds; it can be empty of time, of energy, or of both."""

    start: datetime
    end: datetime
    activity: Activity
    energy_wh: Decimal
    moment: Moment  # at its start


def periods(session: ChargingSession, tariff: Tariff, site: ZoneInfo, also: Iterable[datetime] = ()) -> list[Period]:
    """The periods of a session under a tariff, cut at further instants if wanted (which changes no price)."""
    register, where = register_of(session), boundaries(tariff)
    instants = {*_instants(session, register, where, site), *map(whole_second, also)}
    cuts = {(at, register.at(at)) for at in instants if register.start < at < register.end}
    cuts |= _energy_cuts(register, where)
    inner = sorted(cut for cut in cuts if register.first < cut < register.last)
    ends = pairwise((register.first, *inner, register.last))
    return [_period(session, register.first, since, until, site) for since, until in ends]


def _instants(session: ChargingSession, register: Register, where: Boundaries, site: ZoneInfo) -> Iterable[datetime]:
    yield from passings(register.start, register.end, site, where.clock)
    lasts_s = seconds_between(register.start, register.end)
    yield from (register.start + timedelta(seconds=duration) for duration in where.durations_s if duration < lasts_s)
    yield from (whole_second(stretch.start) for stretch in session.stretches)


def _energy_cuts(register: Register, where: Boundaries) -> set[Cut]:
    first, last = register.first[1], register.last[1]
    return {register.reaches(first + energy) for energy in where.energies_wh if 0 < energy <= last - first}


def _period(session: ChargingSession, first: Cut, since: Cut, until: Cut, site: ZoneInfo) -> Period:
    start, register_wh = since
    moment = Moment(start.astimezone(site), register_wh - first[1], (start - first[0]) // ONE_SECOND)
    activity = _activity(session, start)
    return Period(start=start, end=until[0], activity=activity, energy_wh=until[1] - register_wh, moment=moment)


def _activity(session: ChargingSession, at: datetime) -> Activity:
    """Of stretches that begin in the same second the last counts."""
    assert session.stretches or session.start == session.end, "the stretches do not cover the session"
    begun = bisect_left(session.stretches, at + ONE_SECOND, key=_START)
    return session.stretches[max(begun - 1, 0)].activity if session.stretches else Activity.WAITING
