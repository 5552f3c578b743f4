"""The stations' door as the settings have it: which security profile, on which address, with which limits.

Without any setting it asks for passwords and listens on this machine alone, behind a proxy that has TLS. What would be weaker
must be asked for by name; what contradicts itself is refused before anything listens.
"""

import asyncio
import resource
import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from ipaddress import ip_address

from ingest.limits import Limits
from ingest.websocket_handshake import VERSIONS, Admit, Knock, Refusal
from ingest.websocket_server import LogLine, Receive, StationServer, admit_everyone
from ingest.websocket_tap import Upstream
from wattbook.credentials import Credentials, CredentialsUnusable
from wattbook.doorkeeper import Passwords, by_certificate
from wattbook.settings import Settings, SettingsError
from wattbook.tls import client_context, server_context

Listen = Callable[[], Awaitable[str]]
REVOKED_S = 2  # between two looks at who was revoked
_FILES_BESIDE_CONNECTIONS = 500
_FULL = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "what is said cannot be recorded at the moment; try again later")


def profile_of(settings: Settings) -> int:
    """The security profile that stations must have."""
    if settings.serve_security_profile is not None:
        return settings.serve_security_profile
    return 1 if settings.serve_tls_cert_file is None else 2


def check_door(settings: Settings) -> None:
    """Raises SettingsError where the settings contradict each other, or ask for less than is safe without saying so."""
    profile, has_tls = profile_of(settings), settings.serve_tls_cert_file is not None
    if profile >= 2 and not has_tls:
        raise SettingsError(f"security profile {profile} has TLS: write WATTBOOK_SERVE_TLS_CERT_FILE and _KEY_FILE")
    if profile < 2 and has_tls:
        raise SettingsError(f"security profile {profile} has no TLS, but WATTBOOK_SERVE_TLS_CERT_FILE is there: take 2 or 3")
    if profile == 3 and settings.serve_tls_client_ca_file is None:
        raise SettingsError("security profile 3 asks stations for certificates: write WATTBOOK_SERVE_TLS_CLIENT_CA_FILE")
    if profile < 2 and not _is_this_machine(settings.serve_host) and not settings.serve_plain_on_network:
        raise SettingsError(
            f"WATTBOOK_SERVE_HOST: security profile {profile} has no TLS, so whoever is on the way to {settings.serve_host} "
            "could listen in: take profile 2 or 3, or write WATTBOOK_SERVE_PLAIN_ON_NETWORK=True"
        )


def station_server(settings: Settings, receive: Receive, log: LogLine, is_full: Callable[[], bool]) -> StationServer:
    """`is_full`: whether nothing more can be recorded at the moment."""
    return StationServer(
        receive,
        log,
        admit=_unless(is_full, _admit(settings)),
        limits=limits_of(settings),
        security_profile=profile_of(settings),
        behind_proxy=settings.serve_behind_proxy,
        upstream=_upstream(settings),
    )


async def listen(server: StationServer, settings: Settings) -> str:
    """Begin to listen; gives the address in words."""
    check_door(settings)
    per_station = 1 if settings.serve_upstream is None else 2
    _allow_files(per_station * settings.serve_connections_max + _FILES_BESIDE_CONNECTIONS)
    tls = _tls(settings)
    port = await server.start(settings.serve_host, settings.serve_port, tls)
    scheme, profile = "ws" if tls is None else "wss", profile_of(settings)
    asked = "everybody is let in" if profile == 0 else f"security profile {profile}"
    if settings.serve_upstream is not None:
        asked += f"; passed on to {settings.serve_upstream}"
    return f"{scheme}://{settings.serve_host}:{port}/ocpp/<station> ({', '.join(VERSIONS)}; {asked})"


async def tell_revoked(server: StationServer, settings: Settings, every_s: float = REVOKED_S) -> None:
    """Until cancelled: end the connection of whoever has been revoked, or has lost the password by which it was let in."""
    credentials, profile = Credentials(settings.credentials_path), profile_of(settings)
    if not _asks_who(settings):
        return
    while True:
        await asyncio.sleep(every_s)
        try:
            held = credentials.all()
        except CredentialsUnusable:
            continue  # the doorkeeper lets nobody in meanwhile, and says why
        for station in server.stations:
            if held[station].revoked if station in held else profile < 3:
                server.disconnect(station, "the station was revoked")


def limits_of(settings: Settings) -> Limits:
    return Limits(
        frame_bytes_max=settings.serve_frame_bytes_max,
        header_bytes_max=settings.serve_header_bytes_max,
        messages_per_s=settings.serve_messages_per_s,
        messages_burst=settings.serve_messages_burst,
        flood_s=settings.serve_flood_s,
        connections_max=settings.serve_connections_max,
        connections_per_address_max=settings.serve_connections_per_address_max,
        handshake_s=settings.serve_handshake_s,
        send_s=settings.serve_send_s,
        ping_s=settings.serve_ping_s,
    )


def _asks_who(settings: Settings) -> bool:
    """Whether a station must be one that we know. Behind a tap the CSMS compares passwords, before the station is let in."""
    profile = profile_of(settings)
    return profile == 3 or (profile > 0 and settings.serve_upstream is None)


def _admit(settings: Settings) -> Admit:
    credentials = Credentials(settings.credentials_path)
    match profile_of(settings):
        case _ if not _asks_who(settings):
            return admit_everyone
        case 3:
            return by_certificate(credentials, settings.serve_tls_organization)
        case _:
            return Passwords(credentials).admit


def _unless(is_full: Callable[[], bool], admit: Admit) -> Admit:
    async def admit_where_there_is_room(knock: Knock) -> Refusal | None:
        return _FULL if is_full() else await admit(knock)

    return admit_where_there_is_room


def _upstream(settings: Settings) -> Upstream | None:
    if settings.serve_upstream is None:
        return None
    try:
        tls = client_context(settings.serve_upstream_ca_file, settings.serve_upstream_cert_file)
    except OSError as error:
        raise SettingsError(f"WATTBOOK_SERVE_UPSTREAM_…: the certificates cannot be used: {error}") from error
    return Upstream(settings.serve_upstream, limits_of(settings), tls)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.serve_tls_cert_file is None:
        return None
    authority = settings.serve_tls_client_ca_file if profile_of(settings) == 3 else None
    try:
        return server_context(settings.serve_tls_cert_file, settings.serve_tls_key_file, authority)
    except OSError as error:
        raise SettingsError(f"WATTBOOK_SERVE_TLS_…: the certificates cannot be used: {error}") from error


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _allow_files(wanted: int) -> None:
    """Each connection is an open file; many systems begin with 1024 and allow more to whoever asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
