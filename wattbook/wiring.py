"""The composition root: which implementation stands behind which port, read from top to bottom.

WATTBOOK_DATABASE   sqlite             one file: log, states and books
                    postgresql://…     the same, on a server
WATTBOOK_LOG        database           messages are appended to the database and processed at once, by one process
                    kafka://…          messages go to a topic; workers process them into PostgreSQL, lane by lane
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs
from sqlalchemy import Connection, Engine

from ingest.decode import decode, passed_by
from invoicing import numbering
from invoicing.draw_up import Billable, ReasonOf, draw_up
from ledger.books import Booking
from ledger.post import post
from ledger.sql_store import SqlLedger
from ledger.sql_tables import METADATA as LEDGER_TABLES
from streams import postgres_log, sqlite_log
from streams.catalogue import Catalogue, changes_the_past
from streams.embedded_runtime import EmbeddedRuntime, Input, catalogue_at
from streams.kafka_options import KafkaOptions
from streams.lanes import RAW, REFERENCE, SteppedLanes, TellQuarantined, next_offset
from streams.log import Stream
from streams.office_runtime import OfficeRuntime
from streams.partition_count import demand_known_partitions
from streams.places import OFFICE, Lane, Partition, lane_of
from streams.postgres_log import PostgresLog
from streams.raw_records import partition_of, raw_record
from streams.sql_seals import METADATA as SEAL_TABLES
from streams.sql_states import METADATA as STATE_TABLES
from streams.sql_states import SqlStates
from streams.sqlite_log import SqliteLog
from streams.topic_identity import TopicWatch, topic_of
from streams.unit import Billable as Unbilled
from streams.unit import Plans, ToPost, Unit, Verbs
from vocabulary.billing import Invoice, InvoiceRunRequested, PartitionReached
from vocabulary.charging import RawMessage
from vocabulary.identity import ContractId, Position, VersionHash
from vocabulary.rated import RatedLine
from vocabulary.reference import Contract, Operator, RulesAdopted
from vocabulary.rules import RULES
from wattbook.database import Waiting, in_silence, open_database, reading, writing
from wattbook.fact_keys import key_of
from wattbook.migrating import State, make_ready, schema_of
from wattbook.prices import price_note
from wattbook.reference_files import read_reference
from wattbook.settings import Settings
from wattbook.sql_access import METADATA as ACCESS_TABLES
from wattbook.subscribing import kind_of_evse, subscriptions
from wattbook.vault import Vault

if TYPE_CHECKING:
    from streams.kafka_client import Publisher  # importing it takes longer than most commands, and few need it


class NotReady(Exception):
    """The home lacks something that a command needs; the message says what, and what to do."""


class Store(NamedTuple):
    """Everything stored, for reading, as one moment saw it. `log` is the office's lane, which comes first in `lanes`."""

    log: SqliteLog | PostgresLog
    states: SqlStates
    ledger: SqlLedger
    lanes: Mapping[Lane, SqliteLog | PostgresLog]


class Published(NamedTuple):
    """How many facts the reference folder holds, how many of them were not in force yet, and the tariffs and assignments
    that were changed for a time that is over, or that would have been: then they were `left_out`. `rules_before`: those that
    held until now, where newer ones do.
    """

    facts: int
    new: int
    repriced: tuple[str, ...]
    rules_before: int | None = None
    left_out: tuple[str, ...] = ()


