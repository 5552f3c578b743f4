"""Schema migrations: a home that version 0.1.0 made is upgraded, and keeps every byte of its evidence.

tests/data/schema/home-0.1.0 is such a home, with what 0.1.0 said about it (see the README there).
"""

import gzip
import json
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy import Engine, event
from sqlalchemy.exc import IntegrityError

from invoicing.invoice_json import invoice_json
from streams.log import Stream
from wattbook import migrating
from wattbook.audit import digests, replay
from wattbook.cli import cli
from wattbook.conclusions import invoice_of
from wattbook.database import DatabaseError, open_database, reading, writing
from wattbook.documents import run_invoices
from wattbook.importing import import_files
from wattbook.migrating import HEAD, NotMade, SchemaUnknown, State, make_ready, schema_of, upgrade
from wattbook.settings import Settings, read_settings
from wattbook.wiring import App, create_app, create_tables, open_app

DATA = Path(__file__).parent / "data"
OLD = DATA / "schema" / "home-0.1.0"
RECORDED = json.loads((OLD / "recorded.json").read_text())
LATER = DATA / "ocpp" / "ocpp201-session.ndjson"  # what the home has not seen yet

Dump = dict[str, list[str]]


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    """The settings of a home as 0.1.0 left it."""
    (tmp_path / "wattbook.db").write_bytes(gzip.decompress((OLD / "wattbook.db.gz").read_bytes()))
    shutil.copy(OLD / "vault.json", tmp_path)
    return read_settings(home=tmp_path)


@pytest.fixture
def engine(old: Settings) -> Iterator[Engine]:
    """Its database, not upgraded."""
    yield from opened(old.database_path)


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Engine]:
    """A database that today's program made."""
    for engine in opened(tmp_path / "new.db"):
        make_ready(engine, create_tables)
        yield engine


def opened(path: Path) -> Iterator[Engine]:
    engine = open_database(path, create=True)
    yield engine
    engine.dispose()


