"""A log in an SQLite database, inside a transaction of the caller's: what is appended is durable when that commits.

    log_raw, log_events, …   one table per stream, ordered by position: reading a stream is reading one range
    log_head                 how far each stream has come; moves forward only
    log_recent_id            where the records with a given id stand, for all streams:
    log_settled_id             the latest SETTLE_EVERY positions, and all before them
    log_schema               one row: the version of these tables

Triggers refuse to change or delete what is stored. Whoever removes them is found out by the chain.

Ids are hashes, so every insert into an index over them lands on another page. One index would write almost a page of 4 kB
per record from some 100 000 records on, five times the record itself. So the index is in two parts, both over the first eight
bytes of the id only: a small one that takes every insert, and a large one into which it is emptied, sorted, once in
SETTLE_EVERY positions. Records of 600 bytes per second, looked up, chained and committed in batches of 1000:

                                               up to 100 000   up to 500 000   up to 1 000 000
    one table, indexes on id and position             69 000          41 000
    table per stream, unique index on id              77 000          45 000            37 000
    table per stream, index in two parts              93 000          86 000            73 000
    the same, as built here on SQLAlchemy             83 000          71 000            67 000

No constraint makes (stream, id) unique, then; `append` does. SQLite's transactions are serialisable, so what it looked up
still holds when it writes: of two writers one is refused.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection

from streams.chain import GENESIS, Placed, follow, walk
from streams.dedup import admit
from streams.log import Appended, BrokenLink, Head, LogUnusable, Record, Stored, Stream
from vocabulary.identity import Position

VERSION = 2  # the tables are those of 1; programs that know no more than 1 fold messages as is not done any more
SETTLE_EVERY = 32_768
_VERIFIED_AT_ONCE = 2_000  # records in memory while a chain is walked


class SqliteLog:
    """The log of the database that `connection` is open to. Raises LogUnusable if that holds none, or one of another version.

    `connection` is in a transaction, a writing one for `append`. Nothing is kept between calls, so a rollback needs no care.
    What goes wrong with the connection is told by whoever opened it (`wattbook.database`), as for all that share it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._check_version()

    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]:
        if not records:
            return []
        head, last = self._head_and_last(stream)
        answers, fresh = admit(stream, records, self._held(stream, records), last)
        if fresh:
            self._write(stream, head, fresh)
        return answers

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]:
        assert limit >= 0  # SQLite would take a negative limit for none
        if not streams:
            return []
        wanted = tuple(dict.fromkeys(streams))
        return _stored(self._rows(_reading(wanted), (*[after] * len(wanted), limit)))

    def at(self, stream: Stream, position: Position) -> Stored | None:
        return next((stored for stored in self.read([stream], Position(position - 1), 1) if stored.position == position), None)

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        return _stored(self._rows(_PICK[stream], (json.dumps([*set(positions)]),)))

    def about(self, stream: Stream, key: str, after: Position) -> list[Stored]:
        """What has this key, after a position, in order: all that stands there is looked through."""
        return _stored(self._rows(f"{_READ[stream]} AND key = ? ORDER BY position", (after, key)))

    def head(self, stream: Stream) -> Head:
        return self._head_and_last(stream)[0]

    def verify(self, stream: Stream) -> Head | BrokenLink:
        return walk(stream, self.head(stream), self._all(stream))

    def _check_version(self) -> None:
        if not self._rows(_HAS_LOG):
            raise LogUnusable("this database holds no log: open another one, or make a log in it with `sqlite_log.create`")
        [(found,)] = self._rows(_GET_VERSION)
        if found != VERSION:
            remedy = "use a newer wattbook" if found > VERSION else "migrate the database first"
            raise LogUnusable(f"the log has schema version {found}, this program knows version {VERSION}: {remedy}")

    def _head_and_last(self, stream: Stream) -> tuple[Head, Position]:
        """The head of a stream, and the last position that the log has given in any."""
        [(records, position, link, last)] = self._rows(_GET_HEAD, (stream.value,))
        return Head(records, position, link), last

    def _held(self, stream: Stream, records: Sequence[Record]) -> dict[bytes, Placed]:
        """By id, what the stream holds of these records; a few others may be among them, whose ids begin alike."""
        wanted = json.dumps([_fingerprint(record.id) for record in records])
        rows = self._rows(_FIND[stream], (wanted, wanted))
        return {id_: (position, Record(id_, key, body)) for position, id_, key, body in rows}

    def _write(self, stream: Stream, head: Head, fresh: Sequence[Placed]) -> None:
        run = self._connection.exec_driver_sql
        links = follow(stream, head.link, fresh)
        run(_ADD[stream], [(at, r.id, r.key, r.body, r.cause, link) for (at, r), link in zip(fresh, links, strict=True)])
        run(_ADD_ID, [(_fingerprint(record.id), position) for position, record in fresh])
        first, last = fresh[0][0], fresh[-1][0]
        if (first - 1) // SETTLE_EVERY != last // SETTLE_EVERY:
            run(_SETTLE)
            run(_EMPTY_RECENT)
        run(_SET_HEAD, (head.records + len(fresh), last, links[-1], stream.value))

    def _all(self, stream: Stream) -> Iterator[Stored]:
        position = Position(0)
        while chunk := self.read([stream], position, _VERIFIED_AT_ONCE):
            yield from chunk
            position = chunk[-1].position

    def _rows(self, statement: str, parameters: tuple[object, ...] = ()) -> Sequence[Sequence[Any]]:
        return self._connection.exec_driver_sql(statement, parameters).all()


