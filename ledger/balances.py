"""The trial balance as data, and digests by which two ledgers are compared.

The digests do not depend on the order of booking, nor on numbers, causes and times of recording: two runtimes that book the
same effects in different order have the same digests, and one micro-unit elsewhere gives different ones.
"""

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256

from msgspec import Struct

from ledger.books import Balance
from ledger.chart import Kind, account_of
from vocabulary.billing import Entry
from vocabulary.codec import encode
from vocabulary.identity import digest
from vocabulary.money import Currency, from_micro


class TrialLine(Struct, frozen=True, kw_only=True):
    """An account in one currency: what was ever debited and credited, and their difference (debit positive)."""

    account: str
    name: str
    kind: Kind
    currency: Currency
    debit: Decimal
    credit: Decimal
    balance: Decimal


class TrialTotal(Struct, frozen=True, kw_only=True):
    """The foot of the trial balance for one currency. Debit and credit are equal, or the books are wrong."""

    currency: Currency
    debit: Decimal
    credit: Decimal


class TrialBalance(Struct, frozen=True, kw_only=True):
    lines: tuple[TrialLine, ...]  # by account, then currency
    totals: tuple[TrialTotal, ...]  # by currency


def trial_balance(balances: Iterable[Balance]) -> TrialBalance:
    ordered = sorted(balances)
    currencies = sorted({balance.currency for balance in ordered})
    return TrialBalance(
        lines=tuple([_line(balance) for balance in ordered]),
        totals=tuple([_total(currency, ordered) for currency in currencies]),
    )


def entries_digest(entries: Iterable[Entry]) -> str:
    """64 hex digits that stand for a set of entries."""
    return digest(b"entries", *sorted(sha256(encode(entry)).digest() for entry in entries)).hex()


def balances_digest(balances: Iterable[Balance]) -> str:
    """64 hex digits that stand for all balances."""
    return digest(b"balances", *sorted(":".join(map(str, balance)).encode() for balance in balances)).hex()


def _line(balance: Balance) -> TrialLine:
    account = account_of(balance.account)
    return TrialLine(
        account=balance.account,
        name=account.name,
        kind=account.kind,
        currency=balance.currency,
        debit=from_micro(balance.debit_micro),
        credit=from_micro(balance.credit_micro),
        balance=from_micro(balance.balance_micro),
    )


def _total(currency: Currency, balances: Iterable[Balance]) -> TrialTotal:
    of_currency = [balance for balance in balances if balance.currency == currency]
    return TrialTotal(
        currency=currency,
        debit=from_micro(sum(balance.debit_micro for balance in of_currency)),
        credit=from_micro(sum(balance.credit_micro for balance in of_currency)),
    )
