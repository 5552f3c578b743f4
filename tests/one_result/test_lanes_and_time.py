"""Lanes that take up ticks and decisions: the fold's result byte for byte, whoever takes a lane over after which crash."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from ingest.captures import read_line
from streams.places import Partition
from tests.cases.outcome import inputs_of
from tests.cases.story import story_of
from tests.one_result.digests import assert_same
from tests.one_result.lane_world import PARTITIONS, Topic, World, emptied
from tests.one_result.network import STATIONS, corrected, facts
from tests.one_result.pure_fold import Input, PureFold, fold
from tests.one_result.test_lanes import Doing as Doing
from tests.one_result.test_lanes import do, doings, publish, run_invoices, told_to_a_worker
from tests.one_result.traffic import WILD, recorded, sequence, sequences, visits
from tests.one_result.ways import RUN
from vocabulary.charging import RawMessage
from vocabulary.codec import ReferenceFact, decode, encode
from vocabulary.identity import SessionId
from vocabulary.reference import ClockTicked, Decision, RulesAdopted, SessionDecided
from vocabulary.rules import RULES
from vocabulary.sessions import ChargeReversed, Finding, SessionDropped, SessionFlagged, SessionRated
from wattbook.database import reading
from wattbook.evidence import evidence
from wattbook.history import history
from wattbook.wiring import VERBS, store_on

BEGIN = datetime(2026, 10, 1, 6, tzinfo=UTC)


def known() -> list[ReferenceFact]:
    first, late = facts()
    return [*first, *late, RulesAdopted(number=RULES)]


def parts_of(messages: Sequence[RawMessage], cuts: Sequence[int]) -> list[Sequence[RawMessage]]:
    places = [0, *sorted(cut % (len(messages) + 1) for cut in cuts), len(messages)]
    return [messages[one:other] for one, other in pairwise(places)]


def office_facts(random: Random, messages: Sequence[RawMessage], number: int) -> list[list[ReferenceFact]]:
    """What the office says after each part but the last: it corrects the tariff the first time; releases, drops or re-rates two
    sessions, then ticks, later each time.
    """
    sessions = sorted(PureFold().tell([*known(), *messages]).sessions())
    said, at = [], BEGIN
    for _ in range(number):
        at += timedelta(hours=random.choice((1, 30, 80, 4000)))
        chosen = zip(random.sample(sessions, min(2, len(sessions))), random.sample([*Decision], 2), strict=False)
        decided = [SessionDecided(session=s, decision=decision, reason="why", at=at) for s, decision in chosen]
        said.append([*([] if said else [corrected()]), *decided, ClockTicked(at=at)])
    return said


def read_all(world: World, worker: int) -> None:
    """Without saving states at the end: who takes over must step again what is not saved."""
    for partition in map(Partition, range(PARTITIONS)):
        while world.workers[worker].read(partition, 13):
            pass


@settings(max_examples=12, deadline=None)
@given(
    sequences(rounds_max=1),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
    st.lists(doings, max_size=8),
)
def test_ticks_and_decisions_are_taken_up_as_the_fold_takes_them(
    engine: Engine, messages: list[RawMessage], cuts: list[int], random: Random, done: list[Doing]
) -> None:
    publish(emptied(engine), known())
    topic, story, parts = Topic(), [*known()], parts_of(messages, cuts)
    world = World(engine, topic, VERBS)
    for part, said in zip(parts, [*office_facts(random, messages, len(cuts)), []], strict=True):
        for message in part:
            topic.append(message)
        for doing in done[:3]:
            do(world, doing)
        read_all(world, random.randrange(2))
        story += [*part, *said]
        publish(engine, said)
        for doing in done[3:]:
            do(world, doing)
    world.drain()
    run_invoices(engine)
    assert_same(fold([*story, RUN]), world.result(), "the lanes")
    assert world.broken_chains() == []
    assert world.unsaved() == []


def test_a_crash_at_any_operation_while_a_tick_and_decisions_are_taken_up(engine: Engine) -> None:
    random = Random(3)
    messages = sequence(random, [*visits(random, sorted(STATIONS)[:4], 1), *recorded()[:4]], WILD)
    publish(emptied(engine), known())
    topic, story = Topic(), list[Input](known())
    world = World(engine, topic, VERBS, workers=1)
    parts = parts_of(messages, [len(messages) // 2])
    last: list[ReferenceFact] = [ClockTicked(at=BEGIN + timedelta(days=900))]
    for part, said in zip(parts, [*office_facts(random, parts[0], 1), last], strict=True):
        for message in part:
            topic.append(message)
        read_all(world, 0)
        story += [*part, *said]
        publish(engine, said)
        for crash_in in count(1):
            before = world.crashes
            read_all(world, 0)  # there is nothing to read: it owns the partitions then
            do(world, Doing("settle", 0, Partition(0), 1, crash_in))
            if world.crashes == before:
                break
    assert world.crashes > 20
    world.drain()
    result = world.result()
    assert_same(fold(story), result, "the lanes")
    kinds = {type(decode(body)) for body in result.conclusions}
    assert {ChargeReversed, SessionDropped} <= kinds, "the story is worth telling"
    with reading(engine) as connection:
        store = store_on(connection, PARTITIONS)
        rows = [*store.states.newest()]
        told = [history(store, row, store.ledger.entries_of(row.session)) for row in rows]
        shown = {(row.session, f.finding, f.detail) for row in rows for f in evidence(store, row, None).findings}
    reversals = Counter(encode(each) for found in told for each in found.reversals)
    assert reversals == Counter(b for b in result.conclusions.elements() if isinstance(decode(b), ChargeReversed))
    concluded = [decode(body) for body in result.conclusions]
    flagged = {(each.session, each.finding, each.detail) for each in concluded if isinstance(each, SessionFlagged)}
    assert shown == flagged != set(), "no finding is without a screen"
    decided = [each for each in story if isinstance(each, SessionDecided)]
    assert sorted(each.session for found in told for each in found.decisions) == sorted(each.session for each in decided)


def fails(*_: object) -> Any:
    raise KeyError


def drop_all(sessions: Sequence[SessionId], reason: str = "why") -> list[ReferenceFact]:
    return [SessionDecided(session=s, decision=Decision.DROP, reason=reason, at=BEGIN) for s in sessions]


def tick(_: Sequence[SessionId]) -> list[ReferenceFact]:
    return [ClockTicked(at=BEGIN + timedelta(days=900))]


@pytest.mark.parametrize(
    ("broken", "said"),
    [("streams.decisions.decide", drop_all), ("streams.batch.conclude_overdue", tick)],
    ids=["decision", "tick"],
)
def test_a_mistake_of_ours_in_a_decision_or_a_tick_stops_no_lane(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, broken: str, said: Callable[[Sequence[SessionId]], list[ReferenceFact]]
) -> None:
    random = Random(3)
    messages = sequence(random, [*visits(random, sorted(STATIONS)[:3], 1)], WILD)
    messages = messages[: len(messages) // 2]  # some sessions wait for their end
    publish(emptied(engine), known())
    topic = Topic()
    world = World(engine, topic, VERBS, workers=1)
    for message in messages:
        topic.append(message)
    world.drain()
    sessions = sorted(PureFold().tell([*known(), *messages]).sessions())
    with monkeypatch.context() as patch:
        patch.setattr(broken, fails)
        publish(engine, said(sessions))
        world.drain()
    told = [decode(body) for body in world.result().conclusions]
    failed = {each.session for each in told if isinstance(each, SessionFlagged) and each.finding is Finding.STEPS_FAIL}
    assert failed
    publish(engine, drop_all(sessions, "again"))
    world.drain()
    assert failed <= {e.session for b in world.result().conclusions if isinstance(e := decode(b), SessionDropped)}


STOP = '{at}Z 1.6-01 > [2,"e{wh}","StopTransaction",{{"transactionId":7,"meterStop":{wh},"timestamp":"{at}Z"}}]'
BEGUN = '{"connectorId":1,"idTag":"TOKEN-A","meterStart":1000,"timestamp":"2026-10-01T08:00:00Z"}'
START = (
    f'2026-10-01T08:00:00Z 1.6-01 > [2,"s","StartTransaction",{BEGUN}]',
    '2026-10-01T08:00:00Z 1.6-01 < [3,"s",{"transactionId":7,"idTagInfo":{"status":"Accepted"}}]',
)


def lines(*told: str) -> list[RawMessage]:
    found = [read_line(line.encode(), 1) for line in told]
    return [message for message in found if isinstance(message, RawMessage)]


def test_who_takes_a_lane_over_knows_that_a_session_was_dropped_with_its_end(engine: Engine) -> None:
    """The start comes after the decision, and the worker that heard it dies before it saves its states."""
    first, start = lines(STOP.format(at="2026-10-01T09:00:00", wh=6000)), lines(*START)
    last = lines(STOP.format(at="2026-10-01T09:30:00", wh=7000))
    publish(emptied(engine), known())
    topic = Topic()
    world = World(engine, topic, VERBS, workers=1)
    topic.append(*first)
    world.drain()
    [lost] = PureFold().tell([*known(), *first]).sessions()
    dropped = drop_all([lost])
    publish(engine, dropped)
    world.drain()
    for message in start:
        topic.append(message)
    read_all(world, 0)
    assert world.unsaved() != []
    topic.append(*last)
    world.drain()
    result = world.result()
    assert_same(fold([*known(), *first, *dropped, *start, *last]), result, "the lanes")
    told = [decode(body) for body in result.conclusions]
    assert len([each for each in told if isinstance(each, SessionDropped)]) == 2
    assert not [each for each in told if isinstance(each, SessionRated)]


def test_two_charges_of_one_evse_that_two_lanes_concluded_are_left_out_of_a_run(engine: Engine) -> None:
    """Their stations are told by different partitions: only an invoice run sees both."""
    case = Path(__file__).parents[1] / "cases" / "two_stations_tell_the_same_energy_of_one_socket" / "story.txt"
    story = inputs_of(story_of(case.read_text()))
    world = told_to_a_worker(engine, story)
    assert len([records for records in world.topic.partitions.values() if records]) > 1
    result = world.result()
    assert_same(fold(story), result, "the lanes")
    told = [decode(body) for body in result.conclusions]
    left_out = [each for each in told if isinstance(each, SessionFlagged) and each.finding is Finding.OVERLAPS]
    assert len(left_out) == 3
