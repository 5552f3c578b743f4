"""Lanes over PostgreSQL: cut, interleaved, taken over, crashed at any operation, and late facts: always the fold's result."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from threading import Thread
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from streams.embedded_runtime import Input
from streams.log import Stream
from streams.places import Partition, position_of
from tests.one_result.digests import assert_same
from tests.one_result.lane_world import PARTITIONS, POISON, Topic, World, emptied
from tests.one_result.network import STATIONS, facts
from tests.one_result.pure_fold import Input as Told
from tests.one_result.pure_fold import fold
from tests.one_result.traffic import recorded, sequence, sequences, visits
from tests.one_result.ways import ISSUED_AT, RUN
from vocabulary.billing import InvoiceRunRequested
from vocabulary.charging import RawMessage
from vocabulary.codec import ReferenceFact
from vocabulary.decoded import Decoded
from vocabulary.identity import EventId
from vocabulary.quarantine import QuarantineReason
from wattbook.database import reading
from wattbook.fact_keys import key_of
from wattbook.lane_audit import replay_over
from wattbook.wiring import VERBS, runtime_over


class Doing(NamedTuple):
    """Something that a worker does, and at which of its operations it crashes meanwhile (0: at none)."""

    what: str
    worker: int
    partition: Partition
    size: int
    crash_in: int


doings = st.builds(
    Doing,
    what=st.sampled_from(["read", "read", "read", "read", "read again", "settle", "give back"]),
    worker=st.integers(0, 1),
    partition=st.integers(0, PARTITIONS - 1).map(Partition),
    size=st.sampled_from([1, 2, 5, 13, 60]),
    crash_in=st.just(0) | st.integers(0, 60),
)


def do(world: World, doing: Doing) -> None:
    with world.crashing(doing.worker, doing.crash_in) as worker:
        match doing.what:
            case "read":
                worker.read(doing.partition, doing.size)
            case "read again":
                worker.read_again(doing.partition, back=doing.size, size=2 * doing.size)
            case "settle":
                worker.settle()
            case _:
                worker.give_back(doing.partition)


def publish(engine: Engine, published: Sequence[ReferenceFact]) -> None:
    runtime_over(engine, 100).publish(published, key_of)


def told_to_a_worker(engine: Engine, inputs: Sequence[Told]) -> World:
    """One worker over an empty database, to which all of it came in this order."""
    publish(emptied(engine), [])
    world = World(engine, Topic(), VERBS, workers=1)
    for each in inputs:
        match each:
            case RawMessage():
                world.topic.append(each)
            case InvoiceRunRequested():
                world.drain()
                runtime_over(engine, 100).carry_out(Input(Stream.COMMANDS, "invoice-run", each))
            case _:
                world.drain()
                publish(engine, [each])
    world.drain()
    return world


def run_invoices(engine: Engine) -> None:
    runtime_over(engine, 100).carry_out(Input(Stream.COMMANDS, "invoice-run", RUN))


def topic_of(messages: Sequence[RawMessage]) -> Topic:
    topic = Topic()
    for message in messages:
        topic.append(message)
    return topic


@settings(max_examples=25)
@given(sequences(), st.lists(doings, max_size=40))
def test_whatever_workers_do_and_wherever_they_crash(engine: Engine, messages: list[RawMessage], done: list[Doing]) -> None:
    """Two workers that both believe to own every partition, as zombies do. Events and states are the fold's byte for byte."""
    known, late = facts()
    publish(emptied(engine), [*known, *late])
    world = World(engine, topic_of(messages), VERBS)
    for doing in done:
        do(world, doing)
    world.drain()
    run_invoices(engine)
    assert_same(fold([*known, *late, *messages, RUN]), world.result(), "the lanes")
    assert world.broken_chains() == []
    assert world.unsaved() == [], "where nothing is left to do, the saved states know every event"


