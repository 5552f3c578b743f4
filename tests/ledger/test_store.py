"""The store: insert-only, idempotent, chained, in the caller's transaction. On a real SQLite file and a real PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from ledger import sql_store
from ledger.balances import balances_digest, entries_digest
from ledger.books import GENESIS, Balance, Booked, Booking, Head, LedgerConflict, LedgerUnreadable
from ledger.checks import check
from ledger.journal import entry, reverse
from ledger.post import post
from ledger.sql_store import SqlLedger
from tests.ledger.conftest import OpenBooks
from tests.ledger.notation import EUR, issued, line, past_the_ledger, session
from tests.ledger.strategies import CURRENCIES, sessions_of
from vocabulary.billing import Entry, InvoiceIssued, Posting
from vocabulary.identity import content_id
from vocabulary.sessions import SessionRated
from vocabulary.tariff import Dimension

PROPERTY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RECORDED_AT = datetime(2026, 10, 5, 11, 0, 1, tzinfo=UTC)


def rated(name: str, price: str = "1.00") -> Entry:
    return post(session(name, [line(Dimension.ENERGY, Decimal(1000), Decimal(price), Decimal(19))]))[0]


def test_empty_books_have_no_entries_and_a_chain_that_begins_at_genesis(books: Engine) -> None:
    with books.begin() as connection:
        ledger = SqlLedger(connection)
        assert (list(ledger.entries()), ledger.balances(), ledger.turnover(), ledger.head()) == ([], [], [], Head(0, GENESIS))
        assert ledger.entry_of(rated("S-1").id) is None
        assert ledger.post([], cause=1) == 0
        assert check(ledger) == ()


def test_what_was_posted_is_read_back_as_it_was(books: Engine) -> None:
    entries = [rated("S-1"), rated("S-2", "0.333"), rated("S-3", "0.00")]
    with books.begin() as connection:
        assert SqlLedger(connection).post(entries, cause=7, recorded_at=RECORDED_AT) == 3
    with books.begin() as connection:
        ledger = SqlLedger(connection)
        booked = list(ledger.entries())
        assert [(b.number, b.entry, b.cause, b.recorded_at) for b in booked] == [
            (number, each, 7, RECORDED_AT) for number, each in enumerate(entries, start=1)
        ]
        assert ledger.entry_of(entries[1].id) == booked[1]
        assert ledger.entries_of("S-3") == [booked[2]]
        assert ledger.head() == Head(3, booked[2].link)
        assert list(ledger.entries(after=2)) == booked[2:]


def test_balances_keep_debits_and_credits_apart_by_account_and_currency(books: Engine) -> None:
    with books.begin() as connection:
        ledger = SqlLedger(connection)
        ledger.post([rated("S-1"), rated("S-2")], cause=1)
        ledger.post([reverse(rated("S-2"))], cause=2)
        assert ledger.balances() == ledger.turnover()
        assert ledger.balances() == [
            Balance("1105:contract:C-1", EUR, 2_380_000, 1_190_000),
            Balance("2210:DE:19", EUR, 190_000, 380_000),
            Balance("4010:DE", EUR, 1_000_000, 2_000_000),
        ]


def test_posting_again_changes_nothing_whatever_it_follows_from(books: Engine) -> None:
    entries = [rated("S-1"), rated("S-2")]
    with books.begin() as connection:
        ledger = SqlLedger(connection)
        assert ledger.post([*entries, entries[0]], cause=1, recorded_at=RECORDED_AT) == 2
        before = (list(ledger.entries()), ledger.balances(), ledger.head())
        assert ledger.post(entries, cause=9) == 0
        assert (list(ledger.entries()), ledger.balances(), ledger.head()) == before
        assert ledger.post([*entries, rated("S-3")], cause=9) == 1


def test_the_same_effect_with_other_amounts_is_a_conflict_and_nothing_of_the_batch_is_written(books: Engine) -> None:
    with books.begin() as connection:
        ledger = SqlLedger(connection)
        ledger.post([rated("S-1")], cause=1)
        with pytest.raises(LedgerConflict, match="session_rated S-1 is posted already") as conflict:
            ledger.post([rated("S-2"), rated("S-1", "2.00")], cause=2)
        assert (conflict.value.stored, conflict.value.offered) == (rated("S-1"), rated("S-1", "2.00"))
        with pytest.raises(LedgerConflict):
            ledger.post([rated("S-3"), rated("S-3", "2.00")], cause=2)
        assert [booked.entry for booked in ledger.entries()] == [rated("S-1")]
        assert check(ledger) == ()


def test_an_entry_is_reversed_once_and_posted_anew_under_the_next_version(books: Engine) -> None:
    first = rated("S-1")
    second = entry(first.kind, first.subject, first.effective_at, EUR, rated("S-1", "2.00").postings, version=2)
    with books.begin() as connection:
        ledger = SqlLedger(connection)
        assert ledger.post([first, reverse(first), reverse(first), second], cause=1) == 3
        assert [b.entry for b in ledger.entries_of("S-1")] == [first, reverse(first), second]
        assert check(ledger) == ()


def test_what_the_caller_rolls_back_was_never_posted(books: Engine) -> None:
    with books.connect() as connection, connection.begin() as transaction:
        SqlLedger(connection).post([rated("S-1")], cause=1)
        transaction.rollback()
    with books.begin() as connection:
        assert list(SqlLedger(connection).entries()) == []
        assert SqlLedger(connection).post([rated("S-1")], cause=1) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET cause = 2",
        "DELETE FROM entry",
        "UPDATE posting SET amount_micro = 1",
        "DELETE FROM posting",
        "UPDATE balance SET debit_micro = debit_micro - 1",
        "UPDATE balance SET credit_micro = credit_micro - 1",
        "DELETE FROM balance",
        "UPDATE ledger_head SET number = 0",
        "DELETE FROM ledger_head",
    ],
)
def test_the_database_itself_refuses_to_change_the_past(books: Engine, statement: str) -> None:
    refused(books, statement)


@pytest.mark.parametrize(
    ("dialect", "statement"),
    [
        ("sqlite", "INSERT OR REPLACE INTO posting SELECT entry, line, account, currency, 1 FROM posting"),
        ("sqlite", "INSERT OR REPLACE INTO balance SELECT account, currency, 0, 0 FROM balance"),
        ("postgresql", "INSERT INTO posting SELECT * FROM posting ON CONFLICT (entry, line) DO UPDATE SET amount_micro = 1"),
        ("postgresql", "TRUNCATE entry"),
        ("postgresql", "TRUNCATE posting"),
        ("postgresql", "TRUNCATE balance"),
        ("postgresql", "TRUNCATE ledger_head"),
    ],
)
def test_each_database_refuses_its_own_ways_to_change_the_past(books: Engine, dialect: str, statement: str) -> None:
    if books.dialect.name == dialect:
        refused(books, statement)


def refused(books: Engine, statement: str) -> None:
    with books.begin() as connection:
        SqlLedger(connection).post([rated("S-1")], cause=1)
    with pytest.raises(IntegrityError, match=r"never|only grows"), books.begin() as connection:
        connection.exec_driver_sql(statement)
    with books.begin() as connection:
        assert check(SqlLedger(connection)) == ()


def test_a_balance_that_no_longer_fits_64_bits_is_refused_and_not_made_a_float(books: Engine) -> None:
    huge = 2**63 - 1
    entries = [
        entry("t", name, RECORDED_AT, EUR, [posting("1105:contract:C-1", huge), posting("4010:DE", -huge)]) for name in "ab"
    ]
    with books.begin() as connection:
        SqlLedger(connection).post(entries[:1], cause=1)
    with pytest.raises((IntegrityError, psycopg.DataError)), books.begin() as connection:
        SqlLedger(connection).post(entries[1:], cause=2)


def posting(account: str, amount_micro: int) -> Posting:
    return Posting(account=account, amount_micro=amount_micro)


def test_entries_are_read_page_by_page(books: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_store, "_PAGE", 3)
    monkeypatch.setattr(sql_store, "_CHUNK", 2)
    for count in (2, 3, 6, 7):
        entries = [rated(f"S-{number}") for number in range(count)]
        with books.begin() as connection:
            SqlLedger(connection).post(entries, cause=1)
            assert [booked.entry for booked in SqlLedger(connection).entries()] == entries


def test_a_row_that_the_ledger_never_wrote_is_unreadable(books: Engine) -> None:
    with books.begin() as connection:
        SqlLedger(connection).post([rated("S-1"), rated("S-2")], cause=1)
    with past_the_ledger(books) as connection:
        connection.exec_driver_sql("UPDATE entry SET effective_at = 'yesterday' WHERE number = 2")
    with books.begin() as connection, pytest.raises(LedgerUnreadable, match="entry 2 cannot be read"):
        list(SqlLedger(connection).entries())


def test_the_link_binds_number_content_cause_and_time(new_books: OpenBooks) -> None:
    """Each of these differs from the first in one thing, and so does its link."""
    variants = [
        [Booking(rated("S-1"), 1, RECORDED_AT)],
        [Booking(rated("S-1", "1.01"), 1, RECORDED_AT)],
        [Booking(rated("S-2"), 1, RECORDED_AT)],
        [Booking(rated("S-1"), 2, RECORDED_AT)],
        [Booking(rated("S-1"), 1, None)],
        [Booking(rated("S-0"), 1, RECORDED_AT), Booking(rated("S-1"), 1, RECORDED_AT)],
    ]
    links = set()
    for bookings in variants:
        with fresh_ledger(new_books) as ledger:
            ledger.post_all(bookings)
            links.add(ledger.head().link)
    assert len(links) == len(variants)


@contextmanager
def fresh_ledger(new_books: OpenBooks) -> Iterator[SqlLedger]:
    with new_books() as engine, engine.begin() as connection:
        yield SqlLedger(connection)


def booked_in(new_books: OpenBooks, pieces: list[list[Entry]]) -> tuple[list[Booked], list[Balance], Head]:
    with fresh_ledger(new_books) as ledger:
        for piece in pieces:
            ledger.post(piece, cause=1, recorded_at=RECORDED_AT)
        assert check(ledger) == ()
        return list(ledger.entries()), ledger.balances(), ledger.head()


@st.composite
def months(draw: st.DrawFn) -> list[Entry]:
    """The entries of two contracts' sessions and invoices."""
    currency = draw(CURRENCIES)
    entries: list[Entry] = []
    for contract in ("C-1", "C-2"):
        sessions = draw(sessions_of(currency, contract, prefix=contract))
        events: list[SessionRated | InvoiceIssued] = [*sessions, issued(f"I-{contract}", sessions, contract, currency)]
        entries += [entry for event in events for entry in post(event)]
    return entries


