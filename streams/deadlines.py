"""What a session is concluded from when what is missing of it did not come in time.

Time is that of ticks, which are events; a session was last heard at the last tick before its last message. One that was never
heard under a tick (it was told before the clock ever ticked, or by an import) has its messages' own times for that.

    start, end, a gap    after `Deadlines.gap`   closed with quality gap: the registers at both ends suffice for the energy
    start, no end        after `Deadlines.end`   closed as estimated: ends with the last register value, and is held
    start, and an end    after `Deadlines.gap`   a station that counts anew on the way: ends where the end tells, by its time,
    with a lower seqNo                           and is held
    no start             never                   it stays on the worklist: who charges, and since when, is not known

The session goes on gathering, and is concluded again by the message that makes it whole, or by a later tick if more was told.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec import structs

from streams.catalogue import Deadlines
from streams.qualities import closed_as
from streams.said import End
from streams.sessions import Gathering, SessionOutcome, SessionState, concluded, end_of, ended_at
from streams.step import Step
from vocabulary.rules import DOUBTS, RULES
from vocabulary.sessions import Finding, Quality, SessionClosed, SessionFlagged

_NEVER = datetime.min.replace(tzinfo=UTC)


def conclude_overdue(
    state: Gathering, at: datetime, deadlines: Deadlines, rules: int = RULES
) -> Step[Gathering, SessionOutcome] | None:
    """What follows from a tick at that time; None: nothing is overdue. Where no rules that know deadlines were adopted, the
    first of these hold.
    """
    rules = max(rules, DOUBTS)
    end = end_of(state) or _end_of_new_count(state)
    if (
        state.dropped
        or state.start is None
        or state.concluded_on == len(state.said)
        or at - _heard(state) < _deadline(end, deadlines)
    ):
        return None
    if end is None:
        out = _estimated(state, rules)
    elif end_of(state) is None:
        out = _counted_anew(state, end, rules)
    else:
        out = concluded(state, end, Quality.GAP, rules)
    has_closed = any(isinstance(each, SessionClosed) for each in out)
    after = structs.replace(state, revision=state.revision + has_closed, concluded_on=len(state.said))
    return Step(after, out)


def by_start(state: SessionState | None) -> datetime:
    """In this order a tick concludes: of two sessions of one EVSE the earlier one's register goes before the later one's."""
    return state.start.at if isinstance(state, Gathering) and state.start else _NEVER


def heard_at(state: SessionState | None, at: datetime) -> datetime:
    """What the index is to say of a session that is not overdue at that time: never later than then."""
    if not isinstance(state, Gathering) or state.start is None or state.concluded_on == len(state.said):
        return at  # no deadline concerns it now: it is looked at again in a while
    return min(_heard(state), at)


def _heard(state: Gathering) -> datetime:
    return state.heard or _last_told(state)


def _deadline(end: End | None, deadlines: Deadlines) -> timedelta:
    return deadlines.end if end is None else deadlines.gap


def _estimated(state: Gathering, rules: int) -> tuple[SessionOutcome, ...]:
    """As if it had ended with the last register value after its start; or (1.6) where the next session on the connector began,
    if the register stood higher there.
    """
    assert state.start is not None
    began = (state.start.at, state.start.meter_wh or Decimal(0))
    told = [(r.at, r.wh) for said in state.said for r in said.registers if r.at > state.start.at]
    at, wh = max(told, default=began)
    if state.followed is not None and state.followed[0] > at and state.followed[1] > wh:
        at = state.followed[0]
        outcome = ended_at(state, at, state.followed[1], rules)
    else:
        outcome = ended_at(state, at if told else _last_told(state), rules=rules)
    if not isinstance(outcome, SessionClosed):
        return (outcome,)
    detail = f"the last register value is of {at.isoformat()}"
    flagged = SessionFlagged(session=state.session, finding=Finding.NO_END, detail=detail)
    return closed_as(outcome, state.revision, Quality.ESTIMATED, Finding.NO_END), flagged


def _end_of_new_count(state: Gathering) -> End | None:
    """An end that is later than the start, under a lower number, where none has a higher one: then times order them."""
    later = (end for end in state.ends if state.start is not None and end.at >= state.start.at)
    return min(later, key=lambda end: (end.at, end.event), default=None)


def _counted_anew(state: Gathering, end: End, rules: int) -> tuple[SessionOutcome, ...]:
    """All that was said counts, by its time, whatever its number."""
    assert state.start is not None
    outcome = ended_at(state, end.at, end.meter_wh, rules, end.reason)
    if not isinstance(outcome, SessionClosed):
        return (outcome,)
    detail = f"the start has seqNo {state.start.seq}, the end {end.seq}"
    flagged = SessionFlagged(session=state.session, finding=Finding.SEQUENCE_CONFLICT, detail=detail)
    return closed_as(outcome, state.revision, Quality.DISPUTED, Finding.SEQUENCE_CONFLICT), flagged


def _last_told(state: Gathering) -> datetime:
    """The latest instant that anything said of it names."""
    assert state.start is not None
    instants = [state.start.at, *(end.at for end in state.ends)]
    for said in state.said:
        instants += [register.at for register in said.registers]
        instants += [said.told.at] if said.told is not None else []
    return max(instants)
