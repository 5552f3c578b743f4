"""The stations of `bench stations`, in a process of their own: `python -m bench.station_load`, with a `Plan` on standard input.

Well-behaved ones send a call every ten seconds, wait for the answer, and answer what they are told of costs. Beside them one
floods (it sends calls without waiting, as fast as the server reads them) and one sends and never reads; both connect again
whenever they are closed. Standard output has a line when the measurement begins, one when it ends, and then the `Outcome`, as
JSON. What was said stands in the plan's folder, one `Said` a line.
"""

import asyncio
import socket
import sys
import time
from base64 import b64encode
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from bench.station_talk import EVERY_S, Talk, before

SPREAD_S, WARM_S = 10, 10
SAID = "said.ndjson"
FLOODING, DEAF = "FLOODS", "NEVER-READS"
_OF_AN_ADDRESS = 400  # connections; the server refuses more than 500
_LAG_S = 0.005

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


class Plan(msgspec.Struct):
    port: int
    stations: int
    samples: int
    seconds: int
    began: datetime
    folder: str


class Said(msgspec.Struct):
    """A frame of a station, and what came back for it; a station's answer to the server has none. `place`: in which order."""

    station: str
    place: int
    frame: str
    answer: str | None = None


class Outcome(msgspec.Struct):
    calls: int
    unanswered: int
    answers_s: list[float]
    lag_s: list[float]
    flood: dict[str, int]
    deaf: dict[str, int]
    lost_connections: list[str]


