"""Prices that follow a published series: what a quarter of an hour costs, and what a session costs that goes through several.

The numbers are computed by hand. Energy rises evenly between two readings: 4 kWh an hour are 1 kWh in each quarter of it.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from tariffs.authored import authored
from tariffs.breakdown import breakdown
from tariffs.diff import diff
from tariffs.document import read_document, tariff_of
from tariffs.explain import explain, explain_line
from tariffs.lint import LintReason, lint
from tariffs.rate import rate
from tariffs.tariff_fields import TariffRefused
from tests.notation import check, parse
from vocabulary.codec import encode
from vocabulary.identity import SeriesId
from vocabulary.money import plain
from vocabulary.rated import RatingNote, exact_net
from vocabulary.tariff import SeriesPrice


def test_each_quarter_of_an_hour_has_its_price_and_says_what_it_is_made_of():
    check("""
        tariff  0.12 EUR/kWh on spot   Europe/Berlin
        prices  spot 10:00 0.0853 0.0900 0.1000 0.0853
        10:00   start   0.000 kWh
        11:00   end     4.000 kWh
        -----
        energy  2.000 kWh  0.2053  0.4106 EUR  | element 1: spot 0.0853 + 0.12
        energy  1.000 kWh  0.21    0.21 EUR    | element 1: spot 0.09 + 0.12
        energy  1.000 kWh  0.22    0.22 EUR    | element 1: spot 0.1 + 0.12
        total                      0.84 EUR
    """)


def test_a_price_holds_from_its_second_on_until_the_next_one():
    """In half-open quarters: of the 12 minutes 2 are before 10:15, 10 after it."""
    check("""
        tariff  0.00 EUR/kWh on spot   UTC
        prices  spot 10:00 0.10 0.40
        10:13   start   0.000 kWh
        10:25   end     1.200 kWh
        -----
        energy  0.200 kWh  0.1  0.02 EUR  | element 1: spot 0.1
        energy  1.000 kWh  0.4  0.40 EUR  | element 1: spot 0.4
        total                   0.42 EUR
    """)


def test_across_midnight_the_day_of_the_site_changes_nothing():
    check(
        """
        tariff  0.10 EUR/kWh on spot VAT 19%   Europe/Berlin
        prices  spot 23:30 0.10 0.20 0.30 0.40
        23:30   start   0.000 kWh
        00:30   end     4.000 kWh
        -----
        energy  1.000 kWh  0.2  0.20 EUR
        energy  1.000 kWh  0.3  0.30 EUR
        energy  1.000 kWh  0.4  0.40 EUR
        energy  1.000 kWh  0.5  0.50 EUR
        total                   1.67 EUR
    """.replace("on spot VAT 19%", "VAT 19% on spot")
    )


def test_in_spring_the_quarter_after_01_45_is_that_of_03_00():
    check("""
        tariff  0.00 EUR/kWh on spot   Europe/Berlin
        prices  spot 2026-03-29T01:30 0.10 0.20 0.30 0.40
        day     2026-03-29
        01:30   start   0.000 kWh
        03:30   end     4.000 kWh
        -----
        energy  1.000 kWh  0.1  0.10 EUR
        energy  1.000 kWh  0.2  0.20 EUR
        energy  1.000 kWh  0.3  0.30 EUR
        energy  1.000 kWh  0.4  0.40 EUR
        total                   1.00 EUR
    """)


def test_in_autumn_the_hour_that_is_there_twice_has_eight_prices():
    check("""
        tariff  0.00 EUR/kWh on spot   Europe/Berlin
        prices  spot 2026-10-25T02:00+02:00 0.10 0.10 0.10 0.10 0.50 0.50 0.50 0.50
        day     2026-10-25
        02:00+02:00   start   0.000 kWh
        03:00+01:00   end     8.000 kWh
        -----
        energy  4.000 kWh  0.1  0.40 EUR
        energy  4.000 kWh  0.5  2.00 EUR
        total                   2.40 EUR
    """)


def test_below_zero_it_is_a_credit():
    check("""
        tariff  0.02 EUR/kWh on spot   UTC
        prices  spot 13:00 -0.05 0.01
        13:00   start   0.000 kWh
        13:30   end     8.000 kWh
        -----
        energy  4.000 kWh  -0.03  -0.12 EUR  | element 1: spot -0.05 + 0.02
        energy  4.000 kWh  0.03    0.12 EUR  | element 1: spot 0.01 + 0.02
        total                      0.00 EUR
    """)


def test_a_session_may_come_to_less_than_nothing():
    check("""
        tariff  0.02 EUR/kWh VAT 19% on spot   UTC
        prices  spot 13:00 -0.22
        13:00   start   0.000 kWh
        13:15   end     5.000 kWh
        -----
        energy  5.000 kWh  -0.2  -1.00 EUR
        vat     19%  -1.00 + -0.19 = -1.19 EUR
        total                    -1.19 EUR
    """)


def test_bounds_hold_for_the_price_with_what_is_added_and_are_one_line():
    check("""
        tariff  0.10 EUR/kWh on spot least 0.00 most 0.50   UTC
        prices  spot 13:00 -0.15 -0.30 0.40 0.90
        13:00   start   0.000 kWh
        14:00   end     4.000 kWh
        -----
        energy  2.000 kWh  0    0.00 EUR  | element 1: spot, at least 0.00
        energy  2.000 kWh  0.5  1.00 EUR  | element 1: spot, at most 0.50
        total                   1.00 EUR
    """)


def test_the_factor_is_of_the_series_alone():
    check("""
        tariff  0.10 EUR/kWh on spot x 1.05   UTC
        prices  spot 13:00 0.123456789
        13:00   start   0.000 kWh
        13:15   end     1.000 kWh
        -----
        energy  1.000 kWh  0.22962962845  0.2296 EUR  | element 1: 1.05 x spot 0.123456789 + 0.10
        total                             0.23 EUR
    """)


def test_a_series_may_hold_at_some_times_only():
    check("""
        tariff  0.10 EUR/kWh on spot 22:00-06:00   0.40 EUR/kWh   Europe/Berlin
        prices  spot 22:00 0.05
        21:45   start   0.000 kWh
        22:15   end     2.000 kWh
        -----
        energy  1.000 kWh  0.40  0.40 EUR  | element 2: at all other times
        energy  1.000 kWh  0.15  0.15 EUR  | element 1: 22:00-06:00 Europe/Berlin, spot 0.05 + 0.10
        total                    0.55 EUR
    """)


def test_a_step_is_rounded_at_the_last_price():
    check("""
        tariff  0.10 EUR/kWh step 1000 on spot   UTC
        prices  spot 13:00 0.10 0.20
        13:00   start   0.000 kWh
        13:30   end     2.500 kWh
        -----
        energy  1.250 kWh               0.2  0.25 EUR
        energy  1.250 kWh -> 1.750 kWh  0.3  0.5250 EUR
        total                                0.78 EUR
    """)


MISSING = """
    tariff  0.12 EUR/kWh on spot   UTC
    prices  spot 10:00 0.10 none 0.10
    10:00   start   0.000 kWh
    {}      end     4.000 kWh
    -----
