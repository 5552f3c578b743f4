"""Kafka and PostgreSQL together, for trying out: in a temporary folder, or in one that is kept and found again.

    FOLDER/servers.json    ports, the password and Kafka's cluster id: a kept folder has the same addresses the next time
    FOLDER/kafka/          each node's configuration, log and records
    FOLDER/postgres/       PostgreSQL's log and data
    FOLDER/home/           wattbook's home: the vault that belongs to this database

servers.json is readable by its owner alone, and locked while its servers run.
"""

import fcntl
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from wattbook.dev_kafka import KafkaCluster, new_cluster_id
from wattbook.dev_postgres import PostgresServer
from wattbook.dev_process import ServerProcess, ServersError, free_ports

_PLAN = "servers.json"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided once for a folder. `kafka_ports`: for each node, where clients and where controllers connect."""

    cluster_id: str
    kafka_ports: tuple[tuple[int, int], ...]
    postgres_port: int
    password: str

    @property
    def nodes(self) -> int:
        return len(self.kafka_ports)


class DevServers:
    """The servers of one plan."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._home = folder / "home"
        self.kafka = KafkaCluster(folder / "kafka", plan.cluster_id, plan.kafka_ports)
        self.postgres = PostgresServer(folder / "postgres", plan.postgres_port, plan.password)

    def start(self) -> None:
        """Start all and wait until they answer. Raises ServersError."""
        self.kafka.launch()
        self.postgres.start()
        self.kafka.wait()

    def stop(self) -> None:
        """Stop all; what they hold is on disk, and their ports are free."""
        self.kafka.stop()
        self.postgres.stop()

    def ended(self) -> ServerProcess | None:
        """One that has ended although nobody stopped it."""
        return next((process for process in (*self.kafka.processes, *self.postgres.processes) if process.pid is None), None)

    def environment(self) -> dict[str, str]:
        """The settings by which wattbook uses them."""
        return {
            "WATTBOOK_HOME": str(self._home),
            "WATTBOOK_LOG": f"kafka://{self.kafka.bootstrap}",
            "WATTBOOK_DATABASE": self.postgres.url,
        }


@contextmanager
def running(folder: Path | None, nodes: int | None) -> Iterator[DevServers]:
    """Servers that answer; stopped afterwards. None: a temporary folder that is gone afterwards, and one node or as kept.

    Raises ServersError.
    """
    with temporary_folder() if folder is None else _kept(folder) as found, _planned(found, nodes) as plan:
        servers = DevServers(found, plan)
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone afterwards. Others may pass through, but not look in: a server may run as somebody else."""
    folder = Path(tempfile.mkdtemp(prefix="wattbook-dev-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _kept(folder: Path) -> Iterator[Path]:
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / _PLAN).exists():
            raise ServersError(f"{folder} holds something else than servers for trying out: name another folder")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _PLAN).touch(mode=0o600)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ServersError(f"{folder} cannot keep the servers' data ({why}): name another folder") from error
    yield folder.resolve()


@contextmanager
def _planned(folder: Path, nodes: int | None) -> Iterator[Plan]:
    """The folder's plan, new or as kept, and nobody else's as long as this lasts."""
    path = folder / _PLAN
    path.touch(mode=0o600)
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServersError(f"the servers of {folder} run already: use them, or name another folder") from None
        yield _read_plan(file, nodes)


def _read_plan(file: BinaryIO, nodes: int | None) -> Plan:
    if not (kept := file.read()):
        plan = _new_plan(nodes or 1)
        file.write(msgspec.json.format(msgspec.json.encode(plan)))
        file.flush()
        return plan
    try:
        plan = msgspec.json.decode(kept, type=Plan)
    except msgspec.MsgspecError as error:
        raise ServersError(f"{file.name} cannot be read ({error}): throw its folder away, or name another") from None
    if nodes not in (None, plan.nodes):
        raise ServersError(f"the Kafka that {file.name} describes has {plan.nodes}, not {nodes} nodes: name another folder")
    return plan


def _new_plan(nodes: int) -> Plan:
    postgres, *kafka = free_ports(1 + 2 * nodes)
    pairs = tuple(zip(kafka[::2], kafka[1::2], strict=True))
    return Plan(cluster_id=new_cluster_id(), kafka_ports=pairs, postgres_port=postgres, password=secrets.token_hex(16))


def interrupt_once(*signals: signal.Signals) -> None:
    """From now on the first of these signals is a KeyboardInterrupt, and the others are ignored: stopping is not disturbed."""

    def interrupt(_number: int, _frame: object) -> None:
        for one in signals:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    for one in signals:
        signal.signal(one, interrupt)
