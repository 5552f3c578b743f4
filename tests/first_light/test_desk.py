"""The desk: durable before answered, answered whatever happens, one transaction id per start."""

import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.embedded_runtime import EmbeddedRuntime, Input
from streams.log import Appended, Stream
from streams.states import SessionRow
from tests.first_light.homes import DATA, new_home
from vocabulary.charging import Direction, Protocol, RawMessage
from vocabulary.codec import decode
from vocabulary.identity import Position, StationId
from vocabulary.quarantine import Quarantined, QuarantineReason
from vocabulary.sessions import Finding, Progress
from wattbook import database
from wattbook.desk import Desk
from wattbook.wiring import VERBS, App

NOW = datetime(2026, 10, 14, 8, tzinfo=UTC)
START = {"connectorId": 1, "idTag": "04A1B2C3D4E5F6", "meterStart": 1000, "timestamp": "2026-10-14T08:00:00Z"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = new_home(tmp_path / "home")
    yield app
    app.close()


def _say(_event: str, /, **_facts: object) -> None:
    pass


def _call(action: str, payload: dict[str, Any], message_id: str = "m", station: str = "CP16-01", after: int = 0) -> RawMessage:
    frame = json.dumps([2, message_id, action, payload])
    at = NOW + timedelta(seconds=after)
    return RawMessage(station=StationId(station), frame=frame, protocol=Protocol.OCPP16, received_at=at)


def _payload(frames: list[str]) -> dict[str, Any]:
    return dict(json.loads(frames[0])[2])


def _raw(app: App) -> list[RawMessage]:
    with app.reading() as store:
        found = [decode(stored.body) for stored in store.log.read((Stream.RAW,), Position(0), 1000)]
    return [message for message in found if isinstance(message, RawMessage)]


def test_a_message_and_its_answer_are_in_the_log_when_they_are_handed_back(app: App) -> None:
    message = _call("Heartbeat", {})
    [[answer]] = Desk(app, _say).handle([message])
    assert [(m.direction, m.frame) for m in _raw(app)] == [
        (Direction.FROM_STATION, message.frame),
        (Direction.TO_STATION, answer),
    ]


def test_while_many_messages_wait_a_station_is_answered_without_costs_and_told_them_afterwards(app: App) -> None:
    desk, waiting = Desk(app, _say), [_call("Heartbeat", {}, str(number), "OTHER") for number in range(50)]
    started = _payload(desk.handle([_call("StartTransaction", START)])[0])
    assert desk.take(waiting) == [True] * 50
    stop = {"transactionId": started["transactionId"], "meterStop": 8550, "timestamp": "2026-10-14T09:00:00Z"}
    [frames] = desk.handle([_call("StopTransaction", stop, "n", after=3600)])
    assert [json.loads(frame)[0] for frame in frames] == [3], "the answer, and no cost"
    assert desk.final_costs(NOW + timedelta(hours=1)) == []
    pieces = 0
    while desk.behind:
        desk.catch_up(20)
        pieces += 1
    assert pieces > 2
    [told] = desk.final_costs(NOW + timedelta(hours=1))
    assert json.loads(told.frame)[3]["messageId"] == "FinalCost"
    assert len(desk.handle([_call("StopTransaction", stop, "o", after=3700)])[0]) == 2, "costs are told at once again"


def test_a_cost_that_could_not_be_noted_is_told_at_the_next_interval(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, station = Desk(app, _say), StationId("CP16-01")
    transaction = _payload(desk.handle([_call("StartTransaction", START)])[0])["transactionId"]
    values = [{"timestamp": "2026-10-14T08:10:00Z", "sampledValue": [{"value": "3000"}]}]
    desk.handle([_call("MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": values}, "n", after=600)])
    full = {"connectorId": 1, "errorCode": "NoError", "status": "SuspendedEV", "timestamp": "2026-10-14T08:10:00Z"}
    desk.handle([_call("StatusNotification", full, "o", after=600)])
    later = NOW + timedelta(hours=3)
    with monkeypatch.context() as locked:
        locked.setattr(EmbeddedRuntime, "append", _locked)
        with pytest.raises(database.DatabaseError):
            desk.running_costs(later, [station])
    assert len(desk.running_costs(later, [station])) == 1
    assert desk.running_costs(later, [station]) == [], "it was told"


def _locked(*_: object) -> list[Appended]:
    raise database.DatabaseError("the database is locked")


def test_a_tick_waits_behind_what_was_handed_in_and_is_noted_once_in_an_interval(app: App) -> None:
    """Else one tick would process all of a publisher's backlog at once, while stations wait."""
    desk, every, after = Desk(app, _say), timedelta(minutes=30), NOW + timedelta(days=4)
    desk.handle([_call("StartTransaction", START)])
    desk.take([_call("Heartbeat", {}, str(number), "OTHER") for number in range(50)])
    before = desk.behind
    assert desk.tick(after, every)
    assert desk.behind == before + 1
    assert [row.progress for row in _rows(app)] == [Progress.OPEN]
    while desk.behind:
        desk.catch_up(20)
    assert [row.progress for row in _rows(app)] == [Progress.FLAGGED], "no end after 72 hours, and no energy was told"
    assert not desk.tick(after + timedelta(minutes=29), every)


def _rows(app: App) -> list[SessionRow]:
    with app.reading() as store:
        return store.states.find("")


def test_a_start_keeps_its_transaction_id_over_retries_and_restarts(app: App) -> None:
    first = _payload(Desk(app, _say).handle([_call("StartTransaction", START, "1")])[0])["transactionId"]
    again = _payload(Desk(app, _say).handle([_call("StartTransaction", START, "2", after=60)])[0])["transactionId"]
    assert first == again


def test_two_starts_of_one_batch_have_two_transaction_ids(app: App) -> None:
    other = START | {"connectorId": 2}
    replies = Desk(app, _say).handle([_call("StartTransaction", START, "1"), _call("StartTransaction", other, "2")])
    assert len({_payload(frames)["transactionId"] for frames in replies}) == 2


def test_a_start_that_cannot_be_read_is_answered_with_an_id_all_the_same(app: App) -> None:
    [frames] = Desk(app, _say).handle([_call("StartTransaction", {"connectorId": 1, "timestamp": "yesterday"})])
    assert _payload(frames)["transactionId"] > 0


def test_an_unknown_token_is_told_so_and_its_session_is_kept(app: App) -> None:
    desk = Desk(app, _say)
    [frames] = desk.handle([_call("StartTransaction", START | {"idTag": "NOBODY"})])
    answer = _payload(frames)
    assert answer["idTagInfo"]["status"] == "Invalid"
    stop = {"transactionId": answer["transactionId"], "meterStop": 2000, "timestamp": "2026-10-14T09:00:00Z"}
    desk.handle([_call("StopTransaction", stop, "3", after=3600)])
    with app.reading() as store:
        [row] = store.states.flagged()
    assert row.finding == "token_belongs_to_no_contract_or_partner"


def _status_16(app: App, action: str, payload: dict[str, Any]) -> str | None:
    [frames] = Desk(app, _say).handle([_call(action, payload)])
    return dict(_payload(frames).get("idTagInfo", {})).get("status")


@pytest.mark.parametrize("action", ["Authorize", "StartTransaction"])
@pytest.mark.parametrize(
    "tag", [{}, {"idTag": None}, {"idTag": 5}, {"idTag": ""}, {"idTag": ["04A1B2C3D4E5F6"]}, {"idToken": START["idTag"]}]
)
def test_a_call_without_a_token_that_can_be_read_is_not_accepted(app: App, action: str, tag: dict[str, Any]) -> None:
    assert _status_16(app, action, {name: value for name, value in START.items() if name != "idTag"} | tag) == "Invalid"
    assert _status_16(app, action, START) == "Accepted"


def test_a_stop_tells_of_the_token_that_it_bears_and_of_no_other(app: App) -> None:
    stop = {"transactionId": 1, "meterStop": 2000, "timestamp": "2026-10-14T09:00:00Z"}
    tags: list[dict[str, Any]] = [{}, {"idTag": START["idTag"]}, {"idTag": 5}]
    assert [_status_16(app, "StopTransaction", stop | tag) for tag in tags] == [None, "Accepted", "Invalid"]


def test_a_token_longer_than_the_version_allows_is_accepted_where_somebody_holds_it(tmp_path: Path) -> None:
    """A contract may hold it, for stations of 2.x."""
    shutil.copytree(DATA / "reference", tmp_path / "reference")
    contracts, long = tmp_path / "reference" / "reference.yaml", "04A1B2C3D4E5F6" * 2
    contracts.write_text(contracts.read_text().replace("04A1B2C3D4E5F6", long))
    app = new_home(tmp_path / "home", tmp_path / "reference")
    assert _status_16(app, "Authorize", {"idTag": long}) == "Accepted"
    assert _status_16(app, "Authorize", {"idTag": long + "0"}) == "Invalid"
    app.close()


def _status_2x(app: App, action: str, payload: dict[str, Any], protocol: Protocol = Protocol.OCPP201) -> str | None:
    event = {"eventType": "Started", "timestamp": "2026-10-14T08:00:00Z", "triggerReason": "Authorized", "seqNo": 0}
    frame = json.dumps([2, "1", action, event | {"transactionInfo": {"transactionId": "tx"}} | payload])
    message = RawMessage(station=StationId("CS201-01"), frame=frame, protocol=protocol, received_at=NOW)
    [frames] = Desk(app, _say).handle([message])
    return dict(_payload(frames).get("idTokenInfo", {})).get("status")


@pytest.mark.parametrize("protocol", [Protocol.OCPP201, Protocol.OCPP21])
@pytest.mark.parametrize(
    "token", [{"idToken": {}}, {"idToken": "A"}, {"idToken": {"idToken": 5}}, {"idToken": {"idToken": "", "type": "ISO14443"}}]
)
def test_so_in_2x_but_for_an_event_that_bears_no_token(app: App, protocol: Protocol, token: dict[str, Any]) -> None:
    assert _status_2x(app, "Authorize", token, protocol) == "Unknown"
    assert _status_2x(app, "Authorize", {}, protocol) == "Unknown"
    assert _status_2x(app, "TransactionEvent", token, protocol) == "Unknown"
    assert _status_2x(app, "TransactionEvent", {}, protocol) is None
    assert _status_2x(app, "TransactionEvent", {"idToken": None}, protocol) is None


def test_a_station_that_asks_for_no_token_says_so_with_an_empty_one(app: App) -> None:
    """2.0.1 part 2, C02: it has a button, and goes on where it is accepted."""
    empty = {"idToken": {"idToken": "", "type": "NoAuthorization"}}
    assert _status_2x(app, "TransactionEvent", empty) == "Accepted"
    assert _status_2x(app, "Authorize", empty) == "Unknown", "which it has nothing to ask for"


def test_no_cost_is_told_where_none_is_known(app: App) -> None:
    """0 would mean free (2.0.1 part 2, I03.FR.04)."""
    [frames] = Desk(app, _say).handle([_told_201("Started", 0, {})])
    assert "totalCost" not in _payload(frames)


def test_a_transaction_that_no_vehicle_came_to_is_free_and_on_no_worklist(app: App) -> None:
    """Until more is told of it than that."""
    desk = Desk(app, _say)
    [frames] = desk.handle([_told_201("Started", 0, {})])
    assert "totalCost" not in _payload(frames), "a vehicle may come yet"
    [frames] = desk.handle([_told_201("Ended", 1, {"stoppedReason": "Timeout"})])
    assert _payload(frames)["totalCost"] == 0
    assert [(row.progress, row.finding) for row in _rows(app)] == [(Progress.EMPTY, None)]
    desk.handle([_told_201("Ended", 2, {"stoppedReason": "Local"})])
    assert [(row.progress, row.finding) for row in _rows(app)] == [(Progress.FLAGGED, Finding.SECOND_END)]


def _told_201(event: str, seq: int, more: dict[str, Any]) -> RawMessage:
    payload = {"eventType": event, "timestamp": "2026-10-14T08:00:00Z", "triggerReason": "Authorized", "seqNo": seq}
    payload |= {"transactionInfo": {"transactionId": "tx", **more}, "idToken": {"idToken": "NOBODY", "type": "ISO14443"}}
    return RawMessage(
        station=StationId("CS201-01"),
        frame=json.dumps([2, str(seq), "TransactionEvent", payload]),
        protocol=Protocol.OCPP201,
        received_at=NOW + timedelta(minutes=seq),
    )


def test_stations_are_answered_even_when_the_steps_fail_and_what_was_put_aside_is_said(app: App) -> None:
    """A start on which our steps fail: its station and the others are served, and the log says that it is in quarantine."""
    said: list[dict[str, object]] = []

    def broken(message: RawMessage, *given: Any) -> Any:
        if "StartTransaction" in message.frame:
            raise ArithmeticError
        return VERBS.decode(message, *given)

    app.runtime = EmbeddedRuntime(app.writing, VERBS._replace(decode=broken))
    desk = Desk(app, lambda event, /, **facts: said.append({"event": event, **facts}))
    [start] = desk.handle([_call("StartTransaction", START, "1")])
    [beat] = desk.handle([_call("Heartbeat", {}, "2", after=1)])
    assert _payload(start)["transactionId"] > 0
    assert "currentTime" in _payload(beat)
    assert said == [{"event": "quarantined", "reason": "steps_fail_on_the_record", "messages": 1}]
    with app.reading() as store:
        [put_aside] = [decode(each.body) for each in store.log.read([Stream.QUARANTINE], Position(0), 10)]
    assert isinstance(put_aside, Quarantined) and put_aside.reason is QuarantineReason.STEPS_FAIL


def test_the_server_goes_on_recording_when_the_steps_stop(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def broken(*_: object) -> Any:
        raise ArithmeticError

    desk = Desk(app, lambda event, /, **_: said.append(event))
    with monkeypatch.context() as patched:
        patched.setattr(app.runtime, "_process", broken)
        [beat] = desk.handle([_call("Heartbeat", {}, "1")])
    desk.handle([_call("StartTransaction", START, "2", after=1)])
    assert "currentTime" in _payload(beat)
    assert said == ["steps_stopped"]
    assert EmbeddedRuntime(app.writing, VERBS).pump()["messages"] == 4, "both, and their answers"


def test_steps_that_find_the_database_locked_go_on_with_the_next_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process came between making a message durable and processing it, and stayed for longer than we wait."""
    monkeypatch.setitem(database._PRAGMAS, "busy_timeout", 50)
    app, said = new_home(tmp_path / "home"), list[str]()
    desk, other = Desk(app, lambda event, /, **_: said.append(event)), sqlite3.connect(app.settings.database_path)
    append = app.runtime.append

    def append_then_lock(inputs: Sequence[Input]) -> list[Appended]:
        appended = append(inputs)
        other.execute("BEGIN IMMEDIATE")
        return appended

    with monkeypatch.context() as patched:
        patched.setattr(app.runtime, "append", append_then_lock)
        desk.record([_call("StartTransaction", START, "1")])
    assert (said, len(_raw(app))) == (["steps_wait"], 1)
    other.rollback()
    [beat] = desk.handle([_call("Heartbeat", {}, "2", after=1)])
    assert "currentTime" in _payload(beat)
    assert said == ["steps_wait", "steps_go_on"]
    with app.reading() as store:
        assert store.states.running([StationId("CP16-01")]), "its session runs"
    other.close()
    app.close()


def test_bytes_that_are_no_text_are_kept_and_refused_as_no_call(app: App) -> None:
    message = RawMessage(station=StationId("CP16-01"), frame="//79", base64=True, protocol=Protocol.OCPP16, received_at=NOW)
    [[answer]] = Desk(app, _say).handle([message])
    assert json.loads(answer)[0] == 4
    with app.reading() as store:
        assert b"frame_is_not_utf8" in store.log.read((Stream.EVENTS,), Position(0), 1)[0].body
