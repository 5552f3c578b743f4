"""The oracle: everything that follows from inputs, by pure functions alone. No log, no database, no batch, no position.

    message ── decode ──▶ events, each known once by its id ──▶ connectors, sessions ──▶ conclude ──▶ adjusted ──▶ post
    fact    ── every session that was closed and has no price is concluded again
    tick    ── every session is asked whether it is overdue
    decision── the session is released or dropped
    run     ── what is billable is drawn up

Plain on purpose, and slow where it does not matter: after a fact it asks anew of every session that waits, where the runtime
asks only of those that the fact may concern.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec
from msgspec import structs

from ingest.decode import decode
from ledger.books import Balance
from ledger.post import post
from streams.adjusting import Standing, adjusted
from streams.batch_parts import is_told_again
from streams.catalogue import Catalogue, with_fact
from streams.decisions import Known, by_itself, decide
from streams.invoice_runs import left_out, sharing
from streams.key_register import evses_of
from streams.meters import MetersState
from streams.rating import conclude
from streams.sessions import Closed, Gathering
from streams.signed.uses import Use, with_uses
from streams.states import SessionRow
from streams.station_states import StationState
from streams.unit import Billable
from streams.used_once import used_once, with_doubt
from tests.one_result.digests import Result
from tests.streams.folding import Folding
from vocabulary.billing import Entry, InvoiceIssued, InvoiceRunRequested
from vocabulary.charging import RawMessage
from vocabulary.codec import Conclusion, ReferenceFact, encode, event_id
from vocabulary.decoded import Decoded
from vocabulary.identity import SessionId, StationId
from vocabulary.reference import ClockTicked, MeterKeyPublished, SessionDecided, plain_evse_id
from vocabulary.rules import checks_records
from vocabulary.sessions import (
    BLOCKING,
    ChargeReversed,
    ChargingSession,
    Finding,
    Progress,
    ReversalReason,
    SessionClosed,
    SessionConclusion,
    SessionDropped,
    SessionFlagged,
    SessionMerged,
    SessionRated,
)
from vocabulary.signatures import SignatureChecked
from vocabulary.station_facts import TransactionTerms
from wattbook.months import month_of
from wattbook.wiring import invoices_of, series_of

Input = RawMessage | ReferenceFact | InvoiceRunRequested

_STATES = msgspec.msgpack.Encoder(decimal_format="string")


class PureFold:
    def __init__(self) -> None:
        self._steps = Folding()
        self._steps.drop = lambda session, reason: self._decision(by_itself(session, reason))
        self._catalogue = Catalogue()
        self._events: dict[str, Decoded] = {}
        self._conclusions: dict[str, Conclusion] = {}
        self._entries: dict[str, Entry] = {}
        self._closed: dict[SessionId, SessionClosed] = {}
        self._blocked: dict[SessionId, Finding] = {}  # without a price, for this reason
        self._rated: dict[SessionId, SessionRated] = {}
        self._revisions: Counter[SessionId] = Counter()  # how often each was rated
        self._invoiced = self._steps.invoiced
        self._merged: set[SessionId] = set()
        self._dropped: set[SessionId] = set()
        self._checked: dict[SessionId, SignatureChecked] = {}
        self._uses: dict[str, Use] = {}
        self._numbers: Counter[str] = Counter()  # by series, how many invoices were issued

    def tell(self, inputs: Iterable[Input]) -> "PureFold":
        for each in inputs:
            match each:
                case RawMessage():
                    self._message(each)
                case InvoiceRunRequested():
                    self._invoice_run(each)
                case ClockTicked():
                    self._tick(each)
                case SessionDecided():
                    self._decision(each)
                case _:
                    self._fact(each)
        return self

    def result(self) -> Result:
        return Result(
            events=Counter(encode(event) for event in self._events.values()),
            conclusions=Counter(encode(conclusion) for conclusion in self._conclusions.values()),
            states=self._states(),
            entries=Counter(encode(entry) for entry in self._entries.values()),
            balances=frozenset(_balances(self._entries.values())),
        )

    def sessions(self) -> set[SessionId]:
        """All of which anything was told, or concluded."""
        return {*self._steps.sessions, *self._blocked}

    @property
    def conclusions(self) -> list[Conclusion]:
        """In the order in which they were drawn."""
        return list(self._conclusions.values())

    @property
    def open(self) -> list[Gathering]:
        return self._steps.open

    @property
    def closed(self) -> list[Closed]:
        return [state for state in self._steps.sessions.values() if isinstance(state, Closed)]

    def _message(self, raw: RawMessage) -> None:
        self._steps.rules, self._steps.catalogue = self._catalogue.rules, self._catalogue
        events = decode(raw, event_id, self._catalogue.rules)
        for decoded in sorted(events, key=lambda event: not isinstance(event, TransactionTerms)):
            event = self._steps.joined(decoded)
            is_new = self._events.setdefault(event_id(event), event) is event
            before = len(self._steps.out)
            if is_new or is_told_again(event, self._catalogue.rules):  # under which message id a start came last counts
                self._steps.tell([event])
            self._outcomes(before)

    def _outcomes(self, before: int) -> None:
        """What the steps gave since then."""
        for outcome in self._steps.out[before:]:
            if isinstance(outcome, SessionClosed):
                self._note(outcome)
                self._conclude(outcome)
            elif isinstance(outcome, SessionMerged):
                self._note(outcome)
            else:
                self._adjust(outcome.session, [outcome])

    def _note(self, conclusion: Conclusion) -> None:
        """A conclusion, and what it posts. One that was drawn before is no new one."""
        is_new = self._conclusions.setdefault(event_id(conclusion), conclusion) is conclusion
        match conclusion:
            case SessionClosed():
                self._closed[conclusion.session.id] = conclusion
            case SignatureChecked():
                self._checked[conclusion.session] = conclusion
                station = self._closed[conclusion.session].session.station
                self._uses |= with_uses(station, conclusion, self._uses.get)
            case SessionRated():
                self._rated[conclusion.session] = conclusion
                self._revisions[conclusion.session] += 1
                self._blocked.pop(conclusion.session, None)
            case ChargeReversed():
                del self._rated[conclusion.rated.session]
            case SessionFlagged() if conclusion.finding in BLOCKING and conclusion.session not in self._rated:
                self._blocked[conclusion.session] = conclusion.finding
            case SessionMerged():
                self._merged.add(conclusion.session)
            case SessionDropped():
                self._dropped.add(conclusion.session)
        if is_new:
            self._entries |= {entry.id: entry for entry in post(conclusion)}

    def _standing(self, session: SessionId) -> Standing:
        return Standing(self._rated.get(session), self._revisions[session], session in self._invoiced)

    def _adjust(self, session: SessionId, concluded: Iterable[SessionConclusion]) -> None:
        for conclusion in adjusted(self._standing(session), concluded):
            self._note(conclusion)

    def _conclude(self, closed: SessionClosed) -> None:
        session, state = closed.session.id, self._steps.sessions[closed.session.id]
        if session not in self._dropped:
            self._adjust(session, self._found(closed, state.waived))

    def _found(self, closed: SessionClosed, waived: tuple[Finding, ...]) -> tuple[SessionConclusion, ...]:
        def concluded(session: ChargingSession) -> tuple[SessionConclusion, ...]:
            return conclude(session, self._catalogue, closed.held, waived)

        return used_once(closed.session, concluded, self._uses.get, self._dropped.__contains__)

    def _fact(self, fact: ReferenceFact) -> None:
        self._catalogue = with_fact(self._catalogue, fact)
        self._check_again(fact)
        for session in list(self._blocked):
            if session in self._closed and session not in self._dropped:
                self._conclude(self._closed[session])

    def _check_again(self, fact: ReferenceFact) -> None:
        """A key came: charges that are held at its EVSE are concluded again where their signatures are judged otherwise now."""
        has_key = isinstance(fact, MeterKeyPublished) or checks_records(self._catalogue.rules)
        evses = evses_of(fact) if has_key else ()
        held = [each for each in self._rated.values() if each.held and each.session not in self._invoiced]
        for rated in (each for each in held if plain_evse_id(each.evse_id) in evses):
            closed, state = self._closed[rated.session], self._steps.sessions[rated.session]
            found = self._found(closed, state.waived)
            checked = next((each for each in found if isinstance(each, SignatureChecked)), None)
            if checked not in (None, self._checked[rated.session]):
                for conclusion in adjusted(self._standing(rated.session), found, ReversalReason.KEY_CAME):
                    self._note(conclusion)

    def _tick(self, tick: ClockTicked) -> None:
        self._catalogue = with_fact(self._catalogue, tick)
        before, self._steps.rules = len(self._steps.out), self._catalogue.rules
        self._steps.tick(tick.at, self._catalogue.deadlines(tick.at))
        self._outcomes(before)

    def _decision(self, decided: SessionDecided) -> None:
        session = decided.session
        state, standing = self._steps.sessions.get(session), self._standing(session)
        if state is None and session not in self._blocked:
            return
        closed = self._closed.get(session)
        if closed is not None:
            looked_at = with_doubt(closed.session, self._catalogue, self._uses.get, self._dropped.__contains__)
            closed = structs.replace(closed, session=looked_at)
        known = Known(self._row(session, standing), state, closed, standing)
        after = decide(known, decided, self._catalogue)
        if after.state is not None:
            self._steps.sessions[session] = after.state
        elif any(isinstance(conclusion, SessionDropped) for conclusion in after.out):
            self._steps.drop_end(session)
        for conclusion in after.out:
            self._note(conclusion)

    def _row(self, session: SessionId, standing: Standing) -> SessionRow:
        """As much of the index as a decision asks."""
        if session in self._merged:
            progress, finding = Progress.MERGED, None
        elif session in self._dropped:
            progress, finding = Progress.DROPPED, None
        elif session in self._invoiced:
            progress, finding = Progress.INVOICED, None
        elif standing.rated is not None:
            finding = standing.rated.held
            progress = Progress.HELD if finding else Progress.RATED
        else:
            finding = self._blocked.get(session)
            progress = Progress.FLAGGED if finding else Progress.OPEN
        return SessionRow(session, StationId(""), progress, finding)

    def _invoice_run(self, request: InvoiceRunRequested) -> None:
        until = month_of(request.month).last
        rated_only = [rated for rated in self._rated.values() if rated.session not in self._invoiced and not rated.held]
        due = [rated for rated in rated_only if rated.contract and rated.ended_on <= until]
        due.sort(key=lambda rated: (rated.contract, rated.start, rated.session))
        doubted = sharing(due, [rated for rated in self._rated.values() if not rated.held], self._catalogue)
        unbilled = [Billable(rated, self._checked[rated.session]) for rated in due if rated.session not in doubted]
        series = series_of(request, self._catalogue)
        invoices = invoices_of(request, unbilled, self._catalogue, self._numbers[series] + 1)
        for invoice in invoices:
            self._note(InvoiceIssued(invoice=invoice))
            for session in invoice.sessions:
                self._invoiced.add(session.session)
        self._numbers[series] += len(invoices)
        for found in left_out(request, doubted):
            self._note(found)

    def _states(self) -> dict[str, bytes]:
        """As they are stored. A station of which nothing is remembered has none."""
        stations = {f"station:{name}": state for name, state in self._steps.stations.items() if state != StationState()}
        meters = {f"meters:{name}": state for name, state in self._steps.meters.items() if state != MetersState()}
        reserved = {f"reservations:{name}": state for name, state in self._steps.reservations.items()}
        sessions = {f"session:{name}": state for name, state in self._steps.sessions.items()}
        counters = {f"counter:invoice:{series}": str(count).encode() for series, count in self._numbers.items()}
        return {
            key: _STATES.encode(state) for key, state in (stations | meters | reserved | self._uses | sessions).items()
        } | counters


def fold(inputs: Iterable[Input]) -> Result:
    return PureFold().tell(inputs).result()


def _balances(entries: Iterable[Entry]) -> list[Balance]:
    """Every account in every currency that anything was ever posted to."""
    debits: Counter[tuple[str, str]] = Counter()
    credits_: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        for posting in entry.postings:
            side = debits if posting.amount_micro > 0 else credits_
            side[posting.account, entry.currency] += abs(posting.amount_micro)
    return [Balance(*key, debits[key], credits_[key]) for key in debits.keys() | credits_.keys()]
