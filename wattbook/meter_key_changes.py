"""Register and revoke meter keys: the fact is published, and what became of the sessions that are held at the EVSE is told."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.catalogue import Catalogue
from streams.late_keys import evse_of
from streams.states import SessionRow
from vocabulary.codec import ReferenceFact, as_plain
from vocabulary.identity import SessionId
from vocabulary.reference import MeterKeyPublished, RulesAdopted, plain_evse_id
from vocabulary.rules import RULES
from vocabulary.sessions import Finding, Progress
from wattbook.fact_keys import key_of
from wattbook.trusted_keys import fingerprint_of
from wattbook.wiring import App

Publish = Callable[[Sequence[ReferenceFact]], int]


class StillWaits(NamedTuple):
    session: SessionId
    finding: Finding | None


class Rechecked(NamedTuple):
    """Of the sessions that were held at the EVSE: which are billed now, and which wait still. `is_done` False: workers, or a
    server that is behind, check them when they come to it.
    """

    billable: tuple[SessionId, ...]
    waiting: tuple[StillWaits, ...]
    is_done: bool = True


def publish_key(app: App, fact: MeterKeyPublished, publish: Publish | None = None) -> Rechecked:
    """`publish`: how facts are published and taken up where something else is at work on the database."""
    held = [row.session for row in held_at(app, fact.evse_id)]
    (publish or _publisher(app))([RulesAdopted(number=RULES), fact])
    with app.reading() as store:
        rows = store.states.rows(held)
    billable = tuple(session for session in held if rows[session].progress is Progress.RATED)
    waiting = tuple(StillWaits(session, rows[session].finding) for session in held if session not in billable)
    return Rechecked(billable, waiting, is_done=app.runtime.concludes_at_once)


def as_answer(fact: MeterKeyPublished | None, found: Rechecked | None) -> dict[str, object]:
    """What a program is told. `fact` None: nothing was to be done."""
    if fact is None or found is None:
        return {"key": None, "new": False, "sessions": {"checked": 0, "billable": [], "held": [], "done": True}}
    key = {"evse_id": fact.evse_id, **as_plain(fact.key), "fingerprint": fingerprint_of(fact.key)}
    key |= {"revoked": fact.revoked} if fact.revoked else {}
    held = [each._asdict() for each in found.waiting]
    checked = len(found.billable) + len(held)
    sessions = {"checked": checked, "billable": found.billable, "held": held, "done": found.is_done}
    return {"key": key, "new": True, "sessions": sessions}


def held_at(app: App, evse_id: str) -> list[SessionRow]:
    """Sessions of the EVSE whose amount is held, in all lanes, the newest first."""
    catalogue: Catalogue = app.runtime.catalogue()
    with app.reading() as store:
        return [
            row
            for row in store.states.flagged()
            if row.progress is Progress.HELD and evse_of(row, catalogue) == plain_evse_id(evse_id)
        ]


def _publisher(app: App) -> Publish:
    def publish(facts: Sequence[ReferenceFact]) -> int:
        new = app.runtime.publish(facts, key_of)
        app.runtime.pump()
        return new

    return publish
