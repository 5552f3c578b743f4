"""The database file: who may open it, what a transaction sees, and what is said when the outside gets in the way."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from wattbook import database
from wattbook.database import DatabaseError, open_database, reading, writing


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setitem(database._PRAGMAS, "busy_timeout", 50)
    engine = open_database(tmp_path / "wattbook.db", create=True)
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE note (text)")
    yield engine
    engine.dispose()


def write(engine: Engine, *statements: str) -> None:
    with writing(engine) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def add(engine: Engine, text: str) -> None:
    write(engine, f"INSERT INTO note VALUES ('{text}')")


def notes(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.exec_driver_sql("SELECT text FROM note").scalars())


def path_of(engine: Engine) -> Path:
    return Path(engine.url.database or "")


def test_what_was_written_is_there_when_the_file_is_opened_again(engine: Engine) -> None:
    add(engine, "kept")
    engine.dispose()
    again = open_database(path_of(engine), create=False)
    assert notes(again) == ["kept"]
    again.dispose()


def test_a_block_that_raises_writes_nothing_not_even_a_table(engine: Engine) -> None:
    with pytest.raises(OperationalError, match="no such table: nowhere"):
        write(engine, "CREATE TABLE other (x)", "INSERT INTO note VALUES ('lost')", "INSERT INTO nowhere VALUES (1)")
    assert notes(engine) == []
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema WHERE name = 'other'").scalar() == 0


def test_a_reader_sees_one_moment_while_a_writer_writes(engine: Engine) -> None:
    add(engine, "before")
    with reading(engine) as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM note").scalar() == 1
        add(engine, "meanwhile")
        assert reader.exec_driver_sql("SELECT count(*) FROM note").scalar() == 1
    assert notes(engine) == ["before", "meanwhile"]


def test_reading_does_not_wait_for_a_writer(engine: Engine) -> None:
    with writing(engine) as writer:
        writer.exec_driver_sql("INSERT INTO note VALUES ('not yet')")
        assert notes(engine) == []


def test_a_reader_cannot_write_and_the_same_connection_can_afterwards(engine: Engine) -> None:
    with pytest.raises(OperationalError, match="readonly"), reading(engine) as connection:
        connection.exec_driver_sql("INSERT INTO note VALUES ('sly')")
    add(engine, "open")
    assert notes(engine) == ["open"]


def test_every_connection_is_durable_and_checks_foreign_keys(engine: Engine) -> None:
    with reading(engine) as one, reading(engine) as two:
        for connection in (one, two):
            found = [
                connection.exec_driver_sql(f"PRAGMA {n}").scalar() for n in ("journal_mode", "synchronous", "foreign_keys")
            ]
            assert found == ["wal", 2, 1]


def test_a_missing_or_empty_file_is_not_made_by_the_way(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.db", tmp_path / "empty.db"):
        if path.name == "empty.db":
            path.touch()
        with pytest.raises(DatabaseError, match=r"There is no database .*wattbook init"):
            open_database(path, create=False)
    assert not (tmp_path / "missing.db").exists()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"nowhere/wattbook.db cannot be used. It cannot be opened; check that its folder"):
        open_database(tmp_path / "nowhere" / "wattbook.db", create=True)


@pytest.mark.parametrize("create", [True, False])
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear customer, " * 100)
    with pytest.raises(DatabaseError, match=r"letter.txt cannot be used. It is not a wattbook database"):
        open_database(path, create=create)
    assert path.read_text() == "Dear customer, " * 100


@pytest.mark.parametrize("create", [True, False])
def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="It is not a wattbook database"):
        open_database(path, create=create)
    assert path.read_bytes() == before


def test_a_lock_that_another_holds_is_told_after_the_wait(engine: Engine) -> None:
    with closing(sqlite3.connect(path_of(engine), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match=r"Another process has been writing to it .* wait for that one, or stop it"):
            add(engine, "in vain")
        assert notes(engine) == []
    add(engine, "now")
    assert notes(engine) == ["now"]


def test_a_full_disk_is_told_and_nothing_of_the_transaction_stays(engine: Engine) -> None:
    add(engine, "before")
    large = "INSERT INTO note VALUES (zeroblob(100000))"
    with pytest.raises(DatabaseError, match=r"The disk is full; make room"):
        write(engine, "PRAGMA max_page_count = 10", "INSERT INTO note VALUES ('small')", large)
    assert notes(engine) == ["before"]


def test_a_file_that_cannot_be_written_is_told(engine: Engine) -> None:
    """The tests may run as root, whom no file mode stops; this gives SQLite's own error for such a file."""
    with pytest.raises(DatabaseError, match=r"It cannot be written; give this user write access"):
        write(engine, "PRAGMA query_only = ON", "INSERT INTO note VALUES ('x')")


def test_a_damaged_file_is_told(engine: Engine) -> None:
    for number in range(100):
        add(engine, f"{number}" * 200)
    engine.dispose()
    content = bytearray(path_of(engine).read_bytes())
    content[4096:] = b"\xee" * (len(content) - 4096)
    path_of(engine).write_bytes(content)
    with pytest.raises(DatabaseError, match=r"The file is damaged; restore it from a backup"):
        notes(engine)
