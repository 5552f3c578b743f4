"""Log-in and TLS with a broker that asks for both: what the settings say reaches it; what it refuses is told."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion
from sqlalchemy import Engine

from streams.kafka_client import Admin, BrokerUnavailable, KafkaRefused, Publisher, Reader, Topic
from streams.kafka_options import KafkaOptions, SaslMechanism, SecurityProtocol
from streams.kafka_topics import Spec, create
from streams.places import Offset, Partition
from tests.one_result.site import wait_until
from tests.servers import new_prefix
from wattbook.database import open_database, reading
from wattbook.dev_kafka import KafkaCluster, new_cluster_id
from wattbook.dev_process import free_ports
from wattbook.settings import read_settings
from wattbook.wiring import create_app

PLAIN, SCRAM = SaslMechanism.PLAIN, SaslMechanism.SCRAM_SHA_512


class SecuredCluster(KafkaCluster):
    """One node with two more listeners: one with log-in, one with log-in and TLS that wants the client's certificate."""

    def __init__(self, folder: Path) -> None:
        client, controller, login, tls = free_ports(4)
        super().__init__(folder, new_cluster_id(), [(client, controller)])
        self.login, self.tls = f"127.0.0.1:{login}", f"127.0.0.1:{tls}"
        self.certificates = folder / "certificates"

    def _configuration(self, node: int) -> str:
        both = f",LOGIN://{self.login},TLS://{self.tls}"
        lines = super()._configuration(node).splitlines()
        lines = [line + both if line.startswith(("listeners=", "advertised.listeners=")) else line for line in lines]
        lines = [
            line + ",LOGIN:SASL_PLAINTEXT,TLS:SASL_SSL" if line.startswith("listener.security.protocol.map=") else line
            for line in lines
        ]
        return "\n".join([*lines, _SECURED.format(certificates=self.certificates)])


_MODULES = "org.apache.kafka.common.security"
_PLAIN = f'{_MODULES}.plain.PlainLoginModule required user_billing="open sesame";'
_SCRAM = f"{_MODULES}.scram.ScramLoginModule required;"
_SECURED = f"""\
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.login.plain.sasl.jaas.config={_PLAIN}
listener.name.login.scram-sha-512.sasl.jaas.config={_SCRAM}
listener.name.tls.plain.sasl.jaas.config={_PLAIN}
listener.name.tls.scram-sha-512.sasl.jaas.config={_SCRAM}
listener.name.tls.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={{certificates}}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={{certificates}}/ca.pem
"""


def make_certificates(folder: Path) -> None:
    """An authority, and certificates of it for the broker and for us, each with its key in the same file."""
    folder.mkdir(parents=True)
    authority_key, authority = certificate("authority")
    write(folder / "ca.pem", authority)
    for name in ("broker", "billing"):
        key, made = certificate(name, authority_key)
        write(folder / f"{name}.pem", made, key)
    write(folder / "stranger.pem", certificate("stranger")[1])


def certificate(
    name: str, signer: ec.EllipticCurvePrivateKey | None = None
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority" if signer else name)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    )
    return key, builder.sign(signer or key, hashes.SHA256())


def write(path: Path, made: x509.Certificate, key: ec.EllipticCurvePrivateKey | None = None) -> None:
    pem = serialization.Encoding.PEM
    private = key and key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes((private or b"") + made.public_bytes(pem))


@pytest.fixture(scope="module")
def secured(servers_folder: Path) -> Iterator[SecuredCluster]:
    cluster = SecuredCluster(servers_folder / "secured")
    make_certificates(cluster.certificates)
    try:
        cluster.start()
        admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion("scrammed", ScramMechanism.SCRAM_SHA_512, "open sesame", iterations=4096)]
        )
        admin.close()
        yield cluster
    finally:
        cluster.kill()


def given_settings(cluster: SecuredCluster, mechanism: SaslMechanism, tls: bool) -> dict[str, object]:
    return {
        "log": f"kafka://{cluster.tls if tls else cluster.login}",
        "kafka_prefix": new_prefix(),
        "kafka_timeout_s": 20,
        "kafka_security_protocol": "sasl_ssl" if tls else "sasl_plaintext",
        "kafka_sasl_mechanism": mechanism.value,
        "kafka_sasl_user": "billing" if mechanism is PLAIN else "scrammed",
        "kafka_sasl_password": "open sesame",
        "kafka_ssl_ca_file": cluster.certificates / "ca.pem",
        "kafka_ssl_cert_file": cluster.certificates / "billing.pem",
    }


