"""The messages beside the transaction that a station and its CSMS exchange, as facts: `vocabulary.station_facts`.

One reader serves all versions that know the action; where they differ, the field that only one of them has decides. 1.6 writes
a token as `idTag`, 2.x as `idToken`. What a reader refuses is a message that says nothing without the field it names.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

import msgspec

from ingest.envelope import Origin
from ingest.fields import Refused
from ingest.loose import Fields, fields
from vocabulary.charging import Rejection
from vocabulary.decoded import Decoded
from vocabulary.identity import TokenUid
from vocabulary.station_facts import (
    Battery,
    BatterySwapped,
    ComponentReported,
    Limit,
    RemoteStartAsked,
    ReservationAsked,
    ReservationChanged,
    StationBooted,
    StreamOpened,
    StreamReported,
    StreamValue,
    TokenPresented,
    TransactionStatusAsked,
)

Reader = Callable[[Origin, msgspec.Raw], tuple[Decoded, ...]]

_SECONDS_MAX: Final = 10**9  # of a stream's value after its base time: beyond it is no time


def presented(call: Fields) -> tuple[TokenUid | None, str | None]:
    """A token and its type, which 1.6 has not."""
    tag = call.text("idTag")
    return (TokenUid(tag), None) if tag else call.token()


def card(token: Fields) -> tuple[str | None, str | None]:
    """paymentBrand and paymentRecognition of an IdTokenType's additionalInfo: nothing else of it leaves the frame."""
    found = {info.text("type"): info.text("additionalIdToken") for info in token.parts("additionalInfo")}
    return found.get("PaymentBrand"), found.get("PaymentRecognition")


def limit_of(limit: Fields) -> Limit | None:
    """2.1 TransactionLimitType; None where it limits nothing."""
    found = Limit(
        cost=limit.number("maxCost"),
        energy_wh=limit.number("maxEnergy"),
        time_s=limit.integer("maxTime"),
        soc_percent=limit.integer("maxSoC"),
    )
    return None if found == Limit() else found


