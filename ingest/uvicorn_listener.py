"""Listen for HTTP with uvicorn, on a loop and beside signals that are somebody else's.

uvicorn waits for ever for a request that never becomes whole; here a connection without a request in hand is closed after
IDLE_S seconds, whether it is silent or sends one byte a second.

uvicorn closes a connection as soon as it has answered, also where the request's body is not all read, and then the answer is
lost to whoever sends all of a body before it reads. Here what still comes is thrown away for a while, and then it is closed.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, cast

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from ingest.tls_handshake import HANDSHAKE_S, TlsRefusals, behind_tls

IDLE_S: Final = 15
CONNECTIONS_MAX: Final = 100
LINGER_S: Final = 10  # for a body that nobody will read
LINGER_BYTES_MAX: Final = 256 * 2**20
_STOP_S: Final = 10  # for what is in hand when it stops


class _Lingering:
    """A transport that is closed a while after `close` where `lingers` says so."""

    def __init__(self, transport: asyncio.Transport, lingers: Callable[[], bool]) -> None:
        self._transport, self._lingers, self._is_closing = transport, lingers, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        if self._is_closing or not self._lingers():
            self.end()
            return
        self._is_closing = True
        if self._transport.can_write_eof():  # not with TLS
            self._transport.write_eof()

    def end(self) -> None:
        self._is_closing = True
        self._transport.close()

    def is_closing(self) -> bool:
        return self._is_closing or self._transport.is_closing()


class _Impatient(H11Protocol):
    """A connection that must have a request in hand, or begin another one, every so often."""

    idle_s: float = IDLE_S
    _timer: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._lingering = _Lingering(cast("asyncio.Transport", transport), self._lingers)
        self._to_throw_away: int | None = None  # bytes; None: what comes is read
        super().connection_made(self._lingering)  # type: ignore[arg-type]
        self._look_again(None)

    def _lingers(self) -> bool:
        """It was answered, and its body is not all read."""
        if self.cycle is None or not self.cycle.response_complete or not self.cycle.more_body:
            return False
        self._to_throw_away = LINGER_BYTES_MAX
        self.flow.resume_reading()
        self._timer.cancel()
        self._timer = self.loop.call_later(LINGER_S, self._lingering.end)
        return True

    def data_received(self, data: bytes) -> None:
        if self._to_throw_away is None:
            super().data_received(data)
            return
        self._to_throw_away -= len(data)
        if self._to_throw_away < 0:
            self._lingering.end()

    def _look_again(self, seen: object) -> None:
        self._timer = self.loop.call_later(self.idle_s, self._look, seen)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def _look(self, seen: object) -> None:
        in_hand = self.cycle is not None and not self.cycle.response_complete
        if not in_hand and self.cycle is seen:
            self._lingering.end()
        else:
            self._look_again(None if in_hand else self.cycle)


class _Quiet(Server):
    """Signals are handled by whoever runs the loop."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _listening(host: str, port: int) -> socket.socket:
    """A socket that knows to be TCP's: asyncio switches off Nagle's delay, 40 ms an answer, only where it is told so."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(CONNECTIONS_MAX)
    except OSError:
        listening.close()
        raise
    return listening


class HttpListener:
    """`start`, then `stop`."""

    def __init__(self, app: Any, log: Callable[..., None], *, idle_s: float = IDLE_S) -> None:
        self._app, self._log = app, log
        self._protocol = type("_Protocol", (_Impatient,), {"idle_s": idle_s})
        self._server: _Quiet | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; gives the port, which is chosen by the system if `port` is 0. Raises OSError."""
        listening = _listening(host, port)
        config = Config(
            self._app,
            http=behind_tls(self._protocol, tls, TlsRefusals(self._log, CONNECTIONS_MAX), HANDSHAKE_S),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=_STOP_S,
        )
        config.load()
        self._server = _Quiet(config)
        self._task = asyncio.create_task(self._server.serve([listening]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.01)
        if self._task.done():
            self._task.result()
        return int(listening.getsockname()[1])

    async def stop(self) -> None:
        """Accept nobody any more, and wait for what is in hand."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
