"""Give each event of a 1.6 station the session it belongs to.

A 1.6 StartTransaction has no id; the CSMS's answer gives one, StopTransaction names only that, MeterValues may name it or
the connector, StatusNotification only the connector. What a station is in the middle of is kept here, so that each of these
finds its session; 2.x events name their transaction and need none of this.

    StartTransaction (message m) ── opens session s on its connector; m -> s; what ran there without an end is told of it
    CALLRESULT of m: T           ── T -> s; which start m carried is known before (`streams.answered`)
    MeterValues (T or connector) ── to s
    StatusNotification           ── to the session on the connector; kept for one that is still to come: it may overtake
    StopTransaction (T)          ── to s; without a start: a finding, kept until the start comes

T means nothing by itself: CSMSs give 0 again and again, and a station whose start was never answered says -1 (errata v4.0
3.18). So a message goes to what runs at its time: to the session of that T, else to the one whose T is not known; only then
to one that ended. Of two that it may mean it goes to none.
"""

from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from msgspec import Struct, structs

from streams.answered import REQUESTS, Asked, start_under, with_request
from streams.session_names import SessionEvent, session_id, session_of_start
from streams.step import Step
from streams.stretches import TELLING_STATUSES
from vocabulary.charging import (
    ClockCompared,
    ConnectorStatusChanged,
    MeterSampled,
    StartAnswered,
    StartRequested,
    TransactionEnded,
    TransactionStarted,
)
from vocabulary.codec import event_id
from vocabulary.identity import SessionId, TransactionId, content_id
from vocabulary.rules import RULES, has_doubts, keeps_facts
from vocabulary.sessions import Finding, SessionFlagged, SessionMerged

# How many a station's state keeps of each; the newest stay. A session that runs for ever is one whose stop was lost.
STATUSES, RUNNING, ENDED, ORPHANS = 32, 64, 8, 64

T = TypeVar("T")
_MEANINGLESS = ("0", "-1")  # some stations say 0 whatever they were given; one that missed the answer says -1
_NEVER = datetime.min.replace(tzinfo=UTC)


class Status(Struct, frozen=True, gc=False, array_like=True):
    """A status that may be told to a session that is still to come."""

    connector: int
    at: datetime
    word: str


class OnConnector(Struct, frozen=True, gc=False, array_like=True):
    """A session as far as assigning needs it. `transaction` None: the CSMS's answer has not been seen."""

    session: SessionId
    connector: int
    start: datetime
    transaction: TransactionId | None
    ended: bool


Orphan = MeterSampled | TransactionEnded | ClockCompared


