"""Let stations connect: OCPP-J over WebSocket, `ws://host:port/ocpp/<station>` (OCPP-J 1.6 §3; 2.0.1 and 2.1 part 4 §3).

This file touches the outside and decides nothing. A frame that arrives goes to `receive`; what that returns is sent back to the
station, answer first. `receive` must have made the message durable when it returns: its answer is the acknowledgement.

- Frames of one station are handled one after the other, in the order of arrival; stations do not wait for each other.
- A station has one connection. The newer one wins, the older one is closed with 1008.
- If `receive` fails, nothing is answered and the connection is closed with 1011: the station will send the message again.
- Bytes that are not UTF-8 are recorded like every other frame, as base64; `receive` decides whether they get a CALLERROR.
- A frame of more than FRAME_BYTES_MAX closes the connection with 1009. It cannot be recorded, since nobody has read it.
- Who offers no known subprotocol, or a name that is none, gets an HTTP status and the reason instead of a connection.

Versions are preferred newest first. A log line is written when a connection is made or refused, and when it ends.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from time import monotonic
from typing import Final, NamedTuple, Protocol
from urllib.parse import unquote
from weakref import WeakValueDictionary

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHeader
from websockets.frames import CloseCode
from websockets.headers import parse_authorization_basic
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ingest.station_name import RULE, station_name
from vocabulary.charging import Protocol as OcppVersion
from vocabulary.charging import RawMessage
from vocabulary.identity import StationId

FRAME_BYTES_MAX: Final = 2**20
PING_S: Final = 30  # between pings, and for how long each may stay unanswered
PREFIX: Final = "/ocpp/"
VERSIONS: Final = (OcppVersion.OCPP21, OcppVersion.OCPP201, OcppVersion.OCPP16)  # in order of preference

Receive = Callable[[Sequence[RawMessage]], Awaitable[Sequence[Sequence[str]]]]
"""Per message, in order, the frames to send to its station."""

Admit = Callable[[StationId, str], bool]
"""Whether this is the station's password: HTTP Basic, OCPP security profiles 1 and 2. "" where none was given."""


class LogLine(Protocol):
    def __call__(self, event: str, /, **fields: object) -> None: ...


class Refusal(NamedTuple):
    status: HTTPStatus
    reason: str


def utc_now() -> datetime:
    return datetime.now(UTC)


def admit_everyone(_station: StationId, _password: str) -> bool:
    return True


class StationServer:
    """The stations that are connected. `start`, then `send` as needed, then `stop`."""

    def __init__(
        self, receive: Receive, log: LogLine, *, admit: Admit = admit_everyone, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._receive, self._log, self._admit, self._now = receive, log, admit, now
        self._connections: dict[StationId, ServerConnection] = {}
        self._turns: WeakValueDictionary[StationId, asyncio.Lock] = WeakValueDictionary()
        self._closing: set[asyncio.Task[None]] = set()
        self._server: Server | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; gives the port, which is chosen by the system if `port` is 0."""
        self._server = await serve(
            self._converse,
            host,
            port,
            subprotocols=[Subprotocol(version) for version in VERSIONS],
            process_request=self._examine,
            max_size=FRAME_BYTES_MAX,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            server_header=None,
            ssl=tls,
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Accept nobody any more, close every connection with 1001, and wait until frames in hand are handled."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        await asyncio.gather(*self._closing)

    @property
    def stations(self) -> frozenset[StationId]:
        """Who is connected now."""
        return frozenset(self._connections)

    async def send(self, station: StationId, text: str) -> bool:
        """Push a frame to a station. False: it is not connected, and nothing was sent."""
        connection = self._connections.get(station)
        return connection is not None and await _sent(connection, [text])

    def _examine(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse by HTTP what can be no OCPP connection; None lets the handshake go on."""
        refusal = _refusal(request, self._admit)
        if refusal is None:
            return None
        self._log("station_refused", path=_without_query(request.path)[:80], status=int(refusal.status), reason=refusal.reason)
        response = connection.respond(refusal.status, refusal.reason + "\n")
        if refusal.status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="ocpp", charset="UTF-8"'
        return response

    async def _converse(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        station, version = _station(connection.request.path), OcppVersion(str(connection.subprotocol))
        assert station is not None, "refused in the handshake"
        self._replace(station, connection)
        self._log("station_connected", station=station, protocol=version.value)
        began, frames = monotonic(), 0
        try:
            while (data := await _next_frame(connection)) is not None:
                frames += 1
                await self._handle(connection, _message(data, station, version, self._now()))
        finally:
            if self._connections.get(station) is connection:
                del self._connections[station]
            facts = {"protocol": version.value, "frames": frames, "seconds": round(monotonic() - began, 3)}
            self._log("station_disconnected", station=station, **facts, code=connection.close_code)

    def _replace(self, station: StationId, connection: ServerConnection) -> None:
        older = self._connections.get(station)
        self._connections[station] = connection
        if older is not None:
            closing = asyncio.create_task(older.close(CloseCode.POLICY_VIOLATION, "replaced by a newer connection"))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _handle(self, connection: ServerConnection, message: RawMessage) -> None:
        """One frame, from its arrival to its answers, while no other frame of the station is in hand."""
        turn = self._turns.setdefault(message.station, asyncio.Lock())
        async with turn:
            (answers,) = await self._receive([message])
            await _sent(connection, answers)


async def _sent(connection: ServerConnection, texts: Sequence[str]) -> bool:
    """False where the connection ended before all was handed over: an answer that is lost is asked for again."""
    try:
        for text in texts:
            await connection.send(text)
    except ConnectionClosed:
        return False
    return True


async def _next_frame(connection: ServerConnection) -> bytes | None:
    """The bytes of a frame, text or binary; None where the connection has ended, in whatever way."""
    try:
        return await connection.recv(decode=False)
    except ConnectionClosed:
        return None


def _message(data: bytes, station: StationId, version: OcppVersion, at: datetime) -> RawMessage:
    try:
        return RawMessage(station=station, frame=data.decode(), protocol=version, received_at=at)
    except UnicodeDecodeError:
        frame = b64encode(data).decode()
        return RawMessage(station=station, frame=frame, protocol=version, received_at=at, base64=True)


def _station(path: str) -> StationId | None:
    """The station that a request's path names; None where it names none."""
    path = _without_query(path)
    return station_name(unquote(path.removeprefix(PREFIX))) if path.startswith(PREFIX) else None


def _without_query(path: str) -> str:
    """A query means nothing here; it may hold what belongs in no log."""
    return path.partition("?")[0]


def _refusal(request: Request, admit: Admit) -> Refusal | None:
    station = _station(request.path)
    if station is None:
        return Refusal(HTTPStatus.NOT_FOUND, f"connect to {PREFIX}<station>; a station's name is {RULE}")
    if not _offered(request) & set(VERSIONS):
        return Refusal(HTTPStatus.BAD_REQUEST, f"offer a subprotocol of {', '.join(VERSIONS)}")
    if not admit(station, _password(request, station)):
        return Refusal(HTTPStatus.UNAUTHORIZED, "the station's name and password are needed")
    return None


def _offered(request: Request) -> set[str]:
    headers = request.headers.get_all("Sec-WebSocket-Protocol")
    return {name.strip() for header in headers for name in header.split(",")}


def _password(request: Request, station: StationId) -> str:
    """The password given for this station; its name must be the user's (2.0.1 part 2, A00, security profile 1)."""
    header = request.headers.get("Authorization")
    try:
        name, password = parse_authorization_basic(header) if header else ("", "")
    except InvalidHeader:
        return ""
    return password if name == station else ""
