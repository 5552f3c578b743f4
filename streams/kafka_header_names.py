"""Header names that are not UTF-8, read all the same. The libraries behind it are kafka-python and, in its copy, aiokafka.

Brokers take any bytes as the name of a header. Both libraries decode it as UTF-8, fail, and read nothing that stands behind:
one record would stop every reader of the topic for good. So where decoding fails it is done again with `surrogateescape`: a
byte that is no UTF-8 becomes one of the signs U+DC80 to U+DCFF, which no UTF-8 text holds. Nothing is lost by that, and such a
name can be told from any other.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Final

from kafka.record.default_records import DefaultRecordBatch

_LOSSLESS: Final = "surrogateescape"

ReadRecord = Callable[..., Any]
"""The libraries' method of a batch that reads its next record; it moves the batch on only when it succeeds."""


class _Name(str):
    """A name that becomes its bytes again: kafka-python counts them."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = _LOSSLESS) -> bytes:
        return super().encode(encoding, errors)


class _Bytes(bytearray):
    """A batch's bytes. Whatever is cut out of them can be decoded."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Bytes(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = _LOSSLESS) -> str:
        return _Name(super().decode(encoding, errors))


def lenient(read_record: ReadRecord) -> ReadRecord:
    """Read a record as the library does, and once more where a header's name is not UTF-8."""

    @wraps(read_record)
    def read(batch: Any, *given: Any) -> Any:
        try:
            return read_record(batch, *given)
        except UnicodeDecodeError:
            batch._buffer = _Bytes(batch._buffer)
            return read_record(batch, *given)

    return read


def filled(headers: Iterable[tuple[str, bytes | None]]) -> tuple[tuple[str, bytes], ...]:
    """A header without content counts as one with empty content."""
    return tuple([(name, content or b"") for name, content in headers])


DefaultRecordBatch._read_msg = lenient(DefaultRecordBatch._read_msg)
