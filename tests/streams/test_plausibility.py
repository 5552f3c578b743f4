"""What the gate makes of a session by its EVSE's power and its tariff, and how a session is laid beside its neighbours."""

from datetime import time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, structs

from streams import meters
from streams.meters import MetersState
from streams.plausibility import after_placeholder, clock_blocks, depends_on_time, judge
from tests.streams.folding import fold
from tests.streams.material import tariff
from tests.streams.notation import events, instant
from vocabulary.identity import SessionId
from vocabulary.quantities import WattHours
from vocabulary.sessions import ChargingSession, Doubt, Finding, Quality, Reading
from vocabulary.tariff import Dimension, PriceComponent, Restrictions, Tariff, TariffElement

KW22 = 22_000


def session(story: str) -> ChargingSession:
    [closed] = fold(events(story)).closed
    return closed.session


def readings(*values: str) -> tuple[Reading, ...]:
    """`10:05 300`: at five past ten 300 Wh."""
    pairs = [value.split() for value in values]
    return tuple(Reading(at=instant(at), register_wh=WattHours(Decimal(wh))) for at, wh in pairs)


@pytest.mark.parametrize(
    ("told", "begins_at"),
    [
        pytest.param(("10:00 0", "10:05 909948", "10:10 910031"), 909_948, id="a placeholder"),
        pytest.param(("10:00 0", "10:05 2000", "10:10 4000"), None, id="a new meter"),
        pytest.param(("10:00 1", "10:05 909948", "10:10 910031"), None, id="a begin of 1 is a reading"),
        pytest.param(("10:00 0", "10:10 910031"), None, id="nothing in between"),
        pytest.param(("10:00 0", "10:05 909948", "10:10 990031"), None, id="and the rest is too much as well"),
        pytest.param(("10:00 0", "10:01 0", "10:05 909948", "10:10 910031"), 909_948, id="told more than once"),
        pytest.param(("00:00 0", "00:01 300000", "20:00 301000", "20:01 601000"), None, id="and the rest has a jump"),
        pytest.param(("00:00 0", "00:01 300000"), None, id="no reading at all"),
    ],
)
def test_a_begin_of_zero_that_the_evse_cannot_have_left(told: tuple[str, ...], begins_at: int | None) -> None:
    found = after_placeholder(readings(*told), KW22)
    assert (None if found is None else found[0].register_wh) == begins_at
    assert found is None or found[0].at == instant("10:00"), "the session begins when it began"


def test_what_is_billed_after_a_placeholder_is_an_estimate_and_the_session_stays_as_told() -> None:
    told = session("10:00 started #0 begin 0\n10:05 updated #1 sample 909948\n10:10 ended #2 end 910031")
    judged = judge(told, KW22)
    assert (judged.session.energy_wh, judged.session.quality, judged.blocks) == (83, Quality.ESTIMATED, None)
    assert [doubt.finding for doubt in judged.doubts] == [Finding.BEGIN_PLACEHOLDER]
    assert told.energy_wh == 910_031


@pytest.mark.parametrize(
    ("told", "finding"),
    [
        pytest.param(("10:00 500", "10:30 4000500", "11:00 8000500"), Finding.UNIT_IMPLAUSIBLE, id="in both parts"),
        pytest.param(("10:00 500", "10:30 4500", "11:00 8000500"), Finding.ENERGY_IMPLAUSIBLE, id="in one of them"),
        pytest.param(("10:00 500", "11:00 8000500"), Finding.ENERGY_IMPLAUSIBLE, id="a single jump"),
        pytest.param(("10:00 500", "10:30 20500", "11:00 60500"), Finding.ENERGY_IMPLAUSIBLE, id="by less than tenfold"),
        pytest.param(
            ("10:00 500", "10:30 40000000500", "11:00 80000000500"), Finding.ENERGY_IMPLAUSIBLE, id="even by a thousandth"
        ),
        pytest.param(("10:00 500", "10:30 10500", "11:00 20500"), None, id="what it can deliver"),
        pytest.param(
            ("00:00 500", "20:00 500", "20:01 400500"), Finding.ENERGY_IMPLAUSIBLE, id="a jump, in time for the whole"
        ),
        pytest.param(("00:00 500", "00:01 400500", "20:00 400500"), Finding.ENERGY_IMPLAUSIBLE, id="a jump at the start"),
        pytest.param(
            ("00:00 500", "00:14 500", "00:15 6000", "00:30 11500"), None, id="a meter that is read each quarter hour"
        ),
        pytest.param(("00:00 5000", "00:01 6000", "09:00 6000"), None, id="a register of whole kWh"),
    ],
)
def test_energy_against_power_and_time(told: tuple[str, ...], finding: Finding | None) -> None:
    curve = readings(*told)
    plain = session("10:00 started #0 begin 0\n11:00 ended #1 end 0")
    energy = WattHours(curve[-1].register_wh - curve[0].register_wh)
    blocks = judge(structs.replace(plain, readings=curve, energy_wh=energy), KW22).blocks
    assert (blocks.finding if blocks else None) == finding


