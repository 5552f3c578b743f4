"""What limits and reservations do to the books: accounts of their own, entries that balance, rounding that stays bounded."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ledger.chart import PostingError
from ledger.post import post
from tests.ledger.notation import END, START, entry_text, issued, line, session
from vocabulary.rated import LimitPart, RatedLine
from vocabulary.sessions import Finding
from vocabulary.tariff import Basis, Dimension

TEN = line(Dimension.ENERGY, Decimal(10_000), Decimal("1.00"), Decimal(19))


def limit(net: str, tax: str, vat_percent: Decimal | None = Decimal(19)) -> RatedLine:
    """What a minimum price adds, or where it is below 0, a maximum price takes off."""
    return RatedLine(
        dimension=Dimension.MAX_PRICE if net.startswith("-") else Dimension.MIN_PRICE,
        element=0,
        quantity=Decimal(1),
        billed=Decimal(1),
        unit_price=Decimal(0),
        vat_percent=vat_percent,
        since=START,
        until=END,
        reason="",
        limit=LimitPart(net=net, tax=tax),
    )


def test_a_maximum_price_is_a_debit_beside_the_revenue_that_it_limits() -> None:
    (entry,) = post(session("S-1", [TEN, limit("-2", "-38/100")]))
    assert entry_text(entry) == ["1105:contract:C-1 9.52", "4010:DE -10.00", "4060:DE 2.00", "2210:DE:19 -1.52"]


def test_a_minimum_price_is_a_credit_also_where_nothing_else_is_charged() -> None:
    (entry,) = post(session("S-1", [limit("3", "57/100")]))
    assert entry_text(entry) == ["1105:contract:C-1 3.57", "4060:DE -3.00", "2210:DE:19 -0.57"]


def test_a_reservation_is_revenue_of_its_own() -> None:
    fee, hour = (line(one, Decimal(count), Decimal(1), None) for one, count in ((Dimension.FLAT, 1), (Dimension.TIME, 3600)))
    (entry,) = post(session("S-1", [structs.replace(fee, reserved=True), structs.replace(hour, reserved=True), fee]))
    assert entry_text(entry) == ["1105:contract:C-1 3.00", "4050:DE -2.00", "4030:DE -1.00"]


def test_a_gross_price_is_posted_without_its_vat() -> None:
    (entry,) = post(session("S-1", [structs.replace(TEN, unit_price=Decimal("1.19"), basis=Basis.GROSS)]))
    assert entry_text(entry) == ["1105:contract:C-1 11.90", "4010:DE -10.00", "2210:DE:19 -1.90"]


def test_what_is_held_is_held_after_its_limit() -> None:
    (entry,) = post(session("S-1", [TEN, limit("-2", "-38/100")], held=Finding.POWER_NOT_MEASURED))
    assert entry_text(entry)[0] == "1105:contract:C-1 9.52"


def test_a_limit_in_whole_cents_before_and_after_taxes_is_rounding() -> None:
    """0.84 and 1.00: 19 percent of 0.84 are 0.1596."""
    (entry,) = post(issued("I-1", [session(f"S-{n}", [limit("0.84", "0.16")]) for n in range(50)]))
    assert entry_text(entry)[-1] == "7100:invoice -0.02"


def test_a_limit_whose_tax_is_not_that_of_its_rate_is_no_rounding() -> None:
    with pytest.raises(PostingError, match="rounding explains"):
        post(issued("I-1", [session("S-1", [limit("1", "1/10")])]))


PARTS = st.fractions(-9, 20, max_denominator=1000)


@given(st.lists(PARTS, min_size=1, max_size=8))
def test_any_limits_balance_and_an_invoice_leaves_nothing_behind(parts: list[Fraction]) -> None:
    sessions = [session(f"S-{n}", [TEN, limit(str(part), str(part * 19 / 100))]) for n, part in enumerate(parts)]
    entries = [entry for one in sessions for entry in post(one)] + list(post(issued("I-1", sessions)))
    assert all(sum(posting.amount_micro for posting in entry.postings) == 0 for entry in entries)
    left = [p.amount_micro for entry in entries for p in entry.postings if p.account.startswith(("1105:", "2210:"))]
    assert sum(left) == 0
