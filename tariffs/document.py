"""Tariffs as people write them, in YAML or JSON: the shape of an OCPI Tariff, and nothing that would be ignored.

    id: ac-day-night
    currency: EUR
    valid_from: 2026-01-01T00:00:00+01:00
    names: [{language: en, text: Day and night}]
    elements:
      - price_components: [{type: ENERGY, price: 0.3529, vat: 19}]          # net; per kWh, per hour or flat
        restrictions: {start_time: "22:00", end_time: "06:00"}
      - price_components: [{type: ENERGY, price: 0.4538, vat: 19}, {type: PARKING_TIME, price: 6.00, vat: 19, step_size: 60}]

It is the superset of three dialects. A document is OCPI 2.2.1 and its prices are net, unless it says `tax_included`, which is
OCPI 2.3.0's, or a `profile`. What OCPI lacks and OCPP 2.1 has is written here too: `per_minute` and `taxes` of a price, what
depends on charging and idle durations, the kind of EVSE, and the payment. So every tariff can be written (`tariffs.authored`).

A price of energy may follow a series that is published elsewhere (`series`), and is then what is added to it.

An unknown field is refused: passing over it would change the price. What OCPI says about the tariff's owner is put aside.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from msgspec import UNSET
from pydantic import AfterValidator, AliasChoices, Field, ValidationError, model_validator

from tariffs.energy_mix import Mix, mix_of
from tariffs.rounding import tidy
from tariffs.tariff_fields import (
    Day,
    Exact,
    Factor,
    Instant,
    Part,
    Percent,
    Price,
    Signed,
    TariffRefused,
    TimeOfDay,
    Truth,
    Whole,
    above,
    complaints,
    not_taken,
    some,
    tidied,
)
from vocabulary.identity import SeriesId, TariffId
from vocabulary.money import Currency
from vocabulary.price_series import SERIES_ID
from vocabulary.tariff import (
    Basis,
    Dimension,
    DisplayText,
    EvseKind,
    PriceComponent,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    SeriesPrice,
    Tariff,
    TariffElement,
    TariffPublished,
    Tax,
    Weekday,
)

Booking = Annotated[
    None,
    not_taken("bookings are not priced here; write what a reservation costs with `reservation`, or take this out"),
]
Blocked = Annotated[
    None,
    not_taken("is no price, and nothing here blocks money on a card; remove it, and set it where cards are taken"),
]
_BASES = {"NO": Basis.NET, "YES": Basis.GROSS, "N/A": Basis.UNTAXED}
_PER_TIME = (Dimension.TIME, Dimension.PARKING_TIME)
_RESERVED = (Dimension.FLAT, Dimension.TIME)
_ID_MAX_OCPI, _TEXT_MAX_OCPI = 36, 512


def read_document(raw: object) -> "TariffDocument":
    """The document that these plain dictionaries and lists are. Raises TariffRefused with all that is wrong."""
    try:
        return TariffDocument.model_validate(raw)
    except ValidationError as error:
        raise TariffRefused(complaints(error)) from None


class Text(Part):
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
    text: Annotated[str, Field(min_length=1, max_length=1024)]
    format: Literal["ASCII", "HTML", "URI", "UTF8", "QRCODE"] | None = None


class TaxRate(Part):
    name: Annotated[str, Field(min_length=1, max_length=20)]
    percent: Percent
    stack: Whole | None = None


Taxes = Annotated[tuple[TaxRate, ...], Field(min_length=1, max_length=5)]


class Series(Part):
    """A published price series that the price follows; the component's `price` is added to it."""

    id: Annotated[str, Field(pattern=f"^{SERIES_ID}$")]
    factor: Factor = Decimal(1)
    least: Signed | None = None
    most: Signed | None = None

    @model_validator(mode="after")
    def _has_bounds_in_order(self) -> Self:
        if self.least is not None and self.most is not None and self.most < self.least:
            raise ValueError(f"most {self.most} is below least {self.least}; exchange them")
        return self


class Component(Part):
    type: Literal["FLAT", "ENERGY", "TIME", "PARKING_TIME", "ENERGY_EXPORT", "SWAP"]  # the last two are ours
    price: Price
    per_minute: Truth = False
    vat: Percent | None = None
    taxes: Taxes | None = None
    step_size: Whole = 0  # left out: billed exactly as measured
    series: Series | None = None

    @model_validator(mode="after")
    def _in_one_way(self) -> Self:
        if self.vat is not None and self.taxes is not None:
            raise ValueError("has vat and taxes; write one of them: vat for one percentage, taxes for several or with names")
        if self.series is not None and self.type not in ("ENERGY", "ENERGY_EXPORT"):
            raise ValueError(f"{self.type} follows no series, whose values are per kWh; remove series, or write ENERGY")
        if self.step_size and self.type in ("ENERGY_EXPORT", "SWAP"):
            raise ValueError(f"{self.type} has no steps, and is counted exactly as measured; remove step_size")
        if self.per_minute and self.type not in _PER_TIME:
            raise ValueError(f"{self.type} has no price per minute; remove per_minute, or write TIME or PARKING_TIME")
        return self


