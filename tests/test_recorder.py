"""What a tap records goes on while the log is slow, and waits where no more can be kept: nothing is lost or out of order."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest.websocket_tap import NotRecorded
from vocabulary.charging import Direction, RawMessage
from vocabulary.identity import StationId
from wattbook import recorder as module
from wattbook.database import DatabaseAway
from wattbook.recorder import Bounds, Recorder
from wattbook.spool import Spool


class World:
    """A log that takes what it is handed when `gate` is open, unless `fails`; and what was told."""

    def __init__(self, folder: Path, frames_max: int, bytes_max: int = 2**23) -> None:
        self.folder, self.bounds = folder, Bounds(frames_max, bytes_max)
        self.kept: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.gate = asyncio.Event()
        self.fails = False

    async def keep(self, messages: Sequence[RawMessage]) -> None:
        await self.gate.wait()
        if self.fails:
            raise DatabaseAway("home/wattbook.db is locked")
        self.kept += [message.frame for message in messages]

    def say(self, event: str, /, **fields: object) -> None:
        self.told.append({"event": event, **fields})

    @property
    def events(self) -> list[object]:
        return [line["event"] for line in self.told]

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[Recorder]:
        recorder = Recorder(Spool(self.folder), self.keep, self.say, self.bounds)
        work = asyncio.create_task(recorder.work())
        try:
            yield recorder
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            recorder.close()


def frame(text: object, direction: Direction = Direction.FROM_STATION) -> list[RawMessage]:
    return [RawMessage(station=StationId("CP-1"), frame=str(text), direction=direction)]


def run(tmp_path: Path, talk: Callable[[World, Recorder], Awaitable[None]], frames_max: int = 100) -> World:
    async def main() -> World:
        world = World(tmp_path, frames_max)
        async with world.recording() as recorder:
            await talk(world, recorder)
        return world

    return asyncio.run(asyncio.wait_for(main(), 20))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.005)


def test_frames_of_both_directions_go_on_while_the_log_takes_nothing(tmp_path: Path) -> None:
    async def talk(world: World, recorder: Recorder) -> None:
        for number in range(60):
            await recorder.receive(frame(number, list(Direction)[number % 2]))
        assert world.kept == []
        assert recorder.waiting["frames"] == 60
        world.gate.set()
        await until(lambda: len(world.kept) == 60)
        assert world.kept == [str(number) for number in range(60)]
        await recorder.finish(5)
        assert recorder.waiting == {"frames": 0, "bytes": 0}

    assert run(tmp_path, talk).told == []


def test_what_goes_to_a_station_waits_for_the_disk_and_what_comes_from_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = asyncio.Event()

    async def talk(world: World, recorder: Recorder) -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(os, "fdatasync", lambda _: asyncio.run_coroutine_threadsafe(slow.wait(), loop).result())
        await recorder.receive(frame("call"))
        answer = asyncio.create_task(recorder.receive(frame("answer", Direction.TO_STATION)))
        await asyncio.sleep(0.1)
        assert not answer.done()
        slow.set()
        await answer

    run(tmp_path, talk)


def test_a_full_spool_holds_frames_until_the_log_has_taken_a_tenth(tmp_path: Path) -> None:
    async def talk(world: World, recorder: Recorder) -> None:
        for number in range(20):
            await recorder.receive(frame(number))
        held = [asyncio.create_task(recorder.receive(frame(number))) for number in range(20, 24)]
        await asyncio.sleep(0.1)
        assert recorder.is_full
        assert not any(one.done() for one in held)
        assert recorder.waiting["frames"] == 20, "the bound is kept"
        world.gate.set()
        await asyncio.gather(*held)
        await until(lambda: len(world.kept) == 24)
        assert world.kept == [str(number) for number in range(24)]
        assert not recorder.is_full

    world = run(tmp_path, talk, frames_max=20)
    assert world.events == ["spool_full", "spool_has_room"]
    assert world.told[0]["frames"] == 20


def test_bytes_are_bounded_as_well(tmp_path: Path) -> None:
    async def talk(world: World, recorder: Recorder) -> None:
        for _ in range(8):
            await recorder.receive(frame("x" * 1_000_000))
        held = asyncio.create_task(recorder.receive(frame("y" * 1_000_000)))
        await asyncio.sleep(0.1)
        assert not held.done()
        world.gate.set()
        await held

    assert run(tmp_path, talk).events == ["spool_full", "spool_has_room"]


def test_a_frame_that_is_held_for_too_long_does_not_go_on_and_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HOLD_S", 0.1)

    async def talk(world: World, recorder: Recorder) -> None:
        for number in range(10):
            await recorder.receive(frame(number))
        with pytest.raises(NotRecorded):
            await recorder.receive(frame("held"))
        world.gate.set()
        await until(lambda: not recorder.is_full)
        await recorder.receive(frame("again"))
        await recorder.finish(5)
        assert world.kept == [*map(str, range(10)), "again"]

    run(tmp_path, talk, frames_max=10)


def test_a_log_that_fails_is_asked_again_and_that_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)

    async def talk(world: World, recorder: Recorder) -> None:
        world.gate.set()
        world.fails = True
        for number in range(10):
            await recorder.receive(frame(number))
        await asyncio.sleep(0.1)
        assert world.kept == []
        world.fails = False
        await until(lambda: len(world.kept) == 10)
        await recorder.finish(5)

    world = run(tmp_path, talk)
    assert world.events == ["spool_waits_for_log", "spool_goes_on"]
    assert world.told[0]["why"] == "home/wattbook.db is locked"


def test_a_log_that_does_not_return_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_S", 0.05)

    async def talk(world: World, recorder: Recorder) -> None:
        await recorder.receive(frame("one"))
        await until(lambda: world.events == ["spool_waits_for_log"])
        world.gate.set()
        await until(lambda: world.events == ["spool_waits_for_log", "spool_goes_on"])
        assert world.kept == ["one"]

    run(tmp_path, talk)


def test_what_the_log_did_not_take_is_told_and_read_back_at_the_next_start(tmp_path: Path) -> None:
    async def first(world: World, recorder: Recorder) -> None:
        for number in range(5):
            await recorder.receive(frame(number))
        await recorder.finish(0.05)

    async def second(world: World, recorder: Recorder) -> None:
        await recorder.receive(frame(5))
        world.gate.set()
        await recorder.finish(5)
        assert world.kept == [str(number) for number in range(6)]

    assert run(tmp_path, first).told == [{"event": "spool_keeps", "frames": 5}]
    assert run(tmp_path, second).told == [{"event": "spool_read_back", "frames": 5}]
    assert not list(tmp_path.glob("*.spool"))


def test_a_stop_lets_nobody_wait_for_room(tmp_path: Path) -> None:
    async def talk(world: World, recorder: Recorder) -> None:
        for number in range(10):
            await recorder.receive(frame(number))
        held = asyncio.create_task(recorder.receive(frame("held")))
        await asyncio.sleep(0.05)
        recorder.refuse()
        with pytest.raises(NotRecorded):
            await held

    run(tmp_path, talk, frames_max=10)


def test_a_disk_that_fails_ends_the_work_and_nothing_more_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    async def main() -> None:
        monkeypatch.setattr(os, "fdatasync", fails)
        world = World(tmp_path, 100)
        recorder = Recorder(Spool(tmp_path), world.keep, world.say, world.bounds)
        work = asyncio.create_task(recorder.work())
        with pytest.raises(NotRecorded):
            await recorder.receive(frame("answer", Direction.TO_STATION))
        with pytest.raises(OSError, match="Input/output"):
            await work
        with pytest.raises(NotRecorded):
            await recorder.receive(frame("next"))
        recorder.close()

    asyncio.run(asyncio.wait_for(main(), 20))


def test_where_the_spool_cannot_be_written_nothing_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    async def talk(world: World, recorder: Recorder) -> None:
        await recorder.receive(frame("first"))
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            with pytest.raises(NotRecorded):
                await recorder.receive(frame("second"))
        world.gate.set()
        await recorder.receive(frame("third"))
        await recorder.finish(5)
        assert world.kept == ["first", "third"]

    world = run(tmp_path, talk)
    assert world.told == [{"event": "spool_cannot_be_written", "error": "[Errno 28] No space left on device"}]
