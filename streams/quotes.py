"""What is published of the series that a session's tariffs refer to: for its rating, and for its record."""

from typing import NamedTuple

from streams.catalogue import Catalogue
from streams.series import SLOT, PublishedSeries, prices_between, values_between, versions_in
from tariffs.rate import Schedule
from vocabulary.identity import VersionHash
from vocabulary.money import Currency
from vocabulary.price_series import SeriesPrices
from vocabulary.sessions import ChargingSession
from vocabulary.tariff import Tariff, series_in


class Quotes(NamedTuple):
    """`versions`: the publications that the values are from, in order of series and time."""

    prices: tuple[SeriesPrices, ...]
    versions: tuple[VersionHash, ...]


def quotes(session: ChargingSession, priced_by: Tariff | Schedule, catalogue: Catalogue) -> Quotes:
    """Of the time from the session's start to its end. Of a series in another currency nothing is published."""
    tariffs = (priced_by,) if isinstance(priced_by, Tariff) else tuple(tariff for _, tariff in priced_by)
    prices: list[SeriesPrices] = []
    versions: list[VersionHash] = []
    for series, currency in dict.fromkeys((series, tariff.currency) for tariff in tariffs for series in series_in(tariff)):
        known = catalogue.series.get((series, currency), PublishedSeries())
        prices.append(prices_between(known, series, session.start, session.end))
        versions += versions_in(values_between(known, session.start, session.end))
    return Quotes(tuple(prices), tuple(dict.fromkeys(versions)))


def missing(quoted: Quotes, currency: Currency) -> str:
    """In words, the first quarter of an hour of each series that has no value."""
    gaps = []
    for prices in quoted.prices:
        place = next((place for place, value in enumerate(prices.values) if value is None), None)
        if place is not None:
            at = prices.start + place * SLOT
            gaps.append(f"{prices.series} has no price in {currency} at {at:%Y-%m-%dT%H:%MZ}")
    return "; ".join(gaps)