class Limit(Part):
    """OCPI 2.2.1 Price, 2.3.0 PriceLimit, and OCPP's taxes of one."""

    excl_vat: Exact | None = None
    incl_vat: Exact | None = None
    before_taxes: Exact | None = None
    after_taxes: Exact | None = None
    taxes: Taxes | None = None

    @model_validator(mode="after")
    def _in_one_dialect(self) -> Self:
        if self.is_2_3_0 and (self.excl_vat, self.incl_vat) != (None, None):
            raise ValueError("mixes two dialects; write excl_vat and incl_vat, or before_taxes and after_taxes")
        if (self.before, self.after) == (None, None):
            raise ValueError("has no amount; write excl_vat or incl_vat (in OCPI 2.3.0 before_taxes or after_taxes)")
        return self

    @property
    def is_2_3_0(self) -> bool:
        return (self.before_taxes, self.after_taxes) != (None, None)

    @property
    def before(self) -> Decimal | None:
        return self.before_taxes if self.is_2_3_0 else self.excl_vat

    @property
    def after(self) -> Decimal | None:
        return self.after_taxes if self.is_2_3_0 else self.incl_vat


class Limits(Part):
    """OCPI TariffRestrictions, and below what only OCPP has."""

    start_time: TimeOfDay | None = None
    end_time: TimeOfDay | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    day_of_week: tuple[Weekday, ...] | None = None
    min_kwh: Exact | None = None
    max_kwh: Exact | None = None
    min_current: Exact | None = None
    max_current: Exact | None = None
    min_power: Exact | None = None
    max_power: Exact | None = None
    min_duration: Whole | None = None
    max_duration: Whole | None = None
    reservation: Reservation | None = None
    booking: Booking = None
    min_charging_duration: Whole | None = None
    max_charging_duration: Whole | None = None
    min_idle_duration: Whole | None = None
    max_idle_duration: Whole | None = None
    evse_kind: EvseKind | None = None
    payment_brand: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    payment_recognition: Annotated[str, Field(min_length=1, max_length=20)] | None = None

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        for name in ("kwh", "current", "power", "duration", "charging_duration", "idle_duration"):
            above(f"max_{name}", getattr(self, f"max_{name}"), getattr(self, f"min_{name}") or 0)
        above("end_date", self.end_date, self.start_date or date.min)
        return self


class Element(Part):
    price_components: Annotated[tuple[Component, ...], AfterValidator(some)]
    restrictions: Limits | None = None

    @model_validator(mode="after")
    def _one_price_each(self) -> Self:
        types = [component.type for component in self.price_components]
        if twice := {kind for kind in types if types.count(kind) > 1}:
            raise ValueError(f"two prices for {' and '.join(sorted(twice))}: only the first of each would ever apply")
        if self.restrictions and self.restrictions.reservation and (other := {*types} - {*_RESERVED}):
            raise ValueError(f"a reservation is priced by FLAT and TIME alone; move {' and '.join(sorted(other))} elsewhere")
        return self


