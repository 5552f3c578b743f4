"""Real servers for tests, started when the first test asks for them and shared by all: Kafka and PostgreSQL, on loopback.

A test asks by the name of a fixture and shares the server with every other test, so it takes a topic prefix or a database of
its own (`prefix`, `database`). A test that stops or kills a server starts it again before it ends.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from wattbook.dev_kafka import KafkaCluster, new_cluster_id
from wattbook.dev_postgres import PostgresServer
from wattbook.dev_process import free_ports
from wattbook.dev_servers import temporary_folder


def new_prefix() -> str:
    """A beginning of topic names that no other test has."""
    return f"t{secrets.token_hex(5)}."


@pytest.fixture
def prefix() -> str:
    return new_prefix()


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """Not pytest's tmp_path, which only its owner may enter: PostgreSQL runs as somebody else where we are root."""
    with temporary_folder() as folder:
        yield folder


# A node computes half as long until it is there, and half as fast after it has run for long: no test lets it come to that.
QUICK_JAVA = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def _cluster(folder: Path, nodes: int) -> Iterator[KafkaCluster]:
    ports = free_ports(2 * nodes)
    cluster = KafkaCluster(folder, new_cluster_id(), [*zip(ports[::2], ports[1::2], strict=True)], java_options=QUICK_JAVA)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()  # nothing of it is wanted any more


@pytest.fixture(scope="session")
def kafka(servers_folder: Path) -> Iterator[KafkaCluster]:
    """One node."""
    yield from _cluster(servers_folder / "kafka", nodes=1)


@pytest.fixture(scope="session")
def kafka3(servers_folder: Path) -> Iterator[KafkaCluster]:
    """Three nodes; every topic has three copies, of which two must be in step."""
    yield from _cluster(servers_folder / "kafka3", nodes=3)


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(servers_folder / "postgres", *free_ports(1), secrets.token_hex(16))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database that is thrown away after the test."""
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)
