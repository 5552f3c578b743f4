"""What two tariffs, or two versions of one, differ in: price by price, as a person compares price lists.

Prices of a kind are the same where their restrictions are, however elements are grouped and numbered; where those differ and
the price does not, the restrictions have changed. Whatever else is on one side only is new, or gone. Since the first price
whose restrictions hold applies, another order of the same prices is a difference as well.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import product

from msgspec import Struct

from tariffs.explain import DISPLAY_ORDER, driver_price, label_of, taxes_known
from tariffs.lint_reach import USES, Place, places_of
from tariffs.rounding import tidy
from tariffs.series_words import series_as_authored
from tariffs.words import ENGLISH, authored, conditions, shown, unit_of
from vocabulary.money import Currency, plain, round_half_up
from vocabulary.tariff import Dimension, PriceComponent, PriceLimit, Reservation, Restrictions, Tariff, taxes_of

Pair = tuple[Place, Place]


class ChangeKind(StrEnum):
    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"
    MOVED = "moved"
    REWRITTEN = "rewritten"  # other words for the same


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One difference. `where` is empty for the tariff as a whole; `percent` is of what was before, to two places."""

    kind: ChangeKind
    where: str = ""
    what: str
    before: str = ""
    after: str = ""
    absolute: Decimal | None = None
    percent: Decimal | None = None
    element_before: int | None = None
    element_after: int | None = None


def diff(old: Tariff, new: Tariff) -> tuple[Change, ...]:
    """In the order of price displays; none where both are equal, and never none where they are not."""
    found = (*_whole(old, new), *_prices(old, new))
    if not found and old != new:
        same = "the same prices, in other elements or with other empty fields"
        return (Change(kind=ChangeKind.REWRITTEN, what="form", before=same, after=same),)
    return found


# Price by price


def _prices(old: Tariff, new: Tariff) -> Iterator[Change]:
    for use, dimension in product(USES, DISPLAY_ORDER):
        before, after = places_of(old, dimension, use), places_of(new, dimension, use)
        pairs, gone, come = _matched(before, after)
        for pair in _in_order(pairs, before, 0):
            yield from _changes(dimension, use, pair, old, new)
        for place in gone:
            yield _alone(ChangeKind.GONE, dimension, use, place, old)
        for place in come:
            yield _alone(ChangeKind.NEW, dimension, use, place, new)
        yield from _order(_label(dimension, use), _in_order(pairs, before, 0), _in_order(pairs, after, 1))


def _matched(before: list[Place], after: list[Place]) -> tuple[list[Pair], list[Place], list[Place]]:
    """By restrictions, and what is left by price; then what is left on either side."""
    same, before, after = _matched_by(lambda place: place[1], before, after)
    moved, before, after = _matched_by(lambda place: place[2], before, after)
    return [*same, *moved], before, after


def _matched_by(
    key: Callable[[Place], object], before: list[Place], after: list[Place]
) -> tuple[list[Pair], list[Place], list[Place]]:
    """Of several with the same key the first with the first."""
    pairs: list[Pair] = []
    alone, left = [], list(after)
    for place in before:
        partner = next((other for other in left if key(other) == key(place)), None)
        if partner is None:
            alone.append(place)
        else:
            pairs.append((place, partner))
            left = [other for other in left if other is not partner]
    return pairs, alone, left


def _in_order(pairs: list[Pair], places: list[Place], side: int) -> list[Pair]:
    ranks = {id(place): rank for rank, place in enumerate(places)}
    return sorted(pairs, key=lambda pair: ranks[id(pair[side])])


def _order(where: str, before: list[Pair], after: list[Pair]) -> Iterator[Change]:
    if before != after:
        texts = ("; ".join(_conditions(pair[0][1]) for pair in pairs) for pairs in (before, after))
        told_before, told_after = texts
        yield Change(kind=ChangeKind.MOVED, where=where, what="order", before=told_before, after=told_after)


def _label(dimension: Dimension, use: Reservation | None) -> str:
    uses = {Reservation.RESERVATION: ENGLISH.while_reserved, Reservation.RESERVATION_EXPIRES: ENGLISH.while_expired}
    return label_of(dimension, ENGLISH) + (f", {uses[use]}" if use else "")


def _where(dimension: Dimension, use: Reservation | None, limit: Restrictions) -> str:
    return f"{_label(dimension, use)}, {_conditions(limit)}"


def _conditions(limit: Restrictions) -> str:
    return ", ".join(conditions(limit, ENGLISH, plain)) or "without restrictions"


def _alone(kind: ChangeKind, dimension: Dimension, use: Reservation | None, place: Place, tariff: Tariff) -> Change:
    number, limit, component = place
    told, is_new = _told(component, tariff), kind is ChangeKind.NEW
    return Change(
        kind=kind,
        where=_where(dimension, use, limit),
        what="price",
        before="" if is_new else told,
        after=told if is_new else "",
        element_before=None if is_new else number,
        element_after=number if is_new else None,
    )


def _changes(dimension: Dimension, use: Reservation | None, pair: Pair, old: Tariff, new: Tariff) -> Iterator[Change]:
    (number, limit, one), (after_number, after_limit, other) = pair
    where = _where(dimension, use, limit)
    for change in (*_conditions_changed(limit, after_limit), *_component_changed(one, other, old, new)):
        yield Change(
            kind=ChangeKind.CHANGED,
            where=where if change.what != "restrictions" else f"{_label(dimension, use)}, {_told(one, old)}",
            what=change.what,
            before=change.before,
            after=change.after,
            absolute=change.absolute,
            percent=change.percent,
            element_before=number,
            element_after=after_number,
        )


