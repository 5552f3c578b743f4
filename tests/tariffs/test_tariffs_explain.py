"""Tariffs as drivers read them: with VAT, in the legal order, in two languages, never longer than a station can show."""

import re
from decimal import Decimal

import pytest
from hypothesis import given

from tariffs.explain import CHARACTERS_MAX, explain, explain_line, explain_when
from tariffs.rate import rate
from tests.notation import parse, read_tariff
from tests.tariffs.strategies import TARIFFS, ZONES, sessions
from vocabulary.money import plain
from vocabulary.tariff import Tariff


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
