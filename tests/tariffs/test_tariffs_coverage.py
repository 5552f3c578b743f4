"""What lints say of whole tariffs is held against single moments: what is called out of reach is in force at none of them."""

from datetime import datetime, time, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tariffs.coverage import contradicts_itself, is_empty, meet, minus, space_of
from tariffs.lint import LintReason, lint
from tariffs.lint_reach import places_of
from tariffs.rate import rate
from tariffs.restrictions import Moment, conditions
from tests.tariffs.strategies import (
    CURRENTS,
    DAYS,
    DURATIONS,
    ENERGIES,
    POWERS,
    RESTRICTIONS,
    TARIFFS,
    TIMES,
    ZONES,
    maybe,
    sessions,
)
from tests.tariffs.wide import ANY_TARIFFS, MOMENTARY, SURROUNDINGS, WIDE_RESTRICTIONS
from vocabulary.circumstances import Circumstances
from vocabulary.tariff import Dimension, EvseKind, Reservation, Restrictions, Tariff, TariffElement

TIME_06, TIME_22 = time(6), time(22)
EPOCH = datetime(1970, 1, 1)
AROUND = st.sampled_from([0, -1, 1])
PLACES = 4  # of energy, in which all that is drawn is whole


@st.composite
def moments(draw: st.DrawFn) -> tuple[Moment, Circumstances]:
    """What restrictions look at, near to where those that are drawn begin and end."""
    moment = Moment()
    local = datetime.combine(draw(DAYS), draw(TIMES)) + timedelta(days=draw(st.integers(-7, 7)), seconds=draw(AROUND))
    moment.set_clock((local - EPOCH) // timedelta(seconds=1))
    moment.energy = int(draw(st.one_of(ENERGIES, st.just(Decimal(0)))).scaleb(PLACES))
    moment.duration = draw(DURATIONS)
    moment.charging = draw(st.integers(0, moment.duration))
    moment.idle = draw(st.integers(0, moment.duration - moment.charging))
    moment.power, moment.current = draw(maybe(POWERS | MOMENTARY)), draw(maybe(CURRENTS | MOMENTARY))
    known = Circumstances(
        evse_kind=draw(maybe(st.sampled_from(EvseKind))),
        payment_brand=draw(maybe(st.sampled_from(["VISA", "AMEX"]))),
        payment_recognition=draw(maybe(st.sampled_from(["CC", "Debit"]))),
    )
    return moment, known


MOMENTS = st.lists(moments(), min_size=8, max_size=8)


def applies(limit: Restrictions, at: tuple[Moment, Circumstances]) -> bool:
    moment, known = at
    return all(condition(moment) for condition in conditions(limit, PLACES, known))


def in_force(tariff: Tariff, at: tuple[Moment, Circumstances], use: Reservation | None = None) -> dict[Dimension, int]:
    """The element, from 1, that gives the price of each dimension; what is missing is free."""
    found: dict[Dimension, int] = {}
    for number, element in enumerate(tariff.elements, start=1):
        if element.restrictions.reservation is use and applies(element.restrictions, at):
            for component in element.components:
                found.setdefault(component.dimension, number)
    return found


def spoken(tariff: Tariff, reason: LintReason) -> set[tuple[int, Dimension | None]]:
    return {(one.element, one.dimension) for one in lint(tariff) if one.reason is reason}


@given(TARIFFS | ANY_TARIFFS, MOMENTS)
def test_a_price_that_is_called_out_of_reach_is_in_force_at_no_moment(tariff, moments):
    out_of_reach = spoken(tariff, LintReason.UNREACHABLE)
    twice = {number for number, one in enumerate(tariff.elements, start=1) if len(one.components) > len(kinds_of(one))}
    for at in moments:
        for use in (None, Reservation.RESERVATION, Reservation.RESERVATION_EXPIRES):
            for dimension, element in in_force(tariff, at, use).items():
                assert element in twice or (element, dimension) not in out_of_reach


@given(sessions(), TARIFFS, ZONES)
def test_a_price_that_is_called_out_of_reach_charges_no_session(session, tariff, where):
    never = spoken(tariff, LintReason.UNREACHABLE) | spoken(tariff, LintReason.START_FEE_TOO_LATE)
    contradictory = {element for element, _ in spoken(tariff, LintReason.CONTRADICTION)}
    for line in rate(session, tariff, where).lines:
        assert (line.element, line.dimension) not in never
        assert line.element not in contradictory


def kinds_of(element: TariffElement) -> set[Dimension]:
    return {component.dimension for component in element.components}


@given(RESTRICTIONS | WIDE_RESTRICTIONS, MOMENTS)
def test_restrictions_that_are_called_contradictory_hold_at_no_moment(limit, moments):
    assert not (contradicts_itself(limit) and any(applies(limit, at) for at in moments))


@given(st.lists(RESTRICTIONS | WIDE_RESTRICTIONS, min_size=1, max_size=4), moments())
def test_a_moment_is_in_the_box_of_the_restrictions_that_hold_at_it(limits, at):
    """The cell of a moment is what all restrictions that hold have in common, and none of the others has whole."""
    space = space_of(limits)
    held = [limit for limit in limits if applies(limit, at)]
    common = space.whole
    for limit in held:
        common = meet(common, space.box(limit))
    assert not is_empty(common)
    others = [space.box(limit) for limit in limits if limit not in held]
    assert minus([common], others) != []


@given(TARIFFS | ANY_TARIFFS, MOMENTS)
def test_energy_that_is_free_at_a_moment_is_told_to_be_so(tariff, moments):
    free_at_times = {dimension for _, dimension in spoken(tariff, LintReason.NO_FALLBACK)}
    priced = any(part.price for _, _, part in places_of(tariff, Dimension.ENERGY))
    for at in moments:
        if priced and at[1].evse_kind is not None and Dimension.ENERGY not in in_force(tariff, at):
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
