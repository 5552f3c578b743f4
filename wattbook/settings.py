"""Settings: environment variables that begin with WATTBOOK_, each with a default that works on one machine.

    WATTBOOK_HOME=/srv/wattbook WATTBOOK_SERVE_PORT=9100 wattbook serve

The home folder holds everything: `wattbook.db` (log, states and books), `vault.json` (the keys of contract holders: back it up
apart from the database), `reference/` (what people write) and `out/` (documents). The port is WATTBOOK_SERVE_PORT and not
WATTBOOK_PORT, which Kubernetes sets to an address of its own beside any service called wattbook.
"""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.kafka_options import KafkaOptions, SaslMechanism, SecurityProtocol
from wattbook.addresses import fault_of_server, fault_of_servers
from wattbook.suggest import did_you_mean
from wattbook.tls import server_context

_PREFIX = "WATTBOOK_"
_KAFKA: Final = "kafka://"
_UPSTREAM = re.compile(r"wss?://[^\s/?#@]+(/[^\s?#]*)?")
_POSTGRES = re.compile(r"postgresql://([^@\s]*@)?(?P<server>[^/?@\s]*)/[^/\s]+")
# What Kubernetes sets in every container beside services called wattbook or wattbook-…: an address, and parts of it.
_OF_KUBERNETES = re.compile(
    r"WATTBOOK_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)=.*|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?=.*|PORT=(tcp|udp|sctp)://.*)"
)


class SettingsError(Exception):
    """A setting cannot be used; each line names its variable and what to write."""


def _a_log(value: str) -> str:
    if value in ("database", "sqlite"):
        return "database"
    servers = value.removeprefix(_KAFKA)
    if servers == value or not servers:
        raise ValueError(f"is no log: {_WRITE_A_LOG}")
    if "@" in servers:
        raise ValueError("is no log: who logs in stands in WATTBOOK_KAFKA_SASL_USER and WATTBOOK_KAFKA_SASL_PASSWORD")
    if fault := fault_of_servers(servers.split(",")):
        raise ValueError(f"is no log: {fault}; {_WRITE_A_LOG}")
    return value


def _an_upstream(value: str) -> str:
    if not _UPSTREAM.fullmatch(value):
        raise ValueError(
            "is no CSMS's address: write wss://csms.example/path, or ws://, without a station's name and without ? # @"
        )
    return value


def _a_database(value: str) -> str:
    if value == "sqlite":
        return value
    if (parts := _POSTGRES.fullmatch(value)) is None:
        raise ValueError(f"is no database: {_WRITE_A_DATABASE}")
    if parts["server"] and (fault := fault_of_server(parts["server"])):  # without one it is this machine's socket
        raise ValueError(f"is no database: {fault}; {_WRITE_A_DATABASE}")
    return value


_WRITE_A_LOG = "write database, or kafka://host:port of some brokers, with commas between"
_WRITE_A_DATABASE = "write sqlite, or postgresql://user:password@host:port/name"


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _unless_of_kubernetes(value: object) -> object:
    """Beside a service called wattbook-http Kubernetes sets WATTBOOK_HTTP_PORT to its address, which is not meant for us."""
    return None if isinstance(value, str) and re.match("(tcp|udp|sctp)://", value) else value


Seconds = Annotated[int, Field(ge=1, le=3600)]
Port = Annotated[int, Field(ge=0, le=65535)]


def _none_or_ten(seconds: int) -> int:
    if 0 < seconds < 10:
        raise ValueError("should be 0, or greater than or equal to 10")
    return seconds


