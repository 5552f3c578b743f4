"""Numbers of invoices."""

from datetime import date

import msgspec

from invoicing.numbering import next_number, number, series
from tests.invoicing.material import OPERATOR
from vocabulary.identity import InvoiceNumber

ISSUED = date(2026, 11, 2)


def test_a_series_is_the_prefix_and_the_year_of_issue():
    assert series(OPERATOR, ISSUED) == "2026-"
    assert series(msgspec.structs.replace(OPERATOR, invoice_prefix="RE-"), ISSUED) == "RE-2026-"


def test_numbers_have_six_digits_and_more_when_a_year_needs_them():
    assert number("2026-", 1) == "2026-000001"
    assert number("2026-", 1_000_000) == "2026-1000000"


def test_the_next_number_follows_the_last_of_its_own_series():
    issued = ["RE-2025-000412", "RE-2026-000009", "RE-2026-000010", "2026-000077", "RE-2026-annulled"]
    assert next_number("RE-2026-", map(InvoiceNumber, issued)) == 11
    assert next_number("RE-2027-", map(InvoiceNumber, issued)) == 1
