"""The signed meter values of a CDR (OCPI 2.2.1, SignedData), and what became of them."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, TypeGuard

from vocabulary.charging import SignedValue
from vocabulary.money import plain
from vocabulary.reference import Evse
from vocabulary.sessions import SessionRated
from vocabulary.signatures import Nature, SignatureChecked, Verdict

NOT_AVAILABLE = "#NA"  # OCPI: for required data that cannot be had


def is_verified(signature: SignatureChecked | None) -> TypeGuard[SignatureChecked]:
    """Whether the meter that is named is the one that signed."""
    return signature is not None and signature.verdict is Verdict.VERIFIED and signature.meter != ""


def signed_data(signed: Sequence[SignedValue], evse: Evse, signature: SignatureChecked | None) -> dict[str, Any]:
    """The signed values as they were carried; the public key only if it is one that the operator trusts."""
    if not signed:
        return {}
    key = _trusted_key(evse, signature)
    return {
        "signed_data": {
            "encoding_method": _encoding_method(signed, signature),
            **({"public_key": key} if key else {}),
            "signed_values": [_signed_value(value, _nature(value, place, signature)) for place, value in enumerate(signed)],
        }
    }


def remark(rated: SessionRated, signature: SignatureChecked | None) -> dict[str, str]:
    """What OCPI has no field for: that a reservation expired, or what became of the signed values."""
    if rated.unused:
        return {"remark": "The reservation expired; nobody charged."}
    if signature is None or signature.billing is None or not signature.records:
        return {}
    told = f"Signed meter values: {signature.verdict}"
    if signature.verdict is not Verdict.VERIFIED:
        told += f" ({signature.reason})"
    elif (signature.begin_wh, signature.end_wh) == (rated.begin_wh, rated.end_wh):
        told += f" and billed, {signature.register} {plain(rated.begin_wh)} to {plain(rated.end_wh)} Wh"
    else:
        told += "; billed as the station told"
        told += "" if signature.billing is Verdict.VERIFIED else f" ({signature.billing_reason})"
    key = f"; key SHA-256 {signature.key_fingerprint[:16]}" if signature.key_fingerprint else ""
    return {"remark": (told + key)[:255]}


_NAMES = {  # of OCPI's table of encoding methods; other formats stand by the name that the transparency software gives them
    "EDL_40_P": "EDL40 E-Mobility Extension",
    "EDL_40_SIG": "EDL40 E-Mobility Extension",
    "EDL_40_MENNEKES": "EDL40 Mennekes",
    "ALFEN": "Alfen Eichrecht",
}


def _encoding_method(signed: Sequence[SignedValue], signature: SignatureChecked | None) -> str:
    """As its content was recognised, `OCMF` and not `OCMF 1.0`; else as the station named it, if it always named the same."""
    recognised = signature.format.partition(" ")[0] if signature else ""
    named = {value.encoding_method for value in signed if value.encoding_method}
    return _NAMES.get(recognised, recognised) or (named.pop() if len(named) == 1 else NOT_AVAILABLE)


def _trusted_key(evse: Evse, signature: SignatureChecked | None) -> str:
    keys = (bytes.fromhex(key.public_key) for key in evse.meter_keys)
    wanted = (der for der in keys if signature and sha256(der).hexdigest() == signature.key_fingerprint)
    return b64encode(next(wanted, b"")).decode()


_NATURES = {"Transaction.Begin": "Start", "Transaction.End": "End"}


def _nature(value: SignedValue, place: int, signature: SignatureChecked | None) -> str:
    """By what is signed, where the format tells it: a record with both readings is the end. Else by the sample's context."""
    records = signature.records if signature else ()
    signed = {point.nature for record in records if record.value == place for point in record.points}
    if Nature.END in signed:
        return "End"
    return "Start" if Nature.BEGIN in signed else _NATURES.get(value.context, "Intermediate")


def _signed_value(value: SignedValue, nature: str) -> dict[str, str]:
    """`plain_data` is the text, `signed_data` the same in base64; OCPI leaves their split open for OCMF (issue 550).

    A text with line breaks may not stand in an OCPI string; base64 then stands in both.
    """
    text, encoded = _both_forms(value.data)
    return {
        "nature": nature,
        "plain_data": text if text.isprintable() else encoded,
        "signed_data": encoded,
    }


def _both_forms(data: str) -> tuple[str, str]:
    """The text and its base64. OCPP 2.x asks stations for base64, many send the text itself."""
    try:
        text = b64decode(data, validate=True).decode()
    except (NotBase64, UnicodeDecodeError):
        return data, b64encode(data.encode()).decode()
    return (text, data) if text else (data, b64encode(data.encode()).decode())
