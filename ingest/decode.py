"""Turn a raw message into canonical events, or into one rejection that says why not. Pure; raises on no content whatever.

    frame from a station   CALL of billing interest       its events: ingest.ocpp16, ingest.ocpp201
                           every other call, every answer  ()
    frame to a station     CALLRESULT with a transactionId StartAnswered (1.6)
                           everything else                 ()
    either                 what is no OCPP-J frame         MessageRejected

The version is the one that was negotiated. Where the source does not tell, the action and the names of its fields do; 2.0.1
and 2.1 then look alike and are taken for 2.0.1. `()` is no loss: the frame stands in the raw stream.
"""

from base64 import b64decode
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from ingest import ocpp16, ocpp201
from ingest.clock import with_comparison
from ingest.envelope import Call, Origin, Result, open_frame
from ingest.fields import Refused
from vocabulary.charging import ChargingEvent, Direction, MessageRejected, Protocol, RawMessage, Rejection
from vocabulary.identity import EventId

DETAIL_MAX: Final = 200

_READERS = {Protocol.OCPP16: ocpp16.READERS, Protocol.OCPP201: ocpp201.READERS, Protocol.OCPP21: ocpp201.READERS}
_BILLING = ocpp16.READERS.keys() | ocpp201.READERS.keys()


def decode(message: RawMessage, identify: Callable[[RawMessage], EventId]) -> tuple[ChargingEvent, ...]:
    """The events that this message is. `identify` tells the identity of the raw message, for a rejection to point to."""
    try:
        return _events(message)
    except Refused as refused:
        reason, detail = refused.reason, refused.detail
    except msgspec.DecodeError as error:  # the frame opened, but not the text inside its payload
        reason, detail = Rejection.NOT_JSON, str(error)
    return (MessageRejected(station=message.station, message=identify(message), reason=reason, detail=detail[:DETAIL_MAX]),)


def _events(message: RawMessage) -> tuple[ChargingEvent, ...]:
    frame = open_frame(_text(message) if message.base64 else message.frame)
    match frame:
        case Call() if message.direction is Direction.FROM_STATION:
            return _of_call(message, frame)
        case Result() if message.direction is Direction.TO_STATION and message.protocol in (None, Protocol.OCPP16):
            return ocpp16.start_answered(message.station, frame)
        case _:
            return ()


def _text(message: RawMessage) -> str:
    try:
        return b64decode(message.frame, validate=True).decode()
    except ValueError as error:
        raise Refused(Rejection.NOT_UTF8, str(error)) from None


def _of_call(message: RawMessage, call: Call) -> tuple[ChargingEvent, ...]:
    if call.action not in _BILLING:
        return ()
    protocol = message.protocol or _version(call)
    reader = _READERS[protocol].get(call.action)
    if reader is None:
        raise Refused(Rejection.UNKNOWN_PROTOCOL, f"{call.action} is no action of {protocol.value}")
    events = reader(Origin(message.station, protocol, call.id, message.received_at), call.payload)
    return events if message.received_at is None else with_comparison(events, message.received_at)


class _Names(Struct, rename="camel"):
    """The fields by which a call that both families know gives its version away."""

    connector_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    evse_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_NAMES = msgspec.json.Decoder(_Names)


def _version(call: Call) -> Protocol:
    """1.6 knows connectors only; 2.x names the EVSE in every call of these."""
    if call.action not in ocpp16.READERS:
        return Protocol.OCPP201
    if call.action not in ocpp201.READERS:
        return Protocol.OCPP16
    names = _NAMES.decode(call.payload)
    if names.evse_id is not msgspec.UNSET:
        return Protocol.OCPP201
    if names.connector_id is not msgspec.UNSET:
        return Protocol.OCPP16
    raise Refused(Rejection.UNKNOWN_PROTOCOL, f"{call.action} names neither connectorId nor evseId")
