"""How events become journal entries. This is the page for accountants.

`+` is a debit, `-` a credit. Sessions are posted exactly, to the millionth of a currency unit; documents in whole minor
units. What lies between the two is a posting of its own (7100), bounded by what rounding can account for.

    a session is rated      + 1105 unbilled receivable    gross, of the contract or the roaming partner
                            - 40x0 revenue                net, by what was sold and the country; a maximum price is a debit
                            - 2210 VAT accrued            by country and rate
                            + 5010 energy fed back        net, by country: a credit of the tariff, with VAT as it says
    ... but is in doubt     + 1105 unbilled receivable    gross
                            - 2500 held revenue           gross, by reason: neither revenue nor VAT until it is resolved
    a charge is reversed    the same postings with the other sign, in effect when what it takes back was
    an invoice is issued    + 1100 driver receivable      the document's total
                            - 1105 unbilled receivable    what its sessions were posted with
                            + 2210 VAT accrued            what its sessions were posted with
                            - 2200 VAT payable            by country and rate, as on the document
                            - 4070 subscriptions          fee of a plan, net, by country
                            + 4080 rebates of plans       what a plan takes off, net, by country
                            ± 7100 rounding differences   what is left

A session takes effect when it ends, an invoice at midnight UTC of its date. Whatever is rated again is an entry of its own: it
takes effect when the session ends by what is known then, and the reversal before it when that one did, so that no day keeps
the one without the other. When either was booked stands beside it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from ledger import chart
from ledger.chart import PostingError
from ledger.journal import entry, minor_unit_micro, reverse
from vocabulary.billing import Entry, Invoice, InvoicedSession, InvoiceIssued, PlanCharge, Posting
from vocabulary.codec import Event
from vocabulary.money import to_micro
from vocabulary.rated import RatedLine, exact_net, exact_vat
from vocabulary.sessions import ChargeReversed, Finding, SessionRated

PER_LINE, ON_NET = "per line, on gross", "per session and VAT rate, on net"  # how `Rated.rounding` ends
SESSION_RATED = "session_rated"
INVOICE_ISSUED = "invoice_issued"


def post(event: Event) -> tuple[Entry, ...]:
    """The entries that an event makes; most events make none."""
    match event:
        case SessionRated(held=None):
            earned = _earned(event.rated.lines, event.vat.country)
            return (_session_entry(event, [*earned.revenue, *earned.vat]),)
        case SessionRated(held=Finding() as reason):
            earned = _earned(event.rated.lines, event.vat.country)
            return (_session_entry(event, [_credit(chart.held_revenue(reason), earned.gross_micro)]),)
        case ChargeReversed(rated=rated):
            return tuple(reverse(taken_back) for taken_back in post(rated))
        case InvoiceIssued(invoice=invoice):
            return (_invoice_entry(invoice),)
        case _:
            return ()


def _session_entry(event: SessionRated, credit_side: list[Posting]) -> Entry:
    receivable = _debit(chart.unbilled(event.contract, event.partner), -_sum(credit_side))
    postings = [receivable, *credit_side]
    return entry(SESSION_RATED, event.session, event.end, event.rated.currency, postings, event.revision + 1)


def _invoice_entry(invoice: Invoice) -> Entry:
    earned = [_earned(_rated_lines(session), session.vat_country) for session in invoice.sessions]
    _check_vat(invoice)
    exact = [
        _debit(chart.driver_receivable(invoice.contract), to_micro(invoice.total)),
        _credit(chart.unbilled(invoice.contract, None), sum(session.gross_micro for session in earned)),
        *[_debit(accrued.account, -accrued.amount_micro) for session in earned for accrued in session.vat],
        *[
            _credit(chart.vat_payable(group.country, group.vat_percent), to_micro(group.vat))
            for group in invoice.vat
            if group.vat_percent
        ],
        *[_credit(chart.plan_revenue(charge.line), to_micro(_net(charge))) for charge in invoice.plan],
    ]
    residue = _debit(chart.rounding_differences("invoice"), -_sum(exact))
    _check_residue(invoice, residue.amount_micro)
    issued_at = datetime.combine(invoice.issued_on, time(), UTC)
    return entry(INVOICE_ISSUED, invoice.number, issued_at, invoice.currency, [*exact, residue])


def _net(charge: PlanCharge) -> Fraction:
    """A plan is charged on documents alone, in whole minor units with VAT: what that is net is exact but for millionths."""
    return Fraction(charge.gross) / (1 + Fraction(charge.line.vat_percent or 0) / 100)


class _Earned(NamedTuple):
    """What one session earns, as credits."""

    revenue: list[Posting]
    vat: list[Posting]

    @property
    def gross_micro(self) -> int:
        return -_sum(self.revenue) - _sum(self.vat)


def _earned(lines: Iterable[RatedLine], country: str) -> _Earned:
    """The one function that turns rated lines into amounts: what it credits for a session, the invoice takes back exactly."""
    revenue, vat_by_rate = [], dict[Decimal, Fraction]()
    for line in lines:
        revenue.append(_credit(chart.revenue(line, country), to_micro(exact_net(line))))
        if line.vat_percent:
            vat_by_rate[line.vat_percent] = vat_by_rate.get(line.vat_percent, Fraction(0)) + exact_vat(line)
    vat = [_credit(chart.vat_accrued(country, percent), to_micro(amount)) for percent, amount in vat_by_rate.items()]
    return _Earned(revenue, vat)


def _check_vat(invoice: Invoice) -> None:
    """VAT is owed only where, and at the rate at which, a session or a plan of the document bears it."""
    borne = {(session.vat_country, line.vat_percent) for session in invoice.sessions for line in _rated_lines(session)}
    borne |= {(charge.line.country, charge.line.vat_percent) for charge in invoice.plan}
    if not borne >= {(group.country, group.vat_percent) for group in invoice.vat}:
        raise PostingError(f"invoice {invoice.number}: VAT of a country and at a rate that none of its sessions and plans has")


def _check_residue(invoice: Invoice, residue_micro: int) -> None:
    """Rounding moves each session by half a minor unit each time it is done, and the document's net by as much per country and
    rate.

    The exact amounts are themselves nearest millionths: half of one per line. A limit that is published before and after
    taxes has both in whole minor units, so its tax may be a whole one away from that of its rate (`streams.bearable`).
    """
    rounded = len(invoice.vat) + sum(map(_rounded, invoice.sessions))
    lines = sum(len(session.lines) for session in invoice.sessions) + len(invoice.plan)
    bound_micro = (minor_unit_micro(invoice.currency) * rounded + lines + 1) // 2
    if abs(residue_micro) > bound_micro:
        raise PostingError(f"invoice {invoice.number}: {residue_micro} millionths are left, rounding explains {bound_micro}")


def _rounded(session: InvoicedSession) -> int:
    """How many roundings a session may have: one per rate, and two more where a limit was said twice; by other policies of
    rounding than the house's one per line, or per rate one of the net, what VAT makes of that, and one of the VAT.
    """
    lines = _rated_lines(session)
    rates = {line.vat_percent or Decimal(0) for line in lines}
    limited = {line.vat_percent for line in lines if line.limit is not None}
    if session.rounding.endswith(PER_LINE):
        return len(lines) + 2 * len(limited)
    each = (2 + ceil(rate / 100) for rate in rates) if session.rounding.endswith(ON_NET) else (1 for _ in rates)
    return sum(each) + 2 * len(limited)


def _rated_lines(session: InvoicedSession) -> list[RatedLine]:
    return [line.rated for line in session.lines]


def _debit(account: str, amount_micro: int) -> Posting:
    return Posting(account=account, amount_micro=amount_micro)


def _credit(account: str, amount_micro: int) -> Posting:
    return Posting(account=account, amount_micro=-amount_micro)


def _sum(postings: Iterable[Posting]) -> int:
    return sum(posting.amount_micro for posting in postings)
