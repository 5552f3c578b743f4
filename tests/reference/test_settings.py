"""Settings come from the command line, then the environment, then their defaults; a bad one is named."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.kafka_options import KafkaOptions, SaslMechanism, SecurityProtocol
from wattbook.cli import cli
from wattbook.settings import Settings, SettingsError, read_settings, unknown_settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"WATTBOOK_{name.upper()}", raising=False)


def test_the_defaults_work_on_one_machine() -> None:
    found = read_settings()
    assert found.model_dump() == {
        "home": Path(),
        "log": "database",
        "database": "sqlite",
        "kafka_prefix": "wattbook.",
        "kafka_partitions": 12,
        "kafka_replication": None,
        "kafka_timeout_s": 30,
        "kafka_client_id": "wattbook",
        "kafka_security_protocol": "PLAINTEXT",
        "kafka_sasl_mechanism": "PLAIN",
        "kafka_sasl_user": None,
        "kafka_sasl_password": None,
        "kafka_ssl_ca_file": None,
        "kafka_ssl_cert_file": None,
        "kafka_ssl_key_file": None,
        "kafka_ssl_key_password": None,
        "serve_host": "127.0.0.1",
        "serve_port": 9000,
        "serve_security_profile": None,
        "serve_plain_on_network": False,
        "serve_behind_proxy": False,
        "serve_tls_cert_file": None,
        "serve_tls_key_file": None,
        "serve_tls_client_ca_file": None,
        "serve_tls_organization": None,
        "serve_frame_bytes_max": 1048576,
        "serve_header_bytes_max": 16384,
        "serve_messages_per_s": 20,
        "serve_messages_burst": 200,
        "serve_flood_s": 30,
        "serve_connections_max": 10000,
        "serve_connections_per_address_max": 500,
        "serve_handshake_s": 10,
        "serve_send_s": 10,
        "serve_ping_s": 30,
        "serve_upstream": None,
        "serve_upstream_ca_file": None,
        "serve_upstream_cert_file": None,
        "serve_spool_folder": None,
        "serve_spool_frames_max": 1_000_000,
        "serve_spool_bytes_max": 536_870_912,
        "http_host": "127.0.0.1",
        "http_port": None,
        "http_tls_cert_file": None,
        "http_tls_key_file": None,
        "http_plain": False,
        "heartbeat_interval_s": 300,
        "cost_update_interval_s": 60,
        "tick_interval_s": 1800,
        "batch_size": 500,
        "worker_host": "127.0.0.1",
        "worker_port": 9464,
        "worker_outage_s": 60,
        "worker_stall_s": 60,
    }


def test_every_setting_is_told_in_its_docstring() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_home_holds_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTBOOK_HOME", "/srv/wattbook")
    found = read_settings()
    places = [found.database_path, found.vault_path, found.reference_path, found.out_path]
    assert [str(place) for place in places] == [
        f"/srv/wattbook/{name}" for name in ("wattbook.db", "vault.json", "reference", "out")
    ]


def test_the_command_line_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTBOOK_SERVE_PORT", "9100")
    monkeypatch.setenv("WATTBOOK_BATCH_SIZE", "50")
    found = read_settings(serve_port=9200)
    assert (found.serve_port, found.batch_size) == (9200, 50)


def test_what_kubernetes_says_of_a_service_called_wattbook_http_is_not_our_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTBOOK_HTTP_PORT", "tcp://10.96.0.17:80")
    assert read_settings().http_port is None
    monkeypatch.setenv("WATTBOOK_HTTP_PORT", "8080")
    assert read_settings().http_port == 8080


def test_the_clock_ticks_each_ten_seconds_at_most_or_never(monkeypatch: pytest.MonkeyPatch) -> None:
    for told in ("0", "10", "86400"):
        monkeypatch.setenv("WATTBOOK_TICK_INTERVAL_S", told)
        assert read_settings().tick_interval_s == int(told)
    for told, why in (("9", "0, or greater than or equal to 10"), ("-1", "greater than or equal to 0"), ("86401", "86400")):
        monkeypatch.setenv("WATTBOOK_TICK_INTERVAL_S", told)
        with pytest.raises(SettingsError, match=f"WATTBOOK_TICK_INTERVAL_S: `{told}` should be .*{why}"):
            read_settings()


def test_an_empty_variable_is_one_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTBOOK_SERVE_PORT", "")
    assert read_settings().serve_port == 9000


def test_what_kubernetes_sets_beside_a_service_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in [("PORT", "tcp://10.0.0.1:9000"), ("SERVICE_HOST", "10.0.0.1"), ("PORT_9000_TCP_PORT", "9000")]:
        monkeypatch.setenv(f"WATTBOOK_{name}", value)
    assert read_settings() == Settings()
    beside = {
        "PORT": "tcp://10.0.0.1:9000",
        "SERVICE_PORT": "9000",
        "SERVICE_PORT_HTTP": "9000",
        "PORT_9000_TCP": "tcp://10.0.0.1",
    }
    beside |= {"RELAY_PORT": "tcp://10.0.0.2:80", "RELAY_SERVICE_HOST": "10.0.0.2", "RELAY_PORT_80_TCP_ADDR": "10.0.0.2"}
    assert unknown_settings({f"WATTBOOK_{name}": value for name, value in beside.items()}) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [("WATTBOOK_DATABSE", "DATABASE"), ("WATTBOOK_SERVR_PORT", "SERVE_PORT"), ("wattbook_kafka_prefx", "KAFKA_PREFIX")],
)
def test_a_variable_that_is_no_setting_is_wrong_usage_and_the_nearest_one_is_named(name: str, meant: str) -> None:
    done = CliRunner().invoke(cli, ["session", "list"], env={name: "postgresql://db/x"})
    assert done.exit_code == 2
    assert f"Error: {name}: there is no such setting (did you mean WATTBOOK_{meant}?)" in done.output
    assert "postgresql" not in done.output


def test_what_is_no_setting_and_near_none_is_named_too_unless_it_is_empty() -> None:
    assert unknown_settings({"WATTBOOK_XYZ": "1", "WATTBOOK_ABC": "", "HOME": "/"}) == [
        "WATTBOOK_XYZ: there is no such setting"
    ]


@pytest.mark.parametrize(
    "place", ["postgresql:///x", "postgresql://db/x", "postgresql://me:a%40b@[::1]:5432/x?sslmode=require"]
)
def test_a_database_may_be_on_this_machines_socket_and_its_port_may_be_the_usual_one(place: str) -> None:
    assert read_settings(database=place).database == place


NO_PORT = "is no port, which is a number from 1 to 65535; write "
NO_DATABASE = "WATTBOOK_DATABASE: `postgresql://…@"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOG", "kafka", "WATTBOOK_LOG: `kafka` is no log: write database, or kafka://host:port of some brokers"),
        ("LOG", "kafka://", "WATTBOOK_LOG: `kafka://` is no log"),
        ("LOG", "kafka://one", "WATTBOOK_LOG: `kafka://one` is no log"),
        ("LOG", "kafka://one:9092,", "WATTBOOK_LOG: `kafka://one:9092,` is no log"),
        ("LOG", "kafka://me:secret@one:9092", "WATTBOOK_LOG: `kafka://…@one:9092` is no log: who logs in stands in WATTBOOK_K"),
        (
            "LOG",
            "kafka://me:se,cret@one:9092",
            "WATTBOOK_LOG: `kafka://…@one:9092` is no log: who logs in stands in WATTBOOK_K",
        ),
        ("LOG", "kafka://one", "WATTBOOK_LOG: `kafka://one` is no log: `one` names no port; write database, or kafka://"),
        ("LOG", "kafka://:9092", "WATTBOOK_LOG: `kafka://:9092` is no log: `:9092` names no host; write database, or kafka://"),
        ("LOG", "kafka://a:1,,b:2", "WATTBOOK_LOG: `kafka://a:1,,b:2` is no log: nothing stands before or after a comma"),
        ("LOG", "kafka://a:1,b:2,A:1", "WATTBOOK_LOG: `kafka://a:1,b:2,A:1` is no log: `A:1` stands there twice"),
        ("LOG", "kafka://a:1,b:99999", f"WATTBOOK_LOG: `kafka://a:1,b:99999` is no log: `99999` in `b:99999` {NO_PORT}"),
        ("LOG", "kafka://a:0", f"WATTBOOK_LOG: `kafka://a:0` is no log: `0` in `a:0` {NO_PORT}"),
        ("LOG", "kafka://a:-1", f"WATTBOOK_LOG: `kafka://a:-1` is no log: `-1` in `a:-1` {NO_PORT}"),
        ("LOG", "kafka://a:x", f"WATTBOOK_LOG: `kafka://a:x` is no log: `x` in `a:x` {NO_PORT}"),
        ("LOG", "kafka://[::1]:65536", f"WATTBOOK_LOG: `kafka://[::1]:65536` is no log: `65536` in `[::1]:65536` {NO_PORT}"),
        (
            "DATABASE",
            "postgresql://me:s@db:65536/x",
            f"{NO_DATABASE}db:65536/x` is no database: `65536` in `db:65536` {NO_PORT}",
        ),
        ("DATABASE", "postgresql://me:s@db:0/x", f"{NO_DATABASE}db:0/x` is no database: `0` in `db:0` {NO_PORT}"),
        ("DATABASE", "postgresql://me:s@db:/x", f"{NO_DATABASE}db:/x` is no database: `` in `db:` {NO_PORT}"),
        ("DATABASE", "postgresql://me:s@:5432/x", f"{NO_DATABASE}:5432/x` is no database: `:5432` names no host"),
        (
            "DATABASE",
            "postgresql://me:s@a:1,b:2/x",
            f"{NO_DATABASE}a:1,b:2/x` is no database: `a:1,b:2` is more than one server",
        ),
        ("DATABASE", "postgresql://me:s@cret@db/x", f"{NO_DATABASE}db/x` is no database: write sqlite, or postgresql://"),
        ("DATABASE", "mysql://db/x", "WATTBOOK_DATABASE: `mysql://db/x` is no database: write sqlite, or postgresql://"),
        ("DATABASE", "postgres://me:s@cret@db/x", "WATTBOOK_DATABASE: `postgres://…@db/x` is no database"),
        ("KAFKA_PREFIX", "a b", "WATTBOOK_KAFKA_PREFIX: `a b` should match pattern"),
        ("KAFKA_PARTITIONS", "4096", "WATTBOOK_KAFKA_PARTITIONS: `4096` should be less than or equal to 4095"),
        ("KAFKA_SECURITY_PROTOCOL", "tls", "WATTBOOK_KAFKA_SECURITY_PROTOCOL: `TLS` should be 'PLAINTEXT', 'SSL'"),
        ("KAFKA_SASL_MECHANISM", "GSSAPI", "WATTBOOK_KAFKA_SASL_MECHANISM: `GSSAPI` should be 'PLAIN', 'SCRAM-SHA-256'"),
        ("SERVE_PORT", "99999", "WATTBOOK_SERVE_PORT: `99999` should be less than or equal to 65535"),
        ("SERVE_PORT", "http", "WATTBOOK_SERVE_PORT: `http` should be a valid integer"),
        ("BATCH_SIZE", "0", "WATTBOOK_BATCH_SIZE: `0` should be greater than or equal to 1"),
        ("HEARTBEAT_INTERVAL_S", "5m", "WATTBOOK_HEARTBEAT_INTERVAL_S: `5m` should be a valid integer"),
        ("COST_UPDATE_INTERVAL_S", "1", "WATTBOOK_COST_UPDATE_INTERVAL_S: `1` should be greater than or equal to 5"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"WATTBOOK_{name}", value)
    with pytest.raises(SettingsError) as raised:
        read_settings()
    assert str(raised.value).startswith(said)


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTBOOK_LOG", "kafka")
    monkeypatch.setenv("WATTBOOK_BATCH_SIZE", "many")
    with pytest.raises(SettingsError) as raised:
        read_settings(colour="blue")
    assert [line.partition(":")[0] for line in str(raised.value).splitlines()] == [
        "WATTBOOK_LOG",
        "WATTBOOK_BATCH_SIZE",
        "WATTBOOK_COLOUR",
    ]


# Kafka


def test_sqlite_as_the_log_is_another_word_for_the_database() -> None:
    assert read_settings(log="sqlite") == read_settings()


def test_kafka_is_reached_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LOG": "kafka://one:9092,10.0.0.2:9093,[::1]:9094",
        "KAFKA_PREFIX": "test.",
        "KAFKA_TIMEOUT_S": "5",
        "KAFKA_CLIENT_ID": "billing",
        "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "KAFKA_SASL_MECHANISM": "scram-sha-512",
        "KAFKA_SASL_USER": "me",
        "KAFKA_SASL_PASSWORD": "secret",
        "KAFKA_SSL_CA_FILE": "/etc/ca.pem",
        "KAFKA_SSL_CERT_FILE": "/etc/cert.pem",
        "KAFKA_SSL_KEY_FILE": "/etc/key.pem",
        "KAFKA_SSL_KEY_PASSWORD": "hidden",
    }.items():
        monkeypatch.setenv(f"WATTBOOK_{name}", value)
    options = read_settings().kafka_options
    assert options == KafkaOptions(
        servers=("one:9092", "10.0.0.2:9093", "[::1]:9094"),
        prefix="test.",
        timeout_s=5,
        client_id="billing",
        security_protocol=SecurityProtocol.SASL_SSL,
        sasl_mechanism=SaslMechanism.SCRAM_SHA_512,
        sasl_user="me",
        sasl_password="secret",
        ssl_ca_file="/etc/ca.pem",
        ssl_cert_file="/etc/cert.pem",
        ssl_key_file="/etc/key.pem",
        ssl_key_password="hidden",
    )
    assert options.topic("raw") == "test.raw"
    shown = repr(read_settings()) + repr(options)
    assert "secret" not in shown and "hidden" not in shown


def test_without_kafka_as_the_log_there_is_no_way_to_it() -> None:
    with pytest.raises(SettingsError, match="WATTBOOK_LOG: `database` is not Kafka: write kafka://host:port"):
        _ = read_settings().kafka_options


def test_a_login_without_its_user_is_told() -> None:
    with pytest.raises(SettingsError, match="SASL_SSL logs in: write WATTBOOK_KAFKA_SASL_USER and _PASSWORD"):
        _ = read_settings(log="kafka://one:9092", kafka_security_protocol="SASL_SSL").kafka_options
