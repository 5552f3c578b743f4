"""Stations connect, are answered in order, and lose their connection rather than their messages."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from types import ModuleType
from typing import Any

import ocpp.v16
import ocpp.v16.call
import ocpp.v21
import ocpp.v21.call
import ocpp.v201
import ocpp.v201.call
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from ingest.answers import Decisions, answer
from ingest.websocket_handshake import Knock, Refusal
from ingest.websocket_server import FRAME_BYTES_MAX, StationServer, admit_everyone
from vocabulary.charging import Protocol, RawMessage
from vocabulary.identity import StationId

NOW = datetime(2026, 3, 2, 8, 0, 15, tzinfo=UTC)
HEARTBEAT = '[2,"h-1","Heartbeat",{}]'
STATION = StationId("CP-1")
PROTOCOLS = [Subprotocol("ocpp1.6")]


class Csms:
    """An application in memory: it keeps what it receives, and answers like a CSMS."""

    def __init__(self) -> None:
        self.received: list[RawMessage] = []
        self.lines: list[dict[str, object]] = []
        self.before_answer: Callable[[RawMessage], Awaitable[None]] | None = None

    async def receive(self, messages: Sequence[RawMessage]) -> list[list[str]]:
        self.received += messages
        if self.before_answer is not None:
            for message in messages:
                await self.before_answer(message)
        return [self._answers(message) for message in messages]

    def log(self, event: str, /, **fields: object) -> None:
        self.lines.append({"event": event, **fields})

    def _answers(self, message: RawMessage) -> list[str]:
        assert message.protocol is not None
        text = answer(message.protocol, message.frame, NOW, Decisions(transaction_id=50017))
        return [] if text is None else [text]


@asynccontextmanager
async def running(csms: Csms, **options: Any) -> AsyncIterator[tuple[StationServer, str]]:
    server = StationServer(csms.receive, csms.log, now=lambda: NOW, **options)
    port = await server.start("127.0.0.1", 0)
    try:
        yield server, f"ws://127.0.0.1:{port}/ocpp/"
    finally:
        await server.stop()


def station(url: str, *protocols: str) -> connect:
    return connect(url, subprotocols=[Subprotocol(protocol) for protocol in protocols or ("ocpp1.6",)])


async def closed(connection: ClientConnection) -> tuple[int, str]:
    await asyncio.wait_for(connection.wait_closed(), 5)
    assert connection.close_code is not None
    return connection.close_code, connection.close_reason or ""


def test_stations_of_1_6_talk_to_it() -> None:
    async def talk(url: str, csms: Csms) -> None:
        async with _charge_point(ocpp.v16, url, "ocpp1.6") as station:
            booted = await station.call(
                ocpp.v16.call.BootNotification(charge_point_model="AC22", charge_point_vendor="Example")
            )
            assert (booted.status, booted.interval, booted.current_time) == ("Accepted", 300, "2026-03-02T08:00:15Z")
            started = await station.call(
                ocpp.v16.call.StartTransaction(
                    connector_id=1, id_tag="TAG1", meter_start=1000, timestamp="2026-03-02T08:00:14Z"
                )
            )
            assert (started.transaction_id, started.id_tag_info) == (50017, {"status": "Accepted"})
        assert [message.protocol for message in csms.received] == [Protocol.OCPP16] * 2
        assert [message.received_at for message in csms.received] == [NOW] * 2

    _run(talk)


@pytest.mark.parametrize(("module", "protocol"), [(ocpp.v201, "ocpp2.0.1"), (ocpp.v21, "ocpp2.1")])
def test_stations_of_2_0_1_and_2_1_talk_to_it(module: ModuleType, protocol: str) -> None:
    async def talk(url: str, csms: Csms) -> None:
        async with _charge_point(module, url, protocol) as station:
            booted = await station.call(
                module.call.BootNotification(charging_station={"model": "DC60", "vendor_name": "Example"}, reason="PowerUp")
            )
            assert (booted.status, booted.interval) == ("Accepted", 300)
            event = module.call.TransactionEvent(
                event_type="Started",
                timestamp="2026-03-06T08:00:00Z",
                trigger_reason="Authorized",
                seq_no=0,
                transaction_info={"transaction_id": "tx-1"},
                id_token={"id_token": "04A1", "type": "ISO14443"},
            )
            assert (await station.call(event)).id_token_info == {"status": "Accepted"}
        assert {message.protocol for message in csms.received} == {Protocol(protocol)}

    _run(talk)


@asynccontextmanager
async def _charge_point(module: ModuleType, url: str, protocol: str) -> AsyncIterator[Any]:
    async with station(url + "CP-1", protocol) as connection:
        charge_point = module.ChargePoint("CP-1", connection, response_timeout=5)
        listening = asyncio.create_task(charge_point.start())
        try:
            yield charge_point
        finally:
            await connection.close()
            await asyncio.gather(listening, return_exceptions=True)


def _run(talk: Callable[[str, Csms], Awaitable[None]], **options: Any) -> Csms:
    csms = Csms()

    async def main() -> None:
        async with running(csms, **options) as (_, url):
            await talk(url, csms)

    asyncio.run(asyncio.wait_for(main(), 20))
    return csms


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (("ocpp1.6", "ocpp2.0.1", "ocpp2.1"), "ocpp2.1"),
        (("ocpp1.5", "ocpp2.0.1", "ocpp1.6"), "ocpp2.0.1"),
        (("ocpp1.6",), "ocpp1.6"),
    ],
)
def test_the_newest_version_that_both_know_is_chosen(offered: tuple[str, ...], chosen: str) -> None:
    async def talk(url: str, csms: Csms) -> None:
        async with station(url + "CP-1", *offered) as connection:
            assert connection.subprotocol == chosen
            await connection.send(HEARTBEAT)
            await connection.recv()
        assert csms.received[0].protocol == chosen

    _run(talk)


@pytest.mark.parametrize(
    ("path", "protocols", "status", "reason"),
    [
        ("CP-1", ["ocpp1.5"], 400, "offer a subprotocol of ocpp2.1, ocpp2.0.1, ocpp1.6"),
        ("CP-1", None, 400, "offer a subprotocol of ocpp2.1, ocpp2.0.1, ocpp1.6"),
        ("", ["ocpp1.6"], 404, "a station's name is 1 to 48 of the characters"),
        ("CP%201", ["ocpp1.6"], 404, "a station's name is 1 to 48 of the characters"),
        ("a/b", ["ocpp1.6"], 404, "connect to /ocpp/<station>"),
        ("%2E%2E", ["ocpp1.6"], 404, "a station's name is 1 to 48 of the characters"),
        (".", ["ocpp1.6"], 404, "and not . or .. alone"),
        ("C" * 49, ["ocpp1.6"], 404, "connect to /ocpp/<station>"),
        ("../CP-1", ["ocpp1.6"], 404, "connect to /ocpp/<station>"),
    ],
)
def test_who_cannot_be_a_station_is_refused_with_a_status_and_the_reason(
    path: str, protocols: list[str] | None, status: int, reason: str
) -> None:
    async def talk(url: str, _: Csms) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url + path, subprotocols=None if protocols is None else [Subprotocol(name) for name in protocols])
        assert refused.value.response.status_code == status
        assert reason in refused.value.response.body.decode()

    csms = _run(talk)
    assert [(line["event"], line["status"]) for line in csms.lines] == [("station_refused", status)]


def test_a_name_is_percent_decoded() -> None:
    async def talk(url: str, csms: Csms) -> None:
        async with station(url + "DE%2AABC%2A1?x=1") as connection:
            await connection.send(HEARTBEAT)
            await connection.recv()
        assert csms.received[0].station == "DE*ABC*1"

    _run(talk)


def test_a_station_shows_its_password_where_one_is_wanted() -> None:
    async def talk(url: str, _: Csms) -> None:
        good, bad = (b64encode(text.encode()).decode() for text in ("CP-1:secret", "CP-1:guess"))
        other = b64encode(b"CP-2:secret").decode()
        for header in ("", "Bearer x", "Basic ?", f"Basic {bad}", f"Basic {other}"):
            headers = {"Authorization": header} if header else {}
            with pytest.raises(InvalidStatus) as refused:
                await connect(url + "CP-1", subprotocols=PROTOCOLS, additional_headers=headers)
            assert refused.value.response.status_code == 401
        headers = {"Authorization": f"Basic {good}"}
        async with connect(url + "CP-1", subprotocols=PROTOCOLS, additional_headers=headers) as connection:
            await connection.send(HEARTBEAT)
            await connection.recv()

    async def admit(knock: Knock) -> Refusal | None:
        good = (knock.station, knock.password) == ("CP-1", b"secret")
        return None if good else Refusal(HTTPStatus.UNAUTHORIZED, "no")

    csms = _run(talk, admit=admit)
    assert "secret" not in str(csms.lines)
    assert "guess" not in str(csms.lines)


def test_frames_of_one_station_are_handled_in_order_and_stations_do_not_wait_for_each_other() -> None:
    async def talk(url: str, csms: Csms) -> None:
        gate = asyncio.Event()

        async def wait(message: RawMessage) -> None:
            if message.station == "SLOW" and message.frame == HEARTBEAT:
                await gate.wait()

        csms.before_answer = wait
        async with station(url + "SLOW") as slow, station(url + "FAST") as fast:
            for number in range(1, 4):
                await slow.send(HEARTBEAT.replace("h-1", f"h-{number}"))
            await fast.send(HEARTBEAT)
            assert '"h-1"' in str(await asyncio.wait_for(fast.recv(), 5))
            assert [message.station for message in csms.received].count(StationId("SLOW")) == 1
            gate.set()
            answers = [str(await asyncio.wait_for(slow.recv(), 5)) for _ in range(3)]
        assert [text[:8] for text in answers] == ['[3,"h-1"', '[3,"h-2"', '[3,"h-3"']

    _run(talk)


def test_a_newer_connection_of_a_station_replaces_the_older_one() -> None:
    async def talk(url: str, csms: Csms) -> None:
        async with station(url + "CP-1") as older, station(url + "CP-1") as newer:
            assert await closed(older) == (1008, "replaced by a newer connection")
            await newer.send(HEARTBEAT)
            assert await newer.recv()

    csms = _run(talk)
    assert [(line["event"], line.get("frames")) for line in csms.lines] == [
        ("station_connected", None),
        ("station_connected", None),
        ("station_disconnected", 0),
        ("station_disconnected", 1),
    ]


def test_a_message_that_could_not_be_kept_is_not_answered_and_the_connection_ends() -> None:
    async def talk(url: str, csms: Csms) -> None:
        async def fail(_: RawMessage) -> None:
            raise OSError("disk full")

        csms.before_answer = fail
        async with station(url + "CP-1") as connection:
            await connection.send(HEARTBEAT)
            assert (await closed(connection))[0] == 1011
        csms.before_answer = None
        async with station(url + "CP-1") as connection:
            await connection.send(HEARTBEAT)
            assert '"h-1"' in str(await connection.recv())

    csms = _run(talk)
    assert [message.frame for message in csms.received] == [HEARTBEAT, HEARTBEAT]


def test_a_frame_beyond_the_limit_ends_the_connection() -> None:
    async def talk(url: str, csms: Csms) -> None:
        async with station(url + "CP-1") as connection:
            await connection.send("x" * FRAME_BYTES_MAX)
            assert await connection.recv()
            await connection.send("x" * (FRAME_BYTES_MAX + 1))
            assert (await closed(connection))[0] == 1009
        assert len(csms.received) == 1

    _run(talk)


def test_bytes_that_are_no_text_are_recorded_and_answered_like_what_is_no_call() -> None:
    async def talk(url: str, csms: Csms) -> None:
        async with station(url + "CP-1", "ocpp2.1") as connection:
            for data in (b"\xff\xfe", HEARTBEAT.encode()):
                await connection.send(data)
            assert str(await connection.recv()).startswith('[4,"-1","RpcFrameworkError"')
            assert str(await connection.recv()).startswith('[3,"h-1"')
        binary, text = csms.received
        assert (binary.base64, b64decode(binary.frame)) == (True, b"\xff\xfe")
        assert (text.base64, text.frame) == (False, HEARTBEAT)

    _run(talk)


def test_a_frame_is_pushed_to_a_station_that_is_connected() -> None:
    csms = Csms()

    async def main() -> None:
        async with running(csms) as (server, url):
            assert not await server.send(STATION, "[2]")
            async with station(url + "CP-1") as connection:
                await connection.send(HEARTBEAT)
                await connection.recv()
                assert server.stations == {STATION}
                assert await server.send(STATION, '[2,"k1","CostUpdated",{}]')
                assert await connection.recv() == '[2,"k1","CostUpdated",{}]'
            await asyncio.sleep(0.05)
            assert server.stations == frozenset()
            assert not await server.send(STATION, "[2]")

    asyncio.run(asyncio.wait_for(main(), 20))


def test_stopping_waits_for_what_is_in_hand_and_closes_the_connections() -> None:
    csms = Csms()

    async def main() -> None:
        handled = asyncio.Event()

        async def slowly(_: RawMessage) -> None:
            await asyncio.sleep(0.1)
            handled.set()

        csms.before_answer = slowly
        async with running(csms) as (server, url), station(url + "CP-1") as connection:
            await connection.send(HEARTBEAT)
            while not csms.received:
                await asyncio.sleep(0.01)
            await server.stop()
            assert handled.is_set()
            assert (await closed(connection))[0] == 1001

    asyncio.run(asyncio.wait_for(main(), 20))


def test_one_line_is_logged_per_connection() -> None:
    async def talk(url: str, _csms: Csms) -> None:
        async with station(url + "CP-1", "ocpp2.0.1") as connection:
            for _ in range(3):
                await connection.send(HEARTBEAT)
                await connection.recv()

    csms = _run(talk)
    _, line = csms.lines
    assert isinstance(line.pop("seconds"), float)
    assert line == {"event": "station_disconnected", "station": "CP-1", "protocol": "ocpp2.0.1", "frames": 3, "code": 1000}


def test_everyone_is_admitted_where_no_password_is_wanted() -> None:
    assert asyncio.run(admit_everyone(Knock(STATION, "127.0.0.1", None, None))) is None
