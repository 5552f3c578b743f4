"""Read the conclusion at which a row of the index points; one that is about something else is refused.

The index is rewritten as work goes on, so whoever can write to the database can change it. Who bills, shows or publishes by a
position therefore looks whose conclusion stands there.
"""

from collections.abc import Sequence
from typing import Protocol, TypeGuard, TypeVar

from streams.log import Log, Stored, Stream
from streams.states import DocumentRow, IndexChanged, SessionRow
from vocabulary.billing import InvoiceIssued
from vocabulary.codec import Event, decode
from vocabulary.identity import Position
from vocabulary.sessions import SessionClosed, SessionRated
from vocabulary.signatures import SignatureChecked

E = TypeVar("E", SessionClosed, SignatureChecked, SessionRated, InvoiceIssued)

_COLUMNS = {
    SessionClosed: "closed_at",
    SignatureChecked: "checked_at",
    SessionRated: "rated_at",
    InvoiceIssued: "issued_at",
}


class Standing(Protocol):
    """Where conclusions are read by position: the log, or `Picked`."""

    def at(self, stream: Stream, position: Position) -> Stored | None: ...


class Picked:
    """The conclusions at which rows of sessions point, read at once: charges, with verdicts or what they follow from."""

    def __init__(self, log: Log, rows: Sequence[SessionRow], closed: bool = False) -> None:
        wanted = [at for r in rows for at in (r.rated_at, r.closed_at if closed else r.checked_at) if _may_be_one(at)]
        self._found = {stored.position: stored for stored in log.pick(Stream.CONCLUSIONS, wanted)}

    def at(self, stream: Stream, position: Position) -> Stored | None:
        assert stream is Stream.CONCLUSIONS
        return self._found.get(position)


def conclusion(log: Standing, row: SessionRow | DocumentRow, kind: type[E]) -> E | None:
    """The conclusion of that kind; None: the row names none. Raises IndexChanged where it is none, or another's."""
    position: Position | None = getattr(row, _COLUMNS[kind])
    if position is None:
        return None
    stored = standing_at(log, position)
    event = None if stored is None else decode(stored.body)
    if isinstance(event, kind) and _about(event) == row[0]:
        return event
    raise IndexChanged(row[0], _COLUMNS[kind], position, "nothing" if event is None else described(event))


def demanded(log: Standing, row: SessionRow | DocumentRow, kind: type[E]) -> E:
    """As `conclusion`, where there must be one."""
    found = conclusion(log, row, kind)
    if found is None:
        raise IndexChanged(row[0], _COLUMNS[kind], None, "nothing")
    return found


def standing_at(log: Standing, position: object) -> Stored | None:
    """The conclusion at what an index has for a position, which may be anything: SQLite keeps text in a column of numbers."""
    return log.at(Stream.CONCLUSIONS, position) if _may_be_one(position) else None


def _may_be_one(position: object) -> TypeGuard[Position]:
    return isinstance(position, int) and position > 0


def described(event: Event) -> str:
    """What kind of conclusion it is, and of which session or document."""
    about = _about(event)
    return f"a {type(event).__name__}" + (f" of {about}" if about else "")


def _about(event: Event) -> str | None:
    """What a row that may point at this event is about, as its first column has it; None: no row may."""
    match event:
        case SessionClosed():
            return event.session.id
        case SignatureChecked() | SessionRated():
            return event.session
        case InvoiceIssued():
            return event.invoice.number
        case _:
            return None
