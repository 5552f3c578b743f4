"""`wattbook tariff`: what is named, what is printed, and how it ends."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent

import pytest
from click.testing import CliRunner, Result

from tariffs.lint import Surroundings
from vocabulary.codec import version_hash
from wattbook.cli import cli
from wattbook.reference_files import ReferenceErrors, tariffs_in
from wattbook.tariff_uses import used_in_reference

FINE = """
id: fine
currency: EUR
names: [{language: en, text: Plain}, {language: de, text: Schlicht}]
elements:
  - price_components: [{type: ENERGY, price: 0.40, vat: 19, step_size: 1}]
"""
WRONG = FINE.replace("id: fine", "id: wrong") + "  - price_components: [{type: ENERGY, price: 0.30, vat: 19, step_size: 1}]\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    CliRunner().invoke(cli, ["init", str(tmp_path)])
    for name, text in (("fine", FINE), ("wrong", WRONG)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def run(home: Path, *words: object) -> Result:
    return CliRunner().invoke(cli, ["--home", str(home), "tariff", *map(str, words)])


def test_lint_ends_by_what_it_found(home):
    assert run(home, "lint", home / "fine.yaml").exit_code == 0
    wrong = run(home, "lint", home / "wrong.yaml")
    assert (wrong.exit_code, "price_can_never_apply" in wrong.output) == (1, True)
    assert run(home, "lint", home / "away.yaml").exit_code == 2
    assert run(home, "lint", "no-such-tariff").exit_code == 2


def test_lint_reads_the_reference_folder_and_writes_nothing(home):
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    (home / "wattbook.db").rename(home / "elsewhere")
    found = json.loads(run(home, "lint", "--json").output)
    assert {each["tariff"] for each in found} == {"ac-simple", "dc-day-night", "nl-ac-start-idle", "fleet"}
    (home / "elsewhere").rename(home / "wattbook.db")
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def test_the_examples_that_init_writes_have_no_errors_and_no_warnings(home):
    assert run(home, "lint", "--strict").exit_code == 0


def test_strict_makes_errors_of_warnings(home):
    (home / "warned.yaml").write_text(FINE.replace("price: 0.40", "price: 0"))
    assert run(home, "lint", home / "warned.yaml").exit_code == 0
    strict = run(home, "lint", home / "warned.yaml", "--strict", "--json")
    assert strict.exit_code == 1
    assert [one["severity"] for one in json.loads(strict.stdout)[0]["lints"]] == ["error"]


def test_what_the_law_wants_depends_on_where_a_tariff_is_used(home):
    (home / "timed.yaml").write_text(FINE.replace("ENERGY, price: 0.40", "TIME, price: 12"))
    fast = (home / "timed.yaml", "--power", 150, "--country", "de")
    assert run(home, "lint", *fast).exit_code == 1
    assert run(home, "lint", *fast, "--private").exit_code == 0
    assert run(home, "lint", home / "timed.yaml", "--power", 22, "--country", "de").exit_code == 0


@pytest.mark.parametrize("country", ["Germany", "XX", "DEU", ""])
def test_a_country_that_is_none_is_refused(home, country):
    told = run(home, "lint", home / "fine.yaml", "--country", country)
    assert (told.exit_code, "write its two letters of ISO 3166-1, such as DE" in " ".join(told.output.split())) == (2, True)


@pytest.mark.parametrize(
    ("power", "status"),
    [("49.6", 0), ("49.6kW", 0), ("49999 W", 0), ("50", 1), ("50kW", 1), ("x", 2), ("-5", 2), ("50 kWh", 2)],
)
def test_power_is_a_number_of_kilowatts_or_bears_its_unit(home, power, status):
    (home / "timed.yaml").write_text(FINE.replace("ENERGY, price: 0.40", "TIME, price: 12"))
    assert run(home, "lint", home / "timed.yaml", f"--power={power}", "--country", "FR").exit_code == status


def test_what_is_not_judged_is_told_with_how_to_have_it_judged(home):
    def told(*words):
        return " ".join(run(home, "lint", home / "fine.yaml", *words).stderr.split())

    assert told() == "not judged fine, by what AFIR and PAngV want: say with --country where the EVSEs stand, or --private"
    assert (
        told("--country", "de") == "not judged fine, by what AFIR wants from 50 kW on: say with --power what the EVSEs deliver"
    )
    assert told("--country", "DE", "--power", "22") == told("--private") == told("--country", "CH") == ""
    assert run(home, "lint").stderr == "", "the folder tells where its tariffs are used"
    (home / "reference" / "more.yaml").write_text("tariffs:\n" + indent(FINE.strip(), "    ").replace("    ", "  - ", 1))
    assert run(home, "lint").stderr.startswith("not judged fine"), "which nobody has yet"


def test_the_reference_folder_tells_where_a_tariff_is_used(home):
    tariffs = home / "reference" / "tariffs.yaml"
    tariffs.write_text(tariffs.read_text().replace("type: ENERGY, price: 0.4958", "type: TIME, price: 24"))
    (found,) = json.loads(run(home, "lint", "dc-day-night", "--json").output)
    assert "fast_public_charging_is_not_priced_per_kwh" in [one["reason"] for one in found["lints"]]


def test_diff_ends_as_diff_does(home):
    fine, wrong = home / "fine.yaml", home / "wrong.yaml"
    assert (run(home, "diff", fine, fine).exit_code, run(home, "diff", fine, wrong).exit_code) == (0, 1)
    assert run(home, "diff", "ac-simple", "ac-simpel").exit_code == 2
    assert "did you mean ac-simple" in run(home, "diff", "ac-simple", "ac-simpel").output
    assert run(home, "diff", "ac-simple", "ac-simple@tomorrow").exit_code == 2


def test_versions_are_named_by_id_by_time_by_hash_and_by_file(home):
    tariffs = home / "reference" / "tariffs.yaml"
    now, later = (item.shape.tariff for item in tariffs_in(tariffs, "Europe/Berlin") if item.id == "ac-simple")
    assert run(home, "diff", "ac-simple", version_hash(now)).exit_code == 0
    assert run(home, "diff", "ac-simple@2030-01-01", version_hash(later)[:8]).exit_code == 0
    assert run(home, "diff", "ac-simple@2029-12-31", "ac-simple").exit_code == 0
    assert run(home, "diff", f"{tariffs}#ac-simple", "ac-simple@2030-06-01T00:00:00Z").exit_code == 0
    assert "write" in run(home, "diff", tariffs, "ac-simple").output
    assert "did you mean fleet" in run(home, "diff", f"{tariffs}#fleed", "fleet").output


def test_diff_as_json_has_amounts_and_per_cent(home):
    found = json.loads(run(home, "diff", "ac-simple", "ac-simple@2030-01-01", "--json").stdout)
    assert [(one["what"], one["percent"]) for one in found["changes"]] == [("price", "6.12"), ("the driver pays", "6.12")]


def test_explain_keeps_its_json_and_tells_files_without_a_home(home):
    told = CliRunner().invoke(
        cli, ["--home", str(home / "nowhere"), "tariff", "explain", str(home / "fine.yaml"), "--language", "de", "--json"]
    )
    text = "Energie: 0,476 EUR/kWh. Alle Preise inkl. MwSt."
    assert json.loads(told.output) == {"tariff": str(home / "fine.yaml"), "language": "de", "text": text}
    assert run(home, "explain", home / "fine.yaml", "--language", "de", "--short").output == text + "\n"
    assert "Schlicht\nfine, ocpi-2.2.1, version " in run(home, "explain", home / "fine.yaml", "--language", "de").output


def test_explain_of_what_is_not_there_ends_with_1(home):
    assert run(home, "explain", "nothing").exit_code == 1


def test_a_file_that_holds_no_tariff_says_so(tmp_path):
    for text in ("operator: {}\n", "tariffs: []\n", "[]\n", "id: x\n", "just text\n", "{"):
        (tmp_path / "x.yaml").write_text(text)
        with pytest.raises(ReferenceErrors):
            tariffs_in(tmp_path / "x.yaml", "UTC")


PARTNERS = {
    "country_code": "NL",
    "party_id": "EMS",
    "id": "partner",
    "currency": "EUR",
    "tax_included": "YES",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.59, "step_size": 1}]}],
    "last_updated": "2026-01-01T00:00:00Z",
}
STATIONS = {
    "tariffId": "station",
    "currency": "EUR",
    "energy": {"prices": [{"priceKwh": 0.40, "conditions": {"maxPower": 11000}}, {"priceKwh": 0.50}]},
}


def test_tariffs_of_partners_and_of_stations_are_looked_at_and_told_as_well(home):
    for name, document in (("partner", PARTNERS), ("station", STATIONS)):
        (home / f"{name}.json").write_text(json.dumps(document))
    gross = run(home, "lint", home / "partner.json", "--json")
    assert "gross_price_has_no_tax_rate" in [one["reason"] for one in json.loads(gross.stdout)[0]["lints"]]
    assert (
        "Energy: 0.40 EUR/kWh (below 11 kW); otherwise 0.50 EUR/kWh."
        in run(home, "explain", home / "station.json", "--short").output
    )
    assert run(home, "diff", home / "partner.json", home / "station.json").exit_code == 1
    (home / "station.json").write_text(json.dumps(STATIONS | {"currency": "Euro"}))
    refused = run(home, "lint", home / "station.json")
    assert isinstance(refused.exception, ReferenceErrors) and "station.json" in str(refused.exception)


def test_an_assignment_tells_where_a_tariff_is_used_and_whether_without_a_contract(home):
    def surroundings(assignment: str) -> Surroundings:
        (home / "reference" / "assignments.yaml").write_text(f"assignments:\n  - {{id: a, tariff: fleet, {assignment}}}\n")
        found = used_in_reference(home / "reference", Surroundings(is_public=True), datetime(2026, 11, 30, tzinfo=UTC))
        return next(used.surroundings for used in found if used.tariff.id == "fleet")

    everywhere = surroundings("payment: ad_hoc")
    assert (everywhere.is_ad_hoc, len(everywhere.countries), max(everywhere.power_w_max) >= 50_000) == (True, 2, True)
    assert not surroundings("payment: contract").is_ad_hoc
    assert not surroundings(f"contract: {ids_in(home / 'reference' / 'contracts.yaml')[0]}").is_ad_hoc
    site = ids_in(home / "reference" / "sites.yaml")[0]
    assert len(surroundings(f"site: {site}, payment: direct_payment").countries) == 1


def ids_in(file: Path) -> list[str]:
    return re.findall(r"(?m)^  - id: (\S+)", file.read_text())
