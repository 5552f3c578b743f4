"""Tariffs as partners and CSMSs send them: OCPI objects, TariffTypes of OCPP 2.1, and the bodies that they come in."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tariffs.document import read_document, tariff_of
from tariffs.importing import Imported, read_tariff, read_tariffs
from tariffs.tariff_fields import TariffRefused
from vocabulary.tariff import (
    Basis,
    Dimension,
    DisplayText,
    EvseKind,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    Tax,
    Weekday,
)

DATA = Path(__file__).parent.parent / "data"
OCPI_NUMBERS = json.loads((DATA / "ocpi" / "tariffs.json").read_text())["tariffs"]
LINES = (DATA / "ocpp" / "ocpp21-tariff-messages.ndjson").read_text().splitlines()
FRAMES = [json.loads(line, parse_float=Decimal) for line in LINES]
SET_DEFAULT = {f["case"]: f["frame"] for f in FRAMES if f["action"] == "SetDefaultTariff" and f["direction"] == "csms->station"}
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
PARTNERS: dict[str, Any] = {
    "country_code": "NL",
    "party_id": "EMX",
    "id": "12",
    "currency": "EUR",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 1, "vat": 21, "step_size": 1}]}],
    "last_updated": "2026-01-01T00:00:00Z",
}
STATIONS: dict[str, Any] = {"tariffId": "12", "currency": "EUR", "energy": {"prices": [{"priceKwh": "0.4"}]}}


def line_of(case: str) -> bytes:
    """The frame of a case, as it was on the wire."""
    (line,) = (line for line in LINES if f'"case":"{case}"' in line)
    return json.dumps(json.loads(line)["frame"]).encode()


def one(raw: Any) -> Imported:
    return read_tariff(raw)


def refusal(raw: Any) -> str:
    with pytest.raises(TariffRefused) as refused:
        read_tariff(raw)
    return str(refused.value)


def components(imported: Imported) -> list[tuple[Any, ...]]:
    return [
        (part.dimension, part.price, part.per_minute, part.taxes, element.restrictions)
        for element in imported.published.tariff.elements
        for part in element.components
    ]


# OCPI


@pytest.mark.parametrize("name", OCPI_NUMBERS)
def test_the_numbers_of_each_example_of_ocpi_are_read_as_our_own_documents_and_as_a_partners_object(name):
    ours = tariff_of(read_document(OCPI_NUMBERS[name]))
    sent = {"country_code": "DE", "party_id": "ALL", "last_updated": "2019-02-03T17:00:11Z", **OCPI_NUMBERS[name]}
    renamed = {{"valid_from": "start_date_time", "valid_until": "end_date_time"}.get(k, k): v for k, v in sent.items()}
    assert one(renamed).published == ours


def test_a_partner_need_not_say_since_when_a_tariff_is_in_force():
    imported = one(PARTNERS)
    assert (imported.published.valid_from, imported.format, imported.notes) == (ALWAYS, "OCPI 2.2.1", ())


def test_an_instant_of_a_partner_without_a_zone_is_utc():
    published = one({**PARTNERS, "start_date_time": "2026-01-01T00:00:00", "end_date_time": "2026-06-30T23:59:59"}).published
    assert (published.valid_from, published.valid_until) == (
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC),
    )


def test_unknown_fields_of_2_3_0_are_put_aside_where_no_price_depends_on_them():
    raw = {**PARTNERS, "tax_included": "NO", "discount_club": "gold", "energy_mix": {"is_green_energy": True, "label": "A"}}
    raw["elements"] = [{**PARTNERS["elements"][0], "comment": "day"}]
    imported = one(raw)
    assert imported.format == "OCPI 2.3.0"
    assert [note.partition(":")[0] for note in imported.notes] == ["discount_club", "elements[1].comment", "energy_mix.label"]
    assert refusal({**PARTNERS, "discount_club": "gold"}) == "discount_club: there is no such field; check its spelling"


@pytest.mark.parametrize(
    "element",
    [
        {"price_components": [{"type": "ENERGY", "price": 1, "price_round": {}}]},
        {"price_components": [{"type": "ENERGY", "price": 1}], "restrictions": {"max_soc": 80}},
    ],
)
def test_an_unknown_field_on_which_a_price_may_depend_is_refused_also_in_2_3_0(element):
    assert "there is no such field" in refusal({**PARTNERS, "tax_included": "NO", "elements": [element]})


def test_what_a_partner_blocks_on_a_card_is_put_aside_and_a_booking_refused():
    (note,) = one({**PARTNERS, "preauthorize_amount": 50}).notes
    assert note == "preauthorize_amount: put aside; it is what is blocked on a card, and no price"
    booked = [{"price_components": [{"type": "FLAT", "price": 1}], "restrictions": {"booking": "BOOKING"}}]
    assert "bookings are not priced here" in refusal({**PARTNERS, "tax_included": "NO", "elements": booked})


# OCPP


def test_a_default_tariff_with_conditions_on_payment_power_and_idle_time_is_read():
    (imported,) = read_tariffs(line_of("set-default-tariff-12"))
    weekdays = tuple(Weekday)[:5]
    assert imported.format == "OCPP 2.1"
    assert (imported.published.tariff.profile, imported.published.tariff.basis) == (Profile.OCPP_2_1, Basis.NET)
    vat = {percent: (Tax(name="vat", percent=Decimal(percent)),) for percent in (10, 15, 20)}
    nine, ten, five, six = (f"{hour:02}:00" for hour in (9, 10, 17, 18))
    expected = [
        (Dimension.TIME, Decimal(1), True, vat[15], Restrictions(max_power_w=Decimal(11000))),
        (Dimension.TIME, Decimal(2), True, vat[15], Restrictions(min_power_w=Decimal(11000))),
        (Dimension.PARKING_TIME, Decimal(1), True, vat[20], window(nine, six, weekdays, min_idle_s=300)),
        (Dimension.PARKING_TIME, Decimal("0.6"), True, vat[20], window(ten, five, (Weekday.SATURDAY,))),
        (Dimension.FLAT, Decimal(3), False, vat[10], Restrictions(payment_recognition="CC")),
        (Dimension.FLAT, Decimal("2.5"), False, vat[10], Restrictions()),
    ]
    assert components(imported) == expected


def window(start: str, end: str, days: tuple[Weekday, ...], **more: Any) -> Restrictions:
    times = (datetime.strptime(text, "%H:%M").time() for text in (start, end))
    return Restrictions(**dict(zip(("start_time", "end_time"), times, strict=True)), weekdays=days, **more)


def test_every_field_of_a_tariff_type_is_read():
    tariff = deepcopy(SET_DEFAULT["every-field"][3]["tariff"])
    del tariff["energy"]["prices"][1]  # of what is fed back
    tariff["description"] = [
        {"format": "UTF8", "content": "Nacht"},
        {"format": "URI", "language": "de-AT", "content": "https://x"},
    ]
    imported = one(tariff)
    read, published = imported.published.tariff, imported.published
    assert published.valid_from == datetime(2026, 4, 1, tzinfo=UTC)
    assert read.names == (DisplayText("und", "Nacht", "UTF8"), DisplayText("de-AT", "https://x", "URI"))
    assert read.min_price == PriceLimit(before_taxes=Decimal(1), after_taxes=Decimal("1.21"))
    assert read.max_price == PriceLimit(after_taxes=Decimal(60))
    first, *_, brand, _, by_time, fixed = components(imported)
    assert first[3] == (Tax(name="energytax", percent=Decimal(5), stack=0), Tax(name="vat", percent=Decimal(21), stack=1))
    limits = first[4]
    assert (limits.evse_kind, limits.min_energy_wh, limits.max_current_a) == (EvseKind.DC, 20000, 200)
    assert (limits.min_power_w, limits.max_power_w, limits.min_duration_s, limits.max_charging_s) == (5000, 150000, 60, 3600)
    assert brand[4].payment_brand == "Visa"
    assert (by_time[0], by_time[2], by_time[4].reservation) == (Dimension.TIME, True, Reservation.RESERVATION)
    assert (fixed[0], fixed[4].reservation) == (Dimension.FLAT, Reservation.RESERVATION)


def test_what_vehicles_feed_back_is_refused_at_each_of_its_fields():
    complaints = refusal(SET_DEFAULT["every-field"][3]["tariff"]).splitlines()
    assert [complaint.partition(":")[0] for complaint in complaints] == [
        "energy.prices[2].priceKwh",
        "energy.prices[2].conditions.minPower",
        "energy.prices[2].conditions.maxPower",
    ]


def test_no_tax_rates_is_not_a_rate_of_zero():
    zero = {"prices": [{"priceKwh": "0.4"}], "taxRates": [{"type": "vat", "tax": 0}]}
    assert components(one(STATIONS))[0][3] == ()
    assert components(one({**STATIONS, "energy": zero}))[0][3] == (Tax(name="vat", percent=Decimal(0)),)


def test_mistakes_of_published_examples_are_read_where_they_mean_one_thing():
    raw = {"id": "21", "currency": "EUR", "energy": [STATIONS["energy"]], "customData": {"vendorId": "x"}}
    raw["fixedFee"] = {"prices": [{"priceFixed": 1, "conditionsFixed": {"paymentBrand": "Visa"}}]}
    imported = one(raw)
    assert [note.partition(":")[0] for note in imported.notes] == ["id", "customData", "energy"]
    assert components(imported)[-1][4] == Restrictions(payment_brand="Visa")
    two = {**STATIONS, "energy": [STATIONS["energy"]] * 2}
    assert refusal(two) == "energy: takes fields, each with its name"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"energy": None}, "has no price; write at least one of energy, chargingTime"),
        ({"minCost": {}}, "minCost: has no amount; write exclTax, inclTax, or both"),
        ({"energy": {"prices": []}}, "energy.prices: "),
        ({"energy": {"prices": [{"priceMinute": 1}]}}, "energy.prices[1].priceKwh: must be given"),
        ({"energy": {"prices": [{"priceKwh": 1, "conditions": {"maxIdleTime": 0}}]}}, "maxIdleTime 0 is an exclusive bound"),
        ({"fixedFee": {"prices": [{"priceFixed": 1, "conditions": {"minPower": 1}}]}}, "minPower: there is no such field"),
        ({"tariffId": "t" * 61}, "tariffId: "),
    ],
)
def test_what_is_wrong_with_a_tariff_type_is_told_with_its_place(changed, complaint):
    assert complaint in refusal({**STATIONS, **changed})


# Bodies


@pytest.mark.parametrize(
    ("body", "formats"),
    [
        (STATIONS, ["OCPP 2.1"]),
        ([PARTNERS, STATIONS], ["OCPI 2.2.1", "OCPP 2.1"]),
        ({"data": [PARTNERS], "status_code": 1000}, ["OCPI 2.2.1"]),
        ({"data": PARTNERS, "status_code": 1000}, ["OCPI 2.2.1"]),
        ({"evseId": 0, "tariff": STATIONS}, ["OCPP 2.1"]),
        ([2, "1", "SetDefaultTariff", {"evseId": 0, "tariff": STATIONS}], ["OCPP 2.1"]),
        ({"tariffs": [OCPI_NUMBERS["2.3.0/tariff_5_free_of_charge.json"]]}, ["our own"]),
    ],
)
def test_tariffs_are_found_in_the_bodies_that_they_come_in(body, formats):
    assert [imported.format for imported in read_tariffs(json.dumps(body).encode())] == formats


def test_of_several_the_one_that_is_wrong_is_named():
    with pytest.raises(TariffRefused, match=r"^tariff 2: currency: must be given"):
        read_tariffs(json.dumps([PARTNERS, {"tariffId": "x", "energy": STATIONS["energy"]}]).encode())
