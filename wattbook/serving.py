"""Serve stations: sockets on one side, the desk on the other, and a queue that commits many stations' messages at once.

    connections (asyncio) ──▶ queue ──▶ one worker thread: Desk.handle(batch) ──▶ answers back to each connection

While one batch is being committed the next one gathers, so the more stations talk, the more messages share a commit. Before a
CSMS the connections wait for the spool instead, and the desk takes from that (`wattbook/recorder.py`).
"""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec

from ingest.http_meter_keys import MeterKeyDoor
from ingest.http_server import MessageDoor
from ingest.uvicorn_listener import HttpListener
from ingest.websocket_server import StationServer
from invoicing.visible import visible
from vocabulary.charging import RawMessage
from wattbook.database import DatabaseError
from wattbook.desk import Desk, Sent
from wattbook.front_door import listen, station_server, tell_revoked
from wattbook.pieces import PIECE_S, Piece
from wattbook.publishing_desk import PublishingDesk
from wattbook.recorder import OUTSIDE, Bounds, Recorder
from wattbook.register_desk import RegisterDesk
from wattbook.settings import Settings
from wattbook.shown import shown_json
from wattbook.spool import Spool, has_left
from wattbook.wiring import App

BATCH_MAX = 500
FINISH_S = 3  # for which a log may still take what waits in the spool, when the server stops
SWITCH_S = 0.001  # for which the desk's thread may hold up the sockets
YOUNG_MAX = 20_000  # new objects before Python's collector looks at them

R = TypeVar("R")


class Waiting(NamedTuple):
    message: RawMessage
    replies: asyncio.Future[list[str]]


class Counter:
    """The desk behind a queue, worked by one thread: the desk is not for several. `settle`: what the desk does while nobody
    waits for it.
    """

    def __init__(
        self, handle: Callable[[Sequence[RawMessage]], list[list[str]]], settle: Callable[[], None] = lambda: None
    ) -> None:
        self._handle, self._settle = handle, settle
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue(maxsize=10 * BATCH_MAX)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desk")

    async def receive(self, messages: Sequence[RawMessage]) -> list[list[str]]:
        """Hand messages in and wait for what goes back; while the queue is full, wait to hand in."""
        loop = asyncio.get_running_loop()
        waiting = [Waiting(message, loop.create_future()) for message in messages]
        for each in waiting:
            await self._queue.put(each)
        return [await each.replies for each in waiting]

    async def work(self) -> None:
        """Until cancelled. If the outside fails (disk full, database gone), nobody of the batch is answered."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH_MAX and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            replies = asyncio.gather(self.run(self._handle, [each.message for each in batch]), return_exceptions=True)
            _hand_out(batch, (await replies)[0])
            if self._queue.empty():
                await self.run(self._settle)

    async def run(self, function: Callable[..., R], *arguments: object) -> R:
        """Something on the desk's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(function, *arguments))

    def close(self) -> None:
        self._thread.shutdown()


def _hand_out(batch: Sequence[Waiting], replies: list[list[str]] | BaseException) -> None:
    """Each connection its frames, or all of them the failure. Who is gone meanwhile asks again."""
    for index, each in enumerate(batch):
        if each.replies.done():
            continue
        if isinstance(replies, BaseException):
            each.replies.set_exception(replies)
        else:
            each.replies.set_result(replies[index])


Listening = Callable[[str], None]  # told the address, in words, of each door that is open


async def serve(app: App, listening: Listening = lambda _address: None) -> None:
    """Until SIGTERM or SIGINT; what is in hand is finished, nothing more is accepted."""
    sys.setswitchinterval(SWITCH_S)
    _keep_collector_calm()
    stop, desk = asyncio.Event(), Desk(app, say)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    is_tap = app.settings.serve_upstream is not None
    counter = Counter(desk.handle, desk.settle)
    async with recorded(app.settings, desk, counter, stop) as recorder:
        receive = recorder.receive if is_tap and recorder else counter.receive
        server = station_server(app.settings, receive, say, lambda: recorder is not None and recorder.is_full)
        work = asyncio.create_task(counter.work())
        costs = asyncio.create_task(asyncio.sleep(0) if is_tap else tell_costs(app, desk, counter, server))
        clock = asyncio.create_task(tell_time(app, desk, counter))
        revoked = asyncio.create_task(tell_revoked(server, app.settings))
        try:
            listening(await listen(server, app.settings))
            async with http_door(app, desk, counter, server, listening, recorder):
                await stop.wait()
        finally:
            for each in (costs, clock, revoked):
                each.cancel()
            if recorder is not None:
                recorder.refuse()
            await server.stop()
            work.cancel()
            await asyncio.gather(work, costs, clock, revoked, return_exceptions=True)
            await counter.run(desk.settle)
    counter.close()


