"""What other billing systems get wrong, each in a folder: a tariff, a session, the amount by hand, and our explanation.

    about.txt       what the specification says, what was seen, what we do, the sum by hand, and what is owed
    tariff.yaml     as people write it
    session.yaml    as `wattbook tariff price` reads it
    expected.txt    what that command tells

`./run test tests/tariffs --update` rewrites expected.txt; review the difference as you would review code.
"""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from wattbook.cli import cli

FOLDERS = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/about.txt"))
HEADS = ["Specification", "Seen", "We", "By hand", "Owed"]


def test_there_are_cases() -> None:
    assert len(FOLDERS) > 10


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_case_tells_its_price_and_why(folder: Path, update: bool) -> None:
    result = CliRunner().invoke(cli, ["tariff", "price", str(folder / "tariff.yaml"), str(folder / "session.yaml")])
    told = "\n".join(line.rstrip() for line in result.output.splitlines()) + "\n"
    if update:
        (folder / "expected.txt").write_text(told)
    assert (folder / "expected.txt").read_text() == told
    about = dict(line.split(": ", 1) for line in (folder / "about.txt").read_text().splitlines())
    assert list(about) == HEADS
    owed = re.search(r"^Owed: ([\d.]+) EUR$", told, re.MULTILINE)
    assert owed is not None, told
    assert owed[1] == about["Owed"], "by hand it is another amount"
