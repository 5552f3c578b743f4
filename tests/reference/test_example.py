"""The example that `wattbook init` writes."""

import shutil
from pathlib import Path

import pytest

from tests.reference.folder import unsealed
from vocabulary.codec import decode, encode
from vocabulary.reference import SitePublished
from wattbook.demo_meter import DemoMeter
from wattbook.init_files import AlreadyThere, write_example
from wattbook.reference_files import read_reference

NAMES = ["contracts.yaml", "operator.yaml", "partners.yaml", "sites.yaml", "tariffs.yaml"]


def test_the_example_is_read_without_an_error(tmp_path: Path) -> None:
    paths = write_example(tmp_path / "reference")
    assert [path.name for path in paths] == NAMES
    facts = read_reference(tmp_path / "reference", unsealed)
    kinds = [type(fact).__name__ for fact in facts]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "OperatorPublished": 1,
        "TariffPublished": 5,
        "SitePublished": 2,
        "ContractPublished": 3,
        "PartnerPublished": 1,
    }
    assert [decode(encode(fact)) for fact in facts] == list(facts)


def test_the_example_trusts_the_meter_of_the_demo(tmp_path: Path) -> None:
    write_example(tmp_path)
    sites = [fact.site for fact in read_reference(tmp_path, unsealed) if isinstance(fact, SitePublished)]
    keys = [key for site in sites for evse in site.evses for key in evse.meter_keys]
    assert [(key.meter, key.public_key) for key in keys] == [("DEMO-0001", DemoMeter("DEMO-0001").public_key())]


def test_nothing_is_written_where_one_of_the_files_is_there(tmp_path: Path) -> None:
    (tmp_path / "sites.yaml").write_text("mine")
    with pytest.raises(AlreadyThere, match=r"already there: .*sites\.yaml; nothing was written"):
        write_example(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["sites.yaml"]
    assert (tmp_path / "sites.yaml").read_text() == "mine"


def test_the_example_fits_on_a_screen_and_has_no_tab(tmp_path: Path) -> None:
    for path in write_example(tmp_path):
        text = path.read_text(encoding="utf-8")
        assert max(map(len, text.splitlines())) <= 128
        assert "\t" not in text
        assert text.startswith("# ")


def test_without_partners_the_example_is_read_as_well(tmp_path: Path) -> None:
    write_example(tmp_path / "all")
    shutil.copytree(tmp_path / "all", tmp_path / "some", ignore=shutil.ignore_patterns("partners.yaml"))
    with_partners, without = (read_reference(tmp_path / name, unsealed) for name in ("all", "some"))
    assert without == with_partners[:-1]
