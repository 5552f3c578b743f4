"""One batch of inputs through the steps: from raw messages to events, sessions, charges, entries and documents.

Strictly in the order of the inputs, one after the other, so that how inputs are cut into batches changes nothing in what
follows from them (but how much is committed at once). It writes into the unit's transaction and commits nothing itself.

    raw message ── decode ──▶ events ──(new ones)── connectors, sessions ──▶ closed ── conclude ──▶ rated ── post ──▶ entries
    reference fact ── catalogue; what waited for it is concluded again ───────────────▲
    invoice run ── what is billable ── draw up ──▶ invoices ── post ──▶ entries
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from msgspec import structs

from streams import connectors, reopening, session_names
from streams.adjusting import adjusted
from streams.batch_parts import (
    Heard,
    Message,
    answered_by,
    beside_others,
    compared_again,
    is_compared,
    is_told_again,
    moves,
    naming_starts,
    record,
    reservations_ended,
    sound_ones,
    state_keys_of,
    steps_fail,
)
from streams.catalogue import Catalogue, with_fact
from streams.deadlines import by_start, conclude_overdue, heard_at
from streams.decisions import END_DROPPED, USED_AFTER_ALL, apart, by_itself, decided_on, known_of, standing_of
from streams.invoice_runs import drawn_up
from streams.late_keys import checked_again
from streams.log import Record, Stored, Stream
from streams.measuring import gathering
from streams.memory import Memory, session_key, station_key
from streams.mistakes import MISTAKES, Poisoned
from streams.qualities import Disputed, by_rules, disputed, with_doubts
from streams.rating import conclude
from streams.reservations import Unused, Used
from streams.row_conclusions import Picked, Standing, conclusion, demanded
from streams.session_names import ReservedSince
from streams.session_rows import has_no_row, row_after, row_of_unused, told_again
from streams.sessions import Closed, Gathering, SessionOutcome, SessionState
from streams.states import SessionRow
from streams.station_states import Assigned, EndWasDropped
from streams.terms import bear_on_the_price, terms_first
from streams.unit import Unit, Verbs
from streams.unwritten import Unwritten
from streams.used_once import Uses
from vocabulary.billing import InvoiceIssued, InvoiceRunRequested
from vocabulary.charging import (
    ClockCompared,
    MessageRejected,
    MeterSampled,
    Protocol,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import Conclusion, Event, ReferenceFact, decode
from vocabulary.fact import Fact
from vocabulary.identity import EventId, Position, SessionId, StationId
from vocabulary.reference import ClockTicked, RulesAdopted, SessionDecided
from vocabulary.rules import has_doubts, keeps_facts
from vocabulary.sessions import (
    Doubt,
    Finding,
    Progress,
    SessionClosed,
    SessionConclusion,
    SessionDropped,
    SessionFlagged,
)


class Batch:
    """The working state of one batch. `tally` counts what happened, for the summary of an import."""

    def __init__(self, unit: Unit, verbs: Verbs, memory: Memory, catalogue: Catalogue) -> None:
        self._unit, self._verbs, self._memory = unit, verbs, memory
        self.catalogue = catalogue
        self.tally: Counter[str] = Counter()
        self._out = Unwritten(unit, verbs, self.tally)
        self._uses = Uses(memory, unit.states, lambda session: self._out.row(session).progress is Progress.DROPPED)
        self._recalls = False
        self.must_save = False  # what states say follows from more than events: a tick, a decision, new rules

    def run(self, inputs: Sequence[Stored], poisoned: Mapping[Position, Poisoned] = {}) -> None:
        """All inputs, in order; messages at these positions go into quarantine."""
        for stream, run in groupby(inputs, key=lambda stored: stored.stream):
            if stream is Stream.RAW:
                self.messages(sound_ones(run, poisoned, self._unit.log, self.tally))
                continue
            said = ((decode(stored.body), stored.position) for stored in run)
            for are_decisions, some in groupby(said, key=lambda each: isinstance(each[0], SessionDecided)):
                if are_decisions:
                    self._decisions([*some])  # type: ignore[list-item]
                else:
                    for event, position in some:
                        self._order(event, position)
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
        for item in terms_first(heard):
            self._step(item)
        self._recalls = False
        self._out.rows.clear()
        self.tally.clear()

    def _order(self, event: Event, position: Position) -> None:
        match event:
            case InvoiceRunRequested():
                self._invoice_run(event, position)
            case ClockTicked():
                self._tick(event, position)
            case _:
                self._reference(event, position)  # type: ignore[arg-type]

    # Messages

    def messages(self, messages: Sequence[Message]) -> None:
        """Raw messages, in order. Raises Poisoned where one of them cannot be processed."""
        self.tally["messages"] += len(messages)
        heard = [heard for message in messages for heard in self._decode(message)]
        new = list(self._append_events(naming_starts(heard, self.catalogue.rules, self._memory, self._unit.states)))
        self._prefetch(new)
        for item in terms_first(new):
            try:
                self._step(item)
            except MISTAKES as error:
                raise Poisoned(item.cause, error) from error

    def _prefetch(self, heard: Iterable[Heard]) -> None:
        self._memory.prefetch((key for h in heard for key in state_keys_of(h.event, self.catalogue)), self._unit.states)

    def _decode(self, message: Message) -> list[Heard]:
        raw, position, _ = message
        try:
            events = self._verbs.decode(raw, message.identify, self.catalogue.rules)
        except MISTAKES as error:
            raise Poisoned(position, error) from error
        if not events and keeps_facts(self.catalogue.rules):
            self.tally[f"no event: {self._verbs.passed_by(raw)}"] += 1
        return [Heard(event, record(event, event.station, position), position, raw.received_at) for event in events]

    def _append_events(self, heard: Sequence[Heard]) -> Iterator[Heard]:
        """The events that were not known yet: what was told twice goes no further."""
        appended = self._unit.log.append(Stream.EVENTS, [h.record for h in heard])
        for item, (_, is_new) in zip(heard, appended, strict=True):
            self.tally["events" if is_new else "duplicates"] += 1
            if is_new or is_told_again(item.event, self.catalogue.rules):
                self.must_save = self.must_save or not is_new
                yield item

    def _step(self, heard: Heard) -> None:
        event = heard.event
        match event:
            case MessageRejected():
                self.tally[f"rejected: {event.reason}"] += 1
            case Fact():  # beside the transaction: nothing is folded but what bears on a price
                if bear_on_the_price(event, self.catalogue.rules):
                    self._session_step(Assigned(session_names.session_id(event), event), heard)
            case TransactionStarted() | TransactionUpdated() | TransactionEnded() | ClockCompared() if (
                event.protocol is not Protocol.OCPP16
            ):
                self._session_step(Assigned(session_names.session_id(event), event), heard)
            case MeterSampled() if event.protocol is not Protocol.OCPP16:
                pass  # 2.x MeterValues are never of a transaction (part 2, J01)
            case TransactionUpdated():
                raise AssertionError("1.6 has no TransactionUpdated")
            case _:
                self._station_step(event, heard)
        self._reservations_step(heard)

    def _station_step(self, event: connectors.StationEvent, heard: Heard) -> None:
        before = self._memory.station(event.station, self._unit.states)
        after = connectors.step(before, event, self.catalogue.rules)
        if after.state is not before:
            self._memory.set(station_key(event.station), after.state)
        for out in after.out:
            match out:
                case Assigned():
                    self._session_step(out, heard)
                case EndWasDropped():
                    self._is_dropped(out.session, heard)
                case _:
                    self._conclude((out,), event.station, heard.cause, heard.recorded_at)

    def _session_step(self, assigned: Assigned, heard: Heard) -> None:
        if not has_doubts(self.catalogue.rules) and session_names.is_another(assigned.session, assigned.event):
            return
        known = self._memory.session(assigned.session, self._unit.states)
        before = known or gathering(assigned.session, assigned.event.station, self.catalogue)
        identity = EventId(heard.record.id.hex()) if assigned.event is heard.event else None
        ticked, rules = self.catalogue.ticked, self.catalogue.rules
        after = reopening.step(before, assigned.event, identity, ticked, rules, assigned.may_be_another)
        if after.state is not before:
            self._memory.set(session_key(assigned.session), after.state)
        is_seen = isinstance(before, Gathering) and (before.dropped or before.concluded_on > 0)  # it has a row that tells more
        if is_seen and not self._recalls:
            self._out.rows[assigned.session] = told_again(self._out.row(assigned.session), after.state)
        elif row := row_after(before, after.state, has_no_row(known) or moves(assigned.event)):
            self._out.rows[assigned.session] = row
        station, is_again = assigned.event.station, is_seen and isinstance(after.state, Closed)
        self._outcomes(after.out, assigned.session, station, heard.cause, heard.recorded_at, is_again)

    def _reservations_step(self, heard: Heard) -> None:
        """What the event tells of the reservations of its station."""
        for out in reservations_ended(heard.event, self._memory, self._unit.states, self.catalogue):
            match out:
                case Used(instead=instead):
                    if is_taken_back := instead and self._out.row(instead).progress is not Progress.INVOICED:
                        self._is_dropped(instead, heard, USED_AFTER_ALL)
                    if is_taken_back or instead is None:  # else who used it is held: what expired stands on an invoice
                        told = ReservedSince(heard.event.station, out.since, out.until)
                        self._session_step(Assigned(session_names.session_id(out.terms), told), heard)
                case SessionFlagged():
                    self._conclude((out,), heard.event.station, heard.cause, heard.recorded_at)
                case Unused(closed, state):
                    self._memory.set(session_key(state.session), state)
                    self._out.rows[state.session] = row_of_unused(closed.session)
                    self._outcomes((closed,), state.session, heard.event.station, heard.cause, heard.recorded_at)

    # Conclusions

    def _outcomes(
        self,
        outcomes: Iterable[SessionOutcome],
        session: SessionId,
        station: StationId,
        cause: Position,
        recorded_at: datetime | None,
        is_again: bool = False,
    ) -> None:
        """What a session's step gave. `is_again`: the session was concluded before, so there may be a charge that stands."""
        for outcome in outcomes:
            fell = self._meters_step(outcome) if isinstance(outcome, SessionClosed) else ()
            if self._recalls:
                continue
            concluded: Iterable[SessionConclusion]
            match outcome:
                case Disputed():
                    concluded = self._closed(closed) if (closed := self._disputed(outcome)) else ()
                case SessionClosed():
                    told = self._closed(by_rules(with_doubts(outcome, fell), self.catalogue.rules))
                    concluded = (*told, *(each for each in fell if isinstance(each, SessionFlagged)))
                case _:
                    concluded = self._adjusted(session, (outcome,)) if is_again else (outcome,)
            self._conclude(concluded, station, cause, recorded_at)

    def _closed(self, closed: SessionClosed) -> tuple[SessionConclusion, ...]:
        """A session that is closed, and what follows."""
        state = self._memory.session(closed.session.id, self._unit.states)
        assert state is not None
        if state.dropped:
            return (closed,)
        concluded = self._found(closed, state)
        return (closed, *(self._adjusted(closed.session.id, concluded) if closed.revision else concluded))

    def _found(self, closed: SessionClosed, state: SessionState | None) -> tuple[SessionConclusion, ...]:
        """What follows from a closed session. A mistake of ours is a finding about it: others go on."""
        try:
            waived, held = state.waived if state else (), closed.held
            return self._uses.once(closed.session, lambda each: conclude(each, self.catalogue, held, waived))
        except MISTAKES as error:
            return (steps_fail(closed.session.id, error),)

    def _meters_step(self, closed: SessionClosed) -> tuple[SessionFlagged | Doubt, ...]:
        return beside_others(closed.session, self._memory, self._unit.states, self.catalogue.rules)

    def _disputed(self, dispute: Disputed) -> SessionClosed | None:
        if not has_doubts(self.catalogue.rules):
            return None
        self.flush()
        return disputed(conclusion(self._unit.log, self._out.row(dispute.session), SessionClosed), dispute)

    def _adjusted(self, session: SessionId, concluded: Iterable[SessionConclusion]) -> tuple[SessionConclusion, ...]:
        self.flush()
        return adjusted(standing_of(self._unit.log, self._out.row(session)), concluded)

    def _conclude(
        self, conclusions: Iterable[SessionConclusion], station: StationId, cause: Position, recorded_at: datetime | None
    ) -> None:
        """Note conclusions about a session of a station."""
        if not self._recalls:
            self._out.note(self._uses.kept(station, conclusions), station, cause, recorded_at)
            self.must_save |= self._uses.are_new

    def flush(self) -> None:
        """Write what was concluded."""
        self._out.write()

    # Reference facts, time and decisions

    def _reference(self, fact: ReferenceFact, cause: Position) -> None:
        """The catalogue with the fact; and what waited for one of its kind is concluded again."""
        self.tally["reference facts"] += 1
        self.catalogue, log = with_fact(self.catalogue, fact), self._unit.log
        self.must_save |= isinstance(fact, RulesAdopted) or self.catalogue.keeps_more
        self.flush()
        for row, told in checked_again(fact, self.catalogue, self._unit, self._memory, self._found):
            self._conclude(told, row.station, cause, None)
        for row in self._unit.states.waiting(answered_by(fact)):
            if row.finding is Finding.STEPS_FAIL and row.closed_at is None:
                continue  # they failed before it was closed: a message or a tick tries again
            closed, state = demanded(log, row, SessionClosed), self._memory.session(row.session, self._unit.states)
            if is_compared(closed):
                self._conclude(adjusted(standing_of(log, row), self._found(closed, state)), row.station, cause, None)
            elif isinstance(state, Closed):
                noticed = self._meters_step(closed)
                if is_compared(again := compared_again(closed, noticed)):
                    told = (*self._closed(again), *(each for each in noticed if isinstance(each, SessionFlagged)))
                    self._conclude(told, row.station, cause, None)

    def _tick(self, tick: ClockTicked, cause: Position) -> None:
        """The clock ticked: what is overdue is concluded from what there is. States that were heard before it know it not."""
        self.tally["ticks"] += 1
        self.catalogue, self.must_save = with_fact(self.catalogue, tick), True
        self.flush()
        deadlines, rules = self.catalogue.deadlines(tick.at), self.catalogue.rules
        rows = self._unit.states.overdue(tick.at - min(deadlines))
        self._memory.prefetch((session_key(row.session) for row in rows), self._unit.states)
        overdue = [(self._memory.session(row.session, self._unit.states), row) for row in rows]
        for state, row in sorted(overdue, key=lambda each: (by_start(each[0]), each[1].session)):
            try:
                after = conclude_overdue(state, tick.at, deadlines, rules) if isinstance(state, Gathering) else None
            except MISTAKES as error:  # the next tick tries again
                self._out.rows[row.session] = row._replace(heard_at=row.heard_at or row.start)
                self._conclude((steps_fail(row.session, error),), row.station, cause, tick.at)
                continue
            if after is None:  # asked again when the deadline is over once more
                if row.heard_at != (heard := heard_at(state, tick.at)):
                    self._out.rows[row.session] = row._replace(heard_at=heard)
                continue
            assert isinstance(state, Gathering)
            self._memory.set(session_key(row.session), after.state)
            self._out.rows[row.session] = row._replace(heard_at=None)
            self._outcomes(after.out, row.session, row.station, cause, tick.at, is_again=state.concluded_on > 0)
        self.flush()

    def _decisions(self, said: Sequence[tuple[SessionDecided, Position]]) -> None:
        """What persons decided about sessions of this lane. What is not to be decided any more stays as it is."""
        for run in apart(said):
            self.flush()
            rows = self._unit.states.here([decided.session for decided, _ in run])
            self._memory.prefetch((session_key(session) for session in rows), self._unit.states)
            picked = Picked(self._unit.log, [*rows.values()], closed=True)
            for decided, cause in run:
                if row := rows.get(decided.session):
                    self.must_save = True
                    self._decided(decided, row, cause, decided.at, picked)
        self.flush()

    def _decided(self, decided: SessionDecided, row: SessionRow, cause: Position, at: datetime | None, log: Standing) -> None:
        state = self._memory.session(row.session, self._unit.states)
        after = decided_on(self._uses.looked_at(known_of(log, row, state), self.catalogue), decided, self.catalogue)
        if after.state is not None and after.state is not state:
            self._memory.set(session_key(row.session), after.state)
        elif state is None and any(isinstance(each, SessionDropped) for each in after.out):
            station = self._memory.station(row.station, self._unit.states)
            self._memory.set(station_key(row.station), connectors.with_dropped(station, row.session))
        self._conclude(after.out, row.station, cause, at)

    def _is_dropped(self, session: SessionId, heard: Heard, reason: str = END_DROPPED) -> None:
        if not self._recalls:
            self.flush()
            self._decided(by_itself(session, reason), self._out.row(session), heard.cause, heard.recorded_at, self._unit.log)
            self.flush()
        elif self._unit.states.rows([session])[session].progress is Progress.DROPPED:  # which it became by this event
            state = self._memory.session(session, self._unit.states) or gathering(session, heard.event.station, self.catalogue)
            self._memory.set(session_key(session), structs.replace(state, dropped=True))

    # Documents

    def _invoice_run(self, request: InvoiceRunRequested, cause: Position) -> None:
        self.flush()
        invoices, left_out, rows = drawn_up(request, self._unit, self._verbs, self.catalogue)
        self._out.rows.update(rows)
        told: list[Conclusion] = [*(InvoiceIssued(invoice=invoice) for invoice in invoices), *left_out]
        self._out.note(told, StationId(""), cause, request.requested_at)
        self.flush()
