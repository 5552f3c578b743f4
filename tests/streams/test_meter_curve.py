"""What holds of a session's energy, whatever registers were told."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.energy import Bounds, Energy, energy
from streams.registers import BEGIN, END, EXACT, Kind, Register
from tests.streams.notation import DAY
from vocabulary.quantities import WattHours
from vocabulary.sessions import Doubt

EXAMPLES = settings(max_examples=400, deadline=None)

# Values near each other, near zero, near a register's top, a thousand times off, and anything.
watt_hours = st.one_of(
    st.sampled_from([0, 1, 2, 999, 1000, 5000, 999_998_500, 999_999_999, 1_000_000_000, 10_000_000, -1]).map(Decimal),
    st.decimals(-10, 10_000, places=3),
    st.decimals(0, Decimal(10) ** 18, places=6),
    st.sampled_from([Decimal("9" * 42), Decimal("0." + "9" * 24)]),
)
instants = st.one_of(
    st.integers(-5, 65).map(lambda minute: DAY + timedelta(minutes=minute)),
    st.sampled_from([DAY.replace(year=1), DAY.replace(year=9999, month=12, day=31, hour=23, minute=59)]),
)
told = st.builds(
    Register, instants, watt_hours, st.sampled_from(["", "", "", BEGIN, END]), st.sampled_from([Kind.TOTAL, *Kind])
)
fields = st.none() | watt_hours.map(WattHours)
bounds = st.builds(Bounds, instants, fields, instants, fields)


@EXAMPLES
@given(bounds, st.lists(told, max_size=8))
def test_energy_is_never_negative_its_curve_never_falls_and_nothing_raises(given_bounds: Bounds, found: list[Register]) -> None:
    made = energy(given_bounds, found)
    if isinstance(made, Doubt):
        return
    values = [reading.register_wh for reading in made.readings]
    assert values == sorted(values)
    assert EXACT.subtract(values[-1], values[0]) >= 0
    times = [reading.at for reading in made.readings]
    assert (times[0], times[-1]) == (given_bounds.start, given_bounds.end)
    assert all(before <= after for before, after in pairwise(times))


@EXAMPLES
@given(bounds, st.lists(told, max_size=8), st.data())
def test_the_order_and_the_number_of_times_in_which_values_were_told_change_nothing(
    given_bounds: Bounds, found: list[Register], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(found), max_size=3)) if found else []
    assert energy(given_bounds, data.draw(st.permutations([*found, *again]))) == energy(given_bounds, found)


@EXAMPLES
@given(st.integers(7, 15), st.integers(0, 5000), st.integers(0, 5000))
def test_a_register_that_rolled_over_gives_the_energy_that_was_delivered(power: int, before: int, after: int) -> None:
    top = 10**power
    end = DAY + timedelta(hours=1)
    made = energy(Bounds(DAY, WattHours(Decimal(top - 1 - before)), end, WattHours(Decimal(after))), [])
    assert isinstance(made, Energy)
    assert made.readings[-1].register_wh - made.readings[0].register_wh == before + 1 + after
