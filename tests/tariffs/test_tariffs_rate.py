"""What a session costs: each test is a rule, told in the notation of `tests.notation`."""

import pytest

from tariffs.rate import rate
from tests.notation import check, parse


def test_energy_crossing_midnight_uses_both_prices():
    check("""
        tariff  0.30 EUR/kWh 06:00-24:00   0.20 EUR/kWh 00:00-06:00   Europe/Berlin
        23:30   start   0.000 kWh
        00:00   meter   4.000 kWh
        00:30   end     9.000 kWh
        -----
        energy  4.000 kWh  0.30   1.20 EUR
        energy  5.000 kWh  0.20   1.00 EUR
        total                     2.20 EUR
    """)


def test_a_window_that_wraps_over_midnight_holds_on_both_sides_of_it():
    check("""
        tariff  0.20 EUR/kWh 22:00-06:00   0.40 EUR/kWh   Europe/Berlin
        21:00   start   0 kWh
        22:00   meter   1 kWh
        06:00   meter   9 kWh
        07:00   end    11 kWh
        -----
        energy  3.000 kWh  0.40   1.20 EUR   | element 2: at all other times
        energy  8.000 kWh  0.20   1.60 EUR   | element 1: 22:00-06:00 Europe/Berlin
        total                     2.80 EUR
    """)


def test_the_night_is_the_sites_night_and_not_that_of_utc():
    check("""
        tariff  0.20 EUR/kWh 22:00-06:00   0.40 EUR/kWh   Europe/Berlin
        day     2026-07-01
        21:30   start   0 kWh
        22:00   meter   5 kWh
        22:30   end    10 kWh
        -----
        energy  5.000 kWh  0.40   2.00 EUR
        energy  5.000 kWh  0.20   1.00 EUR
        total                     3.00 EUR
    """)


def test_the_register_at_a_price_change_lies_on_the_line_between_its_neighbours_to_a_thousandth_of_a_wh():
    check("""
        tariff  0.30 EUR/kWh -22:00   0.20 EUR/kWh   Europe/Berlin
        21:59:59   start  0 kWh
        22:00:02   end    1 kWh
        -----
        energy  0.333333 kWh  0.30   0.1000 EUR
        energy  0.666667 kWh  0.20   0.1333 EUR
        total                        0.23 EUR
    """)


def test_the_hour_that_happens_twice_in_autumn_is_billed_twice():
    check("""
        tariff  6.00 EUR/h 02:00-03:00   1.00 EUR/h   Europe/Berlin
        day     2026-10-25
        01:30         start
        03:30         end
        -----
        time    60 min     1.00    1.00 EUR
        time    120 min    6.00   12.00 EUR
        total                     13.00 EUR
    """)


def test_of_the_hour_that_happens_twice_each_can_be_told():
    check("""
        tariff  6.00 EUR/h 02:30-03:00   1.00 EUR/h   Europe/Berlin
        day     2026-10-25
        02:15+02:00   start
        02:40+01:00   end
        -----
        time    45 min     1.00    0.75 EUR
        time    40 min     6.00    4.00 EUR
        total                      4.75 EUR
    """)


def test_the_hour_that_is_skipped_in_spring_is_never_billed():
    check("""
        tariff  6.00 EUR/h 02:00-03:00   1.00 EUR/h   Europe/Berlin
        day     2026-03-29
        01:30   start
        03:30   end
        -----
        time    60 min     1.00    1.00 EUR
        total                      1.00 EUR
    """)


def test_a_window_that_begins_in_the_skipped_hour_begins_when_the_clock_has_jumped():
    check("""
        tariff  6.00 EUR/h 02:30-03:30   1.00 EUR/h   Europe/Berlin
        day     2026-03-29
        01:30   start
        04:00   end
        -----
        time    60 min     1.00    1.00 EUR
        time    30 min     6.00    3.00 EUR
        total                      4.00 EUR
    """)


def test_a_day_of_the_clock_change_has_the_hours_it_has():
    check("""
        tariff  1.00 EUR/h Sun   2.00 EUR/h   Europe/Berlin
        day     2026-10-24
        23:00   start
        day     2026-10-26
        01:00   end
        -----
        time    120 min    2.00    4.00 EUR
        time    1500 min   1.00   25.00 EUR
        total                     29.00 EUR
    """)


