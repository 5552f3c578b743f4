"""What is wrong with a file of which nothing can be read: it is no text, or of another form, or no line is a message. Pure."""

import re
from typing import Final

from ingest import steve_csv
from ingest.captures import Unreadable
from ingest.file_forms import FileForm

_OTHER_KINDS: Final = {  # how a file begins: what it is, and what to do
    b"\x1f\x8b": "it is packed by gzip; unpack it, and import what is in it",
    b"PK\x03\x04": "it is a ZIP archive or a spreadsheet's own format; unpack it, or save the sheet as CSV in UTF-8",
    b"\xff\xfe": "it is UTF-16; write it as UTF-8",
    b"\xfe\xff": "it is UTF-16; write it as UTF-8",
}
_BOM: Final = b"\xef\xbb\xbf"
_ARRAY: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*+\[\s*+[\[{]")
_TAKES: Final = {
    FileForm.CAPTURE: 'lines such as {"at":…,"station":…,"protocol":…,"frame":[…]} or STATION [2,"id","Action",{…}]',
    FileForm.STEVE_LOG: "lines with [chargeBoxId=…, sessionId=…] Received: […] or Sending: […]",
    FileForm.STEVE_CSV: "rows of transactions under SteVe's header",
    FileForm.SOAP: "envelopes of OCPP 1.6 or 1.5",
}


def no_text(head: bytes) -> str | None:
    """Why a file that begins like this is not to be read line by line: among many lines of chance some look like messages."""
    for begin, kind in _OTHER_KINDS.items():
        if head.startswith(begin):
            return kind
    if _ARRAY.match(head):
        return "it is one JSON array; write its elements one on each line, as `jq -c '.[]' FILE` does"
    header = head.removeprefix(_BOM).lstrip().partition(b"\n")[0]
    for mark, name in ((b";", ";"), (b"\t", "tabs")):
        if mark in header and steve_csv.is_header(header.replace(mark, b",")):
            return f"it is a CSV of SteVe's transactions with {name} between the cells; write it with commas"
    text = head.decode(errors="replace")
    if 4 * sum(map(_is_no_sign, text)) > len(text):
        return "it is no text in UTF-8; write it as lines of text in UTF-8, and bytes of frames that are no text as base64"
    return None


def _is_no_sign(sign: str) -> bool:
    return sign == "\ufffd" or (sign < " " and sign not in "\t\r\n") or "\x7f" <= sign < "\xa0"


def no_message(form: FileForm, unreadable: int, first: Unreadable | None) -> str:
    """Of a file that was read as `form`: how many complaints there are, and the first."""
    what = f"it holds no message, read as {form}; "
    if first is None:
        return f"{what}it takes {_TAKES[form]}: see what the file is, or say by --format"
    many = f", the first of {unreadable} such" if unreadable > 1 else ""
    return f"{what}line {first.number}{many}: {first.reason}; {first.remedy}; or say by --format what the file is"
