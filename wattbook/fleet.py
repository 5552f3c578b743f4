"""A made-up fleet of charging stations: the messages that they and their CSMS exchange, for the demo, tests and benchmarks.

Pure and repeatable: the same plan gives the same bytes. A plan is a list of `Visit`s; `messages` turns it into OCPP-J frames
of the three protocol versions, in order of arrival, with what the field is full of where a visit asks for it: messages that
a station queued while it was offline, retries of what was answered already, signed meter values.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import merge
from typing import Any, NamedTuple

import msgspec

from vocabulary.charging import Direction, Protocol, RawMessage
from vocabulary.identity import StationId, digest

Json = dict[str, Any]
Sign = Callable[[str, datetime, Decimal, str], str]  # kind (B or E), instant, register in Wh, identification -> OCMF text

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_LATENCY = timedelta(milliseconds=120)


class Visit(NamedTuple):
    """One vehicle at one EVSE: plugged in, charging at constant power, then idle until unplugged."""

    station: StationId
    protocol: Protocol
    evse: int
    token: str
    plugged: datetime
    register_wh: Decimal  # of the meter at the start
    energy_wh: Decimal
    charging_s: int
    idle_s: int
    transaction: str  # 1.6: an integer, given by the CSMS
    sample_s: int = 300
    offline_s: int = 0  # all its messages arrive that much later, marked offline where the protocol can
    retries: bool = False  # the last transaction message is sent twice, under another message id
    sign: Sign | None = None


def messages(visits: Iterable[Visit]) -> Iterator[RawMessage]:
    """All frames of all visits, in order of arrival."""
    return merge(*(_visit(visit) for visit in visits), key=_arrival)


def _arrival(message: RawMessage) -> datetime:
    assert message.received_at is not None
    return message.received_at


def capture_line(message: RawMessage) -> bytes:
    """A message as a line of a capture file (NDJSON)."""
    assert message.received_at is not None
    head = {
        "at": _time(message.received_at),
        "station": message.station,
        "protocol": message.protocol,
        "direction": message.direction,
    }
    return _ENCODER.encode(head | {"frame": msgspec.Raw(message.frame.encode())}) + b"\n"


def _visit(visit: Visit) -> Iterator[RawMessage]:
    conversation = _Conversation(visit)
    exchanges = _exchanges_16(visit) if visit.protocol is Protocol.OCPP16 else _exchanges_2x(visit)
    for at, action, payload, answer in exchanges:
        yield from conversation.exchange(at, action, payload, answer)
    if visit.retries:
        yield from conversation.exchange(at + timedelta(seconds=60), action, payload, answer)


Exchange = tuple[datetime, str, Json, Json]


class _Conversation:
    """Gives messages their ids and arrival times. Ids come from content, so that they repeat."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._count = visit, 0

    def exchange(self, at: datetime, action: str, payload: Json, answer: Json) -> Iterator[RawMessage]:
        self._count += 1
        name = digest(self._visit.station.encode(), self._visit.transaction.encode(), str(self._count).encode()).hex()[:16]
        arrival = at + _LATENCY + timedelta(seconds=self._visit.offline_s)
        yield self._message(Direction.FROM_STATION, arrival, [2, name, action, payload])
        yield self._message(Direction.TO_STATION, arrival + _LATENCY, [3, name, answer])

    def _message(self, direction: Direction, at: datetime, frame: list[object]) -> RawMessage:
        text = _ENCODER.encode(frame).decode()
        return RawMessage(
            station=self._visit.station, frame=text, direction=direction, protocol=self._visit.protocol, received_at=at
        )


def _samples(visit: Visit, started: datetime) -> Iterator[tuple[datetime, Decimal]]:
    """Periodic register values strictly inside the charging time."""
    for elapsed in range(visit.sample_s, visit.charging_s, visit.sample_s):
        yield started + timedelta(seconds=elapsed), _at(visit, elapsed)


def _at(visit: Visit, elapsed: int) -> Decimal:
    share = visit.energy_wh * elapsed / visit.charging_s
    return visit.register_wh + share.quantize(Decimal("0.1"))


def _power_w(visit: Visit) -> Decimal:
    return (visit.energy_wh * 3600 / visit.charging_s).quantize(Decimal(1))


# OCPP 1.6


def _exchanges_16(visit: Visit) -> Iterator[Exchange]:
    started = visit.plugged + timedelta(seconds=20)
    full = started + timedelta(seconds=visit.charging_s)
    stopped = full + timedelta(seconds=visit.idle_s)
    transaction, accepted = int(visit.transaction), {"idTagInfo": {"status": "Accepted"}}
    yield visit.plugged, "StatusNotification", _status(visit, "Preparing", visit.plugged), {}
    yield visit.plugged + timedelta(seconds=12), "Authorize", {"idTag": visit.token}, accepted
    yield started, "StartTransaction", _start_16(visit, started), accepted | {"transactionId": transaction}
    yield started + timedelta(seconds=5), "StatusNotification", _status(visit, "Charging", started + timedelta(seconds=5)), {}
    for at, register in _samples(visit, started):
        value = _meter_value_16(at, [_sample_16(register), _power_16(visit)])
        yield at, "MeterValues", {"connectorId": visit.evse, "transactionId": transaction, "meterValue": [value]}, {}
    if visit.idle_s:
        yield full, "StatusNotification", _status(visit, "SuspendedEV", full), {}
    yield stopped, "StopTransaction", _stop_16(visit, started, stopped), accepted
    gone = stopped + timedelta(seconds=40)
    yield gone, "StatusNotification", _status(visit, "Available", gone), {}


