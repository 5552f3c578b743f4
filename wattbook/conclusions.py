"""Read what was concluded: everything about one session, or a document, by the positions that the index keeps."""

from typing import NamedTuple

from streams.row_conclusions import conclusion, demanded
from streams.states import DocumentRow, SessionRow
from vocabulary.billing import Invoice, InvoiceIssued
from vocabulary.sessions import ChargingSession, SessionClosed, SessionRated
from vocabulary.signatures import SignatureChecked
from wattbook.wiring import Store


class Dossier(NamedTuple):
    """A session with all that was concluded of it; None: not concluded."""

    row: SessionRow
    session: ChargingSession | None
    checked: SignatureChecked | None
    rated: SessionRated | None


def dossier(store: Store, row: SessionRow) -> Dossier:
    """Raises IndexChanged where the row points at another session's conclusion."""
    closed = conclusion(store.log, row, SessionClosed)
    return Dossier(
        row,
        closed.session if closed else None,
        conclusion(store.log, row, SignatureChecked),
        conclusion(store.log, row, SessionRated),
    )


def invoice_of(store: Store, row: DocumentRow) -> Invoice:
    return demanded(store.log, row, InvoiceIssued).invoice
