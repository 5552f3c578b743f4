"""From a file of published prices to the facts that publish them here: everything in it, or nothing. Pure.

rows         a time and a number each                      price_rows
instants     in UTC, through both changes of the clock     price_times
values       exact, per kWh                                0.08537 of 85.37 EUR/MWh
one run      in order, one step apart, without gaps        cut into publications of at most 31 days
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from vocabulary.identity import SeriesId
from vocabulary.money import Currency, plain
from vocabulary.price_series import PLACES, RESOLUTIONS_S, SERIES_ID, SPAN_MAX, VALUE_MAX, SeriesPublished
from wattbook.price_rows import PricesRefused, Row, rows_of, shown
from wattbook.price_times import instants_of

_UNIT = re.compile(r"([A-Z]{3}|ct|€) ?/ ?(MWh|kWh)", re.ASCII)
_POINT = re.compile(r"-?\d{1,9}(\.\d{1,20})?", re.ASCII)
_COMMA = re.compile(r"-?\d{1,9},\d{1,20}", re.ASCII)
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2},\d{3}", re.ASCII)  # or a price of three decimals
_DIGITS_MAX = 28  # of which decimal arithmetic loses none
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PriceUnit(NamedTuple):
    currency: Currency
    shift: int  # the decimal places to a price per kWh
    text: str


class Reading(NamedTuple):
    """How a file is to be read. `zone`: of times without an offset; `resolution_s` None: the shortest step in the file."""

    series: SeriesId
    unit: PriceUnit
    column: str | None = None
    time_column: str | None = None
    zone: ZoneInfo | None = None
    resolution_s: int | None = None
    has_decimal_comma: bool | None = None  # None: as the file's numbers tell


class _Priced(NamedTuple):
    at: datetime
    value: Decimal
    place: str


def series_id(text: str) -> SeriesId:
    """Raises PricesRefused."""
    if not re.fullmatch(SERIES_ID, text):
        raise PricesRefused(f"{shown(text)} is no name of a series: write letters, digits, dots and dashes, as day-ahead-de-lu")
    return SeriesId(text)


def price_unit(text: str) -> PriceUnit:
    """Of `EUR/MWh`, `EUR/kWh`, or `ct/kWh`, which are cents of a euro. Raises PricesRefused."""
    found = _UNIT.fullmatch(text.strip())
    if found is None:
        raise PricesRefused(f"{shown(text)} is no unit of a price: write EUR/MWh, EUR/kWh or ct/kWh")
    currency = "EUR" if found[1] in ("ct", "€") else found[1]
    shift = (-3 if found[2] == "MWh" else 0) + (-2 if found[1] == "ct" else 0)
    return PriceUnit(Currency(currency), shift, f"{'EUR' if found[1] == '€' else found[1]}/{found[2]}")


def read_prices(body: bytes, reading: Reading, source: str, now: datetime) -> tuple[SeriesPublished, ...]:
    """The facts, in order of time. Raises PricesRefused with all that is wrong."""
    rows, said = rows_of(body, reading.column, reading.time_column)
    if said and (own := price_unit(said)) != reading.unit:
        raise PricesRefused(f"the file says that its prices are in {own.text}, and --unit is {reading.unit.text}: correct one")
    if not rows:
        raise PricesRefused("the file has no prices: see that it is the right one")
    ordered = sorted(_read(rows, reading), key=lambda one: one.at)
    step = _step(ordered, reading)
    if wrong := [*_out_of_step(ordered, timedelta(seconds=step))]:
        raise PricesRefused(*wrong)
    return tuple(_publications(ordered, reading, step, source, sha256(body).hexdigest(), now))


def _read(rows: Sequence[Row], reading: Reading) -> list[_Priced]:
    step = None if reading.resolution_s is None else timedelta(seconds=reading.resolution_s)
    instants, complaints = instants_of(rows, reading.zone, step)
    with_comma = [row for row in rows if isinstance(row.number, str) and _COMMA.fullmatch(row.number)]
    if reading.has_decimal_comma is None and with_comma and all(_THOUSANDS.fullmatch(str(row.number)) for row in with_comma):
        ambiguous = f"{shown(with_comma[0].number)} may be a thousand times more or less, and no other row tells which"
        raise PricesRefused(f"{with_comma[0].place}: {ambiguous}: say --decimal comma, or write it with a point")
    has_comma = bool(with_comma) if reading.has_decimal_comma is None else reading.has_decimal_comma
    found: list[_Priced] = []
    for row, at in zip(rows, instants, strict=True):
        value = _value(row.number, reading.unit, has_comma=has_comma)
        if isinstance(value, str):
            complaints.append(f"{row.place}: {value}")
        elif at is not None:
            found.append(_Priced(at, value, row.place))
    if complaints:
        raise PricesRefused(*complaints)
    return found


def _value(number: str | Decimal, unit: PriceUnit, *, has_comma: bool) -> Decimal | str:
    """Per kWh; a text: why it is none. Where one number of a file has a decimal comma, a point in another says nothing sure."""
    written = number if isinstance(number, str) else str(number)
    if isinstance(number, Decimal):
        value = number
    elif has_comma and _COMMA.fullmatch(written):
        value = Decimal(written.replace(",", "."))
    elif _POINT.fullmatch(written) and not (has_comma and "." in written):
        value = Decimal(written)
    else:
        return f"{shown(written)} is no price: write one such as 85.37 or 85,37, the same way in all rows, or leave the day out"
    return _bounded(value, unit)


def _bounded(value: Decimal, unit: PriceUnit) -> Decimal | str:
    if value.adjusted() > 30 or (value.adjusted() > -30 and abs(value.scaleb(unit.shift)) > VALUE_MAX):
        return f"{shown(value)} {unit.text} is more than {VALUE_MAX} {unit.currency} per kWh: is --unit right?"
    exact = value.scaleb(unit.shift).normalize() if not value or value.adjusted() > -30 else value
    exponent = exact.as_tuple().exponent
    if len(value.as_tuple().digits) > _DIGITS_MAX or (isinstance(exponent, int) and exponent < -PLACES):
        return f"{shown(value)} {unit.text} has more than {PLACES} decimals per kWh: round it as your contract says"
    return abs(exact) if not exact else Decimal(plain(exact))


def _step(ordered: Sequence[_Priced], reading: Reading) -> int:
    """Seconds from one price to the next, by the shortest."""
    distances = [(later.at - earlier.at, later) for earlier, later in pairwise(ordered) if later.at != earlier.at]
    if reading.resolution_s is not None:
        return reading.resolution_s
    if not distances and len(ordered) > 1:
        return min(RESOLUTIONS_S)  # one instant, over and over
    if not distances:
        told = "one price alone does not tell for how long it holds: say --resolution 15m, 30m or 60m"
        raise PricesRefused(f"{ordered[0].place}: {told}")
    shortest, later = min(distances, key=lambda one: one[0])
    if shortest not in [timedelta(seconds=resolution) for resolution in RESOLUTIONS_S]:
        raise PricesRefused(f"{later.place}: {shortest} after the price before it: prices are for 15, 30 or 60 minutes each")
    return shortest // timedelta(seconds=1)


def _out_of_step(ordered: Sequence[_Priced], step: timedelta) -> Iterator[str]:
    for one in ordered:
        if (one.at - _EPOCH) % step:
            yield f"{one.place}: {_utc(one.at)} is no beginning of {_minutes(step)}: see the file's times, and --resolution"
    for before, after in pairwise(ordered):
        if after.at == before.at:
            yield f"{after.place}: {_utc(after.at)} has a price in {before.place} already: leave one of them out"
        elif after.at < before.at + step:
            yield f"{after.place}: {_utc(after.at)} is less than {_minutes(step)} after {before.place}: is --resolution right?"
        elif after.at > before.at + step:
            missing = f"from {_utc(before.at + step)} until {_utc(after.at)}"
            yield f"{after.place}: no price {missing}: add what is missing, or import the parts one by one"


def _publications(
    ordered: Sequence[_Priced], reading: Reading, step: int, source: str, digest: str, now: datetime
) -> Iterator[SeriesPublished]:
    size = SPAN_MAX // timedelta(seconds=step)
    for first in range(0, len(ordered), size):
        part = ordered[first : first + size]
        yield SeriesPublished(
            series=reading.series,
            currency=reading.unit.currency,
            start=part[0].at,
            resolution_s=step,
            values=tuple(one.value for one in part),
            unit=reading.unit.text,
            source=source,
            source_sha256=digest,
            at=now,
        )


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"


def _minutes(step: timedelta) -> str:
    return f"{step // timedelta(minutes=1)} minutes"
