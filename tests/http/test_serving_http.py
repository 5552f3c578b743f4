"""`wattbook serve` with both doors, and `wattbook token`, as a user starts them."""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.headers import build_authorization_basic
from websockets.sync.client import ClientConnection, connect

from wattbook.cli import cli
from wattbook.settings import SettingsError, read_settings

WATTBOOK = [sys.executable, "-m", "wattbook"]
ITEM = b'{"station":"CP-1","frame":[2,"a","Heartbeat",{}]}'


def wattbook(*words: str) -> str:
    return subprocess.run([*WATTBOOK, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    wattbook("init", str(tmp_path / "home"))
    return tmp_path / "home"


@contextmanager
def served(home: Path, **environment: str) -> Iterator[list[str]]:
    """The addresses that it listens on; stopped by SIGTERM at the end, which it must obey with status 0."""
    command = [*WATTBOOK, "--home", str(home), "serve", "--port", "0", "--http-port", "0"]
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield [re.findall(r"\S+://\S+/", process.stdout.readline())[0] for _ in range(2)]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0, process.communicate()[1]
        process.stdout.close()


def port(address: str) -> int:
    return int(re.findall(r":(\d+)/", address)[0])


def post(connection: HTTPConnection, token: str, body: bytes = ITEM) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    connection.request("POST", "/v1/messages", body, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def connected(home: Path, port: int, station: str) -> ClientConnection:
    name, password = wattbook("--home", str(home), "station", "add", station).split()
    login = {"Authorization": build_authorization_basic(name, password)}
    url = f"ws://127.0.0.1:{port}/ocpp/{station}"
    return connect(url, subprotocols=["ocpp1.6"], additional_headers=login)  # type: ignore[list-item]


def test_stations_and_publishers_are_served_side_by_side_and_both_stop(home: Path) -> None:
    token = wattbook("--home", str(home), "token", "create", "--role", "publisher", "--name", "csms").strip()
    with served(home) as (ws, http), connected(home, port(ws), "CP-2") as station:
        kept_open = HTTPConnection("127.0.0.1", port(http), timeout=10)
        assert post(kept_open, token)[0] == 200
        station.send('[2,"h","Heartbeat",{}]')
        assert json.loads(station.recv())[0] == 3
        assert post(kept_open, token)[1]["duplicate"] == 1
    assert json.loads(wattbook("--home", str(home), "audit", "replay", "--json"))["difference"] is None


def test_over_tls_as_well(home: Path, tmp_path: Path) -> None:
    token = wattbook("--home", str(home), "token", "create", "--role", "admin", "--name", "csms").strip()
    certificate = _certificate(tmp_path / "server.pem")
    with served(home, WATTBOOK_HTTP_TLS_CERT_FILE=str(certificate)) as (_, https):
        assert https.startswith("https://")
        trusting = ssl.create_default_context(cafile=certificate)
        assert post(HTTPSConnection("localhost", port(https), context=trusting, timeout=10), token)[0] == 200
        large = HTTPSConnection("localhost", port(https), context=trusting, timeout=20)
        assert post(large, token, bytes(40 * 2**20)) == (413, ANY), "though it reads when it has sent all"
        with pytest.raises(OSError):
            post(HTTPConnection("127.0.0.1", port(https), timeout=10), token)


def _certificate(path: Path) -> Path:
    """A key and a certificate for localhost that nobody has signed but itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "csms.example"])
def test_tokens_do_not_cross_a_network_in_the_clear_unless_that_is_asked_for(host: str) -> None:
    with pytest.raises(SettingsError, match="in the clear"):
        read_settings(http_host=host).http_tls()
    assert read_settings(http_host=host, http_plain=True).http_tls() is None


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match="WATTBOOK_HTTP_TLS_CERT_FILE"):
        read_settings(http_tls_cert_file=tmp_path / "no.pem").http_tls()


def run(home: Path, *words: str) -> Any:
    return CliRunner().invoke(cli, ["--home", str(home), "token", *words], standalone_mode=False)


def test_a_token_is_shown_once_listed_by_its_end_and_revoked(home: Path) -> None:
    token = run(home, "create", "--role", "finance", "--name", "books").stdout.strip()
    assert re.fullmatch(r"wattbook_[A-Za-z0-9_-]{43}", token)
    [row] = json.loads(wattbook("--home", str(home), "token", "list", "--json"))
    assert (row["name"], row["role"], row["last_four"], row["revoked"]) == ("books", "finance", token[-4:], None)
    assert run(home, "revoke", "books").exit_code == 0
    [row] = json.loads(wattbook("--home", str(home), "token", "list", "--json"))
    assert row["revoked"] is not None
    assert "no token called books" in str(run(home, "revoke", "books").exception)


def test_a_name_stands_for_one_token_for_ever(home: Path) -> None:
    run(home, "create", "--role", "finance", "--name", "books")
    run(home, "revoke", "books")
    again = run(home, "create", "--role", "finance", "--name", "books")
    assert "there is a token called books already" in str(again.exception)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "[red]"])
def test_a_name_is_a_word(home: Path, name: str) -> None:
    assert run(home, "create", "--role", "finance", "--name", name).exit_code != 0
