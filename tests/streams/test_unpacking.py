"""Batches that unpack to more than the memory, or to no records: both client libraries go on behind them, in little memory."""

import gzip
import json
import os
import random
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

import lz4.frame
import pytest
import snappy
import zstandard
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.codec import snappy_encode
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords
from kafka.record.util import calc_crc32c

from streams import aiokafka_records, kafka_records
from streams.kafka_batches import BATCH_BYTES_MAX, HEADER_BYTES, PIECES_MAX, NoBatch, opened
from streams.places import Unread
from streams.unpacking import Damaged, TooMuch, unpack

ROOT = Path(__file__).parent.parent.parent
READERS = {"kafka-python": MemoryRecords, "aiokafka": fetcher.MemoryRecords}
COMPRESSIONS = {"gzip": 1, "snappy": 2, "snappy, one block": 2, "lz4": 3, "zstd": 4}
BEYOND_MIB = 500
MEMORY_MIB = 256  # address space of a process that reads it, libraries and all


def compressed(how: str, data: bytes) -> bytes:
    match how:
        case "gzip":
            return gzip.compress(data, 1)
        case "snappy":
            return snappy_encode(data)
        case "snappy, one block":
            return snappy.compress(data)
        case "lz4":
            return lz4.frame.compress(data, block_linked=False)
        case _:
            return zstandard.ZstdCompressor().compress(data)


def varint(number: int) -> bytes:
    number, out = number << 1 ^ number >> 63, bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def record(delta: int, value: bytes = b"value", key: bytes = b"HAM-0001", headers: bytes = b"\0") -> bytes:
    body = b"\0\0" + varint(delta) + varint(len(key)) + key + varint(len(value)) + value + headers
    return varint(len(body)) + body


def batch(records: bytes, count: int, codec: int = 0, first: int = 0, last_delta: int | None = None) -> bytes:
    """With a CRC that is right, whatever it holds."""
    delta = count - 1 if last_delta is None else last_delta
    checked = struct.pack(">hiqqqhii", codec | 8, delta, 1000, 2000, -1, -1, -1, count) + records
    return struct.pack(">qiibI", first, len(checked) + 9, 0, 2, calc_crc32c(checked)) + checked


def read(reader: type, data: bytes) -> list[tuple[int, object]]:
    """Offset and value of all that the fetcher of a library is given."""
    batches, found = reader(data), []
    while batches.has_next():
        one = batches.next_batch()
        assert one.validate_crc()
        found += [(taken.offset, taken.value) for taken in one]
        assert one.next_offset > found[-1][0]
    return found


# Memory


@cache
def zeros(how: str) -> bytes:
    return compressed(how, record(0, bytes(BEYOND_MIB * 2**20)))


