"""A price in another unit or on another basis: exactly where that has a finite decimal, else the nearest one.

per minute -> per hour    times 60, always exact
per hour -> per minute    2.40 is 0.04; 2.00 has no finite decimal
gross -> net              1.19 with 19 % is 1; 2.10 with 5 % is 2; 1.00 with 19 % has no finite decimal
"""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tariffs.rounding import tidy
from vocabulary.money import round_half_up
from vocabulary.rated import tax_factor
from vocabulary.tariff import Basis, PriceComponent, Tariff, taxes_of

PLACES = 9  # as many as a price may have that is read (`tariffs.tariff_fields`)


class Converted(NamedTuple):
    number: Decimal
    is_exact: bool


def converted(number: Decimal, by: Fraction) -> Converted:
    """The number times this; with the digits that it came with where nothing is to be done."""
    if by == 1:
        return Converted(number, True)
    wanted = Fraction(number) * by
    nearest = round_half_up(wanted, PLACES)
    return Converted(tidy(nearest), Fraction(nearest) == wanted)


def net_factor(tariff: Tariff, component: PriceComponent) -> Fraction:
    """By what a price is multiplied to be net; 1 where its taxes are not known."""
    return 1 / tax_factor(taxes_of(component)) if tariff.basis is Basis.GROSS else Fraction(1)


def per_hour(component: PriceComponent) -> Fraction:
    return Fraction(60 if component.per_minute else 1)
