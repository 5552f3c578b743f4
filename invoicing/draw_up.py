"""Draw up invoices: rated sessions of a month in, documents out.

One invoice per contract and currency, contracts in the order of their id, sessions in the order of their start. On it comes
what was rated for the contract, is not held back, and ended by the site's calendar in the month that is asked for or before
it, and not after the date of issue: earlier sessions that came late, or were released, are caught up with.

Where all that a contract has is free of charge, it gets no invoice: one over 0.00 costs a number and a booking, and demands
nothing. Its sessions are not lost; they stay not invoiced, and stand on the first invoice that owes something.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from msgspec import Struct

from invoicing import gate, numbering
from invoicing.amounts import charges, vat_total
from vocabulary.billing import Invoice, InvoicedSession, InvoiceLine, InvoiceRunRequested, VatTotal
from vocabulary.identity import ContractId, InvoiceNumber, VersionHash
from vocabulary.money import Currency
from vocabulary.rated import RatedLine
from vocabulary.reference import Contract, Operator
from vocabulary.sessions import SessionRated, SignatureChecked

ReasonOf = Callable[[RatedLine, VersionHash, str, str], str]
"""When the price of a line applies, by its tariff version, in a language (a contract's tag); empty: always.

The last argument is the site's time zone where the reader has to be told it, else empty.
"""


class Billable(Struct, frozen=True, kw_only=True):
    """A session that no invoice holds yet, with the verdict on its signed values."""

    rated: SessionRated
    signature: SignatureChecked | None = None


def draw_up(
    request: InvoiceRunRequested,
    billables: Sequence[Billable],
    contracts: Callable[[ContractId], Contract],
    operator: Operator,
    next_number: int,
    reason_of: ReasonOf,
) -> tuple[Invoice, ...]:
    """The invoices of a run, numbered from `next_number` on in the series of their date, without a gap."""
    series = numbering.series(operator, request.issued_on)
    groups = [group for group in _groups(billables, _last_day(request)) if any(item.rated.rated.total for item in group)]
    return tuple(
        _invoice(numbering.number(series, running), request, group, contracts, operator, reason_of)
        for running, group in enumerate(groups, start=next_number)
    )


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
    number: InvoiceNumber,
    request: InvoiceRunRequested,
    group: Sequence[Billable],
    contracts: Callable[[ContractId], Contract],
    operator: Operator,
    reason_of: ReasonOf,
) -> Invoice:
    contract_id, currency = _document(group[0])
    contract, vat = contracts(contract_id), _vat_totals([item.rated for item in group], currency, operator.address.country)
    moments = [(at, item.rated.time_zone) for item in group for at in (item.rated.start, item.rated.end)]
    days = [gate.local_date(at, time_zone) for at, time_zone in moments]
    has_one_clock = gate.is_one_clock([time_zone for _, time_zone in moments], [at for at, _ in moments])

    def reason(line: RatedLine, rated: SessionRated) -> str:
        return reason_of(line, rated.tariff_version, contract.language, "" if has_one_clock else rated.time_zone)

    return gate.demand(
        Invoice(
            number=number,
            contract=contract_id,
            buyer=contract.holder,
            seller=operator,
            language=contract.language,
            currency=currency,
            month=request.month,
            issued_on=request.issued_on,
            due_on=request.issued_on + timedelta(days=operator.payment_days),
            period_start=min(days),
            period_end=max(days),
            sessions=tuple(_session(item, reason) for item in group),
            vat=vat,
            net=_add(part.net for part in vat),
            tax=_add(part.vat for part in vat),
            total=_add(part.gross for part in vat),
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
        signature=item.signature,
        rounding=rated.rated.rounding,
    )


def _vat_totals(rated: Iterable[SessionRated], currency: Currency, home: str) -> tuple[VatTotal, ...]:
    """The breakdown of a document: one part per country and rate.

    The seller's country comes first, the others by their code; in each the highest rate first, what bears no VAT last.
    """
    gross: dict[tuple[str, Decimal | None], Decimal] = {}
    for key, amount in (((one.vat.country, owed.vat_percent), owed.gross) for one in rated for owed in one.rated.owed):
        gross[key] = gross.get(key, Decimal(0)) + amount

    def place(country: str, rate: Decimal | None) -> tuple[bool, str, bool, Decimal]:
        return country != home, country, rate is None, -(rate or Decimal(0))

    return tuple(vat_total(*key, gross[key], currency) for key in sorted(gross, key=lambda key: place(*key)))


def _add(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
