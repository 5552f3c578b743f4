"""Captures: a frame's bytes stay as they came, and a line that cannot be read says what to do."""

import json
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.captures import Unreadable, read_line, read_lines
from ingest.decode import decode
from vocabulary.charging import Direction, MessageRejected, Protocol, RawMessage
from vocabulary.codec import decode as stored
from vocabulary.codec import encode, event_id
from vocabulary.identity import StationId

FOLDER = Path(__file__).parent.parent / "data" / "ocpp"
FRAME = '[2,"b-1","Heartbeat",{}]'
AT = datetime(2026, 3, 2, 8, 0, 15, tzinfo=UTC)


def line(text: str | bytes, number: int = 7) -> RawMessage | Unreadable | None:
    return read_line(text if isinstance(text, bytes) else text.encode(), number)


def test_a_line_of_a_capture_is_a_message() -> None:
    written = '{"at":"2026-03-02T08:00:15Z","station":"CP16-01","protocol":"ocpp1.6","direction":"csms->station","action":"X",'
    assert line(written + f'"frame":{FRAME},"note":[1,2]}}\r\n') == RawMessage(
        station=StationId("CP16-01"),
        frame=FRAME,
        direction=Direction.TO_STATION,
        protocol=Protocol.OCPP16,
        received_at=AT,
    )


def test_what_the_source_did_not_record_is_none() -> None:
    read = line(f'{{"station":"CP16-01","frame":{FRAME}}}')
    assert isinstance(read, RawMessage)
    assert (read.received_at, read.protocol, read.direction) == (None, None, Direction.FROM_STATION)


@pytest.mark.parametrize(
    "frame",
    [
        '[2, "b-1",\t"X", {"a" : 1.500, "b":"\\u00e9 é \\/", "a":2 }]',
        '[2,"x","DataTransfer",{"data":"{\\"cost\\":2.50}"}]',
        "[]",
        '{"no":"array"}',
        "12345678901234567890.10",
    ],
)
def test_a_frame_is_taken_verbatim_from_its_line(frame: str) -> None:
    read = line(f'{{"station":"CP16-01", "frame": {frame} , "note":1}}')
    assert isinstance(read, RawMessage)
    assert read.frame == frame
    assert stored(encode(read)) == read


def test_every_frame_of_every_capture_is_a_part_of_its_line() -> None:
    for file in sorted(FOLDER.glob("*.ndjson")):
        for number, written in enumerate(file.read_bytes().splitlines(), 1):
            read = read_line(written, number)
            assert isinstance(read, RawMessage)
            assert f'"frame":{read.frame},'.encode() in written


def test_a_frame_that_is_no_json_is_written_as_a_string() -> None:
    read = line(r'{"station":"CP16-01","frame":"[2,\"x\",\"Heartbeat\",{"}')
    assert isinstance(read, RawMessage)
    assert read.frame == '[2,"x","Heartbeat",{'


def test_bytes_that_are_no_text_are_kept_as_base64() -> None:
    data = b'[2,"x","Authorize",{"idTag":"\xff\xfe"}]'
    for written in (b'{"station":"CP16-01","frame":' + data + b"}", b"CP16-01 " + data):
        read = line(written)
        assert isinstance(read, RawMessage)
        assert read.base64
        assert b64decode(read.frame) == data
        (rejected,) = decode(read, event_id)
        assert isinstance(rejected, MessageRejected)
        assert rejected.reason == "frame_is_not_utf8"


@pytest.mark.parametrize(
    ("written", "at", "direction"),
    [
        ("CP16-01 %s", None, Direction.FROM_STATION),
        ("  CP16-01\t%s\r\n", None, Direction.FROM_STATION),
        ("CP16-01 > %s", None, Direction.FROM_STATION),
        ("CP16-01 < %s", None, Direction.TO_STATION),
        ("CP16-01<%s", None, Direction.TO_STATION),
        ("< CP16-01 %s", None, Direction.TO_STATION),
        ("CP16-01 csms->station %s", None, Direction.TO_STATION),
        ("2026-03-02T08:00:15Z CP16-01 %s", AT, Direction.FROM_STATION),
        ("2026-03-02T09:00:15+01:00 CP16-01 station->csms %s", AT, Direction.FROM_STATION),
        ("2026-03-02T08:00:15Z < CP16-01 %s", AT, Direction.TO_STATION),
    ],
)
def test_a_plain_line_is_a_station_and_its_frame(written: str, at: datetime | None, direction: Direction) -> None:
    read = line(written % FRAME)
    assert isinstance(read, RawMessage)
    assert (read.station, read.frame.rstrip(), read.received_at, read.direction) == ("CP16-01", FRAME, at, direction)


