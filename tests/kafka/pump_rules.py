"""What holds of every pump, on a real broker: test_faust_runtime.py and test_plain_runtime.py run it.

The pumps run in processes of their own (pump_process.py) with lanes that remember in SQLite what was processed. There it is
read that each message was processed, once and in its order.
"""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition

from streams.kafka_client import Admin, KafkaOptions, Publisher, Topic
from streams.places import Offset, Partition, Taken
from tests.kafka.pump_process import StoredLanes
from wattbook.dev_kafka import KafkaCluster

ROOT = Path(__file__).parent.parent.parent
PARTITIONS = 3
WAIT_S = 60  # far more than anything here takes; whoever waits longer has failed


class Worker:
    """A pump as a process."""

    def __init__(self, engine: str, home: "Home", group: str, batch_ms: int = 0, poison: str = "") -> None:
        home.workers += 1
        self._lines = home.folder / f"worker-{home.workers}.log"
        command = [sys.executable, "-P", ROOT / "tests/kafka/pump_process.py", engine, home.bootstrap, home.topic]
        command += [home.prefix + group, home.folder / "done.db", str(batch_ms), poison]
        with self._lines.open("w") as lines:
            self.process = subprocess.Popen(list(map(str, command)), stderr=lines, stdout=lines, env={"PYTHONPATH": str(ROOT)})

    @property
    def output(self) -> str:
        return self._lines.read_text()

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = [line for line in self.output.splitlines() if line.startswith("{") and line.endswith("}")]
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def told_of_ends(self) -> tuple[dict[str, int], list[int]]:
        """Where the partitions end, as it was told last, and which of them a transaction holds back."""
        told = self.said("ends")
        return (told[-1]["ends"], told[-1]["held"]) if told else ({}, [])

    def owns(self) -> set[int]:
        told = self.said("rebalanced")
        return set(told[-1]["partitions"]) if told else set()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Home:
    """A topic and a database of a test's own, and what it started."""

    def __init__(self, cluster: KafkaCluster, prefix: str, folder: Path, engine: str) -> None:
        self.bootstrap, self.prefix, self.folder, self.engine = cluster.bootstrap, prefix, folder, engine
        self.topic, self.workers = prefix + "raw", 0
        self.options = KafkaOptions(servers=tuple(cluster.bootstrap.split(",")), prefix=prefix)
        self.started: list[Worker] = []
        self.sent: dict[int, list[bytes]] = {partition: [] for partition in range(PARTITIONS)}
        folder.mkdir(exist_ok=True)
        StoredLanes(folder / "done.db")
        with Admin(self.options) as admin:
            admin.create([Topic(self.topic, PARTITIONS, 1, {})])

    def worker(self, group: str = "worker", **how: Any) -> Worker:
        self.started.append(Worker(self.engine, self, group, **how))
        return self.started[-1]

    def send(self, count: int) -> None:
        """So many messages into each partition."""
        with Publisher(self.options) as publisher:
            for partition, values in self.sent.items():
                new = [b"%d:%d" % (partition, len(values) + number) for number in range(count)]
                for value in new:
                    publisher.send(self.topic, Partition(partition), b"CS-1", value)
                values += new
            publisher.flush()

    def process_all(self) -> None:
        """As a worker would have done: into the database, and no word to the group."""
        lanes = StoredLanes(self.folder / "done.db")
        for partition in map(Partition, self.sent):
            at = lanes.assigned(partition)
            new = enumerate(self.sent[partition][at:], start=at)
            lanes.process(partition, [Taken(partition, Offset(offset), None, value, (), 0) for offset, value in new])

    def done(self) -> dict[int, list[bytes]]:
        """The values that were processed, by partition, in the order of their offsets."""
        rows = self._ask("SELECT partition, value FROM done ORDER BY partition, offset, rowid")
        return {partition: [value for at, value in rows if at == partition] for partition in range(PARTITIONS)}

    def count(self) -> int:
        return int(self._ask("SELECT count(*) FROM done")[0][0])

    def all_is_done(self) -> bool:
        return self.count() >= sum(map(len, self.sent.values()))

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            if time.monotonic() > deadline:
                told = "\n".join(worker.output[-3000:] for worker in self.started)
                pytest.fail(f"waited for {condition} {WAIT_S} s in vain, {self.count()} messages are done\n{told}")
            time.sleep(0.05)

    def wait_until_done(self) -> None:
        self.wait_for(self.all_is_done)
        assert self.done() == self.sent

    def told_to_the_group(self, group: str = "worker") -> dict[int, int]:
        with closing(self._consumer(group)) as consumer:
            told = {p: consumer.committed(TopicPartition(self.topic, p)) for p in range(PARTITIONS)}
        return {partition: offset for partition, offset in told.items() if offset is not None}

    def tell_the_group(self, group: str, offset: int) -> None:
        with closing(self._consumer(group)) as consumer:
            places = [TopicPartition(self.topic, partition) for partition in range(PARTITIONS)]
            consumer.assign(places)
            consumer.commit({place: OffsetAndMetadata(offset, "", -1) for place in places})

    def _consumer(self, group: str) -> Any:
        return KafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.prefix + group, enable_auto_commit=False)

    def _ask(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "done.db", timeout=30)) as db:
            return list(db.execute(sql))


