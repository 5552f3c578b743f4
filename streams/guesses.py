"""Take an end back from the 1.6 session that has it, where what is told later says that it is another one's.

A stop whose transaction nobody has been given yet goes to the only session that it can mean. That is a guess until the CSMS's
answer to that session's start is told, maybe a day later. The end of session x, of transaction T, is taken back where

    x was given another transaction than T (a station that says 0 or -1 says nothing by it)
    a session that ran at the time of the end, and has none, has the transaction T
    a start is told late, of a session that ran at that time and may be meant as well
    another end is told that nobody else can be meant by

It waits then for the session of its transaction, like an end that was told without a start.
"""

from collections.abc import Collection
from datetime import datetime

from streams.session_names import session_of_start
from streams.station_states import OnConnector, StationState, is_over
from vocabulary.identity import TransactionId

MEANINGLESS = ("0", "-1")  # some stations say 0 whatever they were given; one that missed the answer says -1


def contradicted(state: StationState, before: Collection[OnConnector]) -> OnConnector | None:
    """A session that has another one's end, as far as it follows from what changed."""
    known = {id(s) for s in before}
    changed = [s for s in state.sessions if id(s) not in known]
    if not changed:
        return None
    if one := next((x for x in changed if _was_given_another(state, x)), None):
        return one
    rivals = [s for s in changed if not s.ended]
    return next((x for x in state.sessions if _is_meant(state, x, rivals)), None)


def _was_given_another(state: StationState, one: OnConnector) -> bool:
    if not one.ends or not one.is_answered or one.ends[0].transaction in (one.transaction, *MEANINGLESS):
        return False
    same = [start.start for start in state.starts if start.answer and start.answer.transaction == one.ends[0].transaction]
    return all(session_of_start(start) != one.session for start in same)


def _is_meant(state: StationState, one: OnConnector, rivals: list[OnConnector]) -> bool:
    """Whether one of the others may be meant by the end of this one."""
    return bool(one.ends) and any(_may_have(state, one, other) for other in rivals if other.start <= one.ends[0].at)


def _may_have(state: StationState, one: OnConnector, other: OnConnector) -> bool:
    end = one.ends[0]
    if is_over(state, other, end.at):
        return False
    if other.transaction == end.transaction and other.is_sure:
        return other.is_answered or not one.is_answered
    return one.is_guess and not one.is_answered and (other.transaction is None or not other.is_sure)


def might_be_of(state: StationState, transaction: TransactionId, at: datetime) -> list[OnConnector]:
    """The sessions that would have got an end of this transaction then, had they none by guess."""
    guesses = [s for s in state.sessions if s.ends and s.is_guess and not s.is_answered and s.start <= at]
    return [s for s in guesses if s.transaction not in (transaction, *MEANINGLESS) and not is_over(state, s, at)]
