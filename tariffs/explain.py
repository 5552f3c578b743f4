"""A tariff in a person's words, with VAT, as drivers must see it; and the reason of a rated line in his language.

    Energy: 0.42 EUR/kWh (22:00-06:00); otherwise 0.54 EUR/kWh. Idle time: 0.119 EUR/min. Prices include VAT.

The order is that of Regulation (EU) 2023/1804 (AFIR) Art. 5: per kWh, per minute, per session. Prices are shown to four
decimals, half up; a price of time is shown per minute where that is exact, else per hour. The text fits into an OCPP
personalMessage: where it would not, whole prices are left out from the end and the text says so. A price is never cut.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import groupby
from operator import itemgetter

from tariffs.rate import LINE_ORDER
from tariffs.series_words import costs, follows_series, offer_by_series, reason_by_series, when_by_series
from tariffs.words import Number, Words, conditions, duration, in_kwh, reason, when, words_for
from vocabulary.money import minor_exponent, round_half_up
from vocabulary.rated import RatedLine
from vocabulary.tariff import Dimension, PriceComponent, Restrictions, Tariff

CHARACTERS_MAX = 512  # OCPP 2.0.1 part 2, MessageContentType.content
_PLACES = 4
_UNRESTRICTED = Restrictions()

Offer = tuple[Dimension, str]  # what is charged for, and at which price when


def explain(tariff: Tariff, language: str, number: Number) -> str:
    """The prices of a tariff, at most CHARACTERS_MAX characters; `number` writes a decimal as the reader does."""
    words = words_for(language)
    components = [component for element in tariff.elements for component in element.components]
    if not any(map(costs, components)):
        return words.all_free
    offers = [(dimension, offer) for dimension in LINE_ORDER for offer in _offers(tariff, dimension, words, number)]
    texts = (_text(offers[:count], len(offers), components, words) for count in range(len(offers), -1, -1))
    return next(text for text in texts if len(text) <= CHARACTERS_MAX)


def explain_line(line: RatedLine, tariff: Tariff, language: str, number: Number, time_zone: str = "") -> str:
    """Why the price of a rated line applied. In English, with the site's zone, this is the line's own `reason`."""
    if follows_series(line, tariff):
        return reason_by_series(tariff, line.element, line.unit_price, words_for(language), number, time_zone)
    return reason(tariff, (line.dimension, line.element), words_for(language), number, time_zone)


def explain_when(line: RatedLine, tariff: Tariff, language: str, number: Number, time_zone: str = "") -> str:
    """The same for a bill, where the element's number says nothing: "22:00-06:00"; empty where the price always applies."""
    if follows_series(line, tariff):
        return when_by_series(tariff, line.element, line.unit_price, words_for(language), number, time_zone)
    return when(tariff, (line.dimension, line.element), words_for(language), number, time_zone)


def _text(offers: list[Offer], of: int, components: list[PriceComponent], words: Words) -> str:
    grouped = groupby(offers, key=itemgetter(0))
    sentences = [f"{_label(dimension, words)}: {'; '.join(text for _, text in group)}." for dimension, group in grouped]
    return " ".join([*sentences, *([words.more] if len(offers) < of else []), _vat(components, words)])


def _offers(tariff: Tariff, dimension: Dimension, words: Words, number: Number) -> Iterator[str]:
    """The prices of a dimension in the order in which they are tried, up to the first that always applies."""
    found = [
        (element.restrictions, component)
        for element in tariff.elements
        for component in element.components
        if component.dimension is dimension
    ]
    if not any(costs(component) for _, component in found):
        return  # free throughout: nothing to tell beside what costs something
    for count, (restrictions, component) in enumerate(found):
        price = _price(component, tariff, words, number)
        if restrictions == _UNRESTRICTED:
            yield words.otherwise.format(price) if count else price
            return
        yield f"{price} ({', '.join(conditions(restrictions, words, number))})"
    yield words.otherwise.format(words.free)


def _price(component: PriceComponent, tariff: Tariff, words: Words, number: Number) -> str:
    if component.series is not None:
        offered = offer_by_series(component, words, number, partial(_per_kwh, component, tariff, number))
        return offered + _step(component, words, number)
    if not component.price:
        return words.free
    gross = Fraction(component.price) * (100 + Fraction(component.vat_percent or 0)) / 100
    unit = ""
    match component.dimension:
        case Dimension.ENERGY:
            unit = "/kWh"
        case Dimension.TIME | Dimension.PARKING_TIME:
            is_exact = gross / 60 == Fraction(round_half_up(gross / 60, _PLACES))
            gross, unit = (gross / 60, "/min") if is_exact else (gross, "/h")
        case _:
            pass
    amount = number(_shown(gross, minor_exponent(tariff.currency)))
    return f"{amount} {tariff.currency}{unit}{_step(component, words, number)}"


def _per_kwh(component: PriceComponent, tariff: Tariff, number: Number, price: Decimal) -> str:
    gross = Fraction(price) * (100 + Fraction(component.vat_percent or 0)) / 100
    return f"{number(_shown(gross, minor_exponent(tariff.currency)))} {tariff.currency}/kWh"


def _shown(gross: Fraction, places_min: int) -> Decimal:
    """To four decimals, without trailing zeros beyond those of the currency."""
    rounded = round_half_up(gross, _PLACES)
    places = next(places for places in range(places_min, _PLACES + 1) if round_half_up(rounded, places) == rounded)
    return round_half_up(rounded, places)


def _step(component: PriceComponent, words: Words, number: Number) -> str:
    """The step size, where it makes a difference that a driver would notice: above 1 Wh or 1 s."""
    if component.step_size <= 1 or component.dimension is Dimension.FLAT:
        return ""
    is_energy = component.dimension is Dimension.ENERGY
    size = Decimal(component.step_size)
    return " " + words.step.format(f"{number(in_kwh(size))} kWh" if is_energy else duration(component.step_size, number))


def _label(dimension: Dimension, words: Words) -> str:
    match dimension:
        case Dimension.ENERGY:
            return words.energy
        case Dimension.TIME:
            return words.time
        case Dimension.PARKING_TIME:
            return words.parking_time
        case Dimension.FLAT:
            return words.flat
        case Dimension.MIN_PRICE:
            return words.min_price
        case Dimension.MAX_PRICE:
            return words.max_price


def _vat(components: list[PriceComponent], words: Words) -> str:
    taxed = {component.vat_percent is not None for component in components if costs(component)}
    return {frozenset({True}): words.vat, frozenset({False}): words.no_vat}.get(frozenset(taxed), words.vat_in_part)
