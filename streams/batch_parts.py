"""What a batch writes, and about what: records and their keys, the rows and states that an event or conclusion is of."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from msgspec import UNSET, structs

from streams import meters, reservations, session_names
from streams.answered import Asked, joined
from streams.catalogue import Catalogue
from streams.log import Log, Record, Stored, Stream
from streams.measuring import keeps_reservations
from streams.memory import Memory, meters_key, reservations_key, session_key, station_key
from streams.mistakes import MISTAKES, Poisoned, told
from streams.places import Offset, Partition, Taken
from streams.qualities import with_doubts
from streams.raw_records import poison, quarantined, raw_record
from streams.reservations import Ended
from streams.session_names import EndTakenBack, SessionEvent
from streams.states import DocumentRow, States
from streams.unit import ToPost, Verbs
from vocabulary.assignment import TariffAssigned
from vocabulary.billing import Invoice, InvoiceIssued
from vocabulary.charging import (
    ClockCompared,
    MessageRejected,
    Protocol,
    RawMessage,
    StartAnswered,
    StartRequested,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import Conclusion, ReferenceFact, encode, event_id
from vocabulary.decoded import Decoded
from vocabulary.fact import Fact
from vocabulary.identity import EventId, Position, SessionId, StationId, digest
from vocabulary.plan import PlanPublished
from vocabulary.price_series import SeriesPublished
from vocabulary.quarantine import QuarantineReason
from vocabulary.reference import (
    ClockTicked,
    ContractPublished,
    MeterKeyPublished,
    OperatorPublished,
    PartnerPublished,
    RulesAdopted,
    SessionDecided,
    SitePublished,
)
from vocabulary.rules import has_doubts, keeps_facts
from vocabulary.sessions import (
    ChargeReversed,
    ChargingSession,
    Doubt,
    Finding,
    SessionClosed,
    SessionDropped,
    SessionFlagged,
    SessionMerged,
    SessionRated,
    doubts_of,
)
from vocabulary.signatures import SignatureChecked, Verdict
from vocabulary.station_facts import ReservationAsked
from vocabulary.tariff import TariffPublished


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


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RAW: msgspec.json.Decoder[RawMessage] = msgspec.json.Decoder(RawMessage)


def message_of(stored: Stored) -> Message:
    return Message(_RAW.decode(stored.body), stored.position, stored.id)


def record(event: msgspec.Struct, key: str, cause: Position) -> Record:
    body = encode(event)
    return Record(digest(b"event", body), key, body, cause)


def sound_ones(
    messages: Iterable[Stored], poisoned: Mapping[Position, Poisoned], log: Log, tally: Counter[str]
) -> list[Message]:
    """The others than those that are poisoned, which go into quarantine."""
    sound = list[Message]()
    for stored in messages:
        if mistake := poisoned.get(stored.position):
            log.append(Stream.QUARANTINE, [_put_aside(stored, mistake)])
            tally[f"quarantined: {QuarantineReason.STEPS_FAIL}"] += 1
        else:
            sound.append(message_of(stored))
    return sound


def _put_aside(stored: Stored, mistake: Poisoned) -> Record:
    """A message as if it had been a record of a topic, where its offset is its place in the log."""
    message, at = _RAW.decode(stored.body), stored.position
    key, headers, value = raw_record(message)
    arrived_ms = -1 if message.received_at is None else (message.received_at - _EPOCH) // timedelta(milliseconds=1)
    taken = Taken(Partition(0), Offset(at), key, value, tuple(headers), arrived_ms)
    body = encode(quarantined(taken, poison(mistake.error)))
    return Record(digest(b"quarantine", at.to_bytes(8, "big"), body), message.station, body, at)


def state_keys_of(event: Decoded, catalogue: Catalogue) -> Iterator[str]:
    """The states that an event will be stepped on first, to load all of a batch at once."""
    if catalogue.reserving:
        yield reservations_key(event.station)
    match event:
        case TransactionStarted() | TransactionUpdated() | TransactionEnded() | ClockCompared() if (
            event.protocol is not Protocol.OCPP16
        ):
            yield session_key(session_names.session_id(event))
        case MessageRejected() | Fact():
            return
        case _:
            yield station_key(event.station)
    if isinstance(event, TransactionEnded):
        yield meters_key(event.station)


def naming_starts(heard: Sequence[Heard], rules: int, memory: Memory, states: States) -> list[Heard]:
    """The same, each answer of unknown arrival with the start that it answers."""
    found, asked = list(heard), dict[StationId, Asked]()
    about = [
        (index, h.event)
        for index, h in enumerate(heard)
        if isinstance(h.event, StartRequested | StartAnswered) and h.event.received_at is None
    ]
    if not keeps_facts(rules):
        return found
    memory.prefetch((station_key(event.station) for _, event in about), states)
    for index, event in about:
        before = asked.get(event.station)
        named = joined(memory.station(event.station, states).asked if before is None else before, event)
        asked[event.station] = named.asked
        if named.event is not event:
            cause, recorded_at = heard[index].cause, heard[index].recorded_at
            found[index] = Heard(named.event, record(named.event, event.station, cause), cause, recorded_at)
    return found


def is_told_again(event: Decoded, rules: int) -> bool:
    """Whether it counts though it is known: under which message id a start came last, where no arrival says it."""
    return isinstance(event, StartRequested) and event.received_at is None and keeps_facts(rules)


def moves(event: SessionEvent | EndTakenBack) -> bool:
    """Whether an event changes what the index tells of an open session."""
    return isinstance(event, TransactionStarted | TransactionEnded)


def documents_of(new: Sequence[tuple["Postable", Position]]) -> list[DocumentRow]:
    """The invoices among what was concluded."""
    return [_document(drawn.invoice, at) for each, at in new if isinstance(drawn := each.concluded.conclusion, InvoiceIssued)]


def _document(invoice: Invoice, position: Position) -> DocumentRow:
    return DocumentRow(
        invoice.number, invoice.contract, invoice.issued_on, invoice.month, invoice.currency, invoice.total, position
    )


def session_of(conclusion: Conclusion) -> SessionId | None:
    """The session that a conclusion is about; an invoice is about many."""
    match conclusion:
        case SessionClosed():
            return conclusion.session.id
        case InvoiceIssued():
            return None
        case ChargeReversed():
            return conclusion.rated.session
        case _:
            return conclusion.session


def key_of(conclusion: Conclusion) -> str:
    return conclusion.invoice.contract if isinstance(conclusion, InvoiceIssued) else session_of(conclusion) or ""


_BY_TARIFFS = (
    Finding.TARIFF_MISSING,
    Finding.PRICE_NOT_PUBLISHED,
    Finding.VAT_UNFIT,
    Finding.TAX_UNKNOWN,
    Finding.TAXES_UNFIT,
    Finding.LIMIT_UNFIT,
    Finding.AMOUNT_TOO_HIGH,
    Finding.STEPS_FAIL,
    Finding.CLOCK_UNTRUSTED,
)


def answered_by(fact: ReferenceFact) -> tuple[Finding, ...]:
    """The findings that a fact of this kind may lift. A mistake of ours is tried again: by now we may have mended it."""
    match fact:
        case SitePublished():
            by_evses = (Finding.EVSE_UNKNOWN, Finding.CAPACITY_UNKNOWN, Finding.ENERGY_IMPLAUSIBLE, Finding.UNIT_IMPLAUSIBLE)
            return *by_evses, *_BY_TARIFFS
        case ContractPublished() | PartnerPublished():
            return Finding.TOKEN_UNKNOWN, *_BY_TARIFFS
        case TariffPublished() | TariffAssigned():
            return _BY_TARIFFS
        case SeriesPublished():
            return Finding.PRICE_NOT_PUBLISHED, Finding.AMOUNT_TOO_HIGH, Finding.STEPS_FAIL
        case MeterKeyPublished():
            return (Finding.STEPS_FAIL,)
        case OperatorPublished() | PlanPublished() | RulesAdopted() | ClockTicked() | SessionDecided():
            return ()


class Postable(NamedTuple):
    """A conclusion as it is written, and its entries."""

    concluded: Concluded
    entries: tuple[ToPost, ...] = ()


def postable(concluded: Concluded, verbs: Verbs) -> Postable:
    """A charge that cannot be posted is none: a finding about the session is written instead, and stops no other.

    Of an invoice it is laid to the command, which leaves no trace.
    """
    drawn = concluded.conclusion
    if not isinstance(drawn, SessionRated | ChargeReversed | InvoiceIssued):
        return Postable(concluded)
    try:
        entries = verbs.post(drawn)
    except MISTAKES as error:
        if not isinstance(drawn, SessionRated):
            raise Poisoned(concluded.cause, error) from error
        return Postable(concluded._replace(conclusion=steps_fail(drawn.session, error)))
    at = concluded.recorded_at
    return Postable(concluded, tuple(ToPost(entry, concluded.cause, at or entry.effective_at) for entry in entries))


def beside_others(session: ChargingSession, memory: Memory, states: States, rules: int) -> tuple[SessionFlagged | Doubt, ...]:
    """What a closed session is beside the EVSE's others. Where we fail on that, the session has no price and others go on."""
    if not has_doubts(rules):
        return ()
    before = memory.meters(session.station, states)
    try:
        after = meters.step(before, session)
    except MISTAKES as error:
        return (Doubt(finding=Finding.STEPS_FAIL, detail=told(error)),)
    if after.state is not before:
        memory.set(meters_key(session.station), after.state)
    return after.out


