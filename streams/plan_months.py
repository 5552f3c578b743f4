"""What invoices hold of the plans of contracts: a state per contract, currency and month, moved by the run that issues them.

A plan's lines of a month are worked out anew whenever a session of that month is drawn up, over all of its sessions: so a run
needs those that stand on invoices already, and which lines these bear. A contract that never had a plan has no such state.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Struct

from streams.catalogue import Catalogue
from streams.log import Log
from streams.states import SessionRow
from streams.unit import Billable, Earlier, MonthKey, Plans, Unit
from vocabulary.billing import ContractRange, Invoice, InvoiceRunRequested
from vocabulary.identity import ContractId, SessionId
from vocabulary.money import Currency
from vocabulary.plan import PlanLine, lines_after


class InvoicedMonth(Struct, frozen=True, kw_only=True):
    sessions: tuple[SessionId, ...] = ()
    lines: tuple[PlanLine, ...] = ()  # by all of these sessions


ReadRated = Callable[[Log, Sequence[SessionRow]], Iterable[Billable]]
"""What was concluded of each of these sessions, in their order."""

_ENCODER = msgspec.json.Encoder(decimal_format="string")
_DECODER = msgspec.json.Decoder(InvoicedMonth)


class PlanStates(NamedTuple):
    """The months that a run may touch, as the runs before left them."""

    plans: Plans
    months: Mapping[MonthKey, InvoicedMonth]


def has_plan(catalogue: Catalogue, contract: ContractId) -> bool:
    """Whether any version of the contract names one."""
    versions = catalogue.contracts.get(contract)
    return versions is not None and any(each.plan is not UNSET for each in versions.values)


def loaded(
    request: InvoiceRunRequested, due: Iterable[SessionRow], unit: Unit, catalogue: Catalogue, read: ReadRated
) -> PlanStates:
    subscribers = tuple(_subscribers(request, catalogue)) if catalogue.plans else ()
    if not subscribers:
        return PlanStates(Plans(), {})
    wanted = {*_months_due(due, {*subscribers})} | {
        (contract, plan.currency, request.month)
        for contract in subscribers
        for versions in catalogue.plans.values()
        for plan in versions.values
    }
    keys = {_key(*month): month for month in sorted(wanted)}
    found = unit.states.load([*keys])
    months = {keys[key]: _DECODER.decode(body) for key, body in found.items()}
    return PlanStates(Plans(subscribers, {key: _earlier(month, unit, read) for key, month in months.items()}), months)


def _earlier(month: InvoicedMonth, unit: Unit, read: ReadRated) -> Earlier:
    rows = unit.states.rows(month.sessions)
    return Earlier(tuple(each.rated for each in read(unit.log, [rows[session] for session in month.sessions])), month.lines)


def changed(invoices: Iterable[Invoice], before: PlanStates, due: Mapping[SessionId, SessionRow]) -> dict[str, bytes]:
    """The states after these invoices, as they are stored."""
    months = dict[MonthKey, InvoicedMonth](before.months)
    touched = dict[MonthKey, None]()
    for invoice in invoices:
        if invoice.contract in before.plans.subscribers:
            for key, month in _of_invoice(invoice, months, due):
                months[key], touched[key] = month, None
    return {_key(*key): _ENCODER.encode(months[key]) for key in touched}


def _of_invoice(
    invoice: Invoice, months: Mapping[MonthKey, InvoicedMonth], due: Mapping[SessionId, SessionRow]
) -> Iterator[tuple[MonthKey, InvoicedMonth]]:
    by_session = {session.session: _month(due[session.session].ended_on) for session in invoice.sessions}
    by_line = [(_month(charge.line.first), charge.line) for charge in invoice.plan]
    for month in sorted({*by_session.values(), *(month for month, _ in by_line)}):
        key = invoice.contract, invoice.currency, month
        known = months.get(key, InvoicedMonth())
        yield (
            key,
            InvoicedMonth(
                sessions=(*known.sessions, *(session for session, its in by_session.items() if its == month)),
                lines=lines_after(known.lines, [line for its, line in by_line if its == month]),
            ),
        )


def _subscribers(request: InvoiceRunRequested, catalogue: Catalogue) -> Iterator[ContractId]:
    asked = request.contracts or ContractRange()
    for contract in sorted(catalogue.contracts):
        is_after = asked.after is None or contract > asked.after
        if is_after and (asked.until is None or contract <= asked.until) and has_plan(catalogue, contract):
            yield contract


def _months_due(due: Iterable[SessionRow], subscribers: set[ContractId]) -> Iterator[MonthKey]:
    for row in due:
        if row.contract is not None and row.contract in subscribers:
            assert row.currency is not None
            yield row.contract, Currency(row.currency), _month(row.ended_on)


def _month(day: date | None) -> str:
    assert day is not None, "what was rated has ended"
    return f"{day:%Y-%m}"


def _key(contract: ContractId, currency: Currency, month: str) -> str:
    return f"plan:{contract}:{currency}:{month}"