def test_weekday_windows_begin_and_end_at_local_midnight():
    check("""
        tariff  0.20 EUR/kWh Sat,Sun   0.40 EUR/kWh Mon-Fri   Europe/Berlin
        day     2026-01-16
        23:00   start   0 kWh
        00:00   meter   3 kWh
        02:00   end     4 kWh
        -----
        energy  3.000 kWh  0.40   1.20 EUR   | element 2: Monday to Friday
        energy  1.000 kWh  0.20   0.20 EUR   | element 1: Saturday and Sunday
        total                     1.40 EUR
    """)


def test_a_weekday_with_a_wrapping_window_ends_at_midnight_for_then_it_is_another_day():
    check("""
        tariff  0.10 EUR/kWh 22:00-06:00 Fri   0.30 EUR/kWh   UTC
        day     2026-01-16
        23:00   start   0 kWh
        00:00   meter   2 kWh
        01:00   end     4 kWh
        -----
        energy  2.000 kWh  0.10   0.20 EUR   | element 1: 22:00-06:00 UTC, Friday
        energy  2.000 kWh  0.30   0.60 EUR   | element 2: at all other times
        total                     0.80 EUR
    """)


def test_a_range_of_dates_includes_its_first_day_and_excludes_its_last():
    check("""
        tariff  1.00 EUR/h 2026-12-24..2026-12-26   2.00 EUR/h   Europe/Berlin
        day     2026-12-23
        23:00   start
        day     2026-12-26
        01:00   end
        -----
        time    120 min    2.00    4.00 EUR   | element 2: at all other times
        time    2880 min   1.00   48.00 EUR   | element 1: from 2026-12-24, before 2026-12-26
        total                     52.00 EUR
    """)


def test_dates_with_times_are_a_daily_window_within_the_dates():
    check("""
        tariff  1.00 EUR/h 08:00-09:00 2026-12-24..2026-12-26   Europe/Berlin
        day     2026-12-23
        00:00   start
        day     2026-12-27
        00:00   end
        -----
        time    120 min    1.00    2.00 EUR
        total                      2.00 EUR
    """)


@pytest.mark.parametrize(
    ("window", "seconds"),
    [
        ("18:00-", "360 min"),  # until midnight
        ("-06:00", "360 min"),  # from midnight
        ("-00:00", "1440 min"),  # 00:00 is the end of the day
        ("08:00-08:00", "1440 min"),  # equal ends are the whole day
        ("18:00-24:00", "360 min"),
    ],
)
def test_a_window_may_have_one_end_and_is_never_empty(window, seconds):
    check(f"""
        tariff  1.00 EUR/h {window}   UTC
        00:00   start
        day     2026-01-15
        00:00   end
        -----
        time    {seconds}  1.00   {int(seconds.split()[0]) // 60}.00 EUR
        total                     {int(seconds.split()[0]) // 60}.00 EUR
    """)


def test_idle_time_is_billed_from_the_moment_on_at_which_the_vehicle_asks_for_no_power():
    check("""
        tariff  0.30 EUR/kWh + 6.00 EUR/h idle   Europe/Berlin
        10:00   start   0 kWh
        11:00   idle   20 kWh
        11:30   end    20 kWh
        -----
        energy  20.000 kWh   0.30   6.00 EUR
        idle    30 min       6.00   3.00 EUR
        total                       9.00 EUR
    """)


def test_waiting_before_the_first_charge_is_neither_charging_nor_idle_time():
    check("""
        tariff  2.00 EUR/h + 6.00 EUR/h idle   Europe/Berlin
        10:00   start
        10:00   waiting
        10:20   charging
        10:50   idle
        11:00   charging
        11:30   end
        -----
        time    60 min       2.00   2.00 EUR
        idle    10 min       6.00   1.00 EUR
        total                       3.00 EUR
    """)


def test_energy_that_flows_while_idle_is_billed_as_energy():
    check("""
        tariff  0.50 EUR/kWh + 2.00 EUR/h   Europe/Berlin
        10:00   start   0 kWh
        11:00   idle    8 kWh
        12:00   end    10 kWh
        -----
        energy  10.000 kWh   0.50   5.00 EUR
        time    60 min       2.00   2.00 EUR
        total                       7.00 EUR
    """)


