"""EDL_40_SIG: the signed block of an EDL40 meter in a small XML document, with its signature and the meter's key.

    <signedMeterValue><publicKey encoding=…/><meterValueSignature encoding=…/><signatureMethod>ECDSA192SHA256
    <encodingMethod>EDL<encodedMeterValue encoding=…/></signedMeterValue>

The block is signed as it stands. Behind r and s the meter repeats the two bytes of its logbook's index, which
stand in the block. The block tells wall clock time and no zone: `at` stays unknown.
"""

import base64
import binascii
import re
from typing import NoReturn

from streams.signed import edl
from streams.signed.ecdsa import Curve
from streams.signed.record import CannotJudge, Format, Signature, SignedRecord, Writing, unreadable
from streams.signed.xml_text import Node, NotXml, parsed
from vocabulary.signatures import SignatureReason

_ROOT = "signedMeterValue"
_CURVES = {"ECDSA192SHA256": Curve.SECP192R1, "ECDSA256SHA256": Curve.SECP256R1}


def read(data: bytes) -> tuple[SignedRecord, ...] | None:
    root = root_of(data, _ROOT)
    return None if root is None else (_record(root),)


def root_of(data: bytes, name: str) -> Node | None:
    """The document, where its root has this name. Raises CannotJudge where it has the name in it and is no XML."""
    if data.lstrip()[:1] != b"<" or name.encode() not in data:
        return None
    try:
        root = parsed(data.lstrip(), "utf-8")
    except NotXml as error:
        raise unreadable(str(error)) from None
    return root if root.name == name else None


def _record(root: Node) -> SignedRecord:
    method = root.told("signatureMethod")
    if method not in _CURVES:
        raise CannotJudge(SignatureReason.ALGORITHM_UNSUPPORTED, method[:60])
    if (encoding := root.told("encodingMethod")) != "EDL":
        raise CannotJudge(SignatureReason.FORMAT_UNKNOWN, f"a block of the encoding {encoding[:60]}")
    signed = _bytes(root, "encodedMeterValue")
    fields = edl.fields_of(signed)
    return SignedRecord(
        format=Format.EDL_40_SIG,
        signed=signed,
        signature=_signature(_bytes(root, "meterValueSignature"), fields, _CURVES[method]),
        readings=(edl.reading(fields, None),),
        algorithm=method,
        meter=fields.server.hex().upper(),
        claimed_key=root.told("publicKey"),
        pagination=fields.pagination,
        identification=edl.identification(fields.contract),
        loss=edl.loss(fields),
    )


def _signature(value: bytes, fields: edl.EdlFields, curve: Curve) -> Signature:
    """Two bytes more are of no signature, unless they are the block's."""
    bare, logbook = edl.split(value)
    return Signature(bare if logbook in (b"", fields.logbook) else value, Writing.BARE, (curve,))


def _bytes(root: Node, name: str) -> bytes:
    node = root.find(name)
    if node is None:
        raise unreadable(f"no {name}")
    text = re.sub(r"\s", "", node.text)
    try:
        match node.attributes.get("encoding", "base64"):
            case "base64":
                return base64.b64decode(text, validate=True)
            case "base32":
                return base64.b32decode(text)
            case "hex":
                return bytes.fromhex(text)
            case _:
                _refuse(name)
    except (ValueError, binascii.Error):
        _refuse(name)


def _refuse(name: str) -> NoReturn:
    raise unreadable(f"{name} is not in the encoding that it says") from None