def reservations_ended(event: Decoded, memory: Memory, states: States, catalogue: Catalogue) -> tuple[Ended, ...]:
    """Reservations of the event's station that it ended, or that were over by the time that it is by ticks."""
    if not catalogue.reserving or (isinstance(event, ReservationAsked) and not keeps_reservations(event.station, catalogue)):
        return ()
    gap = catalogue.deadlines(catalogue.ticked).gap if catalogue.ticked else timedelta()
    before = memory.reservations(event.station, states)
    after = reservations.step(before, event, catalogue.ticked, gap)
    if after.state is not before:
        memory.set(reservations_key(event.station), after.state)
    return after.out


def is_compared(closed: SessionClosed) -> bool:
    """Whether `beside_others` did not fail as it was closed."""
    return all(doubt.finding is not Finding.STEPS_FAIL for doubt in doubts_of(closed.session))


def compared_again(closed: SessionClosed, noticed: Sequence[SessionFlagged | Doubt]) -> SessionClosed:
    """A session of which that had failed, with what is noticed now: it is closed again."""
    doubts = tuple(doubt for doubt in doubts_of(closed.session) if doubt.finding is not Finding.STEPS_FAIL)
    session = structs.replace(closed.session, doubts=doubts or UNSET)
    return with_doubts(structs.replace(closed, session=session, revision=closed.revision + 1), noticed)


def steps_fail(session: SessionId, error: Exception) -> SessionFlagged:
    return SessionFlagged(session=session, finding=Finding.STEPS_FAIL, detail=told(error))


def counted(conclusion: Conclusion) -> str:
    """Under what a summary counts it."""
    match conclusion:
        case SessionClosed():
            return "closed again" if conclusion.revision else "sessions"
        case SessionRated():
            return "held" if conclusion.held else "rated"
        case SessionFlagged():
            return f"finding: {conclusion.finding}"
        case SessionMerged():
            return "merged"
        case ChargeReversed():
            return "reversed"
        case SessionDropped():
            return "dropped"
        case SignatureChecked():
            refused = conclusion.verdict is Verdict.VERIFIED and conclusion.billing not in (None, Verdict.VERIFIED)
            return f"signature: {conclusion.verdict}" + (", not to be billed" if refused else "")
        case InvoiceIssued():
            return "invoices"
