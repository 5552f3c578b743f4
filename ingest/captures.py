"""Read recorded OCPP traffic, one frame per line, so that the bytes of each frame stay as they came. Pure.

    {"at":"2026-03-02T08:00:15Z","station":"CP16-01","protocol":"ocpp1.6","direction":"station->csms","frame":[2,"t-1",…]}
    CP16-01 [2,"t-1","StartTransaction",{…}]
    2026-03-02T08:00:15Z CP16-01 > [2,"t-1","StartTransaction",{…}]
    2026-03-02T08:00:15Z CP16-01 < [3,"t-1",{…}]

In the first form `at`, `protocol` and `direction` may be missing and other keys are ignored; `received_at` is another name of
`at`. `frame` is the array itself, or a string that holds the frame where it is no JSON; with `"base64":true` that string is
base64 of the frame's bytes. In the plain form the time and the mark may be missing; `>` and `station->csms` mean from the
station, as does no mark. Blank lines and lines that begin with `#` say nothing. Every other line is a message or `Unreadable`.
An arrival without a zone is in the one that was said; where none was, it raises ZoneNeeded, and nothing else does.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from ingest.fields import NESTING_MAX, is_too_deep
from ingest.local_times import Unsettled, in_zone
from ingest.station_name import RULE, station_name
from vocabulary.charging import Direction, Protocol, RawMessage


class Unreadable(NamedTuple):
    """A line that is no message. `number` counts lines from 1; `remedy` says what to do about it."""

    number: int
    reason: str
    remedy: str


TIME_RULE: Final = "write it as 2026-03-02T08:00:15Z, or leave it out"
FORMS: Final = 'write {"at":…,"station":…,"protocol":…,"frame":[…]} or: STATION [2,"id","Action",{…}]'

_PROTOCOLS = {protocol.value: protocol for protocol in Protocol} | {p.value.removeprefix("ocpp"): p for p in Protocol}
_DIRECTIONS = {
    "station->csms": Direction.FROM_STATION,
    ">": Direction.FROM_STATION,
    "csms->station": Direction.TO_STATION,
    "<": Direction.TO_STATION,
}
_BOM = b"\xef\xbb\xbf"
_MARK = rb"station->csms|csms->station|[<>]"
_PLAIN_LINE = re.compile(
    rb"(?:(?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]\S++)\s++)?"
    rb"(?:(?P<mark_before>" + _MARK + rb")\s*+)?"
    rb"(?P<station>[^\s\[{<>]++)\s*+"
    rb"(?:(?P<mark_after>" + _MARK + rb")\s*+)?"
    rb"(?P<frame>\[.*+)",
    re.DOTALL,
)


class _Line(Struct):
    frame: msgspec.Raw
    station: str
    at: str | None = None
    received_at: str | None = None
    protocol: str | None = None
    direction: str | None = None
    base64: bool = False


class _Complaint(Exception):
    """A line's reason and remedy, on their way to `Unreadable`."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason, self.remedy = reason, remedy


_LINE = msgspec.json.Decoder(_Line)
_TEXT = msgspec.json.Decoder(str)


def read_lines(lines: Iterable[bytes]) -> Iterator[RawMessage | Unreadable]:
    """The messages of a capture in its order, with what cannot be read in its place. Raises ZoneNeeded."""
    for number, line in enumerate(lines, 1):
        item = read_line(line, number)
        if item is not None:
            yield item


def read_line(line: bytes, number: int, zone: tzinfo | None = None) -> RawMessage | Unreadable | None:
    """What the line says; None where it says nothing. Raises ZoneNeeded."""
    line = line.strip(b"\r\n")
    if number == 1:
        line = line.removeprefix(_BOM)
    try:
        match line.lstrip()[:1]:
            case b"" | b"#":
                return None
            case b"{":
                return _object(line, number, zone)
            case _:
                return _plain(line.lstrip(), number, zone)
    except _Complaint as complaint:
        return Unreadable(number, complaint.reason, complaint.remedy)


