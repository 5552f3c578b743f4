"""Alfen's records: `AP;type;version;key;dataset;signature;`, the last three in base32.

Signed are the 82 bytes of the dataset, on secp192r1; the signature is r and s side by side. Integers are little-endian:

    0 adapter 10 | 10 its firmware 4 | 14 its checksum 2 | 16 meter 10 | 26 status 4 | 30 second index 4 | 34 seconds 4
    38 OBIS 6 | 44 unit 1 | 45 scaler 1 | 46 value 8 | 54 UID 20 | 74 session 4 | 78 page 4

The type (0 begin, 1 end, 2 in between) is signed by nobody. It cannot make more of a session than it was: what is billed are
two records of one session in the order of their pages, of which the value must not fall. Seconds are those since 1970 in UTC,
of a clock that nobody vouches for.
"""

import base64
import binascii
import struct
from datetime import UTC, datetime

from streams.signed import edl, obis
from streams.signed.ecdsa import Curve
from streams.signed.record import MAX_BYTES, Format, Signature, SignedReading, SignedRecord, Writing, unreadable
from vocabulary.signatures import Nature, SignatureReason

_HEAD = b"AP;"
_LAYOUT = struct.Struct("<16x10sIxxxxI6sBbq20sII")
_DATASET_BYTES = 82
_NATURES = {"0": Nature.BEGIN, "1": Nature.END, "2": Nature.INTERMEDIATE}
_FAULTS = {  # bits of the status, by which of its parts says that something is wrong
    "the meter": (1, 2),
    "the adapter": (16, 30, 31),
    "the begin, which is not the value that was stored": (26,),
}


def read(data: bytes) -> tuple[SignedRecord, ...] | None:
    """One record; None where the bytes are of another format. Raises CannotJudge."""
    if not data.startswith(_HEAD):
        return None
    if len(data) > MAX_BYTES or not data.isascii():
        raise unreadable(f"not text of at most {MAX_BYTES} bytes")
    parts = data.decode().split(";", 7)
    if len(parts) not in (6, 7) or any(parts[6:]):
        raise unreadable("other parts than type, version, key, dataset and signature")
    _, kind, version, key, dataset, signature = (part.strip() for part in parts[:6])
    if kind not in _NATURES:
        raise unreadable("neither of a begin nor of an end, nor of a value in between")
    return (_record(_NATURES[kind], version, key, _base32(dataset), _base32(signature)),)


def _record(nature: Nature, version: str, key: str, dataset: bytes, signature: bytes) -> SignedRecord:
    if len(dataset) != _DATASET_BYTES:
        raise unreadable(f"a dataset of {len(dataset)} bytes instead of {_DATASET_BYTES}")
    meter, status, seconds, code, unit, scaler, value, token, session, page = _LAYOUT.unpack(dataset)
    at = datetime.fromtimestamp(seconds, UTC)
    fault = next((part for part, bits in _FAULTS.items() if any(status >> bit & 1 for bit in bits)), "")
    return SignedRecord(
        format=Format.ALFEN,
        signed=dataset,
        signature=Signature(signature, Writing.BARE, (Curve.SECP192R1,)),
        readings=(
            SignedReading(
                nature=nature,
                wh=edl.energy(value, unit, scaler),
                register=obis.text_of(code),
                at=at,
                clock=edl.clock(at),
                problem=SignatureReason.READING_NOT_GOOD if fault else None,
                detail=fault and f"status {status:08x}: an error of {fault}",
            ),
        ),
        version=version[:10],
        algorithm="ECDSA-secp192r1-SHA256",
        meter=meter.hex().upper(),
        claimed_key=key,
        pagination=page,
        identification=edl.identification(token),
        meter_transaction=str(session),
    )


def _base32(text: str) -> bytes:
    """The meter pads as it likes; nothing but letters and digits of base32 is let through, and no bit that is not read."""
    bare = text.rstrip("=")
    try:
        raw = base64.b32decode(bare + "=" * (-len(bare) % 8))
    except (ValueError, binascii.Error):
        raise unreadable("a part that is not base32") from None
    return raw
