"""What holds between sessions and between tariffs: more never costs less, and what says the same costs the same."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tariffs.policy import Policy
from tariffs.rate import rate
from tests.tariffs.strategies import TARIFFS, ZONES, circumstances, rich_tariffs, sessions
from vocabulary.quantities import WattHours
from vocabulary.rated import Rated, exact_net, exact_vat
from vocabulary.sessions import Activity, Reading, Stretch
from vocabulary.tariff import Dimension, PriceComponent, Profile, Tariff, TariffElement


def totals(rated: Rated) -> tuple[Fraction, Fraction]:
    net = sum(map(exact_net, rated.lines), Fraction(0))
    return net, net + sum(map(exact_vat, rated.lines), Fraction(0))


def without_steps(tariff: Tariff) -> Tariff:
    """A step may be rounded up at a dear price that a longer session leaves again: such a tariff is not monotone."""
    elements = tuple(
        replace(element, components=tuple(replace(component, step_size=0) for component in element.components))
        for element in tariff.elements
    )
    return replace(tariff, elements=elements)


def part(rated: Rated, dimension: Dimension) -> Fraction:
    return sum((exact_net(line) for line in rated.lines if line.dimension is dimension), Fraction(0))


@given(sessions(step=2, feeds=False), TARIFFS, ZONES, st.integers(1, 7200), st.integers(0, 20_000), st.sampled_from(Activity))
def test_a_longer_session_never_lowers_a_part_of_the_price(session, tariff, where, seconds, energy_wh, activity):
    """It is read at the end of the first part, so that what comes later tells nothing else of what was before."""
    assume(session.readings and session.stretches)
    tariff, end = without_steps(tariff), session.end + timedelta(seconds=seconds)
    read = tuple(each for each in session.readings if each.at < session.end)
    last = Reading(at=session.end, register_wh=session.readings[-1].register_wh)
    session = replace(session, readings=(*(read or (last,)), last))
    session = replace(session, energy_wh=WattHours(last.register_wh - session.readings[0].register_wh))
    more = Reading(at=end, register_wh=WattHours(last.register_wh + energy_wh))
    longer = replace(
        session,
        end=end,
        energy_wh=WattHours(session.energy_wh + energy_wh),
        readings=(*session.readings, more),
        stretches=(*session.stretches, Stretch(start=session.end, end=end, activity=activity)),
    )
    before, after = rate(session, tariff, where), rate(longer, tariff, where)
    for dimension in (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.FLAT):
        assert part(after, dimension) >= part(before, dimension)


@given(st.data(), sessions(), rich_tariffs(), ZONES, st.sampled_from(Profile))
def test_an_element_that_is_told_twice_changes_nothing(data, session, tariff, where, profile):
    known, policy = data.draw(circumstances(session)), Policy(profile=profile)
    place = data.draw(st.integers(0, len(tariff.elements) - 1))
    later = data.draw(st.integers(place + 1, len(tariff.elements)))
    elements = (*tariff.elements[:later], tariff.elements[place], *tariff.elements[later:])
    twice = rate(session, replace(tariff, elements=elements), where, policy, known)
    assert totals(twice) == totals(rate(session, tariff, where, policy, known))


@given(st.data(), sessions(), rich_tariffs(), ZONES, st.sampled_from(Profile))
def test_elements_that_price_different_things_may_stand_in_any_order(data, session, tariff, where, profile):
    """Where limits scale something of nothing, the first price's tax counts: left out here."""
    known, policy = data.draw(circumstances(session)), Policy(profile=profile)
    place = data.draw(st.integers(0, len(tariff.elements) - 1))
    one, other = tariff.elements[place], data.draw(st.sampled_from(tariff.elements))
    pair = only(one, Dimension.ENERGY, Dimension.FLAT), only(other, Dimension.TIME, Dimension.PARKING_TIME)
    in_order, swapped = (
        rate(session, replace(tariff, min_price=None, elements=(*tariff.elements[:place], *each)), where, policy, known)
        for each in (pair, pair[::-1])
    )
    assert totals(in_order) == totals(swapped)


def only(element: TariffElement, first: Dimension, *others: Dimension) -> TariffElement:
    """What of an element prices these; if nothing does, a price for the first."""
    kept = tuple(component for component in element.components if component.dimension in (first, *others))
    return replace(element, components=kept or (PriceComponent(dimension=first, price=Decimal("0.35")),))


@given(sessions(), TARIFFS, ZONES, st.data())
def test_two_tariffs_that_are_the_same_cost_what_the_one_costs_wherever_they_meet(session, tariff, where, data):
    """A validity bound within a session, between two versions of equal content, changes no amount."""
    lasts = max(int((session.end - session.start).total_seconds()), 1)
    bounds = sorted(data.draw(st.sets(st.integers(1, lasts), min_size=1, max_size=3)))
    flatless = tuple(
        replace(element, components=kept)
        for element in tariff.elements
        if (kept := tuple(each for each in element.components if each.dimension is not Dimension.FLAT))
    )
    assume(flatless)
    tariff = replace(tariff, elements=flatless)
    schedule = ((session.start, tariff), *((session.start + timedelta(seconds=count), tariff) for count in bounds))
    assert totals(rate(session, schedule, where)) == totals(rate(session, tariff, where))
