"""Read a tariff of OCPP 2.1 (TariffType, part 2 section 2), as it stands in SetDefaultTariff and its kin.

    energy, chargingTime, idleTime         prices by kWh and by minute, under conditions in Wh, W, A and s
    fixedFee                               once; its conditions know the payment
    reservationTime, reservationFixed      what keeping the EVSE free costs
    minCost, maxCost                       limits

Each price becomes an element of its own, in order, so that the first that applies is the same one (I12.FR.34); the taxes of
a dimension stand at each of its prices. Prices are net. Nothing is normalised: a price per minute stays one.

The examples that are published with OCPP break its schema. Where their meaning is certain they are read, and a note says what
was taken for what: `id` as tariffId, a list of one object for the object, `conditionsFixed` as conditions. Negative bounds and
prices, which OCPP has for vehicles that feed back, are refused: what is fed back is not priced here, and a bound would turn
into its opposite.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, Self

from msgspec import structs
from pydantic import AliasChoices, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from tariffs.tariff_fields import (
    ALWAYS,
    Day,
    Exact,
    Instant,
    Part,
    Percent,
    Price,
    TariffRefused,
    TimeOfDay,
    Whole,
    above,
    complaints,
    no_tariff,
    tidied,
    upper,
)
from vocabulary.identity import TariffId
from vocabulary.money import Currency
from vocabulary.tariff import (
    Dimension,
    DisplayText,
    EvseKind,
    PriceComponent,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    Tariff,
    TariffElement,
    TariffPublished,
    Tax,
    Weekday,
)

UNKNOWN_LANGUAGE = "und"  # BCP 47: the language is not told
_CHARGED = ("energy", "chargingTime", "idleTime", "fixedFee", "reservationTime", "reservationFixed")
_OBJECTS = (*_CHARGED, "minCost", "maxCost")


class OcppTariff(NamedTuple):
    published: TariffPublished
    notes: tuple[str, ...]  # what was taken for what, or put aside


def read_ocpp(raw: object) -> OcppTariff:
    """The tariff that this TariffType is. Raises TariffRefused with all that is wrong."""
    if not isinstance(raw, Mapping):
        no_tariff(raw)
    fields, notes = dict(raw), []
    for name, note in _mended(fields):
        notes.append(f"{name}: {note}")
    try:
        document = OcppDocument.model_validate(fields)
    except ValidationError as error:
        raise TariffRefused(complaints(error)) from None
    return OcppTariff(_published(document), tuple(notes))


def _mended(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The mistakes of the published examples, put right in `fields`."""
    if "id" in fields and "tariffId" not in fields:
        fields["tariffId"] = fields.pop("id")
        yield "id", "taken for tariffId"
    if fields.pop("customData", None) is not None:
        yield "customData", "put aside: what it means is between the maker of the station and its CSMS"
    for name in _OBJECTS:
        match fields.get(name):
            case [Mapping() as only]:
                fields[name] = only
                yield name, "a list of one object, taken for that object"


