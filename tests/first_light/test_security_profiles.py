"""OCPP's security profiles, from the command line to the log: who is let in, who is not, and what is kept of it."""

import asyncio
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.headers import build_authorization_basic
from websockets.typing import Subprotocol

from ingest.limits import Limits
from ingest.tls_handshake import TlsRefusals
from ingest.websocket_handshake import Knock, Refusal
from ingest.websocket_server import StationServer
from streams.log import Position, Stream
from vocabulary.charging import RawMessage
from vocabulary.codec import decode
from vocabulary.identity import StationId
from wattbook.cli import cli
from wattbook.credentials import Credentials, CredentialsUnusable, canonical, is_password_of
from wattbook.doorkeeper import Passwords
from wattbook.front_door import check_door, listen, profile_of, station_server, tell_revoked
from wattbook.settings import Settings, SettingsError
from wattbook.tls import server_context
from wattbook.wiring import open_app

STATION, PASSWORD = StationId("HAM-0001"), "correct horse battery"
HEARTBEAT = '[2,"h-1","Heartbeat",{}]'


def wattbook(home: Path, *words: str, stdin: str = "", status: int = 0) -> str:
    command = [sys.executable, "-m", "wattbook", "--home", str(home), *words]
    done = subprocess.run(command, capture_output=True, text=True, input=stdin)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Path:
    wattbook(tmp_path, "init")
    return tmp_path


@contextmanager
def serving(home: Path, *words: str, **settings: str) -> Iterator[str]:
    """The URL that stations connect to, without their name."""
    environment = os.environ | {f"WATTBOOK_SERVE_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "wattbook", "--home", str(home), "serve", "--port", "0", *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = re.search(r"wss?://\S+/ocpp/", process.stdout.readline())
        assert found is not None, process.communicate()[1]
        yield found.group()
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=10)
        assert process.returncode == 0, said
        assert PASSWORD not in said


async def _talk(url: str, name: str, password: str | None, tls: ssl.SSLContext | None) -> str:
    headers = {} if password is None else {"Authorization": build_authorization_basic(name, password)}
    options = {"subprotocols": [Subprotocol("ocpp1.6")], "additional_headers": headers, "ssl": tls}
    async with connect(url + name, **options) as socket:  # type: ignore[arg-type]
        await socket.send(HEARTBEAT)
        return str(await socket.recv())


def answered(url: str, name: str, password: str | None = None, tls: ssl.SSLContext | None = None) -> bool:
    return asyncio.run(_talk(url, name, password, tls)).startswith('[3,"h-1"')


def status(url: str, name: str, password: str | None = None, tls: ssl.SSLContext | None = None) -> int:
    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(_talk(url, name, password, tls))
    return int(refused.value.response.status_code)


def profiles_kept(home: Path) -> set[int | None]:
    """Of all messages of stations in the log."""
    app = open_app(Settings(home=home))
    try:
        with app.reading() as store:
            kept = [decode(stored.body) for stored in store.log.read([Stream.RAW], Position(0), 1000)]
    finally:
        app.close()
    return {message.security_profile for message in kept if isinstance(message, RawMessage)}


def test_without_any_setting_a_password_is_wanted(home: Path) -> None:
    wattbook(home, "station", "add", STATION, "--stdin", stdin=PASSWORD + "\n")
    with serving(home) as url:
        assert url.startswith("ws://127.0.0.1:")
        assert answered(url, STATION, PASSWORD)
        assert status(url, STATION) == 401
        assert status(url, STATION, "a wrong password") == 401
        assert status(url, "NOBODY", PASSWORD) == 401
    assert profiles_kept(home) == {1}
    assert PASSWORD not in (home / "station-credentials.json").read_text()
    assert (home / "station-credentials.json").stat().st_mode & 0o777 == 0o600


def test_profile_0_is_asked_for_by_name(home: Path) -> None:
    with serving(home, "--security-profile", "0") as url:
        assert answered(url, STATION)
    assert profiles_kept(home) == {0}


