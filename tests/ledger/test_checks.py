"""Every check finds the fault that it is for, and says where. Faults are planted with SQL, past the ledger."""

from decimal import Decimal

import pytest
from sqlalchemy import Engine

from ledger.checks import CHECKS, CheckFinding, check
from ledger.journal import effect_id
from ledger.post import post
from ledger.sql_store import SqlLedger
from tests.ledger.notation import ISSUED_ON, in_dialect, issued, line, past_the_ledger, session
from vocabulary.billing import InvoiceIssued
from vocabulary.sessions import Finding, SessionRated
from vocabulary.tariff import Dimension

# Entries 1 to 3 are the sessions S-1 to S-3 of C-1, 4 is one of C-2, 5 one in doubt, 6 the invoice of C-1.
SESSIONS = [
    session(
        f"S-{number}", [line(Dimension.ENERGY, Decimal(12_345), Decimal("0.3333"), Decimal(19))], contract=contract, held=held
    )
    for number, contract, held in [
        (1, "C-1", None),
        (2, "C-1", None),
        (3, "C-1", None),
        (4, "C-2", None),
        (5, "C-2", Finding.SIGNATURE_FAILED),
    ]
]
EVENTS: list[SessionRated | InvoiceIssued] = [*SESSIONS, issued("I-1", SESSIONS[:3])]


@pytest.fixture
def booked(books: Engine) -> Engine:
    with books.begin() as connection:
        for position, event in enumerate(EVENTS, start=1):
            SqlLedger(connection).post(post(event), cause=position)
    return books


def findings_after(engine: Engine, *faults: str) -> tuple[CheckFinding, ...]:
    with past_the_ledger(engine) as connection:
        for fault in faults:
            changed = connection.exec_driver_sql(in_dialect(connection, fault)).rowcount
            assert changed, "the fault was not planted"
    with engine.begin() as connection:
        return check(SqlLedger(connection))


def moved(account: str, entry: int, by_micro: int) -> str:
    return f"UPDATE posting SET amount_micro = amount_micro + {by_micro} WHERE entry = {entry} AND account = '{account}'"


S2, S2_AGAIN = effect_id("session_rated", "S-2", 1), effect_id("session_rated", "S-2", 2)

