"""Shake hands by TLS before a server's protocol begins, and tell who failed: asyncio closes such connections without a word.

A line is told for each, `tls_refused`, with the peer's address and the reason; of one address and in all few at a time, so that
nobody who knocks at every port fills the log. What was left out is counted in the next line.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from time import monotonic
from typing import Any, Final, cast

from ingest.limits import Bucket, Failures

HANDSHAKE_S: Final = 10
AT_A_TIME_MAX: Final = 1000


class TlsFault(StrEnum):
    """Why TLS was not agreed on."""

    PLAIN_HTTP = "plain_http_came_to_a_tls_port"
    NO_CERTIFICATE = "client_showed_no_certificate"
    NOT_TRUSTED = "certificate_of_the_client_does_not_hold"
    WE_NOT_TRUSTED = "client_refuses_our_certificate"
    NOTHING_COMMON = "no_version_or_cipher_in_common"
    TOO_MANY = "too_many_tls_handshakes_at_a_time"
    TOO_SLOW = "tls_handshake_takes_too_long"
    CUT_OFF = "connection_ended_in_the_tls_handshake"
    OTHER = "tls_handshake_cannot_be_read"


_BY_REASON: Final = {  # OpenSSL's
    "HTTP_REQUEST": TlsFault.PLAIN_HTTP,
    "HTTPS_PROXY_REQUEST": TlsFault.PLAIN_HTTP,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": TlsFault.NO_CERTIFICATE,
    "UNSUPPORTED_PROTOCOL": TlsFault.NOTHING_COMMON,
    "VERSION_TOO_LOW": TlsFault.NOTHING_COMMON,
    "NO_SHARED_CIPHER": TlsFault.NOTHING_COMMON,
    "TLSV1_ALERT_PROTOCOL_VERSION": TlsFault.NOTHING_COMMON,
    "UNEXPECTED_EOF_WHILE_READING": TlsFault.CUT_OFF,
    "TLSV1_ALERT_UNKNOWN_CA": TlsFault.WE_NOT_TRUSTED,
    "SSLV3_ALERT_BAD_CERTIFICATE": TlsFault.WE_NOT_TRUSTED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": TlsFault.WE_NOT_TRUSTED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": TlsFault.WE_NOT_TRUSTED,
}


class TooMany(OSError):
    """Nobody is at fault for whom there is no room."""


def fault_of(error: OSError) -> tuple[TlsFault, str]:
    """The reason, and OpenSSL's own word for it."""
    match error:
        case TooMany():
            return TlsFault.TOO_MANY, ""
        case ssl.SSLCertVerificationError():
            return TlsFault.NOT_TRUSTED, error.verify_message
        case ssl.SSLError():
            word = error.reason or "unknown"
            return _BY_REASON.get(word, TlsFault.OTHER), word.lower().replace("_", " ")
        case ConnectionAbortedError():
            return TlsFault.TOO_SLOW, ""
        case _:
            return TlsFault.CUT_OFF, ""


class TlsRefusals:
    """Tells of handshakes that failed: five of an address, then one a minute; twenty of all, then one a second.

    Counts those that go on: each has buffers of some 300 kB, and nobody has shown yet who it is.
    """

    def __init__(
        self, log: Callable[..., None], per_address_max: int = AT_A_TIME_MAX, now: Callable[[], float] = monotonic
    ) -> None:
        self._log, self._now, self._untold = log, now, 0
        self._by_address, self._all = Failures(per_s=1 / 60, burst=5), Bucket(1, 20, now())
        self._per_address_max, self._going_on = per_address_max, Counter[str]()

    def begin(self, address: str) -> None:
        """Raises TooMany; else `end` must follow."""
        if self._going_on[address] >= self._per_address_max or self._going_on.total() >= AT_A_TIME_MAX:
            raise TooMany
        self._going_on[address] += 1

    def end(self, address: str) -> None:
        self._going_on[address] -= 1
        if not self._going_on[address]:
            del self._going_on[address]

    def tell(self, address: str, error: OSError) -> None:
        now = self._now()
        if self._by_address.has_too_many(address, now) or self._all.is_empty(now):
            self._untold += 1
            return
        self._by_address.note(address, now)
        self._all.take(now)
        reason, detail = fault_of(error)
        more = {name: value for name, value in (("detail", detail), ("untold", self._untold)) if value}
        self._log("tls_refused", address=address, reason=reason, **more)
        self._untold = 0


class TlsFirst(asyncio.Protocol):
    """Stands before another protocol of the same class, which begins when hands are shaken; at once where `tls` is None."""

    tls: ssl.SSLContext | None = None
    tls_refusals: TlsRefusals | None = None
    handshake_s: float = HANDSHAKE_S
    _shaking: asyncio.Task[None] | None = None
    _held: list[bytes] | None = None  # what came with the last of the handshake

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.tls is None:
            super().connection_made(transport)
            return
        assert self.tls_refusals is not None
        self._held = []
        plain = cast("asyncio.Transport", transport)
        address = str((transport.get_extra_info("peername") or ("unknown",))[0])
        try:
            self.tls_refusals.begin(address)
        except TooMany as error:
            self.tls_refusals.tell(address, error)
            plain.abort()
            return
        self._shaking = asyncio.get_running_loop().create_task(self._shake(plain, address, self.tls, self.tls_refusals))

    async def _shake(self, transport: asyncio.Transport, address: str, tls: ssl.SSLContext, refusals: TlsRefusals) -> None:
        loop = asyncio.get_running_loop()
        try:
            secure = await loop.start_tls(transport, self, tls, server_side=True, ssl_handshake_timeout=self.handshake_s)
            if secure is None:
                raise ConnectionResetError
        except OSError as error:
            refusals.tell(address, error)
            return
        finally:
            refusals.end(address)
        held, self._held = self._held or [], None
        if not secure.is_closing():
            super().connection_made(secure)
            for data in held:
                super().data_received(data)

    def data_received(self, data: bytes) -> None:
        if self._held is None:
            super().data_received(data)
        else:
            self._held.append(data)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self._held is None else None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._held is None:
            super().connection_lost(exc)

    def pause_writing(self) -> None:
        if self._held is None:
            super().pause_writing()

    def resume_writing(self) -> None:
        if self._held is None:
            super().resume_writing()


def behind_tls(protocol: type[Any], tls: ssl.SSLContext | None, refusals: TlsRefusals, handshake_s: float) -> type[Any]:
    """The same protocol, with TLS before it."""
    return type("Tls", (TlsFirst, protocol), {"tls": tls, "tls_refusals": refusals, "handshake_s": handshake_s})
