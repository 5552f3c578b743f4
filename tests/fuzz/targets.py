"""What the fuzzer calls: each takes any bytes and fails only where a promise of `ingest` is broken.

decode     any frame gives events or one rejection, the same each time; each event comes back from its bytes
envelope   any text opens, or is refused
capture    any line is a message, unreadable with a reason, or nothing
answer     any frame is answered with JSON of at most one message, or not at all
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from ingest.answers import Decisions, answer
from ingest.captures import read_line
from ingest.decode import DETAIL_MAX, decode, passed_by
from ingest.envelope import open_frame
from ingest.fields import Refused
from vocabulary.charging import Direction, MessageRejected, Protocol, RawMessage
from vocabulary.codec import decode as stored
from vocabulary.codec import encode
from vocabulary.identity import EventId, StationId

_NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_PROTOCOLS = (None, *Protocol)
_ELSE = EventId("0" * 64)


def one(data: bytes) -> None:
    """The first byte chooses the version and the direction; the rest is the frame or the line."""
    choice, body = (data[0], data[1:]) if data else (0, b"")
    text = body.decode(errors="surrogateescape")
    protocol = _PROTOCOLS[choice % 4]
    for target in TARGETS:
        target(text, body, protocol, (Direction.FROM_STATION, Direction.TO_STATION)[choice // 4 % 2])


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


Target = Callable[[str, bytes, Protocol | None, Direction], None]
TARGETS: tuple[Target, ...] = (_decode, _envelope, _capture, _answer)
