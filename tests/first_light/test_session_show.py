"""`session show` has all that is known of a session, also of one that is not concluded: a person decides by it."""

import json
from typing import Any

import pytest

from streams.batch_parts import record
from streams.log import Stream
from tests.first_light.test_worklist import TOKEN, Home, event
from tests.first_light.test_worklist import home as home
from vocabulary.identity import Position
from vocabulary.sessions import Finding, SessionFlagged
from wattbook.wiring import App

OLD = "OLD-1"  # OCPP 1.6


def frame16(message: str, action: str, **payload: Any) -> str:
    return json.dumps({"station": OLD, "protocol": "ocpp1.6", "frame": json.dumps([2, message, action, payload])})


def answer16(message: str, transaction: int) -> str:
    frame = json.dumps([3, message, {"transactionId": transaction, "idTagInfo": {"status": "Accepted"}}])
    return json.dumps({"station": OLD, "protocol": "ocpp1.6", "direction": "csms->station", "frame": frame})


STOP = frame16("b", "StopTransaction", transactionId=99999, timestamp="2026-03-03T14:00:00Z", meterStop=1234, idTag=TOKEN)
START = frame16("a", "StartTransaction", connectorId=1, timestamp="2026-03-03T13:00:00Z", meterStart=34, idTag=TOKEN)


def shown(home: Home, identity: str) -> list[str]:
    return home.run("session", "show", identity).stdout.splitlines()


def test_an_open_session_shows_its_start_its_token_and_the_last_value_of_its_register(home: Home) -> None:
    home.hears(event("Started", 0, 0, 0), event("Updated", 1, 10, 2000))
    assert shown(home, "T1")[1:] == [
        "progress   open",
        "at         EVSE 1 of the station",
        f"token      {TOKEN}",
        "start      2026-10-05 08:00:00 UTC",
        "end        not told",
        "register   0.000 kWh at the start, not told at the end",
        "           2.000 kWh at 2026-10-05 08:10:00 UTC, the last value told",
    ]


def test_a_session_that_waits_for_messages_says_for_which(home: Home) -> None:
    home.hears(event("Started", 0, 0, 0), event("Ended", 3, 60, 5000))
    assert shown(home, "T1")[4:] == [
        "start      2026-10-05 08:00:00 UTC",
        "end        2026-10-05 09:00:00 UTC, Local",
        "register   0.000 kWh at the start, 5.000 kWh at the end",
        "missing    seqNo 1 to 2",
    ]
    told = home.told("session", "show", "T1")["told"]
    assert (told["station"], told["missing"], told["begin_wh"], told["end_wh"]) == ("CS201-01", [[1, 2]], "0", "5000")


@pytest.mark.parametrize(
    ("start", "end", "finding", "detail", "register"),
    [
        (None, (10, None), Finding.ENERGY_UNKNOWN, "no import register at start and end", "not told, not told"),
        (0, (-50, 5000), Finding.END_BEFORE_START, "start 2026-10-05T08:00:00+00:00, end 2026-10-05T07:10:00+00:00", "0, 5"),
    ],
)
def test_a_session_without_a_price_shows_why_and_all_that_was_told(
    home: Home, start: int | None, end: tuple[int, int | None], finding: Finding, detail: str, register: str
) -> None:
    home.hears(event("Started", 0, 0, start), event("Ended", 1, *end))
    found = home.told("session", "show", "T1")
    assert found["findings"] == [{"finding": finding, "detail": detail, "holds": True}]
    assert (found["told"]["token"], found["told"]["evse"], found["told"]["start"]) == (TOKEN, 1, "2026-10-05T08:00:00Z")
    begin, last = (each if each == "not told" else f"{each}.000 kWh" for each in register.split(", "))
    assert f"register   {begin} at the start, {last} at the end" in shown(home, "T1")
    assert f"noticed    {finding}: {detail}" in shown(home, "T1")