class TariffDocument(Part):
    id: Annotated[str, Field(pattern=r"^[!-~]{1,60}$")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    valid_from: Annotated[Instant, Field(validation_alias=AliasChoices("valid_from", "start_date_time"))]
    valid_until: Annotated[Instant | None, Field(validation_alias=AliasChoices("valid_until", "end_date_time"))] = None
    names: Annotated[tuple[Text, ...] | None, Field(validation_alias=AliasChoices("names", "tariff_alt_text"))] = None
    elements: Annotated[tuple[Element, ...], AfterValidator(some)]
    profile: Profile | None = None
    tax_included: Literal["YES", "NO", "N/A"] | None = None
    type: Literal["AD_HOC_PAYMENT", "PROFILE_CHEAP", "PROFILE_FAST", "PROFILE_GREEN", "REGULAR"] | None = None
    tariff_alt_url: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    min_price: Limit | None = None
    max_price: Limit | None = None
    energy_mix: Mix | None = None
    preauthorize_amount: Blocked = None
    country_code: str | None = None  # these three are put aside
    party_id: str | None = None
    last_updated: str | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError("valid_until is not after valid_from: the tariff would never be in force; correct one of them")
        return self

    @model_validator(mode="after")
    def _has_one_basis(self) -> Self:
        taxed = (part.vat is not None or part.taxes for element in self.elements for part in element.price_components)
        if self.profile is Profile.OCPI_2_3_0 and self.tax_included is None:
            raise ValueError("profile ocpi-2.3.0 wants tax_included: write NO for net prices, YES for gross, N/A for no tax")
        if self.dialect is not Profile.OCPI_2_3_0 and self.tax_included not in (None, "NO"):
            raise ValueError(f"prices of {self.dialect} are net; remove tax_included, or write profile: ocpi-2.3.0")
        if self.tax_included == "N/A" and any(taxed):
            raise ValueError("tax_included N/A says that no tax applies; remove vat and taxes, or write NO or YES")
        if (self.profile, self.tax_included) == (None, None) and any(limit.is_2_3_0 for limit in self.price_limits):
            raise ValueError("before_taxes and after_taxes are of OCPI 2.3.0; add tax_included, or write excl_vat and incl_vat")
        return self

    @model_validator(mode="after")
    def _fits_its_dialect(self) -> Self:
        """What OCPI's fields cannot hold, only a tariff of OCPP may say."""
        if self.dialect is Profile.OCPP_2_1:
            return self._without_steps()
        if len(self.id) > _ID_MAX_OCPI:
            raise ValueError(f"id has {len(self.id)} characters, and OCPI takes {_ID_MAX_OCPI}; give it a shorter one")
        for name in self.names or ():
            if len(name.language) != 2 or len(name.text) > _TEXT_MAX_OCPI or name.format is not None:
                raise ValueError(f"names: OCPI takes two letters as language, {_TEXT_MAX_OCPI} characters, and no format")
        return self

    def _without_steps(self) -> Self:
        if any(part.step_size for element in self.elements for part in element.price_components):
            raise ValueError("ocpp-2.1 knows no step_size, and a station bills as measured; remove it")
        return self

    @property
    def dialect(self) -> Profile:
        return self.profile or (Profile.OCPI_2_2_1 if self.tax_included is None else Profile.OCPI_2_3_0)

    @property
    def price_limits(self) -> tuple[Limit, ...]:
        return tuple(limit for limit in (self.min_price, self.max_price) if limit is not None)


def tariff_of(document: TariffDocument) -> TariffPublished:
    names = (DisplayText(name.language, name.text, name.format or "") for name in document.names or ())
    tariff = Tariff(
        id=TariffId(document.id),
        currency=Currency(document.currency),
        elements=tuple(map(_element, document.elements)),
        names=tuple(names),
        profile=document.dialect,
        basis=_BASES[document.tax_included or "NO"],
        min_price=_limit(document.min_price),
        max_price=_limit(document.max_price),
        audience=document.type or "",
        alt_url=document.tariff_alt_url or "",
        energy_mix=mix_of(document.energy_mix),
    )
    return TariffPublished(tariff=tariff, valid_from=document.valid_from, valid_until=document.valid_until or UNSET)


def _limit(limit: Limit | None) -> PriceLimit | None:
    if limit is None:
        return None
    return PriceLimit(before_taxes=limit.before, after_taxes=limit.after, taxes=_taxes(limit.taxes))


def _taxes(rates: tuple[TaxRate, ...] | None) -> tuple[Tax, ...]:
    return tuple(Tax(name=rate.name, percent=rate.percent, stack=rate.stack) for rate in rates or ())


def _element(element: Element) -> TariffElement:
    components = tuple(map(_component, element.price_components))
    return TariffElement(components=components, restrictions=_restrictions(element.restrictions or Limits()))


def _component(part: Component) -> PriceComponent:
    return PriceComponent(
        dimension=Dimension(part.type),
        price=part.price,
        vat_percent=part.vat,
        step_size=part.step_size,
        taxes=_taxes(part.taxes),
        per_minute=part.per_minute,
        series=_series(part.series),
    )


def _series(part: Series | None) -> SeriesPrice | None:
    if part is None:
        return None
    return SeriesPrice(id=SeriesId(part.id), factor=part.factor, least=part.least, most=part.most)


def _restrictions(limits: Limits) -> Restrictions:
    return Restrictions(
        start_time=limits.start_time,
        end_time=limits.end_time,
        start_date=limits.start_date,
        end_date=limits.end_date,
        weekdays=limits.day_of_week or (),
        min_energy_wh=_thousandfold(limits.min_kwh),
        max_energy_wh=_thousandfold(limits.max_kwh),
        min_duration_s=limits.min_duration,
        max_duration_s=limits.max_duration,
        min_charging_s=limits.min_charging_duration,
        max_charging_s=limits.max_charging_duration,
        min_idle_s=limits.min_idle_duration,
        max_idle_s=limits.max_idle_duration,
        min_power_w=_thousandfold(limits.min_power),
        max_power_w=_thousandfold(limits.max_power),
        min_current_a=tidied(limits.min_current),
        max_current_a=tidied(limits.max_current),
        reservation=limits.reservation,
        evse_kind=limits.evse_kind,
        payment_brand=limits.payment_brand,
        payment_recognition=limits.payment_recognition,
    )


def _thousandfold(number: Decimal | None) -> Decimal | None:
    """kWh as Wh, kW as W."""
    return None if number is None else tidy(number * 1000)
