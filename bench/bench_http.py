"""How fast messages come in over HTTP, beside `wattbook import` of the same frames; and what stations notice of it.

A server as a user starts it; one publisher who sends the next body when the last one is answered. "taken in" is until the last
answer, when all is durable; "processed" is until every message has gone through the steps, which is what `import` does.
"""

import asyncio
import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from websockets.asyncio.client import connect

from bench.network import capture, new_app
from wattbook.importing import import_files
from wattbook.settings import read_settings
from wattbook.wiring import open_app

FRAMES, SIZES, STATIONS, SECONDS = 40_000, {1: 600, 100: 40_000, 10_000: 40_000}, 20, 15
P99_MAX_S = 0.2


class Server(NamedTuple):
    ws: int
    http: int
    token: str


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="wattbook-bench-") as folder:
        lines = capture(Path(folder) / "capture.ndjson", FRAMES).read_bytes().splitlines(keepends=True)
        print(f"{len(lines)} frames of 1000 stations, {sum(map(len, lines)) / 1e6:.0f} MB")
        _import(Path(folder))
        for size, items in SIZES.items():
            _publish(Path(folder) / f"home-{size}", lines[:items], size)
        worst = _stations(Path(folder) / "stations", lines)
    print(f"p99 beside a publisher: {worst / P99_MAX_S:.2f} of the {P99_MAX_S} s that are aimed at")


def _import(folder: Path) -> None:
    app, began = new_app(folder / "import"), time.perf_counter()
    import_files(app.runtime, [folder / "capture.ndjson"], 1000)
    print(f"import                  {FRAMES / (time.perf_counter() - began):8.0f} items/s, processed")
    app.close()


@contextmanager
def _server(home: Path) -> Iterator[Server]:
    new_app(home).close()
    wattbook = [sys.executable, "-m", "wattbook", "--home", str(home)]
    token = subprocess.run(
        [*wattbook, "token", "create", "--role", "publisher", "--name", "bench"], check=True, capture_output=True, text=True
    ).stdout.strip()
    serve = [*wattbook, "serve", "--port", "0", "--http-port", "0", "--security-profile", "0"]
    process = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    ports = [int(re.findall(r":(\d+)/", process.stdout.readline())[0]) for _ in range(2)]
    try:
        yield Server(*ports, token)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _publish(home: Path, lines: list[bytes], size: int) -> None:
    with _server(home) as server:
        times, began = [], time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", server.http)
        for at in range(0, len(lines), size):
            sent = time.perf_counter()
            _post(connection, server.token, b"".join(lines[at : at + size]))
            times.append(time.perf_counter() - sent)
        taken = time.perf_counter() - began
        _until_processed(home)
        processed = time.perf_counter() - began
    print(
        f"http, bodies of {size:6d}  {len(lines) / taken:8.0f} items/s taken in, {len(lines) / processed:6.0f} processed; "
        f"an answer takes {statistics.median(times) * 1000:.1f} ms, at most {max(times) * 1000:.0f} ms"
    )


def _post(connection: http.client.HTTPConnection, token: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    connection.request("POST", "/v1/messages", body, headers)
    answer = connection.getresponse()
    assert answer.read() and answer.status == 200, answer.status


def _until_processed(home: Path) -> None:
    """By the database: the position is that of the last input."""
    app = open_app(read_settings(home=home))
    while True:
        with app.reading() as store:
            last = max(store.log.head(stream).position for stream in _inputs())
            if store.states.position("steps") >= last:
                break
        time.sleep(0.05)
    app.close()


def _inputs() -> tuple[object, ...]:
    from streams.log import INPUTS

    return tuple(INPUTS)


def _stations(home: Path, lines: list[bytes]) -> float:
    """The p99 of stations' answers, alone and beside a publisher without pause."""
    with _server(home) as server:
        alone = asyncio.run(_talk(server))
        stop = threading.Event()
        publisher = threading.Thread(target=_publish_for_ever, args=(server, lines, stop))
        publisher.start()
        beside = asyncio.run(_talk(server))
        stop.set()
        publisher.join()
    for name, times in (("alone", alone), ("beside a publisher", beside)):
        p50, p99 = statistics.median(times) * 1000, statistics.quantiles(times, n=100)[98] * 1000
        print(
            f"stations, {name:20s} {len(times):6d} answers: p50 {p50:.1f} ms, p99 {p99:.0f} ms, max {max(times) * 1000:.0f} ms"
        )
    return statistics.quantiles(beside, n=100)[98]


def _publish_for_ever(server: Server, lines: list[bytes], stop: threading.Event) -> None:
    connection, round_ = http.client.HTTPConnection("127.0.0.1", server.http), 0
    while not stop.is_set():
        round_ += 1
        for at in range(0, len(lines), 10_000):
            if stop.is_set():
                return
            body = b"".join(lines[at : at + 10_000])
            _post(connection, server.token, body.replace(b'"station":"', b'"station":"%d-' % round_))


async def _talk(server: Server) -> list[float]:
    """Each station sends a meter value every 0.2 s."""
    times: list[float] = []

    async def station(number: int) -> None:
        async with connect(f"ws://127.0.0.1:{server.ws}/ocpp/W-{number}", subprotocols=["ocpp1.6"]) as socket:  # type: ignore[list-item]
            ends = time.perf_counter() + SECONDS
            while time.perf_counter() < ends:
                at = time.perf_counter()
                await socket.send(f'[2,"{os.urandom(4).hex()}","Heartbeat",{{}}]')
                await socket.recv()
                times.append(time.perf_counter() - at)
                await asyncio.sleep(0.2)

    await asyncio.gather(*(station(number) for number in range(STATIONS)))
    return times


if __name__ == "__main__":
    main()
