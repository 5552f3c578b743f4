"""What a pump does with records that do not simply follow each other: holes, leftovers, a partition that moved."""

from collections.abc import Collection, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.intake import Intake, RecordsGone
from streams.outage import Outage
from streams.places import Bounds, Offset, Partition, Taken, Unread
from streams.pump import Fenced, Gap

P = Partition(3)


class RememberingLanes:
    """`streams.pump.Lanes` in memory. `other` moves the position, as another worker would."""

    def __init__(self, position: int = 0) -> None:
        self.position, self.remembered = position, 0
        self.done: list[int] = []
        self.events: list[str] = []

    def assigned(self, partition: Partition) -> Offset:
        self.events.append("assigned")
        self.remembered = self.position
        return Offset(self.position)

    def revoked(self, partition: Partition) -> None:
        self.events.append("revoked")

    def process(self, partition: Partition, records: Sequence[Taken], may_skip: bool = False) -> Offset:
        if self.remembered != self.position:
            raise Fenced(partition)
        following, done = self.position, []
        for taken in records:
            if taken.first > following and not may_skip:
                raise Gap(partition, Offset(following), taken.first)
            if taken.offset >= following:
                done.append(int(taken.offset))
                following = taken.offset + 1
        self.done += done
        self.position = self.remembered = following
        return Offset(following)

    def settle(self) -> None:
        self.events.append("settled")
        if self.remembered != self.position:
            raise Fenced(P)


class Lines:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.facts: list[dict[str, object]] = []

    def say(self, event: str, /, **facts: object) -> None:
        self.said.append(event)
        self.facts.append(facts)

    def rebalanced(self, partitions: Collection[Partition]) -> None: ...

    def ends(self, ends: Mapping[Partition, Offset], held: Collection[Partition] = ()) -> None: ...


class World:
    """An intake over lanes in memory, and a broker of which only the bounds matter."""

    def __init__(self, position: int = 0, beginning: int = 0, end: int = 1000) -> None:
        self.lanes, self.lines, self.bounds = RememberingLanes(position), Lines(), Bounds(Offset(beginning), Offset(end))
        self.intake = Intake(self.lanes, lambda partitions: dict.fromkeys(partitions, self.bounds), self.lines, "zz.raw")

    def process(self, *offsets: int) -> Offset | None:
        return self.intake.process(P, [Taken(P, Offset(offset), None, b"", (), 0) for offset in offsets])


def test_records_that_follow_each_other_are_processed_and_read_on() -> None:
    world = World()
    assert world.intake.assigned([P]) == {P: 0}
    assert world.process(0, 1, 2) is None
    assert world.process(3) is None
    assert world.lanes.done == [0, 1, 2, 3]


def test_a_hole_is_read_again_and_what_the_client_had_left_out_is_not_lost() -> None:
    world = World()
    world.intake.assigned([P])
    assert world.process(0, 1, 5, 6) == 2
    assert world.lanes.done == [0, 1], "what stands before the hole is processed"
    assert world.process(2, 3, 4, 5, 6) is None
    assert world.lanes.done == [0, 1, 2, 3, 4, 5, 6]


def test_a_hole_that_is_there_the_second_time_has_nothing_in_it() -> None:
    world = World()
    world.intake.assigned([P])
    assert world.process(0, 1, 5, 6) == 2
    assert world.process(5, 6, 7) is None
    assert world.lanes.done == [0, 1, 5, 6, 7]


def test_a_hole_that_was_not_read_twice_is_not_passed_over_with_one_that_was() -> None:
    world = World()
    world.intake.assigned([P])
    assert world.process(0, 3) == 1
    assert world.process(3, 4, 9) == 5
    assert world.lanes.done == [0, 3, 4]
    assert world.process(5, 6, 7, 8, 9) is None
    assert world.lanes.done == [0, 3, 4, 5, 6, 7, 8, 9]


def test_what_the_repeated_reading_did_not_reach_is_not_taken_for_read_twice() -> None:
    """The repeated reading may be cut shorter than the first: what stood in the first beyond it was read only once."""
    world = World()
    world.intake.assigned([P])
    assert world.process(1, 2, 6) == 0
    assert world.process(1) is None
    assert world.process(2, 6) == 3
    assert world.process(3, 4, 5, 6) is None
    assert world.lanes.done == [1, 2, 3, 4, 5, 6]


def test_a_hole_whose_records_the_broker_has_deleted_stops_the_pump() -> None:
    world = World()
    world.intake.assigned([P])
    world.bounds = Bounds(Offset(5), Offset(9))
    with pytest.raises(RecordsGone, match="offsets 2 to 4 were deleted before they were processed"):
        world.process(0, 1, 5)


def test_a_hole_that_was_left_out_and_then_deleted_before_it_was_read_again_stops_the_pump() -> None:
    """aiokafka goes to the first offset that is there, so that the second reading shows the same hole."""
    world = World()
    world.intake.assigned([P])
    assert world.process(0, 1, 5) == 2
    world.bounds = Bounds(Offset(5), Offset(9))
    with pytest.raises(RecordsGone, match="offsets 2 to 4 were deleted before they were processed"):
        world.process(5, 6)
    assert world.lanes.done == [0, 1]


