"""Read SteVe's CSV export of transactions: each row becomes the OCPP 1.6 messages that it stands for. Pure.

    transaction_pk,charge_box_id,connector_id,id_tag,start_timestamp,start_value,stop_timestamp,stop_value,stop_reason
    4711,CP-1,1,04A2B3C4D5E680,2026-10-14T05:58:20.000Z,1203400,2026-10-14T07:28:20.000Z,1210950,Local

    StartTransaction, the answer with its number, StopTransaction

The columns are those of the table's fields, in any order; `stop_reason` is missing in older versions, others are ignored. A row
without a stop is a transaction that had none when the file was written. The rows come newest first; the messages are given in
the order of the starts. A row gives all of its messages or none. Meter values are not in the export, nor is what the token was
answered. Nothing is added: what a row does not say, its messages do not say either. Each says the row it was written from
(`RawMessage.source`).
"""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from typing import Any, Final

import msgspec

from ingest.captures import Unreadable
from ingest.fields import number as decimal
from ingest.local_times import LOCAL_TIME_RULE, Unsettled, local_instant, rfc3339
from ingest.reconstructed import message
from ingest.station_name import RULE, station_name
from vocabulary.charging import Direction, RawMessage, Source
from vocabulary.money import plain

FORM: Final = "steve-csv"
NEEDED: Final = ("transaction_pk", "charge_box_id", "connector_id", "id_tag", "start_timestamp", "start_value")
STOP: Final = ("stop_timestamp", "stop_value")

_WRITE = "write the header as SteVe does: " + ",".join((*NEEDED, *STOP, "stop_reason"))
_CELLS = "export the file again; put cells with a comma in them into quotes"
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_THOUSANDS: Final = re.compile(r"[+-]?[0-9]{1,3}\.[0-9]{3}")  # as some spreadsheets write 1203
_INTEGER_MAX: Final = 2**31  # OCPP's own are of 32 bits


class _Complaint(Exception):
    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason, self.remedy = reason, remedy


def is_header(line: bytes) -> bool:
    """Whether a file that begins with this line is such an export."""
    names = {name.strip(b' "') for name in line.strip().lower().split(b",")}
    return {b"transaction_pk", b"charge_box_id"} <= names


def read_rows(text: str, file: str, zone: tzinfo | None) -> list[RawMessage | Unreadable]:
    """The messages of a whole export; first what cannot be read, by line, then the messages by start. Raises ZoneNeeded."""
    unreadable: list[Unreadable] = []
    starts: list[tuple[datetime, int, list[RawMessage]]] = []
    rows = _rows(text)
    header = [name.strip().lower() for name in next(rows, ([], "", 1))[0]]
    if missing := [name for name in NEEDED if name not in header]:
        return [Unreadable(1, f"the header lacks {', '.join(missing)}", _WRITE)]
    if twice := next((name for name in filter(None, header) if header.count(name) > 1), None):
        return [Unreadable(1, f"the header names {twice} twice", _WRITE)]
    for cells, verbatim, number in rows:
        if not any(cells):
            continue
        if isinstance(cells, str):
            unreadable.append(Unreadable(number, cells, "correct the quotes of this row, and import the file again"))
            continue
        cells = _without_empty_ends(cells, len(header))
        if len(cells) != len(header):  # cut off, or with a comma in a cell: what stands where is not known
            reason = f"the row has {len(cells)} cells and the header {len(header)}"
            unreadable.append(Unreadable(number, reason, _CELLS))
            continue
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        source = Source(form=FORM, file=file, line=number, text=verbatim)
        try:
            at, key, messages = _start(row, source, zone)
            if any(row.get(name) for name in STOP):
                messages.append(_stop(row, source, zone))
            starts.append((at, key, messages))
        except _Complaint as complaint:
            unreadable.append(Unreadable(number, complaint.reason, complaint.remedy))
    starts.sort(key=lambda start: start[:2])
    return [*unreadable, *(each for _, _, messages in starts for each in messages)]


