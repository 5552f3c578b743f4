"""What only the SQLite log does: refuse changes, know its version, read by range, follow the caller's transaction."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from streams import sqlite_log
from streams.log import LogUnusable, Record, Stream
from streams.sqlite_log import SqliteLog
from vocabulary.identity import Position
from wattbook.database import open_database, reading, writing


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(tmp_path / "log.db", create=True)
    with writing(engine) as connection:
        sqlite_log.create(connection)
    yield engine
    engine.dispose()


def records(*numbers: int) -> list[Record]:
    return [Record(hashlib.sha256(b"%d" % number).digest(), "CS-1", b"body") for number in numbers]


def ids(connection: Connection, table: str) -> int:
    count: int = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
    return count


def test_records_are_found_by_what_they_are_about_after_a_position_and_in_their_stream(engine: Engine) -> None:
    with writing(engine) as connection:
        log = SqliteLog(connection)
        log.append(Stream.RAW, records(1, 2))
        log.append(Stream.CONCLUSIONS, [*records(3), Record(b"4" * 32, "CS-2", b""), *records(5)])
        found = [log.about(Stream.CONCLUSIONS, "CS-1", Position(after)) for after in (0, 3, 5)]
    assert [[stored.position for stored in each] for each in found] == [[3, 5], [5], []]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log_raw SET body = x'00' WHERE position = 1",
        "DELETE FROM log_raw WHERE position = 2",
        "DELETE FROM log_raw",
        "REPLACE INTO log_raw SELECT position, id, key, x'00', cause, link FROM log_raw",
        "UPDATE log_settled_id SET position = 1",
        "DELETE FROM log_settled_id",
        "DELETE FROM log_head",
        "UPDATE log_head SET records = 1, position = 1",
        "UPDATE log_head SET link = x'00'",
    ],
)
def test_what_is_stored_is_neither_changed_nor_removed(engine: Engine, monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    monkeypatch.setattr(sqlite_log, "SETTLE_EVERY", 2)
    with writing(engine) as connection:
        SqliteLog(connection).append(Stream.RAW, records(1, 2))
    with pytest.raises(IntegrityError, match=r"evidence|moves forward only"), writing(engine) as connection:
        connection.exec_driver_sql(statement)
    with reading(engine) as connection:
        log = SqliteLog(connection)
        assert log.verify(Stream.RAW) == log.head(Stream.RAW)


def test_ids_settle_once_in_so_many_positions(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_log, "SETTLE_EVERY", 10)
    with writing(engine) as connection:
        log, counts = SqliteLog(connection), []
        for start in range(0, 24, 4):
            log.append(Stream.RAW, records(*range(start, start + 4)))
            counts.append((ids(connection, "log_recent_id"), ids(connection, "log_settled_id")))
    assert counts == [(4, 0), (8, 0), (0, 12), (4, 12), (0, 20), (4, 20)]


@pytest.mark.parametrize("streams", [[Stream.RAW], [Stream.RAW, Stream.REFERENCE, Stream.COMMANDS], list(Stream)])
def test_streams_are_read_by_ranges_and_merged_without_a_scan_or_a_sort(engine: Engine, streams: list[Stream]) -> None:
    statement = sqlite_log._reading(tuple(streams))
    with reading(engine) as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (*[0] * len(streams), 10)).all()
    steps = [str(step[3]) for step in plan]
    ranges = [step for step in steps if step.startswith("SEARCH")]
    assert ranges == [f"SEARCH log_{stream} USING INTEGER PRIMARY KEY (rowid>?)" for stream in streams]
    assert not [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step]


def test_a_known_id_is_found_by_the_index_alone(engine: Engine) -> None:
    with reading(engine) as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sqlite_log._FIND[Stream.RAW]}", ("[]", "[]")).all()
    scanned = [str(step[3]) for step in plan if "SCAN" in str(step[3])]
    assert all("wanted VIRTUAL TABLE" in step for step in scanned)


def test_a_rollback_leaves_nothing_and_the_next_append_begins_where_it_was(engine: Engine) -> None:
    with writing(engine) as connection:
        SqliteLog(connection).append(Stream.RAW, records(1))
    with engine.connect() as connection:
        SqliteLog(connection).append(Stream.RAW, records(2, 3))
        connection.rollback()
    with writing(engine) as connection:
        log = SqliteLog(connection)
        assert log.head(Stream.RAW).position == 1
        assert log.append(Stream.RAW, records(3)) == [(2, True)]
        assert log.verify(Stream.RAW) == log.head(Stream.RAW)


def test_one_object_may_append_and_read_on_within_its_transaction(engine: Engine) -> None:
    with writing(engine) as connection:
        log = SqliteLog(connection)
        [(cause, _)] = log.append(Stream.RAW, records(1))
        log.append(Stream.EVENTS, [records(2)[0]._replace(cause=cause)])
        assert [stored.cause for stored in log.read([Stream.EVENTS], cause, 10)] == [cause]


def test_a_database_without_a_log_is_refused(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "other.db", create=True)
    with reading(engine) as connection, pytest.raises(LogUnusable, match="holds no log: open another one, or make a log"):
        SqliteLog(connection)
    engine.dispose()


@pytest.mark.parametrize(("version", "remedy"), [(3, "use a newer wattbook"), (1, "migrate the database first")])
def test_a_log_of_another_version_is_refused_with_what_to_do(engine: Engine, version: int, remedy: str) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE log_schema SET version = ?", (version,))
    with reading(engine) as connection, pytest.raises(LogUnusable, match=remedy):
        SqliteLog(connection)


def test_creating_a_log_that_is_there_leaves_it_as_it_is(engine: Engine) -> None:
    with writing(engine) as connection:
        SqliteLog(connection).append(Stream.RAW, records(1))
        sqlite_log.create(connection)
        assert len(SqliteLog(connection).read(list(Stream), Position(0), 10)) == 1
