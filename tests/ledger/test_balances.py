"""The trial balance, and the digests by which ledgers are compared."""

from decimal import Decimal

from ledger.balances import TrialBalance, balances_digest, entries_digest, trial_balance
from ledger.books import Balance
from ledger.post import post
from tests.ledger.notation import EUR, issued, line, session
from vocabulary.codec import as_plain
from vocabulary.money import Currency
from vocabulary.tariff import Dimension

BALANCES = [
    Balance("4010:DE", EUR, 0, 4_500_000),
    Balance("1105:contract:C-1", EUR, 5_355_000, 0),
    Balance("2210:DE:19", EUR, 0, 855_000),
    Balance("1105:contract:C-1", Currency("CHF"), 7, 7),
]


def test_the_trial_balance_lists_accounts_in_order_and_foots_each_currency() -> None:
    trial = trial_balance(BALANCES)
    assert [(t.account, t.name, t.currency, str(t.debit), str(t.credit), str(t.balance)) for t in trial.lines] == [
        ("1105:contract:C-1", "unbilled receivable", "CHF", "0.000007", "0.000007", "0.00"),
        ("1105:contract:C-1", "unbilled receivable", "EUR", "5.355", "0.00", "5.355"),
        ("2210:DE:19", "VAT accrued", "EUR", "0.00", "0.855", "-0.855"),
        ("4010:DE", "revenue energy", "EUR", "0.00", "4.50", "-4.50"),
    ]
    assert as_plain(trial)["totals"] == [
        {"currency": "CHF", "debit": "0.000007", "credit": "0.000007"},
        {"currency": "EUR", "debit": "5.355", "credit": "5.355"},
    ]


def test_an_empty_ledger_has_an_empty_trial_balance() -> None:
    assert trial_balance([]) == TrialBalance(lines=(), totals=())


def test_digests_do_not_depend_on_order_and_change_with_a_millionth() -> None:
    sessions = [session(f"S-{n}", [line(Dimension.ENERGY, Decimal(1000), Decimal(n), Decimal(19))]) for n in range(3)]
    entries = [entry for rated in sessions for entry in post(rated)] + list(post(issued("I-1", sessions)))
    assert entries_digest(entries) == entries_digest(reversed(entries))
    assert entries_digest(entries) != entries_digest(entries[1:])
    assert balances_digest(BALANCES) == balances_digest(reversed(BALANCES))
    assert balances_digest(BALANCES) != balances_digest([BALANCES[0]._replace(credit_micro=4_500_001), *BALANCES[1:]])
