"""Publishing to a real broker and reading from it: what is promised holds, and what fails is told in our words."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams import kafka_client
from streams.kafka_client import BrokerUnavailable, GroupReader, KafkaRefused, Publisher, Reader
from streams.kafka_options import MESSAGE_BYTES_MAX, KafkaOptions
from streams.log import LogUnusable
from streams.places import Offset, Partition, Taken
from tests.kafka.conftest import MakeTopic
from wattbook.dev_kafka import KafkaCluster

P0, P1 = Partition(0), Partition(1)


def publish(options: KafkaOptions, topic: str, *values: bytes, partition: Partition | None = P0) -> list[Offset]:
    with Publisher(options) as publisher:
        sent = [publisher.send(topic, partition, None, value) for value in values]
        publisher.flush()
    return [one.value.offset for one in sent]


def read_all(options: KafkaOptions, topic: str, partition: Partition = P0) -> list[Taken]:
    with Reader(options, topic, partition) as reader:
        return [taken for records in reader.to_end(Offset(0)) for taken in records]


# Publishing


def test_what_was_flushed_stands_in_the_partition_in_the_order_in_which_it_was_sent(
    options: KafkaOptions, topic: MakeTopic
) -> None:
    name = topic(partitions=2)
    headers = [("protocol", b"ocpp1.6"), ("ключ", b"\xff"), ("protocol", b"")]
    before = datetime.now(UTC)
    with Publisher(options) as publisher:
        sent = [publisher.send(name, P1, b"CS-%d" % n, b"frame %d" % n, headers) for n in range(3000)]
        publisher.flush()
    assert [one.value.offset for one in sent] == list(range(3000))
    found = read_all(options, name, P1)
    assert [taken._replace(timestamp_ms=0) for taken in found] == [
        Taken(P1, Offset(n), b"CS-%d" % n, b"frame %d" % n, tuple(headers), 0) for n in range(3000)
    ]
    appended = datetime.fromtimestamp(found[0].timestamp_ms / 1000, UTC)
    assert before - timedelta(milliseconds=1) <= appended <= datetime.now(UTC)


def test_nothing_as_key_or_value_comes_back_as_nothing_and_empty_as_empty(options: KafkaOptions, topic: MakeTopic) -> None:
    name = topic()
    with Publisher(options) as publisher:
        for key, value in ((b"k", None), (None, b"v"), (b"", b"")):
            publisher.send(name, P0, key, value)
        publisher.flush()
    assert [(taken.key, taken.value) for taken in read_all(options, name)] == [(b"k", None), (None, b"v"), (b"", b"")]


@pytest.mark.parametrize(
    ("key", "murmur2"), [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)]
)
def test_a_key_goes_to_the_partition_where_javas_clients_put_it(
    options: KafkaOptions, topic: MakeTopic, key: bytes, murmur2: int
) -> None:
    """The hashes are those of Apache Kafka's own test of its murmur2."""
    name = topic(partitions=5)
    with Publisher(options) as publisher:
        sent = publisher.send(name, None, key, b"")
        publisher.flush()
    assert sent.value.partition == (murmur2 & 0x7FFFFFFF) % 5


def test_what_cannot_be_sent_is_refused(impatient: KafkaOptions, topic: MakeTopic) -> None:
    name = topic(max_message_bytes="100000")
    with Publisher(impatient) as publisher:
        with pytest.raises(KafkaRefused, match="Unrecognized partition 7"):
            publisher.send(name, Partition(7), b"k", b"v")
        with pytest.raises(KafkaRefused, match="larger than Kafka takes"):
            publisher.send(name, P0, b"k", bytes(MESSAGE_BYTES_MAX))
        publisher.send(name, P0, b"k", b"fits")
        publisher.flush()
        publisher.send(name, P0, b"k", bytes(range(256)) * 1000)
        publisher.flush()  # 256 kB that compress well
    assert len(read_all(impatient, name)) == 2


# Reading


def test_a_reader_begins_where_it_is_told_and_goes_where_it_is_sent(options: KafkaOptions, topic: MakeTopic) -> None:
    name = topic()
    publish(options, name, *(b"%d" % n for n in range(10)))
    with Reader(options, name, P0, Offset(4)) as reader:
        assert (reader.position, reader.beginning(), reader.end()) == (4, 0, 10)
        assert [taken.value for taken in reader.read(3, 5000)] == [b"4", b"5", b"6"]
        assert reader.position == 7
        reader.seek(Offset(9))
        assert [taken.value for taken in reader.read(3, 5000)] == [b"9"]
        assert reader.read(3, 100) == []
        assert [[taken.offset for taken in records] for records in reader.to_end(Offset(5), 2)] == [[5, 6], [7, 8], [9]]


