"""YAML is read as it is written, and a file cannot do harm."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattbook.reference_yaml import BYTES_MAX, YamlErrors, place_of, plain, read_yaml


def said(body: bytes) -> str:
    with pytest.raises(YamlErrors) as raised:
        read_yaml(body, "f.yaml")
    return str(raised.value)


@pytest.mark.parametrize(
    "written",
    [
        "NO",
        "no",
        "off",
        "y",
        "0.40",
        "1e3",
        "010",
        "0o10",
        "0x1F",
        "06:00",
        "22:00:00",
        "2026-01-01",
        "null",
        "1_000",
        "<<",
        ".inf",
    ],
)
def test_a_value_is_the_text_that_was_written(written: str) -> None:
    assert plain(read_yaml(f"a: {written}\nb: [{written}]\n".encode(), "f.yaml")) == {"a": written, "b": [written]}


@pytest.mark.parametrize(
    ("written", "value"), [("", None), ("~", None), ('""', ""), ("''", ""), ('"~"', "~"), ("|\n  x\n  y", "x\ny")]
)
def test_nothing_is_not_an_empty_text(written: str, value: str | None) -> None:
    assert plain(read_yaml(f"a: {written}".encode(), "f.yaml")) == {"a": value}


def test_columns_count_characters() -> None:
    node = read_yaml("\ufeffä: {ö: ü, ß: [é, €, x]}".encode(), "f.yaml")
    assert str(place_of(node, "ä", "ß", 2)) == "f.yaml:1:21"


def test_bytes_that_are_not_utf_8_are_shown_with_their_place() -> None:
    assert said("a: ä\nb: ö".encode("latin-1")) == "f.yaml:1:4: byte 0xE4 is not UTF-8: save the file as UTF-8"
    assert said("a: 1".encode("utf-16")).startswith("f.yaml:1:1: byte 0xFF is not UTF-8")


def test_all_keys_given_twice_are_shown() -> None:
    assert said(b"a: 1\nb: {c: 1, c: 2}\na: 3\n").splitlines() == [
        "f.yaml:2:11: `c` is given twice, first on line 2: keep one of the two",
        "f.yaml:3:1: `a` is given twice, first on line 1: keep one of the two",
    ]


def test_a_key_must_be_a_word() -> None:
    assert said(b"{a: b}: c") == "f.yaml:1:1: a key must be a plain word: write `key: value`"


def test_an_alias_stands_for_what_it_names() -> None:
    assert plain(read_yaml(b"a: &x {b: c}\nd: [*x, *x]", "f.yaml")) == {"a": {"b": "c"}, "d": [{"b": "c"}, {"b": "c"}]}


def test_an_alias_cannot_hold_itself() -> None:
    assert said(b"a: &x [*x]").startswith("f.yaml:1:8: `*x` stands for nothing that ends above it")


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)
    ]
    started = time.process_time()
    assert said("\n".join(bomb).encode()).endswith("more than 1000000 values, with aliases written out: split the file")
    assert time.process_time() - started < 1


def test_a_deep_nest_is_refused() -> None:
    assert said(b"[" * 100_000).startswith("f.yaml:1:34: nested more than 32 deep")


def test_a_huge_file_is_refused_unread() -> None:
    assert said(b"#" * (BYTES_MAX + 1)) == "f.yaml:1:1: larger than 16000000 bytes: split the file"


@given(st.one_of(st.binary(max_size=60), st.text("ab:- {}[],&*!|>'\"\n\t#%@~?", max_size=40).map(str.encode)))
def test_any_bytes_give_a_document_or_its_problems(body: bytes) -> None:
    with suppress(YamlErrors):
        plain(read_yaml(body, "f.yaml"))
