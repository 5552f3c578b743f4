"""From the text that a message, a file or a CDR holds to the signed records in it.

The format is told by the content, never by a label: stations name it wrongly or not at all. The same record comes as it is, as
hex, as base64, or as base64 of hex; SML is binary, so that hex or base64 is all that it comes as.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from streams.signed import alfen, chargeit, edl_isa, edl_mennekes, edl_sml, edl_xml, ocmf, pcdf
from streams.signed.record import MAX_BYTES, CannotJudge, SignedRecord
from vocabulary.signatures import SignatureReason

Reader = Callable[[bytes], tuple[SignedRecord, ...] | None]
"""The records in bytes of its format; None: they are of another. Raises CannotJudge where they are of it, and broken."""

_READERS: tuple[Reader, ...] = (
    ocmf.read,
    edl_isa.read,
    edl_sml.read,
    edl_xml.read,
    edl_mennekes.read,
    alfen.read,
    pcdf.read,
    chargeit.read,
)
_KEPT_LENGTH = 4_096  # characters; an OCMF record has less than 1 000
_HEX = re.compile(r"([0-9a-fA-F]{2})+")


def records_in(text: str) -> tuple[SignedRecord, ...]:
    """The signed records of a text, one or more. Raises CannotJudge."""
    return unpacked(text)[1]


def unpacked(text: str) -> tuple[bytes, tuple[SignedRecord, ...]]:
    """The records of a text, and the bytes that they were read from: what came as hex is no longer. Raises CannotJudge.

    Each is asked for twice as its session is closed. Only texts of a usual length are kept, since what is read of a long one
    may take a hundred times its room: all that is kept takes less than 40 MB, whatever is sent.
    """
    return _kept(text) if len(text) <= _KEPT_LENGTH else unpacked_anew(text)


def unpacked_anew(text: str) -> tuple[bytes, tuple[SignedRecord, ...]]:
    if len(text) > MAX_BYTES:
        raise CannotJudge(SignatureReason.FORMAT_UNKNOWN, f"longer than {MAX_BYTES} characters")
    for data in _as_bytes(text):
        for read in _READERS:
            if (found := read(data)) is not None:
                return data, found
    raise CannotJudge(SignatureReason.FORMAT_UNKNOWN, "none of the formats that are known begins so")


_kept = lru_cache(maxsize=128)(unpacked_anew)


def _as_bytes(text: str, depth: int = 0) -> Iterator[bytes]:
    """What the text may carry, the least decoded first."""
    yield text.strip().encode(errors="surrogatepass")
    bare = re.sub(r"\s", "", text)
    if _HEX.fullmatch(bare):
        yield bytes.fromhex(bare)
    try:
        raw = base64.b64decode(bare, validate=True)
    except (ValueError, binascii.Error):
        return
    yield raw
    if depth == 0 and raw.isascii():
        yield from _as_bytes(raw.decode(), depth + 1)
