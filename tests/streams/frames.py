"""Lines of the notation as OCPP-J frames: what really travels, for tests that begin with raw messages."""

from typing import Any

import msgspec

from tests.streams.notation import Line, line_of
from vocabulary.charging import Direction, Protocol, RawMessage, Sample, SignedValue
from vocabulary.identity import StationId

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_KINDS = {"started": "Started", "updated": "Updated", "ended": "Ended"}
ANSWER = "answer"


def raw(station: str, text: str) -> RawMessage:
    """The frame that a line of the notation is."""
    line = line_of(text)
    body, protocol = (_frame_2x(line), Protocol.OCPP201) if line.word in _KINDS else (_frame_16(line), Protocol.OCPP16)
    return RawMessage(
        station=StationId(station),
        frame=_ENCODER.encode(body).decode(),
        direction=Direction.TO_STATION if line.word == ANSWER else Direction.FROM_STATION,
        protocol=protocol,
        received_at=line.at,
    )


def _frame_16(line: Line) -> list[Any]:
    at = line.at.isoformat()
    match line.word:
        case "start":
            start = {"connectorId": line.connector, "idTag": line.options.get("token"), "timestamp": at}
            return [2, line.message, "StartTransaction", start | {"meterStart": line.register}]
        case "answer":
            return [3, line.message, {"transactionId": int(line.number), "idTagInfo": {"status": "Accepted"}}]
        case "meter":
            transaction = {"transactionId": int(line.options["tx"])} if "tx" in line.options else {}
            return [
                2,
                line.message,
                "MeterValues",
                {"connectorId": line.connector, "meterValue": _meter_values(line)} | transaction,
            ]
        case "status":
            status = {"connectorId": line.connector, "status": line.options["status"], "timestamp": at}
            return [2, line.message, "StatusNotification", status | {"errorCode": "NoError"}]
        case "stop":
            stop = {"transactionId": int(line.options.get("tx", "17")), "meterStop": line.register, "timestamp": at}
            return [
                2,
                line.message,
                "StopTransaction",
                stop | _reason(line, "reason") | {"transactionData": _meter_values(line)},
            ]
        case word:
            raise AssertionError(f"{word!r} is no message")


def _frame_2x(line: Line) -> list[Any]:
    evse, _, connector = line.options.get("evse", "").partition(".")
    info: dict[str, Any] = {"transactionId": line.options.get("tx", "T1")} | _reason(line, "stoppedReason")
    info |= {} if line.state is None else {"chargingState": line.state}
    call: dict[str, Any] = {"eventType": _KINDS[line.word], "timestamp": line.at.isoformat(), "seqNo": int(line.number)}
    call |= {"triggerReason": "Trigger", "offline": "offline" in line.options, "transactionInfo": info}
    call |= {"meterValue": _meter_values(line, is_2x=True)}
    if evse:
        call["evse"] = {"id": int(evse)} | ({"connectorId": int(connector)} if connector else {})
    if "token" in line.options:
        call["idToken"] = {"idToken": line.options["token"], "type": line.options.get("token_type", "ISO14443")}
    return [2, line.message, "TransactionEvent", call]


def _reason(line: Line, name: str) -> dict[str, str]:
    return {name: line.options["reason"]} if "reason" in line.options else {}


def _meter_values(line: Line, *, is_2x: bool = False) -> list[dict[str, Any]]:
    values = [(s.at, _sampled(s, is_2x=is_2x)) for s in line.samples]
    values += [(s.at, _signed_2x(s) if is_2x else {"format": "SignedData", "value": s.data}) for s in line.signed]
    return [{"timestamp": at.isoformat(), "sampledValue": [value]} for at, value in values]


def _sampled(sample: Sample, *, is_2x: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"value": sample.value if is_2x else str(sample.value), "context": sample.context}
    told |= {"measurand": sample.measurand, "location": sample.location}
    return told | ({"phase": sample.phase} if sample.phase else {})


def _signed_2x(signed: SignedValue) -> dict[str, Any]:
    """Beside a measurand that no bill is made of."""
    carried = {"signedMeterData": signed.data, "encodingMethod": "", "signingMethod": "", "publicKey": ""}
    return {"value": 50, "measurand": "Frequency", "signedMeterValue": carried}
