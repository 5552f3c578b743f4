"""What is wrong with reference data is said with its line, its column and a remedy. The files are those of `folder.py`."""

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.reference.folder import ASSIGNED, CONTRACTS, FILES, OPERATOR, complaints, edited, read, unsealed
from vocabulary.identity import ContractId
from vocabulary.reference import Party, Sealed
from wattbook.reference_files import ReferenceErrors, read_reference
from wattbook.vault import Forgotten


class Case(NamedTuple):
    file: str
    old: str
    new: str
    said: str


def cases() -> list[Case]:
    """The cases of problems.txt, which tells how they are written."""
    lines = Path(__file__).with_name("problems.txt").read_text(encoding="utf-8").splitlines()
    return [_case(block) for block in "\n".join(line for line in lines if line[:1] != "#").split("\n\n") if block.strip()]


def _case(block: str) -> Case:
    change, *said = block.strip().splitlines()
    file, _, rest = change.partition("  ")
    old, new = (text.strip().encode().decode("unicode_escape") for text in rest.split("  ->"))
    return Case(file, old.replace("ALL", ASSIGNED[file]), new, " ".join(map(str.strip, said)))


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.file} {case.new[:40]!r}")
def test_a_problem_is_said_with_its_place_and_a_remedy(tmp_path: Path, case: Case) -> None:
    assert complaints(tmp_path, edited(case.file, case.old, case.new)) == [case.said]


def test_every_kind_of_problem_has_its_case() -> None:
    assert len(cases()) >= 55


def test_the_files_themselves_are_without_a_problem(tmp_path: Path) -> None:
    assert complaints(tmp_path, FILES) == []
    assert complaints(tmp_path, ASSIGNED) == []


def test_all_problems_of_all_files_are_said_at_once_in_order(tmp_path: Path) -> None:
    files = {
        **edited("operator.yaml", "name: Elb", "nmae: Elb"),
        "sites.yaml": edited("sites.yaml", "tariff: ac", "tariff: dc")["sites.yaml"].replace("number: 2", "number: two"),
        "contracts.yaml": edited("contracts.yaml", "country: DE", "country: XX")["contracts.yaml"],
    }
    said = [line.split(": ")[:2] for line in complaints(tmp_path, files)]
    assert said == [
        ["contracts.yaml:6:89", "contracts[1].holder.address.country"],
        ["operator.yaml:2:3", "operator.name"],
        ["operator.yaml:4:3", "operator.nmae"],
        ["sites.yaml:16:17", "sites[1].evses[2].number"],
    ]
    files["sites.yaml"] = files["sites.yaml"].replace("number: two", "number: 2")
    assert "sites.yaml:12:17: sites[1].evses[1].tariff: there is no tariff `dc`" in "\n".join(complaints(tmp_path, files))


def test_a_tariff_that_cannot_be_read_is_not_called_missing_as_well(tmp_path: Path) -> None:
    said = complaints(tmp_path, edited("tariffs.yaml", "ENERGY", "ENERGIE"))
    assert [line.split(": ")[0] for line in said] == ["tariffs.yaml:6:20"]


@pytest.mark.parametrize("kind", ["operator", "tariffs", "sites", "contracts"])
def test_a_kind_that_no_file_holds_is_missed_and_nothing_else_is(tmp_path: Path, kind: str) -> None:
    said = complaints(tmp_path, {name: text for name, text in FILES.items() if name != f"{kind}.yaml"})
    assert len(said) == 1
    assert said[0].startswith(f"reference:1:1: {kind}: is in no file: write ")


def test_an_empty_list_is_a_decision_and_not_missing(tmp_path: Path) -> None:
    assert complaints(tmp_path, {**FILES, "contracts.yaml": "contracts: []\n"}) == []


def test_a_folder_without_files_says_how_to_begin(tmp_path: Path) -> None:
    said = ["reference:1:1: no .yaml file is here: write one, or let `wattbook init` write an example"]
    assert complaints(tmp_path, {"notes.txt": "operator:", ".hidden.yaml": "operator:"}) == said


