"""Files of which nothing can be read are told once, by name, with what to do; the others are imported, and the status is 1."""

import gzip
import json
import os
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wattbook.cli import cli

GOOD = 'CP-1 [2,"a","Heartbeat",{}]\n'
HEADER = "transaction_pk,charge_box_id,connector_id,id_tag,start_timestamp,start_value\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nothing") / "home"
    assert CliRunner().invoke(cli, ["init", str(folder)], catch_exceptions=False).exit_code == 0
    return folder


def imported(home: Path, *words: object) -> Result:
    return CliRunner().invoke(cli, ["--home", str(home), "import", "--json", *map(str, words)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (random.Random(7).randbytes(200_000), "it is no text"),
        (gzip.compress(GOOD.encode()), "it is packed by gzip; unpack it"),
        (b"PK\x03\x04" + b"A [2]\n" * 9, "it is a ZIP archive or a spreadsheet's own format"),
        (GOOD.encode("utf-16"), "it is UTF-16; write it as UTF-8"),
        (GOOD.encode("utf-16-le"), "it is no text in UTF-8"),
        (b"", "it is empty"),
        (b"\n# nothing\n", "it holds no message, read as capture; it takes lines such as"),
        (b"a,b\n" * 3000, "it holds no message, read as capture; line 1, the first of 3000 such: neither a JSON object"),
        (b'[{"station":"CP-1","frame":[2,"a","Heartbeat",{}]}]', "it is one JSON array; write its elements one on each line"),
        (b'[\n  {"station":"CP-1","frame":[2]},\n{"station":"CP-1","frame":[3]}\n]', "it is one JSON array"),
        (
            HEADER.replace(",", ";").encode(),
            "it is a CSV of SteVe's transactions with ; between the cells; write it with commas",
        ),
        (HEADER.replace(",", "\t").encode(), "it is a CSV of SteVe's transactions with tabs between the cells"),
        (b"<?xml version='1.0'?><foo/>", "it holds no message, read as soap; it takes envelopes"),
        (HEADER.replace("id_tag", "tag").encode(), "read as steve-csv; line 1: the header lacks id_tag; write the header"),
        ((HEADER + "1,CP-1,1,\xe4,2026-10-14T05:58:20Z,1\n").encode("latin-1"), "line 2: the file is not UTF-8; write it as"),
    ],
    ids=[
        "random",
        "gzip",
        "zip",
        "utf16",
        "utf16-le",
        "empty",
        "comments",
        "other-csv",
        "array",
        "lines-of-array",
        "semicolons",
        "tabs",
        "xml",
        "header",
        "latin-1",
    ],
)
def test_a_file_of_nothing_is_told_once_and_the_others_are_imported(
    home: Path, tmp_path: Path, content: bytes, told: str
) -> None:
    nothing, good = tmp_path / "nothing", tmp_path / "good.txt"
    nothing.write_bytes(content)
    good.write_text(GOOD)
    done = imported(home, nothing, good)
    assert done.exit_code == 1
    assert done.stderr.count("not imported") == 1
    assert f"not imported {nothing}: " in done.stderr and told in done.stderr
    summary = json.loads(done.stdout)
    assert summary["messages"] == 1 and summary["unreadable_lines"] == [] and len(summary["unread_files"]) == 1


def test_a_format_that_was_said_wrong_is_told(home: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.txt"
    good.write_text(GOOD)
    done = imported(home, "--format", "steve-log", good)
    assert done.exit_code == 1
    assert f"not imported {good}: it holds no message, read as steve-log; it takes lines with [chargeBoxId=" in done.stderr


def test_a_pipe_is_not_read_as_it_can_be_read_but_once(home: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, GOOD.encode())
    done = imported(home, "--format", "capture", pipe)
    os.close(writer)
    assert done.exit_code == 1
    assert f"not imported {pipe}: it is no regular file; write what it gives into one" in done.stderr


def test_an_export_without_transactions_and_a_file_with_one_good_line_are_no_failure(home: Path, tmp_path: Path) -> None:
    rows, half = tmp_path / "rows.csv", tmp_path / "half.txt"
    rows.write_text(HEADER)
    half.write_text("nothing\n" + GOOD)
    done = imported(home, rows, half)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["unread_files"] == []
    assert f"not imported {half}:1: " in done.stderr
