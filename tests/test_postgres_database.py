"""A PostgreSQL database, opened for real: durable, one moment for a reader, one writer per lane, and told when the outside gets
in the way, without a password.
"""

import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import IntegrityError, InternalError, ProgrammingError

from streams.places import OFFICE, Lane
from wattbook import database as module
from wattbook.database import DatabaseAway, DatabaseError, open_database, reading, writing
from wattbook.dev_postgres import PostgresServer
from wattbook.dev_process import free_ports

SECRET = "the-secret-pa%3Ass"


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database, create=False)
    write(engine, "CREATE TABLE note (text text PRIMARY KEY)")
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
        return list(connection.exec_driver_sql("SELECT text FROM note ORDER BY text").scalars())


def kill_sessions(url: str) -> None:
    """As an administrator would, or a server that is restarted."""
    with psycopg.connect(url, autocommit=True) as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {others}")


def changed(url: str, **parts: object) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]


def test_a_block_that_raises_writes_nothing_not_even_a_table(engine: Engine) -> None:
    with pytest.raises(ProgrammingError, match="nowhere"):
        write(engine, "CREATE TABLE other (x int)", "INSERT INTO note VALUES ('lost')", "INSERT INTO nowhere VALUES (1)")
    assert notes(engine) == []
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT to_regclass('other')").scalar() is None


def test_a_reader_sees_one_moment_while_a_writer_writes_and_commits(engine: Engine) -> None:
    add(engine, "before")
    with reading(engine) as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM note").scalar() == 1
        add(engine, "meanwhile")
        assert reader.exec_driver_sql("SELECT count(*) FROM note").scalar() == 1
    assert notes(engine) == ["before", "meanwhile"]


