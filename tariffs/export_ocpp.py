"""Write a tariff as an OCPP 2.1 TariffType, as a station takes it in SetDefaultTariff, and tell what it loses by that.

Elements are taken apart into the prices of each dimension, which keep their order, so the first that applies is the same. A
price per hour becomes one per minute. Step sizes of 0 and 1 are what a station does anyway: it bills whole seconds, and Wh as
metered. What OCPP has no field for is left out, and is a loss; `tariffs.dialects` tells where equal fields price differently.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from msgspec import UNSET

from tariffs.dialects import differences
from tariffs.exact_prices import Converted, converted, net_factor
from tariffs.export_ocpi import given, moment
from tariffs.losses import (
    PER_TIME,
    Exported,
    Loss,
    LossReason,
    Spot,
    has_unknown_taxes,
    in_order,
    is_ocpp,
    is_ours,
    of_a_series,
    of_ours,
    spots,
)
from tariffs.ocpp_document import UNKNOWN_LANGUAGE
from tariffs.tariff_fields import ALWAYS
from vocabulary.tariff import (
    Basis,
    Dimension,
    DisplayText,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    Tariff,
    TariffPublished,
    Tax,
    taxes_of,
)

_ID_MAX, _TEXT_MAX, _LANGUAGE_MAX, _TEXTS_MAX = 60, 1024, 8, 10
_FIELDS = {  # what a price is for, and whether it prices a reservation: its field, and the name of the price in it
    (Dimension.ENERGY, False): ("energy", "priceKwh"),
    (Dimension.TIME, False): ("chargingTime", "priceMinute"),
    (Dimension.PARKING_TIME, False): ("idleTime", "priceMinute"),
    (Dimension.FLAT, False): ("fixedFee", "priceFixed"),
    (Dimension.TIME, True): ("reservationTime", "priceMinute"),
    (Dimension.FLAT, True): ("reservationFixed", "priceFixed"),
}
_TIMED: tuple[str, ...] = (
    "min_energy_wh",
    "max_energy_wh",
    "min_duration_s",
    "max_duration_s",
    "min_charging_s",
    "max_charging_s",
)
_TIMED += ("min_idle_s", "max_idle_s", "min_power_w", "max_power_w", "min_current_a", "max_current_a")
_OF_THE_PAYMENT = ("payment_brand", "payment_recognition")


def export_ocpp(published: TariffPublished) -> Exported:
    tariff = published.tariff
    document = {
        "tariffId": tariff.id[:_ID_MAX],
        "description": [_message(name) for name in tariff.names[:_TEXTS_MAX]] or None,
        "currency": tariff.currency,
        "validFrom": None if published.valid_from == ALWAYS else moment(published.valid_from),
        **_charged(tariff),
        "minCost": _limit(tariff.min_price),
        "maxCost": _limit(tariff.max_price),
    }
    return Exported(document=given(document), losses=in_order(_losses(published)))


def _message(name: DisplayText) -> dict[str, Any]:
    language = None if name.language == UNKNOWN_LANGUAGE else _language(name)
    return given({"format": name.format or "UTF8", "language": language, "content": name.text[:_TEXT_MAX]})


def _language(name: DisplayText) -> str:
    """The whole tag, or its first part."""
    return name.language if len(name.language) <= _LANGUAGE_MAX else name.language.partition("-")[0]


def _limit(limit: PriceLimit | None) -> dict[str, Any] | None:
    if limit is None:
        return None
    return given({"exclTax": limit.before_taxes, "inclTax": limit.after_taxes, "taxRates": _rates(limit.taxes) or None})


def _rates(taxes: tuple[Tax, ...]) -> list[dict[str, Any]]:
    return [given({"type": tax.name, "tax": tax.percent, "stack": tax.stack}) for tax in taxes]


def _told(tariff: Tariff) -> dict[tuple[Dimension, bool], list[Spot]]:
    """The prices that OCPP has, by their field, in order."""
    told: dict[tuple[Dimension, bool], list[Spot]] = {key: [] for key in _FIELDS}
    for spot in spots(tariff):
        reservation = spot.element.restrictions.reservation
        key = (spot.component.dimension, reservation is not None)
        if key in told and reservation is not Reservation.RESERVATION_EXPIRES:
            told[key].append(spot)
    return told


def _charged(tariff: Tariff) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, group in _told(tariff).items():
        field, name = _FIELDS[key]
        if group:
            prices = [_price(tariff, spot, name) for spot in group]
            made[field] = given({"prices": prices, "taxRates": _rates(taxes_of(group[0].component)) or None})
    return made or {"energy": {"prices": [{"priceKwh": Decimal(0)}]}}  # nothing is left of it: free, and said so


def _price(tariff: Tariff, spot: Spot, name: str) -> dict[str, Any]:
    limits, is_flat = spot.element.restrictions, spot.component.dimension is Dimension.FLAT
    conditions = _common(limits) | (_of_the_payment(limits) if is_flat else _timed(limits))
    return given({name: _amount(tariff, spot).number, "conditions": given(conditions) or None})


def _amount(tariff: Tariff, spot: Spot) -> Converted:
    part = spot.component
    unit = Fraction(1, 60) if part.dimension in PER_TIME and not part.per_minute else Fraction(1)
    return converted(part.price, unit * net_factor(tariff, part))


def _common(limits: Restrictions) -> dict[str, Any]:
    return {
        "startTimeOfDay": limits.start_time and f"{limits.start_time:%H:%M}",
        "endTimeOfDay": limits.end_time and f"{limits.end_time:%H:%M}",
        "dayOfWeek": [day.value.capitalize() for day in limits.weekdays] or None,
        "validFromDate": limits.start_date and limits.start_date.isoformat(),
        "validToDate": limits.end_date and limits.end_date.isoformat(),
        "evseKind": limits.evse_kind and limits.evse_kind.value,
    }


def _of_the_payment(limits: Restrictions) -> dict[str, Any]:
    return {"paymentBrand": limits.payment_brand, "paymentRecognition": limits.payment_recognition}


def _timed(limits: Restrictions) -> dict[str, Any]:
    return {
        "minEnergy": limits.min_energy_wh,
        "maxEnergy": limits.max_energy_wh,
        "minCurrent": limits.min_current_a,
        "maxCurrent": limits.max_current_a,
        "minPower": limits.min_power_w,
        "maxPower": limits.max_power_w,
        "minTime": limits.min_duration_s,
        "maxTime": limits.max_duration_s,
        "minChargingTime": limits.min_charging_s,
        "maxChargingTime": limits.max_charging_s,
        "minIdleTime": limits.min_idle_s,
        "maxIdleTime": limits.max_idle_s,
    }


# What is lost


def _losses(published: TariffPublished) -> Iterator[Loss]:
    tariff = published.tariff
    yield from differences(tariff, Profile.OCPP_2_1)
    for spot in spots(tariff):
        if is_ours(spot.component):
            yield of_ours(spot.component, str(spot))
        else:
            yield from _of_a_price(tariff, spot)
            yield from _of_conditions(spot)
    for group in _told(tariff).values():
        yield from _of_taxes(group)
    yield from _of_the_minimum(tariff)
    if published.valid_until is not UNSET:
        until = f"in force also after {moment(published.valid_until)}"
        yield Loss(reason=LossReason.END_OF_VALIDITY, changes_price=True, where="valid_until", instead=until)
    if len(tariff.id) > _ID_MAX:
        yield Loss(reason=LossReason.ID_TOO_LONG, changes_price=True, where="id", instead=tariff.id[:_ID_MAX])
    yield from _of_the_rest(tariff)


def _of_a_price(tariff: Tariff, spot: Spot) -> Iterator[Loss]:
    part, amount, where = spot.component, _amount(tariff, spot), str(spot)
    yield from of_a_series(part, where)
    if spot.element.restrictions.reservation is Reservation.RESERVATION_EXPIRES:
        free = "a reservation that expires is free"
        yield Loss(reason=LossReason.EXPIRED_RESERVATION, changes_price=True, where=where, instead=free)
        return
    if tariff.basis is Basis.GROSS:
        is_changed = has_unknown_taxes(tariff, part) or not amount.is_exact
        instead = f"{amount.number} before taxes"
        yield Loss(reason=LossReason.GROSS_PRICES, changes_price=is_changed, where=where, instead=instead)
    elif has_unknown_taxes(tariff, part):
        yield Loss(reason=LossReason.UNKNOWN_TAXES, changes_price=True, where=where, instead="no tax applies")
    if part.dimension in PER_TIME and not part.per_minute and tariff.basis is not Basis.GROSS and not amount.is_exact:
        instead = f"{amount.number} per minute"
        yield Loss(reason=LossReason.PER_MINUTE_NOT_EXACT, changes_price=True, where=where, instead=instead)
    if part.dimension is not Dimension.FLAT and part.step_size > 1:
        yield Loss(reason=LossReason.STEP_SIZE, changes_price=True, where=where, instead="billed as measured")


def _of_conditions(spot: Spot) -> Iterator[Loss]:
    is_flat = spot.component.dimension is Dimension.FLAT
    reason = LossReason.FLAT_CONDITION if is_flat else LossReason.PAYMENT_CONDITION
    for name in _TIMED if is_flat else _OF_THE_PAYMENT:
        if (value := getattr(spot.element.restrictions, name)) is not None:
            yield Loss(reason=reason, changes_price=True, where=str(spot), instead=f"applies also without {name} {value}")


def _of_taxes(group: list[Spot]) -> Iterator[Loss]:
    """All prices of a field have the taxes of the first."""
    for spot in group[1:]:
        if taxes_of(spot.component) != (first := taxes_of(group[0].component)):
            rates = ", ".join(f"{tax.name} {tax.percent} %" for tax in first) or "no tax"
            yield Loss(
                reason=LossReason.DIFFERENT_TAXES, changes_price=True, where=str(spot), instead=f"{rates}, as {group[0]}"
            )


def _of_the_minimum(tariff: Tariff) -> Iterator[Loss]:
    """Where nothing is charged it bears the taxes of the first price, and here prices stand in another order."""
    if tariff.min_price is None or tariff.min_price.taxes or not is_ocpp(tariff.profile):
        return
    authored = [spot for spot in spots(tariff) if not is_ours(spot.component)]
    there = [spot for group in _told(tariff).values() for spot in group]
    if authored and there and taxes_of(authored[0].component) != taxes_of(there[0].component):
        instead = f"the taxes of {there[0]} where nothing is charged"
        yield Loss(reason=LossReason.LIMIT_TAXES, changes_price=True, where="min_price", instead=instead)


def _of_the_rest(tariff: Tariff) -> Iterator[Loss]:
    """What no price depends on."""
    if tariff.audience:
        instead = "for whom it is sent to"
        yield Loss(reason=LossReason.AUDIENCE, changes_price=False, where=f"type {tariff.audience}", instead=instead)
    if tariff.alt_url:
        yield Loss(reason=LossReason.ALT_URL, changes_price=False, where="tariff_alt_url")
    if tariff.energy_mix is not None:
        yield Loss(reason=LossReason.ENERGY_MIX, changes_price=False, where="energy_mix")
    for name in tariff.names[:_TEXTS_MAX]:
        where = f"text in {name.language}"
        if len(name.text) > _TEXT_MAX:
            yield Loss(reason=LossReason.TEXT_SHORTENED, changes_price=False, where=where, instead=f"{_TEXT_MAX} characters")
        if _language(name) != name.language:
            yield Loss(reason=LossReason.TEXT_LANGUAGE, changes_price=False, where=where, instead=_language(name))
    for name in tariff.names[_TEXTS_MAX:]:
        yield Loss(reason=LossReason.TEXT_LEFT_OUT, changes_price=False, where=f"text in {name.language}")
