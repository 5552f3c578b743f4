"""The worked cases of OCPI's tariffs module and of OCPP 2.1, and those that tell the dialects apart, for a tariff manager.

The same numbers stand as vectors in tests/data; here each is a rule with its reasons. Names in brackets are the vectors'.
"""

from tests.notation import check

# One price, and where it is rounded up


def test_energy_with_vat():
    """[S01]"""
    check("""
        tariff  0.25 EUR/kWh VAT 10% step 1
        10:00   start   0 kWh
        11:00   end    20 kWh
        -----
        energy  20.000 kWh  0.25   5.00 EUR
        total                      5.50 EUR
    """)


def test_a_start_fee_has_its_own_vat():
    """[S02]"""
    check("""
        tariff  0.50 EUR VAT 20% + 0.25 EUR/kWh VAT 10% step 1
        10:00   start   0 kWh
        11:00   end    20 kWh
        -----
        energy  20.000 kWh  0.25   5.00 EUR
        start               0.50   0.50 EUR
        vat     10% 5.00 + 0.50 = 5.50 EUR
        vat     20% 0.50 + 0.10 = 0.60 EUR
        total                      6.10 EUR
    """)


def test_parking_is_billed_in_full_quarters_of_an_hour_and_only_once():
    """[S05] 40 minutes are 45."""
    check("""
        tariff  0.50 EUR VAT 20% step 1 + 0.25 EUR/kWh VAT 10% step 1 + 2.00 EUR/h idle VAT 20% step 900
        10:00   start   0 kWh
        11:00   idle   20 kWh
        11:40   end    20 kWh
        -----
        energy  20.000 kWh        0.25   5.00 EUR
        idle    40 min -> 45 min  2.00   1.50 EUR
        start                     0.50   0.50 EUR
        total                            7.90 EUR
    """)


def test_of_charging_and_parking_only_the_parking_is_rounded_up():
    """[S09] 150 minutes of charging as they are, 42 minutes of parking are 45."""
    check("""
        tariff  3.00 EUR/h VAT 10% step 60 + 5.00 EUR/h idle VAT 20% step 300
        10:00   start
        12:30   idle
        13:12   end
        -----
        time    150 min           3.00   7.50 EUR
        idle    42 min -> 45 min  5.00   3.75 EUR
        total                           12.75 EUR
    """)


def test_a_step_of_energy_rounds_the_session_and_not_its_parts():
    """[S11] 20.45 kWh are 20.5. One table of the specification forgets the step and prints 5.61; its prose says 5.63."""
    check(
        """
        tariff  0.50 EUR VAT 20% + 0.25 EUR/kWh VAT 10% step 100
        10:00   start   0.00 kWh
        11:00   end    20.45 kWh
        -----
        energy  20.450 kWh -> 20.500 kWh  0.25   5.125 EUR
        start                             0.50   0.50 EUR
        total                                    6.24 EUR
        exact   5.625 / 6.2375
    """.replace("5.125 EUR", "5.1250 EUR")
    )


def test_the_last_step_rounds_the_total_at_the_last_price():
    """[S29] 4.3 and 1.1 kWh are 5.4; with steps of 500 Wh 5.5, and what is added costs what came last."""
    check("""
        tariff  0.20 EUR/kWh step 500 <4.3kWh   0.27 EUR/kWh step 500
        10:00   start   0.0 kWh
        11:00   meter   4.3 kWh
        12:00   end     5.4 kWh
        -----
        energy  4.300 kWh               0.20   0.86 EUR
        energy  1.100 kWh -> 1.200 kWh  0.27   0.3240 EUR
        total                                  1.18 EUR
        exact   1.184 / 1.184
    """)


def test_time_that_has_no_price_is_not_rounded():
    """[S24] 8 of 20 minutes of parking have a price, and become 15. Printed until September 2025 with all 20: 0.80."""
    check("""
        tariff  1.20 EUR/h step 1800 + 1.00 EUR/h idle step 900 -17:00
        tariff  2.40 EUR/h step 900 + 1.00 EUR/h idle step 900 17:00-20:00   2.40 EUR/h step 900 20:00-
        19:40   start
        19:52   idle
        20:12   end
        -----
        time    12 min           2.40   0.48 EUR
        idle    8 min -> 15 min  1.00   0.25 EUR
        total                           0.73 EUR
    """)


