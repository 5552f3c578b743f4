"""Tariffs as drivers read them: with VAT, in the legal order, in two languages, never longer than a station can show."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from msgspec import structs

from tariffs.explain import CHARACTERS_MAX, explain, explain_line, explain_when
from tariffs.price_sheet import price_sheet
from tariffs.rate import rate
from tariffs.words import conditions, reason, when, words_for
from tests.notation import parse, read_tariff
from tests.tariffs.strategies import TARIFFS, ZONES, sessions
from tests.tariffs.wide import ANY_TARIFFS
from vocabulary.identity import TariffId
from vocabulary.money import Currency, plain
from vocabulary.tariff import (
    Basis,
    Dimension,
    EvseKind,
    PriceComponent,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    Tariff,
    TariffElement,
    Tax,
)


def with_comma(number: Decimal) -> str:
    return plain(number).replace(".", ",")


def tariff(text: str) -> Tariff:
    return read_tariff(re.split(r"\s{2,}", text.strip()))


def english(text: str) -> str:
    return explain(tariff(text), "en", plain)


def german(text: str) -> str:
    return explain(tariff(text), "de", with_comma)


DAY_AND_NIGHT = """0.3529 EUR/kWh VAT 19% 22:00-06:00
    0.4202 EUR VAT 19% + 6.00 EUR/h idle VAT 19% + 1.20 EUR/h VAT 19% + 0.4538 EUR/kWh VAT 19%"""


def test_prices_include_vat_and_come_per_kwh_then_per_minute_then_per_session():
    assert english(DAY_AND_NIGHT) == (
        "Energy: 0.42 EUR/kWh (22:00-06:00); otherwise 0.54 EUR/kWh. Charging time: 0.0238 EUR/min. "
        "Idle time: 0.119 EUR/min. Start fee: 0.50 EUR. Prices include VAT."
    )


def test_the_same_in_german():
    assert german(DAY_AND_NIGHT) == (
        "Energie: 0,42 EUR/kWh (22:00-06:00 Uhr); sonst 0,54 EUR/kWh. Ladezeit: 0,0238 EUR/min. "
        "Standzeit: 0,119 EUR/min. Startgebühr: 0,50 EUR. Alle Preise inkl. MwSt."
    )


def test_a_price_of_time_that_is_not_exact_per_minute_is_told_per_hour():
    assert english("2.00 EUR/h VAT 19%") == "Charging time: 2.38 EUR/h. Prices include VAT."


def test_weekdays_and_dates_are_told_in_words():
    text = "0.30 EUR/kWh VAT 0% Mon,Tue,Wed,Fri 2026-12-24..2027-01-01   0.20 EUR/kWh VAT 0% Sat,Sun"
    assert english(text) == (
        "Energy: 0.30 EUR/kWh (Monday to Wednesday and Friday, from 2026-12-24, before 2027-01-01); "
        "0.20 EUR/kWh (Saturday and Sunday); otherwise free. Prices include VAT."
    )
    assert "Montag bis Mittwoch und Freitag, ab 24.12.2026, vor dem 01.01.2027" in german(text)


def test_thresholds_are_told_as_what_they_count():
    text = "0.30 EUR/kWh VAT 0% <10.5kWh   0.40 EUR/kWh VAT 0%   0 EUR/h idle <30min   6 EUR/h idle VAT 0% >=30min <90s"
    assert english(text) == (
        "Energy: 0.30 EUR/kWh (up to 10.5 kWh); otherwise 0.40 EUR/kWh. Idle time: free (in the first 30 min of the session); "
        "0.10 EUR/min (after 30 min of the session, in the first 90 s of the session); otherwise free. Prices include VAT."
    )
    assert "bis 10,5 kWh" in german(text)


def test_step_sizes_that_a_driver_would_notice_are_told():
    text = "0.50 EUR/kWh step 500 + 6.00 EUR/h step 900 + 1 EUR/h idle step 1"
    assert english(text) == (
        "Energy: 0.50 EUR/kWh in steps of 0.5 kWh. Charging time: 0.10 EUR/min in steps of 15 min. "
        "Idle time: 1.00 EUR/h. No VAT applies."
    )


def test_what_is_free_throughout_is_told_only_where_all_is_free():
    assert english("0 EUR + 0 EUR/kWh") == "Free of charge."
    assert german("0 EUR") == "Kostenlos."
    assert english("0 EUR/h idle   0.50 EUR/kWh VAT 20%") == "Energy: 0.60 EUR/kWh. Prices include VAT."


def test_prices_without_vat_are_not_told_to_include_it():
    assert english("0.50 EUR/kWh VAT 20% + 1.00 EUR") == (
        "Energy: 0.60 EUR/kWh. Start fee: 1.00 EUR. Prices include VAT where it applies."
    )


def test_elements_behind_one_that_always_applies_are_not_told():
    assert english("0.50 EUR/kWh   0.10 EUR/kWh 22:00-06:00") == "Energy: 0.50 EUR/kWh. No VAT applies."


def test_the_digits_of_a_currency_are_kept():
    assert english("45 JPY/kWh + 100 JPY") == "Energy: 45 JPY/kWh. Start fee: 100 JPY. No VAT applies."


def test_a_language_that_we_do_not_speak_gets_english_and_a_region_does_not_matter():
    assert explain(tariff("0 EUR"), "fr", plain) == "Free of charge."
    assert explain(tariff("0 EUR"), "de-AT", plain) == "Kostenlos."


def test_a_text_that_would_be_too_long_leaves_out_whole_prices_and_says_so():
    text = english("   ".join(f"0.{hour} EUR/kWh VAT 19% {hour}:00-{hour}:30 Mon,Wed,Fri" for hour in range(10, 24)))
    assert len(text) <= CHARACTERS_MAX
    assert text.startswith("Energy: 0.119 EUR/kWh (10:00-10:30, Monday, Wednesday and Friday); ")
    assert text.endswith("Monday, Wednesday and Friday). More prices apply: see the full price list. Prices include VAT.")


@given(TARIFFS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_no_text_is_longer_than_a_station_can_show(language, any_tariff):
    assert len(explain(any_tariff, language, plain)) <= CHARACTERS_MAX


@given(sessions(), TARIFFS, ZONES)
def test_a_line_explained_in_english_is_its_recorded_reason(session, any_tariff, where):
    for line in rate(session, any_tariff, where).lines:
        assert explain_line(line, any_tariff, "en", plain, where) == line.reason


def test_a_line_is_explained_in_german_and_on_a_bill_without_the_number_of_the_element():
    case = parse("""
        tariff  0.20 EUR/kWh 22:00-06:00 Mon-Fri   0.40 EUR/kWh + 1.00 EUR/h   Europe/Berlin
        21:00   start   0 kWh
        23:00   end     4.5 kWh
    """)
    lines = rate(case.session, case.tariff, case.time_zone).lines
    assert [explain_line(line, case.tariff, "de", with_comma) for line in lines] == [
        "Element 2: zu allen anderen Zeiten",
        "Element 1: 22:00-06:00 Uhr, Montag bis Freitag",
        "Element 2: immer",
    ]
    assert [explain_when(line, case.tariff, "de", with_comma) for line in lines] == [
        "zu allen anderen Zeiten",
        "22:00-06:00 Uhr, Montag bis Freitag",
        "",
    ]


# What the dialects beyond OCPI 2.2.1 add


def component(dimension: Dimension, price: str, **more: Any) -> PriceComponent:
    return PriceComponent(dimension=dimension, price=Decimal(price), **({"vat_percent": Decimal(19)} | more))


def made(*elements: TariffElement, **more: Any) -> Tariff:
    return Tariff(id=TariffId("t"), currency=Currency("EUR"), elements=elements, **more)


def element(*components: PriceComponent, **restrictions: Any) -> TariffElement:
    return TariffElement(components=components, restrictions=Restrictions(**restrictions))


ENERGY, FLAT, TIME, IDLE = Dimension.ENERGY, Dimension.FLAT, Dimension.TIME, Dimension.PARKING_TIME
KWH = element(component(ENERGY, "0.50"))
RESTRICTED = [
    ({"max_power_w": Decimal(11_000)}, "below 11 kW", "unter 11 kW"),
    ({"min_power_w": Decimal(3700)}, "at 3.7 kW and more", "ab 3,7 kW"),
    ({"min_current_a": Decimal("16.0")}, "at 16 A and more", "ab 16 A"),
    ({"max_current_a": Decimal(32)}, "below 32 A", "unter 32 A"),
    ({"min_charging_s": 3600}, "after 60 min of charging", "nach 60 min Ladezeit"),
    ({"max_charging_s": 90}, "in the first 90 s of charging", "in den ersten 90 s der Ladezeit"),
    ({"min_idle_s": 300}, "after 5 min of idle time", "nach 5 min Standzeit"),
    ({"max_idle_s": 300}, "in the first 5 min of idle time", "in den ersten 5 min der Standzeit"),
    ({"evse_kind": EvseKind.DC}, "at DC charging points", "an DC-Ladepunkten"),
    ({"payment_brand": "VISA"}, "with VISA", "mit VISA"),
    ({"payment_recognition": "CC"}, "paid by credit card", "bezahlt per Kreditkarte"),
    ({"payment_recognition": "Debit"}, "paid by debit card", "bezahlt per Debitkarte"),
    ({"payment_recognition": "Alipay"}, "paid by Alipay", "bezahlt per Alipay"),
    ({"reservation": Reservation.RESERVATION}, "reservation", "Reservierung"),
    ({"reservation": Reservation.RESERVATION_EXPIRES}, "reservation that expired", "verfallene Reservierung"),
]


@pytest.mark.parametrize(("restrictions", "in_english", "in_german"), RESTRICTED)
def test_every_restriction_has_its_words(restrictions, in_english, in_german):
    limit = Restrictions(**restrictions)
    assert conditions(limit, words_for("en"), plain) == [in_english]
    assert conditions(limit, words_for("de"), with_comma) == [in_german]


def test_no_restriction_of_the_model_is_without_words():
    assert {name for limits, _, _ in RESTRICTED for name in limits} | {
        *("start_time", "end_time", "start_date", "end_date", "weekdays", "min_energy_wh", "max_energy_wh"),
        *("min_duration_s", "max_duration_s"),
    } == {*Restrictions.__struct_fields__}


def test_reservations_come_after_what_a_session_costs_and_expired_ones_after_them():
    told = made(
        element(component(FLAT, "4"), reservation=Reservation.RESERVATION_EXPIRES),
        element(component(TIME, "3"), component(FLAT, "1"), reservation=Reservation.RESERVATION),
        KWH,
    )
    assert explain(told, "en", plain) == (
        "Energy: 0.595 EUR/kWh. Reservation: 0.0595 EUR/min; 1.19 EUR. Expired reservation: 4.76 EUR. Prices include VAT."
    )
    assert "Reservierung: 0,0595 EUR/min; 1,19 EUR. Verfallene Reservierung: 4,76 EUR." in explain(told, "de", with_comma)


def test_limits_come_last_and_as_the_driver_pays_them():
    both = {"min_price": PriceLimit(before_taxes=Decimal(1)), "max_price": PriceLimit(after_taxes=Decimal(50))}
    assert explain(made(KWH, **both), "en", plain).startswith(
        "Energy: 0.595 EUR/kWh. Minimum price: 1.19 EUR. Maximum price: 50.00 EUR."
    )
    assert "Mindestpreis: 1,19 EUR. Höchstpreis: 50,00 EUR." in explain(made(KWH, **both), "de", with_comma)


def test_a_limit_whose_tax_is_not_one_is_told_without_it():
    several = made(element(component(ENERGY, "0.50"), component(FLAT, "1", vat_percent=Decimal(7))))
    limited = structs.replace(several, max_price=PriceLimit(before_taxes=Decimal(10)))
    assert "Maximum price: 10.00 EUR plus taxes." in explain(limited, "en", plain)
    taxed = PriceLimit(before_taxes=Decimal(10), taxes=(Tax(name="vat", percent=Decimal(10)),))
    assert "Maximum price: 11.00 EUR." in explain(structs.replace(several, max_price=taxed), "en", plain)


def test_a_minimum_alone_is_not_free():
    told = made(element(component(FLAT, "0")), min_price=PriceLimit(before_taxes=Decimal(2)))
    assert explain(told, "en", plain).startswith("Minimum price: 2.00 EUR")


@pytest.mark.parametrize(
    ("tariff_", "in_english", "in_german"),
    [
        (
            made(KWH, basis=Basis.GROSS, profile=Profile.OCPI_2_3_0),
            "Energy: 0.50 EUR/kWh. Prices include VAT.",
            "Energie: 0,50 EUR/kWh. Alle Preise inkl. MwSt.",
        ),
        (
            made(element(component(ENERGY, "0.50", vat_percent=None)), basis=Basis.UNTAXED),
            "Energy: 0.50 EUR/kWh. No taxes apply.",
            "Energie: 0,50 EUR/kWh. Es fallen keine Steuern an.",
        ),
        (
            made(element(component(ENERGY, "0.50", vat_percent=None)), profile=Profile.OCPI_2_3_0),
            "Energy: 0.50 EUR/kWh. Taxes are added to these prices.",
            "Energie: 0,50 EUR/kWh. Zu diesen Preisen kommen Steuern hinzu.",
        ),
        (
            made(element(component(ENERGY, "0.50"), component(FLAT, "1", vat_percent=None)), profile=Profile.OCPI_2_3_0),
            "Energy: 0.595 EUR/kWh. Start fee: 1.00 EUR plus taxes. Prices include taxes where they are known.",
            "Energie: 0,595 EUR/kWh. Startgebühr: 1,00 EUR zzgl. Steuern. Preise inkl. Steuern, soweit sie bekannt sind.",
        ),
        (
            made(
                element(
                    component(
                        ENERGY,
                        "4",
                        vat_percent=None,
                        taxes=(
                            Tax(name="federal", percent=Decimal(6)),
                            Tax(name="state", percent=Decimal(4)),
                            Tax(name="city", percent=Decimal("15.5"), stack=1),
                        ),
                    )
                ),
                profile=Profile.OCPP_2_1,
            ),
            "Energy: 5.082 EUR/kWh. Prices include taxes.",
            "Energie: 5,082 EUR/kWh. Alle Preise inkl. Steuern.",
        ),
    ],
)
def test_prices_are_what_the_driver_pays_and_say_so(tariff_, in_english, in_german):
    assert explain(tariff_, "en", plain) == in_english
    assert explain(tariff_, "de", with_comma) == in_german


def test_a_price_that_was_authored_per_minute_is_told_so():
    told = made(element(component(TIME, "0.07", per_minute=True), component(IDLE, "0.033", per_minute=True, vat_percent=None)))
    assert explain(told, "en", plain).startswith("Charging time: 0.0833 EUR/min. Idle time: 0.033 EUR/min.")


def test_after_a_price_for_some_cars_or_cards_the_next_one_is_for_all_other_cases():
    told = made(element(component(ENERGY, "0.40"), evse_kind=EvseKind.AC), KWH)
    assert when(told, (ENERGY, 2), words_for("en"), plain) == "in all other cases"
    assert when(told, (ENERGY, 2), words_for("de"), with_comma) == "in allen anderen Fällen"


def test_a_session_is_not_at_other_times_than_a_reservation():
    told = made(element(component(TIME, "3"), reservation=Reservation.RESERVATION), element(component(TIME, "5")))
    assert when(told, (TIME, 2), words_for("en"), plain) == ""


def test_a_limit_is_a_reason_without_an_element():
    told = made(KWH, max_price=PriceLimit(before_taxes=Decimal(10), after_taxes=Decimal("11.9")))
    price = (Dimension.MAX_PRICE, 0)
    assert reason(told, price, words_for("en"), plain) == "10.00 EUR before taxes, 11.90 EUR after taxes"
    assert reason(told, price, words_for("de"), with_comma) == "10,00 EUR vor Steuern, 11,90 EUR nach Steuern"
    assert when(told, price, words_for("en"), plain) == ""
    assert reason(made(KWH), (Dimension.MIN_PRICE, 0), words_for("en"), plain) == ""


@given(ANY_TARIFFS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_any_tariff_of_any_dialect_can_be_told(language, any_tariff):
    assert len(explain(any_tariff, language, plain)) <= CHARACTERS_MAX
    told = price_sheet(any_tariff, language, plain)
    assert told.sections or told.remarks
