"""The price sheet of a tariff, for who wants to know all of it: what is charged, when, with which taxes and rules.

    sections   one for each kind of price, in the order of price displays (AFIR Art. 5(4)), then reservations, then limits
      rows       what the driver pays, what was authored, when it applies; in the order in which prices are tried
      remarks    steps, taxes, when the kind is free
    remarks    how the prices are set, and what the rules of the tariff's profile make of them

`explain` is the short form, for displays; both tell the same prices.
"""

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from itertools import groupby

from msgspec import Struct

from tariffs.explain import (
    DISPLAY_ORDER,
    Priced,
    components_of,
    is_free,
    label_of,
    limit_amount,
    limit_text,
    price_text,
    prices_of,
    step_of,
    taxes_known,
)
from tariffs.price_sheet_words import SheetWords, sheet_words_for
from tariffs.restrictions import MIDNIGHT
from tariffs.rounding import tidy
from tariffs.words import Number, Words, authored, conditions, limit_words, otherwise, shown, unit_of, words_for
from vocabulary.tariff import (
    PRICED_BY_OCPI,
    VAT,
    Basis,
    Dimension,
    PriceComponent,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    Tariff,
    Tax,
    costs,
    taxes_of,
)

_UNRESTRICTED = Restrictions()
_USUAL = frozenset(PRICED_BY_OCPI)  # what a driver may expect to pay for, so that it is worth saying that it is free


class PriceRow(Struct, frozen=True, kw_only=True):
    """A price: what the driver pays, what was authored (empty: the same), when; `element` 0: a limit."""

    price: str
    authored: str
    when: str
    element: int


class PriceSection(Struct, frozen=True, kw_only=True):
    title: str
    rows: tuple[PriceRow, ...]
    remarks: tuple[str, ...]


class PriceSheet(Struct, frozen=True, kw_only=True):
    title: str  # the tariff's name in the language; its id where it has none
    in_force: str  # empty: not told
    sections: tuple[PriceSection, ...]
    remarks: tuple[str, ...]


class _Teller(Struct, frozen=True):
    """What all that is told depends on."""

    tariff: Tariff
    words: Words
    more: SheetWords
    number: Number


def price_sheet(
    tariff: Tariff, language: str, number: Number, since: datetime | None = None, until: datetime | None = None
) -> PriceSheet:
    """`since` and `until` (exclusive) are the times in which this version is in force, in the zone in which they are told."""
    words, more = words_for(language), sheet_words_for(language)
    teller = _Teller(tariff, words, more, number)
    sections = tuple(_sections(teller))
    remarks = (words.all_free,) if is_free(tariff) else tuple(_remarks(teller))
    return PriceSheet(
        title=_title(tariff, language), in_force=_in_force(more, since, until), sections=sections, remarks=remarks
    )


def _title(tariff: Tariff, language: str) -> str:
    texts = {name.language[:2].lower(): name.text for name in tariff.names}
    return texts.get(language[:2].lower()) or texts.get("en") or next(iter(texts.values()), tariff.id)


def _in_force(more: SheetWords, since: datetime | None, until: datetime | None) -> str:
    told = [template.format(_instant(at)) for template, at in ((more.in_force, since), (more.until, until)) if at is not None]
    return ", ".join(told)


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d}" if at.time() == at.min.time() else f"{at:%Y-%m-%d %H:%M}"


def _sections(teller: _Teller) -> Iterator[PriceSection]:
    for dimension in DISPLAY_ORDER:
        prices = prices_of(teller.tariff, dimension)
        if any(costs(component) for _, _, component in prices):
            yield _section(teller, label_of(dimension, teller.words), [prices])
    for reservation, title in (
        (Reservation.RESERVATION, teller.words.reservation),
        (Reservation.RESERVATION_EXPIRES, teller.words.expired_reservation),
    ):
        kinds = [prices for dimension in DISPLAY_ORDER if (prices := prices_of(teller.tariff, dimension, reservation))]
        if kinds:
            yield _section(teller, title, kinds)
    rows = tuple(_limit_rows(teller))
    if rows:
        yield PriceSection(title=teller.more.limits, rows=rows, remarks=())


