"""Files of other systems: SteVe's log and its CSV, OCPP over SOAP; which form a file has; and what cannot be read in each."""

import json
import time
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import steve_log
from ingest.captures import Unreadable
from ingest.decode import decode
from ingest.file_forms import FileForm, line_reader, recognised, whole_reader
from ingest.local_times import ZoneNeeded
from ingest.soap import read_envelopes
from ingest.steve_csv import read_rows
from tests.first_light.homes import CAPTURES
from vocabulary.charging import (
    ChargingEvent,
    Direction,
    MessageRejected,
    Protocol,
    RawMessage,
    StartAnswered,
    TransactionEnded,
    TransactionStarted,
)
from vocabulary.codec import event_id

BERLIN = ZoneInfo("Europe/Berlin")
HEADER = "transaction_pk,charge_box_id,connector_id,id_tag,start_timestamp,start_value,stop_timestamp,stop_value,stop_reason"
ROW = "4711,CP-1,1,04A2,2026-10-14T05:58:20.000Z,1203400,2026-10-14T07:28:20.000Z,1210950,Local"
OPEN = '4712,CP-1,2,04A2,2026-10-14T08:00:00.000Z,500,"","",""'
LOG = (
    "[INFO ] 2026-10-14 07:58:20,461 de.rwth.idsg.steve.ocpp.ws.WebSocketLogger - "
    '[chargeBoxId=CP-1, sessionId=d450611f-8be4] Received: [2, "8e",\t"Authorize",{"idTag":"1ec1"}]\n'
)


def rows(*lines: str, header: str = HEADER, zone: Any = UTC) -> tuple[list[RawMessage], list[Unreadable]]:
    return parted(read_rows("\n".join([header, *lines]) + "\n", "export.csv", zone))


def parted(items: list[RawMessage | Unreadable]) -> tuple[list[RawMessage], list[Unreadable]]:
    return [i for i in items if isinstance(i, RawMessage)], [i for i in items if isinstance(i, Unreadable)]


def events(messages: list[RawMessage]) -> list[ChargingEvent]:
    return [event for message in messages for event in decode(message, event_id)]


# ── which form ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"", FileForm.CAPTURE),
        (b"CP-1 [2,1]\n", FileForm.CAPTURE),
        (b"< CP-1 [3,1]\n", FileForm.CAPTURE),
        (b"<Envelopes [3,1]\n", FileForm.CAPTURE),
        (b'<?xml version="1.0"?>', FileForm.SOAP),
        (b"\xef\xbb\xbf\n <soap:Envelope xmlns", FileForm.SOAP),
        (b"<Envelope>", FileForm.SOAP),
        (HEADER.encode(), FileForm.STEVE_CSV),
        (b'"TRANSACTION_PK","CHARGE_BOX_ID"\r\n1', FileForm.STEVE_CSV),
        (b"[INFO ] starting\n" * 50 + LOG.encode(), FileForm.STEVE_LOG),
    ],
)
def test_a_form_is_told_by_how_a_file_begins(head: bytes, form: FileForm) -> None:
    assert recognised(head) is form


def test_captures_stay_captures() -> None:
    assert {recognised(file.read_bytes()[:65_536]) for file in CAPTURES} == {FileForm.CAPTURE}


@given(st.binary(max_size=300), st.sampled_from(FileForm))
def test_any_bytes_in_any_form_are_messages_or_told(data: bytes, form: FileForm) -> None:
    read = line_reader(form, UTC)
    found = [read(data, 1)] if read else whole_reader(form, UTC)(data, "f")
    assert all(item is None or isinstance(item, RawMessage | Unreadable) for item in found)


# ── SteVe's log ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def line(text: str, zone: Any = UTC) -> RawMessage | Unreadable | None:
    return steve_log.read_line(text.encode(), 7, zone)


def test_a_frame_in_a_log_of_steve_is_kept_character_for_character() -> None:
    found = line(LOG, BERLIN)
    assert isinstance(found, RawMessage)
    assert found.frame == '[2, "8e",\t"Authorize",{"idTag":"1ec1"}]'
    assert (found.station, found.direction, found.source) == ("CP-1", Direction.FROM_STATION, None)
    assert str(found.received_at) == "2026-10-14 05:58:20.461000+00:00", "the log's time is local"


