"""Published prices as their publishers' files have them: rows of a time and a number, not yet read. Pure.

    CSV     a header, then rows; columns parted by ; or a comma or a tab; the time is in the first column, the price in the
            second, or in those that are named
    JSON    [{"start": "2026-01-14T00:00+01:00", "value": 85.37}, ...]
            {"unix_seconds": [1768345200, ...], "price": [85.37, ...], "unit": "EUR / MWh"}

Numbers keep their digits. Each row knows its place, which complaints name.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, NoReturn

BYTES_MAX: Final = 2**24
SHOWN_MAX: Final = 20  # complaints
_TEXT_MAX = 60


class PricesRefused(Exception):
    """A file of prices that is not published, not even in part; every complaint names its place and what to do."""

    def __init__(self, *complaints: str) -> None:
        more = [f"… and {len(complaints) - SHOWN_MAX} more"] if len(complaints) > SHOWN_MAX else []
        super().__init__("\n".join([*complaints[:SHOWN_MAX], *more]))
        self.complaints = complaints


class Row(NamedTuple):
    """`time`: a text, or seconds since 1970. `number`: a text, or what JSON had."""

    place: str
    time: str | int
    number: str | Decimal


class Rows(NamedTuple):
    rows: list[Row]
    unit: str  # that the file says; empty: it says none


def rows_of(body: bytes, column: str | None = None, time_column: str | None = None) -> Rows:
    """Raises PricesRefused."""
    if len(body) > BYTES_MAX:
        raise PricesRefused(f"the file has {len(body)} bytes, and {BYTES_MAX} are read: import it in parts")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PricesRefused(f"byte {error.start + 1} is no UTF-8: save the file as UTF-8") from None
    if "\0" in text or not text.strip():
        raise PricesRefused("the file is empty, or no text: see that it is the right one")
    return _json(text) if text.lstrip()[0] in "[{" else Rows([*_csv(text, column, time_column)], "")


def shown(text: object) -> str:
    """What came, as a complaint repeats it."""
    return repr(str(text)[:_TEXT_MAX])


# CSV


def _csv(text: str, column: str | None, time_column: str | None) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text), strict=True)
    try:
        header = next(([name.strip() for name in row] for row in reader if any(map(str.strip, row))), [])
        at, number = _columns(header, column, time_column)
        wrong = []
        for row in reader:
            if len(row) == len(header):
                yield Row(f"line {reader.line_num}", row[at].strip(), row[number].strip())
            elif any(map(str.strip, row)):
                wrong.append(f"line {reader.line_num} has {len(row)} columns, the header has {len(header)}: correct it")
    except csv.Error as error:
        raise PricesRefused(f"line {reader.line_num}: {error}: is it a CSV file? Write it anew with a header") from None
    if wrong:
        raise PricesRefused(*wrong)


def _delimiter(text: str) -> str:
    """Of the header, in which numbers with a decimal comma do not stand."""
    header = next(line for line in text.splitlines() if line.strip())
    return next((sign for sign in ";\t" if sign in header), ",")


def _columns(header: list[str], column: str | None, time_column: str | None) -> tuple[int, int]:
    at = 0 if time_column is None else _named(header, time_column, "--time-column")
    if column is not None:
        return at, _named(header, column, "--column")
    others = [index for index in range(len(header)) if index != at]
    if len(others) != 1:
        names = ", ".join(map(shown, (header[index] for index in others))) or "none"
        raise PricesRefused(f"which column has the prices? Say it with --column; beside the time there are {names}")
    return at, others[0]


def _named(header: list[str], wanted: str, option: str) -> int:
    found = [index for index, name in enumerate(header) if name.casefold() == wanted.strip().casefold()]
    if len(found) != 1:
        there = "is there twice" if found else "is no column"
        raise PricesRefused(f"{option} {shown(wanted)} {there}: the header has {', '.join(map(shown, header))}")
    return found[0]


# JSON


def _json(text: str) -> Rows:
    def no_number(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number")

    try:
        told = json.loads(text, parse_float=Decimal, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise PricesRefused(f"the file is no JSON: {str(error)[:120]}") from None
    match told:
        case [*items]:
            return Rows([_item(item, f"[{index}]") for index, item in enumerate(items)], "")
        case {"unix_seconds": [*seconds], "price": [*numbers]}:
            return Rows([*_pairs(seconds, numbers)], str(told.get("unit", "")))
        case _:
            raise PricesRefused('neither a list of {"start": …, "value": …} nor {"unix_seconds": […], "price": […]}: write one')


def _item(item: Any, place: str) -> Row:
    match item:
        case {"start": str() | int() as start, "value": number} if not isinstance(start, bool):
            return Row(place, start, _number(number))
        case _:
            raise PricesRefused(f'{place} is no price: write {{"start": "2026-01-14T00:00Z", "value": 85.37}}')


def _pairs(seconds: Sequence[Any], numbers: Sequence[Any]) -> Iterator[Row]:
    if len(seconds) != len(numbers):
        raise PricesRefused(f"unix_seconds has {len(seconds)} items, price has {len(numbers)}: they belong together")
    for index, (second, number) in enumerate(zip(seconds, numbers, strict=True)):
        if not isinstance(second, int) or isinstance(second, bool):
            raise PricesRefused(f"unix_seconds[{index}] is {shown(second)}: write whole seconds since 1970")
        yield Row(f"price[{index}]", second, _number(number))


def _number(number: Any) -> str | Decimal:
    """What is none becomes a text, which is refused with all others in its place."""
    if isinstance(number, int) and not isinstance(number, bool):
        return Decimal(number)
    return number if isinstance(number, Decimal) else json.dumps(number, default=str) if not isinstance(number, str) else number
