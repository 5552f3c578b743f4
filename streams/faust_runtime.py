"""Faust as the pump of the steps: it shares out the partitions, fetches and hands over; the database says what is done.

    aiokafka ──▶ _Consumer ── a Faust event is a batch of one partition ──▶ agent ──▶ Intake (one thread) ──▶ acknowledged

Faust's delivery is unsafe as it comes, so nothing rests on it. The agent acknowledges by itself, after the commit. Where to
read is asked of the database whenever partitions are shared out: `seek_to_committed` seeks there. What was fetched before a
seek carries an older epoch and is dropped. Whatever fails ends the process at once with nothing acknowledged; started again,
it goes on from the database's position. Faust's own costs arise per event, so an event is a batch: `getmany` gives as many
records of a partition as there are, and the queue before the agent is short so that they gather at the fetcher meanwhile.
"""

import asyncio
import logging
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar, cast

import faust
import uvloop
from aiokafka.errors import CorruptRecordException, InconsistentGroupProtocolError, KafkaError
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from msgspec import Struct
from yarl import URL

from streams import aiokafka_records  # noqa: F401 - it is put in place
from streams.faust_thread import ConsumerThread, Reached
from streams.intake import Intake, Watch
from streams.kafka_connection import SESSION_S, BrokerUnavailable, of_another_engine, ssl_context
from streams.kafka_options import KafkaOptions
from streams.kafka_records import taken
from streams.log import LogUnusable
from streams.mistakes import told
from streams.outage import Outage
from streams.places import Bounds, Offset, Partition, Taken
from streams.process_end import SHUTDOWN_S_MAX, end_after, end_now, now_ms
from streams.pump import Lanes

R = TypeVar("R")

_QUEUE_MAX = 2  # batches between the fetcher and the agent
_ASK_EVERY_S, _ANSWER_S_MAX, _BOUNDS_S_MAX = 2, 5, 30


class _Batch(Struct, frozen=True):
    """The value of a Faust event. Not a tuple or a list, into which Faust would look for models of its own."""

    partition: Partition
    epoch: int
    records: list[Taken]


