"""Settings come from the command line, then the environment, then their defaults; a bad one is named."""

from pathlib import Path

import pytest

from wattbook.settings import Settings, SettingsError, read_settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"WATTBOOK_{name.upper()}", raising=False)


def test_the_defaults_work_on_one_machine() -> None:
    found = read_settings()
    assert found.model_dump() == {
        "home": Path(),
        "log": "sqlite",
        "database": "sqlite",
        "serve_host": "127.0.0.1",
        "serve_port": 9000,
        "heartbeat_interval_s": 300,
        "cost_update_interval_s": 60,
        "batch_size": 500,
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


def test_an_empty_variable_is_one_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTBOOK_SERVE_PORT", "")
    assert read_settings().serve_port == 9000


def test_what_kubernetes_sets_beside_a_service_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in [("PORT", "tcp://10.0.0.1:9000"), ("SERVICE_HOST", "10.0.0.1"), ("PORT_9000_TCP_PORT", "9000")]:
        monkeypatch.setenv(f"WATTBOOK_{name}", value)
    assert read_settings() == Settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOG", "kafka", "WATTBOOK_LOG: `kafka` is not available in this version: write sqlite, or leave it out"),
        ("DATABASE", "postgresql://db", "WATTBOOK_DATABASE: `postgresql://db` is not available in this version: write sqlite"),
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
