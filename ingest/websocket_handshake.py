"""Who knocks: what an HTTP request says of the station that wants to connect, and why it is refused.

The user's name of HTTP Basic must be the station's (OCPP 2.0.1 part 2, A00; 1.6 security whitepaper). Names may hold colons,
so the password is what follows the station's name and one colon. It is bytes: 1.6 stations send the 16 to 20 bytes that their
AuthorizationKey is the hexadecimal form of, which need not be text. Passwords are written to no log.
"""

import ssl
from base64 import b64decode
from binascii import Error
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from ingest.station_name import RULE, station_name
from vocabulary.charging import Protocol as OcppVersion
from vocabulary.identity import StationId

PREFIX: Final = "/ocpp/"
VERSIONS: Final = (OcppVersion.OCPP21, OcppVersion.OCPP201, OcppVersion.OCPP16)  # in order of preference


class Refusal(NamedTuple):
    status: HTTPStatus
    reason: str


class Knock(NamedTuple):
    """What a station shows of itself. `password` None: none for this station; `subject` None: no verified certificate."""

    station: StationId
    address: str
    password: bytes | None
    subject: Mapping[str, str] | None


Admit = Callable[[Knock], Awaitable[Refusal | None]]
"""None lets the station in."""


def station_of(path: str) -> StationId | None:
    """The station that a request's path names; None where it names none."""
    path = without_query(path)
    return station_name(unquote(path.removeprefix(PREFIX))) if path.startswith(PREFIX) else None


def without_query(path: str) -> str:
    """A query means nothing here; it may hold what belongs in no log."""
    return path.partition("?")[0]


def refusal_of(request: Request) -> Refusal | None:
    """Why a request can be no OCPP connection, whoever sends it."""
    if station_of(request.path) is None:
        return Refusal(HTTPStatus.NOT_FOUND, f"connect to {PREFIX}<station>; a station's name is {RULE}")
    if not set(offered(request)) & set(VERSIONS):
        return Refusal(HTTPStatus.BAD_REQUEST, f"offer a subprotocol of {', '.join(VERSIONS)}")
    return None


def knock_of(connection: ServerConnection, request: Request, address: str) -> Knock:
    station = station_of(request.path)
    assert station is not None, "refused before"
    return Knock(station, address, _password(request, station), _subject(connection))


def profile_shown(connection: ServerConnection, request: Request) -> int:
    """The security profile of what a station shows, whoever judges it; 0: neither a name with a password nor a certificate."""
    if _subject(connection) is not None:
        return 3
    if not any(each.strip().lower().startswith("basic ") for each in request.headers.get_all("Authorization")):
        return 0
    return 1 if connection.transport.get_extra_info("ssl_object") is None else 2


def address_of(connection: ServerConnection, request: Request, behind_proxy: bool) -> str:
    """Where the caller is: the last address that our own proxy wrote down, or the peer's."""
    forwarded = request.headers.get_all("X-Forwarded-For") if behind_proxy else []
    last = ",".join(forwarded).rpartition(",")[2].strip()
    return last[:64] or str(connection.remote_address[0])


def header_bytes(request: Request) -> int:
    return len(request.path) + sum(len(name) + len(value) + 4 for name, value in request.headers.raw_items())


def offered(request: Request) -> list[str]:
    """The subprotocols that are offered, in their order."""
    headers = request.headers.get_all("Sec-WebSocket-Protocol")
    return [name.strip() for header in headers for name in header.split(",")]


def _password(request: Request, station: StationId) -> bytes | None:
    headers = request.headers.get_all("Authorization")
    scheme, _, code = (headers[0] if len(headers) == 1 else "").strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        shown = b64decode(code.strip(), validate=True)
    except (Error, ValueError):
        return None
    user = station.encode() + b":"
    return shown[len(user) :] if shown.startswith(user) else None


def _subject(connection: ServerConnection) -> Mapping[str, str] | None:
    """The names in the certificate that TLS verified; the last of a kind where there are several."""
    tls: ssl.SSLObject | None = connection.transport.get_extra_info("ssl_object")
    certificate: Any = tls.getpeercert() if tls is not None else None
    if not certificate:
        return None
    return {name: value for part in certificate.get("subject", ()) for name, value in part}
