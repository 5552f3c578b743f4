"""A snapshot of Bauer's BSM-WS36A in chargeIT's JSON (contexts `.../bsm-ws36a-json-v0` and `-v1`).

Signed is the row of `additionalValues`, on secp256r1 with a DER signature, and nothing else:

    a number   its value 4 bytes, big-endian | its scale 1 byte, signed | its unit 1 byte, of DLMS
    a text     its length 4 bytes, big-endian | its bytes

What a value of the row is called is not signed, only where it stands: names are taken for what stands in their place in every
snapshot, and nothing else is let through. The same values stand outside the row once more, in `value`, `measurementId`,
`meterInfo`, `contract`, `time`: what is billed is taken from the row, and a field outside that contradicts it is told.

    Typ 0 now, 1 switched on, 2 switched off, 3 begin, 4 end       RCR energy since it was switched on
    TotWhImp energy, register of the meter       RCnt counts snapshots       Epoch seconds since 1970, of a clock that was set
    Meta1 to Meta3 texts of the station: "contract-id: rfid:12345678abcdef", "evse-id: DE*ABC*E1"       Evt events, as bits
"""

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime

from streams.signed import edl, obis
from streams.signed.chargeit_json import Container, MeasuredValue, MeterInfo, SignedMeterValue, Value
from streams.signed.ecdsa import Curve
from streams.signed.record import Format, Signature, SignedReading, SignedRecord, Writing, hex_or_none, unreadable
from vocabulary.signatures import MeterClock, Nature, SignatureReason

_UNSIGNED, _SIGNED = struct.Struct(">IbB"), struct.Struct(">ibB")
_LENGTH = struct.Struct(">I")
_TEXTS = frozenset(["MA1", "Meta1", "Meta2", "Meta3"])
_BELOW_ZERO = frozenset(["W", "TZO"])
_ORDER = "Typ RCR TotWhImp W MA1 RCnt OS Epoch TZO EpochSetCnt EpochSetOS DI DO Meta1 Meta2 Meta3 Evt".split()  # noqa: SIM905
_UNSET = 0xFFFF_FFFF
_NOTHING = {"RCR": 0, "Epoch": _UNSET, "TZO": -0x8000}  # how the meter signs that it has none
_REGISTERS = {"RCR": "1-0:1.8.0*198", "TotWhImp": "1-0:1.8.0*255"}
_NATURES = {0: Nature.INTERMEDIATE, 1: Nature.BEGIN, 2: Nature.END, 3: Nature.BEGIN, 4: Nature.END}
_ENCODINGS = {"ISO-8859-1": "latin-1", "UTF-8": "utf-8"}
_UNITLESS = 255
_CONTRACT, _EVSE = re.compile(r"contract-id:\s*(?:([a-z0-9_-]{1,20}):)?(.*)"), re.compile(r"evse-id:\s*(.*)")


def record(value: SignedMeterValue, container: Container) -> SignedRecord:
    """Raises CannotJudge where the row is not that of a snapshot."""
    row = _row(value.additionalValues or [])
    told = {name: one.measuredValue.value for name, one in row.items()}
    at = _at(told["Epoch"])
    token, place = _tagged(told, _CONTRACT), _tagged(told, _EVSE)
    contradiction = next(_contradictions(value, container, row, at), "")
    return SignedRecord(
        format=Format.CHARGEIT_BSM,
        signed=b"".join(_bytes(name, one.measuredValue) for name, one in row.items()),
        signature=Signature(hex_or_none(value.signature), Writing.DER, (Curve.SECP256R1,)),
        readings=tuple(_readings(row, at)),
        version=(value.context or "").rpartition("-")[2][:10],
        algorithm="ECDSA-secp256r1-SHA256",
        meter=str(told["MA1"] or ""),
        claimed_key=(value.meterInfo or MeterInfo()).publicKey,
        pagination=_number(row["RCnt"]),
        identification=token[2] if token and token[1] else "",
        place=place[1] if place else "",
        problem=SignatureReason.FIELD_UNSIGNED if contradiction else None,
        detail=contradiction,
    )


def _row(values: list[Value]) -> dict[str, Value]:
    """By their names, each of which stands where it is signed."""
    if [one.measurand.name for one in values] != _ORDER:
        raise unreadable("another row of values than that of a BSM-WS36A")
    return dict(zip(_ORDER, values, strict=True))


