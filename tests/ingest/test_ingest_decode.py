"""Whatever arrives is understood, or rejected with a reason, and nothing is raised."""

import json
from base64 import b64encode
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import ocpp16, ocpp201
from ingest.captures import read_lines
from ingest.decode import DETAIL_MAX, decode
from ingest.envelope import Call, open_frame
from ingest.samples import Shape, _read_carefully
from tests.ingest.notation import events, message
from vocabulary.charging import Direction, MessageRejected, Protocol, RawMessage, TransactionEnded
from vocabulary.codec import decode as stored
from vocabulary.codec import encode, event_id
from vocabulary.identity import StationId

FOLDER = Path(__file__).parent.parent / "data" / "ocpp"
MESSAGES = [m for file in sorted(FOLDER.glob("*.ndjson")) for m in read_lines(file.open("rb")) if isinstance(m, RawMessage)]
CALLS = [m for m in MESSAGES if isinstance(open_frame(m.frame), Call)]

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)
FIELDS = [
    "connectorId",
    "evseId",
    "timestamp",
    "transactionId",
    "transactionInfo",
    "eventType",
    "seqNo",
    "meterValue",
    "status",
]


def rejection(frame: str, protocol: Protocol | None = Protocol.OCPP16) -> tuple[str, str]:
    (rejected,) = events(frame, protocol)
    assert isinstance(rejected, MessageRejected)
    return rejected.reason.value, rejected.detail


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ('[2,"x","StopTransaction",{"idTag":"\ud800"}]', "frame_is_not_utf8"),
        ("\ud800", "frame_is_not_utf8"),
        ("[" * 200 + "\ud800", "frame_is_not_utf8"),
        ("", "frame_is_not_json"),
        ("hello", "frame_is_not_json"),
        ('[2,"x","StopTransaction",{"transactionId":1}', "frame_is_not_json"),
        ('{"frame": [2,"x"', "frame_is_not_json"),
        ('[2,"x","StopTransaction",{"idTag":"\\ud800"}]', "frame_is_not_json"),
        ('[2,"x","StopTransaction",{"a":' + "[" * 100_000 + "]" * 100_000 + "}]", "frame_is_not_json"),
        ('[2,"x","StopTransaction",{}] [', "frame_is_not_json"),
        ("{}", "frame_is_not_an_ocpp_j_array"),
        ('"text"', "frame_is_not_an_ocpp_j_array"),
        ("9" * 5000, "frame_is_not_an_ocpp_j_array"),
        ("[]", "frame_is_not_an_ocpp_j_array"),
        ('["2","x","Heartbeat",{}]', "frame_is_not_an_ocpp_j_array"),
        ("[true]", "frame_is_not_an_ocpp_j_array"),
        ("[2]", "frame_is_not_an_ocpp_j_array"),
        ('[2,"x"]', "frame_is_not_an_ocpp_j_array"),
        ('[2,null,"Heartbeat",{}]', "frame_is_not_an_ocpp_j_array"),
        ('[2,"x",7,{}]', "frame_is_not_an_ocpp_j_array"),
        ('[2,"x","Heartbeat",[]]', "frame_is_not_an_ocpp_j_array"),
        ('[3,"x",7]', "frame_is_not_an_ocpp_j_array"),
        ('[7,"x",{}]', "message_type_is_unknown"),
        ("[-1]", "message_type_is_unknown"),
    ],
)
def test_what_is_no_frame_is_rejected_for_the_first_reason_that_holds(frame: str, reason: str) -> None:
    assert rejection(frame)[0] == reason


@pytest.mark.parametrize(
    "frame",
    [
        *["[4]", '[4,"x"]', "[5,7,null]", "[6]", '[6,"x"]', '[6,"x","NotifyPeriodicEventStream",7]', '[6,"x","Heartbeat",{}]'],
        *['[3,"x",{}]', '[3,"x",null]', '[3,"x"]'],
        *['[2,"x","Heartbeat",null]', '[2,"x","Heartbeat"]', '[ 2 , "x" , "Heartbeat" , {} ]'],
    ],
)
def test_a_frame_that_is_understood_and_not_about_a_bill_means_nothing(frame: str) -> None:
    assert events(frame) == ()


@pytest.mark.parametrize("beginning", ['[2,"t"', "[2,7", '\n[ 2 ,"t"', '[2 , "t" '])
def test_blanks_numbers_as_ids_and_more_elements_are_tolerated(beginning: str) -> None:
    assert len(events(f'{beginning},"StartTransaction",{{"connectorId":1,"timestamp":"2026-03-02T08:00:14Z"}},null]')) == 2


