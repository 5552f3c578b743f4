"""Verify OCMF records: the signature over the bytes as received, and whether begin and end belong together.

OCMF (Open Charge Metering Format) is text: `OCMF|payload JSON|signature JSON`. Signed are the UTF-8 bytes of the payload
between the first and the second bar, verbatim. Here: ECDSA on secp256r1 with SHA-256, the format's default; every other
algorithm is reported as unsupported, not as failed. Signatures are DER; the bare r||s of some meters is accepted. A key is
trusted because the operator registered it for the EVSE; the key in the message is a claim and is not looked at.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from streams.registers import EXACT
from vocabulary.charging import SignedValue
from vocabulary.quantities import WattHours
from vocabulary.reference import MeterKey

ALGORITHM = "ECDSA-secp256r1-SHA256"
MAX_BYTES = 65_536  # OCPP 2.1 allows 32 768 characters of base64
_ENDS = frozenset("ELRAP")  # TX: end, locally, remotely, aborted, power failure
_WH_PER_UNIT = {"kWh": Decimal(1000), "Wh": Decimal(1)}
_MAJOR_VERSIONS = ("0", "1")
_NUMBER_BYTES = 32  # r and s of P-256, each


_A_KEY = re.compile(r"[0-9A-Za-z+/=]*")


class OcmfReading(NamedTuple):
    """A reading of the payload, with what it inherits from the one before it (OCMF: RD keys may be left out)."""

    kind: str  # TX: B begin, C charging, E end ...
    energy_wh: WattHours | None
    register: str  # RI, the OBIS code: begin and end are of one register
    status: str  # ST, G is good
    flags: str  # EF: E energy unusable, t time unusable

    @property
    def is_good(self) -> bool:
        return self.status == "G" and "E" not in self.flags


class OcmfRecord(NamedTuple):
    version: str
    meter: str
    readings: tuple[OcmfReading, ...]
    algorithm: str
    signature: bytes
    signed: bytes


class NotOcmf(ValueError):
    """The text is of another format."""


class UnreadableOcmf(ValueError):
    """The text says that it is OCMF, and is broken; the message says where."""


class _Reading(msgspec.Struct):
    TX: str | None = None
    RV: msgspec.Raw = msgspec.Raw()  # a number, or a string that holds one
    RU: str | None = None
    RI: str | None = None
    ST: str | None = None
    EF: str | None = None


class _Payload(msgspec.Struct):
    FV: msgspec.Raw = msgspec.Raw(b'"1.0"')  # text, in the field also a number
    GS: str = ""
    MS: str = ""
    RD: list[_Reading] = []


class _Signature(msgspec.Struct):
    SD: str
    SA: str = ALGORITHM
    SE: str = "hex"


def parse(value: SignedValue) -> OcmfRecord:
    """The record in a signed value: as text, or as base64 or hex of it. Raises NotOcmf, UnreadableOcmf."""
    text = _text(value.data)
    sections = text.split("|")
    if len(sections) < 3 or not _A_KEY.fullmatch("|".join(sections[3:])):  # what comes after the signature is signed by nobody
        raise UnreadableOcmf("other sections than payload, signature and, in older versions, the key")
    try:
        json.loads(sections[1], object_pairs_hook=_no_key_twice, parse_float=str, parse_int=str)
        payload = msgspec.json.decode(sections[1], type=_Payload, strict=False)
        signature = msgspec.json.decode(sections[2], type=_Signature)
        raw = binascii.unhexlify(signature.SD) if signature.SE == "hex" else base64.b64decode(signature.SD, validate=True)
        version = _bare(payload.FV)
        if version.partition(".")[0] not in _MAJOR_VERSIONS:
            raise NotOcmf(f"OCMF version {version[:20]}")
        return OcmfRecord(version, payload.MS or payload.GS, _readings(payload.RD), signature.SA, raw, sections[1].encode())
    except NotOcmf:
        raise
    except (msgspec.MsgspecError, RecursionError, ValueError, InvalidOperation) as error:
        raise UnreadableOcmf(str(error)[:120]) from error


def _no_key_twice(pairs: list[tuple[str, object]]) -> None:
    """Readers differ on which of two values of one key counts; what was signed must say one thing."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise UnreadableOcmf("a key stands twice in the payload")


