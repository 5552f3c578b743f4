"""The signed meter values of a CDR (OCPI 2.2.1, SignedData), and what became of them."""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from vocabulary.charging import SignedValue
from vocabulary.reference import Evse
from vocabulary.sessions import SessionRated
from vocabulary.signatures import Nature, SignatureChecked, Verdict

NOT_AVAILABLE = "#NA"  # OCPI: for required data that cannot be had


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
    told = [f"Signed meter values: {signature.verdict}"]
    if signature.verdict is not Verdict.VERIFIED:
        told.append(f"({signature.reason})")
    elif (signature.begin_wh, signature.end_wh) == (rated.begin_wh, rated.end_wh):
        told.append(f"and billed, {signature.register} {rated.begin_wh} to {rated.end_wh} Wh")
    else:
        told.append(f"and not billed by ({signature.billing_reason})")
    if signature.key_fingerprint:
        told.append(f"; key SHA-256 {signature.key_fingerprint[:16]}")
    return {"remark": " ".join(told).replace(" ;", ";")[:255]}


def _encoding_method(signed: Sequence[SignedValue], signature: SignatureChecked | None) -> str:
    """As the station named it, if it always named the same; or as we recognised it, `OCMF` and not `OCMF 1.0`."""
    named = {value.encoding_method for value in signed if value.encoding_method}
    recognised = re.sub(r" [0-9.]+$", "", signature.format) if signature else ""
    return (named.pop() if len(named) == 1 else recognised) or NOT_AVAILABLE


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
