"""What a CSMS answers: something valid to every call, and no refusal for what a call contains."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.answers import Decisions, PersonalMessage, TokenStatus, answer
from ingest.schema import violation
from tests.ingest.test_ingest_decode import ANY_JSON, CALLS
from vocabulary.charging import Direction, Protocol

NOW = datetime(2026, 3, 2, 8, 0, 15, 123456, tzinfo=UTC)
DECIDED = Decisions(
    transaction_id=50017,
    token_status=TokenStatus.UNKNOWN,
    total_cost=Decimal("2.50"),
    personal_message=PersonalMessage("nl", "€ 0,40 per kWh " * 100),
)
FOLDERS = {Protocol.OCPP16: "v16", Protocol.OCPP201: "v201", Protocol.OCPP21: "v21"}


def actions(protocol: Protocol) -> list[str]:
    schemas = files("ocpp") / FOLDERS[protocol] / "schemas"
    return sorted(f.name.removesuffix("Response.json") for f in schemas.iterdir() if f.name.endswith("Response.json"))


ACTIONS = [(protocol, action) for protocol in Protocol for action in actions(protocol)]
_ALWAYS = "Authorize BootNotification DataTransfer FirmwareStatusNotification Heartbeat LogStatusNotification MeterValues"
_ALWAYS += " SecurityEventNotification SignCertificate StatusNotification"
_SINCE_201 = """
    ClearedChargingLimit Get15118EVCertificate GetCertificateStatus NotifyChargingLimit NotifyCustomerInformation
    NotifyDisplayMessages NotifyEVChargingNeeds NotifyEVChargingSchedule NotifyEvent NotifyMonitoringReport NotifyReport
    PublishFirmwareStatusNotification ReportChargingProfiles ReservationStatusUpdate TransactionEvent
"""
_SINCE_21 = """
    BatterySwap ClosePeriodicEventStream GetCertificateChainStatus NotifyDERAlarm NotifyDERStartStop NotifyPriorityCharging
    NotifySettlement OpenPeriodicEventStream PullDynamicScheduleUpdate ReportDERControl VatNumberValidation
