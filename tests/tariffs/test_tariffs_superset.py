"""What a document says beyond OCPI 2.2.1's elements: limits, taxes, gross prices, reservations, power, idle time, payment."""

from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from tariffs.document import read_document, tariff_of
from tariffs.tariff_fields import TariffRefused
from vocabulary.codec import encode
from vocabulary.tariff import (
    Basis,
    EnergyMix,
    EnergyShare,
    EvseKind,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    TariffPublished,
    Tax,
)

PLAIN: dict[str, Any] = {
    "id": "t",
    "currency": "EUR",
    "valid_from": "2026-01-01T00:00:00Z",
    "elements": [{"price_components": [{"type": "TIME", "price": "2.40"}]}],
}
ELEMENT = "elements[1]"
PRICE = "elements[1].price_components[1]"


def read(**changed: Any) -> TariffPublished:
    return tariff_of(read_document({**deepcopy(PLAIN), **changed}))


def priced(**changed: Any) -> list[Any]:
    return [{"price_components": [{"type": "TIME", "price": "2.40", **changed}]}]


def restricted(**limits: Any) -> list[Any]:
    return [{"price_components": [{"type": "TIME", "price": "2.40"}], "restrictions": limits}]


def refusal(**changed: Any) -> str:
    with pytest.raises(TariffRefused) as refused:
        read(**changed)
    return str(refused.value)


def test_a_document_of_today_has_the_bytes_that_it_had():
    assert encode(read()) == (
        b'{"type":"tariff.published","tariff":{"id":"t","currency":"EUR","elements":[{"components":[{"dimension":"TIME",'
        b'"price":"2.40"}],"restrictions":{}}]},"valid_from":"2026-01-01T00:00:00Z"}'
    )


def test_the_profile_is_that_of_ocpi_2_2_1_unless_the_document_says_otherwise():
    said: list[tuple[dict[str, Any], Profile, Basis]] = [
        ({}, Profile.OCPI_2_2_1, Basis.NET),
        ({"tax_included": "NO"}, Profile.OCPI_2_3_0, Basis.NET),
        ({"tax_included": "YES"}, Profile.OCPI_2_3_0, Basis.GROSS),
        ({"tax_included": "N/A", "profile": "ocpi-2.3.0"}, Profile.OCPI_2_3_0, Basis.UNTAXED),
        ({"profile": "ocpp-2.1"}, Profile.OCPP_2_1, Basis.NET),
    ]
    tariffs = [(read(**fields).tariff, profile, basis) for fields, profile, basis in said]
    assert all((tariff.profile, tariff.basis) == (profile, basis) for tariff, profile, basis in tariffs)


def test_prices_of_2_2_1_and_of_ocpp_are_net():
    assert refusal(profile="ocpi-2.2.1", tax_included="YES") == (
        "the tariff: prices of ocpi-2.2.1 are net; remove tax_included, or write profile: ocpi-2.3.0"
    )
    assert "prices of ocpp-2.1 are net" in refusal(profile="ocpp-2.1", tax_included="N/A")
    assert "wants tax_included: write NO" in refusal(profile="ocpi-2.3.0")


@pytest.mark.parametrize("taxed", [{"vat": "19"}, {"taxes": [{"name": "state", "percent": "4"}]}])
def test_where_no_tax_applies_no_price_has_one(taxed):
    assert "N/A says that no tax applies; remove vat and taxes" in refusal(tax_included="N/A", elements=priced(**taxed))


def test_limits_are_written_as_in_either_version():
    wanted = PriceLimit(before_taxes=Decimal("0.50"), after_taxes=Decimal("0.55"))
    assert read(min_price={"excl_vat": "0.50", "incl_vat": "0.55"}).tariff.min_price == wanted
    assert read(tax_included="NO", max_price={"before_taxes": "0.50", "after_taxes": "0.55"}).tariff.max_price == wanted
    assert read(min_price={"incl_vat": "0.55"}).tariff.min_price == PriceLimit(after_taxes=Decimal("0.55"))


def test_a_limit_has_an_amount_in_one_way():
    assert refusal(min_price={}).startswith("min_price: has no amount; write excl_vat or incl_vat")
    assert refusal(min_price={"excl_vat": "1", "after_taxes": "2"}).startswith("min_price: mixes two dialects")
    assert "add tax_included, or write excl_vat" in refusal(max_price={"before_taxes": "1"})


def test_taxes_have_names_and_levels_and_a_price_has_them_or_a_vat():
    taxes = [{"name": "energytax", "percent": "5.0", "stack": 0}, {"name": "vat", "percent": "21", "stack": 1}]
    (element,) = read(elements=priced(taxes=taxes)).tariff.elements
    assert element.components[0].taxes == (
        Tax(name="energytax", percent=Decimal("5.0"), stack=0),
        Tax(name="vat", percent=Decimal(21), stack=1),
    )
    assert refusal(elements=priced(taxes=taxes, vat="21")).startswith(f"{PRICE}: has vat and taxes; write one of them")


