"""A meter for tests: a fresh P-256 key, and OCMF records signed with it, as honest or as strange as a test wants them."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from vocabulary.reference import MeterKey

SERIAL = "M1"

Reading = dict[str, Any]


def begin(value: object = 1.0, **more: Any) -> Reading:
    """A begin reading in kWh. A key given as None is left out."""
    return reading("B", value, **more)


def end(value: object = 8.5, **more: Any) -> Reading:
    return reading("E", value, **more)


def reading(kind: str, value: object, **more: Any) -> Reading:
    told = {"TM": "2026-10-05T08:00:00,000+0000 S", "TX": kind, "RV": value, "RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"} | more
    return {key: given for key, given in told.items() if given is not None}


class OcmfMeter:
    """`curve` None: P-256, the only one that is verified."""

    def __init__(self, curve: ec.EllipticCurve | None = None, serial: str = SERIAL) -> None:
        self._key, self.serial = ec.generate_private_key(curve or ec.SECP256R1()), serial

    @property
    def public_key(self) -> str:
        key = self._key.public_key()
        return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo).hex()

    def key(self, **more: Any) -> MeterKey:
        """The key as an operator registers it."""
        return MeterKey(**{"public_key": self.public_key} | more)

    def record(self, *readings: Reading, **payload: Any) -> str:
        """A signed record with these readings."""
        return self.sign(self.payload(readings, **payload))

    def payload(self, readings: Sequence[Reading], **more: Any) -> str:
        told = {"FV": "1.0", "GS": "G1", "PG": "T1", "MS": self.serial, "IS": True, "RD": list(readings)} | more
        return json.dumps({key: given for key, given in told.items() if given is not None}, separators=(",", ":"))

    def sign(self, payload: str, *, bare: bool = False, **section: Any) -> str:
        """An OCMF record around any payload. `bare`: r and s side by side instead of DER."""
        der = self._key.sign(payload.encode(), ec.ECDSA(hashes.SHA256()))
        signature = (
            b"".join(number.to_bytes((self._key.key_size + 7) // 8, "big") for number in decode_dss_signature(der))
            if bare
            else der
        )
        encoded = base64.b64encode(signature).decode() if section.get("SE") == "base64" else signature.hex()
        told = {"SA": "ECDSA-secp256r1-SHA256", "SD": encoded} | section
        return f"OCMF|{payload}|{json.dumps({key: given for key, given in told.items() if given is not None})}"


def with_flipped_bit(record: str, section: int) -> str:
    """The record with one digit's lowest bit changed: in a value of section 1, the payload, or in 2, the signature."""
    parts = record.split("|")
    mark = '"RV":' if section == 1 else '"SD": "'
    text, first = parts[section], parts[section].index(mark) + len(mark)
    at = next(n for n in range(first if section == 1 else first + 20, len(text)) if text[n].isdigit())
    parts[section] = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
    return "|".join(parts)