class _Consumer(driver.Consumer):
    """Faust's consumer over aiokafka, reading whole batches from where the database is."""

    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._void: dict[TP, int] = {}  # the last epoch of which nothing counts any more
        self._read_again: dict[TP, Offset] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def check_group(self) -> None:
        await self._thread.check_group()

    async def reached(self, tps: Collection[TP]) -> Mapping[TP, Reached]:
        return await self._thread.reached(tps)

    def is_void(self, tp: TP, epoch: int) -> bool:
        """Whether what was fetched then comes again, since a seek came after it or is about to; or is somebody else's now."""
        return epoch != self._thread.epochs[tp] or epoch <= self._void.get(tp, -1)

    def make_void(self, tps: Iterable[TP]) -> None:
        """What was fetched of these until now."""
        self._void.update({tp: self._thread.epochs[tp] for tp in tps})

    def read_again(self, tp: TP, offset: Offset) -> None:
        """The fetching loop seeks before it fetches next."""
        self.make_void([tp])
        self._read_again[tp] = offset

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Called by Faust after each sharing out: what is committed stands in the database."""
        self._read_again.clear()
        offsets: dict[TP, int] = await cast("_App", self.app).pump.assigned(self.assignment())
        await self.seek_wait(offsets)
        return offsets

    async def getmany(self, timeout: Any) -> AsyncIterator[tuple[TP, Any]]:
        """As Faust's own, but one message for all records of a partition; it stands at the last one's offset.

        Faust's own drops what comes while partitions are shared out, although some of it may have been fetched after the
        seek: nobody would ever read that again. Here it waits until the flow goes on, and what is void is known by its epoch.
        """
        if self._read_again:
            sought, self._read_again = self._read_again, {}
            await self.seek_wait(sought)
        fetched, _ = await self._wait_next_records(timeout)
        for tp, (epoch, records) in (fetched or {}).items():
            if not self.flow_active:
                await self.wait(cast("Any", self.can_resume_flow))
            if self.should_stop:
                return
            if not self.is_void(tp, epoch):
                yield tp, self._message(tp, epoch, records)

    def _message(self, tp: TP, epoch: int, records: list[Any]) -> Any:
        self._read_offset[tp] = None  # Faust shall neither drop what is read again nor look for holes: Intake does
        message = self._to_message(tp, records[-1])
        message.key, message.headers = None, None
        message.value = cast("bytes", _Batch(Partition(tp.partition), epoch, list(map(taken, records))))
        return message

    def _new_offset(self, tp: TP) -> int | None:
        """One agent acknowledges in order: all up to the highest is done. Faust would look for each offset of a batch."""
        acked = self._acked[tp]
        if not acked:
            return None
        highest = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return highest + 1

    def on_buffer_full(self, tp: TP) -> None:
        """A full queue makes the fetching loop wait; Faust would stop fetching, and then look again only after a second."""

    def on_buffer_drop(self, tp: TP) -> None:
        """See on_buffer_full."""


class _Transport(driver.Transport):
    Consumer = _Consumer


class _App(faust.App):
    pump: "FaustPump"


class FaustPump:
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
        self._topic, self._group = topic, group
        self._watch, self._outage = watch, Outage(watch, outage_s_max)
        self._intake = Intake(lanes, self._bounds, watch, topic)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lanes")
        self._loop = uvloop.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._folder = tempfile.TemporaryDirectory(prefix="wattbook-faust-")
        self._app = self._new_app(group, kafka, batch_max)

    def run(self) -> None:
        _quieten(self._watch)
        with self._folder, self._thread:
            self._loop.run_until_complete(self._run())

    async def _run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stop.set)
        parts = (stop.wait(), self._serve(), self._settle(), self._watch_broker())
        tasks = [asyncio.create_task(part) for part in parts]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if error := task.exception():
                end_now(_in_our_words(error), self._watch)
        end_after(SHUTDOWN_S_MAX, self._watch)
        for task in tasks:
            task.cancel()
        await self._app.stop()

    async def _serve(self) -> None:
        """Raises what ends it."""
        started, ended = asyncio.create_task(self._app.start()), asyncio.create_task(self._app.wait_until_stopped())
        await asyncio.wait({started, ended}, return_when=asyncio.FIRST_COMPLETED)
        if started.done():
            started.result()
            await ended
        raise self._app.crash_reason or RuntimeError("Faust stopped by itself")

    @property
    def _consumer(self) -> _Consumer:
        return cast("_Consumer", self._app.consumer)

    async def assigned(self, tps: set[TP]) -> dict[TP, int]:
        """The database's positions of what is ours now."""
        mine = sorted(Partition(tp.partition) for tp in tps if tp.topic == self._topic)
        offsets = await self._on_thread(self._intake.assigned, mine)
        return {TP(self._topic, partition): offset for partition, offset in offsets.items()}

    async def _work(self, stream: Any) -> None:
        """The agent. A batch that was fetched before the last seek is dropped: it will come again."""
        consumer = self._consumer
        async for event in stream.noack().events():
            tp, batch = event.message.tp, event.value
            if not consumer.is_void(tp, batch.epoch):
                offset = await self._on_thread(self._intake.process, batch.partition, batch.records)
                self._outage.heard(now_ms())
                if offset is None:
                    event.ack()
                    continue
                consumer.read_again(tp, offset)
            consumer.unacked.discard(event.message)  # else Faust would wait for it at every rebalance

    async def _settle(self) -> None:
        while True:
            await asyncio.sleep(1)
            moved = await self._on_thread(self._intake.settle)
            for partition, offset in moved.items():
                self._consumer.read_again(TP(self._topic, partition), offset)

    async def _shared_out(self, _app: _App, assigned: set[TP], **_: object) -> None:
        self._watch.rebalanced(sorted(Partition(tp.partition) for tp in assigned))

    async def _revoked(self, _app: _App, revoked: set[TP], **_: object) -> None:
        self._consumer.make_void(revoked)
        await self._on_thread(self._intake.revoked, {tp.partition for tp in revoked})

    async def _before_shutdown(self, _app: _App, **_: object) -> None:
        """The batch in hand is committed; the group has not been left yet."""
        await self._on_thread(self._intake.close)

    async def _watch_broker(self) -> None:
        """aiokafka tries again in silence. An outage must be told all the same, and one that lasts ends the process."""
        while True:
            await asyncio.sleep(_ASK_EVERY_S)
            try:
                await self._ask_ends()
            except ConsumerNotStarted:
                continue
            except InconsistentGroupProtocolError:
                raise of_another_engine(self._group, "faust", "plain") from None
            except (TimeoutError, KafkaError) as silence:
                if self._outage.silent(now_ms(), str(silence) or f"no answer in {_ANSWER_S_MAX} s"):
                    why = f"Kafka has not answered for {self._outage.seconds_max} s: start the worker again when it does"
                    end_now(BrokerUnavailable(why), self._watch)

    async def _ask_ends(self) -> None:
        """Where the partitions end that are ours. Without any there is nothing to ask, and nothing to miss."""
        assignment = self._app.consumer.assignment()
        async with asyncio.timeout(_ANSWER_S_MAX):
            await self._consumer.check_group()
            ends = await self._app.consumer.highwaters(*assignment) if assignment else {}
            reached = await self._consumer.reached(assignment)
        if ends:
            self._outage.heard(now_ms())
        self._watch.ends(*_messages_end({tp: (end, reached[tp]) for tp, end in ends.items() if tp in reached}))

    def _bounds(self, partitions: Collection[Partition]) -> dict[Partition, Bounds]:
        """Asks the broker, from the thread of the lanes."""
        return asyncio.run_coroutine_threadsafe(self._ask_bounds(partitions), self._loop).result()

    async def _ask_bounds(self, partitions: Collection[Partition]) -> dict[Partition, Bounds]:
        consumer, tps = self._consumer, [TP(self._topic, partition) for partition in partitions]
        try:
            async with asyncio.timeout(_BOUNDS_S_MAX):
                first, end = await asyncio.gather(consumer.earliest_offsets(*tps), consumer.highwaters(*tps))
        except TimeoutError:
            raise BrokerUnavailable(f"Kafka did not tell in {_BOUNDS_S_MAX} s what {self._topic} holds") from None
        except KafkaError as error:
            raise _in_our_words(error) from error
        return {Partition(tp.partition): Bounds(Offset(first[tp]), Offset(end[tp])) for tp in tps}

    async def _on_thread(self, function: Callable[..., R], *arguments: object) -> R:
        return await self._loop.run_in_executor(self._thread, partial(self._guarded, function, *arguments))

    def _guarded(self, function: Callable[..., R], *arguments: object) -> R:
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001 - Faust would restart the agent and go on, or wait for it for minutes
            end_now(error, self._watch)

    def _new_app(self, group: str, kafka: KafkaOptions, batch_max: int) -> _App:
        app = _App(
            group,
            loop=self._loop,
            broker=[URL(f"kafka://{server}") for server in kafka.servers],
            broker_credentials=credentials(kafka),
            broker_client_id=kafka.client_id,
            datadir=self._folder.name,
            store="memory://",
            autodiscover=False,
            web_enabled=False,
            key_serializer="raw",
            value_serializer="raw",
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=0,  # with standbys Faust would bring an assignor of its own
            consumer_auto_offset_reset="earliest",
            stream_wait_empty=True,
            stream_buffer_maxsize=_QUEUE_MAX,
            broker_max_poll_records=batch_max,
            broker_commit_interval=1,
            broker_session_timeout=SESSION_S,
            broker_heartbeat_interval=SESSION_S // 5,
            cython_optimizations=True,
            worker_redirect_stdouts=False,
        )
        app.pump = self
        app.transport = _Transport(app.conf.broker_consumer, app)
        app.agent(app.topic(self._topic), name="work", concurrency=1)(self._work)
        app.on_partitions_assigned.connect(cast("Any", self._shared_out))
        app.on_partitions_revoked.connect(cast("Any", self._revoked))
        app.on_before_shutdown.connect(cast("Any", self._before_shutdown))
        return app


