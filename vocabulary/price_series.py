"""Prices that somebody publishes and a tariff refers to: a series of values, each for a quarter of an hour or some of them.

    day-ahead-de-lu, EUR per kWh, from 2026-01-13T23:00Z in steps of 900 s:  0.0853, 0.0841, 0.0799, ...

A value holds for its interval, half-open, UTC. Of several that were published for the same time the one published last counts,
for what is concluded from then on; what was concluded before keeps those it was concluded with. Values may be below zero.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from vocabulary.identity import SeriesId
from vocabulary.money import Currency

SLOT_S: Final = 900  # what every resolution is a multiple of
RESOLUTIONS_S: Final = (900, 1800, 3600)
PLACES: Final = 9  # decimals of a value, per kWh
VALUE_MAX: Final = 1000  # per kWh, above zero or below: what is more was written in another unit
SPAN_MAX: Final = timedelta(days=31)  # of one publication
SERIES_ID: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SeriesPublished(Struct, frozen=True, kw_only=True, tag="series.published"):
    """A run of values without gaps. What it was made of is told as well, so that who has the source can compare."""

    series: SeriesId
    currency: Currency
    start: datetime  # UTC, a multiple of the resolution
    resolution_s: int
    values: tuple[Decimal, ...]  # in the currency, per kWh
    unit: str  # in which the source has them: "EUR/MWh"
    source: str  # the name of the file, or whatever was said of where it came from
    source_sha256: str  # of its bytes, hex
    at: datetime  # when it was published here, by the clock of whoever did it


class SeriesPrices(Struct, frozen=True, kw_only=True):
    """What is published of a series around a session: in steps of `resolution_s` from `start` on. None: no value is."""

    series: SeriesId
    start: datetime  # UTC
    resolution_s: int
    values: tuple[Decimal | None, ...]  # per kWh


def end_of(published: SeriesPublished) -> datetime:
    return published.start + timedelta(seconds=published.resolution_s * len(published.values))


def fault(published: SeriesPublished) -> str:
    """Why a publication cannot be one; empty: it can."""
    step, start = published.resolution_s, published.start
    if step not in RESOLUTIONS_S:
        return f"a resolution of {step} s"
    if start.utcoffset() != timedelta(0) or (start - _EPOCH) % timedelta(seconds=step):
        return f"a start at {start.isoformat()}, which is no multiple of {step} s in UTC"
    if not start < end_of(published) <= start + SPAN_MAX:
        return f"{len(published.values)} values"
    wrong = next((value for value in published.values if not _is_value(value)), None)
    return "" if wrong is None else f"the value {wrong}"


def _is_value(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and -PLACES <= exponent <= 0 and abs(value) <= VALUE_MAX