@pytest.mark.parametrize("written", ["", "   ", "\r\n", "# a comment", "  # {[", "\ufeff"])
def test_a_blank_line_and_a_comment_say_nothing(written: str) -> None:
    assert line(written, 1) is None


def test_a_byte_order_mark_before_the_first_line_is_no_part_of_it() -> None:
    assert isinstance(line("\ufeffCP16-01 " + FRAME, 1), RawMessage)
    assert isinstance(line("\ufeffCP16-01 " + FRAME, 2), Unreadable)


@pytest.mark.parametrize(
    ("written", "reason", "remedy"),
    [
        (FRAME, "neither a JSON object nor a station's name and a frame", "STATION ["),
        ("hello", "neither a JSON object nor a station's name and a frame", "STATION ["),
        ('{"station":"CP16-01"}', "not a capture line: Object missing required field `frame`", "STATION ["),
        ('{"frame":[]}', "not a capture line: Object missing required field `station`", "STATION ["),
        ('{"station":5,"frame":[]}', "not a capture line: Expected `str`, got `int`", "STATION ["),
        ('{"station":"CP16-01","frame":[2', "not a capture line: Input data was truncated", "STATION ["),
        (b'{"station":"\xff","frame":[]}', "not a capture line: 'utf-8' codec can't decode", "STATION ["),
        (b'{"station":"CP16-01","frame":"\xff"}', "frame: ", "write the frame as a JSON array"),
        (
            '{"station":"CP16-01","frame":' + "[" * 200 + "]" * 200 + "}",
            "JSON nested deeper than 100 levels",
            "leave the line out",
        ),
        ('{"station":"Säule 1","frame":[]}', "station: 'Säule 1' is no station's name", "use 1 to 48 of the characters"),
        ('{"station":"..","frame":[]}', "station: '..' is no station's name", "use 1 to 48 of the characters"),
        ('{"station":".","frame":[]}', "station: '.' is no station's name", "use 1 to 48 of the characters"),
        (b"CP\xff " + FRAME.encode(), "station: 'CP\ufffd' is no station's name", "use 1 to 48 of the characters"),
        ('{"station":"CP16-01","at":"noon","frame":[]}', "at: 'noon' is no time", "write it as 2026-03-02T08:00:15Z"),
        ("2026-03-02T99:00:00Z CP16-01 " + FRAME, "at: '2026-03-02T99:00:00Z' is no time", "write it as 2026"),
        ('{"station":"CP16-01","protocol":"ocpp1.5","frame":[]}', "protocol: 'ocpp1.5'", "write ocpp1.6, ocpp2.0.1 or ocpp2.1"),
        (
            '{"station":"CP16-01","direction":"up","frame":[]}',
            "direction: 'up' is no direction",
            "write station->csms or csms->station",
        ),
    ],
)
def test_a_line_that_cannot_be_read_tells_its_number_the_reason_and_a_remedy(
    written: str | bytes, reason: str, remedy: str
) -> None:
    read = line(written)
    assert isinstance(read, Unreadable)
    assert read.number == 7
    assert read.reason.startswith(reason)
    assert remedy in read.remedy


def test_lines_are_read_in_order_and_counted_with_those_that_say_nothing() -> None:
    lines = [b"# two stations\n", b"CP-1 [1]\n", b"\n", b"broken\n", b"CP-2 [2]\n"]
    read = list(read_lines(lines))
    assert [item.number if isinstance(item, Unreadable) else item.station for item in read] == ["CP-1", 4, "CP-2"]


@given(st.binary() | st.builds(lambda a, b: a + FRAME.encode() + b, st.binary(max_size=20), st.binary(max_size=5)))
def test_no_line_raises(written: bytes) -> None:
    read = line(written)
    assert read is None or isinstance(read, RawMessage | Unreadable)
    assert not isinstance(read, RawMessage) or stored(encode(read)) == read


NAMES = st.from_regex(r"[A-Za-z0-9*\-_=:+|@.]{1,48}", fullmatch=True).filter(lambda name: name not in (".", ".."))


@given(NAMES, st.recursive(st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_message_written_as_a_line_comes_back(station: str, value: object) -> None:
    frame = json.dumps([2, "x", "DataTransfer", {"data": value}], ensure_ascii=False)
    read = line(f'{{"station":"{station}","frame":{frame}}}')
    assert isinstance(read, RawMessage)
    assert (read.station, read.frame) == (station, frame)
