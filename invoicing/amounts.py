"""What documents do with amounts: share one out so that the parts add up, and take the VAT out of a gross amount.

Nothing is priced here. What a session owes was rounded when it was rated; an invoice line is a share of that, so that a
reader who adds up a column arrives at the figure below it.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from vocabulary.billing import VatTotal
from vocabulary.money import Currency, minor_exponent, round_to_minor
from vocabulary.rated import Rated, exact_net, exact_vat


class Charge(NamedTuple):
    """What a rated line charges, in whole minor units."""

    net: Decimal
    gross: Decimal


def charges(rated: Rated) -> tuple[Charge, ...]:
    """The charge of each line, in their order: together they are what the session owes, at each VAT rate.

    Net follows gross: the line that got a cent more of the gross amount is also the one to get more of the net amount. Not so
    where a limit is among them, which may take all of the gross amount off again.
    """
    nothing = Decimal(0).scaleb(-minor_exponent(rated.currency))
    found = dict.fromkeys(range(len(rated.lines)), Charge(nothing, nothing))
    for owed in rated.owed:
        places = [i for i, line in enumerate(rated.lines) if line.vat_percent == owed.vat_percent]
        lines = [rated.lines[i] for i in places]
        gross = apportion(owed.gross, [exact_net(line) + exact_vat(line) for line in lines], rated.currency)
        is_limited = any(line.limit is not None for line in lines)
        followed = [exact_net(line) for line in lines] if is_limited else [Fraction(amount) for amount in gross]
        net = apportion(owed.net, followed, rated.currency)
        found |= dict(zip(places, map(Charge, net, gross), strict=True))
    return tuple(found.values())


def apportion(total: Decimal, weights: Sequence[Fraction], currency: Currency) -> tuple[Decimal, ...]:
    """Parts of `total` in proportion to `weights`, in whole minor units, that add up to it exactly.

    By largest remainder: each part is rounded down, and the units left over go one by one to the parts that lost most,
    the earlier one first where they lost the same. No part is a whole unit away from its exact share.

    Weights below 0 are amounts taken off, in units of the currency as `total` is: what `total` is more or less than they come
    to is then spread over all by their size. Of weights that are not below 0, that is their proportion.
    """
    places = minor_exponent(currency)
    units = int(total.scaleb(places))
    exact = [weight * 10**places for weight in weights]
    size, more = sum(map(abs, exact), Fraction(0)), units - sum(exact, Fraction(0))
    assert Decimal(units).scaleb(-places) == total, "only an amount in whole minor units can be shared out"
    assert size or not units, "an amount is owed for lines that cost nothing"
    shares = [part + more * abs(part) / size if size else Fraction(0) for part in exact]
    parts = [share.numerator // share.denominator for share in shares]
    by_loss = sorted(range(len(parts)), key=lambda i: parts[i] - shares[i])
    for i in by_loss[: units - sum(parts)]:
        parts[i] += 1
    return tuple(Decimal(part).scaleb(-places) for part in parts)


def vat_total(country: str, vat_percent: Decimal | None, gross: Decimal, currency: Currency) -> VatTotal:
    """The breakdown of a gross amount at one rate of a country: net = gross / (1 + rate), rounded half up; VAT is the rest."""
    net = round_to_minor(Fraction(gross) / (1 + Fraction(vat_percent or 0) / 100), currency)
    return VatTotal(country=country, vat_percent=vat_percent, net=net, vat=gross - net, gross=gross)
