"""A tariff as its author would write it (`tariffs.document`): every field, so that it is read again as it was."""

from typing import Any

from msgspec import UNSET

from tariffs.energy_mix import plain_mix
from tariffs.export_ocpi import given, moment, plain_restrictions
from vocabulary.tariff import (
    Basis,
    DisplayText,
    PriceComponent,
    PriceLimit,
    Profile,
    Restrictions,
    SeriesPrice,
    TariffElement,
    TariffPublished,
    Tax,
)

_TAX_INCLUDED = {Basis.NET: "NO", Basis.GROSS: "YES", Basis.UNTAXED: "N/A"}


def authored(published: TariffPublished) -> dict[str, Any]:
    """Numbers are Decimals and whole numbers, all else is text."""
    tariff = published.tariff
    return given(
        {
            "id": tariff.id,
            "currency": tariff.currency,
            "valid_from": moment(published.valid_from),
            "valid_until": None if published.valid_until is UNSET else moment(published.valid_until),
            "profile": tariff.profile.value if tariff.profile is Profile.OCPP_2_1 else None,
            "tax_included": _TAX_INCLUDED[tariff.basis] if tariff.profile is Profile.OCPI_2_3_0 else None,
            "type": tariff.audience or None,
            "names": [_text(name) for name in tariff.names] or None,
            "tariff_alt_url": tariff.alt_url or None,
            "min_price": _limit(tariff.min_price, tariff.profile),
            "max_price": _limit(tariff.max_price, tariff.profile),
            "energy_mix": tariff.energy_mix and plain_mix(tariff.energy_mix),
            "elements": [_element(element) for element in tariff.elements],
        }
    )


def _text(name: DisplayText) -> dict[str, Any]:
    return given({"language": name.language, "text": name.text, "format": name.format or None})


def _limit(limit: PriceLimit | None, profile: Profile) -> dict[str, Any] | None:
    if limit is None:
        return None
    names = ("before_taxes", "after_taxes") if profile is not Profile.OCPI_2_2_1 else ("excl_vat", "incl_vat")
    amounts = dict(zip(names, (limit.before_taxes, limit.after_taxes), strict=True))
    return given({**amounts, "taxes": _taxes(limit.taxes)})


def _taxes(taxes: tuple[Tax, ...]) -> list[dict[str, Any]] | None:
    return [given({"name": tax.name, "percent": tax.percent, "stack": tax.stack}) for tax in taxes] or None


def _element(element: TariffElement) -> dict[str, Any]:
    limits = plain_restrictions(element.restrictions) | _beyond_ocpi(element.restrictions)
    return given({"price_components": [_component(part) for part in element.components], "restrictions": limits or None})


def _component(part: PriceComponent) -> dict[str, Any]:
    return given(
        {
            "type": part.dimension.value,
            "price": part.price,
            "per_minute": "true" if part.per_minute else None,
            "vat": part.vat_percent,
            "taxes": _taxes(part.taxes),
            "step_size": part.step_size or None,
            "series": part.series and _series(part.series),
        }
    )


def _series(series: SeriesPrice) -> dict[str, Any]:
    factor = None if series.factor == 1 else series.factor
    return given({"id": series.id, "factor": factor, "least": series.least, "most": series.most})


def _beyond_ocpi(limits: Restrictions) -> dict[str, Any]:
    return given(
        {
            "min_charging_duration": limits.min_charging_s,
            "max_charging_duration": limits.max_charging_s,
            "min_idle_duration": limits.min_idle_s,
            "max_idle_duration": limits.max_idle_s,
            "evse_kind": limits.evse_kind and limits.evse_kind.value,
            "payment_brand": limits.payment_brand,
            "payment_recognition": limits.payment_recognition,
        }
    )
