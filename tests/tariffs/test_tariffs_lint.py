"""Each lint by a tariff of which it is told, and by one that is nearly the same and of which it is not."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from msgspec import structs

from tariffs.lint import Lint, LintReason, Severity, Surroundings, lint
from tests.notation import read_tariff
from vocabulary.tariff import (
    Basis,
    Dimension,
    DisplayText,
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

FAST = Surroundings(power_w_max=(22_000, 150_000), is_public=True, is_ad_hoc=True, countries=frozenset({"DE"}))
SLOW = structs.replace(FAST, power_w_max=(22_000,))
NIGHT = "0.30 EUR/kWh VAT 19% step 1 22:00-06:00"
DAY = "0.50 EUR/kWh VAT 19% step 1"


def written(text: str, **changed: object) -> Tariff:
    """In the notation of `tests.notation`; ` | ` stands between elements."""
    tariff = read_tariff(re.split(r"\s+\|\s+", text.strip()))
    names = (DisplayText("en", "Simple"), DisplayText("de", "Einfach"))
    return structs.replace(tariff, **({"names": names} | changed))


def element(*components: PriceComponent, **restrictions: object) -> TariffElement:
    return TariffElement(components=components, restrictions=Restrictions(**restrictions))


def price(
    dimension: Dimension, amount: str = "0.50", vat: str | None = "19", step_size: int = 1, **more: object
) -> PriceComponent:
    percent = None if vat is None else Decimal(vat)
    return PriceComponent(dimension=dimension, price=Decimal(amount), vat_percent=percent, step_size=step_size, **more)


def made(*elements: TariffElement, **changed: object) -> Tariff:
    return structs.replace(written(DAY), elements=elements, **changed)


def limit(before: str | None = None, after: str | None = None) -> PriceLimit:
    bounds = [None if bound is None else Decimal(bound) for bound in (before, after)]
    return PriceLimit(before_taxes=bounds[0], after_taxes=bounds[1])


ENERGY, FLAT, TIME, PARKING = Dimension.ENERGY, Dimension.FLAT, Dimension.TIME, Dimension.PARKING_TIME
RESERVED, EXPIRED = Reservation.RESERVATION, Reservation.RESERVATION_EXPIRES
AT = datetime(2026, 6, 1, tzinfo=UTC)
TWO_TAXES = (Tax(name="federal", percent=Decimal(6)), Tax(name="state", percent=Decimal(4)))
R = LintReason
Case = tuple[LintReason, Tariff, Surroundings]


def fires() -> list[Case]:
    """What each lint is told of; several of the same lint are other ways to get there."""
    return [
        (R.CONTRADICTION, written(f"{NIGHT} >=20kWh <20kWh | {DAY}"), SLOW),
        (R.CONTRADICTION, written(f"{DAY} Sun 2026-11-30..2026-12-04 | {DAY}"), SLOW),  # Monday to Thursday
        (R.CONTRADICTION, made(element(price(ENERGY), max_duration_s=3600, min_charging_s=1800, min_idle_s=1800)), SLOW),
        (R.UNREACHABLE, written(f"{DAY} | {NIGHT}"), SLOW),
        (R.UNREACHABLE, written(f"{NIGHT} | {DAY} 23:00-05:00 >=10kWh | {DAY}"), SLOW),
        (R.UNREACHABLE, written(f"{NIGHT} | {DAY} 06:00-22:00 | {DAY}"), SLOW),
        (R.UNREACHABLE, written(f"{NIGHT} Mon-Thu | {NIGHT} Fri-Sun | {DAY} 23:00-04:00 Sat | {DAY}"), SLOW),
        (R.UNREACHABLE, made(element(price(ENERGY), price(ENERGY))), SLOW),
        (
            R.UNREACHABLE,
            made(element(price(TIME, "5"), reservation=RESERVED), element(price(TIME, "5"), reservation=RESERVED)),
            SLOW,
        ),
        (R.START_FEE_TOO_LATE, written(f"1 EUR VAT 19% <30min | 2 EUR VAT 19% >=30min | {DAY}"), SLOW),
        (R.LIMITS_CROSS, written(DAY, min_price=limit("5"), max_price=limit("4.99")), SLOW),
        (R.LIMITS_CROSS, written(DAY, min_price=limit("5"), max_price=limit(after="4.99")), SLOW),
        (R.LIMITS_CROSS, written(DAY, min_price=limit("10"), max_price=limit(after="11")), SLOW),  # 11.90 with VAT
        (R.LIMITS_CROSS, written(DAY, min_price=limit(after="12"), max_price=limit("10")), SLOW),
        (R.LIMIT_TAXES_NEGATIVE, written(DAY, max_price=limit("11.90", "10.00")), SLOW),
        (R.VALIDITY_EMPTY, written(DAY), structs.replace(SLOW, valid_from=AT, valid_until=AT)),
        (R.GROSS_WITHOUT_RATE, made(element(price(ENERGY, vat=None)), basis=Basis.GROSS, profile=Profile.OCPI_2_3_0), SLOW),
        (R.TAXES_UNKNOWN, made(element(price(ENERGY, vat=None)), profile=Profile.OCPI_2_3_0), SLOW),
        (R.UNTAXED_WITH_RATE, written(DAY, basis=Basis.UNTAXED, profile=Profile.OCPI_2_3_0), SLOW),
        (R.SEVERAL_TAXES, made(element(price(ENERGY, vat=None, taxes=TWO_TAXES)), profile=Profile.OCPP_2_1), SLOW),
        (R.LIMIT_TAXES_UNFIT, written(f"{DAY} + 1 EUR VAT 7%", max_price=limit("10.00", "11.00")), SLOW),
        (R.LIMIT_TAXES_UNFIT, written(DAY, max_price=limit("8.40", "10.01")), SLOW),
        (R.RESERVATION_DIMENSION, made(element(price(ENERGY), reservation=RESERVED), element(price(ENERGY))), SLOW),
        (R.NOT_PER_KWH, written("30 EUR/h VAT 19% step 1"), FAST),
        (R.NOT_PER_KWH, written("12 EUR/h VAT 20% step 1 06:00-22:00 | 0.50 EUR/kWh VAT 20% step 1 22:00-06:00"), FAST),
        (R.NO_PRICE_PER_KWH, written("3 EUR/h VAT 19% step 1"), SLOW),
        (R.NOTHING_PRICED, written("0 EUR/kWh VAT 19% step 1"), SLOW),
        (R.NO_FALLBACK, written(f"{NIGHT} | 0.40 EUR/kWh VAT 19% step 1 06:00-21:00"), SLOW),
        (R.NO_FALLBACK, written(f"{DAY} | 6 EUR/h idle VAT 20% step 1 08:00-20:00 >=240min"), SLOW),
        (
            R.NO_FALLBACK,
            made(element(price(ENERGY), max_power_w=Decimal(11_000)), element(price(ENERGY), min_power_w=Decimal(11_000))),
            SLOW,
        ),
        (R.NO_FALLBACK, made(element(price(ENERGY), payment_brand="VISA")), SLOW),
        (R.EXPIRED_ONLY, made(element(price(FLAT, "4"), reservation=EXPIRED), element(price(ENERGY))), SLOW),
        (R.FEE_BESIDE_KWH, written(f"{DAY} + 1 EUR VAT 19%"), FAST),
        (R.FEE_BESIDE_KWH, written(f"{DAY} + 6 EUR/h VAT 20% step 1"), FAST),
        (R.FEE_BESIDE_KWH, written(DAY, min_price=limit("1")), FAST),
        (R.LACKING_IN_DIALECT, made(element(price(ENERGY, "0.40"), evse_kind=EvseKind.AC), element(price(ENERGY))), SLOW),
        (R.LACKING_IN_DIALECT, made(element(price(ENERGY)), element(price(PARKING, "6"), min_idle_s=300)), SLOW),
        (R.LACKING_IN_DIALECT, made(element(price(ENERGY)), element(price(PARKING, "6"), min_charging_s=300)), SLOW),
        (
            R.LACKING_IN_DIALECT,
            made(
                element(price(ENERGY, vat=None, taxes=(Tax(name="a", percent=Decimal(1)), Tax(name="b", percent=Decimal(2)))))
            ),
            SLOW,
        ),
        (R.LACKING_IN_DIALECT, written(DAY, basis=Basis.GROSS), SLOW),
        (
            R.LACKING_IN_DIALECT,
            made(element(price(ENERGY), payment_brand="VISA"), element(price(ENERGY)), profile=Profile.OCPP_2_1),
            SLOW,
        ),
        (
            R.LACKING_IN_DIALECT,
            made(element(price(FLAT), max_energy_wh=Decimal(9)), element(price(ENERGY)), profile=Profile.OCPP_2_1),
            SLOW,
        ),
        (R.LACKING_IN_DIALECT, made(element(price(FLAT), reservation=EXPIRED), profile=Profile.OCPP_2_1), SLOW),
        (R.LACKING_IN_DIALECT, made(element(price(ENERGY, step_size=100)), profile=Profile.OCPP_2_1), SLOW),
        (
            R.LACKING_IN_DIALECT,
            made(element(price(ENERGY), end_time=AT.time()), element(price(ENERGY, vat="7")), profile=Profile.OCPP_2_1),
            SLOW,
        ),
        (R.WINDOW_WRAPS, written(f"{NIGHT} Fri,Sat | {DAY}"), SLOW),
        (R.WINDOW_EMPTY, written(f"{DAY} 08:00-08:00"), SLOW),
        (R.STEP_BESIDE_PARKING, written(f"{DAY} + 1.20 EUR/h VAT 19% step 900 + 6 EUR/h idle VAT 20% step 1"), SLOW),
        (R.STEPS_DIFFER, written("0.30 EUR/kWh VAT 19% step 100 22:00-06:00 | 0.50 EUR/kWh VAT 19% step 500"), SLOW),
        (R.LIMIT_TAXES_UNFIT, written(DAY, max_price=limit("10.00", "11.00")), SLOW),
        (R.PRICE_NEGATIVE, made(element(price(ENERGY, "-0.10"), max_power_w=Decimal(0)), element(price(ENERGY))), SLOW),
        (R.PRICE_FAR_OUT, written("49 EUR/kWh VAT 19% step 1"), SLOW),
        (R.PRICE_FAR_OUT, written("0.0049 EUR/kWh VAT 19% step 1"), SLOW),
        (R.PRICE_FAR_OUT, made(element(price(ENERGY)), element(price(PARKING, "6", per_minute=True))), SLOW),
        (
            R.OUTSIDE_VALIDITY,
            written(f"0.40 EUR/kWh VAT 19% step 1 ..2026-06-01 | {DAY}"),
            structs.replace(SLOW, today=date(2026, 6, 1)),
        ),
        (
            R.OUTSIDE_VALIDITY,
            written(f"0.40 EUR/kWh VAT 19% step 1 ..2026-05-01 | {DAY}"),
            structs.replace(SLOW, valid_from=AT),
        ),
        (
            R.OUTSIDE_VALIDITY,
            written(f"0.40 EUR/kWh VAT 19% step 1 2026-06-02.. | {DAY}"),
            structs.replace(SLOW, valid_until=AT),
        ),
        (
            R.EVSE_KIND_UNUSED,
            made(element(price(ENERGY), evse_kind=EvseKind.DC), element(price(ENERGY))),
            structs.replace(SLOW, evse_kinds=frozenset({EvseKind.AC})),
        ),
        (R.NEEDS_MEASUREMENT, made(element(price(ENERGY), min_current_a=Decimal(16)), element(price(ENERGY))), SLOW),
        (R.SEVERAL_RATES, written(f"{DAY} + 1 EUR VAT 7%"), SLOW),
        (R.STEP_ABOVE_ONE, written("0.50 EUR/kWh VAT 19% step 500"), SLOW),
        (R.STEP_ZERO, written("0.50 EUR/kWh VAT 19%"), SLOW),
        (R.NOT_PER_MINUTE, written(f"{DAY} + 2 EUR/h idle VAT 19% step 1"), SLOW),
        (R.DISPLAY_ORDER, written(f"1 EUR VAT 19% + {DAY}"), SLOW),
        (R.TEXT_REPEATS_PRICE, written(DAY, names=(DisplayText("en", "Only 0.59 EUR"), DisplayText("de", "Einfach"))), SLOW),
        (R.TEXT_REPEATS_PRICE, written(DAY, names=(DisplayText("en", "59 ct/kWh"), DisplayText("de", "Einfach"))), SLOW),
        (R.LANGUAGE_MISSING, written(DAY, names=(DisplayText("en", "Simple"),)), SLOW),
        (R.LANGUAGE_MISSING, written(DAY, names=()), Surroundings()),
    ]


def near_misses() -> list[Case]:
    """What each lint is not told of, for a small difference."""
    return [
        (R.CONTRADICTION, written(f"{NIGHT} >=20kWh <21kWh | {DAY}"), SLOW),
        (R.CONTRADICTION, written(f"{DAY} Fri 2026-11-30..2026-12-05 | {DAY}"), SLOW),
        (R.CONTRADICTION, made(element(price(ENERGY), max_duration_s=3601, min_charging_s=1800, min_idle_s=1800)), SLOW),
        (R.UNREACHABLE, written(f"{NIGHT} | {DAY}"), SLOW),
        (R.UNREACHABLE, written(f"{NIGHT} | {DAY} 23:00-06:30 | {DAY}"), SLOW),
        (R.UNREACHABLE, written(f"{NIGHT} | {DAY} 06:00-21:59 | {DAY}"), SLOW),
        (R.UNREACHABLE, written(f"{NIGHT} Mon-Thu | {NIGHT} Fri | {DAY} 23:00-04:00 Sat | {DAY}"), SLOW),
        (R.UNREACHABLE, made(element(price(TIME, "5"), reservation=RESERVED), element(price(TIME, "5"))), SLOW),
        (
            R.UNREACHABLE,
            made(element(price(TIME, "5"), reservation=RESERVED), element(price(TIME, "5"), reservation=EXPIRED)),
            SLOW,
        ),
        (
            R.UNREACHABLE,
            made(
                element(price(ENERGY), max_power_w=Decimal(9)),
                element(price(ENERGY), min_power_w=Decimal(9)),
                element(price(ENERGY)),
            ),
            SLOW,
        ),
        (R.START_FEE_TOO_LATE, written(f"1 EUR VAT 19% 08:00-20:00 | 2 EUR VAT 19% >=30min | {DAY}"), SLOW),
        (R.LIMITS_CROSS, written(DAY, min_price=limit("5"), max_price=limit("5")), SLOW),
        (R.LIMITS_CROSS, written(DAY, min_price=limit(after="5"), max_price=limit("4.99")), SLOW),
        (R.LIMIT_TAXES_NEGATIVE, written(DAY, max_price=limit("10.00", "10.00")), SLOW),
        (R.VALIDITY_EMPTY, written(DAY), structs.replace(SLOW, valid_from=AT)),
        (R.GROSS_WITHOUT_RATE, made(element(price(ENERGY, vat="0")), basis=Basis.GROSS, profile=Profile.OCPI_2_3_0), SLOW),
        (R.TAXES_UNKNOWN, made(element(price(ENERGY, vat=None))), SLOW),
        (R.TAXES_UNKNOWN, made(element(price(ENERGY, vat=None)), basis=Basis.UNTAXED, profile=Profile.OCPI_2_3_0), SLOW),
        (R.UNTAXED_WITH_RATE, made(element(price(ENERGY, vat=None)), basis=Basis.UNTAXED), SLOW),
        (
            R.RESERVATION_DIMENSION,
            made(element(price(FLAT), price(TIME, "3"), reservation=RESERVED), element(price(ENERGY))),
            SLOW,
        ),
        (R.NOT_PER_KWH, written("30 EUR/h VAT 19% step 1"), SLOW),
        (R.NOT_PER_KWH, written("30 EUR/h VAT 19% step 1"), structs.replace(FAST, is_ad_hoc=False)),
        (R.NOT_PER_KWH, written("30 EUR/h VAT 19% step 1"), structs.replace(FAST, is_public=False)),
        (R.NOT_PER_KWH, written("30 EUR/h VAT 19% step 1"), structs.replace(FAST, power_w_max=(49_999,))),
        (R.NOT_PER_KWH, written("30 EUR/h VAT 19% step 1"), structs.replace(FAST, countries=frozenset({"US"}))),
        (R.NOT_PER_KWH, written("0 EUR"), FAST),
        (R.NOT_PER_KWH, written(f"{DAY} + 12 EUR/h VAT 20% step 1 06:00-22:00 | {DAY}"), FAST),
        (R.NO_PRICE_PER_KWH, written("3 EUR/h VAT 19% step 1"), structs.replace(SLOW, countries=frozenset({"NL"}))),
        (R.NOTHING_PRICED, written("0 EUR + 0 EUR/kWh"), SLOW),
        (R.NO_FALLBACK, written(f"{NIGHT} | 0.40 EUR/kWh VAT 19% step 1 06:00-22:00"), SLOW),
        (R.NO_FALLBACK, written(f"{DAY} | 6 EUR/h idle VAT 20% step 1 >=240min"), SLOW),
        (
            R.NO_FALLBACK,
            made(element(price(ENERGY), evse_kind=EvseKind.AC), element(price(ENERGY), evse_kind=EvseKind.DC)),
            SLOW,
        ),
        (
            R.EXPIRED_ONLY,
            made(element(price(FLAT, "4"), reservation=EXPIRED), element(price(FLAT), reservation=RESERVED)),
            SLOW,
        ),
        (R.FEE_BESIDE_KWH, written(f"{DAY} + 1 EUR VAT 19%"), SLOW),
        (R.FEE_BESIDE_KWH, written(f"{DAY} | 6 EUR/h VAT 20% step 1 >=60min"), FAST),
        (R.FEE_BESIDE_KWH, written(f"{DAY} + 6 EUR/h idle VAT 20% step 1", max_price=limit("50")), FAST),
        (
            R.LACKING_IN_DIALECT,
            made(element(price(ENERGY, "0.40"), evse_kind=EvseKind.AC), element(price(ENERGY)), profile=Profile.OCPP_2_1),
            SLOW,
        ),
        (
            R.LACKING_IN_DIALECT,
            made(element(price(FLAT), payment_brand="VISA"), element(price(FLAT)), profile=Profile.OCPP_2_1),
            SLOW,
        ),
        (R.LACKING_IN_DIALECT, written(DAY, basis=Basis.GROSS, profile=Profile.OCPI_2_3_0), SLOW),
        (R.WINDOW_WRAPS, written(f"{DAY} 22:00-24:00 Fri,Sat | {DAY}"), SLOW),
        (R.WINDOW_WRAPS, written(f"{NIGHT} Mon-Sun | {DAY}"), SLOW),
        (R.WINDOW_EMPTY, written(f"{DAY} 08:00-08:01"), SLOW),
        (R.STEP_BESIDE_PARKING, written(f"{DAY} + 1.20 EUR/h VAT 19% step 1 + 6 EUR/h idle VAT 20% step 900"), SLOW),
        (R.STEPS_DIFFER, written("0.30 EUR/kWh VAT 19% step 1 22:00-06:00 | 0.50 EUR/kWh VAT 19%"), SLOW),
        (R.LIMIT_TAXES_UNFIT, written(DAY, max_price=limit("10.00", "11.90")), SLOW),
        (R.LIMIT_TAXES_UNFIT, written(f"{DAY} + 1 EUR VAT 7%", max_price=limit("10.00")), SLOW),
        (R.LIMIT_TAXES_UNFIT, written(DAY, max_price=limit("8.40", "10.00")), SLOW),
        (R.LIMIT_TAXES_UNFIT, written(DAY, max_price=limit("0.84", "1.00")), SLOW),
        (R.SEVERAL_TAXES, made(element(price(ENERGY, vat=None, taxes=TWO_TAXES[:1])), profile=Profile.OCPP_2_1), SLOW),
        (R.PRICE_NEGATIVE, written("0 EUR/kWh VAT 19%"), SLOW),
        (R.PRICE_FAR_OUT, written("49 CZK/kWh VAT 19% step 1"), SLOW),
        (R.PRICE_FAR_OUT, written("49 ZAR/kWh VAT 19% step 1"), SLOW),
        (R.PRICE_FAR_OUT, written("0.89 EUR/kWh VAT 19% step 1"), SLOW),
        (
            R.OUTSIDE_VALIDITY,
            written(f"0.40 EUR/kWh VAT 19% step 1 ..2026-06-02 | {DAY}"),
            structs.replace(SLOW, today=date(2026, 6, 1)),
        ),
        (
            R.OUTSIDE_VALIDITY,
            written(f"0.40 EUR/kWh VAT 19% step 1 ..2026-06-01 | {DAY}"),
            structs.replace(SLOW, valid_from=AT),
        ),
        (R.EVSE_KIND_UNUSED, made(element(price(ENERGY), evse_kind=EvseKind.DC)), SLOW),
        (R.NEEDS_MEASUREMENT, made(element(price(ENERGY), min_energy_wh=Decimal(16)), element(price(ENERGY))), SLOW),
        (R.SEVERAL_RATES, written(f"{DAY} + 0 EUR VAT 7%"), SLOW),
        (R.STEP_ABOVE_ONE, written(DAY), SLOW),
        (R.STEP_ZERO, written(f"{DAY} + 1 EUR VAT 19% step 0"), SLOW),
        (R.STEP_ZERO, made(element(price(ENERGY, step_size=0)), profile=Profile.OCPP_2_1), SLOW),
        (R.NOT_PER_MINUTE, written(f"{DAY} + 6 EUR/h idle VAT 19% step 1"), SLOW),
        (R.NOT_PER_MINUTE, made(element(price(ENERGY)), element(price(PARKING, "0.07", per_minute=True))), SLOW),
        (R.DISPLAY_ORDER, written(f"{DAY} + 6 EUR/h idle VAT 20% step 1 + 1 EUR/h VAT 20% step 1 + 1 EUR VAT 19%"), SLOW),
        (
            R.TEXT_REPEATS_PRICE,
            written(DAY, names=(DisplayText("en", "AC 22 kW, 24/7"), DisplayText("de", "Tarif 2026"))),
            SLOW,
        ),
        (R.LANGUAGE_MISSING, written(DAY), SLOW),
    ]


def told(case: Case) -> list[Lint]:
    reason, tariff, where = case
    return [one for one in lint(tariff, where) if one.reason is reason]


def name(case: Case) -> str:
    return case[0].value


@pytest.mark.parametrize("case", fires(), ids=name)
def test_a_lint_is_told_of_what_it_is_for(case: Case):
    assert told(case)


@pytest.mark.parametrize("case", near_misses(), ids=name)
def test_a_lint_is_not_told_of_what_only_looks_like_it(case: Case):
    assert not told(case)


@pytest.mark.parametrize("cases", [fires, near_misses])
def test_every_lint_is_tried(cases: Callable[[], list[Case]]):
    assert {reason for reason, _, _ in cases()} == set(LintReason)


def test_a_tariff_that_is_as_it_should_be_has_none():
    assert lint(written(f"{NIGHT} | {DAY} | 6 EUR/h idle VAT 20% step 1 >=240min".replace("20%", "19%")), FAST) == ()


def test_errors_come_first_and_then_what_comes_first_in_the_order_of_precedence():
    found = lint(written(f"{DAY} + 1 EUR VAT 7% | {NIGHT} Fri", names=()), FAST)
    severities = [tuple(Severity).index(one.severity) for one in found]
    assert severities == sorted(severities)
    ranks = [(tuple(Severity).index(one.severity), tuple(LintReason).index(one.reason)) for one in found]
    assert all(one <= other for one, other in pairwise(ranks))
    assert found[0].reason is LintReason.UNREACHABLE


@pytest.mark.parametrize(
    ("tariff", "detail"),
    [
        (f"{DAY} | {NIGHT}", "Element 1 always comes first: put this price above it, or remove it."),
        (
            f"{NIGHT} | {DAY} 06:00-22:00 | {DAY}",
            "Elements 1 and 2 together always come first: put this price above one of them, or remove it.",
        ),
    ],
)
def test_a_price_out_of_reach_is_told_with_what_is_in_its_way(tariff: str, detail: str):
    assert [one.detail for one in lint(written(tariff)) if one.reason is LintReason.UNREACHABLE] == [detail]


@pytest.mark.parametrize(
    ("tariff", "example"),
    [
        (written(f"{NIGHT} | 0.40 EUR/kWh VAT 19% step 1 06:00-21:00"), "for example 21:00-22:00:"),
        (written(f"{DAY} Mon-Fri | {DAY} Sat 08:00-24:00"), "for example 00:00-08:00, Saturday and Sunday:"),
        (written(f"{DAY} <10kWh"), "for example from 10 kWh:"),
        (made(element(price(ENERGY), payment_brand="VISA")), "for example not paid with VISA:"),
        (
            made(element(price(ENERGY), max_power_w=Decimal(9)), element(price(ENERGY), min_power_w=Decimal(9))),
            "for example power not measured:",
        ),
    ],
)
def test_a_time_without_a_price_is_told_by_an_example(tariff: Tariff, example: str):
    (found,) = (one for one in lint(tariff) if one.reason is LintReason.NO_FALLBACK)
    assert example in found.detail
    assert found.severity is Severity.WARNING


def test_energy_without_a_price_is_worse_than_idle_time_without_one_or_time_that_is_priced_instead():
    idle = written(f"{DAY} | 6 EUR/h idle VAT 20% step 1 08:00-20:00")
    instead = written("12 EUR/h VAT 19% step 1 22:00-06:00 | 0.50 EUR/kWh VAT 19% step 1 06:00-22:00")
    for tariff in (idle, instead):
        assert {one.severity for one in lint(tariff) if one.reason is LintReason.NO_FALLBACK} == {Severity.HINT}
