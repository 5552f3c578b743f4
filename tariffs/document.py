"""Tariffs as people write them, in YAML or JSON: the shape of an OCPI 2.2.1 Tariff, and nothing that would be ignored.

    id: ac-day-night
    currency: EUR
    valid_from: 2026-01-01T00:00:00+01:00
    names: [{language: en, text: Day and night}]
    elements:
      - price_components: [{type: ENERGY, price: 0.3529, vat: 19}]          # net; per kWh, per hour or flat
        restrictions: {start_time: "22:00", end_time: "06:00"}
      - price_components: [{type: ENERGY, price: 0.4538, vat: 19}, {type: PARKING_TIME, price: 6.00, vat: 19, step_size: 60}]

An unknown field is refused, and so is one of OCPI that is not supported yet, by its name: passing over it would change the
price. What OCPI says about the tariff's owner is put aside. Numbers are texts, integers or exact decimals; a float has lost
its digits and is refused (read JSON with `parse_float=Decimal`). A field that is null was not given.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from tariffs.rounding import tidy
from tariffs.words import in_kwh
from vocabulary.identity import TariffId
from vocabulary.money import Currency
from vocabulary.tariff import (
    PRICED,
    Dimension,
    DisplayText,
    PriceComponent,
    Restrictions,
    Tariff,
    TariffElement,
    TariffPublished,
    Weekday,
)


class TariffRefused(ValueError):
    """A document that is no tariff of ours; `complaints` are sentences, each with the way to its field."""

    def __init__(self, complaints: tuple[str, ...]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


def read_document(raw: object) -> "TariffDocument":
    """The document that these plain dictionaries and lists are. Raises TariffRefused with all that is wrong."""
    try:
        return TariffDocument.model_validate(raw)
    except ValidationError as error:
        raise TariffRefused(complaints(error)) from None


def complaints(error: ValidationError) -> tuple[str, ...]:
    """What pydantic found, in words: "elements[0].restrictions.max_power: not supported yet ..."."""
    return tuple(f"{_path(found['loc'])}: {_sentence(found['type'], found['msg'])}" for found in error.errors())


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".") or "the tariff"


def _sentence(kind: str, message: str) -> str:
    known = {"missing": "must be given", "extra_forbidden": "there is no such field; check its spelling"}
    return known.get(kind, message.removeprefix("Value error, "))


def _written_as(pattern: str, example: str) -> BeforeValidator:
    """The text of a value, which must match; anything else is answered with an example."""

    def text(value: object) -> object:
        if value is None:
            return None
        written = format(value, "f") if isinstance(value, Decimal) else str(value)
        if not isinstance(value, str | int | Decimal | date | time):
            raise ValueError(f"{written} came as a {type(value).__name__}; write it as a text, or read numbers as Decimal")
        if isinstance(value, bool) or not re.fullmatch(pattern, written, re.ASCII):
            raise ValueError(f"{written!r} cannot be read; write for example {example}")
        return written

    return BeforeValidator(text)


def _not_supported(value: object) -> None:
    if value is not None:
        raise ValueError("not supported yet; the tariff is refused, for without this field it would be another tariff")


def _some(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("at least one must be given")
    return values


def _priced(dimension: Dimension) -> Dimension:
    if dimension not in PRICED:
        raise ValueError(f"{dimension} is a field of the tariff, no price; write one of {', '.join(PRICED)}")
    return dimension


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


_INSTANT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
_TIME = r"([01]\d|2[0-3]):[0-5]\d"

Exact = Annotated[Decimal, _written_as(r"\d{1,12}(\.\d{1,12})?", "0.45")]
Price = Annotated[Decimal, _written_as(r"\d{1,5}(\.\d{1,9})?", "0.45; at most 99999, with at most 9 decimals")]
Percent = Annotated[Decimal, _written_as(r"\d{1,3}(\.\d{1,6})?", "19; at most 6 decimals"), Field(le=100)]
Whole = Annotated[int, _written_as(r"\d{1,9}", "60")]
TimeOfDay = Annotated[time, _written_as(_TIME, '"22:00", in quotes; the end of the day is "00:00"')]
Day = Annotated[date, _written_as(r"\d{4}-\d\d-\d\d", "2026-12-31")]
Instant = Annotated[datetime, AfterValidator(_utc), _written_as(_INSTANT, "2026-01-01T00:00:00+01:00")]
NotSupported = Annotated[None, BeforeValidator(_not_supported)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Part):
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    text: Annotated[str, Field(min_length=1, max_length=512)]


class Component(_Part):
    type: Annotated[Dimension, AfterValidator(_priced)]
    price: Price
    vat: Percent | None = None
    step_size: Whole = 0  # left out: billed exactly as measured


class Limits(_Part):
    """OCPI TariffRestrictions."""

    start_time: TimeOfDay | None = None
    end_time: TimeOfDay | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    day_of_week: tuple[Weekday, ...] | None = None
    min_kwh: Exact | None = None
    max_kwh: Exact | None = None
    min_duration: Whole | None = None
    max_duration: Whole | None = None
    min_current: NotSupported = None
    max_current: NotSupported = None
    min_power: NotSupported = None
    max_power: NotSupported = None
    reservation: NotSupported = None

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        _above("max_kwh", self.max_kwh, self.min_kwh or Decimal(0))
        _above("max_duration", self.max_duration, self.min_duration or 0)
        _above("end_date", self.end_date, self.start_date or date.min)
        return self


def _above(name: str, bound: Any, least: Any) -> None:
    if bound is not None and bound <= least:
        raise ValueError(f"{name} {bound} is an exclusive bound and not above {least}: the element would never apply")


class Element(_Part):
    price_components: Annotated[tuple[Component, ...], AfterValidator(_some)]
    restrictions: Limits | None = None

    @model_validator(mode="after")
    def _one_price_each(self) -> Self:
        types = [component.type for component in self.price_components]
        if twice := {kind for kind in types if types.count(kind) > 1}:
            raise ValueError(f"two prices for {' and '.join(sorted(twice))}: only the first of each would ever apply")
        return self


class TariffDocument(_Part):
    id: Annotated[str, Field(pattern=r"^[!-~]{1,36}$")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    valid_from: Annotated[Instant, Field(validation_alias=AliasChoices("valid_from", "start_date_time"))]
    names: Annotated[tuple[Text, ...] | None, Field(validation_alias=AliasChoices("names", "tariff_alt_text"))] = None
    elements: Annotated[tuple[Element, ...], AfterValidator(_some)]
    type: NotSupported = None
    tariff_alt_url: NotSupported = None
    min_price: NotSupported = None
    max_price: NotSupported = None
    preauthorize_amount: NotSupported = None
    tax_included: NotSupported = None
    end_date_time: NotSupported = None
    energy_mix: NotSupported = None
    country_code: str | None = None  # these three are put aside
    party_id: str | None = None
    last_updated: str | None = None


def tariff_of(document: TariffDocument) -> TariffPublished:
    names = tuple(DisplayText(language=name.language, text=name.text) for name in document.names or ())
    tariff = Tariff(
        id=TariffId(document.id),
        currency=Currency(document.currency),
        elements=tuple(_element(element) for element in document.elements),
        names=names,
    )
    return TariffPublished(tariff=tariff, valid_from=document.valid_from)


def _element(element: Element) -> TariffElement:
    components = tuple(
        PriceComponent(dimension=part.type, price=part.price, vat_percent=part.vat, step_size=part.step_size)
        for part in element.price_components
    )
    return TariffElement(components=components, restrictions=_restrictions(element.restrictions or Limits()))


def _restrictions(limits: Limits) -> Restrictions:
    return Restrictions(
        start_time=limits.start_time,
        end_time=limits.end_time,
        start_date=limits.start_date,
        end_date=limits.end_date,
        weekdays=limits.day_of_week or (),
        min_energy_wh=None if limits.min_kwh is None else tidy(limits.min_kwh * 1000),
        max_energy_wh=None if limits.max_kwh is None else tidy(limits.max_kwh * 1000),
        min_duration_s=limits.min_duration,
        max_duration_s=limits.max_duration,
    )


def document_of(tariff: Tariff, *, country_code: str, party_id: str, last_updated: datetime) -> dict[str, Any]:
    """The OCPI 2.2.1 Tariff object, for CDRs and partners. Numbers are Decimals: the encoder must keep their digits."""
    names = [{"language": name.language, "text": name.text} for name in tariff.names]
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": tariff.id,
        "currency": tariff.currency,
        **({"tariff_alt_text": names} if names else {}),
        "elements": [_plain_element(element) for element in tariff.elements],
        "last_updated": f"{_utc(last_updated):%Y-%m-%dT%H:%M:%SZ}",
    }


def _plain_element(element: TariffElement) -> dict[str, Any]:
    components = [_plain_component(part) for part in element.components]
    limits = _plain_restrictions(element.restrictions)
    return {"price_components": components, **({"restrictions": limits} if limits else {})}


def _plain_component(part: PriceComponent) -> dict[str, Any]:
    """A flat price has no unit to step in, and OCPI wants a step size all the same; it recommends 1."""
    step_size = 1 if part.dimension is Dimension.FLAT else part.step_size
    return _given({"type": part.dimension.value, "price": part.price, "vat": part.vat_percent, "step_size": step_size})


def _plain_restrictions(limits: Restrictions) -> dict[str, Any]:
    return _given(
        {
            "start_time": limits.start_time and f"{limits.start_time:%H:%M}",
            "end_time": limits.end_time and f"{limits.end_time:%H:%M}",
            "start_date": limits.start_date and limits.start_date.isoformat(),
            "end_date": limits.end_date and limits.end_date.isoformat(),
            "min_kwh": None if limits.min_energy_wh is None else in_kwh(limits.min_energy_wh),
            "max_kwh": None if limits.max_energy_wh is None else in_kwh(limits.max_energy_wh),
            "min_duration": limits.min_duration_s,
            "max_duration": limits.max_duration_s,
            "day_of_week": [day.value for day in limits.weekdays] or None,
        }
    )


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
