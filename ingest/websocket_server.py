"""Let stations connect: OCPP-J over WebSocket, `ws://host:port/ocpp/<station>` (OCPP-J 1.6 §3; 2.0.1 and 2.1 part 4 §3).

This file touches the outside and decides nothing. A frame that arrives goes to `receive`; what that returns is sent back to the
station, answer first. `receive` must have made the message durable when it returns: its answer is the acknowledgement.

- Frames of one station are handled one after the other, in the order of arrival; stations do not wait for each other.
- A station has one connection. The newer one wins, the older one is closed with 1008.
- If `receive` fails, nothing is answered and the connection is closed with 1011: the station will send the message again.
- Bytes that are not UTF-8 are recorded like every other frame, as base64; `receive` decides whether they get a CALLERROR.
- A frame that is too long closes the connection with 1009. It cannot be recorded, since nobody has read it.
- With an `upstream` this is a tap (`ingest/websocket_tap.py`): frames go on to the CSMS and back, `receive` only records them,
  and raises NotRecorded where they must not go on.
- Who sends faster than allowed is read more slowly; who then goes on without waiting for answers is closed with 1008.
- Of a connection that has ended what waits is still handled, all at once, as far as it came within the station's pace.
- Who does not read what it is sent for a while is disconnected, without a word: nothing could be said to it.
- Who offers no known subprotocol, a name that is none, or no right to it, gets an HTTP status and the reason.

Versions are preferred newest first. A log line is written when a connection is made or refused, by TLS too, and when it ends.
"""

import asyncio
import ssl
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from time import monotonic
from typing import Any, Final, NamedTuple, Protocol
from weakref import WeakValueDictionary

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from ingest.limits import Bucket, Limits
from ingest.tls_handshake import TlsRefusals, behind_tls
from ingest.websocket_handshake import (
    VERSIONS,
    Admit,
    Knock,
    Refusal,
    address_of,
    header_bytes,
    knock_of,
    profile_shown,
    refusal_of,
    station_of,
    without_query,
)
from ingest.websocket_tap import NotRecorded, Opcodes, Upstream, forward
from vocabulary.charging import Direction, RawMessage
from vocabulary.charging import Protocol as OcppVersion
from vocabulary.identity import StationId

FRAME_BYTES_MAX: Final = Limits().frame_bytes_max
_SPARE: Final = 100  # sockets beyond the limit that still get an answer
_QUEUE_FRAMES: Final = 16  # read from a station and not yet handled
_FLOOD_FRAMES: Final = 8  # of them waiting: nobody has so many who waits for answers

Receive = Callable[[Sequence[RawMessage]], Awaitable[Sequence[Sequence[str]]]]
"""Per message, in order, the frames to send to its station."""


class LogLine(Protocol):
    def __call__(self, event: str, /, **fields: object) -> None: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


async def admit_everyone(_knock: Knock) -> Refusal | None:
    return None


class _Talk(NamedTuple):
    """What holds for all messages of a connection."""

    station: StationId
    version: OcppVersion
    profile: int | None


class _Turn:
    """One station's: a frame at a time, at its pace."""

    def __init__(self, limits: Limits) -> None:
        self.lock = asyncio.Lock()
        self.pace = Bucket(limits.messages_per_s, limits.messages_burst, monotonic())
        self.flooding_since: float | None = None


