"""chargeIT's JSON, that Chargy reads: signed values of EMH, Bauer or Alfen meters in one document.

    {"placeInfo": {...}, "signedMeterValues": [{...}, {...}]}

A value of EMH has no mark: its fields are those of the block that an EDL40 meter signs (streams.signed.edl), on secp192r1, and
all that counts is in it. Where a document holds several, the first is the begin and the last the end: their order is not
signed, and what is billed must rise from one to the other all the same. A single value may also stand alone.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from streams.signed import alfen, chargeit_bsm, edl
from streams.signed.chargeit_json import Container, Contract, Moment, SignedMeterValue
from streams.signed.ecdsa import Curve
from streams.signed.record import MAX_BYTES, Format, Signature, SignedReading, SignedRecord, Writing, hex_or_none, unreadable
from streams.signed.strict_json import decoded
from vocabulary.signatures import Nature

_SEVERAL, _ONE = b'"signedMeterValues"', (b'"additionalValues"', b'"measuredValue"')
_CONTAINER, _VALUE = msgspec.json.Decoder(Container), msgspec.json.Decoder(SignedMeterValue)
_WHOLE = re.compile(r"-?[0-9]{1,20}")
_SECONDS_MAX = 1 << 32
_MINUTES_MAX = 15 * 60


def read(data: bytes) -> tuple[SignedRecord, ...] | None:
    """Its records, at least one; None where the bytes are of another format. Raises CannotJudge."""
    if not data.startswith(b"{"):
        return None
    if _SEVERAL in data:
        container = decoded(_bounded(data), _CONTAINER)
    elif any(mark in data for mark in _ONE):
        container = Container(signedMeterValues=[decoded(_bounded(data), _VALUE)])
    else:
        return None
    if not container.signedMeterValues:
        raise unreadable("no signed meter value in it")
    return tuple(_records(container))


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise unreadable(f"longer than {MAX_BYTES} bytes")
    return data


def _records(container: Container) -> Iterator[SignedRecord]:
    natures = _by_order(container.signedMeterValues)
    for value, nature in zip(container.signedMeterValues, natures, strict=True):
        value.meterInfo = value.meterInfo or container.meterInfo
        if value.additionalValues is not None:
            yield chargeit_bsm.record(value, container)
        elif value.payload is not None:
            yield from _alfen(value.payload)
        else:
            yield _emh(value, nature)


def _alfen(payload: str) -> tuple[SignedRecord, ...]:
    found = alfen.read(payload.strip().encode())
    if found is None:
        raise unreadable("a payload that is none of Alfen's")
    return found


def _by_order(values: Sequence[SignedMeterValue]) -> list[Nature]:
    between = [Nature.INTERMEDIATE] * (len(values) - 2)
    return [Nature.BEGIN, *between, Nature.END] if len(values) > 1 else [Nature.UNSAID]


def _emh(value: SignedMeterValue, nature: Nature) -> SignedRecord:
    fields, moment = _fields(value)
    return SignedRecord(
        format=Format.CHARGEIT_EMH,
        signed=edl.block(fields),
        signature=Signature(hex_or_none(value.signature), Writing.BARE, (Curve.SECP192R1,)),
        readings=(_reading(fields, moment, nature),),
        algorithm="ECDSA-secp192r1-SHA256",
        meter=fields.server.hex().upper(),
        claimed_key=value.meterInfo.publicKey if value.meterInfo else "",
        pagination=fields.pagination,
        identification=edl.identification(fields.contract),
    )


def _fields(value: SignedMeterValue) -> tuple[edl.EdlFields, Moment]:
    measured, measurand, info, meter = value.measuredValue, value.measurand, value.additionalInfo, value.meterInfo
    if measured is None or measurand is None or info is None or meter is None or measured.timestampLocal is None:
        raise unreadable("a value without measurand, measuredValue and its time, additionalInfo or meterInfo")
    contract = value.contract or Contract()
    fields = edl.EdlFields(
        server=_hex(meter.meterId, 10),
        seconds=_wall_clock(measured.timestampLocal),
        status=int.from_bytes(_hex(info.status, 1)),
        second_index=info.indexes.timer,
        pagination=int.from_bytes(_hex(value.measurementId, 4)),
        obis=_hex(measurand.id, 6),
        unit=-1 if measured.unitEncoded is None else measured.unitEncoded,
        scaler=measured.scale or 0,
        value=_whole(measured.value),
        logbook=_hex(info.indexes.logBook, 2),
        contract=_ascii(contract.id or ""),
        contract_seconds=_wall_clock(contract.timestampLocal) if contract.timestampLocal else 0,
    )
    return fields, measured.timestampLocal


def _reading(fields: edl.EdlFields, moment: Moment, nature: Nature) -> SignedReading:
    at = datetime.fromtimestamp(moment.timestamp, UTC) if 0 < moment.timestamp < _SECONDS_MAX else None
    return edl.reading(fields, at, nature)


def _wall_clock(moment: Moment) -> int:
    """What is signed of a time: it and its offsets are not, each by itself."""
    minutes = moment.localOffset + moment.seasonOffset
    if abs(minutes) > _MINUTES_MAX:
        raise unreadable("a wall clock that is ahead of UTC by more than any zone")
    return moment.timestamp + 60 * minutes


def _whole(value: int | str | None) -> int:
    """Texts may hold it too."""
    if isinstance(value, int):
        return value
    if value is None or not _WHOLE.fullmatch(value):
        raise unreadable("a value that is no whole number")
    return int(value)


def _hex(text: object, length: int) -> bytes:
    if isinstance(text, str) and len(text) == 2 * length and len(raw := hex_or_none(text)) == length:
        return raw
    raise unreadable(f"a field that is not the hex of {length} bytes")


def _ascii(text: str) -> bytes:
    if not text.isascii():
        raise unreadable("a contract that has no room in the block that the meter signs")
    return text.encode()
