"""Kafka's log beside what the contract suite says of it: raw messages as others produce them, and what the relay publishes."""

from collections.abc import Iterator

import pytest
from kafka.admin import KafkaAdminClient
from kafka.structs import TopicPartition

from streams.chain import GENESIS
from streams.kafka_client import Publisher
from streams.kafka_log import KafkaLog
from streams.kafka_options import KafkaOptions
from streams.log import BrokenLink, Head, LogUnusable, Record, Stream
from streams.places import Partition, offset_of, place_of
from streams.raw_records import raw_record
from tests.kafka.conftest import MakeTopic
from vocabulary.charging import Protocol, RawMessage
from vocabulary.codec import decode, encode
from vocabulary.identity import Position, StationId, digest
from vocabulary.quarantine import Quarantined, QuarantineReason
from wattbook.dev_kafka import KafkaCluster

P2 = Partition(2)
START = Position(0)
Sent = tuple[bytes | None, list[tuple[str, bytes]], bytes | None]


@pytest.fixture
def log(options: KafkaOptions) -> Iterator[KafkaLog]:
    log = KafkaLog(options, P2)
    yield log
    log.close()


def produce(options: KafkaOptions, topic: str, *records: Sent) -> None:
    with Publisher(options) as publisher:
        for key, headers, value in records:
            publisher.send(topic, P2, key, value, headers)
        publisher.flush()


def published(place: int, body: bytes) -> Sent:
    headers = {"place": str(place), "id": digest(body).hex(), "cause": "7"}
    return b"CS-1", [(name, text.encode()) for name, text in headers.items()], body


def test_a_raw_message_is_read_as_it_stands_in_the_stream_of_a_database(
    options: KafkaOptions, topic: MakeTopic, log: KafkaLog
) -> None:
    name = topic("raw", partitions=3)
    frame = '[2,"a","Heartbeat",{}]'
    produce(options, name, (b"CS-1", [("protocol", b"ocpp1.6")], frame.encode()), (None, [], b"whose?"))
    first, second = log.read([Stream.RAW], START, 10)
    message = decode(first.body)
    assert isinstance(message, RawMessage)
    assert (message.station, message.frame, message.protocol) == ("CS-1", frame, Protocol.OCPP16)
    assert message.received_at is not None
    assert (first.id, first.key, first.cause) == (digest(b"event", first.body), "CS-1", 0)
    assert [offset_of(stored.position) for stored in (first, second)] == [(2, 0), (2, 1)]
    poisoned = decode(second.body)
    assert isinstance(poisoned, Quarantined)
    assert (poisoned.reason, poisoned.offset, second.key) == (QuarantineReason.KEY_MISSING, 1, "")
    assert log.head(Stream.RAW) == log.verify(Stream.RAW) == Head(2, second.position, second.link)


def test_a_message_that_is_produced_twice_stands_there_twice_and_is_known_by_its_content(
    options: KafkaOptions, topic: MakeTopic, log: KafkaLog
) -> None:
    name = topic("raw", partitions=3)
    message = RawMessage(station=StationId("CS-1"), frame="[]", received_at=None)
    key, _, value = raw_record(message)
    produce(options, name, *[(key, [("received-at", b"2026-10-14T05:58:20Z")], value)] * 2)
    first, second = log.read([Stream.RAW], START, 10)
    assert first.id == second.id and first.position < second.position


def test_raw_messages_are_not_appended(log: KafkaLog) -> None:
    with pytest.raises(LogUnusable, match="produce them"):
        log.append(Stream.RAW, [Record(bytes(32), "CS-1", encode(RawMessage(station=StationId("CS-1"), frame="[]")))])


def test_what_the_relay_published_again_after_a_crash_is_passed_over(
    options: KafkaOptions, topic: MakeTopic, log: KafkaLog
) -> None:
    name = topic("events", partitions=3)
    produce(options, name, *(published(place, b"%d" % place) for place in (8195, 12291, 16387, 12291, 16387, 20483)))
    found = log.read([Stream.EVENTS], START, 10)
    assert [stored.body for stored in found] == [b"8195", b"12291", b"16387", b"20483"]
    assert [place_of(stored.position) for stored in found] == [(1, 3), (2, 3), (3, 3), (6, 3)]
    assert found[0].cause == 7 and found[0].id == digest(b"8195")
    assert log.head(Stream.EVENTS) == log.verify(Stream.EVENTS) == Head(4, found[-1].position, found[-1].link)
    assert log.at(Stream.EVENTS, Position(found[2].position + 4096)) is None
    assert log.read([Stream.EVENTS], found[1].position, 1) == [found[2]]


def test_repeats_are_known_over_the_end_of_a_reading(options: KafkaOptions, topic: MakeTopic, log: KafkaLog) -> None:
    name = topic("events", partitions=3)
    produce(options, name, published(1, b"1"), published(2, b"2"))
    assert log.head(Stream.EVENTS).records == 2
    produce(options, name, published(1, b"1"), published(2, b"2"), published(3, b"3"))
    assert log.head(Stream.EVENTS).records == 3


def test_a_record_that_is_nobodys_is_told(options: KafkaOptions, topic: MakeTopic, log: KafkaLog) -> None:
    name = topic("events", partitions=3)
    produce(options, name, (b"CS-1", [], b"{}"))
    with pytest.raises(LogUnusable, match="events/2 at offset 0: a record without a readable id and cause"):
        log.head(Stream.EVENTS)


def test_several_streams_are_not_read_together(log: KafkaLog) -> None:
    with pytest.raises(AssertionError, match="topics have no order among them"):
        log.read([Stream.RAW, Stream.EVENTS], START, 10)


def test_two_logs_of_one_partition_know_what_the_other_appended(options: KafkaOptions, topic: MakeTopic, log: KafkaLog) -> None:
    topic("commands", partitions=3)
    other = KafkaLog(options, P2)
    records = [Record(digest(b"%d" % n), "k", b"%d" % n) for n in range(4)]
    log.append(Stream.COMMANDS, records[:2])
    answers = other.append(Stream.COMMANDS, records)
    assert [answer.is_new for answer in answers] == [False, False, True, True]
    assert [answer.is_new for answer in log.append(Stream.COMMANDS, records)] == [False] * 4
    assert log.head(Stream.COMMANDS) == other.head(Stream.COMMANDS)
    other.close()


def test_records_that_the_topic_no_longer_holds_break_the_chain_that_was_read_before(
    kafka: KafkaCluster, options: KafkaOptions, topic: MakeTopic, log: KafkaLog
) -> None:
    name = topic("events", partitions=3)
    produce(options, name, *(published(place, b"%d" % place) for place in range(1, 6)))
    before = log.read([Stream.EVENTS], START, 10)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.delete_records({TopicPartition(name, P2): 2})
    admin.close()
    broken = log.verify(Stream.EVENTS)
    assert isinstance(broken, BrokenLink)
    assert (broken.stream, broken.position, broken.found) == (Stream.EVENTS, before[0].position, before[0].link)
    assert GENESIS not in (broken.expected, broken.found)
