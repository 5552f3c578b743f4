"""What a CSMS answers to a station's call. Pure: who is known, and what a session costs, comes in with `Decisions`.

Content is never refused. A station that gets an error sends its message again, and finally throws it away (OCPP 1.6 §3.7.1;
2.0.1 part 2, E13), so whatever the payload holds, a call gets its CALLRESULT. A CALLERROR goes out for three things only:

    no OCPP-J call                          FormationViolation (1.6), FormatViolation or RpcFrameworkError (2.x)
    an action that the version has not      NotImplemented
    an action that only a CSMS may call     NotSupported

and where no transaction id was decided for a start (InternalError: the station shall ask again). Answers, errors and
messages of type 6 and beyond are not answered. Each answer is valid by the version's JSON schema.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Struct

from ingest import actions
from ingest.encode import COST_VENDOR
from ingest.envelope import Call, open_frame
from ingest.fields import Refused, is_too_deep
from ingest.wire import Payload, call_error, call_result, number, time_text
from vocabulary.charging import Protocol, Rejection

T = TypeVar("T")


class TokenStatus(StrEnum):
    """OCPP 2.x AuthorizationStatusEnumType. 1.6 knows fewer; there the others become Invalid."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    CONCURRENT_TX = "ConcurrentTx"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    NO_CREDIT = "NoCredit"
    NOT_ALLOWED_TYPE_EVSE = "NotAllowedTypeEVSE"
    NOT_AT_THIS_LOCATION = "NotAtThisLocation"
    NOT_AT_THIS_TIME = "NotAtThisTime"
    UNKNOWN = "Unknown"


class PersonalMessage(NamedTuple):
    language: str  # RFC 5646, at most 8 characters
    text: str


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What the application decided about one call. The defaults suit every call but StartTransaction."""

    transaction_id: int | None = None  # of the transaction that a 1.6 StartTransaction starts; the same for a retry
    token_status: TokenStatus = TokenStatus.ACCEPTED
    total_cost: Decimal | None = None  # with taxes; None: not known, which is not 0: 0 means free (2.0.1 part 2, I03.FR.04)
    personal_message: PersonalMessage | None = None
    heartbeat_interval_s: int = 300


class Asked(NamedTuple):
    """A call with what is needed to answer it."""

    protocol: Protocol
    fields: Mapping[str, msgspec.Raw]
    now: datetime
    decide: Decisions


Reply = Payload | Callable[[Asked], Payload]


class _Unanswerable(Exception):
    """A CALLERROR's code and description, on their way out."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code, description)
        self.code, self.description = code, description


def answer(protocol: Protocol, frame_text: str, now: datetime, decide: Decisions) -> str | None:
    """The text to send back; None where nothing may be sent."""
    try:
        frame = open_frame(frame_text)
    except Refused as refused:
        return _to_no_call(protocol, frame_text, refused)
    return _to_call(protocol, frame, now, decide) if isinstance(frame, Call) else None


def _to_call(protocol: Protocol, call: Call, now: datetime, decide: Decisions) -> str:
    replies, commands = _REPLIES[protocol], _COMMANDS[protocol]
    if call.action in commands:
        return call_error(call.id, "NotSupported", "only a CSMS calls this action")
    if call.action not in replies:
        return call_error(call.id, "NotImplemented", f"{protocol.value} has no such action")
    try:
        return call_result(call.id, _payload(replies[call.action], Asked(protocol, _fields(call.payload), now, decide)))
    except _Unanswerable as error:
        return call_error(call.id, error.code, error.description)


def _payload(reply: Reply, asked: Asked) -> Payload:
    return reply(asked) if callable(reply) else reply


def _fields(payload: msgspec.Raw) -> Mapping[str, msgspec.Raw]:
    """The call's fields, null ones left out; none where a name in it is no text."""
    try:
        return {name: value for name, value in _OBJECT.decode(payload).items() if bytes(value) != b"null"}
    except msgspec.DecodeError:
        return {}


