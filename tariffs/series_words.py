"""A price that follows a published series, in words: what it is made of, for price displays and for the lines of a session.

a tariff    spot price of day-ahead-de-lu incl. VAT + 0.1428 EUR/kWh, at least 0.00 EUR/kWh
a line      element 1: day-ahead-de-lu 0.0853 + 0.12            what the series was, and what was added
            element 1: 1.19 x day-ahead-de-lu 0.0853 + 0.12     with a factor
            element 1: day-ahead-de-lu, at least 0              a bound; more than one value may have come to it
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct

from tariffs.rounding import Price, tidy
from tariffs.words import GERMAN, Number, Words, when
from vocabulary.money import plain, round_half_up
from vocabulary.price_series import PLACES
from vocabulary.rated import RatedLine
from vocabulary.tariff import Dimension, PriceComponent, Tariff

Amount = Callable[[Decimal], str]  # "0.12 EUR/kWh" of a price as the tariff has it


class SeriesWords(Struct, frozen=True, kw_only=True):
    spot: str
    with_vat: str
    least: str
    most: str


_ENGLISH = SeriesWords(spot="spot price of {}", with_vat="incl. VAT", least="at least {}", most="at most {}")
_GERMAN = SeriesWords(spot="Börsenpreis {}", with_vat="inkl. MwSt.", least="mindestens {}", most="höchstens {}")


def _said(words: Words) -> SeriesWords:
    return _GERMAN if words is GERMAN else _ENGLISH


def offer_by_series(component: PriceComponent, words: Words, number: Number, amount: Amount, *, is_taxed: bool) -> str:
    """What a driver is told of the price, whatever the series will be. `is_taxed`: taxes come upon all of it."""
    series, said = component.series, _said(words)
    assert series is not None
    spot = _times(series.factor, said.spot.format(series.id), number)
    taxed = f"{spot} {said.with_vat}" if is_taxed else spot
    added = f" + {amount(component.price)}" if component.price else ""
    bounds = ((said.least, series.least), (said.most, series.most))
    return taxed + added + "".join(f", {word.format(amount(bound))}" for word, bound in bounds if bound is not None)


def series_as_authored(component: PriceComponent) -> str:
    """In English: "1.05 x day-ahead-de-lu, at least 0"; empty where the price follows none."""
    if (series := component.series) is None:
        return ""
    bounds = ((_ENGLISH.least, series.least), (_ENGLISH.most, series.most))
    told = (word.format(plain(bound)) for word, bound in bounds if bound is not None)
    return ", ".join([_times(series.factor, series.id, plain), *told])


def reason_by_series(
    tariff: Tariff, price: Price, unit_price: Decimal, words: Words, number: Number, time_zone: str = ""
) -> str:
    """Which element gave a price, and how it came about."""
    named = words.element.format(price[1])
    return f"{named}: {when_by_series(tariff, price, unit_price, words, number, time_zone)}"


def when_by_series(tariff: Tariff, price: Price, unit_price: Decimal, words: Words, number: Number, time_zone: str = "") -> str:
    """The same for a bill: by which restrictions, and from which value of the series."""
    limits = when(tariff, price, words, number, time_zone)
    made = _made_of(_component(tariff, price), unit_price, _said(words), number)
    return f"{limits}, {made}" if limits else made


def follows_series(line: RatedLine, tariff: Tariff) -> bool:
    is_energy = line.dimension in (Dimension.ENERGY, Dimension.ENERGY_EXPORT)
    return is_energy and _component(tariff, (line.dimension, line.element)).series is not None


def _component(tariff: Tariff, price: Price) -> PriceComponent:
    dimension, element = price
    return next(component for component in tariff.elements[element - 1].components if component.dimension is dimension)


def _made_of(component: PriceComponent, unit_price: Decimal, said: SeriesWords, number: Number) -> str:
    series = component.series
    assert series is not None
    for word, bound in ((said.least, series.least), (said.most, series.most)):
        if bound is not None and unit_price == bound:
            return f"{series.id}, {word.format(number(bound))}"
    value = (Fraction(unit_price) - Fraction(component.price)) / Fraction(series.factor)
    spot = _times(series.factor, f"{series.id} {number(tidy(round_half_up(value, PLACES)))}", number)
    return f"{spot} + {number(component.price)}" if component.price else spot


def _times(factor: Decimal, spot: str, number: Number) -> str:
    return spot if factor == 1 else f"{number(factor)} x {spot}"
