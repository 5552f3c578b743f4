"""Which form a file of messages has, told by how it begins; and the reader of each. Pure.

    capture     lines of frames                 ingest.captures     everything that is none of the others
    steve-log   a log of SteVe                  ingest.steve_log    a line of its WebSocketLogger among the first
    steve-csv   SteVe's transactions            ingest.steve_csv    the header names transaction_pk and charge_box_id
    soap        OCPP 1.6 or 1.5 over SOAP       ingest.soap         the first sign is < of an XML declaration or an Envelope

Lines are read as they come; a file of the last two forms is read as a whole, so it has a bound.
"""

import re
from collections.abc import Callable
from datetime import tzinfo
from enum import StrEnum
from typing import Final

from ingest import captures, soap, steve_csv, steve_log
from ingest.captures import Unreadable
from vocabulary.charging import RawMessage

HEAD_BYTES: Final = 2**16  # of a file, by which its form is told
WHOLE_BYTES_MAX: Final = 256 * 2**20

_BOM = b"\xef\xbb\xbf"
_XML = re.compile(rb"\s*+(?:<\?xml|<!--|" + soap.BEGIN.pattern + rb")")

ReadLine = Callable[[bytes, int], RawMessage | Unreadable | None]
ReadWhole = Callable[[bytes, str], list[RawMessage | Unreadable]]


class FileForm(StrEnum):
    CAPTURE = "capture"
    STEVE_LOG = "steve-log"
    STEVE_CSV = "steve-csv"
    SOAP = "soap"


def recognised(head: bytes) -> FileForm:
    """The form of a file that begins like this."""
    head = head.removeprefix(_BOM)
    if _XML.match(head):
        return FileForm.SOAP
    if steve_csv.is_header(head.lstrip().partition(b"\n")[0]):
        return FileForm.STEVE_CSV
    return FileForm.STEVE_LOG if steve_log.MARK.search(head) else FileForm.CAPTURE


def line_reader(form: FileForm, zone: tzinfo | None) -> ReadLine | None:
    """None: a file of this form is read as a whole. `zone`: of times that bear none; None: who meets one raises ZoneNeeded."""
    if form is FileForm.CAPTURE:
        return lambda line, number: captures.read_line(line, number, zone)
    if form is FileForm.STEVE_LOG:
        return lambda line, number: steve_log.read_line(line, number, zone)
    return None


def whole_reader(form: FileForm, zone: tzinfo | None) -> ReadWhole:
    assert form in (FileForm.STEVE_CSV, FileForm.SOAP), "the others are read line by line"
    if form is FileForm.SOAP:
        return soap.read_envelopes
    return lambda data, name: _rows(data, name, zone)


def _rows(data: bytes, name: str, zone: tzinfo | None) -> list[RawMessage | Unreadable]:
    try:
        return steve_csv.read_rows(data.removeprefix(_BOM).decode(), name, zone)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [Unreadable(line, "the file is not UTF-8", "write it as UTF-8")]
