"""Documents as data: the command that asks for them and the invoice that was issued.

An invoice is drawn up from rated sessions alone and never changes. Its amounts are whole minor units. Sessions are charged
gross: the invoice total is the sum of the final costs that the drivers were shown, and VAT is contained in it, computed once
per country and rate on the document (net = gross / (1 + rate), rounded; VAT = gross - net).
"""

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from vocabulary.exchanged import ExportRegister
from vocabulary.identity import ContractId, EventId, InvoiceNumber, Position, SessionId, TariffId, VersionHash
from vocabulary.money import Currency
from vocabulary.plan import PlanLine
from vocabulary.rated import RatedLine
from vocabulary.reference import Operator, Sealed
from vocabulary.signatures import SignatureChecked


class PartitionReached(Struct, frozen=True, kw_only=True):
    """That the messages of a partition before this offset had been processed, and none from there on; and up to where the
    reference facts were known there.
    """

    partition: int
    offset: int
    reference: Position


class ContractRange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Contracts by their ids, in order of code points: those after `after`, up to `until`, which is one of them. None: no bound
    on that side.
    """

    after: ContractId | None = None
    until: ContractId | None = None


class InvoiceRunRequested(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="invoice_run.requested"):
    """Draw up what contracts owe for sessions that ended, by their site's calendar, until the end of `month`.

    `requested_at` makes each asking a fact of its own: a second run bills what has become billable since. `reached`: where
    partitions are processed side by side, how far each was at the run; where inputs have one order, that says it. `contracts`:
    the run is of these alone, since what many owe is asked for in several commands; None: of all.
    """

    month: str  # "2026-10"
    issued_on: date
    requested_at: datetime
    reached: tuple[PartitionReached, ...] = ()
    contracts: ContractRange | None = None


class InvoiceLine(Struct, frozen=True, kw_only=True):
    """A rated line as charged. The `gross` of a session's lines add up to what that session owes.

    `reason` says in the invoice's language when the line's price applies ("22:00-06:00"); empty: it always does.
    """

    rated: RatedLine
    gross: Decimal
    reason: str


class InvoicedSession(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One session on an invoice, with what explains it."""

    session: SessionId
    site: str
    site_name: str
    evse_id: str
    start: datetime
    end: datetime
    time_zone: str
    energy_wh: Decimal
    begin_wh: Decimal  # the register at start and end, as the station told it; as signed, it stands in `signature`
    end_wh: Decimal
    tariff: TariffId
    tariff_version: VersionHash
    vat_country: str  # whose VAT the lines carry, as decided when the session was rated
    lines: tuple[InvoiceLine, ...]
    gross: Decimal
    signature: SignatureChecked | None = None
    unused: bool = False  # a reservation that expired: nobody charged, and the registers say nothing
    exported: ExportRegister | None = None  # None: nothing was fed back
    rounding: str = ""  # by which policy `gross` was made of the lines (`Rated.rounding`); empty: by the house's


class PlanCharge(Struct, frozen=True, kw_only=True):
    """What a line of a plan charges on this invoice: what its month comes to by now, less what earlier invoices charged of it.

    A session that comes late changes the month, never an invoice: the difference stands on the next one.
    """

    line: PlanLine  # by all sessions of the month that are on invoices, this one among them
    before: Decimal  # on earlier invoices, VAT included
    gross: Decimal  # `line.gross` less `before`
    reason: str  # in the invoice's language: the terms of the plan that the line follows from


class VatTotal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The VAT breakdown of a document for one rate of one country (EN 16931 BG-23): that state is owed this VAT."""

    country: str  # of the charging points: `InvoicedSession.vat_country`
    vat_percent: Decimal | None = None
    net: Decimal
    vat: Decimal
    gross: Decimal


class Invoice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An issued invoice. `buyer` is the contract's holder, sealed: a rendering opens it, no log holds it in the clear."""

    number: InvoiceNumber
    contract: ContractId
    buyer: Sealed
    seller: Operator
    language: str
    currency: Currency
    month: str
    issued_on: date
    due_on: date
    period_start: date  # first and last local day of the sessions on it, and of the terms of plans (BG-14)
    period_end: date
    sessions: tuple[InvoicedSession, ...]
    vat: tuple[VatTotal, ...]
    net: Decimal
    tax: Decimal
    total: Decimal
    plan: tuple[PlanCharge, ...] = ()  # in the order of months, and of working them out


class InvoiceIssued(Struct, frozen=True, kw_only=True, tag="invoice.issued"):
    invoice: Invoice


class Posting(Struct, frozen=True, kw_only=True):
    """One side of an entry: debits positive, credits negative, in 10^-6 currency units."""

    account: str  # "4010:DE", see ledger.chart
    amount_micro: int


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A journal entry: postings in one currency that sum to zero. Made by `ledger.journal.entry` only.

    `id` is the identity of the effect (what was posted, not when): posting it again changes nothing.
    """

    id: EventId
    kind: str  # "session_rated", "invoice_issued"
    subject: str  # session id or invoice number
    effective_at: datetime  # when it happened, not when it was booked
    currency: Currency
    postings: tuple[Posting, ...]
    version: int = 1  # counts how often the subject was posted anew, each time after a reversal