def test_bytes_that_are_no_text_are_rejected_and_bytes_that_are_text_are_read() -> None:
    frame = b'[2,"x","StopTransaction",{"transactionId":5,"timestamp":"2026-03-02T08:00:14Z"}]'
    for data, expected in ((b"\xff\xfe", MessageRejected), (frame, TransactionEnded)):
        raw = RawMessage(station=StationId("CP"), frame=b64encode(data).decode(), base64=True)
        assert [type(event) for event in decode(raw, event_id)] == [expected]
    (rejected,) = decode(RawMessage(station=StationId("CP"), frame="?", base64=True), event_id)
    assert isinstance(rejected, MessageRejected)
    assert rejected.reason == "frame_is_not_utf8"


def test_a_rejection_points_to_its_message_and_its_detail_is_short() -> None:
    raw = message('[2,"x","StartTransaction",{"connectorId":1,"timestamp":"' + "x" * 5000 + '"}]', Protocol.OCPP16)
    (rejected,) = decode(raw, event_id)
    assert isinstance(rejected, MessageRejected)
    assert rejected.message == event_id(raw)
    assert len(rejected.detail) <= DETAIL_MAX


@given(st.text() | st.binary().map(lambda data: data.decode(errors="surrogateescape")))
def test_any_text_gives_events_or_one_rejection(text: str) -> None:
    assert_sound(text, None)


@given(ANY_JSON)
def test_any_json_gives_events_or_one_rejection(value: object) -> None:
    assert_sound(json.dumps(value), None)


@settings(max_examples=300)
@given(
    st.sampled_from(["StartTransaction", "StopTransaction", "MeterValues", "StatusNotification", "TransactionEvent"]),
    st.sampled_from([None, *Protocol]),
    st.dictionaries(
        st.sampled_from(FIELDS),
        ANY_JSON | st.sampled_from(["2026-03-02T08:00:14Z", "Started", {"transactionId": "t"}]),
    ),
)
def test_any_payload_gives_events_or_one_rejection(action: str, protocol: Protocol | None, payload: dict[str, object]) -> None:
    assert_sound(json.dumps([2, "x", action, payload]), protocol)


@settings(max_examples=300)
@given(st.data())
def test_a_real_frame_with_anything_in_it_gives_events_or_one_rejection(data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(CALLS))
    frame = json.loads(raw.frame)
    place = data.draw(st.sampled_from(list(_places(frame))))
    _put(frame, place, data.draw(ANY_JSON))
    assert_sound(json.dumps(frame), raw.protocol)


def assert_sound(frame: str, protocol: Protocol | None) -> None:
    for direction in Direction:
        found = events(frame, protocol, direction)
        assert found == events(frame, protocol, direction)
        assert all(stored(encode(event)) == event for event in found)
        assert len(found) == 1 or not any(isinstance(event, MessageRejected) for event in found)


def _places(value: object, path: tuple[int | str, ...] = ()) -> list[tuple[int | str, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in [(*path, key), *_places(inner, (*path, key))]]


def _put(value: object, path: tuple[int | str, ...], new: object) -> None:
    for key in path[:-1]:
        value = value[key]  # type: ignore[index]
    value[path[-1]] = new  # type: ignore[index]


@pytest.mark.parametrize("raw", MESSAGES, ids=lambda raw: f"{raw.station}-{raw.frame[:16]}")
def test_each_recorded_frame_is_understood(raw: RawMessage) -> None:
    """One is not, and says why: three values of which none is a number."""
    found = decode(raw, event_id)
    rejected = [event.detail for event in found if isinstance(event, MessageRejected)]
    assert rejected == (["meterValue: none of 3 sampled values can be read"] if '"q7"' in raw.frame and found else [])


@pytest.mark.parametrize("raw", [m for m in CALLS if m.direction is Direction.FROM_STATION], ids=lambda raw: raw.frame[:16])
def test_an_event_comes_back_from_its_bytes_with_the_same_bytes(raw: RawMessage) -> None:
    for event in decode(raw, event_id):
        assert encode(stored(encode(event))) == encode(event)


SHAPES: dict[str, list[Shape[ocpp16.MeterValues] | Shape[ocpp16.StopTransaction] | Shape[ocpp201.TransactionEvent]]] = {
    "MeterValues": [ocpp16._METER_VALUES],
    "StopTransaction": [ocpp16._STOP],
    "TransactionEvent": [ocpp201._TRANSACTION_EVENT],
}


def test_reading_meter_values_one_by_one_finds_the_same_as_reading_them_whole() -> None:
    compared = 0
    for raw in CALLS:
        call = open_frame(raw.frame)
        assert isinstance(call, Call)
        for shape in SHAPES.get(call.action, ()):
            try:
                whole = shape.message.decode(call.payload)
            except msgspec.ValidationError:
                continue
            assert _read_carefully(call.payload, shape) == whole  # type: ignore[misc]
            compared += 1
    assert compared > 60
