"""Whether what a session costs depends on when its energy came, where nobody measured that.

Between two readings the rating takes energy to come evenly. Where they are far apart and the price changes in between, that is
a guess: the session is priced as if all of that energy had come at once, at one moment after the other of the time between,
and where one of them makes another amount, a person looks at it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import structs

from streams.circumstances import SILENCE_MAX
from vocabulary.quantities import ONE_SECOND
from vocabulary.sessions import ChargingSession, Reading, exported_of

_STEP = timedelta(minutes=15)  # windows of prices are seldom shorter
_MOMENTS = 48  # of a longer time so many, evenly
_GAPS = 24


def otherwise(session: ChargingSession, near: timedelta = SILENCE_MAX, gaps: int = _GAPS) -> Iterator[ChargingSession]:
    """The session with the energy between two readings, or what it fed back, at one moment; nothing where they are near."""
    yield from (structs.replace(session, readings=each) for each in _moved(session, session.readings, near, gaps))
    yield from (structs.replace(session, exported=each) for each in _moved(session, exported_of(session), near, gaps))


def _moved(session: ChargingSession, readings: Sequence[Reading], near: timedelta, gaps: int) -> Iterator[tuple[Reading, ...]]:
    far = [place for place, pair in enumerate(pairwise(readings), start=1) if _is_far(session, *pair, near)]
    for place in far[:gaps]:
        before, after = readings[place - 1], readings[place]
        for at in _moments(*_between(session, before, after)):
            at_once = (
                Reading(at=at, register_wh=before.register_wh),
                Reading(at=at + ONE_SECOND, register_wh=after.register_wh),
            )
            yield (*readings[:place], *at_once, *readings[place:])


def _moments(since: datetime, until: datetime) -> Iterator[datetime]:
    """From the first second between to the last one, so that both readings stand where they were."""
    step = max(_STEP, (until - since) / _MOMENTS)
    at = since
    while at < until - 2 * ONE_SECOND:
        yield at
        at += step
    yield until - 2 * ONE_SECOND


def _between(session: ChargingSession, before: Reading, after: Reading) -> tuple[datetime, datetime]:
    return max(before.at, session.start), min(after.at, session.end)


def _is_far(session: ChargingSession, before: Reading, after: Reading, near: timedelta) -> bool:
    since, until = _between(session, before, after)
    return before.register_wh < after.register_wh and until - since > near
