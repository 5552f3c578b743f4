"""A session step that can be taken back: an end by which a 1.6 session closed may turn out to be another session's.

Gathering ── an end that may be another one's ──▶ Closed, and what it was before ── EndTakenBack ──▶ Gathering, held
"""

from datetime import datetime

from msgspec import structs

from streams import sessions
from streams.qualities import ABOUT_ENDS, Disputed, asked_anew
from streams.session_names import EndTakenBack, SessionEvent
from streams.sessions import Closed, Gathering, SessionOutcome, SessionState, gather
from streams.step import Step
from vocabulary.charging import TransactionEnded
from vocabulary.codec import event_id
from vocabulary.identity import EventId
from vocabulary.rules import RULES
from vocabulary.sessions import Finding


def step(
    state: SessionState,
    event: SessionEvent | EndTakenBack,
    identity: EventId | None = None,
    ticked: datetime | None = None,
    rules: int = RULES,
    may_be_another: bool = False,
) -> Step[SessionState, SessionOutcome]:
    """As `streams.sessions.step`. `may_be_another`: the event is an end that may be taken back."""
    if isinstance(event, EndTakenBack):
        return _taken_back(state) if isinstance(state, Closed) else Step(state)
    if isinstance(state, Closed) and isinstance(event, TransactionEnded) and (identity or event_id(event)) == state.end.event:
        return Step(state)  # it was taken back, and is the session's after all
    after = sessions.step(state, event, identity, ticked, rules)
    if not isinstance(after.state, Closed):
        return after
    if isinstance(state, Gathering):
        before = structs.replace(state, revision=state.revision + 1) if may_be_another else None
    elif state.reopens is not None:
        disputes = sum(isinstance(outcome, Disputed) for outcome in after.out)
        told = state.reopens if isinstance(event, TransactionEnded) else gather(state.reopens, event, identity, rules)
        before = structs.replace(told, revision=told.revision + disputes)
    else:
        return after
    return after if before is None else Step(structs.replace(after.state, reopens=before), after.out)


def _taken_back(state: Closed) -> Step[SessionState, SessionOutcome]:
    """The session without its ends, held until another one is told. What was told meanwhile is kept, but for further ends."""
    waived, is_anew = asked_anew(state.waived), any(finding in state.waived for finding in ABOUT_ENDS)
    dispute = Disputed(state.session, finding=Finding.END_OF_ANOTHER, is_anew=is_anew)
    if state.reopens is None:
        return Step(structs.replace(state, waived=waived), (dispute,))
    before = state.reopens
    before = structs.replace(before, waived=waived, dropped=state.dropped, concluded_on=len(before.said))
    return Step(structs.replace(before, revision=before.revision + 1), (dispute,))