def test_a_session_with_an_energy_shows_every_finding_in_order_of_precedence(home: Home) -> None:
    home.hears(event("Started", 0, 0, 0), event("Ended", 1, 10, 90_000), event("Updated", 4, 5, 90_000))
    found = home.told("session", "show", "T1")
    assert found["told"] is None, "the session says it itself"
    assert [each["finding"] for each in found["findings"]] == [Finding.ENERGY_IMPLAUSIBLE, Finding.FACT_AFTER_CLOSE]
    noticed = [line for line in shown(home, "T1") if line.startswith("noticed")]
    assert noticed == [
        "noticed    energy_exceeds_what_the_evse_can_deliver: 90000 Wh, at most 4437 Wh fit",
        "noticed    message_arrived_after_the_session_was_closed: seqNo 4",
    ]


def test_why_an_invoice_run_left_a_charge_out_holds_as_long_as_the_charge_waits(home: Home) -> None:
    home.hears(event("Started", 0, 0, 0), event("Ended", 1, 60, 5000))
    [row] = home.told("session", "list")
    flagged = SessionFlagged(session=row["session"], finding=Finding.STEPS_FAIL, detail="left out of the run of today")

    def leave_out(app: App) -> None:
        with app.writing() as unit:
            unit.log.append(Stream.CONCLUSIONS, [record(flagged, row["session"], Position(1))])

    home.use(leave_out)
    assert row["progress"] == "rated"
    assert "noticed    steps_fail_on_the_session: left out of the run of today" in shown(home, "T1")


def test_an_end_without_its_start_shows_and_lists_its_transaction_and_when_it_was(home: Home) -> None:
    home.hears(STOP)
    [listed] = home.told("session", "list")
    [work] = home.told("session", "worklist")
    assert (listed["transaction"], listed["end"]) == ("99999", "2026-03-03T14:00:00Z")
    assert (work["transaction"], work["since"]) == ("99999", "2026-03-03T14:00:00Z")
    assert "99999        2026-03-03 14:00" in home.run("session", "worklist").stdout
    assert shown(home, listed["session"])[0].endswith("transaction 99999")
    assert shown(home, listed["session"])[2:] == [
        "at         an EVSE that was not told",
        "token      not told",
        f"ended by   token {TOKEN}",
        "start      not told",
        "end        2026-03-03 14:00:00 UTC, Local",
        "register   not told at the start, 1.234 kWh at the end",
        "noticed    transaction_ended_without_start: transaction 99999, 2026-03-03T14:00:00+00:00",
    ]


def test_the_worklist_shows_the_beginning_of_a_long_transaction_id(home: Home) -> None:
    uuid = "3f2b1c7e-0a4d-4b7e-9d6a-7c1f5e8b2a90"
    home.hears(event("Started", 0, 0, tx=uuid), event("Ended", 1, 10, tx=uuid))
    assert "  3f2b1c7e-0a4…  " in home.run("session", "worklist").stdout
    assert home.told("session", "worklist")[0]["transaction"] == uuid


def test_an_end_of_ocpp_2_without_its_start_lists_since_when_it_waits(home: Home) -> None:
    home.hears(event("Ended", 5, 60, 5000))
    [work] = home.told("session", "worklist")
    assert (work["transaction"], work["since"]) == ("T1", "2026-10-05T09:00:00Z")


def test_an_end_that_came_home_shows_whose_it_is_and_that_its_finding_holds_no_more(home: Home) -> None:
    home.hears(STOP)
    [end] = home.told("session", "list")
    home.hears(START, answer16("a", 99999))
    found = home.told("session", "show", end["session"])
    [session] = [row for row in home.told("session", "list") if row["session"] != end["session"]]
    assert (found["progress"], found["told"]["into"]) == ("merged", session["session"])
    assert [(each["finding"], each["holds"]) for each in found["findings"]] == [(Finding.END_WITHOUT_START, False)]
    assert shown(home, end["session"])[-2:] == [
        f"end of     session {session['session'][:12]}",
        "before     transaction_ended_without_start: transaction 99999, 2026-03-03T14:00:00+00:00",
    ]


def test_a_session_that_no_vehicle_came_to_says_what_was_noticed(home: Home) -> None:
    ended = event("Ended", 1, 10, transactionInfo={"transactionId": "T1", "stoppedReason": "Timeout"})
    home.hears(event("Started", 0, 0), ended)
    assert home.told("session", "show", "T1")["progress"] == "empty"
    assert shown(home, "T1")[-1] == "noticed    vehicle_was_never_connected: stopped: Timeout"
