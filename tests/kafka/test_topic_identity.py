"""A topic that was made anew under its old name is another topic, however long it is: nobody goes on in the middle of it."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from subprocess import Popen

import pytest
from click.testing import CliRunner
from kafka import KafkaAdminClient, TopicPartition
from sqlalchemy import Engine

from streams.kafka_client import Admin, KafkaRefused, Publisher, Reader, Topic
from streams.kafka_following import TopicReader
from streams.kafka_options import KafkaOptions
from streams.kafka_topics import TOPICS, Spec, create
from streams.lanes import RAW, SteppedLanes
from streams.places import Offset, Partition, Taken, lane_of, place_of
from streams.sql_states import SqlStates
from streams.topic_identity import TopicIdentity, TopicMadeAnew, TopicUnknown, TopicWatch, adopt_topic, topic_of
from tests.kafka.conftest import MakeTopic
from tests.kafka.test_worker_metrics import SESSION, Site, wait_for
from wattbook.cli import cli
from wattbook.database import open_database, reading, writing
from wattbook.dev_kafka import KafkaCluster
from wattbook.wiring import VERBS, create_tables, unit_over

P0, P1 = Partition(0), Partition(1)


# Lanes


class Brokers:
    """What they say of the raw topic, and what is said of them."""

    def __init__(self) -> None:
        self.topic_id, self.said = "one", list[tuple[list[Partition], str]]()

    @property
    def watch(self) -> TopicWatch:
        return TopicWatch(
            lambda: TopicIdentity(self.topic_id, "zz.raw"),
            lambda partitions, found: self.said.append(([*partitions], found.id)),
        )


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database, create=True)
    with writing(engine) as connection:
        create_tables(connection)
    yield engine
    engine.dispose()


def worker(engine: Engine, brokers: Brokers | None) -> SteppedLanes:
    return SteppedLanes(partial(unit_over, engine), VERBS, None, brokers.watch if brokers else None)


def records(*offsets: int) -> Sequence[Taken]:
    return [Taken(P0, Offset(offset), b"HAM-0001", b"{", (), 0) for offset in offsets]


def test_a_lane_goes_on_in_its_topic_and_in_no_other_of_that_name(engine: Engine) -> None:
    brokers = Brokers()
    first = worker(engine, brokers)
    assert (first.assigned(P0), first.assigned(P1)) == (0, 0)
    first.process(P0, records(0, 1))
    assert worker(engine, brokers).assigned(P0) == 2
    brokers.topic_id = "two"
    with pytest.raises(TopicMadeAnew, match=r"zz\.raw/0: .*its id is two, .*is one\. .*`wattbook topics adopt`"):
        worker(engine, brokers).assigned(P0)
    assert brokers.said == [([P0, P1], "one")], "one line for all that were taken up together"


def test_a_lane_that_has_taken_nothing_takes_the_topic_that_is_there(engine: Engine) -> None:
    brokers = Brokers()
    worker(engine, brokers).assigned(P0)
    brokers.topic_id = "two"
    second = worker(engine, brokers)
    assert second.assigned(P0) == 0
    second.process(P0, records(0))
    brokers.topic_id = "one"
    with pytest.raises(TopicMadeAnew):
        worker(engine, brokers).assigned(P0)


@pytest.mark.parametrize("note", [None, b" zz.raw"], ids=["no note", "a name alone"])
def test_a_lane_that_has_processed_messages_of_it_does_not_know_which_topic_takes_none(
    engine: Engine, note: bytes | None
) -> None:
    """The notes were removed past wattbook, or never made: any topic that is there would be taken for the one that was."""
    before = worker(engine, brokers := Brokers())
    before.assigned(P0)
    before.process(P0, records(0, 1))
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM state WHERE key LIKE 'topic:%%'")
        if note:
            SqlStates(connection).save({"topic:0": note})
    with pytest.raises(TopicUnknown, match=r"zz\.raw/0: the database .* has no note of the topic .*`wattbook topics adopt`"):
        worker(engine, brokers).assigned(P0)
    assert worker(engine, brokers).assigned(P1) == 0, "a lane that has taken nothing takes the topic that is there"
    with unit_over(engine) as unit:
        assert adopt_topic(unit.states, P0, TopicIdentity("one", "zz.raw"), may_be_another=True)
    assert worker(engine, brokers).assigned(P0) == 2


def test_brokers_that_know_no_ids_stop_nobody(engine: Engine) -> None:
    brokers = Brokers()
    first = worker(engine, brokers)
    first.assigned(P0)
    first.process(P0, records(0))
    brokers.topic_id = ""
    assert worker(engine, brokers).assigned(P0) == 1


def test_a_database_that_knows_the_id_alone_takes_up_the_name(engine: Engine) -> None:
    before = worker(engine, None)
    before.assigned(P0)
    before.process(P0, records(0))
    with unit_over(engine, lane_of(P0)) as unit:
        unit.states.save({"topic:0": b"one"})
    brokers = Brokers()
    assert worker(engine, brokers).assigned(P0) == 1
    brokers.topic_id = "two"
    with pytest.raises(TopicMadeAnew):
        worker(engine, brokers).assigned(P0)
    with reading(engine) as connection:
        assert topic_of(SqlStates(connection), P0) == ("one", "zz.raw")


# Brokers


def test_a_topic_has_an_id_and_another_one_when_it_is_made_anew(admin: Admin, topic: MakeTopic) -> None:
    name = topic()
    first = admin.topic_id(name)
    assert len(first) == 36 and admin.topic_id(name) == first
    admin.delete([name])
    with pytest.raises(KafkaRefused, match="no such topic"):
        admin.topic_id(name)
    admin.create([Topic(name, 1, 1, {})])
    assert admin.topic_id(name) not in (first, "")


# Workers


def processed(site: Site) -> int:
    engine = open_database(site.environment["WATTBOOK_DATABASE"], create=False)
    try:
        with reading(engine) as connection:
            return sum(place_of(SqlStates(connection, lane_of(p)).position(RAW))[0] for p in (P0, P1))
    finally:
        engine.dispose()


@pytest.mark.parametrize("engine_name", ["faust", "plain"])
def test_a_worker_stops_at_a_topic_that_was_made_anew_and_goes_on_in_one_that_was_adopted(
    tmp_path: Path, kafka: KafkaCluster, options: KafkaOptions, admin: Admin, database: str, prefix: str, engine_name: str
) -> None:
    site = Site(tmp_path, kafka, database, prefix)
    site.command("import", str(SESSION))
    with site.worker("--engine", engine_name) as (process, log):
        wait_for(lambda: processed(site) == 20, log)
        assert "topic_taken_up" in log()
        _ended(process, log, status=0)
    admin.delete([options.topic("raw")])
    create(admin, Spec(prefix, 2, 1))
    for _ in range(2):
        site.command("import", str(SESSION))  # longer than the old one
    with site.worker("--engine", engine_name) as (process, log):
        assert process.wait(60) == 70, log()
        last = json.loads(log().splitlines()[-1])
        assert (last["event"], last["kind"]) == ("worker_failed", "TopicMadeAnew")
        assert "the topic was made anew" in last["error"]
    assert processed(site) == 20
    assert "1 partition of" in site.command("topics", "adopt"), "nothing was in the other one"
    assert "0 partitions" in site.command("topics", "adopt")
    with site.worker("--engine", engine_name) as (process, log):
        wait_for(lambda: processed(site) == 40, log)
        _ended(process, log, status=0)


def test_another_prefix_is_told_as_that_and_a_topic_that_is_too_short_is_not_adopted(
    tmp_path: Path, kafka: KafkaCluster, options: KafkaOptions, admin: Admin, database: str, prefix: str
) -> None:
    site = Site(tmp_path, kafka, database, prefix)
    site.command("import", str(SESSION))
    with site.worker("--engine", "plain") as (process, log):
        wait_for(lambda: processed(site) == 20, log)
        _ended(process, log, status=0)
    other = replace(options, prefix=f"{prefix}zz.")
    create(admin, Spec(other.prefix, 2, 1))
    renamed = site.environment | {"WATTBOOK_KAFKA_PREFIX": other.prefix}
    asks = f"this database processes {prefix}raw; WATTBOOK_KAFKA_PREFIX={prefix}zz. names {prefix}zz.raw: is the prefix right?"
    for words in (["import", str(SESSION)], ["audit", "replay"], ["worker", "--engine", "plain"]):
        assert asks in told(words, renamed)
    before = topics_of(site)
    [used] = [partition for partition in (P0, P1) if ends(options)[partition]]
    assert f"{other.topic('raw')}/{used} is empty, but offsets 0 to 19 were processed" in told(["topics", "adopt"], renamed)
    assert topics_of(site) == before
    copy(options, other, used)
    with closing(KafkaAdminClient(bootstrap_servers=list(options.servers))) as broker:
        broker.delete_records({TopicPartition(other.topic("raw"), used): 3})
    refused = told(["topics", "adopt"], renamed)
    assert f"{other.topic('raw')}/{used} holds offsets 3 to 19, but offsets 0 to 19 were processed" in refused
    assert "offsets 0 to 2 are not there" in refused
    assert topics_of(site) == before
    admin.delete([other.topic("raw")])
    create(admin, Spec(other.prefix, 2, 1))
    copy(options, other, used)
    assert "2 partitions of" in CliRunner().invoke(cli, ["topics", "adopt"], env=renamed).output
    assert CliRunner().invoke(cli, ["audit", "replay"], env=renamed).exit_code == 0
    assert f"this database processes {prefix}zz.raw; " in told(["audit", "replay"], site.environment)
    admin.delete([other.topic(name) for name in TOPICS])


def copy(options: KafkaOptions, other: KafkaOptions, partition: Partition) -> None:
    """A partition of the raw topic, record for record."""
    with Publisher(other) as publisher, Reader(options, options.topic("raw"), partition) as records:
        for taken in (taken for page in records.to_end(Offset(0)) for taken in page):
            publisher.send(other.topic("raw"), partition, taken.key, taken.value, taken.headers)
        publisher.flush()


def told(words: list[str], environment: dict[str, str]) -> str:
    """What a command that is refused says."""
    done = CliRunner().invoke(cli, words, env=environment)
    assert done.exit_code != 0, done.output
    return " ".join(f"{done.output} {done.exception}".split())


def ends(options: KafkaOptions) -> dict[Partition, Offset]:
    with TopicReader(options, options.topic("raw")) as reader:
        return reader.end()


def topics_of(site: Site) -> list[TopicIdentity]:
    engine = open_database(site.environment["WATTBOOK_DATABASE"], create=False)
    try:
        with reading(engine) as connection:
            return [topic_of(SqlStates(connection), partition) for partition in (P0, P1)]
    finally:
        engine.dispose()


def _ended(process: "Popen[str]", log: Callable[[], str], status: int) -> None:
    process.terminate()
    assert process.wait(10) == status, log()