@pytest.mark.parametrize("how", COMPRESSIONS)
@pytest.mark.parametrize("library", READERS)
def test_a_batch_beyond_the_bound_is_passed_over_in_little_memory(library: str, how: str, tmp_path: Path) -> None:
    """The process has less memory than the batch unpacks to, and no more than one within the bound may take."""
    good, beyond = batch(record(0), 1), batch(zeros(how), 1, COMPRESSIONS[how], first=1)
    after = batch(compressed(how, record(0) + record(1)), 2, COMPRESSIONS[how], first=2)
    (tmp_path / "fetched").write_bytes(good + beyond + after)
    program = f"""
import json, resource, sys
from aiokafka.consumer import fetcher
from kafka.record.memory_records import MemoryRecords
from streams import aiokafka_records, kafka_records
data = open(sys.argv[1], "rb").read()
before = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (before + {MEMORY_MIB} * 2**20,) * 2)
batches, found = {{"kafka-python": MemoryRecords, "aiokafka": fetcher.MemoryRecords}}[sys.argv[2]](data), []
while batches.has_next():
    batch = batches.next_batch()
    assert batch.validate_crc()
    found += [[each.offset, type(each.value).__name__] for each in batch]
print(json.dumps(found))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "fetched"), library],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [[0, "bytes"], [1, "Unread"], [2, "bytes"], [3, "bytes"]]


@pytest.mark.parametrize("how", COMPRESSIONS)
def test_what_is_unpacked_is_never_more_than_the_room_and_a_piece(how: str) -> None:
    for size in (0, 1, 2**20 - 1, 2**20, 3 * 2**20 + 5):
        data = random.Random(size).randbytes(min(size, 1000)) * (size // 1000 + 1)
        found = bytearray(b"before")
        unpack(COMPRESSIONS[how], memoryview(compressed(how, data)), found, len(data))
        assert found == b"before" + data
        if data:
            too_much = bytearray()
            with pytest.raises(TooMuch):
                unpack(COMPRESSIONS[how], memoryview(compressed(how, data)), too_much, len(data) - 1)
            assert len(too_much) < len(data)


# What is no batch of records


def unread(data: bytes) -> Unread:
    found = opened(data)
    assert isinstance(found, Unread)
    return found


GOOD = record(0) + record(1) + record(2)
GARBAGE: dict[str, tuple[bytes, int]] = {
    "fewer than the header says": (GOOD, 4),
    "more than the header says": (GOOD, 2),
    "nothing": (b"", 3),
    "a number of records below 0": (b"", -1),
    "a length below 0": (varint(-5) + GOOD, 4),
    "a length beyond the end": (record(0) + varint(2**31) + GOOD, 3),
    "a length that does not end": (b"\xff" * 11 + GOOD, 4),
    "a key beyond the end": (varint(9) + b"\0\0\0" + varint(2**30) + b"\0" * 6, 1),
    "a key shorter than null": (varint(6) + b"\0\0\0" + varint(-2) + varint(-1) + b"\0", 1),
    "headers below 0": (varint(6) + b"\0\0\0" + varint(-1) + varint(-1) + varint(-1), 1),
    "a header's name that is null": (record(0, headers=varint(1) + varint(-1) + varint(-1)), 1),
    "an offset twice": (record(0) + record(0), 2),
    "an offset beyond the last": (record(0) + record(7), 2),
    "an offset before the first": (record(-1) + record(1), 2),
    "attributes of two bytes": (varint(7) + b"\x80\0\0\0" + varint(-1) + varint(-1) + b"\0", 1),
    "bytes of something else": (bytes(range(7, 200)), 3),
}


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("library", READERS)
def test_a_batch_of_garbage_stands_for_its_offsets_and_nothing_around_it_is_lost(library: str, garbage: str) -> None:
    records, count = GARBAGE[garbage]
    for codec, packed in ((0, records), (4, compressed("zstd", records))):
        bad = batch(packed, count, codec, first=10, last_delta=4)
        before, after = batch(GOOD, 3, first=7), batch(GOOD, 3, first=15)
        found = read(READERS[library], before + bad + after)
        assert [offset for offset, _ in found] == [7, 8, 9, 14, 15, 16, 17]
        stands = found[3][1]
        assert isinstance(stands, Unread)
        assert (stands.first, stands.last, stands.records, stands.length) == (10, 14, count, len(packed))
        assert (stands.fits, stands.timestamp_ms, stands.codec) == (True, 2000, "zstd" if codec else "none")


@pytest.mark.parametrize("how", COMPRESSIONS)
@pytest.mark.parametrize("library", READERS)
def test_what_cannot_be_unpacked_stands_for_its_offsets(library: str, how: str) -> None:
    whole = compressed(how, b"".join(record(n, os.urandom(500)) for n in range(200)))
    for packed in (whole[: len(whole) // 2], whole[:-4] if how != "zstd" else whole[:-40], b"", b"\7" * 100):
        [(offset, value)] = read(READERS[library], batch(packed, 200, COMPRESSIONS[how]))
        assert offset == 199
        assert isinstance(value, Unread)
        assert value.fits


@pytest.mark.parametrize("library", READERS)
def test_more_records_or_headers_than_a_reader_takes_stand_for_their_offsets(library: str) -> None:
    headers = varint(PIECES_MAX) + varint(0) * 2 * PIECES_MAX
    for data in (batch(b"", PIECES_MAX + 1), batch(compressed("zstd", record(0, headers=headers)), 1, 4)):
        [(_, value)] = read(READERS[library], data)
        assert isinstance(value, Unread)
        assert not value.fits


@pytest.mark.parametrize("codec", [5, 6, 7])
def test_a_compression_that_there_is_not_cannot_be_unpacked(codec: int) -> None:
    assert (unread(batch(GOOD, 3, codec)).fits, unread(batch(GOOD, 3, codec)).codec) == (True, str(codec))
    with pytest.raises(Damaged):
        unpack(codec, memoryview(GOOD), bytearray(), 1000)


@given(
    st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=9)), min_size=1, max_size=5),
    st.sampled_from([0, 4]),
    st.data(),
)
@settings(deadline=None)
def test_both_libraries_read_the_same_of_any_batch_that_is_changed_anywhere(
    records: list[tuple[bytes, bytes]], codec: int, data: st.DataObject
) -> None:
    """A record that one of them reads in another way would give another result with another engine."""
    body = bytearray(b"".join(record(n, value, key) for n, (value, key) in enumerate(records)))
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    made = batch(bytes(body) if codec == 0 else compressed("zstd", bytes(body)), len(records), codec, first=5)
    assert read(MemoryRecords, made) == read(fetcher.MemoryRecords, made) == read(aiokafka_records._Records, made)


def test_a_batch_of_records_is_read_by_both_and_by_the_slow_reader_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = DefaultRecordBatchBuilder(2, 4, 0, -1, -1, -1, 2**20)
    for n in range(500):
        builder.append(n, 1000, b"key", b"%d" % n, [("a", b"1"), ("b", None)])
    made, expected = bytes(builder.build()), [(n, b"%d" % n) for n in range(500)]
    assert [read(reader, made) for reader in READERS.values()] == [expected] * 2
    monkeypatch.setattr(aiokafka_records, "_AT_ONCE_MAX", 10)
    assert isinstance(iter(fetcher.MemoryRecords(made).next_batch()), _DefaultRecordBatchPy)
    assert read(fetcher.MemoryRecords, made) == expected


def test_a_header_that_no_broker_wrote_is_told_as_damage() -> None:
    made = batch(b"", 0, last_delta=-2)
    with pytest.raises(NoBatch, match="ends 2 before it begins"):
        opened(made)
    for reader in READERS.values():
        with pytest.raises(Exception, match="ends 2 before it begins") as raised:
            list(reader(made).next_batch())
        assert type(raised.value).__name__.startswith("CorruptRecord")


def test_an_empty_batch_which_compaction_leaves_holds_nothing() -> None:
    assert [list(reader(batch(b"", 0, last_delta=3)).next_batch()) for reader in READERS.values()] == [[], []]


def test_what_is_unread_is_told_by_its_header_and_by_the_bytes_that_the_crc_is_over() -> None:
    made = batch(compressed("zstd", b"nothing"), 3, 4, first=10)
    found, elsewhere = unread(made), unread(made[:12] + b"\0\0\0\x07" + made[16:])
    assert found == elsewhere, "another leader's epoch changes nothing"
    assert found.crc == calc_crc32c(made[21:])
    assert found.length == len(made) - HEADER_BYTES
    assert found.digest != unread(batch(compressed("zstd", b"nothinh"), 3, 4, first=10)).digest


# A poll


class Given:
    """A consumer's record, as far as room for it is measured."""

    def __init__(self, value: object, headers: tuple[tuple[str, bytes | None], ...] = ()) -> None:
        self.key, self.value, self.headers = b"key", value, headers


def test_a_poll_ends_with_the_record_that_makes_it_too_large() -> None:
    small, large = Given(b"x"), Given(bytes(kafka_records.MESSAGE_BYTES_MAX // 2))
    many = Given(b"", (("name", b"x" * 10),) * (kafka_records.MESSAGE_BYTES_MAX // 200))
    left = Given(unread(batch(b"", 1)))
    for records, count in (
        ([small] * 2000, 2000),
        ([small, large, small, large, small], 4),
        ([many, small], 1),
        ([small, left, small], 2),
    ):
        room = kafka_records.Room()
        assert len(list(room.up_to(records))) == count
        assert room.is_full == (count < len(records))


def test_the_readers_of_both_libraries_are_ours() -> None:
    """A version that reads in another way fails here, before somebody's record stops a worker."""
    assert DefaultRecordBatch.__iter__ is kafka_records._iterated
    assert kafka_records.Fetcher.PartitionRecords.take is kafka_records._took
    assert kafka_records.Fetcher._append.__wrapped__.__name__ == "_append"
    assert fetcher.FetchResult.getall is aiokafka_records._took
    assert BATCH_BYTES_MAX == 64 * 2**20
