"""What is kept of a 1.6 station: its sessions as far as assigning needs them, and what waits for one.

The newest last, each bounded: a station's state does not grow with its history.
"""

from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from msgspec import Struct, structs

from streams.answered import WAITING, Answer, Asked, Start
from streams.session_names import EndTakenBack, SessionEvent
from vocabulary.charging import ClockCompared, MeterSampled, TransactionEnded
from vocabulary.codec import event_id
from vocabulary.identity import SessionId, TransactionId, content_id
from vocabulary.rules import keeps_facts
from vocabulary.sessions import Finding, SessionFlagged, SessionMerged

# How many a station's state keeps of each; the newest stay. A session that runs for ever is one whose stop was lost.
STATUSES, RUNNING, ENDED, ORPHANS = 32, 64, 8, 64

T = TypeVar("T")
_NEVER = datetime.min.replace(tzinfo=UTC)


class Status(Struct, frozen=True, gc=False, array_like=True):
    """A status that may be told to a session that is still to come."""

    connector: int
    at: datetime
    word: str


class OnConnector(Struct, frozen=True, gc=False, array_like=True):
    """A session as far as assigning needs it. `transaction` None: the CSMS's answer has not been seen. `is_sure` False: it was,
    but came so long after the start that it may be another one's. `is_answered`: it was, and is sure. `ends`: what it
    has, in the order of the log; `is_guess`: its transaction is known by the first of them alone.
    """

    session: SessionId
    connector: int
    start: datetime
    transaction: TransactionId | None
    ended: bool
    is_sure: bool = True
    is_answered: bool = False
    ends: tuple[TransactionEnded, ...] = ()
    is_guess: bool = False


Orphan = MeterSampled | TransactionEnded | ClockCompared


class StationState(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag="station"):
    """The newest last, each bounded: a station's state does not grow with its history."""

    requests: tuple[tuple[str, SessionId], ...] = ()  # by the first two rules
    asked: Asked = ()
    starts: tuple[Start, ...] = ()
    answers: tuple[Answer, ...] = ()
    sessions: tuple[OnConnector, ...] = ()
    statuses: tuple[Status, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    dropped: tuple[SessionId, ...] = ()  # ends without a start of which a person decided that nothing is billed


class EndWasDropped(NamedTuple):
    """The start of an end for which nothing is billed came after all: nothing is billed for the session either."""

    session: SessionId


class Assigned(NamedTuple):
    """An event and its session. `may_be_another`: an end that may be taken back: no answer gave the session its transaction."""

    session: SessionId
    event: SessionEvent | EndTakenBack
    may_be_another: bool = False


Outcome = Assigned | EndWasDropped | SessionFlagged | SessionMerged


def changed(
    state: StationState, session: SessionId, **change: tuple[TransactionEnded, ...] | TransactionId | bool | None
) -> StationState:
    sessions = tuple(structs.replace(s, **change) if s.session == session else s for s in state.sessions)
    return structs.replace(state, sessions=sessions)


def is_over(state: StationState, session: OnConnector, at: datetime) -> bool:
    """Whether another session had begun on its connector by then."""
    connector, start = session.connector, session.start
    return any(s.connector == connector and start < s.start <= at for s in state.sessions)


def with_orphan(state: StationState, event: Orphan, rules: int) -> StationState:
    """The newest of each kind are kept, so that no number of samples pushes out an end; and as many ends as starts may wait."""
    others = tuple(orphan for orphan in state.orphans if type(orphan) is not type(event))
    same = tuple(orphan for orphan in state.orphans if type(orphan) is type(event))
    most = WAITING if keeps_facts(rules) and not isinstance(event, MeterSampled) else ORPHANS
    return structs.replace(state, orphans=others + last(same, event, most))


def without_start(event: TransactionEnded) -> SessionFlagged:
    detail = f"transaction {event.transaction}, {event.at.isoformat()}"
    return SessionFlagged(session=lost_session(event), finding=Finding.END_WITHOUT_START, detail=detail)


def lost_session(event: TransactionEnded) -> SessionId:
    """What an end without a start is known by: the end itself, since its transaction id may be used again."""
    return SessionId(content_id("session without start", event_id(event)))


def time_of(event: Orphan) -> datetime:
    """The latest instant that a message speaks of."""
    if isinstance(event, TransactionEnded | ClockCompared):
        return event.at
    return max([sample.at for sample in event.samples] + [value.at for value in event.signed], default=_NEVER)


def last(items: tuple[T, ...], item: T, most: int) -> tuple[T, ...]:
    return (*items, item)[-most:]
