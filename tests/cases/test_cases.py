"""Situations of the field, each in a folder that is named for it.

    about.txt       what the specification says, what was seen, what we do; `tariff: timed` gives prices that depend on time
    frames.ndjson   the raw frames, as `wattbook import` reads them
    expected.txt    their events, and what was concluded

`./run test tests/cases --update` rewrites expected.txt; review the difference as you would review code.
"""

from pathlib import Path

import pytest

from tests.cases.outcome import messages, outcome

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/about.txt"))


def test_there_are_cases() -> None:
    assert len(FOLDERS) > 30


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_case(folder: Path, update: bool) -> None:
    about = (folder / "about.txt").read_text()
    frames = messages((folder / "frames.ndjson").read_bytes().splitlines())
    told = outcome(frames, timed="tariff: timed" in about.splitlines())
    if update:
        (folder / "expected.txt").write_text(told)
    assert (folder / "expected.txt").read_text() == told


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_case_says_what_the_specification_says_what_was_seen_and_what_we_do(folder: Path) -> None:
    about = (folder / "about.txt").read_text()
    assert [line.split(":")[0] for line in about.splitlines() if line.startswith(("Specification:", "Seen:", "We:"))] == [
        "Specification",
        "Seen",
        "We",
    ]
