"""A lane of the log in a PostgreSQL database, inside a transaction of the caller's: appended is durable when that commits.

    log_raw, log_events, …   one table per stream, by lane and position: reading a lane is reading one range
    log_head                 how far each lane of each stream has come; moves forward only

A lane has one writer at a time: whoever opens the transaction holds the lane's lock (`wattbook.database.writing`). The tables
do not rely on it: of two that append to one lane only one can commit, since positions and ids are unique.

A batch is one look-up of ids, one COPY and one head. Triggers refuse to change or delete what is stored; whoever removes them
is found out by the chain, of which each lane of each stream has its own.

The unique index begins with the id, for it is compared first: with the lane first, a batch of 1000 took a tenth longer.
"""

from collections.abc import Iterator, Mapping, Sequence
from struct import Struct

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    UniqueConstraint,
)

from streams.chain import EMPTY, Placed, follow, walk
from streams.dedup import admit
from streams.log import Appended, BrokenLink, Head, Record, Stored, Stream
from streams.places import LANES_MAX, OFFICE, Lane, place_of, position
from streams.postgres_parts import driver_cursor, driver_rows, driver_run, escaped, refuse, text, unescaped, with_lz4
from vocabulary.identity import Position

METADATA = MetaData()
_START = Position(0)
_PAGE = 1_000  # records in memory while a stream is walked


class PostgresLog:
    """One lane of the log of the database that `connection` is open to, which is in a transaction. Keeps nothing between calls.

    What goes wrong with the connection is told by whoever opened it (`wattbook.database`), as for all that share it.
    """

    def __init__(self, connection: Connection, lane: Lane = OFFICE) -> None:
        self._connection, self._lane = connection, lane

    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]:
        if not records:
            return []
        heads = self._heads()
        last = max((head.position for head in heads.values()), default=position(0, self._lane))
        answers, fresh = admit(stream, records, self._held(stream, records), last, step=LANES_MAX)
        if fresh:
            self._write(stream, heads.get(stream, EMPTY), fresh)
        return answers

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]:
        """Of this lane; `after` is one of its positions, or 0."""
        assert limit >= 0
        if not streams:
            return []
        wanted = tuple(dict.fromkeys(streams))
        return self._stored(_reading(wanted), (*(self._lane, after, limit) * len(wanted), limit))

    def at(self, stream: Stream, position: Position) -> Stored | None:
        """Of whatever lane: the position names it."""
        return next(iter(self._stored(_AT[stream], (place_of(position)[1], position))), None)

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        """Of whatever lanes."""
        lanes: dict[Lane, list[Position]] = {}
        for at in sorted(set(positions)):
            lanes.setdefault(place_of(at)[1], []).append(at)
        return [stored for lane, wanted in lanes.items() for stored in self._stored(_PICK[stream], (lane, wanted))]

    def about(self, stream: Stream, key: str, after: Position) -> list[Stored]:
        """What has this key in this lane, after a position, in order: all that stands there is looked through."""
        return self._stored(_ABOUT[stream], (self._lane, after, escaped(key)))

    def head(self, stream: Stream) -> Head:
        return self._heads().get(stream, EMPTY)

    def verify(self, stream: Stream) -> Head | BrokenLink:
        return walk(
            stream, self.head(stream), (stored for page in pages(self._connection, stream, self._lane) for stored in page)
        )

    def _heads(self) -> Mapping[Stream, Head]:
        found = driver_rows(
            self._connection, "SELECT stream, records, position, link FROM log_head WHERE lane = %s", (self._lane,)
        )
        return {_STREAM[stream]: Head(*head) for stream, *head in found}

    def _held(self, stream: Stream, records: Sequence[Record]) -> dict[bytes, Placed]:
        """By id, what the lane holds of these records."""
        found = driver_rows(self._connection, _FIND[stream], ([record.id for record in records], self._lane))
        return {id_: (position, Record(id_, unescaped(key), body)) for position, id_, key, body in found}

    def _write(self, stream: Stream, head: Head, fresh: Sequence[Placed]) -> None:
        links = follow(stream, head.link, fresh)
        with driver_cursor(self._connection) as cursor, cursor.copy(_COPY[stream]) as copy:
            copy.write(_binary(self._lane, fresh, links))
        last = fresh[-1][0]
        driver_run(self._connection, _SET_HEAD, (self._lane, stream.value, head.records + len(fresh), last, links[-1]))

    def _stored(self, statement: str, parameters: Sequence[object]) -> list[Stored]:
        found = driver_rows(self._connection, statement, parameters)
        return [
            Stored(position, _STREAM[stream], id_, unescaped(key), body, cause, link)
            for position, stream, id_, key, body, cause, link in found
        ]


def create(connection: Connection) -> None:
    """Make the tables that are missing."""
    METADATA.create_all(connection)


