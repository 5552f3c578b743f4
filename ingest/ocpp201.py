"""OCPP 2.0.1 and 2.1: the calls of a station that matter to a bill, as events. The two differ in nothing that is read here.

    TransactionEvent     part 2, E01-E12, J02     -> TransactionStarted, TransactionUpdated, TransactionEnded; and beside it
                                                     TransactionTerms, CostCalculated or CostUnknown, MessageAsked
    MeterValues          part 2, J01              -> MeterSampled
    StatusNotification   part 2, G01              -> ConnectorStatusChanged

The station makes the transactionId and counts its events in seqNo; both are required, and so are the kind of event and its
time. The EVSE, the token and the reservation are sent once and not repeated (part 2, E 1.5): an event that lacks them says
nothing about them. Beside the event stand, as facts of their own (`vocabulary.fact`), what it says of the terms it runs under
(tariffId, transactionLimit, operationMode, reservationId, remoteStartId), and the station's own cost (2.1 costDetails).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from ingest.cost_details import calculated
from ingest.envelope import Origin
from ingest.fields import Integer, Refused, decoder, default_of, instant, read, required_instant, text_or
from ingest.loose import Fields
from ingest.samples import Metered, MeterValue, Readings, Shape, SignedText, meter_sampled, read_metered, status_instant
from ingest.station_messages import card, limit_of
from vocabulary.charging import (
    ChargingState,
    ConnectorStatusChanged,
    Rejection,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import event_id
from vocabulary.decoded import AnyFact, Decoded
from vocabulary.identity import EventId, TokenUid, TransactionId
from vocabulary.station_facts import MessageAsked, TransactionTerms

_NO_DETAILS, _NULL = msgspec.Raw(b""), msgspec.Raw(b"null")
_TransactionEvent = TransactionStarted | TransactionUpdated | TransactionEnded


class UnitOfMeasure(Struct, gc=False):
    """`multiplier` is a power of ten; it scales the value and does not convert units (2.1 part 2 UnitOfMeasureType)."""

    unit: str | None = None
    multiplier: Integer | None = None


class SampledValue(Struct, rename="camel", gc=False):
    value: object = None
    context: str | None = None
    measurand: str | None = None
    phase: str | None = None
    location: str | None = None
    signed_meter_value: SignedText | None = None
    unit_of_measure: UnitOfMeasure | None = None


class TransactionInfo(Struct, rename="camel", gc=False):
    transaction_id: str
    charging_state: str | None = None
    stopped_reason: str | None = None
    remote_start_id: object = None
    tariff_id: object = None  # 2.1, as are the next
    operation_mode: object = None
    transaction_limit: object = None


class Evse(Struct, rename="camel", gc=False):
    id: Integer | None = None
    connector_id: Integer | None = None


class IdToken(Struct, rename="camel", gc=False):
    id_token: str | None = None
    type: str | None = None
    additional_info: object = None


class TransactionEvent(Metered[SampledValue], rename="camel", kw_only=True, gc=False):
    event_type: str
    seq_no: Integer
    transaction_info: TransactionInfo
    timestamp: object = None
    trigger_reason: str | None = None
    offline: bool | None = None
    evse: Evse | None = None
    id_token: IdToken | None = None
    reservation_id: object = None
    cost_details: msgspec.Raw = _NO_DETAILS  # 2.1


class MeterValues(Metered[SampledValue], rename="camel", kw_only=True, gc=False):
    evse_id: Integer


class StatusNotification(Struct, rename="camel", kw_only=True, gc=False):
    evse_id: Integer
    connector_status: str
    connector_id: Integer | None = None
    timestamp: object = None


_TRANSACTION_EVENT = Shape(
    decoder(TransactionEvent),
    ("eventType", "timestamp", "seqNo", "transactionInfo.transactionId"),
    "meterValue",
    SampledValue,
)
_METER_VALUES = Shape(decoder(MeterValues), ("evseId", "meterValue"), "meterValue", SampledValue)
_STATUS = decoder(StatusNotification)
_KINDS = {"Started": TransactionStarted, "Updated": TransactionUpdated, "Ended": TransactionEnded}
_STATES = {state.value: state for state in ChargingState}
_LOCAL = default_of(TransactionEnded, "reason")
_NO_EVSE, _NO_TOKEN, _DEFAULT_UNIT = Evse(), IdToken(), UnitOfMeasure()


def transaction_event(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """E01-E12. A token of type NoAuthorization is empty: nobody is known to pay."""
    call = read_metered(payload, _TRANSACTION_EVENT)
    info, evse, token = call.transaction_info, call.evse or _NO_EVSE, call.id_token or _NO_TOKEN
    kind = _KINDS.get(call.event_type)
    if not info.transaction_id:
        raise Refused(Rejection.FIELD_MISSING, "transactionInfo.transactionId")
    if kind is None:
        raise Refused(Rejection.FIELD_UNREADABLE, "eventType: neither Started, Updated nor Ended")
    at = required_instant(call.timestamp, "timestamp")
    found = _readings(call.meter_value)
    event = kind(
        station=origin.station,
        protocol=origin.protocol,
        at=at,
        transaction=TransactionId(info.transaction_id),
        seq=call.seq_no,
        evse=evse.id,
        connector=evse.connector_id,
        token=TokenUid(token.id_token) if token.id_token else None,
        token_type=token.type or None,
        trigger=call.trigger_reason or None,
        charging_state=_STATES.get(info.charging_state or ""),
        offline=call.offline or False,
        samples=tuple(found.samples),
        signed=tuple(found.signed),
        **({"reason": text_or(info.stopped_reason, _LOCAL)} if kind is TransactionEnded else {}),
    )
    if not origin.with_facts or _says_no_more(call, info, event):
        return (event,)
    return (event, *_beside(origin, call, event))


def _says_no_more(call: TransactionEvent, info: TransactionInfo, event: _TransactionEvent) -> bool:
    """Most are like that, so it is decided by looking at fields alone."""
    return (
        isinstance(event, TransactionUpdated)
        and call.id_token is None
        and call.cost_details in (_NO_DETAILS, _NULL)
        and call.reservation_id is None
        and info.tariff_id is None
        and info.operation_mode is None
        and info.transaction_limit is None
        and info.remote_start_id is None
    )


def _beside(origin: Origin, call: TransactionEvent, event: _TransactionEvent) -> Iterator[AnyFact]:
    """What the message says besides; each names the event that it came with."""
    of, transaction = event_id(event), TransactionId(call.transaction_info.transaction_id)
    terms = _terms(origin, call, of)
    if terms is not None:
        yield terms
    if call.cost_details not in (_NO_DETAILS, _NULL):
        yield calculated(origin.station, of, transaction, isinstance(event, TransactionEnded), call.cost_details)
    if call.id_token is not None or not isinstance(event, TransactionUpdated):
        yield MessageAsked(**origin.carried(), of=of)


def _terms(origin: Origin, call: TransactionEvent, of: EventId) -> TransactionTerms | None:
    info = call.transaction_info
    said = Fields(
        {
            "tariffId": info.tariff_id,
            "operationMode": info.operation_mode,
            "transactionLimit": info.transaction_limit,
            "remoteStartId": info.remote_start_id,
            "reservationId": call.reservation_id,
            "additionalInfo": (call.id_token or _NO_TOKEN).additional_info,
        }
    )
    brand, recognition = card(said)
    none = TransactionTerms(
        station=origin.station, protocol=origin.protocol, of=of, transaction=TransactionId(info.transaction_id)
    )
    terms = msgspec.structs.replace(
        none,
        tariff=said.text("tariffId"),
        limit=limit_of(said.part("transactionLimit")),
        operation_mode=said.text("operationMode"),
        reservation=said.integer("reservationId"),
        remote_start=said.integer("remoteStartId"),
        payment_brand=brand,
        payment_recognition=recognition,
    )
    return None if terms == none else terms


def meter_values(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """J01: never part of a transaction. evseId 0 is the main meter."""
    call = read_metered(payload, _METER_VALUES)
    if call.meter_value is None:
        raise Refused(Rejection.FIELD_MISSING, "meterValue")
    return meter_sampled(origin, call.evse_id, None, _readings(call.meter_value))


def status_notification(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """G01. Tells that a connector is occupied, never whether it charges: that is TransactionEvent's chargingState."""
    call = read(payload, _STATUS, ("evseId", "connectorStatus"))
    changed = ConnectorStatusChanged(
        station=origin.station,
        protocol=origin.protocol,
        evse=call.evse_id,
        at=status_instant(origin, call.timestamp),
        status=call.connector_status,
        connector=call.connector_id,
    )
    return (changed,)


READERS: Final[dict[str, Callable[[Origin, msgspec.Raw], tuple[Decoded, ...]]]] = {
    "TransactionEvent": transaction_event,
    "MeterValues": meter_values,
    "StatusNotification": status_notification,
}


def _readings(meter_values: Sequence[MeterValue[SampledValue]] | None) -> Readings:
    """A sampled value may carry a number and its signed form: two facts."""
    found = Readings()
    for meter_value in meter_values or ():
        at = instant(meter_value.timestamp)
        for one in meter_value.sampled_value or ():
            unit = one.unit_of_measure or _DEFAULT_UNIT
            power = unit.multiplier or 0
            found.add_sample(at, one.value, one.measurand, unit.unit, power, one.context, one.location, one.phase)
            if one.signed_meter_value is not None:
                found.add_signed(at, one.signed_meter_value, one.context)
    return found