def _to_no_call(protocol: Protocol, text: str, refused: Refused) -> str | None:
    """Message types to come are ignored (OCPP-J 1.6 §4.1.3; 2.0.1 part 4 §4.1.3), and nobody answers a broken answer."""
    message_type, message_id = _beginning(text)
    if refused.reason is Rejection.UNKNOWN_MESSAGE_TYPE or message_type == _RESULT_TYPE:
        return None
    if protocol is Protocol.OCPP16:
        return call_error(message_id or _NO_ID, "FormationViolation", refused.detail)
    code = "RpcFrameworkError" if message_id is None else "FormatViolation"
    return call_error(message_id or _NO_ID, code, refused.detail)


def _beginning(text: str) -> tuple[int | None, str | None]:
    """The message type and id, as far as they can be read."""
    try:
        elements = [] if is_too_deep(text) else _ELEMENTS.decode(text)
    except ValueError:  # no array, no JSON, or no text
        elements = []
    return _element(elements, 0, _INTEGER), _element(elements, 1, _STRING)


def _element(elements: list[msgspec.Raw], place: int, kind: msgspec.json.Decoder[T]) -> T | None:
    try:
        return kind.decode(elements[place])
    except (IndexError, msgspec.DecodeError):
        return None


def _text(asked: Asked, name: str) -> str | None:
    """A field that is a string; None where it is absent or something else."""
    value = asked.fields.get(name)
    return None if value is None else _element([value], 0, _STRING)


def _boot(asked: Asked) -> Payload:
    """1.6 §4.2, 2.x B01: every station is accepted; who may connect is decided before."""
    return {"status": "Accepted", "currentTime": time_text(asked.now), "interval": asked.decide.heartbeat_interval_s}


def _heartbeat(asked: Asked) -> Payload:
    return {"currentTime": time_text(asked.now)}


def _data_transfer(asked: Asked) -> Payload:
    """The one message that stations send under the cost vendor's name tells that the car was unplugged after the end."""
    if _text(asked, "vendorId") != COST_VENDOR:
        return {"status": "UnknownVendorId"}
    return {"status": "Accepted" if _text(asked, "messageId") == "ConnectorUnplugged" else "UnknownMessageId"}


def _authorize_16(asked: Asked) -> Payload:
    return {"idTagInfo": _id_tag_info(asked)}


def _start_16(asked: Asked) -> Payload:
    """§4.8: the id is the transaction's from here on, whatever becomes of the tag."""
    if asked.decide.transaction_id is None:
        raise _Unanswerable("InternalError", "no transaction id was decided")
    return {"transactionId": asked.decide.transaction_id, "idTagInfo": _id_tag_info(asked)}


def _stop_16(asked: Asked) -> Payload:
    """§4.10: idTagInfo may be left out, and is where no tag was presented."""
    return {"idTagInfo": _id_tag_info(asked)} if "idTag" in asked.fields else {}


def _id_tag_info(asked: Asked) -> Payload:
    status = asked.decide.token_status
    return {"status": status if status in _STATUSES_16 else TokenStatus.INVALID}


def _authorize_2x(asked: Asked) -> Payload:
    """The driver's tariff, in words, is part of the authorisation (I01)."""
    message = _message(asked)
    info: Payload = {"status": asked.decide.token_status}
    return {"idTokenInfo": info if message is None else {**info, "personalMessage": message}}


def _transaction_event(asked: Asked) -> Payload:
    """E01-E12; totalCost is the running cost after Updated, the final cost after Ended (I02.FR.01, I03.FR.02)."""
    parts = {
        "idTokenInfo": {"status": asked.decide.token_status} if "idToken" in asked.fields else None,
        "totalCost": None if asked.decide.total_cost is None else number(asked.decide.total_cost),
        "updatedPersonalMessage": _message(asked),
    }
    return {name: part for name, part in parts.items() if part is not None}


def _message(asked: Asked) -> Payload | None:
    """MessageContentType. A text too long for the version is cut, which a display would do as well."""
    message = asked.decide.personal_message
    if message is None:
        return None
    content = message.text[: _MESSAGE_LENGTH_MAX[asked.protocol]]
    return {"format": "UTF8", "language": message.language, "content": content}


