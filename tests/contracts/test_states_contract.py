"""What every store of the states promises (streams/states.py), run on each of them: SQLite and PostgreSQL.

On PostgreSQL the tests share one database, each in a transaction that is rolled back; those with two transactions at a time
have one of their own.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from streams import sql_states
from streams.places import OFFICE, Lane
from streams.postgres_parts import escaped, unescaped
from streams.sql_states import SqlStates
from streams.state_tables import METADATA
from streams.states import AlreadyInvoiced, DocumentRow, Invoiced, PositionMoved, SessionRow
from tests.streams.notation import DAY, STATION
from vocabulary.billing import ContractRange
from vocabulary.identity import ContractId, InvoiceNumber, PartnerId, Position, SessionId, StationId
from vocabulary.sessions import Finding, Progress, Quality
from wattbook.database import open_database, reading, writing
from wattbook.dev_postgres import PostgresServer

FULL = SessionRow(
    session=SessionId("s1"),
    station=STATION,
    progress=Progress.HELD,
    finding=Finding.SIGNATURE_FAILED,
    transaction="T%1_",
    evse=2,
    start=DAY,
    end=DAY + timedelta(hours=1, microseconds=250_000),
    ended_on=date(2026, 10, 5),
    energy_wh=Decimal("7550.50"),
    contract=ContractId("C1"),
    partner=PartnerId("NL*EMS"),
    total=Decimal("2.70"),
    currency="EUR",
    invoice="AB-1",
    closed_at=Position(1),
    checked_at=Position(2),
    rated_at=Position(2**52 + 3),
    quality=Quality.DISPUTED,
    revision=2,
    heard_at=DAY + timedelta(days=2),
)
HOSTILE = [
    "a",
    "",
    "\0",
    "\1",
    "\2",
    "\0\0",
    "\0\1",
    "\1\0",
    "\1\1",
    "\1\2",
    "\1\2\1",
    "a\0",
    "a\0b",
    "a\1b",
    "a\2b",
    "A",
    "Z",
    "ä",
    "é",
]
HOSTILE += [
    "\ud7ff",
    "\ue000",
    "\uffff",
    "\U0001f697",
    "\U0010ffff",
    "b",
    "a b",
    "a-b",
    "'; DROP TABLE session; --",
    "%s",
    "{}",
    "\\x00",
]
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class Store:
    """An empty store in a transaction, and how to see it as the owner of a lane."""

    connection: Connection

    def of(self, lane: int) -> SqlStates:
        return SqlStates(self.connection, Lane(lane))


@pytest.fixture(scope="module")
def postgres_states(postgres: PostgresServer) -> Iterator[Engine]:
    url = postgres.new_database()
    engine = with_tables(open_database(url, create=False))
    yield engine
    engine.dispose()
    postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "postgres":
        with request.getfixturevalue("postgres_states").connect() as connection:
            yield Store(connection)
            connection.rollback()
    else:
        engine = with_tables(open_database(tmp_path / "states.db", create=True))
        with writing(engine) as connection:
            yield Store(connection)
        engine.dispose()


@pytest.fixture
def states(store: Store) -> SqlStates:
    return store.of(OFFICE)


@pytest.fixture
def shared(database: str) -> Iterator[Engine]:
    """A PostgreSQL database for several transactions at a time."""
    engine = with_tables(open_database(database, create=False))
    yield engine
    engine.dispose()


def with_tables(engine: Engine) -> Engine:
    with writing(engine) as connection:
        METADATA.create_all(connection)
    return engine


def row(session: str, **more: object) -> SessionRow:
    return SessionRow(SessionId(session), STATION, Progress.OPEN)._replace(**more)  # type: ignore[arg-type]


def rated(session: str, **more: object) -> SessionRow:
    known = {"progress": Progress.RATED, "contract": ContractId("C1"), "ended_on": date(2026, 10, 31), "start": DAY}
    return row(session, **known | more)


def names(rows: Iterable[SessionRow]) -> list[str]:
    return [found.session for found in rows]


# States


def test_a_state_is_read_as_it_was_saved_last(states: SqlStates) -> None:
    states.save({"a": b"1", "b": b"\x00"})
    states.save({"a": b"2"})
    states.save({})
    assert states.load(["a", "b", "c"]) == {"a": b"2", "b": b"\x00"}
    assert states.load([]) == {}


def test_any_number_of_keys_of_any_size_is_saved_and_loaded_at_once(states: SqlStates) -> None:
    many = {f"k{n}": bytes([n % 256]) * (n * 7 % 9_000) for n in range(1201)}
    states.save(many)
    assert states.load(list(many)) == many


def test_keys_of_any_characters_are_told_apart(states: SqlStates) -> None:
    saved = {text: b"%d" % number for number, text in enumerate(HOSTILE)}
    states.save(saved)
    assert states.load(HOSTILE) == saved


# Positions


def test_a_position_begins_at_zero_and_moves_by_compare_and_set(states: SqlStates) -> None:
    assert states.position("steps") == 0
    states.move("steps", Position(0), Position(7))
    states.move("steps", Position(7), Position(2**60))
    assert (states.position("steps"), states.position("other")) == (2**60, 0)


@pytest.mark.parametrize("expected", [0, 6, 8])
def test_a_position_that_another_has_moved_is_not_moved(states: SqlStates, expected: int) -> None:
    states.move("steps", Position(0), Position(7))
    with pytest.raises(PositionMoved, match="steps: expected at"):
        states.move("steps", Position(expected), Position(9))
    assert states.position("steps") == 7


def test_every_lane_has_positions_of_its_own(store: Store) -> None:
    store.of(1).move("steps", Position(0), Position(4097))
    store.of(2).move("steps", Position(0), Position(4098))
    assert [store.of(lane).position("steps") for lane in (0, 1, 2)] == [0, 4097, 4098]


def test_the_positions_of_a_consumer_are_told_of_every_lane_in_which_it_has_begun(store: Store) -> None:
    store.of(2).move("steps", Position(0), Position(4098))
    store.of(1).move("steps", Position(0), Position(8193))
    store.of(3).move("other", Position(0), Position(1))
    assert store.of(OFFICE).held_positions("steps", [Lane(1), Lane(2), Lane(3)]) == {1: 8193, 2: 4098}


# Sessions


def test_a_row_is_read_as_it_was_written_digit_by_digit(states: SqlStates) -> None:
    states.put_rows([FULL, row("s2")])
    assert states.rows([SessionId("s1"), SessionId("s2"), SessionId("s3")]) == {"s1": FULL, "s2": row("s2")}
    assert str(states.rows([SessionId("s1")])[SessionId("s1")].energy_wh) == "7550.50"


def test_a_row_replaces_the_one_before(states: SqlStates) -> None:
    states.put_rows([FULL])
    states.put_rows([row("s1")])
    states.put_rows([])
    assert states.rows([SessionId("s1")]) == {"s1": row("s1")}


def test_of_two_rows_of_a_session_the_last_stays(states: SqlStates) -> None:
    states.put_rows([FULL, row("s1", evse=9)])
    assert states.rows([SessionId("s1")]) == {"s1": row("s1", evse=9)}


def test_any_number_of_rows_is_written_and_read_at_once(states: SqlStates) -> None:
    many = {SessionId(f"s{n}"): row(f"s{n}", evse=n, transaction=None if n % 2 else str(n)) for n in range(1201)}
    states.put_rows(many.values())
    assert states.rows([*many]) == many
    assert states.rows([]) == {}


def test_what_a_station_sends_as_text_is_kept_whatever_it_is(states: SqlStates) -> None:
    rows = {SessionId(f"s{n}"): row(f"s{n}", transaction=text, station=StationId(text)) for n, text in enumerate(HOSTILE)}
    states.put_rows(rows.values())
    assert states.rows([*rows]) == rows
    for text in HOSTILE:
        assert [found.transaction for found in states.running([StationId(text)])] == [text]


def test_rows_are_listed_in_order_of_code_points_in_every_database(states: SqlStates) -> None:
    states.put_rows([row(text) for text in HOSTILE])
    assert names(states.running([STATION])) == sorted(HOSTILE)


def test_what_waits_is_what_is_flagged_with_one_of_the_findings(states: SqlStates) -> None:
    flagged = {"progress": Progress.FLAGGED, "finding": Finding.TOKEN_UNKNOWN}
    states.put_rows(
        [row("c", **flagged), row("a", **flagged), row("b", progress=Progress.FLAGGED, finding=Finding.EVSE_UNKNOWN)]
    )
    states.put_rows([row("d", progress=Progress.HELD, finding=Finding.TOKEN_UNKNOWN)])
    assert names(states.waiting((Finding.TOKEN_UNKNOWN,))) == ["a", "c"]
    assert names(states.waiting((Finding.TOKEN_UNKNOWN, Finding.EVSE_UNKNOWN))) == ["a", "b", "c"]
    assert states.waiting(()) == []


def test_what_is_held_is_found_by_its_station_in_the_lane_that_asks(store: Store) -> None:
    held = {"progress": Progress.HELD, "finding": Finding.SIGNATURE_UNVERIFIABLE}
    elsewhere = row("elsewhere", **held, station=StationId("CP9"))
    store.of(1).put_rows([row("b", **held), row("a", **held), elsewhere, row("flagged", progress=Progress.FLAGGED)])
    store.of(2).put_rows([row("of another lane", **held)])
    assert names(store.of(1).held_at([STATION])) == ["a", "b"]
    assert names(store.of(1).held_at([STATION, StationId("CP9")])) == ["a", "b", "elsewhere"]
    assert store.of(1).held_at([]) == []


def test_a_session_waits_in_the_lane_that_wrote_it_first_whoever_writes_it_later(store: Store) -> None:
    flagged = {"progress": Progress.FLAGGED, "finding": Finding.TOKEN_UNKNOWN}
    store.of(1).put_rows([row("one", **flagged)])
    store.of(2).put_rows([row("two", **flagged)])
    store.of(OFFICE).put_rows([row("one", **flagged | {"evse": 1})])
    waiting = [names(store.of(lane).waiting((Finding.TOKEN_UNKNOWN,))) for lane in (0, 1, 2)]
    assert waiting == [[], ["one"], ["two"]]
    assert names(store.of(3).flagged()) == ["one", "two"]


def test_what_may_be_overdue_is_not_whole_and_was_not_heard_since_in_the_lane_that_asks(store: Store) -> None:
    then, later = DAY, DAY + timedelta(microseconds=1)
    ours = [
        row("open, heard then", progress=Progress.OPEN, heard_at=then),
        row("open, heard later", progress=Progress.OPEN, heard_at=later),
        row("ended, never under a tick", progress=Progress.ENDED),
        rated("rated, and heard again", heard_at=then),
        rated("rated"),
        row("flagged", progress=Progress.FLAGGED),
    ]
    store.of(1).put_rows(ours)
    store.of(2).put_rows([row("another lane's", progress=Progress.OPEN)])
    expected = ["ended, never under a tick", "open, heard then", "rated, and heard again"]
    assert names(store.of(1).overdue(then)) == expected


def test_a_session_is_here_only_in_its_own_lane(store: Store) -> None:
    store.of(1).put_rows([row("one")])
    assert [[*store.of(lane).here([SessionId("one")])] for lane in (0, 1, 2)] == [[], ["one"], []]
    assert [*store.of(1).here([SessionId("two"), SessionId("one")])] == ["one"]


def test_the_worklist_has_what_stands_on_an_invoice_that_would_be_another_one(store: Store) -> None:
    differs = {"progress": Progress.INVOICED, "finding": Finding.TRUTH_DIFFERS}
    store.of(1).put_rows([rated("invoiced", progress=Progress.INVOICED), rated("differs", **differs)])
    assert names(store.of(OFFICE).flagged()) == ["differs"]


def test_sessions_are_counted_by_progress_over_all_lanes(store: Store) -> None:
    store.of(1).put_rows([rated("a"), rated("b")])
    store.of(2).put_rows([rated("c", progress=Progress.HELD)])
    assert store.of(OFFICE).progresses() == {"rated": 2, "held": 1}


def test_billable_is_what_is_rated_for_a_contract_and_ended_by_that_day(store: Store) -> None:
    store.of(1).put_rows(
        [
            rated("later contract", contract=ContractId("C2")),
            rated("second", start=DAY + timedelta(microseconds=1)),
            rated("next month", ended_on=date(2026, 11, 1)),
            rated("a partner's", contract=None, partner=PartnerId("NL*EMS")),
            rated("held", progress=Progress.HELD),
            rated("invoiced", progress=Progress.INVOICED),
        ]
    )
    store.of(2).put_rows([rated("first")])
    assert names(store.of(OFFICE).billable(date(2026, 10, 31))) == ["first", "second", "later contract"]


def test_billable_is_in_order_of_contract_then_start_then_session_by_code_points(states: SqlStates) -> None:
    contracts, starts = ["Z", "a", "ä", "A\0", "A"], [DAY, DAY + timedelta(microseconds=1)]
    rows = [
        rated(f"{s}{c}{n}", contract=ContractId(c), start=start)
        for n, start in enumerate(starts)
        for c in contracts
        for s in "yäZ"
    ]
    states.put_rows(rows)
    assert states.billable(date(2026, 10, 31)) == sorted(rows, key=lambda r: (r.contract, r.start, r.session))


def test_billable_is_told_by_contract_and_given_for_a_range_of_them(states: SqlStates) -> None:
    states.put_rows([rated(f"{c}{n}", contract=ContractId(c)) for c in ("A", "A\0", "Z", "a", "ä") for n in range(len(c))])
    until = date(2026, 10, 31)
    assert states.billable_by_contract(until) == [("A", 1), ("A\0", 2), ("Z", 1), ("a", 1), ("ä", 1)]
    assert states.billable_by_contract(date(2026, 9, 30)) == []

    def given(**bounds: str) -> list[str]:
        contracts = ContractRange(**{name: ContractId(contract) for name, contract in bounds.items()})
        return names(states.billable(until, contracts))

    assert given() == names(states.billable(until)) == ["A0", "A\x000", "A\x001", "Z0", "a0", "ä0"]
    assert given(until="A") == ["A0"]
    assert given(after="A", until="a") == ["A\x000", "A\x001", "Z0", "a0"]
    assert given(after="a") == ["ä0"]


def test_so_many_of_the_newest_sessions_are_read_in_pages_and_all_are_counted(
    states: SqlStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_states, "_PAGE", 3)
    assert (names(states.newest()), states.count()) == ([], 0)
    began = datetime(2026, 11, 1, tzinfo=UTC)
    states.put_rows([row(f"s{n:02}", start=began + timedelta(minutes=n)) for n in range(10)])
    states.put_rows([row("no start")])
    newest = [f"s{n:02}" for n in reversed(range(10))]
    assert names(states.newest()) == [*newest, "no start"]
    assert (names(states.newest(4)), states.count(), states.count(only_flagged=True)) == (newest[:4], 11, 0)


def test_sessions_are_found_by_the_beginning_of_their_id_or_transaction(states: SqlStates) -> None:
    states.put_rows([FULL, row("s2", transaction="Tx1y"), row("T%1_")])
    assert set(names(states.find(""))) == {"s1", "s2", "T%1_"}
    assert set(names(states.find("s"))) == {"s1", "s2"}
    assert set(names(states.find("T%1_"))) == {"s1", "T%1_"}, "the signs of LIKE mean themselves"
    assert names(states.find("x")) == []


def test_sessions_are_found_in_capitals_or_not_newest_first(states: SqlStates) -> None:
    states.put_rows([row("abc", start=DAY), row("ABD", start=DAY + timedelta(days=1)), row("x", transaction="aBe"), row("y")])
    assert names(states.find("Ab")) == ["ABD", "abc", "x"]


@pytest.mark.parametrize(
    "prefix", ["\0", "\1", "a\0", "a\1", "\ud7ff", "\U0010ffff", "\U0010ffff\U0010ffff", "'", "%", "\\", "ä"]
)
def test_a_beginning_of_any_characters_finds_what_begins_so_and_nothing_else(states: SqlStates, prefix: str) -> None:
    near = [
        *HOSTILE,
        prefix,
        prefix + "x",
        prefix + "\0",
        prefix + "\U0010ffff",
        "x" + prefix,
        prefix[:-1] + "\2",
        prefix[:-1] + "\ue000",
    ]
    states.put_rows([row(f"-{number}", transaction=text) for number, text in enumerate(dict.fromkeys(near))])
    assert {found.transaction for found in states.find(prefix)} == {text for text in near if text.startswith(prefix)}


def test_running_flagged_and_ended_sessions_are_listed_over_all_lanes(store: Store) -> None:
    other, states = StationId("CP2"), store.of(OFFICE)
    store.of(1).put_rows([row("a"), row("b", station=other), row("c", progress=Progress.ENDED, start=DAY), FULL])
    store.of(2).put_rows([row("d", progress=Progress.FLAGGED, start=DAY + timedelta(hours=1))])
    store.of(2).put_rows([row("e", progress=Progress.FLAGGED)])
    assert names(states.running([STATION])) == ["a"]
    assert set(names(states.running([STATION, other]))) == {"a", "b"}
    assert states.running([]) == []
    assert names(states.flagged()) == ["e", "c", "s1", "d"], "in order of start; without one, first"
    assert (names(states.flagged(2)), states.count(only_flagged=True)) == (["e", "c"], 4)
    assert names(states.ended_in(date(2026, 10, 5), date(2026, 10, 5))) == ["s1"]
    assert names(states.ended_in(date(2026, 10, 6), date(2026, 10, 9))) == []


# Documents


def test_a_document_keeps_its_number_and_its_digits(states: SqlStates) -> None:
    first = DocumentRow("AB-1", ContractId("C1"), date(2026, 11, 2), "2026-10", "EUR", Decimal("10.00"), Position(7))
    second = first._replace(number="AB-2", total=Decimal("0.10"))
    states.put_documents([second, first])
    states.put_documents([])
    assert states.documents() == [first, second]
    assert states.documents("AB-2") == [second]
    assert str(states.documents("AB-2")[0].total) == "0.10"


def test_a_number_is_given_to_one_document(store: Store) -> None:
    first = DocumentRow("AB-1", ContractId("C1"), date(2026, 11, 2), "2026-10", "EUR", Decimal("10.00"), Position(7))
    store.of(OFFICE).put_documents([first])
    with pytest.raises(IntegrityError), store.connection.begin_nested():
        store.of(OFFICE).put_documents([first._replace(total=Decimal(1))])
    assert store.of(OFFICE).documents() == [first]


def invoiced(session: str, number: str) -> Invoiced:
    return Invoiced(SessionId(session), InvoiceNumber(number))


def test_a_session_stands_on_one_invoice_and_a_batch_in_which_one_stands_already_marks_none(store: Store) -> None:
    store.of(OFFICE).mark_invoiced([invoiced("a\0", "AB-1"), invoiced("b", "AB-1")])
    store.of(OFFICE).mark_invoiced([])
    with pytest.raises(AlreadyInvoiced, match="stands on invoice AB-1 already") as caught:
        store.of(1).mark_invoiced([invoiced("c", "AB-2"), invoiced("a\0", "AB-2")])
    assert caught.value.stands == invoiced("a\0", "AB-1")
    store.of(1).mark_invoiced([invoiced("c", "AB-3")])


@pytest.mark.parametrize("statement", ["UPDATE invoiced SET number = 'X'", "DELETE FROM invoiced"])
def test_the_database_itself_keeps_a_session_on_its_invoice(store: Store, statement: str) -> None:
    store.of(OFFICE).mark_invoiced([invoiced("a", "AB-1")])
    with pytest.raises(IntegrityError, match="a session stays on its invoice"), store.connection.begin_nested():
        store.connection.exec_driver_sql(statement)


def test_postgresql_refuses_to_empty_the_table_of_what_is_invoiced(shared: Engine) -> None:
    with pytest.raises(IntegrityError, match="a session stays on its invoice"), writing(shared) as connection:
        connection.exec_driver_sql("TRUNCATE invoiced")


# For audits


def test_the_indexes_are_given_as_they_are_stored_in_order_with_their_places_apart(store: Store) -> None:
    store.of(1).put_rows([row("z\0"), FULL, row("ä")])
    store.of(OFFICE).put_documents(
        [DocumentRow("AB-1", ContractId("C1"), date(2026, 11, 2), "2026-10", "EUR", Decimal("1.0"), Position(7))]
    )
    store.of(OFFICE).mark_invoiced([invoiced("s1", "AB-1")])
    found = {name: list(rows) for name, rows in store.of(OFFICE).indexes()}
    assert list(found) == ["session index", "document index", "invoiced"]
    assert [stored.said["session"] for stored in found["session index"]] == ["s1", "z\0", "ä"]
    assert found["session index"][0].said == {
        "session": "s1",
        "station": STATION,
        "progress": "held",
        "finding": "meter_signature_failed",
        "transaction": "T%1_",
        "evse": 2,
        "start": instant(FULL.start),
        "end": instant(FULL.end),
        "ended_on": "2026-10-05",
        "energy_wh": "7550.50",
        "contract": "C1",
        "partner": "NL*EMS",
        "total": "2.70",
        "currency": "EUR",
        "invoice": "AB-1",
        "quality": "disputed",
        "revision": 2,
        "heard_at": instant(FULL.heard_at),
    }
    document = {
        "number": "AB-1",
        "contract": "C1",
        "issued_on": "2026-11-02",
        "month": "2026-10",
        "currency": "EUR",
        "total": "1.0",
    }
    assert found["session index"][0].places == {
        "closed_at": FULL.closed_at,
        "checked_at": FULL.checked_at,
        "rated_at": FULL.rated_at,
        "lane": 1,
    }
    assert found["document index"] == [(document, {"issued_at": 7})]
    assert found["invoiced"] == [({"session": "s1", "number": "AB-1"}, {})]


def instant(at: datetime | None) -> str:
    assert at is not None
    return at.isoformat(timespec="microseconds")


def test_what_follows_from_inputs_are_states_and_invoice_counters_in_order_of_key(states: SqlStates) -> None:
    followed = ["session:b", "session:\0", "session:", "station:1", "counter:invoice:AB"]
    others = ["counter:transaction", "session", "stations", "station;", "Station:1", "desk:1", "session;", "counter:invoicd"]
    states.save({key: key.encode() for key in [*followed, *others]})
    assert list(states.following()) == [(key, key.encode()) for key in sorted(followed)]


# Text on PostgreSQL

TEXTS = st.text(st.sampled_from("\0\1\2\3aAä\ud7ff\U0010ffff"), max_size=6) | st.text(st.characters(exclude_categories=["Cs"]))


@PROPERTY
@given(one=TEXTS, other=TEXTS)
def test_the_escape_is_reversible_and_keeps_order_and_beginnings(one: str, other: str) -> None:
    assert unescaped(escaped(one)) == one
    assert "\0" not in escaped(one)
    assert (escaped(one) < escaped(other)) is (one < other)
    assert escaped(one).startswith(escaped(other)) is one.startswith(other)
    assert escaped(one + other) == escaped(one) + escaped(other)


# Several workers on PostgreSQL


def in_another_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def waits_for_a_lock(engine: Engine) -> None:
    """Returns when some transaction of this database waits for another."""
    for _ in range(3_000):
        with reading(engine) as connection:
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            if connection.exec_driver_sql(waiting).scalar():
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("take", ["rows", "billable"])
def test_what_is_given_for_a_change_is_held_until_the_transaction_ends(shared: Engine, take: str) -> None:
    """An invoice run takes what is billable; a worker that concludes something late about it goes on from what the run made."""
    with writing(shared) as connection:
        SqlStates(connection, Lane(1)).put_rows([rated("a"), rated("b")])
    seen: list[SessionRow] = []

    def worker() -> None:
        with writing(shared) as connection:
            states = SqlStates(connection, Lane(1))
            known = states.rows([SessionId("a")])[SessionId("a")]
            seen.append(known)
            states.put_rows([known._replace(checked_at=Position(9))])

    with writing(shared) as connection:
        run = SqlStates(connection)
        taken = (
            run.billable(date(2026, 10, 31))
            if take == "billable"
            else list(run.rows([SessionId("b"), SessionId("a")]).values())
        )
        thread = in_another_thread(worker)
        waits_for_a_lock(shared)
        run.put_rows([each._replace(progress=Progress.INVOICED, invoice="AB-1") for each in taken])
    thread.join()
    assert [(known.progress, known.invoice) for known in seen] == [(Progress.INVOICED, "AB-1")]
    with reading(shared) as connection:
        found = SqlStates(connection).rows([SessionId("a")])[SessionId("a")]
    assert (found.progress, found.invoice, found.checked_at) == (Progress.INVOICED, "AB-1", 9)


def test_who_only_reads_waits_for_nobody(shared: Engine) -> None:
    with writing(shared) as connection:
        SqlStates(connection).put_rows([rated("a")])
    with writing(shared) as connection:
        SqlStates(connection).put_rows([rated("a", progress=Progress.INVOICED)])
        with reading(shared) as reader:
            states = SqlStates(reader)
            assert names(states.billable(date(2026, 10, 31))) == names(list(states.rows([SessionId("a")]).values())) == ["a"]


def test_of_two_owners_of_a_position_the_second_is_fenced(shared: Engine) -> None:
    fenced: list[PositionMoved] = []

    def second() -> None:
        try:
            with writing(shared) as connection:
                SqlStates(connection).move("steps", Position(0), Position(2))
        except PositionMoved as error:
            fenced.append(error)

    with writing(shared) as connection:
        SqlStates(connection).move("steps", Position(0), Position(1))
        thread = in_another_thread(second)
        waits_for_a_lock(shared)
    thread.join()
    assert len(fenced) == 1
    with reading(shared) as connection:
        assert SqlStates(connection).position("steps") == 1