def _section(teller: _Teller, title: str, kinds: list[list[Priced]]) -> PriceSection:
    rows = tuple(row for prices in kinds for row in _rows(teller, prices))
    remarks = (remark for prices in kinds for remark in _section_remarks(teller, prices))
    return PriceSection(title=title, rows=rows, remarks=tuple(dict.fromkeys(remarks)))


def _rows(teller: _Teller, prices: list[Priced]) -> Iterator[PriceRow]:
    for count, (element, restrictions, component) in enumerate(prices):
        always = otherwise([earlier for _, earlier, _ in prices[:count]], teller.words) or teller.words.always
        yield PriceRow(
            price=price_text(component, teller.tariff, teller.words, teller.number),
            authored=_authored(teller, component),
            when=", ".join(conditions(restrictions, teller.words, teller.number)) or always,
            element=element,
        )


def _authored(teller: _Teller, component: PriceComponent) -> str:
    """Where the driver pays something else than what was written."""
    is_taxed = any(tax.percent for tax in taxes_of(component))
    if not component.price or component.series is not None or teller.tariff.basis is not Basis.NET or not is_taxed:
        return ""
    unit = unit_of(component.dimension, per_minute=component.per_minute)
    return teller.more.net.format(
        f"{teller.number(authored(component.price, teller.tariff.currency))} {teller.tariff.currency}{unit}"
    )


def _section_remarks(teller: _Teller, prices: list[Priced]) -> Iterator[str]:
    components = [component for _, _, component in prices]
    for step, _ in groupby(step_of(component, teller.number) for component in components):
        if step:
            yield teller.more.step.format(step)
    if any(restrictions == _UNRESTRICTED for _, restrictions, _ in prices):
        return
    yield teller.more.conditions_only


def _limit_rows(teller: _Teller) -> Iterator[PriceRow]:
    for limit, template in (
        (teller.tariff.min_price, teller.more.limit_minimum),
        (teller.tariff.max_price, teller.more.limit_maximum),
    ):
        if limit is not None and (limit is teller.tariff.max_price or limit_amount(limit)):
            yield PriceRow(
                price=limit_text(limit, teller.tariff, teller.words, teller.number),
                authored=_limit_authored(teller, limit),
                when=template,
                element=0,
            )


def _limit_authored(teller: _Teller, limit: PriceLimit) -> str:
    paid = limit.after_taxes is not None and limit.before_taxes is None
    told = limit_words(limit, teller.tariff.currency, teller.words, teller.number)
    is_same = limit.after_taxes is None and limit_text(limit, teller.tariff, teller.words, teller.number) == _amount(
        teller, limit
    )
    return "" if paid or is_same else told


def _amount(teller: _Teller, limit: PriceLimit) -> str:
    return f"{teller.number(shown(Fraction(limit_amount(limit)), teller.tariff.currency))} {teller.tariff.currency}"


# What holds for the whole tariff


def _remarks(teller: _Teller) -> Iterator[str]:
    yield from _tax_remarks(teller)
    free = [label_of(kind, teller.words) for kind in DISPLAY_ORDER if kind in _USUAL and not _is_priced(teller.tariff, kind)]
    if free:
        yield teller.more.free_dimensions.format(", ".join(free))
    yield from _rules(teller)
    yield from _profile_rules(teller)


def _is_priced(tariff: Tariff, dimension: Dimension) -> bool:
    return any(costs(component) for _, _, component in prices_of(tariff, dimension))


