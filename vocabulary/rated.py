"""What a session costs: the lines of a rating, what they come to, and what is owed of it.

quantity x unit price     -> net of a line, exact
lines                     -> + limits of the tariff -> before and after taxes, exact
by tax                    -> whole minor units: `Owed`
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from vocabulary.identity import VersionHash
from vocabulary.money import Currency
from vocabulary.tariff import VAT, Basis, Dimension, Tax


class RatedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one price of the tariff charges for a session, or what a limit of the tariff adds to a tax's part or takes off.

    `quantity` is measured, `billed` what step sizes made of it: Wh for ENERGY and, below zero, for ENERGY_EXPORT, whole
    seconds for TIME and PARKING_TIME, sets of batteries for SWAP, 1 for FLAT and limits. `unit_price` is as authored
    (`basis`): per kWh, per hour or minute, or flat. `since` and `until` bound the stretches in which it applied. Taxed by
    `vat_percent`, or by `taxes` where there are several.
    """

    dimension: Dimension
    element: int  # of the tariff, counted from 1; 0: a limit, which no element gives
    quantity: Decimal
    billed: Decimal
    unit_price: Decimal
    vat_percent: Decimal | None = None
    since: datetime
    until: datetime
    reason: str
    taxes: tuple[Tax, ...] = ()
    basis: Basis = Basis.NET
    per_minute: bool = False
    reserved: bool = False  # a price of the reservation, not of the session
    tariff_version: VersionHash | None = None  # where more than one tariff was in force
    breaks: bool = False  # it did not apply all the time from `since` to `until`
    limit: "LimitPart | None" = None


class LimitPart(Struct, frozen=True, kw_only=True):
    """What a limit changes of what bears one tax, exactly: fractions of a currency unit as texts, "-3/13"."""

    net: str
    tax: str


_UNITS_PER_PRICE = {Dimension.FLAT: 1, Dimension.ENERGY: 1000, Dimension.TIME: 3600, Dimension.PARKING_TIME: 3600}
_UNITS_PER_PRICE |= {Dimension.ENERGY_EXPORT: 1000, Dimension.SWAP: 1}


def exact_amount(line: RatedLine) -> Fraction:
    """Billed quantity times unit price, in currency units: net or gross, as the prices of the tariff are."""
    return Fraction(line.billed) * Fraction(line.unit_price) / (60 if line.per_minute else _UNITS_PER_PRICE[line.dimension])


def exact_net(line: RatedLine) -> Fraction:
    """The net amount of a line, without any rounding, in currency units."""
    if line.limit is not None:
        return Fraction(line.limit.net)
    amount = exact_amount(line)
    return amount / tax_factor(taxes_of_line(line)) if line.basis is Basis.GROSS else amount


def exact_vat(line: RatedLine) -> Fraction:
    """The taxes on a line, without any rounding; 0 where none applies."""
    if line.limit is not None:
        return Fraction(line.limit.tax)
    return exact_net(line) * (tax_factor(taxes_of_line(line)) - 1)


def taxes_of_line(line: RatedLine) -> tuple[Tax, ...]:
    return line.taxes if line.vat_percent is None else (Tax(name=VAT, percent=line.vat_percent),)


def tax_factor(taxes: tuple[Tax, ...]) -> Fraction:
    """What a net amount is multiplied by: the rates of a stack level add up, the levels compound (OCPP 2.1 I12.FR.13)."""
    factor = Fraction(1)
    for stack in {tax.stack or 0 for tax in taxes}:
        factor *= 1 + sum((Fraction(tax.percent) for tax in taxes if (tax.stack or 0) == stack), Fraction(0)) / 100
    return factor


class TaxAmount(Struct, frozen=True, kw_only=True):
    """OCPI 2.3.0 TaxAmount: one tax of several on the same net amount."""

    tax: Tax
    amount: Decimal


class Owed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a session owes under one tax, in whole minor units: net + vat = gross, and gross is what was displayed."""

    vat_percent: Decimal | None = None  # None: no VAT applies
    net: Decimal
    vat: Decimal
    gross: Decimal
    taxes: tuple[TaxAmount, ...] = ()  # which add up to `vat`, where they are several


HOUSE_ROUNDING: Final = "half-up per session and VAT rate, on gross"


class RatingNote(StrEnum):
    """What a rating could not know; each has a paragraph in docs/errors.md. With any of them the amount is not to be billed."""

    POWER_NOT_MEASURED = "price_depends_on_power_that_was_not_measured"
    PAYMENT_UNKNOWN = "price_depends_on_a_payment_that_is_not_known"
    RESERVATION_UNTIMED = "reservation_has_a_price_and_its_beginning_is_not_known"
    TAX_UNKNOWN = "taxes_are_not_known"
    PRICE_NOT_PUBLISHED = "price_of_the_series_is_not_published"
    EXPORT_UNKNOWN = "what_was_fed_back_is_not_known"


class Rated(Struct, frozen=True, kw_only=True):
    """The result of `tariffs.rate`: the lines, and what they come to.

    `semantics` names the profile by which the tariff was read, `rounding` the policy that made minor units of it.
    """

    currency: Currency
    lines: tuple[RatedLine, ...]
    owed: tuple[Owed, ...]
    total: Decimal  # gross: the sum of the gross amounts in `owed`
    semantics: str = "ocpi-2.2.1"
    rounding: str = HOUSE_ROUNDING
    notes: tuple[RatingNote, ...] | UnsetType = UNSET  # in order; not set where there is none
