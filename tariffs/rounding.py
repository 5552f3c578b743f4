"""The one rounding of a price: whole minor units, which become owed. Nothing else is rounded (step sizes: `tariffs.charges`).

Owed: what stands under one tax is added up exactly, with the tax, and rounded once to what the driver sees (half up). The
net amount is rounded in its own right, and the tax is what lies between:

    exact net 5.625, VAT 10 %     gross 6.1875 -> 6.19      net 5.63      VAT 0.56

That is the house's policy; `tariffs.policy` names the others.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction

from tariffs.compiled import TaxKey
from tariffs.limits import NOTHING, Part, Parts
from tariffs.policy import Halves, Policy, Rounded
from vocabulary.money import Currency, minor_exponent, round_half_even, round_half_up
from vocabulary.rated import Owed, TaxAmount, tax_factor
from vocabulary.tariff import VAT, Dimension, Tax

Price = tuple[Dimension, int]  # a tariff's price: what for, and in which element (from 1)
Amounts = Callable[[], Iterable[tuple[TaxKey, Part]]]  # of each line


def owed(parts: Parts, amounts: Amounts, currency: Currency, policy: Policy, *, is_limited: bool = False) -> tuple[Owed, ...]:
    """What lines come to in whole minor units, by tax: VAT rates rising, several taxes, and where none applies last.

    Where a limit changed the total, the gross amounts of the house's policy add up to the rounded total: two halves of a
    cent would take it past what the tariff promises.
    """
    shared = _shared(parts, currency, policy) if is_limited else {}
    per_line = [*amounts()] if policy.rounded is Rounded.GROSS_PER_LINE else []
    found = []
    for key in sorted(parts, key=_place):
        match policy.rounded:
            case Rounded.GROSS_PER_TAX:
                net = _round(parts[key].net, currency, policy)
                gross = shared[key] if key in shared else _round(parts[key].gross, currency, policy)
            case Rounded.NET_PER_TAX:
                net = _round(parts[key].net, currency, policy)
                gross = net + _round(_tax_on(net, key, parts[key]), currency, policy)
            case Rounded.GROSS_PER_LINE:
                lines = [part for one, part in per_line if one == key]
                net = sum((_round(part.net, currency, policy) for part in lines), Decimal(0))
                gross = sum((_round(part.gross, currency, policy) for part in lines), Decimal(0))
        taxes = _shares(key.taxes, gross - net, parts.get(key, NOTHING).net, currency) if key.taxes else ()
        found.append(Owed(vat_percent=key.vat_percent, net=net, vat=gross - net, gross=gross, taxes=taxes))
    return tuple(found)


def tidy(quantity: Decimal) -> Decimal:
    """The same number in its one form, without trailing zeros: 5000, not 5E+3; 0.5, not 0.500."""
    return quantity.quantize(Decimal(1)) if quantity == quantity.to_integral_value() else quantity.normalize()


def _place(key: TaxKey) -> tuple[bool, bool, Decimal]:
    return (key.vat_percent is None, not key.taxes, key.vat_percent or Decimal(0))


def _round(amount: Fraction, currency: Currency, policy: Policy) -> Decimal:
    rounded = round_half_up if policy.halves is Halves.UP else round_half_even
    return rounded(amount, minor_exponent(currency))


def _tax_on(net: Decimal, key: TaxKey, part: Part) -> Fraction:
    """The exact tax, and by the key's rate what rounding the net amount changes of it."""
    return part.gross - part.net + (Fraction(net) - part.net) * (tax_factor(_taxes(key)) - 1)


def _taxes(key: TaxKey) -> tuple[Tax, ...]:
    return key.taxes if key.vat_percent is None else (Tax(name=VAT, percent=key.vat_percent),)


def _shared(parts: Parts, currency: Currency, policy: Policy) -> dict[TaxKey, Decimal]:
    """The rounded total in whole minor units, split by what the parts are exactly: what is left goes where most was cut off."""
    places = minor_exponent(currency)
    whole = int(_round(sum((part.gross for part in parts.values()), Fraction(0)), currency, policy).scaleb(places))
    units = {key: part.gross * 10**places for key, part in parts.items()}
    floors = {key: unit // 1 for key, unit in units.items()}
    for key in sorted(parts, key=lambda key: floors[key] - units[key])[: whole - sum(floors.values())]:
        floors[key] += 1
    return {key: round_half_up(Fraction(floor, 10**places), places) for key, floor in floors.items()}


def _shares(taxes: tuple[Tax, ...], whole: Decimal, net: Fraction, currency: Currency) -> tuple[TaxAmount, ...]:
    """The rounded tax split into its taxes, in whole minor units: what is left over goes where most was cut off."""
    unit = Fraction(1, 10 ** minor_exponent(currency))
    exact = [_alone(tax, taxes, net) for tax in taxes]
    floors = [amount // unit for amount in exact]
    left = int(Fraction(whole) / unit) - sum(floors)
    order = sorted(range(len(taxes)), key=lambda place: exact[place] / unit - floors[place], reverse=True)
    for place in order[: max(left, 0)]:
        floors[place] += 1
    floors[order[-1]] += min(left, 0) + max(left - len(order), 0)
    amounts = [round_half_up(floor * unit, minor_exponent(currency)) for floor in floors]
    return tuple(TaxAmount(tax=tax, amount=amount) for tax, amount in zip(taxes, amounts, strict=True))


def _alone(tax: Tax, taxes: tuple[Tax, ...], net: Fraction) -> Fraction:
    """What one of several taxes comes to: on the net amount and on what the levels below it add."""
    below = tuple(other for other in taxes if (other.stack or 0) < (tax.stack or 0))
    return net * tax_factor(below) * Fraction(tax.percent) / 100
