"""Who may connect: OCPP's security profiles (2.0.1 part 2, A00; 1.6 security whitepaper).

    0   anybody                      no TLS      for a lab
    1   name and password            no TLS      on this machine, behind a proxy that has TLS
    2   name and password            TLS
    3   a certificate of its own     TLS         CN is the station's name, O the operator's where one is set

A password is compared in threads, where a hash holds up nobody else. Logins that succeeded are remembered for a day under a key
of this process, so a station that comes back costs nothing, and nobody who guesses in its name can lock it out. Failures are
counted by address and by station; beyond the limit one more is compared in every few seconds, whosever it is. A server that was
started again remembers neither: who guesses on may keep a station out until its login is the one that is compared.
"""

import asyncio
import hmac
import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from time import monotonic
from typing import Final

from ingest.limits import AGAIN_S, Failures
from ingest.websocket_handshake import Admit, Knock, Refusal
from vocabulary.identity import StationId
from wattbook.credentials import Credential, Credentials, CredentialsUnusable, canonical, is_password_of

_REMEMBERED_MAX: Final = 20_000
_REMEMBERED_S: Final = 24 * 3600
_WAITING_MAX: Final = 5_000  # logins whose password waits to be compared
_DENIED = Refusal(HTTPStatus.UNAUTHORIZED, "the station's name and password are needed")
_TOO_OFTEN = Refusal(HTTPStatus.TOO_MANY_REQUESTS, f"too many failed logins; one more is looked at each {AGAIN_S} seconds")
_BUSY = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many logins at once; try again later")
_UNREADABLE = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "credentials cannot be read; try again later")


class Passwords:
    """Profiles 1 and 2."""

    def __init__(self, credentials: Credentials, now: Callable[[], float] = monotonic) -> None:
        self._credentials, self._now = credentials, now
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="passwords")
        self._key = os.urandom(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._by_address, self._by_station = Failures(), Failures()
        self._waiting = 0

    async def admit(self, knock: Knock) -> Refusal | None:
        if knock.password is None:
            return _DENIED
        try:
            credential = self._credentials.all().get(knock.station)
        except CredentialsUnusable:
            return _UNREADABLE
        login = self._login(knock, credential)
        if self._is_remembered(login):
            return None
        now = self._now()
        if self._by_address.has_too_many(knock.address, now) or self._by_station.has_too_many(knock.station, now):
            return _TOO_OFTEN
        if self._waiting >= _WAITING_MAX:
            return _BUSY
        if await self._is_right(credential, knock.password):
            self._remember(login)
            return None
        self._by_address.note(knock.address, self._now())
        self._by_station.note(knock.station, self._now())
        return _DENIED

    async def _is_right(self, credential: Credential | None, password: bytes) -> bool:
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, is_password_of, credential, password)
        finally:
            self._waiting -= 1

    def _login(self, knock: Knock, credential: Credential | None) -> bytes:
        """Another one when the password is changed or revoked."""
        assert knock.password is not None
        held = b"" if credential is None else credential.hash
        parts = (knock.station.encode(), held, canonical(knock.password))
        return hmac.digest(self._key, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")

    def _is_remembered(self, login: bytes) -> bool:
        return self._remembered.get(login, 0.0) > self._now()

    def _remember(self, login: bytes) -> None:
        self._remembered[login] = self._now() + _REMEMBERED_S
        self._remembered.move_to_end(login)
        if len(self._remembered) > _REMEMBERED_MAX:
            self._remembered.popitem(last=False)


def by_certificate(credentials: Credentials, organization: str | None) -> Admit:
    """Profile 3. TLS has verified the certificate against the operator's authority; whose it is, is looked at here."""

    async def admit(knock: Knock) -> Refusal | None:
        subject = knock.subject or {}
        if subject.get("commonName") != knock.station:
            return Refusal(HTTPStatus.FORBIDDEN, "the certificate is not this station's: its CN is another")
        if organization is not None and subject.get("organizationName") != organization:
            return Refusal(HTTPStatus.FORBIDDEN, "the certificate is not of this operator's: its O is another")
        try:
            return _DENIED_FOR_GOOD if _is_revoked(credentials, knock.station) else None
        except CredentialsUnusable:
            return _UNREADABLE

    return admit


_DENIED_FOR_GOOD = Refusal(HTTPStatus.FORBIDDEN, "the station was revoked")


def _is_revoked(credentials: Credentials, station: StationId) -> bool:
    held = credentials.all().get(station)
    return held is not None and held.revoked
