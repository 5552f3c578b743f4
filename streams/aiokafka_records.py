"""How aiokafka takes apart what it fetched: as `streams.kafka_records` has it, at the speed of its compiled reader.

Each batch is looked through and unpacked before (`streams.kafka_batches`), then read by the compiled reader, at once. By its
twin in Python, one record after the other, where a header's name is not UTF-8, which `streams.kafka_header_names` has made it
read, or where so many records at once would take too much memory. Importing this puts it into aiokafka's fetcher.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

from streams.kafka_batches import NoBatch, opened, records_in
from streams.kafka_header_names import lenient
from streams.kafka_records import Room, StandIn
from streams.places import Unread

_AT_ONCE_MAX: Final = 2**16  # records, some 16 MB of objects

ROOM: Final = Room()
"""Of all partitions together, in the poll that goes on; who polls clears it before."""


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches of one fetch."""

    def next_batch(self) -> Any:
        data = self._next_slice
        batch = super().next_batch()
        return None if batch is None else _Batch(batch, data)


class _Batch:
    """A batch as its compiled reader has it, but for its records."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch, self._data = batch, data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        if not isinstance(self._batch, DefaultRecordBatch):
            return iter(self._batch)  # of a format that brokers have not taken for years
        try:
            found = opened(self._data)
        except NoBatch as error:
            raise CorruptRecordException(str(error)) from error
        if isinstance(found, Unread):
            return iter([StandIn(found)])
        if records_in(found) <= _AT_ONCE_MAX:
            try:
                return iter(list(DefaultRecordBatch(found)))
            except UnicodeDecodeError:
                pass
        return iter(_DefaultRecordBatchPy(found))


def _took(result: Any, most: int | None = None) -> list[Any]:
    """In the place of the library's, which takes so many, however large."""
    if ROOM.is_full or not result.check_assignment(result._topic_partition) or not result.has_more():
        return []
    found = list(ROOM.up_to(islice(result._partition_records, most)))
    result._update_position()
    if not found or (not ROOM.is_full and (most is None or len(found) < most)):
        result._partition_records = None
    return found


_DefaultRecordBatchPy._read_msg = lenient(_DefaultRecordBatchPy._read_msg)
fetcher.MemoryRecords = _Records
fetcher.FetchResult.getall = _took
