"""The price sheet, as a driver or a tariff manager reads it from top to bottom, in both languages."""

from datetime import UTC, datetime, time
from decimal import Decimal

from msgspec import structs

from tariffs.price_sheet import PriceSheet, price_sheet
from tests.tariffs.test_tariffs_explain import ENERGY, FLAT, IDLE, TIME, component, element, made, tariff, with_comma
from vocabulary.money import plain
from vocabulary.tariff import Basis, DisplayText, EvseKind, PriceLimit, Profile, Reservation, Tax, Weekday

STACKED = (Tax(name="federal", percent=Decimal(6)), Tax(name="state", percent=Decimal(4)))
STACKED += (Tax(name="city", percent=Decimal(2), stack=1),)


def lines(told: PriceSheet) -> list[str]:
    """One line for each row and each remark; the parts of a row are joined by " | "."""
    found = []
    for section in told.sections:
        found += [f"# {section.title}"]
        found += [" | ".join(filter(None, (row.price, row.when, row.authored))) for row in section.rows]
        found += section.remarks
    return [*found, "#", *told.remarks]


def test_a_tariff_of_ocpi_is_told_in_whole():
    text = "0.3529 EUR/kWh VAT 19% 22:00-06:00   0.29 EUR VAT 19% + 0.4538 EUR/kWh VAT 19% + 6 EUR/h idle VAT 19% step 60"
    assert lines(price_sheet(tariff(text), "en", plain)) == [
        "# Energy",
        "0.42 EUR/kWh | 22:00-06:00 | 0.3529 EUR/kWh net",
        "0.54 EUR/kWh | at all other times | 0.4538 EUR/kWh net",
        "# Idle time",
        "0.119 EUR/min | always | 6.00 EUR/h net",
        "In steps of 1 min: the sum of the session is rounded up, a step that is begun is paid in full.",
        "# Start fee",
        "0.3451 EUR | always | 0.29 EUR net",
        "#",
        "Includes 19% VAT.",
        "Prices are set net; the taxes are added to them.",
        "Free: Charging time.",
        "Of the prices of one kind the first in this list applies whose conditions hold at the moment.",
        "Times of day, weekdays and dates are those of the site.",
        "Idle time is the time in which the vehicle asks for no power.",
    ]


OCPP = structs.replace(
    made(
        element(component(ENERGY, "0.40", vat_percent=None, taxes=STACKED), max_power_w=Decimal(11_000)),
        element(
            component(ENERGY, "0.60", vat_percent=None, taxes=STACKED),
            start_time=time(22),
            end_time=time(6),
            weekdays=(Weekday.FRIDAY,),
            evse_kind=EvseKind.DC,
        ),
        element(component(IDLE, "0.10", vat_percent=None, taxes=STACKED, per_minute=True), min_idle_s=300),
        element(component(FLAT, "3", vat_percent=None, taxes=STACKED), payment_recognition="CC"),
        element(component(FLAT, "2.5", vat_percent=None, taxes=STACKED)),
        element(component(TIME, "0.05", vat_percent=None, taxes=STACKED, per_minute=True), reservation=Reservation.RESERVATION),
        profile=Profile.OCPP_2_1,
    ),
    min_price=PriceLimit(before_taxes=Decimal(1)),
    max_price=PriceLimit(before_taxes=Decimal(50), after_taxes=Decimal(60)),
)


def test_a_tariff_of_ocpp_is_told_with_the_rules_of_ocpp():
    assert lines(price_sheet(OCPP, "en", plain)) == [
        "# Energy",
        "0.4488 EUR/kWh | below 11 kW | 0.40 EUR/kWh net",
        "0.6732 EUR/kWh | 22:00-06:00, Friday, at DC charging points | 0.60 EUR/kWh net",
        "At all other times there is no price for this: it is free.",
        "# Idle time",
        "0.1122 EUR/min | after 5 min of idle time | 0.10 EUR/min net",
        "At all other times there is no price for this: it is free.",
        "# Start fee",
        "3.366 EUR | paid by credit card | 3.00 EUR net",
        "2.805 EUR | in all other cases | 2.50 EUR net",
        "# Reservation",
        "0.0561 EUR/min | always | 0.05 EUR/min net",
        "# Limits",
        "1.122 EUR | at least | 1.00 EUR before taxes",
        "60.00 EUR | at most | 50.00 EUR before taxes, 60.00 EUR after taxes",
        "#",
        "Includes 6% federal + 4% state, and on top of that 2% city.",
        "Prices are set net; the taxes are added to them.",
        "Free: Charging time.",
        "Of the prices of one kind the first in this list applies whose conditions hold at the moment.",
        "Times of day, weekdays and dates are those of the site.",
        "After midnight it is the next day: a window over midnight ends there unless that day is named, too.",
        "Idle time is the time in which the vehicle asks for no power.",
        "Where power or current is not measured, prices that depend on it do not apply.",
        "Where it is not known how somebody pays, prices that depend on it do not apply.",
        "Which start fee is charged is decided once, when the transaction starts.",
        "A session that stays below the minimum costs the minimum, instead of all other prices.",
        "The maximum freezes the cost: as soon as it is reached, before or after taxes, nothing more is added.",
        "Which reservation price is charged is decided once, when the transaction starts.",
        "A reservation that expires unused costs nothing.",
    ]


