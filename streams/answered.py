"""Which StartTransaction a CSMS's answer is the answer to.

An answer bears its request's message id and nothing else of it, and that id is unique on one connection only (OCPP-J 1.6
§4.1.4): a station that booted begins again with 1, and a CSMS that lost its counter gives transaction 1 again. Nor need both
come in one file. So starts and answers wait for each other, and what pairs them is when they arrived, whichever was told first:

    an answer   belongs to the latest start of its message id that arrived before it, or with it
    a start     has the earliest of the answers that belong to it

    arrived     08:00     08:00:01    next day 08:00    08:00:01
                start 1   answer 1    start 1           answer 1
                └────────────┘        └────────────────────┘

What is told later of the time in between makes other pairs. So an answer that came long after its start is a guess, which
messages of the session may correct. A start without a prompt answer may have one that arrived a moment before it: two
recorders have two clocks.

Where an arrival was not recorded, there is the order of the log alone: an answer is to the latest start before it that has
none, or else to the latest, and a start that comes after its answers takes the earliest. Two such answers would be one fact,
since nothing tells them apart; so the event names the start that came under its message id last (`joined`).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from msgspec import Struct, structs

from vocabulary.charging import StartAnswered, StartRequested
from vocabulary.identity import EventId, TransactionId

REQUESTS = 16  # so many starts of a station are remembered that have their answer, the newest
WAITING = 512  # so many that have none, and so many answers without a start: beyond it the oldest is let go
APART: Final = timedelta(seconds=2)  # so much earlier than its start an answer may arrive by the clock of another recorder
PROMPT: Final = timedelta(minutes=10)  # of an answer that took longer nobody knows whether its start is not still to be told

Asked = tuple[tuple[str, EventId], ...]  # message ids with the start that each carried last, the newest last
_AT_ONCE, _EARLIEST, _LATEST = timedelta(), datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Answer(Struct, frozen=True, gc=False, array_like=True):
    """`at`: when it arrived; None: not recorded."""

    message_id: str
    transaction: TransactionId
    at: datetime | None = None


class Start(Struct, frozen=True, gc=False, array_like=True):
    """A start as it came under a message id; a retry is another one of the same `start`."""

    message_id: str
    start: EventId
    at: datetime | None = None
    answer: Answer | None = None


class Waiting(NamedTuple):
    """In the order of the log. Answers are those without a start."""

    starts: tuple[Start, ...] = ()
    answers: tuple[Answer, ...] = ()


class Given(NamedTuple):
    """A start and the transaction id that its answer gave it. `is_sure` False: see `PROMPT`."""

    start: EventId
    transaction: TransactionId
    is_sure: bool


class Told(NamedTuple):
    """`taken`: what was given before and is not any more. `let_go`: what had waited longest, and nothing had come for it."""

    waiting: Waiting
    taken: tuple[Given, ...] = ()
    given: tuple[Given, ...] = ()
    let_go: tuple[Start | Answer, ...] = ()


Has = Callable[[EventId, TransactionId], bool]


def told(waiting: Waiting, new: Start | Answer, has: Has) -> Told:
    """What is remembered after a start or an answer. `has`: whether a start is known to have a transaction id from elsewhere;
    it is asked where there is only the order of the log.
    """
    if _is_known(waiting, new):
        return Told(_as_newest(waiting, new))
    with_it = waiting._replace(starts=(*waiting.starts, new)) if isinstance(new, Start) else waiting
    with_it = waiting._replace(answers=(*waiting.answers, new)) if isinstance(new, Answer) else with_it
    paired = _by_order(_by_arrival(with_it, new.message_id), new, has)
    concerned = {start.start for start in with_it.starts if start.message_id == new.message_id}
    before, after = _given(waiting.starts, concerned), _given(paired.starts, concerned)
    kept, let_go = _bounded(paired)
    return Told(kept, tuple(g for g in before if g not in after), tuple(g for g in after if g not in before), let_go)


def _is_known(waiting: Waiting, new: Start | Answer) -> bool:
    if isinstance(new, Start):
        return any(structs.replace(start, answer=None) == new for start in waiting.starts)
    return new in waiting.answers or (new.at is not None and any(start.answer == new for start in waiting.starts))


def _as_newest(waiting: Waiting, new: Start | Answer) -> Waiting:
    """A start of unknown arrival that is told again is the latest of its message id again."""
    if not isinstance(new, Start) or new.at is not None:
        return waiting
    again = next(start for start in waiting.starts if structs.replace(start, answer=None) == new)
    return waiting._replace(starts=(*(start for start in waiting.starts if start is not again), again))


def _by_arrival(waiting: Waiting, message_id: str) -> Waiting:
    """The pairs of a message id anew, as far as arrivals are known: those that are sure come first."""
    starts = [start for start in waiting.starts if start.message_id == message_id and start.at is not None]
    starts.sort(key=lambda start: (_time(start), start.start))
    held = [start.answer for start in starts if start.answer is not None]
    answers = [a for a in (*waiting.answers, *held) if a.message_id == message_id and a.at is not None]
    if not starts or not answers:
        return waiting
    answers.sort(key=lambda answer: (_time(answer), answer.transaction))
    spans = list(zip(starts, [*map(_time, starts[1:]), _LATEST], strict=True))
    found, taken = dict[Start, Answer](), set[Answer]()
    for low, high in ((_AT_ONCE, PROMPT), (-APART, _AT_ONCE), (_AT_ONCE, _LATEST - _EARLIEST)):
        for start, until in spans:
            its = [a for a in answers if low <= _time(a) - _time(start) <= high and _time(a) < until and a not in taken]
            if its and start not in found:
                found[start] = its[0]
                taken.add(its[0])
    for start, until in spans:
        said = found[start].transaction if start in found else None
        taken |= {
            a for a in answers if a.transaction == said and -APART <= _time(a) - _time(start) <= PROMPT and _time(a) < until
        }
    kept = {start: start.answer for start in starts if start.answer is not None and start.answer.at is None}
    answer_of = kept | found
    freed = [answer for answer in held if answer not in answer_of.values()]
    return Waiting(
        tuple(
            structs.replace(s, answer=answer_of.get(s)) if s.at and s.message_id == message_id else s for s in waiting.starts
        ),
        tuple(answer for answer in (*waiting.answers, *freed) if answer not in taken),
    )


def _by_order(waiting: Waiting, new: Start | Answer, has: Has) -> Waiting:
    """The pair of what is new, where its arrival or the other's is not known."""
    if isinstance(new, Start):
        fitting = [a for a in waiting.answers if a.message_id == new.message_id and (a.at is None or new.at is None)]
        return _pair(waiting, new, fitting[0]) if fitting and new in waiting.starts else waiting
    if new not in waiting.answers:
        return waiting
    starts = [s for s in waiting.starts if s.message_id == new.message_id and (s.at is None or new.at is None)]
    without = [start for start in starts if start.answer is None]
    likely = [start for start in without if has(start.start, new.transaction)]
    of_order = [start for start in starts if start.answer is not None and None in (start.at, start.answer.at)]
    best = likely or without or of_order
    return _pair(waiting, best[-1], new) if best else waiting