"""


def test_a_quarter_without_a_price_is_never_free():
    case = parse(MISSING.format("10:45"))
    assert rate(case.session, case.tariff, case.time_zone, known=case.known).notes == (RatingNote.PRICE_NOT_PUBLISHED,)


def test_what_is_published_for_the_time_of_the_session_suffices():
    case = parse(MISSING.format("10:15"))
    assert not rate(case.session, case.tariff, case.time_zone, known=case.known).notes


def test_a_price_is_missed_where_no_energy_was_charged_as_well():
    """So that when prices become known decides nothing of the charge, not even until when its lines last."""
    case = parse("""
        tariff  0.12 EUR/kWh on spot   UTC
        prices  spot 10:00 0.10
        10:00   start   0.000 kWh
        10:15   idle    1.000 kWh
        12:00   end     1.000 kWh
        -----
    """)
    assert rate(case.session, case.tariff, case.time_zone, known=case.known).notes == (RatingNote.PRICE_NOT_PUBLISHED,)


def test_where_a_number_is_the_price_none_is_missed():
    check("""
        tariff  0.12 EUR/kWh on spot 22:00-06:00   0.40 EUR/kWh   UTC
        12:00   start   0.000 kWh
        13:00   end     1.000 kWh
        -----
        energy  1.000 kWh  0.40  0.40 EUR
        total                    0.40 EUR
    """)


def test_of_a_series_of_which_nothing_is_known_nothing_is_published():
    case = parse(MISSING.format("10:15"))
    assert rate(case.session, case.tariff, case.time_zone).notes == (RatingNote.PRICE_NOT_PUBLISHED,)


def test_hours_price_as_their_quarters_do():
    case = parse("""
        tariff  0.12 EUR/kWh on spot   UTC
        prices  spot 10:00 0.10 0.10 0.10 0.10 0.30 0.30 0.30 0.30
        10:20   start   0.000 kWh
        11:47   end     4.321 kWh
        -----
    """)
    [quarters] = case.known.prices
    hours = structs.replace(quarters, resolution_s=3600, values=quarters.values[::4])
    by_hours = structs.replace(case.known, prices=(hours,))
    one, other = (rate(case.session, case.tariff, case.time_zone, known=known) for known in (case.known, by_hours))
    assert one == other


# Words and reasons


STORY = """
    tariff  0.10 EUR/kWh VAT 19% on spot least 0.05   Europe/Berlin
    prices  spot 10:00 0.0853 -0.40 0.0853
    10:00   start   0.000 kWh
    10:45   end     3.000 kWh
    -----