@pytest.mark.parametrize(
    "prefix",
    [
        "[INFO ] 2026-10-14 07:58:20,461 (qtp1311135309-5945) de.rwth.idsg.steve.ocpp.ws.WebSocketLogger - ",
        "[INFO ] 2026-10-14 07:58:20,461 de.rwth.idsg.steve.ocpp.ws.WebSocketLogger (qtp1-45) - ",
        "2026-10-14T07:58:20.461+02:00  INFO 1 --- [qtp1-45] d.r.i.steve.ocpp.ws.WebSocketLogger : ",
    ],
)
def test_the_patterns_of_its_versions_are_read(prefix: str) -> None:
    found = line(prefix + '[chargeBoxId=CP-1, sessionId=d4] Sending: [3,"8e",{}]', BERLIN)
    assert isinstance(found, RawMessage)
    assert (found.direction, str(found.received_at)) == (Direction.TO_STATION, "2026-10-14 05:58:20.461000+00:00")


@pytest.mark.parametrize("text", ["", "[INFO ] x", "[WARN ] y [chargeBoxId=A, sessionId=b] Connection is closed, status: z"])
def test_other_lines_of_a_log_say_nothing(text: str) -> None:
    assert line(text) is None


@pytest.mark.parametrize("text", ["[chargeBoxId=A B, sessionId=b] Received: [2]", "[chargeBoxId=A, sessionId=b] Received: [2]"])
def test_a_frame_without_a_name_or_a_time_is_told(text: str) -> None:
    found = line(text)
    assert isinstance(found, Unreadable) and found.number == 7 and found.remedy


# ── SteVe's CSV ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_becomes_the_messages_that_it_stands_for() -> None:
    messages, unreadable = rows(ROW)
    assert not unreadable
    assert [(m.direction.value, json.loads(m.frame)) for m in messages] == [
        (
            "station->csms",
            [
                2,
                "steve-4711-start",
                "StartTransaction",
                {"connectorId": 1, "idTag": "04A2", "meterStart": 1203400, "timestamp": "2026-10-14T05:58:20Z"},
            ],
        ),
        ("csms->station", [3, "steve-4711-start", {"transactionId": 4711}]),
        (
            "station->csms",
            [
                2,
                "steve-4711-stop",
                "StopTransaction",
                {"transactionId": 4711, "meterStop": 1210950, "timestamp": "2026-10-14T07:28:20Z", "reason": "Local"},
            ],
        ),
    ]
    found = events(messages)
    assert [type(event) for event in found if not type(event).__name__.startswith("StartRequested")] == [
        TransactionStarted,
        StartAnswered,
        TransactionEnded,
    ]


def test_each_message_says_the_row_it_was_written_from() -> None:
    messages, _ = rows(ROW, OPEN)
    assert [(m.source.form, m.source.file, m.source.line, m.source.text) for m in messages if m.source] == [
        *[("steve-csv", "export.csv", 2, ROW)] * 3,
        *[("steve-csv", "export.csv", 3, OPEN)] * 2,
    ]


def test_an_open_row_has_no_stop() -> None:
    messages, unreadable = rows(OPEN)
    assert len(messages) == 2 and not unreadable
    assert not any(isinstance(event, TransactionEnded) for event in events(messages))


def test_rows_come_newest_first_and_messages_by_start() -> None:
    messages, _ = rows(OPEN, ROW)
    assert [json.loads(m.frame)[1] for m in messages] == [
        "steve-4711-start",
        "steve-4711-start",
        "steve-4711-stop",
        "steve-4712-start",
        "steve-4712-start",
    ]


def test_older_exports_have_no_reason_and_columns_may_stand_in_any_order() -> None:
    messages, unreadable = rows(
        "04A2,4711,CP-1,1,2026-10-14T05:58:20Z,1203400.5,x",
        header="ID_TAG,transaction_pk,charge_box_id,connector_id,start_timestamp,start_value,other",
    )
    assert not unreadable
    assert json.loads(messages[0].frame)[3]["meterStart"] == 1203400.5
    assert "1203400.5" in messages[0].frame