def authorize(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """1.6 §4.1; 2.x C01-C07."""
    call = fields(payload)
    token, token_type = presented(call)
    brand, recognition = card(call.part("idToken"))
    return (
        TokenPresented(
            **origin.carried(),
            token=token,
            token_type=token_type,
            payment_brand=brand,
            payment_recognition=recognition,
        ),
    )


def boot_notification(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """1.6 §4.2; 2.x B01. Numbers of SIM cards stay in the frame."""
    call = fields(payload)
    box = call.part("chargingStation")
    return (
        StationBooted(
            **origin.carried(),
            protocol=origin.protocol,
            vendor=call.text("chargePointVendor") or box.text("vendorName") or "",
            model=call.text("chargePointModel") or box.text("model") or "",
            serial=call.text("chargePointSerialNumber") or box.text("serialNumber") or "",
            meter_type=call.text("meterType") or "",
            meter_serial=call.text("meterSerialNumber") or "",
            firmware=call.text("firmwareVersion") or box.text("firmwareVersion") or "",
            reason=call.text("reason") or "",
        ),
    )


def reserve_now(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """1.6 §5.13: reservationId, connectorId, expiryDate; 2.x H01: id, evseId, expiryDateTime."""
    call = fields(payload)
    token, token_type = presented(call)
    return (
        ReservationAsked(
            **origin.carried(),
            protocol=origin.protocol,
            reservation=call.need_integer("reservationId" if "reservationId" in call else "id"),
            token=token,
            token_type=token_type,
            evse=call.integer("connectorId" if "connectorId" in call else "evseId"),
            expires_at=call.instant("expiryDate") or call.instant("expiryDateTime"),
        ),
    )


def cancel_reservation(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """1.6 §5.2; 2.x H02."""
    reservation = fields(payload).need_integer("reservationId")
    return (ReservationChanged(**origin.carried(), reservation=reservation, status="CancelAsked"),)


def reservation_status_update(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.x H04."""
    call = fields(payload)
    reservation, status = call.need_integer("reservationId"), call.need_text("reservationUpdateStatus")
    return (ReservationChanged(**origin.carried(), reservation=reservation, status=status),)


def remote_start(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """1.6 §5.11 RemoteStartTransaction; 2.x F01 RequestStartTransaction."""
    call = fields(payload)
    token, token_type = presented(call)
    return (
        RemoteStartAsked(
            **origin.carried(),
            token=token,
            token_type=token_type,
            evse=call.integer("connectorId" if "connectorId" in call else "evseId"),
            remote_start=call.integer("remoteStartId"),
        ),
    )


def get_transaction_status(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.x E14."""
    return (TransactionStatusAsked(**origin.carried(), transaction=fields(payload).transaction()),)


def battery_swap(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.1 S. `requestId` is the natural key: told again, it is the same swap."""
    call = fields(payload)
    token, token_type = call.token()
    batteries = (
        Battery(
            evse=one.integer("evseId"),
            serial=one.text("serialNumber") or "",
            soc_percent=one.number("soC"),
            soh_percent=one.number("soH"),
        )
        for one in call.parts("batteryData")
    )
    return (
        BatterySwapped(
            station=origin.station,
            event=call.need_text("eventType"),
            request=call.need_integer("requestId"),
            token=token,
            token_type=token_type,
            batteries=tuple(batteries),
        ),
    )


_REPORTED = (("Connector", "AvailabilityState"), ("TariffCostCtrlr", "Problem"))


def notify_event(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.x N07, G01: of all that a station may report, what a bill depends on. An entry that cannot be read is left out."""
    return tuple(fact for event in fields(payload).parts("eventData") for fact in _reported(origin, event))


def _reported(origin: Origin, event: Fields) -> Iterator[Decoded]:
    component, variable = event.part("component"), event.part("variable").text("name")
    at, value, evse = event.instant("timestamp"), event.text("actualValue"), component.part("evse")
    name = component.text("name")
    if at is None or value is None or name is None or variable is None:
        return
    if name == "FiscalMetering" or (name, variable) in _REPORTED:
        yield ComponentReported(
            station=origin.station,
            at=at,
            component=name,
            variable=variable,
            value=value,
            instance=component.text("instance") or event.part("variable").text("instance"),
            evse=evse.integer("id"),
            connector=evse.integer("connectorId"),
            transaction=event.transaction(),
            tech_code=event.text("techCode"),
            cleared=event.flag("cleared") or False,
        )


def open_periodic_event_stream(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.1 N."""
    data = fields(payload).part("constantStreamData")
    return (
        StreamOpened(**origin.carried(), stream=data.need_integer("id"), monitor=data.need_integer("variableMonitoringId")),
    )


def notify_periodic_event_stream(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.1 N, by SEND. `t` are seconds after `basetime`, with a fraction; a value without a readable one is left out."""
    sent = fields(payload)
    stream, base = sent.need_integer("id"), sent.need_instant("basetime")
    values = []
    for one in sent.parts("data"):
        seconds, value = one.number("t"), one.text("v")
        if seconds is not None and value is not None and abs(seconds) <= _SECONDS_MAX:
            try:
                values.append(StreamValue(at=base + timedelta(microseconds=int(seconds * 10**6)), value=value))
            except OverflowError:
                raise Refused(Rejection.TIMESTAMP_UNREADABLE, "basetime: no time so far from it exists") from None
    return (StreamReported(station=origin.station, stream=stream, values=tuple(values), pending=sent.integer("pending")),)


FROM_STATION: Final[dict[str, Reader]] = {
    "Authorize": authorize,
    "BootNotification": boot_notification,
    "ReservationStatusUpdate": reservation_status_update,
    "BatterySwap": battery_swap,
    "NotifyEvent": notify_event,
    "OpenPeriodicEventStream": open_periodic_event_stream,
    "NotifyPeriodicEventStream": notify_periodic_event_stream,
}
TO_STATION: Final[dict[str, Reader]] = {
    "ReserveNow": reserve_now,
    "CancelReservation": cancel_reservation,
    "RemoteStartTransaction": remote_start,
    "RequestStartTransaction": remote_start,
    "GetTransactionStatus": get_transaction_status,
}