def priced(dimension: Dimension = Dimension.ENERGY, restrictions: Restrictions = Restrictions()) -> Tariff:  # noqa: B008
    component = PriceComponent(dimension=dimension, price=Decimal(1))
    return structs.replace(tariff().tariff, elements=(TariffElement(components=(component,), restrictions=restrictions),))


@pytest.mark.parametrize(
    ("of", "depends"),
    [
        (priced(), False),
        (priced(Dimension.FLAT), False),
        (priced(restrictions=Restrictions(min_energy_wh=Decimal(5), max_energy_wh=Decimal(9))), False),
        (priced(Dimension.TIME), True),
        (priced(Dimension.PARKING_TIME), True),
        (priced(restrictions=Restrictions(start_time=time(6))), True),
        (priced(restrictions=Restrictions(max_duration_s=60)), True),
    ],
)
def test_a_clock_that_is_not_trusted_blocks_where_the_price_depends_on_the_time(of: Tariff, depends: bool) -> None:
    assert depends_on_time(of) == depends
    plain = session("10:00 started #0 begin 0\n11:00 ended #1 end 5")
    doubtful = structs.replace(plain, doubts=(Doubt(finding=Finding.CLOCK_UNTRUSTED, detail=""),))
    assert (clock_blocks(doubtful, of) is not None) == depends
    assert clock_blocks(plain, of) is None
    assert clock_blocks(doubtful, None) is None
    assert clock_blocks(structs.replace(doubtful, start=doubtful.start.replace(year=1970)), None) is not None


# From one session to the next


def numbered(name: str, hour: int, begin: int, end: int, evse: int = 1) -> ChargingSession:
    plain = session("10:00 started #0 begin 0\n11:00 ended #1 end 0")
    start = plain.start.replace(hour=hour)
    until = start + timedelta(minutes=50)
    curve = (Reading(at=start, register_wh=WattHours(Decimal(begin))), Reading(at=until, register_wh=WattHours(Decimal(end))))
    return structs.replace(plain, id=SessionId(name), start=start, end=until, readings=curve, evse=evse)


def told(*sessions: ChargingSession) -> list[str]:
    state, found = MetersState(), []
    for one in sessions:
        state, out = meters.step(state, one)
        found += [f"{one.id if isinstance(f, Doubt) else f.session}: {f.detail[:8].strip()}" for f in out]
    return found


def test_a_register_that_is_lower_than_at_the_end_of_the_session_before_is_told_of_the_later_session() -> None:
    first, second = numbered("a", 8, 100, 200), numbered("b", 9, 150, 300)
    assert told(first, second) == told(second, first) == ["b: 200 Wh a"]
    assert told(first, second, second) == ["b: 200 Wh a"] * 2, "the same finding, known by its content"


def test_what_rises_is_rounded_or_is_of_another_evse_is_no_finding() -> None:
    first = numbered("a", 8, 100, 200)
    assert told(first, numbered("b", 9, 199, 300)) == []
    assert told(first, numbered("b", 9, 0, 300, evse=2)) == []
    assert told(first, numbered("b", 8, 200, 300)) == [], "they share time and no energy"


def test_of_two_sessions_that_share_time_and_energy_the_one_that_is_concluded_later_is_doubted() -> None:
    first, second = numbered("a", 8, 100, 200), numbered("b", 8, 0, 300)
    assert (told(first, second), told(second, first)) == (["b: 0 to 300"], ["a: 100 to 2"])
    assert told(first, first) == [], "one session that is concluded again"