@settings(max_examples=20)
@given(sequences(), st.lists(doings, min_size=2, max_size=30), st.integers(0, 30))
def test_a_fact_that_becomes_known_on_the_way_decides_no_amount(
    engine: Engine, messages: list[RawMessage], done: list[Doing], known_at: int
) -> None:
    """Each lane takes it up at another message: what is owed by whom, and on which invoice, is the same."""
    known, late = facts()
    publish(emptied(engine), known)
    world = World(engine, topic_of(messages), VERBS)
    for number, doing in enumerate(done):
        if number == known_at:
            publish(engine, late)
        do(world, doing)
    publish(engine, late)
    world.drain()
    run_invoices(engine)
    assert_same(fold([*known, *messages, *late, RUN]).money(), world.result().money(), "the lanes")


def test_a_crash_at_every_operation_of_every_batch_one_after_the_other(engine: Engine) -> None:
    """Before it, after it, before the commit and after it; while states are saved, and while a fact is taken up."""
    random = Random(11)
    messages = sequence(random, visits(random, sorted(STATIONS)[:5], 1))
    known, late = facts()
    publish(emptied(engine), known)
    world = World(engine, topic_of(messages), VERBS, workers=1)
    for number in range(6):
        if number == 3:
            publish(engine, late)
        for what in ("read", "settle", "settle"):
            _crash_at_every_operation(world, Doing(what, 0, Partition(number % PARTITIONS), 12, crash_in=0))
    assert world.crashes > 150
    world.drain()
    run_invoices(engine)
    assert_same(fold([*known, *messages, *late, RUN]).money(), world.result().money(), "the lanes")
    assert world.broken_chains() == []


def _crash_at_every_operation(world: World, doing: Doing) -> None:
    for crash_in in count(1):
        before = world.crashes
        do(world, doing._replace(crash_in=crash_in))
        if world.crashes == before:
            return


def test_states_are_saved_after_an_event_that_changes_none_of_them(engine: Engine) -> None:
    """Else the lane would never come to rest: a replay leaves out the states of one that is not saved."""
    emptied(engine)
    world = World(engine, topic := topic_of(sequence(Random(1), visits(Random(1), sorted(STATIONS)[:1], 1))), VERBS, workers=1)
    station = RawMessage(station=min(STATIONS), frame="no frame", received_at=ISSUED_AT)
    partitions = [p for p, records in topic.partitions.items() if records]
    for more in ((), (station,)):
        for message in more:
            topic.append(message)
        for partition in partitions:
            while world.workers[0].read(partition, 10):
                pass
        for _ in range(2):
            world.workers[0].settle()
        assert world.unsaved() == []


def decode_or_fail(raw: RawMessage, identify: Callable[[RawMessage], EventId], rules: int) -> tuple[Decoded, ...]:
    if is_unbearable(raw):
        raise ValueError("a mistake of ours")
    return VERBS.decode(raw, identify, rules)


def is_unbearable(raw: RawMessage) -> bool:
    """One in about fifteen, whatever it says."""
    return sum(raw.frame.encode()) % 15 == 0


@settings(max_examples=12)
@given(
    sequences(),
    st.lists(doings, max_size=20),
    st.lists(st.tuples(st.integers(0, len(POISON)), st.integers(0, PARTITIONS - 1), st.integers(0, 200)), max_size=8),
    st.lists(st.tuples(st.integers(0, PARTITIONS - 1), st.integers(0, 200)), max_size=8),
)
def test_poison_is_quarantined_once_and_what_a_transaction_left_out_is_no_loss(
    engine: Engine,
    messages: list[RawMessage],
    done: list[Doing],
    poison: list[tuple[int, int, int]],
    holes: list[tuple[int, int]],
) -> None:
    """Records that are no messages, messages on which our own functions fail, and offsets that hold nothing."""
    topic = Topic()
    for place, message in enumerate(messages):
        for number, partition, at in poison:
            if at == place:
                topic.append_poison(number, Partition(partition))
        for partition, at in holes:
            if at == place:
                topic.skip(Partition(partition))
        topic.append(message)
    known, late = facts()
    publish(emptied(engine), [*known, *late])
    world = World(engine, topic, VERBS._replace(decode=decode_or_fail))
    for doing in done:
        do(world, doing)
    world.drain()
    bearable = [message for message in messages if not is_unbearable(message)]
    assert_same(fold([*known, *late, *bearable]), world.result(), "the lanes")
    found = world.quarantine()
    assert len({(each.partition, each.offset) for each in found}) == len(found), "each once"
    by_steps = [each for each in found if each.reason is QuarantineReason.STEPS_FAIL]
    assert (len(by_steps), len(found) - len(by_steps)) == (len(messages) - len(bearable), topic.poisoned)


