"""Options: what is wrong with one is told by its name as it was typed, and a moment is read as people write it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.first_light.homes import new_home
from wattbook.cli import cli


@pytest.fixture
def home(tmp_path: Path) -> Path:
    new_home(tmp_path / "home").close()
    return tmp_path / "home"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(home), *words])


def complaint(result: Result) -> str:
    return result.stderr + str(result.exception)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["serve", "--port", "99999"], "Invalid value for '--port': 99999 is not in the range"),
        (["serve", "--http-port", "x"], "Invalid value for '--http-port': 'x' is not a valid integer range"),
        (
            ["serve", "--upstream", "http://csms"],
            "--upstream: `http://csms` is no CSMS's address: write wss://csms.example/path",
        ),
        (["serve", "--host", "192.0.2.1"], "--host: security profile 1 has no TLS"),
        (["serve", "--http-host", "192.0.2.1"], "--http-host: tokens would cross the network in the clear on 192.0.2.1"),
        (["import", "--time-zone", "Mars", __file__], "--time-zone: Mars is no zone of the tz database"),
        (["check-frames", "--time-zone", "Mars", __file__], "--time-zone: Mars is no zone of the tz database"),
        (["invoice", "run", "--month", "October"], "--month: 'October' is not a month: write it as YYYY-MM"),
        (["export", "cdrs", "--month", "10"], "--month: '10' is not a month: write it as YYYY-MM"),
    ],
)
def test_what_is_wrong_with_an_option_is_told_by_its_name(home: Path, words: list[str], told: str) -> None:
    refused = run(home, *words)
    assert refused.exit_code in (1, 2)
    assert told in complaint(refused)
    assert "WATTBOOK_SERVE_PORT" not in complaint(refused) and "time_zone" not in complaint(refused)


def test_a_variable_is_told_by_its_own_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTBOOK_SERVE_UPSTREAM", "http://csms")
    assert "WATTBOOK_SERVE_UPSTREAM: `http://csms` is no CSMS's address" in complaint(run(home, "serve", "--port", "0"))


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-03-01T09:30Z", "2026-03-01T09:30:00Z"),
        ("2026-03-01T09:30:15+01:00", "2026-03-01T08:30:15Z"),
        ("2026-03-01 09:30:15.5-05:00", "2026-03-01T14:30:15.500000Z"),
        ("2026-03-01", "2026-02-28T23:00:00Z"),
        ("2026-07-01", "2026-06-30T22:00:00Z"),
    ],
)
def test_it_is_a_time_with_its_zone_or_the_operators_midnight(home: Path, written: str, at: str) -> None:
    done = run(home, "tick", "--json", "--at", written)
    assert done.exit_code == 0, complaint(done)
    assert json.loads(done.stdout)["at"] == at


def test_without_an_operator_a_day_begins_at_midnight_utc(home: Path) -> None:
    (home / "reference" / "reference.yaml").unlink()
    assert json.loads(run(home, "tick", "--json", "--at", "2026-03-01").stdout)["at"] == "2026-03-01T00:00:00Z"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("2026-03-01T09:30", "has a time but no offset from UTC: write such as 2026-01-01T06:00:00+01:00, or the day alone"),
        ("yesterday", "is not a date: write a day such as 2026-01-01, or an instant such as 2026-01-01T06:00:00+01:00"),
        ("2026-02-30", "is not a date"),
        ("1969-01-01", "is not between 1970 and 2999: check the year"),
        ("3000-01-01T00:00:00Z", "is not between 1970 and 2999: check the year"),
    ],
)
def test_a_time_without_its_zone_is_not_guessed_at(home: Path, written: str, told: str) -> None:
    refused = run(home, "tick", "--at", written)
    assert refused.exit_code == 2
    assert f"Invalid value for '--at': {written} {told}" in " ".join(refused.stderr.split())