def test_a_late_session_is_laid_beside_those_of_the_hours_before() -> None:
    others = [numbered(str(hour), hour, hour * 100, hour * 100 + 90) for hour in range(8, 20)]
    assert told(*others, numbered("late", 8, 750, 850)) == ["late: 750 to 8"]


@pytest.mark.parametrize("year", [1970, 2099])
def test_a_session_whose_clock_is_not_trusted_has_no_place_among_the_others(year: int) -> None:
    """It stayed the last of its EVSE for ever, and each one after it was told to begin lower."""
    odd = numbered("odd", 8, 500, 600)
    odd = structs.replace(
        odd,
        start=odd.start.replace(year=year),
        end=odd.end.replace(year=year),
        doubts=(Doubt(finding=Finding.CLOCK_UNTRUSTED, detail=""),),
    )
    assert told(odd, numbered("a", 8, 100, 200), numbered("b", 9, 200, 300)) == []
    assert told(numbered("a", 8, 700, 800), odd) == []
    assert told(odd, numbered("twice", 8, 510, 590)) == ["twice: 510 to 5"], "what it shares with another is told all the same"
    assert told(numbered("a", 8, 700, 800), structs.replace(odd, readings=_from_zero(odd, 900))) == ["odd: 0 Wh at"]


def test_sessions_whose_clock_is_not_trusted_and_others_do_not_push_each_other_out() -> None:
    many = [numbered(str(n), 8, n * 1000, n * 1000 + 900) for n in range(1, meters.SPANS + 1)]
    many = [
        structs.replace(one, start=one.start + n * timedelta(days=1), end=one.end + n * timedelta(days=1))
        for n, one in enumerate(many)
    ]
    odd = structs.replace(numbered("odd", 9, 50_000, 58_000), doubts=(Doubt(finding=Finding.CLOCK_UNTRUSTED, detail=""),))
    late = timedelta(days=20)
    again = structs.replace(odd, id=SessionId("again"), doubts=UNSET, start=odd.start + late, end=odd.end + late)
    assert told(*many, odd, again) == ["again: 50000 to"], "the same energy is not billed twice"
    odds = [structs.replace(odd, id=SessionId(f"odd {n}")) for n in range(meters.SPANS)]
    state = MetersState()
    for one in (*many, *odds):
        state = meters.step(state, one).state
    assert {span.session for span in state.evses[0].spans} == {one.id for one in (*many, *odds)}


def _from_zero(one: ChargingSession, end: int) -> tuple[Reading, ...]:
    return Reading(at=one.start, register_wh=WattHours(Decimal(0))), Reading(at=one.end, register_wh=WattHours(Decimal(end)))


@pytest.mark.parametrize(
    ("before", "end", "found"),
    [
        pytest.param([(100, 200)], 300, ["b: 200 Wh a", "b: 0 Wh at"], id="the register counts for life"),
        pytest.param([(100, 200)], 198, ["b: 200 Wh a"], id="the meter was changed"),
        pytest.param([(0, 200)], 300, ["b: 200 Wh a"], id="each session may begin at 0"),
        pytest.param([(100, 900), (0, 200)], 300, ["1: 900 Wh a", "b: 200 Wh a"], id="the meter was changed, or is read anew"),
        pytest.param([], 200_000, [], id="what a vehicle takes"),
        pytest.param([], 200_001, ["b: 0 Wh at"], id="more than a vehicle takes"),
        pytest.param([(0, 200), (0, 100)], 200_001, ["1: 200 Wh a", "b: 100 Wh a"], id="each session begins at 0"),
    ],
)
def test_a_begin_of_zero_is_laid_beside_the_sessions_before(before: list[tuple[int, int]], end: int, found: list[str]) -> None:
    others = [numbered(str(number), 8 + number, *ends) for number, ends in enumerate(before)]
    assert told(*others, numbered("b", 12, 0, end)) == found


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 23), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), max_size=30))
def test_a_stations_meters_are_bounded_and_nothing_raises(sessions: list[tuple[int, int, int, int]]) -> None:
    state = MetersState()
    for number, (hour, begin, more, evse) in enumerate(sessions):
        state, _ = meters.step(state, numbered(str(number), hour, begin, begin + more, evse))
    assert len(state.evses) <= meters.EVSES
    assert all(len(of.spans) <= meters.SPANS for of in state.evses)
