"""Turn a raw message into canonical events, or into one rejection that says why not. Pure; raises on no content whatever.

    frame from a station   CALL, SEND of billing interest  ingest.ocpp16, ocpp201, station_messages, payment_messages, …
    frame to a station     CALL of billing interest        ingest.station_messages, cost_messages, payment_messages
    either                 CALLRESULT, errors              ingest.replies
    either                 every other CALL                ()
    either                 what is no OCPP-J frame         MessageRejected

The version is the one that was negotiated. Where the source does not tell, the action and the names of its fields do; 2.0.1
and 2.1 then look alike and are taken for 2.0.1. `()` is no loss: the frame stands in the raw stream, and `passed_by` tells what
it is, to be counted.
"""

from base64 import b64decode
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from ingest import actions, cost_messages, ocpp16, ocpp201, payment_messages, replies, station_messages
from ingest.battery_swaps import with_swap
from ingest.clock import with_comparison
from ingest.envelope import Call, Failure, Frame, Origin, Result, Send, open_frame
from ingest.fields import Refused
from ingest.station_messages import Reader
from vocabulary.charging import Direction, MessageRejected, Protocol, RawMessage, Rejection
from vocabulary.decoded import Decoded
from vocabulary.identity import EventId
from vocabulary.rules import FACTS, has_doubts, keeps_circumstances, keeps_facts

DETAIL_MAX: Final = 200

# What only one family has is read as that family's alone; what stands in `_BESIDE` is read by the fields it has.
_BESIDE = {
    Direction.FROM_STATION: station_messages.FROM_STATION | payment_messages.FROM_STATION | cost_messages.FROM_STATION,
    Direction.TO_STATION: station_messages.TO_STATION | payment_messages.TO_STATION | cost_messages.TO_STATION,
}
_READERS: Final[dict[Protocol, dict[str, Reader]]] = {
    Protocol.OCPP16: ocpp16.READERS,
    Protocol.OCPP201: ocpp201.READERS,
    Protocol.OCPP21: ocpp201.READERS,
}
_TO_STATION = Direction.TO_STATION  # in Python 3.11 a member that is asked of its class costs a call
_BILLING = ocpp16.READERS.keys() | ocpp201.READERS.keys()
_KNOWN_ACTIONS = (
    actions.NOTED_16 | actions.COMMANDS_16 | actions.NOTED_21 | actions.COMMANDS_21 | actions.ASKED | frozenset(_BILLING)
)


def decode(message: RawMessage, identify: Callable[[RawMessage], EventId], rules: int = FACTS) -> tuple[Decoded, ...]:
    """The events that this message is, as far as these rules keep them. `identify` tells the identity of the raw message, for a
    rejection to point to.
    """
    try:
        return _events(message, rules)
    except Refused as refused:
        reason, detail = refused.reason, refused.detail
    except msgspec.DecodeError as error:  # the frame opened, but not the text inside its payload
        reason, detail = Rejection.NOT_JSON, str(error)
    return (MessageRejected(station=message.station, message=identify(message), reason=reason, detail=detail[:DETAIL_MAX]),)


def _events(message: RawMessage, rules: int) -> tuple[Decoded, ...]:
    frame = opened(message)
    match frame:
        case Call():
            return _of_call(message, frame, rules)
        case Result() if not keeps_facts(rules):
            return replies.start_answered(message, frame)
        case Result():
            return replies.answered(message, frame)
        case Send() if keeps_facts(rules):
            return _of_call(message, frame, rules)
        case Failure() if keeps_facts(rules):
            return replies.failed(message, frame)
        case _:
            return ()


def opened(message: RawMessage) -> Frame:
    """The frame of a message. Raises Refused."""
    return open_frame(_text(message) if message.base64 else message.frame)


def passed_by(message: RawMessage) -> str:
    """What a message is that became no event: its action, where a standard knows it, so that there are not too many names."""
    try:
        frame = opened(message)
    except Refused:
        return "no frame"
    if isinstance(frame, Call | Send):
        return frame.action if frame.action in _KNOWN_ACTIONS else "an action that no version knows"
    return "answers"


def _text(message: RawMessage) -> str:
    try:
        return b64decode(message.frame, validate=True).decode()
    except ValueError as error:
        raise Refused(Rejection.NOT_UTF8, str(error)) from None


def _of_call(message: RawMessage, call: Call | Send, rules: int) -> tuple[Decoded, ...]:
    beside = _BESIDE[message.direction].get(call.action)
    if beside is not None and keeps_facts(rules):
        protocol = message.protocol or _family(call)
        facts = beside(Origin(message.station, protocol, call.id, message.received_at), call.payload)
        return with_swap(facts, message.received_at) if keeps_circumstances(rules) else facts
    if call.action not in _BILLING or message.direction is _TO_STATION:
        return ()
    protocol = message.protocol or _version(call)
    reader = _READERS[protocol].get(call.action)
    if reader is None:
        raise Refused(Rejection.UNKNOWN_PROTOCOL, f"{call.action} is no action of {protocol.value}")
    origin = Origin(message.station, protocol, call.id, message.received_at, keeps_facts(rules))
    events = reader(origin, call.payload)
    return with_comparison(events, message.received_at) if message.received_at and has_doubts(rules) else events


class _Names(Struct, rename="camel"):
    """The fields by which a call that both families know gives its version away."""

    connector_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    evse_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_NAMES = msgspec.json.Decoder(_Names)


def _version(call: Call | Send) -> Protocol:
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


class _Names16(Struct, rename="camel"):
    """A field of a BootNotification by which it is 1.6's; no other fact beside a transaction tells its version."""

    charge_point_model: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_NAMES_16 = msgspec.json.Decoder(_Names16)


def _family(call: Call | Send) -> Protocol:
    return Protocol.OCPP201 if _NAMES_16.decode(call.payload).charge_point_model is msgspec.UNSET else Protocol.OCPP16
