"""Give each event of a 1.6 station the session it belongs to.

A 1.6 StartTransaction has no id; the CSMS's answer gives one, StopTransaction names only that, MeterValues may name it or
the connector, StatusNotification only the connector. What a station is in the middle of is kept here, so that each of these
finds its session; 2.x events name their transaction and need none of this.

    StartTransaction (message m) ── opens session s on its connector; m -> s; what ran there without an end is told of it
    CALLRESULT of m: T           ── T -> s; which start it answers, and that it may come first, see `streams.answered`
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

from streams.answered import REQUESTS, WAITING, Answer, Asked, Given, Start, Waiting, told, with_request
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
from vocabulary.identity import EventId, SessionId, StationId, TransactionId, content_id
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
    """A session as far as assigning needs it. `transaction` None: the CSMS's answer has not been seen. `is_sure` False: it was,
    but came so long after the start that it may be another one's.
    """

    session: SessionId
    connector: int
    start: datetime
    transaction: TransactionId | None
    ended: bool
    is_sure: bool = True


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
    after = _step(state, event, rules)
    if not keeps_facts(rules) or not after.state.orphans or after.state.sessions is state.sessions:
        return after
    home = _come_home(after.state)
    return Step(home.state, (*after.out, *home.out))


def _step(state: StationState, event: StationEvent, rules: int) -> Step[StationState, Outcome]:
    match event:
        case TransactionStarted():
            return _started(state, event, rules)
        case StartRequested():
            if keeps_facts(rules):
                asked = structs.replace(state, asked=with_request(state.asked, event))
                return _told(asked, event.station, Start(event.message_id, event.start, event.received_at))
            request = (event.message_id, session_of_start(event.start))
            return Step(structs.replace(state, requests=_last(state.requests, request, REQUESTS)))
        case StartAnswered():
            if keeps_facts(rules):
                return _told(state, event.station, Answer(event.message_id, event.transaction, event.received_at))
            return _answered(state, event)
        case MeterSampled():
            return _sampled(state, event, rules)
        case ConnectorStatusChanged():
            return _status(state, event)
        case TransactionEnded():
            return _ended(state, event, rules)
        case ClockCompared():
            return _compared(state, event, rules)


def _started(state: StationState, event: TransactionStarted, rules: int) -> Step[StationState, Outcome]:
    """The session, and the statuses of its connector that overtook it."""
    opened = OnConnector(session_id(event), event.evse or 0, event.at, None, False)
    overtook = [s for s in state.statuses if s.connector == opened.connector and s.at >= event.at]
    running = [s for s in _current(state, event.at) if s.connector == opened.connector and s.start < event.at]
    out = (
        *(Assigned(s.session, event) for s in running),  # where its meter stood next, if its own end never comes
        Assigned(opened.session, event),
        *(Assigned(opened.session, _event_of(s, event)) for s in overtook),
    )
    return Step(structs.replace(state, sessions=_kept((*state.sessions, opened), rules)), out)


def _event_of(status: Status, start: TransactionStarted) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(
        station=start.station, protocol=start.protocol, evse=status.connector, at=status.at, status=status.word
    )


def _told(state: StationState, station: StationId, new: Start | Answer) -> Step[StationState, Outcome]:
    """Sessions have the transaction ids that their starts were given."""

    def has(start: EventId, transaction: TransactionId) -> bool:
        return any(s.transaction == transaction and s.session == session_of_start(start) for s in state.sessions)

    waiting = Waiting(state.starts, state.answers)
    after = told(waiting, new, has)
    if after.waiting is waiting:
        return Step(state)
    known = structs.replace(state, starts=after.waiting.starts, answers=after.waiting.answers)
    for given in after.taken:
        known = _without(known, given)
    for given in after.given:
        known = _with(known, given)
    if isinstance(new, Answer) and new in known.answers:  # its start may have been told while older rules held
        known = _by_older_rules(known, new)
    return Step(known, tuple(flagged for each in after.let_go if (flagged := _in_vain(state, station, each))))


def _with(state: StationState, given: Given) -> StationState:
    session = _of_start(state, given.start)
    if session is None or not (given.is_sure or session.transaction is None or not session.is_sure):
        return state
    return _change(state, session.session, transaction=given.transaction, is_sure=given.is_sure)


def _without(state: StationState, given: Given) -> StationState:
    session = _of_start(state, given.start)
    if session is None or session.transaction != given.transaction:
        return state
    return _change(state, session.session, transaction=None, is_sure=True)


def _by_older_rules(state: StationState, answer: Answer) -> StationState:
    requested = _requested(state, answer.message_id)
    if not any(s.session == requested and s.transaction is None for s in state.sessions):
        return state
    assert requested is not None
    left = tuple(each for each in state.answers if each != answer)
    return _change(structs.replace(state, answers=left), requested, transaction=answer.transaction)


def _of_start(state: StationState, start: EventId) -> OnConnector | None:
    session = session_of_start(start)
    return next((s for s in state.sessions if s.session == session), None)


def _in_vain(state: StationState, station: StationId, let_go: Start | Answer) -> SessionFlagged | None:
    """What waited longest, where more wait than are kept. A start says nothing where its session is known by its messages."""
    arrived = "at a time that is not known" if let_go.at is None else f"at {let_go.at.isoformat()}"
    if isinstance(let_go, Answer):
        detail = f"transaction {let_go.transaction}, answer to {let_go.message_id[:40]}, arrived {arrived}"
        session = SessionId(content_id("answer without start", station, detail))
        return SessionFlagged(session=session, finding=Finding.ANSWER_WITHOUT_START, detail=detail)
    started = _of_start(state, let_go.start)
    if started is None or started.ended or started.transaction is not None:
        return None
    detail = f"message {let_go.message_id[:40]}, arrived {arrived}"
    return SessionFlagged(session=started.session, finding=Finding.START_UNANSWERED, detail=detail)


def _come_home(state: StationState) -> Step[StationState, Outcome]:
    """Orphans of which the session is known by now."""
    known = {s.transaction for s in state.sessions if s.transaction is not None and s.is_sure}
    named = [orphan for orphan in state.orphans if orphan.transaction in known]
    whose = [(session, orphan) for orphan in named if (session := _whose(state, orphan)) is not None]
    out: tuple[Outcome, ...] = ()
    for session in dict.fromkeys(session for session, _ in whose):
        after = _homecoming(state, session, [orphan for its, orphan in whose if its == session])
        state, out = after.state, (*out, *after.out)
    return Step(state, out)


def _whose(state: StationState, orphan: Orphan) -> OnConnector | None:
    """The latest session of its transaction. Transaction ids are used again: an end is left where one that began later may be
    meant, since it is the next on the connector, or since this one has an end.
    """
    at = _time_of(orphan)
    of_it = [s for s in state.sessions if s.transaction == orphan.transaction and s.is_sure and s.start <= at]
    session = max(of_it, key=lambda s: s.start, default=None)
    if session is None or isinstance(orphan, MeterSampled):
        return session
    later = [s for s in state.sessions if session.start < s.start <= at]
    next_ones, unknown = [s for s in later if s.connector == session.connector], [s for s in later if s.transaction is None]
    ends = [o for o in state.orphans if isinstance(o, TransactionEnded) and o.transaction == orphan.transaction]
    if session.ended or any(session.start <= end.at < at for end in ends):
        return None if next_ones or unknown else session
    return None if any(s.transaction is None for s in next_ones) else session


def _answered(state: StationState, event: StartAnswered) -> Step[StationState, Outcome]:
    """By the first two rules. The transaction's id is known: later messages find the session by it, and orphans that waited for
    it come home.
    """
    asked = _requested(state, event.message_id)
    session = next((s for s in state.sessions if s.session == asked), None)
    if session is None:
        return Step(state)
    bound = _change(state, session.session, transaction=event.transaction)
    home = [o for o in bound.orphans if o.transaction == event.transaction and session.start <= _time_of(o)]
    return _homecoming(bound, session, home) if home else Step(bound)


def _homecoming(state: StationState, session: OnConnector, home: list[Orphan]) -> Step[StationState, Outcome]:
    left = tuple(orphan for orphan in state.orphans if orphan not in home)
    home = sorted(home, key=lambda orphan: isinstance(orphan, TransactionEnded))  # an end comes last
    ended = session.ended or isinstance(home[-1], TransactionEnded)
    ends = [lost(orphan) for orphan in home if isinstance(orphan, TransactionEnded)]
    still_lost = tuple(each for each in state.dropped if each not in ends)
    after = _change(structs.replace(state, orphans=left, dropped=still_lost), session.session, ended=ended)
    merged = [SessionMerged(session=each, into=session.session) for each in ends]
    dropped = [EndWasDropped(session.session)] if still_lost != state.dropped else []
    return Step(after, (*dropped, *(Assigned(session.session, orphan) for orphan in home), *merged))


def with_dropped(state: StationState, session: SessionId) -> StationState:
    """What is remembered of a decision about an end without a start, which has no state of its own."""
    return structs.replace(state, dropped=_last(state.dropped, session, ORPHANS))


def _requested(state: StationState, message_id: str) -> SessionId | None:
    return next((session for message, session in reversed(state.requests) if message == message_id), None)


def _sampled(state: StationState, event: MeterSampled, rules: int) -> Step[StationState, Outcome]:
    """By transaction, else the session on the connector; a sample of the main meter (connector 0) belongs to none."""
    here = [s for s in _current(state, _time_of(event)) if s.connector == event.evse > 0]
    if event.transaction is None:
        return Step(state, tuple(Assigned(s.session, event) for s in here))
    found = _named(state, event.transaction, here, rules)
    if found is None:
        return Step(_with_orphan(state, event, rules))
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
        flagged = SessionFlagged(session=lost(event), finding=Finding.END_WITHOUT_START, detail=detail)
        return Step(_with_orphan(state, event, rules), (flagged,))
    return Step(_change(_bind(state, found, event.transaction), found.session, ended=True), (Assigned(found.session, event),))


def _compared(state: StationState, event: ClockCompared, rules: int) -> Step[StationState, Outcome]:
    """To the session that its start began, or to the one that the end which comes next will be of."""
    if event.start is not None:
        return Step(state, (Assigned(session_of_start(event.start), event),))
    found = None if event.transaction is None else _named(state, event.transaction, _current(state, event.at), rules)
    return Step(_with_orphan(state, event, rules)) if found is None else Step(state, (Assigned(found.session, event),))


def lost(event: TransactionEnded) -> SessionId:
    """What an end without a start is known by: the end itself, since its transaction id may be used again."""
    return SessionId(content_id("session without start", event_id(event)))


def _with_orphan(state: StationState, event: Orphan, rules: int) -> StationState:
    """The newest of each kind are kept, so that no number of samples pushes out an end; and as many ends as starts may wait."""
    others = tuple(orphan for orphan in state.orphans if type(orphan) is not type(event))
    same = tuple(orphan for orphan in state.orphans if type(orphan) is type(event))
    most = WAITING if keeps_facts(rules) and not isinstance(event, MeterSampled) else ORPHANS
    return structs.replace(state, orphans=others + _last(same, event, most))


def _current(state: StationState, at: datetime) -> list[OnConnector]:
    """What ran at that time: the latest of each connector. One that began before it and has no end is over all the same."""
    return list({s.connector: s for s in state.sessions if not s.ended and s.start <= at}.values())


def _named(state: StationState, transaction: TransactionId, current: list[OnConnector], rules: int) -> OnConnector | None:
    """The session that a message with this id speaks of, where only one can be meant; else nothing is guessed."""
    of_it = [s for s in current if s.transaction == transaction]
    means_nothing = transaction in _MEANINGLESS and has_doubts(rules)
    unknown = [s for s in current if s.transaction is None or not s.is_sure]
    fitting = of_it or unknown or (current if means_nothing else [])
    if len(fitting) == 1 or of_it or (fitting and has_doubts(rules)):
        return fitting[0] if len(fitting) == 1 else None
    return next((s for s in reversed(state.sessions) if s.transaction == transaction), None)


def _time_of(event: Orphan) -> datetime:
    """The latest instant that a message speaks of."""
    if isinstance(event, TransactionEnded | ClockCompared):
        return event.at
    return max([sample.at for sample in event.samples] + [value.at for value in event.signed], default=_NEVER)


def _bind(state: StationState, session: OnConnector, transaction: TransactionId) -> StationState:
    if session.transaction is not None and session.is_sure:
        return state
    return _change(state, session.session, transaction=transaction, is_sure=True)


def _change(state: StationState, session: SessionId, **change: TransactionId | bool | None) -> StationState:
    changed = tuple(structs.replace(s, **change) if s.session == session else s for s in state.sessions)
    return structs.replace(state, sessions=changed)


def _kept(sessions: tuple[OnConnector, ...], rules: int) -> tuple[OnConnector, ...]:
    """What runs, and the last few that ended: a late or repeated message must still find those. As many without an answer as
    starts may wait for one, and the one that is let go next.
    """
    ended, running = [s for s in sessions if s.ended], [s for s in sessions if not s.ended]
    waiting = [s for s in running if s.transaction is None] if keeps_facts(rules) else []
    running = [s for s in running if s.transaction is not None] if keeps_facts(rules) else running
    kept = {s.session for s in (*ended[-ENDED:], *running[-RUNNING:], *waiting[-WAITING - 1 :])}
    return tuple(s for s in sessions if s.session in kept)


def _last(items: tuple[T, ...], item: T, most: int) -> tuple[T, ...]:
    return (*items, item)[-most:]