class _CertificateHash(Struct, rename="camel"):
    """2.1 CertificateHashDataType."""

    hash_algorithm: Literal["SHA256", "SHA384", "SHA512"]
    issuer_name_hash: Annotated[str, Meta(max_length=128)]
    issuer_key_hash: Annotated[str, Meta(max_length=128)]
    serial_number: Annotated[str, Meta(max_length=40)]


class _CertificateAsked(Struct, rename="camel"):
    certificate_hash_data: _CertificateHash
    source: Literal["CRL", "OCSP"]


def _certificate_chain(asked: Asked) -> Payload:
    """2.1 M: we run no certificate authority, so the status of each certificate asked for is Failed: not known."""
    certificates = _element([asked.fields.get("certificateStatusRequests", _NULL)], 0, _CERTIFICATES)
    if certificates is None:
        raise _Unanswerable("FormatViolation", "certificateStatusRequests cannot be read")
    unknown = {"status": "Failed", "nextUpdate": time_text(asked.now)}
    statuses = [{"certificateHashData": one.certificate_hash_data, "source": one.source, **unknown} for one in certificates]
    return {"certificateStatus": statuses}


def _vat_number(asked: Asked) -> Payload:
    """2.1 C: not validated here, so not accepted; the station may still invoice without it."""
    number_asked = (_text(asked, "vatNumber") or "")[:_VAT_NUMBER_LENGTH_MAX]
    return {"vatNumber": number_asked, "status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedRequest"}}


_RESULT_TYPE: Final = 3
_NO_ID: Final = "-1"  # 2.0.1 part 4 §4.2.3, where the message id cannot be read
_VAT_NUMBER_LENGTH_MAX: Final = 20
_MESSAGE_LENGTH_MAX: Final = {Protocol.OCPP16: 0, Protocol.OCPP201: 512, Protocol.OCPP21: 1024}
_STATUSES_16: Final = frozenset({"Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"})

_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_INTEGER = msgspec.json.Decoder(int)
_STRING = msgspec.json.Decoder(str)
_CERTIFICATES = msgspec.json.Decoder(Annotated[list[_CertificateAsked], Meta(min_length=1, max_length=4)])
_NULL = msgspec.Raw(b"null")

_NOTED: Final[Payload] = {}
_REJECTED: Final[Payload] = {"status": "Rejected"}


_REPLIES_16: Final[dict[str, Reply]] = {
    **dict.fromkeys(actions.NOTED_16, _NOTED),
    "Authorize": _authorize_16,
    "BootNotification": _boot,
    "DataTransfer": _data_transfer,
    "Heartbeat": _heartbeat,
    "SignCertificate": _REJECTED,
    "StartTransaction": _start_16,
    "StopTransaction": _stop_16,
}

_REPLIES_201: Final[dict[str, Reply]] = {
    **dict.fromkeys(actions.NOTED_201, _NOTED),
    "Authorize": _authorize_2x,
    "BootNotification": _boot,
    "DataTransfer": _data_transfer,
    "Get15118EVCertificate": {"status": "Failed", "exiResponse": ""},
    "GetCertificateStatus": {"status": "Failed"},
    "Heartbeat": _heartbeat,
    "NotifyEVChargingNeeds": _REJECTED,
    "NotifyEVChargingSchedule": {"status": "Accepted"},
    "SignCertificate": _REJECTED,
    "TransactionEvent": _transaction_event,
}

_REPLIES_21: Final[dict[str, Reply]] = {
    **_REPLIES_201,
    **dict.fromkeys(actions.NOTED_21, _NOTED),
    "GetCertificateChainStatus": _certificate_chain,
    "OpenPeriodicEventStream": _REJECTED,
    "PullDynamicScheduleUpdate": _REJECTED,
    "VatNumberValidation": _vat_number,
}

_REPLIES = {Protocol.OCPP16: _REPLIES_16, Protocol.OCPP201: _REPLIES_201, Protocol.OCPP21: _REPLIES_21}
_COMMANDS = {
    Protocol.OCPP16: actions.COMMANDS_16,
    Protocol.OCPP201: actions.COMMANDS_201,
    Protocol.OCPP21: actions.COMMANDS_21,
}
