"""When a station's clock is believed, corrected, or not to be trusted."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.clock import Compared, estimated, judged, with_comparison, within
from tests.streams.notation import STATION, instant
from vocabulary.charging import ClockCompared, Moment, Protocol
from vocabulary.clocks import quarter_hours
from vocabulary.sessions import Finding

START, END = instant("09:00"), instant("10:00")
S, M, H = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def compared(start: timedelta | None, end: timedelta | None, *updates: timedelta) -> list[Compared]:
    """How long after the time that they tell the messages arrived; None: at about that time."""
    ends = [(Moment.START, START, start), (Moment.END, END, end), *((Moment.UPDATE, START + 30 * M, late) for late in updates)]
    return [Compared(of, at, at + late) for of, at, late in ends if late is not None]


@pytest.mark.parametrize(
    ("start", "end", "shift"),
    [
        pytest.param(-H, -H, -H, id="an hour ahead"),
        pytest.param(-H + 40 * S, -H, -H, id="an hour ahead, and the start took its time"),
        pytest.param(5.5 * H, 5.5 * H, 5.5 * H, id="behind by a zone with half an hour"),
        pytest.param(-6 * M, -6 * M + 3 * S, -6 * M, id="ahead by more than five minutes"),
        pytest.param(-20000 * H, -20000 * H, -20000 * H, id="ahead by years"),
    ],
)
def test_a_constant_offset_that_no_right_clock_has_is_corrected(start: timedelta, end: timedelta, shift: timedelta) -> None:
    clock = judged(START, END, compared(start, end), False)
    assert (clock.start, clock.end) == (START + shift, END + shift)
    assert [doubt.finding for doubt in clock.doubts] == [Finding.CLOCK_CORRECTED]


@pytest.mark.parametrize(
    ("start", "end", "late"),
    [
        pytest.param(None, None, False, id="live"),
        pytest.param(3 * H, 2 * H, False, id="a queue, delivered at once"),
        pytest.param(49 * H, 48 * H, False, id="days later"),
        pytest.param(2 * H, None, False, id="only the start waited"),
        pytest.param(H + 7 * M, 7 * M, False, id="a queue, delivered seven minutes later"),
        pytest.param(H + 7 * M, H + 7 * M + 21 * S, False, id="by chance by nearly the same time"),
    ],
)
def test_what_comes_late_is_told_by_a_right_clock(start: timedelta | None, end: timedelta | None, late: bool) -> None:
    clock = judged(START, END, compared(start, end), late)
    assert (clock.start, clock.end, clock.doubts) == (START, END, ())


@pytest.mark.parametrize(
    ("start", "end", "updates"),
    [
        pytest.param(-H, None, (), id="the start is ahead, the end is not"),
        pytest.param(None, -H, (), id="the end is ahead, the start is not"),
        pytest.param(-H, -2 * H, (), id="by two offsets"),
        pytest.param(-H, -H, (-3 * H,), id="and one in between by another"),
        pytest.param(H + 7 * M, H + 7 * M + 20 * S, (), id="always behind, by no whole quarter hour"),
        pytest.param(7 * M, 7 * M + 3 * S, (), id="always behind by seven minutes"),
        pytest.param(45 * M, 45 * M, (45 * M,), id="always behind, by less than an hour"),
        pytest.param(45 * M, 45 * M, (47 * M,), id="and one in between took two minutes more"),
    ],
)
def test_what_one_offset_does_not_explain_is_not_trusted(
    start: timedelta | None, end: timedelta | None, updates: tuple[timedelta, ...]
) -> None:
    clock = judged(START, END, compared(start, end, *updates), False)
    assert (clock.start, clock.end) == (START, END)
    assert [doubt.finding for doubt in clock.doubts] == [Finding.CLOCK_UNTRUSTED]


def test_that_some_messages_had_waited_explains_no_constant_offset_of_those_that_had_not() -> None:
    """A 2.x message that says that it was written offline is not compared: the ends that are came as they happened."""
    clock = judged(START, END, compared(2 * H, 2 * H), True)
    assert (clock.start, clock.end) == (START, END)
    assert [doubt.finding for doubt in clock.doubts] == [Finding.CLOCK_UNTRUSTED]


@pytest.mark.parametrize(("start", "end"), [(5 * H, 4 * H), (4 * H, 5 * H), (-2 * H, -H), (-H, -2 * H)])
def test_local_time_told_as_utc_while_clocks_change_is_not_trusted(start: timedelta, end: timedelta) -> None:
    """West of Greenwich it comes late, as a queue does: but a queue arrives at once."""
    until = START + 3 * H
    told = [Compared(Moment.START, START, START + start), Compared(Moment.END, until, until + end)]
    assert [doubt.finding for doubt in judged(START, until, told, False).doubts] == [Finding.CLOCK_UNTRUSTED]
    at_once = [Compared(Moment.START, START, until + H), Compared(Moment.END, until, until + H)]
    assert judged(START, until, at_once, False).doubts == ()


def test_a_time_before_2015_needs_no_arrival_to_be_wrong() -> None:
    clock = judged(START.replace(year=1970), END.replace(year=1970), [], False)
    assert [doubt.finding for doubt in clock.doubts] == [Finding.CLOCK_UNTRUSTED]


def test_a_session_of_a_minute_that_is_hours_late_is_a_queue() -> None:
    """It has a constant offset by nature: nothing lies between its ends."""
    told = [Compared(of, at, at + 2 * H) for of, at in ((Moment.START, START), (Moment.END, START + M))]
    assert judged(START, START + M, told, False).doubts == ()


def test_a_stop_at_once_ends_when_it_arrived_if_it_came_alone() -> None:
    clock = estimated(START, START + S, [Compared(Moment.END, START + S, END)])
    assert (clock.start, clock.end) == (START, END)
    unset = datetime.fromisoformat("1970-01-01T00:01:00+00:00")
    both = [Compared(Moment.START, unset, START), Compared(Moment.END, unset + S, END)]
    clock = estimated(unset, unset + S, both)
    assert (clock.start, clock.end) == (START, END)
    assert [doubt.finding for doubt in clock.doubts] == [Finding.END_ESTIMATED]


@pytest.mark.parametrize("end", [None, 2 * H])
def test_a_stop_at_once_that_came_with_its_start_or_at_an_unknown_time_is_not_trusted(end: timedelta | None) -> None:
    told = [] if end is None else [Compared(Moment.START, START, START + end), Compared(Moment.END, START + S, START + end + S)]
    assert [doubt.finding for doubt in estimated(START, START + S, told).doubts] == [Finding.CLOCK_UNTRUSTED]


@given(st.permutations([3, 1, 2]))
def test_of_a_message_that_came_again_the_first_arrival_counts(order: list[int]) -> None:
    known: tuple[Compared, ...] = ()
    for hours in order:
        told = ClockCompared(
            station=STATION, protocol=Protocol.OCPP16, of=Moment.END, at=END, received_at=END + hours * H, transaction=None
        )
        known = with_comparison(known, told)
    assert known == (Compared(Moment.END, END, END + H),)


def test_comparisons_of_messages_beside_the_numbers_of_a_session_tell_nothing_of_it() -> None:
    """Else it would matter whether such a message came before its session closed: it is not looked at when it comes after."""
    of_the_session = [
        Compared(Moment.START, START, START + H, 3),
        Compared(Moment.UPDATE, START, START + 3 * H, 4),
        Compared(Moment.END, END, END + H, 5),
    ]
    beside = [
        Compared(Moment.START, START, START + 2 * H, 2),
        Compared(Moment.UPDATE, START, START + 2 * H, 6),
        Compared(Moment.END, END, END, 6),
    ]
    assert within([*beside, *of_the_session], 3, 5) == of_the_session


def test_of_two_messages_of_one_time_each_has_its_arrival() -> None:
    known: tuple[Compared, ...] = ()
    for seq, hours in ((6, 1), (5, 2), (5, 3)):
        told = ClockCompared(
            station=STATION, protocol=Protocol.OCPP201, of=Moment.END, at=END, received_at=END + hours * H, seq=seq
        )
        known = with_comparison(known, told)
    assert known == (Compared(Moment.END, END, END + H, 6), Compared(Moment.END, END, END + 2 * H, 5))


@pytest.mark.parametrize(
    ("offset", "whole"),
    [(H, H), (H + M, H), (H + M + S, None), (45 * M, None), (-14 * H, -14 * H), (14.25 * H, None), (5 * H + 44 * M, 5.75 * H)],
)
def test_whole_quarter_hours(offset: timedelta, whole: timedelta | None) -> None:
    assert quarter_hours(offset) == whole
