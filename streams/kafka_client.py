"""Publish to Apache Kafka and read from it, in our words. What goes wrong is `streams.kafka_connection`'s to tell.

    Publisher     idempotent, acknowledged by all copies in step; `flush` raises if any record was not
    Reader        one partition, from an offset; no group, nothing is committed
    GroupReader   the partitions that a consumer group gives this process
    Admin         topics and their configuration (streams.kafka_admin)

The library hides outages from readers: it tries again for ever. So a read that gave nothing for SILENCE_S asks the brokers for
the end of what it reads, and raises BrokerUnavailable if there is no answer.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, Self

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import IllegalStateError, KafkaTimeoutError, UnknownTopicOrPartitionError

from streams.kafka_admin import Admin, Topic
from streams.kafka_connection import SESSION_S, BrokerUnavailable, KafkaRefused, connection, telling
from streams.kafka_options import MESSAGE_BYTES_MAX, KafkaOptions
from streams.kafka_records import taken
from streams.places import Offset, Partition, Taken

__all__ = ["SESSION_S", "Admin", "BrokerUnavailable", "GroupReader", "KafkaOptions", "KafkaRefused"]
__all__ += ["Publisher", "Reader", "Topic"]

SILENCE_S: Final = 10
LINGER_MS: Final = 20
BATCH_BYTES: Final = 128 * 2**10
FETCH_BYTES: Final = 4 * 2**20  # of one partition at once
_START = Offset(0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


# Publishing


class Acknowledged(Protocol):
    """Where a record stands."""

    partition: Partition
    offset: Offset


class Sent(Protocol):
    """A record on its way. `value` is there after `flush`."""

    value: Acknowledged


class Publisher:
    """Records of one partition arrive in the order in which they were sent, each once, as long as nothing raises.

    After BrokerUnavailable nobody knows what arrived: throw the publisher away, and look in the topic. It refuses to go on.
    """

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._failure: Exception | None = None
        with telling(options):
            self._producer = KafkaProducer(
                **connection(options),
                enable_idempotence=True,
                acks="all",
                linger_ms=LINGER_MS,
                batch_size=BATCH_BYTES,
                compression_type="zstd",
                max_request_size=MESSAGE_BYTES_MAX,
                max_block_ms=options.timeout_s * 1000,
                delivery_timeout_ms=options.timeout_s * 1000,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )

    def send(
        self,
        topic: str,
        partition: Partition | None,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> Sent:
        """`topic`: its full name. `partition` None: by murmur2 of the key, as Java's clients do."""
        self._check()
        with telling(self._options, topic):
            try:
                sent = self._producer.send(topic, value, key, list(headers), partition)
            except ValueError as error:  # of the library: no such partition
                raise KafkaRefused(f"{topic}: {error}") from error
        sent.add_errback(self._fail)
        return sent  # type: ignore[no-any-return]

    def flush(self) -> None:
        """Returns when every record that was sent is acknowledged; raises if one was not."""
        with telling(self._options):
            try:
                self._producer.flush(self._options.timeout_s)
            except KafkaTimeoutError as silence:
                self._fail(silence)
                raise
        self._check()

    def close(self) -> None:
        """Nothing is sent any more afterwards. What was not flushed may or may not have arrived.

        The library's own close gives up while records are under way, and its thread goes on sending them: so that ends first.
        """
        with telling(self._options), suppress(KafkaTimeoutError):
            if not self._failure:
                self._producer.flush(self._options.timeout_s)
        sender = self._producer._sender
        sender.force_close()
        sender.join(self._options.timeout_s)
        with telling(self._options):
            self._producer.close(self._options.timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error

    def _check(self) -> None:
        if self._failure:
            with telling(self._options, "a record was not acknowledged"):
                raise self._failure


# Reading


class Reader:
    """One partition, by its full topic name, from the offset `at` on."""

    def __init__(self, options: KafkaOptions, topic: str, partition: Partition, at: Offset = _START) -> None:
        self._records = _Records(options, topic)
        self._partition, self._place = partition, TopicPartition(topic, partition)
        self._records.demand(partition)
        with telling(options, topic):
            self._records.consumer.assign([self._place])
        self.seek(at)

    def read(self, records_max: int, timeout_ms: int) -> list[Taken]:
        """The next records, as soon as there is one; none when the time is over."""
        return self._records.poll(records_max, timeout_ms).get(self._partition, [])

    def seek(self, at: Offset) -> None:
        self._records.consumer.seek(self._place, at)

    @property
    def position(self) -> Offset:
        """The offset from which is read next. At the end it is `end`, also where a transaction's mark stands last."""
        return Offset(self._records.consumer.position(self._place))

    def beginning(self) -> Offset:
        """The first offset that the partition still holds."""
        return self._records.beginning([self._partition])[self._partition]

    def end(self) -> Offset:
        """The offset that the next record gets; records of a transaction that is still open are beyond it."""
        return self._records.end([self._partition])[self._partition]

    def to_end(self, at: Offset, records_max: int = 2000) -> Iterator[list[Taken]]:
        """All records from `at` to where the partition ends now."""
        end = self.end()
        self.seek(max(at, self.beginning()))
        while self.position < end:
            yield [taken for taken in self.read(records_max, 500) if taken.offset < end]

    def offset_at(self, moment: datetime) -> Offset:
        """The first record that the broker appended at that moment or later; `end` if there is none."""
        return self._records.at(moment, [self._partition])[self._partition]

    def close(self) -> None:
        self._records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class GroupReader:
    """What a consumer group gives this process of a topic. Partitions that stay with it are read on while others move.

    `on_assigned` says from which offset a partition is read; `on_revoked` is told when it goes to somebody else. Both are
    called within `poll`, in the thread that calls it, before the next one owns the partition; only a process that was
    silent for SESSION_S is told afterwards. What they raise comes out of `poll`.
    """

    def __init__(
        self,
        options: KafkaOptions,
        group: str,
        topic: str,
        on_assigned: Callable[[Partition], Offset],
        on_revoked: Callable[[Partition], None],
    ) -> None:
        self._records = _Records(
            options,
            topic,
            group,
            session_timeout_ms=SESSION_S * 1000,
            heartbeat_interval_ms=SESSION_S * 1000 // 5,
            partition_assignment_strategy=(CooperativeStickyAssignor,),
        )
        self._on_assigned, self._on_revoked = on_assigned, on_revoked
        self._owned: set[Partition] = set()
        self._moves = _Moves(self._records.consumer)
        with telling(options, topic):
            self._records.consumer.subscribe([topic], listener=self._moves)

    def poll(self, records_max: int, timeout_ms: int) -> dict[Partition, list[Taken]]:
        """The next records of some partitions, as soon as there is one; nothing when the time is over."""
        taken = self._records.poll(records_max, timeout_ms)
        self._follow_moves()
        return {partition: records for partition, records in taken.items() if partition in self._owned}

    @property
    def owned(self) -> frozenset[Partition]:
        return frozenset(self._owned)

    def seek(self, partition: Partition, at: Offset) -> None:
        self._records.consumer.seek(self._records.place(partition), at)

    def pause(self, partition: Partition) -> None:
        self._records.consumer.pause(self._records.place(partition))

    def resume(self, partition: Partition) -> None:
        self._records.consumer.resume(self._records.place(partition))

    def commit(self, next_offsets: Mapping[Partition, Offset]) -> None:
        """Tell the broker how far we are, for those who watch the group. Nobody waits for it, and its failure is no matter."""
        offsets = {self._records.place(p): OffsetAndMetadata(offset, "", -1) for p, offset in next_offsets.items()}
        self._records.consumer.commit_async(offsets)

    def beginning(self, partition: Partition) -> Offset:
        return self._records.beginning([partition])[partition]

    def end(self, partition: Partition) -> Offset:
        return self._records.end([partition])[partition]

    def high_watermark(self, partition: Partition) -> Offset:
        """As `end`, with the records of transactions that are still open, as the last fetch told; 0: none has told it yet."""
        with suppress(IllegalStateError, KeyError):  # the group may take the partition at any moment
            return Offset(self._records.consumer.highwater(self._records.place(partition)) or 0)
        return Offset(0)

    def position(self, partition: Partition) -> Offset:
        """The offset from which is read next: behind marks of transactions, where nothing else stood last."""
        with suppress(IllegalStateError, KeyError):
            return Offset(self._records.consumer.position(self._records.place(partition)) or 0)
        return Offset(0)

    def lag(self) -> dict[Partition, int]:
        """For each partition that is owned, how many records stand after the last one that was given."""
        ends = self._records.end(sorted(self._owned))
        return {p: end - self._records.consumer.position(self._records.place(p)) for p, end in ends.items()}

    def close(self, give_back: bool = True) -> None:
        """Leave the group, so that others take over at once. `give_back`: tell `on_revoked` before."""
        if give_back:
            for partition in sorted(self._owned):
                self._owned.discard(partition)
                self._on_revoked(partition)
        self._records.close()

    def _follow_moves(self) -> None:
        for partition, is_ours in self._moves.taken():
            if is_ours:
                self.seek(partition, self._on_assigned(partition))
                self._owned.add(partition)
                self.resume(partition)
            elif partition in self._owned:
                self._owned.discard(partition)
                self._on_revoked(partition)


class _Moves(ConsumerRebalanceListener):  # type: ignore[misc]
    """Writes down what the group gives and takes. The library tells it in a thread of its own, where nobody may wait.

    What is new stands still until it is known from where to read it.
    """

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self._moves: deque[tuple[Partition, bool]] = deque()  # from one thread to another, without losing one

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._moves.extend([(Partition(place.partition), False) for place in sorted(revoked)])

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        for place in sorted(assigned):
            self._consumer.pause(place)
            self._consumer.seek(place, 0)
            self._moves.append((Partition(place.partition), True))

    def taken(self) -> Iterator[tuple[Partition, bool]]:
        """The moves since, in their order."""
        while self._moves:
            yield self._moves.popleft()


class _Records:
    """The library's consumer of one topic, in our words."""

    def __init__(
        self, options: KafkaOptions, topic: str, group: str = "", fetch_bytes: int = FETCH_BYTES, **config: Any
    ) -> None:
        self.options, self.topic, self._group = options, topic, group
        with telling(options, topic):
            self.consumer = KafkaConsumer(
                **connection(options),
                **config,
                group_id=group or None,
                isolation_level="read_committed",
                auto_offset_reset="none",
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                metrics_enabled=False,
                max_partition_fetch_bytes=fetch_bytes,
            )
            if not self.consumer.partitions_for_topic(topic):
                self.consumer.close()
                raise UnknownTopicOrPartitionError
        self._heard_ms = _now_ms()

    @property
    def partitions(self) -> list[Partition]:
        return sorted(Partition(partition) for partition in self.consumer.partitions_for_topic(self.topic))

    def place(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self.topic, partition)

    def poll(self, records_max: int, timeout_ms: int) -> dict[Partition, list[Taken]]:
        with telling(self.options, self.topic, self._group):
            polled = self.consumer.poll(timeout_ms, records_max)
        if polled:
            self._heard_ms = _now_ms()
        elif _now_ms() - self._heard_ms > SILENCE_S * 1000:
            self.end([Partition(place.partition) for place in self.consumer.assignment()] or [Partition(0)])
        return {Partition(place.partition): [taken(record) for record in records] for place, records in polled.items()}

    def beginning(self, partitions: Sequence[Partition]) -> dict[Partition, Offset]:
        return self._edges(self.consumer.beginning_offsets, partitions)

    def end(self, partitions: Sequence[Partition]) -> dict[Partition, Offset]:
        return self._edges(self.consumer.end_offsets, partitions)

    def at(self, moment: datetime, partitions: Sequence[Partition]) -> dict[Partition, Offset]:
        """The first record that the broker appended at that moment or later; the end if there is none."""
        milliseconds = max(0, -((_EPOCH - moment) // _MILLISECOND))  # the next one, if between two
        with telling(self.options, self.topic):
            found = self.consumer.offsets_for_times({self.place(partition): milliseconds for partition in partitions})
        known = {Partition(place.partition): Offset(at.offset) for place, at in found.items() if at and at.offset >= 0}
        return known if len(known) == len(partitions) else self.end(partitions) | known

    def demand(self, partition: Partition) -> None:
        """Asked for a partition that there is not, the library waits for it until the time is over."""
        count = len(self.partitions)
        if partition >= count:
            self.close()
            there = f"{count} partitions, 0 to {count - 1}" if count > 1 else "one partition, 0"
            raise KafkaRefused(f"{self.topic} has {there}: there is no partition {partition}")

    def close(self) -> None:
        with telling(self.options, self.topic):
            self.consumer.close(autocommit=False, timeout_ms=self.options.timeout_s * 1000)

    def _edges(self, ask: Callable[..., Any], partitions: Sequence[Partition]) -> dict[Partition, Offset]:
        with telling(self.options, self.topic):
            found = ask([self.place(p) for p in partitions], timeout_ms=self.options.timeout_s * 1000)
        self._heard_ms = _now_ms()
        return {Partition(place.partition): Offset(offset) for place, offset in found.items()}


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
