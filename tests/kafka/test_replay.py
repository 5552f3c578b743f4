"""`audit replay` where workers process a topic: the same interleaving again, from the topic and the office's inputs alone."""

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaAdminClient, TopicPartition

from streams.catalogue import Catalogue
from streams.chain import GENESIS, follow
from streams.embedded_runtime import Input
from streams.kafka_client import Admin, Publisher, Reader
from streams.kafka_options import KafkaOptions
from streams.kafka_topics import Spec, create
from streams.lanes import SteppedLanes
from streams.log import Record, Stream
from streams.partition_count import OtherPartitions
from streams.places import Lane, Offset, Partition
from streams.rating import conclude
from streams.raw_records import partition_of, raw_record
from streams.topic_identity import TopicIdentity, TopicWatch
from tests.one_result.network import MONTH, STATIONS, write_reference
from tests.one_result.traffic import recorded, sequence, visits
from vocabulary.billing import InvoiceRunRequested
from vocabulary.charging import Protocol, RawMessage
from vocabulary.codec import decode
from vocabulary.identity import Position, StationId
from vocabulary.sessions import ChargingSession, Finding, Progress, SessionConclusion
from wattbook import documents
from wattbook.audit import digests
from wattbook.cli import cli
from wattbook.database import writing
from wattbook.documents import run_invoices
from wattbook.lane_audit import replay_lanes
from wattbook.settings import read_settings
from wattbook.wiring import VERBS, App, create_app, open_lanes, unit_over

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


def watch_of(app: App) -> TopicWatch:
    """Asks once: many small batches are processed here, and nobody makes the topic anew meanwhile."""
    name = app.settings.kafka_options.topic("raw")
    with Admin(app.settings.kafka_options) as admin:
        found = TopicIdentity(admin.topic_id(name), name)
    return TopicWatch(lambda: found, lambda *_: None)


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
    with open_lanes(app.settings, watch_of(app)) as lanes:
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


def fails_for_late_contracts(
    session: ChargingSession, catalogue: Catalogue, held: Finding | None = None, waived: Collection[Finding] = ()
) -> tuple[SessionConclusion, ...]:
    if session.token is not None and (holder := catalogue.holder(session.token, session.start)) and holder.id == "C-LATE":
        raise KeyError(session.token)
    return conclude(session, catalogue, held, waived)


