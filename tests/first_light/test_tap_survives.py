"""A tap that a user would start, before a CSMS: its log is locked by another process, its buffer is full, it is killed.

What the CSMS and the stations said to each other is in the log afterwards, once, in the order in which it was said.
"""

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from streams.log import Position, Stream
from vocabulary.charging import Direction, RawMessage
from vocabulary.codec import decode, encode
from vocabulary.identity import StationId
from wattbook.desk import Desk
from wattbook.serving import Counter, recorded
from wattbook.settings import Settings
from wattbook.spool import Spool
from wattbook.wiring import create_app, open_app

PROTOCOL = Subprotocol("ocpp1.6")


class Tap:
    """`wattbook serve --upstream …` as a process of its own; what it logs goes to a file."""

    def __init__(self, home: Path, csms: str, **settings: object) -> None:
        self._log = home / "serve.log"
        environment = os.environ | {f"WATTBOOK_SERVE_{name}": str(value) for name, value in settings.items()}
        command = [sys.executable, "-m", "wattbook", "--home", str(home), "serve", "--port", "0", "--upstream", csms]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        found = re.search(r"ws://\S+/ocpp/", self.process.stdout.readline())
        assert found is not None, self._log.read_text()
        self.url = found.group()

    def end(self, number: int = signal.SIGTERM) -> list[str]:
        """The events that were logged."""
        self.process.send_signal(number)
        assert self.process.wait(15) == (0 if number == signal.SIGTERM else -number), self._log.read_text()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return [json.loads(line)["event"] for line in self._log.read_text().splitlines()]


@asynccontextmanager
async def csms() -> AsyncIterator[str]:
    """One that answers each frame with what it was."""

    async def answer(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for data in connection:
                await connection.send(f"answer to {data!r}")

    async with serve(answer, "127.0.0.1", 0, subprotocols=[PROTOCOL]) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/csms"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    create_app(Settings(home=tmp_path)).close()
    return tmp_path


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Another process, this one, writes to the database and does not come to an end."""
    connection = sqlite3.connect(home / "wattbook.db", isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def station(tap: Tap, name: str) -> connect:
    return connect(tap.url + name, subprotocols=[PROTOCOL])


async def talk(socket: ClientConnection, frame: str) -> None:
    await socket.send(frame)
    assert await asyncio.wait_for(socket.recv(), 60) == f"answer to {frame!r}"


def logged(home: Path) -> dict[tuple[str, Direction], list[str]]:
    """The frames of each station in each direction, in the order of the log."""
    app = open_app(Settings(home=home))
    try:
        with app.reading() as store:
            kept = [decode(stored.body) for stored in store.log.read([Stream.RAW], Position(0), 10_000)]
    finally:
        app.close()
    frames: dict[tuple[str, Direction], list[str]] = {}
    for message in kept:
        assert isinstance(message, RawMessage)
        frames.setdefault((message.station, message.direction), []).append(message.frame)
    return frames


async def chatter(socket: ClientConnection, answered: list[str]) -> None:
    """Calls until the connection ends; what was answered."""
    with suppress(ConnectionClosed):
        for number in count():
            frame = f'[2,"{number}","Heartbeat",{{}}]'
            await talk(socket, frame)
            answered.append(frame)


async def until_empty(home: Path) -> None:
    """Of what an earlier tap left."""
    until = time.monotonic() + 20
    while sum(path.stat().st_size for path in (home / "tap-spool").glob("*.spool")):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


def test_a_log_that_is_locked_holds_up_nobody_and_neither_a_kill_nor_a_full_spool_loses_or_doubles_a_frame(home: Path) -> None:
    answered: dict[str, list[str]] = {"CP-1": [], "CP-2": []}

    async def killed(behind: str) -> None:
        tap = Tap(home, behind)
        async with station(tap, "CP-1") as one, station(tap, "CP-2") as two:
            talking = [asyncio.create_task(chatter(*each)) for each in zip((one, two), answered.values(), strict=True)]
            while min(map(len, answered.values())) < 10:
                await asyncio.sleep(0.01)
            with locked(home):
                while min(map(len, answered.values())) < 40:
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(tap.end, signal.SIGKILL)
                assert sum(map(len, logged(home).values())) < 2 * 80, "some wait in the spool"
            await asyncio.gather(*talking)

    async def full(behind: str) -> list[str]:
        tap = Tap(home, behind, SPOOL_FRAMES_MAX=20)
        await until_empty(home)
        async with station(tap, "CP-1") as one, station(tap, "CP-2") as two:
            with locked(home):
                for number in range(5):
                    await asyncio.gather(*(talk(socket, f"[{number}]") for socket in (one, two)))
                for socket in (one, two):
                    await socket.send("[5]")
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(one.recv(), 0.3)
                with pytest.raises(InvalidStatus) as refused:
                    await station(tap, "CP-3")
                assert refused.value.response.status_code == 503
            for socket in (one, two):
                assert await socket.recv() == f"answer to {'[5]'!r}"
        return await asyncio.to_thread(tap.end)

    async def main() -> list[str]:
        async with csms() as behind:
            await killed(behind)
            return await full(behind)

    events = asyncio.run(asyncio.wait_for(main(), 200))
    assert [event for event in events if event.startswith("spool")] == ["spool_read_back", "spool_full", "spool_has_room"]
    assert not list((home / "tap-spool").glob("*.spool"))
    kept = logged(home)
    for name, frames in answered.items():
        frames += [f"[{number}]" for number in range(6)]
        for direction, said in (
            (Direction.FROM_STATION, frames),
            (Direction.TO_STATION, [f"answer to {frame!r}" for frame in frames]),
        ):
            found = kept[(name, direction)]
            assert [frame for frame in found if frame in said] == said, "each once, in order"
            assert len(found) <= len(said) + 1, "and the one that was not answered any more"


def test_what_a_tap_left_is_taken_up_when_there_is_no_tap_any_more(home: Path) -> None:
    settings, left = Settings(home=home), RawMessage(station=StationId("CP-1"), frame="[2]")
    spool = Spool(settings.spool_path)
    spool.append(encode(left))
    spool.close()

    async def main() -> None:
        app = open_app(settings)
        counter = Counter(lambda _: [])
        async with recorded(settings, Desk(app, lambda *_, **__: None), counter, asyncio.Event()) as recorder:
            assert recorder is not None
        async with recorded(settings, Desk(app, lambda *_, **__: None), counter, asyncio.Event()) as recorder:
            assert recorder is None, "nothing is left"
        counter.close()
        app.close()

    asyncio.run(asyncio.wait_for(main(), 20))
    assert logged(home) == {("CP-1", Direction.FROM_STATION): ["[2]"]}
