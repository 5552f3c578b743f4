"""Who asks for more than his share is slowed, refused or disconnected, and nobody else notices. Real sockets throughout."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from ingest.limits import Bucket, Failures, Limits
from ingest.websocket_server import StationServer
from vocabulary.charging import RawMessage

PROTOCOLS = [Subprotocol("ocpp1.6")]
HEARTBEAT = '[2,"h-1","Heartbeat",{}]'


class Echo:
    """Answers each frame with `answer`, after so many seconds."""

    def __init__(self, answer: str = "[3]", seconds: float = 0) -> None:
        self.answer, self.seconds, self.frames, self.lines = answer, seconds, 0, list[dict[str, object]]()

    async def receive(self, messages: Sequence[RawMessage]) -> list[list[str]]:
        self.frames += len(messages)
        await asyncio.sleep(self.seconds)
        return [[self.answer] for _ in messages]

    def log(self, event: str, /, **fields: object) -> None:
        self.lines.append({"event": event, **fields})


@asynccontextmanager
async def serving(echo: Echo, limits: Limits, **options: Any) -> AsyncIterator[int]:
    server = StationServer(echo.receive, echo.log, limits=limits, **options)
    port = await server.start("127.0.0.1", 0)
    try:
        yield port
    finally:
        await server.stop()


def station(port: int, name: str = "CP-1", **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{port}/ocpp/{name}", subprotocols=PROTOCOLS, **options)


def run(main: Any) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


async def answer_seconds(port: int, name: str = "OTHER") -> float:
    """How long a well-behaved station waits for an answer."""
    async with station(port, name) as other:
        began = monotonic()
        await other.send(HEARTBEAT)
        await other.recv()
        return monotonic() - began


def test_a_station_that_sends_too_fast_is_read_more_slowly_and_loses_nothing() -> None:
    echo = Echo()

    async def main() -> None:
        async with serving(echo, Limits(messages_per_s=50, messages_burst=10)) as port, station(port) as fast:
            began = monotonic()
            for _ in range(60):  # 10 at once, 50 more in a second
                await fast.send(HEARTBEAT)
                await fast.recv()
            assert 0.8 < monotonic() - began < 3
            assert await answer_seconds(port) < 0.5, "the others have their own"
        assert echo.frames == 61

    run(main)


@pytest.mark.parametrize(("seconds", "pace"), [(0, 20), (0.05, 30)], ids=["a quick server", "one that is slower than the pace"])
def test_a_station_that_floods_without_waiting_for_answers_is_closed_with_1008(seconds: float, pace: int) -> None:
    echo = Echo(seconds=seconds)

    async def main() -> None:
        async with (
            serving(echo, Limits(messages_per_s=pace, messages_burst=5, flood_s=1, send_s=1)) as port,
            station(port) as flooding,
        ):

            async def flood() -> None:
                while True:
                    await flooding.send(HEARTBEAT)
                    await asyncio.sleep(0)  # the server is on the same loop

            sending = asyncio.create_task(flood())
            with suppress(ConnectionClosed):
                while await flooding.recv():
                    pass
            assert (flooding.close_code, flooding.close_reason) == (
                1008,
                "too many messages: wait for the answer to each call",
            )
            await asyncio.gather(sending, return_exceptions=True)
        assert echo.frames < 200

    run(main)


def test_a_station_that_never_reads_is_disconnected_and_holds_up_nobody() -> None:
    echo = Echo("x" * 500_000)

    async def main() -> None:
        async with serving(echo, Limits(send_s=1)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(_request("DEAF"))
            await reader.readuntil(b"\r\n\r\n")
            for _ in range(100):
                writer.write(_masked(HEARTBEAT.encode()))
            echo_of_others = await answer_seconds(port)
            while not any(line["event"] == "station_does_not_read" for line in echo.lines):
                await asyncio.sleep(0.05)
            writer.close()
            assert echo_of_others < 0.9
        assert echo.frames == 101, "what was read of it is kept"

    run(main)


def test_what_is_left_of_a_flood_that_has_ended_holds_up_nobody() -> None:
    """Hundreds of frames came in one piece: at their pace they would take minutes, and nobody waits for the answers."""
    echo = Echo()

    async def flooded(port: int, name: str) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request(name))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_masked(HEARTBEAT.encode()) * 1000)
        await reader.readexactly(1)
        return writer

    async def main() -> None:
        async with serving(echo, Limits(messages_per_s=5, messages_burst=5, send_s=1)) as port:
            (await flooded(port, "GONE")).transport.abort()
            while not any(line["event"] == "station_disconnected" for line in echo.lines):
                await asyncio.sleep(0.02)
            staying = await flooded(port, "STAYS")
        staying.close()
        ends = {str(line["station"]): line for line in echo.lines if line["event"] == "station_disconnected"}
        assert ends.keys() == {"GONE", "STAYS"}, "the server has stopped, too"
        assert all(int(str(line["unread"])) > 900 for line in ends.values()), ends

    run(main)


def test_who_is_back_at_once_has_no_new_burst() -> None:
    echo = Echo()

    async def main() -> None:
        async with serving(echo, Limits(messages_per_s=10, messages_burst=20)) as port:
            for _ in range(10):
                async with station(port) as flooding:
                    for _ in range(15):
                        await flooding.send(HEARTBEAT)
        assert echo.frames < 80

    run(main)


def test_the_code_in_the_log_is_ours_where_the_station_sent_none() -> None:
    echo = Echo()

    async def main() -> None:
        async with serving(echo, Limits()) as port:
            async with station(port) as long:
                with suppress(ConnectionClosed):
                    await long.send("x" * (1024 * 1024 + 30))
                    await long.recv()
            async with station(port, "LOST") as lost:
                lost.transport.abort()
            while sum(line["event"] == "station_disconnected" for line in echo.lines) < 2:
                await asyncio.sleep(0.02)
        codes = {line["station"]: line["code"] for line in echo.lines if line["event"] == "station_disconnected"}
        assert codes == {"CP-1": 1009, "LOST": 1006}

    run(main)


def test_a_handshake_that_does_not_come_is_given_up() -> None:
    async def main() -> None:
        async with serving(Echo(), Limits(handshake_s=1)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            began = monotonic()
            writer.write(b"GET /ocpp/CP-1 HTT")
            assert await reader.read() == b""
            assert 0.8 < monotonic() - began < 5
            writer.close()

    run(main)


def test_a_station_that_does_not_answer_a_ping_is_closed() -> None:
    echo = Echo()

    async def main() -> None:
        async with serving(echo, Limits(ping_s=1, send_s=1)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(_request("CP-1"))
            writer.write(b"\x81\xff")  # begins a frame, and goes on with a byte now and then
            trickle = asyncio.create_task(_trickle(writer))
            began = monotonic()
            while not any(line["event"] == "station_disconnected" for line in echo.lines):
                await asyncio.sleep(0.05)
            assert monotonic() - began < 8
            trickle.cancel()
            writer.close()
            assert (1011).to_bytes(2, "big") in await reader.read()

    run(main)


def test_connections_are_limited_in_all_and_per_address() -> None:
    async def main() -> None:
        limits = Limits(connections_max=3, connections_per_address_max=2)
        async with serving(Echo(), limits) as port:
            async with station(port, "A"), station(port, "B"):
                assert await _status(port) == 429
                async with station(port, "C", local_addr=("127.0.0.2", 0)):
                    assert await _status(port, local_addr=("127.0.0.3", 0)) == 503
            assert await answer_seconds(port) < 1, "whoever has left makes room"

    run(main)


def test_behind_a_proxy_the_address_is_the_one_that_it_wrote_down() -> None:
    async def main() -> None:
        def by_way_of(addresses: str) -> dict[str, str]:
            return {"X-Forwarded-For": addresses}

        async with (
            serving(Echo(), Limits(connections_per_address_max=1), behind_proxy=True) as port,
            station(port, "A", additional_headers=by_way_of("198.51.100.9, 192.0.2.1")),
            station(port, "B", additional_headers=by_way_of("192.0.2.1, 192.0.2.2")),
        ):
            assert await _status(port, additional_headers=by_way_of("192.0.2.1")) == 429

    run(main)


def test_headers_that_are_too_long_are_refused() -> None:
    async def main() -> None:
        async with serving(Echo(), Limits(header_bytes_max=2000)) as port:
            assert await _status(port, additional_headers={"X-Long": "x" * 2000}) == 431

    run(main)


def test_connections_that_come_and_go_leave_nothing_behind() -> None:
    echo = Echo()

    async def main() -> None:
        async with serving(echo, Limits(connections_per_address_max=5)) as port:
            for _ in range(100):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(_request("CP-1"))
                writer.transport.abort()
            await asyncio.sleep(0.3)
            assert await answer_seconds(port) < 1

    run(main)


def test_what_a_connection_holds_does_not_grow_with_what_it_has_said() -> None:
    async def main() -> None:
        server = StationServer(Echo().receive, lambda *_, **__: None)
        port = await server.start("127.0.0.1", 0)
        async with station(port) as talking:
            sizes = []
            for _ in range(2):
                for _ in range(50):
                    await talking.send(HEARTBEAT)
                    await talking.recv()
                [connection] = server._connections.values()
                sizes.append({name: len(held) for name, held in vars(connection).items() if hasattr(held, "__len__")})
            assert sizes[0] == sizes[1]
        await server.stop()

    run(main)


def test_a_bucket_gives_its_burst_at_once_and_then_its_pace() -> None:
    bucket = Bucket(2, 3, now=0)
    assert [bucket.take(0) for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    assert bucket.take(10) == 0


def test_failures_are_counted_by_name_and_forgiven_with_time() -> None:
    failures = Failures(per_s=1, burst=2)
    for _ in range(2):
        assert not failures.has_too_many("a", 0)
        failures.note("a", 0)
    assert failures.has_too_many("a", 0)
    assert not failures.has_too_many("b", 0)
    assert not failures.has_too_many("a", 1)


def test_what_is_remembered_of_failures_does_not_grow_with_the_names() -> None:
    failures = Failures()
    for number in range(20_000):
        failures.note(str(number), 0)
    assert len(failures._buckets) == 10_000


async def _status(port: int, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as refused:
        await station(port, "CP-9", **options)
    return int(refused.value.response.status_code)


async def _trickle(writer: asyncio.StreamWriter) -> None:
    writer.write((1000).to_bytes(8, "big") + b"\0\0\0\0")
    while True:
        await asyncio.sleep(0.2)
        writer.write(b"x")


def _request(name: str) -> bytes:
    return (
        f"GET /ocpp/{name} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {b64encode(bytes(16)).decode()}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    ).encode()


def _masked(data: bytes) -> bytes:
    assert len(data) < 126
    return bytes([0x81, 0x80 | len(data)]) + b"\0\0\0\0" + data
