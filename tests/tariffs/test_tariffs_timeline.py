"""Where the register stands at any second, and when it comes to a threshold."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tariffs.clock import instant_of, second_of
from tariffs.timeline import Timeline, timeline
from tests.notation import session_of
from tests.tariffs.oracle import naive_register
from tests.tariffs.strategies import RISES, sessions
from vocabulary.quantities import WattHours, seconds_between
from vocabulary.sessions import Reading

TEN = datetime(2026, 1, 14, 10, 0, tzinfo=UTC)


def at(seconds: int, milliseconds: int = 0) -> datetime:
    return TEN + timedelta(seconds=seconds, milliseconds=milliseconds)


class Meter:
    """A timeline asked in instants and Wh."""

    def __init__(self, line: Timeline) -> None:
        self.line = line
        self.start, self.end = instant_of(line.start), instant_of(line.end)

    def at(self, when: datetime) -> Decimal:
        return Decimal(self.line.at(second_of(when))).scaleb(-self.line.places)

    def reaches(self, target: Decimal) -> tuple[datetime, Decimal]:
        second, register_wh = self.line.reaches(int(target.scaleb(self.line.places)))
        return instant_of(second), Decimal(register_wh).scaleb(-self.line.places)


def register(*readings: tuple[datetime, str], end: int = 60) -> Meter:
    told = tuple(Reading(at=when, register_wh=WattHours(Decimal(wh))) for when, wh in readings)
    return Meter(timeline(session_of([(TEN, "start"), (at(end), "end")], told)))


def test_between_two_readings_it_lies_on_the_line():
    meter = register((at(0), "1000"), (at(60), "1600"))
    assert meter.at(at(30)) == Decimal(1300)


def test_what_lies_on_the_line_is_rounded_half_up_to_a_thousandth():
    assert register((at(0), "0"), (at(8), "0.004"), end=8).at(at(1)) == Decimal("0.001")
    assert register((at(0), "0"), (at(3), "1"), end=3).at(at(1)) == Decimal("0.333")


def test_rounding_never_leaves_the_readings_on_both_sides():
    meter = register((at(0), "1.0006"), (at(60), "1.0007"))
    assert (meter.at(at(1)), meter.at(at(59))) == (Decimal("1.0007"), Decimal("1.0007"))


def test_what_was_read_is_taken_as_read():
    assert register((at(0), "0"), (at(20, 900), "1.23456"), (at(60), "2")).at(at(20)) == Decimal("1.23456")


def test_of_two_readings_in_one_second_the_last_counts():
    assert register((at(0), "0"), (at(20, 100), "5"), (at(20, 900), "7"), (at(60), "9")).at(at(20)) == Decimal(7)


def test_readings_outside_the_session_count_at_its_ends():
    meter = register((at(-30), "100"), (at(90), "160"))
    assert [meter.at(at(second)) for second in (0, 30, 60)] == [100, 130, 160]


def test_before_the_first_and_after_the_last_reading_it_stands_still():
    meter = register((at(20), "100"), (at(40), "160"))
    assert [meter.at(at(second)) for second in (1, 20, 40, 59)] == [100, 100, 160, 160]


@pytest.mark.parametrize(
    ("target", "cut"),
    [
        ("100", (at(10), Decimal(100))),  # reached on the second
        ("105", (at(10), Decimal(105))),  # reached half a second later: floored
        ("600", (at(60), Decimal(600))),
    ],
)
def test_a_threshold_is_reached_with_its_exact_energy_in_the_second_that_is_floored(target, cut):
    assert register((at(0), "0"), (at(60), "600")).reaches(Decimal(target)) == cut


@given(sessions(hours_max=1), st.integers(0, 3600))
def test_it_is_what_a_plain_reading_of_the_rule_says(session, second):
    second = min(second, seconds_between(session.start, session.end))
    meter = Meter(timeline(session))
    assume(meter.start < meter.end)
    assert Fraction(meter.at(meter.start + timedelta(seconds=second))) == naive_register(session, second)


@given(sessions(hours_max=1), RISES)
def test_before_the_cut_it_is_below_the_threshold_and_after_the_cut_it_is_not(session, rise):
    meter = Meter(timeline(session, 4))
    low, high = (Decimal(register).scaleb(-meter.line.places) for _, register in (meter.line.first, meter.line.last))
    target = low + min(rise, high - low)
    assume(low < target and meter.start < meter.end)
    reached, register_wh = meter.reaches(target)
    assert register_wh == target
    assert reached == meter.start or meter.at(reached - timedelta(seconds=1)) < target
    assert meter.at(reached) == target or meter.at(reached) < target <= meter.at(reached + timedelta(seconds=1))