class StationState(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag="station"):
    """The newest last, each bounded: a station's state does not grow with its history."""

    requests: tuple[tuple[str, SessionId], ...] = ()  # by the first two rules
    asked: Asked = ()
    sessions: tuple[OnConnector, ...] = ()
    statuses: tuple[Status, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    dropped: tuple[SessionId, ...] = ()  # ends without a start of which a person decided that nothing is billed


class EndWasDropped(NamedTuple):
    """The start of an end for which nothing is billed came after all: nothing is billed for the session either."""

    session: SessionId


class Assigned(NamedTuple):
    """An event and its session."""

    session: SessionId
    event: SessionEvent


StationEvent = (
    TransactionStarted
    | StartRequested
    | StartAnswered
    | MeterSampled
    | ConnectorStatusChanged
    | TransactionEnded
    | ClockCompared
)
Outcome = Assigned | EndWasDropped | SessionFlagged | SessionMerged


def step(state: StationState, event: StationEvent, rules: int = RULES) -> Step[StationState, Outcome]:
    """One event of one 1.6 station."""
    match event:
        case TransactionStarted():
            return _started(state, event)
        case StartRequested():
            if keeps_facts(rules):
                return Step(_with_asked(state, event))
            request = (event.message_id, session_of_start(event.start))
            return Step(structs.replace(state, requests=_last(state.requests, request, REQUESTS)))
        case StartAnswered():
            return _answered(state, event)
        case MeterSampled():
            return _sampled(state, event, rules)
        case ConnectorStatusChanged():
            return _status(state, event)
        case TransactionEnded():
            return _ended(state, event, rules)
        case ClockCompared():
            return _compared(state, event, rules)


def _started(state: StationState, event: TransactionStarted) -> Step[StationState, Outcome]:
    """The session, and the statuses of its connector that overtook it."""
    opened = OnConnector(session_id(event), event.evse or 0, event.at, None, False)
    overtook = [s for s in state.statuses if s.connector == opened.connector and s.at >= event.at]
    running = [s for s in _current(state, event.at) if s.connector == opened.connector and s.start < event.at]
    out = (
        *(Assigned(s.session, event) for s in running),  # where its meter stood next, if its own end never comes
        Assigned(opened.session, event),
        *(Assigned(opened.session, _event_of(s, event)) for s in overtook),
    )
    return Step(structs.replace(state, sessions=_kept((*state.sessions, opened))), out)


def _event_of(status: Status, start: TransactionStarted) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(
        station=start.station, protocol=start.protocol, evse=status.connector, at=status.at, status=status.word
    )


def _answered(state: StationState, event: StartAnswered) -> Step[StationState, Outcome]:
    """The transaction's id is known: later messages find the session by it, and orphans that waited for it come home."""
    started = event.start or start_under(state.asked, event.message_id)
    asked = session_of_start(started) if started else _requested(state, event.message_id)
    session = next((s for s in state.sessions if s.session == asked), None)
    if session is None:
        return Step(state)
    bound = _change(state, session.session, transaction=event.transaction)
    home = [o for o in bound.orphans if o.transaction == event.transaction and session.start <= _time_of(o)]
    if not home:
        return Step(bound)
    left = tuple(orphan for orphan in bound.orphans if orphan not in home)
    home.sort(key=lambda orphan: isinstance(orphan, TransactionEnded))  # an end comes last
    ended = session.ended or isinstance(home[-1], TransactionEnded)
    lost = [_lost(orphan) for orphan in home if isinstance(orphan, TransactionEnded)]
    still_lost = tuple(each for each in bound.dropped if each not in lost)
    after = _change(structs.replace(bound, orphans=left, dropped=still_lost), session.session, ended=ended)
    merged = [SessionMerged(session=each, into=session.session) for each in lost]
    dropped = [EndWasDropped(session.session)] if still_lost != bound.dropped else []
    return Step(after, (*dropped, *(Assigned(session.session, orphan) for orphan in home), *merged))


def with_dropped(state: StationState, session: SessionId) -> StationState:
    """What is remembered of a decision about an end without a start, which has no state of its own."""
    return structs.replace(state, dropped=_last(state.dropped, session, ORPHANS))


def _with_asked(state: StationState, request: StartRequested) -> StationState:
    asked = with_request(state.asked, request)
    return state if asked is state.asked else structs.replace(state, asked=asked)


def _requested(state: StationState, message_id: str) -> SessionId | None:
    return next((session for message, session in reversed(state.requests) if message == message_id), None)


def _sampled(state: StationState, event: MeterSampled, rules: int) -> Step[StationState, Outcome]:
    """By transaction, else the session on the connector; a sample of the main meter (connector 0) belongs to none."""
    here = [s for s in _current(state, _time_of(event)) if s.connector == event.evse > 0]
    if event.transaction is None:
        return Step(state, tuple(Assigned(s.session, event) for s in here))
    found = _named(state, event.transaction, here, rules)
    if found is None:
        return Step(_with_orphan(state, event))
    return Step(_bind(state, found, event.transaction), (Assigned(found.session, event),))


def _status(state: StationState, event: ConnectorStatusChanged) -> Step[StationState, Outcome]:
    if event.status not in TELLING_STATUSES or event.evse == 0:
        return Step(state)
    kept = structs.replace(state, statuses=_last(state.statuses, Status(event.evse, event.at, event.status), STATUSES))
    on_it = [s for s in state.sessions if s.connector == event.evse and s.start <= event.at]
    return Step(kept, (Assigned(on_it[-1].session, event),) if on_it else ())


def _ended(state: StationState, event: TransactionEnded, rules: int) -> Step[StationState, Outcome]:
    found = _named(state, event.transaction, _current(state, event.at), rules)
    if found is None:
        detail = f"transaction {event.transaction}, {event.at.isoformat()}"
        flagged = SessionFlagged(session=_lost(event), finding=Finding.END_WITHOUT_START, detail=detail)
        return Step(_with_orphan(state, event), (flagged,))
    return Step(_change(_bind(state, found, event.transaction), found.session, ended=True), (Assigned(found.session, event),))


def _compared(state: StationState, event: ClockCompared, rules: int) -> Step[StationState, Outcome]:
    """To the session that its start began, or to the one that the end which comes next will be of."""
    if event.start is not None:
        return Step(state, (Assigned(session_of_start(event.start), event),))
    found = None if event.transaction is None else _named(state, event.transaction, _current(state, event.at), rules)
    return Step(_with_orphan(state, event)) if found is None else Step(state, (Assigned(found.session, event),))


def _lost(event: TransactionEnded) -> SessionId:
    """What an end without a start is known by: the end itself, since its transaction id may be used again."""
    return SessionId(content_id("session without start", event_id(event)))


def _with_orphan(state: StationState, event: Orphan) -> StationState:
    """The newest of each kind are kept, so that no number of samples pushes out an end."""
    others = tuple(orphan for orphan in state.orphans if type(orphan) is not type(event))
    same = tuple(orphan for orphan in state.orphans if type(orphan) is type(event))
    return structs.replace(state, orphans=others + _last(same, event, ORPHANS))


def _current(state: StationState, at: datetime) -> list[OnConnector]:
    """What ran at that time: the latest of each connector. One that began before it and has no end is over all the same."""
    return list({s.connector: s for s in state.sessions if not s.ended and s.start <= at}.values())


def _named(state: StationState, transaction: TransactionId, current: list[OnConnector], rules: int) -> OnConnector | None:
    """The session that a message with this id speaks of, where only one can be meant; else nothing is guessed."""
    of_it = [s for s in current if s.transaction == transaction]
    means_nothing = transaction in _MEANINGLESS and has_doubts(rules)
    fitting = of_it or [s for s in current if s.transaction is None] or (current if means_nothing else [])
    if len(fitting) == 1 or of_it or (fitting and has_doubts(rules)):
        return fitting[0] if len(fitting) == 1 else None
    return next((s for s in reversed(state.sessions) if s.transaction == transaction), None)


def _time_of(event: Orphan) -> datetime:
    """The latest instant that a message speaks of."""
    if isinstance(event, TransactionEnded | ClockCompared):
        return event.at
    return max([sample.at for sample in event.samples] + [value.at for value in event.signed], default=_NEVER)


def _bind(state: StationState, session: OnConnector, transaction: TransactionId) -> StationState:
    return state if session.transaction is not None else _change(state, session.session, transaction=transaction)


def _change(state: StationState, session: SessionId, **change: TransactionId | bool) -> StationState:
    changed = tuple(structs.replace(s, **change) if s.session == session else s for s in state.sessions)
    return structs.replace(state, sessions=changed)


def _kept(sessions: tuple[OnConnector, ...]) -> tuple[OnConnector, ...]:
    """What runs, and the last few that ended: a late or repeated message must still find those."""
    kept = [s for s in sessions if s.ended][-ENDED:] + [s for s in sessions if not s.ended][-RUNNING:]
    return tuple(s for s in sessions if s in kept)


def _last(items: tuple[T, ...], item: T, most: int) -> tuple[T, ...]:
    return (*items, item)[-most:]
