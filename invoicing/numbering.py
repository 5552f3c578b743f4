"""Invoice numbers: without a gap, in a series that starts anew each year.

A series is the operator's prefix and the year of issue; its numbers count from 1, in six digits and more where a year
needs them. With the prefix `RE-`, the first invoice of 2026 is RE-2026-000001; with none, it is 2026-000001. Whoever draws
up invoices counts in the series of their date of issue: `next_number(series(operator, issued_on), issued so far)`.
"""

from collections.abc import Iterable
from datetime import date

from vocabulary.identity import InvoiceNumber
from vocabulary.reference import Operator

DIGITS = 6


def series(operator: Operator, issued_on: date) -> str:
    """What the numbers of this operator's invoices of that year begin with."""
    return f"{operator.invoice_prefix}{issued_on.year:04d}-"


def number(series: str, running: int) -> InvoiceNumber:
    """The number of the `running`-th invoice of a series, counted from 1."""
    assert running >= 1, "invoices count from 1"
    return InvoiceNumber(f"{series}{running:0{DIGITS}d}")


def next_number(series: str, issued: Iterable[InvoiceNumber]) -> int:
    """The running number that follows those issued in this series; numbers of other series are passed over."""
    tails = (other.removeprefix(series) for other in issued if other.startswith(series))
    return 1 + max((int(tail) for tail in tails if tail.isascii() and tail.isdigit()), default=0)
