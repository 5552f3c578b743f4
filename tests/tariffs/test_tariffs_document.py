"""What people may write as a tariff, what is refused and with which words, and the OCPI object that goes into CDRs."""

from copy import deepcopy
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from tariffs.document import read_document, tariff_of
from tariffs.export_ocpi import document_of
from tariffs.tariff_fields import TariffRefused
from tests.tariffs.strategies import TARIFFS
from vocabulary.codec import decode, encode
from vocabulary.tariff import Tariff, Weekday

WRITTEN: dict[str, Any] = {
    "id": "ac-day-night",
    "currency": "EUR",
    "valid_from": "2026-01-01T00:00:00+01:00",
    "names": [{"language": "de", "text": "Tag und Nacht"}],
    "elements": [
        {
            "price_components": [{"type": "ENERGY", "price": "0.3529", "vat": "19", "step_size": "1"}],
            "restrictions": {
                "start_time": "22:00",
                "end_time": "06:00",
                "day_of_week": ["MONDAY", "FRIDAY"],
                "max_kwh": "10.5",
                "min_duration": "600",
            },
        },
        {"price_components": [{"type": "ENERGY", "price": "0.4538"}, {"type": "FLAT", "price": "0.50"}]},
    ],
}
OWNER = {"country_code": "DE", "party_id": "ABC", "last_updated": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)}


def refusal(**changed: Any) -> str:
    with pytest.raises(TariffRefused) as refused:
        read_document({**deepcopy(WRITTEN), **changed})
    return str(refused.value)


def element(**changed: Any) -> list[Any]:
    return [{"price_components": [{"type": "ENERGY", "price": "0.45", **changed.pop("price", {})}], **changed}]


def test_a_tariff_is_read_with_exact_numbers_in_base_units():
    published = tariff_of(read_document(WRITTEN))
    first, second = published.tariff.elements
    assert published.valid_from == datetime(2025, 12, 31, 23, 0, tzinfo=UTC)
    assert (first.components[0].price, first.components[0].vat_percent) == (Decimal("0.3529"), Decimal(19))
    assert (first.restrictions.start_time, first.restrictions.end_time) == (time(22), time(6))
    assert first.restrictions.weekdays == (Weekday.MONDAY, Weekday.FRIDAY)
    assert (first.restrictions.max_energy_wh, first.restrictions.min_duration_s) == (Decimal(10500), 600)
    assert second.components[0].vat_percent is None


def test_no_vat_is_not_vat_of_zero():
    (none,), (zero,) = (
        tariff_of(read_document({**WRITTEN, "elements": element(price=price)})).tariff.elements for price in ({}, {"vat": "0"})
    )
    assert (none.components[0].vat_percent, zero.components[0].vat_percent) == (None, Decimal(0))


def test_a_step_size_that_is_left_out_does_not_round():
    (only,) = tariff_of(read_document({**WRITTEN, "elements": element()})).tariff.elements
    assert only.components[0].step_size == 0


def test_numbers_may_come_as_texts_integers_and_decimals_and_mean_the_same():
    versions = {
        encode(tariff_of(read_document({**WRITTEN, "elements": element(price={"price": price})})))
        for price in ("2", 2, Decimal(2))
    }
    assert len(versions) == 1


def test_a_float_is_refused_for_it_has_lost_its_digits():
    assert refusal(elements=element(price={"price": 0.45})) == (
        "elements[1].price_components[1].price: 0.45 came as a float; write it as a text, or read numbers as Decimal"
    )


@pytest.mark.parametrize("price", ["0,45", "-0.45", "1e3", "NaN", "", "0.45 EUR", True, "٣"])
def test_a_price_is_a_plain_number(price):
    assert "cannot be read; write for example 0.45" in refusal(elements=element(price={"price": price}))


@pytest.mark.parametrize("at", ["24:00", "22:00:00", "9:00", 1320, "22:61"])
def test_a_time_of_day_is_two_digits_and_two(at):
    assert "in quotes; the end of the day is" in refusal(elements=element(restrictions={"start_time": at}))


