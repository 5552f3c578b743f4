"""The invariants of the books, each a function that reports what breaks it. `wattbook ledger check` runs them all.

Entries are read once, in order. A rule of `OF_EACH_ENTRY` sees an entry and what the books come to with it; a rule of
`OF_THE_WHOLE` sees the end: the head, the balances, and the turnover, which is summed anew from all postings. A rule yields
sentences; where they apply is what a finding adds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import Struct

from ledger.books import GENESIS, Balance, Booked, Booking, Books, Head, LedgerUnreadable, link_after
from ledger.chart import UnknownAccount, account_of
from ledger.journal import effect_id, minor_unit_micro
from vocabulary.billing import Entry
from vocabulary.money import Currency, from_micro, plain


class CheckFinding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A broken invariant, and where: at an entry, at an account, or (neither) in the books as a whole."""

    rule: str
    entry: int | None = None
    account: str | None = None
    detail: str


def check(books: Books) -> tuple[CheckFinding, ...]:
    """Everything that is wrong with the books: nothing, unless someone wrote to them past the ledger."""
    so_far, findings = SoFar(), list[CheckFinding]()
    try:
        for booked in books.entries():
            so_far.add(booked.entry)
            findings += [
                CheckFinding(rule=rule.__name__, entry=booked.number, detail=detail)
                for rule in OF_EACH_ENTRY
                for detail in rule(booked, so_far)
            ]
            so_far.head = Head(booked.number, booked.link)
    except LedgerUnreadable as error:
        return (*findings, CheckFinding(rule="entries_can_be_read", entry=error.number, detail=error.reason))
    end = End(so_far, books.head(), books.balances(), books.turnover())
    return (
        *findings,
        *[
            CheckFinding(rule=rule.__name__, account=account, detail=detail)
            for rule in OF_THE_WHOLE
            for account, detail in rule(end)
        ],
    )


Key = tuple[str, Currency]  # an account in a currency


class SoFar:
    """What the books come to with the entry under check; `head` is the entry before it."""

    def __init__(self) -> None:
        self.head = Head(0, GENESIS)
        self.sums_micro: dict[Key, list[int]] = defaultdict(lambda: [0, 0])  # debits, credits
        self.rounded_micro: dict[Key, int] = defaultdict(int)  # by unbilled receivable: what went to 7100
        self.rounded_micro_max: dict[Key, int] = defaultdict(int)  # and what may have gone there

    def add(self, entry: Entry) -> None:
        debtor = _debtor(entry)
        # A session rounds once per VAT rate, a document as often again; both have at least one posting for each rate.
        self.rounded_micro_max[debtor] += minor_unit_micro(entry.currency) * len(entry.postings) // 2
        for posting in entry.postings:
            self.sums_micro[posting.account, entry.currency][posting.amount_micro < 0] += abs(posting.amount_micro)
            if posting.account.startswith("7100:"):
                self.rounded_micro[debtor] += posting.amount_micro


class End(NamedTuple):
    """The books as a whole: what the entries come to, and what the store says beside them."""

    entries: SoFar
    head: Head
    balances: list[Balance]
    turnover: list[Balance]


def chain_is_continuous(booked: Booked, so_far: SoFar) -> Iterator[str]:
    if booked.number != so_far.head.number + 1:
        yield f"it follows entry {so_far.head.number}: what was between them is gone"
    elif booked.link != link_after(so_far.head, Booking(booked.entry, booked.cause, booked.recorded_at)):
        yield "its link is not what its content and the entry before it give"


def entry_is_named_by_its_effect(booked: Booked, _: SoFar) -> Iterator[str]:
    entry = booked.entry
    if entry.id != effect_id(entry.kind, entry.subject, entry.version):
        yield f"it is not the entry {entry.kind} of {entry.subject}, version {entry.version}, by its identity"


def entry_sums_to_zero(booked: Booked, _: SoFar) -> Iterator[str]:
    total_micro = sum(posting.amount_micro for posting in booked.entry.postings)
    if total_micro != 0:
        yield f"its postings sum to {_amount(total_micro, booked.entry.currency)}"


def accounts_are_in_the_chart(booked: Booked, _: SoFar) -> Iterator[str]:
    for posting in booked.entry.postings:
        try:
            account_of(posting.account)
        except UnknownAccount as error:
            yield str(error)


def legal_money_is_in_whole_minor_units(booked: Booked, _: SoFar) -> Iterator[str]:
    currency = booked.entry.currency
    for posting in booked.entry.postings:
        if posting.amount_micro % minor_unit_micro(currency) != 0 and _is_legal_money(posting.account):
            yield f"{posting.account}: {_amount(posting.amount_micro, currency)}"


