"""How Apache Kafka is reached: addresses, names, who we are and how we show it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MESSAGE_BYTES_MAX: Final = 16 * 2**20
"""What a topic takes, and a publisher sends, as one record: a conclusion may hold all of a long session."""


class SecurityProtocol(StrEnum):
    """Whether the connection is encrypted (SSL is Kafka's word for TLS), and whether we log in (SASL)."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


class SaslMechanism(StrEnum):
    """How the broker is shown that we know the password."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


@dataclass(frozen=True, kw_only=True)
class KafkaOptions:
    """`timeout_s`: how long to try before an outage is told. Files are PEM; None for `ssl_ca_file`: what the machine trusts."""

    servers: tuple[str, ...]  # host:port of some brokers; they name the others
    prefix: str = "wattbook."
    client_id: str = "wattbook"
    timeout_s: int = 30
    security_protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    sasl_mechanism: SaslMechanism = SaslMechanism.PLAIN
    sasl_user: str | None = None
    sasl_password: str | None = None
    ssl_ca_file: str | None = None
    ssl_cert_file: str | None = None
    ssl_key_file: str | None = None
    ssl_key_password: str | None = None

    def topic(self, name: str) -> str:
        """The full name of a topic: `raw` is `wattbook.raw`."""
        return self.prefix + name

    @property
    def uses_ssl(self) -> bool:
        return self.security_protocol in (SecurityProtocol.SSL, SecurityProtocol.SASL_SSL)

    @property
    def uses_sasl(self) -> bool:
        return self.security_protocol in (SecurityProtocol.SASL_PLAINTEXT, SecurityProtocol.SASL_SSL)

    def __repr__(self) -> str:
        """Without passwords: this may stand in a log."""
        return f"KafkaOptions({','.join(self.servers)}, {self.prefix!r}, {self.security_protocol}, user={self.sasl_user!r})"
