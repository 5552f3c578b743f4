"""A meter's public key, in whatever writing the manufacturer gives it, as the one writing that the log keeps.

    hex      DER SubjectPublicKeyInfo, or a bare P-256 point: X||Y (64 bytes), 04||X||Y (65), 02|03||X (33, compressed);
             blanks, colons and a leading 0x as printed on nameplates do not matter
    base64   of the same bytes, or of such hex, as OCPP 1.6 stations answer for MeterPublicKey
    PEM      -----BEGIN PUBLIC KEY-----
    oca:     "oca:base16:asn1:<hex>" of the OCA's note on signed meter values

What comes out is the DER SubjectPublicKeyInfo as lower-case hex, with the point uncompressed. The point must lie on its curve.
"""

import base64
import binascii
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----(.*?)-----END \1-----", re.DOTALL)
_BARE_BYTES = {64, 65, 33}


def normalise_public_key(text: str) -> str:
    """DER SubjectPublicKeyInfo as hex. Raises ValueError with a sentence that does not repeat the text."""
    key = _key(_bytes(text.strip()))
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


def _key(raw: bytes) -> ec.EllipticCurvePublicKey:
    if len(raw) in _BARE_BYTES:
        return _point(raw if len(raw) != 64 else b"\x04" + raw)
    try:
        key = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("is not a public key: write its DER as hex or base64, its PEM, or its 64 bytes X and Y") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("is not an elliptic-curve key: signed meter values are checked with ECDSA keys only")
    return key


def _point(raw: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError as error:
        raise ValueError(
            "is not a point of the curve P-256: compare it with the meter's nameplate, a digit is wrong"
        ) from error


def _bytes(text: str) -> bytes:
    """The bytes that the text writes down, as hex or base64; base64 of hex is unpacked twice."""
    if found := _PEM.search(text):
        if "PRIVATE" in found[1]:
            raise ValueError("is a PRIVATE key: take it out of here at once, only the public key is needed")
        text = found[2]
    text = re.sub(r"[\s:]", "", text.removeprefix("oca:base16:asn1:")).removeprefix("0x")
    if re.fullmatch(r"([0-9a-fA-F]{2})+", text):
        return bytes.fromhex(text)
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("is neither hex nor base64: write the meter's public key in one of them, or as PEM") from error
    return _bytes(raw.decode()) if raw.isascii() and re.match(rb"[0-9a-fA-F:]{64}|oca:", raw) else raw
