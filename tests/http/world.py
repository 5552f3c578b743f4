"""A server at work in this process, with both doors, and a publisher who uses Python's own HTTP client."""

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ingest.http_meter_keys import MeterKeyDoor
from ingest.http_server import PATIENCE, MessageDoor, Patience
from ingest.uvicorn_listener import HttpListener
from vocabulary.access import PREFIX, Role
from wattbook.database import writing
from wattbook.desk import Desk
from wattbook.publishing_desk import PublishingDesk
from wattbook.register_desk import RegisterDesk
from wattbook.serving import Counter, threads
from wattbook.sql_access import SqlAccess
from wattbook.wiring import App

SECRET = PREFIX + "s" * 43
LINES = "application/x-ndjson"


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Mapping[str, str]


class Door(NamedTuple):
    """Where it listens, the desk behind it, and what was logged."""

    port: int
    desk: Desk
    log: list[dict[str, Any]]

    def post(self, body: bytes | str, token: str | None = SECRET, kind: str | None = LINES, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {} if token is None else {"Authorization": f"Bearer {token}"}
        sent |= {} if kind is None else {"Content-Type": kind}
        return self.ask("POST", "/v1/messages", body, sent)

    def ask(self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body.encode() if isinstance(body, str) else body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, json.loads(answer.read()), dict(answer.getheaders()))
        finally:
            connection.close()


def add_token(app: App, name: str = "csms", role: Role = Role.PUBLISHER, secret: str = SECRET) -> None:
    with writing(app.engine) as connection:
        SqlAccess(connection).add(name, role, secret, datetime(2026, 10, 1, tzinfo=UTC))


@contextmanager
def door(app: App, patience: Patience = PATIENCE, idle_s: float = 15) -> Iterator[Door]:
    """A loop in a thread of its own, as `wattbook serve` would have it."""
    ready: threading.Event = threading.Event()
    log: list[dict[str, Any]] = []
    found: list[Door] = []
    stop: list[Callable[[], object]] = []

    async def serve() -> None:
        desk = Desk(app, lambda event, **facts: log.append({"event": event, **facts}))
        counter, ended = Counter(desk.handle), asyncio.Event()
        with threads("bodies") as bodies, threads("lookups") as lookups:
            publishing = PublishingDesk(app, desk, counter.run, lookups, lambda: True)
            say = lambda event, **facts: log.append({"event": event, **facts})  # noqa: E731
            doors = MessageDoor(publishing, say, bodies, patience)
            MeterKeyDoor(doors, RegisterDesk(app, desk, counter.run), say)
            listener = HttpListener(doors.app, say, idle_s=idle_s)
            work = asyncio.create_task(publishing.work())
            found.append(Door(await listener.start("127.0.0.1", 0), desk, log))
            loop = asyncio.get_running_loop()
            stop.append(lambda: loop.call_soon_threadsafe(ended.set))
            ready.set()
            await ended.wait()
            await listener.stop()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        counter.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0]
    finally:
        stop[0]()
        thread.join(20)
        assert not thread.is_alive()