#   the rule                                  where: entry, account       what was done to the rows
FAULTS: list[tuple[str, int | None, str | None, tuple[str, ...]]] = [
    ("chain_is_continuous", 2, None, ("UPDATE entry SET cause = 1 WHERE number = 2",)),
    ("chain_is_continuous", 2, None, ("UPDATE entry SET recorded_at = '2026-10-05T11:00:00.000000+00:00' WHERE number = 2",)),
    ("chain_is_continuous", 2, None, ("UPDATE entry SET effective_at = '2026-10-05T11:00:01.000000+00:00' WHERE number = 2",)),
    ("chain_is_continuous", 2, None, ("UPDATE entry SET link = zeroblob(32) WHERE number = 2",)),
    ("chain_is_continuous", 3, None, ("DELETE FROM entry WHERE number = 2", "DELETE FROM posting WHERE entry = 2")),
    ("chain_is_continuous", 2, None, (moved("4010:DE", 2, 5), moved("2210:DE:19", 2, -5))),
    ("chain_is_continuous", 2, None, ("UPDATE posting SET line = 9 WHERE entry = 2 AND line = 1",)),
    ("chain_is_continuous", 3, None, ("INSERT INTO posting VALUES (3, 9, '4010:DE', 'EUR', 0)",)),
    ("entry_is_named_by_its_effect", 2, None, ("UPDATE entry SET subject = 'S-9' WHERE number = 2",)),
    ("entry_is_named_by_its_effect", 2, None, (f"UPDATE entry SET id = x'{S2_AGAIN}' WHERE id = x'{S2}'",)),
    ("entry_sums_to_zero", 2, None, (moved("4010:DE", 2, 1),)),
    ("accounts_are_in_the_chart", 2, None, ("UPDATE posting SET account = '4011:DE' WHERE entry = 2 AND account = '4010:DE'",)),
    ("legal_money_is_in_whole_minor_units", 6, None, (moved("1100:C-1", 6, 1), moved("2200:DE:19", 6, -1))),
    ("no_more_is_invoiced_than_was_delivered", 6, None, (moved("1105:contract:C-1", 6, -1), moved("2210:DE:19", 6, 1))),
    ("rounding_is_explained", 6, None, (moved("7100:invoice", 6, 90_000), moved("2200:DE:19", 6, -90_000))),
    ("head_is_the_last_entry", None, None, ("DELETE FROM entry WHERE number = 6", "DELETE FROM posting WHERE entry = 6")),
    ("head_is_the_last_entry", None, None, ("UPDATE ledger_head SET link = zeroblob(32)",)),
    ("books_sum_to_zero", None, None, ("UPDATE balance SET debit_micro = debit_micro + 1 WHERE account = '1100:C-1'",)),
    (
        "balances_are_sums_of_debits_and_credits",
        None,
        "4010:DE",
        ("UPDATE balance SET debit_micro = debit_micro - 1, credit_micro = credit_micro - 1 WHERE account = '4010:DE'",),
    ),
    (
        "balances_are_sums_of_postings",
        None,
        "4010:DE",
        ("UPDATE balance SET debit_micro = debit_micro + 1, credit_micro = credit_micro + 1 WHERE account = '4010:DE'",),
    ),
    ("balances_are_sums_of_postings", None, "1100:C-1", ("DELETE FROM balance WHERE account = '1100:C-1'",)),
    ("balances_are_sums_of_postings", None, "7100:receipt", ("INSERT INTO balance VALUES ('7100:receipt', 'EUR', 1, 1)",)),
    ("balances_are_sums_of_postings", None, "4010:DE", ("UPDATE posting SET currency = 'CHF' WHERE account = '4010:DE'",)),
    (
        "postings_belong_to_entries",
        None,
        "4010:DE",
        (
            "INSERT INTO posting VALUES (99, 1, '4010:DE', 'EUR', 5), (99, 2, '4010:DE', 'EUR', -5)",
            "UPDATE balance SET debit_micro = debit_micro + 5, credit_micro = credit_micro + 5 WHERE account = '4010:DE'",
        ),
    ),
    ("entries_can_be_read", 2, None, ("UPDATE entry SET effective_at = 'yesterday' WHERE number = 2",)),
]


def test_books_that_were_written_by_the_ledger_alone_have_no_findings(booked: Engine) -> None:
    with booked.begin() as connection:
        assert check(SqlLedger(connection)) == ()
        assert SqlLedger(connection).head().number == len(EVENTS)
        assert next(b.entry for b in SqlLedger(connection).entries(after=5)).effective_at.date() == ISSUED_ON


@pytest.mark.parametrize(("rule", "entry", "account", "faults"), FAULTS)
def test_a_planted_fault_is_found_and_located(
    booked: Engine, rule: str, entry: int | None, account: str | None, faults: tuple[str, ...]
) -> None:
    found = [finding for finding in findings_after(booked, *faults) if finding.rule == rule]
    assert found, f"{rule} did not see it"
    assert (found[0].entry, found[0].account) == (entry, account)
    assert found[0].detail


def test_every_check_has_a_planted_fault() -> None:
    assert {rule.__name__ for rule in CHECKS} | {"entries_can_be_read"} == {rule for rule, *_ in FAULTS}


def test_a_changed_amount_is_told_as_an_accountant_would(booked: Engine) -> None:
    found = {finding.rule: finding.detail for finding in findings_after(booked, moved("4010:DE", 2, 1))}
    assert found["entry_sums_to_zero"] == "its postings sum to 0.000001 EUR"
    assert found["balances_are_sums_of_postings"] == (
        "its balance is debit 0.00 credit 16.458356 EUR, its postings sum to debit 0.00 credit 16.458355 EUR"
    )


def test_the_bound_on_rounding_lets_no_more_through_than_rounding_can_be(booked: Engine) -> None:
    """Three sessions and their invoice have 3 · 3 + 5 postings: at most 14 half cents, 0.07 EUR."""
    (found,) = [f for f in findings_after(booked, moved("7100:invoice", 6, -90_000)) if f.rule == "rounding_is_explained"]
    assert found.detail.endswith("of 1105:contract:C-1 are rounding, and 0.07 EUR can be")
