"""ECDSA on the curves that meters sign with: the one place where `cryptography` verifies them.

The hash is SHA-256 on every curve, as all formats have it; where the order of the curve is shorter, its leftmost bits count
(plain ECDSA). A public key is its DER SubjectPublicKeyInfo with the named curve and an uncompressed point: one key, one text.
"""

import hashlib
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key


class Curve(StrEnum):
    SECP192R1 = "secp192r1"
    SECP256R1 = "secp256r1"
    SECP384R1 = "secp384r1"
    SECP521R1 = "secp521r1"
    SECP256K1 = "secp256k1"
    BRAINPOOL_P256R1 = "brainpoolP256r1"
    BRAINPOOL_P384R1 = "brainpoolP384r1"
    BRAINPOOL_P512R1 = "brainpoolP512r1"


_CURVES: dict[Curve, ec.EllipticCurve] = {
    Curve.SECP192R1: ec.SECP192R1(),
    Curve.SECP256R1: ec.SECP256R1(),
    Curve.SECP384R1: ec.SECP384R1(),
    Curve.SECP521R1: ec.SECP521R1(),
    Curve.SECP256K1: ec.SECP256K1(),
    Curve.BRAINPOOL_P256R1: ec.BrainpoolP256R1(),
    Curve.BRAINPOOL_P384R1: ec.BrainpoolP384R1(),
    Curve.BRAINPOOL_P512R1: ec.BrainpoolP512R1(),
}
NO_KEY = "is not a public key: write its DER as hex or base64, its PEM, or its X and Y"
_ALGORITHM = ec.ECDSA(hashes.SHA256())


class PublicKey(NamedTuple):
    """`der`: SubjectPublicKeyInfo, the point uncompressed."""

    der: bytes
    curve: Curve

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER bytes, hex: what a person can compare with a list."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def point(self) -> bytes:
        """X and Y side by side, as the formats of the EDL family write a key."""
        return _loaded(self.der).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


class UnsupportedCurve(ValueError):
    """A key of a curve that cannot be computed on here."""


def number_bytes(curve: Curve) -> int:
    """How long r and s are, each: as the curve's order."""
    return (_CURVES[curve].key_size + 7) // 8


def key_of_der(der: bytes) -> PublicKey:
    """Raises ValueError where the bytes are no public key of an elliptic curve, UnsupportedCurve where that is another one."""
    try:
        key = load_der_public_key(der)
    except UnsupportedAlgorithm as error:
        raise UnsupportedCurve("is of a curve that is not supported") from error
    except ValueError as error:
        raise ValueError(NO_KEY) from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("is not an elliptic-curve key: signed meter values are checked with ECDSA keys only")
    named = _named(key)
    if len(der) == len(named.der) and der != named.der:  # X9.62's hybrid point, 06 or 07 before X and Y, is read as 04
        raise ValueError(NO_KEY)
    return named


def key_of_point(point: bytes, curve: Curve) -> PublicKey:
    """Of a SEC 1 point: 04 X Y, or 02 or 03 and X. Raises ValueError where it does not lie on the curve."""
    return _named(ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[curve], point))


def _named(key: ec.EllipticCurvePublicKey) -> PublicKey:
    curve = next((name for name, known in _CURVES.items() if known.name == key.curve.name), None)
    if curve is None:
        raise UnsupportedCurve(f"is of the curve {key.curve.name}, by which no meter signs")
    return PublicKey(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), curve)


def der_of(signature: bytes) -> bytes | None:
    """A DER signature as it is; None where it is none."""
    try:
        decode_dss_signature(signature)
    except ValueError:
        return None
    return signature


def der_of_bare(signature: bytes, curve: Curve) -> bytes | None:
    """r and s side by side as DER; None where they are not as long as the curve's order."""
    length = number_bytes(curve)
    if len(signature) != 2 * length:
        return None
    return encode_dss_signature(int.from_bytes(signature[:length], "big"), int.from_bytes(signature[length:], "big"))


def is_signed_by(key: PublicKey, der_signature: bytes, signed: bytes) -> bool:
    try:
        _loaded(key.der).verify(der_signature, signed, _ALGORITHM)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=1024)
def _loaded(der: bytes) -> ec.EllipticCurvePublicKey:
    key = load_der_public_key(der)
    assert isinstance(key, ec.EllipticCurvePublicKey), "a PublicKey was one when it was made"
    return key