class Settings(BaseSettings):
    """What is given by name comes before the environment, and that before the default."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    home: Path = Path()
    """The folder that holds everything else."""

    log: Annotated[str, AfterValidator(_a_log)] = "database"
    """Where messages come in: into the database, or through Kafka (kafka://host:port of some brokers, with commas between)."""

    database: Annotated[str, AfterValidator(_a_database)] = "sqlite"
    """Where states and books are kept: an SQLite file in the home, or postgresql://user:password@host:port/name."""

    kafka_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,200}$")] = "wattbook."
    """What the names of the topics begin with."""

    kafka_partitions: Annotated[int, Field(ge=1, le=4095)] = 12
    """Partitions of each topic that is made: at most so many workers share the work. Never changed afterwards."""

    kafka_replication: Annotated[int, Field(ge=1, le=100)] | None = None
    """Copies of each partition of a topic that is made; left out: 3, or as many as there are brokers if they are fewer."""

    kafka_timeout_s: Annotated[int, Field(ge=2, le=600)] = 30
    """Seconds for which the brokers are tried before an outage is told."""

    kafka_client_id: str = "wattbook"
    """The name by which the brokers know us in their logs and quotas."""

    kafka_security_protocol: Annotated[SecurityProtocol, BeforeValidator(_upper)] = SecurityProtocol.PLAINTEXT
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, as the brokers' listener has it."""

    kafka_sasl_mechanism: Annotated[SaslMechanism, BeforeValidator(_upper)] = SaslMechanism.PLAIN
    """PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""

    kafka_sasl_user: str | None = None
    """Who logs in."""

    kafka_sasl_password: SecretStr | None = None
    """The password to log in with."""

    kafka_ssl_ca_file: Path | None = None
    """Whom to trust (PEM); left out: whom the machine trusts."""

    kafka_ssl_cert_file: Path | None = None
    """Our certificate (PEM), where the brokers ask for one."""

    kafka_ssl_key_file: Path | None = None
    """Its key (PEM); left out: it is in the same file."""

    kafka_ssl_key_password: SecretStr | None = None
    """The password of the key."""

    serve_host: str = "127.0.0.1"
    """The address that `wattbook serve` listens on: this machine alone; 0.0.0.0 is every network it is in."""

    serve_port: Port = 9000
    """The TCP port that `wattbook serve` listens on; 0 is any that is free."""

    serve_security_profile: Annotated[Literal[0, 1, 2, 3], BeforeValidator(_number)] | None = None
    """OCPP's security profile of stations, 0 to 3; left out: 2 where there is a certificate, else 1. 0 asks for no password."""

    serve_plain_on_network: bool = False
    """Whether profiles 0 and 1, which have no TLS, may listen on more than this machine: True behind a proxy on another."""

    serve_behind_proxy: bool = False
    """Whether a proxy of ours is in front, whose X-Forwarded-For says where a station is."""

    serve_tls_cert_file: Path | None = None
    """The server's certificate and what is between it and its authority (PEM)."""

    serve_tls_key_file: Path | None = None
    """Its key (PEM); left out: it is in the same file."""

    serve_tls_client_ca_file: Path | None = None
    """Profile 3: the authority of the stations' certificates (PEM)."""

    serve_tls_organization: str | None = None
    """Profile 3: the O that a station's certificate must have; left out: any."""

    serve_frame_bytes_max: Annotated[int, Field(ge=1024, le=2**20)] = 1048576
    """The longest frame of a station."""

    serve_header_bytes_max: Annotated[int, Field(ge=1024, le=2**20)] = 16384
    """The longest headers of a station's request."""

    serve_messages_per_s: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Frames that a station may send each second; beyond them it is read more slowly."""

    serve_messages_burst: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Frames that it may send at once, before that counts."""

    serve_flood_s: Seconds = 30
    """Seconds for which a station may go on sending too fast without waiting for answers."""

    serve_connections_max: Annotated[int, Field(ge=1, le=1_000_000)] = 10000
    """Connections in all."""

    serve_connections_per_address_max: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    """Connections of one address."""

    serve_handshake_s: Seconds = 10
    """Seconds in which a connection must be made."""

    serve_send_s: Seconds = 10
    """Seconds for which a station may leave unread what it is sent."""

    serve_ping_s: Seconds = 30
    """Seconds between pings, and for how long each may stay unanswered."""

    serve_upstream: Annotated[str, AfterValidator(_an_upstream)] | None = None
    """The CSMS that stations are passed on to: wss://csms.example/path, without their name. Left out: we are the CSMS."""

    serve_upstream_ca_file: Path | None = None
    """Whose certificate the CSMS must have (PEM); left out: whom the machine trusts."""

    serve_upstream_cert_file: Path | None = None
    """Our certificate and its key (PEM), where the CSMS asks for one."""

    serve_spool_folder: Path | None = None
    """Where a tap keeps what the log has not taken yet; left out: tap-spool in the home."""

    serve_spool_frames_max: Annotated[int, Field(ge=10, le=100_000_000)] = 1_000_000
    """Frames that may wait there, all stations together, before stations wait."""

    serve_spool_bytes_max: Annotated[int, Field(ge=2**23, le=2**40)] = 536_870_912
    """Bytes that may wait there."""

    http_host: str = "127.0.0.1"
    """The address at which `wattbook serve` takes messages over HTTP: this machine alone; others need TLS files, or
    http_plain."""

    http_port: Annotated[Port | None, BeforeValidator(_unless_of_kubernetes)] = None
    """The TCP port for them; 0 is any that is free; left out: no HTTP."""

    http_tls_cert_file: Path | None = None
    """Our certificate (PEM), for HTTPS."""

    http_tls_key_file: Path | None = None
    """Its key (PEM); left out: it is in the same file."""

    http_plain: bool = False
    """Whether HTTP without TLS may be spoken with other machines: behind a proxy that has it."""

    heartbeat_interval_s: Annotated[int, Field(ge=10, le=86400)] = 300
    """Seconds between heartbeats, as stations are told when they boot."""

    cost_update_interval_s: Annotated[int, Field(ge=5, le=86400)] = 60
    """Seconds between two running costs that are sent to a station during a session."""

    tick_interval_s: Annotated[int, Field(ge=0, le=86400), AfterValidator(_none_or_ten)] = 1800
    """Seconds between two ticks of the clock by which `wattbook serve` and workers conclude sessions that never end.

    0: they let it tick never; `wattbook tick` does, by hand or from a timetable.
    """

    batch_size: Annotated[int, Field(ge=1, le=100_000)] = 500
    """Records that are folded and committed in one database transaction."""

    worker_host: str = "127.0.0.1"
    """The address at which a worker shows /health and /metrics: this machine alone; 0.0.0.0 is every network it is in."""

    worker_port: Port = 9464
    """The TCP port for them; 0 is any that is free."""

    worker_outage_s: Annotated[int, Field(ge=1, le=86400)] = 60
    """Seconds for which a worker waits for brokers that do not answer, before it ends to be started again."""

    worker_stall_s: Annotated[int, Field(ge=1, le=86400)] = 60
    """Seconds without a commit while messages wait, or without Kafka's answer, after which a worker's /health is bad."""

    @property
    def database_path(self) -> Path:
        return self.home / "wattbook.db"

    @property
    def database_place(self) -> Path | str:
        """The SQLite file, or the URL of the PostgreSQL database."""
        return self.database_path if self.database == "sqlite" else self.database

    @property
    def database_name(self) -> str:
        """The database in words, without a password."""
        return re.sub(r"//.*@", "//…@", str(self.database_place))

    def http_tls(self) -> ssl.SSLContext | None:
        """For HTTPS; None: HTTP, on this machine alone, or where that is asked for. Raises SettingsError."""
        if self.http_tls_cert_file is None:
            if self.http_host not in ("127.0.0.1", "::1", "localhost") and not self.http_plain:
                raise SettingsError(
                    f"{_PREFIX}HTTP_HOST: tokens would cross the network in the clear on {self.http_host}: set "
                    f"{_PREFIX}HTTP_TLS_CERT_FILE and _KEY_FILE, or {_PREFIX}HTTP_PLAIN=true behind a proxy that has TLS"
                )
            return None
        try:
            return server_context(self.http_tls_cert_file, self.http_tls_key_file, client_authority=None)
        except OSError as error:
            raise SettingsError(f"{_PREFIX}HTTP_TLS_CERT_FILE: `{self.http_tls_cert_file}` cannot be used: {error}") from None

    @property
    def uses_kafka(self) -> bool:
        return self.log.startswith(_KAFKA)

    @property
    def vault_path(self) -> Path:
        return self.home / "vault.json"

    @property
    def credentials_path(self) -> Path:
        return self.home / "station-credentials.json"

    @property
    def spool_path(self) -> Path:
        return self.serve_spool_folder or self.home / "tap-spool"

    @property
    def reference_path(self) -> Path:
        return self.home / "reference"

    @property
    def out_path(self) -> Path:
        return self.home / "out"

    @property
    def kafka_options(self) -> KafkaOptions:
        """How Kafka is reached. Raises SettingsError where the log is not Kafka's, or a login lacks its user."""
        if not self.uses_kafka:
            raise SettingsError(f"{_PREFIX}LOG: `{self.log}` is not Kafka: write kafka://host:port of some brokers")
        options = KafkaOptions(
            servers=tuple(self.log.removeprefix(_KAFKA).split(",")),
            prefix=self.kafka_prefix,
            client_id=self.kafka_client_id,
            timeout_s=self.kafka_timeout_s,
            security_protocol=self.kafka_security_protocol,
            sasl_mechanism=self.kafka_sasl_mechanism,
            sasl_user=self.kafka_sasl_user,
            sasl_password=_open(self.kafka_sasl_password),
            ssl_ca_file=_path(self.kafka_ssl_ca_file),
            ssl_cert_file=_path(self.kafka_ssl_cert_file),
            ssl_key_file=_path(self.kafka_ssl_key_file),
            ssl_key_password=_open(self.kafka_ssl_key_password),
        )
        if options.uses_sasl and not (options.sasl_user and options.sasl_password):
            raise SettingsError(f"{options.security_protocol} logs in: write {_PREFIX}KAFKA_SASL_USER and _PASSWORD")
        return options


def _open(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _path(path: Path | None) -> str | None:
    return str(path) if path else None


def read_settings(**given: Any) -> Settings:
    """The settings of this process; `given` are those of its command line. Raises SettingsError."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(map(_sentence, error.errors(include_url=False)))) from None


def unknown_settings(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that looks like a setting and is none: what was meant by it would silently not hold."""
    known = {name.upper() for name in Settings.model_fields}
    return [
        f"{name}: there is no such setting{did_you_mean(name[len(_PREFIX) :], known, _PREFIX)}"
        for name, value in sorted(environment.items())
        if value and name.upper().startswith(_PREFIX) and name[len(_PREFIX) :].upper() not in known
        if not _OF_KUBERNETES.fullmatch(f"{name}={value}")
    ]


def _sentence(detail: ErrorDetails) -> str:
    variable = _PREFIX + str(detail["loc"][0]).upper()
    if detail["type"] == "extra_forbidden":
        return f"{variable}: there is no such setting"
    why = re.sub(r"^(Value error, |(Input|String) (?=should))", "", detail["msg"])
    found = re.sub(r"//.*@", "//…@", str(detail["input"]))  # a password is not printed
    return f"{variable}: `{found}` {why}"
