"""`wattbook tariff export` and `import`, as they are typed: documents on standard output, losses and notes beside them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given

from tariffs.authored import authored
from tariffs.importing import read_tariff
from tests.first_light.homes import new_home
from tests.tariffs import dialect_strategies as drawn
from wattbook.cli import cli
from wattbook.reference_yaml import plain, read_yaml
from wattbook.tariff_yaml import tariffs_yaml

REFERENCE = """
operator:
  country_code: DE
  party_id: ELB
  name: Elbstrom Laden GmbH
  address: {street: Kaistraße 1, postal_code: "20457", city: Hamburg, country: DE}
  vat_id: DE123456789
  iban: DE02 1203 0000 0000 2020 51
  currency: EUR
  time_zone: Europe/Berlin
tariffs:
  - id: simple
    currency: EUR
    elements:
      - price_components: [{type: ENERGY, price: 0.50, vat: 19, step_size: 1}, {type: TIME, price: 2.40, vat: 19}]
  - id: simple
    currency: EUR
    valid_from: 2026-07-01
    valid_until: 2026-10-01
    elements:
      - price_components: [{type: ENERGY, price: 0.60, vat: 19}]
  - id: grace
    currency: EUR
    elements:
      - price_components: [{type: PARKING_TIME, price: 6, vat: 19}]
        restrictions: {min_idle_duration: 300}
