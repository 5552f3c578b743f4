"""The states and the session index in a database, SQLite or PostgreSQL, inside the caller's transaction.

Rows are replaced as sessions go on. Only `invoiced` is insert-only, by triggers: it holds even where someone changes the others
past wattbook, and no session is billed twice.

On PostgreSQL workers and an invoice run change the same sessions at the same time. So `rows` and `billable` lock what they give
until the transaction ends, unless that only reads; all in order of session, so that none waits in a circle.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, LargeBinary, Row, Select, and_, bindparam, cast, func, or_, select
from sqlalchemy import text as sql

from streams.places import LANES_MAX, OFFICE, Lane
from streams.postgres_parts import driver_rows, driver_run, escaped, hold_lane, unescaped
from streams.state_tables import DOCUMENT, INVOICED, METADATA, POSITION, SESSION, STATE
from streams.states import AlreadyInvoiced, DocumentRow, Invoiced, PositionMoved, SessionRow, Wanted
from vocabulary.billing import ContractRange
from vocabulary.identity import ContractId, InvoiceNumber, Position, SessionId, StationId
from vocabulary.money import plain
from vocabulary.reference import EvseName
from vocabulary.sessions import Finding, Progress, Quality

__all__ = ["METADATA", "SqlStates"]

# All that is in them follows from inputs. Positions are others in a replay: what stands there is for the reader to look up.
_INDEXES = {"session index": SESSION, "document index": DOCUMENT, "invoiced": INVOICED}
_ADDED = ("quality", "revision", "heard_at")  # columns that 0.1.0 had not; where they are empty, a row says what it said then
_PLACES = ("closed_at", "checked_at", "rated_at", "issued_at", "lane")

# The states of stations and sessions and the last invoice numbers. Others follow from no input: the desk's, topics' ids, how
# many partitions there are, and how far the saved states know each lane.
_FOLLOWING = ("station:", "meters:", "reservations:", "signed:", "session:", "counter:invoice")

_CHUNK = 500  # keys in one IN (...)
_PAGE = 1_000  # rows in memory while all are read

_COLUMNS = ", ".join(f'"{name}"' for name in (*SessionRow._fields, "lane"))
_REPLACED = ", ".join(f'"{name}" = excluded."{name}"' for name in SessionRow._fields)  # a session stays in its lane
_PUT_ROWS = f"INSERT INTO session ({_COLUMNS}) {{}} ON CONFLICT (session) DO UPDATE SET {_REPLACED}"
_ARRAYS = ["%b::bigint[]" if SESSION.c[name].type.python_type is int else "%b::text[]" for name in SessionRow._fields]
_PUT_ROWS_POSTGRES = _PUT_ROWS.format(f"SELECT *, %s FROM unnest({', '.join(_ARRAYS)})")  # noqa: S608
_PUT_ROWS_SQLITE = _PUT_ROWS.format(f"VALUES ({', '.join('?' * (len(SessionRow._fields) + 1))})")

_LOAD_POSTGRES = "SELECT key, body FROM state WHERE key = ANY(%b::text[])"
_SAVE = "INSERT INTO state (key, body) {} ON CONFLICT (key) DO UPDATE SET body = excluded.body"
_SAVE_POSTGRES = _SAVE.format("SELECT * FROM unnest(%b::text[], %b::bytea[])")
_SAVE_SQLITE = _SAVE.format("VALUES (?, ?)")

_MARK = "INSERT INTO invoiced (session, number) {}"
_MARK_POSTGRES, _MARK_SQLITE = _MARK.format("SELECT * FROM unnest(%b::text[], %b::text[])"), _MARK.format("VALUES (?, ?)")

_GET_POSITION = sql("SELECT position FROM position WHERE lane = :lane AND consumer = :consumer")
_BEGIN = sql("INSERT INTO position (lane, consumer, position) VALUES (:lane, :consumer, 0) ON CONFLICT DO NOTHING")


class IndexRow(NamedTuple):
    """A row of an index, by column: what it says, and where: positions of conclusions, and the lane."""

    said: dict[str, object]
    places: dict[str, object]


class SqlStates:
    """`streams.states.States` on a connection of the caller's: the positions and what waits are those of a lane, all else is
    of all lanes.
    """

    def __init__(self, connection: Connection, lane: Lane = OFFICE) -> None:
        self._connection, self._lane = connection, lane
        self._is_postgres = connection.dialect.name == "postgresql"

    def load(self, keys: Sequence[str]) -> dict[str, bytes]:
        if self._is_postgres:
            rows = driver_rows(self._connection, _LOAD_POSTGRES, ([*map(escaped, keys)],))
            return {unescaped(key): body for key, body in rows}
        found: dict[str, bytes] = {}
        for chunk in _chunks(keys):
            query = select(STATE.c.key, STATE.c.body).where(STATE.c.key.in_(bindparam("keys", expanding=True)))
            found |= {row.key: row.body for row in self._connection.execute(query, {"keys": chunk})}
        return found

    def save(self, changed: Mapping[str, bytes]) -> None:
        if not changed:
            return
        keys = sorted(changed)
        bodies = [changed[key] for key in keys]
        if self._is_postgres:
            driver_run(self._connection, _SAVE_POSTGRES, ([*map(escaped, keys)], bodies))
        else:
            self._connection.exec_driver_sql(_SAVE_SQLITE, list(zip(keys, bodies, strict=True)))

    def position(self, consumer: str) -> Position:
        found = self._connection.execute(_GET_POSITION, {"lane": self._lane, "consumer": consumer}).scalar()
        return Position(found or 0)

    def move(self, consumer: str, expected: Position, to: Position) -> None:
        if expected == 0:
            self._connection.execute(_BEGIN, {"lane": self._lane, "consumer": consumer})
        where = (*self._of(consumer), POSITION.c.position == expected)
        moved = self._connection.execute(POSITION.update().where(*where).values(position=to))
        if moved.rowcount != 1:
            raise PositionMoved(f"{consumer}: expected at {expected}; another process moved it: stop this one")

    def held_positions(self, consumer: str, lanes: Iterable[Lane]) -> dict[Lane, Position]:
        """How far this consumer has come in those of the lanes in which it has begun.

        On PostgreSQL nobody is in the middle of a batch of any of them then, nor begins one before the transaction ends.
        """
        if self._is_postgres:
            for lane in lanes:
                hold_lane(self._connection, lane)
        return self.positions(consumer)

    def positions(self, consumer: str) -> dict[Lane, Position]:
        """How far this consumer has come in the lanes in which it has begun."""
        query = select(POSITION.c.lane, POSITION.c.position).where(POSITION.c.consumer == consumer).order_by(POSITION.c.lane)
        return {Lane(lane): Position(position) for lane, position in self._connection.execute(query)}

    def last_lane(self) -> Lane:
        """The highest lane in which anything was processed; 0 if in none but the office's."""
        return Lane(self._connection.execute(select(func.max(POSITION.c.lane))).scalar() or OFFICE)

    def in_two_lanes(self) -> tuple[StationId, Lane, Lane] | None:
        """For audits: a station of which sessions closed in more than one lane, and two of these; None: there is none.

        A row counts whose conclusion stands in the lane that it names: another one was changed past wattbook.
        """
        is_of_its_lane = SESSION.c.closed_at % LANES_MAX == SESSION.c.lane
        lanes = (func.min(SESSION.c.lane), func.max(SESSION.c.lane))
        by_station = select(SESSION.c.station, *lanes).where(is_of_its_lane).group_by(SESSION.c.station)
        found = self._connection.execute(by_station.having(lanes[0] != lanes[1]).order_by(SESSION.c.station).limit(1)).first()
        return None if found is None else (StationId(found[0]), Lane(found[1]), Lane(found[2]))

    def rows(self, sessions: Sequence[SessionId]) -> dict[SessionId, SessionRow]:
        return self._by_session(sessions)

    def _by_session(self, sessions: Sequence[SessionId], *of: ColumnElement[bool]) -> dict[SessionId, SessionRow]:
        found: dict[SessionId, SessionRow] = {}
        for chunk in _chunks(sorted(sessions)):
            query = select(SESSION).where(SESSION.c.session.in_(bindparam("sessions", expanding=True)), *of)
            found |= {row.session: row for row in self._locked(query, {"sessions": chunk})}
        return found

    def put_rows(self, rows: Iterable[SessionRow]) -> None:
        values = [_values(row) for row in sorted({row.session: row for row in rows}.values())]
        if not values:
            return
        if self._is_postgres:
            columns = [[escaped(v) if isinstance(v, str) else v for v in column] for column in zip(*values, strict=True)]
            driver_run(self._connection, _PUT_ROWS_POSTGRES, (self._lane, *columns))
        else:
            self._connection.exec_driver_sql(_PUT_ROWS_SQLITE, [(*row, self._lane) for row in values])

    def put_documents(self, rows: Iterable[DocumentRow]) -> None:
        values = [dict(zip(DocumentRow._fields, map(_sql, row), strict=True)) for row in rows]
        if values:
            self._connection.execute(DOCUMENT.insert(), values)  # a number that is there already fails, and the run with it

    def mark_invoiced(self, rows: Sequence[Invoiced]) -> None:
        for chunk in _chunks([row.session for row in rows]):
            query = select(INVOICED).where(INVOICED.c.session.in_(bindparam("sessions", expanding=True)))
            for found in self._connection.execute(query.order_by(INVOICED.c.session), {"sessions": chunk}):
                raise AlreadyInvoiced(Invoiced(SessionId(found.session), InvoiceNumber(found.number)))
        if self._is_postgres:
            columns = [[escaped(value) for value in column] for column in zip(*rows, strict=True)]
            if rows:
                driver_run(self._connection, _MARK_POSTGRES, columns)
        elif rows:
            self._connection.exec_driver_sql(_MARK_SQLITE, [tuple(row) for row in rows])

    def indexes(self) -> Iterator[tuple[str, Iterator[IndexRow]]]:
        """For audits, by name: every row that a replay gives again, as it is stored, in order of key."""
        for name, table in _INDEXES.items():
            key, *_ = table.columns
            rows = self._connection.execute(select(table).order_by(key), execution_options={"yield_per": _PAGE})
            yield name, (_index_row(dict(row._mapping)) for row in rows)

    def following(self) -> Iterator[tuple[str, bytes]]:
        """For audits: the states that follow from inputs, in order of key."""
        wanted = or_(*(_begins(STATE.c.key, prefix) for prefix in _FOLLOWING))
        query = select(STATE.c.key, cast(STATE.c.body, LargeBinary)).where(wanted).order_by(STATE.c.key)
        return ((key, body) for key, body in self._connection.execute(query, execution_options={"yield_per": _PAGE}))

    def documents(self, number: str | None = None) -> list[DocumentRow]:
        """Issued documents in order of number; or the one of this number."""
        query = select(DOCUMENT).order_by(DOCUMENT.c.number)
        found = self._connection.execute(query if number is None else query.where(DOCUMENT.c.number == number))
        return [
            DocumentRow(**dict(r._mapping) | {"total": Decimal(r.total), "issued_on": date.fromisoformat(r.issued_on)})
            for r in found
        ]

    def waiting(self, findings: Iterable[Finding]) -> list[SessionRow]:
        """Of this lane."""
        is_one_of_them = (SESSION.c.progress == Progress.FLAGGED, SESSION.c.finding.in_(list(findings)))
        return self._rows(select(SESSION).where(*is_one_of_them, SESSION.c.lane == self._lane).order_by(SESSION.c.session))

    def held_at(self, stations: Sequence[StationId]) -> list[SessionRow]:
        """Of this lane."""
        are_held = (SESSION.c.progress == Progress.HELD, SESSION.c.station.in_(stations), SESSION.c.lane == self._lane)
        return self._rows(select(SESSION).where(*are_held).order_by(SESSION.c.session))

    def overdue(self, heard_until: datetime) -> list[SessionRow]:
        """Of this lane. One that was concluded already counts where it was heard again."""
        is_gathering = SESSION.c.progress.in_((Progress.OPEN, Progress.ENDED))
        was_heard = SESSION.c.heard_at <= _sql(heard_until)
        is_due = was_heard | (is_gathering & SESSION.c.heard_at.is_(None))
        return self._rows(select(SESSION).where(is_due, SESSION.c.lane == self._lane).order_by(SESSION.c.session))

    def here(self, sessions: Sequence[SessionId]) -> dict[SessionId, SessionRow]:
        return self._by_session(sessions, SESSION.c.lane == self._lane)

    def lane_of(self, session: SessionId) -> Lane:
        """In which lane its station's messages are processed; the office's where there is no such session."""
        return Lane(self._connection.execute(select(SESSION.c.lane).where(SESSION.c.session == session)).scalar() or OFFICE)

    def billable(self, until: date, contracts: ContractRange | None = None) -> list[SessionRow]:
        found = self._locked(select(SESSION).where(*_is_billable(until), *_is_within(contracts or ContractRange())))
        return sorted(found, key=lambda row: (row.contract, _sql(row.start) or "", row.session))

    def billable_by_contract(self, until: date) -> list[tuple[ContractId, int]]:
        """How many sessions of each contract are billable, in order of contract."""
        query = select(SESSION.c.contract, func.count()).where(*_is_billable(until)).group_by(SESSION.c.contract)
        return [(contract, number) for contract, number in self._connection.execute(query.order_by(SESSION.c.contract))]

    def running(self, stations: Sequence[StationId]) -> list[SessionRow]:
        """Open sessions of these stations."""
        is_open = (SESSION.c.progress == Progress.OPEN, SESSION.c.station.in_(stations))
        return self._rows(select(SESSION).where(*is_open).order_by(SESSION.c.session))

    def flagged(self, limit: int | None = None) -> Iterator[SessionRow]:
        """The worklist, in order of start: what is flagged, held, or waits for messages between its start and its end; and
        what stands on an invoice that would be another one now.
        """
        return self._paged(select(SESSION).where(_IS_FLAGGED).order_by(*_BY_START), limit)

    def newest(self, limit: int | None = None) -> Iterator[SessionRow]:
        """All sessions, or so many of them, in pages: newest first."""
        return self._paged(select(SESSION).order_by(*_NEWEST), limit)

    def count(self, only_flagged: bool = False) -> int:
        """How many sessions there are, or stand on the worklist."""
        query = select(func.count()).select_from(SESSION)
        return int(self._connection.execute(query.where(_IS_FLAGGED) if only_flagged else query).scalar_one())

    def progresses(self) -> Counter[str]:
        """How many sessions there are of each progress."""
        query = select(SESSION.c.progress, func.count().label("number")).group_by(SESSION.c.progress)
        return Counter({row.progress: row.number for row in self._connection.execute(query)})

    def ended_in(self, first: date, last: date) -> list[SessionRow]:
        """Rated sessions by the local day of their end, in order of start."""
        on_a_day = SESSION.c.ended_on.between(first.isoformat(), last.isoformat())
        return self._rows(select(SESSION).where(SESSION.c.rated_at.is_not(None), on_a_day).order_by(*_BY_START))

    def closed_on(self, names: Iterable[EvseName]) -> list[SessionRow]:
        """Closed sessions on EVSEs of these names, in order of start."""
        named = (and_(SESSION.c.station == name.station, SESSION.c.evse == name.number) for name in names)
        return self._rows(select(SESSION).where(SESSION.c.closed_at.is_not(None), or_(*named)).order_by(*_BY_START))

    def closed_page(self, wanted: Wanted, after: str, until: str | None, limit: int) -> list[SessionRow]:
        """The next closed sessions in order of session, beyond `after` and below `until`."""
        below = () if until is None else (SESSION.c.session < until,)
        where = (*_is_wanted(wanted), SESSION.c.session > after, *below)
        return self._rows(select(SESSION).where(*where).order_by(SESSION.c.session).limit(limit))

    def count_closed(self, wanted: Wanted) -> int:
        return int(self._connection.execute(select(func.count()).select_from(SESSION).where(*_is_wanted(wanted))).scalar_one())

    def find(self, prefix: str) -> list[SessionRow]:
        """Sessions whose id or transaction begins with the prefix, in capitals or not; empty prefix: all. Newest first, at
        most 10 000.
        """
        lower = prefix.translate(_ASCII_LOWER)
        matches = or_(
            *(_begins(func.lower(column, type_=column.type), lower) for column in (SESSION.c.session, SESSION.c.transaction))
        )
        return self._rows(select(SESSION).where(matches).order_by(*_NEWEST).limit(10_000))

    def _of(self, consumer: str) -> tuple[ColumnElement[bool], ...]:
        return POSITION.c.lane == self._lane, POSITION.c.consumer == consumer

    def _locked(self, query: Select[Any], parameters: Mapping[str, object] | None = None) -> list[SessionRow]:
        """Rows in order of session, locked where the database locks rows and the transaction may write."""
        ordered = query.order_by(SESSION.c.session)
        reads = self._connection.get_execution_options().get("postgresql_readonly", False)
        return self._rows(ordered if reads else ordered.with_for_update(), parameters)

    def _paged(self, query: Select[Any], limit: int | None) -> Iterator[SessionRow]:
        found = self._connection.execute(query.limit(limit), execution_options={"yield_per": _PAGE})
        return (_row(row) for row in found)

    def _rows(self, query: Select[Any], parameters: Mapping[str, object] | None = None) -> list[SessionRow]:
        return [_row(row) for row in self._connection.execute(query, parameters)]


