"""One batch of inputs through the steps: from raw messages to events, sessions, charges, entries and documents.

Strictly in the order of the inputs, one after the other, so that how inputs are cut into batches changes nothing in what
follows from them (but how much is committed at once). It writes into the unit's transaction and commits nothing itself.

    raw message ── decode ──▶ events ──(new ones)── connectors, sessions ──▶ closed ── conclude ──▶ rated ── post ──▶ entries
    reference fact ── catalogue; what waited for it is concluded again ───────────────▲
    invoice run ── what is billable ── draw up ──▶ invoices ── post ──▶ entries
"""

import calendar
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import NamedTuple

import msgspec

from streams import connectors, sessions
from streams.catalogue import Catalogue, with_fact
from streams.connectors import Assigned
from streams.log import Record, Stored, Stream
from streams.memory import Memory, session_key, station_key
from streams.mistakes import MISTAKES, Poisoned, told
from streams.rating import conclude
from streams.row_conclusions import Picked, demanded
from streams.session_rows import ended_row, open_row, with_conclusion
from streams.sessions import Closed, Gathering, SessionEvent
from streams.states import DocumentRow, Invoiced, SessionRow
from streams.unit import Billable, ToPost, Unit, Verbs
from vocabulary.billing import Invoice, InvoiceIssued, InvoiceRunRequested
from vocabulary.charging import (
    MessageRejected,
    MeterSampled,
    Protocol,
    RawMessage,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import Conclusion, Event, ReferenceFact, decode, encode, event_id
from vocabulary.decoded import Decoded
from vocabulary.fact import Fact
from vocabulary.identity import EventId, Position, SessionId, StationId, digest
from vocabulary.reference import ContractPublished, OperatorPublished, PartnerPublished, SitePublished
from vocabulary.sessions import (
    ChargingSession,
    Finding,
    Progress,
    SessionClosed,
    SessionConclusion,
    SessionFlagged,
    SessionMerged,
    SessionRated,
    SignatureChecked,
)
from vocabulary.tariff import TariffPublished

_PAGE = 1000  # sessions whose conclusions are read at once

_RAW: msgspec.json.Decoder[RawMessage] = msgspec.json.Decoder(RawMessage)


class Heard(NamedTuple):
    """An event, with its identity, the input it follows from and when that arrived."""

    event: Decoded
    record: Record
    cause: Position
    recorded_at: datetime | None


class Concluded(NamedTuple):
    """A conclusion that is not written yet."""

    conclusion: Conclusion
    station: StationId
    cause: Position
    recorded_at: datetime | None


class Message(NamedTuple):
    """A raw message at its position. `id`: the identity that the log has given it, 32 bytes; None: its content's, which is made
    where somebody asks for it: few do, and it costs as much as reading the message.
    """

    raw: RawMessage
    position: Position
    id: bytes | None = None

    def identify(self, raw: RawMessage) -> EventId:
        return event_id(raw) if self.id is None else EventId(self.id.hex())


class Batch:
    """The working state of one batch. `tally` counts what happened, for the summary of an import."""

    def __init__(self, unit: Unit, verbs: Verbs, memory: Memory, catalogue: Catalogue) -> None:
        self._unit, self._verbs, self._memory = unit, verbs, memory
        self.catalogue = catalogue
        self.tally: Counter[str] = Counter()
        self._rows: dict[SessionId, SessionRow] = {}
        self._concluded: list[Concluded] = []
        self._recalls = False

    def run(self, inputs: Sequence[Stored]) -> None:
        """All inputs, in order."""
        for stream, run in groupby(inputs, key=lambda stored: stored.stream):
            if stream is Stream.RAW:
                self.messages([Message(_RAW.decode(stored.body), stored.position, stored.id) for stored in run])
                continue
            for stored in run:
                self._order(decode(stored.body), stored)
        self.flush()

    def save_states(self) -> None:
        """Write down the states that changed in this batch, and in those before it that did not."""
        self._unit.states.save(self._memory.changed())

    def remember(self, events: Sequence[Stored]) -> None:
        """Step the states on by events that the log holds and the saved states do not know yet.

        Nothing new follows, so nothing is concluded: by the facts that are known now it might even fail.
        """
        self._recalls = True
        heard = [Heard(decode(e.body), Record(e.id, e.key, e.body), e.cause, None) for e in events]  # type: ignore[arg-type]
        self._prefetch(heard)
        for item in heard:
            self._step(item)
        self._recalls, self._rows, self.tally = False, {}, Counter()

    def _order(self, event: Event, stored: Stored) -> None:
        match event:
            case InvoiceRunRequested():
                self._invoice_run(event, stored.position)
            case _:
                self._reference(event, stored.position)  # type: ignore[arg-type]

    # Messages

    def messages(self, messages: Sequence[Message]) -> None:
        """Raw messages, in order. Raises Poisoned where one of them cannot be processed."""
        self.tally["messages"] += len(messages)
        heard = [heard for message in messages for heard in self._decode(message)]
        new = list(self._append_events(heard))
        self._prefetch(new)
        for item in new:
            try:
                self._step(item)
            except MISTAKES as error:
                raise Poisoned(item.cause, error) from error

    def _prefetch(self, heard: Iterable[Heard]) -> None:
        self._memory.prefetch((key for h in heard if (key := _state_key(h.event)) is not None), self._unit.states)

    def _decode(self, message: Message) -> list[Heard]:
        raw, position, _ = message
        try:
            events = self._verbs.decode(raw, message.identify)
        except MISTAKES as error:
            raise Poisoned(position, error) from error
        if not events:
            self.tally[f"no event: {self._verbs.passed_by(raw)}"] += 1
        return [Heard(event, _record(event, event.station, position), position, raw.received_at) for event in events]

    def _append_events(self, heard: Sequence[Heard]) -> Iterator[Heard]:
        """The events that were not known yet: what was told twice goes no further."""
        appended = self._unit.log.append(Stream.EVENTS, [h.record for h in heard])
        for item, (_, is_new) in zip(heard, appended, strict=True):
            self.tally["events" if is_new else "duplicates"] += 1
            if is_new:
                yield item

    def _step(self, heard: Heard) -> None:
        event = heard.event
        match event:
            case MessageRejected():
                self.tally[f"rejected: {event.reason}"] += 1
            case Fact():
                pass  # beside the transaction: nothing is folded of it yet
            case TransactionStarted() | TransactionUpdated() | TransactionEnded() if event.protocol is not Protocol.OCPP16:
                self._session_step(Assigned(sessions.session_id(event), event), heard)
            case MeterSampled() if event.protocol is not Protocol.OCPP16:
                pass  # 2.x MeterValues are never of a transaction (part 2, J01)
            case TransactionUpdated():
                raise AssertionError("1.6 has no TransactionUpdated")
            case _:
                self._station_step(event, heard)

    def _station_step(self, event: connectors.StationEvent, heard: Heard) -> None:
        before = self._memory.station(event.station, self._unit.states)
        after = connectors.step(before, event)
        if after.state is not before:
            self._memory.set(station_key(event.station), after.state)
        for out in after.out:
            if isinstance(out, Assigned):
                self._session_step(out, heard)
            else:
                self._conclude((out,), event.station, heard.cause, heard.recorded_at)

    def _session_step(self, assigned: Assigned, heard: Heard) -> None:
        known = self._memory.session(assigned.session, self._unit.states)
        before = known or Gathering(session=assigned.session, station=assigned.event.station)
        identity = EventId(heard.record.id.hex()) if assigned.event is heard.event else None
        after = sessions.step(before, assigned.event, identity)
        if after.state is not before:
            self._memory.set(session_key(assigned.session), after.state)
        if isinstance(after.state, Gathering) and (known is None or _moves(assigned.event)):
            self._rows[assigned.session] = open_row(after.state)
        if isinstance(after.state, Closed) and isinstance(before, Gathering):
            self._rows[assigned.session] = ended_row(before, after.state)
        self._conclude(after.out, assigned.event.station, heard.cause, heard.recorded_at)

    # Conclusions

    def _conclude(
        self, conclusions: Iterable[SessionConclusion], station: StationId, cause: Position, recorded_at: datetime | None
    ) -> None:
        """Note conclusions about a session of a station, and what follows from them in turn."""
        for conclusion in () if self._recalls else conclusions:
            self._concluded.append(Concluded(conclusion, station, cause, recorded_at))
            if isinstance(conclusion, SessionClosed):
                self._conclude(conclude(conclusion.session, self.catalogue), station, cause, recorded_at)

    def flush(self) -> None:
        """Write what was concluded: to the log, what is new there to the books, and all of it to the index.

        A finding may come back that the log has had before: a session waits for a tariff, then for a token, then again.
        """
        concluded, self._concluded = self._concluded, []
        appended = self._unit.log.append(
            Stream.CONCLUSIONS, [_record(c.conclusion, _key(c.conclusion), c.cause) for c in concluded]
        )
        new = [(c, position) for c, (position, is_new) in zip(concluded, appended, strict=True) if is_new]
        self._unit.books.post([entry for c, _ in new for entry in self._entries(c)])
        for c, _ in new:
            self._count(c.conclusion)
        known = self._unit.states.rows([s for c in concluded if (s := _session(c.conclusion)) and s not in self._rows])
        for c, (position, _) in zip(concluded, appended, strict=True):
            self._index(c, position, known)
        self._unit.states.put_rows(self._rows.values())
        self._unit.states.put_documents(
            [_document(i.invoice, at) for c, at in new if isinstance(i := c.conclusion, InvoiceIssued)]
        )
        self._rows = {}

    def _entries(self, concluded: Concluded) -> list[ToPost]:
        conclusion = concluded.conclusion
        if not isinstance(conclusion, SessionRated | InvoiceIssued):
            return []
        try:
            entries = self._verbs.post(conclusion)
        except MISTAKES as error:
            raise Poisoned(concluded.cause, error) from error
        return [ToPost(entry, concluded.cause, concluded.recorded_at or entry.effective_at) for entry in entries]

    def _index(self, concluded: Concluded, position: Position, known: dict[SessionId, SessionRow]) -> None:
        conclusion = concluded.conclusion
        session = _session(conclusion)
        if session is None or isinstance(conclusion, InvoiceIssued):
            return
        row = self._rows.get(session) or known.get(session) or SessionRow(session, concluded.station, Progress.FLAGGED)
        self._rows[session] = with_conclusion(row, conclusion, position)

    def _count(self, conclusion: Conclusion) -> None:
        match conclusion:
            case SessionClosed():
                self.tally["sessions"] += 1
            case SessionRated():
                self.tally["held" if conclusion.held else "rated"] += 1
            case SessionFlagged():
                self.tally[f"finding: {conclusion.finding}"] += 1
            case SessionMerged():
                self.tally["merged"] += 1
            case SignatureChecked():
                self.tally[f"signature: {conclusion.verdict}"] += 1
            case InvoiceIssued():
                self.tally["invoices"] += 1

    # Reference facts

    def _reference(self, fact: ReferenceFact, cause: Position) -> None:
        """The catalogue with the fact; and what waited for one of its kind is concluded again."""
        self.tally["reference facts"] += 1
        self.catalogue = with_fact(self.catalogue, fact)
        self.flush()
        for row in self._unit.states.waiting(_answered_by(fact)):
            closed = demanded(self._unit.log, row, SessionClosed)
            self._conclude(self._concluded_again(closed.session), row.station, cause, None)

    def _concluded_again(self, session: ChargingSession) -> tuple[SessionConclusion, ...]:
        """What follows now from a session that waited. A mistake of ours is a finding about it: others go on by the fact."""
        try:
            concluded = conclude(session, self.catalogue)
            for each in concluded:
                if isinstance(each, SessionRated):
                    self._verbs.post(each)  # as `flush` will
        except MISTAKES as error:
            return (SessionFlagged(session=session.id, finding=Finding.STEPS_FAIL, detail=told(error)),)
        return concluded

    # Documents

    def _invoice_run(self, request: InvoiceRunRequested, cause: Position) -> None:
        """Number in the order of drawing up; the counter moves in the same transaction as the invoices, so without a gap."""
        self.flush()
        rows = {row.session: row for row in self._unit.states.billable(_last_day(request.month), request.contracts)}
        counter = f"counter:invoice:{self._verbs.series(request, self.catalogue)}"
        last = int(self._unit.states.load([counter]).get(counter, b"0"))
        invoices = self._verbs.draw_up(request, [*self._billables([*rows.values()])], self.catalogue, last + 1)
        for invoice in invoices:
            issued = InvoiceIssued(invoice=invoice)
            self._concluded.append(Concluded(issued, StationId(""), cause, request.requested_at))
            for session in invoice.sessions:
                row = rows[session.session]
                self._rows[row.session] = row._replace(progress=Progress.INVOICED, invoice=invoice.number)
        self._unit.states.mark_invoiced([Invoiced(s.session, i.number) for i in invoices for s in i.sessions])
        self._unit.states.save({counter: str(last + len(invoices)).encode()})
        self.flush()

    def _billables(self, rows: Sequence[SessionRow]) -> Iterator[Billable]:
        """What was concluded of each, read page by page: one by one, the database's answers took most of a run's time."""
        for start in range(0, len(rows), _PAGE):
            page = rows[start : start + _PAGE]
            found = Picked(self._unit.log, page)
            yield from (Billable(demanded(found, row, SessionRated), demanded(found, row, SignatureChecked)) for row in page)


def _record(event: msgspec.Struct, key: str, cause: Position) -> Record:
    body = encode(event)
    return Record(digest(b"event", body), key, body, cause)


def _state_key(event: Decoded) -> str | None:
    """The state that an event will be stepped on first, to load all of a batch at once."""
    match event:
        case TransactionStarted() | TransactionUpdated() | TransactionEnded() if event.protocol is not Protocol.OCPP16:
            return session_key(sessions.session_id(event))
        case MessageRejected() | Fact():
            return None
        case _:
            return station_key(event.station)


def _moves(event: SessionEvent) -> bool:
    """Whether an event changes what the index tells of an open session."""
    return isinstance(event, TransactionStarted | TransactionEnded)


def _document(invoice: Invoice, position: Position) -> DocumentRow:
    return DocumentRow(
        invoice.number, invoice.contract, invoice.issued_on, invoice.month, invoice.currency, invoice.total, position
    )


def _session(conclusion: Conclusion) -> SessionId | None:
    """The session that a conclusion is about; an invoice is about many."""
    match conclusion:
        case SessionClosed():
            return conclusion.session.id
        case InvoiceIssued():
            return None
        case _:
            return conclusion.session


def _key(conclusion: Conclusion) -> str:
    return conclusion.invoice.contract if isinstance(conclusion, InvoiceIssued) else _session(conclusion) or ""


_ANSWERED_BY_TARIFFS = (Finding.TARIFF_MISSING, Finding.VAT_UNFIT, Finding.STEPS_FAIL)


def _answered_by(fact: ReferenceFact) -> tuple[Finding, ...]:
    """The findings that a fact of this kind may lift. A mistake of ours is tried again: by now we may have mended it."""
    match fact:
        case SitePublished():
            return Finding.EVSE_UNKNOWN, Finding.ENERGY_IMPLAUSIBLE, *_ANSWERED_BY_TARIFFS
        case ContractPublished() | PartnerPublished():
            return Finding.TOKEN_UNKNOWN, *_ANSWERED_BY_TARIFFS
        case TariffPublished():
            return _ANSWERED_BY_TARIFFS
        case OperatorPublished():
            return ()


def _last_day(month: str) -> date:
    year, number = (int(part) for part in month.split("-"))
    return date(year, number, calendar.monthrange(year, number)[1])
