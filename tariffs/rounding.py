"""The two roundings of a price: step sizes, and the whole minor units that become owed. Nothing else is rounded.

Step sizes (OCPI 2.2.1 mod_tariffs, step_size) apply once per session to the total of a unit, energy or time, never where
prices change. The total is rounded up to the next multiple of the last step size, and what that adds is billed at that
last price. 28 minutes, 6 of them before a price change and 22 after it, with steps of 10 minutes are 30 minutes, 24 of them
at the later price:

    >>> surplus(Decimal(6 * 60 + 22 * 60), step_size=600)
    Decimal('120')

An exact multiple stays. A step size of 0 does not round; one of 1 rounds to whole Wh (seconds are whole):

    >>> surplus(Decimal("1800"), 600), surplus(Decimal("115.2"), 0), surplus(Decimal("115.2"), 1)
    (Decimal('0'), Decimal('0'), Decimal('0.8'))

TIME and PARKING_TIME count together: where both are billed, only the parking time is rounded. Time that has no price is
neither rounded nor counted.

Owed: the lines of one VAT rate are added up exactly, with VAT, and rounded once to what the driver sees (half up). The
net amount is rounded in its own right, and the VAT is what lies between:

    exact net 5.625, VAT 10 %     gross 6.1875 -> 6.19      net 5.63      VAT 0.56
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct

from vocabulary.money import Currency, round_to_minor
from vocabulary.rated import Owed, RatedLine, exact_net
from vocabulary.tariff import Dimension, PriceComponent

Price = tuple[Dimension, int]  # a tariff's price: what for, and in which element (from 1)


class Charge(Struct, frozen=True):
    """What one price charges for one period: `quantity` in Wh or whole seconds, 1 for FLAT."""

    price: Price
    component: PriceComponent
    quantity: Decimal
    since: datetime
    until: datetime


def surplus(total: Decimal, step_size: int) -> Decimal:
    """How much is missing to the next multiple of the step size."""
    over = total % step_size if step_size else Decimal(0)
    return step_size - over if over else Decimal(0)


def surpluses(charges: Sequence[Charge]) -> dict[Price, Decimal]:
    """What step sizes add to a session, by the price that takes it. The charges are in order of time."""
    energy, time, parking = (
        [charge for charge in charges if charge.price[0] is dimension and charge.quantity]
        for dimension in (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME)
    )
    return dict(_surplus_of(unit) for unit in (energy, parking or time) if unit)


def _surplus_of(unit: Sequence[Charge]) -> tuple[Price, Decimal]:
    total = sum((charge.quantity for charge in unit), Decimal(0))
    return unit[-1].price, surplus(total, unit[-1].component.step_size)


def owed(lines: Iterable[RatedLine], currency: Currency) -> Iterator[Owed]:
    """What lines come to in whole minor units, by VAT rate in rising order; where no VAT applies comes last."""
    nets: dict[Decimal | None, Fraction] = {}
    for line in lines:
        nets[line.vat_percent] = nets.get(line.vat_percent, Fraction(0)) + exact_net(line)
    for vat_percent, exact in sorted(nets.items(), key=lambda item: (item[0] is None, item[0] or 0)):
        net = round_to_minor(exact, currency)
        gross = round_to_minor(exact * (100 + Fraction(vat_percent or 0)) / 100, currency)
        yield Owed(vat_percent=vat_percent, net=net, vat=gross - net, gross=gross)


def tidy(quantity: Decimal) -> Decimal:
    """The same number in its one form, without trailing zeros: 5000, not 5E+3; 0.5, not 0.500."""
    return quantity.quantize(Decimal(1)) if quantity == quantity.to_integral_value() else quantity.normalize()