def _tax_remarks(teller: _Teller) -> Iterator[str]:
    tariff, more = teller.tariff, teller.more
    priced = [component for component in components_of(tariff) if costs(component)]
    if tariff.basis is Basis.UNTAXED:
        yield more.set_untaxed
        return
    by_tax: dict[tuple[Tax, ...], list[str]] = {}
    for component in priced:
        labels = by_tax.setdefault(taxes_of(component), [])
        label = label_of(component.dimension, teller.words)
        labels += [label] if label not in labels else []
    for taxes, labels in by_tax.items():
        if taxes:
            told = more.includes.format(_taxes(teller, taxes))
            yield told if len(by_tax) == 1 else f"{', '.join(labels)}: {told[:1].lower()}{told[1:]}"
    if not any(by_tax) and all(taxes_known(component, tariff) for component in priced) and tariff.basis is Basis.NET:
        yield teller.words.no_vat
    elif any(by_tax) or tariff.basis is Basis.GROSS:
        yield more.set_gross if tariff.basis is Basis.GROSS else more.set_net
    if not all(taxes_known(component, tariff) for component in priced):
        yield more.taxes_open


def _taxes(teller: _Teller, taxes: tuple[Tax, ...]) -> str:
    """ "19% VAT"; taxes of one level joined by "+", a later level told as on the sum."""
    told = ""
    for stack in sorted({tax.stack or 0 for tax in taxes}):
        level = " + ".join(
            teller.more.tax.format(teller.number(tidy(tax.percent)), _tax_name(tax, teller))
            for tax in taxes
            if (tax.stack or 0) == stack
        )
        told = teller.more.tax_then.format(told, level) if told else level
    return told


def _tax_name(tax: Tax, teller: _Teller) -> str:
    return teller.more.vat if tax.name.lower() == VAT else tax.name


def _rules(teller: _Teller) -> Iterator[str]:
    tariff, more = teller.tariff, teller.more
    limits = [element.restrictions for element in tariff.elements]
    if any(len(prices_of(tariff, dimension)) > 1 for dimension in DISPLAY_ORDER):
        yield more.first_match
    if any(limit.start_time or limit.end_time or limit.weekdays or limit.start_date or limit.end_date for limit in limits):
        yield more.clock
    if any(limit.weekdays and _is_over_midnight(limit) for limit in limits):
        yield more.night
    if _is_priced(tariff, Dimension.PARKING_TIME):
        yield more.idle
    if _has_step(tariff, Dimension.TIME) and _is_priced(tariff, Dimension.PARKING_TIME):
        yield more.step_time_and_parking
    momentary = ((limit.min_power_w, limit.max_power_w, limit.min_current_a, limit.max_current_a) for limit in limits)
    if any(bound is not None for bounds in momentary for bound in bounds):
        yield more.measured
    if any(limit.payment_brand or limit.payment_recognition for limit in limits):
        yield more.payment
    if _is_priced(tariff, Dimension.ENERGY_EXPORT):
        yield more.fed_back
    if (tariff.min_price or tariff.max_price) and _is_priced(tariff, Dimension.ENERGY_EXPORT):
        yield more.fed_back_beside_limits


def _is_over_midnight(limit: Restrictions) -> bool:
    start, end = limit.start_time, limit.end_time
    return start is not None and end is not None and MIDNIGHT != end < start


def _has_step(tariff: Tariff, dimension: Dimension) -> bool:
    return any(component.step_size > 1 for _, _, component in prices_of(tariff, dimension))


def _profile_rules(teller: _Teller) -> Iterator[str]:
    tariff, more = teller.tariff, teller.more
    is_ocpp = tariff.profile is Profile.OCPP_2_1
    if len(prices_of(tariff, Dimension.FLAT)) > 1 or _is_conditional(tariff, Dimension.FLAT):
        yield more.flat_once_at_start if is_ocpp else more.flat_once
    if limit_amount(tariff.min_price):
        yield more.minimum_ocpp if is_ocpp else more.minimum_ocpi
    if tariff.max_price is not None:
        yield more.maximum_ocpp if is_ocpp else more.maximum_ocpi
    kinds = {element.restrictions.reservation for element in tariff.elements}
    if Reservation.RESERVATION in kinds:
        yield more.reservation_at_start if is_ocpp else more.reservation
        yield more.expired_unpriced if is_ocpp else more.expired_lacks


def _is_conditional(tariff: Tariff, dimension: Dimension) -> bool:
    return any(restrictions != _UNRESTRICTED for _, restrictions, _ in prices_of(tariff, dimension))