def test_a_password_can_be_changed_and_revoked_while_the_server_runs(home: Path) -> None:
    made = wattbook(home, "station", "add", STATION).split()[-1]
    with serving(home) as url:
        assert answered(url, STATION, made)
        changed = wattbook(home, "station", "password", STATION).split()[-1]
        assert changed != made
        assert status(url, STATION, made) == 401
        assert answered(url, STATION, changed)
        wattbook(home, "station", "revoke", STATION)
        assert status(url, STATION, changed) == 401
    assert '"revoked": true' in wattbook(home, "station", "list", "--json")


def test_who_guesses_is_stopped_and_cannot_lock_a_station_out(home: Path) -> None:
    wattbook(home, "station", "add", STATION, "--stdin", stdin=PASSWORD + "\n")
    with serving(home) as url:
        assert answered(url, STATION, PASSWORD)
        codes = [status(url, STATION, f"guess number {number:08}") for number in range(12)]
        assert codes[:10] == [401] * 10
        assert codes[11] == 429
        assert answered(url, STATION, PASSWORD), "it has logged in before"


def test_who_is_locked_out_is_told_for_how_long_and_a_server_started_again_remembers_nothing(tmp_path: Path) -> None:
    credentials, now = Credentials(tmp_path / "c.json"), [0.0]
    credentials.add(STATION, PASSWORD)
    right, wrong = (Knock(STATION, "192.0.2.1", word, None) for word in (PASSWORD.encode(), b"%020d" % 1))

    async def main() -> None:
        passwords = Passwords(credentials, lambda: now[0])
        for _ in range(10):
            assert (await passwords.admit(wrong)) == Refusal(401, "the station's name and password are needed")
        refused = await passwords.admit(right)
        assert refused == Refusal(429, "too many failed logins; one more is looked at each 6 seconds")
        now[0] = 6
        assert await passwords.admit(right) is None
        assert (await passwords.admit(wrong)) == Refusal(401, "the station's name and password are needed")
        assert await passwords.admit(right) is None, "it has logged in before"
        assert await Passwords(credentials, lambda: now[0]).admit(wrong) != refused, "the failures are forgotten"

    asyncio.run(main())


def test_profile_2_is_tls_and_a_password(home: Path) -> None:
    authority = Authority(home)
    wattbook(home, "station", "add", STATION, "--stdin", stdin=PASSWORD + "\n")
    with serving(home, TLS_CERT_FILE=authority.issue("localhost")) as url:
        assert url.startswith("wss://")
        assert answered(url, STATION, PASSWORD, authority.client())
        assert status(url, STATION, "a wrong password", authority.client()) == 401
        old = authority.client()
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            asyncio.run(_talk(url, STATION, PASSWORD, old))
        with pytest.raises((InvalidHandshake, InvalidMessage, ConnectionError)):
            asyncio.run(_talk(url.replace("wss", "ws"), STATION, PASSWORD, None))
    assert profiles_kept(home) == {2}


def test_profile_3_is_the_stations_own_certificate(home: Path) -> None:
    authority, stranger = Authority(home), Authority(home, "stranger")
    settings = {
        "TLS_CERT_FILE": authority.issue("localhost"),
        "TLS_CLIENT_CA_FILE": authority.certificate_file,
        "TLS_ORGANIZATION": "Operator",
    }
    with serving(home, "--security-profile", "3", **settings) as url:
        assert answered(url, STATION, None, authority.client(authority.issue(STATION, "Operator")))
        assert status(url, STATION, None, authority.client(authority.issue("HAM-0002", "Operator"))) == 403
        assert status(url, STATION, None, authority.client(authority.issue(STATION, "Another"))) == 403
        for tls in (authority.client(), authority.client(stranger.issue(STATION, "Operator"))):
            with pytest.raises((ssl.SSLError, ConnectionError, InvalidMessage)):
                asyncio.run(_talk(url, STATION, None, tls))
        wattbook(home, "station", "revoke", STATION, "--certificate")
        assert status(url, STATION, None, authority.client(authority.issue(STATION, "Operator"))) == 403
    assert profiles_kept(home) == {3}