@pytest.mark.parametrize("at", ["2026-01-01", "2026-01-01T00:00:00"])
def test_an_instant_has_its_offset(at):
    assert refusal(valid_from=at) == f"valid_from: '{at}' cannot be read; write for example 2026-01-01T00:00:00+01:00"


def test_what_is_missing_is_named():
    assert (
        refusal(elements=[{"price_components": [{"type": "ENERGY"}]}]) == "elements[1].price_components[1].price: must be given"
    )
    with pytest.raises(TariffRefused, match="valid_from: must be given"):
        read_document({})


def test_an_unknown_field_is_refused_by_its_name():
    assert refusal(elements=element(restriction={})) == "elements[1].restriction: there is no such field; check its spelling"


def test_all_that_is_wrong_is_told_at_once():
    assert len(refusal(currency="euro", id="", elements=element(price={"vat": "190"})).splitlines()) == 3


def test_two_prices_of_one_kind_in_an_element_are_refused():
    twice = [{"price_components": [{"type": "ENERGY", "price": "1"}, {"type": "ENERGY", "price": "2"}]}]
    assert refusal(elements=twice) == "elements[1]: two prices for ENERGY: only the first of each would ever apply"


@pytest.mark.parametrize(
    "limits",
    [
        {"min_kwh": "10", "max_kwh": "10"},
        {"max_kwh": "0"},
        {"min_duration": 60, "max_duration": 30},
        {"start_date": "2026-01-02", "end_date": "2026-01-02"},
    ],
)
def test_restrictions_that_can_never_hold_are_refused(limits):
    assert "the element would never apply" in refusal(elements=element(restrictions=limits))


@pytest.mark.parametrize("nothing", [{"elements": []}, {"elements": [{"price_components": []}]}])
def test_a_tariff_without_a_price_is_refused(nothing):
    assert "at least one must be given" in refusal(**nothing)


def test_null_is_the_same_as_left_out():
    filled = {**WRITTEN, "min_price": None, "elements": element(restrictions={"max_power": None, "max_kwh": None})}
    assert tariff_of(read_document(filled)) == tariff_of(read_document({**WRITTEN, "elements": element()}))


def test_the_ocpi_object_keeps_digits_and_units():
    assert document_of(tariff_of(read_document(WRITTEN)).tariff, **OWNER) == {
        "country_code": "DE",
        "party_id": "ABC",
        "id": "ac-day-night",
        "currency": "EUR",
        "tariff_alt_text": [{"language": "de", "text": "Tag und Nacht"}],
        "elements": [
            {
                "price_components": [{"type": "ENERGY", "price": Decimal("0.3529"), "vat": Decimal(19), "step_size": 1}],
                "restrictions": {
                    "start_time": "22:00",
                    "end_time": "06:00",
                    "max_kwh": Decimal("10.5"),
                    "min_duration": 600,
                    "day_of_week": ["MONDAY", "FRIDAY"],
                },
            },
            {
                "price_components": [
                    {"type": "ENERGY", "price": Decimal("0.4538"), "step_size": 0},
                    {"type": "FLAT", "price": Decimal("0.50"), "step_size": 1},
                ]
            },
        ],
        "last_updated": "2026-01-02T03:04:05Z",
    }


@given(TARIFFS)
def test_a_tariff_comes_back_from_its_ocpi_object_unless_some_element_can_never_apply(tariff):
    written = {**document_of(tariff, **OWNER), "start_date_time": "2026-01-01T00:00:00Z"}
    refused = complaints_about(written)
    assert all("would never apply" in complaint for complaint in refused)
    assert refused or document_of(tariff_of(read_document(written)).tariff, **OWNER) == document_of(tariff, **OWNER)


def complaints_about(raw: object) -> tuple[str, ...]:
    try:
        read_document(raw)
    except TariffRefused as refused:
        return refused.complaints
    return ()


@given(TARIFFS)
def test_a_published_tariff_survives_the_log(tariff: Tariff):
    published = tariff_of(read_document(WRITTEN))
    published = type(published)(tariff=tariff, valid_from=published.valid_from)
    assert decode(encode(published)) == published
