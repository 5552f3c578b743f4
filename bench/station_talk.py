"""What a station says, call after call: a session, then a while without one, and again. Pure: the moment is an argument.

A call each `EVERY_S`. A session has `samples` meter values between its start and its end; then as many heartbeats follow, with
the connector's status before and after. Where in that the station begins follows from its number, so of many stations half
charge at any time, and their sessions are of every age.
"""

from datetime import datetime, timedelta
from typing import Any

from bench.network import TOKEN
from vocabulary.charging import Protocol
from vocabulary.identity import StationId

EVERY_S = 10
_STEP_WH = 30  # 11 kW for ten seconds
_SPREAD = 7919  # a prime, so that neighbours are far from each other in their cycle

Json = dict[str, Any]


def name_of(number: int) -> StationId:
    return StationId(f"ST-{number:05}")


def protocol_of(number: int) -> Protocol:
    return Protocol.OCPP201 if number % 2 else Protocol.OCPP16


class Talk:
    """One station. `call` gives what it says next; `answered` tells it the answer, before the next one."""

    def __init__(self, number: int, samples: int) -> None:
        self.number, self.station, self.protocol = number, name_of(number), protocol_of(number)
        self._samples, self._cycle = samples, 2 * samples + 6
        self.place = number * _SPREAD % self._cycle
        self._session, self._seq, self._count = 0, 0, 0
        self._register_wh = 1_000_000 + number
        self._transaction = 0

    @property
    def calls_of_session(self) -> int:
        """How many calls ago the session began that runs now; 0 where none runs."""
        return self.place - 2 if 2 < self.place < self._samples + 4 else 0

    def rewind(self) -> int:
        """Go back to the start of the session that runs; gives how many calls ago that was."""
        back = self.calls_of_session
        self.place -= back
        return back

    def call(self, at: datetime) -> tuple[str, str, Json]:
        """Message id, action, payload."""
        place, self.place = self.place, (self.place + 1) % self._cycle
        self._count += 1
        message_id = f"{self.number:05}-{self._count:06}-{at.timestamp():.0f}"
        return message_id, *(self._in_16(place, at) if self.protocol is Protocol.OCPP16 else self._in_201(place, at))

    def answered(self, payload: Json) -> None:
        self._transaction = payload.get("transactionId", self._transaction)

    def _in_16(self, place: int, at: datetime) -> tuple[str, Json]:
        last = self._samples + 3
        match place:
            case 0:
                return "StatusNotification", self._status("Preparing", at)
            case 1:
                return "Authorize", {"idTag": TOKEN}
            case 2:
                start = {"connectorId": 1, "idTag": TOKEN, "meterStart": self._register_wh, "timestamp": _time(at)}
                return "StartTransaction", start
            case _ if place < last:
                self._register_wh += _STEP_WH
                sampled = [
                    {"value": str(self._register_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
                    {"value": "10800", "measurand": "Power.Active.Import", "unit": "W"},
                ]
                values = [{"timestamp": _time(at), "sampledValue": sampled}]
                return "MeterValues", {"connectorId": 1, "transactionId": self._transaction, "meterValue": values}
            case _ if place == last:
                stop = {"transactionId": self._transaction, "meterStop": self._register_wh, "timestamp": _time(at)}
                return "StopTransaction", stop | {"idTag": TOKEN, "reason": "EVDisconnected"}
            case _ if place == last + 1:
                return "StatusNotification", self._status("Available", at)
            case _:
                return "Heartbeat", {}

    def _in_201(self, place: int, at: datetime) -> tuple[str, Json]:
        last = self._samples + 3
        match place:
            case 0 | 1:
                return "StatusNotification", self._status("Occupied" if place else "Available", at)
            case 2:
                self._session, self._seq = int(at.timestamp()), 0
                token = {"idToken": {"idToken": TOKEN, "type": "ISO14443"}}
                first = {"evse": {"id": 1, "connectorId": 1}} | token
                return "TransactionEvent", self._event("Started", "Authorized", at, "Transaction.Begin") | first
            case _ if place < last:
                self._register_wh += _STEP_WH
                return "TransactionEvent", self._event("Updated", "MeterValuePeriodic", at, "Sample.Periodic")
            case _ if place == last:
                return "TransactionEvent", self._event("Ended", "EVDeparted", at, "Transaction.End")
            case _ if place == last + 1:
                return "StatusNotification", self._status("Available", at)
            case _:
                return "Heartbeat", {}

    def _status(self, status: str, at: datetime) -> Json:
        if self.protocol is Protocol.OCPP16:
            return {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": _time(at)}
        return {"evseId": 1, "connectorId": 1, "connectorStatus": status, "timestamp": _time(at)}

    def _event(self, kind: str, trigger: str, at: datetime, context: str) -> Json:
        info = {"transactionId": f"{self.number}-{self._session}", "chargingState": "Charging"}
        sampled = [
            {"value": self._register_wh, "context": context},
            {"value": 10_800, "context": context, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W"}},
        ]
        self._seq += 1
        return {
            "eventType": kind,
            "timestamp": _time(at),
            "triggerReason": trigger,
            "seqNo": self._seq - 1,
            "transactionInfo": info,
            "meterValue": [{"timestamp": _time(at), "sampledValue": sampled}],
        }


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def before(talk: Talk, now: datetime) -> list[tuple[datetime, str, str, Json]]:
    """What a station whose session runs now has said of it so far; it goes on from there, with `transaction_before`."""
    calls = talk.rewind()
    talk.answered({"transactionId": transaction_before(talk.number)})
    return [(at := now - timedelta(seconds=EVERY_S * back), *talk.call(at)) for back in range(calls, 0, -1)]


def transaction_before(number: int) -> int:
    """The id that a 1.6 station was given for it: beyond those that the server gives."""
    return 10_000_000 + number