# Conditions


def test_what_a_station_gives_decides_the_price_of_the_moment():
    """[S25] The kWh at 48 kW cost more than those at 6 kW."""
    check("""
        tariff  0.20 EUR/kWh VAT 20% <16kW   0.35 EUR/kWh VAT 20% <32kW   0.50 EUR/kWh VAT 20%
        10:00   power   6 kW
        10:00   start   0.0 kWh
        10:10   power  48 kW
        10:10   meter   1.0 kWh
        11:00   power   4 kW
        11:00   meter  41.0 kWh
        11:07:30  end  41.5 kWh
        -----
        energy   1.500 kWh  0.20   0.30 EUR
        energy  40.000 kWh  0.50  20.00 EUR
        total                     24.36 EUR
    """)


def test_the_age_of_the_session_decides_from_its_very_second_on():
    """[S26] Free for half an hour; what comes until the hour is full costs 0.25."""
    check("""
        tariff  0.00 EUR/kWh VAT 20% <30min   0.25 EUR/kWh VAT 20% <60min   0.40 EUR/kWh VAT 20%
        10:00   start   0.0 kWh
        10:30   meter   5.0 kWh
        10:40   end     6.2 kWh
        -----
        energy  5.000 kWh  0.00   0.00 EUR
        energy  1.200 kWh  0.25   0.30 EUR
        total                     0.36 EUR
    """)


def test_current_and_weekday_together():
    """[S15] A Saturday at 43 A: 114 minutes at 1.25 are 2.375. The specification prints 2.28, and so 12.28 in all."""
    check("""
        tariff  2.50 EUR VAT 15%   1.00 EUR/h VAT 20% step 900 <32A   2.00 EUR/h VAT 20% step 600 >=32A Mon-Fri
        tariff  1.25 EUR/h VAT 20% step 600 >=32A Sat,Sun   5.00 EUR/h idle VAT 10% step 300 09:00-18:00 Mon-Fri
        tariff  6.00 EUR/h idle VAT 10% step 300 10:00-17:00 Sat
        day     2024-01-13
        13:30   current 43 A
        13:30   start
        15:24   current 0 A
        15:24   idle
        16:35   end
        -----
        time    114 min           1.25   2.3750 EUR
        idle    71 min -> 75 min  6.00   7.50 EUR
        start                     2.50   2.50 EUR
        total                           13.98 EUR
        exact   12.375 / 13.975
    """)


def test_a_grace_period_is_said_by_how_long_the_vehicle_has_been_idle():
    """[own-idle-after-300s] What no tariff of OCPI can say. It is not retroactive: the first five minutes stay free."""
    check("""
        tariff  ocpp-2.1   0.40 EUR/kWh VAT 10%   0.909 EUR/min idle VAT 10% idle>=300s
        10:00   start   0 kWh
        11:00   idle   20 kWh
        11:20   end    20 kWh
        -----
        energy  20.000 kWh  0.40    8.00 EUR
        idle    15 min      0.909  13.6350 EUR
        total                      23.80 EUR
        exact   21.635 / 23.7985
    """)


def test_who_pays_by_card_may_pay_another_fee():
    """[spec-12] The printed amounts take the price per minute for one per hour, and other taxes than the tariff's."""
    story = """
        tariff  ocpp-2.1   3.00 EUR VAT 10% by:CC   2.50 EUR VAT 10%   1.00 EUR/min VAT 15% <11kW   2.00 EUR/min VAT 15% >=11kW
        {}
        14:00   power  10.5 kW
        14:00   start
        15:00   power  22 kW
        15:30   end
        -----
        time    60 min  1.00   60.00 EUR
        time    30 min  2.00   60.00 EUR
        start           {}    {} EUR
        total                 {} EUR
    """
    check(story.format("by CC", "3.00", "3.00", "141.30"))
    check(story.format("evse DC", "2.50", "2.50", "140.75"))


