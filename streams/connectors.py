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
to one that ended. Of two that it may mean it goes to none; which of them, and whether a guess was right, is seen when more is
told (`streams.homecoming`, `streams.guesses`).
"""

from datetime import datetime

from msgspec import structs

from streams.answered import REQUESTS, WAITING, Answer, Given, Start, Waiting, told, with_request
from streams.guesses import MEANINGLESS, might_be_of
from streams.homecoming import all_taken_back, assigned, come_home, has_unclear, homecoming, taken_back, with_end
from streams.session_names import session_id, session_of_start
from streams.station_states import (
    ENDED,
    ORPHANS,
    RUNNING,
    STATUSES,
    Assigned,
    OnConnector,
    Outcome,
    StationState,
    Status,
    changed,
    is_over,
    last,
    time_of,
    with_orphan,
    without_start,
)
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
from vocabulary.identity import EventId, SessionId, StationId, TransactionId, content_id
from vocabulary.rules import RULES, has_doubts, keeps_facts
from vocabulary.sessions import Finding, SessionFlagged

StationEvent = (
    TransactionStarted
    | StartRequested
    | StartAnswered
    | MeterSampled
    | ConnectorStatusChanged
    | TransactionEnded
    | ClockCompared
)


def step(state: StationState, event: StationEvent, rules: int = RULES) -> Step[StationState, Outcome]:
    """One event of one 1.6 station."""
    after = _step(state, event, rules)
    if not keeps_facts(rules) or after.state.sessions is state.sessions:
        return after
    back = taken_back(after.state, state.sessions, rules)
    home = come_home(back.state, rules) if back.state.orphans else Step(back.state)
    return Step(home.state, (*after.out, *back.out, *home.out))


def _step(state: StationState, event: StationEvent, rules: int) -> Step[StationState, Outcome]:
    match event:
        case TransactionStarted():
            return _started(state, event, rules)
        case StartRequested():
            if keeps_facts(rules):
                asked = structs.replace(state, asked=with_request(state.asked, event))
                return _told(asked, event.station, Start(event.message_id, event.start, event.received_at))
            request = (event.message_id, session_of_start(event.start))
            return Step(structs.replace(state, requests=last(state.requests, request, REQUESTS)))
        case StartAnswered():
            if keeps_facts(rules):
                return _told(state, event.station, Answer(event.message_id, event.transaction, event.received_at))
            return _answered(state, event, rules)
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
    running = [s for s in _current(state, event.at, rules) if s.connector == opened.connector and s.start < event.at]
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
    return changed(state, session.session, transaction=given.transaction, is_sure=given.is_sure, is_answered=given.is_sure)


def _without(state: StationState, given: Given) -> StationState:
    session = _of_start(state, given.start)
    if session is None or session.transaction != given.transaction:
        return state
    return changed(state, session.session, transaction=None, is_sure=True, is_answered=False)


def _by_older_rules(state: StationState, answer: Answer) -> StationState:
    requested = _requested(state, answer.message_id)
    if not any(s.session == requested and s.transaction is None for s in state.sessions):
        return state
    assert requested is not None
    left = tuple(each for each in state.answers if each != answer)
    return changed(structs.replace(state, answers=left), requested, transaction=answer.transaction, is_answered=True)


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


def _answered(state: StationState, event: StartAnswered, rules: int) -> Step[StationState, Outcome]:
    """By the first two rules. The transaction's id is known: later messages find the session by it, and orphans that waited for
    it come home.
    """
    asked = _requested(state, event.message_id)
    session = next((s for s in state.sessions if s.session == asked), None)
    if session is None:
        return Step(state)
    bound = changed(state, session.session, transaction=event.transaction)
    home = [o for o in bound.orphans if o.transaction == event.transaction and session.start <= time_of(o)]
    return homecoming(bound, session, home, rules) if home else Step(bound)


def with_dropped(state: StationState, session: SessionId) -> StationState:
    """What is remembered of a decision about an end without a start, which has no state of its own."""
    return structs.replace(state, dropped=last(state.dropped, session, ORPHANS))


def _requested(state: StationState, message_id: str) -> SessionId | None:
    return next((session for message, session in reversed(state.requests) if message == message_id), None)


def _sampled(state: StationState, event: MeterSampled, rules: int) -> Step[StationState, Outcome]:
    """By transaction, else the session on the connector; a sample of the main meter (connector 0) belongs to none."""
    at = time_of(event)
    here = [s for s in _current(state, at, rules) if s.connector == event.evse > 0]
    if event.transaction is None:
        return Step(state, tuple(Assigned(s.session, event) for s in here))
    found = _named(state, event.transaction, here, at, rules)
    if found is None:
        return Step(with_orphan(state, event, rules))
    return Step(_bind(state, found, event.transaction), (Assigned(found.session, event),))


def _status(state: StationState, event: ConnectorStatusChanged) -> Step[StationState, Outcome]:
    if event.status not in TELLING_STATUSES or event.evse == 0:
        return Step(state)
    kept = structs.replace(state, statuses=last(state.statuses, Status(event.evse, event.at, event.status), STATUSES))
    on_it = [s for s in state.sessions if s.connector == event.evse and s.start <= event.at]
    return Step(kept, (Assigned(on_it[-1].session, event),) if on_it else ())


def _ended(state: StationState, event: TransactionEnded, rules: int) -> Step[StationState, Outcome]:
    current = _current(state, event.at, rules)
    found = _named(state, event.transaction, current, event.at, rules)
    if found is None or (keeps_facts(rules) and has_unclear(state, found, event)):
        is_nobodys = keeps_facts(rules) and found is None and all(s.transaction is not None for s in current)
        doubted = might_be_of(state, event.transaction, event.at) if is_nobodys else ()
        back = all_taken_back(with_orphan(state, event, rules), doubted, rules)
        return Step(back.state, (without_start(event), *back.out))
    bound = _bind(state, found, event.transaction)
    return Step(with_end(bound, found, event, rules), (assigned(found, event, rules),))


def _compared(state: StationState, event: ClockCompared, rules: int) -> Step[StationState, Outcome]:
    """To the session that its start began, or to the one that the end which comes next will be of."""
    if event.start is not None:
        return Step(state, (Assigned(session_of_start(event.start), event),))
    current = _current(state, event.at, rules)
    found = None if event.transaction is None else _named(state, event.transaction, current, event.at, rules)
    return Step(with_orphan(state, event, rules)) if found is None else Step(state, (Assigned(found.session, event),))


def _current(state: StationState, at: datetime, rules: int) -> list[OnConnector]:
    """What ran at that time: the latest of each connector. One that began before it and has no end is over all the same."""
    latest = {s.connector: s for s in state.sessions if not s.ended and s.start <= at}.values()
    return [s for s in latest if not (keeps_facts(rules) and is_over(state, s, at))]


def _named(
    state: StationState, transaction: TransactionId, current: list[OnConnector], at: datetime, rules: int
) -> OnConnector | None:
    """The session that a message with this id speaks of, where only one can be meant; else nothing is guessed."""
    of_it = [s for s in current if s.transaction == transaction and s.is_sure]
    means_nothing = transaction in MEANINGLESS and has_doubts(rules)
    unknown = [s for s in current if s.transaction is None or not s.is_sure]
    known = [s for s in state.sessions if s.transaction == transaction and s.is_sure]
    is_late = not of_it and any(not s.ended and is_over(state, s, at) for s in known)
    if keeps_facts(rules) and is_late and not means_nothing and (unknown or might_be_of(state, transaction, at)):
        return None  # another session began where it ran: the id may have been given again
    fitting = of_it or unknown or (current if means_nothing else [])
    if len(fitting) == 1 or of_it or (fitting and has_doubts(rules)):
        return fitting[0] if len(fitting) == 1 else None
    return next(reversed(known), None)


def _bind(state: StationState, session: OnConnector, transaction: TransactionId) -> StationState:
    if session.transaction is not None and session.is_sure:
        return state
    return changed(state, session.session, transaction=transaction, is_sure=True)


def _kept(sessions: tuple[OnConnector, ...], rules: int) -> tuple[OnConnector, ...]:
    """What runs, and the last few that ended: a late or repeated message must still find those. As many without an answer as
    starts may wait for one, and the one that is let go next, whether or not they ended.
    """
    ended, running = [s for s in sessions if s.ended], [s for s in sessions if not s.ended]
    waiting = [s for s in running if s.transaction is None] if keeps_facts(rules) else []
    running = [s for s in running if s.transaction is not None] if keeps_facts(rules) else running
    unsure = [s for s in ended if not s.is_answered][-WAITING:] if keeps_facts(rules) else []
    newest = {s.connector: s for s in ended} if keeps_facts(rules) else {}  # by which those before them are over
    kept = {
        s.session
        for s in (*ended[-ENDED:], *list(newest.values())[-RUNNING:], *unsure, *running[-RUNNING:], *waiting[-WAITING - 1 :])
    }
    return tuple(s for s in sessions if s.session in kept)