def _changed(what: str, before: str, after: str) -> Iterator[Change]:
    if before != after:
        yield Change(kind=ChangeKind.CHANGED, what=what, before=before, after=after)


def _conditions_changed(before: Restrictions, after: Restrictions) -> Iterator[Change]:
    yield from _changed("restrictions", _conditions(before), _conditions(after))


def _component_changed(one: PriceComponent, other: PriceComponent, old: Tariff, new: Tariff) -> Iterator[Change]:
    is_comparable = old.currency == new.currency
    if one.price != other.price or one.per_minute != other.per_minute:
        per_hour = [Fraction(part.price) * (60 if part.per_minute else 1) for part in (one, other)]
        yield _amount_changed("price", [_told(one, old), _told(other, new)], per_hour, is_comparable)
    yield from _changed("series", series_as_authored(one), series_as_authored(other))
    yield from _changed("taxes", _taxes(one), _taxes(other))
    yield from _changed("step size", _step(one), _step(other))
    if (
        (one.series, other.series) != (None, None)
        or not (taxes_known(one, old) and taxes_known(other, new))
        or one.per_minute != other.per_minute
    ):
        return
    paid = [driver_price(one, old), driver_price(other, new)]
    is_told = paid == [Fraction(one.price), Fraction(other.price)] and old.basis is new.basis
    if not is_told and (paid[0] != paid[1] or not is_comparable):
        texts = [_amount(paid[0], one, old.currency), _amount(paid[1], other, new.currency)]
        yield _amount_changed("the driver pays", texts, paid, is_comparable)


def _amount_changed(what: str, texts: Sequence[str], amounts: Sequence[Fraction], is_comparable: bool) -> Change:
    (before, after), (was, becomes) = texts, amounts
    return Change(
        kind=ChangeKind.CHANGED,
        what=what,
        before=before,
        after=after,
        absolute=tidy(round_half_up(becomes - was, 6)) if is_comparable else None,
        percent=round_half_up((becomes - was) / abs(was) * 100, 2) if was and is_comparable else None,
    )


def _told(component: PriceComponent, tariff: Tariff) -> str:
    """As authored."""
    return f"{plain(authored(component.price, tariff.currency))} {tariff.currency}{_unit(component)}"


def _amount(amount: Fraction, component: PriceComponent, currency: Currency) -> str:
    return f"{plain(shown(amount, currency))} {currency}{_unit(component)}"


def _unit(component: PriceComponent) -> str:
    return unit_of(component.dimension, per_minute=component.per_minute)


def _taxes(component: PriceComponent) -> str:
    named = (
        f"{tax.name} {plain(tidy(tax.percent))}%{f' on level {tax.stack}' if tax.stack else ''}" for tax in taxes_of(component)
    )
    return ", ".join(named) or "none"


def _step(component: PriceComponent) -> str:
    unit = {"/kWh": " Wh", "": ""}.get(unit_of(component.dimension), " s")
    return f"{component.step_size}{unit}" if component.step_size else "none"


# The tariff as a whole


def _whole(old: Tariff, new: Tariff) -> Iterator[Change]:
    yield from _changed("id", old.id, new.id)
    yield from _changed("currency", old.currency, new.currency)
    yield from _changed("profile", old.profile, new.profile)
    yield from _changed("basis of prices", old.basis, new.basis)
    yield from _limit("minimum price", old.min_price, new.min_price, old, new)
    yield from _limit("maximum price", old.max_price, new.max_price, old, new)
    before, after = ({name.language: name.text for name in tariff.names} for tariff in (old, new))
    for language in sorted({*before, *after}):
        yield from _one_sided(f"text in {language!r}", before.get(language, ""), after.get(language, ""))
    yield from _one_sided("audience", old.audience, new.audience)
    yield from _one_sided("address of the price list", old.alt_url, new.alt_url)
    if old.energy_mix != new.energy_mix:
        yield from _one_sided("energy mix", _mix(old), _mix(new))


def _one_sided(what: str, before: str, after: str) -> Iterator[Change]:
    kind = ChangeKind.CHANGED if before and after else ChangeKind.NEW if after else ChangeKind.GONE
    if before != after:
        yield Change(kind=kind, what=what, before=before, after=after)


def _mix(tariff: Tariff) -> str:
    if tariff.energy_mix is None:
        return ""
    mix = tariff.energy_mix
    shares = (f"{share.name} {plain(tidy(share.amount))}" for share in (*mix.sources, *mix.impacts))
    names = (name for name in (mix.supplier_name, mix.product_name) if name)
    return ", ".join(["green" if mix.is_green_energy else "not green", *names, *shares])


def _limit(what: str, before: PriceLimit | None, after: PriceLimit | None, old: Tariff, new: Tariff) -> Iterator[Change]:
    for name, bound in (("before taxes", "before_taxes"), ("after taxes", "after_taxes")):
        was: Decimal | None = getattr(before, bound, None)
        becomes: Decimal | None = getattr(after, bound, None)
        texts = [
            "" if one is None else f"{plain(authored(one, tariff.currency))} {tariff.currency}"
            for one, tariff in ((was, old), (becomes, new))
        ]
        if was is None or becomes is None:
            yield from _one_sided(f"{what} {name}", texts[0], texts[1])
        elif was != becomes:
            amounts = [Fraction(was), Fraction(becomes)]
            yield _amount_changed(f"{what} {name}", texts, amounts, old.currency == new.currency)
    taxes = [
        PriceComponent(dimension=Dimension.FLAT, price=Decimal(0), taxes=one.taxes if one else ()) for one in (before, after)
    ]
    yield from _changed(f"taxes of the {what}", *map(_taxes, taxes))
