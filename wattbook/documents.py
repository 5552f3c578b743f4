"""Issue invoices and write them as files: the PDF, and the same as JSON.

The run is a command in the log; the invoices follow from it. The files are renderings: they can be written again at any time,
and are the same bytes again.
"""

from datetime import date, datetime
from pathlib import Path

from invoicing.invoice_json import invoice_json
from streams.embedded_runtime import Input
from streams.log import Stream
from vocabulary.billing import Invoice, InvoiceRunRequested
from wattbook.conclusions import invoice_of
from wattbook.months import month_of
from wattbook.wiring import App, NotReady, day_of_issue, operator_of


def run_invoices(app: App, month: str, issued_on: date, now: datetime) -> list[Invoice]:
    """Draw up what is due. Returns the invoices that this run issued."""
    month_of(month)
    request = InvoiceRunRequested(month=month, issued_on=issued_on, requested_at=now)
    app.runtime.pump()
    operator_of(app.runtime.catalogue(), day_of_issue(request))
    if issued_on > now.date():
        raise NotReady(f"an invoice cannot be dated in the future: {issued_on} is after {now.date()}")
    with app.reading() as store:
        before = {row.number for row in store.states.documents()}
    app.runtime.carry_out(Input(Stream.COMMANDS, "invoice-run", request))
    with app.reading() as store:
        return [invoice_of(store, row) for row in store.states.documents() if row.number not in before]


def write_invoice(app: App, invoice: Invoice, folder: Path) -> tuple[Path, Path]:
    """The PDF and the JSON of an invoice, in the folder."""
    from invoicing.weasyprint_pdf import invoice_pdf  # importing it takes half of a command's time, and few commands need it

    buyer = app.vault.open(invoice.buyer)
    folder.mkdir(parents=True, exist_ok=True)
    pdf, data = folder / f"{invoice.number}.pdf", folder / f"{invoice.number}.json"
    write_whole(data, invoice_json(invoice, buyer))
    write_whole(pdf, invoice_pdf(invoice, buyer))
    return pdf, data


def write_whole(path: Path, body: bytes) -> None:
    """All of the file or nothing of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(body)
    part.replace(path)
