"""A made-up meter that signs its readings: OCMF 1.0 records with ECDSA on secp256r1, for the demo and for tests.

The signatures are deterministic (RFC 6979), so the same readings give the same bytes.
"""

import json
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class DemoMeter:
    """A meter known by its serial number, from which its key follows. Never a key for anything real."""

    def __init__(self, serial: str) -> None:
        self.serial = serial
        self._key = ec.derive_private_key(int.from_bytes(sha256(serial.encode()).digest()) >> 1, ec.SECP256R1())
        self._page = 0

    def public_key(self) -> str:
        """DER SubjectPublicKeyInfo, hex: as it is registered for an EVSE."""
        der = self._key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return der.hex()

    def sign(self, kind: str, at: datetime, register_wh: Decimal, identification: str) -> str:
        """One signed reading as OCMF text; `kind` is B for begin or E for end."""
        self._page += 1
        return self.signed(json.dumps(self._payload(kind, at, register_wh, identification), separators=(",", ":")))

    def signed(self, payload: str) -> str:
        """OCMF text around any payload."""
        signature = self._key.sign(payload.encode(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        return f'OCMF|{payload}|{{"SA":"ECDSA-secp256r1-SHA256","SD":"{signature.hex()}"}}'

    def _payload(self, kind: str, at: datetime, register_wh: Decimal, identification: str) -> dict[str, object]:
        reading = {"TM": at.strftime("%Y-%m-%dT%H:%M:%S,000+0000 S"), "TX": kind, "RV": str(register_wh.scaleb(-3))}
        reading |= {"RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"}
        head = {"FV": "1.0", "GI": "wattbook demo", "GS": self.serial, "GV": "1", "PG": f"T{self._page}", "MS": self.serial}
        return head | {"IS": True, "IL": "VERIFIED", "IT": "ISO14443", "ID": identification, "RD": [reading]}


def tampered(ocmf: str) -> str:
    """The record with its last digit of energy changed: what a dishonest or broken gateway would send."""
    before, mark, after = ocmf.partition('"RV":"')
    value, quote, rest = after.partition('"')
    return before + mark + value[:-1] + str((int(value[-1]) + 1) % 10) + quote + rest
