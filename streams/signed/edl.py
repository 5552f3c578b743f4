"""The 320 bytes that an EDL40 meter signs, whatever carries them: SML, XML of the charging station, or JSON.

    0 server id 10 | 10 seconds 4 | 14 status 1 | 15 second index 4 | 19 pagination 4 | 23 OBIS 6 | 29 unit 1 | 30 scaler 1
    31 value 8 | 39 logbook 2 | 41 contract id 128 | 169 its seconds 4 | 173 historical value 8 | 181 the same compensated 8
    189 cable resistance 2 | 191 stopwatch 4 | 195 price 2 | 197 nothing but zeros

Integers are little-endian, the price is not. Seconds are those since 1970 of the meter's wall clock: its zone and its summer
time are added before it signs, and stand nowhere in the block.
"""

import struct
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from streams.signed import obis
from streams.signed.ecdsa import Curve
from streams.signed.record import Signature, SignedReading, Writing, in_wh, unreadable
from vocabulary.quantities import WattHours
from vocabulary.signatures import MeterClock, Nature, SignatureReason

BLOCK_BYTES = 320
WATT_HOURS = 30  # the unit code of DLMS
_LAYOUT = struct.Struct("<10sIBII6sBbq2s128sIqqHI")
_PRICE = struct.Struct(">H")
_SCALER_MOST = 9
_COMPENSATED = bytes.fromhex("0100011100c8")  # off which the meter took what the cable lost
_CLOCK_SET = datetime(2000, 1, 1, tzinfo=UTC)  # before it, a clock was never set: it counts from 1970
_FAULTS = {0x01: "an error", 0x40: "a magnet"}  # bits of the status; an eMOC has them as 17 and 9 of its 32
_LOGBOOK_BYTES = 2
_CURVES = {48: Curve.SECP192R1, 64: Curve.SECP256R1}


class EdlFields(NamedTuple):
    """The block's fields as integers and bytes, in its order; those that a meter does not have are zero."""

    server: bytes
    seconds: int
    status: int
    second_index: int
    pagination: int
    obis: bytes
    unit: int
    scaler: int
    value: int
    logbook: bytes
    contract: bytes = b""
    contract_seconds: int = 0
    historical: int = 0
    compensated: int = 0
    resistance: int = 0
    stopwatch: int = 0
    price: int = 0


def block(fields: EdlFields) -> bytes:
    """The bytes that the meter signed. Raises CannotJudge where a field has no room in them."""
    for name, most in (("server", 10), ("obis", 6), ("logbook", 2), ("contract", 128)):
        if len(getattr(fields, name)) > most:
            raise unreadable(f"{name} is longer than {most} bytes")
    try:
        packed = _LAYOUT.pack(*fields[:-1]) + _PRICE.pack(fields.price)
    except struct.error as error:
        raise unreadable("a number has no room in the block that the meter signs") from error
    return packed.ljust(BLOCK_BYTES, b"\0")


def fields_of(data: bytes) -> EdlFields:
    """The fields of a block as it came. Raises CannotJudge where it is not as long as one."""
    if len(data) != BLOCK_BYTES:
        raise unreadable(f"{len(data)} bytes instead of the {BLOCK_BYTES} of an EDL40 meter")
    found = EdlFields(*_LAYOUT.unpack_from(data), *_PRICE.unpack_from(data, _LAYOUT.size))
    return found._replace(contract=found.contract.rstrip(b"\0"))


def reading(fields: EdlFields, at: datetime | None, nature: Nature = Nature.UNSAID) -> SignedReading:
    """The value to bill: the compensated one where the meter has one, else that of the register. `at`: UTC.

    The scaler of the compensated value is that of the block: its own is not signed.
    """
    value, code = (fields.compensated, _COMPENSATED) if fields.compensated else (fields.value, fields.obis)
    faults = " and ".join(told for bit, told in _FAULTS.items() if fields.status & bit)
    return SignedReading(
        nature=nature,
        wh=energy(value, fields.unit, fields.scaler),
        register=obis.text_of(code),
        at=at,
        clock=clock(at),
        problem=SignatureReason.READING_NOT_GOOD if faults else None,
        detail=f"status {fields.status:02x}: {faults}" if faults else "",
    )


def loss(fields: EdlFields) -> str:
    """In words; the resistance in the meter's own unit, milliohm in all that were seen."""
    return f"compensated by the meter, cable resistance {fields.resistance}" if fields.compensated else ""


def energy(value: int, unit: int, scaler: int) -> WattHours | None:
    """None: it is of no energy. Raises CannotJudge where it is of no use as one."""
    if unit != WATT_HOURS:
        return None
    if value < 0 or abs(scaler) > _SCALER_MOST:
        raise unreadable("a value below zero" if value < 0 else f"the value is scaled by 10^{scaler}")
    return in_wh(Decimal(value), scaler)


def clock(at: datetime | None) -> MeterClock:
    """No layout of the family vouches for its clock: informative at best."""
    return MeterClock.INFORMATIVE if at is not None and at >= _CLOCK_SET else MeterClock.UNKNOWN


def identification(contract: bytes) -> str:
    """The contract id as it is compared: text where it is text, else hex."""
    bare = contract.rstrip(b"\0")
    return bare.decode("ascii") if bare.isascii() and bare.decode("ascii").isprintable() else bare.hex().upper()


def split(value: bytes) -> tuple[bytes, bytes]:
    """A signature as a meter gives it: r and s, and the logbook's index behind them where it is two bytes longer."""
    if len(value) - _LOGBOOK_BYTES in _CURVES:
        return value[:-_LOGBOOK_BYTES], value[-_LOGBOOK_BYTES:]
    return value, b""


def signature(value: bytes) -> Signature:
    """Of r and s side by side. Where they are of no length that meters sign with, they are no signature on either curve."""
    curve = _CURVES.get(len(value))
    return Signature(value, Writing.BARE, (curve,) if curve else tuple(_CURVES.values()))


def algorithm(value: Signature) -> str:
    return f"ECDSA-{value.curves[0]}-SHA256" if len(value.curves) == 1 else "ECDSA-SHA256"