"""


def test_segments_add_up_to_the_lines():
    case = parse(STORY)
    found = breakdown(case.session, case.tariff, case.time_zone, known=case.known)
    assert [each.end - each.start for each in found.segments] == [timedelta(minutes=15)] * 3
    assert [each.slices[0].unit_price for each in found.segments] == [Decimal("0.1853"), Decimal("0.05"), Decimal("0.1853")]
    assert sum(map(exact_net, found.rated.lines)) == 2 * Decimal("0.1853") + Decimal("0.05")


def test_a_line_is_told_in_the_reader_s_language_and_in_english_it_is_its_reason():
    case = parse(STORY)
    rated = rate(case.session, case.tariff, case.time_zone, known=case.known)
    told = [explain_line(line, case.tariff, "en", plain, case.time_zone) for line in rated.lines]
    assert told == [line.reason for line in rated.lines]
    comma = [explain_line(line, case.tariff, "de", lambda number: plain(number).replace(".", ",")) for line in rated.lines]
    assert comma == ["Element 1: spot 0,0853 + 0,10", "Element 1: spot, mindestens 0,05"]


def test_a_tariff_says_what_its_price_follows():
    tariff = parse(STORY).tariff
    assert explain(tariff, "en", plain) == (
        "Energy: spot price of spot incl. VAT + 0.119 EUR/kWh, at least 0.0595 EUR/kWh. Prices include VAT."
    )
    assert explain(tariff, "de", plain) == (
        "Energie: Börsenpreis spot inkl. MwSt. + 0.119 EUR/kWh, mindestens 0.0595 EUR/kWh. Alle Preise inkl. MwSt."
    )


# Documents


def document(**component: Any) -> dict[str, Any]:
    priced = {"type": "ENERGY", "price": "0.12", "vat": "19", "step_size": 1} | component
    return {"id": "t", "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z", "elements": [{"price_components": [priced]}]}


@pytest.mark.parametrize(
    ("series", "read"),
    [
        ({"id": "day-ahead"}, SeriesPrice(id=SeriesId("day-ahead"))),
        (
            {"id": "a.b_C-1", "factor": "1.05", "least": "-0.05", "most": "0.50"},
            SeriesPrice(id=SeriesId("a.b_C-1"), factor=Decimal("1.05"), least=Decimal("-0.05"), most=Decimal("0.50")),
        ),
        ({"id": "x", "least": "0", "most": "0"}, SeriesPrice(id=SeriesId("x"), least=Decimal(0), most=Decimal(0))),
    ],
)
def test_a_document_says_what_its_price_follows_and_is_written_as_it_was_read(
    series: dict[str, str], read: SeriesPrice
) -> None:
    published = tariff_of(read_document(document(series=series)))
    assert published.tariff.elements[0].components[0].series == read
    assert tariff_of(read_document(authored(published))) == published


@pytest.mark.parametrize(
    ("component", "complaint"),
    [
        ({"series": {}}, "series.id: must be given"),
        ({"series": {"id": "a b"}}, "series.id: String should match pattern"),
        ({"series": {"id": "x", "factor": "0"}}, "series.factor: write greater than 0"),
        ({"series": {"id": "x", "factor": "-1"}}, "series.factor: '-1' cannot be read; write for example 1.05"),
        ({"series": {"id": "x", "least": "low"}}, "series.least: 'low' cannot be read; write for example 0.00 or -0.05"),
        ({"series": {"id": "x", "least": "0.5", "most": "0.4"}}, "most 0.4 is below least 0.5; exchange them"),
        ({"series": {"id": "x", "unit": "EUR"}}, "series.unit: there is no such field"),
        ({"type": "TIME", "series": {"id": "x"}}, "TIME follows no series, whose values are per kWh"),
        ({"series": "x"}, "series: "),
    ],
)
def test_what_cannot_be_a_series_of_a_price_is_refused(component: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TariffRefused) as refused:
        read_document(document(**component))
    assert complaint in str(refused.value)


def test_a_tariff_that_follows_none_has_the_version_that_it_had() -> None:
    assert b"series" not in encode(tariff_of(read_document(document())))


def test_a_margin_of_nothing_is_not_free_and_no_lint_takes_it_for_little() -> None:
    tariff = tariff_of(read_document(document(price="0", series={"id": "day-ahead"}))).tariff
    assert [each.reason for each in lint(tariff)] == [LintReason.LANGUAGE_MISSING]
    assert explain(tariff, "en", plain) == "Energy: spot price of day-ahead incl. VAT. Prices include VAT."


def test_what_changes_of_a_series_is_told() -> None:
    one = tariff_of(read_document(document(series={"id": "day-ahead"}))).tariff
    other = tariff_of(read_document(document(price="0.14", series={"id": "day-ahead", "factor": "1.05", "least": "0"}))).tariff
    told = [(each.what, each.before, each.after) for each in diff(one, other)]
    assert told == [
        ("price", "0.12 EUR/kWh", "0.14 EUR/kWh"),
        ("series", "day-ahead", "1.05 x day-ahead, at least 0"),
    ]
