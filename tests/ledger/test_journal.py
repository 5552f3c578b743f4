"""Entries: what can be built, and what cannot."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chart import PostingError, UnknownAccount
from ledger.journal import entry, reverse
from tests.ledger.notation import EUR, entry_text
from vocabulary.billing import Entry, Posting
from vocabulary.money import Currency

AT = datetime(2026, 10, 5, 11, 0, tzinfo=UTC)


def of(*postings: tuple[str, int], currency: Currency = EUR, version: int = 1) -> Entry:
    built = [Posting(account=account, amount_micro=amount) for account, amount in postings]
    return entry("session_rated", "S-1", AT, currency, built, version)


def test_an_entry_that_does_not_sum_to_zero_cannot_be_built() -> None:
    with pytest.raises(PostingError, match="sum to 1 millionths of EUR"):
        of(("1105:contract:C-1", 2), ("4010:DE", -1))


def test_postings_to_one_account_are_merged_and_those_of_zero_dropped() -> None:
    merged = of(("1105:contract:C-1", 3), ("4010:DE", -1), ("2210:DE:19", 0), ("4010:DE", -2), ("4020:DE", 5), ("4020:DE", -5))
    assert entry_text(merged) == ["1105:contract:C-1 0.000003", "4010:DE -0.000003"]


def test_what_is_free_of_charge_is_an_entry_without_postings() -> None:
    assert of(("1105:contract:C-1", 0), ("4010:DE", 0)).postings == ()
    assert of().id == of(("1105:contract:C-1", 0)).id


def test_an_account_outside_the_chart_cannot_be_posted_to() -> None:
    with pytest.raises(UnknownAccount):
        of(("1105:contract:C-1", 1), ("4999:DE", -1))


@pytest.mark.parametrize(("currency", "unit"), [("EUR", 10_000), ("JPY", 1_000_000), ("BHD", 1_000)])
def test_legal_money_is_posted_in_whole_minor_units(currency: str, unit: int) -> None:
    assert of(("1100:C-1", 7 * unit), ("1105:contract:C-1", -7 * unit), currency=Currency(currency))
    with pytest.raises(PostingError, match="whole minor units"):
        of(("1100:C-1", unit + 1), ("1105:contract:C-1", -unit - 1), currency=Currency(currency))


def test_an_amount_fits_64_bits_with_either_sign() -> None:
    largest = 2**63 - 1
    assert of(("1105:contract:C-1", largest), ("4010:DE", -largest))
    with pytest.raises(PostingError, match="64 bits"):
        of(("1105:contract:C-1", largest + 1), ("4010:DE", -largest - 1))


def test_the_identity_is_that_of_the_effect_and_not_of_the_amounts() -> None:
    small, large = of(("1105:contract:C-1", 1), ("4010:DE", -1)), of(("1105:contract:C-1", 2), ("4010:DE", -2))
    assert small.id == large.id
    assert small.id != of(("1105:contract:C-1", 1), ("4010:DE", -1), version=2).id


def test_instants_are_kept_in_utc() -> None:
    in_berlin = AT.astimezone(timezone(timedelta(hours=2)))
    assert entry("session_rated", "S-1", in_berlin, EUR, []) == of()


def test_a_reversal_takes_back_each_posting_in_the_same_period_and_is_not_reversed_itself() -> None:
    original = of(("1105:contract:C-1", 3), ("4010:DE", -3))
    reversal = reverse(original)
    assert entry_text(reversal) == ["1105:contract:C-1 -0.000003", "4010:DE 0.000003"]
    assert (reversal.kind, reversal.subject, reversal.effective_at) == ("session_rated_reversed", "S-1", AT)
    assert reversal.id not in (original.id, reverse(of(version=2)).id)
    with pytest.raises(PostingError, match="not reversed"):
        reverse(reversal)


ACCOUNTS = st.sampled_from(["1105:contract:C-1", "4010:DE", "4020:DE", "2210:DE:19", "2500:meter_signature_failed"])


@given(st.lists(st.tuples(ACCOUNTS, st.integers(-(2**40), 2**40))))
def test_an_entry_sums_to_zero_or_does_not_come_to_be(postings: list[tuple[str, int]]) -> None:
    try:
        built = of(*postings)
    except PostingError:
        assert sum(amount for _, amount in postings) != 0
    else:
        assert sum(posting.amount_micro for posting in built.postings) == 0
        assert len(built.postings) != 1
        assert all(posting.amount_micro for posting in built.postings)
        assert len({posting.account for posting in built.postings}) == len(built.postings)