def test_many_messages_on_which_our_functions_fail_do_not_have_the_others_done_again_for_each(engine: Engine) -> None:
    decoded = Counter[str]()

    def decode(raw: RawMessage, identify: Callable[[RawMessage], EventId], rules: int) -> tuple[Decoded, ...]:
        decoded[raw.frame] += 1
        if _ends_with_7(raw):
            raise ValueError("a mistake of ours")
        return VERBS.decode(raw, identify, rules)

    topic, known = Topic(), facts()[0]
    for number in range(200):
        topic.append(RawMessage(station=min(STATIONS), frame=f'[2,"{number}","Heartbeat",{{}}]', received_at=ISSUED_AT))
    publish(emptied(engine), known)
    world = World(engine, topic, VERBS._replace(decode=decode))
    [partition] = [p for p, records in topic.partitions.items() if records]
    with world.crashing(0, 0) as worker:
        assert worker.read(partition, 200) == 200
    found = world.quarantine()
    assert [each.offset for each in found] == list(range(7, 200, 10))
    assert decoded.total() < 6 * len(decoded), "each a few times, and not once more for each of the 20 mistakes after it"


def _ends_with_7(raw: RawMessage) -> bool:
    return raw.frame.split('"')[1].endswith("7")


def test_a_replay_reads_over_the_marks_of_transactions_and_finds_what_is_missing_beside_them(engine: Engine) -> None:
    """Before the first message, between others, several at a time, and last; and none of them is taken for a lost message."""
    random = Random(21)
    messages = sequence(random, [*visits(random, sorted(STATIONS), 1), *recorded()])
    topic = Topic(hashed=True)
    for message in [*messages, None]:
        for partition in topic.partitions:
            for _ in range(random.choice((0, 0, 0, 1, 2)) if message and topic.partitions[partition] else 1):
                topic.skip(partition)
        if message:
            topic.append(message)
    known, late = facts()
    publish(emptied(engine), [*known, *late])
    world = World(engine, topic, VERBS)
    world.drain()
    assert all(0 < len(records) < records[-1].offset for records in topic.partitions.values()), "holes in each"
    with reading(engine) as stored:
        whole = replay_over(stored, topic.pages, PARTITIONS)
        assert (whole.difference, whole.unsaved) == (None, ())
        assert whole.inputs == len(messages) and whole.entries
        taken = next(taken for taken in topic.partitions[Partition(1)] if b"TransactionEvent" in (taken.value or b""))
        topic.partitions[Partition(1)].remove(taken)
        found = replay_over(stored, topic.pages, PARTITIONS).difference
        place = position_of(Partition(1), taken.offset)
        assert found is not None and (found.what, found.partition, found.input) == ("events", 1, place)


def test_two_workers_on_the_same_partitions_at_the_same_time(engine: Engine) -> None:
    """Really at once: a lane's lock lets one in after the other; the ledger's head and balances are shared by all lanes."""
    random = Random(12)
    messages = sequence(random, [*visits(random, sorted(STATIONS), 2), *recorded()])
    known, late = facts()
    publish(emptied(engine), [*known, *late])
    world = World(engine, topic_of(messages), VERBS)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        chance = Random(number)
        try:
            while sum(world.workers[number].read(Partition(p), chance.choice((3, 17, 40))) for p in range(PARTITIONS)):
                if chance.random() < 0.2:
                    world.workers[number].settle()
        except BaseException as failure:  # noqa: BLE001  # told below
            failures.append(failure)

    threads = [Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    world.drain()
    run_invoices(engine)
    assert_same(fold([*known, *late, *messages, RUN]), world.result(), "the lanes")
