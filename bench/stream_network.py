"""One broker and one PostgreSQL with a filled raw topic, for benchmarks that need them."""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.network import _sites, capture
from ingest.captures import read_line
from streams.kafka_client import Admin, KafkaOptions, Publisher
from streams.kafka_topics import Spec, create
from streams.raw_records import raw_record
from vocabulary.charging import RawMessage
from wattbook.database import open_database, reading
from wattbook.dev_kafka import KafkaCluster, new_cluster_id
from wattbook.dev_postgres import PostgresServer
from wattbook.dev_process import free_ports
from wattbook.dev_servers import temporary_folder
from wattbook.init_files import write_example
from wattbook.settings import Settings, read_settings
from wattbook.wiring import create_app

PARTITIONS, PREFIX = 4, "bench."
_PLACE_BITS = 12


class Network:
    """`environment(home, url)` is what a worker needs to work on a database."""

    def __init__(self, folder: Path, kafka: KafkaCluster, postgres: PostgresServer) -> None:
        self.folder, self.kafka, self.postgres = folder, kafka, postgres
        self.options = KafkaOptions(servers=(kafka.bootstrap,), prefix=PREFIX)
        self.reference = folder / "reference"
        write_example(self.reference)
        (self.reference / "sites.yaml").write_text(_sites())

    def fill(self, file: Path) -> int:
        """Publish a capture; how many messages."""
        with Admin(self.options) as admin:
            create(admin, Spec(PREFIX, PARTITIONS, 1))
        count = 0
        with Publisher(self.options) as publisher, file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                message = read_line(line, number)
                assert isinstance(message, RawMessage)
                key, headers, value = raw_record(message)
                publisher.send(self.options.topic("raw"), None, key, value, headers)
                count += 1
            publisher.flush()
        return count

    def new_home(self, name: str) -> Settings:
        """A home on a database of its own, with all stations known."""
        home = self.folder / name
        shutil.copytree(self.reference, home / "reference")
        settings = self.settings(home, self.postgres.new_database())
        app = create_app(settings)
        app.publish_reference()
        app.close()
        return settings

    def settings(self, home: Path, url: str) -> Settings:
        log = f"kafka://{self.kafka.bootstrap}"
        return read_settings(
            home=home, log=log, database=url, kafka_prefix=PREFIX, kafka_partitions=PARTITIONS, kafka_replication=1
        )

    def worker(self, settings: Settings, engine: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "WATTBOOK_HOME": str(settings.home),
            "WATTBOOK_LOG": settings.log,
            "WATTBOOK_DATABASE": settings.database,
            "WATTBOOK_KAFKA_PREFIX": PREFIX,
            "WATTBOOK_KAFKA_PARTITIONS": str(PARTITIONS),
            "WATTBOOK_BATCH_SIZE": "1000",
        }
        command = [sys.executable, "-m", "wattbook", "worker", "--engine", engine, "--port", "0"]
        return subprocess.Popen(command, env=environment, stderr=(settings.home / "worker.log").open("wb"))


@contextmanager
def network() -> Iterator[Network]:
    with temporary_folder() as folder:
        kafka = KafkaCluster(folder / "kafka", new_cluster_id(), [tuple(free_ports(2))])  # type: ignore[list-item]
        postgres = PostgresServer(folder / "postgres", *free_ports(1), secrets.token_hex(16))
        try:
            kafka.start()
            postgres.start()
            yield Network(folder, kafka, postgres)
        finally:
            kafka.kill()
            postgres.stop()


def captured(folder: Path, messages: int) -> Path:
    return capture(folder / f"capture-{messages}.ndjson", messages)


class Progress:
    """How many messages the workers of a database have committed."""

    def __init__(self, settings: Settings) -> None:
        self._engine = open_database(settings.database, create=False)

    def __call__(self) -> int:
        with reading(self._engine) as connection:
            query = f"SELECT coalesce(sum(position >> {_PLACE_BITS}), 0) FROM position WHERE consumer = 'raw'"
            return int(connection.exec_driver_sql(query).scalar_one())

    def wait_for(self, count: int, worker: subprocess.Popen[bytes], seconds_max: int = 300) -> float:
        """The moment at which so many were committed, by this process's monotonic clock."""
        deadline = time.monotonic() + seconds_max
        while self() < count:
            if worker.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the worker ended or stands still at {self()} of {count} messages: status {worker.poll()}")
            time.sleep(0.02)
        return time.monotonic()

    def close(self) -> None:
        self._engine.dispose()
