"""The steps, folded by hand over canonical events: what `streams.batch` does, without a log, a database or a price.

An event that is known by its id goes no further; an event of a 1.6 station finds its session; the session steps.
"""

from collections.abc import Iterable

from streams import connectors, sessions
from streams.connectors import Assigned, StationState
from streams.sessions import Gathering, SessionEvent, SessionOutcome, SessionState
from vocabulary.charging import (
    MessageRejected,
    MeterSampled,
    Protocol,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import encode, event_id
from vocabulary.decoded import Decoded
from vocabulary.fact import Fact
from vocabulary.identity import SessionId, StationId
from vocabulary.sessions import SessionClosed, SessionFlagged


class Folding:
    """The states of all stations and sessions, and what came out so far, in order."""

    def __init__(self) -> None:
        self.stations: dict[StationId, StationState] = {}
        self.sessions: dict[SessionId, SessionState] = {}
        self.out: list[SessionOutcome] = []
        self._seen: set[str] = set()

    def tell(self, events: Iterable[Decoded]) -> "Folding":
        for event in events:
            if event_id(event) not in self._seen:
                self._seen.add(event_id(event))
                self._step(event)
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
        """The sessions byte for byte in the order of their closing, and the findings as a set."""
        return [encode(closed) for closed in self.closed], {encode(finding) for finding in self.findings}

    def _step(self, event: Decoded) -> None:
        match event:
            case MessageRejected() | Fact():
                pass
            case TransactionStarted() | TransactionUpdated() | TransactionEnded() if event.protocol is not Protocol.OCPP16:
                self._session_step(sessions.session_id(event), event)
            case MeterSampled() if event.protocol is not Protocol.OCPP16:
                pass
            case TransactionUpdated():
                raise AssertionError("1.6 has no TransactionUpdated")
            case _:
                self._station_step(event)

    def _station_step(self, event: connectors.StationEvent) -> None:
        state, out = connectors.step(self.stations.get(event.station, StationState()), event)
        self.stations[event.station] = state
        for item in out:
            if isinstance(item, Assigned):
                self._session_step(*item)
            else:
                self.out.append(item)

    def _session_step(self, session: SessionId, event: SessionEvent) -> None:
        before = self.sessions.get(session) or Gathering(session=session, station=event.station)
        self.sessions[session], out = sessions.step(before, event)
        self.out += out


def fold(events: Iterable[Decoded]) -> Folding:
    return Folding().tell(events)
