"""Tariffs as data: OCPI-shaped, exact, immutable; a version is its content.

Elements are walked in order, separately for each dimension: the first one that has a component of the dimension and whose
restrictions all hold gives the price (OCPI 2.2.1 mod_tariffs). Prices are net, as in OCPI 2.2.1. A missing VAT percentage
means that no VAT applies, which differs from 0 %.
"""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from vocabulary.identity import TariffId
from vocabulary.money import Currency


class Dimension(StrEnum):
    """What a price component charges for, with the unit of its price (OCPI TariffDimensionType)."""

    FLAT = "FLAT"  # once per session
    ENERGY = "ENERGY"  # per kWh
    TIME = "TIME"  # per hour of charging
    PARKING_TIME = "PARKING_TIME"  # per hour in which the vehicle asks for no power: idle time


class Weekday(StrEnum):
    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class PriceComponent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A price in its own unit: per kWh, per hour, or flat; never divided into smaller units."""

    dimension: Dimension
    price: Decimal  # net
    vat_percent: Decimal | None = None
    step_size: int = 0  # in Wh or seconds; the total is rounded up to whole steps; 0: billed exactly as measured


class Restrictions(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Conditions that must all hold (AND), evaluated over time. Lower bounds are inclusive, upper bounds exclusive.

    Times of day, dates and weekdays are local to the site. `end_time` not after `start_time` wraps over midnight; 00:00 as
    end means the end of the day. Durations count from the start of the session.
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


class TariffElement(Struct, frozen=True, kw_only=True):
    components: tuple[PriceComponent, ...]
    restrictions: Restrictions = Restrictions()


class DisplayText(Struct, frozen=True):
    language: str  # ISO 639-1
    text: str


class Tariff(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a tariff. Its identity is its content: see `vocabulary.codec.version_hash`."""

    id: TariffId
    currency: Currency
    elements: tuple[TariffElement, ...]
    names: tuple[DisplayText, ...] = ()


class TariffPublished(Struct, frozen=True, kw_only=True, tag="tariff.published"):
    """From `valid_from` on this version is in force, until a later one of the same id."""

    tariff: Tariff
    valid_from: datetime
