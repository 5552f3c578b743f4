"""What somebody does to the raw topic while workers are at it: made anew under its name, or given more partitions."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from streams.kafka_client import Admin, Publisher
from streams.kafka_following import TopicReader
from streams.kafka_options import KafkaOptions
from streams.kafka_topics import Spec, create
from streams.lanes import GLANCE_EVERY_MS, RAW, SteppedLanes
from streams.log import Stream
from streams.partition_count import OtherPartitions, known_partitions
from streams.places import Offset, Partition, Taken, lane_of, place_of
from streams.raw_records import partition_of
from streams.sql_states import SqlStates
from streams.topic_identity import TopicIdentity, TopicMadeAnew, TopicWatch
from tests.kafka.test_topic_identity import processed
from tests.kafka.test_worker_metrics import SESSION, Site, Sites, two_sites, wait_for
from wattbook.cli import cli
from wattbook.database import open_database, reading, writing
from wattbook.dev_kafka import KafkaCluster
from wattbook.wiring import VERBS, create_tables, log_on, unit_over

__all__ = ["two_sites"]  # a fixture

P0, P1 = Partition(0), Partition(1)


# Lanes


class Brokers:
    """What they say of the raw topic, and when."""

    def __init__(self) -> None:
        self.topic_id, self.is_away, self.now_ms, self.asked = "one", False, 1, 0

    def ask(self) -> TopicIdentity:
        self.asked += 1
        return TopicIdentity(self.topic_id, "zz.raw")

    @property
    def watch(self) -> TopicWatch:
        glance = lambda: None if self.is_away else TopicIdentity(self.topic_id, "zz.raw")  # noqa: E731
        return TopicWatch(self.ask, lambda *_: None, glance, lambda: self.now_ms)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database, create=True)
    with writing(engine) as connection:
        create_tables(connection)
    yield engine
    engine.dispose()


def worker(engine: Engine, brokers: Brokers | None = None, partitions: int | None = None) -> SteppedLanes:
    return SteppedLanes(partial(unit_over, engine), VERBS, partitions, brokers.watch if brokers else None)


def records(partition: Partition, *offsets: int) -> list[Taken]:
    return [Taken(partition, Offset(offset), b"HAM-0001", b"{", (), 0) for offset in offsets]


def position(engine: Engine, partition: Partition) -> int:
    with reading(engine) as connection:
        return place_of(SqlStates(connection, lane_of(partition)).position(RAW))[0]


def test_the_topic_is_asked_for_with_the_records_of_every_batch_in_hand(engine: Engine) -> None:
    """Also where it is deleted, made anew, filled and read within the moment since it was asked for last."""
    brokers = Brokers()
    lanes = worker(engine, brokers)
    lanes.assigned(P0)
    lanes.process(P0, records(P0, 0))
    lanes.process(P0, records(P0, 1))
    assert brokers.asked == 3, "when it was assigned, and with the records of each batch"
    brokers.topic_id = "two"
    with pytest.raises(TopicMadeAnew, match=r"raw/0: .*its id is two, .*is one\."):
        lanes.process(P0, records(P0, 2))
    assert position(engine, P0) == 2, "nothing of it was processed"


def test_records_of_a_topic_that_was_made_anew_after_the_assignment_are_not_processed(engine: Engine) -> None:
    brokers = Brokers()
    lanes = worker(engine, brokers)
    lanes.assigned(P0)
    brokers.topic_id = "two"
    with pytest.raises(TopicMadeAnew):
        lanes.process(P0, records(P0, 0))


def test_a_topic_that_was_made_anew_is_seen_without_messages_and_without_partitions(engine: Engine) -> None:
    brokers = Brokers()
    lanes = worker(engine, brokers)
    lanes.assigned(P0)
    lanes.settle()
    lanes.revoked(P0)
    brokers.topic_id, brokers.is_away = "two", True
    brokers.now_ms += GLANCE_EVERY_MS
    lanes.settle()  # who does not answer is not waited for
    brokers.is_away = False
    lanes.settle()  # too early
    brokers.now_ms += GLANCE_EVERY_MS
    with pytest.raises(TopicMadeAnew):
        lanes.settle()


def test_the_number_of_partitions_is_noted_with_the_first_message_and_another_one_is_refused(engine: Engine) -> None:
    def noted() -> int | None:
        with reading(engine) as connection:
            return known_partitions(SqlStates(connection))

    first = worker(engine, partitions=4)
    at = partition_of(b"HAM-0001", 4)
    first.assigned(at)
    first.settle()
    assert noted() is None
    first.process(at, records(at, 0))
    assert noted() == 4
    second = worker(engine, partitions=5)
    second.assigned(at)
    with pytest.raises(OtherPartitions, match=r"PARTITIONS is 5, .* 4 partitions: the setting is what is wrong, write 4\."):
        second.process(at, records(at, 1))
    assert position(engine, at) == 1
    with reading(engine) as connection:
        assert "partitions" not in dict(SqlStates(connection).following()), "it follows from no input"
        assert log_on(connection, lane_of(at)).head(Stream.QUARANTINE).records == 0


# Workers


@pytest.mark.parametrize("engine_name", ["faust", "plain"])
def test_a_running_worker_stops_where_the_topic_is_made_anew(
    tmp_path: Path, kafka: KafkaCluster, options: KafkaOptions, admin: Admin, database: str, prefix: str, engine_name: str
) -> None:
    site = Site(tmp_path, kafka, database, prefix)
    site.command("import", str(SESSION))
    with site.worker("--engine", engine_name) as (process, log):
        wait_for(lambda: processed(site) == 20, log)
        admin.delete([options.topic("raw")])
        create(admin, Spec(prefix, 2, 1))
        for _ in range(3):
            site.command("import", str(SESSION))  # beyond the position
        assert process.wait(60) == 70, log()
        last = json.loads(log().splitlines()[-1])
        told = {"TopicMadeAnew", "LogUnusable"} if engine_name == "plain" else {"TopicMadeAnew"}
        assert last["event"] == "worker_failed" and last["kind"] in told, log()  # kafka-python may see it by itself, before us
    assert processed(site) == 20


@pytest.mark.parametrize("engine_name", ["faust", "plain"])
def test_a_running_worker_stops_where_partitions_are_added_and_the_database_stays_usable(
    tmp_path: Path, kafka: KafkaCluster, options: KafkaOptions, admin: Admin, database: str, prefix: str, engine_name: str
) -> None:
    site, raw = Site(tmp_path, kafka, database, prefix), options.topic("raw")
    site.command("import", str(SESSION))
    with site.worker("--engine", engine_name) as (process, log):
        wait_for(lambda: processed(site) == 20, log)
        admin._admin.create_partitions({raw: 3})
        with Publisher(options) as publisher:
            for n in range(20):
                publisher.send(raw, Partition(2), b"HAM-%04d" % n, b"[3]")
            publisher.flush()
        assert process.wait(60) == 70, log()
        last = json.loads(log().splitlines()[-1])
        assert (last["event"], last["kind"]) == ("worker_failed", "TopicsMisfit"), log()
        assert (
            f"{raw}: partitions is 3, wanted is 2: the number of partitions of a topic that was used can never" in last["error"]
        )
        assert '"quarantined"' not in log()
    with site.worker("--engine", engine_name) as (process, log):
        assert process.wait(60) == 1, "it does not start either"
    assert processed(site) == 20
    replayed = json.loads(site.command("audit", "replay", "--json"))
    assert (replayed["difference"], replayed["inputs"] > 20) == (None, True), "the messages, and the office's facts"
    for words in (["session", "list"], ["audit", "replay"], ["topics", "adopt"]):
        told = CliRunner().invoke(cli, words, env=site.environment | {"WATTBOOK_KAFKA_PARTITIONS": "3"})
        assert isinstance(told.exception, OtherPartitions) and "write 2" in str(told.exception), words


def test_a_worker_ends_where_somebody_changed_what_stands_beside_its_messages_and_processes_nothing(site: Site) -> None:
    """Notes that were removed, a position that was moved back, a database that was made read-only."""

    def change(*statements: str) -> None:
        with psycopg.connect(site.environment["WATTBOOK_DATABASE"], autocommit=True) as connection:
            for statement in ("SET default_transaction_read_only = off", *statements):
                connection.execute(statement)

    def ended() -> tuple[int, str, str]:
        with site.worker("--engine", "plain") as (process, log):
            status = process.wait(60)
            last = json.loads(log().splitlines()[-1])
            return status, last["kind"], last["error"]

    site.command("import", str(SESSION))
    with site.worker("--engine", "plain") as (process, log):
        wait_for(lambda: processed(site) == 20, log)
        process.terminate()
        assert process.wait(10) == 0, log()
    site.command("import", str(SESSION))
    change("DELETE FROM state WHERE key LIKE 'topic:%'")
    status, kind, told = ended()
    assert (status, kind, "`wattbook topics adopt`" in told) == (70, "TopicUnknown", True)
    assert " taken up: " in site.command("topics", "adopt")
    change("CREATE TABLE kept AS SELECT * FROM position", "UPDATE position SET position = 0 WHERE consumer = 'raw'")
    status, kind, told = ended()
    assert (status, kind, "the position `raw` of lane" in told) == (70, "PositionChanged", True)
    change("DELETE FROM position", "INSERT INTO position SELECT * FROM kept")
    name = site.environment["WATTBOOK_DATABASE"].rpartition("/")[2]
    change(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    status, kind, told = ended()
    assert (status, kind, "It is read-only" in told) == (70, "LogUnusable", True)  # the words are the database's
    assert processed(site) == 20
    change(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
    with site.worker("--engine", "plain") as (process, log):
        wait_for(lambda: processed(site) == 40, log)
        process.terminate()
        assert process.wait(10) == 0, log()


def test_workers_that_ask_for_their_topic_go_on_by_themselves_after_an_outage(kafka: KafkaCluster, two_sites: Sites) -> None:
    """Of both engines, in one outage: a restart takes most of the time here."""
    for site in two_sites.values():
        site.environment["WATTBOOK_KAFKA_TIMEOUT_S"] = "8"
        site.command("import", str(SESSION))
    with ExitStack() as stack:
        running = [(site, *stack.enter_context(site.worker("--engine", name))) for name, site in two_sites.items()]
        for site, _, log in running:
            wait_for(lambda: processed(site) == 20, log)  # noqa: B023
        kafka.kill(1)
        try:
            for _, _, log in running:
                wait_for(lambda: "kafka_does_not_answer" in log(), log)  # noqa: B023
        finally:
            kafka.start(1)
        for site, process, log in running:
            site.command("import", str(SESSION))
            wait_for(lambda: processed(site) == 40, log)  # noqa: B023
            process.terminate()
            assert process.wait(10) == 0, log()


def test_what_is_imported_goes_where_the_settings_have_it_whatever_the_topic_has(
    site: Site, options: KafkaOptions, admin: Admin
) -> None:
    raw = options.topic("raw")
    admin._admin.create_partitions({raw: 7})
    site.command("import", str(SESSION))
    with TopicReader(options, raw) as reader:
        found = list(reader.tails(100))
    assert len(found) == 20
    assert {taken.partition for taken in found} == {partition_of(taken.key or b"", 2) for taken in found}


@pytest.fixture
def site(tmp_path: Path, kafka: KafkaCluster, database: str, prefix: str) -> Site:
    return Site(tmp_path, kafka, database, prefix)