class PumpRules:
    engine: str

    @pytest.fixture
    def home(self, kafka: KafkaCluster, prefix: str, tmp_path: Path) -> Iterator[Home]:
        home = Home(kafka, prefix, tmp_path, self.engine)
        yield home
        for worker in home.started:
            worker.kill()

    def test_every_message_is_processed_once_and_the_worker_ends_when_it_is_asked_to(self, home: Home) -> None:
        home.send(1500)
        worker = home.worker()
        home.wait_until_done()
        home.send(10)
        home.wait_until_done()
        assert worker.stop() == 0
        assert home.told_to_the_group() == dict.fromkeys(range(PARTITIONS), 1510)

    def test_a_batch_that_is_killed_before_its_commit_is_processed_by_the_next_worker(self, home: Home) -> None:
        home.send(2500)
        worker = home.worker(batch_ms=300)
        home.wait_for(home.count)
        time.sleep(0.1)  # in the middle of the next batch
        worker.kill()
        assert not home.all_is_done()
        home.worker(group="another-so-that-nobody-waits-for-the-dead-one")
        home.wait_until_done()

    def test_sigterm_ends_it_within_ten_seconds_while_messages_flow(self, home: Home) -> None:
        home.send(5000)
        worker = home.worker(batch_ms=100)
        home.wait_for(home.count)
        assert worker.stop() == 0
        assert not home.all_is_done()
        done = {partition: len(values) for partition, values in home.done().items()}
        assert all(offset <= done[partition] for partition, offset in home.told_to_the_group().items())
        home.worker()
        home.wait_until_done()

    def test_a_rebalance_in_the_middle_of_batches_loses_and_doubles_nothing(self, home: Home) -> None:
        home.send(4000)
        first = home.worker(batch_ms=200)
        home.wait_for(home.count)
        second = home.worker(batch_ms=200)
        home.wait_for(lambda: second.owns() and first.owns() | second.owns() == set(range(PARTITIONS)))
        home.wait_until_done()
        home.send(500)
        home.wait_until_done()
        assert first.stop() == 0
        home.wait_for(lambda: second.owns() == set(range(PARTITIONS)))
        home.send(10)
        home.wait_until_done()
        assert second.stop() == 0

    def test_what_a_killed_worker_owned_goes_to_the_other_one(self, home: Home) -> None:
        first, second = home.worker(), home.worker()
        home.wait_for(lambda: first.owns() and second.owns() and not first.owns() & second.owns())
        first.kill()
        home.send(500)
        home.wait_until_done()

    def test_a_failure_of_the_database_ends_the_worker_and_nothing_is_acknowledged(self, home: Home) -> None:
        home.send(2500)
        worker = home.worker(poison="1:1200")
        assert worker.process.wait(WAIT_S) != 0
        assert "the disk is full" in worker.output
        done = {partition: len(values) for partition, values in home.done().items()}
        assert done[1] <= 1200
        assert all(offset <= done[partition] for partition, offset in home.told_to_the_group().items())
        home.worker(group="another-so-that-nobody-waits-for-the-dead-one")
        home.wait_until_done()

    def test_a_group_that_is_ahead_of_the_database_loses_nothing(self, home: Home) -> None:
        home.send(300)
        home.tell_the_group("worker", offset=300)
        home.worker()
        home.wait_until_done()

    def test_a_group_that_is_behind_the_database_doubles_nothing(self, home: Home) -> None:
        home.send(300)
        home.process_all()
        home.tell_the_group("worker", offset=7)
        home.send(5)
        worker = home.worker()
        home.wait_until_done()
        home.wait_for(lambda: home.told_to_the_group() == dict.fromkeys(range(PARTITIONS), 305))  # after the commit, not in it
        assert worker.stop() == 0
        assert home.told_to_the_group() == dict.fromkeys(range(PARTITIONS), 305)

    def test_offsets_that_transactions_take_are_no_missing_messages(self, home: Home) -> None:
        home.send(10)
        producer = KafkaProducer(bootstrap_servers=home.bootstrap, transactional_id=home.prefix)
        producer.init_transactions()
        for number in range(3):
            producer.begin_transaction()
            producer.send(home.topic, b"of transaction %d" % number, partition=0)
            producer.flush()
            producer.abort_transaction() if number == 1 else producer.commit_transaction()
        producer.close()
        home.sent[0] += [b"of transaction 0", b"of transaction 2"]
        worker = home.worker()
        home.wait_until_done()
        home.wait_for(lambda: worker.told_of_ends() == ({"0": 15, "1": 10, "2": 10}, []))  # the last mark is no message
        home.send(10)
        home.wait_until_done()
        assert worker.stop() == 0
        assert worker.said("read_again")

    def test_messages_of_a_transaction_that_stays_open_are_told_as_waiting(self, home: Home) -> None:
        home.send(10)
        worker = home.worker()
        home.wait_until_done()
        producer = KafkaProducer(bootstrap_servers=home.bootstrap, transactional_id=home.prefix)
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(home.topic, b"held back", partition=0)
        producer.flush()
        home.send(10)  # behind it, of which nothing is given in partition 0
        home.wait_for(lambda: worker.told_of_ends() == ({"0": 21, "1": 20, "2": 20}, [0]))
        producer.abort_transaction()
        producer.close()
        home.wait_until_done()
        assert worker.stop() == 0

    def test_messages_that_were_deleted_before_they_were_processed_stop_it(self, home: Home) -> None:
        home.send(20)
        home.process_all()
        home.send(20)
        delete_records(home, up_to=30)
        worker = home.worker()
        assert worker.process.wait(WAIT_S) != 0
        assert "offsets 20 to 29 were deleted before they were processed" in worker.output
        assert home.count() == 20 * PARTITIONS

    def test_a_topic_that_was_made_anew_stops_it(self, home: Home) -> None:
        home.send(20)
        home.process_all()
        with Admin(home.options) as admin:
            admin.delete([home.topic])
            home.wait_for(lambda: not admin.describe([home.topic]))
            admin.create([Topic(home.topic, PARTITIONS, 1, {})])
        home.send(3)
        worker = home.worker()
        assert worker.process.wait(WAIT_S) != 0
        assert "cut off or made anew" in worker.output
        assert home.count() == 20 * PARTITIONS


def delete_records(home: Home, up_to: int) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=home.bootstrap)) as admin:
        admin.delete_records({TopicPartition(home.topic, partition): up_to for partition in range(PARTITIONS)})
