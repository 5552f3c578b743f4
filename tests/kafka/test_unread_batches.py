"""Batches that nobody unpacks, among good messages on a real broker: workers, sealer and audits go on behind them.

A broker looks through what a producer sends and refuses what is damaged, but not what unpacks to too much. The damaged batch
here is therefore changed where the broker keeps it, with the CRC made right.
"""

import json
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from kafka import KafkaProducer
from kafka.record.util import calc_crc32c

from streams.kafka_batches import BATCH_BYTES_MAX
from streams.kafka_client import Publisher, Reader
from streams.kafka_options import KafkaOptions
from streams.places import Offset, Partition
from tests.kafka.test_hostile_records import KEYS, quarantine
from tests.kafka.test_worker_metrics import Site, read, samples, url_in, wait_for
from vocabulary.quarantine import QuarantineReason
from wattbook.cli import cli
from wattbook.dev_kafka import KafkaCluster

P0 = Partition(0)
FRAME = b'[2,"%d","Heartbeat",{}]'
BEYOND = {"gzip": BATCH_BYTES_MAX, "snappy": BATCH_BYTES_MAX, "lz4": BATCH_BYTES_MAX, "zstd": 300 * 2**20}
MEMORY_MIB = 400  # of a worker, at most: 150 are there before it reads anything


@pytest.fixture
def site(tmp_path: Path, kafka: KafkaCluster, database: str, prefix: str) -> Site:
    return Site(tmp_path, kafka, database, prefix)


def good(options: KafkaOptions, count: int) -> None:
    with Publisher(options) as publisher:
        for number in range(count):
            publisher.send(options.topic("raw"), P0, KEYS[0], FRAME % number)
        publisher.flush()


@contextmanager
def producer(options: KafkaOptions, compression: str) -> Iterator[KafkaProducer]:
    made = KafkaProducer(
        bootstrap_servers=list(options.servers),
        compression_type=compression,
        max_request_size=2**30,
        linger_ms=500,
        request_timeout_ms=60_000,
    )
    try:
        yield made
    finally:
        made.close()


def beyond(options: KafkaOptions, compression: str) -> int:
    """A record that unpacks to more than the bound; its offset."""
    with producer(options, compression) as one:
        sent = one.send(options.topic("raw"), bytes(BEYOND[compression]), KEYS[0], partition=P0)
        one.flush()
        return int(sent.get(60).offset)


def damaged(kafka: KafkaCluster, options: KafkaOptions) -> int:
    """Five records in one batch, which the broker's disk then has otherwise, with a CRC that is right; the first offset."""
    with producer(options, "zstd") as one:
        sent = [one.send(options.topic("raw"), FRAME % n + b" " * 500, KEYS[0], partition=P0) for n in range(5)]
        one.flush()
        first = int(sent[0].get(60).offset)
    change(kafka, options, first, lambda batch: batch[:61] + b"\xff" * (len(batch) - 61), right=True)
    return first


def change(kafka: KafkaCluster, options: KafkaOptions, first: int, how: Callable[[bytes], bytes], right: bool) -> None:
    """Change the batch at that offset where the broker keeps it. `right`: its CRC is made so."""
    path = kafka._records(1) / f"{options.topic('raw')}-0" / f"{0:020}.log"
    data, at = path.read_bytes(), 0
    while (found := struct.unpack_from(">qi", data, at))[0] != first:
        at += 12 + found[1]
    batch = how(data[at : at + 12 + found[1]])
    if right:
        batch = batch[:17] + struct.pack(">I", calc_crc32c(batch[21:])) + batch[21:]
    with path.open("r+b") as file:
        file.seek(at)
        file.write(batch)


