"""What a worker shows: its health by the clock, its numbers; and the command itself, between Kafka and PostgreSQL."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from streams.kafka_client import KafkaOptions, Publisher
from streams.log import LogUnusable
from streams.places import OFFICE, Lane, Offset, Partition, Taken
from streams.pump import Fenced
from tests.kafka.pump_process import StoredLanes
from wattbook.cli import cli
from wattbook.commands.worker import _port
from wattbook.database import DatabaseError
from wattbook.dev_kafka import KafkaCluster
from wattbook.dev_postgres import PostgresServer
from wattbook.observing import CLIENTS_MAX, Meters, Observed, Waits, shown
from wattbook.settings import SettingsError, read_settings

ROOT = Path(__file__).parent.parent.parent
P0, P1 = Partition(0), Partition(1)
SESSION = ROOT / "tests/data/ocpp/ocpp201-session.ndjson"
TOKEN = "04A1B2C3D4E5F6"  # of its messages
assert TOKEN in SESSION.read_text()


class Bench:
    """Meters over lanes in a file, and a clock that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.said: list[str] = []
        self.tally: Counter[str] = Counter()
        self.waits = Waits(lambda event, **_: self.said.append(event), lambda: self.now)
        self.meters = Meters(lambda event, **_: self.said.append(event), 60, self.tally, self.waits, lambda: self.now)
        self.lanes = Observed(StoredLanes(folder / "done.db"), self.meters)

    def process(self, partition: Partition, count: int, begin: int = 0) -> None:
        self.lanes.process(partition, [Taken(partition, Offset(begin + n), None, b"", (), 0) for n in range(count)])

    def wrong(self) -> list[str]:
        return self.meters.health()["wrong"]  # type: ignore[return-value]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def read(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(text: str) -> dict[str, float]:
    """Prometheus text as {name{label=value}: number}."""
    return {
        s.name + "".join(f"{{{k}={v}}}" for k, v in s.labels.items()): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_a_worker_that_waits_for_messages_is_healthy(bench: Bench) -> None:
    bench.lanes.assigned(P0)
    bench.meters.ends({P0: Offset(0)})
    bench.now += 3600
    bench.meters.ends({P0: Offset(0)})
    assert bench.wrong() == []


def test_messages_that_wait_longer_than_the_bound_without_a_commit_are_bad_health(bench: Bench) -> None:
    bench.lanes.assigned(P0)
    bench.meters.ends({P0: Offset(0)})
    bench.now += 3600  # nothing to do for an hour does not count
    bench.meters.ends({P0: Offset(5)})
    bench.now += 59
    bench.meters.ends({P0: Offset(5)})
    assert bench.wrong() == []
    bench.now += 2
    assert bench.wrong() == ["partition 0: 5 messages wait, and nothing was committed for 61 s"]
    assert bench.meters.health()["stuck"] == [0]
    bench.process(P0, 1)
    assert (bench.wrong(), bench.meters.health()["stuck"]) == ([], [])


def test_one_partition_that_stands_still_while_others_go_on_is_bad_health(bench: Bench) -> None:
    for partition in (P0, P1):
        bench.lanes.assigned(partition)
    for second in range(0, 70, 10):
        bench.meters.ends({P0: Offset(100), P1: Offset(second + 10)})
        bench.process(P1, 10, begin=second)
        bench.now += 10
    assert bench.wrong() == ["partition 0: 100 messages wait, and nothing was committed for 70 s"]
    bench.lanes.revoked(P0)
    assert bench.wrong() == [], "another worker's now"


def test_what_an_open_transaction_holds_up_is_told_as_that(bench: Bench) -> None:
    for partition in (P0, P1):
        bench.lanes.assigned(partition)
    for _ in range(2):
        bench.meters.ends({P0: Offset(100), P1: Offset(1)}, held=[P0])
        bench.now += 30.6
    assert bench.wrong() == [
        "partition 0: 100 messages wait behind an open transaction of a producer, and nothing was committed for 61 s",
        "partition 1: 1 message waits, and nothing was committed for 61 s",
    ]
    bench.meters.ends({P0: Offset(100), P1: Offset(1)})
    assert bench.wrong() == ["partitions 0, 1: 101 messages wait, and nothing was committed for 61 s"]


def test_a_worker_that_waits_for_an_invoice_run_is_healthy_and_says_for_what_it_waits(bench: Bench) -> None:
    bench.lanes.assigned(P0)
    bench.meters.ends({P0: Offset(5)})
    with bench.waits.until_free(Lane(1)):
        bench.now += 300
        found = bench.meters.health()
        assert (found["wrong"], found["waits_for"]) == ([], "partition 0")
    assert bench.said == ["waited_for_lane"]
    bench.now += 59
    with bench.waits.until_free(OFFICE):
        bench.now += 0.1  # as workers meet there every second: it hides nothing, and is not told
    bench.now -= 0.1
    assert (bench.wrong(), bench.meters.health()["waits_for"]) == ([], None)
    bench.now += 2
    assert "partition 0: 5 messages wait, and nothing was committed for 61 s" in bench.wrong()
    assert bench.said == ["waited_for_lane"]


def test_a_worker_says_that_it_waits_while_it_does(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wattbook.observing._MOMENT_S", 0)
    with bench.waits.until_free(Lane(1)):
        while not bench.said:
            time.sleep(0.01)
    assert bench.said == ["waits_for_lane", "waited_for_lane"]


def test_brokers_that_do_not_answer_are_bad_health_after_the_bound(bench: Bench) -> None:
    bench.now += 61
    assert bench.wrong() == ["Kafka has not answered for 61 s"]
    bench.meters.ends({})
    assert bench.wrong() == []


def test_clients_that_say_nothing_take_no_more_than_their_share_and_are_hung_up_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattbook.observing._CLIENT_S_MAX", 1)
    with shown(bench.meters, "127.0.0.1", 0) as url, ExitStack() as opened:
        before, address = threading.active_count(), ("127.0.0.1", int(url.rpartition(":")[2]))
        silent = [opened.enter_context(socket.create_connection(address, timeout=20)) for _ in range(3 * CLIENTS_MAX)]
        assert silent[-1].recv(1) == b"", "one too many is hung up on at once"
        assert threading.active_count() - before <= CLIENTS_MAX
        assert silent[0].recv(1) == b"", "and the others after a while"
        deadline = time.monotonic() + 10
        while threading.active_count() > before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert read(url + "/health")[0] == 200


def test_a_partition_that_is_given_back_is_not_shown_any_more(bench: Bench) -> None:
    for partition in (P0, P1):
        bench.lanes.assigned(partition)
    bench.meters.ends({P0: Offset(7), P1: Offset(9)})
    bench.lanes.revoked(P0)
    with shown(bench.meters, "127.0.0.1", 0) as url:
        numbers = samples(read(url + "/metrics")[1])
    assert numbers["wattbook_lag_messages{partition=1}"] == 9
    assert not [name for name in numbers if "partition=0" in name]


def test_batches_positions_and_what_the_steps_counted_are_metrics(bench: Bench) -> None:
    bench.lanes.assigned(P0)
    bench.meters.rebalanced([P0])
    bench.meters.ends({P0: Offset(12)})
    bench.process(P0, 10)
    bench.tally.update({"quarantined: key_missing": 2, "finding: clock_off": 3, "sessions": 4})
    with shown(bench.meters, "127.0.0.1", 0) as url:
        numbers = samples(read(url + "/metrics")[1])
    assert numbers["wattbook_messages_total"] == 10
    assert numbers["wattbook_batch_seconds_count"] == 1
    assert numbers["wattbook_position{partition=0}"] == 10
    assert numbers["wattbook_lag_messages{partition=0}"] == 2
    assert numbers["wattbook_rebalances_total"] == 1
    assert numbers["wattbook_quarantined_total{reason=key_missing}"] == 2
    assert numbers["wattbook_finding_total{finding=clock_off}"] == 3
    assert numbers["wattbook_steps_total{what=sessions}"] == 4
    assert abs(numbers["wattbook_last_commit_timestamp_seconds"] - time.time()) < 60


def test_a_batch_that_another_worker_fenced_is_counted_and_passed_on(bench: Bench, tmp_path: Path) -> None:
    bench.lanes.assigned(P0)
    other = StoredLanes(tmp_path / "done.db")
    other.assigned(P0)
    other.process(P0, [Taken(P0, Offset(0), None, b"", (), 0)])
    with pytest.raises(Fenced):
        bench.process(P0, 1)
    with shown(bench.meters, "127.0.0.1", 0) as url:
        assert samples(read(url + "/metrics")[1])["wattbook_fenced_total"] == 1


def test_what_the_database_refuses_is_told_in_its_own_words(bench: Bench) -> None:
    class Refusing(StoredLanes):
        def settle(self) -> None:
            raise DatabaseError("there is no room")

    bench.lanes = Observed(Refusing(Path(":memory:")), bench.meters)
    with pytest.raises(LogUnusable, match="there is no room"):
        bench.lanes.settle()


def test_health_answers_with_json_and_a_status_for_who_does_not_read_it(bench: Bench) -> None:
    with shown(bench.meters, "127.0.0.1", 0) as url:
        status, body = read(url + "/health")
        assert (status, json.loads(body)["wrong"]) == (200, [])
        bench.now += 100
        status, body = read(url + "/health")
        assert (status, len(json.loads(body)["wrong"])) == (503, 1)
        assert read(url + "/")[0] == 404


# The command


class Site:
    """A home, an empty database and topics of a test's own; commands in them."""

    def __init__(self, folder: Path, kafka: KafkaCluster, database: str, prefix: str) -> None:
        self.environment = os.environ | {
            "WATTBOOK_HOME": str(folder),
            "WATTBOOK_LOG": f"kafka://{kafka.bootstrap}",
            "WATTBOOK_DATABASE": database,
            "WATTBOOK_KAFKA_PREFIX": prefix,
            "WATTBOOK_KAFKA_PARTITIONS": "2",
            "PYTHONPATH": str(ROOT),
        }
        self.folder, self.prefix, self.servers = folder, prefix, (kafka.bootstrap,)
        self.command("init")
        self.command("topics", "create")

    def command(self, *words: str) -> str:
        done = CliRunner().invoke(cli, words, env=self.environment)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    @contextmanager
    def worker(
        self, *options: str, program: tuple[str, str] = ("-m", "wattbook")
    ) -> Iterator[tuple["subprocess.Popen[str]", Callable[[], str]]]:
        output = self.folder / f"worker-{len([*self.folder.glob('worker-*')])}.log"
        with output.open("w") as file:
            words = [sys.executable, *program, "worker", "--port", "0", *options]
            process = subprocess.Popen(words, env=self.environment, stderr=file, text=True)
        try:
            yield process, output.read_text
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def site(tmp_path: Path, kafka: KafkaCluster, database: str, prefix: str) -> Site:
    return Site(tmp_path, kafka, database, prefix)


Sites = dict[str, Site]


@pytest.fixture
def two_sites(tmp_path: Path, kafka: KafkaCluster, postgres: PostgresServer, prefix: str) -> Iterator[Sites]:
    """One for each engine, over the same servers: what befalls these befalls both at once."""
    made: Sites = {}
    for engine in ("faust", "plain"):
        (tmp_path / engine).mkdir()
        made[engine] = Site(tmp_path / engine, kafka, postgres.new_database(), f"{prefix}{engine}.")
    yield made
    for site in made.values():
        postgres.drop_database(site.environment["WATTBOOK_DATABASE"])


def wait_for(condition: Callable[[], object], told: Callable[[], str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.1)


def url_in(log: str) -> str:
    found = re.search(r"http://[\d.:]+", log)
    return found.group() if found else ""


@pytest.mark.parametrize("engine", ["faust", "plain"])
def test_a_worker_processes_messages_shows_them_and_ends_well(site: Site, engine: str) -> None:
    site.command("import", str(SESSION))
    with site.worker("--engine", engine) as (process, log):
        wait_for(lambda: url_in(log()), log)
        wait_for(lambda: samples(read(url_in(log()) + "/metrics")[1])["wattbook_messages_total"] == 20, log)
        assert read(url_in(log()) + "/health")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, log()
        assert json.loads(log().splitlines()[-1])["event"] == "worker_stopped"
        assert TOKEN not in log()
    assert "evse_is_not_in_the_reference_data" in site.command("session", "list")


WITH_A_MISTAKE = """
from wattbook import wiring

def decode(raw, identify, rules):
    raise {error}(raw.frame)

wiring.VERBS = wiring.VERBS._replace(decode=decode)
from wattbook.cli import main
main()
"""


@pytest.mark.parametrize("engine", ["faust", "plain"])
def test_a_mistake_of_ours_puts_nothing_of_a_message_into_the_log(site: Site, engine: str) -> None:
    """One that is known for a mistake puts messages into quarantine; any other ends the worker, and says in which function."""
    for error, status in (("KeyError", 0), ("RuntimeError", 70)):
        site.command("import", str(SESSION))
        with site.worker("--engine", engine, program=("-c", WITH_A_MISTAKE.format(error=error))) as (process, log):
            if status == 0:
                wait_for(lambda: url_in(log()), log)
                wait_for(lambda: samples(read(url_in(log()) + "/metrics")[1])["wattbook_messages_total"] == 20, log)
                process.send_signal(signal.SIGTERM)
            assert process.wait(60) == status, log()
            assert not [word for word in (TOKEN, "transactionInfo") if word in log()]
            assert ("RuntimeError in __main__.decode" in log()) == (status == 70)


def test_a_database_that_goes_away_ends_the_workers_with_a_clear_message(two_sites: Sites, postgres: PostgresServer) -> None:
    with ExitStack() as stack:
        running = [stack.enter_context(site.worker("--engine", engine)) for engine, site in two_sites.items()]
        for _, log in running:
            wait_for(lambda: "partitions_shared_out" in log(), log)  # noqa: B023
        postgres.stop()
        try:
            for process, log in running:
                assert process.wait(60) == 70, log()
        finally:
            postgres.start()
        for _, log in running:
            last = json.loads(log().splitlines()[-1])
            assert last["event"] == "worker_failed", log()
            assert "postgresql" in last["error"].lower()
            assert "Traceback" not in log()


@pytest.mark.parametrize(("first", "second"), [("plain", "faust"), ("faust", "plain")])
def test_a_worker_of_the_other_engine_ends_and_says_what_to_do(site: Site, first: str, second: str) -> None:
    with site.worker("--engine", first) as (_, log):
        wait_for(lambda: "partitions_shared_out" in log(), log)
        with site.worker("--engine", second) as (process, log):
            assert process.wait(60) == 70, log()
            error = json.loads(log().splitlines()[-1])["error"]
            assert error.startswith(
                f"workers of the other engine ({first}; this one: {second}) run in the group {site.prefix}worker"
            )
            assert "or wait 10 s after one was killed" in error and error.endswith(f"with --engine {first}")
            assert "Traceback" not in log()


def test_records_that_go_to_quarantine_are_a_line_of_the_log_without_what_they_hold(site: Site) -> None:
    with Publisher(KafkaOptions(servers=site.servers, prefix=site.prefix)) as publisher:
        for key, value in [(b"CS secret", b"frame-secret"), (None, b"frame-secret"), (b"CS secret", b"frame-secret")]:
            publisher.send(site.prefix + "raw", P1, key, value)
        publisher.flush()
    with site.worker("--engine", "plain") as (_, log):
        wait_for(lambda: '"quarantined"' in log(), log)
    [line] = [told for told in map(json.loads, log().splitlines()) if told["event"] == "quarantined"]
    assert (line["partition"], line["offset"], line["records"]) == (1, 0, 3)
    assert line["reason"] == "record_key_is_no_station_name,record_has_no_key"
    assert "secret" not in log()


def test_what_is_published_is_not_counted_as_new_and_an_empty_list_says_what_waits(site: Site) -> None:
    assert site.command("session", "list") == "no session yet: `wattbook import FILE`, or let stations connect\n"
    told = site.command("import", str(SESSION)).splitlines()
    assert told[-1] == f"published 20 messages to topic {site.prefix}raw; a worker processes them"
    assert "new" not in "".join(told[-2:])
    assert json.loads(site.command("import", "--json", str(SESSION)))["new_messages"] is None
    waiting = f"no session yet; not processed in {site.prefix}raw: 40 messages. Is a `wattbook worker` running?\n"
    assert site.command("session", "list") == waiting
    producer = KafkaProducer(bootstrap_servers=list(site.servers), transactional_id=site.prefix)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(f"{site.prefix}raw", b"held back", partition=1)
    producer.flush()
    held = f"{site.prefix}raw/1: 1 record waits behind an open transaction of a producer"
    assert site.command("session", "list") == waiting.replace(". Is", f"; {held}. Is")
    producer.abort_transaction()
    producer.close()
    silent = site.environment | {"WATTBOOK_LOG": "kafka://127.0.0.1:1", "WATTBOOK_KAFKA_TIMEOUT_S": "2"}
    assert "Kafka does not tell whether messages wait" in CliRunner().invoke(cli, ["session", "list"], env=silent).output


def test_a_port_that_is_taken_is_refused_if_it_was_asked_for_and_else_another_will_do(bench: Bench) -> None:
    with shown(bench.meters, "127.0.0.1", 0) as first:
        port = int(first.rpartition(":")[2])
        with pytest.raises(SettingsError) as raised, shown(bench.meters, "127.0.0.1", port):
            pass
        assert str(raised.value) == (
            f"port {port} of 127.0.0.1 is taken (by another worker?): give this one --port 0, or another WATTBOOK_WORKER_PORT"
        )
        with shown(bench.meters, "127.0.0.1", port, or_any=True) as second:
            assert second != first
            assert read(second + "/health")[0] == 200
        assert bench.said == ["port_taken"]
    with pytest.raises(SettingsError, match=r"port 9464 of 192.0.2.1 cannot be listened on: .*: see"):
        shown(bench.meters, "192.0.2.1", 9464).__enter__()


def test_only_a_port_that_nobody_wrote_down_may_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [_port(read_settings(), given) for given in (None, 9464)] == [(9464, True), (9464, False)]
    monkeypatch.setenv("WATTBOOK_WORKER_PORT", "9464")
    assert _port(read_settings(), None) == (9464, False)


def test_a_worker_refuses_topics_that_are_not_as_they_must_be(site: Site) -> None:
    settings = {**site.environment, "WATTBOOK_KAFKA_PARTITIONS": "3"}
    done = CliRunner().invoke(cli, ["worker"], env=settings)
    assert done.exit_code != 0
    assert "topics are not as they must be" in str(done.exception)
    assert "partitions is 2, wanted is 3: the number of partitions of a topic that was used can never" in str(done.exception)


def test_a_worker_without_kafka_or_postgresql_is_wrong_usage(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["--home", str(tmp_path), "worker"], env={"WATTBOOK_LOG": "", "WATTBOOK_DATABASE": ""})
    assert done.exit_code == 2
    assert "WATTBOOK_LOG=kafka://" in done.output
