"""The composition root: which implementation stands behind which port, read from top to bottom.

Today one choice each: log, states and books in one SQLite file. Kafka and PostgreSQL join here, by one `if` each.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from ingest.decode import decode
from invoicing import numbering
from invoicing.draw_up import Billable, ReasonOf, draw_up
from ledger.books import Booking
from ledger.post import post
from ledger.sql_store import SqlLedger
from ledger.sql_tables import METADATA as LEDGER_TABLES
from streams import sqlite_log
from streams.catalogue import Catalogue, replaces_a_price
from streams.embedded_runtime import EmbeddedRuntime, catalogue_at
from streams.sql_states import METADATA as STATE_TABLES
from streams.sql_states import SqlStates
from streams.sqlite_log import SqliteLog
from streams.unit import Billable as Unbilled
from streams.unit import ToPost, Unit, Verbs
from vocabulary.billing import Invoice, InvoiceRunRequested
from vocabulary.codec import ReferenceFact
from vocabulary.identity import ContractId, VersionHash
from vocabulary.reference import (
    Contract,
    ContractPublished,
    Operator,
    OperatorPublished,
    PartnerPublished,
    SitePublished,
)
from vocabulary.sessions import RatedLine
from wattbook.database import open_database, reading, writing
from wattbook.prices import price_note
from wattbook.reference_files import read_reference
from wattbook.settings import Settings
from wattbook.vault import Vault


class NotReady(Exception):
    """The home lacks something that a command needs; the message says what, and what to do."""


class Store(NamedTuple):
    """Everything stored, for reading, as one moment saw it."""

    log: SqliteLog
    states: SqlStates
    ledger: SqlLedger


class Published(NamedTuple):
    """How many facts the reference folder holds, how many of them were not in force yet, and the tariffs whose price was
    changed without a day from which it holds.
    """

    facts: int
    new: int
    repriced: tuple[str, ...]


class App:
    """A home folder at work: its settings, its database, its vault, and the runtime over them."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings, self._engine = settings, engine
        self.vault = Vault(settings.vault_path)
        self.runtime = runtime_over(engine, settings.batch_size)

    @contextmanager
    def reading(self) -> Iterator[Store]:
        with reading(self._engine) as connection:
            yield Store(SqliteLog(connection), SqlStates(connection), SqlLedger(connection))

    @contextmanager
    def writing(self) -> Iterator[Unit]:
        with writing(self._engine) as connection:
            yield unit_on(connection)

    def publish_reference(self) -> Published:
        """Read the folder of reference data, append what is new in it, and conclude what waited for it."""
        with self.writing() as unit:
            known = catalogue_at(unit)
        self.vault.demand(known.contracts)
        with self.vault.sealing() as seal:
            facts = read_reference(self.settings.reference_path, seal)
        new = self.runtime.publish(facts, key_of)
        self.runtime.pump()
        return Published(len(facts), new, tuple(key_of(fact) for fact in facts if replaces_a_price(known, fact)))

    def close(self) -> None:
        self._engine.dispose()


def create_app(settings: Settings) -> App:
    """A new home, or the one that is there."""
    settings.home.mkdir(parents=True, exist_ok=True)
    vault = Vault(settings.vault_path)
    if not settings.database_path.exists():
        vault.create()
    engine = open_database(settings.database_path, create=True)
    with writing(engine) as connection:
        create_tables(connection)
    return App(settings, engine)


def open_app(settings: Settings) -> App:
    """The home that is there. Raises NotReady where there is none."""
    if not settings.database_path.exists():
        raise NotReady(f"{settings.home} is no wattbook home yet: run `wattbook init {settings.home}` first")
    return create_app(settings)


def create_tables(connection: Connection) -> None:
    sqlite_log.create(connection)
    STATE_TABLES.create_all(connection)
    LEDGER_TABLES.create_all(connection)


def runtime_over(engine: Engine, batch: int) -> EmbeddedRuntime:
    @contextmanager
    def unit() -> Iterator[Unit]:
        with writing(engine) as connection:
            yield unit_on(connection)

    return EmbeddedRuntime(unit, VERBS, batch)


def unit_on(connection: Connection) -> Unit:
    return Unit(SqliteLog(connection), SqlStates(connection), _Books(SqlLedger(connection)))


class _Books:
    """The ledger as the runtime sees it."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    def post(self, entries: Sequence[ToPost]) -> int:
        return self._ledger.post_all([Booking(*entry) for entry in entries])


def invoices_of(
    request: InvoiceRunRequested, unbilled: Sequence[Unbilled], catalogue: Catalogue, next_number: int
) -> tuple[Invoice, ...]:
    """`invoicing.draw_up` with what is in force on the day of issue."""
    at = day_of_issue(request)

    def contract(wanted: ContractId) -> Contract:
        versions = catalogue.contracts[wanted]  # a session was rated for it, so it was published
        return versions.at(at) or versions.values[0]

    billables = [Billable(rated=rated, signature=checked) for rated, checked in unbilled]
    return draw_up(request, billables, contract, operator_of(catalogue, at), next_number, _reasons_from(catalogue))


def _reasons_from(catalogue: Catalogue) -> ReasonOf:
    def reason_of(line: RatedLine, version: VersionHash, language: str, time_zone: str) -> str:
        return price_note(line, catalogue.tariff_versions[version], language, time_zone)

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


def key_of(fact: ReferenceFact) -> str:
    """What a fact is about, as the key of its record."""
    match fact:
        case OperatorPublished():
            return "operator"
        case SitePublished():
            return f"site:{fact.site.id}"
        case ContractPublished():
            return f"contract:{fact.contract.id}"
        case PartnerPublished():
            return f"partner:{fact.partner.id}"
        case _:
            return f"tariff:{fact.tariff.id}"


VERBS = Verbs(decode=decode, post=post, draw_up=invoices_of, series=series_of)


def database_in(folder: Path) -> Engine:
    """A throw-away database for a replay."""
    engine = open_database(folder / "replay.db", create=True)
    with writing(engine) as connection:
        create_tables(connection)
    return engine
