"""The oracle: everything that follows from inputs, by pure functions alone. No log, no database, no batch, no position.

    message ── decode ──▶ events, each known once by its id ──▶ connectors, sessions ──▶ conclude ──▶ post
    fact    ── every session that was closed and has no price is concluded again
    run     ── what is billable is drawn up

Plain on purpose, and slow where it does not matter: after a fact it asks anew of every session that waits, where the runtime
asks only of those that the fact may concern.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from ingest.decode import decode
from ledger.books import Balance
from ledger.post import post
from streams.catalogue import Catalogue, with_fact
from streams.connectors import StationState
from streams.rating import conclude
from streams.unit import Billable
from tests.one_result.digests import Result
from tests.streams.folding import Folding
from vocabulary.billing import Entry, InvoiceIssued, InvoiceRunRequested
from vocabulary.charging import RawMessage
from vocabulary.codec import Conclusion, ReferenceFact, encode, event_id
from vocabulary.decoded import Decoded
from vocabulary.identity import SessionId
from vocabulary.sessions import ChargingSession, SessionClosed, SessionRated, SignatureChecked
from wattbook.months import month_of
from wattbook.wiring import invoices_of, series_of

Input = RawMessage | ReferenceFact | InvoiceRunRequested

_STATES = msgspec.msgpack.Encoder(decimal_format="string")


class PureFold:
    def __init__(self) -> None:
        self._steps = Folding()
        self._catalogue = Catalogue()
        self._events: dict[str, Decoded] = {}
        self._conclusions: dict[str, Conclusion] = {}
        self._entries: dict[str, Entry] = {}
        self._waiting: dict[SessionId, ChargingSession] = {}  # closed, and without a price
        self._rated: dict[SessionId, SessionRated] = {}  # and on no invoice
        self._checked: dict[SessionId, SignatureChecked] = {}
        self._numbers: Counter[str] = Counter()  # by series, how many invoices were issued

    def tell(self, inputs: Iterable[Input]) -> "PureFold":
        for each in inputs:
            match each:
                case RawMessage():
                    self._message(each)
                case InvoiceRunRequested():
                    self._invoice_run(each)
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

    def _message(self, raw: RawMessage) -> None:
        for event in decode(raw, event_id):
            if event_id(event) in self._events:
                continue
            self._events[event_id(event)] = event
            before = len(self._steps.out)
            self._steps.tell([event])
            for outcome in self._steps.out[before:]:
                self._note(outcome)

    def _note(self, conclusion: Conclusion) -> None:
        """A conclusion, and what follows from it in turn. One that was drawn before is no new one."""
        is_new = self._conclusions.setdefault(event_id(conclusion), conclusion) is conclusion
        match conclusion:
            case SessionClosed():
                self._waiting[conclusion.session.id] = conclusion.session
                self._conclude(conclusion.session)
            case SignatureChecked():
                self._checked[conclusion.session] = conclusion
            case SessionRated():
                self._waiting.pop(conclusion.session)
                self._rated[conclusion.session] = conclusion
        if is_new:
            self._entries |= {entry.id: entry for entry in post(conclusion)}

    def _conclude(self, session: ChargingSession) -> None:
        for conclusion in conclude(session, self._catalogue):
            self._note(conclusion)

    def _fact(self, fact: ReferenceFact) -> None:
        self._catalogue = with_fact(self._catalogue, fact)
        for session in list(self._waiting.values()):
            self._conclude(session)

    def _invoice_run(self, request: InvoiceRunRequested) -> None:
        until = month_of(request.month).last
        due = [rated for rated in self._rated.values() if rated.contract and not rated.held and rated.ended_on <= until]
        due.sort(key=lambda rated: (rated.contract, rated.start, rated.session))
        unbilled = [Billable(rated, self._checked[rated.session]) for rated in due]
        series = series_of(request, self._catalogue)
        invoices = invoices_of(request, unbilled, self._catalogue, self._numbers[series] + 1)
        for invoice in invoices:
            self._note(InvoiceIssued(invoice=invoice))
            for session in invoice.sessions:
                del self._rated[session.session]
        self._numbers[series] += len(invoices)

    def _states(self) -> dict[str, bytes]:
        """As they are stored. A station of which nothing is remembered has none."""
        stations = {f"station:{name}": state for name, state in self._steps.stations.items() if state != StationState()}
        sessions = {f"session:{name}": state for name, state in self._steps.sessions.items()}
        counters = {f"counter:invoice:{series}": str(count).encode() for series, count in self._numbers.items()}
        return {key: _STATES.encode(state) for key, state in (stations | sessions).items()} | counters


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
