"""What lints say of whole tariffs is held against single moments: what is called out of reach is in force at none of them."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tariffs.coverage import contradicts_itself, is_empty, meet, minus, space_of
from tariffs.lint import LintReason, lint
from tariffs.restrictions import Moment, applies, prices_in_force
from tests.tariffs.strategies import DAYS, DURATIONS, ENERGIES, RESTRICTIONS, TARIFFS, TIMES
from tests.tariffs.wide import ANY_TARIFFS, SURROUNDINGS
from vocabulary.tariff import Dimension, Restrictions, Tariff

BERLIN = ZoneInfo("Europe/Berlin")
TIME_06, TIME_22 = time(6), time(22)
AROUND = st.sampled_from([timedelta(0), timedelta(seconds=-1), timedelta(seconds=1)])
MOMENTS = st.builds(
    lambda day, at, around, days, energy, duration: Moment(
        (datetime.combine(day, at) + around + timedelta(days=days)).replace(tzinfo=BERLIN), energy, duration
    ),
    DAYS,
    TIMES,
    AROUND,
    st.integers(-7, 7),
    st.one_of(ENERGIES, st.just(Decimal(0))),
    DURATIONS,
)


def spoken(tariff: Tariff, reason: LintReason) -> set[tuple[int, Dimension | None]]:
    return {(one.element, one.dimension) for one in lint(tariff) if one.reason is reason}


@given(TARIFFS, st.lists(MOMENTS, min_size=8, max_size=8))
def test_a_price_that_is_called_out_of_reach_is_in_force_at_no_moment(tariff, moments):
    out_of_reach = spoken(tariff, LintReason.UNREACHABLE)
    for moment in moments:
        for dimension, (element, _) in prices_in_force(tariff, moment).items():
            assert (element, dimension) not in out_of_reach


@given(RESTRICTIONS, st.lists(MOMENTS, min_size=8, max_size=8))
def test_restrictions_that_are_called_contradictory_hold_at_no_moment(limit, moments):
    assert not (contradicts_itself(limit) and any(applies(limit, moment) for moment in moments))


@given(st.lists(RESTRICTIONS, min_size=1, max_size=4), MOMENTS)
def test_a_moment_is_in_the_box_of_the_restrictions_that_hold_at_it(limits, moment):
    """The cell of a moment is what all restrictions that hold have in common, and none of the others has whole."""
    space = space_of(limits)
    held = [limit for limit in limits if applies(limit, moment)]
    common = space.whole
    for limit in held:
        common = meet(common, space.box(limit))
    assert not is_empty(common)
    others = [space.box(limit) for limit in limits if limit not in held]
    assert minus([common], others) != []


@given(TARIFFS, st.lists(MOMENTS, min_size=8, max_size=8))
def test_a_dimension_that_is_free_at_a_moment_is_told_to_be_so_or_has_a_grace(tariff, moments):
    free_at_times = {dimension for _, dimension in spoken(tariff, LintReason.NO_FALLBACK)}
    priced = {part.dimension for element in tariff.elements for part in element.components if part.price}
    for moment in moments:
        if Dimension.ENERGY in priced and Dimension.ENERGY not in prices_in_force(tariff, moment):
            assert Dimension.ENERGY in free_at_times


@given(ANY_TARIFFS, SURROUNDINGS)
@settings(max_examples=300)
def test_no_tariff_of_any_dialect_breaks_a_lint(tariff, surroundings):
    found = lint(tariff, surroundings)
    assert lint(tariff, surroundings) == found
    assert all(0 <= one.element <= len(tariff.elements) and one.detail.endswith((".", "?")) for one in found)


def test_windows_that_together_are_the_whole_day_leave_nothing_behind_them():
    limits = [Restrictions(start_time=TIME_06, end_time=TIME_22), Restrictions(start_time=TIME_22, end_time=TIME_06)]
    space = space_of(limits)
    assert minus([space.whole], map(space.box, limits)) == []
    assert minus([space.whole], [space.box(limits[0])]) != []


def test_power_that_was_not_measured_is_left_by_all_conditions_on_power():
    limits = [Restrictions(max_power_w=Decimal(16000)), Restrictions(min_power_w=Decimal(16000))]
    space = space_of(limits)
    (left,) = minus([space.whole], map(space.box, limits)) or []
    assert [*space.unknown(left)] == ["power not measured"]


def test_what_would_fall_into_too_many_pieces_is_not_judged():
    limits = [Restrictions(start_time=time(n % 24, n % 60), end_time=time(12 + n % 12, n % 60), min_energy_wh=Decimal(n),
        max_energy_wh=Decimal(n + 1000), min_power_w=Decimal(n), max_power_w=Decimal(n + 500), max_current_a=Decimal(n + 9),
        max_duration_s=n * 60 + 60, min_idle_s=n) for n in range(120)]  # fmt: skip
    space = space_of(limits)
    assert minus([space.whole], map(space.box, limits)) is None


def test_the_space_of_no_restrictions_is_one_moment():
    space = space_of(())
    assert minus([space.whole], [space.box(Restrictions())]) == []
