"""Rounding happens in one function, half up and away from zero; micro-units and minor units are exact."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocabulary.money import Currency, from_micro, plain, round_half_up, round_to_minor, to_micro

EUR, JPY, BHD = Currency("EUR"), Currency("JPY"), Currency("BHD")
AMOUNTS = st.decimals(-(10**9), 10**9, places=9, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("exact", "owed"),
    [("0.005", "0.01"), ("1.005", "1.01"), ("2.675", "2.68"), ("-0.005", "-0.01"), ("2.665", "2.67"), ("0.0049999999", "0.00")],
)
def test_a_half_goes_away_from_zero(exact: str, owed: str) -> None:
    assert round_to_minor(Decimal(exact), EUR) == Decimal(owed)


def test_thirds_that_add_up_to_a_half_are_rounded_as_the_half_that_they_are() -> None:
    """Three times a third of 0.125 is 0.125, not 0.124999...: fractions stay fractions until they are owed."""
    assert round_to_minor(sum([Fraction(1, 24)] * 3, Fraction(0)), EUR) == Decimal("0.13")


def test_minor_units_are_the_currencys() -> None:
    assert round_to_minor(Decimal("2.5"), JPY) == Decimal(3)
    assert round_to_minor(Decimal("2.0005"), BHD) == Decimal("2.001")


@given(AMOUNTS)
def test_rounding_agrees_with_the_decimal_modules_half_up(amount: Decimal) -> None:
    assert round_half_up(amount, 2) == amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@given(st.integers(-(2**63), 2**63 - 1))
def test_micro_units_go_to_decimals_and_back_unchanged(micro: int) -> None:
    assert to_micro(from_micro(micro)) == micro


@given(AMOUNTS)
def test_plain_text_has_no_exponent_and_all_digits(amount: Decimal) -> None:
    text = plain(amount)
    assert "E" not in text
    assert Decimal(text) == amount
