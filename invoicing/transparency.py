"""The transparency record of a session: its signed values in a file that the S.A.F.E. transparency software reads.

    values XML   OCMF, EDL 40 in SML or XML, Isabellenhütte: value > publicKey, signedData (values.xsd)
    own file     Mennekes' Billing document, PCDF, Alfen's lines, chargeIT's JSON, as the station wrote them

What was signed is written down unchanged: a carriage return as &#13;, which any other writing would lose. The software pairs
values by their transactionId, an integer, and by contexts that are exactly Transaction.Begin and Transaction.End. A record that
holds both readings stands alone in its group.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from vocabulary.identity import SessionId
from vocabulary.signatures import Nature

BEGIN, END = "Transaction.Begin", "Transaction.End"
_OWN_FILES = {"EDL_40_MENNEKES": "xml", "PCDF": "pcdf", "ALFEN": "txt", "CHARGEIT_EMH": "json", "CHARGEIT_BSM": "json"}
_BINARY = ("EDL_40_P", "ISA_EDL_40_P")  # SML, written in hex
_NAMES_ITS_KEY = ("EDL_40_SIG", "ALFEN", "PCDF", "EDL_40_MENNEKES", "CHARGEIT_EMH", "CHARGEIT_BSM")
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBER_DIGITS = 15  # hex: fits into 63 bits, with room for a number of its own for each value


class NotWritable(Exception):
    """There is nothing to write, or it cannot be written so that it stays what was signed. The message is a sentence."""


class Piece(NamedTuple):
    """A signed value of the session. `data`: as it was signed, unpacked from hex or base64; `natures`: of its readings.

    `format` as the software names it; `key`: the meter's, in hex, as the format writes it, "" where none is known.
    `has_begin`, `has_end`: by the recorded verdict, of what is billed.
    """

    format: str
    data: bytes
    natures: frozenset[Nature]
    context: str
    key: str
    has_begin: bool = False
    has_end: bool = False


class TransparencyFile(NamedTuple):
    """`suffix`: of its name, without the dot."""

    suffix: str
    data: bytes


def transparency_file(session: SessionId, pieces: Sequence[Piece], *, as_xml: bool = False) -> TransparencyFile:
    """The record. `as_xml`: whatever stands in a file of its own goes into the values XML, too. Raises NotWritable."""
    if not pieces:
        raise NotWritable("it has no signed values: nothing can be written for the transparency software")
    groups = _groups(pieces)
    shown = [piece for group in groups for piece, _ in group]
    suffixes = {_OWN_FILES.get(piece.format, "") for piece in shown}
    if not as_xml and len(suffixes) == 1 and (suffix := suffixes.pop()) and (len(shown) == 1 or suffix == "txt"):
        return TransparencyFile(suffix, b"\n".join(piece.data for piece in shown))
    values = "".join(
        _value(number, context, piece) for number, group in enumerate(groups, number_of(session)) for piece, context in group
    )
    return TransparencyFile("xml", f'<?xml version="1.0" encoding="UTF-8"?>\n<values>\n{values}</values>\n'.encode())


def as_they_came(texts: Sequence[str]) -> TransparencyFile:
    """Signed values that no software reads, as they are: one in each line, or, where some are of several lines, with
    a line of hyphens between them.
    """
    between = "\n-----\n" if any(len(text.splitlines()) > 1 for text in texts) else "\n"
    return TransparencyFile("txt", (between.join(texts) + "\n").encode(errors="backslashreplace"))


def number_of(session: SessionId) -> int:
    """The session as a number: the software refuses any other transactionId."""
    return int(sha256(session.encode()).hexdigest()[:_NUMBER_DIGITS], 16)


def _groups(pieces: Sequence[Piece]) -> list[list[tuple[Piece, str]]]:
    """Which values belong together, each with its context: what is billed; where nothing is, by its signed values, the one that
    holds both readings, else the first begin and the last end.

    Where they make no pair, each is checked for itself. What was signed in between is no part of a pair, and is left out of it.
    """
    if billed := _billed(pieces):
        return [billed]
    whole = [piece for piece in pieces if {Nature.BEGIN, Nature.END} <= piece.natures]
    if whole:
        return [[(whole[-1], END)]]
    begins, ends = _told(pieces, Nature.BEGIN, BEGIN), _told(pieces, Nature.END, END)
    if not begins and not ends and len(pieces) > 1 and all(Nature.UNSAID in piece.natures for piece in pieces):
        begins, ends = [pieces[0]], [pieces[-1]]
    if begins and ends and begins[0] is not ends[-1]:
        return [[(begins[0], BEGIN), (ends[-1], END)]]
    return [[(piece, BEGIN if piece in begins else END)] for piece in pieces]


def _billed(pieces: Sequence[Piece]) -> list[tuple[Piece, str]]:
    """The record of both readings, or the two of one each, by the verdict; empty where it names none."""
    begins, ends = [p for p in pieces if p.has_begin], [p for p in pieces if p.has_end]
    whole = [p for p in begins if p.has_end and {Nature.BEGIN, Nature.END} <= p.natures]
    if whole:
        return [(whole[-1], END)]
    return [(begins[0], BEGIN), (ends[-1], END)] if begins and ends and begins[0] is not ends[-1] else []


def _told(pieces: Sequence[Piece], nature: Nature, context: str) -> list[Piece]:
    """Those that are it by what was signed, else by the context of their message."""
    return [p for p in pieces if nature in p.natures or (Nature.UNSAID in p.natures and p.context == context)]


def _value(number: int, context: str, piece: Piece) -> str:
    text = piece.data.hex() if piece.format in _BINARY else _text(piece.data)
    key = "" if piece.format in _NAMES_ITS_KEY or not piece.key else f'    <publicKey encoding="hex">{piece.key}</publicKey>\n'
    return (
        f'  <value transactionId="{number}" context="{context}">\n{key}'
        f'    <signedData format="{piece.format}" encoding="plain">{_escaped(text)}</signedData>\n  </value>\n'
    )


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise NotWritable("a signed value is not UTF-8: the transparency software cannot read it") from None
    if found := _NO_XML.search(text):
        raise NotWritable(f"a signed value holds U+{ord(found[0]):04X}, for which XML has no writing")
    return text


def _escaped(text: str) -> str:
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        text = text.replace(sign, written)
    return text
