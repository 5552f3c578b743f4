"""Both client libraries read a batch in which a header's name is not UTF-8. A version that reads in another way fails here,
before somebody's record stops a worker.
"""

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords

from streams import aiokafka_records
from streams.kafka_header_names import filled

READERS = (MemoryRecords, fetcher.MemoryRecords)
Headers = list[tuple[bytes, bytes | None]]


class AnyName(str):
    """Latin-1 text that is written as those bytes, where the library means to write UTF-8."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return super().encode("latin-1")


def batch(records: list[Headers], compression: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 2**20)
    for offset, headers in enumerate(records):
        named = [(AnyName(name.decode("latin-1")), content) for name, content in headers]
        assert builder.append(offset, 1000, b"key %d" % offset, None, named)
    return bytes(builder.build())


def read(reader: type, data: bytes) -> list[Headers]:
    batches, found = reader(data), []
    while batches.has_next():
        one = batches.next_batch()
        assert one.validate_crc()
        for record in one:
            assert record.key == b"key %d" % record.offset
            found.append([(name.encode(errors="surrogateescape"), content) for name, content in record.headers])
    return found


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("compression", range(5))
def test_names_that_are_not_utf8_are_read_among_others(reader: type, compression: int) -> None:
    records: list[Headers] = [[(b"protocol", b"x")], [(b"\xff\xfe", None), (b"\xed\xb2\x80", b"")], [], [("é".encode(), b"1")]]
    assert read(reader, batch(records, compression)) == records
    assert read(reader, batch(records[:1]) + batch(records, compression)) == [*records[:1], *records]


@pytest.mark.parametrize("reader", READERS)
@given(records=st.lists(st.lists(st.tuples(st.binary(max_size=9), st.none() | st.binary(max_size=3)), max_size=4), min_size=1))
def test_whatever_the_names_are_they_give_their_bytes_back(reader: type, records: list[Headers]) -> None:
    assert read(reader, batch(records)) == records


def test_the_reader_of_fetched_batches_is_ours_and_the_compiled_one_reads_what_it_can() -> None:
    assert fetcher.MemoryRecords is aiokafka_records._Records
    assert isinstance(fetcher.MemoryRecords(batch([[]])).next_batch()._batch, DefaultRecordBatch)
    assert "_crecords" in DefaultRecordBatch.__module__


def test_a_name_becomes_its_bytes_again_where_the_library_counts_them() -> None:
    (record,) = MemoryRecords(batch([[(b"\xff", b"")]])).next_batch()
    assert len(record.headers[0][0].encode("utf-8")) == 1


def test_a_header_without_content_counts_as_an_empty_one() -> None:
    assert filled([("a", None), ("b", b""), ("a", b"1")]) == (("a", b""), ("b", b""), ("a", b"1"))
