"""What an auditor may try: change the database past wattbook, and see whether it is refused, or told by the replay."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streams.embedded_runtime import EmbeddedRuntime, Input
from streams.log import INPUTS, Record, Stored, Stream
from streams.proven import PositionChanged
from streams.states import AlreadyInvoiced, IndexChanged
from tests.first_light.homes import CAPTURES, DATA, ISSUED_AT, MONTH, imported
from vocabulary.charging import RawMessage
from vocabulary.identity import Position, StationId
from vocabulary.sessions import Finding
from wattbook.audit import Difference, replay
from wattbook.cli import cli
from wattbook.conclusions import dossier, invoice_of
from wattbook.database import writing
from wattbook.documents import run_invoices
from wattbook.failures import OUTSIDE_FAILURES
from wattbook.importing import import_files
from wattbook.settings import read_settings
from wattbook.wiring import VERBS, App, create_app, runtime_over

LATER = ISSUED_AT.replace(hour=9)
Change = Callable[..., None]


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A home with one invoice over six sessions."""
    app = imported(tmp_path / "home", CAPTURES, batch=7)
    assert len(run_invoices(app, MONTH, ISSUED_AT.date(), ISSUED_AT)) == 1
    return app


@pytest.fixture
def change(app: App) -> Change:
    """Run SQL past wattbook, after taking the triggers of some tables away."""

    return partial(run_past, app)


def run_past(app: App, *statements: str, without_triggers_of: str = "") -> None:
    with sqlite3.connect(app.settings.database_path) as database:
        triggers = database.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?", (without_triggers_of,)
        )
        for (name,) in triggers.fetchall():
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert database.execute(statement).rowcount, f"nothing was changed by {statement}"
    database.close()


def found(app: App) -> Difference:
    difference = replay(app).difference
    assert difference is not None
    return difference


def content(app: App) -> list[str]:
    database = sqlite3.connect(app.settings.database_path)
    lines = list(database.iterdump())
    database.close()
    return lines


def test_what_was_not_changed_replays_identically(app: App) -> None:
    result = replay(app)
    assert result.difference is None
    assert result.inputs > result.conclusions > result.entries > 0


def test_inputs_that_wait_and_messages_in_quarantine_are_told_beside_the_verdict(app: App) -> None:
    """Nothing follows from either, so "identical" says nothing of them."""
    name = StationId("CP16-01")
    app.runtime = EmbeddedRuntime(app.writing, VERBS._replace(decode=_fails_on_odd))
    app.runtime.append([Input(Stream.RAW, name, RawMessage(station=name, frame="odd", received_at=LATER))])
    app.runtime.pump()
    app.runtime.append([Input(Stream.RAW, name, RawMessage(station=name, frame=f"[{n}]", received_at=LATER)) for n in range(2)])
    told = CliRunner().invoke(cli, ["--home", str(app.settings.home), "audit", "replay"]).output.splitlines()
    assert told[-2:] == [
        "put aside  1 message in quarantine, from which nothing follows (docs/errors.md)",
        "not yet    2 inputs after these: not processed, and so not replayed",
    ]


def _fails_on_odd(message: RawMessage, *given: Any) -> Any:
    if message.frame == "odd":
        raise ArithmeticError
    return VERBS.decode(message, *given)


# Nothing is billed twice


def test_a_session_that_stands_on_an_invoice_is_not_billed_again(app: App, change: Change) -> None:
    """The run fails, says which session stands on which invoice and what to do, and leaves no trace."""
    change("UPDATE session SET progress = 'rated', invoice = NULL")
    before = content(app)
    with pytest.raises(AlreadyInvoiced) as refused:
        run_invoices(app, MONTH, LATER.date(), LATER)
    assert content(app) == before
    stands = refused.value.stands
    assert f"session {stands.session} stands on invoice {stands.number} already" in str(refused.value)
    assert "`wattbook audit replay`" in str(refused.value)
    assert isinstance(refused.value, OUTSIDE_FAILURES), "the command line tells it as a sentence"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM invoiced",
        "UPDATE invoiced SET number = 'X'",
        "UPDATE invoiced SET session = session || 'x'",
    ],
)
def test_a_mark_that_a_session_is_invoiced_is_never_changed_or_removed(change: Change, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="a session stays on its invoice"):
        change(statement)


# What follows from the inputs is compared