sites: []
contracts: []
"""
STATIONS: dict[str, Any] = {
    "tariffId": "21",
    "currency": "EUR",
    "description": [{"format": "UTF8", "language": "de", "content": "0,40 & mehr: #1"}],
    "energy": {"prices": [{"priceKwh": 0.40}], "taxRates": [{"type": "vat", "tax": 19}]},
    "idleTime": {"prices": [{"priceMinute": 0.1, "conditions": {"minIdleTime": 300, "startTimeOfDay": "08:00"}}]},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tariffs")
    (folder / "reference").mkdir()
    (folder / "reference" / "all.yaml").write_text(REFERENCE)
    new_home(folder / "home", reference=folder / "reference").close()
    return folder / "home"


def typed(*words: str) -> Result:
    return CliRunner().invoke(cli, words, catch_exceptions=False)


SKETCH = ("--energy", "1kWh", "--start", "2026-07-02T10:00:00+02:00", "--duration", "1h")


def exported(home: Path, *words: str) -> Result:
    return typed("--home", str(home), "tariff", "export", *words)


def test_a_tariff_is_printed_in_each_format(home: Path) -> None:
    at = ("--at", "2026-03-01")
    ocpi = exported(home, "simple", "--as", "ocpi-2.2.1", *at)
    assert (ocpi.exit_code, ocpi.stderr) == (0, "")
    assert json.loads(ocpi.stdout) == {
        "country_code": "DE",
        "party_id": "ELB",
        "id": "simple",
        "currency": "EUR",
        "elements": [
            {
                "price_components": [
                    {"type": "ENERGY", "price": 0.5, "vat": 19, "step_size": 1},
                    {"type": "TIME", "price": 2.4, "vat": 19, "step_size": 0},
                ]
            }
        ],
        "last_updated": "1970-01-01T00:00:00Z",
    }
    assert '"price": 0.50' in ocpi.stdout
    assert json.loads(exported(home, "simple", "--as", "ocpi-2.3.0", *at).stdout)["tax_included"] == "NO"
    station = json.loads(exported(home, "simple", "--as", "ocpp-2.1", *at).stdout)
    assert station["chargingTime"] == {"prices": [{"priceMinute": 0.04}], "taxRates": [{"type": "vat", "tax": 19}]}


def test_the_version_of_a_day_is_exported_with_its_validity(home: Path) -> None:
    document = json.loads(exported(home, "simple", "--as", "ocpi-2.3.0", "--at", "2026-07-01").stdout)
    assert (document["start_date_time"], document["end_date_time"]) == ("2026-06-30T22:00:00Z", "2026-09-30T22:00:00Z")
    ended = exported(home, "simple", "--as", "ocpi-2.3.0", "--at", "2026-10-01")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "no tariff simple is in force" in ended.stderr


def test_a_tariff_is_exported_by_any_of_its_names(home: Path, tmp_path: Path) -> None:
    july = json.loads(exported(home, "simple", "--as", "ocpi-2.3.0", "--at", "2026-07-01").stdout)
    assert json.loads(exported(home, "simple@2026-07-01", "--as", "ocpi-2.3.0").stdout) == july
    version = json.loads(typed("--home", str(home), "tariff", "price", "simple@2026-07-01", *SKETCH, "--json").stdout)[
        "version"
    ]
    assert json.loads(exported(home, version, "--as", "ocpi-2.3.0").stdout) == july
    folder = home / "reference"
    [file] = [path for path in folder.glob("*.yaml") if "id: simple" in path.read_text()]
    last = json.loads(exported(home, f"{file}#simple", "--as", "ocpi-2.3.0").stdout)
    assert (last["id"], last["party_id"], last["start_date_time"]) == ("simple", "ELB", july["start_date_time"])
    for name, told in (("nope.yaml", "there is no file nope.yaml"), (f"{file}#simpel", "did you mean simple?")):
        refused = exported(home, name, "--as", "ocpi-2.3.0")
        assert (refused.exit_code, told in " ".join(refused.stderr.split())) == (1, True)
    assert exported(home, "simple@2026-07-01", "--as", "ocpi-2.3.0", "--at", "2026-03-01").exit_code == 2


def test_what_would_price_another_way_is_written_only_where_that_is_allowed(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "grace.json"
    refused = exported(home, "grace", "--as", "ocpi-2.2.1", "--out", str(out))
    assert (refused.exit_code, refused.stdout, out.exists()) == (1, "", False)
    assert "changes the price: element 1: idle_grace_not_expressible" in refused.stderr
    assert "would price another way as ocpi-2.2.1; nothing was written" in refused.stderr
    told = exported(home, "grace", "--as", "ocpi-2.2.1", "--out", str(out), "--json")
    assert told.exit_code == 1 and json.loads(told.stdout)["document"] is None
    allowed = exported(home, "grace", "--as", "ocpi-2.2.1", "--out", str(out), "--allow-losses")
    assert allowed.exit_code == 0 and allowed.stdout == f"grace as ocpi-2.2.1: {out}\n"
    assert json.loads(out.read_text())["id"] == "grace"


def test_a_program_gets_document_and_losses_in_one_object(home: Path) -> None:
    done = exported(home, "grace", "--as", "ocpi-2.3.0", "--allow-losses", "--json")
    told = json.loads(done.stdout)
    assert told["document"]["elements"][0]["price_components"][0]["price"] == 6
    assert told["losses"] == [
        {
            "reason": "idle_grace_not_expressible",
            "changes_price": True,
            "where": "element 1",
            "instead": "applies also without min_idle_s 300",
        }
    ]


def test_a_tariff_of_a_station_is_printed_as_reference_data_and_can_be_published(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "from-a-csms.json"
    file.write_text(json.dumps(STATIONS))
    done = typed("tariff", "import", str(file))
    assert done.exit_code == 0
    assert done.stderr == "1 tariff of OCPP 2.1: check, and add to reference/tariffs.yaml\n"
    assert done.stdout == (
        "tariffs:\n"
        '  - id: "21"\n'
        "    currency: EUR\n"
        "    valid_from: 1970-01-01T00:00:00Z\n"
        '    profile: "ocpp-2.1"\n'
        "    names:\n"
        '      - {language: de, text: "0,40 & mehr: #1", format: "UTF8"}\n'
        "    elements:\n"
        "      - price_components:\n"
        '          - {type: ENERGY, price: 0.4, taxes: [{name: "vat", percent: 19}]}\n'
        "      - price_components:\n"
        "          - {type: PARKING_TIME, price: 0.1, per_minute: true}\n"
        '        restrictions: {start_time: "08:00", min_idle_duration: 300}\n'
    )
    added = tmp_path / "reference"
    added.mkdir()
    (added / "all.yaml").write_text(REFERENCE.replace("tariffs:\n", done.stdout))
    new_home(tmp_path / "home", reference=added).close()
    again = exported(tmp_path / "home", "21", "--as", "ocpp-2.1")
    assert json.loads(again.stdout) == STATIONS


def test_notes_are_told_and_what_is_refused_has_status_1(tmp_path: Path) -> None:
    file = tmp_path / "t.json"
    file.write_text(json.dumps({**STATIONS, "energy": [STATIONS["energy"]]}))
    done = typed("tariff", "import", str(file), "--json")
    assert [one["format"] for one in json.loads(done.stdout)] == ["OCPP 2.1"]
    assert "note 21: energy: a list of one object, taken for that object" in done.stderr
    file.write_text('{"tariffId": NaN}')
    refused = typed("tariff", "import", str(file))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"wattbook: {file}: has NaN, which is no number of JSON; write one, or remove the field\n"
    file.write_text(
        '{"id": "a", "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z", "elements": [{"price_components": []}]}'
    )
    assert f"wattbook: {file}: elements[1]" in typed("tariff", "import", str(file)).stderr, "elements count from 1, as in lints"


def test_our_own_yaml_is_read_too_and_its_mistakes_are_told_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("tariffs:\n  - {id: a, currency: EUR, valid_from: 2026-01-01T00:00:00Z, elements: [{price_components: [")
    assert "t.yaml" in typed("tariff", "import", str(file)).stderr
    file.write_text(file.read_text() + "{type: FLAT, price: 1.00}]}]}\n")
    assert "{type: FLAT, price: 1.00}" in typed("tariff", "import", str(file)).stdout
    file.write_text("tariffs:\n  - {id: a, currency: EUR, elements: [{price_components: [{type: FLAT, price: 1.00}]}]}\n")
    always = typed("tariff", "import", str(file))
    assert always.exit_code == 0 and "{type: FLAT, price: 1.00}" in always.stdout, "it holds always, as in the reference folder"
    file.write_text(file.read_text().replace("FLAT", "FLOT"))
    assert f"{file}:2:" in (wrong := typed("tariff", "import", str(file)).stderr) and "did you mean FLAT?" in wrong


@given(drawn.ANY)
def test_any_tariff_comes_back_from_its_lines_of_yaml(published: Any) -> None:
    lines = tariffs_yaml([authored(published)]).encode()
    (raw,) = plain(read_yaml(lines, "t.yaml"))["tariffs"]
    assert read_tariff(raw).published == published
