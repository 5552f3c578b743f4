"""The states of the steps between two batches, and an index of sessions for questions of people.

One port, kept by `sql_states.py`. Everything in it follows from the log and can be built again by replay; it is kept so
that it need not be. It changes only in the transaction that writes what the batch concluded and moves the position.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from vocabulary.billing import ContractRange
from vocabulary.identity import ContractId, InvoiceNumber, PartnerId, Position, SessionId, StationId
from vocabulary.reference import EvseName
from vocabulary.sessions import Finding, Progress, Quality


class SessionRow(NamedTuple):
    """A session as people ask for it; the positions say where in the conclusions its events stand (None: not yet)."""

    session: SessionId
    station: StationId
    progress: Progress
    finding: Finding | None = None
    transaction: str | None = None
    evse: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    ended_on: date | None = None
    energy_wh: Decimal | None = None
    contract: ContractId | None = None
    partner: PartnerId | None = None
    total: Decimal | None = None
    currency: str | None = None
    invoice: str | None = None
    closed_at: Position | None = None
    checked_at: Position | None = None
    rated_at: Position | None = None
    quality: Quality | None = None  # None: complete, or not closed
    revision: int | None = None  # of the charge that stands, or would come next where none does; None: 0
    heard_at: datetime | None = None  # not heard since, when this was written; its state says it exactly


class Wanted(NamedTuple):
    """Which closed sessions are asked for; None: whichever. `first` and `last` are local days of the end, inclusive; of a
    session that has no charge the index knows the day to a day and a half.
    """

    first: date | None = None
    last: date | None = None
    ended_after: datetime | None = None
    began_before: datetime | None = None
    contract: ContractId | None = None
    partner: PartnerId | None = None
    is_charged: bool = True  # only those of which a charge stands; else also those that are flagged


class DocumentRow(NamedTuple):
    """An issued document, and where it stands in the conclusions."""

    number: str
    contract: ContractId
    issued_on: date
    month: str
    currency: str
    total: Decimal
    issued_at: Position


class Invoiced(NamedTuple):
    """That a session stands on an invoice. Written once per session and never changed, whatever the index of sessions says."""

    session: SessionId
    number: InvoiceNumber


class PositionMoved(Exception):
    """Another process moved the position: this one no longer owns the work. Stop."""


class AlreadyInvoiced(Exception):
    """A session that stands on an invoice was to be billed again: the index of sessions is not what follows from the log."""

    def __init__(self, stands: Invoiced) -> None:
        super().__init__(
            f"session {stands.session} stands on invoice {stands.number} already, and would be billed twice: the database was "
            "changed past wattbook, and the run stopped. Run `wattbook audit replay`: it tells the first row that was changed"
        )
        self.stands = stands


class IndexChanged(Exception):
    """A row of the index points at a conclusion that is not its own: it is not what follows from the log."""

    def __init__(self, row: str, column: str, position: Position | None, found: str) -> None:
        super().__init__(
            f"the index has {position} for `{column}` of {row}, and there stands {found}: the database was changed past "
            "wattbook. Nothing was done. Run `wattbook audit replay`: it tells the first row that was changed"
        )


class States(Protocol):
    def load(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The stored states of these keys; a key without one is left out."""
        ...

    def save(self, changed: Mapping[str, bytes]) -> None: ...

    def position(self, consumer: str) -> Position:
        """The last input position that was processed; 0 before the first."""
        ...

    def move(self, consumer: str, expected: Position, to: Position) -> None:
        """Compare and set; raises PositionMoved where it is not as expected."""
        ...

    def rows(self, sessions: Sequence[SessionId]) -> dict[SessionId, SessionRow]: ...

    def put_rows(self, rows: Iterable[SessionRow]) -> None: ...

    def put_documents(self, rows: Iterable[DocumentRow]) -> None: ...

    def mark_invoiced(self, rows: Sequence[Invoiced]) -> None:
        """Once per session; raises AlreadyInvoiced, and marks none of them, where one is marked."""
        ...

    def waiting(self, findings: Iterable[Finding]) -> list[SessionRow]:
        """Flagged sessions with one of these findings, in order of session id."""
        ...

    def held_at(self, stations: Sequence[StationId]) -> list[SessionRow]:
        """Sessions of these stations whose amount is held, in order of session id."""
        ...

    def overdue(self, heard_until: datetime) -> list[SessionRow]:
        """What may be overdue: not whole, and as far as the index says last heard by then, or at no known time."""
        ...

    def here(self, sessions: Sequence[SessionId]) -> dict[SessionId, SessionRow]:
        """As `rows`, of this lane alone."""
        ...

    def closed_on(self, names: Iterable[EvseName]) -> list[SessionRow]:
        """Closed sessions of all lanes on EVSEs of these names, in order of start."""
        ...

    def billable(self, until: date, contracts: ContractRange | None = None) -> list[SessionRow]:
        """Rated contract sessions on no invoice that ended by that local day, in order of contract, start, session."""
        ...
