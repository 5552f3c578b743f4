"""Files of published prices: what is read of them, exactly; and what is refused, with its place and what to do."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocabulary.identity import SeriesId
from vocabulary.money import plain
from vocabulary.price_series import SeriesPublished, end_of, fault
from vocabulary.zones import zone
from wattbook.price_import import Reading, price_unit, read_prices, series_id
from wattbook.price_rows import BYTES_MAX, PricesRefused

NOW = datetime(2026, 1, 13, 12, 57, tzinfo=UTC)


def read(text: str | bytes, unit: str = "EUR/MWh", in_zone: str = "", **how: Any) -> tuple[SeriesPublished, ...]:
    body = text.encode() if isinstance(text, str) else text
    reading = Reading(SeriesId("spot"), price_unit(unit), zone=zone(in_zone) if in_zone else None, **how)
    return read_prices(body, reading, "day.csv", NOW)


def refused(text: str | bytes, unit: str = "EUR/MWh", in_zone: str = "", **how: Any) -> list[str]:
    with pytest.raises(PricesRefused) as complaint:
        read(text, unit, in_zone, **how)
    return list(complaint.value.complaints)


def values(published: tuple[SeriesPublished, ...]) -> list[str]:
    return [plain(value) for one in published for value in one.values]


def rows(*lines: str) -> str:
    return "\n".join(["time;price", *lines]) + "\n"


# What is read


def test_a_day_as_a_market_publishes_it() -> None:
    [one] = read(rows("2026-01-14T00:00+01:00;85,37", "2026-01-14T00:15+01:00;-3,10", "2026-01-14T00:30+01:00;0"))
    assert (one.start, one.resolution_s, one.currency, one.unit) == (
        datetime(2026, 1, 13, 23, tzinfo=UTC),
        900,
        "EUR",
        "EUR/MWh",
    )
    assert values((one,)) == ["0.08537", "-0.0031", "0"]
    assert (one.source, one.at, len(one.source_sha256)) == ("day.csv", NOW, 64)


@pytest.mark.parametrize(
    ("unit", "number", "per_kwh", "currency"),
    [
        ("EUR/MWh", "85.37", "0.08537", "EUR"),
        ("EUR/kWh", "0.08537", "0.08537", "EUR"),
        ("ct/kWh", "8.537", "0.08537", "EUR"),
        ("CHF/MWh", "85.370000", "0.08537", "CHF"),
        ("EUR / MWh", "100", "0.1", "EUR"),
        ("€/MWh", "0.000001", "0.000000001", "EUR"),
        ("EUR/MWh", "-0.00", "0", "EUR"),
    ],
)
def test_units_are_made_per_kwh_exactly(unit: str, number: str, per_kwh: str, currency: str) -> None:
    published = read(rows(f"2026-01-14T00:00Z;{number}"), unit, resolution_s=3600)
    assert (values(published), published[0].currency) == ([per_kwh], currency)


@pytest.mark.parametrize(
    "text",
    [
        "time,price\n2026-01-14 00:00,85.37\n2026-01-14 00:15,90\n",
        "time;price\n14.01.2026 00:00;85,37\n14.01.2026 00:15;90,00\n",
        '\ufeff\n"time"\t"price"\r\n"14.01.2026 00:00 - 14.01.2026 00:15"\t"85.37"\r\n14.01.2026 00:15\t90\r\n\r\n',
        "from;until;price\n2026-01-14 00:15;x;90\n2026-01-14 00:00;x;85.37\n",
        '[{"start": "2026-01-14T00:15+01:00", "value": 90}, {"start": "2026-01-14T00:00+01:00", "value": 85.37}]',
        '[{"start": 1768345200, "value": "85.37"}, {"start": 1768346100, "value": 90.000}]',
        '{"unix_seconds": [1768345200, 1768346100], "price": [85.37, 90], "unit": "EUR / MWh", "license_info": "…"}',
    ],
    ids=["commas", "German", "spans, tabs, a mark of byte order", "columns", "list", "list of seconds", "columns in JSON"],
)
def test_the_same_two_prices_in_seven_forms(text: str) -> None:
    column = "price" if "until" in text else None
    [one] = read(text, in_zone="Europe/Berlin", column=column)
    assert (one.start, values((one,))) == (datetime(2026, 1, 13, 23, tzinfo=UTC), ["0.08537", "0.09"])


def test_that_a_zone_is_needed_is_said_once() -> None:
    with pytest.raises(PricesRefused) as refused:
        read(rows(*(f"{at};1" for at in local_day("2026-03-30"))))
    [told] = refused.value.complaints
    assert told.startswith(
        "line 2: the time '30.03.2026 00:00' and 95 more have no offset from UTC: say their zone, --zone Eur"
    )


def test_hours_and_halves_of_hours_are_told_by_their_distance() -> None:
    assert read(rows("2026-01-14T00:00Z;1", "2026-01-14T01:00Z;2"))[0].resolution_s == 3600
    assert read(rows("2026-01-14T00:30Z;1", "2026-01-14T01:00Z;2"))[0].resolution_s == 1800


def local_day(day: str, in_zone: str = "Europe/Berlin") -> list[str]:
    """The times of a day in quarters of an hour, as a file without offsets has them."""
    start = datetime.fromisoformat(day).replace(tzinfo=zone(in_zone)).astimezone(UTC)
    times = (start + timedelta(minutes=15 * count) for count in range(104))
    return [f"{local:%d.%m.%Y %H:%M}" for at in times if f"{(local := at.astimezone(zone(in_zone))).date()}" == day]


def test_in_spring_a_day_has_92_quarters() -> None:
    published = read(rows(*(f"{at};1" for at in local_day("2026-03-29"))), in_zone="Europe/Berlin")
    assert (len(values(published)), end_of(published[0])) == (92, datetime(2026, 3, 29, 22, tzinfo=UTC))


def test_in_autumn_a_day_has_100_and_the_rows_before_tell_the_hours_apart() -> None:
    published = read(rows(*(f"{at};{count}" for count, at in enumerate(local_day("2026-10-25")))), in_zone="Europe/Berlin")
    assert (len(values(published)), end_of(published[0])) == (100, datetime(2026, 10, 25, 23, tzinfo=UTC))
    assert values(published)[8:16] == ["0.008", "0.009", "0.01", "0.011", "0.012", "0.013", "0.014", "0.015"]


def test_a_year_becomes_publications_of_at_most_31_days() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    text = rows(*(f"{(start + timedelta(hours=hour)).isoformat()};{hour}" for hour in range(8760)))
    published = read(text)
    assert len(published) == 12
    assert not any(map(fault, published))
    assert values(published) == [plain((Decimal(hour) / 1000).normalize()) for hour in range(8760)]
    assert all(end_of(one) == other.start for one, other in pairwise(published))


# What is refused


MIDNIGHT, QUARTER = "2026-01-14T00:00Z;1", "2026-01-14T00:15Z;1"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (rows(MIDNIGHT, QUARTER, "2026-01-14T00:45Z;1"), "line 4: no price from 2026-01-14T00:30Z until 2026-01-14T00:45Z"),
        (rows(MIDNIGHT, QUARTER, "2026-01-14T01:00+01:00;1"), "line 4: 2026-01-14T00:00Z has a price in line 2 already"),
        (rows(MIDNIGHT, MIDNIGHT), "line 3: 2026-01-14T00:00Z has a price in line 2 already"),
        (rows(MIDNIGHT), "line 2: one price alone does not tell"),
        (rows(MIDNIGHT, "2026-01-14T00:05Z;1"), "line 3: 0:05:00 after the price before it"),
        (rows("2026-01-14T00:05Z;1", "2026-01-14T00:20Z;1"), "line 2: 2026-01-14T00:05Z is no beginning of 15 minutes"),
        (rows(MIDNIGHT, "2026-01-14T00:15Z;n/a"), "line 3: 'n/a' is no price"),
        (rows(MIDNIGHT, "2026-01-14T00:15Z;-"), "line 3: '-' is no price"),
        (rows(MIDNIGHT, "2026-01-14T00:15Z;"), "line 3: '' is no price"),
        (rows(MIDNIGHT, "2026-01-14T00:15Z;NaN"), "line 3: 'NaN' is no price"),
        (rows(MIDNIGHT, "2026-01-14T00:15Z;1e5"), "line 3: '1e5' is no price"),
        (rows(MIDNIGHT, "2026-01-14T00:15Z;٣"), "line 3: '٣' is no price"),
        (rows("2026-01-14T00:00Z;85,37", "2026-01-14T00:15Z;1.234"), "line 3: '1.234' is no price"),
        (rows("2026-01-14T00:00Z;1.234,56", QUARTER), "line 2: '1.234,56' is no price"),
        (rows(MIDNIGHT, "2026-01-14T00:15Z;1.0000001"), "line 3: '1.0000001' EUR/MWh has more than 9 decimals per kWh"),
        (rows(MIDNIGHT, "2026-01-14T00:15Z;1000000.1"), "line 3: '1000000.1' EUR/MWh is more than 1000 EUR per kWh"),
        (rows(MIDNIGHT, "2026-01-14T00:15;1"), "line 3: the time '2026-01-14T00:15' has no offset from UTC"),
        (rows(MIDNIGHT, "01/14/2026 00:15;1"), "line 3: the time '01/14/2026 00:15' cannot be read"),
        (rows(MIDNIGHT, "2026-02-30T00:15Z;1"), "line 3: the time '2026-02-30T00:15Z' cannot be read"),
        (rows(MIDNIGHT, "0001-01-01T00:15+05:00;1"), "line 3: the time '0001-01-01T00:15+05:00' cannot be read"),
        (rows(MIDNIGHT, "2026-01-14T00:15Z;1;2"), "line 3 has 3 columns, the header has 2"),
        ("time;price\n", "the file has no prices"),
        ("", "the file is empty"),
        (",,\n", "which column has the prices?"),
        ("time\n1\n", "which column has the prices? Say it with --column; beside the time there are none"),
        ("time;a;b\n1;2;3\n", "which column has the prices? Say it with --column; beside the time there are 'a', 'b'"),
        ('time;price\n"2026', "line 2: unexpected end of data"),
        (b"\xff\xfe", "byte 1 is no UTF-8"),
        (b"a\0b", "the file is empty, or no text"),
        ("{", "the file is no JSON"),
        ("[" * 100_000, "the file is no JSON"),
        ('{"prices": []}', 'neither a list of {"start"'),
        ("[]", "the file has no prices"),
        ("[1]", "[0] is no price: write"),
        ('[{"start": true, "value": 1}]', "[0] is no price: write"),
        ('[{"start": "2026-01-14T00:00Z", "value": null}]', "[0]: 'null' is no price"),
        ('[{"start": "2026-01-14T00:00Z", "value": true}]', "[0]: 'true' is no price"),
        ('[{"start": "2026-01-14T00:00Z", "value": NaN}]', "the file is no JSON: NaN is no number"),
        ('[{"start": "2026-01-14T00:00Z", "value": 1e999999999}]', "[0]: '1E+999999999' EUR/MWh is more than"),
        (f'[{{"start": "2026-01-14T00:00Z", "value": 0.0{"9" * 40}}}]', "has more than 9 decimals per kWh"),
        ('[{"start": 99999999999999999999, "value": 1}]', "[0]: '99999999999999999999' is no time of ours"),
        ('{"unix_seconds": [1], "price": []}', "unix_seconds has 1 items, price has 0"),
        ('{"unix_seconds": [1.5], "price": [1]}', "unix_seconds[0] is '1.5': write whole seconds"),
        ('{"unix_seconds": [], "price": [], "unit": "ct/kWh"}', "the file says that its prices are in ct/kWh"),
        ('{"unix_seconds": [], "price": [], "unit": 7}', "'7' is no unit of a price"),
    ],
)  # fmt: skip
def test_what_is_refused_says_where_and_what_to_do(text: str | bytes, complaint: str) -> None:
    assert any(complaint in each for each in refused(text)), refused(text)


def test_every_complaint_is_told_and_nothing_is_read() -> None:
    assert [each[:6] for each in refused(rows("x;1", MIDNIGHT, "2026-01-14T00:15Z;y"))] == ["line 2", "line 4"]


def test_of_many_complaints_the_first_are_shown() -> None:
    with pytest.raises(PricesRefused, match="… and 30 more"):
        read(rows(*(["x;1"] * 50)))


def test_a_night_hour_that_is_there_twice_is_refused_where_no_row_before_it_tells() -> None:
    [complaint, *_] = refused(rows("25.10.2026 02:15;1", "25.10.2026 02:30;1", "25.10.2026 03:00;1"), in_zone="Europe/Berlin")
    assert complaint.startswith("line 2: '25.10.2026 02:15' is there twice that night")


def test_a_night_hour_that_is_not_there_is_refused() -> None:
    [complaint] = refused(rows("29.03.2026 01:45;1", "29.03.2026 02:00;1", "29.03.2026 03:00;1"), in_zone="Europe/Berlin")
    assert complaint.startswith("line 3: there is no 2026-03-29 02:00 in Europe/Berlin")


def test_another_resolution_than_what_was_said_is_refused() -> None:
    quarters = rows(MIDNIGHT, QUARTER)
    assert "is no beginning of 60 minutes" in refused(quarters, resolution_s=3600)[0]
    hours = rows(MIDNIGHT, "2026-01-14T01:00Z;1")
    assert "no price from 2026-01-14T00:15Z until 2026-01-14T01:00Z" in refused(hours, resolution_s=900)[0]


@pytest.mark.parametrize("column", ["Price", "PRICE "])
def test_a_column_is_found_by_its_name(column: str) -> None:
    assert values(read("time;price;x\n2026-01-14T00:00Z;1;2\n", column=column, resolution_s=900)) == ["0.001"]


def test_a_column_that_is_none_is_refused_with_those_that_are() -> None:
    assert refused("a;b;b\n1;2;3\n", column="c") == ["--column 'c' is no column: the header has 'a', 'b', 'b'"]
    assert refused("a;b;b\n1;2;3\n", column="b") == ["--column 'b' is there twice: the header has 'a', 'b', 'b'"]


def test_a_file_is_read_up_to_a_bound() -> None:
    assert "import it in parts" in refused(b" " * (BYTES_MAX + 1))[0]


@pytest.mark.parametrize("unit", ["EUR", "MWh", "EUR/Wh", "eur/MWh", "", "EUR/MWh/h"])
def test_a_unit_that_is_none_is_refused(unit: str) -> None:
    with pytest.raises(PricesRefused, match="is no unit of a price"):
        price_unit(unit)


@pytest.mark.parametrize("name", ["", "-x", "a b", "a" * 65, "a\nb", "é"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(PricesRefused, match="is no name of a series"):
        series_id(name)


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_whatever_the_bytes_are_they_are_read_or_refused(body: bytes) -> None:
    assert _is_read_or_refused(body)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.fixed_dictionaries({"start": inner, "value": inner}),
        st.fixed_dictionaries({"unix_seconds": inner, "price": inner, "unit": inner}),
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_the_json_is_it_is_read_or_refused(told: Any) -> None:
    assert _is_read_or_refused(json.dumps(told))


def _is_read_or_refused(body: str | bytes) -> bool:
    try:
        return bool(read(body, in_zone="Europe/Berlin", resolution_s=900))
    except PricesRefused as refusal:
        return bool(refusal.complaints)


@pytest.mark.parametrize(
    ("numbers", "per_kwh"),
    [
        (("85,370", "90,1"), ["0.08537", "0.0901"]),
        (("0,370", "90,100"), ["0.00037", "0.0901"]),
        (("85.370", "90.100"), ["0.08537", "0.0901"]),
        (("85,370", "90"), None),
        (("1,234", "-2,345"), None),
    ],
    ids=["another number of decimals", "a zero before it", "points", "no other comma", "thousands"],
)
def test_a_comma_that_may_part_thousands_is_refused_where_no_other_row_tells(
    numbers: tuple[str, str], per_kwh: list[str] | None
) -> None:
    told = rows(*(f"2026-01-14T00:{minute}+01:00;{number}" for minute, number in zip(("00", "15"), numbers, strict=True)))
    if per_kwh is None:
        [complaint] = refused(told)
        assert complaint.startswith(f"line 2: '{numbers[0]}' may be a thousand times more or less")
        said = [plain(Decimal(number.replace(",", ".")) / 1000) for number in numbers]
        assert values(read(told, has_decimal_comma=True)) == said
        assert "is no price" in refused(told, has_decimal_comma=False)[0]
    else:
        assert values(read(told)) == per_kwh


@pytest.mark.parametrize(("number", "told"), [("1e-400", "more than 9 decimals"), ("1e400", "is --unit right?")])
def test_what_is_far_out_of_bounds_is_told_which_way(number: str, told: str) -> None:
    [complaint, _] = refused(
        f'[{{"start": "2026-01-14T00:00Z", "value": {number}}}, {{"start": "2026-01-14T00:15Z", "value": {number}}}]'
    )
    assert told in complaint