def test_one_tariff_may_price_both_kinds_of_evse():
    story = """
        tariff  0.45 EUR/kWh AC   0.59 EUR/kWh DC
        evse    {}
        10:00   start  0 kWh
        10:30   end   10 kWh
        -----
        energy  10.000 kWh  {}  {} EUR
        total                   {} EUR
    """
    check(story.format("AC", "0.45", "4.50", "4.50"))
    check(story.format("DC", "0.59", "5.90", "5.90"))


# Reservations


def test_a_reservation_and_the_session_after_it_each_have_their_fee():
    """[S17] An engine that allows one fee per session bills 2.00 or 0.50 too little. 13 minutes in steps of 5 are 15."""
    check("""
        tariff  2.00 EUR VAT 20% + 5.00 EUR/h VAT 20% step 300 reserved   0.50 EUR VAT 20% + 0.25 EUR/kWh VAT 10% step 1
        09:47   reserve
        10:00   start   0 kWh
        11:00   end    20 kWh
        -----
        energy  20.000 kWh               0.25   5.00 EUR
        start                            0.50   0.50 EUR
        reserve time  13 min -> 15 min   5.00   1.25 EUR
        reserve start                    2.00   2.00 EUR
        total                                  10.00 EUR
    """)


def test_a_reservation_that_nobody_used_pays_its_own_prices_and_where_there_are_none_those_of_any():
    """[S19] The fee is that of an expired reservation, the hour that of a reservation. No fee of a session is due."""
    check("""
        tariff  4.00 EUR VAT 20% expired   2.00 EUR/h VAT 20% step 600 reserved   0.50 EUR VAT 20% + 0.25 EUR/kWh VAT 10%
        10:00   reserve
        11:00   expired
        -----
        reserve time   60 min  2.00   2.00 EUR
        reserve start          4.00   4.00 EUR
        total                         7.20 EUR
    """)


# Limits, taxes, gross prices


def test_the_least_that_a_session_costs():
    """[S04]"""
    check("""
        tariff  0.25 EUR/kWh VAT 10% step 1   min 0.50/0.55
        10:00   start  0.0 kWh
        10:10   end    1.2 kWh
        -----
        energy  1.200 kWh  0.25   0.30 EUR
        minimum                   0.20 EUR
        total                     0.55 EUR
        exact   0.5 / 0.55
    """)


def test_the_most_that_a_session_costs_is_two_limits_in_ocpi():
    """[S06] 13.00 before taxes and 14.35 after them: each is held by its own limit, and the net amount is the limit's."""
    check("""
        tariff  0.50 EUR VAT 20% + 0.25 EUR/kWh VAT 10% step 1   max 10.00/11.00   independent
        10:00   start   0 kWh
        12:00   end    50 kWh
        -----
        energy  50.000 kWh  0.25  12.50 EUR
        start               0.50   0.50 EUR
        maximum                   -2.8846 EUR
        maximum                   -0.1154 EUR
        maximum                    0.00 EUR
        total                     11.00 EUR
        exact   10 / 11
    """)


def test_the_most_that_a_session_costs_stops_the_meter_in_ocpp():
    """The same tariff: the gross limit is reached first, and everything freezes there, at 9.95 before taxes."""
    check("""
        tariff  ocpp-2.1   0.50 EUR VAT 20% + 0.25 EUR/kWh VAT 10%   max 10.00/11.00
        10:00   start   0 kWh
        12:00   end    50 kWh
        -----
        energy  50.000 kWh  0.25  12.50 EUR
        start               0.50   0.50 EUR
        maximum                   -3.0455 EUR
        total                     11.00 EUR
        exact   219/22 / 11
    """)


def test_a_minimum_that_is_missed_on_one_side_replaces_all_in_ocpp_and_only_that_side_in_ocpi():
    """[X21] 2.2 kWh at 0.50 are 1.10 before taxes, which is enough, and 1.32 after, which is not."""
    story = """
        tariff  0.50 EUR/kWh VAT 20%   min 1.00/1.50   {}
        10:00   start  0.0 kWh
        11:00   end    2.2 kWh
        -----
        energy  2.200 kWh  0.50   1.10 EUR
        minimum                  {} EUR
        {}total                   1.50 EUR
        exact   {}
    """
    check(story.format("independent", "0.00", "", "1.1 / 1.5"))
    check(story.format("ocpi-2.2.1", "0.15", "", "1.25 / 1.5"))
    check(story.format("ocpp-2.1", "-1.10", "minimum  1.00 EUR\n        ", "1 / 1.5"))


