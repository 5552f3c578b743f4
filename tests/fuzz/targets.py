"""What the fuzzer calls: each takes any bytes and fails only where a promise of `ingest` or of the steps is broken.

decode     any frame gives events or one rejection, the same each time; each event comes back from its bytes
envelope   any text opens, or is refused
capture    any line is a message, unreadable with a reason, or nothing
answer     any frame is answered with JSON of at most one message, or not at all
file       any file is read in the form that it seems to have: each part is a message, or unreadable with a reason
batch      any body of a publisher gives items, or is refused as a whole with what to do
steps      any messages become sessions that are whole, the same each time and however they are cut, and states that come back
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, tzinfo

import msgspec

from ingest.answers import Decisions, answer
from ingest.batches import Unacceptable, read_batch, unpacked
from ingest.captures import Unreadable, read_line
from ingest.decode import DETAIL_MAX, decode, passed_by
from ingest.envelope import open_frame
from ingest.fields import Refused
from ingest.file_forms import HEAD_BYTES, FileForm, line_reader, recognised, whole_reader
from ingest.local_times import ZoneNeeded
from tests.fuzz.signed_targets import signed
from tests.streams.folding import fold
from tests.streams.promises import assert_whole
from tests.streams.promises import stored as written_and_read
from vocabulary.charging import Direction, MessageRejected, Protocol, RawMessage
from vocabulary.codec import decode as stored
from vocabulary.codec import encode
from vocabulary.identity import EventId, StationId
from vocabulary.rules import RULES

_NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_PROTOCOLS = (None, *Protocol)
_ELSE = EventId("0" * 64)
_LINES, _HAS_ZONE, _IS_ARRAY, _IS_PACKED, _SIGNED = 8, 16, 32, 64, 128  # of the first byte


def one(data: bytes) -> None:
    """The first byte chooses the version and the direction; the rest is the frame or the line, or signed values of meters."""
    choice, body = (data[0], data[1:]) if data else (0, b"")
    if choice & _SIGNED:
        signed(body)
        return
    text = body.decode(errors="surrogateescape")
    protocol = _PROTOCOLS[choice % 4]
    for target in TARGETS:
        target(text, body, protocol, (Direction.FROM_STATION, Direction.TO_STATION)[choice // 4 % 2])
    if choice & _LINES:
        _file(body, UTC if choice & _HAS_ZONE else None)
        _batch(body, is_array=bool(choice & _IS_ARRAY), is_packed=bool(choice & _IS_PACKED))
        _steps(body)


def _decode(text: str, _body: bytes, protocol: Protocol | None, direction: Direction) -> None:
    raw = RawMessage(station=StationId("CP"), frame=text, direction=direction, protocol=protocol, received_at=_NOW)
    found = decode(raw, lambda _: _ELSE)
    assert found == decode(raw, lambda _: _ELSE), "two readings of one frame differ"
    for event in found:
        assert encode(stored(encode(event))) == encode(event), "an event does not come back from its bytes"
    rejected = [event for event in found if isinstance(event, MessageRejected)]
    assert not rejected or len(found) == 1, "a rejection beside events"
    assert all(len(event.detail) <= DETAIL_MAX for event in rejected)
    assert found or passed_by(raw)


def _envelope(text: str, _body: bytes, _protocol: Protocol | None, _direction: Direction) -> None:
    with suppress(Refused):
        open_frame(text)


def _capture(_text: str, body: bytes, _protocol: Protocol | None, _direction: Direction) -> None:
    read = read_line(body, 1, UTC)
    assert read is None or isinstance(read, RawMessage) or read.reason


def _answer(text: str, _body: bytes, protocol: Protocol | None, _direction: Direction) -> None:
    for decide in (Decisions(), Decisions(transaction_id=1)):
        said = answer(protocol or Protocol.OCPP16, text, _NOW, decide)
        assert said is None or isinstance(msgspec.json.decode(said), list)


def _file(body: bytes, zone: tzinfo | None) -> None:
    form = recognised(body[:HEAD_BYTES])
    with suppress(ZoneNeeded):
        assert all(isinstance(one, RawMessage) or (one.reason and one.remedy) for one in _parts(body, form, zone))


def _parts(body: bytes, form: FileForm, zone: tzinfo | None) -> list[RawMessage | Unreadable]:
    read = line_reader(form, zone)
    if read is None:
        return whole_reader(form, zone)(body, "file")
    found = (read(line, number) for number, line in enumerate(body.split(b"\n"), start=1))
    return [one for one in found if one is not None]


def _batch(body: bytes, *, is_array: bool, is_packed: bool) -> None:
    with suppress(Unacceptable):
        items = read_batch(unpacked(body) if is_packed else body, is_array)
        assert all(isinstance(item, RawMessage) or item.reason for item in items)


def _steps(body: bytes) -> None:
    messages = [one for one in _parts(body, FileForm.CAPTURE, UTC) if isinstance(one, RawMessage)]
    events = [event for message in messages for event in decode(message, lambda _: _ELSE, RULES)]
    once, half = fold(events), len(events) // 2
    pieces = fold(events[:half])
    written_and_read(pieces)
    assert pieces.tell(events[half:]).result() == once.result()
    for closed in once.closed:
        assert_whole(closed.session)


Target = Callable[[str, bytes, Protocol | None, Direction], None]
TARGETS: tuple[Target, ...] = (_decode, _envelope, _capture, _answer)
