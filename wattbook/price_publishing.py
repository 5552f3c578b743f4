"""Publish prices of a series as facts, and conclude what waited for them; and a day of a series, for reading."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from streams.catalogue import Catalogue
from streams.series import SLOT, Publication, PublishedSeries, Value, last_value, replaced, values_between
from vocabulary.identity import SeriesId
from vocabulary.money import Currency
from vocabulary.price_series import SeriesPublished, end_of, fault
from wattbook.fact_keys import key_of
from wattbook.price_rows import PricesRefused
from wattbook.wiring import App


class PricesPublished(NamedTuple):
    """What a file was, and what became of it. `replaced`: quarters of an hour that had another price until now."""

    series: SeriesId
    currency: Currency
    start: datetime
    end: datetime
    resolution_s: int
    prices: int
    least: Decimal
    most: Decimal
    new: int  # publications
    replaced: int


class PricedDay(NamedTuple):
    """`slots`: the beginnings of its quarters of an hour, in the zone, with the value that each has."""

    series: SeriesId
    currency: Currency
    day: date
    zone: ZoneInfo
    slots: tuple[tuple[datetime, Value | None], ...]

    @property
    def values(self) -> tuple[Value, ...]:
        return tuple(value for _, value in self.slots if value is not None)

    @property
    def publications(self) -> tuple[Publication, ...]:
        return tuple(dict.fromkeys(value.publication for value in self.values))


def publish_prices(app: App, facts: Sequence[SeriesPublished]) -> PricesPublished:
    """Raises PricesRefused where the series is known in another currency: prices of two would be taken for those of one."""
    first, last = facts[0], facts[-1]
    assert not any(map(fault, facts)), "a file that was read is no publication"
    catalogue = app.runtime.catalogue()
    known = catalogue.series.get((first.series, first.currency), PublishedSeries())
    if others := [currency for series, currency in catalogue.series if series == first.series and currency != first.currency]:
        raise PricesRefused(f"{first.series} is published in {others[0]}: give the one in {first.currency} another name")
    changed = sum(replaced(known, fact) for fact in facts)
    new = app.runtime.publish(facts, key_of)
    app.runtime.pump()
    values = [value for fact in facts for value in fact.values]
    return PricesPublished(
        first.series,
        first.currency,
        first.start,
        end_of(last),
        first.resolution_s,
        len(values),
        min(values),
        max(values),
        new,
        changed,
    )


def priced_day(catalogue: Catalogue, series: SeriesId, day: date | None, zone: ZoneInfo) -> PricedDay:
    """Of the last day that has a price where none is named. Raises PricesRefused where nothing is published of the series."""
    found = next(((name, known) for name, known in catalogue.series.items() if name[0] == series), None)
    if found is None:
        names = ", ".join(sorted({name for name, _ in catalogue.series})) or "none"
        raise PricesRefused(f"no series {series} is published here; there are: {names}")
    (_, currency), known = found
    day = day or last_value(known).astimezone(zone).date()
    start, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + timedelta(days=1)))
    by_start = {value.start: value for value in values_between(known, start, end)}
    starts = [start + place * SLOT for place in range((end - start) // SLOT)]
    return PricedDay(series, currency, day, zone, tuple((at.astimezone(zone), by_start.get(at)) for at in starts))
