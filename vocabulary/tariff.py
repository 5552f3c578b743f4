"""Tariffs as data: one shape for three dialects, exact, immutable; a version is its content.

    tariff    elements in order, limits, basis of its prices            OCPI Tariff, OCPP 2.1 TariffType
      element    components, and the restrictions that all must hold    OCPI TariffElement; one per price of OCPP
        component   what for, how much, per what, which taxes           OCPI PriceComponent, OCPP Tariff...PriceType

Elements are walked in order, separately for each dimension: the first one that has a component of the dimension and whose
restrictions all hold gives the price (OCPI mod_tariffs; OCPP 2.1 I12.FR.34). What was authored is kept as it was: a price
per minute stays one, a gross price stays gross. A missing VAT percentage means that no VAT applies, which differs from 0 %;
only in a net tariff of OCPI 2.3.0 it means that somebody else knows the taxes.
"""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from vocabulary.identity import SeriesId, TariffId
from vocabulary.money import Currency

VAT = "vat"


class Profile(StrEnum):
    """By whose rules a tariff prices: the same prices come to different amounts under each (`tariffs.policy`)."""

    OCPI_2_2_1 = "ocpi-2.2.1"
    OCPI_2_3_0 = "ocpi-2.3.0"
    OCPP_2_1 = "ocpp-2.1"


class Basis(StrEnum):
    """What the prices of a tariff contain (OCPI 2.3.0 TaxIncluded: NO, YES, N/A)."""

    NET = "net"
    GROSS = "gross"
    UNTAXED = "untaxed"  # no taxes apply at all


class Dimension(StrEnum):
    """What a price component charges for, with the unit of its price (OCPI TariffDimensionType).

    MIN_PRICE and MAX_PRICE are no prices: by them a rated line tells what a limit of the tariff adds or takes off. The last
    two are ours; OCPI has no price for either. What is fed back is measured below zero, so that its price is a credit.
    """

    FLAT = "FLAT"  # once per session, and once per reservation
    ENERGY = "ENERGY"  # per kWh
    TIME = "TIME"  # per hour of charging
    PARKING_TIME = "PARKING_TIME"  # per hour in which the vehicle asks for no power: idle time
    MIN_PRICE = "MIN_PRICE"
    MAX_PRICE = "MAX_PRICE"
    ENERGY_EXPORT = "ENERGY_EXPORT"  # per kWh that the vehicle feeds back: what the driver is paid
    SWAP = "SWAP"  # per set of batteries that is exchanged


PRICED_BY_OCPI = (Dimension.FLAT, Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME)
PRICED = (*PRICED_BY_OCPI, Dimension.ENERGY_EXPORT, Dimension.SWAP)