def test_a_station_that_is_revoked_is_disconnected_and_nobody_else_is(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, serve_port=0)
    credentials, names = Credentials(settings.credentials_path), (STATION, StationId("HAM-0002"), StationId("HAM-0003"))
    for name in names:
        credentials.add(name, PASSWORD)

    async def main() -> None:
        server = station_server(settings, _answer, lambda *_, **__: None, lambda: False)
        url = re.search(r"ws://\S+/ocpp/", await listen(server, settings))
        assert url is not None
        watching = asyncio.create_task(tell_revoked(server, settings, 0.05))
        async with AsyncExitStack() as stack:
            revoked, changed, other = [await stack.enter_async_context(_connected(url.group(), name)) for name in names]
            credentials.change(names[1], PASSWORD + "!")
            credentials.revoke(names[0])
            await asyncio.wait_for(revoked.wait_closed(), 5)
            assert (revoked.close_code, revoked.close_reason) == (1008, "the station was revoked")
            for socket in (changed, other):
                await socket.send(HEARTBEAT)
                assert await socket.recv() == "[3]"
        watching.cancel()
        await server.stop()

    asyncio.run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize(
    ("name", "authority", "shows", "status"),
    [
        ("localhost", "ours", True, None),
        ("localhost", "ours", False, 502),
        ("localhost", "another", True, 502),
        ("elsewhere", "ours", True, 502),
    ],
    ids=["both are whom the other trusts", "no certificate of ours", "another authority", "another name"],
)
def test_a_tap_and_its_csms_know_each_other_by_certificates(
    tmp_path: Path, name: str, authority: str, shows: bool, status: int | None
) -> None:
    authorities = {each: Authority(tmp_path, each) for each in ("ours", "another")}
    behind = server_context(Path(authorities[authority].issue(name)), None, Path(authorities["ours"].certificate_file))
    seen, refusals = list[object](), list[int | None]()

    async def csms(connection: ServerConnection) -> None:
        seen.append(connection.transport.get_extra_info("peercert")["subject"])
        async for frame in connection:
            await connection.send(frame)

    async def main() -> None:
        async with serve(csms, "localhost", 0, ssl=behind, subprotocols=[Subprotocol("ocpp1.6")]) as upstream:
            settings = Settings(
                home=tmp_path,
                serve_port=0,
                serve_upstream=f"wss://localhost:{upstream.sockets[0].getsockname()[1]}/ocpp",
                serve_upstream_ca_file=authorities["ours"].certificate_file,
                serve_upstream_cert_file=authorities["ours"].issue("wattbook") if shows else None,
            )
            tap = station_server(settings, _answer, lambda *_, **__: None, lambda: False)
            url = re.search(r"ws://\S+/ocpp/", await listen(tap, settings))
            assert url is not None
            try:
                async with _connected(url.group(), STATION) as station:
                    await station.send(HEARTBEAT)
                    assert await station.recv() == HEARTBEAT
                refusals.append(None)
            except InvalidStatus as refused:
                refusals.append(refused.response.status_code)
            await tap.stop()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert refusals == [status]
    assert seen == ([((("commonName", "wattbook"),),)] if status is None else [])


