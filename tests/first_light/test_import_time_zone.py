"""`wattbook import` of times that bear no zone: they are in the zone that was said, or the file is refused."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wattbook.cli import cli

FRAME = '[2,"s","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":1,"timestamp":"2026-10-14T05:58:20Z"}]'
LOG = f"2026-10-14 07:58:20,461 WebSocketLogger - [chargeBoxId=CP-1, sessionId=1] Received: {FRAME}\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert CliRunner().invoke(cli, ["init", str(tmp_path / "home")], catch_exceptions=False).exit_code == 0
    return tmp_path / "home"


def imported(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(home), "import", "--json", *words], catch_exceptions=False)


def test_a_log_whose_zone_nobody_says_is_refused_and_told_by_its_line(home: Path) -> None:
    log, capture = home / "steve.log", home / "capture.txt"
    log.write_text("starting\n" + LOG)
    capture.write_text(f"2026-10-14T05:58:20Z CP-2 > {FRAME}\n")
    refused = imported(home, str(capture), str(log))
    assert refused.exit_code == 2
    assert f"{log}:2: the time '2026-10-14 07:58:20,461' bears no zone" in " ".join(refused.stderr.split())
    again = imported(home, str(capture), str(log), "--time-zone", "Europe/Berlin")
    assert again.exit_code == 0
    told = json.loads(again.stdout)
    assert (told["messages"], told["new_messages"]) == (2, 1), "the file before the refused one was imported"
    with closing(sqlite3.connect(home / "wattbook.db")) as database:
        bodies = [bytes(body) for (body,) in database.execute("SELECT body FROM log_raw ORDER BY position")]
    assert [json.loads(body)["received_at"] for body in bodies] == ["2026-10-14T05:58:20Z", "2026-10-14T05:58:20.461000Z"]
