"""By what a session is known, the events that a session is made of, and whom they name."""

from datetime import datetime

from msgspec import Struct

from vocabulary.charging import (
    ClockCompared,
    ConnectorStatusChanged,
    MeterSampled,
    Protocol,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import event_id
from vocabulary.identity import EventId, SessionId, StationId, TokenUid, content_id
from vocabulary.station_facts import TransactionTerms


class EndTakenBack(Struct, frozen=True):
    """The end that a 1.6 session had is another one's. No event of the log: it follows from those that tell so."""

    station: StationId


class ReservedSince(Struct, frozen=True):
    """The session ended a reservation, and when that was asked for. No event of the log: two of them together tell it."""

    station: StationId
    since: datetime
    until: datetime | None = None  # when it would have expired


SessionEvent = (
    TransactionStarted
    | TransactionUpdated
    | TransactionEnded
    | MeterSampled
    | ConnectorStatusChanged
    | ClockCompared
    | TransactionTerms
    | ReservedSince
)


def session_id(event: SessionEvent) -> SessionId:
    """2.x: the station's transaction. 1.6: the StartTransaction itself, since its id is the CSMS's and may be used again."""
    match event:
        case TransactionStarted(protocol=Protocol.OCPP16):
            return session_of_start(event_id(event))
        case TransactionTerms(protocol=Protocol.OCPP16):
            return session_of_start(event.of)
        case TransactionStarted() | TransactionUpdated() | TransactionEnded() | ClockCompared() | TransactionTerms():
            return SessionId(content_id("session", event.station, event.transaction or ""))
        case _:
            raise AssertionError(f"{type(event).__name__} does not name a session")


def is_another(session: SessionId, event: SessionEvent | EndTakenBack) -> bool:
    """Whether it is the start of a 1.6 session that follows this one on its connector."""
    return isinstance(event, TransactionStarted) and event.protocol is Protocol.OCPP16 and session_id(event) != session


def session_of_start(start: EventId) -> SessionId:
    """The session that a 1.6 StartTransaction, known by its event id, begins."""
    return SessionId(content_id("session", start))


def token_told(
    event: TransactionStarted | TransactionUpdated | TransactionEnded,
) -> tuple[datetime, TokenUid, str | None] | None:
    """Who charges: the first token told. Who ends it may be another of the same group; the debtor stays the first."""
    if event.token is None or (isinstance(event, TransactionEnded) and event.protocol is Protocol.OCPP16):
        return None
    return event.at, event.token, event.token_type
