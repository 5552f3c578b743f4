"""`wattbook session list`: so many at a time, how many more there are, and all of them for programs."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.first_light.homes import CAPTURES, DATA, imported
from wattbook.cli import cli
from wattbook.commands import session


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "home"
    imported(folder, (*CAPTURES, *(DATA / "ocpp").glob("*mess.ndjson"))).close()
    return folder


def listed(home: Path, *words: str) -> str:
    done = CliRunner().invoke(cli, ["--home", str(home), "session", "list", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_list_says_how_many_more_there_are_and_how_to_see_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = listed(home).splitlines()
    there_are = len(whole) - 2
    assert there_are > 2 and not any("more" in line for line in whole)
    cut = listed(home, "--limit", "2").splitlines()
    assert [line.split()[0] for line in cut[2:-1]] == [line.split()[0] for line in whole[2:4]], "the newest"
    assert cut[-1] == f"and {there_are - 2} more before them: `--limit {there_are}` shows all, `--json` prints them"
    monkeypatch.setattr(session, "_LIMIT", 1)
    assert listed(home).splitlines()[-1].startswith(f"and {there_are - 1} more before them")
    assert len(listed(home, "--limit", str(there_are)).splitlines()) == there_are + 2


def test_programs_get_all_sessions_unless_they_name_a_limit(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_LIMIT", 1)
    found = json.loads(listed(home, "--json"))
    assert len(found) > 2 and {"session", "station", "progress", "start", "total"} <= found[0].keys()
    assert json.loads(listed(home, "--json", "--limit", "2")) == found[:2]
    assert listed(home, "--json").startswith('[\n  {\n    "session": ')


def test_the_worklist_is_counted_by_itself(home: Path) -> None:
    flagged = json.loads(listed(home, "--worklist", "--json"))
    assert len(flagged) > 1
    last = listed(home, "--worklist", "--limit", "1").splitlines()[-1]
    assert last == f"and {len(flagged) - 1} more on the worklist: `--limit {len(flagged)}` shows all, `--json` prints them"


def test_an_empty_list_is_an_empty_list(tmp_path: Path) -> None:
    imported(tmp_path / "home", ()).close()
    assert listed(tmp_path / "home", "--json") == "[]\n"
    assert listed(tmp_path / "home", "--worklist") == "nothing to look at\n"
