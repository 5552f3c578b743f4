"""A meter's public key, in whatever writing the manufacturer or the station gives it.

    hex      DER SubjectPublicKeyInfo, or a point: X||Y, 04||X||Y, 02|03||X (compressed); blanks, colons and a leading 0x
             as printed on nameplates do not matter
    base64   of the same bytes, of such hex, or of an `oca:` envelope, as OCPP stations send it
    base32   of the same bytes (Alfen)
    PEM      -----BEGIN PUBLIC KEY-----
    oca:     "oca:base16:asn1:<hex>" or "oca:base64:asn1:<base64>" of the OCA's note on signed meter values

A point does not name its curve. X and Y say it all the same: they lie on one of those of their length. A compressed point is
taken for one of secp192r1, secp256r1, secp384r1 or secp521r1, by its length, unless `curves` says otherwise.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from streams.signed.ecdsa import NO_KEY, Curve, PublicKey, UnsupportedCurve, key_of_der, key_of_point, number_bytes

MOST = 4096  # characters; OCPP 2.x allows 2 500
_PADDED = 32  # characters, from which on padding may be left out; shorter is no key
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----(.*?)-----END \1-----", re.DOTALL)
_NIST = (Curve.SECP192R1, Curve.SECP256R1, Curve.SECP384R1, Curve.SECP521R1)
_BY_LENGTH = tuple(dict.fromkeys((*_NIST, *Curve)))


@lru_cache(maxsize=4096)
def read_key(text: str, curves: tuple[Curve, ...] = ()) -> PublicKey:
    """`curves`: of which of them a point may be. Raises ValueError with a sentence that does not repeat the text,
    UnsupportedCurve where it is a key of a curve that cannot be computed on.
    """
    if len(text) > MOST:
        raise ValueError(f"is longer than {MOST} characters: a public key is not")
    problems: list[ValueError] = []
    for raw in _bytes(text.strip()):
        try:
            return _key(raw, curves)
        except ValueError as problem:
            problems.append(problem)
    unsupported = (problem for problem in problems if isinstance(problem, UnsupportedCurve))
    raise next(unsupported, problems[0] if problems else _neither())


def _neither() -> ValueError:
    return ValueError("is neither hex nor base64: write the meter's public key in one of them, or as PEM")


def _key(raw: bytes, curves: Sequence[Curve]) -> PublicKey:
    if raw[:1] == b"\x30":
        return key_of_der(raw)
    points = list(_points(raw, curves))
    if not points:
        raise ValueError(NO_KEY)
    for point, curve in points:
        try:
            return key_of_point(point, curve)
        except ValueError:
            continue
    of = " or ".join(dict.fromkeys(curve for _, curve in points))
    raise ValueError(f"is not a point of {of}: compare it with the meter's nameplate, a digit is wrong")


def _points(raw: bytes, curves: Sequence[Curve]) -> Iterator[tuple[bytes, Curve]]:
    """As which point of which curve the bytes may be read."""
    for curve in curves or _BY_LENGTH:
        length = number_bytes(curve)
        if len(raw) == 2 * length:
            yield b"\x04" + raw, curve
        elif (len(raw) == 2 * length + 1 and raw[0] == 4) or (
            len(raw) == length + 1 and raw[0] in (2, 3) and (curves or curve in _NIST)
        ):
            yield raw, curve


def _bytes(text: str, depth: int = 0) -> Iterator[bytes]:
    """What the text may write down, the most likely first; base64 of a text is unpacked twice."""
    if found := _PEM.search(text):
        if "PRIVATE" in found[1]:
            raise ValueError("is a PRIVATE key: take it out of here at once, only the public key is needed")
        text = found[2]
    if envelope := re.match(r"oca:(base16|base64):[^:]*:", text):
        text = text[envelope.end() :]
        if envelope[1] == "base16":
            text = re.sub(r"0[xX]|[^0-9a-fA-F]", "", text)
    text = re.sub(r"[\s:]", "", text).removeprefix("0x")
    if text and re.fullmatch(r"([0-9a-fA-F]{2})+", text):
        yield bytes.fromhex(text)
    for raw in _decoded(text):
        if depth == 0 and raw.isascii() and re.match(rb"0x|[0-9a-fA-F: ]{48}|oca:|-----BEGIN", raw):
            yield from _bytes(raw.decode(), depth + 1)
        yield raw


def _decoded(text: str) -> Iterator[bytes]:
    decoders: tuple[tuple[Callable[[str], bytes], int], ...] = ((_base64, 4), (base64.b32decode, 8))
    for decode, block in decoders:
        try:
            raw = decode(text + "=" * (-len(text) % block if len(text) >= _PADDED else 0))
        except (ValueError, binascii.Error):
            continue
        if raw:
            yield raw


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