def no_more_is_invoiced_than_was_delivered(booked: Booked, so_far: SoFar) -> Iterator[str]:
    if _moves(booked.entry, "1100:"):
        debtor = _debtor(booked.entry)
        debit_micro, credit_micro = so_far.sums_micro.get(debtor, (0, 0))
        if debit_micro < credit_micro:
            yield f"{debtor[0]} stands at {_amount(debit_micro - credit_micro, debtor[1])} after it"


def rounding_is_explained(booked: Booked, so_far: SoFar) -> Iterator[str]:
    debtor = _debtor(booked.entry)
    rounded_micro, max_micro = so_far.rounded_micro.get(debtor, 0), so_far.rounded_micro_max[debtor]
    if abs(rounded_micro) > max_micro and _moves(booked.entry, "7100:"):
        yield f"{_amount(rounded_micro, debtor[1])} of {debtor[0]} are rounding, and {_amount(max_micro, debtor[1])} can be"


OF_EACH_ENTRY: list[Callable[[Booked, SoFar], Iterator[str]]] = [
    chain_is_continuous,
    entry_is_named_by_its_effect,
    entry_sums_to_zero,
    accounts_are_in_the_chart,
    legal_money_is_in_whole_minor_units,
    no_more_is_invoiced_than_was_delivered,
    rounding_is_explained,
]

Where = tuple[str | None, str]  # the account, or None for the whole; what is wrong


def head_is_the_last_entry(end: End) -> Iterator[Where]:
    if end.head != end.entries.head:
        yield None, f"the chain was {end.head.number} entries long, and the last one found is entry {end.entries.head.number}"


def books_sum_to_zero(end: End) -> Iterator[Where]:
    totals_micro: dict[Currency, int] = defaultdict(int)
    for balance in end.balances:
        totals_micro[balance.currency] += balance.balance_micro
    for currency, total_micro in sorted(totals_micro.items()):
        if total_micro != 0:
            yield None, f"the balances sum to {_amount(total_micro, currency)}"


def balances_are_sums_of_debits_and_credits(end: End) -> Iterator[Where]:
    for balance in end.balances:
        if balance.debit_micro < 0 or balance.credit_micro < 0:
            yield balance.account, f"{_sums(balance)}: a sum of one side is never negative"


def balances_are_sums_of_postings(end: End) -> Iterator[Where]:
    yield from _differences("its balance is", end.balances, "its postings sum to", end.turnover)


def postings_belong_to_entries(end: End) -> Iterator[Where]:
    of_entries = [Balance(*key, *sums) for key, sums in end.entries.sums_micro.items()]
    yield from _differences("its postings sum to", end.turnover, "those of entries to", of_entries)


OF_THE_WHOLE: list[Callable[[End], Iterator[Where]]] = [
    head_is_the_last_entry,
    books_sum_to_zero,
    balances_are_sums_of_debits_and_credits,
    balances_are_sums_of_postings,
    postings_belong_to_entries,
]

CHECKS = [*OF_EACH_ENTRY, *OF_THE_WHOLE]


def _debtor(entry: Entry) -> Key:
    """Whose unbilled receivable an entry moves; no one's, where all was free of charge."""
    return next((posting.account for posting in entry.postings if posting.account.startswith("1105:")), ""), entry.currency


def _moves(entry: Entry, code: str) -> bool:
    return any(posting.account.startswith(code) for posting in entry.postings)


def _is_legal_money(account: str) -> bool:
    try:
        return account_of(account).whole_minor_units
    except UnknownAccount:
        return False  # which is a finding of its own


def _differences(one_is: str, one: list[Balance], other_is: str, other: list[Balance]) -> Iterator[Where]:
    ones, others = ({(balance.account, balance.currency): balance for balance in side} for side in (one, other))
    for account, currency in sorted(ones.keys() | others.keys()):
        nothing = Balance(account, currency, 0, 0)
        left, right = ones.get((account, currency), nothing), others.get((account, currency), nothing)
        if left != right:
            yield account, f"{one_is} {_sums(left)}, {other_is} {_sums(right)}"


def _sums(balance: Balance) -> str:
    debit, credit = (plain(from_micro(sum_micro)) for sum_micro in (balance.debit_micro, balance.credit_micro))
    return f"debit {debit} credit {credit} {balance.currency}"


def _amount(amount_micro: int, currency: Currency) -> str:
    return f"{plain(from_micro(amount_micro))} {currency}"