class Load:
    def __init__(self, plan: Plan, file: BinaryIO) -> None:
        self.plan, self._file = plan, file
        self.measures, self.over, self.places = False, asyncio.Event(), count()
        self.answers_s: list[float] = []
        self.lag_s: list[float] = []
        self.calls = self.unanswered = 0
        self.flood, self.deaf, self.lost = Counter[str](), Counter[str](), list[str]()

    def note(self, station: str, place: int, frame: str, answer: str | None = None) -> None:
        self._file.write(_ENCODE(Said(station, place, frame, answer)) + b"\n")

    async def run(self) -> Outcome:
        plan = self.plan
        talks = [Talk(number, plan.samples) for number in range(plan.stations)]
        for talk in talks:
            before(talk, plan.began)
        now, each_s = time.perf_counter(), SPREAD_S / plan.stations
        stations = [asyncio.create_task(self._station(talk, now + each_s * talk.number)) for talk in talks]
        hostile = [asyncio.create_task(each()) for each in (self._floods, self._never_reads, self._lag)]
        await asyncio.sleep(SPREAD_S + WARM_S)
        self.measures = True
        print("begins", flush=True)
        await asyncio.sleep(plan.seconds)
        self.measures = False
        print("ends", flush=True)
        self.over.set()
        await asyncio.gather(*stations)
        for task in hostile:
            task.cancel()
        for failed in await asyncio.gather(*hostile, return_exceptions=True):
            if not isinstance(failed, asyncio.CancelledError):
                raise AssertionError from failed
        return Outcome(self.calls, self.unanswered, self.answers_s, self.lag_s, dict(self.flood), dict(self.deaf), self.lost)

    async def _station(self, talk: Talk, first: float) -> None:
        """Calls at its own times, from `first` on: what holds up many at once makes them no choir for ever."""
        await asyncio.sleep(first - time.perf_counter())
        async with connect(
            f"ws://127.0.0.1:{self.plan.port}/ocpp/{talk.station}",
            subprotocols=[Subprotocol(talk.protocol.value)],
            local_addr=(f"127.0.1.{1 + talk.number // _OF_AN_ADDRESS}", 0),
            compression="deflate" if talk.number % 2 else None,
            ping_interval=None,
        ) as socket_:
            answers: dict[str, asyncio.Future[str]] = {}
            reading = asyncio.create_task(self._read(talk, socket_, answers))
            try:
                await self._talk(talk, first, socket_, answers)
            except ConnectionClosed as closed:
                self.lost.append(f"{talk.station}: {closed}")
            await socket_.close()
            await reading

    async def _talk(
        self, talk: Talk, following: float, socket_: ClientConnection, answers: dict[str, "asyncio.Future[str]"]
    ) -> None:
        while not self.over.is_set():
            counts = self.measures
            message_id, action, payload = talk.call(datetime.now(UTC))
            frame = _ENCODE([2, message_id, action, payload]).decode()
            answers[message_id] = asyncio.get_running_loop().create_future()
            place, sent = next(self.places), time.perf_counter()
            await socket_.send(frame)
            try:
                answer = await asyncio.wait_for(answers[message_id], 60)
            except TimeoutError:
                self.unanswered += 1
                continue
            seconds = time.perf_counter() - sent
            self.note(talk.station, place, frame, answer)
            if counts:
                self.calls += 1
                self.answers_s.append(seconds)
            talk.answered(msgspec.json.decode(answer)[2])
            following += EVERY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), following - time.perf_counter())

    async def _read(self, talk: Talk, socket_: ClientConnection, answers: dict[str, "asyncio.Future[str]"]) -> None:
        with suppress(ConnectionClosed):
            async for text in socket_:
                frame: list[Any] = msgspec.json.decode(text)
                if frame[0] == 2:
                    reply = _ENCODE([3, frame[1], {"status": "Accepted"} if frame[2] == "DataTransfer" else {}]).decode()
                    place = next(self.places)
                    await socket_.send(reply)
                    self.note(talk.station, place, reply)
                elif waiting := answers.pop(frame[1], None):
                    waiting.set_result(str(text))

    async def _floods(self) -> None:
        numbers = count(1)
        while True:
            with suppress(OSError, InvalidHandshake):
                async with connect(self._url(FLOODING), subprotocols=[Subprotocol("ocpp1.6")], ping_interval=None) as socket_:
                    reading = asyncio.create_task(self._count_answers(socket_))
                    with suppress(ConnectionClosed):
                        while True:
                            await socket_.send(f'[2,"flood-{next(numbers)}","Heartbeat",{{}}]')
                            self.flood["sent"] += 1
                            await asyncio.sleep(0)
                    await reading
                    self.flood[f"closed with {socket_.close_code} {socket_.close_reason}"] += 1
            await asyncio.sleep(0.1)

    async def _count_answers(self, socket_: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in socket_:
                message_id = msgspec.json.decode(text)[1]
                self.note(FLOODING, int(message_id.partition("-")[2]), f'[2,"{message_id}","Heartbeat",{{}}]', str(text))
                self.flood["answered"] += 1

    async def _never_reads(self) -> None:
        """On a bare socket, with little room for what is not read: a library would read what it can."""
        numbers = count(1)
        while True:
            bare = socket.socket()
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            bare.setblocking(False)
            loop = asyncio.get_running_loop()
            with suppress(OSError):
                await loop.sock_connect(bare, ("127.0.0.1", self.plan.port))
                await loop.sock_sendall(bare, _request(DEAF))
                while True:
                    await loop.sock_sendall(bare, _masked(b'[2,"%0200d","Heartbeat",{}]' % next(numbers)))
                    self.deaf["sent"] += 1
                    await asyncio.sleep(0.05)
            bare.close()
            self.deaf["disconnected"] += 1
            await asyncio.sleep(0.1)

    async def _lag(self) -> None:
        """How late this process itself is: what it measures is too long by so much."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_LAG_S)
            if self.measures:
                self.lag_s.append(time.perf_counter() - began - _LAG_S)

    def _url(self, station: str) -> str:
        return f"ws://127.0.0.1:{self.plan.port}/ocpp/{station}"


def _request(station: str) -> bytes:
    return (
        f"GET /ocpp/{station} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {b64encode(bytes(16)).decode()}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    ).encode()


def _masked(data: bytes) -> bytes:
    assert 126 <= len(data) < 2**16
    return bytes([0x81, 0xFE]) + len(data).to_bytes(2, "big") + bytes(4) + data


def main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    with (Path(plan.folder) / SAID).open("wb") as file:
        outcome = asyncio.run(Load(plan, file).run())
    print(_ENCODE(outcome).decode(), flush=True)


if __name__ == "__main__":
    main()