@pytest.mark.parametrize(
    ("beginning", "end", "why"),
    [
        (11, 20, "raw/3: .* offsets 10 to 10 were deleted"),
        (0, 9, "it holds offsets 0 to 8: it was cut off or made anew"),
        (0, 0, "it is empty: it was cut off or made anew"),
    ],
)
def test_a_topic_that_does_not_hold_what_comes_next_is_refused(beginning: int, end: int, why: str) -> None:
    world = World(position=10, beginning=beginning, end=end)
    with pytest.raises(RecordsGone, match=why):
        world.intake.assigned([P])


@pytest.mark.parametrize(
    ("beginning", "end", "until", "gone"),
    [
        (0, 10, 10, ""),
        (0, 12, 10, ""),
        (0, 0, 0, ""),
        (5, 5, 0, ""),
        (2, 12, 10, "offsets 0 to 1"),
        (12, 20, 10, "offsets 0 to 9"),
        (0, 7, 10, "offsets 7 to 9"),
        (0, 0, 10, "offsets 0 to 9"),
    ],
)
def test_what_was_processed_and_is_gone_is_told(beginning: int, end: int, until: int, gone: str) -> None:
    assert Bounds(Offset(beginning), Offset(end)).gone(Offset(until)) == gone


def test_leftovers_from_before_the_position_are_read_again_from_it() -> None:
    world = World(position=10)
    world.intake.assigned([P])
    assert world.process(4, 5, 6) == 10
    assert world.lanes.done == []


def test_a_client_that_was_thrown_back_since_the_topic_was_cut_off_stops_the_pump() -> None:
    world = World(position=10)
    world.intake.assigned([P])
    world.bounds = Bounds(Offset(0), Offset(3))
    with pytest.raises(RecordsGone, match="cut off or made anew"):
        world.process(0, 1, 2)


def test_a_position_that_another_worker_moved_is_read_again_and_gone_on_from() -> None:
    world = World()
    world.intake.assigned([P])
    world.lanes.position = 7
    assert world.process(0, 1) == 7
    assert world.lanes.events == ["assigned", "revoked", "assigned"]
    assert world.process(7) is None
    assert world.lines.facts == [
        {"topic": "zz.raw", "partition": P, "why": "partition 3: another worker has taken over; this one wrote nothing"}
    ]


def test_settling_tells_where_to_read_again_when_it_is_fenced() -> None:
    world = World()
    world.intake.assigned([P])
    assert world.intake.settle() == {}
    world.lanes.position = 7
    assert world.intake.settle() == {P: 7}


def test_what_is_owned_is_given_back_once() -> None:
    world = World()
    world.intake.assigned([P])
    world.intake.close()
    world.intake.revoked([P])
    assert world.lanes.events == ["assigned", "revoked"]


@given(st.lists(st.integers(min_value=0, max_value=60), unique=True, min_size=1).map(sorted), st.data())
def test_whatever_is_missing_and_however_it_is_cut_each_record_is_processed_once(held: list[int], data: st.DataObject) -> None:
    """The broker holds these offsets. A reading may leave some out, but what is read a second time is what there is."""
    world = World()
    at: int = world.intake.assigned([P])[P]
    again = False
    for _ in range(500):
        left = [offset for offset in held if offset >= at]
        if not left:
            break
        cut = left[: data.draw(st.integers(min_value=1, max_value=len(left)))]
        read = cut if again else [offset for offset in cut[:-1] if data.draw(st.booleans())] + cut[-1:]
        sought = world.process(*read)
        again = sought is not None
        at = sought if sought is not None else read[-1] + 1
    assert world.lanes.done == held


def test_an_outage_is_told_once_and_ends_when_the_brokers_answer() -> None:
    lines = Lines()
    outage = Outage(lines, seconds_max=60)
    outage.heard(0)
    assert not outage.silent(5_000_000, "refused"), "nobody asked for an hour: that is no outage yet"
    assert not outage.silent(5_060_000, "refused")
    assert outage.silent(5_060_001, "refused")
    outage.heard(5_061_000)
    assert lines.said == ["kafka_does_not_answer", "kafka_answers_again"]


# A batch that nobody unpacks


def unread(first: int, last: int) -> Taken:
    batch = Unread(Offset(first), Offset(last), last - first + 1, "zstd", 9, 7, bytes(32), 0, fits=False)
    return Taken(P, Offset(last), None, None, (), 0, batch)


def test_a_batch_that_is_not_unpacked_leaves_no_hole_and_hides_none() -> None:
    world = World()
    world.intake.assigned([P])
    one, two = Taken(P, Offset(0), None, b"", (), 0), Taken(P, Offset(7), None, b"", (), 0)
    assert world.intake.process(P, [one, unread(1, 6), two]) is None
    assert world.lanes.done == [0, 6, 7]
    assert world.intake.process(P, [unread(8, 9), unread(12, 20)]) == 10
    assert world.lanes.done == [0, 6, 7, 9]
    assert world.intake.process(P, [unread(12, 20)]) is None, "read again, it is the same"
    assert world.lines.said == ["read_again"]


def test_who_goes_on_within_a_batch_that_is_not_unpacked_is_given_all_of_it() -> None:
    world = World(position=5)
    world.intake.assigned([P])
    assert world.intake.process(P, [unread(1, 6)]) is None
    assert (world.lanes.done, world.lines.said) == ([6], [])
