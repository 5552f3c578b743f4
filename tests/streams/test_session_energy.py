"""Which register values make the energy of a session, and when they make none."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from streams.registers import Kind, registers
from tests.streams.notation import check, instant, told
from vocabulary.charging import Sample
from vocabulary.rules import FACTS
from vocabulary.sessions import Finding, Quality, doubts_of, quality_of

EIGHT = instant("08:00")


def sample(value: str, **more: str) -> Sample:
    return Sample(at=EIGHT, value=Decimal(value), **more)


@pytest.mark.parametrize(
    ("samples", "register"),
    [
        pytest.param([sample("100.5")], "100.5", id="an absent phase means the overall value"),
        pytest.param(
            [sample("10", phase="L1"), sample("20", phase="L2"), sample("30.5", phase="L3")],
            "60.5",
            id="three phases are added",
        ),
        pytest.param(
            [sample("10", phase="L1-N"), sample("20", phase="L2-N"), sample("30", phase="L3-N")], "60", id="also against N"
        ),
        pytest.param(
            [sample("10", phase="L1"), sample("20", phase="L2"), sample("30", phase="L3"), sample("61")],
            "61",
            id="the total wins over the phases",
        ),
        pytest.param([sample("10", phase="L1-N")], "10", id="the only phase is the whole"),
        pytest.param([sample("10", phase="L1"), sample("20", phase="L2")], None, id="two phases of three are nothing"),
        pytest.param([sample("10", phase="L1"), sample("1", phase="N")], None, id="nor are one and the neutral conductor"),
        pytest.param([sample("7", location="Cable")], "7", id="the cable counts"),
        pytest.param([sample("7", location="Inlet")], None, id="the station's inlet does not"),
        pytest.param([sample("7", location="EV")], None, id="nor does the vehicle"),
        pytest.param([sample("7", location="Body")], None, id="nor the body"),
        pytest.param([sample("7", measurand="Energy.Active.Import.Interval")], None, id="an interval is no register"),
        pytest.param([sample("7", measurand="Energy.Active.Export.Register")], None, id="what is fed back does not count"),
        pytest.param([sample("7", measurand="Power.Active.Import")], None, id="power is no energy"),
        pytest.param([], None, id="no sample, no register"),
    ],
)
def test_the_register_is(samples: list[Sample], register: str | None) -> None:
    counted = [r for r in registers(samples) if r.kind in (Kind.TOTAL, Kind.ONE_PHASE)]
    assert [str(r.wh) for r in counted] == ([] if register is None else [register])


def test_registers_are_one_per_instant_and_context_in_order_of_time() -> None:
    late = Sample(at=EIGHT + timedelta(minutes=5), value=Decimal(3))
    found = registers([late, sample("2"), sample("1", context="Sample.Clock")])
    assert [f"{r.context} {r.wh}" for r in found] == [" 1", " 2", " 3"], "of contexts only begin and end are told apart later"


# Where the first and the last value come from


def test_begin_and_end_samples_with_decimals_win_over_whole_watt_hours() -> None:
    check("""
        08:00  start 1203400
        08:00  answer 17
        09:00  stop 1210950  begin 1203400.4 at 08:00  end 1210950.9
        -----
        session  08:00:00 - 09:00:00  7550.5 Wh
        source   transaction_begin_and_end_samples
    """)


@pytest.mark.parametrize(
    "samples",
    ["begin 4.2 at 08:00  end 7555.1", "begin 1203400.4 at 08:00  end 1210954", "begin 1203398.9 at 08:00 end 1210950"],
)
def test_meter_start_and_stop_win_where_the_samples_tell_another_story(samples: str) -> None:
    """Some stations count from zero in their samples, and from the meter's register in meterStart and meterStop."""
    check(f"""
        08:00  start 1203400
        08:00  answer 17
        09:00  stop 1210950  {samples}
        -----
        session  08:00:00 - 09:00:00  7550 Wh
        source   meter_start_and_stop
        reading  08:00:00  1203400
        reading  09:00:00  1210950
    """)


