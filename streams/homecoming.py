"""Ends and samples that waited go to the 1.6 session whose they are, and an end that is another one's waits again."""

from bisect import bisect_right
from collections.abc import Collection, Mapping
from datetime import datetime

from msgspec import structs

from streams.guesses import contradicted
from streams.session_names import EndTakenBack
from streams.station_states import (
    ENDED,
    Assigned,
    EndWasDropped,
    OnConnector,
    Orphan,
    Outcome,
    StationState,
    changed,
    lost_session,
    time_of,
    with_orphan,
    without_start,
)
from streams.step import Step
from vocabulary.charging import MeterSampled, TransactionEnded
from vocabulary.identity import SessionId, TransactionId
from vocabulary.rules import keeps_facts
from vocabulary.sessions import SessionMerged


def come_home(state: StationState, rules: int) -> Step[StationState, Outcome]:
    """Orphans of which the session is known by now, ends in the order of their time."""
    known, began = dict[TransactionId | None, list[OnConnector]](), dict[int, list[datetime]]()
    for s in sorted(state.sessions, key=lambda s: s.start):
        began.setdefault(s.connector, []).append(s.start)
        if s.transaction is not None and s.is_sure:
            known.setdefault(s.transaction, []).append(s)
    named = [orphan for orphan in state.orphans if orphan.transaction in known]
    whose, ended, unclear = list[tuple[OnConnector, Orphan]](), {s.session for s in state.sessions if s.ended}, set[SessionId]()
    for orphan in sorted(named, key=lambda orphan: (time_of(orphan), isinstance(orphan, TransactionEnded))):
        fitting = _fitting(state, orphan, known[orphan.transaction], ended, began)
        if len(fitting) == 1 and fitting[0].session not in unclear:
            whose.append((fitting[0], orphan))
        if isinstance(orphan, TransactionEnded):
            ended |= {s.session for s in fitting if len(fitting) == 1}
            unclear |= {s.session for s in fitting if len(fitting) > 1}
    out: tuple[Outcome, ...] = ()
    for session in dict.fromkeys(session for session, _ in whose):
        after = homecoming(state, session, [orphan for its, orphan in whose if its == session], rules)
        state, out = after.state, (*out, *after.out)
    return Step(state, out)


def _fitting(
    state: StationState,
    orphan: Orphan,
    known: list[OnConnector],
    ended: Collection[SessionId],
    began: Mapping[int, list[datetime]],
) -> list[OnConnector]:
    """The sessions of its transaction that may be meant. Transaction ids are used again: an end is that of one that ran then;
    it is left where one that began later may be meant, since it is the next on the connector, or since this one has an end.
    `known`: those of it; `began`: when sessions began on each connector, in order.
    """
    at = time_of(orphan)
    of_it = [s for s in known if s.start <= at]
    if isinstance(orphan, MeterSampled):
        return sorted((s for s in of_it if orphan.evse in (0, s.connector)), key=lambda s: s.start)[-1:]
    over = {s.session for s in of_it if began[s.connector][bisect_right(began[s.connector], at) - 1] > s.start}
    if running := [s for s in of_it if s.session not in ended and s.session not in over]:
        return running
    latest = max(of_it, key=lambda s: s.start, default=None)
    if latest is None or (latest.session in ended and latest.session in over):
        return []
    return [] if any(s.transaction is None and latest.start < s.start <= at for s in state.sessions) else [latest]


def homecoming(state: StationState, session: OnConnector, home: list[Orphan], rules: int) -> Step[StationState, Outcome]:
    left = tuple(orphan for orphan in state.orphans if orphan not in home)
    home = sorted(home, key=lambda orphan: isinstance(orphan, TransactionEnded))  # an end comes last
    ends = [orphan for orphan in home if isinstance(orphan, TransactionEnded)]
    lost = [lost_session(end) for end in ends]
    still_lost = tuple(each for each in state.dropped if each not in lost)
    after = structs.replace(state, orphans=left, dropped=still_lost)
    for end in ends:
        after = with_end(after, next(s for s in after.sessions if s.session == session.session), end, rules)
    merged = [SessionMerged(session=each, into=session.session) for each in lost]
    dropped = [EndWasDropped(session.session)] if still_lost != state.dropped else []
    told = (assigned(session, orphan, rules) for orphan in home)
    return Step(after, (*dropped, *told, *merged))


def with_end(state: StationState, session: OnConnector, event: TransactionEnded, rules: int) -> StationState:
    """With the session ended. Its ends are kept, since they may be taken back."""
    ended = changed(state, session.session, ended=True)
    if not keeps_facts(rules) or (session.ended and not session.ends):
        return ended
    is_guess = session.is_guess if session.ended else session.transaction is None or not session.is_sure
    return changed(ended, session.session, ends=(*session.ends, event)[:ENDED], is_guess=is_guess)


def assigned(session: OnConnector, event: Orphan, rules: int) -> Assigned:
    may_be_another = keeps_facts(rules) and isinstance(event, TransactionEnded) and not session.is_answered
    return Assigned(session.session, event, may_be_another)


def has_unclear(state: StationState, session: OnConnector, event: TransactionEnded) -> bool:
    """Whether an end of the same transaction waits that may have been the session's."""
    ends = [o for o in state.orphans if isinstance(o, TransactionEnded) and o.transaction == event.transaction]
    return not session.ended and any(session.start <= end.at < event.at for end in ends)


def taken_back(state: StationState, before: Collection[OnConnector], rules: int) -> Step[StationState, Outcome]:
    """Without the ends that are another session's by what changed."""
    out: tuple[Outcome, ...] = ()
    while one := contradicted(state, before):
        after = all_taken_back(state, [one], rules)
        state, out = after.state, (*out, *after.out)
    return Step(state, out)


def all_taken_back(state: StationState, sessions: Collection[OnConnector], rules: int) -> Step[StationState, Outcome]:
    """Without the ends of these sessions, which wait."""
    out: tuple[Outcome, ...] = ()
    for one in sessions:
        transaction = None if one.is_guess and not one.is_answered else one.transaction
        state = changed(state, one.session, transaction=transaction, ended=False, ends=(), is_guess=False)
        for end in one.ends:
            state = with_orphan(state, end, rules)
        taken = Assigned(one.session, EndTakenBack(one.ends[0].station))
        out = (*out, taken, *(without_start(end) for end in one.ends))
    return Step(state, out)
