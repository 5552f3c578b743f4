"""What holds of every session, however its messages arrive."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import with_comparison
from streams.sessions import Closed, so_far
from tests.streams.folding import Folding, fold
from tests.streams.promises import assert_whole, stored
from tests.streams.strategies import arrivals, connectors_16, noise, transactions_2x
from vocabulary.charging import ChargingEvent, ConnectorStatusChanged
from vocabulary.codec import decode, encode
from vocabulary.sessions import Finding, Quality, quality_of

EXAMPLES = settings(max_examples=100, deadline=None)


# Order, repetition, interruption


@EXAMPLES
@given(st.data())
def test_a_2x_session_is_the_same_in_whatever_order_and_however_often_its_events_arrive(data: st.DataObject) -> None:
    events = data.draw(transactions_2x())
    assert fold(data.draw(arrivals(events))).result() == fold(events).result()


@EXAMPLES
@given(st.data())
def test_a_16_session_is_the_same_however_early_its_statuses_and_however_often_anything_arrives(data: st.DataObject) -> None:
    messages, statuses = data.draw(connectors_16())
    in_time = [(_place(messages, status), status) for status in statuses]
    early = [(data.draw(st.integers(0, place)), status) for place, status in in_time]
    overtaken = _merged(messages, data.draw(st.permutations(early)))
    once = fold(_merged(messages, in_time))
    assert not once.open, "every stop found its start"
    assert fold(_repeated(data, overtaken)).result() == once.result()


@EXAMPLES
@given(st.data())
def test_messages_travel_with_their_arrivals_and_their_order_changes_nothing(data: st.DataObject) -> None:
    """A clock that is wrong by one offset, by several, or not at all, and messages that are late by any."""
    events = data.draw(transactions_2x())
    offsets = st.sampled_from([-60, -60, 0, 120, 121, 30_000_000]).map(lambda minutes: timedelta(minutes=minutes))
    one = data.draw(st.none() | offsets)
    messages = [with_comparison((e,), e.at + (data.draw(offsets) if one is None else one)) for e in events]  # type: ignore[union-attr]
    again = data.draw(st.lists(st.sampled_from(messages), max_size=3))
    shuffled = data.draw(st.permutations([*messages, *again]))
    assert fold(e for message in shuffled for e in message).result() == fold(e for m in messages for e in m).result()


def _place(messages: list[ChargingEvent], status: ConnectorStatusChanged) -> int:
    """Before the first transaction message of a later time; MeterValues and answers have none of their own."""
    times = [getattr(message, "at", None) for message in messages]
    return next((n for n, at in enumerate(times) if at is not None and at > status.at), len(messages))


def _merged(messages: list[ChargingEvent], placed: Sequence[tuple[int, ConnectorStatusChanged]]) -> list[ChargingEvent]:
    """Each status before the message at its place."""
    merged: list[ChargingEvent] = []
    for place, message in enumerate([*messages, None]):
        merged += [status for before, status in placed if before == place]
        merged += [] if message is None else [message]
    return merged


def _repeated(data: st.DataObject, events: list[ChargingEvent]) -> list[ChargingEvent]:
    """Some events a second time, some time after the first."""
    repeated = list(events)
    for event in data.draw(st.lists(st.sampled_from(events), max_size=4)):
        repeated.insert(data.draw(st.integers(repeated.index(event) + 1, len(repeated))), event)
    return repeated


@EXAMPLES
@given(st.data())
def test_folding_in_two_pieces_is_folding_once(data: st.DataObject) -> None:
    """Between the pieces the states go through their stored form, as between two batches."""
    events = data.draw(noise())
    cut = data.draw(st.integers(0, len(events)))
    folding = fold(events[:cut])
    stored(folding)
    once = fold(events)
    assert folding.tell(events[cut:]).result() == once.result()
    assert (folding.stations, folding.sessions) == (once.stations, once.sessions)


@EXAMPLES
@given(noise())
def test_states_are_read_as_they_were_written(events: list[ChargingEvent]) -> None:
    folding = fold(events)
    before = dict(folding.stations), dict(folding.sessions)
    stored(folding)
    assert (folding.stations, folding.sessions) == before


# What a session is


@EXAMPLES
@given(noise() | transactions_2x() | connectors_16().map(lambda both: [*both[1], *both[0]]))
def test_a_session_is_whole(events: list[ChargingEvent]) -> None:
    folding = fold(events)
    for closed in folding.closed:
        assert_whole(closed.session)
        assert decode(encode(closed)) == closed
    closings = Counter(closed.session.id for closed in folding.closed)
    again = [closed for closed in folding.closed if closed.revision]
    disputes = (Finding.SECOND_END, Finding.SEQUENCE_CONFLICT, Finding.END_OF_ANOTHER)
    lacking = [closed for closed in again if closed.held is None and quality_of(closed.session) is not Quality.COMPLETE]
    assert all(closed.held in disputes or closed in lacking for closed in again), "a session closes once, but for a dispute"
    assert max(Counter(closed.session.id for closed in lacking).values(), default=0) <= 1, "or once where more is told of it"
    assert len(again) == closings.total() - len(closings), "and is disputed once for each reason"
    assert all(isinstance(folding.sessions[session], Closed) for session in closings)


@EXAMPLES
@given(noise() | transactions_2x() | connectors_16().map(lambda both: [*both[1], *both[0]]))
def test_a_session_so_far_is_whole_or_none_at_every_moment(events: list[ChargingEvent]) -> None:
    folding = Folding()
    for event in events:
        for state in folding.tell([event]).open:
            if (session := so_far(state)) is not None:
                assert_whole(session)