def test_a_gross_price_is_what_the_driver_pays():
    """[X19] The tax is contained: an engine that adds it bills 7.20."""
    check("""
        tariff  gross   0.60 EUR/kWh VAT 20%
        10:00   start   0 kWh
        11:00   end    10 kWh
        -----
        energy  10.000 kWh  0.60   5.00 EUR
        vat     20% 5.00 + 1.00 = 6.00 EUR
        total                      6.00 EUR
    """)


def test_taxes_on_one_level_add_up_and_on_the_next_compound():
    """[spec-10] and [own-tax-stack]"""
    check("""
        tariff  ocpp-2.1   0.25 EUR/kWh taxes federal 6% state 4%
        10:00   start   0 kWh
        11:00   end    10 kWh
        -----
        energy  10.000 kWh  0.25   2.50 EUR
        vat     federal 0.15 state 0.10 2.50 + 0.25 = 2.75 EUR
        total                      2.75 EUR
    """)
    check("""
        tariff  ocpp-2.1   0.40 EUR/kWh taxes energy 5% > vat 21%
        10:00   start   0 kWh
        11:00   end    10 kWh
        -----
        energy  10.000 kWh  0.40   4.00 EUR
        vat     energy 0.20 vat 0.88 4.00 + 1.08 = 5.08 EUR
        total                      5.08 EUR
        exact   4 / 5.082
    """)


# What the same words mean in each dialect


def test_a_fee_with_a_window_is_due_when_the_window_opens_in_ocpi_and_only_at_the_start_in_ocpp():
    """[X14] Half past four until half past five, a fee from five to six."""
    story = """
        tariff  {}   2.00 EUR 17:00-18:00   0.10 EUR/kWh
        16:30   start  0 kWh
        17:00   meter  1 kWh
        17:30   end    2 kWh
        -----
        energy  2.000 kWh  0.10   0.20 EUR
        {}total                   {} EUR
    """
    check(story.format("ocpi-2.2.1", "start  2.00  2.00 EUR\n        ", "2.20"))
    check(story.format("ocpp-2.1", "", "0.20"))


def test_ocpp_knows_no_steps():
    check("""
        tariff  ocpp-2.1   1.00 EUR/kWh step 500
        10:00   start  0.0 kWh
        11:00   end    0.2 kWh
        -----
        energy  0.200 kWh  1.00   0.20 EUR
        total                     0.20 EUR
    """)


def test_a_reservation_is_priced_as_it_goes_by_in_ocpi_and_by_the_moment_of_the_start_in_ocpp():
    """Half an hour before ten, when the price changes."""
    story = """
        tariff  {}   2.00 EUR/h reserved -10:00   4.00 EUR/h reserved   0.10 EUR/kWh
        09:30   reserve
        10:00   start  0 kWh
        11:00   end    1 kWh
        -----
        energy  1.000 kWh        0.10   0.10 EUR
        reserve time  30 min     {}   {} EUR
        total                           {} EUR
    """
    check(story.format("ocpi-2.2.1", "2.00", "1.00", "1.10"))
    check(story.format("ocpp-2.1", "4.00", "2.00", "2.10"))


def test_an_hour_that_happens_twice_counts_twice_in_both():
    """[own-dst-end] Two hours of the wall clock's 02:00 to 03:00, each half of it cheap."""
    check("""
        tariff  ocpp-2.1   0.20 EUR/kWh 00:00-02:30   0.40 EUR/kWh   Europe/Amsterdam
        day     2026-10-25
        02:00+02:00   start  0 kWh
        03:00+01:00   end    8 kWh
        -----
        energy  4.000 kWh  0.20   0.80 EUR
        energy  4.000 kWh  0.40   1.60 EUR
        total                     2.40 EUR
    """)
