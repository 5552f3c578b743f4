"""What both pumps do with the records of a partition, once they have them: process, check, and say where to read next.

    assigned ──▶ Intake ──▶ the offset to read from          the database's position, never the group's
    records  ──▶ Intake ──▶ nothing, or an offset            read again from there, before anything else of the partition

The raw topic must be without holes: an offset that is missing is a message that nobody would ever miss. So a hole is read
again. If it is still there, and the broker keeps everything from there on, nothing was ever in it (a producer's transaction
takes offsets for its marks); if the broker has deleted what was there, the pump stops and says so.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from streams.log import LogUnusable
from streams.places import Bounds, Offset, Partition, Taken
from streams.pump import Fenced, Gap, Lanes


class Watch(Protocol):
    """Is told by a pump what it sees; from several threads."""

    def say(self, event: str, /, **facts: object) -> None:
        """Something that an operator should read."""
        ...

    def rebalanced(self, partitions: Collection[Partition]) -> None:
        """The group has shared out the partitions anew; these are ours."""
        ...

    def ends(self, ends: Mapping[Partition, Offset], held: Collection[Partition] = ()) -> None:
        """Where the messages of each partition end, as far as the broker was heard lately: those behind a producer's open
        transaction too, without a transaction's marks at the end. `held`: only what such a transaction holds back is left.
        """
        ...


class RecordsGone(LogUnusable):
    """The topic does not hold what comes next: it was deleted, truncated, or made anew."""

    def __init__(self, topic: str, partition: Partition, expected: Offset, bounds: Bounds) -> None:
        if expected < bounds.beginning:
            why = f"offsets {expected} to {bounds.beginning - 1} were deleted before they were processed (retention?)"
        else:
            why = f"it {bounds.shown}: it was cut off or made anew, and what it holds is not what was processed"
        super().__init__(
            f"{topic}/{partition}: offset {expected} is to be processed next, but {why}. Restore the topic's records from a "
            "copy, or give the new records a topic of their own: a new WATTBOOK_KAFKA_PREFIX with a new database"
        )


_Hole = tuple[Offset, Offset]  # the offset that was expected, the one that came


class Intake:
    """The partitions that this process owns, in front of `lanes`. Not for several threads at once."""

    def __init__(
        self,
        lanes: Lanes,
        bounds: Callable[[Collection[Partition]], Mapping[Partition, Bounds]],
        watch: Watch,
        topic: str = "raw",
    ) -> None:
        """`bounds` asks the broker. `topic`: what messages call it."""
        self._lanes, self._bounds, self._watch, self._topic = lanes, bounds, watch, topic
        self._next: dict[Partition, Offset] = {}
        self._seen: dict[Partition, list[_Hole]] = {}  # holes of the reading that is to be repeated next

    def assigned(self, partitions: Collection[Partition]) -> dict[Partition, Offset]:
        """From where to read. Raises RecordsGone where the broker does not hold it."""
        self.revoked(partitions)  # told twice: what is remembered may be old
        found = {partition: self._lanes.assigned(partition) for partition in partitions}
        for partition, bounds in self._bounds(partitions).items():
            if not bounds.beginning <= found[partition] <= bounds.end:
                raise RecordsGone(self._topic, partition, found[partition], bounds)
            self._next[partition] = found[partition]
            self._seen.pop(partition, None)
        return found

    def next_offset(self, partition: Partition) -> Offset:
        """Of a partition that is ours, the offset that is to be processed next."""
        return self._next[partition]

    def revoked(self, partitions: Collection[Partition]) -> None:
        for partition in self._next.keys() & set(partitions):
            del self._next[partition]
            self._lanes.revoked(partition)

    def close(self) -> None:
        """Before the process ends: all is given back, and what was kept in memory is saved."""
        self.revoked(self._next.keys())

    def process(self, partition: Partition, records: Sequence[Taken]) -> Offset | None:
        """Process records as they were read. An offset: read the partition again from there, what was read beyond is void."""
        expected = self._next[partition]
        if records[0].offset < expected:  # read before a seek; or the client was thrown back, since the topic was cut off
            return self._read_again(partition, expected, [(expected, records[0].offset)])
        holes, seen = _holes(expected, records), self._seen.pop(partition, ())  # only this reading is the one repeated
        new = next((hole for hole in holes if hole not in seen), None)
        whole = records if new is None else [taken for taken in records if taken.offset < new[1]]
        if holes and new != holes[0]:  # that one is passed over: nothing may have been deleted from it since it was seen
            self._demand_held(partition, holes[0][0])
        try:
            if whole:
                self._next[partition] = self._lanes.process(partition, whole, may_skip=bool(holes))
        except (Fenced, Gap) as moved:
            return self._own_again(partition, moved)
        return self._read_again(partition, new[0], holes) if new else None

    def settle(self) -> dict[Partition, Offset]:
        """Between batches. The partitions that are to be read again, and from where."""
        moved: dict[Partition, Offset] = {}
        while True:
            try:
                self._lanes.settle()
            except Fenced as fenced:
                moved[fenced.partition] = self._own_again(fenced.partition, fenced)
            else:
                return moved

    def _read_again(self, partition: Partition, expected: Offset, holes: list[_Hole]) -> Offset:
        self._demand_held(partition, expected)
        self._watch.say("read_again", partition=partition, expected=expected, found=dict(holes)[expected])
        self._seen[partition] = holes
        return expected

    def _demand_held(self, partition: Partition, expected: Offset) -> None:
        bounds = self._bounds([partition])[partition]
        if not bounds.beginning <= expected <= bounds.end:
            raise RecordsGone(self._topic, partition, expected, bounds)

    def _own_again(self, partition: Partition, moved: Fenced | Gap) -> Offset:
        """The position is not what we thought. Until the group says otherwise the partition is ours: go on from where it is."""
        self._watch.say("position_moved_by_another", topic=self._topic, partition=partition, why=str(moved))
        self.revoked([partition])
        return self.assigned([partition])[partition]


def _holes(expected: Offset, records: Sequence[Taken]) -> list[_Hole]:
    """Where offsets are missing. They rise, so that a count tells that none is; a record may stand for several offsets."""
    if records[-1].offset - expected + 1 == len(records):
        return []
    holes = []
    for taken in records:
        if taken.first > expected:
            holes.append((expected, taken.first))
        expected = Offset(taken.offset + 1)
    return holes
