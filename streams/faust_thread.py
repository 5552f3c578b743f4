"""Faust's thread with aiokafka's consumer, and what only it can know of that."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.aiokafka_records import ROOM


class Fetched(NamedTuple):
    """Records of one partition as aiokafka gave them, after so many seeks."""

    epoch: int
    records: list[Any]


class Reached(NamedTuple):
    """How far the reading of a partition has come. `given`: behind the last record that was handed on, or where a seek went.

    `position` is what is fetched next: behind marks of transactions, where nothing else stood last. `mark`: the end with the
    records of transactions that are still open, as the last fetch told; 0: none has.
    """

    given: int
    position: int
    mark: int


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Only here it is known whether records were fetched before a seek or after."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.epochs: Counter[TP] = Counter()
        self._given: dict[TP, int] = {}

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        self.epochs.update(partitions.keys())
        await super()._seek_wait(consumer, partitions)
        self._given.update(partitions)

    async def _fetch_records(self, *arguments: Any, **options: Any) -> Any:
        ROOM.clear()
        fetched = await super()._fetch_records(*arguments, **options)
        self._given.update({tp: records[-1].offset + 1 for tp, records in fetched.items() if records})
        return {tp: Fetched(self.epochs[tp], records) for tp, records in fetched.items()}

    async def check_group(self) -> None:
        """Raises what keeps us out of the group: aiokafka tells it to who reads, and without a partition nobody does."""

        async def check() -> None:
            self._ensure_consumer()._coordinator.check_errors()

        await self.call_thread(check)

    async def reached(self, tps: Collection[TP]) -> Mapping[TP, Reached]:
        """Of those that are ours, and of which it is known from where to read."""

        async def known() -> Mapping[TP, Reached]:
            consumer = self._ensure_consumer()
            ours = consumer.assignment() & self._given.keys() & set(tps)
            return {tp: Reached(self._given[tp], await consumer.position(tp), consumer.highwater(tp) or 0) for tp in ours}

        found: Mapping[TP, Reached] = await self.call_thread(known)
        return found

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        """Two things for which Faust has no settings. What a producer took back is nothing, here as for our other readers;
        and a question that comes behind a fetch on the same connection shall not wait long for its answer."""
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level, consumer._fetch_max_wait_ms = "read_committed", 200
        return consumer
