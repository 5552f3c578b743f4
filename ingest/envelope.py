"""Open an OCPP-J frame: a JSON array of a message type, a message id, and what belongs to them.

    [2, id, action, payload]    CALL               OCPP-J 1.6 §4.2.1; 2.0.1 and 2.1 part 4 §4.2.1
    [3, id, payload]            CALLRESULT         §4.2.2
    [4, id, code, text, more]   CALLERROR          §4.2.3
    [5, id, code, text, more]   CALLRESULTERROR    2.1 part 4 §4.2
    [6, id, action, payload]    SEND               2.1 part 4 §4.2: wants no answer

Of types 4 and 5 only the id and the code are read: the rest is free text. An error or a SEND that lacks
its parts opens to None, since nobody answers it. What is no such frame raises `Refused`, with the reasons in the order in which
`Rejection` declares them. An absent payload and null stand for an empty one (OCPP-J 1.6 §4.2).
"""

from datetime import datetime
from typing import Final, NamedTuple, TypedDict

import msgspec

from ingest.fields import NESTING_MAX, Refused, is_too_deep
from vocabulary.charging import Protocol, Rejection
from vocabulary.identity import StationId


class Origin(NamedTuple):
    """Where a call came from: what its payload does not say."""

    station: StationId
    protocol: Protocol
    message_id: str
    received_at: datetime | None
    with_facts: bool = True  # whether what is said beside the transaction is asked for

    def carried(self) -> "Carriage":
        """What a fact is known by that has no other name than its message's."""
        return {"station": self.station, "message_id": self.message_id, "received_at": self.received_at}


class Carriage(TypedDict):
    station: StationId
    message_id: str
    received_at: datetime | None


class Call(NamedTuple):
    id: str
    action: str
    payload: msgspec.Raw  # a JSON object


class Result(NamedTuple):
    id: str
    payload: msgspec.Raw  # a JSON object


class Failure(NamedTuple):
    id: str
    code: str
    of_answer: bool  # type 5


class Send(NamedTuple):
    id: str
    action: str
    payload: msgspec.Raw  # a JSON object


Frame = Call | Result | Failure | Send | None

_CALL = msgspec.json.Decoder(tuple[int, str, str, msgspec.Raw])
_RESULT = msgspec.json.Decoder(tuple[int, str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_ID = msgspec.json.Decoder(str | int)
_NAME = msgspec.json.Decoder(str)
_TYPE = msgspec.json.Decoder(int)
_ANYTHING = msgspec.json.Decoder(float_hook=str)
_EMPTY = msgspec.Raw(b"{}")
_BRACE = ord("{")
_RESULT_ERROR: Final = 5


def open_frame(text: str) -> Frame:
    """What the frame says, its payload still closed."""
    try:
        return _opened(text)
    except UnicodeEncodeError:
        raise Refused(Rejection.NOT_UTF8, "the text holds a lone surrogate") from None


def _opened(text: str) -> Frame:
    if is_too_deep(text):
        text.encode()  # where it is not even text, that comes first
        raise Refused(Rejection.NOT_JSON, f"nested deeper than {NESTING_MAX} levels")
    try:
        frame = _plainly(text)
    except msgspec.DecodeError:
        frame = None
    return _carefully(text) if frame is None else frame


def _plainly(text: str) -> Frame:
    """The two common frames, in one pass; None for every other, and for a payload that is no object."""
    match text[:3]:
        case "[2,":
            _, message_id, action, payload = _CALL.decode(text)
            return Call(message_id, action, payload) if memoryview(payload)[0] == _BRACE else None
        case "[3,":
            _, message_id, payload = _RESULT.decode(text)
            return Result(message_id, payload) if memoryview(payload)[0] == _BRACE else None
        case _:
            return None


def _carefully(text: str) -> Frame:
    """Every frame, element by element, to find what is wrong with it, if anything is."""
    elements = _elements(text)
    try:
        message_type = _TYPE.decode(elements[0])
    except (IndexError, msgspec.DecodeError):
        raise Refused(Rejection.NOT_OCPP_J, "the first element is no message type") from None
    match message_type:
        case 2:
            return Call(_id(elements), _action(elements), _payload(elements, 3))
        case 3:
            return Result(_id(elements), _payload(elements, 2))
        case 4 | 5:
            return _failure(elements, message_type)
        case 6:
            return _send(elements)
        case _:
            raise Refused(Rejection.UNKNOWN_MESSAGE_TYPE, f"message type {message_type}")


def _failure(elements: list[msgspec.Raw], message_type: int) -> Failure | None:
    try:
        return Failure(_id(elements), _action(elements), message_type == _RESULT_ERROR)
    except Refused:
        return None


def _send(elements: list[msgspec.Raw]) -> Send | None:
    try:
        return Send(_id(elements), _action(elements), _payload(elements, 3))
    except Refused:
        return None


def _elements(text: str) -> list[msgspec.Raw]:
    try:
        return _ELEMENTS.decode(text)
    except msgspec.DecodeError as error:
        raise _no_array(text, error) from None


def _no_array(text: str, error: msgspec.DecodeError) -> Refused:
    """Whether it is no array, or no JSON at all: a typed decoder stops at the first of both that it meets."""
    try:
        _ANYTHING.decode(text)
    except msgspec.ValidationError:  # JSON, with an integer beyond all bounds
        pass
    except msgspec.DecodeError as malformed:
        return Refused(Rejection.NOT_JSON, str(malformed))
    return Refused(Rejection.NOT_OCPP_J, str(error))


def _id(elements: list[msgspec.Raw]) -> str:
    """A string; a number is taken for its digits."""
    try:
        return str(_ID.decode(elements[1]))
    except (IndexError, msgspec.DecodeError):
        raise Refused(Rejection.NOT_OCPP_J, "the second element is no message id") from None


def _action(elements: list[msgspec.Raw]) -> str:
    try:
        return _NAME.decode(elements[2])
    except (IndexError, msgspec.DecodeError):
        raise Refused(Rejection.NOT_OCPP_J, "the third element is no action") from None


def _payload(elements: list[msgspec.Raw], place: int) -> msgspec.Raw:
    payload = elements[place] if len(elements) > place else _EMPTY
    if bytes(payload) == b"null":
        return _EMPTY
    if memoryview(payload)[0] != _BRACE:
        raise Refused(Rejection.NOT_OCPP_J, "the payload is no JSON object")
    return payload
