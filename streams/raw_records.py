"""The raw topic's record format: how a message of a station stands in Kafka, and how it is read again.

    key       the station's name, UTF-8 (vocabulary.station_name)
    value     the OCPP-J frame, byte for byte as on the wire; at most VALUE_BYTES_MAX
    headers   protocol      ocpp1.6 | ocpp2.0.1 | ocpp2.1           not there: the shape of the message decides
              direction     station->csms | csms->station           not there: station->csms
              received-at   RFC 3339, as 2026-10-14T05:58:20.25Z    not there: when the broker appended the record
              wattbook-source   JSON of vocabulary.charging.Source      not there: the frame came as it is
              security-profile   0 | 1 | 2 | 3                      not there, or anything else: not known

Others produce to this topic too, so it is read with care. A header that stands twice counts as it stands last; an empty one,
and one of another name, says nothing. What is wrong outside the frame makes the record poison: nobody can say whose message it
is, or when it came. The frame itself may be anything: it is decoded later, and rejected as an event where it makes no sense.
"""

import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from streams.mistakes import told
from streams.places import Partition, Taken, Unread
from vocabulary.charging import Direction, Protocol, RawMessage, Source
from vocabulary.identity import StationId
from vocabulary.quarantine import Kept, KeptBatch, Quarantined, QuarantineReason
from vocabulary.station_name import RULE, station_name