def test_a_start_fee_is_due_once_though_many_periods_match():
    check("""
        tariff  1.00 EUR + 0.10 EUR/kWh 06:00-12:00   1.00 EUR + 0.20 EUR/kWh   UTC
        11:00   start   0 kWh
        12:00   meter   1 kWh
        12:30   idle    2 kWh
        13:00   end     2 kWh
        -----
        energy  1.000 kWh   0.10   0.10 EUR
        energy  1.000 kWh   0.20   0.20 EUR
        start               1.00   1.00 EUR
        total                      1.30 EUR
    """)


def test_a_start_fee_of_a_window_is_due_when_the_window_comes_up_during_the_session():
    check("""
        tariff  2.00 EUR 17:00-18:00   0.10 EUR/kWh   UTC
        16:30   start   0 kWh
        17:30   end     2 kWh
        -----
        energy  2.000 kWh   0.10   0.20 EUR
        start               2.00   2.00 EUR
        total                      2.20 EUR
    """)


def test_a_session_that_has_just_begun_owes_its_start_fee():
    check("""
        tariff  1.00 EUR + 0.10 EUR/kWh   UTC
        16:30   start   7 kWh
        16:30   end     7 kWh
        -----
        start               1.00   1.00 EUR
        total                      1.00 EUR
    """)


def test_the_running_cost_is_what_the_session_would_cost_if_it_ended_now():
    story = """
        tariff  0.50 EUR + 0.40 EUR/kWh 06:00-22:00   0.30 EUR/kWh   Europe/Berlin
        21:30   start   0 kWh
        22:00   {word}   6 kWh
    """
    check(
        story.format(word="end  ")
        + """-----
        energy  6.000 kWh   0.40   2.40 EUR
        start               0.50   0.50 EUR
        total                      2.90 EUR
    """
    )
    check(
        story.format(word="meter")
        + """    22:30   end     9 kWh
        -----
        energy  6.000 kWh   0.40   2.40 EUR
        energy  3.000 kWh   0.30   0.90 EUR
        start               0.50   0.50 EUR
        total                      3.80 EUR
    """
    )


def test_the_first_element_that_matches_gives_the_price_of_its_dimension_only():
    check("""
        tariff  0.50 EUR   1.00 EUR + 0.10 EUR/kWh   0.90 EUR/kWh + 6.00 EUR/h   UTC
        10:00   start   0 kWh
        10:10   end     1 kWh
        -----
        energy  1.000 kWh   0.10   0.10 EUR   | element 2: always
        time    10 min      6.00   1.00 EUR   | element 3: always
        start               0.50   0.50 EUR   | element 1: always
        total                      1.60 EUR
    """)


def test_a_dimension_without_a_matching_element_is_free():
    check("""
        tariff  0.50 EUR/kWh 08:00-10:00   UTC
        09:00   start   0 kWh
        10:00   meter   4 kWh
        12:00   end     9 kWh
        -----
        energy  4.000 kWh   0.50   2.00 EUR
        total                      2.00 EUR
    """)


def test_a_session_in_which_nothing_has_a_price_has_no_lines():
    check("""
        tariff  0.50 EUR/kWh 08:00-10:00   UTC
        11:00   start   0 kWh
        12:00   end     9 kWh
        -----
        total   0.00 EUR
    """)


def test_the_first_ten_kwh_are_split_off_to_the_watt_hour():
    check("""
        tariff  0.20 EUR/kWh <10kWh   0.40 EUR/kWh   UTC
        10:00   start   1234.567 kWh
        11:15   end     1259.567 kWh
        -----
        energy  10.000 kWh   0.20   2.00 EUR   | element 1: up to 10 kWh
        energy  15.000 kWh   0.40   6.00 EUR   | element 2: at all other times
        total                       8.00 EUR
    """)


def test_time_is_split_where_the_register_reaches_the_threshold_on_the_line_between_readings():
    check("""
        tariff  1.00 EUR/h <10kWh   3.00 EUR/h >=10kWh   UTC
        10:00   start   0 kWh
        10:50   end    25 kWh
        -----
        time    20 min    1.00   0.3333 EUR   | element 1: up to 10 kWh
        time    30 min    3.00   1.50 EUR     | element 2: from 10 kWh
        total                    1.83 EUR
    """)


