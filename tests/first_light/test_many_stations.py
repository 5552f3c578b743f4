"""Many stations on one server, among them one that floods and one that never reads: who keeps to the rules loses nothing.

The same with 2 000 stations, and with a clock: `./run bench stations`.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from streams.log import Stream
from tests.first_light.homes import new_home
from vocabulary.charging import Direction, RawMessage
from vocabulary.codec import decode
from vocabulary.identity import Position
from wattbook.settings import read_settings
from wattbook.wiring import open_app

STATIONS = 50
LIMITS = {
    "WATTBOOK_SERVE_MESSAGES_PER_S": "1",
    "WATTBOOK_SERVE_MESSAGES_BURST": "20",
    "WATTBOOK_SERVE_FLOOD_S": "1",
    "WATTBOOK_SERVE_SEND_S": "1",
}
HEARTBEAT = '[2,"%s","Heartbeat",{}]'

Told = dict[str, list[str]]  # by station, in order


class Said(NamedTuple):
    frames: Told
    answers: Told


def test_many_stations_lose_nothing_while_one_floods_and_one_never_reads(tmp_path: Path) -> None:
    new_home(tmp_path / "home").close()
    with _server(tmp_path / "home") as (port, log):
        said, flood = asyncio.run(asyncio.wait_for(_all_at_once(port), 100))
    assert flood == (1008, "too many messages: wait for the answer to each call")
    logged = _logged(tmp_path / "home")
    for number in range(STATIONS):
        station = f"ST-{number}"
        assert len(said.answers[station]) == len(said.frames[station]) == 5
        assert logged.frames[station] == said.frames[station]
        assert logged.answers[station] == said.answers[station]
    kept = len(logged.frames["FLOODS"])
    assert 20 <= kept < len(said.frames["FLOODS"]) / 2
    assert logged.frames["FLOODS"] == said.frames["FLOODS"][:kept]
    assert logged.answers["FLOODS"][: len(said.answers["FLOODS"])] == said.answers["FLOODS"]
    ends = [json.loads(line) for line in log.read_text().splitlines()]
    assert [end["event"] for end in ends if end.get("station") == "DEAF"] == [
        "station_connected",
        "station_does_not_read",
        "station_disconnected",
    ]


@contextmanager
def _server(home: Path) -> Iterator[tuple[int, Path]]:
    """Its port, and the file of its log; stopped by SIGTERM at the end, which it must obey with status 0."""
    log, words = home / "serve.log", ["--home", str(home), "serve", "--port", "0", "--security-profile", "0"]
    with log.open("w") as errors:
        command = [sys.executable, "-m", "wattbook", *words]
        process = subprocess.Popen(command, env=os.environ | LIMITS, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        yield int(re.findall(r":(\d+)/", process.stdout.readline())[0]), log
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0, log.read_text()
        process.stdout.close()


async def _all_at_once(port: int) -> tuple[Said, tuple[int | None, str | None]]:
    said = Said(defaultdict(list), defaultdict(list))
    deaf = asyncio.create_task(_never_reads(port))
    flood = asyncio.create_task(_floods(port, said))
    await asyncio.gather(*(_charges(port, number, said) for number in range(STATIONS)))
    await deaf
    return said, await flood


async def _charges(port: int, number: int, said: Said) -> None:
    station = f"ST-{number}"
    calls = _calls_201(station) if number % 2 else _calls_16()
    async with connect(_url(port, station), subprotocols=[Subprotocol("ocpp2.0.1" if number % 2 else "ocpp1.6")]) as socket:
        for index, (action, payload) in enumerate(calls):
            frame = json.dumps([2, f"m{index}", action, payload])
            said.frames[station].append(frame)
            await socket.send(frame)
            said.answers[station].append(str(await socket.recv()))
            assert json.loads(said.answers[station][-1])[:2] == [3, f"m{index}"]


def _calls_16() -> list[tuple[str, Any]]:
    start = {"connectorId": 1, "idTag": "NOBODY", "meterStart": 1000, "timestamp": "2026-10-14T08:00:00Z"}
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "timestamp": "2026-10-14T08:00:05Z"}
    sampled = [{"timestamp": "2026-10-14T08:30:00Z", "sampledValue": [{"value": "3000"}]}]
    values = {"connectorId": 1, "meterValue": sampled}
    return [
        ("Heartbeat", {}),
        ("StartTransaction", start),
        ("StatusNotification", status),
        ("MeterValues", values),
        ("Heartbeat", {}),
    ]


def _calls_201(station: str) -> list[tuple[str, Any]]:
    def event(kind: str, seq: int) -> tuple[str, Any]:
        at = f"2026-10-14T08:{seq:02}:00Z"
        head = {"eventType": kind, "timestamp": at, "triggerReason": "Authorized", "seqNo": seq, "evse": {"id": 1}}
        values = [{"timestamp": at, "sampledValue": [{"value": 1000 + seq}]}]
        return "TransactionEvent", head | {"transactionInfo": {"transactionId": station}, "meterValue": values}

    return [("Heartbeat", {}), event("Started", 0), event("Updated", 1), event("Updated", 2), event("Ended", 3)]


async def _floods(port: int, said: Said) -> tuple[int | None, str | None]:
    """Sends without waiting until it is closed; how it was closed."""
    async with connect(_url(port, "FLOODS"), subprotocols=[Subprotocol("ocpp1.6")]) as socket:
        reading = asyncio.create_task(_read(said.answers["FLOODS"], socket))
        with suppress(ConnectionClosed):
            while True:
                said.frames["FLOODS"].append(HEARTBEAT % f"f{len(said.frames['FLOODS'])}")
                await socket.send(said.frames["FLOODS"][-1])
                await asyncio.sleep(0.001)
        await reading
        return socket.close_code, socket.close_reason


async def _read(answers: list[str], socket: Any) -> None:
    with suppress(ConnectionClosed):
        while True:
            answers.append(str(await socket.recv()))


async def _never_reads(port: int) -> None:
    """On a bare socket; the answers repeat long message ids, so that no buffer on the way holds them. Until it is cut off."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    key = b64encode(bytes(16)).decode()
    writer.write(
        f"GET /ocpp/DEAF HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
    )
    for _ in range(20):
        frame = (HEARTBEAT % ("d" * 300_000)).encode()
        writer.write(bytes([0x81, 0xFF]) + len(frame).to_bytes(8, "big") + bytes(4) + frame)
    with suppress(ConnectionError):
        while True:
            writer.write(bytes([0x89, 0x80]) + bytes(4))  # a ping, to notice when nobody is there any more
            await writer.drain()
            await asyncio.sleep(0.05)


def _url(port: int, station: str) -> str:
    return f"ws://127.0.0.1:{port}/ocpp/{station}"


def _logged(home: Path) -> Said:
    app, found = open_app(read_settings(home=home)), Said(defaultdict(list), defaultdict(list))
    with app.reading() as store:
        for stored in store.log.read((Stream.RAW,), Position(0), 100_000):
            message = decode(stored.body)
            assert isinstance(message, RawMessage)
            side = found.frames if message.direction is Direction.FROM_STATION else found.answers
            side[message.station].append(message.frame)
    app.close()
    return found
