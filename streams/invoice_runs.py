"""What an invoice run draws up, and what it leaves out and why: no mistake about one contract keeps the others' invoices back.

A session is left out where another one on the same EVSE shares time and values of the register with it, and came under another
name of the EVSE (the merge map). Under one name the steps see that as they conclude (`streams.meters`); two stations may be
processed apart, and only a run sees both. Neither is billed until one of them is dropped, or the site says that they are two
EVSEs; where one stands on an invoice, the other waits. Credits that outweigh all that a contract owes wait as well, for an
invoice that they can be taken off. What is left out is a finding of the session, which says of which run.
"""

import calendar
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from streams import plan_months
from streams.catalogue import Catalogue
from streams.log import Log
from streams.meters import Span, counts_the_same, shares
from streams.mistakes import MISTAKES, told
from streams.row_conclusions import Picked, demanded
from streams.states import Invoiced, SessionRow
from streams.unit import Billable, Unit, Verbs
from vocabulary.billing import Invoice, InvoiceIssued, InvoiceRunRequested
from vocabulary.identity import ContractId, SessionId
from vocabulary.money import Currency, plain
from vocabulary.reference import EvseName, names_of
from vocabulary.rules import tells_choices
from vocabulary.sessions import Finding, Progress, SessionFlagged, SessionRated
from vocabulary.signatures import SignatureChecked

_PAGE = 1000  # sessions whose conclusions are read at once
Draw = Callable[[Sequence[Billable], Sequence[ContractId]], tuple[Invoice, ...]]  # and the fees of these subscribers


class Run(NamedTuple):
    """`rows`: of the sessions that are on the invoices, as they are then."""

    invoices: tuple[Invoice, ...]
    left_out: tuple[SessionFlagged, ...]
    rows: dict[SessionId, SessionRow]


def drawn_up(request: InvoiceRunRequested, unit: Unit, verbs: Verbs, catalogue: Catalogue) -> Run:
    """The invoices of a run, numbered in the order of drawing up; the counter moves in the same transaction as the invoices, so
    without a gap.
    """
    due = {row.session: row for row in unit.states.billable(last_day(request.month), request.contracts)}
    counter = f"counter:invoice:{verbs.series(request, catalogue)}"
    last = int(unit.states.load([counter]).get(counter, b"0"))
    found = [*billables(unit.log, [*due.values()])]
    doubted = sharing([each.rated for each in found], _beside(unit, found, catalogue), catalogue)

    before = plan_months.loaded(request, due.values(), unit, catalogue, billables)

    def draw(each: Sequence[Billable], subscribers: Sequence[ContractId]) -> tuple[Invoice, ...]:
        return verbs.draw_up(request, each, catalogue, last + 1, before.plans._replace(subscribers=tuple(subscribers)))

    sound = [each for each in found if each.rated.session not in doubted]
    invoices, failed = _posted(sound, before.plans.subscribers, draw, verbs)
    invoiced = [Invoiced(session.session, invoice.number) for invoice in invoices for session in invoice.sessions]
    unit.states.mark_invoiced(invoiced)
    unit.states.save({counter: str(last + len(invoices)).encode()} | plan_months.changed(invoices, before, due))
    rows = {s: due[s]._replace(progress=Progress.INVOICED, invoice=number) for s, number in invoiced}
    waiting = _waiting(sound, {session for session, _ in invoiced} | {*failed}) if tells_choices(catalogue.rules) else {}
    aside = (
        *left_out(request, doubted),
        *left_out(request, failed, Finding.STEPS_FAIL),
        *left_out(request, waiting, Finding.CREDIT_WAITS),
    )
    return Run(invoices, aside, rows)


def left_out(
    request: InvoiceRunRequested, doubted: dict[SessionId, str], finding: Finding = Finding.OVERLAPS
) -> tuple[SessionFlagged, ...]:
    """Of each run anew: it is to be told each time."""
    of = f"left out of the run of {request.requested_at.isoformat()}"
    return tuple(SessionFlagged(session=s, finding=finding, detail=f"{detail}; {of}") for s, detail in doubted.items())


def _waiting(sound: Sequence[Billable], settled: set[SessionId]) -> dict[SessionId, str]:
    """The sessions of contracts to which more is owed than they owe, which their plans may make less: there is no invoice below
    zero, and nothing is lost.
    """
    by_document: dict[tuple[ContractId | None, Currency], list[SessionRated]] = {}
    for each in sound:
        if each.rated.session not in settled:
            by_document.setdefault((each.rated.contract, each.rated.rated.currency), []).append(each.rated)
    found: dict[SessionId, str] = {}
    for (contract, currency), group in by_document.items():
        total = sum((rated.rated.total for rated in group), Decimal(0))
        credit = sum((rated.rated.total for rated in group if rated.rated.total < 0), Decimal(0))
        told = f"{plain(-total)} {currency} owed to contract {contract} in all"
        if credit < 0 <= total:
            told = f"{plain(-credit)} {currency} owed to contract {contract}, whose plan leaves nothing to take it off"
        found |= {rated.session: told for rated in group} if credit < 0 else {}
    return found