@pytest.mark.parametrize(
    ("written", "zone", "read"),
    [
        ("2026-10-14T05:58:20.250Z", BERLIN, "2026-10-14T05:58:20.250000Z"),
        ("2026-10-14T07:58:20+02:00", UTC, "2026-10-14T05:58:20Z"),
        ("2026-10-14 07:58:20", BERLIN, "2026-10-14T05:58:20Z"),
        ("2026-10-14 07:58:20.0", UTC, "2026-10-14T07:58:20Z"),
        ("2026-10-25 01:59:59", BERLIN, "2026-10-24T23:59:59Z"),
        ("2026-10-25 03:00:00", BERLIN, "2026-10-25T02:00:00Z"),
        ("2026-10-25T02:30:00+02:00", BERLIN, "2026-10-25T00:30:00Z"),
    ],
)
def test_a_time_with_a_zone_is_that_and_another_is_in_the_given_one(written: str, zone: Any, read: str) -> None:
    messages, _ = rows(OPEN.replace("2026-10-14T08:00:00.000Z", written), zone=zone)
    assert json.loads(messages[0].frame)[3]["timestamp"] == read


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("4711", "x", "transaction_pk"),
        ("4711", "99999999999", "transaction_pk"),
        ("CP-1", "CP 1", "charge_box_id"),
        (",1,04", ",,04", "connector_id"),
        ("1203400", "12,5", "start_value"),
        ("1203400", "many", "start_value"),
        ("1203400", "1.000", "start_value"),
        ("1203400", "203.400", "start_value"),
        ("1203400", "1.20E+06", "start_value: '1.20E+06' is as a spreadsheet shortens it"),
        ("1210950", "1e6", "stop_value: '1e6' is as a spreadsheet shortens it"),
        ("1210950,", "1,203,", "the row has 10 cells and the header 9"),
        (",Local", "", "the row has 8 cells and the header 9"),
        ("2026-10-14T05:58:20.000Z", "2026-10-25 02:30:00", "start_timestamp: '2026-10-25 02:30:00' is there twice"),
        ("2026-10-14T05", "2026-13-14T05", "start_timestamp"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_the_others_are_read(old: str, new: str, reason: str) -> None:
    row = ROW.replace(old, f'"{new}"' if "," in new and old == "1203400" else new)
    messages, [unreadable] = rows(OPEN, row, zone=BERLIN)
    assert len(messages) == 2
    assert unreadable.number == 3 and unreadable.reason.startswith(reason) and unreadable.remedy


@pytest.mark.parametrize("mark", ["\u2028", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_a_row_ends_where_its_line_does(mark: str) -> None:
    messages, unreadable = rows(ROW.replace("Local", f"Lo{mark}cal"), OPEN)
    assert not unreadable and len(messages) == 5
    assert [message.source.line for message in messages if message.source] == [2, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("zone", "offsets"),
    [("Europe/Berlin", "+02:00 +01:00"), ("Europe/London", "+01:00 +00:00"), ("Australia/Lord_Howe", "+11:00 +10:30")],
)
def test_a_time_that_is_there_twice_is_to_be_written_with_one_of_its_two_offsets(zone: str, offsets: str) -> None:
    written = "2026-04-05 01:45:00" if zone.startswith("Australia") else f"2026-10-25 0{2 if 'Berlin' in zone else 1}:30:00"
    _, [unreadable] = rows(OPEN.replace("2026-10-14T08:00:00.000Z", written), zone=ZoneInfo(zone))
    one, other = offsets.split()
    assert unreadable.remedy == f"write which of the two it is: {written}{one} or {written}{other}"
    assert len(rows(OPEN.replace("2026-10-14T08:00:00.000Z", written + one), zone=ZoneInfo(zone))[0]) == 2


def test_a_time_without_a_zone_is_not_guessed_at() -> None:
    with pytest.raises(ZoneNeeded, match=r"'2026-10-14 07:58:20' bears no zone; say .*--time-zone UTC") as needed:
        rows(OPEN, ROW.replace("2026-10-14T05:58:20.000Z", "2026-10-14 07:58:20"), zone=None)
    assert needed.value.number == 3
    with pytest.raises(ZoneNeeded):
        steve_log.read_line(LOG.encode(), 1, None)
    assert len(rows(ROW, OPEN, zone=None)[0]) == 5


def test_in_the_hour_that_clocks_go_through_twice_the_arrival_is_not_known() -> None:
    """A guess would be an hour off for half of the messages, and a station's right clock would be told to be wrong."""
    for clock, arrival in (
        ("01:59:59", "2026-10-24T23:59:59+00:00"),
        ("02:30:00", None),
        ("03:00:00", "2026-10-25T02:00:00+00:00"),
    ):
        read = steve_log.read_line(LOG.replace("2026-10-14 07:58:20,461", f"2026-10-25 {clock}").encode(), 1, BERLIN)
        assert isinstance(read, RawMessage)
        assert (read.received_at and read.received_at.isoformat()) == arrival


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("1210950", "", "stop_value: '' is no reading"),
        ("2026-10-14T07:28:20.000Z", "soon", "stop_timestamp: 'soon' is no time"),
        ("2026-10-14T07:28:20.000Z", "2026-10-25 02:30:00", "stop_timestamp: '2026-10-25 02:30:00' is there twice"),
    ],
)
def test_a_row_whose_stop_cannot_be_read_gives_no_start_either(old: str, new: str, reason: str) -> None:
    """Its start alone would be a session without an end, which the mended row does not take back."""
    messages, [unreadable] = rows(ROW.replace(old, new), zone=BERLIN)
    assert not messages
    assert unreadable.reason.startswith(reason)


def test_a_header_without_a_needed_column_is_told_once() -> None:
    messages, [unreadable] = rows(ROW, header=HEADER.replace("id_tag", "tag"))
    assert not messages and "id_tag" in unreadable.reason


@pytest.mark.parametrize(
    "row",
    [
        "4711,CP-1,1,04A2,2026-10-14T05:58:20.000Z,12034",  # where a file was cut off, perhaps within a number
        "4711,CP-1,1,04A2,2026-10-14T05:58:20.000Z,1203400,2026-10-14T07:28:20.000Z,1210950,5,Local",  # a decimal comma
        "4711",
    ],
)
def test_a_row_with_more_or_less_cells_than_the_header_is_told(row: str) -> None:
    messages, [unreadable] = rows(row, OPEN)
    assert len(messages) == 2
    assert (unreadable.number, unreadable.reason) == (2, f"the row has {row.count(',') + 1} cells and the header 9")
    shorter, [other] = rows(row, header="transaction_pk,charge_box_id,connector_id,start_timestamp,start_value,id_tag,x")
    assert not shorter and "the header 7" in other.reason


def test_empty_cells_after_the_last_column_say_nothing() -> None:
    assert len(rows(ROW + ",,", OPEN)[0]) == 5


def test_a_header_that_names_a_column_twice_is_told() -> None:
    messages, [unreadable] = rows(ROW, header=HEADER.replace("stop_reason", "start_value"))
    assert not messages and unreadable.reason == "the header names start_value twice"


def test_broken_quotes_are_told() -> None:
    messages, unreadable = rows('4711,"CP-1"x,1', OPEN)
    assert len(messages) == 2 and unreadable[0].number == 2


# ── SOAP ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

CS16, CS15, CP16 = "urn://Ocpp/Cs/2015/10/", "urn://Ocpp/Cs/2012/06/", "urn://Ocpp/Cp/2015/10/"


def envelope(body: str, header: str = "", space: str = CS16, prefix: str = "S") -> str:
    return (
        f'<{prefix}:Envelope xmlns:{prefix}="http://www.w3.org/2003/05/soap-envelope" '
        f'xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:o="{space}">'
        f"<{prefix}:Header>{header}</{prefix}:Header><{prefix}:Body>{body}</{prefix}:Body></{prefix}:Envelope>"
    )


REQUEST = "<o:chargeBoxIdentity>CP-1</o:chargeBoxIdentity><a:MessageID>urn:uuid:1</a:MessageID>"
START = envelope(
    "<o:startTransactionRequest><o:connectorId>1</o:connectorId><o:idTag>04A2</o:idTag>"
    "<o:timestamp>2026-10-14T05:58:20Z</o:timestamp><o:meterStart>1203400</o:meterStart></o:startTransactionRequest>",
    REQUEST,
)
STARTED = envelope(
    "<o:startTransactionResponse><o:transactionId>17</o:transactionId>"
    "<o:idTagInfo><o:status>Accepted</o:status></o:idTagInfo></o:startTransactionResponse>",
    "<a:RelatesTo>urn:uuid:1</a:RelatesTo>",
    prefix="soapenv",
)


def read(*envelopes: str) -> tuple[list[RawMessage], list[Unreadable]]:
    return parted(read_envelopes("\n".join(envelopes).encode(), "log.xml"))


def test_an_envelope_becomes_the_frame_that_says_the_same() -> None:
    messages, unreadable = read('<?xml version="1.0"?>', START, "-- a line of a log", STARTED)
    assert not unreadable
    assert [(m.direction.value, m.station, m.protocol, json.loads(m.frame)) for m in messages] == [
        (
            "station->csms",
            "CP-1",
            Protocol.OCPP16,
            [
                2,
                "urn:uuid:1",
                "StartTransaction",
                {"connectorId": 1, "idTag": "04A2", "timestamp": "2026-10-14T05:58:20Z", "meterStart": 1203400},
            ],
        ),
        (
            "csms->station",
            "CP-1",
            Protocol.OCPP16,
            [3, "urn:uuid:1", {"transactionId": 17, "idTagInfo": {"status": "Accepted"}}],
        ),
    ]
    assert [(m.source.form, m.source.line, m.source.text) for m in messages if m.source] == [
        ("ocpp1.6-soap", 2, START),
        ("ocpp1.6-soap", 4, STARTED),
    ]


VALUES_16 = (
    "<o:meterValuesRequest><o:connectorId>1</o:connectorId><o:transactionId>17</o:transactionId>"
    "<o:meterValue><o:timestamp>2026-10-14T06:00:00Z</o:timestamp>"
    "<o:sampledValue><o:value>1203.5</o:value><o:unit>kWh</o:unit></o:sampledValue>"
    "<o:sampledValue><o:value>11</o:value><o:measurand>Power.Active.Import</o:measurand><o:unit>kW</o:unit></o:sampledValue>"
    "</o:meterValue></o:meterValuesRequest>"
)
VALUES_15 = (
    "<o:meterValuesRequest><o:connectorId>1</o:connectorId><o:transactionId>17</o:transactionId>"
    '<o:values><o:timestamp>2026-10-14T06:00:00Z</o:timestamp><o:value unit="kWh">1203.5</o:value>'
    '<o:value measurand="Power.Active.Import" unit="kW">11</o:value></o:values></o:meterValuesRequest>'
)


def test_meter_values_of_both_editions_say_the_same_as_json() -> None:
    wanted = {
        "connectorId": 1,
        "transactionId": 17,
        "meterValue": [
            {
                "timestamp": "2026-10-14T06:00:00Z",
                "sampledValue": [
                    {"value": "1203.5", "unit": "kWh"},
                    {"value": "11", "measurand": "Power.Active.Import", "unit": "kW"},
                ],
            }
        ],
    }
    messages, _ = read(envelope(VALUES_16, REQUEST), envelope(VALUES_15, REQUEST, CS15))
    assert [json.loads(m.frame)[3] for m in messages] == [wanted, wanted]
    assert [m.source.form for m in messages if m.source] == ["ocpp1.6-soap", "ocpp1.5-soap"]
    assert events(messages[:1]) == events(messages[1:]) != []


def test_transaction_data_of_both_editions_is_a_list_of_meter_values() -> None:
    head = "<o:stopTransactionRequest><o:transactionId>17</o:transactionId><o:timestamp>2026-10-14T07:28:20Z</o:timestamp>"
    head += "<o:meterStop>1210950</o:meterStop><o:transactionData>"
    tail = "</o:transactionData></o:stopTransactionRequest>"
    new = "<o:timestamp>2026-10-14T06:00:00Z</o:timestamp><o:sampledValue><o:value>5</o:value></o:sampledValue>"
    old = "<o:values><o:timestamp>2026-10-14T06:00:00Z</o:timestamp><o:value>5</o:value></o:values>"
    messages, _ = read(envelope(head + new + tail, REQUEST), envelope(head + old + tail, REQUEST, CS15))
    wanted = [{"timestamp": "2026-10-14T06:00:00Z", "sampledValue": [{"value": "5"}]}]
    assert [json.loads(m.frame)[3]["transactionData"] for m in messages] == [wanted, wanted]


def test_an_answer_goes_to_the_station_whose_call_waits_for_it() -> None:
    """Some stations count their MessageIDs from 1, each its own."""
    starts = [START.replace("CP-1", name) for name in ("CP-1", "CP-2")]
    messages, unreadable = read(starts[0], STARTED, starts[1], STARTED, STARTED)
    assert not unreadable
    assert [m.station for m in messages] == ["CP-1", "CP-1", "CP-2", "CP-2", "CP-2"]


def test_an_answer_that_two_stations_wait_for_is_not_guessed_at() -> None:
    starts = [START.replace("CP-1", name) for name in ("CP-1", "CP-2")]
    messages, [unreadable] = read(*starts, STARTED)
    assert [m.station for m in messages] == ["CP-1", "CP-2"]
    assert (
        unreadable.number == 3 and unreadable.reason == "RelatesTo: 'urn:uuid:1' is the MessageID of calls of several stations"
    )
    named = STARTED.replace("<a:RelatesTo>", "<o:chargeBoxIdentity>CP-2</o:chargeBoxIdentity><a:RelatesTo>")
    messages, unreadable_too = read(*starts, named, STARTED)
    assert not unreadable_too
    assert [m.station for m in messages] == ["CP-1", "CP-2", "CP-2", "CP-1"]


def test_what_the_csms_asks_goes_the_other_way_and_a_fault_is_an_error() -> None:
    asked = envelope("<o:resetRequest><o:type>Hard</o:type></o:resetRequest>", REQUEST, CP16)
    answer = envelope(
        "<o:resetResponse><o:status>Accepted</o:status></o:resetResponse>", "<a:RelatesTo>urn:uuid:1</a:RelatesTo>", CP16
    )
    fault = envelope("<S:Fault><S:Reason><S:Text>no</S:Text></S:Reason></S:Fault>", "<a:RelatesTo>urn:uuid:1</a:RelatesTo>")
    messages, _ = read(asked, answer, fault)
    assert [(m.direction.value, json.loads(m.frame)[0]) for m in messages] == [
        ("csms->station", 2),
        ("station->csms", 3),
        ("csms->station", 4),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (STARTED, "no request before it"),
        (envelope("<o:startTransactionRequest/>"), "chargeBoxIdentity"),
        (envelope("", REQUEST), "nothing in its body"),
        (envelope("<o:startTransactionRequest/>", REQUEST, "urn:other"), "no namespace of OCPP's"),
        (envelope("<o:somethingElse/>", REQUEST), "neither a request nor a response"),
        (START.replace("<o:idTag>", "<o:idTag"), "no XML"),
        (START.replace("</S:Envelope>", ""), "does not end"),
        (START.replace("04A2", "&x;"), "no XML"),
        (START.replace("04A2", "<x>" * 200 + "</x>" * 200), "nests deeper"),
    ],
)
def test_an_envelope_that_cannot_be_read_is_told_and_the_others_are_read(text: str, reason: str) -> None:
    other = START.replace("urn:uuid:1", "urn:uuid:2")
    messages, [unreadable] = read("", text, other)
    assert reason in unreadable.reason and unreadable.remedy
    assert len(messages) == 1


