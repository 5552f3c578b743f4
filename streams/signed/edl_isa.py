"""ISA_EDL_40_P: an SML file of a meter of Isabellenhütte. Its own block of 320 bytes, signed with secp256r1.

    0 server id 10 | 10 seconds 4 | 14 status 1 | 15 OBIS 6 | 21 unit 1 | 22 scaler 1 | 23 value 8 | 31 logbook 2
    33 signature of the value itself 66 | 99 contract id 128 | 227 start: seconds 4 | 231 ESTH 20 | 251 start: status 1
    252 start: OBIS 6 | 258 unit 1 | 259 scaler 1 | 260 value 8 | 268 name of the list 6 | 274 pagination 4 | 278 zeros

The name of the list says what the record is of its transaction; it is signed. From the update on, the value at the start stands
beside the actual one, so that the record at the end holds the whole transaction.
"""

import struct
from datetime import UTC, datetime

from streams.signed import edl, obis, sml
from streams.signed.record import Format, SignedReading, SignedRecord, unreadable
from vocabulary.signatures import Nature

_NATURES = {
    bytes.fromhex("8180816200ff"): Nature.BEGIN,
    bytes.fromhex("8180816201ff"): Nature.INTERMEDIATE,
    bytes.fromhex("8180816202ff"): Nature.END,
}
_ACTUAL, _START = bytes.fromhex("0100010800ff"), bytes.fromhex("010001080080")
_PAGINATION, _ESTH = bytes.fromhex("8180c7f040ff"), bytes.fromhex("8180816101ff")
_CONTRACT = bytes.fromhex("8182815401ff")
_LAYOUT = struct.Struct("<10sIB6sBbq2s66s128sI20sB6sBbq6sI")
_ROOM = {"server id": 10, "contract id": 128, "signature of the value": 66, "ESTH": 20}


def read(data: bytes) -> tuple[SignedRecord, ...] | None:
    """None: no SML, or none of this manufacturer."""
    if not data.startswith(sml.START):
        return None
    found = sml.lists(data)
    if not any(one.name in _NATURES for one in found):
        return None
    return tuple(map(_record, found))


def _record(one: sml.SmlList) -> SignedRecord:
    nature = _NATURES.get(one.name)
    if nature is None:
        raise unreadable("a list that is neither begin, update nor end")
    signature = edl.signature(edl.split(one.signature)[0])
    actual = _needed(one, _ACTUAL, "the actual value")
    begin = None if nature is Nature.BEGIN else _needed(one, _START, "the value at the start")
    readings = [] if begin is None else [_reading(begin, Nature.BEGIN)]
    return SignedRecord(
        format=Format.ISA_EDL_40_P,
        signed=_block(one, actual, begin),
        signature=signature,
        readings=(*readings, _reading(actual, nature)),
        algorithm=edl.algorithm(signature),
        meter=one.server.hex().upper(),
        pagination=sml.number(_needed(one, _PAGINATION, "the pagination")),
        identification=edl.identification(sml.octets(_needed(one, _CONTRACT, "the contract id"))),
    )


def _needed(one: sml.SmlList, code: bytes, what: str) -> sml.Entry:
    if code not in one.entries:
        raise unreadable(f"{what} is missing")
    return one.entries[code]


def _reading(entry: sml.Entry, nature: Nature) -> SignedReading:
    """Both are of one register: *128 is what 1-0:1.8.0 was when the transaction began."""
    at = None if entry.time is None or entry.time.epoch is None else datetime.fromtimestamp(entry.time.epoch, UTC)
    wh = edl.energy(sml.number(entry), entry.unit, entry.scaler)
    return SignedReading(nature=nature, wh=wh, register=obis.text_of(_ACTUAL), at=at, clock=edl.clock(at))


def _block(one: sml.SmlList, actual: sml.Entry, begin: sml.Entry | None) -> bytes:
    contract, esth = _needed(one, _CONTRACT, "the contract id"), _needed(one, _ESTH, "the ESTH")
    octets = (one.server, sml.octets(contract), actual.signature, sml.octets(esth))
    for (what, most), value in zip(_ROOM.items(), octets, strict=True):
        if len(value) > most:
            raise unreadable(f"{what} is longer than {most} bytes")
    seconds, status, *value_fields = _fields(actual, _ACTUAL)
    started, *start_fields = _fields(begin, _START) if begin else (0, 0, b"", 0, 0, 0)
    signed_value = (*value_fields, edl.split(one.signature)[1], actual.signature)
    pagination = sml.number(_needed(one, _PAGINATION, "the pagination"))
    head = (one.server, seconds, status, *signed_value, sml.octets(contract))
    try:
        packed = _LAYOUT.pack(*head, started, sml.octets(esth), *start_fields, one.name, pagination)
    except struct.error as error:
        raise unreadable("a number has no room in the block that the meter signs") from error
    return packed.ljust(edl.BLOCK_BYTES, b"\0")


def _fields(entry: sml.Entry, code: bytes) -> tuple[int, int, bytes, int, int, int]:
    """Seconds, status, OBIS, unit, scaler and value, as the block holds them."""
    signed = entry.time.signed if entry.time else 0
    return signed, entry.status & 0xFF, code, entry.unit, entry.scaler, sml.number(entry)
