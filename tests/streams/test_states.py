"""The states and the session index in a real SQLite file."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from streams.sql_states import METADATA, SqlStates
from streams.states import DocumentRow, SessionRow
from tests.streams.notation import DAY, STATION
from vocabulary.identity import ContractId, PartnerId, Position, SessionId, StationId
from vocabulary.sessions import Finding, Progress
from wattbook.database import open_database, writing

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
    rated_at=Position(3),
)


@pytest.fixture
def states(tmp_path: Path) -> Iterator[SqlStates]:
    engine = open_database(tmp_path / "states.db", create=True)
    with writing(engine) as connection:
        METADATA.create_all(connection)
        yield SqlStates(connection)
    engine.dispose()


def row(session: str, **more: object) -> SessionRow:
    return SessionRow(SessionId(session), STATION, Progress.OPEN)._replace(**more)  # type: ignore[arg-type]


def names(rows: list[SessionRow]) -> list[str]:
    return [found.session for found in rows]


def test_a_row_is_read_as_it_was_written_digit_by_digit(states: SqlStates) -> None:
    states.put_rows([FULL, row("s2")])
    assert states.rows([SessionId("s1"), SessionId("s2"), SessionId("s3")]) == {"s1": FULL, "s2": row("s2")}
    assert str(states.rows([SessionId("s1")])[SessionId("s1")].energy_wh) == "7550.50"


def test_a_row_replaces_the_one_before(states: SqlStates) -> None:
    states.put_rows([FULL])
    states.put_rows([row("s1")])
    assert states.rows([SessionId("s1")]) == {"s1": row("s1")}


def test_a_state_is_read_as_it_was_saved_last(states: SqlStates) -> None:
    states.save({"a": b"1", "b": b"\x00"})
    states.save({"a": b"2"})
    states.save({})
    assert states.load(["a", "b", "c"]) == {"a": b"2", "b": b"\x00"}
    assert states.load([]) == {}


def test_any_number_of_keys_is_loaded_at_once(states: SqlStates) -> None:
    many = {f"k{n}": b"%d" % n for n in range(1201)}
    states.save(many)
    assert states.load(list(many)) == many


def test_what_waits_is_what_is_flagged_with_one_of_the_findings(states: SqlStates) -> None:
    flagged = {"progress": Progress.FLAGGED, "finding": Finding.TOKEN_UNKNOWN}
    states.put_rows(
        [row("c", **flagged), row("a", **flagged), row("b", progress=Progress.FLAGGED, finding=Finding.EVSE_UNKNOWN)]
    )
    states.put_rows([row("d", progress=Progress.HELD, finding=Finding.TOKEN_UNKNOWN)])
    assert names(states.waiting((Finding.TOKEN_UNKNOWN,))) == ["a", "c"]
    assert names(states.waiting((Finding.TOKEN_UNKNOWN, Finding.EVSE_UNKNOWN))) == ["a", "b", "c"]
    assert states.waiting(()) == []


def test_billable_is_what_is_rated_for_a_contract_and_ended_by_that_day(states: SqlStates) -> None:
    rated = {"progress": Progress.RATED, "contract": ContractId("C1"), "ended_on": date(2026, 10, 31), "start": DAY}
    states.put_rows(
        [
            row("later contract", **rated | {"contract": ContractId("C2")}),
            row("second", **rated | {"start": DAY + timedelta(microseconds=1)}),
            row("first", **rated),
            row("next month", **rated | {"ended_on": date(2026, 11, 1)}),
            row("a partner's", **rated | {"contract": None, "partner": PartnerId("NL*EMS")}),
            row("held", **rated | {"progress": Progress.HELD}),
            row("invoiced", **rated | {"progress": Progress.INVOICED}),
        ]
    )
    assert names(states.billable(date(2026, 10, 31))) == ["first", "second", "later contract"]


def test_sessions_are_found_by_the_beginning_of_their_id_or_transaction(states: SqlStates) -> None:
    states.put_rows([FULL, row("s2", transaction="Tx1y"), row("T%1_")])
    assert set(names(states.find(""))) == {"s1", "s2", "T%1_"}
    assert set(names(states.find("s"))) == {"s1", "s2"}
    assert set(names(states.find("T%1_"))) == {"s1", "T%1_"}, "the signs of LIKE mean themselves"
    assert names(states.find("x")) == []


def test_a_document_keeps_its_number_and_its_digits(states: SqlStates) -> None:
    first = DocumentRow("AB-1", ContractId("C1"), date(2026, 11, 2), "2026-10", "EUR", Decimal("10.00"), Position(7))
    second = first._replace(number="AB-2", total=Decimal("0.10"))
    states.put_documents([second, first])
    states.put_documents([])
    assert states.documents() == [first, second]
    assert states.documents("AB-2") == [second]
    assert str(states.documents("AB-2")[0].total) == "0.10"


def test_running_flagged_and_ended_sessions_are_listed(states: SqlStates) -> None:
    other = StationId("CP2")
    states.put_rows([row("a"), row("b", station=other), row("c", progress=Progress.ENDED, start=DAY), FULL])
    states.put_rows([row("d", progress=Progress.FLAGGED, start=DAY + timedelta(hours=1))])
    assert names(states.running([STATION])) == ["a"]
    assert set(names(states.running([STATION, other]))) == {"a", "b"}
    assert set(names(states.flagged())) == {"c", "s1", "d"}
    assert names(states.ended_in(date(2026, 10, 5), date(2026, 10, 5))) == ["s1"]
    assert names(states.ended_in(date(2026, 10, 6), date(2026, 10, 9))) == []
