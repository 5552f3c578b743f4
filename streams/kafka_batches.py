"""A batch of records as a broker keeps it: unpacked and looked through before a client library reads it, or left unread.

    first offset │ length │ leader's epoch │ magic │ CRC │ attributes │ last offset - first │ first timestamp │ last timestamp
    │ producer's id │ its epoch │ its sequence │ number of records │ records, compressed together

Brokers limit a batch as it is sent, not what it unpacks to. So a batch that unpacks to more than BATCH_BYTES_MAX, that has more
records and headers than PIECES_MAX, or in which the records are not what its header says, is not given to the libraries: it is
`Unread`, one for all of its offsets. Both engines, the sealer and every replay ask this file, so all come to the same answer;
what passes here, the libraries read, each in its own way and with the same result. The CRC is looked at before, by the
libraries: one that is wrong is a fault of a disk or a network, not of a producer, and stops whoever reads.
"""

from hashlib import sha256
from struct import Struct as Layout
from typing import Any, Final

from streams.kafka_options import MESSAGE_BYTES_MAX
from streams.places import Offset, Unread
from streams.unpacking import Damaged, TooMuch, unpack

BATCH_BYTES_MAX: Final = 4 * MESSAGE_BYTES_MAX
"""What a batch may unpack to, 64 MiB. A broker takes 16 MiB of it, compressed or not. Producers close a batch by what it is
before compression, or soon after: 16 kB (Java), 1 MB (librdkafka), 16 MiB for a record of our relay. So it is reached only by
one that was set to batches of many MB and compresses them to a quarter or less. A reader needs a few times as much memory.
"""
PIECES_MAX: Final = 2**20
"""Records and headers in a batch: Python objects when they are read. 16 MiB of the shortest frames are 400 000 records."""

_HEADER: Final = Layout(">qiibIhiqqqhii")
HEADER_BYTES: Final = _HEADER.size
_CHECKED_FROM: Final = 21  # attributes: from there to the end goes the CRC
_CODEC, _APPENDED_AT, _INT64 = 0x07, 0x08, 2**63
_SIGN_OR_MORE: Final = 0x81  # of a number's first byte: it is below 0, or goes on in the next
_RECORD_BYTES_MIN: Final = 6  # after its length
_CODECS: Final = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}


class NoBatch(ValueError):
    """Its header cannot be one that a broker wrote."""


def opened(batch: Any) -> bytes | bytearray | Unread:
    """The batch with its records unpacked behind its header, which says no compression; as it is, if they were not compressed.

    `batch`: bytes of any kind. Raises NoBatch.
    """
    view = memoryview(batch)
    first, _, _, _, crc, attributes, last_delta, at_first, at_last, _, _, _, count = _HEADER.unpack_from(view)
    if last_delta < 0:
        raise NoBatch(f"the batch at offset {first} ends {-last_delta} before it begins")
    try:
        if count > PIECES_MAX:
            raise TooMuch
        found = _unpacked(view, attributes) if attributes & _CODEC else batch if isinstance(batch, bytearray) else bytes(view)
        _look_through(found, count, last_delta, 0 if attributes & _APPENDED_AT else at_first)
    except TooMuch:
        fits = False
    except (Damaged, IndexError):
        fits = True
    else:
        return found
    codec = attributes & _CODEC
    return Unread(
        first=Offset(first),
        last=Offset(first + last_delta),
        records=count,
        codec=_CODECS.get(codec, str(codec)),
        length=len(view) - HEADER_BYTES,
        crc=crc,
        digest=sha256(view[_CHECKED_FROM:]).digest(),
        timestamp_ms=at_last,
        fits=fits,
    )


def records_in(batch: bytes | bytearray) -> int:
    """As its header has it."""
    count: int = _HEADER.unpack_from(batch)[-1]
    return count


def _unpacked(view: memoryview, attributes: int) -> bytearray:
    found = bytearray(view[:HEADER_BYTES])
    found[_CHECKED_FROM : _CHECKED_FROM + 2] = (attributes & ~_CODEC).to_bytes(2, "big", signed=True)
    unpack(attributes & _CODEC, view[HEADER_BYTES:], found, BATCH_BYTES_MAX)
    return found


def _look_through(data: bytes | bytearray, count: int, last_delta: int, at_first: int) -> None:
    """Raises Damaged or IndexError where these are not so many records, one behind the other up to the end.

    Stricter than the libraries, which differ: offsets rise and stay within the batch, an instant is one of 64 bits, and a
    record's attributes, which mean nothing, are one byte for either of them. This runs for every record: where a length is one
    byte and not below 0, as most are, it is read in place.
    """
    at, end, pieces, before = HEADER_BYTES, len(data), count, -1
    for _ in range(count):
        length, at = _number(data, at)
        stop = at + length
        if length < _RECORD_BYTES_MIN or stop > end or data[at] >= 0x80:
            raise Damaged
        time_delta, at = _number(data, at + 1)
        delta, at = _number(data, at)
        if not (before < delta <= last_delta and -_INT64 <= at_first + time_delta < _INT64):
            raise Damaged
        at = at + 1 + (byte >> 1) if not (byte := data[at]) & _SIGN_OR_MORE else _after(data, at)
        at = at + 1 + (byte >> 1) if not (byte := data[at]) & _SIGN_OR_MORE else _after(data, at)
        headers, at = _number(data, at)
        pieces += headers
        if headers < 0:
            raise Damaged
        if pieces > PIECES_MAX:
            raise TooMuch
        for _ in range(headers):
            at = at + 1 + (byte >> 1) if not (byte := data[at]) & _SIGN_OR_MORE else _after(data, at, length_min=0)
            at = at + 1 + (byte >> 1) if not (byte := data[at]) & _SIGN_OR_MORE else _after(data, at)
        if at != stop:
            raise Damaged
        before = delta
    if at != end or count < 0:
        raise Damaged


def _after(data: bytes | bytearray, at: int, length_min: int = -1) -> int:
    """Where it goes on after bytes that stand behind their length; −1 is null."""
    length, at = _number(data, at)
    if length < length_min:
        raise Damaged
    return at + length if length > 0 else at


def _number(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """A number in as many bytes as it needs, its sign in the lowest bit; and where it goes on."""
    byte = data[at]
    if byte < 0x80:
        return byte >> 1 ^ -(byte & 1), at + 1
    found, shift = byte & 0x7F, 7
    while byte >= 0x80:
        if shift > 63:
            raise Damaged
        at += 1
        byte = data[at]
        found |= (byte & 0x7F) << shift
        shift += 7
    return found >> 1 ^ -(found & 1), at + 1