def test_a_moment_is_found_as_the_first_record_appended_then_or_later(options: KafkaOptions, topic: MakeTopic) -> None:
    name = topic()
    with Reader(options, name, P0) as reader:
        assert reader.offset_at(datetime(2020, 1, 1, tzinfo=UTC)) == 0
        for n in range(3):
            publish(options, name, b"%d" % n)
        reader.seek(Offset(0))
        times = [taken.timestamp_ms for records in reader.to_end(Offset(0)) for taken in records]
        epoch, tick = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
        appended = [epoch + timedelta(milliseconds=time) for time in times]
        assert times == sorted(set(times)), "the publishers were quicker than a millisecond"
        assert [reader.offset_at(moment) for moment in appended] == [0, 1, 2]
        assert [reader.offset_at(moment + tick) for moment in appended] == [1, 2, 3]
        assert [reader.offset_at(moment - tick) for moment in appended] == [0, 1, 2]
        assert reader.offset_at(datetime(1969, 1, 1, tzinfo=UTC)) == 0


def test_only_what_a_transaction_committed_is_read_and_its_marks_do_not_stand_in_the_way(
    kafka: KafkaCluster, options: KafkaOptions, topic: MakeTopic
) -> None:
    name = topic()
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=options.prefix)
    producer.init_transactions()
    for value, commit in ((b"dropped", False), (b"kept", True), (b"dropped", False)):
        producer.begin_transaction()
        producer.send(name, value, partition=0)
        producer.flush()
        producer.commit_transaction() if commit else producer.abort_transaction()
    producer.begin_transaction()
    producer.send(name, b"open", partition=0)
    producer.flush()
    assert [(taken.offset, taken.value) for taken in read_all(options, name)] == [(2, b"kept")]
    with Reader(options, name, P0) as reader:
        assert reader.end() == 6
    producer.abort_transaction()
    producer.close()
    assert [taken.value for taken in read_all(options, name)] == [b"kept"]


def test_an_offset_that_the_topic_does_not_hold_is_told(options: KafkaOptions, topic: MakeTopic) -> None:
    name = topic()
    publish(options, name, b"1")
    with Reader(options, name, P0, Offset(5)) as reader, pytest.raises(LogUnusable, match="does not hold what is to be read"):
        reader.read(1, 5000)


# What fails


def test_a_topic_that_is_not_there_is_refused_with_what_to_do(options: KafkaOptions) -> None:
    with pytest.raises(KafkaRefused, match=r"no such topic: .*raw: `wattbook topics create` makes it"):
        Reader(options, options.topic("raw"), P0)


def test_no_broker_at_the_address_is_told_with_the_reason() -> None:
    nobody = KafkaOptions(servers=("127.0.0.1:1",), timeout_s=2)
    for client in (Publisher, kafka_client.Admin, lambda options: Reader(options, "raw", P0)):
        with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1 cannot be used now.*start again when it is there"):
            client(nobody)


