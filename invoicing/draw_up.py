"""Draw up invoices: rated sessions of a month in, documents out.

One invoice per contract and currency, contracts in the order of their id, sessions in the order of their start. On it comes
what was rated for the contract, is not held back, and ended by the site's calendar in the month that is asked for or before
it, and not after the date of issue: earlier sessions that came late, or were released, are caught up with.

A contract with a plan gets the lines of its plan as well (`invoicing.subscriptions`), and its fee without any session.

Where all that a contract has is free of charge, or its plan takes off as much, it gets no invoice: one over 0.00 costs a
number and a booking, and demands nothing. Nor where credits (of prices below zero) outweigh all else. Its sessions are not
lost; they stay not invoiced, and stand on the first invoice that owes something, from which the credits are taken off.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from msgspec import Struct, structs

from invoicing import gate, numbering
from invoicing.amounts import charges, vat_total
from invoicing.localise import language
from invoicing.plan_terms import used
from invoicing.subscriptions import NO_PLANS, Subscriptions, gross_of, plan_charges
from vocabulary.billing import Invoice, InvoicedSession, InvoiceLine, InvoiceRunRequested, PlanCharge, VatTotal
from vocabulary.identity import ContractId, InvoiceNumber, VersionHash
from vocabulary.money import Currency
from vocabulary.rated import HOUSE_ROUNDING, RatedLine
from vocabulary.reference import Contract, Operator
from vocabulary.sessions import SessionRated
from vocabulary.signatures import SignatureChecked
from vocabulary.tariff import EvseKind

ReasonOf = Callable[[RatedLine, VersionHash, str, str], str]
"""When the price of a line applies, by its tariff version, in a language (a contract's tag); empty: always.

The last argument is the site's time zone where the reader has to be told it, else empty.
"""


class Billable(Struct, frozen=True, kw_only=True):
    """A session that no invoice holds yet, with the verdict on its signed values."""

    rated: SessionRated
    signature: SignatureChecked | None = None
    evse_kind: EvseKind | None = None  # for plans; None: not known


class Draft(NamedTuple):
    """What becomes one invoice: of one contract, in one currency."""

    contract: Contract
    currency: Currency
    group: Sequence[Billable]
    plan: tuple[PlanCharge, ...]

    def owes(self) -> bool:
        """By more than 0: a plan may take off as much as the sessions cost, and credits may outweigh them."""
        return sum((item.rated.rated.total for item in self.group), gross_of(self.plan)) > 0


def draw_up(
    request: InvoiceRunRequested,
    billables: Sequence[Billable],
    contracts: Callable[[ContractId], Contract],
    operator: Operator,
    next_number: int,
    reason_of: ReasonOf,
    subscriptions: Subscriptions = NO_PLANS,
) -> tuple[Invoice, ...]:
    """The invoices of a run, numbered from `next_number` on in the series of their date, without a gap."""
    series = numbering.series(operator, request.issued_on)
    drafts = [
        _draft(key, group, request, contracts, operator, subscriptions)
        for key, group in _due(request, billables, operator, subscriptions)
    ]
    owing = [draft for draft in drafts if draft.owes()]
    return tuple(
        _invoice(numbering.number(series, running), request, draft, operator, reason_of)
        for running, draft in enumerate(owing, start=next_number)
    )


def _due(
    request: InvoiceRunRequested, billables: Sequence[Billable], operator: Operator, subscriptions: Subscriptions
) -> list[tuple[tuple[ContractId, Currency], list[Billable]]]:
    """What may become an invoice, in order: of contracts with sessions, and of those that have a plan and none."""
    groups = {_document(group[0]): group for group in _groups(billables, _last_day(request))}
    alone = {(contract, operator.currency): list[Billable]() for contract in subscriptions.subscribers}
    return sorted((alone | groups).items())


def _draft(
    key: tuple[ContractId, Currency],
    group: Sequence[Billable],
    request: InvoiceRunRequested,
    contracts: Callable[[ContractId], Contract],
    operator: Operator,
    subscriptions: Subscriptions,
) -> Draft:
    contract = contracts(key[0])
    uses = [used(item.rated, item.evse_kind) for item in group]
    plan = plan_charges(*key, request.month, uses, operator.address.country, subscriptions, language(contract.language))
    return Draft(contract, key[1], group, plan)


def _last_day(request: InvoiceRunRequested) -> date:
    """The last day on which a session may have ended: that of the month, or the date of issue where that is earlier."""
    year, month = (int(part) for part in request.month.split("-"))
    next_month = date(year + month // 12, month % 12 + 1, 1)
    return min(next_month - timedelta(days=1), request.issued_on)


def _groups(billables: Sequence[Billable], last_day: date) -> list[list[Billable]]:
    """What becomes one invoice each: the same contract, the same currency."""
    due = [item for item in billables if _is_due(item.rated, last_day)]
    due.sort(key=lambda item: (*_document(item), item.rated.start, item.rated.session))
    return [list(group) for _, group in groupby(due, key=_document)]


def _is_due(rated: SessionRated, last_day: date) -> bool:
    return rated.contract is not None and rated.held is None and rated.ended_on <= last_day


def _document(item: Billable) -> tuple[ContractId, Currency]:
    assert item.rated.contract is not None
    return item.rated.contract, item.rated.rated.currency


def _invoice(
    number: InvoiceNumber, request: InvoiceRunRequested, draft: Draft, operator: Operator, reason_of: ReasonOf
) -> Invoice:
    contract, currency, group, plan = draft
    vat = _vat_totals([item.rated for item in group], plan, currency, operator.address.country)
    moments = [(at, item.rated.time_zone) for item in group for at in (item.rated.start, item.rated.end)]
    has_one_clock = gate.is_one_clock([time_zone for _, time_zone in moments], [at for at, _ in moments])

    def reason(line: RatedLine, rated: SessionRated) -> str:
        return reason_of(line, rated.tariff_version, contract.language, "" if has_one_clock else rated.time_zone)

    sessions = tuple(_session(item, reason) for item in group)
    days = gate.days_of(sessions, plan)
    return gate.demand(
        Invoice(
            number=number,
            contract=contract.id,
            buyer=contract.holder,
            seller=operator,
            language=contract.language,
            currency=currency,
            month=request.month,
            issued_on=request.issued_on,
            due_on=request.issued_on + timedelta(days=operator.payment_days),
            period_start=min(days),
            period_end=max(days),
            sessions=sessions,
            vat=vat,
            net=_add(part.net for part in vat),
            tax=_add(part.vat for part in vat),
            total=_add(part.gross for part in vat),
            plan=plan,
        )
    )


def _session(item: Billable, reason: Callable[[RatedLine, SessionRated], str]) -> InvoicedSession:
    rated = item.rated
    return InvoicedSession(
        session=rated.session,
        site=rated.site,
        site_name=rated.site_name,
        evse_id=rated.evse_id,
        start=rated.start,
        end=rated.end,
        time_zone=rated.time_zone,
        energy_wh=rated.energy_wh,
        begin_wh=rated.begin_wh,
        end_wh=rated.end_wh,
        tariff=rated.tariff,
        tariff_version=rated.tariff_version,
        vat_country=rated.vat.country,
        lines=tuple(
            InvoiceLine(rated=line, gross=charge.gross, reason=reason(line, rated))
            for line, charge in zip(rated.rated.lines, charges(rated.rated), strict=True)
        ),
        gross=rated.rated.total,
        signature=None if item.signature is None else structs.replace(item.signature, records=()),  # they stand in the record
        unused=rated.unused,
        exported=rated.exported,
        rounding="" if rated.rated.rounding == HOUSE_ROUNDING else rated.rated.rounding,
    )


def _vat_totals(
    rated: Iterable[SessionRated], plan: Iterable[PlanCharge], currency: Currency, home: str
) -> tuple[VatTotal, ...]:
    """The breakdown of a document: one part per country and rate.

    The seller's country comes first, the others by their code; in each the highest rate first, what bears no VAT last.
    """
    gross: dict[tuple[str, Decimal | None], Decimal] = {}
    of_sessions = (((one.vat.country, owed.vat_percent), owed.gross) for one in rated for owed in one.rated.owed)
    of_plans = (((charge.line.country, charge.line.vat_percent), charge.gross) for charge in plan)
    for key, amount in (*of_sessions, *of_plans):
        gross[key] = gross.get(key, Decimal(0)) + amount

    def place(country: str, rate: Decimal | None) -> tuple[bool, str, bool, Decimal]:
        return country != home, country, rate is None, -(rate or Decimal(0))

    return tuple(vat_total(*key, gross[key], currency) for key in sorted(gross, key=lambda key: place(*key)))


def _add(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
