"""A file of signed values, whatever its container: the values in it, each with the key and the transaction beside it.

    values XML     of the S.A.F.E. transparency software: value > publicKey and signedData, in either order; transactionId,
                   context and encoding wherever they stand
    PTB JSON       {"format": "ptb", "publicKey": …, "ocmfBegin": …, "ocmfEnd": …}
    bare           one record or several as they are: OCMF, Alfen, PCDF, chargeIT JSON, Mennekes' Billing, EDL40's XML, SML

Nothing of the container is signed. An OCMF sealed with RSA (`encodedData`) is told, and not opened.
"""

import base64
import binascii
import json
import re
from typing import NamedTuple

from streams.signed import sml
from streams.signed.record import MAX_BYTES, CannotJudge, unreadable
from streams.signed.xml_text import Node, NotXml, parsed
from vocabulary.signatures import SignatureReason

BEGIN, END = "Transaction.Begin", "Transaction.End"
_RECORDS = re.compile(r"^(?=OCMF\||AP;|128\.8\.0\()", re.MULTILINE)
_EMPTY = unreadable("a value without signedData")
_SEALED = CannotJudge(SignatureReason.CONTAINER_UNSUPPORTED, "encodedData: OCMF sealed with RSA")


class Carried(NamedTuple):
    """A signed value as its file carries it: `text` is what `carriage` reads. `problem`: why it cannot be read."""

    text: str
    key: str = ""
    transaction: str = ""
    context: str = ""  # "Transaction.Begin", or whatever stands there
    problem: CannotJudge | None = None


def values_in(data: bytes) -> tuple[Carried, ...]:
    """The values of a file, in its order. Raises CannotJudge where it is none of the above."""
    if data.startswith(sml.START):
        return (Carried(data.hex()),)
    if _looks_like_xml(data):
        return _of_xml(data)
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise unreadable(f"neither UTF-8 nor SML: byte {error.start}") from None
    if not text:
        raise unreadable("it is empty")
    if text.startswith("{") and (found := _of_ptb(text)):
        return found
    return tuple(Carried(piece.strip()) for piece in _RECORDS.split(text) if piece.strip())


def _looks_like_xml(data: bytes) -> bool:
    """UTF-16 begins with its mark; its angle bracket has a zero beside it."""
    return data.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] == b"<"


def _of_xml(data: bytes) -> tuple[Carried, ...]:
    try:
        root = parsed(data.lstrip(b" \t\r\n"))
    except NotXml as error:
        raise unreadable(f"it begins as XML does, and is none: {error}") from None
    if root.name != "values":
        text = _decoded_xml(data)
        return _processes(text, root) if len(text) > MAX_BYTES else (Carried(text),)
    found = tuple(carried for value in root.children if value.name == "value" for carried in _carried(value))
    if not found:
        raise unreadable("values without a value")
    return found


def _processes(text: str, root: Node) -> tuple[Carried, ...]:
    """Mennekes' document of a month may be larger than a record: each process by itself, numbered, as it stands there."""
    start, end = "<ChargingProcess>", "</ChargingProcess>"
    parts = [part.rpartition(start)[2] for part in text.split(end)[:-1] if start in part]
    if root.name != "Billing" or len(parts) != sum(1 for _ in root.all("ChargingProcess")):
        return (Carried(text),)
    return tuple(
        Carried(f"<Billing>{start}{part}{end}</Billing>", transaction=str(number)) for number, part in enumerate(parts, 1)
    )


def _decoded_xml(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return data.decode("latin-1").strip()  # what is signed in such a document is ASCII


def _carried(value: Node) -> list[Carried]:
    key = value.find("publicKey")
    beside = _text(key) if key else ""
    found = [(node, None) for node in value.children if node.name == "signedData"]
    sealed = [(node, _SEALED) for node in value.children if node.name == "encodedData"]
    if not found and not sealed:  # told, since who leaves out what failed would have a file that verifies
        return [Carried("", beside, _attribute("transactionId", value), _attribute("context", value), _EMPTY)]
    return [
        Carried(_text(node), beside, _attribute("transactionId", value, node), _attribute("context", value, node), problem)
        for node, problem in (*found, *sealed)
    ]


def _attribute(name: str, *nodes: Node) -> str:
    return next((found for node in nodes if (found := node.attributes.get(name, "").strip())), "")


def _text(node: Node) -> str:
    """What stands in it. Hex and base64 are told by what they look like; base32 is not, and becomes hex."""
    text = node.text.strip()
    if node.attributes.get("encoding", "").strip().lower() == "base32":
        try:
            return base64.b32decode(re.sub(r"\s", "", text)).hex()
        except (ValueError, binascii.Error):
            return text  # labels are wrong at times
    return text


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(found := dict(pairs)) != len(pairs):
        raise unreadable("a key stands twice in an object")
    return found


def _of_ptb(text: str) -> tuple[Carried, ...]:
    """Nothing where it is JSON of another kind, or none."""
    try:
        told = json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=_once)
    except CannotJudge:
        raise
    except (ValueError, RecursionError):
        return ()
    if not isinstance(told, dict) or told.get("format") != "ptb":
        return ()
    key = told.get("publicKey", "")
    pair = ((told.get("ocmfBegin"), BEGIN), (told.get("ocmfEnd"), END))
    if not isinstance(key, str) or not all(isinstance(record, str) for record, _ in pair):
        raise unreadable("a PTB container without publicKey, ocmfBegin and ocmfEnd")
    return tuple(Carried(str(record), key, context=context) for record, context in pair)
