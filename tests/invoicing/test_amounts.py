"""Sharing an amount out, and taking VAT out of a gross amount."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.amounts import apportion, vat_total
from tests.invoicing.material import EUR, half_up
from vocabulary.money import Currency


def cents(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(amount) for amount in amounts)


def shared(total: str, *weights: str, currency: Currency = EUR) -> tuple[Decimal, ...]:
    return apportion(Decimal(total), [Fraction(weight) for weight in weights], currency)


def test_the_unit_left_over_goes_to_the_part_that_lost_most():
    assert shared("10.00", "3.334", "3.333", "3.333") == cents("3.34", "3.33", "3.33")
    assert shared("1.00", "0.125", "0.876") == cents("0.12", "0.88")


def test_of_parts_that_lost_the_same_the_earlier_gets_the_unit():
    assert shared("0.05", "1", "1") == cents("0.03", "0.02")


def test_a_part_without_weight_gets_nothing():
    assert shared("0.01", "0", "0.004") == cents("0.00", "0.01")
    assert shared("0.00", "0", "0") == cents("0.00", "0.00")
    assert shared("0.00") == ()


def test_parts_are_in_the_minor_unit_of_the_currency():
    assert shared("100", "1", "2", currency=Currency("JPY")) == cents("33", "67")
    assert shared("1.000", "1", "2", currency=Currency("BHD")) == cents("0.333", "0.667")


def test_half_a_cent_cannot_be_shared_out():
    with pytest.raises(AssertionError):
        shared("0.005", "1")


def test_an_amount_cannot_be_owed_for_nothing():
    with pytest.raises(AssertionError):
        shared("0.01", "0")


@given(st.integers(0, 10**12), st.lists(st.fractions(0, 10**9), min_size=1, max_size=30))
def test_parts_add_up_and_none_is_a_whole_cent_from_its_share(units: int, weights: list[Fraction]):
    total, whole = Decimal(units).scaleb(-2), sum(weights)
    if not whole:
        return
    parts = apportion(total, weights, EUR)
    assert sum(parts) == total
    shares = [Fraction(total) * weight / whole for weight in weights]
    assert all(abs(Fraction(part) - share) < Fraction(1, 100) for part, share in zip(parts, shares, strict=True))


@pytest.mark.parametrize(
    ("rate", "gross", "net", "vat"),
    [
        ("19", "14.19", "11.92", "2.27"),
        ("19", "0.01", "0.01", "0.00"),
        ("7", "107.00", "100.00", "7.00"),
        ("25.5", "100.00", "79.68", "20.32"),
        ("0", "5.00", "5.00", "0.00"),
        (None, "5.00", "5.00", "0.00"),
        ("19", "0.03", "0.03", "0.00"),  # 0.0252: one of the gross amounts that no net plus 19 % gives
    ],
)
def test_vat_is_what_gross_contains(rate: str | None, gross: str, net: str, vat: str):
    found = vat_total("DE", None if rate is None else Decimal(rate), Decimal(gross), EUR)
    assert (found.net, found.vat, found.gross) == cents(net, vat, gross)


@given(st.integers(0, 10**9), st.sampled_from(["19", "7", "25.5", "8.1", "0"]))
def test_net_and_vat_are_gross_and_vat_follows_its_formula(units: int, rate: str):
    gross = Decimal(units).scaleb(-2)
    found = vat_total("DE", Decimal(rate), gross, EUR)
    assert found.net + found.vat == gross
    assert found.net == half_up(Fraction(gross) * 100 / (100 + Fraction(rate)))
    assert abs(Fraction(found.vat) - Fraction(found.net) * Fraction(rate) / 100) <= Fraction(1, 100)