def _pair(waiting: Waiting, start: Start, answer: Answer) -> Waiting:
    starts = tuple(structs.replace(each, answer=answer) if each == start else each for each in waiting.starts)
    return Waiting(starts, tuple(each for each in waiting.answers if each != answer))


def _time(one: Start | Answer) -> datetime:
    return one.at or _EARLIEST


def _is_sure(start: Start) -> bool:
    if start.answer is None or start.answer.at is None or start.at is None:
        return start.answer is not None
    return start.answer.at - start.at <= PROMPT


def _given(starts: tuple[Start, ...], concerned: set[EventId]) -> tuple[Given, ...]:
    """What these starts have been answered. One that was told several times has what it was told last."""
    found = dict[EventId, Given]()
    for start in sorted((each for each in starts if each.start in concerned), key=_time):
        if start.answer is not None:
            found[start.start] = Given(start.start, start.answer.transaction, _is_sure(start))
    return tuple(found.values())


def _bounded(waiting: Waiting) -> tuple[Waiting, tuple[Start | Answer, ...]]:
    answered = {start.start for start in waiting.starts if _is_sure(start)}
    without = [start for start in waiting.starts if start.start not in answered]
    forgotten = [start for start in waiting.starts if start.start in answered][:-REQUESTS]
    let_go: list[Start | Answer] = [
        *(start for start in without[:-WAITING] if start.answer is None),
        *waiting.answers[:-WAITING],
    ]
    if not forgotten and len(without) <= WAITING and not let_go:
        return waiting, ()
    gone = {*forgotten, *without[:-WAITING]}
    return Waiting(tuple(s for s in waiting.starts if s not in gone), waiting.answers[-WAITING:]), tuple(let_go)


# The name of a start in an answer of which the arrival is not known


class Joined(NamedTuple):
    """What is remembered after an event, and the event; an answer then names its start."""

    asked: Asked
    event: StartRequested | StartAnswered


def with_request(asked: Asked, request: StartRequested) -> Asked:
    newest = (request.message_id, request.start)
    if request.received_at is not None or asked[-1:] == (newest,):
        return asked
    return (*(one for one in asked if one[0] != newest[0]), newest)[-REQUESTS:]


def joined(asked: Asked, event: StartRequested | StartAnswered) -> Joined:
    if isinstance(event, StartRequested):
        return Joined(with_request(asked, event), event)
    if event.received_at is not None:
        return Joined(asked, event)
    start = next((start for known, start in asked if known == event.message_id), None)
    return Joined(asked, event if event.start == start else structs.replace(event, start=start))
