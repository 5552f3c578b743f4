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


def test_a_file_is_refused_as_a_whole(home: Path) -> None:
    """Though its first lines bear a zone, and more of them than are taken up at once."""
    capture = home / "capture.txt"
    lines = [f'2026-10-14T05:58:20Z CP-2 > [2,"{number}","Heartbeat",{{}}]' for number in range(600)]
    capture.write_text("\n".join([*lines, f"2026-10-14T07:58:20 CP-2 > {FRAME}", ""]))
    refused = imported(home, str(capture))
    assert refused.exit_code == 2
    assert f"{capture}:601: the time '2026-10-14T07:58:20' bears no zone" in " ".join(refused.stderr.split())
    assert json.loads(imported(home, str(capture), "--time-zone", "UTC").stdout)["new_messages"] == 601


def test_a_zone_that_is_likely_wrong_is_told_at_the_end(home: Path) -> None:
    log = home / "steve.log"
    log.write_text(LOG + LOG.replace("CP-1", "CP-2"))
    for zone, is_told in (("Europe/Berlin", False), ("UTC", True)):
        done = imported(home, "--time-zone", zone, str(log))
        assert done.exit_code == 0
        assert ("if UTC is not the zone of its times, restore the home" in " ".join(done.stderr.split())) == is_told
        assert json.loads(done.stdout)["warnings"] == (
            [f"{log}: 2 stations, all there are, tell times that are 2:00 h behind those of the file"] if is_told else []
        )