"""
_ONLY_16 = "DiagnosticsStatusNotification SignedFirmwareStatusNotification StartTransaction StopTransaction"
BY_STATIONS = {  # which actions stations call: every other one is a CSMS's
    Protocol.OCPP16: f"{_ALWAYS} {_ONLY_16}".split(),
    Protocol.OCPP201: f"{_ALWAYS} {_SINCE_201}".split(),
    Protocol.OCPP21: f"{_ALWAYS} {_SINCE_201} {_SINCE_21}".split(),
}
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "01"}
CERTIFICATES = [{"source": "OCSP", "urls": ["https://example.test"], "certificateHashData": HASH}]


def answered(protocol: Protocol, action: str, payload: object = None, decide: Decisions = DECIDED) -> list[object]:
    text = answer(protocol, json.dumps([2, "m-1", action, payload or {}]), NOW, decide)
    assert text is not None
    elements: list[object] = json.loads(text)
    assert elements[1] == "m-1"
    if elements[0] == 3:
        assert violation(protocol, action, text.removeprefix('[3,"m-1",').removesuffix("]"), is_answer=True) is None
    return elements


@pytest.mark.parametrize(("protocol", "action"), ACTIONS)
def test_every_action_of_every_version_has_an_answer(protocol: Protocol, action: str) -> None:
    payload = {"idTag": "A", "idToken": {"idToken": "A", "type": "Central"}, "certificateStatusRequests": CERTIFICATES}
    for decide in (DECIDED, Decisions(transaction_id=1)):
        elements = answered(protocol, action, payload, decide)
        assert elements[0] == (3 if action in BY_STATIONS[protocol] else 4)
        assert elements[0] == 3 or elements[2] == "NotSupported"


@pytest.mark.parametrize("protocol", Protocol)
def test_an_action_that_the_version_has_not_is_not_implemented(protocol: Protocol) -> None:
    foreign = "TransactionEvent" if protocol is Protocol.OCPP16 else "StartTransaction"
    for action in ("MakeCoffee", "", foreign):
        assert answered(protocol, action)[2] == "NotImplemented"


@pytest.mark.parametrize("raw", [m for m in CALLS if m.direction is Direction.FROM_STATION], ids=lambda raw: raw.frame[:16])
def test_every_recorded_call_is_answered_whatever_its_schema_says(raw: object) -> None:
    assert raw.protocol is not None  # type: ignore[attr-defined]
    protocol, (_, _, action, payload) = raw.protocol, json.loads(raw.frame)  # type: ignore[attr-defined]
    assert answered(protocol, action, payload)[0] == 3


@given(st.sampled_from([(protocol, action) for protocol, action in ACTIONS if action in BY_STATIONS[protocol]]), ANY_JSON)
def test_no_content_is_refused(pair: tuple[Protocol, str], value: object) -> None:
    fields = ("idTag", "idToken", "vendorId", "messageId", "vatNumber", "eventType", "certificateStatusRequests")
    elements = answered(*pair, dict.fromkeys(fields, value))
    assert elements[0] == 3 or pair[1] == "GetCertificateChainStatus"


def test_boot_and_heartbeat_tell_the_time_in_whole_seconds() -> None:
    text = answer(Protocol.OCPP16, '[2,"b-1","BootNotification",{}]', NOW, Decisions(heartbeat_interval_s=60))
    assert text == '[3,"b-1",{"status":"Accepted","currentTime":"2026-03-02T08:00:15Z","interval":60}]'
    assert answered(Protocol.OCPP21, "Heartbeat") == [3, "m-1", {"currentTime": "2026-03-02T08:00:15Z"}]


def test_a_start_is_given_its_transaction_id_even_where_the_tag_is_unknown() -> None:
    assert answered(Protocol.OCPP16, "StartTransaction", {"idTag": "A"}) == [
        3,
        "m-1",
        {"transactionId": 50017, "idTagInfo": {"status": "Invalid"}},
    ]


def test_a_start_without_a_decided_id_is_asked_for_again() -> None:
    assert answered(Protocol.OCPP16, "StartTransaction", {}, Decisions())[:3] == [4, "m-1", "InternalError"]


@pytest.mark.parametrize("status", TokenStatus)
def test_each_token_status_is_valid_in_each_version(status: TokenStatus) -> None:
    decide = Decisions(token_status=status)
    for protocol in Protocol:
        answered(protocol, "Authorize", {"idTag": "A"}, decide)
    (_, _, stop) = answered(Protocol.OCPP16, "StopTransaction", {"idTag": "A"}, decide)
    known = status in ("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx")
    assert stop == {"idTagInfo": {"status": status if known else "Invalid"}}


def test_a_stop_without_a_tag_says_nothing_about_one() -> None:
    assert answered(Protocol.OCPP16, "StopTransaction", {"idTag": None}) == [3, "m-1", {}]


def test_the_total_cost_keeps_its_digits() -> None:
    for total in ("2.50", "0.00", "12345678901234567890.10", "1E+2"):
        text = answer(Protocol.OCPP201, '[2,"x","TransactionEvent",{}]', NOW, Decisions(total_cost=Decimal(total)))
        assert text == f'[3,"x",{{"totalCost":{Decimal(total):f}}}]'


def test_an_unknown_cost_is_left_out_and_never_zero() -> None:
    assert answered(Protocol.OCPP21, "TransactionEvent", {"eventType": "Ended"}, Decisions()) == [3, "m-1", {}]


def test_the_driver_is_told_the_price_when_authorised_and_during_a_transaction() -> None:
    decide = Decisions(personal_message=PersonalMessage("nl", "€ 0,40 per kWh"))
    message = {"format": "UTF8", "language": "nl", "content": "€ 0,40 per kWh"}
    info = {"status": "Accepted"}
    assert answered(Protocol.OCPP201, "Authorize", {}, decide)[2] == {"idTokenInfo": {**info, "personalMessage": message}}
    event = {"idToken": {"idToken": "A", "type": "Central"}}
    assert answered(Protocol.OCPP201, "TransactionEvent", event, decide)[2] == {
        "idTokenInfo": info,
        "updatedPersonalMessage": message,
    }


@pytest.mark.parametrize(
    ("vendor", "kind", "status"),
    [
        ("org.openchargealliance.costmsg", "ConnectorUnplugged", "Accepted"),
        ("org.openchargealliance.costmsg", "Refund", "UnknownMessageId"),
        ("com.example", "ConnectorUnplugged", "UnknownVendorId"),
    ],
)
def test_data_of_other_vendors_is_answered_as_unknown(vendor: str, kind: str, status: str) -> None:
    for protocol in Protocol:
        assert answered(protocol, "DataTransfer", {"vendorId": vendor, "messageId": kind})[2] == {"status": status}


def test_certificates_asked_for_are_echoed_with_the_status_that_nothing_is_known() -> None:
    (_, _, payload) = answered(Protocol.OCPP21, "GetCertificateChainStatus", {"certificateStatusRequests": CERTIFICATES})
    expected = {"source": "OCSP", "certificateHashData": HASH, "status": "Failed", "nextUpdate": "2026-03-02T08:00:15Z"}
    assert payload == {"certificateStatus": [expected]}


@pytest.mark.parametrize(
    "frame",
    [
        *['[3,"x",{}]', '[4,"x","InternalError","",{}]', '[5,"x","FormatViolation","",{}]'],
        *['[6,"x","NotifyPeriodicEventStream",{}]', '[3,"x",7]', "[3]", '[9,"x"]'],
    ],
)
def test_nothing_is_answered_to_an_answer_or_to_a_type_to_come(frame: str) -> None:
    for protocol in Protocol:
        assert answer(protocol, frame, NOW, DECIDED) is None


@pytest.mark.parametrize(
    ("frame", "message_id", "code"),
    [
        ('[2,"x","Heartbeat",7]', "x", "FormatViolation"),
        ('[2,"x"]', "x", "FormatViolation"),
        ('[2,"x",7,{}]', "x", "FormatViolation"),
        ('[2,{},"Heartbeat",{}]', "-1", "RpcFrameworkError"),
        ("{}", "-1", "RpcFrameworkError"),
        ("hello", "-1", "RpcFrameworkError"),
        ("", "-1", "RpcFrameworkError"),
        ("[" * 200, "-1", "RpcFrameworkError"),
        ("\ud800", "-1", "RpcFrameworkError"),
    ],
)
def test_what_is_no_call_gets_an_error_in_the_words_of_its_version(frame: str, message_id: str, code: str) -> None:
    for protocol, expected in ((Protocol.OCPP16, "FormationViolation"), (Protocol.OCPP201, code), (Protocol.OCPP21, code)):
        text = answer(protocol, frame, NOW, DECIDED)
        assert text is not None
        assert json.loads(text)[:3] == [4, message_id, expected]


@given(st.text(), st.sampled_from(Protocol))
def test_no_text_raises(text: str, protocol: Protocol) -> None:
    answer(protocol, text, NOW, DECIDED)