@pytest.mark.parametrize(
    ("profile", "has_tls", "password", "certificate", "recorded"),
    [
        (None, False, None, None, 0),
        (None, False, PASSWORD, None, 1),
        (0, False, PASSWORD, None, 1),
        (None, True, None, None, 0),
        (None, True, PASSWORD, None, 2),
        (3, True, PASSWORD, STATION, 3),
    ],
)
def test_a_tap_records_the_profile_of_what_the_station_showed(
    tmp_path: Path, profile: int | None, has_tls: bool, password: str | None, certificate: str | None, recorded: int
) -> None:
    """Whether that was enough is the CSMS's decision; this one lets everybody in."""
    authority, kept, lines = Authority(tmp_path), list[RawMessage](), list[dict[str, object]]()

    async def csms(connection: ServerConnection) -> None:
        async for frame in connection:
            await connection.send(frame)

    async def record(messages: Sequence[RawMessage]) -> list[list[str]]:
        kept.extend(messages)
        return [[] for _ in messages]

    async def main() -> None:
        async with serve(csms, "localhost", 0, subprotocols=[Subprotocol("ocpp1.6")]) as upstream:
            settings = Settings(
                home=tmp_path,
                serve_port=0,
                serve_security_profile=profile,
                serve_tls_cert_file=authority.issue("localhost") if has_tls else None,
                serve_tls_client_ca_file=authority.certificate_file if certificate else None,
                serve_upstream=f"ws://localhost:{upstream.sockets[0].getsockname()[1]}/ocpp",
            )
            tap = station_server(settings, record, lambda event, **f: lines.append({"event": event, **f}), lambda: False)
            url = re.search(r"wss?://\S+/ocpp/", await listen(tap, settings))
            assert url is not None
            tls = authority.client(certificate and authority.issue(certificate)) if has_tls else None
            login = {} if password is None else {"Authorization": build_authorization_basic(STATION, password)}
            async with connect(
                url.group() + STATION, subprotocols=[Subprotocol("ocpp1.6")], additional_headers=login, ssl=tls
            ) as station:
                await station.send(HEARTBEAT)
                assert await station.recv() == HEARTBEAT
            await tap.stop()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert [message.security_profile for message in kept] == [recorded] * 2, "in both directions"
    assert lines[0]["security_profile"] == recorded


def test_who_is_refused_by_tls_is_told_in_the_log(tmp_path: Path) -> None:
    authority, stranger, lines = Authority(tmp_path), Authority(tmp_path, "stranger"), list[dict[str, object]]()
    settings = Settings(
        home=tmp_path,
        serve_port=0,
        serve_security_profile=3,
        serve_tls_cert_file=authority.issue("localhost"),
        serve_tls_client_ca_file=authority.certificate_file,
    )
    own, old = authority.client(authority.issue(STATION)), authority.client()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1

    async def main() -> None:
        server = station_server(settings, _answer, lambda event, **f: lines.append({"event": event, **f}), lambda: False)
        url = re.search(r"wss://\S+/ocpp/", await listen(server, settings))
        assert url is not None
        for address, tls in (
            (url.group(), authority.client()),
            (url.group(), authority.client(stranger.issue(STATION))),
            (url.group().replace("wss:", "ws:"), None),
            (url.group(), old),
        ):
            with pytest.raises((OSError, InvalidHandshake)):
                async with connect(address + STATION, subprotocols=[Subprotocol("ocpp1.6")], ssl=tls) as station:
                    await station.recv()
        async with connect(url.group() + STATION, subprotocols=[Subprotocol("ocpp1.6")], ssl=own) as station:
            await station.send(HEARTBEAT)
            assert await station.recv() == "[3]"
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.to_thread(_shake_hands, url.group(), stranger.client())
        await server.stop()

    asyncio.run(asyncio.wait_for(main(), 30))
    refused = [line for line in lines if line["event"] == "tls_refused"]
    assert [line["reason"] for line in refused] == [
        "client_showed_no_certificate",
        "certificate_of_the_client_does_not_hold",
        "plain_http_came_to_a_tls_port",
        "no_version_or_cipher_in_common",
        "client_refuses_our_certificate",
    ]
    assert {line["address"] for line in refused} == {"127.0.0.1"}
    assert refused[1]["detail"] == "unable to get local issuer certificate"


