"""Sessions of which something never comes: concluded by a tick from what there is, and again when the truth arrives."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from streams.catalogue import Deadlines
from streams.deadlines import conclude_overdue, heard_at
from streams.sessions import Closed, Gathering
from tests.streams.folding import Folding, fold
from tests.streams.notation import DAY, check, told
from tests.streams.strategies import arrivals, transactions_2x
from vocabulary.sessions import BLOCKING, Quality, SessionClosed, SessionFlagged, quality_of

HOUR = timedelta(hours=1)


def test_a_gap_is_closed_as_such_a_day_after_the_last_message() -> None:
    check("""
        08:00  started #0  begin 0
        09:00  ended #2  end 5000
        08:59  tick +1d
        09:00  tick +1d
        09:30  tick +1d
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        source   transaction_begin_and_end_samples
        quality  gap
        open
        missing  #1
    """)


def test_what_fills_the_gap_closes_the_session_again_as_complete() -> None:
    folding = check("""
        08:00  started #0  begin 0
        09:00  ended #2  end 5000
        10:00  tick +1d
        08:30  updated #1  sample 2000
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        quality  gap
        session  08:00:00 - 09:00:00  5000 Wh
        revision 1
    """)
    assert [type(state) for state in folding.sessions.values()] == [Closed]


def test_a_message_that_leaves_a_gap_is_waited_for_anew() -> None:
    check("""
        08:00  started #0  begin 0
        09:00  ended #3  end 5000
        10:00  tick +1d
        08:30  updated #1  sample 2000
        09:59  tick +2d
        10:00  tick +2d
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        quality  gap
        session  08:00:00 - 09:00:00  5000 Wh
        quality  gap
        revision 1
        open
    """)


def test_a_session_without_an_end_ends_with_its_last_register_value_and_is_held() -> None:
    check("""
        08:00  started #0  begin 0
        08:30  updated #1  sample 2000
        08:45  updated #2  Charging
        08:44  tick +3d
        08:45  tick +3d
        -----
        session  08:00:00 - 08:30:00  2000 Wh
        source   first_and_last_sample
        quality  estimated
        held     session_has_no_end
        finding  session_has_no_end
        open
    """)


def test_a_1_6_session_without_a_stop_is_estimated_from_its_meter_values() -> None:
    check("""
        08:00  start 1000
        08:00  answer 17
        08:30  meter 3000 tx 17
        09:00  tick +3d
        -----
        session  08:00:00 - 08:30:00  2000 Wh
        quality  estimated
        held     session_has_no_end
        finding  session_has_no_end
        open
    """)


def test_a_1_6_session_without_a_stop_ends_where_the_next_one_on_its_connector_begins() -> None:
    check("""
        08:00  start 1000
        08:00  answer 17
        08:30  meter 3000 tx 17
        11:00  start 9000  message m2
        11:00  answer 18  message m2
        12:00  stop 9500  tx 18
        13:00  tick +3d
        -----
        session  11:00:00 - 12:00:00  500 Wh
        session  08:00:00 - 11:00:00  8000 Wh
        quality  estimated
        held     session_has_no_end
        finding  session_has_no_end
        open
    """)


@pytest.mark.parametrize("next_start", ["11:00 start 2999 message m2", "11:00 start 9000 message m2 connector 2"])
def test_a_next_start_with_a_lower_register_or_on_another_connector_tells_nothing(next_start: str) -> None:
    folding = told(f"08:00 start 1000\n08:00 answer 17\n08:30 meter 3000 tx 17\n{next_start}\n13:00 tick +3d")
    [closed] = folding.closed
    assert closed.session.energy_wh == 2000


def test_the_stop_that_comes_after_the_next_start_is_what_counts() -> None:
    folding = told("08:00 start 1000\n08:00 answer 17\n11:00 start 9000 message m2\n09:00 stop 5000 tx 17")
    [closed] = folding.closed
    assert (closed.session.energy_wh, quality_of(closed.session)) == (4000, Quality.COMPLETE)


@pytest.mark.parametrize("told_of_it", ["08:00  started #0  begin 0", "08:00  started #0\n08:10  updated #1  Charging"])
def test_without_any_energy_it_is_flagged_and_nothing_is_guessed(told_of_it: str) -> None:
    check(f"""
        {told_of_it.replace(chr(10), chr(10) + 8 * " ")}
        09:00  tick +3d
        -----
        finding  energy_is_unknown
        open
    """)


def test_the_stop_that_comes_after_all_is_what_counts() -> None:
    check("""
        08:00  start 1000
        08:00  answer 17
        08:30  meter 3000 tx 17
        09:00  tick +3d
        10:00  stop 9000
        -----
        session  08:00:00 - 08:30:00  2000 Wh
        quality  estimated
        held     session_has_no_end
        finding  session_has_no_end
        session  08:00:00 - 10:00:00  8000 Wh
        revision 1
    """)


def test_an_end_whose_start_never_came_is_not_guessed_at() -> None:
    check("""
        09:00  ended #2  end 5000
        10:00  tick +9d
        -----
        open
    """)


def test_two_ends_known_before_closing_are_disputed_and_held() -> None:
    check("""
        08:00  started #0  begin 0
        09:00  ended #2  end 5000
        09:05  ended #3  end 6000
        08:30  updated #1
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        quality  disputed
        held     second_end_of_the_same_transaction
        finding  second_end_of_the_same_transaction
    """)


def test_two_ends_within_a_second_and_a_watt_hour_are_one_that_was_told_twice() -> None:
    check("""
        08:00     start 0
        08:00     answer 17
        09:00:00  stop 5000
        09:00:01  stop 5001
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        finding  second_end_of_the_same_transaction
    """)


@pytest.mark.parametrize("other", ["09:00:02  stop 5000", "09:00:00  stop 5002"])
def test_two_ends_that_differ_by_more_are_disputed(other: str) -> None:
    check(f"""
        08:00     start 0
        08:00     answer 17
        09:00:00  stop 5000
        {other}
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        finding  second_end_of_the_same_transaction
        session  08:00:00 - 09:00:00  5000 Wh
        quality  disputed
        held     second_end_of_the_same_transaction
        revision 1
    """)


@pytest.mark.parametrize("first", ["08:30 updated #1", "09:00 ended #3 end 6000"])
def test_two_ends_of_the_same_time_differ_by_the_registers_that_their_samples_tell(first: str) -> None:
    """Whether the second one comes before the session is closed or after it."""
    second = "09:00 ended #3 end 6000" if "updated" in first else "08:30 updated #1"
    folding = told(f"08:00 started #0 begin 0\n09:00 ended #2 end 5000\n{first}\n{second}")
    assert folding.closed[-1].session.quality is Quality.DISPUTED
    assert folding.closed[-1].session.energy_wh == 5000
    same = told(f"08:00 started #0 begin 0\n09:00 ended #2 end 5000\n{first}\n{second}".replace("6000", "5001"))
    assert [quality_of(closed.session) for closed in same.closed] == [Quality.COMPLETE]


def test_a_message_counts_from_the_last_tick_before_it_not_from_its_stations_clock() -> None:
    """Told on the second day: its station's clock is of the first one, by which it would be overdue at once."""
    check("""
        08:00  tick +2d
        08:00  started #0  begin 0
        09:00  ended #2  end 5000
        07:59  tick +3d
        -----
        open
    """)