def test_one_sample_with_decimals_does_not_mix_with_a_whole_watt_hour() -> None:
    check("""
        08:00  start 1203400
        08:00  answer 17
        09:00  stop 1210950  begin 1203400.9 at 08:00
        -----
        session  08:00:00 - 09:00:00  7550 Wh
        source   meter_start_and_stop
    """)


def test_the_first_and_the_last_sample_stand_in_for_what_is_missing() -> None:
    check("""
        08:00  started #0
        08:05  updated #1  sample 1000
        08:55  updated #2  sample 6000
        09:00  ended #3
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        source   first_and_last_sample
        quality  estimated
    """)


def test_a_begin_sample_and_a_later_one_make_the_energy() -> None:
    check("""
        08:00  started #0  begin 1000
        08:55  updated #1  sample 6000
        09:00  ended #2
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        source   first_and_last_sample
        quality  estimated
    """)


def test_a_meter_start_and_a_later_sample_make_the_energy() -> None:
    check("""
        08:00  start 1000
        08:00  answer 17
        08:55  meter 6000  tx 17
        09:00  stop
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        source   first_and_last_sample
        quality  estimated
    """)


def test_samples_within_a_minute_of_start_and_end_stand_for_them() -> None:
    check("""
        08:00  started #0
        08:01  updated #1  sample 1000
        08:59  updated #2  sample 6000
        09:00  ended #3
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        source   first_and_last_sample
    """)


@pytest.mark.parametrize(
    "story",
    [
        "08:00 started #0\n09:00 ended #1",
        "08:00 started #0 begin 1000\n09:00 ended #1",
        "08:00 started #0\n09:00 ended #1 end 1000",
        "08:00 started #0\n08:30 updated #1 sample 1000\n09:00 ended #2",
        "08:00 started #0\n08:30 updated #1 sample 1000 at 07:30 sample 2000 sample 3000 at 09:30\n09:00 ended #2",
        "08:00 start\n08:00 answer 17\n09:00 stop 5000",
        "08:00 start 5000\n08:00 answer 17\n09:00 stop",
        "08:00 start 5000\n08:00 answer 17\n09:00 stop begin 5000.3 at 08:00",
    ],
)
def test_unknown_energy_is_a_finding_and_never_zero(story: str) -> None:
    """One register value says where the meter stands, not what was delivered."""
    check(f"{story}\n-----\nfinding energy_is_unknown")


def test_no_energy_is_zero_where_two_values_say_so() -> None:
    check("""
        08:00  started #0  begin 1000
        09:00  ended #1  end 1000
        -----
        session  08:00:00 - 09:00:00  0 Wh
    """)


# What a register does in the field


@pytest.mark.parametrize(
    ("before", "after", "energy"),
    [
        ("999998500", "1500", "3000"),
        ("99999999.5", "0", "0.5"),
        ("9990000", "40000", "50000"),
    ],
)
def test_a_register_that_passes_a_power_of_ten_goes_on_counting(before: str, after: str, energy: str) -> None:
    check(f"""
        08:00  started #0  begin {before}
        09:00  ended #1  end {after}
        -----
        session  08:00:00 - 09:00:00  {energy} Wh
        doubt    meter_register_rolled_over
    """)


@pytest.mark.parametrize(("before", "after"), [("999999", "500"), ("98000000", "500"), ("99999000", "2000000")])
def test_a_fall_that_is_none_of_a_registers_top_is_a_reset(before: str, after: str) -> None:
    """No register is that small, or one of the two values is not near the top."""
    check(f"""
        08:00  started #0  begin {before}
        09:00  ended #1  end {after}
        -----
        session  08:00:00 - 09:00:00  {after if int(after) < 1_000_000 else 0} Wh
        doubt    meter_register_was_reset_during_the_session
        quality  estimated
    """)


