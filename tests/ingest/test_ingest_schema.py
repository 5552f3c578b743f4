"""The verdicts of OCPP's schemas are those that the recorded frames are marked with."""

import json
from pathlib import Path

import msgspec
import pytest

from ingest.schema import violation
from vocabulary.charging import Protocol


class Line(msgspec.Struct):
    protocol: Protocol
    action: str
    schema: str
    frame: msgspec.Raw


FOLDER = Path(__file__).parent.parent / "data" / "ocpp"
LINES = [msgspec.json.decode(line, type=Line) for file in sorted(FOLDER.glob("*.ndjson")) for line in file.open("rb")]


JUDGED = [line for line in LINES if line.schema != "n/a"]


@pytest.mark.parametrize("line", JUDGED, ids=lambda line: bytes(line.frame)[:20].decode())
def test_a_recorded_frame_has_the_verdict_that_it_is_marked_with(line: Line) -> None:
    elements = msgspec.json.decode(line.frame, type=list[msgspec.Raw])
    verdict = violation(line.protocol, line.action, bytes(elements[-1]).decode(), is_answer=bytes(elements[0]) == b"3")
    kind = "valid" if verdict is None else verdict.partition(":")[0] + "Error"
    assert kind == line.schema


def test_a_verdict_names_the_place_and_the_rule_and_no_value() -> None:
    payload = json.dumps({"connectorId": 1, "idTag": "A-TOKEN-OF-21-LETTERS", "meterStart": 0, "timestamp": "now"})
    assert violation(Protocol.OCPP16, "StartTransaction", payload, is_answer=False) == (
        "TypeConstraintViolation: .idTag breaks maxLength"
    )


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"errorCode": "NoError", "connectorId": 1}, "ProtocolError: .status breaks required"),
        ({"errorCode": "NoError", "connectorId": 1, "status": "Busy"}, 'FormatViolation: .status breaks enum: "Busy"'),
        (
            {"errorCode": "NoError", "connectorId": 1, "status": "x" * 31},
            f'FormatViolation: .status breaks enum: "{"x" * 30}…"',
        ),
    ],
)
def test_a_verdict_names_the_field_that_is_missing_and_the_word_that_is_none_of_the_list(
    payload: dict[str, object], found: str
) -> None:
    assert violation(Protocol.OCPP16, "StatusNotification", json.dumps(payload), is_answer=False) == found


def test_numbers_are_compared_exactly() -> None:
    limit = '{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile",'
    limit += '"chargingProfileKind":"Absolute","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":'
    limit += '[{"startPeriod":0,"limit":%s}]}}}'
    assert violation(Protocol.OCPP16, "SetChargingProfile", limit % "21.4", is_answer=False) is None
    assert violation(Protocol.OCPP16, "SetChargingProfile", limit % "21.41", is_answer=False) is not None


def test_an_action_that_the_version_has_not_is_told() -> None:
    assert violation(Protocol.OCPP16, "TransactionEvent", "{}", is_answer=False) == "NotImplemented: ocpp1.6 has no such action"
