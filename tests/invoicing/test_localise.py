"""How amounts, quantities and times are written, in English and in German."""

import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from invoicing import localise
from invoicing.gate import local_date
from invoicing.localise import LOCALES, language
from tests.invoicing.material import EUR
from vocabulary.money import Currency

ROOM = Path(localise.__file__).parent
ENGLISH, GERMAN = language("en"), language("de")
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def spaced(text: str) -> str:
    """With plain spaces, as they are read."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 10, day, hour, minute, tzinfo=UTC)


def test_money_is_written_as_each_language_does():
    assert spaced(ENGLISH.money(Decimal("1234.50"), EUR)) == "€1,234.50"
    assert spaced(GERMAN.money(Decimal("1234.50"), EUR)) == "1.234,50 €"
    assert spaced(GERMAN.money(Decimal("-0.05"), EUR)) == "-0,05 €"
    assert spaced(GERMAN.money(Decimal(1200), Currency("JPY"))) == "1.200 ¥"
    assert ENGLISH.amount(Decimal("12.345"), Currency("BHD")) == "12.345"


@pytest.mark.parametrize("amount", ["2.665", "0.005", "1E-3"])
def test_only_whole_minor_units_are_written_since_babel_would_round_half_to_even(amount: str):
    with pytest.raises(AssertionError):
        ENGLISH.money(Decimal(amount), EUR)
    with pytest.raises(AssertionError):
        ENGLISH.amount(Decimal(amount), EUR)


@pytest.mark.parametrize(
    ("price", "english", "german"),
    [
        ("0.495798", "€0.495798/kWh", "0,495798 €/kWh"),
        ("0.4900", "€0.49/kWh", "0,49 €/kWh"),
        ("0.4", "€0.40/kWh", "0,40 €/kWh"),
        ("6", "€6.00/kWh", "6,00 €/kWh"),
        ("1234.00001", "€1,234.00001/kWh", "1.234,00001 €/kWh"),
    ],
)
def test_a_unit_price_never_loses_a_digit(price: str, english: str, german: str):
    assert spaced(ENGLISH.unit_price(Decimal(price), EUR, "kWh")) == english
    assert spaced(GERMAN.unit_price(Decimal(price), EUR, "kWh")) == german


def test_energy_is_written_to_the_watt_hour_and_finer_where_the_meter_is():
    assert spaced(GERMAN.energy(Decimal(23456))) == "23,456 kWh"
    assert spaced(ENGLISH.energy(Decimal("1234567.8"))) == "1,234.5678 kWh"
    assert spaced(ENGLISH.energy(Decimal(0))) == "0.000 kWh"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 min"), (45, "45 s"), (5700, "1 h 35 min"), (3600, "1 h"), (90061, "25 h 1 min 1 s")]
)
def test_durations_are_written_in_hours_minutes_and_seconds(seconds: int, text: str):
    assert spaced(ENGLISH.duration(seconds)) == text


def test_percentages_keep_their_digits():
    assert [ENGLISH.percent(Decimal(rate)) for rate in ("19", "25.5", "0")] == ["19%", "25.5%", "0%"]
    assert spaced(GERMAN.percent(Decimal("25.5"))) == "25,5 %"


def test_a_bare_number_is_written_with_the_decimals_that_it_has():
    written = [ENGLISH.decimal(Decimal(number)) for number in ("1234.50", "0.495798", "4", "1E+3")]
    assert written == ["1,234.50", "0.495798", "4", "1,000"]
    assert GERMAN.decimal(Decimal("1234.5")) == "1.234,5"


def test_dates_are_british_and_german():
    day = date(2026, 11, 2)
    assert (ENGLISH.day(day), ENGLISH.long_day(day)) == ("2 Nov 2026", "2 November 2026")
    assert (GERMAN.day(day), GERMAN.long_day(day)) == ("02.11.2026", "2. November 2026")


def test_times_are_those_of_the_clock_at_the_site():
    assert ENGLISH.span(at(12, 6, 14), at(12, 7, 49), "Europe/Berlin") == "12 Oct 2026, 08:14 – 09:49"
    assert ENGLISH.span(at(12, 6, 14), at(12, 7, 49), "Europe/Lisbon") == "12 Oct 2026, 07:14 – 08:49"


def test_the_day_is_written_again_only_where_it_changes():
    assert GERMAN.span(at(12, 21, 30), at(12, 22, 10), "Europe/Berlin") == "12.10.2026, 23:30 – 13.10.2026, 00:10"
    assert GERMAN.span(at(12, 6), at(12, 7), "Europe/Berlin", day=date(2026, 10, 12)) == "08:00 – 09:00"


def test_the_offset_is_told_where_the_clock_shows_an_hour_twice():
    told = "25 Oct 2026, 02:30 (UTC+2) – 02:15 (UTC+1)"
    assert ENGLISH.span(at(25, 0, 30), at(25, 1, 15), "Europe/Berlin") == told
    before_the_change = "25 Oct 2026, 02:05 – 02:20 (UTC+2)"
    assert ENGLISH.span(at(25, 0, 5), at(25, 0, 20), "Europe/Berlin") == before_the_change
    assert ENGLISH.span(at(12, 6), at(12, 7), "America/St_Johns", offsets=True).endswith("03:30 – 04:30 (UTC-2:30)")


def test_the_machines_own_zone_rules_count_for_nothing(tmp_path: Path):
    """Zone rules are part of a price: here the machine believes that Berlin keeps the time of Auckland."""
    (tmp_path / "Europe").mkdir()
    rules = files("tzdata.zoneinfo").joinpath("Pacific", "Auckland").read_bytes()
    (tmp_path / "Europe" / "Berlin").write_bytes(rules)
    known = zoneinfo.TZPATH
    try:
        zoneinfo.reset_tzpath(to=[tmp_path])
        zoneinfo.ZoneInfo.clear_cache()
        assert ENGLISH.span(at(12, 6, 14), at(12, 7, 49), "Europe/Berlin") == "12 Oct 2026, 08:14 – 09:49"
        assert local_date(at(12, 11), "Europe/Berlin") == date(2026, 10, 12)
    finally:
        zoneinfo.reset_tzpath(to=known)
        zoneinfo.ZoneInfo.clear_cache()


def test_a_language_that_we_do_not_write_gets_english():
    assert language("de-AT") is not language("en")
    assert language("de-AT").text("Invoice") == "Rechnung"
    assert language("fr").text("Invoice") == "Invoice"


# Catalogues


def used() -> Iterator[tuple[str, ...]]:
    """The messages of code and templates: (singular,) or (singular, plural)."""
    methods = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
    keywords = {"text": None, "plural": (1, 2), "_": None}
    for _, _, message, _, _ in extract_from_dir(ROOM, method_map=methods, keywords=keywords):
        yield (message,) if isinstance(message, str) else tuple(message)


def catalogue(tag: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    with (ROOM / "locale" / tag / "LC_MESSAGES" / "invoice.po").open("rb") as source:
        messages = [message for message in read_po(source, locale=tag) if message.id]
    return {_forms(message.id): _forms(message.string) for message in messages}


def _forms(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


@pytest.mark.parametrize("tag", LOCALES)
def test_a_catalogue_holds_exactly_the_messages_that_are_used(tag: str):
    assert set(catalogue(tag)) == set(used())


@pytest.mark.parametrize("tag", LOCALES)
def test_every_message_is_translated_with_its_placeholders(tag: str):
    for message, translations in catalogue(tag).items():
        assert len(translations) == len(message)
        for original, translation in zip(message, translations, strict=True):
            assert translation
            assert sorted(PLACEHOLDER.findall(translation)) == sorted(PLACEHOLDER.findall(original))
