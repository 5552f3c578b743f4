"""Servers for trying out and for tests: they answer when they say so, keep what they were given, and leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from wattbook import dev_postgres
from wattbook.dev_kafka import KafkaCluster, new_cluster_id
from wattbook.dev_postgres import PostgresServer
from wattbook.dev_process import ServerProcess, ServersError, free_ports
from wattbook.dev_servers import running, temporary_folder

WATTBOOK = [sys.executable, "-m", "wattbook"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that PostgreSQL's user may pass through, which pytest's tmp_path is not."""
    with temporary_folder() as found:
        yield found


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("WATTBOOK_")} | more


def wattbook(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*WATTBOOK, *words], env=environment(**settings), capture_output=True, text=True)


@contextmanager
def dev_up(*options: str, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    command = [*WATTBOOK, "dev", "up", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment(**settings), stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def printed_settings(process: "subprocess.Popen[str]") -> dict[str, str]:
    """The lines as a shell understands them; they are printed when everything is ready."""
    lines = [process.stdout.readline() for _ in range(3)]
    assert all(line.startswith("export WATTBOOK_") for line in lines), lines + process.stderr.readlines()
    shell = "".join(lines) + "env -0"
    found = subprocess.run(["sh", "-c", shell], env=environment(), capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in found.split("\0") if line.startswith("WATTBOOK_"))


def processes_of(folder: Path) -> list[str]:
    """The command lines that name a folder, but for the command that was given it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has just ended
        if any(str(folder) in word for word in words) and "wattbook" not in words:
            found.append(" ".join(words))
    return found


def ended_by(process: "subprocess.Popen[str]", how: signal.Signals) -> int:
    process.send_signal(how)
    process.communicate(timeout=180)
    return process.returncode


def test_dev_up_prints_settings_that_work_and_leaves_nothing_behind(folder: Path) -> None:
    with dev_up(TMPDIR=str(folder)) as process:
        settings = printed_settings(process)
        topics, database = wattbook("topics", "check", **settings), wattbook("database", "status", **settings)
        init = wattbook("init", **settings)
        published = wattbook("reference", "publish", "--json", **settings)
        assert len(processes_of(folder)) >= 2
        assert ended_by(process, signal.SIGTERM) == 0
    assert topics.returncode == 0, topics.stdout + topics.stderr
    assert database.returncode == 0, database.stdout + database.stderr
    assert init.returncode == 0, init.stderr
    assert json.loads(published.stdout)["new"] > 0
    assert processes_of(folder) == []
    assert list(folder.iterdir()) == []
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(settings["WATTBOOK_DATABASE"])


def test_a_kept_folder_has_its_rows_its_records_and_its_addresses_the_next_time(folder: Path) -> None:
    kept = folder / "kept"
    with dev_up("--folder", str(kept)) as process:
        settings = printed_settings(process)
        with psycopg.connect(settings["WATTBOOK_DATABASE"]) as connection:
            connection.execute("CREATE TABLE mark AS SELECT 42 AS answer")
        produce(settings["WATTBOOK_LOG"].removeprefix("kafka://"), "wattbook.raw", [b"kept"])
        second = wattbook("dev", "up", "--folder", str(kept))
        assert ended_by(process, signal.SIGINT) == 0
    other_size = wattbook("dev", "up", "--folder", str(kept), "--nodes", "3")
    with dev_up("--folder", str(kept), "--json") as process:
        told = json.loads("".join(process.stdout.readline() for _ in range(5)))
        with psycopg.connect(told["WATTBOOK_DATABASE"]) as connection:
            assert connection.execute("SELECT answer FROM mark").fetchall() == [(42,)]
        assert records(told["WATTBOOK_LOG"].removeprefix("kafka://"), "wattbook.raw") == [b"kept"]
        os.kill(int((kept / "postgres" / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGTERM)
        _, complaint = process.communicate(timeout=180)
    assert told == settings
    assert second.returncode == other_size.returncode == process.returncode == 1
    assert "run already" in second.stderr
    assert "has 1, not 3 nodes" in other_size.stderr
    assert "postgres has ended by itself" in complaint and "shut down" in complaint
    assert processes_of(folder) == []


def test_a_server_outlives_the_thread_that_started_it_and_dies_with_the_process_that_did(tmp_path: Path) -> None:
    program = """
import signal, sys, threading, time
from pathlib import Path
from wattbook.dev_process import ServerProcess
server = ServerProcess(name="server", command=["sleep", "600"], folder=Path(sys.argv[1]), dies_by=signal.SIGKILL)
starter = threading.Thread(target=server.launch)
starter.start()
starter.join()
time.sleep(0.2)
print(server.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        server = int(process.stdout.readline())  # not "None": it runs although its thread has ended
        process.kill()
    give_up_at = time.monotonic() + 60
    while is_running(server):
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """A process that has ended may wait for its new parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    """Every value is acknowledged by all copies that are in step."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for sent in [producer.send(topic, value, partition=0) for value in values]:
        sent.get(timeout=180)
    producer.close()


def records(bootstrap: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning()
    end = consumer.end_offsets([partition])[partition]
    found: list[bytes] = []
    while len(found) < end:
        found += [record.value for batch in consumer.poll(1000).values() for record in batch]
    consumer.close()
    return found


def make_topic(bootstrap: str, name: str, copies: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=copies)])
    admin.close()


def test_a_broker_that_was_killed_has_its_records_when_it_is_started_again(kafka: KafkaCluster, prefix: str) -> None:
    make_topic(kafka.bootstrap, prefix + "kept", copies=1)
    values = [b"%d" % n for n in range(1000)]
    produce(kafka.bootstrap, prefix + "kept", values)
    before = kafka.pid(1)
    kafka.kill(1)
    assert kafka.pid(1) is None
    kafka.start(1)
    assert kafka.pid(1) not in (None, before)
    assert records(kafka.bootstrap, prefix + "kept") == values


def test_one_of_three_brokers_may_be_lost_and_come_back(kafka3: KafkaCluster, prefix: str) -> None:
    make_topic(kafka3.bootstrap, prefix + "kept", copies=3)
    values = [b"%d" % n for n in range(100)]
    produce(kafka3.bootstrap, prefix + "kept", values)
    kafka3.kill(2)
    produce(kafka3.bootstrap, prefix + "kept", values)
    kafka3.start(2)
    assert records(kafka3.bootstrap, prefix + "kept") == values * 2


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_postgresql_keeps_what_was_committed(postgres: PostgresServer, how: str, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE mark AS SELECT 42 AS answer")
    postgres.stop() if how == "restart" else postgres.crash()
    assert postgres.pid is None
    postgres.start()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT answer FROM mark").fetchall() == [(42,)]


def test_a_new_database_is_empty_and_nobody_else_has_it(postgres: PostgresServer) -> None:
    urls = [postgres.new_database() for _ in range(2)]
    for url in urls:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE mine ()")
    assert len(set(urls)) == 2


def test_postgresql_asks_for_the_password_and_syncs(postgres: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url.replace("wattbook:", "wattbook:not", 1))
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW password_encryption").fetchone() == ("scram-sha-256",)


def test_ports_are_none_that_an_outgoing_connection_may_be_given() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < max(lowest, 32768)


def test_without_java_the_package_to_install_is_named(folder: Path) -> None:
    told = wattbook("dev", "up", PATH="", TMPDIR=str(folder))
    assert told.returncode == 1
    assert "the program java is missing: install it with `apt-get install default-jre-headless`" in told.stderr
    assert list(folder.iterdir()) == []


def test_without_jars_the_word_that_fetches_them_is_named(folder: Path) -> None:
    cluster = KafkaCluster(folder, new_cluster_id(), [(1, 2)], libs=folder / "libs")
    with pytest.raises(ServersError, match=r"Kafka's jars are missing in .*libs: `./run dev`"):
        cluster.start()


def test_without_postgresql_the_package_to_install_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_postgres, "_DEBIAN", folder)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServersError, match="the program initdb is missing: install it with `apt-get install postgresql`"):
        PostgresServer(folder / "postgres", 1, "secret").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only who is root runs PostgreSQL as somebody else")
def test_a_folder_that_the_user_of_postgresql_cannot_enter_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(ServersError, match=r"cannot be entered by .*, who runs PostgreSQL since it refuses root"):
        PostgresServer(tmp_path / "postgres", 1, "secret").start()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear …")
    with pytest.raises(ServersError, match="holds something else"), running(tmp_path, nodes=1):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["letter"]


def test_a_server_that_ends_as_it_starts_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo the port is taken; exit 3"]
    server = ServerProcess(name="shell", command=command, folder=tmp_path, dies_by=signal.SIGKILL)
    server.launch()
    with pytest.raises(ServersError, match=r"(?s)shell ended as it started.*shell\.log:\nthe port is taken") as told:
        server.wait_until(lambda: False, within_s=60)
    assert str(tmp_path) not in str(told.value), "a temporary folder is gone when this is read"


@pytest.mark.parametrize("impossible", ["/proc/x", "/dev/null/x", "/proc/self"])
def test_a_folder_that_cannot_be_made_or_written_is_named_with_what_to_do(impossible: str) -> None:
    with pytest.raises(ServersError, match=f"{impossible} .*name another folder"), running(Path(impossible), nodes=1):
        pass
