"""The exact gate: what must hold of an invoice before it is issued, and again before it is rendered.

The rules of EN 16931 accept VAT that is wrong by 0.99 and lines that do not add up (schematrons compare with a tolerance),
so ours are exact to the minor unit. An objection here is a mistake of ours, not of the input: `demand` crashes.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal

from invoicing.amounts import vat_total
from vocabulary.billing import Invoice, InvoicedSession, PlanCharge, VatTotal
from vocabulary.money import Currency, minor_exponent
from vocabulary.zones import zone

_TOTAL_MAX = Decimal(10) ** 12  # beyond it, official validators add up in floats and disagree with themselves


def demand(invoice: Invoice) -> Invoice:
    """The same invoice, which is sound; else a crash that names every objection."""
    found = list(objections(invoice))
    assert not found, f"invoice {invoice.number}: {'; '.join(found)}"
    return invoice


def objections(invoice: Invoice) -> Iterator[str]:
    """What is wrong with an invoice, in sentences."""
    yield from _about_amounts(invoice)
    yield from _about_vat(invoice)
    yield from _about_dates(invoice)
    if len({session.session for session in invoice.sessions}) < len(invoice.sessions):
        yield "a session stands on it twice"
    if not invoice.sessions and not invoice.plan:
        yield "it has no session"


def _about_amounts(invoice: Invoice) -> Iterator[str]:
    if any(not _is_whole(amount, invoice.currency) for amount in _amounts(invoice)):
        yield "an amount has parts of a minor unit"
    if any(_add(line.gross for line in session.lines) != session.gross for session in invoice.sessions):
        yield "the lines of a session do not add up to it"
    if any(charge.line.gross - charge.before != charge.gross for charge in invoice.plan):
        yield "a line of a plan is not what its month comes to less what was invoiced before"
    charged = (*(session.gross for session in invoice.sessions), *(charge.gross for charge in invoice.plan))
    if _add(charged) != invoice.total:
        yield "the sessions do not add up to the total"
    if not 0 < invoice.total < _TOTAL_MAX:
        yield f"the total is not between 0 and {_TOTAL_MAX}"


def _about_vat(invoice: Invoice) -> Iterator[str]:
    if len({(part.country, part.vat_percent) for part in invoice.vat}) < len(invoice.vat):
        yield "a VAT rate of a country stands twice in the breakdown"
    for part in invoice.vat:
        if part != vat_total(part.country, part.vat_percent, part.gross, invoice.currency):
            yield f"VAT at {part.vat_percent} percent of {part.country} is not what is contained in {part.gross}"
        if _add(_at_rate(invoice, part)) != part.gross:
            yield f"the lines at {part.vat_percent} percent of {part.country} do not add up to {part.gross}"
    if _add(part.net for part in invoice.vat) != invoice.net or _add(part.vat for part in invoice.vat) != invoice.tax:
        yield "the VAT breakdown does not add up to the totals"
    if invoice.net + invoice.tax != invoice.total:
        yield "net and VAT are not the total"


def _at_rate(invoice: Invoice, part: VatTotal) -> Iterator[Decimal]:
    local = (session.lines for session in invoice.sessions if session.vat_country == part.country)
    yield from (line.gross for lines in local for line in lines if line.rated.vat_percent == part.vat_percent)
    key = part.country, part.vat_percent
    yield from (charge.gross for charge in invoice.plan if (charge.line.country, charge.line.vat_percent) == key)


def _about_dates(invoice: Invoice) -> Iterator[str]:
    if not invoice.period_start <= invoice.period_end:
        yield "its period ends before it starts"
    if invoice.due_on < invoice.issued_on:
        yield "it is due before it is issued"
    days = days_of(invoice.sessions, invoice.plan)
    if days and (min(days), max(days)) != (invoice.period_start, invoice.period_end):
        yield "its period is not that of its sessions"


def days_of(sessions: Iterable[InvoicedSession], plan: Iterable[PlanCharge]) -> list[date]:
    """Local days on which the sessions of an invoice began and ended, and those on which the terms of its plans do."""
    of_sessions = [local_date(at, session.time_zone) for session in sessions for at in (session.start, session.end)]
    return [*of_sessions, *(day for charge in plan for day in (charge.line.first, charge.line.last))]


def local_date(at: datetime, time_zone: str) -> date:
    """The day that the calendar at the site showed."""
    return at.astimezone(zone(time_zone)).date()


def is_one_clock(time_zones: Collection[str], instants: Iterable[datetime]) -> bool:
    """Whether clocks in these zones show the same at each of these instants: a reader need not be told which one is meant."""
    zones = [zone(name) for name in {*time_zones}]
    return all(len({at.astimezone(there).utcoffset() for there in zones}) <= 1 for at in instants)


def _amounts(invoice: Invoice) -> Iterator[Decimal]:
    yield from (invoice.net, invoice.tax, invoice.total)
    for part in invoice.vat:
        yield from (part.net, part.vat, part.gross)
    for session in invoice.sessions:
        yield from (session.gross, *(line.gross for line in session.lines))
    for charge in invoice.plan:
        yield from (charge.gross, charge.before, charge.line.gross)


def _is_whole(amount: Decimal, currency: Currency) -> bool:
    minor = amount.scaleb(minor_exponent(currency))
    return minor == minor.to_integral_value()


def _add(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
