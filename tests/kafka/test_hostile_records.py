"""What anybody may write into the raw topic: each record is processed or put into quarantine, and none stops whoever reads."""

import json
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from streams.kafka_client import Publisher, Reader
from streams.kafka_options import MESSAGE_BYTES_MAX, KafkaOptions
from streams.log import Stream
from streams.places import Offset, Partition, Taken, lane_of
from tests.kafka.conftest import MakeTopic
from tests.kafka.test_worker_metrics import Site
from vocabulary.codec import decode
from vocabulary.identity import Position
from vocabulary.quarantine import Quarantined, QuarantineReason
from wattbook.database import open_database, reading
from wattbook.dev_kafka import KafkaCluster
from wattbook.publishing import relay_over
from wattbook.wiring import log_on

ANY_BYTES = bytes(range(1, 256)).replace(b"=", b"")  # kcat reads up to the sign =; a NUL ends a word of a command
COMPRESSIONS = ("none", "gzip", "lz4", "snappy", "zstd")
P0 = Partition(0)
NAMED = "ключ".encode()
FRAME = b'[2,"a","Heartbeat",{}]'
KEYS = {0: b"HAM-0003", 1: b"HAM-0001"}  # by murmur2, of two partitions


def headed(kafka: KafkaCluster, topic: str, *headers: bytes, compression: str = "none", partition: int = 0) -> None:
    """Three records with these headers, each name=content or, where that is null, the name: no library of ours writes such."""
    command = [b"kcat", b"-P", b"-b", kafka.bootstrap.encode(), b"-t", topic.encode(), b"-p", b"%d" % partition]
    command += [b"-z", compression.encode(), b"-k", KEYS[partition]]
    command += [word for header in headers for word in (b"-H", header)]
    subprocess.run(command, input=b"\n".join([FRAME] * 3), check=True, timeout=60)


def held(options: KafkaOptions, topic: str) -> list[Taken]:
    with Reader(options, topic, P0) as reader:
        return [taken for records in reader.to_end(Offset(0)) for taken in records]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_header_name_of_any_bytes_is_read_and_gives_them_back(
    kafka: KafkaCluster, options: KafkaOptions, topic: MakeTopic, compression: str
) -> None:
    name = topic()
    headed(kafka, name, b"before", compression=compression)
    headed(kafka, name, b"protocol=ocpp1.6", ANY_BYTES, NAMED + b"=1", compression=compression)
    headed(kafka, name, b"after", compression=compression)
    found = held(options, name)
    assert [[header.encode(errors="surrogateescape") for header, _ in taken.headers] for taken in found] == (
        [[b"before"]] * 3 + [[b"protocol", ANY_BYTES, NAMED]] * 3 + [[b"after"]] * 3
    )
    assert {taken.value for taken in found} == {FRAME}


# Through the workers


def hostile(kafka: KafkaCluster, options: KafkaOptions, partition: int) -> Counter[QuarantineReason]:
    """One of each into a partition, a good frame behind; what goes into quarantine, why."""
    topic, key = options.topic("raw"), KEYS[partition]
    shapes: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]], QuarantineReason | None]] = [
        (key, None, [], QuarantineReason.VALUE_MISSING),
        (None, FRAME, [], QuarantineReason.KEY_MISSING),
        (b"", b"", [("", b"")], QuarantineReason.KEY_MISSING),
        (key, b"", [("", b"")], None),
        (b"no name!", FRAME, [("protocol", b"")], QuarantineReason.KEY_IS_NO_STATION),
        (key, FRAME, [(f"h{n}", b"%d" % n) for n in range(1000)], None),
        (b"no name!", FRAME, [(f"h{n}", b"%d" % n) for n in range(1000)], QuarantineReason.KEY_IS_NO_STATION),
        (key, FRAME, [("protocol", b"soap"), ("protocol", b"ocpp1.6")], None),
        (key, FRAME, [("protocol", b"ocpp1.6"), ("protocol", b"soap")], QuarantineReason.PROTOCOL_UNKNOWN),
        (b"K" * 100_000, FRAME, [], QuarantineReason.KEY_IS_NO_STATION),
        (b"\0\xff" * 50_000, FRAME, [], QuarantineReason.KEY_IS_NO_STATION),
        (key, bytes(MESSAGE_BYTES_MAX - 1000), [], QuarantineReason.VALUE_TOO_LONG),
        (key, bytes(2**20), [], None),
        (key, FRAME, [("\0" * 5000, bytes(100_000))], None),
    ]
    wanted = Counter(reason for *_, reason in shapes if reason is not None)
    with Publisher(options) as publisher:
        for at, value, headers, _ in shapes:
            publisher.send(topic, Partition(partition), at, value, headers)
        publisher.flush()
    headed(kafka, topic, b"protocol=soap", b"\xff\xfe", b"\xff=1", partition=partition)
    headed(kafka, topic, b"protocol", b"x", partition=partition)
    nothing = ["kcat", "-P", "-Z", "-K:", "-b", kafka.bootstrap, "-t", topic, "-p", str(partition)]
    subprocess.run(nothing, input=b":\n", check=True, timeout=60)
    with Publisher(options) as publisher:
        publisher.send(topic, Partition(partition), key, b'[2,"last","Heartbeat",{}]')
        publisher.flush()
    return wanted + Counter({QuarantineReason.HEADER_NAME_UNREADABLE: 3, QuarantineReason.KEY_MISSING: 1})


def quarantine(site: Site) -> list[Quarantined]:
    engine = open_database(site.environment["WATTBOOK_DATABASE"], create=False)
    try:
        with reading(engine) as connection:
            logs = [log_on(connection, lane_of(Partition(partition))) for partition in KEYS]
            found = [stored for log in logs for stored in log.read((Stream.QUARANTINE,), Position(0), 1000)]
    finally:
        engine.dispose()
    return [each for stored in found if isinstance(each := decode(stored.body), Quarantined)]


def published(site: Site, options: KafkaOptions) -> int:
    """How many records the relay publishes."""
    engine = open_database(site.environment["WATTBOOK_DATABASE"], create=False)
    try:
        with Publisher(options) as publisher:
            return sum(iter(relay_over(engine, options, len(KEYS), publisher), 0))
    finally:
        engine.dispose()


@pytest.fixture
def site(tmp_path: Path, kafka: KafkaCluster, database: str, prefix: str) -> Site:
    return Site(tmp_path, kafka, database, prefix)


@pytest.mark.parametrize("engine", ["faust", "plain"])
def test_hostile_records_go_into_quarantine_and_stop_neither_workers_nor_audits(
    site: Site, kafka: KafkaCluster, options: KafkaOptions, engine: str
) -> None:
    wanted = hostile(kafka, options, 0) + hostile(kafka, options, 1)
    with site.worker("--engine", engine) as (process, log):
        until = time.monotonic() + 60
        while len(quarantine(site)) < wanted.total() and time.monotonic() < until and process.poll() is None:
            time.sleep(0.2)
        assert Counter(each.reason for each in quarantine(site)) == wanted, log()
        process.terminate()
        assert process.wait(10) == 0, log()
    names = [name for each in quarantine(site) for name, _ in each.headers]
    assert names.count("\\xff\\xfe") == 6, "as an auditor reads it"
    assert published(site, options) >= wanted.total()
    assert "identical" in site.command("audit", "replay")
    site.command("seal", "once")
    site.command("audit", "verify", "--topic", "raw")
    shown = json.loads(site.command("topics", "read", "raw", "--partition", "0", "--limit", "100", "--json"))
    assert sum("\\xff\\xfe" in record["headers"] for record in shown["records"]) == 3
