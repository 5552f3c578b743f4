"""The verdict on one record: is it signed by a key that is trusted?

The candidates are the keys that the operator registered for the EVSE. A key in the message is a claim: it is compared and
recorded, and never trusted. Where a record is signed by that key and by no registered one, that is told: it is either a
meter that was exchanged or somebody who signs for himself.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from streams.signed.ecdsa import PublicKey, UnsupportedCurve, der_of, der_of_bare, is_signed_by
from streams.signed.keys import read_key
from streams.signed.record import CannotJudge, Signature, SignedRecord, Writing
from vocabulary.signatures import KeyClaim, SignatureReason, Verdict

# At hand: an enumeration's members take time to look up, and this is done for every record.
_VERIFIED, _MATCHES = Verdict.VERIFIED, SignatureReason.VERIFIED
_BARE, _EITHER = Writing.BARE, Writing.EITHER


class Judged(NamedTuple):
    """A record with its verdict. `key`: the one that it was checked with; None: none fits."""

    verdict: Verdict
    reason: SignatureReason
    detail: str = ""
    key: PublicKey | None = None


def judged(record: SignedRecord, keys: Sequence[PublicKey]) -> Judged:
    """The verdict by these keys, of which at least one must have signed it."""
    if not record.signature.curves:
        return Judged(Verdict.UNVERIFIABLE, SignatureReason.ALGORITHM_UNSUPPORTED, record.algorithm[:60])
    if not keys:
        return Judged(Verdict.UNVERIFIABLE, SignatureReason.KEY_NOT_REGISTERED)
    fitting = [key for key in keys if key.curve in record.signature.curves]
    if not fitting:
        told = f"{record.algorithm[:60]}, key of {keys[0].curve}"
        return Judged(Verdict.FAILED, SignatureReason.KEY_CURVE_MISMATCH, told, keys[0])
    is_signature = False
    for key in fitting:
        der = _der(record.signature, key)
        if der is not None and is_signed_by(key, der, record.signed):
            return Judged(_VERIFIED, _MATCHES, "", key)
        is_signature = is_signature or der is not None
    if not is_signature:
        return Judged(Verdict.FAILED, SignatureReason.SIGNATURE_MALFORMED, f"{len(record.signature.value)} bytes", fitting[0])
    return Judged(Verdict.FAILED, SignatureReason.SIGNATURE_MISMATCH, "", fitting[0])


def _der(signature: Signature, key: PublicKey) -> bytes | None:
    if signature.writing is _BARE:
        return der_of_bare(signature.value, key.curve)
    der = der_of(signature.value)
    return der_of_bare(signature.value, key.curve) if der is None and signature.writing is _EITHER else der


def claimed_key(record: SignedRecord, beside: str) -> PublicKey | None:
    """The key that the record names, else the message beside it; None: neither does. Raises CannotJudge where it is none."""
    text = record.claimed_key or beside
    if not text.strip():
        return None
    try:
        return read_key(text, record.signature.curves)
    except UnsupportedCurve as error:
        raise CannotJudge(SignatureReason.ALGORITHM_UNSUPPORTED, str(error)) from error
    except ValueError as error:
        raise CannotJudge(SignatureReason.KEY_UNREADABLE, f"the key {error}") from error


def claim_of(claimed: PublicKey | None, trusted: Sequence[PublicKey]) -> KeyClaim:
    if claimed is None:
        return KeyClaim.NONE
    return KeyClaim.SAME if claimed in trusted else KeyClaim.OTHER


def digest_of(record: SignedRecord) -> str:
    """A record's identity: what was signed, however it is written and whoever signed it."""
    return sha256(record.signed).hexdigest()
