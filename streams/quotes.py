"""What is published of the series that a session's tariffs refer to: for its rating, and for its record."""

from decimal import localcontext
from typing import NamedTuple

from msgspec import structs

from streams.catalogue import Catalogue
from streams.series import SLOT, PublishedSeries, Value, prices_between, values_between
from tariffs.clock import second_of
from tariffs.compiled import ENERGY, EXPORT, Rule
from tariffs.periods import Period
from tariffs.policy import HOUSE
from tariffs.rate import EXACT, Schedule, priced
from vocabulary.circumstances import Circumstances
from vocabulary.identity import SeriesId, VersionHash
from vocabulary.money import Currency
from vocabulary.price_series import SLOT_S, SeriesPrices
from vocabulary.sessions import ChargingSession
from vocabulary.tariff import Tariff, series_in
from vocabulary.zones import zone


class Quotes(NamedTuple):
    """In order of series and time."""

    prices: tuple[SeriesPrices, ...]
    values: tuple[tuple[SeriesId, Value], ...]


def quotes(session: ChargingSession, priced_by: Tariff | Schedule, catalogue: Catalogue) -> Quotes:
    """Of the time from the session's start to its end. Of a series in another currency nothing is published."""
    tariffs = (priced_by,) if isinstance(priced_by, Tariff) else tuple(tariff for _, tariff in priced_by)
    prices: list[SeriesPrices] = []
    values: list[tuple[SeriesId, Value]] = []
    for series, currency in dict.fromkeys((series, tariff.currency) for tariff in tariffs for series in series_in(tariff)):
        known = catalogue.series.get((series, currency), PublishedSeries())
        prices.append(prices_between(known, series, session.start, session.end))
        values += [(series, value) for value in values_between(known, session.start, session.end)]
    return Quotes(tuple(prices), tuple(values))


def publications(
    session: ChargingSession, priced_by: Tariff | Schedule, time_zone: str, quoted: Quotes, beside: Circumstances
) -> tuple[VersionHash, ...]:
    """Those by which the session is priced: of the quarters of an hour in which a price that follows a series is in force.

    `beside`: whatever else is known of the session, on which prices may depend.
    """
    if not quoted.values:
        return ()
    known = structs.replace(beside, prices=quoted.prices)
    starts = [second_of(value.start) for _, value in quoted.values]
    with localcontext(EXACT):
        cut = priced(session, priced_by, zone(time_zone), HOUSE, known, starts).cut
    in_force = ((period.start, rule) for period in cut for rule in (period.prices[ENERGY], _of_export(period)))
    rules = ((since, rule.component.series) for since, rule in in_force if rule is not None)
    used = {(series.id, second // SLOT_S * SLOT_S) for second, series in rules if series is not None}
    found = (value.publication.version for series, value in quoted.values if (series, second_of(value.start)) in used)
    return tuple(dict.fromkeys(found))


def _of_export(period: Period) -> Rule | None:
    """Where something is fed back."""
    return period.prices[EXPORT] if period.exported else None


def missing(quoted: Quotes, currency: Currency) -> str:
    """In words, the first quarter of an hour of each series that has no value."""
    gaps = []
    for prices in quoted.prices:
        place = next((place for place, value in enumerate(prices.values) if value is None), None)
        if place is not None:
            at = prices.start + place * SLOT
            gaps.append(f"{prices.series} has no price in {currency} at {at:%Y-%m-%dT%H:%MZ}")
    return "; ".join(gaps)