VALUE_BYTES_MAX: Final = 2**20  # as much as the WebSocket server takes
_KEPT_BYTES_MAX: Final = 2**12  # in quarantine: of a key, of a header, of a value that is too long
_HEADERS_MAX: Final = 20  # in quarantine
_DETAIL_MAX: Final = 200
_STATIONS_REMEMBERED: Final = 2**17

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_10000_MS = 253_402_300_800_000
_RFC3339 = re.compile(rb"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_PROTOCOLS: dict[bytes, Protocol] = {member.encode(): member for member in Protocol}
_PROFILES: dict[bytes, int] = {b"0": 0, b"1": 1, b"2": 2, b"3": 3}
_DIRECTIONS: dict[bytes, Direction] = {member.encode(): member for member in Direction}


_SOURCE = msgspec.json.Decoder(Source)


class Poison(NamedTuple):
    """Why a record cannot be worked on."""

    reason: QuarantineReason
    detail: str


def raw_message(taken: Taken) -> RawMessage | Poison:
    """The message that a record of the raw topic is; or why it is none."""
    if taken.unread:
        return _unread(taken.unread)
    key, value = taken.key, taken.value
    station = _station(key) if key else None
    if station is None:
        return _poisoned_key(key)
    if value is None:
        return Poison(QuarantineReason.VALUE_MISSING, "a record without a value deletes nothing here")
    if len(value) > VALUE_BYTES_MAX:
        return Poison(QuarantineReason.VALUE_TOO_LONG, f"{len(value)} bytes, at most {VALUE_BYTES_MAX}")
    if (unreadable := _unreadable_name(taken.headers)) is not None:
        return Poison(QuarantineReason.HEADER_NAME_UNREADABLE, f"{unreadable[:60]!r}: header names are UTF-8")
    headers = dict(taken.headers)
    described = _described(headers, taken.timestamp_ms)
    if isinstance(described, Poison):
        return described
    protocol, direction, received_at = described
    source = _source(headers.get("wattbook-source"))
    if isinstance(source, Poison):
        return source
    frame, is_base64 = _text(value)
    return RawMessage(
        station=station,
        frame=frame,
        direction=direction,
        protocol=protocol,
        received_at=received_at,
        base64=is_base64,
        source=source,
        security_profile=_PROFILES.get(headers.get("security-profile") or b""),
    )


@lru_cache(maxsize=_STATIONS_REMEMBERED)
def partition_of(key: bytes, partitions: int) -> Partition:
    """The partition of a key, as Java's clients choose it: MurmurHash2 (32 bits, seed 0x9747b28c) without its sign."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return Partition(((h ^ h >> 15) & 0x7FFFFFFF) % partitions)


def misplaced(taken: Taken, partitions: int) -> Poison | None:
    """What a station says in two partitions would be worked on in pieces. None: the record is where it belongs."""
    belongs = partition_of(taken.key or b"", partitions)
    if belongs == taken.partition:
        return None
    return Poison(
        QuarantineReason.KEY_IN_ANOTHER_PARTITION, f"by murmur2 the key belongs into partition {belongs} of {partitions}"
    )


def raw_record(message: RawMessage) -> tuple[bytes, list[tuple[str, bytes]], bytes]:
    """The key, headers and value of a message. `raw_message` gives the same message again, if it says when it was received."""
    headers: list[tuple[str, bytes]] = []
    if message.protocol is not None:
        headers.append(("protocol", message.protocol.encode()))
    if message.direction is not Direction.FROM_STATION:
        headers.append(("direction", message.direction.encode()))
    if message.received_at is not None:
        headers.append(("received-at", message.received_at.astimezone(UTC).isoformat().encode()))
    if message.source is not None:
        headers.append(("wattbook-source", msgspec.json.encode(message.source)))
    if message.security_profile is not None:
        headers.append(("security-profile", str(message.security_profile).encode()))
    value = b64decode(message.frame) if message.base64 else message.frame.encode()
    return message.station.encode(), headers, value


def poison(error: Exception) -> Poison:
    """The record on which our own functions fail: in which function, and how."""
    return Poison(QuarantineReason.STEPS_FAIL, told(error))


def quarantined(taken: Taken, why: Poison) -> Quarantined:
    """The record as it goes into quarantine."""
    too_long = taken.value is not None and len(taken.value) > VALUE_BYTES_MAX
    return Quarantined(
        partition=taken.partition,
        offset=taken.offset,
        appended_at_ms=taken.timestamp_ms,
        reason=why.reason,
        detail=why.detail[:_DETAIL_MAX],
        key=_kept(taken.key),
        value=_kept(taken.value, _KEPT_BYTES_MAX if too_long else VALUE_BYTES_MAX),
        headers=tuple((_as_text(name[:_DETAIL_MAX]), _kept(value)) for name, value in taken.headers[:_HEADERS_MAX]),
        batch=_kept_batch(taken.unread) if taken.unread else msgspec.UNSET,
    )


def _unread(unread: Unread) -> Poison:
    """The bound is not named: with another one, what is quarantined by either stays the same to the byte."""
    which = f"offsets {unread.first} to {unread.last}, {unread.length} bytes ({unread.codec})"
    if unread.fits:
        return Poison(QuarantineReason.BATCH_UNREADABLE, f"{which}: not the {unread.records} records of its header")
    return Poison(QuarantineReason.BATCH_TOO_LARGE, f"{which}: more than a reader takes")


def _kept_batch(unread: Unread) -> KeptBatch:
    return KeptBatch(first=unread.first, records=unread.records, codec=unread.codec, length=unread.length, crc=unread.crc)


@lru_cache(maxsize=_STATIONS_REMEMBERED)
def _station(key: bytes) -> StationId | None:
    try:
        return station_name(key.decode())
    except UnicodeDecodeError:
        return None


def _poisoned_key(key: bytes | None) -> Poison:
    if not key:
        return Poison(QuarantineReason.KEY_MISSING, "the key is the station's name")
    return Poison(QuarantineReason.KEY_IS_NO_STATION, f"{_shown(key)}: {RULE}")


def _unreadable_name(headers: tuple[tuple[str, bytes], ...]) -> str | None:
    """The first name that is not UTF-8, as text; None: all are. See `Taken`."""
    return next((_as_text(name) for name, _ in headers if not name.isascii() and _as_text(name) != name), None)


def _as_text(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _described(headers: dict[str, bytes], appended_at_ms: int) -> tuple[Protocol | None, Direction, datetime | None] | Poison:
    """What the headers say, and what holds where they say nothing."""
    if not headers:
        return None, Direction.FROM_STATION, _appended_at(appended_at_ms)
    protocol, direction, received_at = headers.get("protocol"), headers.get("direction"), headers.get("received-at")
    if protocol and protocol not in _PROTOCOLS:
        return Poison(QuarantineReason.PROTOCOL_UNKNOWN, f"{_shown(protocol)}: ocpp1.6, ocpp2.0.1 or ocpp2.1")
    if direction and direction not in _DIRECTIONS:
        return Poison(QuarantineReason.DIRECTION_UNKNOWN, f"{_shown(direction)}: station->csms or csms->station")
    at = _instant(received_at) if received_at else _appended_at(appended_at_ms)
    if at is None and received_at:
        return Poison(QuarantineReason.RECEIVED_AT_UNREADABLE, f"{_shown(received_at)}: RFC 3339 with a zone")
    return (
        _PROTOCOLS[protocol] if protocol else None,
        _DIRECTIONS[direction] if direction else Direction.FROM_STATION,
        at,
    )


def _source(header: bytes | None) -> Source | Poison | None:
    try:
        return _SOURCE.decode(header) if header else None
    except msgspec.DecodeError as error:
        return Poison(QuarantineReason.SOURCE_UNREADABLE, f"{_shown(header or b'')}: {error}")


def _instant(text: bytes) -> datetime | None:
    """The instant, UTC, to the microsecond: further digits are cut off. None where the text is none."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.decode().upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _appended_at(milliseconds: int) -> datetime | None:
    """None where the broker gave no time, or one that is none."""
    return _EPOCH + timedelta(milliseconds=milliseconds) if 0 <= milliseconds < _YEAR_10000_MS else None


def _text(value: bytes) -> tuple[str, bool]:
    """Bytes as text, or as base64 where they are no UTF-8."""
    try:
        return value.decode(), False
    except UnicodeDecodeError:
        return b64encode(value).decode(), True


def _kept(value: bytes | None, bytes_max: int = _KEPT_BYTES_MAX) -> Kept | None:
    if value is None:
        return None
    text, is_base64 = _text(value[:bytes_max])
    return Kept(text=text, length=len(value), base64=is_base64)


def _shown(value: bytes) -> str:
    """Bytes in a sentence, shortened."""
    return repr(value[:60].decode(errors="replace"))