def test_a_reset_adds_up_what_was_counted_before_and_since() -> None:
    check("""
        08:00  start 35000
        08:00  answer 17
        08:10  meter 37000  tx 17
        08:20  meter 150  tx 17
        08:25  meter 400  tx 17
        08:30  stop 900
        -----
        session  08:00:00 - 08:30:00  2900 Wh
        reading  08:00:00  35000
        reading  08:10:00  37000
        reading  08:20:00  37150
        reading  08:25:00  37400
        reading  08:30:00  37900
        doubt    meter_register_was_reset_during_the_session
        quality  estimated
    """)


def test_samples_that_count_from_the_start_are_shifted_and_start_and_stop_are_billed() -> None:
    check("""
        10:00  start 4076447
        10:00  answer 17
        10:10  meter 113  tx 17
        10:20  meter 400  tx 17
        10:30  stop 4077000
        -----
        session  10:00:00 - 10:30:00  553 Wh
        reading  10:00:00  4076447
        reading  10:10:00  4076560
        reading  10:20:00  4076847
        reading  10:30:00  4077000
        doubt    samples_count_from_the_start_of_the_session
    """)


@pytest.mark.parametrize("samples", ["1204400000", "1204.4"])
def test_samples_a_thousand_times_off_leave_the_session_to_its_two_ends(samples: str) -> None:
    story = f"10:00 start 1203400\n10:00 answer 17\n10:10 meter {samples} tx 17\n10:30 stop 1210950\n-----\n"
    check(
        story
        + """
        session  10:00:00 - 10:30:00  7550 Wh
        reading  10:00:00  1203400
        reading  10:30:00  1210950
        doubt    meter_values_are_a_thousand_times_apart
        quality  disputed
    """
    )
    check(f"{story}finding meter_values_are_a_thousand_times_apart", FACTS)


def test_a_single_phase_that_is_the_total_is_taken_and_told() -> None:
    check("""
        10:00  start 100
        10:00  answer 17
        10:10  meter L1-N 353.4  tx 17
        10:30  stop 1100
        -----
        session  10:00:00 - 10:30:00  1000 Wh
        reading  10:00:00  100
        reading  10:10:00  353.4
        reading  10:30:00  1100
        doubt    total_is_labelled_as_one_phase
    """)


def test_what_is_labelled_as_one_phase_does_not_mix_with_totals() -> None:
    check("""
        10:00  start 3600000
        10:00  answer 17
        10:10  meter 3600100  tx 17
        10:12  meter L1-N 353.4  tx 17
        10:30  stop 3600750
        -----
        session  10:00:00 - 10:30:00  750 Wh
        reading  10:00:00  3600000
        reading  10:10:00  3600100
        reading  10:30:00  3600750
    """)


def test_the_inlet_stands_in_where_nothing_was_told_at_the_outlet() -> None:
    check("""
        10:00  started #0  begin Inlet 5000
        10:30  ended #1  end Inlet 9000
        -----
        session  10:00:00 - 10:30:00  4000 Wh
        source   first_and_last_sample_at_the_inlet
    """)
    check("""
        10:00  started #0  begin Inlet 5000 100
        10:30  ended #1  end Inlet 9000 3900
        -----
        session  10:00:00 - 10:30:00  3800 Wh
        source   transaction_begin_and_end_samples
    """)


# The curve between them


def test_values_from_before_and_after_are_no_readings() -> None:
    check("""
        08:00  started #0  begin 1000
        08:30  updated #1  sample 900 at 07:59  sample 3000  sample 9000 at 09:01
        09:00  ended #2  end 6000
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        reading  08:00:00  1000
        reading  08:30:00  3000
        reading  09:00:00  6000
    """)


def test_a_sample_that_is_one_watt_hour_beside_its_field_agrees_with_it() -> None:
    check("""
        08:00  start 1203400
        08:00  answer 17
        09:00  stop 1210950  begin 1203399 at 08:00  end 1210951
        -----
        session  08:00:00 - 09:00:00  7552 Wh
        source   transaction_begin_and_end_samples
    """)


def test_of_two_values_at_one_instant_the_lower_is_the_reading() -> None:
    check("""
        08:00  started #0  begin 0
        08:30  updated #1  sample 3000.4  clock 3000
        09:00  ended #2  end 5000
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        reading  08:00:00  0
        reading  08:30:00  3000
        reading  09:00:00  5000
    """)


