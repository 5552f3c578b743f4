"""`audit replay` where workers process a topic: the same interleaving again, from the topic and the office's inputs alone."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from streams.embedded_runtime import Input
from streams.kafka_client import Admin, Reader
from streams.kafka_options import KafkaOptions
from streams.kafka_topics import Spec, create
from streams.lanes import SteppedLanes
from streams.log import Stream
from streams.places import Offset, Partition
from tests.one_result.network import MONTH, STATIONS, write_reference
from tests.one_result.traffic import recorded, sequence, visits
from vocabulary.billing import InvoiceRunRequested
from vocabulary.charging import RawMessage
from vocabulary.codec import decode
from vocabulary.identity import Position
from wattbook import documents
from wattbook.audit import digests
from wattbook.database import writing
from wattbook.documents import run_invoices
from wattbook.lane_audit import replay_lanes
from wattbook.settings import read_settings
from wattbook.wiring import App, create_app, open_lanes

PARTITIONS = 3
NOW = datetime(2026, 12, 2, 8, tzinfo=UTC)


@pytest.fixture
def app(options: KafkaOptions, database: str, tmp_path: Path) -> Iterator[App]:
    write_reference(tmp_path / "reference")
    kafka = {"log": "kafka://" + ",".join(options.servers), "kafka_prefix": options.prefix, "kafka_partitions": PARTITIONS}
    with Admin(options) as admin:
        create(admin, Spec(options.prefix, PARTITIONS, 1))
    app = create_app(read_settings(home=tmp_path, database=database, **kafka))
    app.publish_reference()
    yield app
    app.close()


def publish(app: App, messages: list[RawMessage]) -> None:
    app.runtime.append([Input(Stream.RAW, message.station, message) for message in messages])


def worked(app: App, lanes: SteppedLanes, random: Random, share: float = 1.0) -> None:
    """Each partition up to about that share of what it holds, in batches of any size."""
    options = app.settings.kafka_options
    for partition in map(Partition, range(PARTITIONS)):
        begin = lanes.assigned(partition)
        with Reader(options, options.topic("raw"), partition) as reader:
            end = Offset(begin + int((reader.end() - begin) * share))
            records = [taken for page in reader.to_end(begin) for taken in page if taken.offset < end]
        while records:
            size = random.randint(1, 60)
            lanes.process(partition, records[:size])
            records = records[size:]
        lanes.revoked(partition)


Work = Callable[[], None]


def lived(app: App, tmp_path: Path, seed: int, between: Callable[[Work], None] = lambda _: None) -> None:
    """Two halves of traffic, invoice runs while partitions are at different places, and reference facts that come late.

    `between` is given what workers do between two commands of a run.
    """
    random = Random(seed)
    messages = sequence(random, [*visits(random, list(STATIONS), 2), *recorded()])
    half = len(messages) // 2
    with open_lanes(app.settings) as lanes:
        between(lambda: worked(app, lanes, random, 0.2))
        publish(app, messages[:half])
        worked(app, lanes, random, 0.7)
        run_invoices(app, MONTH, NOW.date(), NOW)
        worked(app, lanes, random)
        write_reference(tmp_path / "reference", late=True)
        app.publish_reference()
        lanes.assigned(Partition(0))
        lanes.settle()
        lanes.revoked(Partition(0))
        run_invoices(app, MONTH, NOW.date(), NOW.replace(minute=1))
        publish(app, messages[half:])
        worked(app, lanes, random)
        run_invoices(app, MONTH, NOW.date(), NOW.replace(minute=2))


@pytest.mark.parametrize("sessions_at_once", [documents.SESSIONS_AT_ONCE, 3])
def test_a_replay_folds_topic_and_office_again_and_finds_the_same(
    app: App, tmp_path: Path, sessions_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a run is several commands, between which workers go on."""

    def between(work: Work) -> None:
        monkeypatch.setattr(documents, "time", SimpleNamespace(sleep=lambda seconds: work() if seconds else None))

    monkeypatch.setattr(documents, "SESSIONS_AT_ONCE", sessions_at_once)
    lived(app, tmp_path, 11, between)
    with app.reading() as store:
        issued, found = store.states.documents(), digests(store)
        commands = [decode(stored.body) for stored in store.log.read([Stream.COMMANDS], Position(0), 100)]
    result = replay_lanes(app)
    assert result.difference is None
    assert len(issued) > 2, "the invoice runs have found something to bill"
    reached = {command.reached for command in commands if isinstance(command, InvoiceRunRequested)}
    assert len(reached) > 3 if sessions_at_once == 3 else len(commands) == 3, "three runs"
    assert result.events > 500 and result.conclusions > 100 and result.entries > 20
    assert replay_lanes(app) == result
    assert {"InvoiceIssued", "SessionRated", "SessionFlagged"} <= found.keys()


CHANGES = {  # what a replay calls it: the table, and what is done to it past wattbook
    "entry": ("posting", "UPDATE posting SET amount_micro = amount_micro + 10000 WHERE entry = 1 AND line = 1"),
    "session index": ("session", "UPDATE session SET total = '0.01' WHERE total IS NOT NULL"),
    "conclusions": (
        "log_conclusions",
        "DELETE FROM log_conclusions WHERE (lane, position) = (SELECT 2, max(position) FROM log_conclusions WHERE lane = 2)",
    ),
    "events": ("log_events", "UPDATE log_events SET cause = cause + 4096 WHERE lane = 1"),
    "chain of reference": ("log_reference", "UPDATE log_reference SET key = 'other'"),
    "state": ("state", "DELETE FROM state WHERE key = (SELECT min(key) FROM state WHERE key LIKE 'session:%')"),
}


def test_what_was_changed_past_wattbook_is_found(app: App, tmp_path: Path) -> None:
    lived(app, tmp_path, seed=12)
    for what, (table, change) in CHANGES.items():
        _past_the_triggers(app, f"CREATE TABLE kept AS SELECT * FROM {table}", change)
        found = replay_lanes(app).difference
        _past_the_triggers(app, f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM kept", "DROP TABLE kept")
        assert found is not None and found.what == what
    assert replay_lanes(app).difference is None


def _past_the_triggers(app: App, *statements: str) -> None:
    with writing(app.engine) as connection:
        for statement in ("SET LOCAL session_replication_role = replica", *statements):
            connection.exec_driver_sql(statement.replace("%", "%%"))
