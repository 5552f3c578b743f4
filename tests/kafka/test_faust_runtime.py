"""Faust as the pump: the rules of every pump, and what is Faust's own."""

from faust import SASLCredentials
from faust.types.auth import AuthProtocol, SASLMechanism

from streams.faust_runtime import credentials
from streams.kafka_options import KafkaOptions, SaslMechanism, SecurityProtocol
from tests.kafka.pump_rules import Home, PumpRules, Worker

SERVERS = ("127.0.0.1:9092",)


class TestFaust(PumpRules):
    engine = "faust"

    def test_the_other_engine_is_refused_in_the_same_group(self, home: Home) -> None:
        """They share out partitions by other rules; so one replaces the other when all workers of that one have ended."""
        worker = home.worker()
        home.wait_for(worker.owns)
        other = Worker("plain", home, "worker")
        home.started.append(other)
        assert other.process.wait(60) == 70
        assert "workers of the other engine (faust; this one: plain) run in the group" in other.output
        home.send(10)
        home.wait_until_done()


def test_a_login_and_an_encrypted_connection_are_handed_to_faust() -> None:
    options = KafkaOptions(
        servers=SERVERS,
        security_protocol=SecurityProtocol.SASL_SSL,
        sasl_mechanism=SaslMechanism.SCRAM_SHA_512,
        sasl_user="worker",
        sasl_password="secret",
    )
    given = credentials(options)
    assert isinstance(given, SASLCredentials)
    assert (given.protocol, given.mechanism) == (AuthProtocol.SASL_SSL, SASLMechanism.SCRAM_SHA_512)
    assert (given.username, given.password) == ("worker", "secret")
    assert given.ssl_context is not None
    assert "secret" not in repr(given)


def test_a_plain_connection_has_no_credentials() -> None:
    assert credentials(KafkaOptions(servers=SERVERS)) is None
