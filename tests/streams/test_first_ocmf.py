"""OCMF records: how they are carried, what is read from them, and that no text whatever does harm."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import first_ocmf as ocmf
from streams.first_ocmf import NotOcmf, OcmfRecord, UnreadableOcmf
from tests.streams.ocmf_meter import OcmfMeter, begin, end, reading
from vocabulary.charging import SignedValue

METER = OcmfMeter()
NOW = datetime(2026, 10, 5, 8, tzinfo=UTC)


def parse(data: str) -> OcmfRecord:
    return ocmf.parse(SignedValue(at=NOW, data=data, context="Sample.Periodic"))


def read(*readings: dict[str, object]) -> list[str]:
    """Kind, energy and status of each reading of a record."""
    record = parse(METER.record(*readings))
    return [f"{r.kind} {r.energy_wh} {'good' if r.is_good else 'bad'}" for r in record.readings]


# Carriage


@pytest.mark.parametrize(
    "carried",
    [
        pytest.param(lambda text: text, id="plain"),
        pytest.param(lambda text: f"\r\n  {text}\n", id="plain with blanks around it"),
        pytest.param(lambda text: base64.b64encode(text.encode()).decode(), id="base64"),
        pytest.param(lambda text: base64.encodebytes(text.encode()).decode(), id="base64 in lines"),
        pytest.param(lambda text: text.encode().hex(), id="hex"),
        pytest.param(lambda text: text.encode().hex().upper(), id="hex in upper case"),
    ],
)
def test_a_record_is_found_in(carried: object) -> None:
    record = METER.record(begin(), end())
    assert parse(carried(record)) == parse(record)  # type: ignore[operator]


def test_what_is_signed_are_the_bytes_between_the_bars_as_they_came() -> None:
    payload = '{ "FV" : "1.0",\r\n "MS":"Zähler", "RD":[ ] }'
    assert parse(METER.sign(payload)).signed == payload.encode()


def test_a_fourth_section_is_not_looked_at() -> None:
    """The key that older versions of the format append is a claim of the message."""
    record = METER.record(begin(), end())
    assert parse(f"{record}|3059301306") == parse(record)


def test_the_meter_is_known_by_its_serial_number_or_by_that_of_the_unit_that_signs() -> None:
    assert parse(METER.record(MS="M1", GS="G1")).meter == "M1"
    assert parse(METER.record(MS=None, GS="G1")).meter == "G1"


def test_an_algorithm_and_an_encoding_that_are_not_named_are_the_formats_own() -> None:
    assert parse(METER.sign("{}", SA=None)).algorithm == "ECDSA-secp256r1-SHA256"
    assert parse(METER.sign("{}", SE="base64")).signed == b"{}"


@pytest.mark.parametrize("version", ['"0.4"', '"1.0"', '"1.4"', "1.0", "1"])
def test_a_version_may_be_text_or_number(version: str) -> None:
    assert parse(METER.sign(f'{{"FV":{version}}}')).version == version.strip('"')


@pytest.mark.parametrize("version", ['"2.0"', '"10.1"', '""', "null", '{"a":1}'])
def test_a_version_of_unknown_meaning_is_another_format(version: str) -> None:
    with pytest.raises(NotOcmf):
        parse(METER.sign(f'{{"FV":{version}}}'))


# Readings


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (begin(0.2596), "B 259.6000 good"),
        (begin("0.2596"), "B 259.6000 good"),
        (begin("   12.5"), "B 12500.0 good"),
        (begin(12500, RU="Wh"), "B 12500 good"),
        (begin("1.50"), "B 1500.00 good"),
        (begin(-1), "B -1000 good"),
        (begin(3600, RU="s"), "B None good"),
        (begin(1, RU=None), "B None good"),
        (begin(None), "B None good"),
        (begin("NaN"), "B None good"),
        (begin("sNaN"), "B None good"),
        (begin("-Infinity"), "B None good"),
        (begin("1e999999"), "B None good"),
        (begin("1e-999999"), "B None good"),
        (begin(10**30), "B None good"),
        (begin(ST="M"), "B 1000.0 bad"),
        (begin(ST=None), "B 1000.0 bad"),
        (begin(ST="g"), "B 1000.0 bad"),
        (begin(EF="E"), "B 1000.0 bad"),
        (begin(EF="tE"), "B 1000.0 bad"),
        (begin(EF="t"), "B 1000.0 good"),
    ],
)
def test_a_reading_says(given: dict[str, object], expected: str) -> None:
    """A unit, a status or a number that is missing is not made up."""
    assert read(given) == [expected]


def test_decimals_are_kept_to_the_last_digit() -> None:
    digits = "123456.789012345678901234567890"
    record = parse(METER.sign(f'{{"RD":[{{"TX":"B","RV":{digits},"RU":"kWh","ST":"G"}}]}}'))
    assert record.readings[0].energy_wh == Decimal("123456789.012345678901234567890")


def test_what_a_reading_leaves_out_it_has_from_the_one_before() -> None:
    assert read(
        begin(1),
        {"RV": 2},
        {"TX": "E", "RV": 3, "ST": "M"},
        {"RV": 4000, "RU": "Wh", "ST": "G", "EF": "E"},
        {"RV": 5, "EF": ""},
    ) == [
        "B 1000 good",
        "B 2000 good",
        "E 3000 bad",
        "E 4000 bad",
        "E 5 good",
    ]


def test_the_end_is_read_from_the_register_of_the_begin() -> None:
    record = parse(METER.record(begin(1), begin(5, RI="1-b:2.8.0"), end(99, RI="1-b:2.8.0"), end(8, RI="1-b:1.8.0")))
    begun = ocmf.begin_of(record)
    assert begun is not None and begun.energy_wh == 1000
    ended = ocmf.end_of(record, begun.register)
    assert ended is not None and ended.energy_wh == 8000


@pytest.mark.parametrize("kind", ["E", "L", "R", "A", "P"])
def test_an_end_may_be_local_remote_aborted_or_by_power_failure(kind: str) -> None:
    assert ocmf.end_of(parse(METER.record(reading(kind, 8))), "1-b:1.8.0") is not None


@pytest.mark.parametrize("kind", ["B", "C", "X", "S", "T", ""])
def test_no_other_reading_is_an_end(kind: str) -> None:
    assert ocmf.end_of(parse(METER.record(reading(kind, 8))), "1-b:1.8.0") is None


# What must do no harm

DEEP = 100_000


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("", id="empty"),
        pytest.param("no record", id="prose"),
        pytest.param("ocmf|{}|{}", id="lower case"),
        pytest.param("3059301306072A", id="hex of something else"),
        pytest.param("%%%===", id="invalid base64"),
        pytest.param("abc\ud800", id="a lone surrogate"),
        pytest.param("OCMF|" + "x" * 70_000, id="huge"),
        pytest.param("A" * 10_000_000, id="huge base64"),
    ],
)
def test_text_of_another_format_is_refused(data: str) -> None:
    with pytest.raises(NotOcmf):
        parse(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("OCMF|", id="one section"),
        pytest.param("OCMF|{}", id="two sections"),
        pytest.param("OCMF||", id="empty sections"),
        pytest.param("OCMF|null|null", id="null"),
        pytest.param("OCMF|[]|{}", id="an array"),
        pytest.param("OCMF|{}|{}", id="no signature"),
        pytest.param('OCMF|{}|{"SD":12}', id="a signature that is a number"),
        pytest.param('OCMF|{}|{"SD":"abc"}', id="odd hex"),
        pytest.param('OCMF|{}|{"SD":"zz"}', id="no hex"),
        pytest.param('OCMF|{}|{"SD":"éé"}', id="not ASCII"),
        pytest.param('OCMF|{}|{"SD":"A","SE":"base64"}', id="broken base64"),
        pytest.param('OCMF|{}|{"SD":"éé","SE":"base64"}', id="base64 that is not ASCII"),
        pytest.param('OCMF|{}|{"SD":"ff","SE":"rot13"}', id="unknown encoding"),
        pytest.param('OCMF|{"RD":{}}|{"SD":"ff"}', id="readings that are an object"),
        pytest.param('OCMF|{"RD":[7]}|{"SD":"ff"}', id="a reading that is a number"),
        pytest.param('OCMF|{"RD":[{"RV":NaN}]}|{"SD":"ff"}', id="NaN as a number"),
        pytest.param('OCMF|{"RD":[{"RV":"a","RU":"Wh"}]}|{"SD":"ff"}', id="a value that is a letter"),
        pytest.param('OCMF|{"RD":[{"RV":[1],"RU":"Wh"}]}|{"SD":"ff"}', id="a value that is an array"),
        pytest.param('OCMF|{"RD":[{"RV":"1e99999999999999999999","RU":"Wh"}]}|{"SD":"ff"}', id="an exponent beyond all bounds"),
        pytest.param('OCMF|{"MS":"a\ud800"}|{"SD":"ff"}', id="a lone surrogate"),
        pytest.param('OCMF|{"x":' + "[" * 30_000 + '|{"SD":"ff"}', id="deep nesting"),
        pytest.param('OCMF|{"x":' + "[" * 30_000 + "]" * 30_000 + '}|{"SD":"ff"}', id="deep nesting, closed"),
        pytest.param('OCMF|{"x":' + '{"a":' * 9_000 + "1" + "}" * 9_000 + '}|{"SD":"ff"}', id="deep objects"),
    ],
)
def test_a_broken_record_is_refused(data: str) -> None:
    with pytest.raises(UnreadableOcmf) as refused:
        parse(data)
    assert len(str(refused.value)) <= 120


def test_ten_times_the_readings_cost_about_ten_times_as_much() -> None:
    few, many = (METER.sign('{"RD":[' + ",".join(["{}"] * readings) + "]}") for readings in (2_000, 20_000))
    assert len(parse(many).readings) == 20_000
    assert min(_spent(many) for _ in range(3)) < 40 * min(_spent(few) for _ in range(3)), "100 times, if it were quadratic"


def _spent(signed: str) -> float:
    began = process_time()
    parse(signed)
    return process_time() - began


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.text().map(lambda text: f"OCMF|{text}"),
        st.tuples(st.text(), st.text()).map(lambda s: f"OCMF|{s[0]}|{s[1]}"),
    )
)
def test_any_text_is_a_record_or_is_refused(data: str) -> None:
    refused_or_read(data)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["B", "E", "kWh", "Wh", "G", "1.0"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["TX", "RV", "RU", "RI", "ST", "EF"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["FV", "MS", "GS", "RD"]), json_values),
    st.dictionaries(st.sampled_from(["SD", "SA", "SE"]), json_values),
)
def test_any_json_in_a_record_is_read_or_refused(payload: dict[str, object], signature: dict[str, object]) -> None:
    refused_or_read(f"OCMF|{json.dumps(payload)}|{json.dumps(signature)}")


def refused_or_read(data: str) -> None:
    try:
        record = parse(data)
    except (NotOcmf, UnreadableOcmf):
        return
    assert isinstance(record, OcmfRecord)


def test_text_that_nobody_signed_makes_a_record_unreadable() -> None:
    """It would travel on beside values that were verified."""
    record = METER.record(begin(), end())
    for tail in ('|{"x":1}', "|3059301306|garbage", "|a key?"):
        with pytest.raises(UnreadableOcmf):
            parse(record + tail)


def test_a_key_that_stands_twice_makes_a_record_unreadable() -> None:
    """One reader would take the first value, another the last: the meter signed both."""
    payload = METER.record(begin(), end()).split("|")[1]
    with pytest.raises(UnreadableOcmf):
        parse(f'OCMF|{payload[:-1]},"RD":[]}}|{{"SD":"00"}}')
