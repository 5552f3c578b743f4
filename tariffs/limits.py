"""What the least and the most that a session may cost changes of its total, tax by tax, exactly.

OCPI 2.x: each bound holds for the total, before and after taxes, independently. A bound before taxes takes the taxes with it
in proportion; credits are no part of it, and what is paid for energy that was fed back is not even looked at. What one after
taxes does to the taxes is the policy's (`tariffs.policy.LimitTax`):

    0.30 net, 0.33 gross, at least 0.50 net     -> 0.50 net, 0.55 gross
    1.10 net, 1.32 gross, at least 1.50 gross   -> 1.25 net, 1.50 gross by rate; 1.10 net and 0.40 of tax independently

OCPP 2.1: the cost freezes where either bound of the maximum is reached, within the period and exactly (I12.FR.39), and
where either bound of the minimum is missed the minimum is the whole cost (I12.FR.38).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct

from tariffs.compiled import TaxKey, tax_key
from tariffs.losses import has_unknown_taxes
from tariffs.policy import LimitTax
from vocabulary.money import Currency, plain
from vocabulary.rated import tax_factor
from vocabulary.tariff import Basis, Dimension, PriceLimit, Tariff, Tax, charging_components, taxes_of


class Part(Struct, frozen=True):
    """What stands under one tax."""

    net: Fraction
    gross: Fraction

    def __add__(self, other: "Part") -> "Part":
        return Part(self.net + other.net, self.gross + other.gross)

    def __sub__(self, other: "Part") -> "Part":
        return Part(self.net - other.net, self.gross - other.gross)


NOTHING = Part(Fraction(0), Fraction(0))
Parts = dict[TaxKey, Part]


class Adjustment(Struct, frozen=True):
    """How a limit changes what stands under one tax."""

    dimension: Dimension  # MIN_PRICE or MAX_PRICE
    key: TaxKey
    change: Part
    reason: str


def added(parts: Iterable[tuple[TaxKey, Part]]) -> Parts:
    by_key: Parts = {}
    for key, part in parts:
        by_key[key] = by_key[key] + part if key in by_key else part
    return by_key


def cross(least: PriceLimit, most: PriceLimit, tariff: Tariff) -> bool:
    """Whether no amount is at least the one and at most the other, whatever is charged."""
    is_untaxed = tariff.basis is Basis.UNTAXED
    factors = (
        {Fraction(1)} if is_untaxed else {tax_factor(taxes_of(each)) for each in charging_components(tariff)} or {Fraction(1)}
    )
    lowest, highest = min(factors), max(factors)  # what is charged at them bears so much tax at least, and at most
    pairs = [
        (least.before_taxes, most.before_taxes, Fraction(1)),
        (least.after_taxes, most.after_taxes, Fraction(1)),
        (least.before_taxes, most.after_taxes, 1 / lowest),
    ]
    if not any(has_unknown_taxes(tariff, each) for each in charging_components(tariff)):
        pairs.append((least.after_taxes, most.before_taxes, highest))
    return any(low is not None and high is not None and Fraction(low) > Fraction(high) * by for low, high, by in pairs)


def limited(parts: Parts, tariff: Tariff, limit_tax: LimitTax) -> list[Adjustment]:
    """By OCPI: the least, then the most; before taxes, then after them."""
    found: list[Adjustment] = []
    for dimension, limit in ((Dimension.MIN_PRICE, tariff.min_price), (Dimension.MAX_PRICE, tariff.max_price)):
        if limit is None:
            continue
        for after_taxes in (False, True):
            bound = limit.after_taxes if after_taxes else limit.before_taxes
            if bound is None or not _is_beyond(_total(parts, after_taxes), Fraction(bound), dimension):
                continue
            changed = _brought_to(parts, Fraction(bound), tariff, limit_tax, after_taxes=after_taxes)
            found += _adjustments(dimension, parts, changed, told(limit, tariff.currency, after_taxes=after_taxes))
            parts = changed
    return found


def frozen(periods: Sequence[Sequence[tuple[TaxKey, Part]]], tariff: Tariff) -> list[Adjustment]:
    """By OCPP, of the charges of each period in order of time: what comes after either bound of the maximum is reached."""
    limit = tariff.max_price
    if limit is None:
        return []
    kept, whole = added(()), added(part for period in periods for part in period)
    for period in periods:
        share = _until_reached(limit, _sum(kept.values()), _sum(part for _, part in period))
        kept = added([*kept.items(), *((key, Part(part.net * share, part.gross * share)) for key, part in period)])
        if share < 1:
            break
    return _adjustments(Dimension.MAX_PRICE, whole, kept, told(limit, tariff.currency))


def replaced(parts: Parts, tariff: Tariff) -> list[Adjustment]:
    """By OCPP, at the end of the session: the minimum instead of everything, where it is missed."""
    limit, total = tariff.min_price, _sum(parts.values())
    if limit is None or not (_is_below(total.net, limit.before_taxes) or _is_below(total.gross, limit.after_taxes)):
        return []
    key, factor = _tax_of(limit, parts, tariff)
    net = Fraction(limit.before_taxes) if limit.before_taxes is not None else Fraction(limit.after_taxes or 0) / factor
    gross = Fraction(limit.after_taxes) if limit.after_taxes is not None else net * factor
    return _adjustments(Dimension.MIN_PRICE, parts, {key: Part(net, gross)}, told(limit, tariff.currency))


def told(limit: PriceLimit, currency: Currency, *, after_taxes: bool | None = None) -> str:
    """In words: "0.50 EUR before taxes, 0.55 EUR after taxes"; of one of the bounds, where only that one is meant."""
    before = f"{plain(limit.before_taxes)} {currency} before taxes" if limit.before_taxes is not None else ""
    after = f"{plain(limit.after_taxes)} {currency} after taxes" if limit.after_taxes is not None else ""
    return ", ".join(filter(None, (before, after) if after_taxes is None else (after if after_taxes else before,)))


def _sum(parts: Iterable[Part]) -> Part:
    return sum(parts, NOTHING)


def _total(parts: Parts, after_taxes: bool) -> Fraction:
    total = _sum(parts.values())
    return total.gross if after_taxes else total.net


def _is_beyond(total: Fraction, bound: Fraction, dimension: Dimension) -> bool:
    return total < bound if dimension is Dimension.MIN_PRICE else total > bound


def _is_below(total: Fraction, bound: Decimal | None) -> bool:
    return bound is not None and total < Fraction(bound)


def _brought_to(parts: Parts, bound: Fraction, tariff: Tariff, limit_tax: LimitTax, *, after_taxes: bool) -> Parts:
    """The same parts with `bound` as their total: what is charged is scaled, and credits stay as they are.

    Nothing can be scaled to something: where nothing is charged, what is missing bears the tariff's one tax.
    """
    change = bound - _total(parts, after_taxes)
    if after_taxes and limit_tax is LimitTax.INDEPENDENT:
        without_rate = TaxKey()
        return {**parts, without_rate: parts.get(without_rate, NOTHING) + Part(Fraction(0), change)}
    charged = {key: part for key, part in parts.items() if part.net > 0}
    if charged:
        scale = 1 + change / _total(charged, after_taxes)
        return parts | {key: Part(part.net * scale, part.gross * scale) for key, part in charged.items()}
    key, factor = _one_tax(tariff)
    lacks = Part(change / factor, change) if after_taxes else Part(change, change * factor)
    return {**parts, key: parts.get(key, NOTHING) + lacks}


def _one_tax(tariff: Tariff) -> tuple[TaxKey, Fraction]:
    """That of all its prices; where they differ, that of the first."""
    first, *_ = _taxes(tariff)
    return tax_key(first), tax_factor(first)


def _tax_of(limit: PriceLimit, parts: Parts, tariff: Tariff) -> tuple[TaxKey, Fraction]:
    """What the minimum of OCPP is taxed with: by its own taxes, by what its two bounds say, or as the session was."""
    if limit.taxes:
        return tax_key(limit.taxes), tax_factor(limit.taxes)
    known = {key: tax_factor(taxes) for taxes in _taxes(tariff) for key in (tax_key(taxes),)}
    if limit.before_taxes and limit.after_taxes is not None:
        factor = Fraction(limit.after_taxes) / Fraction(limit.before_taxes)
        return next((key for key, one in known.items() if one == factor), TaxKey()), factor
    return next(((key, known[key]) for key in parts if key in known), _one_tax(tariff))


def _taxes(tariff: Tariff) -> list[tuple[Tax, ...]]:
    if tariff.basis is Basis.UNTAXED:
        return [()]
    return [taxes_of(component) for component in charging_components(tariff)]


def _until_reached(limit: PriceLimit, so_far: Part, comes: Part) -> Fraction:
    """Which share of what comes is charged until a bound is reached."""
    shares = [Fraction(1)]
    for bound, reached, more in ((limit.before_taxes, so_far.net, comes.net), (limit.after_taxes, so_far.gross, comes.gross)):
        if bound is not None and reached + more > Fraction(bound):
            shares.append(max((Fraction(bound) - reached) / more, Fraction(0)))
    return min(shares)


def _adjustments(dimension: Dimension, before: Parts, after: Parts, reason: str) -> list[Adjustment]:
    keys = [*before, *(key for key in after if key not in before)]
    changes = ((key, after.get(key, NOTHING) - before.get(key, NOTHING)) for key in keys)
    return [Adjustment(dimension, key, change, reason) for key, change in changes if change != NOTHING]
