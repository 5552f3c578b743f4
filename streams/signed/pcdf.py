"""PCDF, the Porsche Charging Data Format: `128.8.0(ST:200501162017)(CT:...)...(PK:...)(SG:...)`.

Signed is the text from `128.8.0` up to the signature, so that the key is signed too; on secp256r1, with a DER signature. A
control character may stand before and behind.

    ST, CT   begin and now, yymmddhhmmss in UTC      CD   charging time, hhmmss     TV   1: the clock is valid
    RV       energy of the session, nnnn.nnn*kWh     SP   1: it has ended           BV   1: it may be billed
    SI       token*kind*transaction                  HW   serial number of the meter

There is no register: energy begins at 0 with each session. Kinds of tokens are 1 RFID, 2 eMAID, 3 a bank card, 4 remote,
5 NFC; a card and a remote start name no token that the back end knows by this text.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from streams.signed.ecdsa import Curve
from streams.signed.obis import PCDF_SESSION
from streams.signed.record import (
    MAX_BYTES,
    Format,
    Signature,
    SignedReading,
    SignedRecord,
    Writing,
    hex_or_none,
    in_wh,
    unreadable,
)
from vocabulary.quantities import ZERO_WH
from vocabulary.signatures import MeterClock, Nature, SignatureReason

_HEAD = b"128.8.0("
_FRAME = b"\x02\x03 \t\r\n"  # start and end of text, as a serial line has them
_FIELD = re.compile(r"\(([A-Z]{2,3}):([^():]*)\)")
_ENERGY = re.compile(r"([0-9]{1,8}(?:\.[0-9]{1,6})?)\*kWh")
_TIME, _DURATION = re.compile(r"[0-9]{12}"), re.compile(r"([0-9]{2})([0-5][0-9])([0-5][0-9])")
_TOKENS = frozenset("125")


def read(data: bytes) -> tuple[SignedRecord, ...] | None:
    """One record; None where the bytes are of another format. Raises CannotJudge."""
    bare = data.strip(_FRAME)
    if not bare.startswith(_HEAD):
        return None
    if len(bare) > MAX_BYTES or not bare.isascii():
        raise unreadable(f"not text of at most {MAX_BYTES} bytes")
    signed, _, _ = bare.partition(b"(SG:")
    return (_record(signed, _fields(bare.decode()[len(_HEAD) - 1 :])),)


def _fields(text: str) -> dict[str, str]:
    """By their names. Nothing stands between them, none stands twice, and the signature is the last."""
    found = _FIELD.findall(text)
    fields = dict(found)
    if "".join(f"({name}:{value})" for name, value in found) != text or len(fields) < len(found):
        raise unreadable("not a row of fields, each of which stands once")
    missing = [name for name in ("ST", "CT", "TV", "RV", "SP", "BV", "SG") if name not in fields]
    if missing or found[-1][0] != "SG":
        raise unreadable(f"{' and '.join(missing)} missing" if missing else "fields behind the signature")
    return fields


def _record(signed: bytes, fields: dict[str, str]) -> SignedRecord:
    begin, end, energy = _time(fields["ST"]), _time(fields["CT"]), _ENERGY.fullmatch(fields["RV"])
    if energy is None:
        raise unreadable("an energy that is not in kWh, or no number")
    is_valid = fields["TV"] == "1"
    is_usable = is_valid and _is_within(fields.get("CD", ""), begin, end)
    wh = in_wh(Decimal(energy[1]), 3)
    last = Nature.END if fields["SP"] == "1" else Nature.INTERMEDIATE
    token, meter_transaction = _session(fields.get("SI", ""))
    return SignedRecord(
        format=Format.PCDF,
        signed=signed,
        signature=Signature(hex_or_none(fields["SG"]), Writing.DER, (Curve.SECP256R1,)),
        readings=(
            SignedReading(Nature.BEGIN, ZERO_WH, PCDF_SESSION, begin, _clock(begin, is_valid), is_time_usable=is_usable),
            SignedReading(last, wh, PCDF_SESSION, end, _clock(end, is_valid), is_time_usable=is_usable),
        ),
        algorithm="ECDSA-secp256r1-SHA256",
        meter=fields.get("HW", "").strip(),
        claimed_key=fields.get("PK", ""),
        identification=token,
        meter_transaction=meter_transaction,
        problem=None if fields["BV"] == "1" else SignatureReason.BILLING_REFUSED,
        detail="" if fields["BV"] == "1" else "BV is not 1",
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(f"20{text}Z", "%Y%m%d%H%M%S%z").astimezone(UTC) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


def _clock(at: datetime | None, is_valid: bool) -> MeterClock:
    return MeterClock.SYNCHRONISED if is_valid and at is not None else MeterClock.UNKNOWN


def _is_within(duration: str, begin: datetime | None, end: datetime | None) -> bool:
    """Whether the charging time fits between begin and end; it can be shorter than that, and not longer."""
    found = _DURATION.fullmatch(duration)
    if found is None or begin is None or end is None:
        return False
    hours, minutes, seconds = (int(part) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds) <= end - begin


def _session(text: str) -> tuple[str, str]:
    """Token and transaction; an eMAID may have stars of its own."""
    parts = text.rsplit("*", 2)
    if len(parts) != 3:
        return "", ""
    token, kind, transaction = parts
    return (token if kind in _TOKENS else ""), transaction