@pytest.mark.parametrize(
    ("what", "statement"),
    [
        ("session index", "UPDATE session SET progress = 'rated', invoice = NULL"),
        ("session index", "UPDATE session SET ended_on = 'no date' WHERE session = (SELECT min(session) FROM session)"),
        ("session index", "DELETE FROM session WHERE session = (SELECT min(session) FROM session)"),
        ("document index", "UPDATE document SET total = '1.00'"),
        ("document index", "DELETE FROM document"),
        ("invoiced", "DELETE FROM invoiced WHERE session = (SELECT min(session) FROM invoiced)"),
        ("invoiced", "UPDATE invoiced SET number = 'X'"),
        ("state", "UPDATE state SET body = '0' WHERE key GLOB 'counter:invoice*'"),
        ("state", "INSERT INTO state VALUES ('counter:invoice', x'ff')"),
        ("state", "INSERT INTO state VALUES ('counter:invoice', x'c70105ff')"),
        ("state", "INSERT INTO state VALUES ('counter:invoice', x'a2ffff')"),
    ],
)
def test_a_changed_index_or_state_is_told(app: App, change: Change, what: str, statement: str) -> None:
    change(statement, without_triggers_of="invoiced")
    difference = found(app)
    assert (difference.what, difference.position, difference.input) == (what, 1, 0)
    assert difference.stored != difference.replayed


def test_the_state_of_a_station_is_told_readably(app: App, change: Change) -> None:
    """Counted in order of key: the number of the last invoice comes first, then the sessions, then the stations."""
    change("DELETE FROM state WHERE key = (SELECT max(key) FROM state WHERE key GLOB 'station:*')")
    difference = found(app)
    assert difference.what == "state"
    assert difference.stored is None
    assert difference.replayed is not None
    assert difference.replayed.startswith("station:")
    assert '{"type":' in difference.replayed


def test_what_the_desk_counts_does_not_follow_from_inputs(app: App, change: Change) -> None:
    change("INSERT INTO state VALUES ('counter:transaction', '7'), ('transaction-id:x', '7')")
    assert replay(app).difference is None


@pytest.mark.parametrize("stream", [Stream.EVENTS, Stream.CONCLUSIONS])
@pytest.mark.parametrize(
    "change_to", ["key = 'another'", "id = zeroblob(32)", "body = CAST(body || ' ' AS BLOB)", "cause = cause - 1"]
)
def test_a_record_that_follows_is_compared_with_its_identity_and_key(
    app: App, change: Change, stream: Stream, change_to: str
) -> None:
    """Whoever makes the links anew leaves no broken chain."""
    change(f"UPDATE log_{stream} SET {change_to}", without_triggers_of=f"log_{stream}")
    difference = found(app)
    assert (difference.what, difference.position) == (stream, 1)
    assert difference.stored != difference.replayed or change_to.startswith("cause")


# A row of an index points at its own conclusions


def misled(column: str, condition: str = "TRUE") -> str:
    """One session's row points where another one's does."""
    return (
        f"WITH one AS (SELECT session FROM session WHERE {column} IS NOT NULL AND {condition} LIMIT 1) "
        f"UPDATE session SET {column} = (SELECT max({column}) FROM session WHERE session NOT IN one) WHERE session IN one"
    )


@pytest.mark.parametrize("column", ["closed_at", "checked_at", "rated_at"])
def test_a_row_that_points_at_the_conclusion_of_another_session_is_told(app: App, change: Change, column: str) -> None:
    """Both are named: what is billed by the row, and what should be."""
    change(misled(column))
    difference = found(app)
    assert difference.what == "session index"
    stored, replayed = (_standing(side, column) for side in (difference.stored, difference.replayed))
    assert stored != replayed
    assert stored.split(" of ")[0] == replayed.split(" of ")[0], "the same kind, of another session"


def _standing(side: str | None, column: str) -> str:
    """What stands where a row points, as a difference shows it."""
    assert side is not None
    told = re.search(rf'"{column}":"(\w+ \w+ of \w+), \w+"', side)
    assert told is not None, side
    return told[1]


@pytest.mark.parametrize(
    ("what", "statement"),
    [
        ("session index", "UPDATE session SET closed_at = rated_at"),
        ("session index", "UPDATE session SET checked_at = NULL"),
        ("session index", "UPDATE session SET rated_at = -1"),
        ("session index", "UPDATE session SET rated_at = 'text'"),
        ("session index", "UPDATE session SET rated_at = 9223372036854775807"),
        ("session index", "UPDATE session SET rated_at = (SELECT min(position) FROM log_raw)"),
        ("session index", "UPDATE session SET lane = 1"),
        ("document index", "UPDATE document SET issued_at = 1"),
        ("document index", "UPDATE document SET issued_at = (SELECT min(position) FROM log_conclusions)"),
    ],
)
def test_a_row_that_points_elsewhere_is_told(app: App, change: Change, what: str, statement: str) -> None:
    change(statement)
    assert found(app).what == what


def test_a_row_that_points_at_another_conclusion_is_told_of_a_home_on_postgresql_too(tmp_path: Path, database: str) -> None:
    """Positions there are multiples of 4096, and in the replay they are not."""
    shutil.copytree(DATA / "reference", tmp_path / "reference")
    app = create_app(read_settings(home=tmp_path, database=database))
    app.publish_reference()
    import_files(app.runtime, CAPTURES, 500)
    run_invoices(app, MONTH, ISSUED_AT.date(), ISSUED_AT)
    assert replay(app).difference is None
    with writing(app.engine) as connection:
        connection.exec_driver_sql(misled("rated_at").replace("IN one", "IN (SELECT session FROM one)"))
    difference = found(app)
    app.close()
    assert difference.what == "session index"
    assert _standing(difference.stored, "rated_at") != _standing(difference.replayed, "rated_at")