def options(cluster: SecuredCluster, mechanism: SaslMechanism, tls: bool) -> KafkaOptions:
    """By the settings, as they are written."""
    return read_settings(**given_settings(cluster, mechanism, tls)).kafka_options


@pytest.mark.parametrize("tls", [False, True], ids=["without TLS", "with TLS"])
@pytest.mark.parametrize("mechanism", [PLAIN, SCRAM], ids=str)
def test_all_clients_log_in(secured: SecuredCluster, mechanism: SaslMechanism, tls: bool) -> None:
    given = options(secured, mechanism, tls)
    name = given.topic("raw")
    with Admin(given) as admin, Publisher(given) as publisher:
        admin.create([Topic(name, 1, 1, {})])
        publisher.send(name, Partition(0), b"CS-1", b"frame")
        publisher.flush()
        with Reader(given, name, Partition(0), Offset(0)) as reader:
            assert [taken.value for taken in reader.read(10, 20_000)] == [b"frame"]
        admin.delete([name])


@pytest.mark.parametrize(("mechanism", "tls"), [(PLAIN, False), (SCRAM, True)], ids=["PLAIN", "SCRAM with TLS"])
@pytest.mark.parametrize("engine", ["faust", "plain"])
def test_workers_log_in_and_process(
    secured: SecuredCluster, database: str, tmp_path: Path, engine: str, mechanism: SaslMechanism, tls: bool
) -> None:
    given = given_settings(secured, mechanism, tls) | {"home": tmp_path, "database": database, "kafka_partitions": 1}
    settings = read_settings(**given)
    kafka = settings.kafka_options
    with Admin(kafka) as admin, Publisher(kafka) as publisher:
        create(admin, Spec(kafka.prefix, 1, 1))
        publisher.send(kafka.topic("raw"), Partition(0), b"CS-1", b"no frame")
        publisher.flush()
    create_app(settings).close()  # which makes the tables
    tables = open_database(database, create=False)
    environment = {f"WATTBOOK_{name.upper()}": str(value) for name, value in given.items()}
    command = [sys.executable, "-P", "-m", "wattbook", "worker", "--engine", engine, "--port", "0"]
    with (tmp_path / "worker.log").open("w") as log:
        worker = subprocess.Popen(command, env=os.environ | environment, stderr=log)
    try:
        wait_until(lambda: _events(tables) == 1, 60, (tmp_path / "worker.log").read_text)
        worker.terminate()
        assert worker.wait(10) == 0
    finally:
        worker.kill()
        tables.dispose()
    assert "open sesame" not in (tmp_path / "worker.log").read_text()


def _events(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM log_events").scalar_one())


@pytest.mark.parametrize("mechanism", [PLAIN, SCRAM], ids=str)
def test_a_wrong_password_is_told(secured: SecuredCluster, mechanism: SaslMechanism) -> None:
    """Whether as refused depends on whether the library sees the broker's answer before the connection's end."""
    wrong = replace(options(secured, mechanism, tls=False), sasl_password="open barley", timeout_s=3)
    with pytest.raises((KafkaRefused, BrokerUnavailable), match="see WATTBOOK_KAFKA_SASL_MECHANISM, _USER and _PASSWORD"):
        Admin(wrong)


def test_a_broker_that_we_do_not_trust_is_told_with_the_reason(secured: SecuredCluster) -> None:
    stranger = replace(options(secured, PLAIN, tls=True), ssl_ca_file=str(secured.certificates / "stranger.pem"), timeout_s=3)
    with pytest.raises(BrokerUnavailable, match="certificate verify failed"):
        Admin(stranger)


@pytest.mark.parametrize("field", ["ssl_ca_file", "ssl_cert_file", "ssl_key_file"])
def test_a_file_that_cannot_be_used_is_named(secured: SecuredCluster, field: str) -> None:
    missing = replace(options(secured, PLAIN, tls=True), **{field: "/nowhere.pem"})
    with pytest.raises(KafkaRefused, match=r"the TLS files for Kafka cannot be used \(.*/nowhere.pem.*\): "):
        Admin(missing)


def test_what_is_encrypted_is_spoken_only_to_whom_it_is_meant(secured: SecuredCluster) -> None:
    given = replace(options(secured, PLAIN, tls=True), security_protocol=SecurityProtocol.SASL_PLAINTEXT, timeout_s=3)
    with pytest.raises(BrokerUnavailable):
        Admin(given)
