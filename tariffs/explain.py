"""A tariff in a person's words, as drivers must see it; and the reason of a rated line in his language.

    Energy: 0.42 EUR/kWh (22:00-06:00); otherwise 0.54 EUR/kWh. Idle time: 0.119 EUR/min. Prices include VAT.

The order is that of Regulation (EU) 2023/1804 (AFIR) Art. 5: per kWh, per minute, per session, any other. Prices are what the
driver pays, taxes included, wherever the tariff knows its taxes; else they say that taxes are added. They are shown to four
decimals, half up; a price of time per minute where that is exact or was authored so, else per hour. The text fits into an OCPP
personalMessage: where it would not, whole prices are left out from the end and the text says so. A price is never cut.
The whole of it is in `price_sheet`.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import assert_never

from msgspec import structs

from tariffs.series_words import follows_series, offer_by_series, reason_by_series, when_by_series
from tariffs.words import PLACES, Number, Words, conditions, duration, in_kwh, reason, shown, unit_of, when, words_for
from vocabulary.money import round_half_up
from vocabulary.rated import RatedLine, tax_factor
from vocabulary.tariff import (
    Basis,
    Dimension,
    PriceComponent,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    Tariff,
    charging_components,
    costs,
    taxes_of,
)

CHARACTERS_MAX = 512  # OCPP 2.0.1 part 2, MessageContentType.content
DISPLAY_ORDER = (
    *(Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.FLAT),  # AFIR Art. 5(4)
    *(Dimension.SWAP, Dimension.ENERGY_EXPORT),
)
VAT_NAMES = frozenset({"vat", "mwst", "ust", "btw", "tva", "iva", "moms"})
_UNRESTRICTED = Restrictions()

Offer = tuple[str, str]  # what is charged for, and at which price when
Priced = tuple[int, Restrictions, PriceComponent]  # the element's number, its restrictions without the reservation, a price


def explain(tariff: Tariff, language: str, number: Number) -> str:
    """The prices of a tariff, at most CHARACTERS_MAX characters; `number` writes a decimal as the reader does."""
    words = words_for(language)
    if is_free(tariff):
        return words.all_free
    offers = list(_all_offers(tariff, words, number))
    texts = (_text(offers[:count], len(offers), tariff, words) for count in range(len(offers), -1, -1))
    return next(text for text in texts if len(text) <= CHARACTERS_MAX)


def explain_line(line: RatedLine, tariff: Tariff, language: str, number: Number, time_zone: str = "") -> str:
    """Why the price of a rated line applied. In English, with the site's zone, this is the line's own `reason`.

    Of a limit it tells both bounds, where the line has the one that was missed.
    """
    if follows_series(line, tariff):
        price = line.dimension, line.element
        return reason_by_series(tariff, price, line.unit_price, words_for(language), number, time_zone)
    return reason(tariff, (line.dimension, line.element), words_for(language), number, time_zone)


def explain_when(line: RatedLine, tariff: Tariff, language: str, number: Number, time_zone: str = "") -> str:
    """The same for a bill, where the element's number says nothing: "22:00-06:00"; empty where the price always applies."""
    if follows_series(line, tariff):
        price = line.dimension, line.element
        return when_by_series(tariff, price, line.unit_price, words_for(language), number, time_zone)
    return when(tariff, (line.dimension, line.element), words_for(language), number, time_zone)


def is_free(tariff: Tariff) -> bool:
    """Whether no session can cost anything."""
    return not any(map(costs, components_of(tariff))) and not limit_amount(tariff.min_price)


def components_of(tariff: Tariff) -> list[PriceComponent]:
    return [component for element in tariff.elements for component in element.components]