@pytest.mark.parametrize("column", ["checked_at", "rated_at"])
def test_nothing_is_billed_by_the_conclusion_of_another_session(tmp_path: Path, column: str) -> None:
    app = imported(tmp_path / "home", CAPTURES)
    run_past(app, misled(column))
    before = content(app)
    with pytest.raises(
        IndexChanged, match=rf"`{column}` of \w+, and there stands a \w+ of \w+: .* `wattbook audit replay`"
    ) as told:
        run_invoices(app, MONTH, ISSUED_AT.date(), ISSUED_AT)
    assert content(app) == before
    assert isinstance(told.value, OUTSIDE_FAILURES), "the command line tells it as a sentence"


def test_nothing_is_concluded_again_from_another_session(tmp_path: Path) -> None:
    """What waits for reference data is rated from where the row says that it was closed."""
    known = (DATA / "reference" / "reference.yaml").read_text()
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "reference.yaml").write_text(known.replace("UNDEFINED, ", ""))
    app = imported(tmp_path / "home", CAPTURES, reference=tmp_path / "reference")
    run_past(app, misled("closed_at", f"finding = '{Finding.TOKEN_UNKNOWN}'"))
    (app.settings.reference_path / "reference.yaml").write_text(known)
    with pytest.raises(IndexChanged, match="`closed_at`"):
        app.publish_reference()


def test_nothing_is_shown_by_the_conclusion_of_another_session(app: App, change: Change) -> None:
    change(misled("rated_at"), "UPDATE document SET issued_at = (SELECT min(position) FROM log_conclusions)")
    with app.reading() as store:
        rows = {row.session: row for row in store.states.find("")}
        with pytest.raises(IndexChanged, match="`rated_at`"):
            [dossier(store, row) for row in rows.values()]
        with pytest.raises(IndexChanged, match=r"`issued_at` of .*, and there stands a "):
            invoice_of(store, store.states.documents()[0])


# The inputs are whole


@pytest.mark.parametrize("stream", INPUTS)
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log_{} WHERE position = (SELECT max(position) FROM log_{})",
        "UPDATE log_{} SET cause = 1 WHERE position = (SELECT max(position) FROM log_{})",
        "UPDATE log_{} SET body = CAST(body || ' ' AS BLOB) WHERE position = (SELECT max(position) FROM log_{})",
    ],
)
def test_a_changed_input_is_told_as_a_broken_chain(app: App, change: Change, stream: Stream, statement: str) -> None:
    with app.reading() as store:
        last = max(r.position for r in store.log.read((stream,), Position(0), 10_000))
    change(statement.format(stream, stream), without_triggers_of=f"log_{stream}")
    difference = found(app)
    assert (difference.what, difference.position) == (f"chain of {stream}", last)
    assert difference.stored != difference.replayed


@pytest.mark.parametrize(
    ("moved_to", "why"),
    [
        ("0", "events 1 follows from input"),
        ("(SELECT min(position) FROM log_raw)", "follows from input"),
        ("(SELECT max(position) FROM log_conclusions)", "there is no input"),
        ("position + 1000", "there is no input"),
    ],
)
def test_a_moved_position_is_told_as_such(app: App, change: Change, moved_to: str, why: str) -> None:
    change(f"UPDATE position SET position = {moved_to}")
    difference = found(app)
    assert difference.what == "position"
    assert difference.stored == f"inputs are processed up to {difference.position}"
    assert why in (difference.replayed or "")


def test_a_position_that_was_moved_before_a_command_from_which_nothing_followed_is_told(app: App, change: Change) -> None:
    """The run would be carried out again, and bill under its old date what was rated since."""
    last = max(stored.position for stored in commands(app))
    run_invoices(app, MONTH, LATER.date(), LATER)
    command = max(stored.position for stored in commands(app))
    change(f"UPDATE position SET position = {last}")
    difference = found(app)
    assert (difference.what, difference.position, difference.input) == ("position", last, command)
    assert difference.replayed == f"input {command} is a command, which is carried out as it is written"
    with pytest.raises(PositionChanged, match=f"but command {command} was carried out"):
        runtime_over(app.engine, 100).pump()


def commands(app: App) -> list[Stored]:
    with app.reading() as store:
        return store.log.read((Stream.COMMANDS,), Position(0), 100)


def test_inputs_that_wait_to_be_processed_are_no_difference(app: App) -> None:
    with app.writing() as unit:
        unit.log.append(Stream.RAW, [Record(bytes(32), "CP16-01", b"{}")])
    assert replay(app).difference is None
