"""How fast frames become events, beside `json.loads` that keeps decimals, and the `ocpp` package's unpack and schema check.

Frames of about 1.1 kB with 8 or 5 samples, and an Ended of 96 meter values. Figures are frames per second of processor time of
one core, each with its arrival, by today's rules; the best of many short rounds by turns, so that what else the machine does
strikes all alike, and little. Demanded of the three versions: 40 000, and 15 times the package.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from time import process_time
from typing import Any

from ocpp import messages

from ingest.decode import decode
from vocabulary.charging import Protocol, RawMessage
from vocabulary.codec import event_id
from vocabulary.identity import StationId

ROUNDS, ROUND_S = 40, 0.02
FRAMES_LEAST, PACKAGE_LEAST = 40_000, 15
ARRIVAL = datetime(2026, 3, 2, 8, 0, 15, tzinfo=UTC)
MEASURANDS = [
    ("Energy.Active.Import.Register", "Wh", None),
    ("Power.Active.Import", "W", None),
    *(("Current.Import", "A", phase) for phase in ("L1", "L2", "L3")),
    *(("Voltage", "V", phase) for phase in ("L1-N", "L2-N")),
    ("SoC", "Percent", None),
]
VERSIONS = {Protocol.OCPP16: "1.6", Protocol.OCPP201: "2.0.1", Protocol.OCPP21: "2.1"}


def main() -> None:
    holds = True
    for name, protocol, frame in (
        ("MeterValues 1.6", Protocol.OCPP16, _meter_values()),
        ("TransactionEvent 2.0.1", Protocol.OCPP201, _event("Updated", 1, 5)),
        ("TransactionEvent 2.1", Protocol.OCPP21, _event("Updated", 1, 5)),
        ("Ended of 96 x 5", Protocol.OCPP21, _event("Ended", 96, 5)),
    ):
        raw = RawMessage(station=StationId("CP"), frame=frame, protocol=protocol, received_at=ARRIVAL)
        works: list[Callable[[], object]] = [
            lambda raw=raw: decode(raw, event_id),  # type: ignore[misc]
            lambda frame=frame: json.loads(frame, parse_float=Decimal),  # type: ignore[misc]
            lambda frame=frame, protocol=protocol: _package(frame, VERSIONS[protocol]),  # type: ignore[misc]
        ]
        rounds = [[_rate(work) for work in works] for _ in range(ROUNDS)]
        ours, plain, package = (max(rates) for rates in zip(*rounds, strict=True))
        holds = holds and (len(frame) > 2000 or (ours >= FRAMES_LEAST and ours >= PACKAGE_LEAST * package))
        print(
            f"{name:24} {len(frame):6,} B  decode {ours:9,.0f}/s  json {plain:9,.0f}/s  ocpp {package:7,.0f}/s"
            f"  decode / json = {ours / plain:.2f}  decode / ocpp = {ours / package:.0f}"
        )

    if not holds:
        sys.exit("below a limit")


def _package(frame: str, version: str) -> None:
    messages._validate_payload(messages.unpack(frame), version)


def _rate(work: Callable[[], object]) -> float:
    work()
    count, began = 0, process_time()
    while (spent := process_time() - began) < ROUND_S:
        work()
        count += 1
    return count / spent


def _value(number: int, measurand: str, unit: str, phase: str | None, is_16: bool) -> dict[str, Any]:
    value = Decimal("1234567.5") + number
    told: dict[str, Any] = {"value": str(value) if is_16 else float(value), "context": "Sample.Periodic"}
    told |= {"measurand": measurand, "location": "Outlet"} | ({"phase": phase} if phase else {})
    return told | ({"unit": unit} if is_16 else {"unitOfMeasure": {"unit": unit, "multiplier": 0}})


def _meter_values() -> str:
    values = [_value(i, *each, is_16=True) for i, each in enumerate(MEASURANDS)]
    meter_value = {"timestamp": "2026-03-02T08:00:14Z", "sampledValue": values}
    return _frame("MeterValues", {"connectorId": 1, "transactionId": 12345, "meterValue": [meter_value]})


def _event(kind: str, times: int, samples: int) -> str:
    at, values = "2026-03-02T08:00:14.123Z", [_value(i, *each, is_16=False) for i, each in enumerate(MEASURANDS[:samples])]
    info = {"transactionId": "0a5c1fd4-6b20-4a5e-9e1d-24b2b0f1a111", "chargingState": "Charging"}
    call: dict[str, Any] = {"eventType": kind, "timestamp": at, "triggerReason": "MeterValuePeriodic", "seqNo": 17}
    call |= {"offline": False, "transactionInfo": info, "evse": {"id": 1, "connectorId": 1}}
    return _frame("TransactionEvent", call | {"meterValue": [{"timestamp": at, "sampledValue": values}] * times})


def _frame(action: str, payload: dict[str, Any]) -> str:
    return json.dumps([2, "19223201", action, payload], separators=(",", ":"))