class App:
    """A home folder at work: its settings, its database, its vault, and the runtime over them.

    What it reads and writes of the log is the office's lane: all of it, but where workers process the messages.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings, self.engine = settings, engine
        self.vault = Vault(settings.vault_path)
        self._topic = RawTopic(settings.kafka_options, settings.kafka_partitions) if settings.uses_kafka else None
        office = runtime_over(engine, settings.batch_size)
        self.runtime: EmbeddedRuntime | OfficeRuntime = office
        if self._topic:
            self.runtime = OfficeRuntime(office, self._topic.publish, partial(with_reached, settings.kafka_partitions))

    @contextmanager
    def reading(self) -> Iterator[Store]:
        partitions = self.settings.kafka_partitions if self.settings.uses_kafka else 0
        with reading(self.engine) as connection:
            yield store_on(connection, partitions)

    @contextmanager
    def writing(self) -> Iterator[Unit]:
        with unit_over(self.engine) as unit:
            yield unit

    def publish_reference(self, for_the_past: bool = True) -> Published:
        """Read the folder of reference data, append what is new in it, and conclude what waited for it.

        Without `for_the_past`, what would change a price for a time that is over is left out.
        """
        with self.writing() as unit:
            known = catalogue_at(unit)
        self.vault.demand(known.contracts)
        with self.vault.sealing() as seal:
            facts = read_reference(self.settings.reference_path, seal, known.meter_keys)
        now = datetime.now(UTC)
        past = [fact for fact in facts if changes_the_past(known, fact, now)]
        self.runtime.publish([RulesAdopted(number=RULES)], key_of)
        new = self.runtime.publish([fact for fact in facts if for_the_past or fact not in past], key_of)
        self.runtime.pump()
        changed = tuple(dict.fromkeys(map(key_of, past)))
        repriced, left_out = (changed, ()) if for_the_past else ((), changed)
        rules_before = known.rules if known.sites and known.rules < RULES else None
        return Published(len(facts), new, repriced, rules_before, left_out)

    def close(self) -> None:
        if self._topic:
            self._topic.close()
        self.engine.dispose()


def create_app(settings: Settings) -> App:
    """A new home, or the one that is there. A vault is made with the database, never for one that is there already."""
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = _open_database(settings, create=True)
    if schema_of(engine).state is State.EMPTY:
        Vault(settings.vault_path).create()
    make_ready(engine, create_tables)
    return App(settings, engine)


def open_app(settings: Settings, read_only: bool = False) -> App:
    """The home that is there. Raises NotReady where there is none. `read_only`: a file is not changed by as much as a byte."""
    if isinstance(settings.database_place, Path) and not settings.database_place.exists():
        raise NotReady(f"{settings.home} is no wattbook home yet: run `wattbook init {settings.home}` first")
    engine = _open_database(settings, create=False, read_only=read_only)
    make_ready(engine, None)
    _demand_one_way_in(settings, engine)
    return App(settings, engine)


def _demand_one_way_in(settings: Settings, engine: Engine, may_be_renamed: bool = False) -> None:
    """Messages come into a database directly, or through Kafka, never both: what came twice would be two inputs."""
    with reading(engine) as connection:
        store = store_on(connection)
        if not settings.uses_kafka and store.states.last_lane() != OFFICE:
            raise NotReady("workers process messages into this database: set WATTBOOK_LOG=kafka://… as they have it")
        if settings.uses_kafka and store.log.head(Stream.RAW).records:
            raise NotReady("messages came into this database directly: leave WATTBOOK_LOG out, or give Kafka another database")
        if settings.uses_kafka:
            demand_all_partitions(store.states, settings.kafka_partitions)
            if not may_be_renamed:
                _demand_its_topic(store.states, settings.kafka_options)


def _demand_its_topic(states: SqlStates, kafka: KafkaOptions) -> None:
    """A wrong prefix names other messages. The topic counts of those partitions of which anything was processed."""
    names = {topic_of(states, Partition(lane - 1)).name for lane, raw in states.positions(RAW).items() if raw}
    if others := sorted(names - {"", kafka.topic("raw")}):
        raise NotReady(
            f"this database processes {', '.join(others)}; WATTBOOK_KAFKA_PREFIX={kafka.prefix} names {kafka.topic('raw')}: is "
            "the prefix right? Only where the topic was copied under the new name, each record at its old offset: "
            "`wattbook topics adopt`"
        )


def demand_all_partitions(states: SqlStates, partitions: int) -> None:
    """Whoever looks at fewer partitions than were processed would bill, and audit, a part of what there is.

    Raises OtherPartitions; NotReady where a lane is beyond them and no number is noted.
    """
    demand_known_partitions(states, partitions)
    if (last := states.last_lane()) > partitions:
        raise NotReady(
            f"WATTBOOK_KAFKA_PARTITIONS is {partitions}, but partition {last - 1} was processed: set what workers have"
        )


def _open_database(settings: Settings, *, create: bool, read_only: bool = False) -> Engine:
    if settings.uses_kafka and settings.database == "sqlite":
        raise NotReady("workers share a server: with WATTBOOK_LOG=kafka://… set WATTBOOK_DATABASE=postgresql://… too")
    return open_database(settings.database_place, create=create, read_only=read_only)


@contextmanager
def open_lanes(
    settings: Settings,
    topic: TopicWatch | None = None,
    quarantined: TellQuarantined | None = None,
    waiting: Waiting = in_silence,
) -> Iterator[SteppedLanes]:
    """The lanes that a worker drives, over the database of the settings. `waiting`: where another holds one of them."""
    with workers_database(settings) as engine:
        yield SteppedLanes(partial(unit_over, engine, waiting=waiting), VERBS, settings.kafka_partitions, topic, quarantined)


@contextmanager
def workers_database(settings: Settings, may_be_renamed: bool = False) -> Iterator[Engine]:
    engine = _open_database(settings, create=False)
    try:
        make_ready(engine, None)
        _demand_one_way_in(settings, engine, may_be_renamed)
        yield engine
    finally:
        engine.dispose()


def create_tables(connection: Connection) -> None:
    """All tables of this program, in an empty database."""
    if is_postgres(connection):
        postgres_log.create(connection)
        SEAL_TABLES.create_all(connection)
    else:
        sqlite_log.create(connection)
    STATE_TABLES.create_all(connection)
    ACCESS_TABLES.create_all(connection)
    LEDGER_TABLES.create_all(connection)


def runtime_over(engine: Engine, batch: int) -> EmbeddedRuntime:
    return EmbeddedRuntime(partial(unit_over, engine), VERBS, batch)


@contextmanager
def unit_over(engine: Engine, lane: Lane = OFFICE, waiting: Waiting = in_silence) -> Iterator[Unit]:
    """A transaction that owns a lane."""
    with writing(engine, lane, waiting) as connection:
        yield unit_on(connection, lane)


def unit_on(connection: Connection, lane: Lane = OFFICE) -> Unit:
    log = log_on(connection, lane)
    office = log if lane == OFFICE else log_on(connection)
    return Unit(log, SqlStates(connection, lane), _Books(SqlLedger(connection)), office)


def store_on(connection: Connection, partitions: int = 0) -> Store:
    """`partitions`: of the raw topic, where messages come in there."""
    lanes = [OFFICE, *(lane_of(Partition(partition)) for partition in range(partitions))]
    logs = {lane: log_on(connection, lane) for lane in lanes}
    return Store(logs[OFFICE], SqlStates(connection), SqlLedger(connection), logs)


def log_on(connection: Connection, lane: Lane = OFFICE) -> SqliteLog | PostgresLog:
    if is_postgres(connection):
        return PostgresLog(connection, lane)
    assert lane == OFFICE, "a SQLite file has one lane"
    return SqliteLog(connection)


def with_reached(partitions: int, unit: Unit, command: Input) -> Input:
    """The command with how far the workers are, who wait until its transaction ends."""
    assert isinstance(unit.states, SqlStates)
    lanes = [lane_of(Partition(partition)) for partition in range(partitions)]
    messages, facts = (unit.states.held_positions(consumer, lanes) for consumer in (RAW, REFERENCE))
    demand_all_partitions(unit.states, partitions)
    reached = tuple(
        PartitionReached(partition=lane - 1, offset=next_offset(messages.get(lane)), reference=facts.get(lane, Position(0)))
        for lane in lanes
        if lane in messages or lane in facts
    )
    return command._replace(value=structs.replace(command.value, reached=reached))


def is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


class RawTopic:
    """Where messages are published; connected when the first one is.

    `partitions`: as configured. Whatever the topic has by now, a station stays in its own.
    """

    def __init__(self, options: KafkaOptions, partitions: int) -> None:
        self._options, self._partitions = options, partitions
        self._publisher: Publisher | None = None

    def publish(self, messages: Sequence[RawMessage]) -> None:
        if not messages:
            return
        from streams.kafka_client import Publisher

        publisher = self._publisher or Publisher(self._options)
        self._publisher = None  # one that failed is not used again
        for message in messages:
            key, headers, value = raw_record(message)
            publisher.send(self._options.topic("raw"), partition_of(key, self._partitions), key, value, headers)
        publisher.flush()
        self._publisher = publisher

    def close(self) -> None:
        if self._publisher:
            self._publisher.close()


class _Books:
    """The ledger as the runtime sees it."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    def post(self, entries: Sequence[ToPost]) -> int:
        return self._ledger.post_all([Booking(*entry) for entry in entries])