_IS_FLAGGED = or_(
    SESSION.c.progress.in_((Progress.FLAGGED, Progress.HELD, Progress.ENDED)),
    and_(SESSION.c.progress == Progress.INVOICED, SESSION.c.finding == Finding.TRUTH_DIFFERS),
)
_NEWEST = (SESSION.c.start.desc().nulls_last(), SESSION.c.session)
_BY_START = (SESSION.c.start.nulls_first(), SESSION.c.session)
_ASCII_LOWER = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}  # what both databases' lower() does


def _is_wanted(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    is_charged = SESSION.c.progress.in_((Progress.RATED, Progress.HELD, Progress.INVOICED))
    is_flagged = (SESSION.c.progress == Progress.FLAGGED) & SESSION.c.closed_at.is_not(None)
    yield is_charged if wanted.is_charged else is_charged | is_flagged
    if wanted.first is not None and wanted.last is not None:
        first, last = (datetime.combine(day, time(), UTC) for day in (wanted.first, wanted.last))
        about = SESSION.c.end.between(_sql(first - timedelta(days=1)), _sql(last + timedelta(days=2)))
        on_a_day = SESSION.c.ended_on.between(wanted.first.isoformat(), wanted.last.isoformat())
        yield on_a_day | (SESSION.c.ended_on.is_(None) & about)
    for column, value, is_over in ((SESSION.c.end, wanted.ended_after, True), (SESSION.c.start, wanted.began_before, False)):
        if value is not None:
            yield column > _sql(value) if is_over else column < _sql(value)
    for column, name in ((SESSION.c.contract, wanted.contract), (SESSION.c.partner, wanted.partner)):
        if name is not None:
            yield column == name


def _is_billable(until: date) -> tuple[ColumnElement[bool], ...]:
    return SESSION.c.progress == Progress.RATED, SESSION.c.contract.is_not(None), SESSION.c.ended_on <= until.isoformat()


def _is_within(contracts: ContractRange) -> Iterator[ColumnElement[bool]]:
    if contracts.after is not None:
        yield SESSION.c.contract > contracts.after
    if contracts.until is not None:
        yield SESSION.c.contract <= contracts.until


def _begins(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Whether a text begins with these characters: both databases order texts by code points."""
    end = _end_of(prefix)
    return column >= prefix if end is None else (column >= prefix) & (column < end)


def _end_of(prefix: str) -> str | None:
    """The first text after all that begin so; None: there is no text after them."""
    for length in range(len(prefix), 0, -1):
        following = ord(prefix[length - 1]) + 1
        if following <= 0x10FFFF:
            return prefix[: length - 1] + chr(0xE000 if following == 0xD800 else following)  # D800 to DFFF are no characters
    return None


def _index_row(row: Mapping[str, object]) -> IndexRow:
    places = {name: row[name] for name in _PLACES if name in row}
    said = {name: v for name, v in row.items() if name not in places and not (v is None and name in _ADDED)}
    return IndexRow(said, places)


def _chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[i : i + _CHUNK] for i in range(0, len(keys), _CHUNK))


def _values(row: SessionRow) -> tuple[str | int | None, ...]:
    return tuple(_sql(value) for value in row)


def _sql(value: object) -> str | int | None:
    if value is None or type(value) is str or type(value) is int:
        return value  # most are
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case date():
            return value.isoformat()
        case Decimal():
            return plain(value)
        case _:
            return str(value)


def _row(row: Row[tuple[object, ...]]) -> SessionRow:
    values: dict[str, Any] = dict(row._mapping)
    values["progress"] = Progress(values["progress"])
    values["finding"] = Finding(values["finding"]) if values["finding"] else None
    values["quality"] = Quality(values["quality"]) if values["quality"] else None
    for name in ("start", "end", "heard_at"):
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    values["ended_on"] = date.fromisoformat(values["ended_on"]) if values["ended_on"] else None
    del values["lane"]
    for name in ("energy_wh", "total"):
        values[name] = None if values[name] is None else Decimal(values[name])
    return SessionRow(**values)
