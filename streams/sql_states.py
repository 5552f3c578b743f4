"""The states and the session index in a database, inside the caller's transaction.

Rows are replaced as sessions go on. Only `invoiced` is insert-only, by triggers: it holds even where someone changes the others
past wattbook, and no session is billed twice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Connection,
    Date,
    Index,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    bindparam,
    event,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from streams.states import AlreadyInvoiced, DocumentRow, Invoiced, PositionMoved, SessionRow
from vocabulary.identity import InvoiceNumber, Position, SessionId, StationId
from vocabulary.money import plain
from vocabulary.sessions import Finding, Progress

METADATA = MetaData()

STATE = Table("state", METADATA, Column("key", String, primary_key=True), Column("body", LargeBinary, nullable=False))

POSITION = Table(
    "position", METADATA, Column("consumer", String, primary_key=True), Column("position", BigInteger, nullable=False)
)

# Instants are RFC 3339 text in UTC with microseconds, decimals are text: SQLite has neither type, and text keeps every digit.
SESSION = Table(
    "session",
    METADATA,
    Column("session", String, primary_key=True),
    Column("station", String, nullable=False),
    Column("progress", String, nullable=False),
    Column("finding", String),
    Column("transaction", String),
    Column("evse", BigInteger),
    Column("start", String),
    Column("end", String),
    Column("ended_on", Date),
    Column("energy_wh", String),
    Column("contract", String),
    Column("partner", String),
    Column("total", String),
    Column("currency", String),
    Column("invoice", String),
    Column("closed_at", BigInteger),
    Column("checked_at", BigInteger),
    Column("rated_at", BigInteger),
    Index("session_progress", "progress", "ended_on"),
    Index("session_start", "start"),
)

DOCUMENT = Table(
    "document",
    METADATA,
    Column("number", String, primary_key=True),
    Column("contract", String, nullable=False),
    Column("issued_on", String, nullable=False),
    Column("month", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("total", String, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
)

INVOICED = Table("invoiced", METADATA, Column("session", String, primary_key=True), Column("number", String, nullable=False))

for _verb in ("UPDATE", "DELETE"):
    _trigger = (
        f"CREATE TRIGGER IF NOT EXISTS invoiced_refuses_{_verb.lower()} BEFORE {_verb} ON invoiced "
        "BEGIN SELECT RAISE(ABORT, 'a session stays on its invoice'); END"
    )
    event.listen(METADATA, "after_create", DDL(_trigger).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]

# What is in them follows from inputs, but for where its events stand: positions in a replay are others.
_INDEXES = {"session index": SESSION, "document index": DOCUMENT, "invoiced": INVOICED}
_POSITIONS = ("closed_at", "checked_at", "rated_at", "issued_at")

# The states of stations and sessions and the last invoice numbers. Other keys are the desk's: they follow from no input.
_FOLLOWING = """SELECT key, CAST(body AS BLOB) FROM state
    WHERE key GLOB 'station:*' OR key GLOB 'session:*' OR key GLOB 'counter:invoice*' ORDER BY key"""

_CHUNK = 500  # keys in one IN (...)


class SqlStates:
    """`streams.states.States` on a connection of the caller's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, keys: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for chunk in _chunks(keys):
            query = select(STATE.c.key, STATE.c.body).where(STATE.c.key.in_(bindparam("keys", expanding=True)))
            found |= {row.key: row.body for row in self._connection.execute(query, {"keys": chunk})}
        return found

    def save(self, changed: Mapping[str, bytes]) -> None:
        if changed:
            statement = "INSERT INTO state (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body"
            self._connection.exec_driver_sql(statement, list(changed.items()))

    def position(self, consumer: str) -> Position:
        found = self._connection.execute(select(POSITION.c.position).where(POSITION.c.consumer == consumer)).scalar()
        return Position(found or 0)

    def move(self, consumer: str, expected: Position, to: Position) -> None:
        if expected == 0:
            self._connection.execute(insert(POSITION).values(consumer=consumer, position=0).on_conflict_do_nothing())
        where = (POSITION.c.consumer == consumer) & (POSITION.c.position == expected)
        moved = self._connection.execute(POSITION.update().where(where).values(position=to))
        if moved.rowcount != 1:
            raise PositionMoved(f"{consumer}: expected at {expected}; another process moved it: stop this one")

    def rows(self, sessions: Sequence[SessionId]) -> dict[SessionId, SessionRow]:
        found: dict[SessionId, SessionRow] = {}
        for chunk in _chunks(sessions):
            query = select(SESSION).where(SESSION.c.session.in_(bindparam("sessions", expanding=True)))
            found |= {SessionId(row.session): _row(row) for row in self._connection.execute(query, {"sessions": chunk})}
        return found

    def put_rows(self, rows: Iterable[SessionRow]) -> None:
        values = [_values(row) for row in rows]
        if values:
            marks = ", ".join("?" * len(SessionRow._fields))
            columns = ", ".join(f'"{name}"' for name in SessionRow._fields)
            self._connection.exec_driver_sql(f"INSERT OR REPLACE INTO session ({columns}) VALUES ({marks})", values)  # noqa: S608

    def put_documents(self, rows: Iterable[DocumentRow]) -> None:
        values = [dict(zip(DocumentRow._fields, map(_sql, row), strict=True)) for row in rows]
        if values:
            self._connection.execute(insert(DOCUMENT), values)  # a number that is there already fails, and the run with it

    def mark_invoiced(self, rows: Sequence[Invoiced]) -> None:
        for chunk in _chunks([row.session for row in rows]):
            query = select(INVOICED).where(INVOICED.c.session.in_(bindparam("sessions", expanding=True)))
            for found in self._connection.execute(query.order_by(INVOICED.c.session), {"sessions": chunk}):
                raise AlreadyInvoiced(Invoiced(SessionId(found.session), InvoiceNumber(found.number)))
        if rows:
            self._connection.execute(INVOICED.insert(), [row._asdict() for row in rows])

    def indexes(self) -> Iterator[tuple[str, Iterator[dict[str, object]]]]:
        """For audits, by name: every row that a replay gives again, as it is stored, in order of key."""
        for name, table in _INDEXES.items():
            columns = [column.name for column in table.columns if column.name not in _POSITIONS]
            listed = ", ".join(f'"{column}"' for column in columns)
            rows = self._connection.exec_driver_sql(f"SELECT {listed} FROM {table.name} ORDER BY 1")  # noqa: S608
            yield name, (dict(row._mapping) for row in rows)

    def following(self) -> Iterator[tuple[str, bytes]]:
        """For audits: the states that follow from inputs, in order of key."""
        return ((key, body) for key, body in self._connection.exec_driver_sql(_FOLLOWING))

    def documents(self, number: str | None = None) -> list[DocumentRow]:
        """Issued documents in order of number; or the one of this number."""
        query = select(DOCUMENT).order_by(DOCUMENT.c.number)
        found = self._connection.execute(query if number is None else query.where(DOCUMENT.c.number == number))
        return [
            DocumentRow(**dict(r._mapping) | {"total": Decimal(r.total), "issued_on": date.fromisoformat(r.issued_on)})
            for r in found
        ]

    def waiting(self, findings: Iterable[Finding]) -> list[SessionRow]:
        query = select(SESSION).where(SESSION.c.progress == Progress.FLAGGED, SESSION.c.finding.in_(list(findings)))
        return [_row(row) for row in self._connection.execute(query.order_by(SESSION.c.session))]

    def billable(self, until: date) -> list[SessionRow]:
        query = select(SESSION).where(
            SESSION.c.progress == Progress.RATED, SESSION.c.contract.is_not(None), SESSION.c.ended_on <= until
        )
        return [
            _row(r) for r in self._connection.execute(query.order_by(SESSION.c.contract, SESSION.c.start, SESSION.c.session))
        ]

    def running(self, stations: Sequence[StationId]) -> list[SessionRow]:
        """Open sessions of these stations."""
        query = select(SESSION).where(SESSION.c.progress == Progress.OPEN, SESSION.c.station.in_(stations))
        return [_row(row) for row in self._connection.execute(query.order_by(SESSION.c.session))]

    def flagged(self) -> list[SessionRow]:
        """The worklist: what is flagged, held, or waits for messages between its start and its end."""
        wanted = (Progress.FLAGGED, Progress.HELD, Progress.ENDED)
        query = select(SESSION).where(SESSION.c.progress.in_(wanted)).order_by(SESSION.c.start, SESSION.c.session)
        return [_row(row) for row in self._connection.execute(query)]

    def ended_in(self, first: date, last: date) -> list[SessionRow]:
        """Rated sessions by the local day of their end, in order of start."""
        query = select(SESSION).where(SESSION.c.rated_at.is_not(None), SESSION.c.ended_on.between(first, last))
        return [_row(row) for row in self._connection.execute(query.order_by(SESSION.c.start, SESSION.c.session))]

    def find(self, prefix: str) -> list[SessionRow]:
        """Sessions whose id or transaction begins with the prefix; empty prefix: all. Newest first, at most 10 000."""
        like = prefix.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        matches = SESSION.c.session.like(like, escape="\\") | SESSION.c.transaction.like(like, escape="\\")
        query = select(SESSION).where(matches).order_by(SESSION.c.start.desc(), SESSION.c.session).limit(10_000)
        return [_row(row) for row in self._connection.execute(query)]


def _chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[i : i + _CHUNK] for i in range(0, len(keys), _CHUNK))


def _values(row: SessionRow) -> tuple[str | int | None, ...]:
    return tuple(_sql(value) for value in row)


def _sql(value: object) -> str | int | None:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case date():
            return value.isoformat()
        case Decimal():
            return plain(value)
        case int() | None:
            return value
        case _:
            return str(value)


def _row(row: Row[tuple[object, ...]]) -> SessionRow:
    values = dict(row._mapping)
    values["progress"] = Progress(values["progress"])
    values["finding"] = Finding(values["finding"]) if values["finding"] else None
    for name in ("start", "end"):
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    for name in ("energy_wh", "total"):
        values[name] = None if values[name] is None else Decimal(values[name])
    return SessionRow(**values)
