"""wattbook as it runs where a network is large: processes over Kafka and PostgreSQL, and somebody who starts them again.

Site     a home with its settings, topics, database and processes; and what all of that has come to
Kept     a process that is started again whenever it ends before it was told to, as a service manager does
Feeder   a producer of its own, at a given rate: what is not acknowledged, it sends again
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from sqlalchemy import Connection

from ledger.books import Booked
from ledger.sql_store import SqlLedger
from streams.kafka_client import Admin, BrokerUnavailable, Publisher
from streams.kafka_options import KafkaOptions
from streams.kafka_topics import Spec, create
from streams.places import Offset, Partition, Taken, offset_of
from streams.raw_records import Poison, raw_message, raw_record
from tests.one_result.digests import Result, result_of
from tests.one_result.lane_world import POISON
from tests.one_result.network import MONTH, write_reference
from tests.one_result.ways import ISSUED_AT
from vocabulary.charging import RawMessage
from vocabulary.codec import decode
from vocabulary.identity import Position
from wattbook.database import DatabaseError, open_database, reading, writing
from wattbook.dev_process import ServerProcess
from wattbook.documents import run_invoices
from wattbook.settings import Settings, read_settings
from wattbook.wiring import create_app

PARTITIONS = 4
WAIT_S = 120  # far more than anything here takes; whoever waits longer has failed
_AGAIN_S = 0.3
_PRODUCER_TIMEOUT_S = 3  # less than brokers need to elect a leader: so it often has to send again


class Fed(NamedTuple):
    """A record for the raw topic. `partition` None: that of its key."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: Partition | None = None


def fed(messages: Iterable[RawMessage]) -> list[Fed]:
    return [Fed(key, value, headers) for key, headers, value in map(raw_record, messages)]


def poison() -> list[Fed]:
    """One of each kind that a producer can make."""
    return [Fed(key, value, headers, Partition(n % PARTITIONS)) for n, (key, value, headers) in enumerate(POISON)]


class Kept:
    """A process that is kept running. `ends`: how often it ended by itself, and with which status."""

    def __init__(self, name: str, folder: Path, command: Sequence[str]) -> None:
        self.name = name
        self.process = ServerProcess(name=name, command=command, folder=folder, dies_by=signal.SIGKILL)
        self.ends: list[int] = []
        self._wanted = threading.Event()
        self._keeping = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> "Kept":
        self._wanted.set()
        self.process.launch()
        self._keeping.start()
        return self

    def send(self, how: signal.Signals) -> None:
        self.process.signal(how)

    def stop(self, how: signal.Signals = signal.SIGTERM, within_s: int = 10) -> int:
        """For good; its status. Whoever takes longer is killed, which its status tells."""
        self._wanted.clear()
        self._keeping.join()
        self.process.signal(how)
        self.process.wait_for_end(within_s)
        return self._status or 0

    @property
    def log(self) -> str:
        return self.process.log.read_text(errors="replace")

    @property
    def _status(self) -> int | None:
        return self.process._child.poll() if self.process._child else None

    def _keep(self) -> None:
        while self._wanted.is_set():
            if (status := self._status) is not None:
                self.ends.append(status)
                time.sleep(_AGAIN_S)
                if self._wanted.is_set():
                    self.process.launch()
            time.sleep(0.02)


