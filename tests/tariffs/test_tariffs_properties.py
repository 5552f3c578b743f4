"""What holds for every session under every tariff."""

from datetime import datetime
from decimal import Decimal, getcontext, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import UNSET, Struct
from msgspec.structs import astuple, replace

from tariffs.charges import charges, taken
from tariffs.clock import second_of
from tariffs.policy import HOUSE
from tariffs.rate import EXACT, Priced, priced, rate, rated
from tests.notation import parse, write
from tests.tariffs.strategies import TARIFFS, ZONES, sessions
from vocabulary.circumstances import NOTHING_KNOWN
from vocabulary.codec import encode
from vocabulary.money import round_to_minor
from vocabulary.quantities import WattHours, whole_second
from vocabulary.rated import exact_net, exact_vat
from vocabulary.sessions import ChargingSession, exported_wh
from vocabulary.tariff import PRICED, Dimension, Tariff
from vocabulary.zones import zone


@pytest.fixture(autouse=True)
def exact():
    """What these tests add up themselves loses no digit either."""
    with localcontext(EXACT):
        yield


@given(sessions(), TARIFFS, ZONES)
def test_periods_are_contiguous_and_add_up_to_the_session(session, tariff, where):
    one = taken_apart(session, tariff, where)
    cut = one.cut
    assert (cut[0].start, cut[-1].end) == (second_of(session.start), second_of(session.end))
    assert all(one.end == other.start for one, other in pairwise(cut))
    assert all(period.energy >= 0 and period.start <= period.end for period in cut)
    assert Decimal(sum(period.energy for period in cut)).scaleb(-one.line.places) == session.energy_wh
    assert Decimal(sum(period.exported or 0 for period in cut)).scaleb(-one.line.places) == exported_wh(session)
    assert all((period.exported is None) is (session.exported is UNSET) for period in cut)


def taken_apart(session: ChargingSession, tariff: Tariff, where: str, also: tuple[int, ...] = ()) -> Priced:
    return priced(session, tariff, zone(where), HOUSE, NOTHING_KNOWN, also)


@given(sessions(), TARIFFS, ZONES)
def test_nothing_is_measured_twice_and_only_step_sizes_bill_more(session, tariff, where):
    lines = rate(session, tariff, where).lines
    for dimension in PRICED:
        of_it = [line for line in lines if line.dimension is dimension]
        assert len({line.element for line in of_it}) == len(of_it)
        assert sum(line.billed > line.quantity for line in of_it) <= 1
    assert sum(line.quantity for line in lines if line.dimension is Dimension.ENERGY) <= session.energy_wh
    assert 0 >= sum(line.quantity for line in lines if line.dimension is Dimension.ENERGY_EXPORT) >= -exported_wh(session)
    assert sum(line.dimension is Dimension.FLAT for line in lines) <= 1
    assert all(line.billed >= line.quantity and line.since <= line.until for line in lines)


@given(sessions(), TARIFFS, ZONES)
def test_what_is_owed_is_the_exact_sum_of_the_lines_rounded_once_per_vat_rate(session, tariff, where):
    rated = rate(session, tariff, where)
    for owed in rated.owed:
        lines = [line for line in rated.lines if line.vat_percent == owed.vat_percent]
        net, vat = sum(map(exact_net, lines), Fraction(0)), sum(map(exact_vat, lines), Fraction(0))
        assert owed.gross == owed.net + owed.vat == round_to_minor(net + vat, tariff.currency)
        assert owed.net == round_to_minor(net, tariff.currency)
    assert rated.total == sum(owed.gross for owed in rated.owed)
    assert {owed.vat_percent for owed in rated.owed} == {line.vat_percent for line in rated.lines}
    rates = [owed.vat_percent for owed in rated.owed]
    assert rates == sorted(rates, key=lambda rate: (rate is None, rate or 0))


@given(sessions(), TARIFFS, ZONES)
def test_rating_twice_gives_the_same_bytes_whatever_the_decimal_context(session, tariff, where):
    with localcontext() as context:
        context.prec = 3
        context.clear_traps()
        rough = encode(rate(session, tariff, where))
    assert encode(rate(session, tariff, where)) == rough
    assert getcontext().prec == EXACT.prec


@given(sessions(), TARIFFS, ZONES)
def test_nowhere_is_a_float(session, tariff, where):
    assert not [value for value in values_of(rate(session, tariff, where)) if isinstance(value, float)]


def values_of(value: Any) -> list[Any]:
    if isinstance(value, Struct):
        return [inner for part in astuple(value) for inner in values_of(part)]
    return [inner for part in value for inner in values_of(part)] if isinstance(value, tuple) else [value]


@given(sessions(), TARIFFS, ZONES, st.data())
def test_a_reading_that_comes_twice_changes_nothing(session, tariff, where, data):
    if session.readings:
        place = data.draw(st.integers(0, len(session.readings) - 1))
        again = (*session.readings[: place + 1], *session.readings[place:])
        assert rate(replace(session, readings=again), tariff, where) == rate(session, tariff, where)


@given(sessions(), TARIFFS, ZONES)
def test_the_fractions_of_a_second_change_nothing(session, tariff, where):
    floored = replace(
        session,
        start=whole_second(session.start),
        end=whole_second(session.end),
        readings=tuple(replace(one, at=whole_second(one.at)) for one in session.readings),
        exported=UNSET
        if session.exported is UNSET
        else tuple(replace(one, at=whole_second(one.at)) for one in session.exported),
        stretches=tuple(replace(one, start=whole_second(one.start), end=whole_second(one.end)) for one in session.stretches),
    )
    assert rate(floored, tariff, where) == rate(session, tariff, where)


@given(sessions(step=2, feeds=False), TARIFFS, ZONES, st.data())
def test_the_cost_so_far_at_a_reading_is_what_the_whole_session_costs_until_then(session, tariff, where, data):
    at = data.draw(st.sampled_from([reading.at for reading in session.readings] or [session.end]))
    assume(session.start < at)
    whole = taken_apart(session, tariff, where, (second_of(at),))
    until_then = [period for period in whole.cut if period.start < second_of(at)]
    so_far = replace(whole, taken=taken(charges(until_then), steps=True))
    assert rate(until(session, at), tariff, where).lines == rated(so_far, where, HOUSE).lines


def until(session: ChargingSession, at: datetime) -> ChargingSession:
    """The session so far, at the instant of a reading or at its end."""
    readings = tuple(reading for reading in session.readings if reading.at <= at)
    stretches = (replace(stretch, end=min(stretch.end, at)) for stretch in session.stretches if stretch.start < at)
    energy_wh = readings[-1].register_wh - readings[0].register_wh if readings else Decimal(0)
    return replace(session, end=at, energy_wh=WattHours(energy_wh), readings=readings, stretches=tuple(stretches))


@given(sessions(step=2), TARIFFS, ZONES)
def test_the_notation_tells_all_that_matters(session, tariff, where):
    case = parse(write(session, tariff, where))
    assert rate(case.session, case.tariff, case.time_zone) == rate(session, tariff, where)
