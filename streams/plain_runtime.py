"""The pump of the steps without a framework: read what the group gives us, process it, say how far we are, again.

    poll ──▶ Intake: one database transaction for each partition's records ──▶ commit, for those who watch the group

The same guarantees as `streams.faust_runtime`, since they rest on the database alone. When the brokers do not answer, the
reader is thrown away and a new one is made, until they do: what it had fetched counts for nothing.
"""

import signal
import time
from collections.abc import Collection
from typing import Final

from streams.intake import Intake, Watch
from streams.kafka_client import BrokerUnavailable, GroupReader, KafkaOptions
from streams.outage import Outage
from streams.places import Bounds, Offset, Partition
from streams.process_end import SHUTDOWN_S_MAX, end_after, end_now, now_ms
from streams.pump import Lanes

_POLL_MS: Final = 100
_SETTLE_MS: Final = 1000
_ASK_MS: Final = 5000  # how often the ends of the partitions are asked for
_AGAIN_S: Final = 1


class PlainPump:
    """One worker. `run` returns when SIGTERM or SIGINT asks it to, and ends the process where it cannot go on.

    `batch_max`: records in a transaction. `outage_s_max`: how long it waits for brokers that do not answer.
    """

    def __init__(
        self,
        topic: str,
        group: str,
        kafka: KafkaOptions,
        lanes: Lanes,
        watch: Watch,
        batch_max: int = 1000,
        outage_s_max: int = 60,
    ) -> None:
        self._topic, self._group, self._kafka, self._watch = topic, group, kafka, watch
        self._batch_max, self._outage = batch_max, Outage(watch, outage_s_max)
        self._intake = Intake(lanes, self._bounds, watch, topic)
        self._reader: GroupReader
        self._done: dict[Partition, Offset] = {}  # processed and not told to the group yet
        self._times: dict[str, int] = {}
        self._stop = False

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        try:
            while not self._stop:
                self._read_until_an_outage()
        except Exception as error:  # noqa: BLE001 - told in one way, whatever it is
            end_now(error, self._watch)

    def _read_until_an_outage(self) -> None:
        try:
            self._read()
        except BrokerUnavailable as outage:
            if self._outage.silent(now_ms(), str(outage)):
                raise
            time.sleep(_AGAIN_S)

    def _read(self) -> None:
        """With one reader, until we are to stop or the brokers do not answer."""
        self._reader = GroupReader(self._kafka, self._group, self._topic, self._assigned, self._revoked)
        try:
            while not self._stop:
                self._turn()
        except BrokerUnavailable:
            self._done.clear()
            self._intake.close()
            self._reader.close(give_back=False)
            raise
        self._intake.settle()
        self._commit()
        self._reader.close()

    def _turn(self) -> None:
        owned, polled = self._reader.owned, self._reader.poll(self._batch_max, _POLL_MS)
        if owned != self._reader.owned:
            self._watch.rebalanced(sorted(self._reader.owned))
        for partition, records in polled.items():
            again_from = self._intake.process(partition, records)
            self._done[partition] = Offset(records[-1].offset + 1)
            self._seek(partition, again_from)
        if polled:
            self._outage.heard(now_ms())
        if self._is_time("settle", _SETTLE_MS):
            for partition, offset in self._intake.settle().items():
                self._seek(partition, offset)
            self._commit()
        if self._is_time("ask", _ASK_MS):
            self._ask_ends()

    def _seek(self, partition: Partition, offset: Offset | None) -> None:
        """Nothing beyond an offset that is to be read again is done."""
        if offset is not None:
            self._done.pop(partition, None)
            self._reader.seek(partition, offset)

    def _commit(self) -> None:
        if self._done:
            self._reader.commit(self._done)
            self._done.clear()

    def _assigned(self, partition: Partition) -> Offset:
        return self._intake.assigned([partition])[partition]

    def _revoked(self, partition: Partition) -> None:
        self._done.pop(partition, None)
        self._intake.revoked([partition])

    def _bounds(self, partitions: Collection[Partition]) -> dict[Partition, Bounds]:
        return {p: Bounds(self._reader.beginning(p), self._reader.end(p)) for p in partitions}

    def _ask_ends(self) -> None:
        """All that was polled is processed: where everything is read that may be, marks of transactions are no messages."""
        reader, ends, held = self._reader, {}, []
        for partition in sorted(reader.owned):
            end, mark = reader.end(partition), reader.high_watermark(partition)
            is_read = reader.position(partition) >= end
            if is_read and mark > end:
                held.append(partition)
            ends[partition] = self._intake.next_offset(partition) if is_read and mark <= end else max(end, mark)
        self._watch.ends(ends, held)
        if ends:
            self._outage.heard(now_ms())

    def _is_time(self, what: str, every_ms: int) -> bool:
        now = now_ms()
        if now - self._times.get(what, 0) < every_ms:
            return False
        self._times[what] = now
        return True

    def _asked_to_stop(self, _number: int, _frame: object) -> None:
        """Finish the batch in hand. A reader that waits for brokers which are down does not listen, and is ended."""
        if not self._stop:
            end_after(SHUTDOWN_S_MAX, self._watch)
        self._stop = True