def test_what_is_no_file_and_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").mkdir()
    assert complaints(tmp_path, FILES) == ["more.yaml:1:1: the file cannot be read: Is a directory"]


def test_a_private_key_is_refused_without_being_repeated(tmp_path: Path) -> None:
    pem = "-----BEGIN PRIVATE KEY-----\\nMIGHAgEA\\n-----END PRIVATE KEY-----"
    said = complaints(tmp_path, edited("sites.yaml", "number: 1", f'number: 1\n        meter_keys: [{{public_key: "{pem}"}}]'))
    assert len(said) == 1
    assert said[0].startswith("sites.yaml:12:35: sites[1].evses[1].meter_keys[1].public_key: is a PRIVATE key: take it out")
    assert "MIGHAgEA" not in said[0]


def test_a_day_that_is_none_is_refused_in_every_file(tmp_path: Path) -> None:
    for file, key in [
        ("operator.yaml", "party_id"),
        ("tariffs.yaml", "currency"),
        ("sites.yaml", "name"),
        ("contracts.yaml", "tokens"),
    ]:
        for written in (
            "2026-02-30",
            "1.1.2026",
            "2026-W01-1",
            "20260101",
            "2026-01-01 06:00",
            "1767222000",
            "0026-01-01",
            "tomorrow",
        ):
            indent = "  " if file == "operator.yaml" else "    "
            said = complaints(tmp_path, edited(file, f"{indent}{key}", f"{indent}valid_from: {written}\n{indent}{key}"))
            assert len(said) == 1, (file, written, said)
            assert f"valid_from: `{written}`" in said[0] or f"valid_from: '{written}'" in said[0]


def test_the_same_moment_written_twice_is_the_same_version(tmp_path: Path) -> None:
    first = CONTRACTS.replace("id: C-1", "id: C-1\n    valid_from: 2026-01-01")
    both = first.replace("id: C-2", "id: C-1\n    valid_from: 2026-01-01T00:00:00+01:00")
    said = "contracts.yaml:9:5: contracts[2]: `C-1` valid from 2025-12-31T23:00:00Z is already given at contracts.yaml:2:5"
    assert complaints(tmp_path, {**FILES, "contracts.yaml": both}) == [f"{said}: remove one, or set a later valid_from"]


def test_the_versions_of_the_operator_have_one_zone(tmp_path: Path) -> None:
    later = OPERATOR.replace("Europe/Berlin", "Europe/Amsterdam\n  valid_from: 2027-01-01")
    assert complaints(tmp_path, {**FILES, "operator-2027.yaml": later}) == [
        "operator-2027.yaml:9:14: operator.time_zone: is `Europe/Berlin` at operator.yaml:9:14: write the same in all versions"
    ]


def test_a_text_that_is_too_long_is_refused(tmp_path: Path) -> None:
    said = complaints(tmp_path, edited("operator.yaml", "Elbstrom Laden GmbH", "E" * 256))
    assert said == ["operator.yaml:4:9: operator.name: is too long: write at most 255 characters"]


def test_a_forgotten_holder_does_not_come_back(tmp_path: Path) -> None:
    read(tmp_path, FILES)

    def seal(contract: ContractId, party: Party) -> Sealed:
        if contract == "C-2":
            raise Forgotten(contract)
        return unsealed(contract, party)

    with pytest.raises(ReferenceErrors) as raised:
        read_reference(tmp_path, seal)
    assert [problem.place[1:] for problem in raised.value.problems] == [(8, 9)]
    assert "this contract's holder was forgotten" in str(raised.value)


def test_no_holder_is_sealed_while_something_is_wrong(tmp_path: Path) -> None:
    complaints(tmp_path, edited("sites.yaml", "tariff: ac", "tariff: dc"))

    def seal(contract: ContractId, party: Party) -> Sealed:
        raise AssertionError(f"{contract} was sealed")

    with pytest.raises(ReferenceErrors):
        read_reference(tmp_path, seal)
