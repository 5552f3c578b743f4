"""A tap passes everything on as it came, records it first, and answers nothing itself. Real stations, a real CSMS behind it."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ingest.limits import Limits
from ingest.websocket_server import StationServer
from ingest.websocket_tap import Upstream
from vocabulary.charging import Direction, RawMessage

PROTOCOLS = [Subprotocol("ocpp2.0.1"), Subprotocol("ocpp1.6")]
LOGIN = "Basic " + b64encode(b"CP-1:secret").decode()


class World:
    """A CSMS that speaks 1.6 alone and echoes, and a tap's log."""

    def __init__(self) -> None:
        self.recorded: list[RawMessage] = []
        self.heard: list[bytes | str] = []
        self.requests: list[Request] = []
        self.gate: asyncio.Event | None = None
        self.fails = False

    async def record(self, messages: Sequence[RawMessage]) -> list[list[str]]:
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise OSError("disk full")
        self.recorded += messages
        return [[] for _ in messages]

    async def csms(self, connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for data in connection:
                self.heard.append(data)
                if data == "close":
                    await connection.close(4001, "not today")
                elif data == "crash":
                    connection.transport.abort()
                else:
                    await connection.send(data)

    def examine(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if request.headers.get("Authorization") == LOGIN:
            return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no\n")


@asynccontextmanager
async def tapped(world: World, **options: Any) -> AsyncIterator[str]:
    server = serve(world.csms, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")], process_request=world.examine, **options)
    async with server as csms:
        address = f"ws://127.0.0.1:{csms.sockets[0].getsockname()[1]}/some/path"
        limits = Limits(send_s=2)
        tap = StationServer(world.record, lambda *_, **__: None, upstream=Upstream(address, limits), limits=limits)
        port = await tap.start("127.0.0.1", 0)
        try:
            yield f"ws://127.0.0.1:{port}/ocpp/CP-1"
        finally:
            await tap.stop()


def station(url: str, login: str = LOGIN) -> connect:
    return connect(url, subprotocols=PROTOCOLS, additional_headers={"Authorization": login})


def run(talk: Callable[[str, World], Awaitable[None]]) -> World:
    world = World()

    async def main() -> None:
        async with tapped(world) as url:
            await talk(url, world)

    asyncio.run(asyncio.wait_for(main(), 20))
    return world


def test_frames_go_on_unchanged_in_order_as_text_or_binary_and_are_recorded_both_ways() -> None:
    frames: list[str | bytes] = ['[2, "a" ,"Heartbeat",{}]', b"\x00\xff", "ü\n", b"[2]", ""]

    async def talk(url: str, _: World) -> None:
        async with station(url) as socket:
            for frame in frames:
                await socket.send(frame)
            assert [await socket.recv() for _ in frames] == frames

    world = run(talk)
    assert world.heard == frames
    for direction in Direction:
        kept = [message for message in world.recorded if message.direction is direction]
        assert [message.frame for message in kept] == ['[2, "a" ,"Heartbeat",{}]', "AP8=", "ü\n", "[2]", ""]
        assert [message.base64 for message in kept] == [False, True, False, False, False]
        assert {(message.station, message.protocol) for message in kept} == {("CP-1", "ocpp1.6")}


def test_the_csms_gets_the_stations_name_offer_and_login_and_its_choice_holds() -> None:
    async def talk(url: str, world: World) -> None:
        async with station(url) as socket:
            assert socket.subprotocol == "ocpp1.6"
        [request] = world.requests
        assert request.path == "/some/path/CP-1"
        assert request.headers["Authorization"] == LOGIN
        assert request.headers["Sec-WebSocket-Protocol"] == "ocpp2.0.1, ocpp1.6"

    run(talk)


def test_whom_the_csms_refuses_is_refused_with_its_status() -> None:
    async def talk(url: str, _: World) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await station(url, "Basic AAAA")
        assert refused.value.response.status_code == 401

    run(talk)


@pytest.mark.parametrize(("word", "code"), [("close", 4001), ("crash", 1014)])
def test_the_end_that_the_csms_makes_goes_on_to_the_station(word: str, code: int) -> None:
    async def talk(url: str, _: World) -> None:
        async with station(url) as socket:
            await socket.send(word)
            await asyncio.wait_for(socket.wait_closed(), 5)
            assert socket.close_code == code

    run(talk)


def test_a_csms_that_cannot_be_reached_is_told_in_the_handshake() -> None:
    async def main() -> None:
        tap = StationServer(World().record, lambda *_, **__: None, upstream=Upstream("ws://127.0.0.1:1/", Limits()))
        port = await tap.start("127.0.0.1", 0)
        with pytest.raises(InvalidStatus) as refused:
            await station(f"ws://127.0.0.1:{port}/ocpp/CP-1")
        assert refused.value.response.status_code == 502
        await tap.stop()

    asyncio.run(asyncio.wait_for(main(), 20))


def test_what_is_not_recorded_does_not_go_on() -> None:
    async def talk(url: str, world: World) -> None:
        world.gate = asyncio.Event()
        async with station(url) as socket:
            await socket.send("[2]")
            await asyncio.sleep(0.3)
            assert world.heard == []
            world.gate.set()
            assert await socket.recv() == "[2]"
            world.fails = True
            await socket.send("[3]")
            await asyncio.wait_for(socket.wait_closed(), 5)
            assert socket.close_code == 1011
        assert world.heard == ["[2]"]

    run(talk)