class Weekday(StrEnum):
    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class Tax(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """OCPP 2.1 TaxRateType. Taxes of one stack level add up; a level taxes what the levels below it came to (I12.FR.13)."""

    name: str
    percent: Decimal
    stack: int | None = None  # None: not said, which is 0


class SeriesPrice(Struct, frozen=True, kw_only=True):
    """A price that follows a published series (`vocabulary.price_series`), for energy alone, in either direction.

    At each moment it is `factor` x the value of the series + the component's own price, brought within the bounds. Below zero
    it is a credit, unless `least` says otherwise. All of it is per kWh, in the tariff's currency and on its basis.
    """

    id: SeriesId
    factor: Decimal = Decimal(1)
    least: Decimal | None = None
    most: Decimal | None = None


class PriceComponent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A price in its own unit: per kWh, per hour, or flat; never divided into smaller units.

    Taxed by `vat_percent` (OCPI) or by `taxes` (OCPP), never by both; by neither: no tax applies.
    """

    dimension: Dimension
    price: Decimal  # what it contains is the tariff's `basis`
    vat_percent: Decimal | None = None
    step_size: int = 0  # in Wh or seconds; the total is rounded up to whole steps; 0: billed exactly as measured
    taxes: tuple[Tax, ...] = ()
    per_minute: bool = False  # a price of time that was authored per minute (OCPP 2.1 priceMinute)
    series: SeriesPrice | None = None  # then `price` is what is added to it: margin, fees, levies


class Reservation(StrEnum):
    """OCPI ReservationRestrictionType: the element prices a reservation, and nothing else."""

    RESERVATION = "RESERVATION"
    RESERVATION_EXPIRES = "RESERVATION_EXPIRES"  # of one that nobody came to use; what it lacks, RESERVATION gives


class EvseKind(StrEnum):
    AC = "AC"
    DC = "DC"


class Restrictions(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Conditions that must all hold (AND), evaluated over time. Lower bounds are inclusive, upper bounds exclusive.

    Times of day, dates and weekdays are local to the site. `end_time` not after `start_time` wraps over midnight; 00:00 as
    end means the end of the day. Energy and durations count from the start of the session: `duration` is its age, `charging`
    and `idle` are how much of it was spent so. Current and power are those of the moment, current summed over the phases;
    where they were not measured, no restriction on them holds.
    """

    start_time: time | None = None
    end_time: time | None = None
    start_date: date | None = None
    end_date: date | None = None
    weekdays: tuple[Weekday, ...] = ()  # empty: every day
    min_energy_wh: Decimal | None = None
    max_energy_wh: Decimal | None = None
    min_duration_s: int | None = None
    max_duration_s: int | None = None
    min_charging_s: int | None = None
    max_charging_s: int | None = None
    min_idle_s: int | None = None
    max_idle_s: int | None = None
    min_power_w: Decimal | None = None
    max_power_w: Decimal | None = None
    min_current_a: Decimal | None = None
    max_current_a: Decimal | None = None
    reservation: Reservation | None = None
    evse_kind: EvseKind | None = None
    payment_brand: str | None = None  # of the card that pays, as the terminal tells it (OCPP 2.1)
    payment_recognition: str | None = None  # how the payer was recognised: "CC", "Debit"


class TariffElement(Struct, frozen=True, kw_only=True):
    components: tuple[PriceComponent, ...]
    restrictions: Restrictions = Restrictions()


class DisplayText(Struct, frozen=True, omit_defaults=True):
    language: str  # ISO 639-1, or a longer tag
    text: str
    format: str = ""  # OCPP MessageFormatEnumType, where the text came from there


class PriceLimit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a session costs at least or at most, before taxes, after them, or both; at least one of them.

    OCPI 2.3.0 PriceLimit; in 2.2.1 a Price; in OCPP 2.1 a PriceType, which may say its `taxes`.
    """

    before_taxes: Decimal | None = None
    after_taxes: Decimal | None = None
    taxes: tuple[Tax, ...] = ()


class EnergyShare(Struct, frozen=True, kw_only=True):
    """A source of energy, or an impact of its production, with how much of it (OCPI EnergySource, EnvironmentalImpact)."""

    name: str
    amount: Decimal  # per cent of the energy, or g/kWh


class EnergyMix(Struct, frozen=True, kw_only=True, omit_defaults=True):
    is_green_energy: bool
    sources: tuple[EnergyShare, ...] = ()
    impacts: tuple[EnergyShare, ...] = ()
    supplier_name: str | None = None
    product_name: str | None = None


class Tariff(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a tariff. Its identity is its content: see `vocabulary.codec.version_hash`."""

    id: TariffId
    currency: Currency
    elements: tuple[TariffElement, ...]
    names: tuple[DisplayText, ...] = ()
    profile: Profile = Profile.OCPI_2_2_1  # the dialect that it was authored in
    basis: Basis = Basis.NET
    min_price: PriceLimit | None = None
    max_price: PriceLimit | None = None
    audience: str = ""  # OCPI TariffType; empty: for every session
    alt_url: str = ""
    energy_mix: EnergyMix | None = None


class TariffPublished(Struct, frozen=True, kw_only=True, tag="tariff.published"):
    """From `valid_from` on this version is in force, until a later one of the same id, or until `valid_until` (exclusive)."""

    tariff: Tariff
    valid_from: datetime
    valid_until: datetime | UnsetType = UNSET


def series_in(tariff: Tariff) -> tuple[SeriesId, ...]:
    """The price series that a tariff refers to, each once."""
    components = (component for element in tariff.elements for component in element.components)
    return tuple(dict.fromkeys(component.series.id for component in components if component.series is not None))


def export_components(tariff: Tariff) -> list[PriceComponent]:
    """The prices of energy that is fed back."""
    every = (component for element in tariff.elements for component in element.components)
    return [component for component in every if component.dimension is Dimension.ENERGY_EXPORT]


def charging_components(tariff: Tariff) -> list[PriceComponent]:
    """The prices of what is charged: all but those of energy that is fed back, where there are others."""
    every = [component for element in tariff.elements for component in element.components]
    return [component for component in every if component.dimension is not Dimension.ENERGY_EXPORT] or every


def costs(component: PriceComponent) -> bool:
    """Whether a price can be another than nothing."""
    return bool(component.price) or component.series is not None


def taxes_of(component: PriceComponent) -> tuple[Tax, ...]:
    """The taxes on a price, whichever way they were said; empty: none applies."""
    if component.vat_percent is None:
        return component.taxes
    assert not component.taxes, "a price has either a VAT percentage or a list of taxes"
    return (Tax(name=VAT, percent=component.vat_percent),)