def test_the_same_in_german_has_as_many_lines_and_none_of_them_in_english():
    english, german = (lines(price_sheet(OCPP, *way)) for way in (("en", plain), ("de", with_comma)))
    assert len(english) == len(german)
    assert [one for one, other in zip(english, german, strict=True) if one == other] == ["#"]
    assert german[-4:] == [
        "Ein Ladevorgang, der unter dem Mindestpreis bleibt, kostet ihn anstelle aller anderen Preise.",
        "Der Höchstpreis friert die Kosten ein: ist er vor oder nach Steuern erreicht, kommt nichts mehr hinzu.",
        "Welcher Reservierungspreis gilt, entscheidet sich einmal, beim Beginn der Transaktion.",
        "Eine Reservierung, die ungenutzt verfällt, kostet nichts.",
    ]


def test_the_same_limits_work_in_another_way_in_ocpi():
    told = price_sheet(structs.replace(OCPP, profile=Profile.OCPI_2_3_0), "en", plain).remarks
    assert "The maximum lowers what the session comes to: before taxes and after them, each on its own." in told
    assert "What an expired reservation has no price for is charged as a reservation that is used." in told


def test_gross_untaxed_and_unknown_taxes_are_told():
    gross = made(element(component(ENERGY, "0.50")), basis=Basis.GROSS, profile=Profile.OCPI_2_3_0)
    assert lines(price_sheet(gross, "en", plain))[1:5] == [
        "0.50 EUR/kWh | always",
        "#",
        "Includes 19% VAT.",
        "Prices are set with taxes included; net amounts are taken out of them.",
    ]
    untaxed = made(element(component(ENERGY, "0.50", vat_percent=None)), basis=Basis.UNTAXED)
    assert "No taxes apply to any price." in price_sheet(untaxed, "en", plain).remarks
    open_ = made(element(component(ENERGY, "0.50", vat_percent=None)), profile=Profile.OCPI_2_3_0)
    assert price_sheet(open_, "en", plain).remarks[0].startswith("The tariff does not say which taxes apply")
    none = made(element(component(ENERGY, "0.50", vat_percent=None)))
    assert price_sheet(none, "de", with_comma).remarks[0] == "Es fällt keine MwSt. an."


def test_different_taxes_are_told_by_kind():
    told = made(element(component(ENERGY, "0.50"), component(IDLE, "6", vat_percent=Decimal(7))))
    assert price_sheet(told, "en", plain).remarks[:2] == ("Energy: includes 19% VAT.", "Idle time: includes 7% VAT.")


def test_what_is_free_says_so():
    assert price_sheet(tariff("0 EUR"), "en", plain).remarks == ("Free of charge.",)


def test_name_and_validity_are_in_the_language_that_is_asked_for():
    named = structs.replace(tariff("0 EUR"), names=(DisplayText("de", "Gratis"), DisplayText("en", "Free")))
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 30, 12, tzinfo=UTC)
    told = price_sheet(named, "de-AT", plain, since, until)
    assert (told.title, told.in_force) == ("Gratis", "Gültig ab 2026-01-01, bis 2026-06-30 12:00")
    assert price_sheet(named, "fr", plain).title == "Free"
    assert price_sheet(tariff("0 EUR"), "en", plain).title == "t"
    assert price_sheet(named, "en", plain, None, until).in_force == "until 2026-06-30 12:00"
