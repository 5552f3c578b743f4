"""SML, the Smart Message Language of German meters (BSI TR-03109-1, appendix IV): a file of it as nested tuples.

    1b1b1b1b 01010101  messages, padded to four bytes  1b1b1b1b 1a <padding> <CRC-16 of all before it>

A 1b1b1b1b among the messages is written twice. Each message is a list of six with its own checksum; an element is one or more
bytes of type and length, then its content. What is not there is written as an empty octet string.
"""

import binascii
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from streams.signed.record import unreadable

Element: TypeAlias = "bytes | int | bool | tuple[Element, ...]"

START = b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01"
_ESCAPE = b"\x1b\x1b\x1b\x1b"
_GET_LIST_RESPONSE = 0x0701
_OCTETS, _BOOLEAN, _INTEGER, _UNSIGNED, _LIST = 0, 4, 5, 6, 7
_DEPTH_MOST = 16
_MESSAGE_PARTS, _LIST_PARTS, _ENTRY_PARTS, _LOCAL_PARTS = 6, 7, 7, 3
_INTEGER_MOST = 8
_OFFSET_MOST = 26 * 60  # minutes: the widest zone, and a summer time


class Time(NamedTuple):
    """`epoch` None: the meter tells the seconds since it was switched on. `signed`: seconds as they go into the signature."""

    epoch: int | None
    signed: int


class Entry(NamedTuple):
    status: int
    time: Time | None
    unit: int
    scaler: int
    value: Element
    signature: bytes


class SmlList(NamedTuple):
    """A GetList response: what a meter told at once."""

    server: bytes
    name: bytes
    entries: dict[bytes, Entry]
    signature: bytes


def lists(data: bytes) -> tuple[SmlList, ...]:
    """The lists of a file. Raises CannotJudge where it is broken anywhere."""
    found = tuple(_list(body) for tag, body in _messages(_transported(data)) if tag == _GET_LIST_RESPONSE)
    if not found:
        raise unreadable("SML without a list of values")
    return found


def number(entry: Entry | None) -> int:
    """Its value; zero where the meter does not have it."""
    if entry is None or entry.value == b"":
        return 0
    return _whole(entry.value, "a value")


def time_in(entry: Entry) -> Time:
    """The value of an entry that is a time: SML_ListType with the choice 1, in which an SML_Time stands."""
    choice, inner = _parts(entry.value, 2, "a value")
    time = _time(inner if choice == 1 and isinstance(inner, tuple) else entry.value)
    if time is None:
        raise unreadable("a time of SML is empty")
    return time


def octets(entry: Entry) -> bytes:
    return _text(entry.value, "a value")


def _transported(data: bytes) -> bytes:
    at, parts = len(START), []
    while True:
        escape = data.find(_ESCAPE, at)
        if escape < 0 or len(data) < escape + 8:
            raise unreadable("SML that does not end")
        parts.append(data[at:escape])
        mark, at = data[escape + 4 : escape + 8], escape + 8
        if mark != _ESCAPE:
            break
        parts.append(_ESCAPE)
    if mark[0] != 0x1A or at != len(data):
        raise unreadable("SML that does not end as it should")
    if _crc(data[:-2]) != mark[2:]:
        raise unreadable("the checksum of the SML file does not fit")
    content = b"".join(parts)
    return content[: len(content) - mark[1]] if mark[1] <= 3 else content


def _messages(content: bytes) -> Iterator[tuple[int, Element]]:
    """The kind of each message and what it says. Its checksum is over all that stands before it."""
    at = 0
    while at < len(content):
        begins = at
        kind, parts, at = _head(content, at)
        if (kind, parts) != (_LIST, _MESSAGE_PARTS):
            raise unreadable("an SML message is not of six parts")
        for _ in range(_MESSAGE_PARTS - 2):
            body, at = _element(content, at)
        covered = content[begins:at]
        crc, at = _element(content, at)
        end, at = _element(content, at)
        if end != b"" or crc != int.from_bytes(_crc(covered), "big"):
            raise unreadable("the checksum of an SML message does not fit")
        tag, inner = _parts(body, 2, "a message body")
        yield _whole(tag, "a message's kind"), inner


