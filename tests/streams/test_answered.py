"""OCPP 1.6: a start and the CSMS's answer find each other, whichever is told first, though message ids are used again."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from streams.answered import PROMPT, REQUESTS, WAITING, Answer, Start, Waiting, told
from streams.memory import _DECODER, _ENCODER
from streams.station_states import OnConnector, StationState
from tests.streams.folding import Folding, fold
from tests.streams.notation import DAY, STATION
from vocabulary.charging import (
    ChargingEvent,
    MeterSampled,
    Protocol,
    Sample,
    StartAnswered,
    StartRequested,
    TransactionEnded,
    TransactionStarted,
)
from vocabulary.codec import event_id
from vocabulary.decoded import Decoded
from vocabulary.identity import EventId, SessionId, TokenUid, TransactionId
from vocabulary.quantities import WattHours
from vocabulary.rules import FIRST, RULES
from vocabulary.sessions import Finding, SessionMerged

_COMMON: dict[str, Any] = {"station": STATION, "protocol": Protocol.OCPP16}


def at(minutes: float) -> datetime:
    return DAY + timedelta(minutes=minutes)


def start(name: str, message_id: str, arrived: float | None) -> Start:
    return Start(message_id, EventId(name), None if arrived is None else at(arrived))


def answer(transaction: str, message_id: str, arrived: float | None) -> Answer:
    return Answer(message_id, TransactionId(transaction), None if arrived is None else at(arrived))


def pairs(told_in_order: Iterable[Start | Answer]) -> dict[str, str]:
    """What each start was given in the end, as somebody knows it who heard no more than what was given and taken."""
    waiting, found = Waiting(), dict[str, str]()
    for one in told_in_order:
        after = told(waiting, one, lambda *_: False)
        for each in after.taken:
            assert found.pop(each.start) == each.transaction
        found |= {each.start: each.transaction for each in after.given}
        waiting = after.waiting
    return found


# The pairs


def test_an_answer_belongs_to_the_latest_start_of_its_message_id_that_arrived_before_it() -> None:
    first, second, late = start("a", "1", 0), start("b", "1", 100), answer("7", "1", 101)
    for order in ([first, second, late], [late, first, second], [late, second, first], [first, late, second]):
        assert pairs(order) == {"b": "7"}


def test_an_answer_that_arrived_with_its_start_belongs_to_it() -> None:
    assert pairs([start("a", "1", 5), answer("7", "1", 5)]) == pairs([answer("7", "1", 5), start("a", "1", 5)]) == {"a": "7"}


def test_an_answer_that_arrived_before_every_start_of_its_message_id_belongs_to_none() -> None:
    assert pairs([start("a", "1", 5), answer("7", "1", 4)]) == pairs([answer("7", "1", 4), start("a", "1", 5)]) == {}


def test_two_recorders_clocks_may_be_two_seconds_apart() -> None:
    messages = [start("a", "1", 0), answer("6", "1", 0), start("b", "1", 5), answer("7", "1", 4.97)]
    assert pairs(messages) == pairs(reversed(messages)) == {"a": "6", "b": "7"}
    lost = messages[0], *messages[2:]
    assert pairs(lost) == pairs(reversed(lost)) == {"a": "7"}, "which came soon enough to be the first one's"
    late = start("a", "1", -60), *messages[2:]
    assert pairs(late) == pairs(reversed(late)) == {"b": "7"}, "and the first one's would have come an hour late"


def test_a_start_has_the_earliest_of_its_answers() -> None:
    assert pairs([start("a", "1", 0), answer("8", "1", 2), answer("7", "1", 1)]) == {"a": "7"}


def test_what_arrived_under_another_message_id_is_no_answer() -> None:
    assert pairs([start("a", "1", 0), answer("7", "2", 1)]) == {}


def test_a_start_that_was_told_again_has_what_it_was_answered_last() -> None:
    messages = [start("a", "1", 0), answer("7", "1", 1), start("a", "2", 3), answer("8", "2", 4)]
    assert pairs(messages) == pairs(reversed(messages)) == {"a": "8"}


@st.composite
def exchanges(draw: st.DrawFn) -> list[Start | Answer]:
    """Starts and answers of some boots of a station: it counts from 1 after each, and so may its CSMS."""
    found = list[Start | Answer]()
    for boot in range(draw(st.integers(1, 4))):
        for number in range(draw(st.integers(1, 4))):
            arrived = boot * 300 + number * 20 + draw(st.sampled_from([0, 0.5]))
            found.append(start(f"{boot}-{number}", f"{number}", arrived))
            if draw(st.sampled_from([True, True, False])):
                transaction = draw(st.sampled_from([f"{number}", f"{boot}{number}", "0"]))
                found.append(answer(transaction, f"{number}", arrived + draw(st.sampled_from([0, 0.1, 15, 200]))))
    return found


@given(exchanges(), st.data())
def test_the_order_in_which_starts_and_answers_are_told_changes_no_pair(
    messages: list[Start | Answer], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(messages), max_size=3))
    assert pairs(data.draw(st.permutations([*messages, *again]))) == pairs(messages)


@given(exchanges(), st.data())
def test_what_waits_is_what_was_told_and_not_paired(messages: list[Start | Answer], data: st.DataObject) -> None:
    """Nothing gets lost but an answer that says the same of a start as the one before."""
    waiting = Waiting()
    for one in data.draw(st.permutations(messages)):
        waiting = told(waiting, one, lambda *_: False).waiting
    kept = [each.answer for each in waiting.starts if each.answer is not None] + list(waiting.answers)
    assert len(kept) == len(set(kept)) and set(kept) <= {one for one in messages if isinstance(one, Answer)}
    lost = {one for one in messages if isinstance(one, Answer)} - set(kept)
    assert {(one.message_id, one.transaction) for one in lost} <= {(one.message_id, one.transaction) for one in kept}
    assert {structs.replace(each, answer=None) for each in waiting.starts} == {m for m in messages if isinstance(m, Start)}


# Where the arrival is not known


def test_without_an_arrival_an_answer_is_to_the_latest_start_that_has_none() -> None:
    assert pairs([start("a", "1", None), start("b", "1", None), answer("7", "1", None)]) == {"b": "7"}


def test_without_an_arrival_a_start_takes_the_earliest_answer_that_waits() -> None:
    answers = [answer("7", "1", None), answer("8", "1", None)]
    assert pairs([*answers, start("a", "1", None), start("b", "1", None)]) == {"a": "7", "b": "8"}


def test_without_an_arrival_the_start_that_is_known_to_have_the_transaction_is_the_one() -> None:
    waiting = told(told(Waiting(), start("a", "1", None), _nobody).waiting, start("b", "1", None), _nobody).waiting
    after = told(waiting, answer("7", "1", None), lambda start, transaction: (start, transaction) == ("a", "7"))
    assert [(each.start, each.transaction) for each in after.given] == [("a", "7")]


def test_what_arrivals_tell_is_believed_over_the_order() -> None:
    assert pairs([start("a", "1", 0), answer("7", "1", None), answer("8", "1", 1)]) == {"a": "8"}


def _nobody(_start: EventId, _transaction: TransactionId) -> bool:
    return False


# Bounds


def test_so_many_starts_and_answers_wait_and_the_oldest_is_let_go() -> None:
    waiting, let_go = Waiting(), list[Start | Answer]()
    messages: list[Start | Answer] = [start(f"s{n}", f"s{n}", n) for n in range(WAITING + 2)]
    messages += [answer(f"{n}", f"a{n}", n) for n in range(WAITING + 3)]
    for one in messages:
        after = told(waiting, one, _nobody)
        waiting, let_go = after.waiting, [*let_go, *after.let_go]
    assert (len(waiting.starts), len(waiting.answers)) == (WAITING, WAITING)
    assert let_go == [*messages[:2], *messages[WAITING + 2 :][:3]]


def test_of_the_starts_that_have_their_answer_the_newest_few_are_remembered() -> None:
    waiting = Waiting()
    for n in range(100):
        for one in (start(f"s{n}", f"{n}", n), answer(f"{n}", f"{n}", n)):
            after = told(waiting, one, _nobody)
            waiting = after.waiting
            assert after.let_go == ()
    assert (len(waiting.starts), waiting.answers) == (REQUESTS, ())


def test_an_answer_that_two_recorders_saw_waits_for_nothing() -> None:
    waiting = Waiting()
    for one in (start("a", "1", 0), answer("7", "1", 1), answer("7", "1", 1.01)):
        waiting = told(waiting, one, _nobody).waiting
    assert waiting.answers == ()


# The sessions


class Files(NamedTuple):
    """The calls in one file and the answers in another, each in order."""

    calls: list[ChargingEvent]
    answers: list[ChargingEvent]


def charging(
    minute: float,
    connector: int,
    message_id: str,
    transaction: str,
    *,
    answered: bool = True,
    meter: bool = False,
    lasts: float = 60,
) -> list[tuple[float, bool, ChargingEvent]]:
    """What is said of one session, each with when it arrived and whether the station said it."""
    begin = Decimal(1000 * round(minute))
    started = TransactionStarted(**_COMMON, at=at(minute), evse=connector, token=TokenUid("A"), meter_start_wh=WattHours(begin))
    named = TransactionId(transaction)
    requested = StartRequested(station=STATION, message_id=message_id, start=event_id(started), received_at=at(minute))
    ended = TransactionEnded(**_COMMON, at=at(minute + lasts), transaction=named, meter_stop_wh=WattHours(begin + 500))
    found: list[tuple[float, bool, ChargingEvent]] = [(minute, True, started), (minute, True, requested)]
    if answered:
        conf = StartAnswered(station=STATION, message_id=message_id, transaction=named, received_at=at(minute + 0.01))
        found.append((minute + 0.01, False, conf))
    if meter:
        sample = Sample(at=at(minute + lasts / 2), value=begin + 200)
        sampled = MeterSampled(**_COMMON, evse=connector, transaction=named, samples=(sample,))
        found.append((minute + lasts / 2, True, sampled))
    return [*found, (minute + lasts, True, ended)]


def files(*sessions: list[tuple[float, bool, ChargingEvent]]) -> Files:
    said = sorted((one for session in sessions for one in session), key=lambda one: one[0])
    return Files([event for _, is_call, event in said if is_call], [event for _, is_call, event in said if not is_call])


def in_order(*sessions: list[tuple[float, bool, ChargingEvent]]) -> list[ChargingEvent]:
    return [event for _, _, event in sorted((one for session in sessions for one in session), key=lambda one: one[0])]


def sessions_of(folding: Folding) -> list[bytes]:
    """By start. Every end that had no session has found one."""
    merged = {each.session for each in folding.out if isinstance(each, SessionMerged)}
    assert {each.session for each in folding.findings if each.finding is Finding.END_WITHOUT_START} <= merged
    return sorted(folding.result()[0])


def forty() -> list[list[tuple[float, bool, ChargingEvent]]]:
    """On two connectors at a time, for twenty days; each night the station and its CSMS count from 1 again."""
    return [
        charging(day * 1440 + connector * 5, connector, f"{connector}", f"{connector}")
        for day in range(20)
        for connector in (1, 2)
    ]


def test_forty_sessions_are_the_same_in_one_file_and_in_two() -> None:
    whole, (calls, answers) = fold(in_order(*forty())), files(*forty())
    assert len(sessions_of(whole)) == 40
    assert sessions_of(fold([*answers, *calls])) == sessions_of(fold([*calls, *answers])) == sessions_of(whole)
    assert sessions_of(fold([*calls, *reversed(answers)])) == sessions_of(whole)


def test_what_waits_is_saved_and_restored_like_every_state() -> None:
    calls, answers = files(*forty())
    folding = fold(calls)
    state = folding.stations[STATION]
    assert len(state.starts) == 40
    again = _DECODER.decode(_ENCODER.encode(state))
    assert isinstance(again, StationState) and again == state
    folding.stations[STATION] = again
    assert sessions_of(folding.tell(answers)) == sessions_of(fold(in_order(*forty())))


@st.composite
def stays(draw: st.DrawFn) -> list[list[tuple[float, bool, ChargingEvent]]]:
    """Sessions on up to three connectors that overlap between connectors; ids are used again after each boot. Where there is
    one connector, some starts are never answered: what stops then is what runs.
    """
    found, reused, connectors = [], draw(st.booleans()), draw(st.integers(1, 3))
    for boot in range(draw(st.integers(1, 3))):
        number = 0
        for visit in range(draw(st.integers(1, 2))):
            for connector in range(1, connectors + 1):
                number += 1
                found.append(
                    charging(
                        boot * 1440 + visit * 240 + connector * draw(st.sampled_from([1, 5])),
                        connector,
                        f"{number}",
                        f"{number}" if reused else f"{boot}{number}",
                        answered=connectors > 1 or draw(st.booleans()),
                        meter=draw(st.booleans()),
                        lasts=draw(st.sampled_from([30, 60, 90, 200])),
                    )
                )
    return found


@given(stays(), st.data())
def test_calls_and_answers_give_the_same_sessions_however_their_files_are_interleaved(
    sessions: list[list[tuple[float, bool, ChargingEvent]]], data: st.DataObject
) -> None:
    """Also where some of them were seen by a second recorder, a moment later."""
    whole, (calls, answers) = fold(in_order(*sessions)), files(*sessions)
    seen = data.draw(st.lists(st.sampled_from([*calls, *answers]), max_size=3))
    twice = [_a_moment_later(each) for each in seen if isinstance(each, StartAnswered)]
    answers = data.draw(st.permutations([*answers, *twice]))
    again = [_a_moment_later(each) for each in seen]
    is_answer = data.draw(st.permutations([False] * len(calls) + [True] * len(answers)))
    told_in: list[Decoded] = [(answers if each else calls).pop(0) for each in is_answer]
    assert sessions_of(fold([*told_in, *again])) == sessions_of(whole)
    assert len(sessions_of(whole)) == len(sessions)


def _a_moment_later(event: ChargingEvent) -> ChargingEvent:
    if isinstance(event, StartRequested | StartAnswered) and event.received_at is not None:
        return structs.replace(event, received_at=event.received_at + timedelta(seconds=0.1))
    return event


def test_an_answer_that_came_long_after_a_start_is_another_ones_until_messages_say_otherwise() -> None:
    """The first day's answer was not recorded, and the second day's came first, under the same message id."""
    lost = charging(0, 1, "1", "1", answered=False, meter=True)
    known = charging(1440, 1, "1", "2", meter=True)
    calls, answers = files(lost, known)
    assert sessions_of(fold([*answers, *calls])) == sessions_of(fold([*calls, *answers]))
    assert len(sessions_of(fold([*answers, *calls]))) == 2


def test_a_late_answer_is_believed_where_no_other_start_is_told() -> None:
    calls, [conf] = files(charging(0, 1, "1", "1"))
    late = structs.replace(conf, received_at=at(0) + PROMPT * 2)
    other = in_order(charging(1, 2, "2", "2"))
    assert len(sessions_of(fold([*calls[:2], late, *other, *calls[2:]]))) == 2


def test_an_answer_that_waited_in_vain_is_told() -> None:
    answers = [
        StartAnswered(station=STATION, message_id=f"m{n}", transaction=TransactionId(f"{n}"), received_at=at(n))
        for n in range(WAITING + 1)
    ]
    [found] = fold(answers).findings
    assert found.finding is Finding.ANSWER_WITHOUT_START
    assert found.detail == "transaction 0, answer to m0, arrived at 2026-10-05T00:00:00+00:00"
    assert fold([*answers, *answers]).findings == [found]


def test_a_start_that_waited_in_vain_is_told_where_nothing_else_gave_its_transaction() -> None:
    told_of = [charging(n * 60, 1, f"m{n}", f"{n}", answered=False, lasts=50) for n in range(WAITING + 2)]
    without_stop = [one for one in told_of[0] if not isinstance(one[2], TransactionEnded)]
    [found] = fold(in_order(without_stop, *told_of[1:])).findings
    assert found.finding is Finding.START_UNANSWERED
    assert found.detail == "message m0, arrived at 2026-10-05T00:00:00+00:00"
    assert fold(in_order(*told_of)).findings == []


# By which rules


def test_an_answer_finds_the_start_that_was_told_while_older_rules_held() -> None:
    both = charging(0, 1, "1", "7"), charging(5, 2, "2", "8")
    calls, answers = files(*both)
    folding = Folding()
    folding.rules = FIRST
    began = [each for each in calls if not isinstance(each, TransactionEnded)]
    folding.tell(structs.replace(each, received_at=None) if isinstance(each, StartRequested) else each for each in began)
    folding.rules = RULES
    folding.tell([*answers, *(each for each in calls if isinstance(each, TransactionEnded))])
    assert len(sessions_of(folding)) == 2 and folding.stations[STATION].answers == ()


def test_by_the_first_rules_an_answer_that_comes_first_is_none() -> None:
    calls, answers = files(charging(0, 1, "1", "7"), charging(5, 2, "2", "8"))
    folding = Folding()
    folding.rules = FIRST
    folding.tell([*answers, *calls])
    assert [found.finding for found in folding.findings] == [Finding.END_WITHOUT_START] * 2
    assert folding.stations[STATION].answers == () and folding.stations[STATION].starts == ()


def test_a_state_that_was_saved_before_answers_waited_is_read() -> None:
    """It has a field less for each session."""
    state = StationState(sessions=(OnConnector(SessionId("s"), 1, at(0), TransactionId("7"), False),))
    older = msgspec.msgpack.decode(_ENCODER.encode(state))
    older["sessions"] = [session[:5] for session in older["sessions"]]
    assert _DECODER.decode(msgspec.msgpack.encode(older)) == state