def test_an_outage_is_told_and_a_reader_goes_on_when_the_broker_is_back_but_not_a_publisher(
    kafka: KafkaCluster, impatient: KafkaOptions, topic: MakeTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows which of the records arrived that were not acknowledged, so a publisher does not send another one."""
    name = topic()
    monkeypatch.setattr(kafka_client, "SILENCE_S", 0)
    with Reader(impatient, name, P0) as reader, Publisher(impatient) as publisher:
        publisher.send(name, P0, None, b"before")
        publisher.flush()
        assert [taken.value for taken in reader.read(10, 10_000)] == [b"before"]
        assert reader.read(10, 100) == []
        try:
            kafka.kill()
            with pytest.raises(BrokerUnavailable, match="cannot be used now"):
                reader.read(10, 100)
            publisher.send(name, P0, None, b"lost")
            with pytest.raises(BrokerUnavailable, match="cannot be used now"):
                publisher.flush()
        finally:
            kafka.start()
        for again in (publisher.flush, lambda: publisher.send(name, P0, None, b"never")):
            with pytest.raises(BrokerUnavailable, match="a record was not acknowledged"):
                again()
        publish(impatient, name, b"after")
        monkeypatch.undo()
        assert [taken.value for taken in reader.read(10, 20_000)] == [b"after"]


def test_a_publisher_that_is_closed_in_an_outage_goes_on_sending_nothing(
    kafka: KafkaCluster, impatient: KafkaOptions, topic: MakeTopic
) -> None:
    """A broker that stands still has taken the connection; the library's close would fail, and leave its thread at work."""
    publisher = Publisher(impatient)
    publisher.send(topic(), P0, None, b"before")
    publisher.flush()
    os.kill(kafka.pid(1) or 0, signal.SIGSTOP)
    try:
        publisher.send(impatient.topic("raw"), P0, None, b"nobody knows")
        with pytest.raises(BrokerUnavailable):
            publisher.flush()
        publisher.close()
        assert not publisher._producer._sender.is_alive()
    finally:
        os.kill(kafka.pid(1) or 0, signal.SIGCONT)


# Groups


class Member:
    """A member of a group that notes what it is given and told."""

    def __init__(self, options: KafkaOptions, topic: str, told: list[tuple[str, str, int]], name: str = "") -> None:
        self.name, self.told, self.got = name, told, list[Taken]()
        self.next: dict[Partition, Offset] = {}
        self.reader = GroupReader(options, "group", topic, self.assigned, self.revoked)

    def assigned(self, partition: Partition) -> Offset:
        self.told.append((self.name, "given", partition))
        return self.next.get(partition, Offset(0))

    def revoked(self, partition: Partition) -> None:
        self.told.append((self.name, "taken", partition))

    def poll(self) -> None:
        for partition, records in self.reader.poll(100, 50).items():
            assert partition in self.reader.owned
            self.got += records


@contextmanager
def members(options: KafkaOptions, topic: str, *names: str) -> Iterator[tuple[list[Member], list[tuple[str, str, int]]]]:
    told: list[tuple[str, str, int]] = []
    made = [Member(options, topic, told, name) for name in names]
    try:
        yield made, told
    finally:
        for member in made:
            member.reader.close()


def poll_until(done: object, *polled: Member) -> None:
    end = datetime.now(UTC) + timedelta(seconds=40)
    while not done():  # type: ignore[operator]
        assert datetime.now(UTC) < end, [member.told for member in polled]
        for member in polled:
            member.poll()


def test_a_group_reads_from_where_it_is_told_and_not_from_what_was_committed(options: KafkaOptions, topic: MakeTopic) -> None:
    name = topic(partitions=2)
    publish(options, name, *(b"%d" % n for n in range(5)))
    publish(options, name, *(b"%d" % n for n in range(5)), partition=P1)
    with members(options, name, "a") as ([a], told):
        a.next = {P0: Offset(3), P1: Offset(4)}
        poll_until(lambda: len(a.got) >= 3, a)
        assert sorted((taken.partition, taken.offset) for taken in a.got) == [(0, 3), (0, 4), (1, 4)]
        assert sorted(told) == [("a", "given", 0), ("a", "given", 1)]
        a.reader.seek(P0, Offset(1))
        poll_until(lambda: len(a.got) >= 7, a)
        assert [taken.offset for taken in a.got[3:]] == [1, 2, 3, 4]
        a.reader.seek(P0, Offset(2))
        a.poll()
        assert a.reader.lag()[P1] == 0
        a.reader.commit({P0: Offset(2), P1: Offset(5)})
        assert committed(options, name, {P0: 2, P1: 5})
    with members(options, name, "b") as ([b], _):
        poll_until(lambda: len(b.got) >= 10, b)
        assert len(b.got) == 10
        assert b.reader.beginning(P0) == 0


def committed(options: KafkaOptions, topic: str, wanted: dict[Partition, int]) -> bool:
    """Whether the broker says so, for those who watch the group; it is told without waiting."""
    consumer = KafkaConsumer(bootstrap_servers=list(options.servers), group_id="group", enable_auto_commit=False)
    try:
        end = datetime.now(UTC) + timedelta(seconds=20)
        found: dict[Partition, int | None] = {}
        while found != wanted and datetime.now(UTC) < end:
            found = {partition: consumer.committed(TopicPartition(topic, partition)) for partition in wanted}
        return found == wanted
    finally:
        consumer.close()


def test_a_partition_is_taken_from_one_before_it_is_given_to_the_next_and_the_others_stay(
    options: KafkaOptions, topic: MakeTopic
) -> None:
    name = topic(partitions=4)
    with members(options, name, "a", "b") as ([a, b], told):
        poll_until(lambda: len(a.reader.owned) == 4, a)
        told.clear()
        poll_until(lambda: len(b.reader.owned) == 2, a, b)
        moved = sorted(b.reader.owned)
        assert a.reader.owned == frozenset(range(4)) - b.reader.owned
        assert told == [*(("a", "taken", p) for p in moved), *(("b", "given", p) for p in moved)]
        told.clear()
        b.reader.close()
        assert told == [("b", "taken", p) for p in moved]
        poll_until(lambda: len(a.reader.owned) == 4, a)
        assert told[2:] == [("a", "given", p) for p in moved]


def test_a_partition_that_is_paused_gives_nothing_until_it_goes_on(options: KafkaOptions, topic: MakeTopic) -> None:
    name = topic(partitions=2)
    with members(options, name, "a") as ([a], _):
        poll_until(lambda: len(a.reader.owned) == 2, a)
        a.reader.pause(P0)
        publish(options, name, b"0")
        publish(options, name, b"1", partition=P1)
        poll_until(lambda: a.got, a)
        for _ in range(5):
            a.poll()
        assert [taken.value for taken in a.got] == [b"1"]
        assert a.reader.lag() == {P0: 1, P1: 0}
        a.reader.resume(P0)
        poll_until(lambda: len(a.got) == 2, a)


def test_what_the_callbacks_raise_comes_out_of_poll_and_whoever_fails_gives_nothing_back(
    options: KafkaOptions, topic: MakeTopic
) -> None:
    name = topic()
    told: list[Partition] = []

    def fail(partition: Partition) -> Offset:
        raise LookupError(partition)

    reader = GroupReader(options, "group", name, fail, told.append)
    with pytest.raises(LookupError):
        any(reader.poll(10, 50) for _ in range(400))
    reader.close(give_back=False)
    assert told == []
