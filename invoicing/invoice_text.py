"""An invoice as plain text, 80 columns wide: for terminals, and for reviews of what a change does to a document."""

from collections.abc import Iterable, Iterator
from textwrap import wrap

from invoicing.page import NOTHING, Page, ShownLine, ShownMeter, ShownPlan, ShownSession, ShownVat
from invoicing.presentation import present
from invoicing.visible import visible
from vocabulary.billing import Invoice
from vocabulary.reference import Party

WIDTH = 80
_RULE = "-" * WIDTH


def invoice_text(invoice: Invoice, buyer: Party) -> str:
    """The invoice in its language; every line ends with a line feed and has no space before it."""
    page = present(invoice, buyer)
    return "".join(f"{visible(line).rstrip()}\n" for line in _lines(page))


def _lines(page: Page) -> Iterator[str]:
    text = page.language.text
    yield from (" · ".join(page.return_address), "", *page.buyer, "", page.title, "=" * len(page.title), "")
    yield from _facts((*page.facts, *page.due))
    yield from ("", page.summary, "")
    amount = f"{page.currency} {text('incl. VAT')}"
    yield _columns(text("Charging session"), text("Quantity"), page.prices, text("VAT"), amount)
    yield _RULE
    for session in page.sessions:
        yield from _session(session, text("No charge applies."))
    for plan in page.plans:
        yield from _plan(plan)
    yield from _vat(page)
    yield from ("", *(line for sentence in page.terms for line in wrap(sentence, WIDTH)), "")
    if page.meters:
        yield from (text("Annex: meter values and signatures"), _RULE)
    for meter in page.meters:
        yield from _meter(meter)
    yield from (_RULE, *(line for column in page.footer for line in wrap(" · ".join(column), WIDTH)))


def _facts(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (f"{label:<22}{value}" for label, value in facts)


def _session(session: ShownSession, free: str) -> Iterator[str]:
    left = session.when if session.energy == NOTHING else f"{session.when} · {session.energy}"
    yield f"{left}{session.amount:>{WIDTH - len(left)}}"
    yield from wrap(" · ".join(session.where), WIDTH)
    if not session.lines:
        yield f"  {free}"
    for line in session.lines:
        yield from _line(line)
    yield ""


def _plan(plan: ShownPlan) -> Iterator[str]:
    yield f"{plan.when}{plan.amount:>{WIDTH - len(plan.when)}}"
    for line in plan.lines:
        yield from _line(line)
    yield ""


def _line(line: ShownLine) -> Iterator[str]:
    yield _columns(f"  {line.name}", line.quantity, line.unit_price, line.vat, line.amount)
    yield from wrap(line.note, WIDTH, initial_indent="    ", subsequent_indent="    ")


def _columns(what: str, quantity: str, price: str, rate: str, amount: str) -> str:
    return f"{what:<22}{quantity:>16}{price:>18}{rate:>8}{amount:>16}"


def _vat(page: Page) -> Iterator[str]:
    text = page.language.text
    yield _RULE
    yield _figures(ShownVat(country="", rate=text("VAT rate"), net=text("Net"), vat=text("VAT"), gross=text("Gross")))
    yield from (_figures(part) for part in (*page.vat, page.total))


def _figures(part: ShownVat) -> str:
    rate = " · ".join(filter(None, (part.rate, part.country)))
    return f"{rate:<32}{part.net:>16}{part.vat:>16}{part.gross:>16}"


def _meter(meter: ShownMeter) -> Iterator[str]:
    registers = NOTHING if meter.begin == NOTHING else f"{meter.begin} – {meter.end} kWh"
    when = f"{meter.when}  "
    yield f"{when:<20}{meter.session:<15}{registers}"
    of = (meter.verdict, meter.meter, meter.key, f"{meter.tariff} {meter.version}")
    for told in (of, (meter.proof, meter.record)):
        indent = " " * 5
        yield from wrap(" · ".join(filter(None, told)), WIDTH, initial_indent=indent, subsequent_indent=indent)
