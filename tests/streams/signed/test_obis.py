"""Which registers may be billed, which never, and which texts name the same one."""

import pytest

from streams.signed.obis import canonical, is_compensated, is_export, is_import, same_register, text_of

BILLED = [
    "1-b:1.8.0",
    "1-b:1.8.e",
    "01-00:01.08.00.FF",
    "1-0:1.8.0",
    "1-0:1.8.0.FF",
    "1-0:1.8.1",
    "1-0:1.8.0*255",
    "1-0:1.8.0*0",
    "1-0:98.8.0",
    "01-00:98.08.00.FF",
    "1-0:9E.8.0",
    "01-00:B0.08.00.FF",
    "01-00:B2.08.00.FF",
    "01-00:B3.08.00.FF",
    "1-0:1.17.0",
    "1-0:1.17.0*255",
    "1-0:1.17.0*200",
    "01-00:01.11.00.FF",
    " 1-0:1.8.0 ",
]
FED_BACK = [
    "1-0:2.8.0",
    "1-0:2.8.0.FF",
    "01-00:02.08.00.FF",
    "1-b:2.8.e",
    "1-0:2.17.0*255",
    *(f"01-00:C{n}.08.00.FF" for n in range(8)),
]
UNKNOWN = [
    "1-0:1.8.0*198",
    "1-0:1.8.0*256",
    "01-00:00.08.06.FF",
    "1-0:1.7.0",
    "0-0:1.8.0",
    "2-0:1.8.0",
    "1-0:3.8.0",
    "01-00:B8.08.00.FF",
    "1.8.0",
    "",
    "1-0:1.8.0 ${jndi:x}",
    "1-0:1.11.0",
    "9" * 100_000,
]


@pytest.mark.parametrize("register", BILLED)
def test_energy_that_was_taken_is_billed_however_its_register_is_spelt(register: str) -> None:
    assert is_import(register) and not is_export(register)


@pytest.mark.parametrize("register", FED_BACK)
def test_energy_that_was_fed_back_is_never_billed(register: str) -> None:
    assert is_export(register) and not is_import(register)
    assert not is_import(register, allowed=[register])


@pytest.mark.parametrize("register", UNKNOWN)
def test_a_register_without_a_legal_meaning_is_neither(register: str) -> None:
    assert not is_import(register) and not is_export(register)


def test_an_operator_may_allow_a_register_that_its_maker_explains() -> None:
    assert is_import("1-0:1.8.0*198", allowed=["01-00:01.08.00*198"])
    assert not is_import("1-0:1.8.0*199", allowed=["1-0:1.8.0*198"])


@pytest.mark.parametrize(
    "register", ["1-0:98.8.0", "01-00:98.08.00.FF", "1-0:B1.8.0", "1-0:b3.8.0", "1-0:C1.8.0", "1-0:1.17.0*200"]
)
def test_a_compensated_register_is_known_by_its_code(register: str) -> None:
    assert is_compensated(register)


@pytest.mark.parametrize("register", ["1-0:1.8.0", "1-0:2.8.0", "1-0:B0.8.0", "1-0:B2.8.0", "1-0:1.17.0*255", "what"])
def test_another_register_is_not_compensated(register: str) -> None:
    assert not is_compensated(register)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1-0:1.8.0", "01-00:01.08.00.FF"),
        ("1-0:1.8.0", "1-0:1.8.0*255"),
        ("1-B:1.8.E", "1-b:1.8.e"),
        ("1-0:1.17.0*255", "01-00:01.11.00.FF"),
        ("what", "what"),
    ],
)
def test_two_spellings_of_one_register_are_the_same(one: str, other: str) -> None:
    assert same_register(one, other) and same_register(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1-0:1.8.0", "1-0:98.8.0"),
        ("1-0:1.8.0", "1-0:2.8.0"),
        ("1-0:1.8.0", "1-0:1.8.0*198"),
        ("1-0:1.8.0", "1-0:1.8.1"),
        ("1-0:1.8.0", "1-b:1.8.0"),
        ("1-0:1.8.0", ""),
        ("", "1-0:1.8.0"),
        ("what", "else"),
    ],
)
def test_two_registers_are_not_the_same(one: str, other: str) -> None:
    assert not same_register(one, other) and not same_register(other, one)


def test_six_bytes_have_one_text() -> None:
    assert text_of(bytes.fromhex("0100011100FF")) == "1-0:1.17.0*255"


@pytest.mark.parametrize("register", ["01-00:01.08.00.C6", "01-00:01.08.00.c6", "1-0:1.8.0.C6", " 1-0:1.8.0*198 "])
@pytest.mark.parametrize("allowed", ["1-0:1.8.0*198", "01-00:01.08.00.C6"])
def test_a_register_that_an_operator_allows_is_known_however_it_is_spelt(register: str, allowed: str) -> None:
    assert not is_import(register)
    assert is_import(register, {allowed}) and not is_import(register, {"1-0:1.8.0*199"})


def test_texts_are_grouped_by_what_they_name() -> None:
    assert canonical("01-00:01.08.00.C6") == canonical("1-0:1.8.0*198") != canonical("1-0:1.8.0")
    assert canonical(" what ") == "what" != canonical("")