def memory_mib(process_id: int) -> int:
    """The most that it ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process_id}/status").read_text())
    assert found
    return int(found[1]) // 1024


@pytest.mark.parametrize("engine", ["faust", "plain"])
def test_batches_that_nobody_unpacks_go_into_quarantine_and_hold_up_nothing(
    site: Site, kafka: KafkaCluster, options: KafkaOptions, engine: str
) -> None:
    good(options, 3)
    at = {compression: beyond(options, compression) for compression in BEYOND}
    good(options, 3)
    at["damaged"] = damaged(kafka, options)
    good(options, 3)
    with site.worker("--engine", engine) as (process, log):
        wait_for(lambda: url_in(log()), log)
        url = url_in(log())
        wait_for(lambda: process.poll() is not None or samples(read(url + "/metrics")[1])["wattbook_messages_total"] >= 14, log)
        shown = samples(read(url + "/metrics")[1])
        assert memory_mib(process.pid) < MEMORY_MIB
        process.terminate()
        assert process.wait(10) == 0, log()
    lines = [json.loads(line) for line in log().splitlines() if '"quarantined"' in line]
    assert sum(line["records"] for line in lines) == 9
    assert lines[0]["offset"] == at["gzip"]
    assert shown["wattbook_quarantined_total{reason=batch_unpacks_to_too_much}"] == 4
    assert shown["wattbook_quarantined_total{reason=batch_does_not_unpack_to_records}"] == 5
    assert shown["wattbook_steps_total{what=messages}"] == 9

    found = {(each.batch.first, each.offset, each.reason, each.batch.codec, each.batch.records) for each in quarantine(site)}  # type: ignore[union-attr]
    assert found == {
        *((at[name], at[name], QuarantineReason.BATCH_TOO_LARGE, name, 1) for name in BEYOND),
        (at["damaged"], at["damaged"] + 4, QuarantineReason.BATCH_UNREADABLE, "zstd", 5),
    }
    assert "identical" in site.command("audit", "replay")
    site.command("seal", "once")
    good(options, 1)
    site.command("seal", "once")
    told = json.loads(site.command("audit", "verify", "--topic", "raw", "--json"))
    assert [(one["broken"], one["records"], one["unsealed"]) for one in told["partitions"]] == [(0, 15, 0), (0, 0, 0)]
    rows = json.loads(site.command("topics", "read", "raw", "--partition", "0", "--limit", "100", "--json"))["records"]
    assert [row["batch"]["first"] for row in rows if "batch" in row] == list(at.values())
    assert "not unpacked: offsets" in site.command("topics", "read", "raw", "--partition", "0", "--limit", "100")
    with Reader(options, options.topic("raw"), P0) as reader:
        middle = [taken for records in reader.to_end(Offset(at["damaged"] + 2)) for taken in records]
    assert middle[0].first == at["damaged"], "who begins to read within it is given all of it"

    change(kafka, options, at["damaged"], lambda batch: batch[:-1] + b"\xfe", right=True)
    told = json.loads(CliRunner().invoke(cli, ["audit", "verify", "--topic", "raw", "--json"], env=site.environment).output)
    assert [one["broken"] for one in told["partitions"]] == [1, 0], "a batch that is not unpacked is sealed, to the byte"


@pytest.mark.parametrize("engine", ["faust", "plain"])
def test_a_batch_with_a_wrong_crc_stops_the_worker_and_says_so(
    site: Site, kafka: KafkaCluster, options: KafkaOptions, engine: str
) -> None:
    """That is no producer's doing: a disk or a network changed it, and another copy has it as it was."""
    good(options, 3)
    change(kafka, options, 0, lambda batch: batch[:-1] + b"\xff", right=False)
    with site.worker("--engine", engine) as (process, log):
        assert process.wait(60) == 70, log()
        assert "what Kafka gave is damaged" in log()
    assert quarantine(site) == []


@pytest.mark.parametrize("engine", ["faust", "plain"])
def test_many_batches_that_unpack_to_just_less_than_too_much_are_not_in_memory_together(
    site: Site, options: KafkaOptions, engine: str
) -> None:
    """All of them come in one fetch, and a thousand records are asked for."""
    count, size = 10, BATCH_BYTES_MAX - 2**20
    with producer(options, "zstd") as one:
        for _ in range(count):
            one.send(options.topic("raw"), bytes(size), KEYS[0], partition=P0)
            one.flush()
    good(options, 1)
    with site.worker("--engine", engine) as (process, log):
        wait_for(lambda: process.poll() is not None or len(quarantine(site)) == count, log)
        assert memory_mib(process.pid) < 2 * MEMORY_MIB
        process.terminate()
        assert process.wait(10) == 0, log()
    assert {each.reason for each in quarantine(site)} == {QuarantineReason.VALUE_TOO_LONG}