def test_a_value_within_one_watt_hour_of_its_neighbour_is_rounding() -> None:
    check("""
        08:00  started #0  begin 1000.6
        08:10  updated #1  sample 1000
        08:30  updated #2  sample 3000
        08:40  updated #3  sample 2999
        08:50  updated #4  sample 6001
        09:00  ended #5  end 6000
        -----
        session  08:00:00 - 09:00:00  4999.4 Wh
        reading  08:00:00  1000.6
        reading  08:10:00  1000.6
        reading  08:30:00  3000
        reading  08:40:00  3000
        reading  08:50:00  6000
        reading  09:00:00  6000
    """)


@pytest.mark.parametrize(
    ("story", "because", "by_its_ends"),
    [
        ("08:00 start 5000\n08:00 answer 17\n09:00 stop 4998", "from 5000 Wh at {8:00} to 4998 Wh at {9:00}", None),
        ("08:00 started #0 begin 5000\n09:00 ended #1 end 0", "from 5000 Wh at {8:00} to 0 Wh at {9:00}", None),
        (
            "08:00 started #0 begin 0\n08:10 updated #1 sample 3000\n08:20 updated #2 sample 2998\n09:00 ended #3 end 5000",
            "from 3000 Wh at {8:10} to 2998 Wh at {8:20}",
            5000,
        ),
        (
            "08:00 started #0 begin 0\n08:10 updated #1 sample 5002\n09:00 ended #2 end 5000",
            "from 5002 Wh at {8:10} to 5000 Wh at {9:00}",
            5000,
        ),
        (
            "08:00 start 1000\n08:00 answer 17\n08:30 meter 20 tx 17\n08:40 meter 2500 tx 17\n09:00 stop 3000",
            "from 1000 Wh at {8:00} to 20 Wh at {8:30}",
            2000,
        ),
    ],
)
def test_a_register_that_falls_and_neither_rolled_over_nor_began_anew_has_its_two_ends_at_most(
    story: str, because: str, by_its_ends: int | None
) -> None:
    because = re.sub(r"{(\d):(\d\d)}", r"2026-10-05T0\1:\2:00+00:00", because)
    found = f"{story}\n-----\nfinding meter_register_went_backwards\nbecause {because}"
    check(found, FACTS)
    if by_its_ends is None:
        check(found)
        return
    [closed] = told(story).closed
    assert (closed.session.energy_wh, quality_of(closed.session)) == (by_its_ends, Quality.DISPUTED)
    assert [(doubt.finding, doubt.detail) for doubt in doubts_of(closed.session)] == [(Finding.REGISTER_FELL, because)]


def test_an_end_within_one_watt_hour_below_the_begin_is_no_energy_and_never_negative() -> None:
    check("""
        08:00  start 5000
        08:00  answer 17
        09:00  stop 4999
        -----
        session  08:00:00 - 09:00:00  0 Wh
        reading  08:00:00  4999
        reading  09:00:00  4999
    """)


def test_energy_is_exact_however_many_digits_a_register_has() -> None:
    check("""
        08:00  started #0  begin 0.000000000000000000000001
        09:00  ended #1  end 999999999999999999
        -----
        session  08:00:00 - 09:00:00  999999999999999998.999999999999999999999999 Wh
    """)


def test_begin_and_end_come_from_one_source_where_one_has_both() -> None:
    check("""
        08:00  start
        08:00  answer 17
        09:00  stop 1210950  begin 1203400.4 at 08:00
        -----
        session  08:00:00 - 09:00:00  7549.6 Wh
        source   first_and_last_sample
    """)


def test_phases_are_added_exactly_however_many_digits_they_have() -> None:
    digits = "100000000000000000.000000000000000000000001"
    [found] = registers([sample(digits, phase=phase) for phase in ("L1", "L2", "L3")])
    assert str(found.wh) == "300000000000000000.000000000000000000000003"
