"""OCMF, the Open Charge Metering Format, 0.1 to 1.4: `OCMF|payload JSON|signature JSON`.

Signed are the UTF-8 bytes of the payload between the first and the second bar, verbatim. The signature section is signed by
nobody; it says by which algorithm (SA, ECDSA on secp256r1 where it is left out) and how it is written (SE, hex or base64).
SM says DER; Isabellenhütte writes r and s side by side all the same, so that both are read. A fourth section with the key was
in early drafts and is still met: it is a claim.
"""

import base64
import binascii

import msgspec

from streams.signed.ecdsa import Curve
from streams.signed.ocmf_payload import (
    Payload,
    identification_of,
    is_identification_refused,
    loss_of,
    meter_of,
    page_of,
    place_of,
    readings_of,
    version_of,
)
from streams.signed.record import MAX_BYTES, Format, Signature, SignedRecord, Writing, unreadable
from streams.signed.strict_json import decoded
from vocabulary.signatures import SignatureReason

ALGORITHM = "ECDSA-secp256r1-SHA256"
_HEAD = b"OCMF|"
_FORMAT, _WRITING = Format.OCMF, Writing.EITHER  # at hand: an enumeration's members take time to look up


class _Section(msgspec.Struct, gc=False):
    SD: str
    SA: str | None = None
    SE: str | None = None


# The names of OCMF's table of algorithms, in lower case, and those that meters give instead. secp192k1 stands in that table
# and cannot be computed on here; secp521r1 and brainpoolP512r1 do not, and can.
_CURVES: dict[str, tuple[Curve, ...]] = {
    f"ecdsa-{name}-sha256": (curve,)
    for curve, names in {
        Curve.SECP192R1: "secp192r1 prime192v1",
        Curve.SECP256R1: "secp256r1 prime256v1",
        Curve.SECP384R1: "secp384r1",
        Curve.SECP521R1: "secp521r1",
        Curve.SECP256K1: "secp256k1",
        Curve.BRAINPOOL_P256R1: "brainpool256r1 brainpoolp256r1",
        Curve.BRAINPOOL_P384R1: "brainpool384r1 brainpoolp384r1",
        Curve.BRAINPOOL_P512R1: "brainpool512r1 brainpoolp512r1",
    }.items()
    for name in names.split()
}


def read(data: bytes) -> tuple[SignedRecord, ...] | None:
    """One record; None where the bytes are of another format. Raises CannotJudge."""
    if not data.startswith(_HEAD):
        return None
    if len(data) > MAX_BYTES:
        raise unreadable(f"longer than {MAX_BYTES} bytes")
    sections = data.split(b"|", 4)
    if len(sections) not in (3, 4):
        raise unreadable("other sections than payload, signature and, in early versions, the key")
    signed = sections[1]
    payload, section = decoded(signed, _PAYLOAD, "RD"), _section(sections[2])
    page, is_fiscal = page_of(payload)
    token, meter_transaction = identification_of(payload)
    record = SignedRecord(
        _FORMAT,
        signed,
        Signature(_signature(section), _WRITING, _curves(section.SA)),
        readings_of(payload),
        version_of(payload),
        ALGORITHM if section.SA is None else section.SA,
        meter_of(payload),
        sections[3].decode(errors="replace").strip() if sections[3:] else "",
        page,
        is_fiscal,
        token,
        meter_transaction,
        loss_of(payload),
        place_of(payload),
        SignatureReason.ID_REFUSED if is_identification_refused(payload) else None,
    )
    return (record,)


def _section(data: bytes) -> _Section:
    """No key stands twice where there are as many colons as fields: then the closer look of `decoded` can be spared."""
    try:
        section = _SECTION.decode(data)
    except (ValueError, RecursionError):
        return decoded(data, _SECTION)
    plain = 1 + (section.SA is not None) + (section.SE is not None)
    return section if data.count(b":") == plain else decoded(data, _SECTION)


def _curves(algorithm: str | None) -> tuple[Curve, ...]:
    return _CURVES.get((ALGORITHM if algorithm is None else algorithm).strip().lower(), ())


def _signature(section: _Section) -> bytes:
    """Its bytes; none where the text is not what SE says, so that it is found to be no signature."""
    encoding = (section.SE or "hex").strip().lower()
    if encoding not in ("hex", "base64"):
        raise unreadable("a signature that is written neither in hex nor in base64")
    try:
        return binascii.unhexlify(section.SD) if encoding == "hex" else base64.b64decode(section.SD, validate=True)
    except ValueError:
        return b""


_PAYLOAD = msgspec.json.Decoder(Payload)
_SECTION = msgspec.json.Decoder(_Section)
