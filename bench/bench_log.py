"""How fast the SQLite log appends, beside the fastest that SQLite itself takes the same bytes; and how fast it replays.

A record is a station's message of 600 bytes. The log deduplicates, chains and commits every batch with synchronous=FULL; the
plain run inserts ready-made rows of the same bytes into a table without any index, with the same commits, through sqlite3
itself. Both go by turns, so that what else the machine does strikes both alike.
"""

import hashlib
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

from sqlalchemy import Engine

from streams import sqlite_log
from streams.log import Head, Record, Stored, Stream
from streams.sqlite_log import SqliteLog
from vocabulary.identity import Position
from wattbook.database import open_database, reading, writing

SIZES = {1: 1_000, 100: 20_000, 1_000: 100_000}  # records in a batch: records in a run
ROUNDS, READ_AT_ONCE, STATIONS = 3, 1_000, 5_000

_Row = tuple[None, bytes, str, bytes, int, bytes]  # position (SQLite gives it), id, key, body, cause, link


def main() -> None:
    for size, total in SIZES.items():
        batches = list(_batches(size, total))
        rounds = [_round(batches) for _ in range(ROUNDS)]
        ours, plain, replay, verify = (total / median(seconds) for seconds in zip(*rounds, strict=True))
        print(f"log, batches of {size:<5,}    {ours:10,.0f} records/s")
        print(f"plain executemany        {plain:10,.0f} records/s    log / plain = {ours / plain:.2f}")
    print(f"replay, raw              {replay:10,.0f} records/s")
    print(f"verify                   {verify:10,.0f} records/s")


def _round(batches: list[list[Record]]) -> tuple[float, float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        rows: list[list[_Row]] = [[(None, r.id, r.key, r.body, r.cause, r.id) for r in batch] for batch in batches]
        with closing(_plain(Path(folder, "plain.db"))) as raw:
            plain = _timed(lambda: _append_plainly(raw, rows))
        engine = open_database(Path(folder, "log.db"), create=True)
        with writing(engine) as connection:
            sqlite_log.create(connection)
        ours = _timed(lambda: _append(engine, batches))
        with reading(engine) as connection:
            log = SqliteLog(connection)
            replay = _timed(lambda: _replay(log))
            verify = _timed(lambda: _verify(log, sum(map(len, batches))))
        engine.dispose()
    return ours, plain, replay, verify


def _append(engine: Engine, batches: list[list[Record]]) -> None:
    for batch in batches:
        with writing(engine) as connection:
            SqliteLog(connection).append(Stream.RAW, batch)


def _replay(log: SqliteLog) -> None:
    chunk: list[Stored] = log.read([Stream.RAW], Position(0), READ_AT_ONCE)
    while chunk:
        chunk = log.read([Stream.RAW], chunk[-1].position, READ_AT_ONCE)


def _verify(log: SqliteLog, total: int) -> None:
    head = log.verify(Stream.RAW)
    assert isinstance(head, Head)
    assert head.records == total


def _append_plainly(connection: sqlite3.Connection, batches: list[list[_Row]]) -> None:
    for batch in batches:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO plain VALUES (?, ?, ?, ?, ?, ?)", batch)
        connection.execute("COMMIT")


def _plain(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16384")
    connection.execute("CREATE TABLE plain (position INTEGER PRIMARY KEY, id, key, body, cause, link)")
    return connection


def _batches(size: int, total: int) -> Iterator[list[Record]]:
    for start in range(0, total, size):
        yield [_record(number) for number in range(start, start + size)]


def _record(number: int) -> Record:
    station = f"CS-{number % STATIONS:06}"
    body = f'{{"type":"raw.message","station":"{station}","number":{number},"frame":"'.encode().ljust(598, b"x") + b'"}'
    return Record(hashlib.sha256(body).digest(), station, body)


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