def dump(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


def rows(path: Path) -> Dump:
    """Every table's rows, as text, in order of their keys."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"'))) for name in tables}


def schema(engine: Engine) -> dict[tuple[str, str], str]:
    """Every table, index and trigger, by the statement that made it, but for how it was spaced."""
    with reading(engine) as connection:
        found = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").all()
    return {(kind, name): "".join(sql.split()) for kind, name, sql in found}


def said(app: App) -> dict[str, object]:
    """What an auditor gets to hear about a home, as it was recorded of 0.1.0."""
    with app.reading() as store:
        heads = {stream.value: store.log.verify(stream) for stream in Stream}
        books, found = store.ledger.head(), digests(store)
    again = replay(app)
    assert again.difference is None
    return {
        "digests": {kind: found[kind] for kind in found if kind not in ("Event", "State")},  # 0.1.0 had none of these
        "heads": {name: [head.records, head.position, head.link.hex()] for name, head in heads.items()},
        "ledger": [books.number, books.link.hex()],
        "replay": {name: getattr(again, name) for name in ("inputs", "events", "conclusions", "entries", "digest")},
    }


# ── the way and the goal ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_program_knows_every_revision_and_the_last_is_its_own() -> None:
    scripts = ScriptDirectory(str(migrating._MIGRATIONS))
    assert [script.revision for script in scripts.walk_revisions()] == [HEAD, *reversed(migrating.EARLIER)]


def test_an_upgraded_home_and_a_new_one_have_the_same_tables_indexes_and_triggers(engine: Engine, new: Engine) -> None:
    upgrade(engine)
    assert schema(engine) == schema(new)


def test_the_way_from_nothing_through_all_revisions_leads_to_the_same(tmp_path: Path, new: Engine) -> None:
    for engine in opened(tmp_path / "way.db"):
        with writing(engine) as connection:
            migrating._migrate(connection, HEAD)
        assert schema(engine) == schema(new)
        assert rows(tmp_path / "way.db") == rows(tmp_path / "new.db")


def test_alembic_reads_the_version_that_was_written_by_hand(new: Engine) -> None:
    with reading(new) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": migrating.VERSION_TABLE})
        assert context.get_current_revision() == HEAD


# ── a home of 0.1.0 ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_opening_an_old_home_upgrades_it_and_says_so(old: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    open_app(old).close()
    for engine in opened(old.database_path):
        assert schema_of(engine) == (State.CURRENT, HEAD, "")
    copy = old.home / f"wattbook-before-{HEAD}.db"
    assert capsys.readouterr().err.splitlines() == [
        f"wattbook: upgrading {old.database_path}; it is copied to {copy} first",
        f"wattbook: {old.database_path} is upgraded from schema 0001 to {HEAD}",
    ]


def test_an_upgraded_home_says_to_an_auditor_what_it_said_before(old: Settings) -> None:
    app = open_app(old)
    assert said(app) == RECORDED["before"]
    app.close()


def test_the_invoices_of_an_upgraded_home_are_the_same_bytes(old: Settings) -> None:
    app = open_app(old)
    with app.reading() as store:
        invoices = [invoice_of(store, row) for row in store.states.documents()]
    found = {f"{invoice.number}.json": invoice_json(invoice, app.vault.open(invoice.buyer)) for invoice in invoices}
    assert found == {path.name: path.read_bytes() for path in (OLD / "invoices").iterdir()}
    app.close()


def test_an_upgraded_home_goes_on_as_it_would_have_gone_on(old: Settings) -> None:
    app = open_app(old)
    import_files(app.runtime, [LATER], old.batch_size)
    at = datetime(2026, 12, 1, 8, tzinfo=UTC)
    run_invoices(app, "2026-11", at.date(), at)
    assert said(app) == RECORDED["after"]
    app.close()


def test_no_row_of_the_log_the_books_and_the_documents_is_another_after_an_upgrade(engine: Engine, old: Settings) -> None:
    before = rows(old.database_path)
    upgrade(engine)
    after = rows(old.database_path)
    changed = {table for table in {*before, *after} if before.get(table) != after.get(table)}
    assert changed == {"position", "session", "log_schema", migrating.VERSION_TABLE, "access_token", "told_answer"}
    assert len(after["session"]) == len(before["session"]) > 0


def test_0_1_0_refuses_a_home_once_it_is_upgraded(engine: Engine, new: Engine) -> None:
    """It goes on where this is 1, and says "use a newer wattbook" where it is more."""
    upgrade(engine)
    for each in (engine, new):
        with reading(each) as connection:
            assert connection.exec_driver_sql("SELECT version FROM log_schema").scalars().all() == [2]


@pytest.mark.parametrize("table", ["log_raw", "log_head", "entry", "posting", "balance", "invoiced"])
def test_what_is_evidence_cannot_be_deleted_after_an_upgrade(engine: Engine, table: str) -> None:
    upgrade(engine)
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.exec_driver_sql(f"DELETE FROM {table}")


def test_a_second_upgrade_changes_nothing_and_copies_nothing(engine: Engine, old: Settings) -> None:
    first = upgrade(engine)
    assert first.copy is not None
    first.copy.unlink()
    before = dump(old.database_path)
    assert upgrade(engine) == (HEAD, HEAD, None)
    make_ready(engine, create_tables)
    assert dump(old.database_path) == before
    assert not first.copy.exists()


def test_of_two_that_open_an_old_home_at_once_one_upgrades_it(old: Settings) -> None:
    ready, told, failed = threading.Barrier(2, timeout=30), [], []

    def open_it() -> None:
        for engine in opened(old.database_path):
            try:
                ready.wait()
                make_ready(engine, None, told.append)
            except DatabaseError as error:
                failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [line.split()[0] for line in told] == ["upgrading", str(old.database_path)]


# ── before an upgrade, and when it fails ────────────────────────────────────────────────────────────────────────────────


def test_the_copy_is_the_home_as_it_was_and_as_private(engine: Engine, old: Settings) -> None:
    old.database_path.chmod(0o600)
    before = dump(old.database_path)
    copy = upgrade(engine).copy
    assert copy is not None
    assert dump(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    for again in opened(copy):
        assert schema_of(again) == (State.OLDER, "0001", "")


def test_without_a_copy_there_is_no_upgrade(engine: Engine, old: Settings) -> None:
    before = dump(old.database_path)
    copy = old.home / f"wattbook-before-{HEAD}.db"
    copy.mkdir()
    with pytest.raises(DatabaseError, match="Nothing was changed; make room there"):
        upgrade(engine)
    assert dump(old.database_path) == before
    assert [path.name for path in old.home.glob("*.part*")] == []


def test_an_upgrade_that_fails_at_any_statement_leaves_the_old_home(engine: Engine, old: Settings) -> None:
    before = dump(old.database_path)
    remaining = 0

    @event.listens_for(engine, "before_cursor_execute")
    def fail(*_: object) -> None:
        nonlocal remaining
        remaining -= 1
        if remaining == 0:
            raise InterruptedError

    for statements in range(1, 200):
        remaining = statements
        try:
            upgrade(engine)
        except InterruptedError:
            assert dump(old.database_path) == before
        else:
            break
    remaining = 0
    assert statements > 15
    assert schema_of(engine).state is State.CURRENT


_KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from wattbook.database import open_database
from wattbook.migrating import upgrade

engine = open_database(Path(sys.argv[1]), create=False)

@event.listens_for(engine, "after_cursor_execute")
def kill(connection, cursor, statement, *_):
    if statement.startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

upgrade(engine)
"""


@pytest.mark.parametrize("statement", ["DROP TABLE session_0001", "UPDATE wattbook_schema"])
def test_a_process_that_is_killed_while_it_upgrades_leaves_the_old_home(old: Settings, statement: str) -> None:
    before = dump(old.database_path)
    done = subprocess.run([sys.executable, "-c", _KILLED, str(old.database_path), statement], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    for engine in opened(old.database_path):
        assert dump(old.database_path) == before
        upgrade(engine)
    app = open_app(old)
    assert said(app) == RECORDED["before"]
    app.close()


# ── what is not upgraded ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_database_is_made_only_where_that_is_wanted(tmp_path: Path) -> None:
    for engine in opened(tmp_path / "empty.db"):
        with pytest.raises(NotMade, match=r"holds no tables yet; run: wattbook init$"):
            make_ready(engine, None)
        assert schema_of(engine).state is State.EMPTY


def test_a_newer_database_is_refused(new: Engine) -> None:
    with writing(new) as connection:
        connection.exec_driver_sql("UPDATE wattbook_schema SET version_num = '0099'")
    with pytest.raises(SchemaUnknown, match=f"a newer wattbook made the tables of .*: schema 0099, this program knows {HEAD}"):
        make_ready(new, create_tables)
    with pytest.raises(SchemaUnknown, match="a newer wattbook"):
        upgrade(new)


@pytest.mark.parametrize(
    ("versions", "told"),
    [(["ae1027a6acf"], "ae1027a6acf"), (["0001", HEAD], f"0001, {HEAD}"), ([], "none"), (["0000"], "0000")],
)
def test_a_database_with_an_unknown_version_is_refused(new: Engine, versions: list[str], told: str) -> None:
    with writing(new) as connection:
        connection.exec_driver_sql("DELETE FROM wattbook_schema")
        for version in versions:
            connection.exec_driver_sql("INSERT INTO wattbook_schema VALUES (?)", (version,))
    with pytest.raises(SchemaUnknown, match=rf"left as it is: no wattbook knows the version .* \({told}\)"):
        make_ready(new, create_tables)


def test_a_database_of_0_1_0_whose_evidence_lost_its_guard_is_refused(engine: Engine, old: Settings) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP TRIGGER log_raw_refuses_update")
    before = dump(old.database_path)
    with pytest.raises(SchemaUnknown, match=r"trigger log_raw_refuses_update is not as wattbook 0.1.0 made it"):
        make_ready(engine, create_tables)
    assert dump(old.database_path) == before


def test_tables_of_another_program_are_refused(tmp_path: Path) -> None:
    for engine in opened(tmp_path / "other.db"):
        with writing(engine) as connection:
            connection.exec_driver_sql("CREATE TABLE session (id)")
        with pytest.raises(SchemaUnknown, match=r"table log_schema is not as wattbook 0.1.0 made it"):
            make_ready(engine, create_tables)


def test_what_a_person_added_beside_the_tables_of_0_1_0_stays(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE note (text)")
    upgrade(engine)
    assert ("table", "note") in schema(engine)


# ── the command, and what opening costs ─────────────────────────────────────────────────────────────────────────────────


_OPENED = """
import sys
from pathlib import Path
from wattbook.settings import read_settings
from wattbook.wiring import open_app

open_app(read_settings(home=Path(sys.argv[1]))).close()
sys.exit("alembic" in sys.modules)
"""


def test_a_home_whose_tables_are_todays_is_opened_without_alembic(tmp_path: Path) -> None:
    create_app(read_settings(home=tmp_path)).close()
    subprocess.run([sys.executable, "-c", _OPENED, str(tmp_path)], check=True)


def test_the_command_shows_the_version_and_upgrades_once(old: Settings) -> None:
    def run(*arguments: str) -> tuple[int, dict[str, object]]:
        done = CliRunner().invoke(cli, ["--home", str(old.home), "database", *arguments, "--json"])
        return done.exit_code, json.loads(done.stdout)

    name, copy = str(old.database_path), str(old.home / f"wattbook-before-{HEAD}.db")
    ended, status = run("status")
    assert (ended, status["state"], status["schema"], status["program"]) == (1, "older", "0001", HEAD)
    assert (
        status["verdict"] == f"the tables of {name} have schema 0001, this program needs {HEAD}; run: wattbook database upgrade"
    )
    assert run("upgrade") == (0, {"before": "0001", "after": HEAD, "copy": copy})
    assert run("upgrade") == (0, {"before": HEAD, "after": HEAD, "copy": None})
    ended, status = run("status")
    assert (ended, status["state"], status["schema"], status["database"]) == (0, "current", HEAD, name)