def test_deadlines_are_the_operators() -> None:
    state = next(iter(told("08:00 started #0 begin 0\n09:00 ended #2 end 5000").sessions.values()))
    assert isinstance(state, Gathering)
    at = DAY + 12 * HOUR
    assert conclude_overdue(state, at, Deadlines(gap=4 * HOUR)) is None
    assert conclude_overdue(state, at, Deadlines(gap=3 * HOUR)) is not None


def test_what_the_index_says_is_never_later_than_the_tick() -> None:
    """A station whose clock is years ahead would else not be looked at for years."""
    state = next(iter(told("08:00 started #0 begin 0").sessions.values()))
    assert heard_at(state, DAY) == DAY
    assert heard_at(state, DAY + 9 * HOUR) == DAY + 8 * HOUR


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_ticks_in_between_change_nothing_once_all_is_told(data: st.DataObject) -> None:
    """In any order of messages, with any ticks, each session comes to what it comes to without a tick."""
    events = data.draw(arrivals_of_a_transaction())
    plain = fold(events)
    ticked = Folding()
    for event in events:
        ticked.tell([event])
        if hours := data.draw(st.sampled_from((0, 0, 30, 80, 2000))):
            ticked.tick((ticked.ticked or DAY) + hours * HOUR)
    if plain.open:
        return
    assert not ticked.open
    assert in_the_end(ticked) == in_the_end(plain)


def in_the_end(folding: Folding) -> dict[str, object]:
    """By session, what was concluded of it last."""
    last: dict[str, object] = {}
    for outcome in folding.out:
        if isinstance(outcome, SessionClosed):
            last[outcome.session.id] = structs.replace(outcome, revision=0)
        elif isinstance(outcome, SessionFlagged) and outcome.finding in BLOCKING:
            last[outcome.session] = outcome
    return last


@st.composite
def arrivals_of_a_transaction(draw: st.DrawFn) -> list:  # type: ignore[type-arg]
    return draw(arrivals(draw(transactions_2x())))


def test_a_second_end_disputes_no_estimate_that_the_whole_has_overruled() -> None:
    """Closed by a deadline, then whole and without energy: there is no session that the second end could contradict."""
    check("""
        00:00 started #0
        00:00 updated #1 sample 0
        00:01 updated #2 sample 100
        00:02 tick +4d
        01:00 ended #3 end 0 at 00:00
        00:00 ended #4
        -----
        session 00:00:00 - 00:01:00 100 Wh
        quality estimated
        held session_has_no_end
        finding session_has_no_end
        finding energy_is_unknown
        finding second_end_of_the_same_transaction
    """)


def test_an_end_that_is_numbered_anew_ends_the_session_by_its_time_and_is_held() -> None:
    """A station that lost its counter in mid-transaction (2.1 errata: it is to keep it)."""
    check("""
        08:00  started #10  begin 1000
        08:30  updated #11  sample 6000
        09:30  ended #0  end 31000  reason Remote
        09:30  tick +3d
        -----
        session  08:00:00 - 09:30:00  30000 Wh
        reason   Remote
        quality  disputed
        held     same_sequence_number_with_other_content
        finding  same_sequence_number_with_other_content
        because  the start has seqNo 10, the end 0
        open
    """)