def _status(visit: Visit, status: str, at: datetime) -> Json:
    return {"connectorId": visit.evse, "errorCode": "NoError", "status": status, "timestamp": _time(at)}


def _start_16(visit: Visit, at: datetime) -> Json:
    meter = int(visit.register_wh)
    return {"connectorId": visit.evse, "idTag": visit.token, "meterStart": meter, "timestamp": _time(at)}


def _stop_16(visit: Visit, started: datetime, stopped: datetime) -> Json:
    begin, end = visit.register_wh, visit.register_wh + visit.energy_wh
    data = [
        _meter_value_16(started, _bound_16(visit, "B", "Transaction.Begin", started, begin)),
        _meter_value_16(stopped, _bound_16(visit, "E", "Transaction.End", stopped, end)),
    ]
    return {
        "transactionId": int(visit.transaction),
        "idTag": visit.token,
        "meterStop": int(end),
        "timestamp": _time(stopped),
        "reason": "EVDisconnected",
        "transactionData": data,
    }


def _bound_16(visit: Visit, kind: str, context: str, at: datetime, register: Decimal) -> list[Json]:
    samples = [_sample_16(register) | {"context": context}]
    if visit.sign is not None:
        carried = _ENCODER.encode(_carried(visit.sign(kind, at, register, visit.token))).decode()
        samples.append({"value": carried, "context": context, "format": "SignedData"})
    return samples


def _sample_16(register: Decimal) -> Json:
    return {"value": str(register), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}


def _power_16(visit: Visit) -> Json:
    return {"value": str(_power_w(visit)), "measurand": "Power.Active.Import", "unit": "W"}


def _meter_value_16(at: datetime, samples: list[Json]) -> Json:
    return {"timestamp": _time(at), "sampledValue": samples}


# OCPP 2.0.1 and 2.1


def _exchanges_2x(visit: Visit) -> Iterator[Exchange]:
    charging = visit.plugged + timedelta(seconds=20)
    full = charging + timedelta(seconds=visit.charging_s)
    left = full + timedelta(seconds=visit.idle_s)
    evse = {"id": visit.evse, "connectorId": 1}
    token = {"idToken": {"idToken": visit.token, "type": "ISO14443"}}
    begin, end = visit.register_wh, visit.register_wh + visit.energy_wh
    event = _Events(visit)
    first = [_meter_value_2x(visit, visit.plugged, begin, "Transaction.Begin", "B")]
    yield event(visit.plugged, "Started", "CablePluggedIn", "EVConnected", {"evse": evse, "meterValue": first})
    yield charging - timedelta(seconds=4), "Authorize", token, {"idTokenInfo": {"status": "Accepted"}}
    yield event(charging, "Updated", "Authorized", "Charging", token)
    for at, register in _samples(visit, charging):
        yield event(at, "Updated", "MeterValuePeriodic", None, {"meterValue": [_meter_value_2x(visit, at, register)]})
    if visit.idle_s:
        yield event(full, "Updated", "ChargingStateChanged", "SuspendedEV", {"meterValue": [_meter_value_2x(visit, full, end)]})
    last = [_meter_value_2x(visit, left, end, "Transaction.End", "E")]
    yield event(left, "Ended", "EVCommunicationLost", "Idle", {"meterValue": last}, {"stoppedReason": "EVDisconnected"})


class _Events:
    """TransactionEvent requests of one transaction, numbered from 0."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._seq = visit, -1

    def __call__(
        self, at: datetime, kind: str, trigger: str, state: str | None, more: Json, info: Json | None = None
    ) -> Exchange:
        self._seq += 1
        transaction = {"transactionId": self._visit.transaction} | ({"chargingState": state} if state else {}) | (info or {})
        head = {"eventType": kind, "timestamp": _time(at), "triggerReason": trigger, "seqNo": self._seq}
        offline = {"offline": True} if self._visit.offline_s else {}
        return at, "TransactionEvent", head | offline | {"transactionInfo": transaction} | more, {}


def _meter_value_2x(
    visit: Visit, at: datetime, register: Decimal, context: str = "Sample.Periodic", kind: str | None = None
) -> Json:
    energy: Json = {"value": register, "context": context, "unitOfMeasure": {"unit": "Wh"}}
    if kind is not None and visit.sign is not None:
        energy |= {"signedMeterValue": _carried(visit.sign(kind, at, register, visit.token))}
    power: Json = {"value": _power_w(visit), "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W"}}
    return {"timestamp": _time(at), "sampledValue": [energy] if kind else [energy, power]}


def _carried(ocmf: str) -> Json:
    """SignedMeterValueType; the signing method is inside the OCMF data, the key is not sent."""
    data = msgspec.to_builtins(ocmf.encode())  # base64
    return {"signedMeterData": data, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