def test_entities_and_document_types_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    bomb = '<!DOCTYPE S:Envelope [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    outside = f'<!DOCTYPE S:Envelope [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    for kind in (bomb, outside):
        inside = START.replace("<S:Header>", kind + "<S:Header>").replace("04A2", "&x;")
        messages, unreadable = read(inside)
        assert not messages and unreadable, "a document type within an envelope is no XML"
        before, unreadable = read(kind + START.replace("04A2", "&x;"))
        assert not before and unreadable, "what is declared before an envelope is not declared in it"


@pytest.mark.parametrize(
    "data",
    [
        b"<a:Envelope " * 20_000,
        b"<Envelope>" * 200_000,
        b"<a:Envelope></b:Envelope>" * 50_000,
        b"<" * 10**6,
        START.encode() * 500,
    ],
)
def test_a_hostile_file_costs_no_more_than_its_length(data: bytes) -> None:
    began = time.monotonic()
    read_envelopes(data, "f")
    assert time.monotonic() - began < 15


def test_an_action_that_is_not_known_is_a_frame_all_the_same() -> None:
    messages, _ = read(envelope("<o:fooRequest><o:bar>1</o:bar></o:fooRequest>", REQUEST))
    assert json.loads(messages[0].frame)[2:] == ["Foo", {"bar": "1"}]
    assert not any(isinstance(event, MessageRejected) for event in events(messages))
