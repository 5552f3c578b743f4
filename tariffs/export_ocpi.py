"""Write a tariff as an OCPI 2.2.1 or 2.3.0 Tariff object, and tell what it loses by that.

What OCPI has no field for is left out, and is a loss. A price under a condition that is left out applies always then, so such a
document is given only to who asks for it. A price per minute becomes one per hour. Several taxes become the one percentage
that comes to the same. A flat price has no unit to step in, and OCPI wants a step size all the same: it recommends 1.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import UNSET, UnsetType

from tariffs.dialects import differences
from tariffs.energy_mix import plain_mix
from tariffs.exact_prices import Converted, converted, net_factor, per_hour
from tariffs.losses import Exported, Loss, LossReason, has_unknown_taxes, in_order, is_ours, of_a_series, of_ours, spots
from tariffs.rounding import tidy
from tariffs.tariff_fields import ALWAYS
from vocabulary.rated import tax_factor
from vocabulary.tariff import (
    VAT,
    Basis,
    Dimension,
    DisplayText,
    PriceComponent,
    PriceLimit,
    Profile,
    Restrictions,
    Tariff,
    TariffElement,
    TariffPublished,
    taxes_of,
)

_ID_MAX, _TEXT_MAX = 36, 512
_NO_WORDS = ("HTML", "URI", "QRCODE")
_TAX_INCLUDED = {Basis.NET: "NO", Basis.GROSS: "YES", Basis.UNTAXED: "N/A"}


def export_ocpi(
    published: TariffPublished, profile: Profile, *, country_code: str, party_id: str, last_updated: datetime
) -> Exported:
    tariff = published.tariff
    document = ocpi_object(
        tariff,
        profile,
        country_code=country_code,
        party_id=party_id,
        last_updated=last_updated,
        valid_from=published.valid_from,
        valid_until=published.valid_until,
    )
    return Exported(document=document, losses=ocpi_losses(tariff, profile))


def document_of(tariff: Tariff, *, country_code: str, party_id: str, last_updated: datetime) -> dict[str, Any]:
    """The OCPI 2.2.1 Tariff object that a CDR embeds, whatever it loses (`ocpi_losses`)."""
    return ocpi_object(tariff, Profile.OCPI_2_2_1, country_code=country_code, party_id=party_id, last_updated=last_updated)


def ocpi_object(
    tariff: Tariff,
    profile: Profile,
    *,
    country_code: str,
    party_id: str,
    last_updated: datetime,
    valid_from: datetime = ALWAYS,
    valid_until: datetime | UnsetType = UNSET,
) -> dict[str, Any]:
    """In the order of OCPI's table. Numbers are Decimals: the encoder must keep their digits."""
    return given(
        {
            "country_code": country_code,
            "party_id": party_id,
            "id": tariff.id[:_ID_MAX],
            "currency": tariff.currency,
            "type": tariff.audience or None,
            "tariff_alt_text": [text for name in tariff.names if (text := _text(name))] or None,
            "tariff_alt_url": tariff.alt_url or None,
            "min_price": _limit(tariff.min_price, profile, is_minimum=True),
            "max_price": _limit(tariff.max_price, profile, is_minimum=False),
            "elements": _elements(tariff, profile),
            "tax_included": _tax_included(tariff) if profile is Profile.OCPI_2_3_0 else None,
            "start_date_time": None if valid_from == ALWAYS else moment(valid_from),
            "end_date_time": None if valid_until is UNSET else moment(valid_until),
            "energy_mix": tariff.energy_mix and plain_mix(tariff.energy_mix),
            "last_updated": f"{last_updated.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
    )


def moment(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _text(name: DisplayText) -> dict[str, Any] | None:
    language = name.language[:2].lower()
    is_told = len(name.language.partition("-")[0]) == 2 and name.format not in _NO_WORDS
    return {"language": language, "text": name.text[:_TEXT_MAX]} if is_told else None


def _limit(limit: PriceLimit | None, profile: Profile, *, is_minimum: bool) -> dict[str, Any] | None:
    """Before taxes it must be told: where it is not, by an amount that does not bite before the one after taxes does."""
    if limit is None:
        return None
    before = (Decimal(0) if is_minimum else limit.after_taxes) if limit.before_taxes is None else limit.before_taxes
    names = ("before_taxes", "after_taxes") if profile is Profile.OCPI_2_3_0 else ("excl_vat", "incl_vat")
    return given(dict(zip(names, (before, limit.after_taxes), strict=True)))


def _tax_included(tariff: Tariff) -> str:
    """Where a dialect's missing percentage says that no tax applies, 2.3.0 says so of the whole tariff."""
    is_untaxed = tariff.profile is not Profile.OCPI_2_3_0 and tariff.basis is Basis.NET and not _is_taxed(tariff)
    return "N/A" if is_untaxed else _TAX_INCLUDED[tariff.basis]


def _is_taxed(tariff: Tariff) -> bool:
    return any(taxes_of(spot.component) for spot in spots(tariff) if not is_ours(spot.component))


_FREE = {"price_components": [{"type": Dimension.FLAT.value, "price": Decimal(0), "step_size": 1}]}


def _elements(tariff: Tariff, profile: Profile) -> list[dict[str, Any]]:
    """Without the prices that OCPI does not know; where nothing is left it is free, and said so."""
    known = [element for element in tariff.elements if not all(map(is_ours, element.components))]
    return [_element(tariff, element, profile) for element in known] or [_FREE]


def _element(tariff: Tariff, element: TariffElement, profile: Profile) -> dict[str, Any]:
    components = [_component(tariff, part, profile) for part in element.components if not is_ours(part)]
    limits = plain_restrictions(element.restrictions)
    return {"price_components": components, **({"restrictions": limits} if limits else {})}


def _component(tariff: Tariff, part: PriceComponent, profile: Profile) -> dict[str, Any]:
    step_size = 1 if part.dimension is Dimension.FLAT else part.step_size
    price, vat = _price(tariff, part, profile).number, _vat(tariff, part, profile)
    return given({"type": part.dimension.value, "price": price, "vat": vat and vat.number, "step_size": step_size})


def _price(tariff: Tariff, part: PriceComponent, profile: Profile) -> Converted:
    """2.2.1 has net prices alone."""
    to_net = net_factor(tariff, part) if profile is Profile.OCPI_2_2_1 else 1
    return converted(part.price, per_hour(part) * to_net)


def _vat(tariff: Tariff, part: PriceComponent, profile: Profile) -> Converted | None:
    taxes = taxes_of(part)
    if len(taxes) == 1:
        return Converted(taxes[0].percent, True)
    if taxes:
        return converted(Decimal(100), tax_factor(taxes) - 1)
    return Converted(Decimal(0), True) if _is_told_as_zero(tariff, part, profile) else None


def _is_told_as_zero(tariff: Tariff, part: PriceComponent, profile: Profile) -> bool:
    """No tax applies to this price but to others: a missing percentage would say in 2.3.0 that it is not known."""
    is_open = profile is Profile.OCPI_2_3_0 and tariff.profile is not Profile.OCPI_2_3_0
    return is_open and not taxes_of(part) and tariff.basis is Basis.NET and _is_taxed(tariff)


def plain_restrictions(limits: Restrictions) -> dict[str, Any]:
    """OCPI TariffRestrictions; what they have no field for is not in it."""
    return given(
        {
            "start_time": limits.start_time and f"{limits.start_time:%H:%M}",
            "end_time": limits.end_time and f"{limits.end_time:%H:%M}",
            "start_date": limits.start_date and limits.start_date.isoformat(),
            "end_date": limits.end_date and limits.end_date.isoformat(),
            "min_kwh": _thousandth(limits.min_energy_wh),
            "max_kwh": _thousandth(limits.max_energy_wh),
            "min_current": limits.min_current_a,
            "max_current": limits.max_current_a,
            "min_power": _thousandth(limits.min_power_w),
            "max_power": _thousandth(limits.max_power_w),
            "min_duration": limits.min_duration_s,
            "max_duration": limits.max_duration_s,
            "day_of_week": [day.value for day in limits.weekdays] or None,
            "reservation": limits.reservation and limits.reservation.value,
        }
    )


def _thousandth(number: Decimal | None) -> Decimal | None:
    """Wh as kWh, W as kW."""
    return None if number is None else tidy(number / 1000)


# What is lost


def ocpi_losses(tariff: Tariff, profile: Profile) -> tuple[Loss, ...]:
    return in_order(_losses(tariff, profile))


def _losses(tariff: Tariff, profile: Profile) -> Iterator[Loss]:
    yield from differences(tariff, profile)
    for spot in spots(tariff):
        if is_ours(spot.component):
            yield of_ours(spot.component, str(spot))
        else:
            yield from _of_a_price(tariff, spot.component, str(spot), profile)
    for number, element in enumerate(tariff.elements, start=1):
        if not all(map(is_ours, element.components)):
            yield from _of_restrictions(element.restrictions, f"element {number}")
    for where, limit in (("min_price", tariff.min_price), ("max_price", tariff.max_price)):
        yield from _of_a_limit(limit, where) if limit else ()
    if len(tariff.id) > _ID_MAX:
        instead = f"{tariff.id[:_ID_MAX]}, which another tariff may be called"
        yield Loss(reason=LossReason.ID_TOO_LONG, changes_price=True, where="id", instead=instead)
    for name in tariff.names:
        yield from _of_a_text(name)


def _of_a_price(tariff: Tariff, part: PriceComponent, where: str, profile: Profile) -> Iterator[Loss]:
    price, vat, taxes = _price(tariff, part, profile), _vat(tariff, part, profile), taxes_of(part)
    is_unknown, merges = has_unknown_taxes(tariff, part), _merges(tariff, part, profile)
    yield from of_a_series(part, where)
    if profile is Profile.OCPI_2_2_1 and tariff.basis is Basis.GROSS:
        is_changed = is_unknown or not price.is_exact
        instead = f"{price.number} before taxes"
        yield Loss(reason=LossReason.GROSS_PRICES, changes_price=is_changed, where=where, instead=instead)
    elif profile is Profile.OCPI_2_2_1 and is_unknown:
        yield Loss(reason=LossReason.UNKNOWN_TAXES, changes_price=True, where=where, instead="no tax applies")
    if len(taxes) > 1 and vat is not None:
        instead = f"{vat.number} % in all"
        is_changed = not vat.is_exact or merges
        yield Loss(reason=LossReason.STACKED_TAXES, changes_price=is_changed, where=where, instead=instead)
    elif part.taxes and part.taxes[0].name != VAT:
        yield Loss(reason=LossReason.TAX_NAME, changes_price=merges, where=where, instead=f"{taxes[0].percent} %")
    if _is_told_as_zero(tariff, part, profile):
        yield Loss(reason=LossReason.NO_TAX_AS_ZERO, changes_price=merges, where=where, instead="0 %")


def _merges(tariff: Tariff, part: PriceComponent, profile: Profile) -> bool:
    """Whether prices with other taxes are told with the same percentage: they are rounded together then, to another cent."""
    others = (spot.component for spot in spots(tariff) if taxes_of(spot.component) != taxes_of(part))
    return _vat(tariff, part, profile) in [_vat(tariff, other, profile) for other in others]


_NO_FIELD = {
    "min_idle_s": LossReason.IDLE_GRACE,
    "max_idle_s": LossReason.IDLE_GRACE,
    "min_charging_s": LossReason.CHARGING_DURATION,
    "max_charging_s": LossReason.CHARGING_DURATION,
    "evse_kind": LossReason.EVSE_KIND,
    "payment_brand": LossReason.PAYMENT_CONDITION,
    "payment_recognition": LossReason.PAYMENT_CONDITION,
}


def _of_restrictions(limits: Restrictions, where: str) -> Iterator[Loss]:
    for name, reason in _NO_FIELD.items():
        if (value := getattr(limits, name)) is not None:
            yield Loss(reason=reason, changes_price=True, where=where, instead=f"applies also without {name} {value}")


def _of_a_limit(limit: PriceLimit, where: str) -> Iterator[Loss]:
    if limit.before_taxes is None:
        yield Loss(reason=LossReason.LIMIT_AFTER_TAXES, changes_price=True, where=where, instead="both bounds, each for itself")
    if limit.taxes:
        is_one_bound = limit.before_taxes is None or limit.after_taxes is None
        yield Loss(reason=LossReason.LIMIT_TAXES, changes_price=is_one_bound, where=where, instead="the amounts alone")


def _of_a_text(name: DisplayText) -> Iterator[Loss]:
    written, where = _text(name), f"text in {name.language}"
    if written is None:
        yield Loss(reason=LossReason.TEXT_LEFT_OUT, changes_price=False, where=where)
        return
    if written["text"] != name.text:
        yield Loss(reason=LossReason.TEXT_SHORTENED, changes_price=False, where=where, instead=f"{_TEXT_MAX} characters")
    if written["language"] != name.language:
        yield Loss(reason=LossReason.TEXT_LANGUAGE, changes_price=False, where=where, instead=written["language"])
