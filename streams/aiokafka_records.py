"""How aiokafka takes apart what it fetched, so that a header name that is not UTF-8 does not stop it.

Its compiled reader cannot be changed. So each batch is read by it as ever, at once, and by its twin in Python where it fails,
which `streams.kafka_header_names` has made lenient. Importing this puts it into aiokafka's fetcher.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

from streams.kafka_header_names import lenient


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches of one fetch."""

    def next_batch(self) -> Any:
        data = self._next_slice
        batch = super().next_batch()
        return None if batch is None else _Batch(batch, data)


class _Batch:
    """A batch as its compiled reader has it, but for a record that this one cannot read."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch, self._data = batch, data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return iter(_DefaultRecordBatchPy(self._data))


_DefaultRecordBatchPy._read_msg = lenient(_DefaultRecordBatchPy._read_msg)
fetcher.MemoryRecords = _Records
