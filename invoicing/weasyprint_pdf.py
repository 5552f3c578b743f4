"""HTML to PDF/A-3b by WeasyPrint, with the invoice's JSON and the records of its signed meter values attached.

The same invoice gives the same bytes wherever the same fonts are installed: dates are the invoice's, the file identifier
comes from its content, and the page loads nothing, since the fetcher refuses every address. WeasyPrint only warns where it
cannot set a character, or subset a font, and goes on; a PDF/A must not be made that way, so each warning is an error here.
"""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from weasyprint import HTML, Attachment
from weasyprint.urls import URLFetcher

from invoicing.html import invoice_html
from invoicing.invoice_json import invoice_json
from invoicing.not_rendered import NotRendered
from vocabulary.billing import Invoice
from vocabulary.reference import Party

ATTACHMENT = "invoice.json"
FONT = "Noto Sans"
NO_RECORDS: Mapping[str, bytes] = MappingProxyType({})


def invoice_pdf(invoice: Invoice, buyer: Party, records: Mapping[str, bytes] = NO_RECORDS) -> bytes:
    """The invoice as its buyer receives it. `records`: the files of its sessions' signed values, by name.

    Raises NotRendered where a glyph or a font is missing.
    """
    return pdf_of(invoice_html(invoice, buyer), invoice_json(invoice, buyer), invoice.issued_on, records)


def pdf_of(page: str, data: bytes, issued_on: date, records: Mapping[str, bytes] = NO_RECORDS) -> bytes:
    """A page as PDF/A-3b, with the data that it shows attached (relationship Data, ISO 32000-2 7.11.3), and what proves it."""
    issued = datetime.combine(issued_on, time())  # WeasyPrint writes naive times as UTC
    attached = [Attachment(string=data, name=ATTACHMENT, created=issued, modified=issued, relationship="Data")]
    for name, record in sorted(records.items()):
        proof = Attachment(string=record, name=name, created=issued, modified=issued, relationship="Supplement")
        attached.append(proof)
    identifier = sha256(b"".join([page.encode(), data, *(record for _, record in sorted(records.items()))])).hexdigest()[:32]
    with _warnings_are_errors():
        document = HTML(string=page, url_fetcher=_Nothing()).render(pdf_variant="pdf/a-3b")
        document.metadata.attachments = attached
        pdf: bytes = document.write_pdf(pdf_variant="pdf/a-3b", pdf_identifier=identifier, finisher=_finish)
    return pdf


class _Nothing(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
    """Fetches nothing: a page that names an address was made by somebody else."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:  # noqa: ARG002
        raise ValueError(f"an invoice loads nothing, and was asked for {url[:200]}")  # logged by WeasyPrint, so raised below


def _finish(document: Any, pdf: Any) -> None:
    """Mend what WeasyPrint 70 writes twice, and refuse another typeface than ours."""
    pdf.catalog["AF"][:] = list(dict.fromkeys(pdf.catalog["AF"]))
    families = {font.family for font in document.fonts.values()}
    if not any(FONT in str(family) for family in families):
        raise NotRendered(f"the font {FONT} is not installed (Debian: fonts-noto-core); found {sorted(map(str, families))}")


@contextmanager
def _warnings_are_errors() -> Iterator[None]:
    """Collects what WeasyPrint logs in this thread, and raises it at the end."""
    collector, logger = _Collector(), logging.getLogger("weasyprint")
    logger.addHandler(collector)
    try:
        yield
    finally:
        logger.removeHandler(collector)
    if collector.messages:
        raise NotRendered("; ".join(dict.fromkeys(collector.messages)))


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.thread, self.messages = threading.get_ident(), list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.messages.append(record.getMessage())
