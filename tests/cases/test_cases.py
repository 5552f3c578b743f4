"""Situations of the field, each in a folder that is named for it.

    about.txt       what the specification says, what was seen, what we do; `tariff: timed` and its like: `tests.cases.tariffs`
    frames.ndjson   the raw frames, as `wattbook import` reads them; or, where more happens than frames,
    story.txt       frames, ticks, decisions, facts and invoice runs in their order (`tests.cases.story`)
    expected.txt    their events, and what was concluded

`./run test tests/cases --update` rewrites expected.txt; review the difference as you would review code.
"""

import re
from pathlib import Path

import pytest

from tests.cases.outcome import messages, outcome
from tests.cases.story import Told, story_of

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/about.txt"))


def test_there_are_cases() -> None:
    assert len(FOLDERS) > 30


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_case(folder: Path, update: bool) -> None:
    about = (folder / "about.txt").read_text()
    tariff = next((line.removeprefix("tariff: ") for line in about.splitlines() if line.startswith("tariff: ")), "")
    told = outcome(_story(folder), tariff)
    if update:
        (folder / "expected.txt").write_text(told)
    assert (folder / "expected.txt").read_text() == told


def _story(folder: Path) -> list[Told]:
    """What came in a case. A folder has one of the two files."""
    frames, story = folder / "frames.ndjson", folder / "story.txt"
    assert frames.exists() != story.exists(), "write the frames, or a story with frames in it"
    return story_of(story.read_text()) if story.exists() else messages(frames.read_bytes().splitlines())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_case_says_what_the_specification_says_what_was_seen_and_what_we_do(folder: Path) -> None:
    about = (folder / "about.txt").read_text()
    assert [line.split(":")[0] for line in about.splitlines() if line.startswith(("Specification:", "Seen:", "We:"))] == [
        "Specification",
        "Seen",
        "We",
    ]


def test_the_table_of_situations_names_every_folder_and_nothing_else() -> None:
    here = Path(__file__).parent
    table = [line for line in (here / "README.md").read_text().splitlines() if line.startswith("|")]
    named = {name for line in table for name in re.findall(r"`([^`]+)`", line)}
    mess = {path.name for path in here.glob("mess/*/*") if path.is_dir()}
    assert {name for name in named if "-" not in name and "/" not in name} == {folder.name for folder in FOLDERS}
    assert {name.rpartition("/")[2] for name in named if "-" in name} == mess


def test_a_line_of_a_story_that_says_nothing_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="line 2"):
        story_of("2026-03-10T08:00:00Z tick\n2026-03-10T08:00:00Z tock")
    with pytest.raises(AssertionError, match="STATION TRANSACTION"):
        story_of("2026-03-10T08:00:00Z drop CP7")