class _Object(Part):
    """Its fields are named as OCPP does, in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


class TaxRate(_Object):
    type: Annotated[str, Field(min_length=1, max_length=20)]
    tax: Percent
    stack: Whole | None = None


Taxes = Annotated[tuple[TaxRate, ...], Field(min_length=1, max_length=5)]


class ConditionsFixed(_Object):
    start_time_of_day: TimeOfDay | None = None
    end_time_of_day: TimeOfDay | None = None
    day_of_week: Annotated[tuple[Annotated[Weekday, upper], ...], Field(min_length=1, max_length=7)] | None = None
    valid_from_date: Day | None = None
    valid_to_date: Day | None = None
    evse_kind: EvseKind | None = None
    payment_brand: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    payment_recognition: Annotated[str, Field(min_length=1, max_length=20)] | None = None


class Conditions(_Object):
    start_time_of_day: TimeOfDay | None = None
    end_time_of_day: TimeOfDay | None = None
    day_of_week: Annotated[tuple[Annotated[Weekday, upper], ...], Field(min_length=1, max_length=7)] | None = None
    valid_from_date: Day | None = None
    valid_to_date: Day | None = None
    evse_kind: EvseKind | None = None
    min_energy: Exact | None = None
    max_energy: Exact | None = None
    min_current: Exact | None = None
    max_current: Exact | None = None
    min_power: Exact | None = None
    max_power: Exact | None = None
    min_time: Whole | None = None
    max_time: Whole | None = None
    min_charging_time: Whole | None = None
    max_charging_time: Whole | None = None
    min_idle_time: Whole | None = None
    max_idle_time: Whole | None = None

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        for name in ("energy", "current", "power", "time", "charging_time", "idle_time"):
            least, bound = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            above(to_camel(f"max_{name}"), bound, least or 0)
        return self


class EnergyPrice(_Object):
    price_kwh: Price
    conditions: Conditions | None = None


class TimePrice(_Object):
    price_minute: Price
    conditions: Conditions | None = None


class FixedPrice(_Object):
    price_fixed: Price
    conditions: Annotated[ConditionsFixed | None, Field(validation_alias=AliasChoices("conditions", "conditionsFixed"))] = None


class Energy(_Object):
    prices: Annotated[tuple[EnergyPrice, ...], Field(min_length=1)]
    tax_rates: Taxes | None = None


class Time(_Object):
    prices: Annotated[tuple[TimePrice, ...], Field(min_length=1)]
    tax_rates: Taxes | None = None


class Fixed(_Object):
    prices: Annotated[tuple[FixedPrice, ...], Field(min_length=1)]
    tax_rates: Taxes | None = None


class Cost(_Object):
    excl_tax: Exact | None = None
    incl_tax: Exact | None = None
    tax_rates: Taxes | None = None

    @model_validator(mode="after")
    def _has_an_amount(self) -> Self:
        if (self.excl_tax, self.incl_tax) == (None, None):
            raise ValueError("has no amount; write exclTax, inclTax, or both")
        return self


class Message(_Object):
    content: Annotated[str, Field(min_length=1, max_length=1024)]
    format: Annotated[str, Field(pattern=r"^(ASCII|HTML|URI|UTF8|QRCODE)$")]
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=8)] | None = None


class OcppDocument(_Object):
    tariff_id: Annotated[str, Field(pattern=r"^[!-~]{1,60}$")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    valid_from: Instant | None = None
    description: Annotated[tuple[Message, ...], Field(min_length=1, max_length=10)] | None = None
    energy: Energy | None = None
    charging_time: Time | None = None
    idle_time: Time | None = None
    fixed_fee: Fixed | None = None
    reservation_time: Time | None = None
    reservation_fixed: Fixed | None = None
    min_cost: Cost | None = None
    max_cost: Cost | None = None

    @model_validator(mode="after")
    def _has_a_price(self) -> Self:
        charged = (
            self.energy,
            self.charging_time,
            self.idle_time,
            self.fixed_fee,
            self.reservation_time,
            self.reservation_fixed,
        )
        if all(part is None for part in charged):
            raise ValueError(f"has no price; write at least one of {', '.join(_CHARGED)} (a free one has priceKwh 0)")
        return self


def _published(document: OcppDocument) -> TariffPublished:
    tariff = Tariff(
        id=TariffId(document.tariff_id),
        currency=Currency(document.currency),
        elements=tuple(_elements(document)),
        names=tuple(
            DisplayText(one.language or UNKNOWN_LANGUAGE, one.content, one.format) for one in document.description or ()
        ),
        profile=Profile.OCPP_2_1,
        min_price=_limit(document.min_cost),
        max_price=_limit(document.max_cost),
    )
    return TariffPublished(tariff=tariff, valid_from=document.valid_from or ALWAYS)


def _limit(cost: Cost | None) -> PriceLimit | None:
    if cost is None:
        return None
    return PriceLimit(before_taxes=cost.excl_tax, after_taxes=cost.incl_tax, taxes=_taxes(cost.tax_rates))


def _taxes(rates: tuple[TaxRate, ...] | None) -> tuple[Tax, ...]:
    return tuple(Tax(name=rate.type, percent=rate.tax, stack=rate.stack) for rate in rates or ())


def _elements(document: OcppDocument) -> Iterator[TariffElement]:
    """In the order of the schema's fields, and in each as they stand."""
    yield from _each(Dimension.ENERGY, document.energy)
    yield from _each(Dimension.TIME, document.charging_time)
    yield from _each(Dimension.PARKING_TIME, document.idle_time)
    yield from _each(Dimension.FLAT, document.fixed_fee)
    for dimension, charged in ((Dimension.TIME, document.reservation_time), (Dimension.FLAT, document.reservation_fixed)):
        for element in _each(dimension, charged):
            reserved = structs.replace(element.restrictions, reservation=Reservation.RESERVATION)
            yield structs.replace(element, restrictions=reserved)


def _each(dimension: Dimension, charged: Energy | Time | Fixed | None) -> Iterator[TariffElement]:
    for price in charged.prices if charged else ():
        amount, per_minute = _amount(price)
        taxes = _taxes(charged.tax_rates) if charged else ()
        component = PriceComponent(dimension=dimension, price=amount, taxes=taxes, per_minute=per_minute)
        yield TariffElement(components=(component,), restrictions=_restrictions(price.conditions))


def _amount(price: EnergyPrice | TimePrice | FixedPrice) -> tuple[Decimal, bool]:
    """The price, and whether it is one per minute."""
    match price:
        case EnergyPrice():
            return price.price_kwh, False
        case TimePrice():
            return price.price_minute, True
        case FixedPrice():
            return price.price_fixed, False


def _restrictions(wanted: Conditions | ConditionsFixed | None) -> Restrictions:
    match wanted:
        case None:
            return Restrictions()
        case ConditionsFixed():
            return structs.replace(
                _common(wanted), payment_brand=wanted.payment_brand, payment_recognition=wanted.payment_recognition
            )
        case Conditions():
            return structs.replace(
                _common(wanted),
                min_energy_wh=tidied(wanted.min_energy),
                max_energy_wh=tidied(wanted.max_energy),
                min_current_a=tidied(wanted.min_current),
                max_current_a=tidied(wanted.max_current),
                min_power_w=tidied(wanted.min_power),
                max_power_w=tidied(wanted.max_power),
                min_duration_s=wanted.min_time,
                max_duration_s=wanted.max_time,
                min_charging_s=wanted.min_charging_time,
                max_charging_s=wanted.max_charging_time,
                min_idle_s=wanted.min_idle_time,
                max_idle_s=wanted.max_idle_time,
            )


def _common(wanted: Conditions | ConditionsFixed) -> Restrictions:
    return Restrictions(
        start_time=wanted.start_time_of_day,
        end_time=wanted.end_time_of_day,
        start_date=wanted.valid_from_date,
        end_date=wanted.valid_to_date,
        weekdays=wanted.day_of_week or (),
        evse_kind=wanted.evse_kind,
    )
