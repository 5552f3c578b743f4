"""Limits where they are hard: credits beside charges, several taxes, half cents, and no session at all. Sums by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tariffs.policy import LimitTax, Policy, Rounded
from tariffs.rate import rate
from tests.notation import check, session_of
from tests.tariffs.strategies import ZONES, circumstances, rich_tariffs, sessions
from vocabulary.circumstances import Circumstances
from vocabulary.identity import SeriesId, TariffId
from vocabulary.money import Currency
from vocabulary.price_series import SeriesPrices
from vocabulary.quantities import WattHours
from vocabulary.rated import Rated, exact_net, exact_vat
from vocabulary.sessions import ChargingSession, Reading
from vocabulary.tariff import (
    Basis,
    Dimension,
    PriceComponent,
    PriceLimit,
    Profile,
    SeriesPrice,
    Tariff,
    TariffElement,
)

START = datetime(2026, 1, 14, 10, tzinfo=UTC)
SPOT = SeriesPrice(id=SeriesId("spot"))


def session(kwh: str) -> ChargingSession:
    end = START + timedelta(hours=1)
    readings = (
        Reading(at=START, register_wh=WattHours(Decimal(0))),
        Reading(at=end, register_wh=WattHours(Decimal(kwh) * 1000)),
    )
    return session_of([(START, "start"), (end, "end")], readings)


def tariff(*components: PriceComponent, **more: Any) -> Tariff:
    element = TariffElement(components=components)
    return Tariff(id=TariffId("t"), currency=Currency("EUR"), elements=(element,), **more)


def price(dimension: Dimension, amount: str, vat: str | None = None, **more: Any) -> PriceComponent:
    vat_percent = None if vat is None else Decimal(vat)
    return PriceComponent(dimension=dimension, price=Decimal(amount), vat_percent=vat_percent, **more)


def spot(value: str) -> Circumstances:
    values = (Decimal(value),) * 4
    return Circumstances(prices=(SeriesPrices(series=SPOT.id, start=START, resolution_s=900, values=values),))


def exactly(rated: Rated) -> tuple[Fraction, Fraction]:
    net = sum(map(exact_net, rated.lines), Fraction(0))
    return net, net + sum(map(exact_vat, rated.lines), Fraction(0))


def test_what_a_minimum_lacks_is_charged_and_a_credit_stays_as_it_is():
    """4 kWh at -2.497 are -9.988, the fee 9.99: 0.002. At least 0.50 means that the fee is 0.498 dearer, and nothing else."""
    prices = price(Dimension.ENERGY, "0", "7", series=SPOT), price(Dimension.FLAT, "9.99", "19")
    rated = rate(session("4"), tariff(*prices, min_price=PriceLimit(before_taxes=Decimal("0.50"))), "UTC", known=spot("-2.497"))
    assert exactly(rated) == (Fraction("0.5"), Fraction("-9.988") * Fraction("1.07") + Fraction("10.488") * Fraction("1.19"))
    assert {one.vat_percent: one.net for one in rated.owed} == {Decimal(7): Decimal("-9.99"), Decimal(19): Decimal("10.49")}


def test_a_maximum_takes_off_what_is_charged_and_no_credit():
    """500.00 at 19 % and -498.00 at 7 % are 2.00; at most 1.00 means that 499.00 is charged."""
    prices = price(Dimension.ENERGY, "0", "7", series=SPOT), price(Dimension.FLAT, "500", "19")
    rated = rate(session("4"), tariff(*prices, max_price=PriceLimit(before_taxes=Decimal(1))), "UTC", known=spot("-124.5"))
    assert {one.vat_percent: one.net for one in rated.owed} == {Decimal(7): Decimal(-498), Decimal(19): Decimal(499)}


def test_a_minimum_over_nothing_but_credits_keeps_them():
    """-8.00 at 19 %, at least 0.50: 8.50 is added under the tariff's one tax, which is the credit's."""
    prices = price(Dimension.ENERGY, "0", "19", series=SPOT)
    rated = rate(session("4"), tariff(prices, min_price=PriceLimit(before_taxes=Decimal("0.50"))), "UTC", known=spot("-2"))
    assert exactly(rated) == (Fraction(1, 2), Fraction("0.595"))


def test_two_halves_of_a_cent_do_not_pass_the_maximum():
    """0.505 and 0.505, both of them rounded up, would be 1.02."""
    prices = price(Dimension.ENERGY, "0.50"), price(Dimension.TIME, "5.00", "0")
    most = tariff(*prices, basis=Basis.GROSS, max_price=PriceLimit(after_taxes=Decimal("1.01")))
    rated = rate(session("10"), most, "UTC")
    assert exactly(rated)[1] == Fraction("1.01")
    assert rated.total == Decimal("1.01")


@pytest.mark.parametrize("energy", ["0.004", "0.006"])
def test_the_tax_that_a_limit_adds_alone_is_not_lost_where_net_amounts_are_rounded(energy):
    prices = price(Dimension.ENERGY, energy), price(Dimension.FLAT, "1.00", "19")
    policy = Policy(limit_tax=LimitTax.INDEPENDENT, rounded=Rounded.NET_PER_TAX)
    rated = rate(session("1"), tariff(*prices, min_price=PriceLimit(after_taxes=Decimal(3))), "UTC", policy)
    assert exactly(rated)[1] == 3
    assert abs(rated.total - 3) <= Decimal("0.01")


def test_a_reservation_that_nobody_used_is_no_session_that_costs_at_least_so_much():
    for profile, total, lines in (("ocpi-2.2.1", "2.00", "reserve time  60 min  2.00  2.00 EUR\n"), ("ocpp-2.1", "0.00", "")):
        check(f"""
            tariff  {profile}   2.00 EUR/h reserved   0.25 EUR/kWh   min 5.00/-
            10:00   reserve
            11:00   expired
            -----
            {lines}total  {total} EUR
        """)


@given(st.data(), sessions(), rich_tariffs(), ZONES, st.sampled_from(Profile), st.sampled_from(Rounded))
def test_what_is_owed_is_near_the_exact_total_under_every_policy(data, session, tariff, where, profile, rounded):
    policy = Policy(profile=profile, rounded=rounded, limit_tax=data.draw(st.sampled_from(LimitTax)))
    rated = rate(session, tariff, where, policy, data.draw(circumstances(session)))
    unit = {"EUR": 100, "JPY": 1, "KWD": 1000}[rated.currency]
    roundings = len(rated.lines) if rounded is Rounded.GROSS_PER_LINE else 3 * len(rated.owed)
    assert abs(Fraction(rated.total) - exactly(rated)[1]) * unit <= Fraction(max(roundings, 1), 2) + len(rated.owed)
    if rounded is Rounded.GROSS_PER_TAX and any(line.limit for line in rated.lines):
        assert abs(Fraction(rated.total) - exactly(rated)[1]) * unit <= Fraction(1, 2)