@pytest.mark.parametrize(("written", "per_minute"), [(True, True), ("true", True), ("false", False), (None, False)])
def test_a_price_of_time_may_be_one_per_minute(written, per_minute):
    if written is None:
        (element,) = read(elements=priced()).tariff.elements
    else:
        (element,) = read(elements=priced(per_minute=written)).tariff.elements
    assert element.components[0].per_minute is per_minute
    assert element.components[0].price == Decimal("2.40")


def test_energy_has_no_price_per_minute():
    assert "ENERGY has no price per minute" in refusal(elements=priced(type="ENERGY", per_minute="true"))
    assert refusal(elements=priced(per_minute="yes")) == f"{PRICE}.per_minute: must be true or false"


def test_every_restriction_is_read_in_base_units():
    (element,) = read(
        elements=restricted(
            min_power="11.0",
            max_power="22",
            min_current="16.0",
            max_current="32",
            min_charging_duration=60,
            max_charging_duration="120",
            min_idle_duration=300,
            max_idle_duration=7200,
            reservation="RESERVATION",
            evse_kind="DC",
            payment_brand="Visa",
            payment_recognition="CC",
        )
    ).tariff.elements
    assert element.restrictions == Restrictions(
        min_power_w=Decimal(11000),
        max_power_w=Decimal(22000),
        min_current_a=Decimal(16),
        max_current_a=Decimal(32),
        min_charging_s=60,
        max_charging_s=120,
        min_idle_s=300,
        max_idle_s=7200,
        reservation=Reservation.RESERVATION,
        evse_kind=EvseKind.DC,
        payment_brand="Visa",
        payment_recognition="CC",
    )


@pytest.mark.parametrize(
    "limits",
    [
        {"max_power": "0"},
        {"min_power": "22", "max_power": "11"},
        {"min_current": "32", "max_current": "32"},
        {"min_idle_duration": 300, "max_idle_duration": 300},
        {"max_charging_duration": 0},
    ],
)
def test_a_restriction_that_can_never_hold_is_refused(limits):
    assert "the element would never apply" in refusal(elements=restricted(**limits))


def test_a_reservation_has_no_price_of_energy_or_parking():
    elements = restricted(reservation="RESERVATION")
    elements[0]["price_components"].append({"type": "ENERGY", "price": "1"})
    assert refusal(elements=elements) == (f"{ELEMENT}: a reservation is priced by FLAT and TIME alone; move ENERGY elsewhere")
    assert "write 'RESERVATION' or 'RESERVATION_EXPIRES'" in refusal(elements=restricted(reservation="LATE"))


def test_the_end_of_validity_is_exclusive_and_after_the_beginning():
    assert read().valid_until is UNSET
    for name in ("valid_until", "end_date_time"):
        assert read(**{name: "2026-06-30T23:59:59Z"}).valid_until == datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
    assert "the tariff would never be in force" in refusal(valid_until=PLAIN["valid_from"])


def test_what_no_price_depends_on_is_kept():
    tariff = read(
        type="AD_HOC_PAYMENT",
        tariff_alt_url="https://example.org/t",
        energy_mix={
            "is_green_energy": "true",
            "energy_sources": [{"source": "SOLAR", "percentage": "100"}],
            "environ_impact": [{"category": "CARBON_DIOXIDE", "amount": "3.5"}],
            "supplier_name": "Strom",
            "energy_product_name": "Sonne",
        },
    ).tariff
    assert (tariff.audience, tariff.alt_url) == ("AD_HOC_PAYMENT", "https://example.org/t")
    assert tariff.energy_mix == EnergyMix(
        is_green_energy=True,
        sources=(EnergyShare(name="SOLAR", amount=Decimal(100)),),
        impacts=(EnergyShare(name="CARBON_DIOXIDE", amount=Decimal("3.5")),),
        supplier_name="Strom",
        product_name="Sonne",
    )


def test_what_no_price_can_come_of_is_refused_with_what_to_do():
    assert refusal(preauthorize_amount="50").startswith("preauthorize_amount: is no price, and nothing here blocks money")
    assert refusal(elements=restricted(booking="BOOKING")).startswith(
        "elements[1].restrictions.booking: bookings are not priced"
    )


def test_a_tariff_of_ocpp_may_have_what_ocpi_has_no_room_for():
    names = [{"language": "de-AT", "text": "x" * 600, "format": "HTML"}]
    assert read(profile="ocpp-2.1", id="t" * 60, names=names).tariff.names[0].format == "HTML"
    assert "OCPI takes 36" in refusal(id="t" * 37)
    assert "two letters as language, 512 characters" in refusal(names=names)


def test_a_tariff_of_ocpp_has_no_steps():
    assert "knows no step_size" in refusal(profile="ocpp-2.1", elements=priced(step_size=300))


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_outside_the_calendar_is_refused(instant):
    assert "lies outside the calendar" in refusal(valid_from=instant)
