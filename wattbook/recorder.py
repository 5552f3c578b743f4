"""Between a tap and its log: what is passed on waits in a spool until the log has it, so that a slow log holds up no station.

    frame of a station ──▶ spool: written ─────────────▶ CSMS
    frame of the CSMS  ──▶ spool: written, and synced ─▶ station
                             └─▶ log, some at a time, oldest first; again and again while the log fails

A station forgets what was answered. So what is on its way to a station waits until it, and all that was written before it, is
on the disk: many frames share a sync. A frame of a station need not wait for that; if a power cut takes it, its answer was
not passed on either, and the station sends it again.

The spool is bounded, in frames and in bytes, for all stations together. While it is full nothing goes on, as nothing may
be lost. A frame is held for HOLD_S, then its connection ends and no new one is made, until a tenth of the spool is free: a
station that is not connected keeps what it has to say, but one that is gets no answer and gives up after some attempts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, Final, NamedTuple

from ingest.websocket_tap import NotRecorded
from streams.log import LogError
from vocabulary.charging import Direction, RawMessage
from vocabulary.codec import decode, encode
from wattbook.database import DatabaseError
from wattbook.spool import Spool

BATCH_MAX: Final = 500
RETRY_S: Final = 1
HOLD_S: Final = 20  # for room; stations wait 30 for an answer, and more
LATE_S: Final = 5  # after which a log that does not take what it is handed is told
_FREE_AGAIN: Final = 0.1  # of the bounds

OUTSIDE: Final = (DatabaseError, LogError, OSError)


class Bounds(NamedTuple):
    """Of what waits for the log, all stations together."""

    frames_max: int
    bytes_max: int


class _Change:
    """Lets others wait until something holds, and look again when it may."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Returns at the moment it holds: nothing comes in between."""
        while not holds():
            await self._next.wait()


class Recorder:
    """`receive` what is passed on, while `work` runs. `keep`: makes messages durable in the log, or raises why not."""

    def __init__(
        self, spool: Spool, keep: Callable[[Sequence[RawMessage]], Awaitable[Any]], say: Callable[..., None], bounds: Bounds
    ) -> None:
        self._spool, self._keep, self._say, self._bounds = spool, keep, say, bounds
        self._added, self._synced = 0, 0  # frames of this process
        self._came, self._unsynced, self._changed = asyncio.Event(), asyncio.Event(), _Change()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._full_since: float | None = None
        self._late_since: float | None = None
        self._takes_more = True  # False: the server stops
        self._works = True

    @property
    def is_full(self) -> bool:
        return self._full_since is not None

    @property
    def waiting(self) -> dict[str, int]:
        """What the log has not yet, for whoever asks how the server is."""
        return {"frames": self._spool.frames, "bytes": self._spool.bytes}

    async def receive(self, messages: Sequence[RawMessage]) -> list[list[str]]:
        """Returns when the messages may go on. Raises NotRecorded: they may not, as nobody would bill what follows."""
        for message in messages:
            await self._add(encode(message))
        if any(message.direction is Direction.TO_STATION for message in messages):
            await self._until_synced(self._added)
        return [[] for _ in messages]

    async def work(self) -> None:
        """Until cancelled. Raises where the disk does not do what it was told, or we are wrong: then the server is to end."""
        for torn in self._spool.torn:
            self._say("spool_torn", file=str(torn.file), bytes=torn.bytes)
        if self._spool.left:
            self._say("spool_read_back", frames=self._spool.left)
        both = [asyncio.create_task(self._sync()), asyncio.create_task(self._hand_over())]
        try:
            await asyncio.gather(*both)
        finally:
            self._works = False
            self.refuse()
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    def refuse(self) -> None:
        """Whoever waits for room waits no longer: the server stops."""
        self._takes_more = False
        self._changed.tell()

    async def finish(self, seconds: float) -> None:
        """Give the log so long to take what waits. The rest stays in the spool, and is told."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.until(lambda: not self._works or not self._spool.frames)
        except TimeoutError:
            pass
        if self._spool.frames:
            self._say("spool_keeps", frames=self._spool.frames)

    def close(self) -> None:
        self._thread.shutdown()
        self._spool.close()

    async def _add(self, body: bytes) -> None:
        await self._until_room(len(body))
        try:
            self._spool.append(body)
        except OSError as error:
            self._say("spool_cannot_be_written", error=str(error))
            raise NotRecorded from error
        self._added += 1
        self._came.set()
        self._unsynced.set()

    async def _until_room(self, size: int) -> None:
        if not self.is_full and not self._has_room(size):
            self._full_since = monotonic()
            self._say("spool_full", frames=self._spool.frames, bytes=self._spool.bytes)
        try:
            async with asyncio.timeout(HOLD_S):
                await self._changed.until(lambda: not self._takes_more or (not self.is_full and self._has_room(size)))
        except TimeoutError:
            raise NotRecorded from None
        if not self._takes_more:
            raise NotRecorded

    def _has_room(self, size: int) -> bool:
        return self._spool.frames < self._bounds.frames_max and self._spool.bytes + size <= self._bounds.bytes_max

    async def _until_synced(self, number: int) -> None:
        await self._changed.until(lambda: not self._works or self._synced >= number)
        if self._synced < number:
            raise NotRecorded

    async def _sync(self) -> None:
        """While one sync is under way, what comes gathers for the next one."""
        while True:
            await self._unsynced.wait()
            self._unsynced.clear()
            added, unsynced = self._added, self._spool.to_sync()
            await asyncio.get_running_loop().run_in_executor(self._thread, unsynced.sync)
            self._spool.was_synced(unsynced)
            self._synced = added
            self._changed.tell()

    async def _hand_over(self) -> None:
        while True:
            bodies = self._spool.peek(BATCH_MAX)
            if not bodies:
                self._came.clear()
                await self._came.wait()
            elif await self._is_kept(bodies):
                self._spool.take_away(bodies)
                self._tell_progress()
            else:
                await asyncio.sleep(RETRY_S)

    async def _is_kept(self, bodies: Sequence[bytes]) -> bool:
        keeping = asyncio.ensure_future(self._keep([_message(body) for body in bodies]))
        try:
            if not (await asyncio.wait([keeping], timeout=LATE_S))[0]:
                self._tell_late(f"the log has not taken {len(bodies)} frames for {LATE_S} s")
            await keeping
        except OUTSIDE as error:
            self._tell_late(str(error))
            return False
        finally:
            keeping.cancel()
        return True

    def _tell_late(self, why: str) -> None:
        if self._late_since is None:
            self._late_since = monotonic()
            self._say("spool_waits_for_log", frames=self._spool.frames, why=why)

    def _tell_progress(self) -> None:
        """There is room again when a tenth is free; the log is not late any more when it takes all that waits at once."""
        free = 1 - max(self._spool.frames / self._bounds.frames_max, self._spool.bytes / self._bounds.bytes_max)
        if self._full_since is not None and free >= _FREE_AGAIN:
            self._say("spool_has_room", seconds=round(monotonic() - self._full_since, 3))
            self._full_since = None
        if self._late_since is not None and self._spool.frames <= BATCH_MAX:
            self._say("spool_goes_on", seconds=round(monotonic() - self._late_since, 3))
            self._late_since = None
        self._changed.tell()


def _message(body: bytes) -> RawMessage:
    message = decode(body)
    assert isinstance(message, RawMessage), "nothing else is added"
    return message
