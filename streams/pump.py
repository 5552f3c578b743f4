"""What a pump of messages drives: partitions of the raw topic, batch by batch, into one database transaction each.

    pump (faust_runtime, plain_runtime) ── records of one partition ──▶ Lanes.process ── commit ──▶ pump acknowledges

A pump reads from the broker and knows nothing of what is done with the records; `streams.lanes` does it and knows nothing of
the broker. Acknowledging to the broker is only for showing lag: where to go on is what `assigned` says.
"""

from collections.abc import Sequence
from typing import Protocol

from streams.places import Offset, Partition, Taken


class Lanes(Protocol):
    """Not for several threads at once."""

    def assigned(self, partition: Partition) -> Offset:
        """This process owns the partition from now on. The offset from which to read."""
        ...

    def revoked(self, partition: Partition) -> None:
        """No more: what is remembered of it is saved, if it still can be, and dropped."""
        ...

    def process(self, partition: Partition, records: Sequence[Taken], may_skip: bool = False) -> Offset:
        """Records in the order of the partition, in one transaction that is durable when this returns; the next offset.

        Records before the position are passed over. Raises Gap where a record is not the next one, and Fenced where another
        process has moved the position since; nothing was written then. `may_skip`: the broker was read again from the expected
        offset, holds everything from there, and has nothing between: offsets that a producer's transaction took for its marks.
        """
        ...

    def settle(self) -> None:
        """Between batches, at least once a second: take up reference facts, and save what was kept in memory."""
        ...


class Gap(Exception):
    """The broker gave a record beyond the next one. Read again from `expected`; see `may_skip` where that gives the same."""

    def __init__(self, partition: Partition, expected: Offset, found: Offset) -> None:
        super().__init__(
            f"partition {partition}: expected offset {expected}, the broker gave {found}: some are missing between"
        )
        self.partition, self.expected, self.found = partition, expected, found


class Fenced(Exception):
    """Another process owns the partition: it moved the position. What this one had begun was not written."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(f"partition {partition}: another worker has taken over; this one wrote nothing")
        self.partition = partition
