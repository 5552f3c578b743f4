"""Whether what a session costs depends on when its energy came, where nobody measured that.

Between two readings the rating takes energy to come evenly. Where they are far apart and the price changes in between, that is
a guess: the session is priced as if all of that energy had come at once, at the beginning and at the end of the time between,
and where that makes another amount, a person looks at it.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from msgspec import structs

from streams.circumstances import SILENCE_MAX
from vocabulary.quantities import ONE_SECOND
from vocabulary.sessions import Activity, ChargingSession, Reading


def otherwise(session: ChargingSession) -> tuple[ChargingSession, ...]:
    """The session with its energy as early and as late as its readings allow; nothing where they are close enough."""
    if not any(_is_far(session, before, after) for before, after in pairwise(session.readings)):
        return ()
    return tuple(structs.replace(session, readings=tuple(_moved(session, is_early))) for is_early in (True, False))


def _moved(session: ChargingSession, is_early: bool) -> Iterator[Reading]:
    """In the second after the reading before, or the one before the next: where both stand it is measured."""
    yield session.readings[0]
    for before, after in pairwise(session.readings):
        if _is_far(session, before, after):
            within = max(before.at, session.start), min(after.at, session.end)
            if is_early:
                yield Reading(at=within[0] + ONE_SECOND, register_wh=after.register_wh)
            else:
                yield Reading(at=within[1] - ONE_SECOND, register_wh=before.register_wh)
        yield after


def _is_far(session: ChargingSession, before: Reading, after: Reading) -> bool:
    return before.register_wh < after.register_wh and _charging(session, before, after) > SILENCE_MAX


def _charging(session: ChargingSession, before: Reading, after: Reading) -> timedelta:
    """For how long of the time between it was charging, or how long that was if it never was."""
    since, until = max(before.at, session.start), min(after.at, session.end)
    charging = [each for each in session.stretches if each.activity is Activity.CHARGING]
    parts = (min(each.end, until) - max(each.start, since) for each in charging if each.start < until and since < each.end)
    return sum(parts, timedelta()) or until - since