def test_a_threshold_that_is_just_reached_ends_its_price_for_the_time_that_follows():
    check("""
        tariff  1.00 EUR/h <10kWh   3.00 EUR/h   UTC
        10:00   start    0 kWh
        10:30   meter   10 kWh
        11:30   end     10 kWh
        -----
        time    30 min    1.00   0.50 EUR
        time    60 min    3.00   3.00 EUR
        total                    3.50 EUR
    """)


def test_durations_count_from_the_start_of_the_session_and_not_of_the_idle_time():
    check("""
        tariff  0.00 EUR/h idle <30min   3.00 EUR/h idle   UTC
        10:00   start
        10:20   idle
        10:45   end
        -----
        idle    10 min    0.00   0.00 EUR   | element 1: in the first 30 min of the session
        idle    15 min    3.00   0.75 EUR   | element 2: at all other times
        total                    0.75 EUR
    """)


def test_free_energy_shows_why_it_is_free_beside_what_costs_something():
    check("""
        tariff  0.00 EUR/kWh VAT 19% <30min   0.25 EUR/kWh VAT 19%   UTC
        10:00   start   0 kWh
        10:30   meter   5 kWh
        10:40   end     6.2 kWh
        -----
        energy  5.000 kWh   0.00   0.00 EUR   | element 1: in the first 30 min of the session
        energy  1.200 kWh   0.25   0.30 EUR   | element 2: at all other times
        vat     19%   0.30 + 0.06 = 0.36 EUR
        total                      0.36 EUR
    """)


def test_a_free_session_shows_why_it_is_free():
    check("""
        tariff  0.00 EUR   Europe/Berlin
        10:00   start   0 kWh
        11:00   end     9 kWh
        -----
        start               0.00   0.00 EUR   | element 1: always
        vat     none  0.00 + 0.00 = 0.00 EUR
        total                      0.00 EUR
    """)


def test_a_start_fee_of_nothing_is_left_out_beside_another_line():
    check("""
        tariff  0.00 EUR   0.30 EUR/kWh   Europe/Berlin
        10:00   start   0 kWh
        11:00   end     9 kWh
        -----
        energy  9.000 kWh   0.30   2.70 EUR
        total                      2.70 EUR
    """)


def test_what_was_not_used_has_no_line():
    check("""
        tariff  0.30 EUR/kWh + 6.00 EUR/h idle   Europe/Berlin
        10:00   start   5 kWh
        11:00   end     5 kWh
        -----
        total                      0.00 EUR
    """)


def test_a_session_without_readings_still_owes_its_time_and_its_start_fee():
    check("""
        tariff  0.30 EUR/kWh + 2.00 EUR/h + 1.00 EUR   Europe/Berlin
        10:00   start
        11:30   end
        -----
        time    90 min   2.00   3.00 EUR
        start            1.00   1.00 EUR
        total                   4.00 EUR
    """)


def test_vat_is_added_up_by_rate_and_no_vat_is_not_vat_of_zero():
    check("""
        tariff  0.50 EUR VAT 20% + 0.25 EUR/kWh VAT 10% + 1.00 EUR/h VAT 0% + 2.00 EUR/h idle   UTC
        10:00   start   0 kWh
        11:00   idle   20 kWh
        11:30   end    20 kWh
        -----
        energy  20.000 kWh   0.25   5.00 EUR
        time    60 min       1.00   1.00 EUR
        idle    30 min       2.00   1.00 EUR
        start                0.50   0.50 EUR
        vat     0%    1.00 + 0.00 = 1.00 EUR
        vat     10%   5.00 + 0.50 = 5.50 EUR
        vat     20%   0.50 + 0.10 = 0.60 EUR
        vat     none  1.00 + 0.00 = 1.00 EUR
        total                       8.10 EUR
    """)


def test_the_lines_of_one_vat_rate_are_rounded_together_and_on_the_gross():
    check("""
        tariff  0.333 EUR/kWh VAT 19% -12:00   0.444 EUR/kWh VAT 19%   UTC
        11:00   start   0 kWh
        12:00   meter   0.5 kWh
        13:00   end     1 kWh
        -----
        energy  0.500 kWh   0.333   0.1665 EUR
        energy  0.500 kWh   0.444   0.2220 EUR
        vat     19%   0.39 + 0.07 = 0.46 EUR
        total                       0.46 EUR
    """)


