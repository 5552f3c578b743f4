"""Issue invoices and write them as files: the PDF, and the same as JSON.

The run is a command in the log; the invoices follow from it. The files are renderings: they can be written again at any time,
and are the same bytes again.

What many contracts owe is asked for in several commands, each of some contracts and a transaction of its own: a worker waits
for one of them, not for all, and memory holds one. A contract is never cut: it gets one invoice, however long.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from invoicing.invoice_json import invoice_json
from invoicing.presentation import has_record
from invoicing.transparency import NotWritable, TransparencyFile
from streams.embedded_runtime import CarriedOut, Input
from streams.log import Log, Stream
from streams.signed.file_check import Known
from streams.states import DocumentRow
from vocabulary.billing import ContractRange, Invoice, InvoiceRunRequested
from vocabulary.codec import decode
from vocabulary.identity import ContractId, short
from vocabulary.sessions import ChargingSession, SessionFlagged
from vocabulary.signatures import SignatureChecked
from wattbook.conclusions import dossier, invoice_of
from wattbook.months import month_of
from wattbook.signed_files import keys_ever
from wattbook.transparency import session_record
from wattbook.wiring import App, NotReady, day_of_issue, operator_of

SESSIONS_AT_ONCE = 5_000  # of a command, unless a single contract has more: a second or two
_GIVE_WAY_S = 0.15  # between two commands: who waits for SQLite's lock looks for it ten times a second


class Issued(NamedTuple):
    """`left_out`: sessions that were due, each with what kept it back."""

    documents: list[DocumentRow]
    left_out: list[SessionFlagged]


def run_invoices(app: App, month: str, issued_on: date, now: datetime) -> list[Invoice]:
    """Draw up what is due. Returns the invoices that this run issued."""
    return [*read_invoices(app, issue(app, month, issued_on, now).documents)]


def read_invoices(app: App, rows: Iterable[DocumentRow]) -> Iterator[Invoice]:
    """One after the other: a month's invoices together may be more than memory holds."""
    for row in rows:
        with app.reading() as store:
            invoice = invoice_of(store, row)
        yield invoice


def issue(app: App, month: str, issued_on: date, now: datetime) -> Issued:
    """Draw up what is due. Returns what this run issued; what it had issued before something made it fail stays issued."""
    last = month_of(month).last
    request = InvoiceRunRequested(month=month, issued_on=issued_on, requested_at=now)
    app.runtime.pump()
    operator_of(app.runtime.catalogue(), day_of_issue(request))
    if issued_on > now.date():
        raise NotReady(f"an invoice cannot be dated in the future: {issued_on} is after {now.date()}")
    with app.reading() as store:
        owing = store.states.billable_by_contract(last)
    done = []
    for number, contracts in enumerate(ranges(owing, SESSIONS_AT_ONCE)):
        time.sleep(_GIVE_WAY_S if number else 0)
        command = structs.replace(request, contracts=contracts)
        done.append(app.runtime.carry_out(Input(Stream.COMMANDS, "invoice-run", command)))
    with app.reading() as store:  # others may issue documents at the same time
        documents = [row for row in store.states.documents() if any(each.after < row.issued_at <= each.until for each in done)]
        return Issued(documents, [flagged for each in done for flagged in _left_out(store.log, each)])


def _left_out(log: Log, done: CarriedOut) -> Iterator[SessionFlagged]:
    """The findings that followed from a run."""
    after = done.after
    while found := [each for each in log.read((Stream.CONCLUSIONS,), after, 1000) if each.position <= done.until]:
        events = (decode(each.body) for each in found)
        yield from (event for event in events if isinstance(event, SessionFlagged))
        after = found[-1].position


def ranges(owing: Iterable[tuple[ContractId, int]], sessions_max: int) -> list[ContractRange | None]:
    """Ranges of contracts, by how many sessions each has, in order: all contracts there are lie in just one of them.

    Each ends with the contract that makes it full, the last one is open; None where one command is enough.
    """
    ends, sessions = [], 0
    for contract, count in owing:
        sessions += count
        if sessions >= sessions_max:
            ends.append(contract)
            sessions = 0
    if sessions == 0:
        ends = ends[:-1]
    bounds = [None, *ends, None]
    return [ContractRange(after=a, until=b) for a, b in pairwise(bounds)] if ends else [None]


def write_invoice(app: App, invoice: Invoice, folder: Path) -> tuple[Path, Path]:
    """The PDF and the JSON of an invoice, in the folder."""
    from invoicing.weasyprint_pdf import invoice_pdf  # importing it takes half of a command's time, and few commands need it

    buyer = app.vault.open(invoice.buyer)
    folder.mkdir(parents=True, exist_ok=True)
    pdf, data = folder / f"{invoice.number}.pdf", folder / f"{invoice.number}.json"
    write_whole(data, invoice_json(invoice, buyer))
    write_whole(pdf, invoice_pdf(invoice, buyer, _records(app, invoice)))
    return pdf, data


def _records(app: App, invoice: Invoice) -> dict[str, bytes]:
    """The files of the signed values of its sessions, by name."""
    proven = [one.session for one in invoice.sessions if has_record(one)]
    if not proven:
        return {}
    records: dict[str, bytes] = {}
    known = keys_ever(app.runtime.catalogue())
    with app.reading() as store:
        for session, row in store.states.rows(proven).items():
            found = dossier(store, row)
            assert found.session is not None, "it was rated"
            record = _record(found.session, found.checked, known)
            records[f"{short(session)}.{record.suffix}"] = record.data
    return records


def _record(session: ChargingSession, checked: SignatureChecked | None, known: Sequence[Known]) -> TransparencyFile:
    """For the transparency software; what it could not read is attached as it came."""
    try:
        return session_record(session, checked, known)
    except NotWritable:
        return TransparencyFile("txt", "\n".join(value.data for value in session.signed).encode(errors="replace"))


def write_whole(path: Path, body: bytes) -> None:
    """All of the file or nothing of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(body)
    part.replace(path)