def test_a_mistake_of_ours_while_a_fact_is_taken_up_stops_no_lane_and_a_replay_makes_it_again(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.batch.conclude", fails_for_late_contracts)
    lived(app, tmp_path, seed=11)
    with app.reading() as store:
        rows = store.states.find("")
    failed = [row for row in rows if row.finding is Finding.STEPS_FAIL]
    assert len(failed) > 2 and {row.progress for row in failed} == {Progress.FLAGGED}
    assert "C-LATE" not in {row.contract for row in rows}
    result = replay_lanes(app)
    assert result.difference is None
    assert result.conclusions > 100
    monkeypatch.undo()
    assert replay_lanes(app).difference is not None, "a program without the mistake concludes something else"


CHANGES = [  # what a replay calls it, the table, and what is done to it past wattbook
    ("entry", "posting", "UPDATE posting SET amount_micro = amount_micro + 10000 WHERE entry = 1 AND line = 1"),
    ("session index", "session", "UPDATE session SET total = '0.01' WHERE total IS NOT NULL"),
    (
        "session index",
        "session",
        "UPDATE session SET rated_at = (SELECT max(rated_at) FROM session) WHERE rated_at IS NOT NULL",
    ),
    ("session index", "session", "UPDATE session SET closed_at = 3 * 4096 WHERE closed_at IS NOT NULL"),
    ("session index", "session", "UPDATE session SET lane = 3 - lane WHERE lane < 3"),
    ("document index", "document", "UPDATE document SET issued_at = (SELECT max(issued_at) FROM document)"),
    (
        "conclusions",
        "log_conclusions",
        "DELETE FROM log_conclusions WHERE (lane, position) = (SELECT 2, max(position) FROM log_conclusions WHERE lane = 2)",
    ),
    ("events", "log_events", "UPDATE log_events SET cause = cause + 4096 WHERE lane = 1"),
    ("chain of reference", "log_reference", "UPDATE log_reference SET key = 'other'"),
    ("position raw of lane", "position", "UPDATE position SET position = position - 4096 WHERE consumer = 'raw' AND lane = 1"),
    ("position raw of lane", "position", "DELETE FROM position WHERE consumer = 'raw' AND lane = 2"),
    ("position reference of lane", "position", "UPDATE position SET position = 0 WHERE consumer = 'reference'"),
    ("position states of lane", "position", "UPDATE position SET position = 0 WHERE consumer = 'states'"),
    ("position steps of lane", "position", "UPDATE position SET position = 0 WHERE consumer = 'steps'"),
    ("state", "state", "DELETE FROM state WHERE key = (SELECT min(key) FROM state WHERE key LIKE 'session:%')"),
]


def test_what_was_changed_past_wattbook_is_found(app: App, tmp_path: Path) -> None:
    lived(app, tmp_path, seed=12)
    for what, table, change in CHANGES:
        _past_the_triggers(app, f"CREATE TABLE kept AS SELECT * FROM {table}", change)
        found = replay_lanes(app).difference
        _past_the_triggers(app, f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM kept", "DROP TABLE kept")
        assert found is not None and found.what == what
    assert replay_lanes(app).difference is None


def test_states_that_a_worker_has_not_saved_are_left_out_by_partition_and_that_is_said(app: App, tmp_path: Path) -> None:
    lived(app, tmp_path, seed=13)
    unsaved = Partition(1)
    stations = [station for station, protocol in STATIONS.items() if protocol is not Protocol.OCPP16]
    publish(app, sequence(Random(14), visits(Random(14), stations, 1)))  # a start of 1.6 that comes again saves all at once
    with (
        open_lanes(app.settings, watch_of(app)) as lanes,
        Reader(options := app.settings.kafka_options, options.topic("raw"), unsaved) as raw,
    ):
        begin = lanes.assigned(unsaved)
        lanes.process(unsaved, [taken for page in raw.to_end(begin) for taken in page])  # and is killed
    result = replay_lanes(app)
    assert (result.difference, result.unsaved) == (None, (1,))
    told = audited(app, "replay")
    assert (told.exit_code, told.output.splitlines()[2]) == (0, "identical")
    assert told.output.splitlines()[3].startswith("left out   the states of partition 1: a worker has not saved all of them.")
    assert json.loads(audited(app, "replay", "--json").output)["unsaved"] == [1]
    digest = audited(app, "digest")
    assert "left out   the states of partition 1" in digest.output and "State " not in digest.output

    for partition, key in _states_of_each_partition(app):
        _past_the_triggers(app, "CREATE TABLE kept AS SELECT * FROM state", f"DELETE FROM state WHERE key = '{key}'")
        found = replay_lanes(app).difference
        _past_the_triggers(app, "DELETE FROM state", "INSERT INTO state SELECT * FROM kept", "DROP TABLE kept")
        assert (found is None) == (partition == unsaved), key
    _past_the_triggers(app, "UPDATE state SET body = '0' WHERE key LIKE 'counter:invoice%'")
    assert (found := replay_lanes(app).difference) is not None and (found.what, found.position) == ("state", 1)

    with open_lanes(app.settings, watch_of(app)) as lanes:
        lanes.assigned(unsaved)
        lanes.settle()
    assert replay_lanes(app).unsaved == ()


def _states_of_each_partition(app: App) -> Iterator[tuple[Partition, str]]:
    """By key, one of a session in each partition, and one of a station where there is any."""
    with app.reading() as store:
        keys = [key for key, _ in store.states.following()]
        stations = {f"session:{row.session}": row.station for row in store.states.find("")}
    stations |= {key: StationId(key.removeprefix("station:")) for key in keys if key.startswith("station:")}
    found = {(partition_of(stations[key].encode(), PARTITIONS), key[:8]): key for key in keys if key in stations}
    assert len(found) > PARTITIONS
    return iter([(partition, key) for (partition, _), key in found.items()])


def test_chains_are_shown_of_all_that_holds_anything_and_of_what_the_office_writes(app: App, tmp_path: Path) -> None:
    """By stream, then by partition; lane 0 has no messages, and what would follow from them cannot be there."""
    told = [line.split()[0] for line in audited(app, "verify").output.splitlines()[2:]]
    assert told == ["reference", "commands", "conclusions"]
    lived(app, tmp_path, seed=15)
    told = [line.split()[0] for line in audited(app, "verify").output.splitlines()[2:]]
    events, conclusions = ([f"{stream}/{n}" for n in range(PARTITIONS)] for stream in ("events", "conclusions"))
    assert told == ["reference", "commands", *events, "conclusions", *conclusions]
    row = "INSERT INTO log_raw (position, cause, lane, id, link, key, body) VALUES (4096, 0, 0, '{0}', '{0}', 'x', '')"
    _past_the_triggers(app, row.format("x" * 32))
    told = audited(app, "verify")
    assert told.exit_code == 1
    assert told.output.splitlines()[2].split()[:2] == ["raw", "BROKEN"]


def audited(app: App, *words: str) -> Result:
    """`wattbook audit`, as it is typed."""
    return CliRunner().invoke(cli, ["audit", *words], env=environment(app), catch_exceptions=False)


def environment(app: App) -> dict[str, str]:
    names = ("home", "database", "log", "kafka_prefix", "kafka_partitions")
    return {f"WATTBOOK_{name.upper()}": str(getattr(app.settings, name)) for name in names}


def test_a_record_in_a_partition_to_which_nothing_came_is_found(app: App) -> None:
    body = "convert_to('{}', 'UTF8')"
    columns = "INSERT INTO log_conclusions (position, cause, lane, id, link, key, body) "
    _past_the_triggers(app, f"{columns} VALUES (4098, 4098, 2, sha256({body}), sha256({body}), 'x', {body})")
    found = replay_lanes(app).difference
    assert found is not None and (found.what, found.position, found.replayed) == ("conclusions", 1, None)
    assert (found.partition, found.input) == (1, 4098), "the log's number, for programs"
    told = audited(app, "replay").output.splitlines()
    assert told[2] == "different first at conclusions 1 of partition 1, from partition 1, offset 0"


def test_where_something_stands_is_told_as_people_count_it(app: App, tmp_path: Path) -> None:
    """Not as the one number that a position is in the log, which `--json` has."""
    lived(app, tmp_path, seed=12)
    rows = {line.split()[0]: int(line.split()[2]) for line in audited(app, "verify").output.splitlines()[2:]}
    coded = json.loads(audited(app, "verify", "--json").output)
    assert {name: chain["position"] // 4096 for name, chain in coded.items()} == rows
    assert min(chain["position"] for chain in coded.values()) > 4096
    _past_the_triggers(app, "UPDATE log_reference SET key = 'x' WHERE position = 3 * 4096")
    assert audited(app, "replay").output.splitlines()[2] == (
        "different first at number 3 of the chain of reference, from input 3 of the office"
    )
    told = [line.split()[:3] for line in audited(app, "verify").output.splitlines()[2:]]
    assert told[0] == ["reference", "BROKEN", "3"]


def test_records_that_were_deleted_from_the_topic_are_told_as_that_and_no_event_is_blamed(
    app: App, options: KafkaOptions, tmp_path: Path
) -> None:
    lived(app, tmp_path, seed=17)
    topic, end = options.topic("raw"), _end(options, Partition(1))
    with closing(KafkaAdminClient(bootstrap_servers=list(options.servers))) as admin:
        admin.delete_records({TopicPartition(topic, 1): 2})
    told = audited(app, "replay")
    assert (told.exit_code, told.output.splitlines()[2:]) == (
        1,
        [
            "different first at raw topic, partition 1",
            f"stored     {topic}/1 holds offsets 2 to {end - 1}",
            "replayed   offsets 0 to 1 are gone: restore the topic's records from a copy",
        ],
    )


def test_a_topic_that_was_made_anew_or_cut_off_is_told_as_that(app: App, options: KafkaOptions, tmp_path: Path) -> None:
    lived(app, tmp_path, seed=18)
    topic, end = options.topic("raw"), _end(options, Partition(0))
    with Admin(options) as admin:
        known = admin.topic_id(topic)
        admin.delete([topic])
        create(admin, Spec(options.prefix, PARTITIONS, 1))
        found = admin.topic_id(topic)
    with app.writing() as unit:
        unit.states.save({f"topic:{partition}": f"{found} {topic}".encode() for partition in range(PARTITIONS)})
    difference = replay_lanes(app).difference
    assert difference is not None and (difference.what, difference.position) == ("raw topic, partition", 0)
    assert difference.stored == f"{topic}/0 is empty"
    assert difference.replayed == f"offsets 0 to {end - 1} are gone: restore the topic's records from a copy"
    with app.writing() as unit:
        unit.states.save({"topic:2": f"{known} {topic}".encode(), "topic:0": f"{known} {topic}".encode()})
    difference = replay_lanes(app).difference
    assert difference is not None and difference.stored == f"{topic} has the id {found}"
    assert difference.replayed == f"the topic with the id {known} was processed"
    _past_the_triggers(app, "DELETE FROM state WHERE key LIKE 'topic:%'")
    difference = replay_lanes(app).difference
    assert difference is not None and difference.stored == f"{topic} has the id {found}"
    assert (difference.replayed or "").endswith("has no note of the topic from which they came")


def _end(options: KafkaOptions, partition: Partition) -> Offset:
    with Reader(options, options.topic("raw"), partition) as reader:
        return reader.end()


def quarantined(app: App) -> None:
    """A lane that has put two records aside, and nothing else."""
    options = app.settings.kafka_options
    with Publisher(options) as publisher:
        for value in (b"[1]", b"[2]"):
            publisher.send(options.topic("raw"), Partition(0), b"no name!", value)
        publisher.flush()
    with open_lanes(app.settings, watch_of(app)) as lanes:
        worked(app, lanes, Random(17))


NEWER = "position = (SELECT max(position) FROM log_quarantine)"
FORGED = "convert_to('forged', 'UTF8')"
REMADE = {  # by what a forger does who makes the chain anew
    "changed": f"UPDATE log_quarantine SET body = {FORGED} WHERE {NEWER}",
    "cut off": f"DELETE FROM log_quarantine WHERE {NEWER}",
    "emptied": "DELETE FROM log_quarantine",
}


@pytest.mark.parametrize("change", REMADE.values(), ids=REMADE)
def test_a_quarantine_that_was_changed_and_chained_anew_is_found(app: App, change: str) -> None:
    quarantined(app)
    assert replay_lanes(app).difference is None
    _past_the_triggers(app, change)
    _chain_anew(app, Lane(1), Stream.QUARANTINE)
    assert audited(app, "verify").exit_code == 0
    found = replay_lanes(app).difference
    assert found is not None and found.what == "quarantine" and found.stored != found.replayed


def test_a_record_in_the_quarantine_of_a_partition_to_which_nothing_came_is_found(app: App) -> None:
    columns = "INSERT INTO log_quarantine (position, cause, lane, id, link, key, body) "
    _past_the_triggers(app, f"{columns} VALUES (4098, 4098, 2, sha256({FORGED}), sha256({FORGED}), 'x', {FORGED})")
    found = replay_lanes(app).difference
    assert found is not None and (found.what, found.position, found.replayed) == ("quarantine", 1, None)


def test_fewer_partitions_than_were_processed_are_not_audited(app: App, tmp_path: Path) -> None:
    lived(app, tmp_path, seed=16)
    told = CliRunner().invoke(cli, ["audit", "replay"], env=environment(app) | {"WATTBOOK_KAFKA_PARTITIONS": "2"})
    assert isinstance(told.exception, OtherPartitions) and "PARTITIONS is 2, but" in str(told.exception)


def test_a_station_that_went_on_in_another_partition_is_told_as_that(app: App) -> None:
    """As where partitions were added to the topic under a version that did not look at their number."""
    options, station = app.settings.kafka_options, min(STATIONS)
    with Publisher(options) as publisher:
        for partition, conversation in enumerate(visits(Random(19), [station], 2), start=1):
            for message in conversation:
                key, headers, value = raw_record(message)
                publisher.send(options.topic("raw"), Partition(partition), key, value, headers)
        publisher.flush()
    worked(app, SteppedLanes(partial(unit_over, app.engine), VERBS, None, watch_of(app)), Random(19))
    difference = replay_lanes(app).difference
    assert difference is not None and (difference.what, difference.position) == ("raw topic, partition", 2)
    assert difference.stored == f"sessions of {station} closed in the partitions 1 and 2"
    assert difference.replayed == "a station stays in one partition: see `OtherPartitions` in docs/errors.md"


def _past_the_triggers(app: App, *statements: str) -> None:
    with writing(app.engine) as connection:
        for statement in ("SET LOCAL session_replication_role = replica", *statements):
            connection.exec_driver_sql(statement.replace("%", "%%"))


def _chain_anew(app: App, lane: Lane, stream: Stream) -> None:
    """Links and head, as whoever owns the database can write them."""
    with app.reading() as store:
        stored = store.lanes[lane].read((stream,), Position(0), 1000)
    links = follow(stream, GENESIS, [(s.position, Record(s.id, s.key, s.body, s.cause)) for s in stored])
    place = f"WHERE lane = {lane} AND stream = '{stream}'"
    last = (len(stored), stored[-1].position, links[-1].hex()) if stored else (0, 0, GENESIS.hex())
    head = "UPDATE log_head SET records = {}, position = {}, link = decode('{}', 'hex') " + place
    changes = (
        f"UPDATE log_{stream} SET link = decode('{link.hex()}', 'hex') WHERE position = {s.position}"
        for s, link in zip(stored, links, strict=True)
    )
    _past_the_triggers(app, *changes, head.format(*last))
