"""What was told of a session beside what it is made of: findings that inform, and whether it has two ends.

The same is found whether it came before the session was concluded or after.
"""

from typing import TYPE_CHECKING

from streams.registers import registers
from streams.stretches import TELLING_STATUSES
from vocabulary.charging import ConnectorStatusChanged, MeterSampled, TransactionEnded, TransactionStarted, TransactionUpdated
from vocabulary.identity import SessionId
from vocabulary.sessions import Finding, SessionFlagged

if TYPE_CHECKING:
    from streams.sessions import Closed, End, Gathering, SessionEvent

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


def late(state: "Closed", event: "SessionEvent") -> tuple[SessionFlagged, ...]:
    """What an event means that came after its session was concluded. A second end is judged by `second_end`."""
    match event:
        case TransactionStarted() | TransactionUpdated() if event.seq is not None:
            return (_misplaced(state.session, state.end, event.seq),)
        case MeterSampled() if event.signed or any(state.start <= r.at <= state.end.at for r in registers(event.samples)):
            return (_flag(state.session, Finding.FACT_AFTER_CLOSE, "MeterValues"),)
        case ConnectorStatusChanged() if event.status in TELLING_STATUSES and state.start <= event.at < state.end.at:
            return (_flag(state.session, Finding.FACT_AFTER_CLOSE, f"status {event.status} of {event.at.isoformat()}"),)
        case TransactionEnded():
            raise AssertionError("an end that came late is a second end")
        case _:
            return ()


def second_end(session: SessionId, first: "End", other: "End") -> SessionFlagged:
    if not differ(first, other):
        return _flag(session, Finding.SECOND_END, f"both at {_told_end(first)}")
    return _flag(session, Finding.SECOND_END, f"ends {_told_end(first)} and {_told_end(other)}")


def differ(first: "End", other: "End") -> bool:
    """Whether two ends tell two sessions: in time or in the register."""
    return (first.at, first.meter_wh) != (other.at, other.meter_wh)


def _misplaced(session: SessionId, end: "End", seq: int) -> SessionFlagged:
    """A message with a number that is none of the session's, or that another message of it has."""
    after = end.seq is not None and seq > end.seq
    return _flag(session, Finding.FACT_AFTER_CLOSE if after else Finding.SEQUENCE_CONFLICT, f"seqNo {seq}")


def _told_end(end: "End") -> str:
    return end.at.isoformat() + ("" if end.meter_wh is None else f" with {end.meter_wh} Wh")


def _flag(session: SessionId, finding: Finding, detail: str) -> SessionFlagged:
    return SessionFlagged(session=session, finding=finding, detail=detail)
