"""What one transaction holds: the log, the states of the steps, and the books. All of it commits, or none.

The runtime gets the functions of other rooms here and knows nothing of them but these signatures.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from streams.catalogue import Catalogue
from streams.log import Log
from streams.states import States
from vocabulary.billing import Entry, Invoice, InvoiceIssued, InvoiceRunRequested
from vocabulary.charging import RawMessage
from vocabulary.decoded import Decoded
from vocabulary.identity import ContractId, EventId, Position
from vocabulary.money import Currency
from vocabulary.plan import PlanLine
from vocabulary.sessions import ChargeReversed, SessionRated
from vocabulary.signatures import SignatureChecked


class ToPost(NamedTuple):
    """An entry, the input that it follows from, and when that input was received."""

    entry: Entry
    cause: Position
    recorded_at: datetime


class Books(Protocol):
    def post(self, entries: Sequence[ToPost]) -> int:
        """Insert what is new, by entry id; how many that were."""
        ...


class Unit(NamedTuple):
    """One transaction's view of everything that is stored. `office` is where the reference facts stand: the same log, or,
    where that has lanes (`streams.places`), the one of lane 0.
    """

    log: Log
    states: States
    books: Books
    office: Log


OpenUnit = Callable[[], AbstractContextManager[Unit]]


class Billable(NamedTuple):
    """A rated session that is on no invoice, with the verdict on its signed values."""

    rated: SessionRated
    checked: SignatureChecked | None


MonthKey = tuple[ContractId, Currency, str]  # of whom, in what, "2026-10"


class Earlier(NamedTuple):
    """What earlier invoices hold of a month: its sessions, and the lines that a plan came to by them."""

    sessions: tuple[SessionRated, ...] = ()
    lines: tuple[PlanLine, ...] = ()


class Plans(NamedTuple):
    """`subscribers`: the contracts of the run that ever had a plan, in order of their id."""

    subscribers: tuple[ContractId, ...] = ()
    earlier: Mapping[MonthKey, Earlier] = MappingProxyType({})


def one_series(_request: InvoiceRunRequested, _catalogue: Catalogue) -> str:
    return ""


def nothing_of_note(_message: RawMessage) -> str:
    return "of no name"


class Verbs(NamedTuple):
    """The pure functions that the runtime drives: decode, post, and the drawing up of documents.

    `draw_up` gets the number that comes next in the series that `series` names. `passed_by` names what a message is that became
    no event, to be counted.
    """

    decode: Callable[[RawMessage, Callable[[RawMessage], EventId], int], tuple[Decoded, ...]]
    post: Callable[[SessionRated | ChargeReversed | InvoiceIssued], tuple[Entry, ...]]
    draw_up: Callable[[InvoiceRunRequested, Sequence[Billable], Catalogue, int, Plans], tuple[Invoice, ...]]
    series: Callable[[InvoiceRunRequested, Catalogue], str] = one_series
    passed_by: Callable[[RawMessage], str] = nothing_of_note
