"""What a session costs, while it runs and when it has ended: asked by the desk, by the demo, by tests.

Both come from the one calculator, `tariffs.rate`; the final cost is the one that was recorded, and is the invoice's.
"""

from datetime import datetime
from typing import NamedTuple

from streams.catalogue import Catalogue
from streams.memory import Memory
from streams.rating import running_cost
from streams.sessions import Closed, so_far
from vocabulary.identity import SessionId
from vocabulary.rated import Rated
from vocabulary.sessions import ChargingSession
from wattbook.conclusions import dossier
from wattbook.wiring import Store


class Cost(NamedTuple):
    """`session` is the session so far, or the closed one; `final` says which."""

    rated: Rated
    session: ChargingSession
    final: bool


def cost_of(
    store: Store, catalogue: Catalogue, session: SessionId, until: datetime | None = None, memory: Memory | None = None
) -> Cost | None:
    """The cost of a session, up to the last thing said or `until`. None: not known, which is not the same as free.

    `memory`: what is known of the store's states already.
    """
    state = (memory or Memory()).session(session, store.states)
    match state:
        case None:
            return None
        case Closed():
            return final_cost(store, session)
        case _:
            running = so_far(state, until)
            rated = None if running is None else running_cost(running, catalogue)
            return None if running is None or rated is None else Cost(rated, running, final=False)


def final_cost(store: Store, session: SessionId) -> Cost | None:
    """What was recorded when the session had ended. None: it was not rated, or not yet."""
    row = store.states.rows((session,)).get(session)
    if row is None:
        return None
    found = dossier(store, row)
    return Cost(found.rated.rated, found.session, final=True) if found.rated and found.session else None
