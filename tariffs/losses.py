"""What an export to another format loses, told before anything leaves.

A loss is a fact about a tariff and a format: what the format cannot say, where it stands, whether the document prices another
way for it, and what stands in its place. A tariff that loses nothing comes back from its own format as it was.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from vocabulary.tariff import Basis, Dimension, PriceComponent, Profile, Tariff, TariffElement, taxes_of


class LossReason(StrEnum):
    """Each has a paragraph in docs/errors.md. Those of the price stand first."""

    PRICE_SERIES = "price_series_not_expressible"
    EXPORT_PRICE = "export_price_not_expressible"
    SWAP_PRICE = "swap_price_not_expressible"
    GROSS_PRICES = "gross_prices_not_expressible"
    UNKNOWN_TAXES = "unknown_taxes_not_expressible"
    DIFFERENT_TAXES = "different_taxes_in_one_dimension_not_expressible"
    STEP_SIZE = "step_size_not_expressible"
    PER_MINUTE_NOT_EXACT = "price_per_minute_not_exact"
    IDLE_GRACE = "idle_grace_not_expressible"
    CHARGING_DURATION = "charging_duration_not_expressible"
    EVSE_KIND = "evse_kind_not_expressible"
    PAYMENT_CONDITION = "payment_condition_not_expressible"
    FLAT_CONDITION = "flat_condition_not_expressible"
    EXPIRED_RESERVATION = "expired_reservation_not_expressible"
    LIMIT_AFTER_TAXES = "limit_after_taxes_alone_not_expressible"
    LIMIT_TAXES = "taxes_of_a_limit_not_expressible"
    PRICED_DIFFERENTLY = "priced_differently_by_ocpp_station"
    END_OF_VALIDITY = "end_of_validity_not_expressible"
    ID_TOO_LONG = "tariff_id_too_long"
    STACKED_TAXES = "stacked_taxes_not_expressible"
    TAX_NAME = "tax_name_not_expressible"
    NO_TAX_AS_ZERO = "no_tax_told_as_zero_percent"
    AUDIENCE = "audience_not_expressible"
    ALT_URL = "alt_url_not_expressible"
    ENERGY_MIX = "energy_mix_not_expressible"
    TEXT_SHORTENED = "text_shortened"
    TEXT_LANGUAGE = "text_language_shortened"
    TEXT_LEFT_OUT = "text_left_out"


class Loss(Struct, frozen=True, kw_only=True):
    reason: LossReason
    changes_price: bool
    where: str  # "element 2, TIME"; elements count from 1
    instead: str = ""  # what the document says in its place

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" + (f" ({self.instead})" if self.instead else "")


class Exported(Struct, frozen=True, kw_only=True):
    document: dict[str, Any]  # numbers are Decimals: the encoder must keep their digits
    losses: tuple[Loss, ...]  # in the order of the reasons, then of the document

    @property
    def changes_price(self) -> bool:
        return any(loss.changes_price for loss in self.losses)


class ExportRefused(Exception):
    """The document would price another way than the tariff; `losses` are all that it would lose."""

    def __init__(self, losses: Sequence[Loss]) -> None:
        super().__init__("\n".join(map(str, losses)))
        self.losses = tuple(losses)


class Spot(Struct, frozen=True):
    """A price in its place."""

    number: int  # of its element, from 1
    element: TariffElement
    component: PriceComponent

    def __str__(self) -> str:
        return f"element {self.number}, {self.component.dimension}"


def spots(tariff: Tariff) -> Iterator[Spot]:
    for number, element in enumerate(tariff.elements, start=1):
        yield from (Spot(number, element, component) for component in element.components)


def of_a_series(component: PriceComponent, where: str) -> Iterator[Loss]:
    """A price that follows a published series: no format has a field for it, and what is added to it is not the price."""
    if component.series is not None:
        instead = f"{component.price} per kWh, without {component.series.id}"
        yield Loss(reason=LossReason.PRICE_SERIES, changes_price=True, where=where, instead=instead)


_OURS = {Dimension.ENERGY_EXPORT: LossReason.EXPORT_PRICE, Dimension.SWAP: LossReason.SWAP_PRICE}


def is_ours(component: PriceComponent) -> bool:
    """Whether a price is for what no format has a price for: it is left out of every document."""
    return component.dimension in _OURS


def of_ours(component: PriceComponent, where: str) -> Loss:
    free = "nothing is paid for what is fed back" if component.dimension is Dimension.ENERGY_EXPORT else "a swap is free"
    return Loss(reason=_OURS[component.dimension], changes_price=bool(component.price), where=where, instead=free)


def has_unknown_taxes(tariff: Tariff, component: PriceComponent) -> bool:
    """No tax is said, and it does not mean that none applies: net prices of OCPI 2.3.0, and gross ones."""
    says_nothing = not taxes_of(component)
    return says_nothing and (
        tariff.basis is Basis.GROSS or (tariff.basis is Basis.NET and tariff.profile is Profile.OCPI_2_3_0)
    )


def in_order(losses: Iterator[Loss]) -> tuple[Loss, ...]:
    ranks = {reason: rank for rank, reason in enumerate(LossReason)}
    return tuple(sorted(dict.fromkeys(losses), key=lambda loss: ranks[loss.reason]))


def is_ocpp(profile: Profile) -> bool:
    return profile is Profile.OCPP_2_1


PER_TIME = (Dimension.TIME, Dimension.PARKING_TIME)
