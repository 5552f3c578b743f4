"""What an auditor may try: change the database past wattbook, and see whether it is refused, or told by the replay."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.log import INPUTS, Record, Stream
from streams.states import AlreadyInvoiced
from tests.first_light.homes import CAPTURES, ISSUED_AT, MONTH, imported
from vocabulary.identity import Position
from wattbook.audit import Difference, replay
from wattbook.cli import OUTSIDE_FAILURES
from wattbook.documents import run_invoices
from wattbook.wiring import App

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

    def run(*statements: str, without_triggers_of: str = "") -> None:
        with sqlite3.connect(app.settings.database_path) as database:
            triggers = database.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?", (without_triggers_of,)
            )
            for (name,) in triggers.fetchall():
                database.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                assert database.execute(statement).rowcount, f"nothing was changed by {statement}"
        database.close()

    return run


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


def test_where_positions_stand_and_what_the_desk_counts_do_not_follow_from_inputs(app: App, change: Change) -> None:
    change(
        "UPDATE session SET closed_at = closed_at + 1, checked_at = 1, rated_at = NULL",
        "UPDATE document SET issued_at = 1",
        "INSERT INTO state VALUES ('counter:transaction', '7'), ('transaction-id:x', '7')",
    )
    assert replay(app).difference is None


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


def test_inputs_that_wait_to_be_processed_are_no_difference(app: App) -> None:
    with app.writing() as unit:
        unit.log.append(Stream.RAW, [Record(bytes(32), "CP16-01", b"{}")])
    assert replay(app).difference is None