class StationServer:
    """The stations that are connected. `start`, then `send` as needed, then `stop`."""

    def __init__(
        self,
        receive: Receive,
        log: LogLine,
        *,
        admit: Admit = admit_everyone,
        now: Callable[[], datetime] = utc_now,
        limits: Limits | None = None,
        security_profile: int | None = None,
        behind_proxy: bool = False,
        upstream: Upstream | None = None,
    ) -> None:
        self._upstream = upstream
        self._receive, self._log, self._admit, self._now = receive, log, admit, now
        self._limits, self._profile, self._behind_proxy = limits or Limits(), security_profile, behind_proxy
        self._connections: dict[StationId, ServerConnection] = {}
        self._addresses: Counter[str] = Counter()
        self._turns: WeakValueDictionary[StationId, _Turn] = WeakValueDictionary()
        self._closing: set[asyncio.Task[None]] = set()
        self._server: Server | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; gives the port, which is chosen by the system if `port` is 0."""
        is_tap = self._upstream is not None
        connection = _counted(self._limits.connections_max + _SPARE, is_tap=is_tap)
        refusals = TlsRefusals(self._log, self._limits.connections_per_address_max)
        self._server = await serve(
            self._converse,
            host,
            port,
            subprotocols=[Subprotocol(version) for version in VERSIONS],
            process_request=self._examine,
            select_subprotocol=self._chosen if is_tap else None,
            max_size=self._limits.frame_bytes_max,
            max_queue=_QUEUE_FRAMES,
            open_timeout=self._limits.handshake_s,
            close_timeout=self._limits.send_s,
            ping_interval=self._limits.ping_s,
            ping_timeout=self._limits.ping_s,
            server_header=None,
            create_connection=behind_tls(connection, tls, refusals, self._limits.handshake_s),
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
        return connection is not None and await self._sent(station, connection, [text])

    def disconnect(self, station: StationId, reason: str) -> None:
        """End a station's connection with 1008; nothing where it has none. Frames in hand are handled."""
        if (connection := self._connections.get(station)) is not None:
            self._close(connection, reason)

    async def _examine(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse by HTTP what can be no OCPP connection; None lets the handshake go on."""
        address = address_of(connection, request, self._behind_proxy)
        refusal = self._crowded(connection, request, address) or refusal_of(request)
        refusal = refusal or await self._admit(knock_of(connection, request, address))
        if refusal is None and self._upstream is not None:
            refusal = await self._upstream.call(connection, request)
        if refusal is None:
            return None
        facts = {"status": int(refusal.status), "reason": refusal.reason, "address": address}
        self._log("station_refused", path=without_query(request.path)[:80], **facts)
        response = connection.respond(refusal.status, refusal.reason + "\n")
        if refusal.status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="ocpp", charset="UTF-8"'
        return response

    def _crowded(self, connection: ServerConnection, request: Request, address: str) -> Refusal | None:
        """Counts the connection until it ends, and looks whether there is room for it."""
        self._addresses[address] += 1
        connection.connection_lost_waiter.add_done_callback(lambda _: self._leave(address))
        if header_bytes(request) > self._limits.header_bytes_max:
            return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's headers are too long")
        if self._addresses.total() > self._limits.connections_max:
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections; try again later")
        if self._addresses[address] > self._limits.connections_per_address_max:
            return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many connections from one address")
        return None

    def _leave(self, address: str) -> None:
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]

    async def _converse(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        station, version = station_of(connection.request.path), OcppVersion(str(connection.subprotocol))
        assert station is not None, "refused in the handshake"
        profile = self._profile if self._upstream is None else profile_shown(connection, connection.request)
        talk = _Talk(station, version, profile)
        self._replace(station, connection)
        self._log("station_connected", station=station, protocol=version.value, security_profile=profile)
        turn = self._turns.setdefault(station, _Turn(self._limits))
        began, frames = monotonic(), 0
        try:
            if self._upstream is not None:
                frames = await self._relay(connection, turn, talk)
                return
            while await self._paced(connection, turn) and (data := await _next_frame(connection)) is not None:
                frames += 1
                await self._handle(connection, turn, self._message(data, talk))
            frames += await self._handle_rest(connection, turn, talk)
        finally:
            if self._connections.get(station) is connection:
                del self._connections[station]
            asyncio.get_running_loop().call_later(self._limits.refilled_s, lambda: turn)  # who comes back has no new burst
            facts: dict[str, object] = {"protocol": version.value, "frames": frames, "seconds": round(monotonic() - began, 3)}
            if unread := len(connection.recv_messages.frames):
                facts["unread"] = unread
            self._log("station_disconnected", station=station, **facts, code=_end_code(connection))

    async def _relay(self, connection: ServerConnection, turn: _Turn, talk: _Talk) -> int:
        """Frames go on in both directions until one side ends; gives how many the station sent."""
        assert self._upstream is not None
        line, frames = self._upstream.line(connection), 0

        async def from_station(data: bytes) -> None:
            nonlocal frames
            frames += 1
            await self._paced(connection, turn)
            await self._receive([self._message(data, talk)])

        async def to_station(data: bytes) -> None:
            await self._receive([self._message(data, talk, Direction.TO_STATION)])

        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(forward(connection, line, from_station, self._limits.send_s))
                both.create_task(forward(line, connection, to_station, self._limits.send_s))
        except* NotRecorded:
            await connection.close(CloseCode.INTERNAL_ERROR, "what was said could not be recorded; try again later")
        return frames

    def _chosen(self, connection: ServerConnection, _offered: Sequence[Subprotocol]) -> Subprotocol | None:
        assert self._upstream is not None
        return self._upstream.chosen(connection)

    def _replace(self, station: StationId, connection: ServerConnection) -> None:
        older = self._connections.get(station)
        self._connections[station] = connection
        if older is not None:
            self._close(older, "replaced by a newer connection")

    def _close(self, connection: ServerConnection, reason: str) -> None:
        """Nobody waits for who may not answer."""
        closing = asyncio.create_task(connection.close(CloseCode.POLICY_VIOLATION, reason))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _paced(self, connection: ServerConnection, turn: _Turn) -> bool:
        """Wait until one more frame may be read. False: the connection has ended, or it was a flood and is closed."""
        if connection.state is not State.OPEN:
            return False
        if delay := turn.pace.take(monotonic()):
            await asyncio.sleep(delay)
        waiting = len(connection.recv_messages.frames)
        if waiting < _FLOOD_FRAMES or waiting <= turn.pace.left(monotonic()):
            turn.flooding_since = None
            return True
        turn.flooding_since = turn.flooding_since or monotonic()
        if monotonic() - turn.flooding_since < self._limits.flood_s:
            return True
        await connection.close(CloseCode.POLICY_VIOLATION, "too many messages: wait for the answer to each call")
        return False

    async def _handle(self, connection: ServerConnection, turn: _Turn, message: RawMessage) -> None:
        """One frame, from its arrival to its answers, while no other frame of the station is in hand."""
        async with turn.lock:
            (answers,) = await self._receive([message])
            await self._sent(message.station, connection, answers)

    async def _handle_rest(self, connection: ServerConnection, turn: _Turn, talk: _Talk) -> int:
        """What waits of a connection that has ended, as far as it is no flood; how many frames that was. Nobody is answered."""
        waiting = min(len(connection.recv_messages.frames), turn.pace.take_all(monotonic()))
        frames = [data for _ in range(waiting) if (data := await _next_frame(connection)) is not None]
        if frames:
            async with turn.lock:
                await self._receive([self._message(data, talk) for data in frames])
        return len(frames)

    async def _sent(self, station: StationId, connection: ServerConnection, texts: Sequence[str]) -> bool:
        """False where the connection ended before all was handed over: an answer that is lost is asked for again."""
        try:
            async with asyncio.timeout(self._limits.send_s):
                for text in texts:
                    await connection.send(text)
        except ConnectionClosed:
            return False
        except TimeoutError:
            self._log("station_does_not_read", station=station, seconds=self._limits.send_s)
            connection.transport.abort()
            return False
        return True

    def _message(self, data: bytes, talk: _Talk, direction: Direction = Direction.FROM_STATION) -> RawMessage:
        try:
            frame, is_base64 = data.decode(), False
        except UnicodeDecodeError:
            frame, is_base64 = b64encode(data).decode(), True
        return RawMessage(
            station=talk.station,
            frame=frame,
            direction=direction,
            protocol=talk.version,
            received_at=self._now(),
            base64=is_base64,
            security_profile=talk.profile,
        )


def _counted(sockets_max: int, is_tap: bool) -> type[ServerConnection]:
    """Connections that end at once where there are too many sockets for even a refusal."""

    class Counted(Opcodes, ServerConnection):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if not is_tap:
                self.are_text = deque(maxlen=0)  # nobody asks
            if len(self.server.all_connections) > sockets_max:
                transport.abort()

    return Counted


def _end_code(connection: ServerConnection) -> int | None:
    """What the station sent, else what we did; where it ended without a word, what stands for that."""
    sent, received = connection.protocol.close_sent, connection.protocol.close_rcvd
    return sent.code if sent is not None and received is None else connection.close_code


async def _next_frame(connection: ServerConnection) -> bytes | None:
    """The bytes of a frame, text or binary; None where the connection has ended, in whatever way."""
    try:
        return await connection.recv(decode=False)
    except ConnectionClosed:
        return None