def prices_of(tariff: Tariff, dimension: Dimension, reservation: Reservation | None = None) -> list[Priced]:
    """The prices of a dimension in the order in which they are tried, up to the first that always applies."""
    found: list[Priced] = []
    for number, element in enumerate(tariff.elements, start=1):
        component = next((part for part in element.components if part.dimension is dimension), None)
        if component is None or element.restrictions.reservation is not reservation:
            continue
        restrictions = structs.replace(element.restrictions, reservation=None)
        found.append((number, restrictions, component))
        if restrictions == _UNRESTRICTED:
            break
    return found


def _text(offers: list[Offer], of: int, tariff: Tariff, words: Words) -> str:
    grouped = groupby(offers, key=itemgetter(0))
    sentences = [f"{label}: {'; '.join(text for _, text in group)}." for label, group in grouped]
    return " ".join([*sentences, *([words.more] if len(offers) < of else []), tax_sentence(tariff, words)])


def _all_offers(tariff: Tariff, words: Words, number: Number) -> Iterator[Offer]:
    for dimension in DISPLAY_ORDER:
        yield from ((label_of(dimension, words), text) for text in _offers(tariff, dimension, None, words, number))
    for reservation, label in (
        (Reservation.RESERVATION, words.reservation),
        (Reservation.RESERVATION_EXPIRES, words.expired_reservation),
    ):
        for dimension in DISPLAY_ORDER:
            yield from ((label, text) for text in _offers(tariff, dimension, reservation, words, number))
    for label, limit in ((words.min_price, tariff.min_price), (words.max_price, tariff.max_price)):
        if limit is not None and (limit is tariff.max_price or limit_amount(limit)):
            yield label, limit_text(limit, tariff, words, number)


def _offers(
    tariff: Tariff, dimension: Dimension, reservation: Reservation | None, words: Words, number: Number
) -> Iterator[str]:
    found = prices_of(tariff, dimension, reservation)
    if not any(costs(component) for _, _, component in found):
        return  # free throughout: nothing to tell beside what costs something
    for count, (_, restrictions, component) in enumerate(found):
        price = price_text(component, tariff, words, number) + step_text(component, words, number)
        if restrictions == _UNRESTRICTED:
            yield words.otherwise.format(price) if count else price
            return
        yield f"{price} ({', '.join(conditions(restrictions, words, number))})"
    yield words.otherwise.format(words.free)


def price_text(component: PriceComponent, tariff: Tariff, words: Words, number: Number) -> str:
    """What a driver pays, in its unit: "0.42 EUR/kWh"; marked where this tariff mixes prices with and without taxes."""
    if component.series is not None:
        is_taxed = tariff.basis is Basis.NET and bool(taxes_of(component))
        return offer_by_series(component, words, number, partial(_per_kwh, component, tariff, number), is_taxed=is_taxed)
    if not component.price:
        return words.free
    amount, unit = _per_unit(component, driver_price(component, tariff))
    text = f"{number(shown(amount, tariff.currency))} {tariff.currency}{unit}"
    is_marked = not taxes_known(component, tariff) and _tax_kinds(tariff) != {"unknown"}
    return words.plus_taxes.format(text) if is_marked else text


def _per_kwh(component: PriceComponent, tariff: Tariff, number: Number, price: Decimal) -> str:
    amount = driver_price(structs.replace(component, price=price), tariff)
    return f"{number(shown(amount, tariff.currency))} {tariff.currency}/kWh"


def _per_unit(component: PriceComponent, amount: Fraction) -> tuple[Fraction, str]:
    """Time is told per minute where that is exact, as the law wants it, or where it was authored so."""
    match component.dimension:
        case Dimension.TIME | Dimension.PARKING_TIME if not component.per_minute and is_exact_per_minute(amount):
            return amount / 60, unit_of(component.dimension, per_minute=True)
        case _:
            return amount, unit_of(component.dimension, per_minute=component.per_minute)


def is_exact_per_minute(per_hour: Fraction) -> bool:
    return per_hour / 60 == Fraction(round_half_up(per_hour / 60, PLACES))


