"""All partitions of one topic, read by one consumer from given offsets: no group, nothing is committed.

For whoever follows many topics in one process (the sealer): a `Reader` for each partition would be hundreds of connections.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Self

from streams.kafka_client import FETCH_BYTES, _Records
from streams.kafka_options import KafkaOptions
from streams.places import Bounds, Offset, Partition, Taken

_POLL_MS = 500


class TopicReader:
    """`topic`: its full name. Nothing is read before `go_on_from` says from where. `fetch_bytes`: of one partition at once."""

    def __init__(self, options: KafkaOptions, topic: str, fetch_bytes: int = FETCH_BYTES) -> None:
        self.topic = topic
        self._records = _Records(options, topic, fetch_bytes=fetch_bytes)

    @property
    def partitions(self) -> list[Partition]:
        return self._records.partitions

    def beginning(self) -> dict[Partition, Offset]:
        """By partition, the first offset that it still holds."""
        return self._records.beginning(self.partitions)

    def end(self) -> dict[Partition, Offset]:
        """By partition, the offset that the next record gets; records of a transaction that is still open are beyond it."""
        return self._records.end(self.partitions)

    def bounds(self) -> dict[Partition, Bounds]:
        """By partition, both of these."""
        beginning, end = self.beginning(), self.end()
        return {partition: Bounds(beginning[partition], end[partition]) for partition in self.partitions}

    def go_on_from(self, places: Mapping[Partition, Offset]) -> None:
        """Read these partitions, and no others, from these offsets on."""
        consumer = self._records.consumer
        consumer.assign([self._records.place(partition) for partition in places])
        consumer.resume(*consumer.paused())  # the library remembers it of those that were read before
        for partition, offset in places.items():
            consumer.seek(self._records.place(partition), offset)

    def poll(self, records_max: int, timeout_ms: int) -> dict[Partition, list[Taken]]:
        """The next records of some partitions, as soon as there is one; nothing when the time is over."""
        return self._records.poll(records_max, timeout_ms)

    def has_come_to(self, ends: Mapping[Partition, Offset]) -> bool:
        """Whether everything before these offsets was read, of the partitions that are read."""
        consumer = self._records.consumer
        return all(
            consumer.position(place) >= ends[Partition(place.partition)]
            for place in consumer.assignment()
            if Partition(place.partition) in ends
        )

    def tails(self, records_max: int) -> Iterator[Taken]:
        """About the last `records_max` records of every partition, in no order among partitions."""
        beginning, end = self.beginning(), self.end()
        self.go_on_from({p: max(beginning[p], Offset(end[p] - records_max)) for p in end})
        while not self.has_come_to(end):
            for records in self.poll(records_max, _POLL_MS).values():
                yield from records

    def first(self, at: Offset | datetime, records_max: int, partition: Partition | None = None) -> Iterator[Taken]:
        """From an offset on, or from what was appended at a moment on: so many records of each partition, or of one.

        In no order among partitions. They end where they do when it is asked.
        """
        if partition is not None:
            self._records.demand(partition)
        wanted = self.partitions if partition is None else [partition]
        begin, end = self._records.beginning(wanted), self._records.end(wanted)
        start = self._records.at(at, wanted) if isinstance(at, datetime) else dict.fromkeys(wanted, at)
        self.go_on_from({p: max(start[p], begin[p]) for p in wanted if max(start[p], begin[p]) < end[p]})
        given: Counter[Partition] = Counter()
        while not self.has_come_to({p: end[p] for p in wanted if given[p] < records_max}):
            for came, records in self.poll(records_max, _POLL_MS).items():
                new = [taken for taken in records if taken.offset < end[came]][: records_max - given[came]]
                yield from new
                given[came] += len(new)
                if given[came] == records_max:
                    self._records.consumer.pause(self._records.place(came))

    def close(self) -> None:
        self._records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
