"""Where a record stands when a log has several lanes, as one number.

A lane is a part of the log that has one owner and one order of its own: lane 0 is the office's (reference facts and commands,
and everything where the log is one database), lane p + 1 is that of partition p of the raw topic.

    position = place in its lane, counted from 1, times 4096, plus the lane

So positions rise strictly within a lane and are never given twice over all of them. A raw message of a topic stands at the
place of its offset + 1: `position_of(3, 41)` is the 42nd message of partition 3.
"""

from typing import NamedTuple, NewType

from vocabulary.identity import Position

Lane = NewType("Lane", int)
Partition = NewType("Partition", int)
Offset = NewType("Offset", int)

OFFICE = Lane(0)
LANES_MAX = 4096
_BITS = 12


class Unread(NamedTuple):
    """A batch of records that is not unpacked: all of them are told by its header alone (`streams.kafka_batches`).

    `length`: bytes of the records as the broker has them; `digest`: SHA-256 over what the CRC is over. `fits` tells why: if
    not, it unpacks to too much, else not to records.
    """

    first: Offset
    last: Offset  # included
    records: int  # as its header has it
    codec: str
    length: int
    crc: int
    digest: bytes
    timestamp_ms: int
    fits: bool


class Taken(NamedTuple):
    """A record of a topic as a broker gave it. `timestamp_ms`: when the broker appended it, milliseconds since 1970 (UTC).

    A header's name holds what is not UTF-8 as `surrogateescape` decodes it (`streams.kafka_header_names`). `unread`: this
    stands for a whole batch, at its last offset, and has neither key nor value nor headers.
    """

    partition: Partition
    offset: Offset
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int
    unread: Unread | None = None

    @property
    def first(self) -> Offset:
        """The first offset that it stands for; `offset` is the last."""
        return self.unread.first if self.unread else self.offset


class Bounds(NamedTuple):
    """What a broker holds of a partition: its first offset, and the one that it will give next."""

    beginning: Offset
    end: Offset

    @property
    def shown(self) -> str:
        """What the partition does, for a message."""
        return "is empty" if self.beginning == self.end else f"holds offsets {self.beginning} to {self.end - 1}"

    def gone(self, until: Offset) -> str:
        """The first offsets before `until` that the broker does not hold; empty: it holds all. The topic is kept from 0 on."""
        first, last = (0, min(self.beginning, until) - 1) if self.beginning else (self.end, until - 1)
        return f"offsets {first} to {last}" if first <= last else ""


def lane_of(partition: Partition) -> Lane:
    """The lane in which a partition's messages are processed."""
    assert 0 <= partition < LANES_MAX - 1, partition
    return Lane(partition + 1)


def position(place: int, lane: Lane) -> Position:
    assert place >= 0 and 0 <= lane < LANES_MAX, (place, lane)
    return Position(place << _BITS | lane)


def place_of(position: Position) -> tuple[int, Lane]:
    """The place in its lane, and the lane."""
    return position >> _BITS, Lane(position & (LANES_MAX - 1))


def position_of(partition: Partition, offset: Offset) -> Position:
    """The position of a raw message."""
    return position(offset + 1, lane_of(partition))


def offset_of(position: Position) -> tuple[Partition, Offset]:
    """The partition and offset of a raw message's position."""
    place, lane = place_of(position)
    assert place > 0 and lane != OFFICE, position
    return Partition(lane - 1), Offset(place - 1)