class Feeder(threading.Thread):
    """Sends each record until it is acknowledged, and no record of a station before the one that comes first is.

    `acknowledged`: by partition, the offset after the last record that was. `done`: how many of the records were. `offered`:
    how many were sent, again or not. `enough`: set it, and no further record is sent.
    """

    def __init__(self, options: KafkaOptions, records: Sequence[Fed], per_second: int) -> None:
        super().__init__(daemon=True)
        self._options = replace(options, timeout_s=_PRODUCER_TIMEOUT_S)
        self._records, self._per_second = records, per_second
        self.acknowledged: dict[Partition, Offset] = {}
        self.done = self.offered = 0
        self.outages: list[str] = []
        self.enough = threading.Event()
        self._publisher: Publisher | None = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._feed()
        except BaseException as failure:  # noqa: BLE001  # `finish` raises it
            self._failure = failure

    def _feed(self) -> None:
        began = time.monotonic()
        for chunk in _one_of_each_key(self._records, most=max(1, self._per_second // 10)):
            if self.enough.is_set():
                break
            while not self._is_acknowledged(chunk):
                time.sleep(0.2)
            self.done += len(chunk)
            time.sleep(max(0.0, began + self.done / self._per_second - time.monotonic()))
            began = max(began, time.monotonic() - self.done / self._per_second)  # what an outage took is not made up for
        if self._publisher:
            self._publisher.close()

    @property
    def is_at_end(self) -> bool:
        return self.done == len(self._records)

    def finish(self) -> list[Fed]:
        """Wait for the end; what was acknowledged, in its order."""
        left = 0 if self.enough.is_set() else len(self._records) - self.done
        self.join(WAIT_S + left / self._per_second)
        assert not self.is_alive(), f"{self.done} of {len(self._records)} acknowledged; last outage: {self.outages[-1:]}"
        if self._failure:
            raise self._failure
        return list(self._records[: self.done])

    def _is_acknowledged(self, chunk: Sequence[Fed]) -> bool:
        try:
            self._publisher = self._publisher or Publisher(self._options)
            topic = self._options.topic("raw")
            self.offered += len(chunk)
            sent = [self._publisher.send(topic, each.partition, each.key, each.value, each.headers) for each in chunk]
            self._publisher.flush()
        except BrokerUnavailable as outage:
            self.outages.append(str(outage))
            publisher, self._publisher = self._publisher, None
            if publisher:
                publisher.close()
            return False
        for each in sent:
            self.acknowledged[each.value.partition] = Offset(each.value.offset + 1)
        return True


def _one_of_each_key(records: Sequence[Fed], most: int) -> Iterator[list[Fed]]:
    """Cut so that no chunk has two of one key: then a chunk that is sent again changes no order that counts."""
    chunk: list[Fed] = []
    for record in records:
        if len(chunk) == most or any(record.key == other.key for other in chunk):
            yield chunk
            chunk = []
        chunk.append(record)
    if chunk:
        yield chunk


@dataclass
class Site:
    folder: Path
    bootstrap: str
    database: str
    prefix: str
    timeout_s: int = 10
    partitions: int = PARTITIONS
    kept: dict[str, Kept] = field(default_factory=dict)

    def __post_init__(self) -> None:
        write_reference(self.home / "reference")
        with Admin(self.options) as admin:
            create(admin, Spec(self.prefix, self.partitions, min(3, admin.brokers())))
        self._app = create_app(self.settings)
        self._app.publish_reference()
        self._engine = open_database(self.database, create=False)  # for looking

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        given = {
            "HOME": self.home,
            "LOG": f"kafka://{self.bootstrap}",
            "DATABASE": self.database,
            "KAFKA_PREFIX": self.prefix,
            "KAFKA_PARTITIONS": self.partitions,
            "KAFKA_TIMEOUT_S": self.timeout_s,
            "TICK_INTERVAL_S": 0,  # the fold knows no tick: a site that runs for a minute on a slow machine would
        }
        return {f"WATTBOOK_{name}": str(value) for name, value in given.items()}

    @property
    def settings(self) -> Settings:
        return read_settings(**{name.removeprefix("WATTBOOK_").lower(): value for name, value in self.environment.items()})

    @property
    def options(self) -> KafkaOptions:
        return self.settings.kafka_options

    @property
    def vault(self) -> Path:
        return self.settings.vault_path

    # Processes

    def start(self, name: str, *words: str) -> Kept:
        """`wattbook WORDS…`, kept running under this name."""
        environment = [f"{key}={value}" for key, value in self.environment.items()]
        command = ["env", *environment, sys.executable, "-P", "-m", "wattbook", *words]
        self.kept[name] = Kept(name, self.folder, command).start()
        return self.kept[name]

    def worker(self, name: str, engine: str) -> Kept:
        return self.start(name, "worker", "--engine", engine, "--port", "0")

    def stop(self, *names: str) -> dict[str, int]:
        """These, or all; the status of each."""
        ending = {name: self.kept.pop(name) for name in names or list(self.kept)}
        with ThreadPoolExecutor(max_workers=len(ending)) as threads:
            return dict(zip(ending, threads.map(Kept.stop, ending.values()), strict=True))

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`wattbook WORDS…` to its end."""
        command = [sys.executable, "-P", "-m", "wattbook", *words]
        return subprocess.run(command, env=os.environ | self.environment, capture_output=True, text=True, timeout=WAIT_S)

    def close(self) -> None:
        for kept in self.kept.values():
            kept.stop(signal.SIGKILL)
        self._app.close()
        self._engine.dispose()

    # The office

    def publish_late(self) -> None:
        write_reference(self.home / "reference", late=True)
        _until_it_works(lambda: self._app.publish_reference())

    def run_invoices(self) -> None:
        _until_it_works(lambda: run_invoices(self._app, MONTH, ISSUED_AT.date(), ISSUED_AT))

    # What has come of it

    def ends(self) -> dict[Partition, Offset]:
        """The next offset of each partition of the raw topic."""
        with closing(KafkaConsumer(bootstrap_servers=self.bootstrap.split(","), metrics_enabled=False)) as consumer:
            places = [TopicPartition(self.options.topic("raw"), p) for p in range(self.partitions)]
            return {Partition(place.partition): Offset(end) for place, end in consumer.end_offsets(places).items()}

    def leaders(self) -> list[int]:
        """The node that leads each partition of the raw topic; -1: none does."""
        with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap.split(","))) as admin:
            [topic] = admin.describe_topics([self.options.topic("raw")])
            return [partition["leader_id"] for partition in topic["partitions"]]

    def committed(self) -> dict[Partition, Offset]:
        """By partition, the offset before which everything is processed. Raises DatabaseError."""
        with reading(self._engine) as connection:
            return _positions(connection)

    @contextmanager
    def batches_held(self) -> Iterator[None]:
        """A worker stands in the middle of a batch at the beginning: it is to write events, and may not before the end."""
        with writing(self._engine) as connection:
            connection.exec_driver_sql("LOCK TABLE log_events IN SHARE MODE")
            wait_until(lambda: self.rows(_WAITING)[0][0] > 0, WAIT_S, lambda: "a worker is about to write events")
            yield

    def group_state(self) -> str:
        """Of the workers' group, in Kafka's words."""
        with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap.split(","))) as admin:
            return str(admin.describe_groups([self.options.topic("worker")])[self.options.topic("worker")]["group_state"])

    def is_settled(self, ends: Mapping[Partition, Offset]) -> bool:
        """All messages are processed, every lane knows all facts, and the states that follow are saved."""
        with reading(self._engine) as connection:
            done, unsaved = _positions(connection), connection.exec_driver_sql(_UNSAVED).scalar()
            behind = connection.exec_driver_sql(_BEHIND).scalar()
        return all(done.get(partition, 0) >= end for partition, end in ends.items()) and not unsaved and not behind

    def drain(self, within_s: float = WAIT_S) -> None:
        """Wait until everything that the raw topic holds has come to rest."""
        ends = self.ends()
        wait_until(lambda: tolerant(lambda: self.is_settled(ends)), within_s, lambda: f"processed {self.committed()} of {ends}")

    def raw(self) -> list[Taken]:
        """All records of the raw topic, partition by partition."""
        return self.topics("raw")["raw"]

    def topics(self, *names: str) -> dict[str, list[Taken]]:
        """All records of these topics, each partition by partition."""
        with closing(KafkaConsumer(bootstrap_servers=self.bootstrap.split(","), metrics_enabled=False)) as consumer:
            places = [TopicPartition(self.options.topic(name), p) for name in names for p in range(self.partitions)]
            consumer.assign(places)
            consumer.seek_to_beginning()
            ends, found = consumer.end_offsets(places), {place: list[Taken]() for place in places}
            while any(consumer.position(place) < end for place, end in ends.items()):
                for place, records in consumer.poll(500).items():
                    found[place] += [_taken(record) for record in records]
        return {name: [t for at in places if at.topic == self.options.topic(name) for t in found[at]] for name in names}

    def result(self) -> Result:
        with reading(self._engine) as connection:
            return result_of(connection)

    def entries(self) -> list[Booked]:
        with reading(self._engine) as connection:
            return list(SqlLedger(connection).entries())

    def rows(self, query: str) -> Sequence[Any]:
        with reading(self._engine) as connection:
            return connection.exec_driver_sql(query).all()


def _taken(record: Any) -> Taken:
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Taken(record.partition, record.offset, record.key, record.value, headers, record.timestamp)


_BEHIND = """SELECT count(*) FROM position WHERE consumer = 'reference'
    AND position < (SELECT max(position) FROM log_reference WHERE lane = 0)"""
_WAITING = "SELECT count(*) FROM pg_locks WHERE relation = 'log_events'::regclass AND NOT granted"
_UNSAVED = """
    SELECT count(*) FROM log_head h LEFT JOIN position p ON p.lane = h.lane AND p.consumer = 'states'
    WHERE h.stream = 'events' AND h.lane > 0 AND h.position > coalesce(p.position, 0)
"""


def _positions(connection: Connection) -> dict[Partition, Offset]:
    rows = connection.exec_driver_sql("SELECT position FROM position WHERE consumer = 'raw' AND position > 0").scalars()
    return {partition: Offset(offset + 1) for partition, offset in map(offset_of, map(Position, rows))}


def messages_in(raw: Iterable[Taken]) -> list[RawMessage]:
    """The messages that records of the raw topic are."""
    return [read for taken in raw if isinstance(read := raw_message(taken), RawMessage)]


def poison_in(raw: Iterable[Taken]) -> set[tuple[int, int]]:
    """Partition and offset of those that are none."""
    return {(taken.partition, taken.offset) for taken in raw if isinstance(raw_message(taken), Poison)}


def quarantined_in(bodies: Iterable[bytes]) -> list[tuple[int, int]]:
    found: list[Any] = [decode(bytes(body)) for body in bodies]
    return sorted((each.partition, each.offset) for each in found)


def wait_until(holds: Callable[[], bool], within_s: float, what: Callable[[], str]) -> None:
    give_up_at = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < give_up_at, f"not within {within_s} s: {what()}"
        time.sleep(0.05)


def tolerant(ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except (DatabaseError, BrokerUnavailable):
        return False


def _until_it_works(do: Callable[[], object]) -> None:
    """As somebody who tries a command again while a server is away."""
    give_up_at = time.monotonic() + WAIT_S
    while True:
        try:
            do()
        except DatabaseError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.3)
        else:
            return