def test_a_writer_sees_what_was_committed_while_it_waited(engine: Engine) -> None:
    with writing(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM note").scalar() == 0
        add(engine, "meanwhile")
        assert connection.exec_driver_sql("SELECT count(*) FROM note").scalar() == 1


def test_a_reader_cannot_write_and_the_same_connection_can_afterwards(engine: Engine) -> None:
    with pytest.raises(InternalError, match="read-only transaction"), reading(engine) as connection:
        connection.exec_driver_sql("INSERT INTO note VALUES ('sly')")
    add(engine, "open")
    assert notes(engine) == ["open"]


def test_a_lane_has_one_writer_at_a_time_and_other_lanes_and_readers_do_not_wait(engine: Engine) -> None:
    order: list[str] = []

    def second() -> None:
        with writing(engine, Lane(1)):
            order.append("second")

    with writing(engine, Lane(1)):
        thread = threading.Thread(target=second)
        thread.start()
        with writing(engine, Lane(2)) as connection:
            connection.exec_driver_sql("INSERT INTO note VALUES ('other lane')")
        assert notes(engine) == ["other lane"]
        while not holders_and_waiters(engine)[1]:
            pass
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert holders_and_waiters(engine) == (0, 0)


def holders_and_waiters(engine: Engine) -> tuple[int, int]:
    query = """SELECT count(*) FILTER (WHERE granted), count(*) FILTER (WHERE NOT granted) FROM pg_locks
        WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    with reading(engine) as connection:
        [(holders, waiters)] = connection.exec_driver_sql(query).all()
        return holders, waiters


def test_every_connection_is_durable_and_named_and_gives_up_in_time(engine: Engine) -> None:
    asked = {
        "application_name": "wattbook",
        "synchronous_commit": "on",
        "lock_timeout": "30s",
        "statement_timeout": "10min",
        "transaction_isolation": "read committed",
    }
    with writing(engine) as connection:
        found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in asked}
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "1min"
    assert found == asked
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "1h"


def test_a_url_s_own_values_come_first(database: str) -> None:
    engine = open_database(f"{database}?application_name=worker-7&connect_timeout=3", create=False)
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SHOW application_name").scalar() == "worker-7"
    engine.dispose()


def test_a_database_that_would_lose_commits_in_a_power_cut_is_refused(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {make_url(database).database} SET synchronous_commit = off")
    with pytest.raises(
        DatabaseError, match=r"A power cut would take what was confirmed to stations: turn synchronous_commit on"
    ):
        open_database(database, create=False)


def test_a_server_that_does_not_write_to_its_disk_is_refused(postgres: PostgresServer, database: str) -> None:
    def tell(*settings: str) -> None:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            for setting in settings:
                connection.execute(f"ALTER SYSTEM {setting}")
            connection.execute("SELECT pg_reload_conf()")

    def fsync_is(value: str) -> bool:
        with psycopg.connect(postgres.url) as connection:
            return connection.execute("SHOW fsync").fetchone() == (value,)

    try:
        tell("SET fsync = off", "SET full_page_writes = off")
        while not fsync_is("off"):
            pass
        with pytest.raises(DatabaseError, match=r"turn fsync and full_page_writes on"):
            open_database(database, create=False)
    finally:
        tell("RESET fsync", "RESET full_page_writes")
        while not fsync_is("on"):
            pass


def test_a_database_in_which_not_every_text_can_stand_is_refused(postgres: PostgresServer) -> None:
    name = "latin"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    url = changed(postgres.url, database=name)
    try:
        with pytest.raises(DatabaseError, match=r"create it with ENCODING 'UTF8'"):
            open_database(url, create=False)
    finally:
        postgres.drop_database(url)


def told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    [port] = free_ports(1)
    url = f"postgresql://me:{SECRET}@127.0.0.1:{port}/bills?options=-cwork_mem%3D8MB"
    with pytest.raises(DatabaseAway) as caught:
        open_database(url, create=False)
    message = str(caught.value)
    assert message.startswith(f"The database postgresql://me@127.0.0.1:{port}/bills cannot be used. ")
    assert message.endswith("Connection refused. Check that the server runs there, and try again.")
    assert "secret" not in told(caught.value)


def test_a_wrong_password_user_or_database_is_told_without_the_password(database: str) -> None:
    for parts in (
        {"password": "the-secret-one"},
        {"username": "nobody-here", "password": "the-secret-one"},
        {"database": "nowhere"},
    ):
        with pytest.raises(DatabaseError, match=r"Check user, password and name of the database") as caught:
            open_database(changed(database, **parts), create=False)
        assert not isinstance(caught.value, DatabaseAway)
        assert "secret" not in told(caught.value)
        assert str(urlsplit(database).password) not in told(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:secret@host/db",
        "postgresql//me:secret@host",
        "secret",
        "postgresql+asyncpg://me:secret@h/db",
        "postgresql://me:secret@host:12x/db",
    ],
)
def test_what_is_no_url_of_postgresql_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"write postgresql://user:password@host:port/name") as caught:
        open_database(url, create=False)
    assert "secret" not in str(caught.value)
    assert "secret" not in str(caught.value.__cause__)


def lose(engine: Engine, database: str) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO note VALUES ('lost')")
        kill_sessions(database)
        connection.exec_driver_sql("INSERT INTO note VALUES ('lost too')")


def lose_while_copying(engine: Engine, database: str) -> None:
    with writing(engine) as connection:
        driver: Any = connection.connection
        with driver.cursor() as cursor, cursor.copy("COPY note FROM STDIN") as copy:
            kill_sessions(database)
            for number in range(1_000_000):
                copy.write_row((f"{number}",))


def lose_before_the_commit(engine: Engine, database: str) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO note VALUES ('lost')")
        kill_sessions(database)


@pytest.mark.parametrize("losing", [lose, lose_while_copying, lose_before_the_commit])
def test_a_connection_that_is_lost_is_told_and_nothing_was_written_and_the_next_one_works(
    engine: Engine, database: str, losing: Callable[[Engine, str], None]
) -> None:
    add(engine, "before")
    with pytest.raises(DatabaseAway, match=r"cannot be used\. .*try again"):
        losing(engine, database)
    kill_sessions(database)
    assert notes(engine) == ["before"]
    add(engine, "after")


def test_a_lock_that_another_holds_is_told_after_the_wait(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LANE_TIMEOUT_S", 0.02)
    with (
        writing(engine, Lane(1)),
        pytest.raises(DatabaseAway, match=r"Another process has held a lock for more than 30 s; wait for that one, or stop it"),
        writing(engine, Lane(1)),
    ):
        pass


def test_a_lane_is_waited_for_longer_than_a_row_and_whoever_waits_is_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invoice run may hold it for minutes."""
    monkeypatch.setitem(module._SESSION, "lock_timeout", "20ms")
    told: list[Lane] = []

    @contextmanager
    def waiting(lane: Lane) -> Iterator[None]:
        told.append(lane)
        threading.Timer(0.3, is_over.set).start()
        yield

    def run() -> None:
        with writing(engine, Lane(1)):
            begun.set()
            is_over.wait()

    begun, is_over = threading.Event(), threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    begun.wait()
    with writing(engine, Lane(1), waiting) as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "20ms", "for rows, as ever"
    with writing(engine, Lane(1), waiting):
        pass
    thread.join()
    assert told == [1]


def test_the_office_may_think_for_minutes_within_a_transaction(engine: Engine) -> None:
    with writing(engine, OFFICE) as connection:
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "10min"


def test_two_that_wait_for_each_other_are_parted_and_one_is_told_to_try_again(engine: Engine) -> None:
    add(engine, "a")
    add(engine, "b")
    met = threading.Barrier(2)
    failed: list[DatabaseError] = []

    def update(first: str, second: str) -> None:
        try:
            with writing(engine) as connection:
                connection.exec_driver_sql("SET LOCAL deadlock_timeout = '50ms'")
                connection.exec_driver_sql(f"SELECT * FROM note WHERE text = '{first}' FOR UPDATE")
                met.wait()
                connection.exec_driver_sql(f"SELECT * FROM note WHERE text = '{second}' FOR UPDATE")
        except DatabaseError as error:
            failed.append(error)

    threads = [threading.Thread(target=update, args=names) for names in ("ab", "ba")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [error] = failed
    assert isinstance(error, DatabaseAway)
    assert "was rolled back; try again" in str(error)


def test_a_statement_that_takes_too_long_is_told(engine: Engine) -> None:
    with pytest.raises(DatabaseAway, match=r"A statement was cancelled"):
        write(engine, "SET LOCAL statement_timeout = '20ms'", "SELECT pg_sleep(60)")


def test_a_user_who_may_not_is_told(engine: Engine, database: str) -> None:
    name = make_url(database).database
    write(engine, f"CREATE ROLE guest_of_{name} LOGIN PASSWORD 'guest'")
    guest = open_database(changed(database, username=f"guest_of_{name}", password="guest"), create=False)
    with pytest.raises(DatabaseError, match=r"This user may not do that"):
        notes(guest)
    guest.dispose()
    write(engine, f"DROP ROLE guest_of_{name}")


@pytest.mark.parametrize(
    ("sqlstate", "kind", "words"),
    [
        ("53100", DatabaseError, "The server's disk is full"),
        ("53300", DatabaseError, "no connection left"),
        ("58030", DatabaseError, "check its disk"),
        ("XX001", DatabaseError, "damaged"),
        ("25006", DatabaseError, "name the primary"),
        ("40001", DatabaseAway, "try again"),
        ("57P03", DatabaseAway, "starting or shutting down"),
        ("08006", DatabaseAway, "as a whole or not at all"),
    ],
)
def test_what_the_server_reports_of_its_troubles_is_told_with_a_remedy(
    engine: Engine, sqlstate: str, kind: type[DatabaseError], words: str
) -> None:
    """The server raises the error of that state at our request: a full disk is hard to come by."""
    with pytest.raises(DatabaseError, match=words) as caught:
        write(engine, f"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '{sqlstate}'; END $$")
    assert type(caught.value) is kind


def test_values_are_not_repeated_in_errors(engine: Engine) -> None:
    add(engine, "x")
    with writing(engine) as connection, pytest.raises(IntegrityError, match="duplicate key") as caught:
        connection.exec_driver_sql("INSERT INTO note SELECT %s FROM (SELECT %s) AS secret", ("x", "4711"))
    assert "4711" not in str(caught.value)
