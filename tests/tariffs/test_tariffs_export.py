"""What is paid for energy that a vehicle feeds back, and what a swap of batteries costs."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from tariffs.document import read_document
from tariffs.policy import Policy
from tariffs.rate import rate
from tariffs.tariff_fields import TariffRefused
from tests.notation import check, parse
from tests.tariffs.strategies import ZONES, circumstances, rich_tariffs, sessions
from vocabulary.quantities import WattHours
from vocabulary.rated import RatingNote, exact_net
from vocabulary.sessions import Reading, exported_wh
from vocabulary.tariff import Dimension, Profile


def test_what_is_fed_back_is_a_credit_at_its_own_price():
    check("""
        tariff  0.30 EUR/kWh VAT 19% + 0.20 EUR/kWh back VAT 19%
        10:00   start   0.000 kWh
        10:00   feed    7.000 kWh
        11:00   feed    9.500 kWh
        11:00   end    10.000 kWh
        -----
        energy  10.000 kWh  0.30   3.00 EUR
        back    -2.500 kWh  0.20  -0.50 EUR
        vat     19%  2.50 + 0.48 = 2.98 EUR
        total                      2.98 EUR
    """)


def test_a_vehicle_that_feeds_back_more_than_it_takes_is_owed_the_difference():
    check("""
        tariff  0.30 EUR/kWh + 0.50 EUR/kWh back
        10:00   start   0.000 kWh
        10:00   feed    0.000 kWh
        11:00   feed    4.000 kWh
        11:00   end     1.000 kWh
        -----
        energy   1.000 kWh  0.30   0.30 EUR
        back    -4.000 kWh  0.50  -2.00 EUR
        total                     -1.70 EUR
    """)


def test_the_price_of_what_is_fed_back_changes_with_the_time_of_day_as_that_of_energy_does():
    check("""
        tariff  0.50 EUR/kWh back 18:00-20:00   0.20 EUR/kWh back   0.30 EUR/kWh   Europe/Berlin
        17:30   start   0.000 kWh
        17:30   feed    0.000 kWh
        18:30   feed    6.000 kWh
        18:30   end     0.000 kWh
        -----
        back    -3.000 kWh  0.20  -0.60 EUR
        back    -3.000 kWh  0.50  -1.50 EUR
        total                     -2.10 EUR
    """)


def test_thresholds_of_energy_count_what_is_delivered_and_not_what_is_fed_back():
    check("""
        tariff  0.40 EUR/kWh back >=5kWh   0.10 EUR/kWh back   0.30 EUR/kWh
        10:00   start   0.000 kWh
        10:00   feed    0.000 kWh
        12:00   meter  10.000 kWh
        12:00   feed    8.000 kWh
        12:00   end    10.000 kWh
        -----
        energy  10.000 kWh  0.30   3.00 EUR
        back    -4.000 kWh  0.10  -0.40 EUR
        back    -4.000 kWh  0.40  -1.60 EUR
        total                      1.00 EUR
    """)


def test_what_is_fed_back_without_a_price_changes_nothing():
    check("""
        tariff  0.30 EUR/kWh
        10:00   start   0.000 kWh
        10:00   feed    0.000 kWh
        11:00   feed    5.000 kWh
        11:00   end    10.000 kWh
        -----
        energy  10.000 kWh  0.30  3.00 EUR
        total                     3.00 EUR
    """)


@pytest.mark.parametrize("profile", Profile)
def test_a_maximum_and_a_minimum_change_what_is_charged_and_never_what_is_paid(profile):
    for limit, change in (("max 2.00/-", "maximum  -1.00 EUR"), ("min 4.00/4.00", "minimum  1.00 EUR")):
        check(f"""
            tariff  0.30 EUR/kWh + 0.50 EUR/kWh back   {profile}   {limit}
            10:00   start   0.000 kWh
            10:00   feed    0.000 kWh
            11:00   feed    4.000 kWh
            11:00   end    10.000 kWh
            -----
            energy  10.000 kWh  0.30   3.00 EUR
            back    -4.000 kWh  0.50  -2.00 EUR
            {change}
            total                      {"0.00" if "max" in limit else "2.00"} EUR
        """)


def test_a_cost_that_is_frozen_stays_so_whatever_is_fed_back_afterwards():
    """OCPP 2.1 I12.FR.39. 10 kWh at 0.30 are reached after an hour; what is fed back then is paid, and nothing thaws."""
    check("""
        tariff  0.30 EUR/kWh + 0.50 EUR/kWh back   ocpp-2.1   max 3.00/-
        10:00   start   0.000 kWh
        10:00   feed    0.000 kWh
        11:00   meter  10.000 kWh
        11:00   feed    0.000 kWh
        12:00   meter  10.000 kWh
        12:00   feed    4.000 kWh
        13:00   end    20.000 kWh
        -----
        energy  20.000 kWh  0.30   6.00 EUR
        back    -4.000 kWh  0.50  -2.00 EUR
        maximum                   -3.00 EUR
        total                      1.00 EUR
    """)


def test_a_swap_is_charged_for_each_set_and_by_what_the_batteries_held_more():
    check("""
        tariff  3.50 EUR/set + 0.60 EUR/kWh + 1.00 EUR
        swap    2
        10:00   start   0.000 kWh
        10:02   end     3.200 kWh
        -----
        energy  3.200 kWh  0.60  1.92 EUR
        start              1.00  1.00 EUR
        swap    2          3.50  7.00 EUR
        total                    9.92 EUR
    """)


def test_of_two_fees_for_a_swap_the_first_that_comes_up_is_charged_once():
    check("""
        tariff  3.50 EUR/set 10:00-10:01   9.00 EUR/set
        swap    1
        10:00   start
        10:02   end
        -----
        swap    1  3.50  3.50 EUR
        total            3.50 EUR
    """)


def test_a_cost_that_freezes_takes_the_start_fee_first_and_then_that_of_the_swap():
    """Found by the oracle: the two taken together, each in part, bore another tax than the one after the other (I12.FR.39)."""
    check("""
        tariff  1.00 EUR VAT 0% + 3.00 EUR/set VAT 20%   ocpp-2.1   max -/2.20
        swap    1
        10:00   start
        10:00   end
        -----
        start           1.00  1.00 EUR
        swap    1       3.00  3.00 EUR
        maximum              -2.00 EUR
        vat     0%  1.00 + 0.00 = 1.00 EUR
        vat     20%  1.00 + 0.20 = 1.20 EUR
        total                 2.20 EUR
    """)


def test_charging_pays_no_fee_for_a_swap():
    check("""
        tariff  3.50 EUR/set + 0.60 EUR/kWh
        10:00   start   0.000 kWh
        10:02   end     3.000 kWh
        -----
        energy  3.000 kWh  0.60  1.80 EUR
        total                    1.80 EUR
    """)


def test_steps_are_refused_where_there_are_none():
    for kind in ("ENERGY_EXPORT", "SWAP"):
        component = {"type": kind, "price": "1", "step_size": "1"}
        with pytest.raises(TariffRefused, match=f"{kind} has no steps"):
            read_document(
                {
                    "id": "t",
                    "currency": "EUR",
                    "valid_from": "2026-01-01T00:00:00Z",
                    "elements": [{"price_components": [component]}],
                }
            )


@given(st.data(), sessions(step=2), rich_tariffs(), ZONES, st.sampled_from(Profile))
def test_reading_the_register_once_more_where_it_stands_changes_no_amount(data, session, tariff, where, profile):
    """Wherever the curve is read: a reading on the line between two others says nothing new."""
    known, policy = data.draw(circumstances(session)), Policy(profile=profile)
    if session.exported is UNSET:
        return
    doubled = tuple(each for each in session.exported for _ in range(2))
    again = replace(session, exported=doubled)
    assert rate(again, tariff, where, policy, known) == rate(session, tariff, where, policy, known)


@given(st.integers(1, 3600), st.integers(1, 3600), st.integers(0, 50))
def test_a_reading_on_the_line_splits_what_was_fed_back_and_changes_no_amount(first, second, rate_wh):
    """`rate_wh` in each second, so that every instant is on the line exactly."""
    case = parse("""
        tariff  0.50 EUR/kWh back >=20min   0.20 EUR/kWh back   0.31 EUR/kWh   max 1.00/-
        10:00   start   0.000 kWh
        10:00   feed    0.000 kWh
        12:00   end     9.000 kWh
        -----
    """)
    start = case.session.start
    end = Reading(at=case.session.end, register_wh=WattHours(Decimal(7200 * rate_wh)))
    at = (first + second) % 7200
    between = Reading(at=start + (case.session.end - start) * at / 7200, register_wh=WattHours(Decimal(at * rate_wh)))
    begin = Reading(at=start, register_wh=WattHours(Decimal(0)))
    whole, split = (replace(case.session, exported=each) for each in ((begin, end), (begin, between, end)))
    assert rate(whole, case.tariff, "UTC") == rate(split, case.tariff, "UTC")


@given(st.data(), sessions(), rich_tariffs(), ZONES, st.sampled_from(Profile))
def test_feeding_back_changes_no_line_of_what_is_charged(data, session, tariff, where, profile):
    """The whole difference is the credit: limits, steps and fees are those of the same session that feeds nothing back."""
    known, policy = data.draw(circumstances(session)), Policy(profile=profile)
    told = rate(session, tariff, where, policy, known)
    silent = rate(replace(session, exported=UNSET), tariff, where, policy, known)
    charged = [line for line in told.lines if line.dimension is not Dimension.ENERGY_EXPORT and exact_net(line)]
    if profile is not Profile.OCPP_2_1 or tariff.max_price is None:  # there cuts move the freeze by less than 0.001
        assert charged == [line for line in silent.lines if exact_net(line)]
    paid = [line for line in told.lines if line.dimension is Dimension.ENERGY_EXPORT]
    assert all(line.quantity <= 0 and line.billed == line.quantity for line in paid)
    assert sum((-line.quantity for line in paid), Decimal(0)) <= exported_wh(session)


def test_what_is_fed_back_may_follow_a_market_and_cost_where_that_is_below_zero():
    check("""
        tariff  0.30 EUR/kWh + 0.00 EUR/kWh back on spot
        prices  spot 10:00 0.20 -0.10
        10:00   start   0.000 kWh
        10:00   feed    0.000 kWh
        10:15   feed    2.000 kWh
        10:30   feed    5.000 kWh
        10:30   end     0.000 kWh
        -----
        back    -2.000 kWh   0.2  -0.40 EUR
        back    -3.000 kWh  -0.1   0.30 EUR
        total                      -0.10 EUR
    """)


def test_a_market_price_that_is_not_published_is_missed_only_where_something_is_fed_back():
    story = """
        tariff  0.30 EUR/kWh + 0.05 EUR/kWh back on spot least 0.00
        prices  spot 10:00 0.20 none
        10:00   start   0.000 kWh
        10:00   feed    0.000 kWh
        10:15   feed    2.000 kWh
        10:30   feed    {}.000 kWh
        10:30   end     1.000 kWh
    """
    for fed, notes in ((2, UNSET), (3, (RatingNote.PRICE_NOT_PUBLISHED,))):
        case = parse(story.format(fed))
        assert rate(case.session, case.tariff, case.time_zone, known=case.known).notes == notes