def test_a_currency_without_minor_units_is_owed_in_whole_units():
    check("""
        tariff  45.5 JPY/kWh   Asia/Tokyo
        10:00   start   0 kWh
        11:00   end     3.33 kWh
        -----
        energy  3.330 kWh   45.5   151.5150 JPY
        total                       152 JPY
    """)


def test_a_step_size_rounds_the_total_of_the_session_up_and_never_where_prices_change():
    check("""
        tariff  5 EUR/h step 600 -17:00   7 EUR/h step 600   UTC
        16:54   start
        17:22   end
        -----
        time    6 min             5   0.50 EUR
        time    22 min -> 24 min  7   2.80 EUR
        total                         3.30 EUR
    """)


def test_the_last_step_size_counts_and_its_price_takes_the_surplus():
    check("""
        tariff  2 EUR/kWh step 8000 -17:00   3 EUR/kWh step 5000   UTC
        16:55   start   0 kWh
        17:00   meter   5 kWh
        17:05   end    12 kWh
        -----
        energy  5.000 kWh                2   10.00 EUR
        energy  7.000 kWh -> 10.000 kWh  3   30.00 EUR
        total                                40.00 EUR
    """)


def test_a_price_at_which_nothing_was_taken_is_not_the_last():
    check("""
        tariff  2 EUR/kWh step 8000 -17:00   3 EUR/kWh step 5000   UTC
        16:55   start   0 kWh
        17:00   meter   5 kWh
        17:05   end     5 kWh
        -----
        energy  5.000 kWh -> 8.000 kWh   2   16.00 EUR
        total                                16.00 EUR
    """)


def test_where_charging_and_idle_time_are_billed_only_the_idle_time_is_rounded():
    check("""
        tariff  1 EUR/h step 300 + 1 EUR/h idle step 300   UTC
        16:00   start
        16:21   idle
        16:28   end
        -----
        time    21 min            1   0.35 EUR
        idle    7 min -> 10 min   1   0.1667 EUR
        total                         0.52 EUR
    """)


def test_idle_time_before_charging_is_rounded_all_the_same():
    check("""
        tariff  1 EUR/h step 600 + 2 EUR/h idle step 600   UTC
        10:00   start
        10:00   idle
        10:07   charging
        10:28   end
        -----
        time    21 min            1   0.35 EUR
        idle    7 min -> 10 min   2   0.3333 EUR
        total                         0.68 EUR
    """)


def test_free_time_after_the_last_price_is_not_rounded():
    check("""
        tariff  2.40 EUR/h step 900 + 1.00 EUR/h idle step 900 17:00-20:00   UTC
        19:40   start
        19:52   idle
        20:12   end
        -----
        time    12 min            2.40   0.48 EUR
        idle    8 min -> 15 min   1.00   0.25 EUR
        total                            0.73 EUR
    """)


def test_an_exact_multiple_of_a_step_is_not_rounded_up():
    check("""
        tariff  1.00 EUR/kWh step 500   UTC
        10:00   start   0 kWh
        11:00   end     5.5 kWh
        -----
        energy  5.500 kWh   1.00   5.50 EUR
        total                      5.50 EUR
    """)


@pytest.mark.parametrize(
    ("step", "billed", "amount"),
    [(0, "0.1152 kWh", "11.52"), (1, "0.1152 kWh -> 0.116 kWh", "11.60"), (25, "0.1152 kWh -> 0.125 kWh", "12.50")],
)
def test_a_step_of_one_bills_whole_watt_hours_and_a_step_of_zero_does_not_round(step, billed, amount):
    check(f"""
        tariff  100 EUR/kWh step {step}   UTC
        10:00   start   0 kWh
        11:00   end     0.1152 kWh
        -----
        energy  {billed}   100   {amount} EUR
        total                    {amount} EUR
    """)


def test_a_line_says_whether_its_price_held_all_the_time_between_its_ends():
    """Night, day, night again: the night's line is interrupted by the day's."""
    case = parse("""
        tariff  0.20 EUR/kWh 22:00-06:00   0.40 EUR/kWh   Europe/Berlin
        05:00   start   0 kWh
        06:00   meter   1 kWh
        22:00   meter   2 kWh
        23:00   end     3 kWh
    """)
    by_night, by_day = sorted(rate(case.session, case.tariff, case.time_zone).lines, key=lambda line: line.element)
    assert (by_night.breaks, by_day.breaks) == (True, False)
    assert by_night.since < by_day.since < by_day.until < by_night.until
