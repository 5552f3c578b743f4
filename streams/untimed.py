"""Whether what a session costs depends on when its energy came, where nobody measured that.

Between two readings the rating takes energy to come evenly. Where they are far apart and the price changes in between, that is
a guess: the session is priced as if all of that energy had come at once, at the beginning and at the end of the time between,
and where that makes another amount, a person looks at it.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from msgspec import structs

from streams.circumstances import SILENCE_MAX
from vocabulary.quantities import ONE_SECOND
from vocabulary.sessions import Activity, ChargingSession, Reading


def otherwise(session: ChargingSession) -> Iterator[ChargingSession]:
    """The session with its energy, and with what it fed back, as early and as late as their readings allow; nothing where these
    are close enough.
    """
    if _are_far(session, session.readings):
        yield from (structs.replace(session, readings=each) for each in _moved(session, session.readings))
    if isinstance(session.exported, tuple) and _are_far(session, session.exported):
        yield from (structs.replace(session, exported=each) for each in _moved(session, session.exported))


def _moved(session: ChargingSession, readings: Sequence[Reading]) -> tuple[tuple[Reading, ...], tuple[Reading, ...]]:
    """In the second after the reading before, and in the one before the next: where both stand it is measured."""
    early, late = [readings[0]], [readings[0]]
    for before, after in pairwise(readings):
        if _is_far(session, before, after):
            since, until = max(before.at, session.start), min(after.at, session.end)
            early.append(Reading(at=since + ONE_SECOND, register_wh=after.register_wh))
            late.append(Reading(at=until - ONE_SECOND, register_wh=before.register_wh))
        early.append(after)
        late.append(after)
    return tuple(early), tuple(late)


def _are_far(session: ChargingSession, readings: Sequence[Reading]) -> bool:
    return any(_is_far(session, before, after) for before, after in pairwise(readings))


def _is_far(session: ChargingSession, before: Reading, after: Reading) -> bool:
    return before.register_wh < after.register_wh and _charging(session, before, after) > SILENCE_MAX


def _charging(session: ChargingSession, before: Reading, after: Reading) -> timedelta:
    """For how long of the time between it was charging, or how long that was if it never was."""
    since, until = max(before.at, session.start), min(after.at, session.end)
    charging = [each for each in session.stretches if each.activity is Activity.CHARGING]
    parts = (min(each.end, until) - max(each.start, since) for each in charging if each.start < until and since < each.end)
    return sum(parts, timedelta()) or until - since