def _posted(
    found: Sequence[Billable], subscribers: Sequence[ContractId], draw: Draw, verbs: Verbs
) -> tuple[tuple[Invoice, ...], dict[SessionId, str]]:
    """The invoices that can be drawn up and posted; and the sessions of those that cannot, with the mistake."""
    if not isinstance(all_of_them := _tried(found, subscribers, draw, verbs), str):
        return all_of_them, {}
    failed, sound, sound_subscribers = dict[SessionId, str](), list[Billable](), list[ContractId]()
    groups: dict[ContractId | None, list[Billable]] = {contract: [] for contract in subscribers}
    for billable in found:
        groups.setdefault(billable.rated.contract, []).append(billable)
    known = {*subscribers}
    for contract, of_it in groups.items():
        subscriber = [contract] if contract is not None and contract in known else []
        for _, each in groupby(of_it, key=lambda billable: billable.rated.rated.currency):
            group = [*each]
            if isinstance(tried := _tried(group, subscriber, draw, verbs), str):
                failed |= {billable.rated.session: tried for billable in group}
            else:
                sound += group
        if not isinstance(_tried([], subscriber, draw, verbs), str):
            sound_subscribers += subscriber
    return draw(sound, sound_subscribers), failed


def _tried(found: Sequence[Billable], subscribers: Sequence[ContractId], draw: Draw, verbs: Verbs) -> tuple[Invoice, ...] | str:
    """The invoices, where all of them can be posted; else the mistake."""
    try:
        invoices = draw(found, subscribers)
        for invoice in invoices:
            verbs.post(InvoiceIssued(invoice=invoice))
    except MISTAKES as error:
        return told(error)
    return invoices


def sharing(due: Sequence[SessionRated], beside: Sequence[SessionRated], catalogue: Catalogue) -> dict[SessionId, str]:
    """Those that are due and share time and register values with another charge of the same EVSE under another name."""
    found = dict[SessionId, str]()
    for one in due:
        if not _names(one, catalogue):
            continue
        for other in beside:
            if _are_of_one_evse(one, other, catalogue) and counts_the_same(_span(one), _span(other)):
                found[one.session] = shares(_span(one), _span(other))
                break
    return found


def _are_of_one_evse(one: SessionRated, other: SessionRated, catalogue: Catalogue) -> bool:
    """By what the site says now: a merge map that was wrong is corrected there."""
    if one.evse_id != other.evse_id or one.station == other.station:
        return False
    return other.station in {name.station for name in _names(one, catalogue)}


def _names(rated: SessionRated, catalogue: Catalogue) -> tuple[EvseName, ...]:
    """Of an EVSE that several stations tell of; else none."""
    evses = (plug.evse for plug in catalogue.plugs(rated.station, rated.start) if plug.evse.evse_id == rated.evse_id)
    names = next((names_of(evse) for evse in evses), ())
    return tuple(names) if len({name.station for name in names}) > 1 else ()


def _span(rated: SessionRated) -> Span:
    return Span(rated.session, rated.start, rated.begin_wh, rated.end, rated.end_wh)


def _beside(unit: Unit, found: Sequence[Billable], catalogue: Catalogue) -> list[SessionRated]:
    """The charges that are billed, or will be, of the EVSEs that have several names."""
    names = dict.fromkeys(name for each in found for name in _names(each.rated, catalogue))
    numberless = (EvseName(station=name.station, number=0) for name in names)
    rows = unit.states.closed_on([*dict.fromkeys([*names, *numberless])]) if names else []
    billed = [row for row in rows if row.progress in (Progress.RATED, Progress.INVOICED)]
    return [demanded(picked, row, SessionRated) for page, picked in _pages(unit.log, billed) for row in page]


def billables(log: Log, rows: Sequence[SessionRow]) -> Iterator[Billable]:
    """What was concluded of each, read page by page: one by one, the database's answers took most of a run's time."""
    for page, found in _pages(log, rows):
        yield from (Billable(demanded(found, row, SessionRated), demanded(found, row, SignatureChecked)) for row in page)


def _pages(log: Log, rows: Sequence[SessionRow]) -> Iterator[tuple[Sequence[SessionRow], Picked]]:
    for start in range(0, len(rows), _PAGE):
        page = rows[start : start + _PAGE]
        yield page, Picked(log, page)


def last_day(month: str) -> date:
    year, number = (int(part) for part in month.split("-"))
    return date(year, number, calendar.monthrange(year, number)[1])