def _messages_end(found: Mapping[TP, tuple[int, Reached]]) -> tuple[dict[Partition, Offset], list[Partition]]:
    """As `Watch.ends` wants it. Where everything is read that may be, marks of transactions are no messages."""
    ends, held = {}, []
    for tp, (end, reached) in found.items():
        partition, is_read = Partition(tp.partition), reached.position >= end
        if is_read and reached.mark > end:
            held.append(partition)
        ends[partition] = Offset(reached.given if is_read and reached.mark <= end else max(end, reached.mark))
    return ends, held


def _in_our_words(error: BaseException) -> BaseException:
    if isinstance(error, CorruptRecordException):
        return LogUnusable(f"{error}: what Kafka gave is damaged: compare with another copy of the partition")
    if isinstance(error, KafkaError):
        return BrokerUnavailable(
            f"Kafka cannot be used now: {type(error).__name__}: {error}: start the worker again when it can"
        )
    return error


def credentials(kafka: KafkaOptions) -> faust.SASLCredentials | faust.SSLCredentials | None:
    context = ssl_context(kafka)
    if kafka.uses_sasl:
        return faust.SASLCredentials(
            username=kafka.sasl_user, password=kafka.sasl_password, mechanism=kafka.sasl_mechanism.value, ssl_context=context
        )
    return faust.SSLCredentials(context) if context else None


def _quieten(watch: Watch) -> None:
    """Faust's errors in our lines; aiokafka's not at all: it repeats itself while it tries again, and raises what counts."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for name in ("faust", "mode", "asyncio"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.ERROR)
        logger.propagate = False
        logger.handlers = [_Lines(watch)]


class _Lines(logging.Handler):
    """One line for each, without what is put into it, or stands below it: that may quote what a message holds."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        says, raised = str(record.msg).partition("\n")[0], record.exc_info[1] if record.exc_info else None
        self._watch.say("faust", level=record.levelname, message=says, raised=told(raised) if raised else "nothing")
