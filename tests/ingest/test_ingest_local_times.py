"""Times that bear no zone: they are in the zone that was said, or nobody knows; and a zone that is likely wrong is told."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest import captures, steve_log
from ingest.batches import read_batch
from ingest.captures import Unreadable
from ingest.local_times import ZoneNeeded
from ingest.steve_csv import read_rows
from ingest.zone_doubt import ZoneDoubt, told_off
from vocabulary.charging import Direction, RawMessage
from vocabulary.identity import StationId

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
FRAME = '[2,"a","Heartbeat",{}]'
NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)
H = timedelta(hours=1)


def capture(at: str, zone: Any) -> list[str]:
    """The arrival of a line in each of the forms that captures have."""
    lines = (
        f"{at} CP-1 > {FRAME}",
        f'{{"at":"{at}","station":"CP-1","frame":{FRAME}}}',
        f'{{"received_at":"{at}","station":"CP-1","frame":{FRAME}}}',
    )
    found = [captures.read_line(line.encode(), 1, zone) for line in lines]
    assert all(isinstance(each, RawMessage) for each in found), found
    return [str(each.received_at) for each in found if isinstance(each, RawMessage)]


@pytest.mark.parametrize(
    ("at", "zone", "arrival"),
    [
        ("2026-10-14T07:58:20", BERLIN, "2026-10-14 05:58:20+00:00"),
        ("2026-10-14T07:58:20.25", UTC, "2026-10-14 07:58:20.250000+00:00"),
        ("2026-10-14T07:58:20Z", BERLIN, "2026-10-14 07:58:20+00:00"),
        ("2026-10-14T07:58:20+02:00", None, "2026-10-14 05:58:20+00:00"),
        ("2026-10-25T02:30:00", BERLIN, "None"),
        ("2026-03-29T02:30:00", BERLIN, "None"),
    ],
)
def test_the_arrival_of_a_capture_is_in_the_zone_that_was_said(at: str, zone: Any, arrival: str) -> None:
    assert capture(at, zone) == [arrival] * 3


def test_the_arrival_of_a_capture_is_not_guessed_at() -> None:
    for line in (f"2026-10-14T07:58:20 CP-1 > {FRAME}", f'{{"at":"2026-10-14T07:58:20","station":"CP-1","frame":{FRAME}}}'):
        with pytest.raises(
            ZoneNeeded, match=r"7: the time '2026-10-14T07:58:20' bears no zone; say .*--time-zone Europe/Berlin"
        ):
            captures.read_line(line.encode(), 7)


@pytest.mark.parametrize("is_array", [False, True])
def test_what_is_published_with_a_time_without_a_zone_is_refused_alone(is_array: bool) -> None:
    items = [f'{{"at":"2026-10-14T07:58:20{zone}","station":"CP-1","frame":{FRAME}}}' for zone in ("Z", "", "+02:00")]
    body = "[" + ",".join(items) + "]" if is_array else "\n".join(items)
    found = read_batch(body.encode(), is_array)
    assert [type(item) for item in found] == [RawMessage, Unreadable, RawMessage]
    assert found[1] == Unreadable(
        2, "at: '2026-10-14T07:58:20' bears no zone", "write it as 2026-03-02T08:00:15Z, or leave it out"
    )


# ── where clocks change ─────────────────────────────────────────────────────────────────────────────────────────────────

HEADER = "transaction_pk,charge_box_id,connector_id,id_tag,start_timestamp,start_value,stop_timestamp,stop_value"


@pytest.mark.parametrize(
    ("written", "zone", "reason", "remedy"),
    [
        (
            "2026-10-25 02:30:00",
            BERLIN,
            "is there twice, since clocks are put back",
            "2026-10-25 02:30:00+02:00 or 2026-10-25 02:30:00+01:00",
        ),
        (
            "2026-11-01 01:30:00",
            NEW_YORK,
            "is there twice, since clocks are put back",
            "2026-11-01 01:30:00-04:00 or 2026-11-01 01:30:00-05:00",
        ),
        ("2026-03-29 02:30:00", BERLIN, "is not there, since clocks are put forward", "--time-zone"),
        ("2026-03-08 02:30:00", NEW_YORK, "is not there, since clocks are put forward", "--time-zone"),
    ],
)
def test_a_row_at_a_time_that_is_there_twice_or_never_is_told(written: str, zone: Any, reason: str, remedy: str) -> None:
    [told] = read_rows(f"{HEADER}\n1,CP-1,1,A,{written},1,,\n", "f", zone)
    assert isinstance(told, Unreadable)
    assert told.reason == f"start_timestamp: '{written}' {reason}"
    assert remedy in told.remedy


@pytest.mark.parametrize(("time", "is_known"), [("2026-03-29 01:59:59", True), ("2026-03-29 02:30:00", False)])
def test_of_a_line_at_a_time_that_is_not_there_the_arrival_is_not_known(time: str, is_known: bool) -> None:
    read = steve_log.read_line(f"{time} [chargeBoxId=CP-1, sessionId=1] Received: {FRAME}\n".encode(), 1, BERLIN)
    assert isinstance(read, RawMessage)
    assert (read.received_at is not None) == is_known


# ── a zone that is likely wrong ─────────────────────────────────────────────────────────────────────────────────────────


def start(station: str, ahead: timedelta, **fields: str) -> RawMessage:
    told = {"connectorId": 1, "idTag": "A", "meterStart": 1, "timestamp": (NOON + ahead).isoformat()} | fields
    return message(station, [2, "s", "StartTransaction", told])


def message(station: str, frame: list[Any], direction: Direction = Direction.FROM_STATION) -> RawMessage:
    return RawMessage(station=StationId(station), frame=json.dumps(frame), received_at=NOON, direction=direction)


def doubt(*messages: RawMessage) -> str:
    greatest: dict[StationId, timedelta] = {}
    told_off(messages, greatest)
    found = ZoneDoubt.of(greatest)
    return "" if found is None else str(found)


def test_a_zone_is_likely_wrong_where_all_stations_are_off_by_the_same_quarter_hours() -> None:
    assert doubt(start("A", -2 * H), start("B", -2 * H - timedelta(seconds=40))) == (
        "2 stations, all there are, tell times that are 2:00 h behind those of the file"
    )
    assert doubt(start("A", 5.5 * H), start("B", 5.5 * H), start("C", 5.5 * H)) == (
        "3 stations, all there are, tell times that are 5:30 h ahead of those of the file"
    )


@pytest.mark.parametrize(
    "messages",
    [
        [start("A", -2 * H)],
        [start("A", -2 * H), start("B", 0 * H)],
        [start("A", -2 * H), start("B", -H)],
        [start("A", -2.1 * H), start("B", -2.1 * H)],
        [start("A", -2 * H), start("A", 0 * H, idTag="B"), start("B", -2 * H)],
        [start("A", 0 * H), start("B", 0 * H)],
        [start("A", -2 * H), start("B", -2 * H), start("C", 0 * H), start("D", 0 * H)],
        [start("A", -2 * H), start("B", -50 * H)],
        [start("A", -2 * H), start("B", 0 * H), start("C", -50 * H)],
    ],
)
def test_one_station_or_a_station_that_is_not_off_says_nothing_of_the_zone(messages: list[RawMessage]) -> None:
    assert doubt(*messages) == ""


@pytest.mark.parametrize("other", [-50 * H, -5.3 * H, 0 * H, 72 * H])
def test_one_station_that_was_offline_or_has_a_wrong_clock_hides_no_wrong_zone(other: timedelta) -> None:
    assert doubt(start("A", -2 * H), start("B", -2 * H), start("C", other)) == (
        "2 of 3 stations tell times that are 2:00 h behind those of the file"
    )


def test_stations_of_which_all_had_waited_do_not_count_against_those_that_were_connected() -> None:
    offline = [start(name, -hours * H) for name, hours in (("D", 30), ("E", 40.2), ("F", 300), ("G", 26))]
    assert doubt(start("A", 2 * H), start("B", 2 * H), start("C", -H), *offline).startswith("2 of 7 stations")
    assert doubt(start("A", 0 * H), start("B", 0 * H), *offline) == ""
    assert doubt(start("A", 2 * H), start("B", 2 * H), start("C", 7.1 * H), start("D", 9.3 * H), *offline) == ""


def test_what_waited_hides_no_wrong_zone_and_the_arrival_is_no_time_of_a_station() -> None:
    status = message("A", [2, "n", "StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"}])
    answer = message("A", [3, "n", {"currentTime": NOON.isoformat()}], Direction.TO_STATION)
    waited = start("A", -30 * H, idTag="B")
    assert doubt(status, answer, waited, start("A", -2 * H), start("B", -2 * H)).startswith("2 stations")