def _bytes(name: str, measured: MeasuredValue) -> bytes:
    if name in _TEXTS:
        text = _encoded(measured)
        return _LENGTH.pack(len(text)) + text
    number = measured.value if measured.value is not None else _NOTHING.get(name)
    if not isinstance(number, int):
        raise unreadable(f"{name} is no number")
    layout = _SIGNED if name in _BELOW_ZERO else _UNSIGNED
    unit = _UNITLESS if measured.unitEncoded is None else measured.unitEncoded
    try:
        return layout.pack(number, measured.scale or 0, unit)
    except struct.error:
        raise unreadable(f"{name} has no room in what the meter signs") from None


def _encoded(measured: MeasuredValue) -> bytes:
    text, encoding = measured.value, _ENCODINGS.get(measured.valueEncoding or "UTF-8")
    if encoding is None or not isinstance(text, str | None):
        raise unreadable("a text that is none, or in another encoding than ISO-8859-1 and UTF-8")
    try:
        return (text or "").encode(encoding)
    except UnicodeEncodeError:
        raise unreadable("a text that its encoding does not have") from None


def _readings(row: dict[str, Value], at: datetime | None) -> Iterator[SignedReading]:
    """Both registers: that of the meter, and that of the session, which only an operator can give a legal meaning."""
    nature = _NATURES.get(_number(row["Typ"]), Nature.UNSAID)
    events = _number(row["Evt"])
    for name in ("TotWhImp", "RCR"):
        measured = row[name].measuredValue
        yield SignedReading(
            nature=nature,
            wh=edl.energy(_number(row[name]), measured.unitEncoded or 0, measured.scale or 0),
            register=_REGISTERS[name],
            at=at,
            clock=MeterClock.INFORMATIVE if at else MeterClock.UNKNOWN,
            problem=SignatureReason.READING_NOT_GOOD if events else None,
            detail=f"events {events:08x}" if events else "",
        )


def _number(one: Value) -> int:
    value = one.measuredValue.value
    return value if isinstance(value, int) else 0


def _at(epoch: int | str | None) -> datetime | None:
    return datetime.fromtimestamp(epoch, UTC) if isinstance(epoch, int) and 0 < epoch < _NOTHING["Epoch"] else None


def _tagged(told: dict[str, int | str | None], tag: re.Pattern[str]) -> re.Match[str] | None:
    texts = (str(told[name] or "") for name in ("Meta1", "Meta2", "Meta3"))
    return next((found for text in texts if (found := tag.fullmatch(text.strip()))), None)


def _contradictions(value: SignedMeterValue, container: Container, row: dict[str, Value], at: datetime | None) -> Iterator[str]:
    """The fields outside the row that say something else than the row, by their names."""
    told = {name: one.measuredValue.value for name, one in row.items()}
    if value.value is not None and not _is_of(value.value, row):
        yield "value"
    if value.measurementId is not None and str(value.measurementId) != str(told["RCnt"]):
        yield "measurementId"
    if value.meterInfo is not None and value.meterInfo.meterId != (told["MA1"] or ""):
        yield "meterInfo.meterId"
    if value.contract is not None and value.contract.id is not None and value.contract.id not in set(_contracts(told)):
        yield "contract.id"
    if (value.time is not None and _instant(value.time) != at) or (value.timestamp not in (None, told["Epoch"])):
        yield "time"
    place = container.chargePointInfo or container.placeInfo
    evse = _tagged(told, _EVSE)
    if place is not None and place.evseId is not None and evse is not None and place.evseId != evse[1]:
        yield "evseId"
    if any(row[name].measurand.id not in (None, code) for name, code in _REGISTERS.items()):
        yield "measurand.id"


def _is_of(outside: Value, row: dict[str, Value]) -> bool:
    """Whether a value is the one of its name in the row, by all that is signed of it, and under the register of its name."""
    name = outside.measurand.name
    inside = row.get(name or "")
    if inside is None or not (code := outside.measurand.id) or not obis.same_register(code, _REGISTERS.get(name or "", code)):
        return False
    one, other = outside.measuredValue, inside.measuredValue
    return (one.value or 0, one.scale or 0, one.unitEncoded) == (other.value or 0, other.scale or 0, other.unitEncoded)


def _contracts(told: dict[str, int | str | None]) -> Iterator[str]:
    """Whatever the texts of the station may be cut down to: the whole, the part behind the tag, and that behind the kind."""
    for name in ("Meta1", "Meta2", "Meta3"):
        text = str(told[name] or "")
        yield text
        if found := _CONTRACT.fullmatch(text.strip()):
            yield from (found[2], f"{found[1]}:{found[2]}")


def _instant(text: str) -> datetime | None:
    """None where it is no time, or names no zone."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