def create(connection: Connection) -> None:
    """Make an empty log, unless there is one, of whatever version: that is left as it is."""
    if connection.exec_driver_sql(_HAS_LOG).first():
        return
    for statement in _DDL:
        connection.exec_driver_sql(statement)
    heads = [(stream.value, 0, 0, GENESIS) for stream in Stream]
    connection.exec_driver_sql("INSERT INTO log_head VALUES (?, ?, ?, ?)", heads)
    connection.exec_driver_sql("INSERT INTO log_schema VALUES (?)", (VERSION,))


@cache
def _reading(streams: tuple[Stream, ...]) -> str:
    """Each stream is read from its own table in its own order; SQLite merges them as they come, without sorting."""
    return " UNION ALL ".join(_READ[stream] for stream in streams) + " ORDER BY position LIMIT ?"


def _stored(rows: Sequence[Sequence[Any]]) -> list[Stored]:
    return [
        Stored(position, _STREAM[name], id_, key, body, cause, link) for position, name, id_, key, body, cause, link in rows
    ]


def _fingerprint(id_: bytes) -> int:
    return int.from_bytes(id_[:8], "big", signed=True)


def _for_each_stream(statement: str) -> dict[Stream, str]:
    return {stream: statement.replace("STREAM", stream) for stream in Stream}


_STREAM = {stream.value: stream for stream in Stream}

_HAS_LOG = "SELECT 1 FROM sqlite_schema WHERE name = 'log_schema'"
_GET_VERSION = "SELECT version FROM log_schema"
_GET_HEAD = "SELECT records, position, link, (SELECT max(position) FROM log_head) FROM log_head WHERE stream = ?"
_SET_HEAD = "UPDATE log_head SET records = ?, position = ?, link = ? WHERE stream = ?"
_READ = _for_each_stream(
    "SELECT position, 'STREAM' AS stream, id, key, body, cause, link FROM log_STREAM WHERE position > ?",
)
_PICK = _for_each_stream(
    """SELECT position, 'STREAM', r.id, r.key, body, cause, link FROM json_each(?) AS wanted
    CROSS JOIN log_STREAM AS r ON r.position = wanted.value"""
)
_ADD = _for_each_stream("INSERT INTO log_STREAM (position, id, key, body, cause, link) VALUES (?, ?, ?, ?, ?, ?)")
_ADD_ID = "INSERT INTO log_recent_id VALUES (?, ?)"
_SETTLE = "INSERT INTO log_settled_id SELECT fingerprint, position FROM log_recent_id ORDER BY fingerprint, position"
_EMPTY_RECENT = "DELETE FROM log_recent_id"

# CROSS JOIN is SQLite's way to say in which order to go: from the wanted fingerprints, by the index, to the records.
_FIND_IN = """SELECT r.position, r.id, r.key, r.body FROM json_each(?) AS wanted
    CROSS JOIN log_RECENT_id AS i ON i.fingerprint = wanted.value CROSS JOIN log_STREAM AS r ON r.position = i.position"""
_FIND = _for_each_stream(f"{_FIND_IN} UNION ALL {_FIND_IN.replace('RECENT', 'settled')}".replace("RECENT", "recent"))

_RECORDS = """CREATE TABLE log_STREAM (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL CHECK (length(id) = 32),
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    cause INTEGER NOT NULL,
    link BLOB NOT NULL
) STRICT"""

_IDS = """CREATE TABLE {} (
    fingerprint INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, position)
) STRICT, WITHOUT ROWID"""

_HEADS = """CREATE TABLE log_head (
    stream TEXT PRIMARY KEY,
    records INTEGER NOT NULL,
    position INTEGER NOT NULL,
    link BLOB NOT NULL
) STRICT, WITHOUT ROWID"""


def _refuse(what: str, table: str, why: str, condition: str = "") -> str:
    return (
        f"CREATE TRIGGER {table}_refuses_{what.lower()} BEFORE {what} ON {table} {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{why}'); END"
    )


_IS_EVIDENCE = "the log is evidence: what is stored is never changed or removed"
_BACKWARDS = "WHEN NOT (NEW.stream = OLD.stream AND NEW.records > OLD.records AND NEW.position > OLD.position)"
_GUARDED = (*_for_each_stream("log_STREAM").values(), "log_settled_id")

_DDL = (
    "CREATE TABLE log_schema (version INTEGER NOT NULL) STRICT",
    *_for_each_stream(_RECORDS).values(),
    _IDS.format("log_recent_id"),
    _IDS.format("log_settled_id"),
    _HEADS,
    *(_refuse(what, table, _IS_EVIDENCE) for table in _GUARDED for what in ("UPDATE", "DELETE")),
    _refuse("DELETE", "log_head", _IS_EVIDENCE),
    _refuse("UPDATE", "log_head", "a stream''s head moves forward only", _BACKWARDS),
)
