"""Schema migrations on PostgreSQL, where several programs share the tables: nobody upgrades them but the operator.

No released version needs an upgrade there yet, so one is made up here: revision 0005, by Alembic's own operations, on both
databases.
"""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine, event

from wattbook import migrating
from wattbook.cli import cli
from wattbook.database import DatabaseError, open_database, reading, writing
from wattbook.migrating import HEAD, NotMade, SchemaUnknown, State, UpgradeNeeded, make_ready, schema_of, upgrade
from wattbook.wiring import create_tables

MADE_UP = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade():
    with op.batch_alter_table("document", recreate="auto") as table:
        table.add_column(sa.Column("note", sa.Text))
        table.alter_column("total", new_column_name="gross")
    op.create_index("document_month", "document", ["month"])
"""

# Everything that a catalog knows of our tables, as lines of text.
CATALOG = """
    SELECT format('column %s.%s %s %s null=%s default=%s collation=%s compression=%s', c.relname, a.attname, a.attnum,
            format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid), o.collname,
            a.attcompression)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_collation o ON o.oid = a.attcollation
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND c.relkind = 'r' AND NOT a.attisdropped
    UNION ALL SELECT format('relation %s %s %s %s', c.relname, c.relkind, c.relpersistence, c.reloptions)
        FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    UNION ALL SELECT format('constraint %s %s %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
        FROM pg_constraint c WHERE c.connamespace = current_schema()::regnamespace
    UNION ALL SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = current_schema()
    UNION ALL SELECT format('trigger %s %s', t.tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t WHERE NOT t.tgisinternal
    UNION ALL SELECT format('function %s', pg_get_functiondef(p.oid))
        FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
"""


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """An empty database of this test's own."""
    engine = open_database(database, create=True)
    yield engine
    engine.dispose()


@pytest.fixture
def newer_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Once called, this program is the one that knows revision 0005 as well."""

    def become_newer() -> None:
        shutil.copytree(migrating._MIGRATIONS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
        (tmp_path / "migrations" / "versions" / "v0005.py").write_text(MADE_UP)
        monkeypatch.setattr(migrating, "_MIGRATIONS", tmp_path / "migrations")
        monkeypatch.setattr(migrating, "EARLIER", (*migrating.EARLIER, HEAD))
        monkeypatch.setattr(migrating, "HEAD", "0005")

    return become_newer


def catalog(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return sorted(connection.exec_driver_sql(CATALOG, execution_options={"no_parameters": True}).scalars())


def wattbook(database: str, home: Path, *arguments: str) -> Result:
    environment = {"WATTBOOK_DATABASE": database}
    return CliRunner(env=environment).invoke(cli, ["--home", str(home), *arguments])


def add_document(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO document VALUES ('1', 'C', '2026-11-02', '2026-10', 'EUR', '2.20', 7)")


def document(engine: Engine) -> tuple[object, ...]:
    with reading(engine) as connection:
        return tuple(connection.exec_driver_sql("SELECT * FROM document").one())


# ── a new database ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_way_from_nothing_through_all_revisions_leads_to_what_a_new_database_has(engine: Engine, database: str) -> None:
    with writing(engine) as connection:
        migrating._migrate(connection, HEAD)
    way = catalog(engine)
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    make_ready(engine, create_tables)
    assert catalog(engine) == way
    assert {line.partition(" ")[0] for line in way} == {"column", "relation", "constraint", "index", "trigger", "function"}


def test_an_empty_database_is_made_only_where_that_is_wanted(engine: Engine) -> None:
    with pytest.raises(NotMade, match="holds no tables yet; run: wattbook init"):
        make_ready(engine, None)
    assert schema_of(engine).state is State.EMPTY


def test_of_two_that_make_the_tables_at_once_one_does(engine: Engine) -> None:
    both_looked = threading.Barrier(2, timeout=30)
    made, failed = [], []

    def create(connection: Connection) -> None:
        made.append(1)
        create_tables(connection)

    def make() -> None:
        try:
            both_looked.wait()
            make_ready(engine, create)
        except DatabaseError as error:
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (made, failed) == ([1], [])
    assert schema_of(engine) == (State.CURRENT, HEAD, "")


def test_a_database_with_tables_of_another_program_is_refused(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    with pytest.raises(SchemaUnknown, match="it holds tables of another program; give wattbook a database of its own"):
        make_ready(engine, create_tables)


def test_a_newer_database_is_refused_without_its_password(engine: Engine, database: str) -> None:
    make_ready(engine, create_tables)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE wattbook_schema SET version_num = '0099'")
    with pytest.raises(SchemaUnknown, match="a newer wattbook made the tables") as refused:
        make_ready(engine, create_tables)
    assert str(engine.url.password) in database
    assert str(engine.url.password) not in str(refused.value)


# ── an older database, with a made-up revision ──────────────────────────────────────────────────────────────────────────


def test_an_older_database_is_never_upgraded_by_a_program_that_opens_it(
    engine: Engine, newer_program: Callable[[], None]
) -> None:
    make_ready(engine, create_tables)
    before = catalog(engine)
    newer_program()
    for create in (None, create_tables):
        with pytest.raises(UpgradeNeeded, match=r"have schema 0004, this program needs 0005; run: wattbook database upgrade$"):
            make_ready(engine, create)
    assert catalog(engine) == before


def test_the_operator_upgrades_it_and_its_rows_stay(engine: Engine, newer_program: Callable[[], None]) -> None:
    make_ready(engine, create_tables)
    add_document(engine)
    before = document(engine)
    newer_program()
    assert upgrade(engine) == ("0004", "0005", None)
    assert upgrade(engine) == ("0005", "0005", None)
    make_ready(engine, None)
    assert document(engine) == (*before, None)


def test_an_upgrade_that_fails_at_any_statement_leaves_the_old_tables(
    engine: Engine, newer_program: Callable[[], None]
) -> None:
    make_ready(engine, create_tables)
    before = catalog(engine)
    newer_program()
    remaining = 0

    @event.listens_for(engine, "before_cursor_execute")
    def fail(*_: object) -> None:
        nonlocal remaining
        remaining -= 1
        if remaining == 0:
            raise InterruptedError

    for statements in range(1, 100):
        remaining = statements
        try:
            upgrade(engine)
        except InterruptedError:
            assert catalog(engine) == before
        else:
            break
    remaining = 0
    assert statements > 5
    assert schema_of(engine) == (State.CURRENT, "0005", "")


def test_nothing_is_upgraded_while_another_wattbook_is_connected(engine: Engine, newer_program: Callable[[], None]) -> None:
    make_ready(engine, create_tables)
    newer_program()
    worker = open_database(engine.url.render_as_string(hide_password=False), create=False)
    with (
        reading(worker),
        pytest.raises(UpgradeNeeded, match=r"connected to .* \(connections: 1\); stop its workers and servers"),
    ):
        upgrade(engine)
    worker.dispose()
    assert upgrade(engine).after == "0005"


def test_the_same_revision_upgrades_a_file_and_keeps_its_rows(tmp_path: Path, newer_program: Callable[[], None]) -> None:
    engine = open_database(tmp_path / "wattbook.db", create=True)
    make_ready(engine, create_tables)
    add_document(engine)
    before = document(engine)
    newer_program()
    make_ready(engine, None)
    assert schema_of(engine) == (State.CURRENT, "0005", "")
    assert document(engine) == (*before, None)
    engine.dispose()


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_command_shows_the_version_without_the_password(engine: Engine, database: str, tmp_path: Path) -> None:
    empty = wattbook(database, tmp_path, "database", "status", "--json")
    assert (empty.exit_code, json.loads(empty.stdout)["state"]) == (1, "empty")
    make_ready(engine, create_tables)
    made = wattbook(database, tmp_path, "database", "status", "--json")
    assert (made.exit_code, json.loads(made.stdout)["schema"]) == (0, HEAD)
    with closing(psycopg.connect(database)) as connection:
        assert connection.info.password
        assert connection.info.password not in made.stdout


def test_the_command_upgrades_what_other_commands_refuse(
    engine: Engine, database: str, tmp_path: Path, newer_program: Callable[[], None]
) -> None:
    make_ready(engine, create_tables)
    engine.dispose()
    newer_program()
    refused = wattbook(database, tmp_path, "session", "list")
    assert isinstance(refused.exception, UpgradeNeeded)
    done = wattbook(database, tmp_path, "database", "upgrade", "--json")
    assert json.loads(done.stdout) == {"before": "0004", "after": "0005", "copy": None}
