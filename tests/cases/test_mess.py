"""Every case of the mess files of tests/data/ocpp, each by itself and the whole file in one.

A case is a folder `mess/<file>/<case>`: `frames.ndjson` are its lines of the file, `expected.txt` what follows, below their
notes. `whole.txt` is all of the file's frames as one history, in which the deliberately broken frames are rejected by name and
the rest of their sessions is intact.
"""

import json
from pathlib import Path

import pytest

from tests.cases.outcome import messages, outcome

FOLDER = Path(__file__).parent / "mess"
DATA = Path(__file__).parent.parent / "data" / "ocpp"
FILES = ("ocpp16-mess", "ocpp201-mess")
LINES = {name: (DATA / f"{name}.ndjson").read_bytes().splitlines() for name in FILES}
CASES = sorted({(name, json.loads(line)["case"]) for name, lines in LINES.items() for line in lines})


@pytest.mark.parametrize(("name", "case"), CASES, ids=str)
def test_case(name: str, case: str, update: bool) -> None:
    lines = (FOLDER / name / case / "frames.ndjson").read_bytes().splitlines()
    notes = [f"note: {note}" for line in lines if (note := json.loads(line).get("note"))]
    check(FOLDER / name / case / "expected.txt", "\n".join([*notes, "", outcome(messages(lines))]), update)


@pytest.mark.parametrize("name", FILES)
def test_the_whole_file_is_one_history(name: str, update: bool) -> None:
    told = outcome(messages(LINES[name]))
    check(FOLDER / name / "whole.txt", told[told.index("conclusions") :], update)


@pytest.mark.parametrize(("name", "case"), CASES, ids=str)
def test_the_frames_of_a_case_are_its_lines_of_the_file(name: str, case: str, update: bool) -> None:
    lines = b"".join(line + b"\n" for line in LINES[name] if json.loads(line)["case"] == case)
    check(FOLDER / name / case / "frames.ndjson", lines.decode(), update)


def test_each_case_of_the_files_is_checked_and_none_is_left_over() -> None:
    assert {(path.parent.name, path.name) for path in FOLDER.glob("*/*") if path.is_dir()} == set(CASES)
    assert {path.parent.name for path in FOLDER.glob("*/whole.txt")} == set(FILES)


def check(path: Path, told: str, update: bool) -> None:
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(told)
    assert path.read_text() == told