def read_object(text: bytes, number: int) -> RawMessage | Unreadable:
    """What a line of the first form says, wherever its text stands: in a line of its own, or in a JSON array.

    Raises ZoneNeeded.
    """
    try:
        return _object(text, number, None)
    except _Complaint as complaint:
        return Unreadable(number, complaint.reason, complaint.remedy)


def _object(line: bytes, number: int, zone: tzinfo | None) -> RawMessage:
    if line.count(b"[") + line.count(b"{") > NESTING_MAX and is_too_deep(line.decode(errors="replace"), NESTING_MAX + 1):
        raise _Complaint(f"JSON nested deeper than {NESTING_MAX} levels", "leave the line out: no station sends this")
    try:
        parts = _LINE.decode(line)
    except ValueError as error:  # malformed, of another shape, or not UTF-8
        raise _Complaint(f"not a capture line: {error}", FORMS) from None
    at = parts.received_at if parts.at is None else parts.at
    arrival = _time(at, number, zone)
    return _message(parts.station, _verbatim(parts.frame, parts.base64), arrival, parts.protocol, parts.direction)


def _verbatim(frame: msgspec.Raw, is_base64: bool) -> bytes:
    """The array as it stands in the line; of a string, the text in it, or the bytes that it says in base64."""
    raw = bytes(frame)
    if is_base64:
        return _bytes(raw)
    try:
        return _TEXT.decode(raw).encode() if raw[:1] == b'"' else raw
    except ValueError as error:
        raise _Complaint(f"frame: {error}", "write the frame as a JSON array, as it was on the wire") from None


def _bytes(raw: bytes) -> bytes:
    try:
        return b64decode(_TEXT.decode(raw), validate=True)
    except ValueError as error:
        raise _Complaint(
            f"frame: no base64: {error}", "write the frame's bytes as base64 in a string, or leave out base64"
        ) from None


def _plain(line: bytes, number: int, zone: tzinfo | None) -> RawMessage:
    parts = _PLAIN_LINE.fullmatch(line)
    if parts is None:
        raise _Complaint("neither a JSON object nor a station's name and a frame", FORMS)
    at, before, station, after, frame = parts.groups()
    return _message(_shown(station) or "", frame, _time(_shown(at), number, zone), None, _shown(after or before))


def _shown(word: bytes | None) -> str | None:
    """Bytes that are no text show as U+FFFD, which no name and no time holds."""
    return None if word is None else word.decode(errors="replace")


def _message(station: str, frame: bytes, at: datetime | None, protocol: str | None, direction: str | None) -> RawMessage:
    name = station_name(station)
    if name is None:
        raise _Complaint(f"station: {station[:80]!r} is no station's name", f"use {RULE}")
    text, is_base64 = _text(frame)
    return RawMessage(
        station=name,
        frame=text,
        direction=_direction(direction),
        protocol=_protocol(protocol),
        received_at=at,
        base64=is_base64,
    )


def _text(frame: bytes) -> tuple[str, bool]:
    try:
        return frame.decode(), False
    except UnicodeDecodeError:
        return b64encode(frame).decode(), True


def _direction(written: str | None) -> Direction:
    if written is None:
        return Direction.FROM_STATION
    direction = _DIRECTIONS.get(written)
    if direction is None:
        raise _Complaint(
            f"direction: {written[:80]!r} is no direction", "write station->csms or csms->station, or leave it out"
        )
    return direction


def _protocol(written: str | None) -> Protocol | None:
    if written is None:
        return None
    protocol = _PROTOCOLS.get(written)
    if protocol is None:
        raise _Complaint(
            f"protocol: {written[:80]!r} is no version that is read", "write ocpp1.6, ocpp2.0.1 or ocpp2.1, or leave it out"
        )
    return protocol


def _time(written: str | None, number: int, zone: tzinfo | None) -> datetime | None:
    """The arrival; None: it is not told, or not which of two it is where clocks are put back."""
    if written is None:
        return None
    try:
        return in_zone(msgspec.convert(written.strip(), datetime), written, zone, number)
    except Unsettled:
        return None
    except (ValueError, OverflowError):
        raise _Complaint(f"at: {written[:80]!r} is no time", TIME_RULE) from None
