"""`wattbook check-frames`: files in, verdicts out; it needs no home and makes none."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.first_light.homes import DATA
from tests.ingest.test_ingest_files import HEADER, ROW
from wattbook.cli import cli

MESS, PAYMENTS = DATA / "ocpp" / "ocpp16-mess.ndjson", DATA / "ocpp" / "ocpp21-payment.ndjson"


def check(folder: Path, *arguments: object) -> Result:
    return CliRunner().invoke(cli, ["--home", str(folder), "check-frames", *map(str, arguments)], catch_exceptions=False)


def test_valid_frames_are_counted_and_the_status_is_0(tmp_path: Path) -> None:
    done = check(tmp_path, PAYMENTS)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "32 frames, 0 violations"
    assert "Frames" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_violations_are_shown_with_their_place_and_what_was_decoded_all_the_same(tmp_path: Path) -> None:
    done = check(tmp_path, PAYMENTS, MESS)
    assert done.exit_code == 1
    [line] = [line for line in done.stdout.splitlines() if line.startswith("ocpp16-mess.ndjson:118")]
    assert "transaction.ended" in line
    assert "violates: TypeConstraintViolation: .idTag breaks type" in line
    assert "ocpp21-payment.ndjson:" not in done.stdout
    assert "ocpp21-payment.ndjson:1 " in check(tmp_path, PAYMENTS, "--all").stdout


def test_json_holds_every_frame(tmp_path: Path) -> None:
    done = check(tmp_path, "--json", MESS)
    told = json.loads(done.stdout)
    assert (done.exit_code, told["violations"]) == (1, 5)
    assert len(told["frames"]) == sum(kind["frames"] for kind in told["summary"]) == len(MESS.read_bytes().splitlines())
    [rejected] = [each for each in told["frames"] if each["frame"]["rejection"]]
    assert rejected["line"] == 114 and rejected["frame"]["verdict"] == "valid"


def test_each_file_has_its_counts_and_one_of_nothing_is_told_by_name(tmp_path: Path) -> None:
    capture, packed, empty = tmp_path / "plain.log", tmp_path / "packed.gz", tmp_path / "empty"
    capture.write_text('CP-1 [2,"a","Heartbeat",{}]\nCP-1 nothing\nCP-1 [2,"b"\n')
    packed.write_bytes(gzip.compress(capture.read_bytes()))
    empty.touch()
    done = check(tmp_path, "--protocol", "ocpp1.6", capture, packed, empty, PAYMENTS)
    assert done.exit_code == 1
    table = done.stdout[done.stdout.index("Files") :].splitlines()[1:6]
    assert [line.split() for line in table] == [
        ["file", "frames", "valid", "violate", "not", "judged", "no", "message"],
        ["plain.log", "2", "1", "1", "0", "1"],
        ["packed.gz", "0", "0", "0", "0", "0"],
        ["empty", "0", "0", "0", "0", "0"],
        ["ocpp21-payment.ndjson", "32", "32", "0", "0", "0"],
    ]
    assert f"not checked {packed}: it is packed by gzip" in done.stderr
    assert f"not checked {empty}: it is empty" in done.stderr
    told = json.loads(check(tmp_path, "--json", capture, packed).stdout)
    assert [(each["file"], each["no_message"]) for each in told["files"]] == [(str(capture), 1), (str(packed), 0)]
    assert len(told["unread_files"]) == 1


@pytest.mark.parametrize("content", [b"", b"\x00" * 900, b"a,b\n1,2\n"])
def test_the_status_is_1_where_a_file_could_not_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    done = check(tmp_path, tmp_path / "file", PAYMENTS)
    assert done.exit_code == 1
    assert done.stderr.count(f"{tmp_path}/file") == 1


def test_times_without_a_zone_are_taken_for_utc_and_the_help_says_so(tmp_path: Path) -> None:
    """Nothing is billed by them here."""
    assert "taken for UTC" in " ".join(check(tmp_path, "--help").stdout.split())
    (tmp_path / "capture").write_text('2026-10-14T05:58:20 CP-1 > [2,"a","Heartbeat",{}]\n')
    assert check(tmp_path, tmp_path / "capture").exit_code == 0


def test_what_we_wrote_from_rows_of_a_table_is_not_judged_and_counted_as_such(tmp_path: Path) -> None:
    export = tmp_path / "steve.csv"
    export.write_text(f"{HEADER}\n{ROW}\n")
    done = check(tmp_path, export)
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "3 frames, 0 violations")
    told = json.loads(check(tmp_path, "--json", export).stdout)
    assert {each["frame"]["verdict"] for each in told["frames"]} == {"not judged"}
    assert sum(kind["not_judged"] for kind in told["summary"]) == 3


def test_lines_that_are_no_message_are_told_and_the_version_can_be(tmp_path: Path) -> None:
    capture = tmp_path / "plain.log"
    capture.write_text('# nothing\nCP-1 [2,"a","Heartbeat",{}]\nCP-1 nothing\nCP-1 [2,"b","Heartbeat",{"at":1}]\n')
    done = check(tmp_path, capture)
    assert (done.exit_code, "2 frames, 0 violations" in done.stdout) == (0, True)
    assert f"no message {capture}:3: " in done.stderr
    done = check(tmp_path, "--protocol", "ocpp1.6", capture)
    assert (done.exit_code, "plain.log:4 " in done.stdout) == (1, True)
