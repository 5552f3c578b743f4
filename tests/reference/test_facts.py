"""What is read becomes effective-dated facts, the same whatever the order of files and items."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import fields

from tests.reference.folder import CONTRACTS, FILES, SITES, TARIFFS, complaints, edited, read
from vocabulary.assignment import Assignment
from vocabulary.codec import ReferenceFact, encode
from vocabulary.identity import StationId
from vocabulary.reference import (
    Address,
    Contract,
    ContractPublished,
    Evse,
    EvseName,
    MeterKey,
    Operator,
    Partner,
    PartnerPublished,
    PartnerToken,
    Party,
    Site,
    SitePublished,
    names_of,
)
from vocabulary.tariff import TariffPublished
from wattbook import reference_shapes as shapes
from wattbook.demo_meter import DemoMeter

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


def valid_from(facts: tuple[ReferenceFact, ...]) -> list[str]:
    return [f"{type(fact).__name__} {fact.valid_from:%Y-%m-%d %H:%M}" for fact in facts if fact.valid_from != ALWAYS]


def test_an_evse_may_go_by_other_names_and_without_any_its_bytes_do_not_tell_of_them(tmp_path: Path) -> None:
    [plain] = [f.site for f in read(tmp_path / "plain", FILES) if isinstance(f, SitePublished)]
    assert b"also_known_as" not in encode(plain)
    other = edited("sites.yaml", "number: 2", "number: 2\n        also_known_as: [{station: HAM-2, number: 1}]")
    [mapped] = [f.site for f in read(tmp_path / "mapped", other) if isinstance(f, SitePublished)]
    assert [names_of(evse)[1:] for evse in mapped.evses] == [(), (EvseName(station=StationId("HAM-2"), number=1),)]


def test_without_valid_from_a_fact_always_holds(tmp_path: Path) -> None:
    assert {fact.valid_from for fact in read(tmp_path, FILES)} == {ALWAYS}


def test_a_day_of_a_site_begins_at_its_own_midnight(tmp_path: Path) -> None:
    site = SITES.replace("Europe/Berlin", "Atlantic/Azores\n    valid_from: 2026-07-01")
    assert valid_from(read(tmp_path, {**FILES, "sites.yaml": site})) == ["SitePublished 2026-07-01 00:00"]
    site = SITES.replace("Europe/Berlin", "Europe/Athens\n    valid_from: 2026-07-01")
    assert valid_from(read(tmp_path, {**FILES, "sites.yaml": site})) == ["SitePublished 2026-06-30 21:00"]


def test_a_day_of_all_else_begins_at_the_operators_midnight(tmp_path: Path) -> None:
    files = {
        **FILES,
        "tariffs.yaml": TARIFFS.replace("id: ac", "id: ac\n    valid_from: 2026-07-01"),
        "contracts.yaml": CONTRACTS.replace("id: C-2", "id: C-2\n    valid_from: 2026-01-01"),
        "partners.yaml": FILES["partners.yaml"].replace("name:", "valid_from: 2026-07-01\n    name:"),
    }
    assert valid_from(read(tmp_path, files)) == [
        "TariffPublished 2026-06-30 22:00",
        "ContractPublished 2025-12-31 23:00",
        "PartnerPublished 2026-06-30 22:00",
    ]


@pytest.mark.parametrize("written", ["2026-03-17T14:30:00+01:00", "2026-03-17T13:30:00Z", '"2026-03-17 14:30:00+01:00"'])
def test_an_instant_is_that_instant(tmp_path: Path, written: str) -> None:
    for file, key in (("tariffs.yaml", "id: ac"), ("sites.yaml", "id: hafen"), ("contracts.yaml", "id: C-1")):
        facts = read(tmp_path, edited(file, key, f"{key}\n    valid_from: {written}"))
        assert [when.partition(" ")[2] for when in valid_from(facts)] == ["2026-03-17 13:30"]


def test_the_start_date_time_of_an_ocpi_tariff_is_its_valid_from(tmp_path: Path) -> None:
    facts = read(tmp_path, edited("tariffs.yaml", "id: ac", "id: ac\n    start_date_time: 2026-03-17T13:30:00Z"))
    assert valid_from(facts) == ["TariffPublished 2026-03-17 13:30"]


def test_versions_of_one_id_follow_each_other(tmp_path: Path) -> None:
    later = TARIFFS.replace("id: ac", "id: ac\n    valid_from: 2027-01-01").replace("0.4118", "0.4370")
    facts = read(tmp_path, {**FILES, "a-later.yaml": later})
    prices = [fact.tariff.elements[0].components[0].price for fact in facts if isinstance(fact, TariffPublished)]
    assert list(map(str, prices)) == ["0.4118", "0.4370"]


def test_a_token_may_pass_from_one_contract_to_another(tmp_path: Path) -> None:
    given_up = (
        CONTRACTS.replace("id: C-1", "id: C-1\n    valid_from: 2026-07-01")
        .replace("[04A1, 04A2]", "[04A1]")
        .split("  - id: C-2")[0]
    )
    taken = CONTRACTS.replace("id: C-2", "id: C-2\n    valid_from: 2026-07-01").replace("04B1", "04A2").split("  - id: C-2")[1]
    handed_over = {**FILES, "hand-over.yaml": given_up + "  - id: C-2" + taken}
    assert len(read(tmp_path, handed_over)) == len(FILES) + 3
    too_early = {
        **handed_over,
        "hand-over.yaml": handed_over["hand-over.yaml"].replace(
            "C-2\n    valid_from: 2026-07-01", "C-2\n    valid_from: 2026-06-30"
        ),
    }
    (said,) = complaints(tmp_path, too_early)
    assert said.startswith("hand-over.yaml:11:14: contracts[2].tokens[1]: this token already stands at contracts.yaml:3:20")


def test_digits_are_kept_as_they_were_written(tmp_path: Path) -> None:
    facts = read(tmp_path, edited("tariffs.yaml", "0.4118", "0.10"))
    assert [str(f.tariff.elements[0].components[0].price) for f in facts if isinstance(f, TariffPublished)] == ["0.10"]
    assert [str(f.site.latitude) for f in facts if isinstance(f, SitePublished)] == ["53.5440"]
    assert [f.contract.tokens for f in facts if isinstance(f, ContractPublished)] == [("04A1", "04A2"), ("04B1",)]


def test_norway_is_a_country(tmp_path: Path) -> None:
    facts = read(tmp_path, edited("partners.yaml", "NL\n", "NO\n"))
    assert [fact.partner.id for fact in facts if isinstance(fact, PartnerPublished)] == ["NO*EMX"]


def test_a_meter_key_has_its_own_time_in_the_sites_zone(tmp_path: Path) -> None:
    point = DemoMeter("DEMO-0001").public_key()[-130:]
    first = f"{{public_key: {point}, meter: M1, valid_from: 2026-07-01}}"
    second = f"{{public_key: {point[2:]}, valid_until: 2026-07-01}}"
    keys = f"meter_keys: [{first}, {second}]"
    facts = read(tmp_path, edited("sites.yaml", "number: 1", f"number: 1\n        {keys}"))
    found = [fact.site.evses[0].meter_keys for fact in facts if isinstance(fact, SitePublished)]
    key, midnight = DemoMeter("DEMO-0001").public_key(), datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert found == [
        (MeterKey(public_key=key, meter="M1", valid_from=midnight), MeterKey(public_key=key, valid_until=midnight))
    ]


PIECES = [  # each item in a file of its own, or all in one
    FILES["operator.yaml"],
    TARIFFS,
    TARIFFS.replace("id: ac", "id: dc"),
    SITES,
    CONTRACTS.split("  - id: C-2")[0],
    "contracts:\n  - id: C-2" + CONTRACTS.split("  - id: C-2")[1],
    FILES["partners.yaml"],
]


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(len(PIECES))))
def test_the_order_of_files_does_not_matter(order: list[int]) -> None:
    with TemporaryDirectory() as folder:
        facts = read(Path(folder), {f"{place}.yaml": PIECES[piece] for place, piece in enumerate(order)})
    with TemporaryDirectory() as folder:
        assert facts == read(Path(folder), {f"{piece}.yaml": text for piece, text in enumerate(PIECES)})


def test_one_file_may_hold_everything(tmp_path: Path) -> None:
    assert read(tmp_path / "one", {"all.yml": "".join(FILES.values())}) == read(tmp_path / "many", FILES)


@pytest.mark.parametrize(
    ("shape", "record", "more", "made"),
    [
        (shapes.AddressShape, Address, set(), set()),
        (shapes.OperatorShape, Operator, {"time_zone", "valid_from"}, set()),
        (shapes.MeterKeyShape, MeterKey, set(), set()),
        (shapes.AssignmentShape, Assignment, {"valid_from", "valid_until"}, set()),
        (shapes.EvseShape, Evse, set(), set()),
        (shapes.SiteShape, Site, {"valid_from", "signatures"}, set()),
        (shapes.PartyShape, Party, set(), set()),
        (shapes.ContractShape, Contract, {"valid_from"}, set()),
        (shapes.PartnerTokenShape, PartnerToken, set(), set()),
        (shapes.PartnerShape, Partner, {"valid_from"}, {"id"}),
    ],
)
def test_a_shape_mirrors_its_record(shape: type[shapes.Shape], record: type, more: set[str], made: set[str]) -> None:
    """A field that is new in the vocabulary must be new here, too, or it could never be given."""
    unset = {"also_known_as": (), "plan": None, "battery_capacity_wh": None}
    given_by_the_site = {"signatures": None} if shape is shapes.EvseShape else {}
    kept = {name: field for name, field in shape.model_fields.items() if name not in more}
    twins = {field.name: field for field in fields(record) if field.name not in made}
    assert list(kept) == list(twins)
    assert {name: field.default for name, field in kept.items() if not field.is_required()} == {
        name: unset[name] if field.default is UNSET else field.default for name, field in twins.items() if not field.required
    } | given_by_the_site


def policies(tmp_path: Path, sites: str) -> list[str]:
    facts = read(tmp_path, {**FILES, "sites.yaml": sites})
    return [evse.signatures for fact in facts if isinstance(fact, SitePublished) for evse in fact.site.evses]


def test_how_signatures_count_is_the_sites_to_say_and_an_evses_own_word_comes_first(tmp_path: Path) -> None:
    assert policies(tmp_path / "none", SITES) == ["preferred", "preferred"]
    required = SITES.replace("id: hafen", "id: hafen\n    signatures: required")
    assert policies(tmp_path / "site", required) == ["required", "required"]
    own = required.replace("number: 2", "number: 2\n        signatures: ignored")
    assert policies(tmp_path / "evse", own) == ["required", "ignored"]
    assert (
        policies(tmp_path / "alone", SITES.replace("number: 1", "number: 1\n        signatures: preferred"))[0] == "preferred"
    )
