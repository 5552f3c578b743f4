"""The part of an invoice that plans make: of each month that it touches, the lines that its sessions and days change.

What a month came to is worked out anew over all of its sessions, those on earlier invoices and those on this one; the invoice
bears the difference. So it does not matter how late a session is, nor by how many invoices a month is billed.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from invoicing.localise import Language
from invoicing.plan import apply
from invoicing.plan_terms import month_of, settled
from invoicing.plan_words import reason
from vocabulary.billing import PlanCharge
from vocabulary.identity import ContractId
from vocabulary.money import Currency
from vocabulary.plan import PlanLine, Term, Used

Month = str  # "2026-10"


class PlanMonth(NamedTuple):
    """What a contract has agreed on for a month in a currency; its sessions and lines that earlier invoices hold."""

    terms: tuple[Term, ...] = ()
    used: tuple[Used, ...] = ()
    lines: tuple[PlanLine, ...] = ()


class Subscriptions(NamedTuple):
    """`subscribers`: contracts with a plan in the month of the run, which owe its fee even without a session."""

    subscribers: tuple[ContractId, ...] = ()
    month_of: Callable[[ContractId, Currency, Month], PlanMonth] = lambda *_: PlanMonth()


NO_PLANS = Subscriptions()


def plan_charges(
    contract: ContractId,
    currency: Currency,
    month: Month,
    used: Sequence[Used],
    home: str,
    subscriptions: Subscriptions,
    tongue: Language,
) -> tuple[PlanCharge, ...]:
    """What plans charge on the invoice of a contract in a currency: of the month of the run, and of earlier ones of which a
    session comes now.
    """
    months = sorted({month_of(one.day) for one in used} | {month})
    return tuple(
        charge
        for each in months
        if (known := subscriptions.month_of(contract, currency, each)).terms or known.lines
        for charge in _of_month(known, [one for one in used if month_of(one.day) == each], home, tongue)
    )


def _of_month(known: PlanMonth, used: Iterable[Used], home: str, tongue: Language) -> tuple[PlanCharge, ...]:
    now = [line for term in known.terms for line in apply(term, [*known.used, *used], home)]
    plans = {term.version: term.plan for term in known.terms}
    return settled(now, known.lines, lambda line: reason(plans.get(line.version), line, tongue))


def gross_of(charges: Iterable[PlanCharge]) -> Decimal:
    return sum((charge.gross for charge in charges), Decimal(0))
