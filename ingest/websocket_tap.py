"""Stand between stations and their CSMS, and record what both say: `wattbook serve --upstream wss://csms.example/path`.

    station ──▶ record ──▶ CSMS          each frame goes on as it came: bytes, order, text or binary
            ◀── record ◀──

Each station has one connection to the CSMS, `upstream` and its name, with the subprotocols and the Authorization that it
showed. It is made before the station's own handshake ends, so that the station gets the CSMS's choice, and its refusal.
Nothing is answered here. A frame goes on when it is recorded, and not before: what nobody recorded is not answered, so the
station sends it again. What recorded means is for who records (`wattbook/recorder.py`); where it cannot be done the station's
connection ends with 1011. Close codes go on too; pings are each side's own. A CSMS that is lost ends the station's with 1014.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakKeyDictionary

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.typing import Subprotocol

from ingest.limits import Limits
from ingest.websocket_handshake import Refusal, offered, station_of


class NotRecorded(Exception):
    """A frame could not be recorded, and does not go on."""


_NOT_SENT: Final = (
    CloseCode.NO_STATUS_RCVD,
    CloseCode.ABNORMAL_CLOSURE,
    CloseCode.TLS_HANDSHAKE,
)  # close codes that stand for there being none


class Upstream:
    """The CSMS behind us. `address` ends where the station's name begins."""

    def __init__(self, address: str, limits: Limits, tls: ssl.SSLContext | None = None) -> None:
        self._address, self._limits = address.rstrip("/") + "/", limits
        self._tls = tls if self._address.startswith("wss:") else None
        self._lines: WeakKeyDictionary[ServerConnection, ClientConnection] = WeakKeyDictionary()
        self._ends: set[asyncio.Task[None]] = set()

    async def call(self, station: ServerConnection, request: Request) -> Refusal | None:
        """Connect to the CSMS for a station whose handshake goes on. None: it is connected."""
        try:
            line = await self._connect(request)
        except InvalidStatus as error:
            return _refused(error.response.status_code)
        except (OSError, InvalidHandshake, TimeoutError):
            return Refusal(HTTPStatus.BAD_GATEWAY, "the CSMS cannot be reached; try again later")
        if line.subprotocol is None:
            await line.close()
            return Refusal(HTTPStatus.BAD_GATEWAY, "the CSMS chose none of the subprotocols that were offered")
        self._lines[station] = line
        end = asyncio.create_task(self._end_with(station, line))
        self._ends.add(end)
        end.add_done_callback(self._ends.discard)
        return None

    def chosen(self, station: ServerConnection) -> Subprotocol | None:
        return self._lines[station].subprotocol

    def line(self, station: ServerConnection) -> ClientConnection:
        return self._lines[station]

    async def _connect(self, request: Request) -> ClientConnection:
        station = station_of(request.path)
        assert station is not None, "refused before"
        shown = request.headers.get_all("Authorization")
        return await connect(
            self._address + quote(station, safe=""),
            subprotocols=[Subprotocol(name) for name in offered(request)],
            additional_headers=[("Authorization", each) for each in shown],
            user_agent_header=None,
            max_size=self._limits.frame_bytes_max,
            ssl=self._tls,
            proxy=None,
            create_connection=TapClient,
            open_timeout=self._limits.handshake_s / 2,
            close_timeout=self._limits.send_s,
            ping_interval=self._limits.ping_s,
            ping_timeout=self._limits.ping_s,
        )

    async def _end_with(self, station: ServerConnection, line: ClientConnection) -> None:
        """A station that goes before or after its handshake takes its connection to the CSMS along."""
        await asyncio.shield(station.connection_lost_waiter)
        code = station.close_code
        await line.close(CloseCode.GOING_AWAY if code is None or code in _NOT_SENT else code, station.close_reason or "")


class Opcodes:
    """Whether each message that is waiting was text: a connection that is read as bytes does not say."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.are_text: deque[bool] = deque()
        super().__init__(*arguments, **options)

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY):
            self.are_text.append(event.opcode is Opcode.TEXT)
        super().process_event(event)  # type: ignore[misc]


class TapClient(Opcodes, ClientConnection):
    pass


async def forward(source: Any, target: Any, record: Callable[[bytes], Awaitable[object]], send_s: int) -> None:
    """Until one ends: each message recorded, then sent on as it came; then the end itself. Raises what `record` raises."""
    while True:
        try:
            data = await source.recv(decode=False)
        except ConnectionClosed:
            return await _end(source, target)
        is_text = source.are_text.popleft()
        await record(data)
        try:
            async with asyncio.timeout(send_s):
                await target.send(data, text=is_text)
        except TimeoutError:
            target.transport.abort()
        except ConnectionClosed:
            return None


async def _end(source: Any, target: Any) -> None:
    code = source.close_code
    if code == CloseCode.NO_STATUS_RCVD:
        await target.close()
    elif code is None or code in _NOT_SENT:
        await target.close(CloseCode.BAD_GATEWAY, "the other side was lost; try again later")
    else:
        await target.close(code, source.close_reason or "")


def _refused(status: int) -> Refusal:
    """What a station can do something about goes on as it is."""
    if 400 <= status < 600 and status in [each.value for each in HTTPStatus]:
        return Refusal(HTTPStatus(status), f"the CSMS refuses the connection: {HTTPStatus(status).phrase}")
    return Refusal(HTTPStatus.BAD_GATEWAY, f"the CSMS answers {status}")
