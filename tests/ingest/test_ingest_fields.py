"""Numbers and instants as stations write them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.fields import NESTING_MAX, instant, is_too_deep, number, scaled


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("0", "0"),
        ("1205233", "1205233"),
        ("2.50", "2.50"),
        (" 9.6", "9.6"),
        ("9.6 \n", "9.6"),
        ("+7", "7"),
        ("-0.5", "-0.5"),
        ("5.", "5"),
        (".5", "0.5"),
        ("1e3", "1E+3"),
        ("1E-3", "0.001"),
        ("12345678901234567.123456789012345678901234", "12345678901234567.123456789012345678901234"),
        (3600650, "3600650"),
    ],
)
def test_a_number_keeps_its_digits(written: object, exact: str) -> None:
    assert str(number(written)) == exact


@pytest.mark.parametrize(
    "written",
    [
        *["", " ", "NaN", "Infinity", "-inf", "3600,60", "3,600.5", "1_000", "0x10", "12 kWh", "٣", "--1"],
        *["1e999999", "1e-999999", "1e99", "9" * 25, "1" * 100_000, " " * 100_000 + "1"],
        *[None, True, False, [], {}, 1.5, 10**30, -(10**18)],
    ],
)
def test_what_is_no_number_of_a_meter_is_none(written: object) -> None:
    assert number(written) is None


def test_scaling_is_exact_whatever_the_decimal_context() -> None:
    with localcontext() as context:
        context.prec = 3
        assert str(scaled(Decimal("1234567.8901"), 3)) == "1234567890.1"
        assert str(scaled(Decimal("9.6"), 3)) == "9600"
        assert str(scaled(Decimal(0), 3)) == "0"
        assert str(scaled(Decimal(5), -3)) == "0.005"


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=6), st.integers(-12, 12)
)
def test_scaling_forth_and_back_is_the_same_value(value: Decimal, power: int) -> None:
    assert scaled(scaled(value, power), -power) == value


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-03-04T12:18:00Z", "2026-03-04T12:18:00+00:00"),
        ("2026-03-04t12:18:00z", "2026-03-04T12:18:00+00:00"),
        (" 2026-03-04 12:18:00Z ", "2026-03-04T12:18:00+00:00"),
        ("2026-03-04T13:18:00", "2026-03-04T13:18:00+00:00"),
        ("2026-03-04T13:19:00.123456+01:00", "2026-03-04T12:19:00.123456+00:00"),
        ("2026-03-04T13:19:00+0100", "2026-03-04T12:19:00+00:00"),
        ("2026-03-04T12:19:00.1Z", "2026-03-04T12:19:00.100000+00:00"),
        ("2026-03-04T12:19:00.9999999Z", "2026-03-04T12:19:01+00:00"),
        ("1970-01-01T00:04:10Z", "1970-01-01T00:04:10+00:00"),
    ],
)
def test_a_time_is_read_as_utc(written: str, utc: str) -> None:
    found = instant(written)
    assert found is not None
    assert found.isoformat() == utc
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    [
        *["", "now", "2026-03-04", "2026-02-30T00:00:00Z", "2026-03-04T24:00:00Z", "2026-03-04T23:59:60Z", "04.03.2026 12:18"],
        *["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\ud800", 1772000000, 1.5, None, True, [], {}],
    ],
)
def test_what_is_no_time_is_none(written: object) -> None:
    assert instant(written) is None


OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=OFFSETS))
def test_every_time_comes_back_as_the_same_instant(at: datetime) -> None:
    assert instant(at.isoformat()) == at


@pytest.mark.parametrize(
    ("text", "too_deep"),
    [
        ("[" * NESTING_MAX + "]" * NESTING_MAX, False),
        ("[" * (NESTING_MAX + 1), True),
        ("[{},[]," * 60, False),
        ("[{}," * 200, True),
        ("[[[]]]," * 500, False),
        ('["' + "[" * 5000 + '"]', False),
        ('["\\"' + "[" * 5000 + '"]', False),
        ('["\\\\"' + "[" * 5000 + "]", True),
        ('["' + "{" * 5000, False),
    ],
)
def test_nesting_counts_brackets_outside_of_strings(text: str, too_deep: bool) -> None:
    assert is_too_deep(text) is too_deep


@given(st.text(alphabet='[]{}"\\a', max_size=40), st.integers(0, 6))
def test_depth_counts_brackets_outside_of_strings_whatever_is_escaped(text: str, levels: int) -> None:
    depth, deepest, inside, escaped = 0, 0, False, False
    for character in text:
        if inside:
            inside, escaped = escaped or character != '"', character == "\\" and not escaped
        elif character == '"':
            inside = True
        elif character in "[]{}":
            depth += 1 if character in "[{" else -1
            deepest = max(deepest, depth)
    assert is_too_deep(text, levels) == (deepest > levels)
