"""Commands that only look write nothing; those that bill publish no price for a time that is over, and say so."""

import json
from pathlib import Path

import pytest

from streams.catalogue import Catalogue
from tests.first_light.test_re_rate import LATER, WHOLE, corrected, publish
from tests.first_light.test_what_if import bytes_of
from tests.first_light.test_worklist import Home, event
from tests.first_light.test_worklist import home as home
from vocabulary.tariff import Dimension

SKETCH = ("--energy", "10kWh", "--start", "2026-10-05T10:00:00+02:00", "--duration", "1h")
LOOKS = (
    ("tariff", "explain", "by-hand", "--short"),
    ("tariff", "diff", "by-hand", "by-hand@2026-10-05"),
    ("tariff", "price", "by-hand", *SKETCH),
    ("tariff", "choose", "DE*TST*E1"),
    ("tariff", "export", "by-hand", "--as", "ocpi-2.2.1", "--allow-losses"),
    ("tariff", "lint", "by-hand"),
    ("tariff", "what-if", "by-hand", "--month", "2026-10"),
    ("session", "list"),
    ("session", "show", "T1"),
    ("invoice", "list"),
)


@pytest.fixture
def charged(home: Home) -> Home:
    home.hears(*WHOLE, *LATER)
    return home


def prices(home: Home) -> set[str]:
    """Of energy, as they are published."""
    catalogue: Catalogue = home.use(lambda app: app.runtime.catalogue())
    elements = (element for tariff in catalogue.tariff_versions.values() for element in tariff.elements)
    return {str(part.price) for each in elements for part in each.components if part.dimension is Dimension.ENERGY}


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
@pytest.mark.parametrize("valid_from", [None, "2999-01-01"])
def test_who_only_looks_publishes_nothing(charged: Home, words: tuple[str, ...], valid_from: str | None) -> None:
    corrected(charged, valid_from=valid_from)
    before = bytes_of(charged.folder)
    charged.run(*words)
    assert bytes_of(charged.folder) == before
    assert prices(charged) == {"0.40"}


def test_who_looks_is_told_the_price_that_holds_and_that_the_folder_has_another(charged: Home) -> None:
    corrected(charged)
    told = charged.run("tariff", "explain", "by-hand", "--short")
    assert "0.476 EUR/kWh" in told.stdout, "0.40 and VAT"
    assert "left out tariff:by-hand has another price for a time that is over: the one that was published holds" in told.stderr
    assert "`wattbook tariff publish by-hand --re-rate --reason TEXT`" in told.stderr


def test_a_price_to_come_is_looked_at_before_it_is_published(charged: Home) -> None:
    corrected(charged, valid_from="2999-01-01")
    told = charged.run("tariff", "explain", "by-hand@2999-02-01", "--short")
    assert "0.595 EUR/kWh" in told.stdout
    assert f"1 new fact of {charged.folder}/reference counts here, and nothing is published" in " ".join(told.stderr.split())
    assert prices(charged) == {"0.40"}


def test_a_new_home_is_looked_into_before_anything_is_published(tmp_path: Path) -> None:
    home = Home.__new__(Home)
    home.folder = tmp_path / "new"
    home.run("init", str(home.folder))
    vault = (home.folder / "vault.json").read_bytes()
    assert "EUR/kWh" in home.run("tariff", "explain", "dc-day-night", "--short").stdout
    assert prices(home) == set()
    assert (home.folder / "vault.json").read_bytes() == vault, "no holder has a key yet"
    assert json.loads(home.run("reference", "publish", "--json").stdout)["new"] == 12


def test_who_bills_leaves_a_price_for_the_past_out_and_goes_on(charged: Home, tmp_path: Path) -> None:
    corrected(charged)
    late = tmp_path / "late.ndjson"
    late.write_text("\n".join((event("Started", 0, 1200, 8000, tx="T3"), event("Ended", 1, 1260, 9000, tx="T3"))) + "\n")
    done = charged.run("import", str(late))
    assert "left out tariff:by-hand has another price for a time that is over" in done.stderr
    assert prices(charged) == {"0.40"}
    [third] = [each for each in charged.told("session", "list") if each["transaction"] == "T3"]
    assert third["total"] == "0.48", "what came is billed by the price that holds"
    assert publish(charged, "--re-rate", "--reason", "x", "--yes").exit_code == 0
    assert prices(charged) == {"0.40", "0.50"}
    charged.sound()


def test_who_bills_publishes_a_price_to_come(charged: Home, tmp_path: Path) -> None:
    corrected(charged, valid_from="2999-01-01")
    (tmp_path / "none.ndjson").write_text(WHOLE[0] + "\n")
    assert "1 new fact published" in charged.run("import", str(tmp_path / "none.ndjson")).stderr
    assert prices(charged) == {"0.40", "0.50"}
