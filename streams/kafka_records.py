"""How kafka-python takes apart what it fetched: a batch at a time, each looked through before, and never much at once.

A batch that `streams.kafka_batches` leaves unread comes as one record, at its last offset, whose value is the `Unread`; `taken`
makes of either library's record what we call one. A poll ends with the record that makes it MESSAGE_BYTES_MAX of memory:
batches of a few kB may each unpack to almost the bound, and a thousand would be asked for. Importing this puts it in place.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import islice
from typing import Any, Final

from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch

from streams.kafka_batches import BATCH_BYTES_MAX, HEADER_BYTES, NoBatch, opened
from streams.kafka_header_names import filled
from streams.kafka_options import MESSAGE_BYTES_MAX
from streams.places import Taken, Unread

_OBJECT_BYTES: Final = 200  # about, of a record or a header beside what it holds


class StandIn:
    """A record, as far as the fetchers of both libraries look at it, that stands for a batch."""

    __slots__ = ("offset", "timestamp", "value")
    key, headers, checksum, timestamp_type, size_in_bytes = None, (), None, 1, 0

    def __init__(self, unread: Unread) -> None:
        self.offset, self.timestamp, self.value = unread.last, unread.timestamp_ms, unread

    def validate_crc(self) -> bool:
        """The batch's was right."""
        return True


class Room:
    """What one poll may still bring into memory."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._left = MESSAGE_BYTES_MAX

    @property
    def is_full(self) -> bool:
        return self._left <= 0

    def up_to(self, records: Iterable[Any]) -> Iterator[Any]:
        """The records up to the one with which it is full."""
        for record in records:
            self._left -= _weight(record)
            yield record
            if self._left <= 0:
                return


def taken(record: Any) -> Taken:
    """Either library's record, in our words."""
    value = record.value
    if isinstance(value, Unread):
        return Taken(record.partition, record.offset, None, None, (), record.timestamp, value)
    return Taken(record.partition, record.offset, record.key, value, filled(record.headers), record.timestamp)


def _weight(record: Any) -> int:
    """Bytes of memory, about. To find a batch that is too large costs as much as to read one."""
    value, key = record.value, record.key
    if isinstance(value, Unread):
        return BATCH_BYTES_MAX
    headers = sum([_OBJECT_BYTES + len(name) + len(content or b"") for name, content in record.headers])
    return _OBJECT_BYTES + len(key or b"") + len(value or b"") + headers


def _iterated(batch: Any) -> Any:
    """In the place of the library's, which unpacks."""
    try:
        found = opened(batch._buffer)
    except NoBatch as error:
        raise CorruptRecordError(str(error)) from error
    if isinstance(found, Unread):
        return iter([StandIn(found)])
    batch._buffer, batch._pos, batch._decompressed = found, HEADER_BYTES, True
    return batch


def _took(records: Any, most: int | None = None) -> list[Any]:
    """In the place of the library's, which takes so many, however large. What fails behind some is told by the next call."""
    records._maybe_raise_next_inline_exception()
    found: list[Any] = []
    try:
        found.extend(Room().up_to(islice(records.record_iterator, most)))
    except (CorruptRecordError, ValueError) as error:
        if not found:
            raise
        records._next_inline_exception = error
    return found


def _ending(append: Callable[..., int]) -> Callable[..., int]:
    """A poll that has taken less than a partition's fetch would give is over."""

    @wraps(append)
    def appended(fetcher: Any, drained: Any, records: Any, most: int, update_offsets: bool) -> int:
        count = append(fetcher, drained, records, most, update_offsets)
        return most if count and records else count

    return appended


DefaultRecordBatch.__iter__ = _iterated
Fetcher.PartitionRecords.take = _took
Fetcher._append = _ending(Fetcher._append)