def _shake_hands(url: str, tls: ssl.SSLContext) -> None:
    """As a station that tells why it goes; asyncio goes without a word."""
    port = int(url.split(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain, tls.wrap_socket(plain, server_hostname="localhost"):
        pass


def test_what_is_left_out_of_the_log_is_counted() -> None:
    lines, now = list[dict[str, object]](), [0.0]
    refusals = TlsRefusals(lambda event, **facts: lines.append({"event": event, **facts}), now=lambda: now[0])
    for number in range(1000):
        refusals.tell(f"192.0.2.{number % 250}", ConnectionResetError())
    assert len(lines) == 20
    now[0] = 3600
    for _ in range(9):
        refusals.tell("192.0.2.1", ConnectionAbortedError())
    assert len(lines) == 25, "five of one address"
    assert lines[20] == {
        "event": "tls_refused",
        "address": "192.0.2.1",
        "reason": "tls_handshake_takes_too_long",
        "untold": 980,
    }


def test_who_begins_many_handshakes_and_says_nothing_takes_no_room_from_others(tmp_path: Path) -> None:
    """Each has buffers of 300 kB, before anybody has shown who it is."""
    authority, lines = Authority(tmp_path), list[dict[str, object]]()
    limits = Limits(connections_per_address_max=3)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(authority.issue("localhost"))

    async def main() -> None:
        server = StationServer(_answer, lambda event, **f: lines.append({"event": event, **f}), limits=limits)
        port = await server.start("localhost", 0, tls)
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        await asyncio.sleep(0.1)
        with pytest.raises(OSError):
            await asyncio.to_thread(_shake_hands, f"wss://localhost:{port}/", authority.client())
        for _, writer in silent:
            writer.close()
        await asyncio.sleep(0.1)
        await asyncio.to_thread(_shake_hands, f"wss://localhost:{port}/", authority.client())
        await server.stop()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert next(line["reason"] for line in lines if line["event"] == "tls_refused") == "too_many_tls_handshakes_at_a_time"


async def _answer(messages: Sequence[RawMessage]) -> list[list[str]]:
    return [["[3]"] for _ in messages]


def _connected(url: str, name: str) -> connect:
    login = {"Authorization": build_authorization_basic(name, PASSWORD)}
    return connect(url + name, subprotocols=[Subprotocol("ocpp1.6")], additional_headers=login)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"serve_security_profile": 2}, "has TLS"),
        ({"serve_security_profile": 3, "serve_tls_cert_file": Path("c")}, "CLIENT_CA_FILE"),
        ({"serve_security_profile": 1, "serve_tls_cert_file": Path("c")}, "take 2 or 3"),
        ({"serve_security_profile": 0, "serve_host": "0.0.0.0"}, "PLAIN_ON_NETWORK"),
        ({"serve_host": "192.0.2.1"}, "PLAIN_ON_NETWORK"),
        ({"serve_host": "example.org"}, "PLAIN_ON_NETWORK"),
    ],
)
def test_what_is_weaker_than_it_looks_is_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        check_door(Settings(**given))


@pytest.mark.parametrize(
    ("given", "profile"),
    [
        ({}, 1),
        ({"serve_host": "::1"}, 1),
        ({"serve_host": "0.0.0.0", "serve_plain_on_network": True}, 1),
        ({"serve_tls_cert_file": Path("c"), "serve_host": "0.0.0.0"}, 2),
        ({"serve_security_profile": "0"}, 0),
    ],
)
def test_the_profile_follows_from_the_settings(given: dict[str, object], profile: int) -> None:
    settings = Settings(**given)
    check_door(settings)
    assert profile_of(settings) == profile


def test_an_authorization_key_of_1_6_is_the_same_password_as_bytes_and_as_hexadecimal(tmp_path: Path) -> None:
    credentials, key = Credentials(tmp_path / "c.json"), "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"
    credentials.add(STATION, key)
    held = credentials.all()[STATION]
    for shown in (key.encode(), key.lower().encode(), bytes.fromhex(key)):
        assert is_password_of(held, shown)
    assert not is_password_of(held, key[:-2].encode())
    assert canonical(b"not hexadecimal, though 34 letters") == b"not hexadecimal, though 34 letters"


@pytest.mark.parametrize("word", ["short", "x" * 65])
def test_a_password_has_the_length_that_ocpp_asks_for(tmp_path: Path, word: str) -> None:
    with pytest.raises(CredentialsUnusable, match="16 to 64"):
        Credentials(tmp_path / "c.json").add(STATION, word)