def _list(body: Element) -> SmlList:
    _, server, name, _, values, signature, _ = _parts(body, _LIST_PARTS, "a list")
    if not isinstance(values, tuple):
        raise unreadable("an SML list without values")
    entries: dict[bytes, Entry] = {}
    for value in values:
        obis, entry = _entry(value)
        if entries.setdefault(obis, entry) is not entry:
            raise unreadable("an SML list tells one register twice")
    return SmlList(_text(server, "a server id"), _text(name, "a list's name"), entries, _text(signature, "a signature"))


def _entry(element: Element) -> tuple[bytes, Entry]:
    obis, status, time, unit, scaler, value, signature = _parts(element, _ENTRY_PARTS, "a list entry")
    return _text(obis, "a register"), Entry(
        status=_optional(status, "a status"),
        time=_time(time),
        unit=_optional(unit, "a unit"),
        scaler=_optional(scaler, "a scaler"),
        value=value,
        signature=_text(signature, "a signature"),
    )


def _time(element: Element) -> Time | None:
    """SML_Time: 1 seconds since the start, 2 seconds since 1970, 3 those with the zone's and the summer's minutes."""
    if element == b"":
        return None
    choice, value = _parts(element, 2, "a time")
    match choice:
        case 1:
            return Time(None, _seconds(value))
        case 2:
            return Time(_seconds(value), _seconds(value))
        case 3:
            epoch, zone, summer = (_whole(part, "a time") for part in _parts(value, _LOCAL_PARTS, "a time"))
            if abs(zone) + abs(summer) > _OFFSET_MOST:
                raise unreadable("a time of no zone")
            return Time(_seconds(epoch), epoch + 60 * (zone + summer))
        case _:
            raise unreadable("a time of no known kind")


def _seconds(element: Element) -> int:
    seconds = _whole(element, "a time")
    if not 0 <= seconds < 1 << 32:
        raise unreadable("a time is out of range")
    return seconds


def _parts(element: Element, number: int, what: str) -> tuple[Element, ...]:
    if not isinstance(element, tuple) or len(element) != number:
        raise unreadable(f"{what} of SML is not of {number} parts")
    return element


def _text(element: Element, what: str) -> bytes:
    if not isinstance(element, bytes):
        raise unreadable(f"{what} of SML is no octet string")
    return element


def _whole(element: Element, what: str) -> int:
    if not isinstance(element, int) or isinstance(element, bool):
        raise unreadable(f"{what} of SML is no integer")
    return element


def _optional(element: Element, what: str) -> int:
    return 0 if element == b"" else _whole(element, what)


def _element(data: bytes, at: int, depth: int = 0) -> tuple[Element, int]:
    """The element that begins here, and where the next one does."""
    is_short = at < len(data) and data[at] < 0x80  # nearly all heads are of one byte
    kind, length, content = (data[at] >> 4, data[at] & 0x0F, at + 1) if is_short else _head(data, at)
    if depth > _DEPTH_MOST:
        raise unreadable(f"SML nested deeper than {_DEPTH_MOST}")
    if kind == _LIST:
        items: list[Element] = []
        for _ in range(length):
            item, content = _element(data, content, depth + 1)
            items.append(item)
        return tuple(items), content
    ends = max(at + length, content)
    if ends > len(data):
        raise unreadable("an SML element is longer than the file")
    return _scalar(kind, data[content:ends]), ends


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Type, length as written (for all but a list with the head itself), and where the content begins."""
    begins, length = at, 0
    while at < len(data) and at - begins < 4:
        head, at = data[at], at + 1
        length = length << 4 | head & 0x0F
        if not head & 0x80:
            return data[begins] >> 4 & 7, length, at
    raise unreadable("an SML element without a length")


def _scalar(kind: int, content: bytes) -> Element:
    if kind == _OCTETS:
        return content
    if not content or len(content) > _INTEGER_MOST or kind not in (_BOOLEAN, _INTEGER, _UNSIGNED):
        raise unreadable("an SML element of no known type")
    if kind == _BOOLEAN:
        return any(content)
    return int.from_bytes(content, "big", signed=kind == _INTEGER)


def _crc(data: bytes) -> bytes:
    """CRC-16/X-25 (DIN EN 62056-46), low byte first. It takes the lowest bit of a byte first, `crc_hqx` the highest."""
    crc = binascii.crc_hqx(data.translate(_MIRRORED), 0xFFFF) ^ 0xFFFF
    return bytes([_MIRRORED[crc >> 8], _MIRRORED[crc & 0xFF]])


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