def pages(
    connection: Connection, stream: Stream, lane: Lane, after: Position = _START, size: int = _PAGE
) -> Iterator[list[Stored]]:
    """The records of a stream in one lane, all that come after a position of it, in order, page by page."""
    log = PostgresLog(connection, lane)
    while page := log.read([stream], after, size):
        yield page
        after = page[-1].position


def heads(connection: Connection) -> dict[tuple[Lane, Stream], Head]:
    """How far every stream has come in every lane in which anything stands."""
    found = driver_rows(connection, "SELECT lane, stream, records, position, link FROM log_head ORDER BY lane, stream")
    return {(Lane(lane), _STREAM[stream]): Head(*head) for lane, stream, *head in found}


def _binary(lane: Lane, fresh: Sequence[Placed], links: Sequence[bytes]) -> bytes:
    """Rows in the binary form of COPY, each value after its length: 0.6 µs a record, where psycopg's `write_row` takes 4."""
    parts = [_BEGIN]
    for (at, (id_, key, body, cause)), link in zip(fresh, links, strict=True):
        name = escaped(key).encode()
        parts += (_TO_KEY(7, 8, at, 8, cause, 2, lane, 32, id_, 32, link, len(name)), name, _TO_BODY(len(body)), body)
    parts.append(_END)
    return b"".join(parts)


def _reading(streams: Sequence[Stream]) -> str:
    """Each stream is read from its own table in its own order; PostgreSQL merges them."""
    united = " UNION ALL ".join(f"({_READ[stream]})" for stream in streams)
    return f"SELECT * FROM ({united}) AS united ORDER BY position LIMIT %s"  # noqa: S608


def _for_each_stream(statement: str) -> dict[Stream, str]:
    return {stream: statement.replace("STREAM", stream) for stream in Stream}


def _table(stream: Stream) -> Table:
    """The columns of fixed width come first, so that none needs padding."""
    name = f"log_{stream}"
    return Table(
        name,
        METADATA,
        Column("position", BigInteger, nullable=False),
        Column("cause", BigInteger, nullable=False),
        Column("lane", SmallInteger, nullable=False),
        Column("id", LargeBinary, nullable=False),
        Column("link", LargeBinary, nullable=False),
        Column("key", text(), nullable=False),
        Column("body", LargeBinary, nullable=False),
        PrimaryKeyConstraint("lane", "position", name=f"{name}_pkey"),
        UniqueConstraint("id", "lane", name=f"{name}_id"),
        CheckConstraint("octet_length(id) = 32", name=f"{name}_id_is_a_hash"),
    )


TABLES = {stream: _table(stream) for stream in Stream}
HEAD = Table(
    "log_head",
    METADATA,
    Column("lane", SmallInteger, primary_key=True, autoincrement=False),
    Column("stream", text(), primary_key=True),
    Column("records", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("link", LargeBinary, nullable=False),
)

_IS_EVIDENCE = "the log is evidence: what is stored is never changed or removed"
_BACKWARDS = (
    "NOT (NEW.lane = OLD.lane AND NEW.stream = OLD.stream AND NEW.records > OLD.records AND NEW.position > OLD.position)"
)
for _stream in TABLES.values():
    with_lz4(_stream, "body")
    for _verb in ("UPDATE", "DELETE", "TRUNCATE"):
        refuse(_stream, _verb, _IS_EVIDENCE)
for _verb in ("DELETE", "TRUNCATE"):
    refuse(HEAD, _verb, _IS_EVIDENCE)
refuse(HEAD, "UPDATE", "a head of a stream moves forward only", _BACKWARDS)

_STREAM = {stream.value: stream for stream in Stream}
_BEGIN, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_TO_KEY = Struct(
    ">hiqiqihi32si32si"
).pack  # 7 columns; position, cause, lane, id and link, each after its length; length of the key
_TO_BODY = Struct(">i").pack  # length of the body
_COPY = _for_each_stream("COPY log_STREAM (position, cause, lane, id, link, key, body) FROM STDIN (FORMAT BINARY)")
_FIND = _for_each_stream("SELECT position, id, key, body FROM log_STREAM WHERE id = ANY(%b) AND lane = %s")
_SELECT = "SELECT position, 'STREAM' AS stream, id, key, body, cause, link FROM log_STREAM WHERE lane = %s"
_READ = _for_each_stream(f"{_SELECT} AND position > %s ORDER BY position LIMIT %s")
_ABOUT = _for_each_stream(f"{_SELECT} AND position > %s AND key = %s ORDER BY position")
_PICK = _for_each_stream(f"{_SELECT} AND position = ANY(%b::bigint[])")
_AT = _for_each_stream(f"{_SELECT} AND position = %s")
_SET_HEAD = """INSERT INTO log_head (lane, stream, records, position, link) VALUES (%s, %s, %s, %s, %b)
    ON CONFLICT (lane, stream) DO UPDATE SET records = excluded.records, position = excluded.position, link = excluded.link"""