def test_a_station_is_not_added_twice_and_only_a_known_one_gets_another_password(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "c.json")
    with pytest.raises(CredentialsUnusable, match="station add"):
        credentials.change(STATION)
    credentials.add(STATION)
    with pytest.raises(CredentialsUnusable, match="station password"):
        credentials.add(STATION)


def test_a_station_that_nobody_knows_is_not_revoked_by_mistake(home: Path) -> None:
    """`NOPE` was noted as revoked, and the station that was meant went on."""

    def revoked(*words: str) -> Result:
        return CliRunner().invoke(cli, ["--home", str(home), "station", "revoke", *words])

    wattbook(home, "station", "add", "HAM-0001")
    refused = revoked("HAM-001")
    assert refused.exit_code == 1
    assert str(refused.exception) == (
        "HAM-001 has no password here, so nothing was revoked: `wattbook station list` tells who has one; "
        "`wattbook station revoke HAM-001 --certificate` refuses a station that connects with a certificate"
    )
    assert "HAM-001" not in Credentials(home / "station-credentials.json").all()
    for words in (("HAM-0001",), ("HAM-0001",), ("HAM-0002", "--certificate"), ("HAM-0002",)):
        assert revoked(*words).exit_code == 0
    assert {name for name, held in Credentials(home / "station-credentials.json").all().items() if held.revoked} == {
        "HAM-0001",
        "HAM-0002",
    }


def test_a_damaged_file_is_told_and_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("{")
    with pytest.raises(CredentialsUnusable, match="restore its backup"):
        Credentials(path).all()
    refusal = asyncio.run(Passwords(Credentials(path)).admit(Knock(STATION, "192.0.2.1", PASSWORD.encode(), None)))
    assert refusal is not None and refusal.status == 503


def test_an_unknown_station_takes_as_long_as_a_wrong_password(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "c.json")
    credentials.add(STATION, PASSWORD)

    def seconds(name: str) -> float:
        began = monotonic()
        for number in range(20):
            assert not is_password_of(credentials.all().get(StationId(name)), b"%020d" % number)
        return monotonic() - began

    known, unknown = (min(seconds(name) for _ in range(3)) for name in (STATION, "NOBODY"))
    assert 0.5 < known / unknown < 2


def test_comparing_passwords_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "c.json")
    credentials.add(STATION, PASSWORD)
    passwords = Passwords(credentials)

    async def main() -> float:
        knocks = [passwords.admit(Knock(STATION, f"192.0.2.{n}", b"%020d" % n, None)) for n in range(60)]
        logins = asyncio.gather(*knocks)
        longest, before = 0.0, monotonic()
        while not logins.done():
            await asyncio.sleep(0.001)
            longest, before = max(longest, monotonic() - before), monotonic()
        return longest

    assert asyncio.run(main()) < 0.2


def test_names_with_colons_can_log_in(home: Path) -> None:
    wattbook(home, "station", "add", "DE:1", "--stdin", stdin=PASSWORD + "\n")
    with serving(home) as url:
        headers = {"Authorization": "Basic " + b64encode(f"DE:1:{PASSWORD}".encode()).decode()}

        async def talk() -> None:
            async with connect(url + "DE:1", subprotocols=[Subprotocol("ocpp1.6")], additional_headers=headers):
                pass

        asyncio.run(talk())


class Authority:
    """Issues certificates into a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._key, self._name = folder, ec.generate_private_key(ec.SECP256R1()), name
        self._certificate = self._sign(name, None, self._key, is_authority=True)
        self.certificate_file = str(folder / f"{name}.pem")
        Path(self.certificate_file).write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, organization: str | None = None) -> str:
        """The file with a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = self._folder / f"{self._name}-{name}-{organization}.pem"
        file.write_bytes(private + self._sign(name, organization, key).public_bytes(pem))
        return str(file)

    def client(self, certificate: str | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.certificate_file)
        context.check_hostname = False
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context

    def _sign(
        self, name: str, organization: str | None, key: ec.EllipticCurvePrivateKey, is_authority: bool = False
    ) -> x509.Certificate:
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if organization is not None:
            parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name(parts))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