@PROPERTY
@given(entries=months(), data=st.data())
def test_batches_in_any_split_make_the_same_books(new_books: OpenBooks, entries: list[Entry], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(entries)), max_size=6)))
    pieces = [entries[start:end] for start, end in zip([0, *cuts], [*cuts, len(entries)], strict=True)]
    assert booked_in(new_books, pieces) == booked_in(new_books, [entries])


@PROPERTY
@given(entries=months(), data=st.data())
def test_posting_any_part_again_at_any_time_changes_nothing(
    new_books: OpenBooks, entries: list[Entry], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(entries), max_size=8))
    assert booked_in(new_books, [entries, again, entries]) == booked_in(new_books, [entries])


@PROPERTY
@given(entries=months(), random=st.randoms(use_true_random=False))
def test_in_another_order_the_links_differ_and_the_digests_do_not(
    new_books: OpenBooks, entries: list[Entry], random: Random
) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)
    with fresh_ledger(new_books) as one, fresh_ledger(new_books) as other:
        one.post(entries, cause=1)
        other.post(shuffled, cause=2)
        assert entries_digest(b.entry for b in one.entries()) == entries_digest(b.entry for b in other.entries())
        assert balances_digest(one.balances()) == balances_digest(other.balances())
        assert one.head() != other.head()


def test_an_identity_is_that_of_kind_subject_and_version() -> None:
    assert rated("S-1").id == content_id("entry", "session_rated", "S-1", "1")
