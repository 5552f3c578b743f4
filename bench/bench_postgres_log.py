"""How fast the PostgreSQL log appends, beside a plain COPY of the same rows into a table with its keys; and how it replays.

A record is a station's message of 600 bytes. The log looks every id up, chains and commits every batch; the plain run copies
ready-made rows with psycopg, with the same commits, and does nothing else. Both go by turns, on a server of Debian's that is
started for this, with its own settings: every commit is flushed to the disk.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from statistics import median

import psycopg
from sqlalchemy import Engine

from streams import postgres_log
from streams.log import Head, Record, Stream
from streams.places import Lane, position
from streams.postgres_log import PostgresLog, pages
from vocabulary.identity import Position
from wattbook.database import open_database, reading, writing
from wattbook.dev_postgres import PostgresServer
from wattbook.dev_process import free_ports
from wattbook.dev_servers import temporary_folder

SIZES = {100: 20_000, 1_000: 200_000}  # records in a batch: records in a run
ROUNDS, STATIONS, LANE = 3, 5_000, Lane(1)

_Row = tuple[Position, int, int, bytes, bytes, str, bytes]  # position, cause, lane, id, link, key, body


def main() -> None:
    with temporary_folder() as folder:
        server = PostgresServer(folder / "postgres", *free_ports(1), secrets.token_hex(16))
        server.start()
        try:
            for size, total in SIZES.items():
                batches = list(_batches(size, total))
                rounds = [_round(server, batches) for _ in range(ROUNDS)]
                ours, plain, again, replay, verify = (total / median(seconds) for seconds in zip(*rounds, strict=True))
                print(f"log, batches of {size:<5,}    {ours:10,.0f} records/s")
                print(f"plain COPY               {plain:10,.0f} records/s    log / plain = {ours / plain:.2f}")
            print(f"appended again           {again:10,.0f} records/s")
            print(f"replay, raw              {replay:10,.0f} records/s")
            print(f"verify                   {verify:10,.0f} records/s")
        finally:
            server.stop()


def _round(server: PostgresServer, batches: list[list[Record]]) -> tuple[float, float, float, float, float]:
    url = server.new_database()
    engine = open_database(url, create=False)
    with writing(engine) as connection:
        postgres_log.create(connection)
        for guard in ("UPDATE", "DELETE", "TRUNCATE"):  # the plain table is the log's, but for the triggers
            connection.exec_driver_sql(f"DROP TRIGGER log_raw_refuses_{guard.lower()} ON log_raw")
    rows = list(_rows(batches))
    with psycopg.connect(url) as raw:
        plain = _timed(lambda: _copy_plainly(raw, rows))
        raw.execute("TRUNCATE log_raw")
    ours = _timed(lambda: _append(engine, batches))
    again = _timed(lambda: _append(engine, batches))
    replay = _timed(lambda: _replay(engine))
    verify = _timed(lambda: _verify(engine, sum(map(len, batches))))
    engine.dispose()
    server.drop_database(url)
    return ours, plain, again, replay, verify


def _append(engine: Engine, batches: list[list[Record]]) -> None:
    for batch in batches:
        with writing(engine, LANE) as connection:
            PostgresLog(connection, LANE).append(Stream.RAW, batch)


def _copy_plainly(connection: psycopg.Connection, batches: list[list[_Row]]) -> None:
    statement = "COPY log_raw (position, cause, lane, id, link, key, body) FROM STDIN (FORMAT BINARY)"
    for batch in batches:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(["int8", "int8", "int2", "bytea", "bytea", "text", "bytea"])
            for row in batch:
                copy.write_row(row)
        connection.commit()


def _replay(engine: Engine) -> None:
    with reading(engine) as connection:
        for _ in pages(connection, Stream.RAW, LANE):
            pass


def _verify(engine: Engine, total: int) -> None:
    with reading(engine) as connection:
        head = PostgresLog(connection, LANE).verify(Stream.RAW)
    assert isinstance(head, Head)
    assert head.records == total


def _rows(batches: list[list[Record]]) -> Iterator[list[_Row]]:
    place = 0
    for batch in batches:
        yield [(position(place + n, LANE), r.cause, LANE, r.id, r.id, r.key, r.body) for n, r in enumerate(batch, start=1)]
        place += len(batch)


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
