"""Positions that somebody changed past wattbook: a worker refuses those that the log disproves, and nothing is done twice."""

from collections.abc import Callable
from random import Random

import pytest
from sqlalchemy import Engine

from streams.places import Partition
from streams.proven import PositionChanged
from tests.one_result.digests import Result, assert_same
from tests.one_result.lane_world import Topic, World, emptied
from tests.one_result.network import STATIONS, facts
from tests.one_result.pure_fold import fold
from tests.one_result.test_lanes import publish, run_invoices, topic_of
from tests.one_result.traffic import sequence, visits
from tests.one_result.ways import ISSUED_AT, RUN
from vocabulary.charging import RawMessage
from wattbook.database import writing
from wattbook.wiring import VERBS, runtime_over


def lived(engine: Engine) -> tuple[World, Result]:
    """What workers and an invoice run have done with some traffic, and what follows from it."""
    random = Random(12)
    messages = sequence(random, visits(random, sorted(STATIONS), 2))
    known, late = facts()
    publish(emptied(engine), [*known, *late])
    world = World(engine, topic_of(messages), VERBS)
    world.drain()
    run_invoices(engine)
    result = fold([*known, *late, *messages, RUN])
    assert_same(result, world.result(), "the lanes")
    return world, result


def change(engine: Engine, statement: str) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            "UPDATE position SET position = 0 WHERE consumer = 'states'",
            "`states` of lane 1 is 0, but the states know the events up",
        ),
        ("UPDATE position SET position = position + 4096 WHERE consumer = 'states'", "but the states know the events up to"),
        ("DELETE FROM position WHERE consumer = 'states'", "`states` of lane 1 is 0, but the states know"),
        ("UPDATE position SET position = 0 WHERE consumer = 'raw'", "`raw` of lane 1 is 0, but something follows from input"),
        ("DELETE FROM position WHERE consumer = 'raw'", "`raw` of lane 1 is 0, but something follows from input"),
    ],
)
def test_a_worker_takes_no_lane_whose_position_is_disproved(engine: Engine, changed: str, why: str) -> None:
    """Stepped twice by the same events, states would be others than those that follow from them."""
    world, result = lived(engine)
    change(engine, changed)
    with pytest.raises(PositionChanged) as refused:
        world.drain()
    assert why in str(refused.value)
    assert_same(result, world.result(), "the lanes")


def test_a_position_that_is_moved_under_a_worker_stops_it(engine: Engine) -> None:
    world, result = lived(engine)
    worker, topic = world.workers[0], world.topic
    [partition, *_] = [p for p, records in topic.partitions.items() if len(records) > 10]
    topic.append(rejected := RawMessage(station=_station_in(topic, partition), frame="no frame", received_at=ISSUED_AT))
    worker.read(partition, 50)
    change(engine, "UPDATE position SET position = 0 WHERE consumer IN ('raw', 'states')")
    topic.append(rejected)
    with pytest.raises(PositionChanged):
        worker.read(partition, 50)
    assert set(result.events) < set(world.result().events)
    assert world.result().entries == result.entries


def _station_in(topic: Topic, partition: Partition) -> str:
    return (topic.partitions[partition][0].key or b"").decode()


@pytest.mark.parametrize(
    "changed",
    [
        "UPDATE position SET position = 0 WHERE consumer = 'reference'",
        "UPDATE position SET position = position - 4096 WHERE consumer = 'raw' AND lane = {}",
    ],
    ids=["facts", "a message from which nothing followed"],
)
def test_what_is_processed_again_where_no_log_disproves_it_is_folded_away(engine: Engine, changed: str) -> None:
    world, result = lived(engine)
    [again, *_] = [(p, records[0]) for p, records in world.topic.partitions.items() if records]
    partition, first = again
    world.topic._append(partition, first.key, first.value, first.headers)
    world.drain()
    change(engine, changed.format(partition + 1))
    world.drain()
    run_invoices(engine)
    assert_same(result, world.result(), "the lanes")


def take_up_facts(engine: Engine) -> None:
    runtime_over(engine, 100).pump()


@pytest.mark.parametrize("act", [run_invoices, take_up_facts])
def test_a_command_is_not_carried_out_again_where_the_office_s_position_was_moved_back(
    engine: Engine, act: Callable[[Engine], None]
) -> None:
    """It would bill, under its old date, what was rated since."""
    world, result = lived(engine)
    change(engine, "UPDATE position SET position = 0 WHERE consumer = 'steps'")
    with pytest.raises(PositionChanged, match="`steps` of lane 0 is 0, but"):
        act(engine)
    assert_same(result, world.result(), "the lanes")
