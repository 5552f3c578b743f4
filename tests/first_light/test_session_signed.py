"""`wattbook session signed`: from stored messages to a file that any verifier reads, and back."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.signed.container import values_in
from tests.first_light.homes import CAPTURES, DATA, imported
from tests.first_light.test_invoice_commands import demo_home
from wattbook.cli import cli


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed") / "home"
    imported(folder, CAPTURES).close()
    return folder


def run(home: Path, *arguments: object, stdin: bytes | None = None) -> Result:
    given = ["--home", str(home), *map(str, arguments)]
    return CliRunner().invoke(cli, given, catch_exceptions=False, input=stdin)


def of(home: Path, station: str) -> str:
    rows = json.loads(run(home, "session", "list", "--json").stdout)
    return next(str(row["session"]) for row in rows if row["station"] == station)


def test_what_a_meter_signed_over_ocpp_is_written_and_verified_with_its_registered_key(tmp_path: Path) -> None:
    home = tmp_path / "home"
    demo_home(home).close()
    rows = json.loads(run(home, "session", "list", "--json").stdout)
    told = [run(home, "session", "signed", row["session"]) for row in rows]
    written = [done.stdout_bytes for done in told if done.exit_code == 0]
    verified = [run(home, "signed", "verify", "-", stdin=record) for record in written]
    assert {done.exit_code for done in verified} == {0, 1}  # of one, a reading was changed on its way
    good = next(done.stdout for done in verified if done.exit_code == 0)
    assert "registered for" in good
    failed = next(done.stdout for done in verified if done.exit_code == 1)
    assert "signature_does_not_match_the_registered_key" in failed
    assert "begin and end make a pair" in good
    assert "fits itself" not in good


@pytest.mark.parametrize("station", ["CS-BASIC-SIGNED-00001", "CS-KEBA-OCPP2-SIGNED-00001"])
def test_what_a_station_signed_is_written_though_it_is_no_signature(home: Path, station: str) -> None:
    record = run(home, "session", "signed", of(home, station)).stdout_bytes
    begin, end = values_in(record)
    assert (begin.context, end.context, begin.transaction) == ("Transaction.Begin", "Transaction.End", end.transaction)
    verified = run(home, "signed", "verify", "-", stdin=record)
    assert (verified.exit_code, "the file names no key" in verified.stdout) == (3, True)  # nobody vouches for the message's


def unreadable(folder: Path, *replaced: str) -> tuple[Path, str]:
    """A home whose only signing session tells these texts, as they stand in a message, in the place of what was signed."""
    lines = (DATA / "ocpp" / "capture-sap-simulator.ndjson").read_text().splitlines()
    texts = iter(replaced)
    changed = [
        re.sub(r'(signedMeterData\\": ?\\")[^\\]*', lambda m: m[1] + next(texts), line) if "BASIC-SIGNED" in line else line
        for line in lines
    ]
    capture = folder / "capture.ndjson"
    capture.write_text("\n".join(changed) + "\n")
    imported(folder / "home", (capture,)).close()
    return folder / "home", of(folder / "home", "CS-BASIC-SIGNED-00001")


def test_what_no_software_reads_is_written_as_it_came_and_told(tmp_path: Path) -> None:
    twice, hostile = 'OCMF|{"MS":"x","MS":"y"}|{"SD":""}', "${jndi:ldap://x}"
    home, session = unreadable(tmp_path, json.dumps(json.dumps(twice)[1:-1])[1:-1], hostile)
    done = run(home, "session", "signed", session)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [twice, hostile]
    told = " ".join(done.stderr.split())
    assert "note: no software reads these signed values, which are written as they came: none of its signed values" in told
    assert "signed_record_cannot_be_read: a key stands twice" in told and "format_of_signed_values_is_not_supported" in told
    assert run(home, "signed", "verify", "-", stdin=done.stdout_bytes).exit_code == 3


def test_it_is_written_to_a_file_where_one_is_named(home: Path, tmp_path: Path) -> None:
    session = of(home, "CS-BASIC-SIGNED-00001")
    done = run(home, "session", "signed", session, "--output", tmp_path / "record.xml")
    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "record.xml").read_bytes() == run(home, "session", "signed", session).stdout_bytes
    nowhere = run(home, "session", "signed", session, "--output", tmp_path / "none" / "record.xml")
    assert nowhere.exit_code == 1
    assert "cannot be written" in nowhere.stderr


def test_a_session_whose_station_does_not_sign_is_told(home: Path) -> None:
    done = run(home, "session", "signed", of(home, "CS-BASIC-00001"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "it has no signed values" in done.stderr


def test_a_session_that_is_not_there_is_told(home: Path) -> None:
    done = run(home, "session", "signed", "ffff")
    assert (done.exit_code, "no session begins with ffff" in done.stderr) == (1, True)