def _without_empty_ends(cells: list[str], wanted: int) -> list[str]:
    return cells[:wanted] if not any(cells[wanted:]) else cells


def _rows(text: str) -> Iterator[tuple[Any, str, int]]:
    """Each row's cells, its text, and the number of its first line; instead of cells what is wrong with it, as text."""
    taken: list[str] = []

    def noted(lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    reader, first = csv.reader(noted(found[0] for found in _LINE.finditer(text)), strict=True), 1
    while True:
        taken.clear()
        try:
            cells: Any = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = str(error)
        yield cells, "".join(taken).rstrip("\r\n"), first
        first = reader.line_num + 1


def _start(row: dict[str, str], source: Source, zone: tzinfo | None) -> tuple[datetime, int, list[RawMessage]]:
    station = station_name(row.get("charge_box_id", ""))
    if station is None:
        raise _Complaint(f"charge_box_id: {row.get('charge_box_id', '')[:80]!r} is no station's name", f"use {RULE}")
    key, at = _integer(row, "transaction_pk"), _time(row, "start_timestamp", zone, source.line)
    call = {
        "connectorId": _integer(row, "connector_id"),
        "idTag": row["id_tag"],
        "meterStart": _meter(row, "start_value"),
        "timestamp": rfc3339(at),
    }
    told = message(station, [2, f"steve-{key}-start", "StartTransaction", call], source)
    answer = message(station, [3, f"steve-{key}-start", {"transactionId": key}], source, Direction.TO_STATION)
    return at, key, [told, answer]


def _stop(row: dict[str, str], source: Source, zone: tzinfo | None) -> RawMessage:
    key, station = _integer(row, "transaction_pk"), station_name(row["charge_box_id"])
    assert station is not None, "the start was read"
    at, meter = _time(row, "stop_timestamp", zone, source.line), _meter(row, "stop_value")
    call: dict[str, Any] = {"transactionId": key, "meterStop": meter, "timestamp": rfc3339(at)}
    if reason := row.get("stop_reason"):
        call["reason"] = reason
    return message(station, [2, f"steve-{key}-stop", "StopTransaction", call], source)


def _integer(row: dict[str, str], name: str) -> int:
    text = row.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 12 and int(text) < _INTEGER_MAX):
        raise _Complaint(f"{name}: {text[:40]!r} is no whole number", "write the number as SteVe has it, or leave the row out")
    return int(text)


def _meter(row: dict[str, str], name: str) -> msgspec.Raw:
    """The reading in Wh, with the digits that stand there."""
    value = decimal(row.get(name, ""))
    if _THOUSANDS.fullmatch(row.get(name, "")):
        reason = f"{name}: {row[name][:40]!r} may be thousands of Wh, or thousandths"
        raise _Complaint(reason, "write whole Wh without a mark between the digits, as SteVe does")
    if "e" in row.get(name, "").lower() and value is not None:
        reason = f"{name}: {row[name][:40]!r} is as a spreadsheet shortens it, and may lack digits"
        raise _Complaint(reason, "write all digits of the register in Wh, or export the file from SteVe again")
    if value is None:
        remedy = "write the register in Wh, or leave both stop columns empty"
        raise _Complaint(f"{name}: {row.get(name, '')[:40]!r} is no reading", remedy)
    return msgspec.Raw(plain(value).encode())


def _time(row: dict[str, str], name: str, zone: tzinfo | None, number: int) -> datetime:
    text = row.get(name, "")
    try:
        at = local_instant(text, zone, number)
    except Unsettled as unsettled:
        raise _Complaint(f"{name}: {text[:40]!r} {unsettled.reason}", unsettled.remedy) from None
    if at is None:
        raise _Complaint(f"{name}: {text[:40]!r} is no time", LOCAL_TIME_RULE)
    return at