def _keep_collector_calm() -> None:
    """A look at everything stops the process: for 0.2 s with 2 000 stations, and every 15 s if the collector is left as it is.

    What is there now stays for good. What comes and goes with each message would look like growth, if it were looked at often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX)


@asynccontextmanager
async def recorded(settings: Settings, desk: Desk, counter: Counter, stop: asyncio.Event) -> AsyncIterator[Recorder | None]:
    """What a tap passes on, and what one before us could not hand to the log any more. None: there is neither.

    A recorder that fails sets `stop`, and its failure is raised when all else has ended.
    """
    if settings.serve_upstream is None and not has_left(settings.spool_path):
        yield None
        return
    bounds = Bounds(settings.serve_spool_frames_max, settings.serve_spool_bytes_max)
    recorder = Recorder(Spool(settings.spool_path), partial(counter.run, desk.record), say, bounds)
    work = asyncio.create_task(recorder.work())
    work.add_done_callback(lambda _: stop.set())
    try:
        yield recorder
    finally:
        await recorder.finish(FINISH_S)
        work.cancel()
        [failure] = await asyncio.gather(work, return_exceptions=True)
        recorder.close()
        if isinstance(failure, Exception):
            raise failure


@asynccontextmanager
async def http_door(
    app: App, desk: Desk, counter: Counter, server: StationServer, listening: Listening, recorder: Recorder | None
) -> AsyncIterator[None]:
    """The door for publishers, beside the stations' one, where the settings ask for it."""
    settings = app.settings
    if settings.http_port is None:
        yield
        return
    with threads("bodies") as bodies, threads("lookups") as lookups:
        publishing = PublishingDesk(app, desk, counter.run, lookups, lambda: bool(server.stations), recorder)
        door = MessageDoor(publishing, say, bodies)
        MeterKeyDoor(door, RegisterDesk(app, desk, counter.run), say)
        listener = HttpListener(door.app, say)
        work = asyncio.create_task(publishing.work())
        try:
            port = await listener.start(settings.http_host, settings.http_port, settings.http_tls())
            scheme = "https" if settings.http_tls_cert_file else "http"
            listening(f"{scheme}://{settings.http_host}:{port}/v1/messages, for publishers")
            yield
        finally:
            await listener.stop()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


@contextmanager
def threads(name: str) -> Iterator[Executor]:
    """Two. Who leaves does not wait for what they have in hand: whoever asked for it has been answered, or is gone."""
    two = ThreadPoolExecutor(max_workers=2, thread_name_prefix=name)
    try:
        yield two
    finally:
        two.shutdown(wait=False, cancel_futures=True)


async def tell_costs(app: App, desk: Desk, counter: Counter, server: StationServer) -> None:
    """Tell connected stations what their running sessions cost, whenever that has changed since they were told.

    Each once in the interval, and some at a time all along it: what stations ask meanwhile waits for few costs, never for all.
    """
    piece, loop, every_s = Piece(least=1), asyncio.get_running_loop(), app.settings.cost_update_interval_s

    async def send(costs: Callable[[], Sequence[Sent]]) -> list[asyncio.Task[bool]]:
        """Beside everything else: one that does not read holds up none. What cannot be noted waits for the next interval."""
        try:
            sent = await counter.run(costs)
        except OUTSIDE as error:
            say("costs_wait", error=str(error))
            return []
        return [asyncio.create_task(server.send(one.station, one.frame)) for one in sent]

    await asyncio.sleep(every_s)
    while True:
        began, stations, told = loop.time(), sorted(server.stations), 0
        sending = await send(partial(desk.final_costs, datetime.now(UTC))) if stations else []
        while told < len(stations):
            some = stations[told : told + piece.size]
            work = partial(desk.running_costs, datetime.now(UTC))
            sending += await send(partial(piece.timed, PIECE_S, work, some, len(some)))
            told += len(some)
            await asyncio.sleep(began + every_s * told / len(stations) - loop.time())
        await asyncio.gather(*sending)
        await asyncio.sleep(began + every_s - loop.time())


async def tell_time(app: App, desk: Desk, counter: Counter) -> None:
    """Let the clock tick, so that sessions that never end are concluded; a minute after the start at the earliest."""
    every_s = app.settings.tick_interval_s
    await asyncio.sleep(min(60, every_s))
    while every_s:
        try:
            if await counter.run(desk.tick, datetime.now(UTC), timedelta(seconds=every_s)):
                say("clock_ticked")
        except DatabaseError as error:
            say("tick_failed", error=str(error))  # the next one says the same time and more
        await asyncio.sleep(every_s)


def say(event: str, /, **fields: object) -> None:
    """One line of the server's log: an event and its facts; JSON where nobody reads it at a terminal."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    if sys.stderr.isatty():
        line = visible(" ".join([at, event, *(f"{name}={value}" for name, value in fields.items())]))
    else:
        line = shown_json(msgspec.json.encode({"at": at, "event": event} | fields, enc_hook=str).decode())
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