def _text(data: str) -> str:
    if len(data) > MAX_BYTES:
        raise NotOcmf(f"longer than {MAX_BYTES} characters")
    for candidate in (data.strip(), _decoded(base64.b64decode, data), _decoded(bytes.fromhex, data)):
        if candidate.startswith("OCMF|"):
            return candidate
    raise NotOcmf("does not begin with OCMF|")


def _decoded(decode: Callable[[str], bytes], data: str) -> str:
    try:
        return decode(data).decode()
    except (ValueError, binascii.Error):
        return ""


def _readings(given: list[_Reading]) -> tuple[OcmfReading, ...]:
    """What a reading leaves out it has from the one before it; an empty EF takes flags back."""
    readings: list[OcmfReading] = []
    kind = unit = register = status = flags = ""
    for one in given:
        kind, unit, register = one.TX or kind, one.RU or unit, one.RI or register
        status, flags = one.ST or status, flags if one.EF is None else one.EF
        readings.append(OcmfReading(kind, _energy(one.RV, unit), register, status, flags))
    return tuple(readings)


def _bare(value: msgspec.Raw) -> str:
    """A JSON scalar's text, without quotes and blanks."""
    return bytes(value).decode().strip('" ')


def _energy(value: msgspec.Raw, unit: str) -> WattHours | None:
    text = _bare(value)
    if not text or text == "null" or unit not in _WH_PER_UNIT:
        return None
    number = Decimal(text)
    if not number.is_finite() or abs(number.adjusted()) > 18:
        return None
    return WattHours(EXACT.multiply(number, _WH_PER_UNIT[unit]))


def begin_of(record: OcmfRecord) -> OcmfReading | None:
    return next((r for r in record.readings if r.kind == "B" and r.energy_wh is not None), None)


def end_of(record: OcmfRecord, register: str) -> OcmfReading | None:
    return next(
        (r for r in record.readings if (r.kind in _ENDS, r.register) == (True, register) and r.energy_wh is not None), None
    )


def keys_in_force(keys: tuple[MeterKey, ...], at: datetime) -> list[MeterKey]:
    """The registered keys that are in force at that instant and can be read, of whatever meter: the record's own word on which
    meter it is of is worth nothing before its signature is verified.
    """
    in_force = (key for key in keys if key.valid_from is None or key.valid_from <= at)
    return [key for key in in_force if _public_key(key.public_key) is not None]


def matching_key(record: OcmfRecord, keys: list[MeterKey]) -> MeterKey | None:
    """The key whose signature this is; None: of none of them."""
    return next((key for key in keys if _is_signed_by(record, key)), None)


def _is_signed_by(record: OcmfRecord, key: MeterKey) -> bool:
    public_key = _public_key(key.public_key)
    if public_key is None or not isinstance(public_key.curve, ec.SECP256R1):
        return False
    try:
        public_key.verify(_der(record.signature), record.signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=1024)
def _public_key(der_hex: str) -> ec.EllipticCurvePublicKey | None:
    """None: not to be read, or not of an elliptic curve."""
    try:
        key = serialization.load_der_public_key(bytes.fromhex(der_hex))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def _der(signature: bytes) -> bytes:
    """The signature as DER, also where the meter writes r and s side by side (Isabellenhütte)."""
    try:
        decode_dss_signature(signature)
    except ValueError:
        if len(signature) == 2 * _NUMBER_BYTES:
            r, s = signature[:_NUMBER_BYTES], signature[_NUMBER_BYTES:]
            return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    return signature


def fingerprint(key: MeterKey) -> str:
    """SHA-256 of the key's DER bytes, hex: what a person can compare with a list."""
    return hashlib.sha256(bytes.fromhex(key.public_key)).hexdigest()
