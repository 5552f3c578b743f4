"""What somebody sets for a whole PostgreSQL database: every connection of ours sets or looks at what it relies on.

Whoever sets it does so with `ALTER DATABASE … SET`, which connections see that are made afterwards.
"""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, make_url

from wattbook import database as module
from wattbook.cli import cli
from wattbook.database import DatabaseError, open_database, reading, writing

Set = Callable[[str], None]


@pytest.fixture
def always(database: str) -> Set:
    def set_(setting: str) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER DATABASE {make_url(database).database} SET {setting}")

    return set_


@pytest.fixture
def opened(database: str) -> Iterator[Callable[[], Engine]]:
    engines: list[Engine] = []

    def open_() -> Engine:
        engines.append(open_database(database, create=False))
        return engines[-1]

    yield open_
    for engine in engines:
        engine.dispose()


def write(engine: Engine, statement: str) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql(statement)


def shown(engine: Engine, setting: str) -> str:
    with writing(engine) as connection:
        return str(connection.exec_driver_sql(f"SHOW {setting}").scalar())


def test_a_database_that_is_read_only_can_be_read_and_says_so_where_something_is_to_be_written(
    always: Set, opened: Callable[[], Engine]
) -> None:
    """By every connection, also one that has read before: the driver would have it write then."""
    write(opened(), "CREATE TABLE note (text text)")
    always("default_transaction_read_only = on")
    engine = opened()
    for _ in range(3):
        with pytest.raises(DatabaseError, match=r"It is read-only: .*default_transaction_read_only") as told:
            write(engine, "INSERT INTO note VALUES ('x')")
        assert "the-" not in str(told.value)
        with reading(engine) as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM note").scalar() == 0
    always("default_transaction_read_only = off")
    write(opened(), "INSERT INTO note VALUES ('x')")


def test_what_is_set_while_we_are_at_work_is_seen_by_the_connections_that_follow_within_a_minute(
    always: Set, opened: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.CONNECTION_S_MAX == 60
    monkeypatch.setattr(module, "CONNECTION_S_MAX", 0)
    engine = opened()
    write(engine, "CREATE TABLE note (text text)")
    always("default_transaction_read_only = on")
    with pytest.raises(DatabaseError, match="It is read-only"):
        write(engine, "INSERT INTO note VALUES ('x')")
    always("default_transaction_read_only = off")
    write(engine, "INSERT INTO note VALUES ('x')")
    always("synchronous_commit = off")
    with pytest.raises(DatabaseError, match="turn synchronous_commit on"):
        write(engine, "INSERT INTO note VALUES ('x')")


def test_commands_tell_that_a_database_is_read_only_without_a_traceback(always: Set, database: str, tmp_path: object) -> None:
    environment = {"WATTBOOK_HOME": str(tmp_path), "WATTBOOK_DATABASE": database}

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, words, env=environment)
        return f"{done.exit_code} {done.output} {done.exception!r}"

    assert run("init", str(tmp_path)).startswith("0 ")
    always("default_transaction_read_only = on")
    assert run("ledger", "balances").startswith("0 ")
    assert run("audit", "verify").startswith("0 ")
    told = run("invoice", "run", "--month", "2026-10")
    assert "DatabaseError" in told and "It is read-only" in told


def test_triggers_that_are_switched_off_for_the_database_are_refused(always: Set, opened: Callable[[], Engine]) -> None:
    """They keep the log and the books from being changed."""
    always("session_replication_role = replica")
    with pytest.raises(DatabaseError, match=r"session_replication_role is replica: .* triggers"):
        opened()


def test_another_search_path_is_refused_but_for_the_url_s_own(always: Set, opened: Callable[[], Engine], database: str) -> None:
    """Tables of ours would be looked for, and made anew, in another place."""
    write(opened(), "CREATE SCHEMA other")
    always("search_path = other")
    with pytest.raises(DatabaseError, match=r"search_path is other: .*\?options=-csearch_path%3Dother"):
        opened()
    engine = open_database(f"{database}?options=-csearch_path%3Dother", create=False)
    assert shown(engine, "search_path") == "other"
    engine.dispose()


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
def test_another_isolation_is_not_ours(always: Set, opened: Callable[[], Engine], level: str) -> None:
    """Workers that wait for each other's rows go on with what was committed, and do not fail."""
    always(f"default_transaction_isolation = '{level}'")
    engine = opened()
    for _ in range(2):
        assert shown(engine, "transaction_isolation") == "read committed"
        with reading(engine) as connection:
            assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"


@pytest.mark.parametrize(
    ("setting", "ours"),
    [
        ("statement_timeout = '7s'", "10min"),
        ("lock_timeout = '7s'", "30s"),
        ("idle_in_transaction_session_timeout = '7s'", "1min"),
        ("idle_session_timeout = '7s'", "0"),
        ("transaction_timeout = '7s'", "0"),
    ],
)
def test_limits_of_the_database_are_not_ours(
    always: Set, opened: Callable[[], Engine], database: str, setting: str, ours: str
) -> None:
    name = setting.partition(" ")[0]
    with psycopg.connect(database) as connection:
        [known] = connection.execute("SELECT count(*) FROM pg_settings WHERE name = %s", (name,)).fetchone() or (0,)
    if not known:
        with pytest.raises(psycopg.Error, match="unrecognized configuration parameter"):
            always(setting)  # the server is older than the setting
        assert shown(opened(), "lock_timeout") == "30s"
        return
    write(opened(), "SELECT 1")
    always(setting)
    assert shown(opened(), name) == ours
