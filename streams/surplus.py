"""What was told of a session beside what it is made of: findings that inform, and whether it has two ends.

The same is found whether it came before the session was concluded or after.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from streams.meter_curve import ROUNDING_WH
from streams.qualities import Disputed, tells_another
from streams.registers import EXPORTS, Register, last_of, registers
from streams.session_names import SessionEvent
from streams.stretches import TELLING_STATUSES
from vocabulary.charging import (
    DEAUTHORISED,
    ConnectorStatusChanged,
    MeterSampled,
    Sample,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.identity import SessionId
from vocabulary.rules import asks_persons, checks_records, has_doubts, keeps_circumstances
from vocabulary.sessions import Finding, SessionClosed, SessionFlagged

if TYPE_CHECKING:
    from streams.said import End, Said
    from streams.sessions import Closed, Gathering

_SAME_TIME = timedelta(seconds=1)  # a simulator that was stopped while it stopped told the same end a millisecond later
TOLD_APART = 16  # digits of an event's identity: enough to see that one number was used for two contents


def surplus(state: "Gathering", end: "End") -> tuple[SessionFlagged, ...]:
    """Findings about what was gathered beside the session."""
    assert state.start is not None
    found = [second_end(state.session, end, other) for other in state.ends if other.event != end.event]
    ends, used = {e.event[:TOLD_APART] for e in state.ends}, {end.seq}
    numbered = sorted((said.seq, said.event) for said in state.said if said.seq is not None and said.event not in ends)
    for seq, _ in numbered:
        if seq in used or seq < (state.start.seq or 0) or seq > (end.seq or 0):
            found.append(_misplaced(state.session, end, seq))
        used.add(seq)
    return tuple(found)


def late(state: "Closed", event: "SessionEvent", rules: int) -> tuple[SessionFlagged, ...]:
    """What an event means that came after its session was concluded. A second end is judged by `second_end`."""
    match event:
        case TransactionStarted() if event.at > state.end.at and event.seq is not None:
            detail = f"seqNo {event.seq}: another start at {event.at.isoformat()}, after the end at {state.end.at.isoformat()}"
            return (_flag(state.session, Finding.SEQUENCE_CONFLICT, detail),)
        case TransactionStarted() | TransactionUpdated() if event.seq is not None:
            return (_misplaced(state.session, state.end, event.seq),)
        case MeterSampled() if event.signed or any(state.start <= r.at <= state.end.at for r in _told(event.samples, rules)):
            return (_flag(state.session, Finding.FACT_AFTER_CLOSE, "MeterValues"),)
        case ConnectorStatusChanged() if event.status in TELLING_STATUSES and state.start <= event.at < state.end.at:
            return (_flag(state.session, Finding.FACT_AFTER_CLOSE, f"status {event.status} of {event.at.isoformat()}"),)
        case TransactionEnded():
            raise AssertionError("an end that came late is a second end")
        case _:
            return ()


def _told(samples: Sequence[Sample], rules: int) -> tuple[Register, ...]:
    """Of what was delivered, and of what was fed back, which older rules did not look at."""
    fed_back = registers(samples, EXPORTS) if keeps_circumstances(rules) else ()
    return (*registers(samples), *fed_back)


def dispute_late(state: "Closed", event: "SessionEvent", found: tuple[SessionFlagged, ...], rules: int) -> Disputed | None:
    """What these findings about a message that came late have against the session."""
    if state.is_overruled or not found:
        return None
    if conflict := numbers_conflict(found):
        return Disputed(state.session, finding=conflict)
    is_lacking = asks_persons(rules) and not state.lacks_some and _tells_of_the_time_between(state, event, rules)
    # 2.x ends with the last number: what comes behind it is of no transaction, in whatever order it comes
    signed = event.signed if checks_records(rules) and isinstance(event, MeterSampled) else ()
    return Disputed(state.session, is_incomplete=is_lacking, signed=signed) if is_lacking or signed else None


def _tells_of_the_time_between(state: "Closed", event: "SessionEvent", rules: int) -> bool:
    match event:
        case MeterSampled():
            return any(state.start < register.at < state.end.at for register in _told(event.samples, rules))
        case _:
            return isinstance(event, ConnectorStatusChanged)


def numbers_conflict(found: tuple[SessionFlagged, ...]) -> Finding | None:
    """Why the session is to be held, where a number was told twice: which of the two came first decides nothing."""
    return next((each.finding for each in found if each.finding is Finding.SEQUENCE_CONFLICT), None)


def second_end(session: SessionId, first: "End", other: "End") -> SessionFlagged:
    if (first.at, first.meter_wh) == (other.at, other.meter_wh):
        return _flag(session, Finding.SECOND_END, f"both at {_told_end(first)}")
    return _flag(session, Finding.SECOND_END, f"ends {_told_end(first)} and {_told_end(other)}")


def told_of(state: "Gathering", end: "End", counted: Sequence["Said"], rules: int) -> list[Register]:
    """The registers of what counts for the session, but for those in the message of another end: they are of that end, though a
    sample from its time would be the last.
    """
    return [register for said in of_this_end(state, end, counted, rules) for register in said.registers]


def of_this_end(state: "Gathering", end: "End", counted: Sequence["Said"], rules: int) -> list["Said"]:
    """What counts for the session, but for the message of another end."""
    others = {other.event[:TOLD_APART] for other in state.ends if has_doubts(rules) and end.event not in ("", other.event)}
    return [said for said in counted if said.event not in others]


def differ(first: "End", other: "End") -> bool:
    """Whether two ends tell two sessions: in time or in the register, by more than one message is told in two ways; or whether
    one of them alone says that the token was refused.
    """
    if abs(first.at - other.at) > _SAME_TIME or (first.reason == DEAUTHORISED) is not (other.reason == DEAUTHORISED):
        return True
    if first.meter_wh is None or other.meter_wh is None:
        return first.meter_wh is not other.meter_wh
    return abs(first.meter_wh - other.meter_wh) > ROUNDING_WH


def dispute_of(state: "Closed", other: "End", event: TransactionEnded) -> Disputed | None:
    """What a second end that came after its session was concluded has against it; `Disputed` says when it does."""
    if state.is_overruled:
        return None
    is_anew, last = Finding.SECOND_END in state.waived, last_of(registers(event.samples))
    if differ(state.end, other):
        return Disputed(state.session, is_anew=is_anew)
    if last or event.signed:
        return Disputed(state.session, last.wh if last else None, bool(event.signed), is_anew=is_anew)
    return None


def ends_twice(state: "Gathering", end: "End", closed: SessionClosed) -> bool:
    """Whether another end that was told is another than the one by which the session closed."""
    others = [other for other in state.ends if other.event != end.event]
    return any(differ(end, other) or _ends_elsewhere(state, other, closed) for other in others)


def _ends_elsewhere(state: "Gathering", other: "End", closed: SessionClosed) -> bool:
    """Whether the message of another end tells another last register value (2.x tells it among the samples), or signs one."""
    said = [said for said in state.said if said.event == other.event[:TOLD_APART]]
    last = last_of([register for each in said for register in each.registers])
    is_signed = any(each.signed for each in said)
    if last is None and not is_signed:
        return False
    return tells_another(closed.session, Disputed(state.session, last.wh if last else None, is_signed))


def _misplaced(session: SessionId, end: "End", seq: int) -> SessionFlagged:
    """A message with a number that is none of the session's, or that another message of it has."""
    after = end.seq is not None and seq > end.seq
    return _flag(session, Finding.FACT_AFTER_CLOSE if after else Finding.SEQUENCE_CONFLICT, f"seqNo {seq}")


def _told_end(end: "End") -> str:
    return end.at.isoformat() + ("" if end.meter_wh is None else f" with {end.meter_wh} Wh")


def _flag(session: SessionId, finding: Finding, detail: str) -> SessionFlagged:
    return SessionFlagged(session=session, finding=finding, detail=detail)
