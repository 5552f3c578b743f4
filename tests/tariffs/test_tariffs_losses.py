"""Each loss of an export: what causes it, whether it changes the price, and what stands in the document instead."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from tariffs.document import read_document, tariff_of
from tariffs.export_ocpi import document_of
from tariffs.exporting import export
from tariffs.importing import read_tariff
from tariffs.losses import Exported, ExportRefused, LossReason
from vocabulary.tariff import Profile, TariffPublished

OWNER: dict[str, Any] = {"country_code": "DE", "party_id": "ABC", "last_updated": datetime(2026, 1, 2, tzinfo=UTC)}
ENERGY = {"type": "ENERGY", "price": "0.50", "vat": "19"}
BACK = {"type": "ENERGY_EXPORT", "price": "0.20", "vat": "19"}
TIME = {"type": "TIME", "price": "2.40", "vat": "19"}
FLAT = {"type": "FLAT", "price": "1.00", "vat": "19"}
BASE: dict[str, Any] = {"id": "t", "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z"}
OCPP: dict[str, Any] = {"profile": "ocpp-2.1"}
NET: dict[str, Any] = {"tax_included": "NO"}
GROSS: dict[str, Any] = {"tax_included": "YES"}
TWO = [{"name": "federal", "percent": "6"}, {"name": "state", "percent": "4"}]
TO_221, TO_230, TO_OCPP = Profile
CHANGED, KEPT = True, False


def tariff(*components: dict[str, Any], restrictions: dict[str, Any] | None = None, **fields: Any) -> TariffPublished:
    element = {"price_components": list(components or [ENERGY]), "restrictions": restrictions}
    return tariff_of(read_document({**BASE, "elements": [element], **fields}))


def exported(published: TariffPublished, wanted: Profile) -> Exported:
    return export(published, wanted, **OWNER, allow_losses=True)


def limited(**limit: Any) -> dict[str, Any]:
    return {"min_price": limit}


CASES: dict[str, tuple[TariffPublished, Profile, list[tuple[str, bool, str]]]] = {
    "a price that follows a series, in OCPI": (
        tariff({**ENERGY, "series": {"id": "day-ahead"}}),
        TO_230,
        [("price_series_not_expressible", CHANGED, "element 1, ENERGY")],
    ),
    "a price that follows a series, in OCPP": (
        tariff({**ENERGY, "series": {"id": "day-ahead"}}),
        TO_OCPP,
        [("price_series_not_expressible", CHANGED, "element 1, ENERGY")],
    ),
    "a price of energy that is fed back, in OCPI": (
        tariff(ENERGY, BACK),
        TO_221,
        [("export_price_not_expressible", CHANGED, "element 1, ENERGY_EXPORT")],
    ),
    "a price of energy that is fed back, in OCPP": (
        tariff(ENERGY, {**BACK, "vat": "7"}, max_price={"excl_vat": "10"}),
        TO_OCPP,
        [("export_price_not_expressible", CHANGED, "element 1, ENERGY_EXPORT")],
    ),
    "nothing paid for what is fed back": (
        tariff(ENERGY, {**BACK, "price": "0"}),
        TO_230,
        [("export_price_not_expressible", KEPT, "element 1, ENERGY_EXPORT")],
    ),
    "swaps of batteries, and nothing else": (
        tariff({"type": "SWAP", "price": "3.50", "vat": "19"}, restrictions={"evse_kind": "DC"}),
        TO_230,
        [("swap_price_not_expressible", CHANGED, "element 1, SWAP")],
    ),
    "gross, with no finite net": (
        tariff(ENERGY, **GROSS),
        TO_221,
        [("gross_prices_not_expressible", CHANGED, "element 1, ENERGY")],
    ),
    "gross, whose net is a finite decimal": (
        tariff({**ENERGY, "price": "0.595"}, **GROSS),
        TO_221,
        [("gross_prices_not_expressible", KEPT, "element 1, ENERGY")],
    ),
    "gross at unknown rates": (
        tariff({"type": "ENERGY", "price": "2.10"}, **GROSS),
        TO_OCPP,
        [("gross_prices_not_expressible", CHANGED, "element 1, ENERGY")],
    ),
    "taxes that somebody else knows": (
        tariff({"type": "ENERGY", "price": "2.00"}, **NET),
        TO_221,
        [("unknown_taxes_not_expressible", CHANGED, "element 1, ENERGY")],
    ),
    "the same for a station": (
        tariff({"type": "ENERGY", "price": "2.00"}, **NET),
        TO_OCPP,
        [("unknown_taxes_not_expressible", CHANGED, "element 1, ENERGY")],
    ),
    "two rates for energy": (
        tariff_of(read_document({**BASE, "elements": [{"price_components": [{**ENERGY, "vat": v}]} for v in ("19", "7")]})),
        TO_OCPP,
        [("different_taxes_in_one_dimension_not_expressible", CHANGED, "element 2, ENERGY")],
    ),
    "steps": (
        tariff({**ENERGY, "step_size": 500}, {**TIME, "step_size": 1}, {**FLAT, "step_size": 9}),
        TO_OCPP,
        [("step_size_not_expressible", CHANGED, "element 1, ENERGY")],
    ),
    "a price per hour with no finite one per minute": (
        tariff({**TIME, "price": "2.00"}),
        TO_OCPP,
        [("price_per_minute_not_exact", CHANGED, "element 1, TIME")],
    ),
    "a price per hour with a finite one per minute": (tariff(TIME), TO_OCPP, []),
    "a price per minute": (tariff({**TIME, "per_minute": True}), TO_221, []),
    "idle grace": (
        tariff({**TIME, "type": "PARKING_TIME"}, restrictions={"min_idle_duration": 300}),
        TO_230,
        [("idle_grace_not_expressible", CHANGED, "element 1")],
    ),
    "charging duration": (
        tariff(restrictions={"max_charging_duration": 300}),
        TO_221,
        [("charging_duration_not_expressible", CHANGED, "element 1")],
    ),
    "kind of EVSE": (tariff(restrictions={"evse_kind": "DC"}), TO_221, [("evse_kind_not_expressible", CHANGED, "element 1")]),
    "kind of EVSE for a station": (tariff(restrictions={"evse_kind": "DC"}), TO_OCPP, []),
    "payment": (
        tariff(FLAT, restrictions={"payment_brand": "Visa"}),
        TO_230,
        [("payment_condition_not_expressible", CHANGED, "element 1")],
    ),
    "payment and a price by energy": (
        tariff(restrictions={"payment_recognition": "CC"}),
        TO_OCPP,
        [("payment_condition_not_expressible", CHANGED, "element 1, ENERGY")],
    ),
    "a flat price by energy so far": (
        tariff(FLAT, restrictions={"min_kwh": "10"}),
        TO_OCPP,
        [("flat_condition_not_expressible", CHANGED, "element 1, FLAT")],
    ),
    "a reservation that expires": (
        tariff(FLAT, restrictions={"reservation": "RESERVATION_EXPIRES"}),
        TO_OCPP,
        [
            ("expired_reservation_not_expressible", CHANGED, "element 1, FLAT"),
            ("priced_differently_by_ocpp_station", CHANGED, "element 1, FLAT"),
        ],
    ),
    "a limit after taxes": (
        tariff(**limited(incl_vat="1.19")),
        TO_221,
        [("limit_after_taxes_alone_not_expressible", CHANGED, "min_price")],
    ),
    "taxes of a limit with both bounds": (
        tariff(**limited(before_taxes="1", after_taxes="1.10", taxes=TWO), **NET),
        TO_230,
        [("taxes_of_a_limit_not_expressible", KEPT, "min_price")],
    ),
    "taxes of a limit with one bound": (
        tariff(**limited(before_taxes="1", taxes=TWO), **NET),
        TO_230,
        [("taxes_of_a_limit_not_expressible", CHANGED, "min_price")],
    ),
    "a start fee by time of day for a station": (
        tariff(FLAT, restrictions={"start_time": "22:00"}),
        TO_OCPP,
        [("priced_differently_by_ocpp_station", CHANGED, "element 1, FLAT")],
    ),
    "a start fee by weekday from a station": (
        tariff(FLAT, restrictions={"day_of_week": ["MONDAY"]}, **OCPP),
        TO_230,
        [("priced_differently_by_ocpp_station", CHANGED, "element 1, FLAT")],
    ),
    "a reservation from a station": (
        tariff(FLAT, restrictions={"reservation": "RESERVATION"}, **OCPP),
        TO_221,
        [("priced_differently_by_ocpp_station", CHANGED, "element 1, FLAT")],
    ),
    "a maximum at two rates": (
        tariff(FLAT, {**ENERGY, "vat": "7"}, max_price={"excl_vat": "10"}),
        TO_OCPP,
        [("priced_differently_by_ocpp_station", CHANGED, "max_price")],
    ),
    "a maximum at one rate": (tariff(FLAT, ENERGY, max_price={"excl_vat": "10"}), TO_OCPP, []),
    "a maximum whose bounds do not agree": (
        tariff(max_price={"excl_vat": "10", "incl_vat": "11"}),
        TO_OCPP,
        [("priced_differently_by_ocpp_station", CHANGED, "max_price")],
    ),
    "a minimum whose bounds agree": (tariff(**limited(excl_vat="1", incl_vat="1.19")), TO_OCPP, []),
    "a minimum of one bound": (
        tariff(**limited(excl_vat="1")),
        TO_OCPP,
        [("priced_differently_by_ocpp_station", CHANGED, "min_price")],
    ),
    "a minimum above the maximum": (
        tariff(min_price={"excl_vat": "2", "incl_vat": "2.38"}, max_price={"excl_vat": "1"}),
        TO_OCPP,
        [("priced_differently_by_ocpp_station", CHANGED, "max_price")],
    ),
    "the end of validity": (
        tariff(valid_until="2027-01-01T00:00:00Z"),
        TO_OCPP,
        [("end_of_validity_not_expressible", CHANGED, "valid_until")],
    ),
    "a long id": (tariff(id="t" * 37, **OCPP), TO_221, [("tariff_id_too_long", CHANGED, "id")]),
    "several taxes": (
        tariff({"type": "ENERGY", "price": "1", "taxes": TWO}),
        TO_221,
        [("stacked_taxes_not_expressible", KEPT, "element 1, ENERGY")],
    ),
    "a tax of another name": (
        tariff({"type": "ENERGY", "price": "1", "taxes": TWO[:1]}),
        TO_230,
        [("tax_name_not_expressible", KEPT, "element 1, ENERGY")],
    ),
    "no tax beside taxes": (
        tariff(ENERGY, {"type": "FLAT", "price": "1"}),
        TO_230,
        [("no_tax_told_as_zero_percent", KEPT, "element 1, FLAT")],
    ),
    "no tax beside none of 0 percent, which is rounded apart": (
        tariff(ENERGY, {"type": "FLAT", "price": "1"}, {"type": "PARKING_TIME", "price": "1", "vat": 0}),
        TO_230,
        [("no_tax_told_as_zero_percent", CHANGED, "element 1, FLAT")],
    ),
    "two taxes that come to the percentage of one": (
        tariff({"type": "ENERGY", "price": "1", "taxes": TWO}, {"type": "FLAT", "price": "1", "vat": "10"}),
        TO_221,
        [("stacked_taxes_not_expressible", CHANGED, "element 1, ENERGY")],
    ),
    "a tax of another name beside VAT of its rate": (
        tariff({"type": "ENERGY", "price": "1", "taxes": TWO[:1]}, {"type": "FLAT", "price": "1", "vat": TWO[0]["percent"]}),
        TO_230,
        [("tax_name_not_expressible", CHANGED, "element 1, ENERGY")],
    ),
    "a fee of a station that waits for energy": (
        tariff({"type": "FLAT", "price": "1"}, restrictions={"min_kwh": 5}, **OCPP),
        TO_221,
        [("priced_differently_by_ocpp_station", CHANGED, "element 1, FLAT")],
    ),
    "a fee of a station that holds at the start": (
        tariff({"type": "FLAT", "price": "1"}, restrictions={"max_kwh": 5, "max_duration": 600}, **OCPP),
        TO_221,
        [],
    ),
    "a minimum after taxes above the maximum before them, untaxed": (
        tariff(
            {"type": "ENERGY", "price": "0.5"}, tax_included="N/A", min_price={"after_taxes": 10}, max_price={"before_taxes": 5}
        ),
        TO_OCPP,
        [("priced_differently_by_ocpp_station", CHANGED, "max_price")],
    ),
    "a minimum whose taxes are those of the first price": (
        tariff({"type": "FLAT", "price": "1", "vat": 6}, ENERGY, min_price={"before_taxes": 10}, **OCPP),
        TO_OCPP,
        [("taxes_of_a_limit_not_expressible", CHANGED, "min_price")],
    ),
    "what no price depends on": (
        tariff(type="REGULAR", tariff_alt_url="https://example.org", energy_mix={"is_green_energy": True}),
        TO_OCPP,
        [
            ("audience_not_expressible", KEPT, "type REGULAR"),
            ("alt_url_not_expressible", KEPT, "tariff_alt_url"),
            ("energy_mix_not_expressible", KEPT, "energy_mix"),
        ],
    ),
    "texts": (
        tariff(
            names=[{"language": "de-AT", "text": "x" * 513}, {"language": "und", "text": "x"}],
            **OCPP,
        ),
        TO_221,
        [
            ("text_shortened", KEPT, "text in de-AT"),
            ("text_language_shortened", KEPT, "text in de-AT"),
            ("text_left_out", KEPT, "text in und"),
        ],
    ),
    "eleven texts": (
        tariff(names=[{"language": "en", "text": str(number)} for number in range(11)]),
        TO_OCPP,
        [("text_left_out", KEPT, "text in en")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_lost_is_told(case):
    published, wanted, losses = CASES[case]
    assert [(loss.reason.value, loss.changes_price, loss.where) for loss in exported(published, wanted).losses] == losses


@pytest.mark.parametrize("case", CASES)
def test_what_changes_the_price_is_refused_with_all_losses(case):
    published, wanted, losses = CASES[case]
    if not any(changes for _, changes, _ in losses):
        assert export(published, wanted, **OWNER).document
        return
    with pytest.raises(ExportRefused) as refused:
        export(published, wanted, **OWNER)
    assert refused.value.losses == exported(published, wanted).losses
    assert all(reason in str(refused.value) for reason, _, _ in losses)


def test_every_reason_has_a_case():
    assert {reason for _, _, losses in CASES.values() for reason, _, _ in losses} == {*map(str, LossReason)}


@pytest.mark.parametrize("case", CASES)
def test_within_its_own_format_nothing_of_its_dialect_is_lost(case):
    published, _, _ = CASES[case]
    losses = exported(published, published.tariff.profile).losses
    assert not any(loss.reason is LossReason.PRICED_DIFFERENTLY for loss in losses)


def component(published: TariffPublished, wanted: Profile) -> dict[str, Any]:
    return exported(published, wanted).document["elements"][0]["price_components"][0]


@pytest.mark.parametrize("wanted", [TO_221, TO_230])
def test_what_has_a_price_that_no_format_knows_is_told_without_it(wanted):
    document = exported(tariff(ENERGY, BACK), wanted).document
    assert [part["type"] for part in document["elements"][0]["price_components"]] == ["ENERGY"]
    assert exported(tariff(BACK), wanted).document["elements"] == [
        {"price_components": [{"type": "FLAT", "price": Decimal(0), "step_size": 1}]}
    ]


def test_a_gross_price_becomes_the_nearest_net_one():
    assert component(tariff(ENERGY, **GROSS), TO_221)["price"] == Decimal("0.420168067")
    assert component(tariff({**ENERGY, "price": "0.595"}, **GROSS), TO_221)["price"] == Decimal("0.5")
    assert component(tariff(ENERGY, **GROSS), TO_230)["price"] == Decimal("0.50")


def test_several_taxes_become_the_percentage_that_comes_to_the_same():
    stacked = [{"name": "energytax", "percent": "5"}, {"name": "vat", "percent": "21", "stack": "1"}]
    assert component(tariff({"type": "ENERGY", "price": "1", "taxes": TWO}), TO_221)["vat"] == Decimal(10)
    assert component(tariff({"type": "ENERGY", "price": "1", "taxes": stacked}), TO_221)["vat"] == Decimal("27.05")


def test_a_price_per_minute_is_sixty_times_that_per_hour():
    assert component(tariff({**TIME, "price": "0.909", "per_minute": True}), TO_221)["price"] == Decimal("54.54")
    assert exported(tariff(TIME), TO_OCPP).document["chargingTime"]["prices"] == [{"priceMinute": Decimal("0.04")}]


def test_no_tax_at_all_is_said_of_the_whole_tariff_in_2_3_0():
    assert exported(tariff({"type": "ENERGY", "price": "1"}), TO_230).document["tax_included"] == "N/A"
    assert exported(tariff(ENERGY), TO_230).document["tax_included"] == "NO"


def test_a_limit_is_told_in_the_words_of_the_version():
    published = tariff(min_price={"excl_vat": "0.50", "incl_vat": "0.55"})
    assert exported(published, TO_221).document["min_price"] == {"excl_vat": Decimal("0.50"), "incl_vat": Decimal("0.55")}
    assert exported(published, TO_230).document["min_price"] == {
        "before_taxes": Decimal("0.50"),
        "after_taxes": Decimal("0.55"),
    }
    assert exported(published, TO_OCPP).document["minCost"] == {"exclTax": Decimal("0.50"), "inclTax": Decimal("0.55")}


def test_the_document_of_a_station_has_the_order_of_its_prices():
    elements = [
        {"price_components": [FLAT, {**ENERGY, "price": "0.40"}], "restrictions": {"start_time": "08:00", "end_time": "18:00"}},
        {"price_components": [{**ENERGY, "price": "0.25"}]},
        {"price_components": [{**TIME, "per_minute": True}], "restrictions": {"reservation": "RESERVATION"}},
    ]
    published = tariff_of(read_document({**BASE, "elements": elements, "names": [{"language": "de", "text": "Tag"}]}))
    window, rates = {"startTimeOfDay": "08:00", "endTimeOfDay": "18:00"}, [{"type": "vat", "tax": Decimal(19)}]
    assert exported(published, TO_OCPP).document == {
        "tariffId": "t",
        "description": [{"format": "UTF8", "language": "de", "content": "Tag"}],
        "currency": "EUR",
        "validFrom": "2026-01-01T00:00:00Z",
        "energy": {
            "prices": [{"priceKwh": Decimal("0.40"), "conditions": window}, {"priceKwh": Decimal("0.25")}],
            "taxRates": rates,
        },
        "fixedFee": {"prices": [{"priceFixed": Decimal("1.00"), "conditions": window}], "taxRates": rates},
        "reservationTime": {"prices": [{"priceMinute": Decimal("2.40")}], "taxRates": rates},
    }


def test_a_cdr_embeds_what_a_partner_was_sent_but_for_its_validity():
    published = tariff(ENERGY, FLAT, type="REGULAR", min_price={"excl_vat": "1", "incl_vat": "1.19"})
    sent = exported(published, TO_221).document
    assert document_of(published.tariff, **OWNER) == {name: sent[name] for name in sent if name != "start_date_time"}


def test_a_partners_tariff_goes_out_to_another_as_it_came():
    sent = exported(tariff(TIME, restrictions={"max_power": "11", "end_date": "2026-12-31"}), TO_230).document
    assert export(read_tariff(sent).published, TO_230, **OWNER).document == sent


def test_the_losses_of_a_version_are_those_of_its_content():
    published = tariff(ENERGY, **GROSS)
    later = structs.replace(published, valid_from=datetime(2027, 1, 1, tzinfo=UTC))
    assert exported(published, TO_221).losses == exported(later, TO_221).losses
