"""OCPP 1.6 (edition 2, errata v4.0): the calls of a station that matter to a bill, as events.

    StartTransaction     §4.8, §6.45   -> TransactionStarted, StartRequested; TransactionTerms where it ends a reservation
    StopTransaction      §4.10, §6.49  -> TransactionEnded
    MeterValues          §4.7, §6.31   -> MeterSampled
    StatusNotification   §4.9, §6.47   -> ConnectorStatusChanged

Values of meterStart and meterStop are Wh. What tells which transaction is meant, and when, is required; what the schema
requires beyond that may be missing or unreadable and is then unknown, never zero. A transactionId is kept as it came: 0, -1
(errata 3.18: a station whose start was never answered) and negative ones are legal and mean nothing here.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from ingest.envelope import Origin, Result
from ingest.fields import (
    Integer,
    Refused,
    decoder,
    default_of,
    instant,
    is_too_deep,
    number,
    read,
    required_instant,
    scaled,
    text_or,
)
from ingest.loose import whole
from ingest.samples import Metered, MeterValue, Readings, Shape, SignedText, meter_sampled, read_metered, status_instant
from vocabulary.charging import (
    ConnectorStatusChanged,
    Rejection,
    StartAnswered,
    StartRequested,
    TransactionEnded,
    TransactionStarted,
)
from vocabulary.codec import event_id
from vocabulary.decoded import Decoded
from vocabulary.identity import StationId, TokenUid, TransactionId
from vocabulary.quantities import WattHours
from vocabulary.station_facts import TransactionTerms


class SampledValue(Struct, rename="camel", gc=False):
    """§7.43. `value` is a string by the schema; stations send numbers as well."""

    value: object = None
    context: str | None = None
    format: str | None = None
    measurand: str | None = None
    phase: str | None = None
    location: str | None = None
    unit: str | None = None


class StartTransaction(Struct, rename="camel", kw_only=True, gc=False):
    connector_id: Integer
    timestamp: object = None
    id_tag: str | None = None
    meter_start: object = None
    reservation_id: object = None


class StopTransaction(Metered[SampledValue], rename="camel", kw_only=True, gc=False):
    transaction_id: Integer
    timestamp: object = None
    id_tag: str | None = None
    meter_stop: object = None
    reason: str | None = None
    meter_value: tuple[MeterValue[SampledValue], ...] | None = msgspec.field(default=None, name="transactionData")


class MeterValues(Metered[SampledValue], rename="camel", kw_only=True, gc=False):
    connector_id: Integer
    transaction_id: Integer | None = None


class StatusNotification(Struct, rename="camel", kw_only=True, gc=False):
    connector_id: Integer
    status: str
    error_code: str | None = None
    timestamp: object = None


class StartTransactionResponse(Struct, rename="camel", gc=False):
    transaction_id: Integer | None = None


class OlderSignedText(SignedText, rename="camel", gc=False):
    """The form before the OCA note: the same, but for the name of the data (be.ENERGISED)."""

    older_data: str | None = msgspec.field(default=None, name="signedMeterValue")


_START = decoder(StartTransaction)
_STOP = Shape(decoder(StopTransaction), ("transactionId", "timestamp"), "transactionData", SampledValue)
_METER_VALUES = Shape(decoder(MeterValues), ("connectorId", "meterValue"), "meterValue", SampledValue)
_STATUS = decoder(StatusNotification)
_START_ANSWER = msgspec.json.Decoder(StartTransactionResponse)
_LOCAL, _NO_ERROR = default_of(TransactionEnded, "reason"), default_of(ConnectorStatusChanged, "error")
_SIGNED_TEXT = msgspec.json.Decoder(OlderSignedText)


def start_transaction(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """§4.8. The transaction has no id yet; the message id under which the answer will bring one is a second fact."""
    call = read(payload, _START, ("connectorId", "timestamp"))
    started = TransactionStarted(
        station=origin.station,
        protocol=origin.protocol,
        at=required_instant(call.timestamp, "timestamp"),
        evse=call.connector_id,
        token=_token(call.id_tag),
        meter_start_wh=_watt_hours(call.meter_start),
    )
    identity, reservation = event_id(started), whole(call.reservation_id)
    arrived = origin.received_at if origin.with_facts else None
    requested = StartRequested(station=origin.station, message_id=origin.message_id, start=identity, received_at=arrived)
    if reservation is None or not origin.with_facts:
        return started, requested
    terms = TransactionTerms(station=origin.station, protocol=origin.protocol, of=identity, reservation=reservation)
    return started, requested, terms


def stop_transaction(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """§4.10. An absent reason means Local; transactionData are samples like those of MeterValues."""
    call = read_metered(payload, _STOP)
    at = required_instant(call.timestamp, "timestamp")
    found = _readings(call.meter_value)
    ended = TransactionEnded(
        station=origin.station,
        protocol=origin.protocol,
        at=at,
        transaction=TransactionId(str(call.transaction_id)),
        token=_token(call.id_tag),
        reason=text_or(call.reason, _LOCAL),
        meter_stop_wh=_watt_hours(call.meter_stop),
        samples=tuple(found.samples),
        signed=tuple(found.signed),
    )
    return (ended,)


def meter_values(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """§4.7. connectorId 0 is the main meter."""
    call = read_metered(payload, _METER_VALUES)
    if call.meter_value is None:
        raise Refused(Rejection.FIELD_MISSING, "meterValue")
    transaction = None if call.transaction_id is None else TransactionId(str(call.transaction_id))
    return meter_sampled(origin, call.connector_id, transaction, _readings(call.meter_value))


def status_notification(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """§4.9. The timestamp is optional: "If absent time of receipt of the message will be assumed" (§6.47)."""
    call = read(payload, _STATUS, ("connectorId", "status"))
    changed = ConnectorStatusChanged(
        station=origin.station,
        protocol=origin.protocol,
        evse=call.connector_id,
        at=status_instant(origin, call.timestamp),
        status=call.status,
        error=text_or(call.error_code, _NO_ERROR),
    )
    return (changed,)


READERS: Final[dict[str, Callable[[Origin, msgspec.Raw], tuple[Decoded, ...]]]] = {
    "StartTransaction": start_transaction,
    "StopTransaction": stop_transaction,
    "MeterValues": meter_values,
    "StatusNotification": status_notification,
}


def start_answered(station: StationId, result: Result, received_at: datetime | None) -> tuple[StartAnswered, ...]:
    """§6.46: no other answer of 1.6 has a transactionId, so the request need not be known."""
    try:
        answer = _START_ANSWER.decode(result.payload)
    except msgspec.ValidationError:
        return ()
    if answer.transaction_id is None:
        return ()
    transaction = TransactionId(str(answer.transaction_id))
    return (StartAnswered(station=station, message_id=result.id, transaction=transaction, received_at=received_at),)


def _readings(meter_values: Sequence[MeterValue[SampledValue]] | None) -> Readings:
    found = Readings()
    for meter_value in meter_values or ():
        at = instant(meter_value.timestamp)
        for one in meter_value.sampled_value or ():
            if one.format == "SignedData":
                found.add_signed(at, _signed_text(one.value), one.context)
            else:
                found.add_sample(at, one.value, one.measurand, one.unit, 0, one.context, one.location, one.phase)
    return found


def _signed_text(value: object) -> SignedText:
    """The JSON text of the OCA note, or its older form; anything else (OCMF, hex, other JSON) is the signed data itself."""
    if not isinstance(value, str):
        return SignedText()
    if value.lstrip()[:1] == "{" and not is_too_deep(value):
        try:
            text = _SIGNED_TEXT.decode(value)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return SignedText(data=value)
        if data := text.data or text.older_data:
            return SignedText(data, text.encoding_method, text.signing_method, text.public_key)
    return SignedText(data=value)


def _token(id_tag: str | None) -> TokenUid | None:
    return TokenUid(id_tag) if id_tag else None


def _watt_hours(value: object) -> WattHours | None:
    """meterStart and meterStop are integers (§6.45, §6.49): 1000 and a retry's 1000.0 are one fact."""
    energy = number(value)
    return None if energy is None else WattHours(scaled(energy, 0))
