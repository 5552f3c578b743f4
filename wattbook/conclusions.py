"""Read what was concluded: everything about one session, or a document, by the positions that the index keeps."""

from typing import NamedTuple, TypeVar

from streams.log import Stream
from streams.states import DocumentRow, SessionRow
from vocabulary.billing import Invoice, InvoiceIssued
from vocabulary.codec import decode
from vocabulary.identity import Position
from vocabulary.sessions import ChargingSession, SessionClosed, SessionRated, SignatureChecked
from wattbook.wiring import Store

E = TypeVar("E")


class Dossier(NamedTuple):
    """A session with all that was concluded of it; None: not concluded."""

    row: SessionRow
    session: ChargingSession | None
    checked: SignatureChecked | None
    rated: SessionRated | None


def dossier(store: Store, row: SessionRow) -> Dossier:
    closed = _at(store, row.closed_at, SessionClosed)
    return Dossier(
        row,
        closed.session if closed else None,
        _at(store, row.checked_at, SignatureChecked),
        _at(store, row.rated_at, SessionRated),
    )


def invoice_of(store: Store, row: DocumentRow) -> Invoice:
    issued = _at(store, row.issued_at, InvoiceIssued)
    assert issued is not None
    return issued.invoice


def _at(store: Store, position: Position | None, kind: type[E]) -> E | None:
    """The conclusion at a position, which must be of that kind."""
    if position is None:
        return None
    stored = store.log.at(Stream.CONCLUSIONS, position)
    assert stored is not None, f"there is no conclusion {position}"
    event = decode(stored.body)
    assert isinstance(event, kind), f"conclusion {position} is not a {kind.__name__}"
    return event