def invoices_of(
    request: InvoiceRunRequested,
    unbilled: Sequence[Unbilled],
    catalogue: Catalogue,
    next_number: int,
    plans: Plans = Plans(),  # noqa: B008
) -> tuple[Invoice, ...]:
    """`invoicing.draw_up` with what is in force on the day of issue."""
    at = day_of_issue(request)

    def contract(wanted: ContractId) -> Contract:
        versions = catalogue.contracts[wanted]  # a session was rated for it, so it was published
        return versions.at(at) or versions.values[0]

    billables = [
        Billable(rated=rated, signature=checked, evse_kind=kind_of_evse(rated, catalogue) if catalogue.plans else None)
        for rated, checked in unbilled
    ]
    operator, reasons = operator_of(catalogue, at), _reasons_from(catalogue)
    return draw_up(request, billables, contract, operator, next_number, reasons, subscriptions(plans, catalogue))


def _reasons_from(catalogue: Catalogue) -> ReasonOf:
    def reason_of(line: RatedLine, version: VersionHash, language: str, time_zone: str) -> str:
        return price_note(line, catalogue.tariff_versions[line.tariff_version or version], language, time_zone)

    return reason_of


def series_of(request: InvoiceRunRequested, catalogue: Catalogue) -> str:
    return numbering.series(operator_of(catalogue, day_of_issue(request)), request.issued_on)


def day_of_issue(request: InvoiceRunRequested) -> datetime:
    """The end of the day of issue: what comes into force on that day is in force."""
    return datetime.combine(request.issued_on, time(), UTC) + timedelta(days=1)


def operator_of(catalogue: Catalogue, at: datetime) -> Operator:
    operator = catalogue.operator(at)
    if operator is None:
        raise NotReady("no operator is published that is in force on that day: see reference/operator.yaml")
    return operator


VERBS = Verbs(decode=decode, post=post, draw_up=invoices_of, series=series_of, passed_by=passed_by)


def database_in(folder: Path) -> Engine:
    """A throw-away database for a replay."""
    engine = open_database(folder / "replay.db", create=True)
    make_ready(engine, create_tables)
    return engine
