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


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Only here it is known whether records were fetched before a seek or after."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.epochs: Counter[TP] = Counter()

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        self.epochs.update(partitions.keys())
        await super()._seek_wait(consumer, partitions)

    async def _fetch_records(self, *arguments: Any, **options: Any) -> Any:
        ROOM.clear()
        fetched = await super()._fetch_records(*arguments, **options)
        return {tp: Fetched(self.epochs[tp], records) for tp, records in fetched.items()}

    async def check_group(self) -> None:
        """Raises what keeps us out of the group: aiokafka tells it to who reads, and without a partition nobody does."""

        async def check() -> None:
            self._ensure_consumer()._coordinator.check_errors()

        await self.call_thread(check)

    async def high_watermarks(self, tps: Collection[TP]) -> Mapping[TP, int]:
        """The ends with the records of transactions that are still open, as the last fetch told."""

        async def known() -> Mapping[TP, int]:
            consumer = self._ensure_consumer()
            return {tp: consumer.highwater(tp) or 0 for tp in consumer.assignment() & set(tps)}

        found: Mapping[TP, int] = await self.call_thread(known)
        return found

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        """Two things for which Faust has no settings. What a producer took back is nothing, here as for our other readers;
        and a question that comes behind a fetch on the same connection shall not wait long for its answer."""
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level, consumer._fetch_max_wait_ms = "read_committed", 200
        return consumer