def driver_price(component: PriceComponent, tariff: Tariff) -> Fraction:
    """With taxes where the tariff knows them, in the unit in which it was authored."""
    amount = Fraction(component.price)
    return amount * tax_factor(taxes_of(component)) if tariff.basis is Basis.NET else amount


def taxes_known(component: PriceComponent, tariff: Tariff) -> bool:
    """In a net tariff of OCPI 2.3.0 a missing VAT percentage means that somebody else knows the taxes."""
    is_told = tariff.basis is not Basis.NET or tariff.profile is not Profile.OCPI_2_3_0
    return is_told or bool(taxes_of(component))


def limit_amount(limit: PriceLimit | None) -> Decimal:
    return Decimal(0) if limit is None else limit.after_taxes or limit.before_taxes or Decimal(0)


def limit_text(limit: PriceLimit, tariff: Tariff, words: Words, number: Number) -> str:
    """As the driver pays it: the bound after taxes, or the one before them with the tax that all prices bear."""
    if limit.after_taxes is not None:
        amount: Fraction | None = Fraction(limit.after_taxes)
    else:
        amount = _with_common_tax(limit, tariff)
    shown_amount = Fraction(limit_amount(limit)) if amount is None else amount
    text = f"{number(shown(shown_amount, tariff.currency))} {tariff.currency}"
    return words.plus_taxes.format(text) if amount is None else text


def _with_common_tax(limit: PriceLimit, tariff: Tariff) -> Fraction | None:
    """None: prices bear different taxes, or such as are not known."""
    before = Fraction(limit_amount(limit))
    if tariff.basis is Basis.UNTAXED or limit.taxes:
        return before * tax_factor(limit.taxes)
    priced = [component for component in charging_components(tariff) if costs(component)]
    factors = {tax_factor(taxes_of(component)) for component in priced}
    is_known = all(taxes_known(component, tariff) for component in priced)
    return before * factors.pop() if len(factors) == 1 and is_known else None


def step_text(component: PriceComponent, words: Words, number: Number) -> str:
    """The step size, where it makes a difference that a driver would notice: above 1 Wh or 1 s."""
    step = step_of(component, number)
    return " " + words.step.format(step) if step else ""


def step_of(component: PriceComponent, number: Number) -> str:
    if component.step_size <= 1 or component.dimension is Dimension.FLAT:
        return ""
    if component.dimension is Dimension.ENERGY:
        return f"{number(in_kwh(Decimal(component.step_size)))} kWh"
    return duration(component.step_size, number)


def label_of(dimension: Dimension, words: Words) -> str:
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
        case Dimension.ENERGY_EXPORT:
            return words.energy_export
        case Dimension.SWAP:
            return words.swap
    assert_never(dimension)


def tax_sentence(tariff: Tariff, words: Words) -> str:
    """What the prices that were told contain."""
    kinds = _tax_kinds(tariff)
    for told, sentence in (
        ({"vat"}, words.vat),
        ({"none"}, words.no_vat),
        ({"untaxed"}, words.no_taxes),
        ({"unknown"}, words.before_taxes),
    ):
        if kinds == told:
            return sentence
    if kinds <= {"vat", "none"}:
        return words.vat_in_part
    return words.taxes if kinds <= {"vat", "tax"} else words.taxes_in_part


def _tax_kinds(tariff: Tariff) -> set[str]:
    """Of the prices above nothing: "vat" alone, some other "tax", "none", "untaxed" as a whole, or "unknown"."""
    return {_tax_kind(component, tariff) for component in components_of(tariff) if costs(component)}


def _tax_kind(component: PriceComponent, tariff: Tariff) -> str:
    taxes = taxes_of(component)
    if tariff.basis is Basis.UNTAXED:
        return "untaxed"
    if not taxes_known(component, tariff):
        return "unknown"
    if taxes:
        return "vat" if all(tax.name.lower() in VAT_NAMES for tax in taxes) else "tax"
    return "tax" if tariff.basis is Basis.GROSS else "none"
