"""The steps, folded by hand over canonical events: what `streams.batch` does, without a log, a database or a price.

An event that is known by its id goes no further; an event of a 1.6 station finds its session; the session steps.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec import structs

from streams import connectors, meters, reopening, reservations, session_names
from streams.answered import joined
from streams.batch_parts import is_told_again
from streams.catalogue import Catalogue, Deadlines
from streams.connectors import with_dropped
from streams.deadlines import by_start, conclude_overdue
from streams.decisions import END_DROPPED, USED_AFTER_ALL
from streams.measuring import gathering, keeps_reservations
from streams.meters import MetersState
from streams.qualities import Disputed, by_rules, disputed, with_doubts
from streams.reservations import Reservations, Unused, Used
from streams.session_names import EndTakenBack, ReservedSince, SessionEvent
from streams.sessions import Gathering, SessionOutcome, SessionState
from streams.station_states import Assigned, EndWasDropped, StationState
from streams.terms import bear_on_the_price
from vocabulary.charging import (
    ClockCompared,
    MessageRejected,
    MeterSampled,
    Protocol,
    StartAnswered,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import encode, event_id
from vocabulary.decoded import Decoded
from vocabulary.fact import Fact
from vocabulary.identity import SessionId, StationId
from vocabulary.rules import RULES, has_doubts, keeps_facts
from vocabulary.sessions import Doubt, SessionClosed, SessionFlagged, SessionMerged
from vocabulary.station_facts import ReservationAsked, TransactionTerms


class Folding:
    """The states of all stations and sessions, and what came out so far, in order."""

    def __init__(self) -> None:
        self.stations: dict[StationId, StationState] = {}
        self.sessions: dict[SessionId, SessionState] = {}
        self.reservations: dict[StationId, Reservations] = {}
        self.meters: dict[StationId, MetersState] = {}
        self.out: list[SessionClosed | SessionFlagged | SessionMerged] = []
        self.ticked: datetime | None = None
        self.rules = RULES
        self.catalogue = Catalogue()
        self.invoiced: set[SessionId] = set()
        self.drop: Callable[[SessionId, str], None] = self._drop  # of whose end it was decided before its start came
        self._lost: dict[SessionId, StationId] = {}  # ends without a start
        self._seen: set[str] = set()

    def tell(self, events: Iterable[Decoded]) -> "Folding":
        for event in events:
            named = self.joined(event)
            if event_id(named) not in self._seen or is_told_again(named, self.rules):
                self._seen.add(event_id(named))
                self._step(named)
        return self

    def joined(self, event: Decoded) -> Decoded:
        """An answer to a start names the start that it answers."""
        if not isinstance(event, StartAnswered) or not keeps_facts(self.rules):
            return event
        return joined(self.stations.get(event.station, StationState()).asked, event).event

    def tick(self, at: datetime, deadlines: Deadlines = Deadlines()) -> "Folding":  # noqa: B008
        """The clock ticked: every session that is overdue is concluded from what there is."""
        self.ticked = max(at, self.ticked or at)
        for session, state in sorted(self.sessions.items(), key=lambda item: (by_start(item[1]), item[0])):
            if isinstance(state, Gathering) and (after := conclude_overdue(state, at, deadlines, self.rules)):
                self.sessions[session] = after.state
                self._note(after.out)
        return self

    @property
    def closed(self) -> list[SessionClosed]:
        return [outcome for outcome in self.out if isinstance(outcome, SessionClosed)]

    @property
    def findings(self) -> list[SessionFlagged]:
        return [outcome for outcome in self.out if isinstance(outcome, SessionFlagged)]

    @property
    def open(self) -> list[Gathering]:
        return [state for state in self.sessions.values() if isinstance(state, Gathering)]

    def result(self) -> tuple[list[bytes], set[bytes]]:
        """The sessions byte for byte as they were closed last, in the order of their first closing, and the findings as a set.

        How often each was closed depends on the order of messages, and nothing else does.
        """
        last = {closed.session.id: closed for closed in self.closed}
        return [encode(structs.replace(closed, revision=0)) for closed in last.values()], {encode(f) for f in self.findings}

    def closed_last(self, session: SessionId) -> SessionClosed | None:
        return next((closed for closed in reversed(self.closed) if closed.session.id == session), None)

    def _step(self, event: Decoded) -> None:
        match event:
            case TransactionTerms() if bear_on_the_price(event, self.rules):
                self._session_step(session_names.session_id(event), event)
            case MessageRejected() | Fact():
                pass
            case TransactionStarted() | TransactionUpdated() | TransactionEnded() | ClockCompared() if (
                event.protocol is not Protocol.OCPP16
            ):
                self._session_step(session_names.session_id(event), event)
            case MeterSampled() if event.protocol is not Protocol.OCPP16:
                pass
            case TransactionUpdated():
                raise AssertionError("1.6 has no TransactionUpdated")
            case _:
                self._station_step(event)
        self._reservations_step(event)

    def _reservations_step(self, event: Decoded) -> None:
        """As `streams.batch_parts.reservations_ended`, which has a store of states."""
        known = structs.replace(self.catalogue, rules=self.rules)
        if not known.reserving or (isinstance(event, ReservationAsked) and not keeps_reservations(event.station, known)):
            return
        gap = known.deadlines(self.ticked).gap if self.ticked else timedelta()
        before = self.reservations.get(event.station, Reservations())
        after = reservations.step(before, event, self.ticked, gap)
        if after.state != before:
            self.reservations[event.station] = after.state
        for item in after.out:
            match item:
                case Used() if item.instead in self.invoiced:
                    pass
                case Used():
                    if item.instead is not None:
                        self.drop(item.instead, USED_AFTER_ALL)
                    told = ReservedSince(event.station, item.since, item.until)
                    self._session_step(session_names.session_id(item.terms), told)
                case Unused():
                    self.sessions[item.state.session] = item.state
                    self._note((item.closed,))
                case SessionFlagged():
                    self._lost[item.session] = event.station
                    self.out.append(item)

    def _station_step(self, event: connectors.StationEvent) -> None:
        state, out = connectors.step(self.stations.get(event.station, StationState()), event, self.rules)
        self.stations[event.station] = state
        for item in out:
            match item:
                case Assigned():
                    self._session_step(*item)
                case EndWasDropped():
                    self.drop(item.session, END_DROPPED)
                case SessionFlagged() | SessionMerged():
                    self._lost[item.session] = event.station
                    self.out.append(item)

    def drop_end(self, session: SessionId) -> None:
        """A person decided that nothing is billed for an end without a start."""
        station = self._lost[session]
        self.stations[station] = with_dropped(self.stations[station], session)

    def _drop(self, session: SessionId, reason: str) -> None:
        self.sessions[session] = structs.replace(self.sessions[session], dropped=True)

    def _session_step(self, session: SessionId, event: SessionEvent | EndTakenBack, may_be_another: bool = False) -> None:
        if not has_doubts(self.rules) and session_names.is_another(session, event):
            return
        before = self.sessions.get(session) or self._gathering(session, event.station)
        self.sessions[session], out = reopening.step(before, event, None, self.ticked, self.rules, may_be_another)
        self._note(out)

    def _gathering(self, session: SessionId, station: StationId) -> Gathering:
        return gathering(session, station, structs.replace(self.catalogue, rules=self.rules))

    def _note(self, outcomes: Iterable[SessionOutcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, SessionClosed):
                fell = self._meters_step(outcome)
                self.out.append(by_rules(with_doubts(outcome, fell), self.rules))
                self.out += [each for each in fell if isinstance(each, SessionFlagged)]
            elif not isinstance(outcome, Disputed):
                self.out.append(outcome)
            elif has_doubts(self.rules) and (again := self._disputed(outcome)):
                self.out.append(again)

    def _disputed(self, dispute: Disputed) -> SessionClosed | None:
        return disputed(self.closed_last(dispute.session), dispute)

    def _meters_step(self, closed: SessionClosed) -> tuple[SessionFlagged | Doubt, ...]:
        if not has_doubts(self.rules):
            return ()
        station = closed.session.station
        before = self.meters.get(station, MetersState())
        after = meters.step(before, closed.session)
        if after.state is not before:
            self.meters[station] = after.state
        return after.out


def fold(events: Iterable[Decoded]) -> Folding:
    return Folding().tell(events)
