"""EDL_40_P: an SML file of an EDL40 meter (EMH eHZ and eMOC, eBZ, DZG); it signs the block of `edl`, put together again here.

The eMOC signs with secp256r1. Its status has 32 bits, of which six go into the one byte that is signed.
"""

from datetime import UTC, datetime

from streams.signed import edl, sml
from streams.signed.record import Format, SignedRecord, unreadable
from vocabulary.signatures import SignatureReason

_VALUES = (bytes.fromhex("0100011100ff"), bytes.fromhex("0100010800ff"))
_HISTORICAL, _COMPENSATED = bytes.fromhex("010001110064"), bytes.fromhex("0100011100c8")
_PAGINATION, _SECOND_INDEX = bytes.fromhex("8180817101ff"), bytes.fromhex("810060080001")
_CONTRACT = bytes.fromhex("8182815401ff")
_RESISTANCE, _STOPWATCH = bytes.fromhex("00af6c6c72ff"), bytes.fromhex("00af647572ff")
_PRICE = bytes.fromhex("00af707263ff")
_EMOC_BYTES = 66
_EMOC_STATUS = ((17, 0), (31, 3), (16, 4), (11, 5), (9, 6), (8, 7))
ISA_NAME = bytes.fromhex("81808162")


def read(data: bytes) -> tuple[SignedRecord, ...] | None:
    """None: no SML, or that of Isabellenhütte, which signs another block."""
    if not data.startswith(sml.START):
        return None
    found = sml.lists(data)
    if any(one.name.startswith(ISA_NAME) for one in found):
        return None
    return tuple(map(_record, found))


def _record(one: sml.SmlList) -> SignedRecord:
    obis = next((obis for obis in _VALUES if obis in one.entries), None)
    if obis is None or not one.signature:
        raise unreadable("SML without a meter value" if obis is None else "SML without a signature")
    fields, entry = _fields(one, obis), one.entries[obis]
    signature = edl.signature(edl.split(one.signature)[0])
    differing = _unsigned(one, entry, fields)
    return SignedRecord(
        format=Format.EDL_40_P,
        signed=edl.block(fields),
        signature=signature,
        readings=(edl.reading(fields, moment(entry.time)),),
        algorithm=edl.algorithm(signature),
        meter=one.server.hex().upper(),
        pagination=fields.pagination,
        identification=edl.identification(fields.contract),
        loss=edl.loss(fields),
        problem=SignatureReason.FIELD_UNSIGNED if differing else None,
        detail=differing,
    )


def _fields(one: sml.SmlList, obis: bytes) -> edl.EdlFields:
    entry, contract = one.entries[obis], one.entries.get(_CONTRACT)
    index = one.entries.get(_SECOND_INDEX)
    return edl.EdlFields(
        server=one.server,
        seconds=entry.time.signed if entry.time else 0,
        status=_emoc_status(entry.status) if len(one.signature) == _EMOC_BYTES else entry.status & 0xFF,
        second_index=_index(index),
        pagination=sml.number(one.entries.get(_PAGINATION)),
        obis=obis,
        unit=entry.unit,
        scaler=entry.scaler,
        value=sml.number(entry),
        logbook=edl.split(one.signature)[1],
        contract=sml.octets(contract) if contract else b"",
        contract_seconds=contract.time.signed if contract and contract.time else 0,
        historical=sml.number(one.entries.get(_HISTORICAL)),
        compensated=sml.number(one.entries.get(_COMPENSATED)),
        resistance=sml.number(one.entries.get(_RESISTANCE)),
        stopwatch=sml.number(one.entries.get(_STOPWATCH)),
        price=sml.number(one.entries.get(_PRICE)),
    )


def _index(entry: sml.Entry | None) -> int:
    """The seconds index is the value of its entry, an SML_Time."""
    if entry is None:
        return 0
    return sml.time_in(entry).signed


def _emoc_status(status: int) -> int:
    return sum((status >> bit & 1) << signed for bit, signed in _EMOC_STATUS)


def _unsigned(one: sml.SmlList, value: sml.Entry, fields: edl.EdlFields) -> str:
    """The unit and the scaler of the compensated value are not signed: they must be those of the value, which are."""
    compensated = one.entries.get(_COMPENSATED)
    if not fields.compensated or compensated is None:
        return ""
    same = (compensated.unit, compensated.scaler) == (value.unit, value.scaler)
    return "" if same else "unit or scaler of the compensated value"


def moment(time: sml.Time | None) -> datetime | None:
    """UTC; None where the meter has no clock."""
    return None if time is None or time.epoch is None else datetime.fromtimestamp(time.epoch, UTC)
