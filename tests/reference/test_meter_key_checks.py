"""One key is trusted at one EVSE at a time, else a record that was signed here would be verified there as well."""

from pathlib import Path

from tests.reference.folder import FILES, SITES, complaints
from wattbook.demo_meter import DemoMeter

KEY = DemoMeter("DEMO-0001").public_key()
POINT = KEY[-130:]  # the same, written otherwise


def two(first: str, second: str) -> dict[str, str]:
    """The folder with a key at each of its two EVSEs."""
    sites = SITES.replace("number: 1", f"number: 1\n        meter_keys: [{{{first}}}]")
    return {
        **FILES,
        "sites.yaml": sites.replace("number: 2", f"number: 2\n        meter_keys: [{{{second}}}]"),
    }


def said(tmp_path: Path, first: str, second: str) -> list[str]:
    return complaints(tmp_path, two(first, second))


def test_one_key_at_two_evses_is_refused_with_both_places(tmp_path: Path) -> None:
    [complaint] = said(tmp_path, f"public_key: {KEY}", f"public_key: {POINT}")
    assert complaint == (
        "sites.yaml:18:35: sites[1].evses[2].meter_keys[1].public_key: this key already stands at sites.yaml:12:35, at another "
        "EVSE at the same time: remove one of the two; where they are one EVSE write also_known_as, and where one key signs "
        "for two meters write `meter` at both"
    )


def test_a_meter_that_moved_has_its_key_at_one_evse_after_the_other(tmp_path: Path) -> None:
    assert said(tmp_path, f"public_key: {KEY}, valid_until: 2026-07-01", f"public_key: {KEY}, valid_from: 2026-07-01") == []
    meet = said(tmp_path / "meet", f"public_key: {KEY}, valid_until: 2026-07-02", f"public_key: {KEY}, valid_from: 2026-07-01")
    assert len(meet) == 1


def test_two_meters_that_sign_with_one_key_are_told_apart_by_their_numbers(tmp_path: Path) -> None:
    assert said(tmp_path, f"public_key: {KEY}, meter: M1", f"public_key: {KEY}, meter: M2") == []
    assert len(said(tmp_path / "one", f"public_key: {KEY}, meter: M1", f"public_key: {KEY}, meter: M1")) == 1
    assert len(said(tmp_path / "none", f"public_key: {KEY}, meter: M1", f"public_key: {KEY}")) == 1


def test_versions_of_a_site_that_follow_each_other_may_have_the_same_key(tmp_path: Path) -> None:
    files = two(f"public_key: {KEY}", "public_key: " + DemoMeter("DEMO-0002").public_key())
    later = files["sites.yaml"].replace("id: hafen", "id: hafen\n    valid_from: 2026-07-01")
    assert complaints(tmp_path, {**files, "more.yaml": later}) == []


def test_a_serial_number_and_the_registers_of_a_key_are_bounded(tmp_path: Path) -> None:
    registers = ", ".join(["1-0:1.8.0*198"] * 17)
    [registers_, serial] = said(
        tmp_path,
        f"public_key: {KEY}, registers: [{registers}]",
        f"public_key: {DemoMeter('D2').public_key()}, meter: {'M' * 61}",
    )
    assert "are 17, more than a meter has: write at most 16" in registers_
    assert "has 61 characters: write at most 60" in serial
