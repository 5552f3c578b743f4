"""What the calls of OCPP 2.0.1 and 2.1 mean."""

import pytest

from tests.ingest.notation import check, events
from vocabulary.charging import (
    ChargingState,
    MessageRejected,
    Protocol,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import encode, event_id

UPDATED = (
    '[2,"n4","TransactionEvent",{"eventType":"Updated","timestamp":"2026-03-06T08:15:00Z","triggerReason":"Trigger","seqNo":2,'
    '"transactionInfo":{"transactionId":"tx-1"}%s}]'
)


def test_a_transaction_begins_with_its_evse_its_token_and_a_begin_register() -> None:
    check("""
        ocpp2.0.1 [2,"n1","TransactionEvent",{"eventType":"Started","timestamp":"2026-03-06T08:00:00Z",
                   "triggerReason":"CablePluggedIn","seqNo":0,
                   "transactionInfo":{"transactionId":"tx-1","chargingState":"EVConnected"},
                   "evse":{"id":1,"connectorId":2},"idToken":{"idToken":"04A1B2C3","type":"ISO14443"},
                   "meterValue":[{"timestamp":"2026-03-06T08:00:00Z","sampledValue":[
                     {"value":500000,"context":"Transaction.Begin","measurand":"Energy.Active.Import.Register",
                      "location":"Outlet","unitOfMeasure":{"unit":"Wh","multiplier":0}}]}]}]
        -----
        transaction.started  at 2026-03-06T08:00:00Z  transaction tx-1  evse 1  connector 2  seq 0
                             token 04A1B2C3  token_type ISO14443  trigger CablePluggedIn  charging_state EVConnected
        sample               at 2026-03-06T08:00:00Z  value 500000  context Transaction.Begin
        message.asked        message_id n1
    """)


def test_an_update_tells_the_charging_state_by_which_idle_time_is_known() -> None:
    check("""
        ocpp2.0.1 [2,"n5","TransactionEvent",{"eventType":"Updated","timestamp":"2026-03-06T08:30:00Z",
                   "triggerReason":"ChargingStateChanged","seqNo":3,
                   "transactionInfo":{"transactionId":"tx-1","chargingState":"SuspendedEV","timeSpentCharging":1779}}]
        -----
        transaction.updated  at 2026-03-06T08:30:00Z  transaction tx-1  seq 3
                             trigger ChargingStateChanged  charging_state SuspendedEV
    """)


def test_an_end_of_a_queued_transaction_tells_its_reason_and_that_it_was_offline() -> None:
    check("""
        ocpp2.1 [2,"o4","TransactionEvent",{"eventType":"Ended","timestamp":"2026-03-07T11:00:00Z",
                 "triggerReason":"AbnormalCondition","seqNo":4,"offline":true,
                 "transactionInfo":{"transactionId":"off-1","stoppedReason":"PowerLoss"}}]
        -----
        transaction.ended  at 2026-03-07T11:00:00Z  transaction off-1  seq 4
                           trigger AbnormalCondition  reason PowerLoss  offline True
        message.asked      message_id o4
    """)


@pytest.mark.parametrize("reason", ["", ',"stoppedReason":null', ',"stoppedReason":""', ',"stoppedReason":"Local"'])
def test_a_stopped_reason_may_be_left_out_only_where_it_is_local(reason: str) -> None:
    frame = UPDATED.replace("Updated", "Ended").replace('"tx-1"', f'"tx-1"{reason}') % ""
    event, *_ = events(frame, Protocol.OCPP201)
    assert isinstance(event, TransactionEnded)
    assert event.reason == "Local"
    assert b"reason" not in encode(event)


@pytest.mark.parametrize("state", list(ChargingState))
def test_each_charging_state_is_known(state: ChargingState) -> None:
    (event,) = events(UPDATED.replace('"tx-1"', f'"tx-1","chargingState":"{state}"') % "", Protocol.OCPP201)
    assert isinstance(event, TransactionUpdated)
    assert event.charging_state is state


def test_a_charging_state_to_come_is_no_state_and_no_reason_to_lose_the_event() -> None:
    (event,) = events(UPDATED.replace('"tx-1"', '"tx-1","chargingState":"Dreaming"') % "", Protocol.OCPP21)
    assert isinstance(event, TransactionUpdated)
    assert event.charging_state is None


@pytest.mark.parametrize("token", ['{"idToken":"","type":"NoAuthorization"}', '{"type":"NoAuthorization"}'])
def test_an_empty_token_is_nobody(token: str) -> None:
    event, *_ = events(UPDATED.replace("Updated", "Started") % f',"idToken":{token}', Protocol.OCPP201)
    assert isinstance(event, TransactionStarted)
    assert (event.token, event.token_type) == (None, "NoAuthorization")


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [
        ('"value":28,"unitOfMeasure":{"unit":"kWh"}', "value 28000"),
        ('"value":33,"unitOfMeasure":{"unit":"Wh","multiplier":3}', "value 33000"),
        ('"value":33,"unitOfMeasure":{"multiplier":3}', "value 33000"),
        ('"value":1234567,"unitOfMeasure":{"unit":"kWh","multiplier":-3}', "value 1234567"),
        ('"value":505500.50,"unitOfMeasure":{}', "value 505500.50"),
        ('"value":505500.50,"unitOfMeasure":null', "value 505500.50"),
        ('"value":12345678901234567.123', "value 12345678901234567.123"),
        ('"value":"9.6","unitOfMeasure":{"unit":"kWh"}', "value 9600"),
        ('"value":1.5e1', "value 15"),
        ('"value":7.4,"measurand":"Current.Offered","unitOfMeasure":{"unit":"A"}', "value 7.4 measurand Current.Offered"),
        ('"value":-5,"measurand":"Energy.Active.Net"', "value -5 measurand Energy.Active.Net"),
        ('"value":5,"measurand":"Energy.Active.Net","unitOfMeasure":{"unit":"kwh"}', "value 5000 measurand Energy.Active.Net"),
        ('"value":1,"location":"Upstream","phase":"L1-N"', "value 1 location Upstream phase L1-N"),
        ('"value":1,"location":"","phase":"","context":"","measurand":""', "value 1"),
    ],
)  # fmt: skip
def test_a_sampled_value_is_scaled_to_its_base_unit_exactly(sampled: str, expected: str) -> None:
    check(f"""
        ocpp2.0.1 [2,"m","MeterValues",{{"evseId":1,"meterValue":[
                   {{"timestamp":"2026-03-06T08:15:00Z","sampledValue":[{{{sampled}}}]}}]}}]
        -----
        meter.sampled  evse 1
        sample  at 2026-03-06T08:15:00Z {expected}
    """)


@pytest.mark.parametrize(
    "sampled",
    [
        '"value":1,"unitOfMeasure":{"unit":"MJ"}',
        '"value":1,"unitOfMeasure":{"unit":"kW"}',
        '"value":1,"unitOfMeasure":{"multiplier":99}',
        '"value":1,"unitOfMeasure":{"multiplier":1.5}',
        '"value":1,"unitOfMeasure":"kWh"',
        '"value":1e19',
        '"value":' + "9" * 30,
        '"value":' + "9" * 5000,
        '"value":[1]',
        '"value":null',
        '"measurand":"SoC","value":50,"unitOfMeasure":{"unit":"Wh"}',
    ],
)
def test_a_sampled_value_that_would_have_to_be_guessed_is_none(sampled: str) -> None:
    frame = UPDATED % (f',"meterValue":[{{"timestamp":"2026-03-06T08:15:00Z","sampledValue":[{{{sampled}}},{{"value":7}}]}}]')
    (event,) = events(frame, Protocol.OCPP201)
    assert isinstance(event, TransactionUpdated)
    assert [str(sample.value) for sample in event.samples] == ["7"]


def test_a_sampled_value_may_carry_its_signed_form_beside_the_number() -> None:
    check("""
        ocpp2.0.1 [2,"m","TransactionEvent",{"eventType":"Ended","timestamp":"2026-03-06T09:00:00Z","seqNo":5,
                   "transactionInfo":{"transactionId":"tx-1"},"meterValue":[{"timestamp":"2026-03-06T09:00:00Z","sampledValue":[
                     {"value":511000,"context":"Transaction.End","signedMeterValue":{"signedMeterData":"T0NNRnx7fQ==",
                      "signingMethod":"ECDSA-secp256r1-SHA256","encodingMethod":"OCMF","publicKey":""}}]}]}]
        -----
        transaction.ended  at 2026-03-06T09:00:00Z  transaction tx-1  seq 5
        sample             at 2026-03-06T09:00:00Z  value 511000  context Transaction.End
        signed             at 2026-03-06T09:00:00Z  data T0NNRnx7fQ==  context Transaction.End
                           encoding_method OCMF  signing_method ECDSA-secp256r1-SHA256
        message.asked      message_id m
    """)


def test_meter_values_belong_to_no_transaction_and_evse_0_is_the_main_meter() -> None:
    check("""
        ocpp2.0.1 [2,"hh1","MeterValues",{"evseId":0,"meterValue":[{"timestamp":"2026-03-08T08:15:00Z","sampledValue":[
                   {"value":123456.7,"context":"Sample.Clock","location":"Inlet","unitOfMeasure":{"unit":"kWh"}}]}]}]
        -----
        meter.sampled  evse 0
        sample  at 2026-03-08T08:15:00Z  value 123456700  context Sample.Clock  location Inlet
    """)


def test_a_status_names_the_evse_and_its_connector() -> None:
    check("""
        ocpp2.1 [2,"s","StatusNotification",
                 {"timestamp":"2026-03-06T08:00:00Z","connectorStatus":"Occupied","evseId":1,"connectorId":2}]
        -----
        connector.status  evse 1  at 2026-03-06T08:00:00Z  status Occupied  connector 2
    """)


def test_a_retried_event_is_the_same_event_and_another_under_the_same_number_is_not() -> None:
    (first,), (second,) = events(UPDATED % "", Protocol.OCPP201), events(UPDATED.replace("n4", "n9") % "", Protocol.OCPP201)
    (other,) = events(UPDATED % ',"offline":true', Protocol.OCPP201)
    assert event_id(first) == event_id(second) != event_id(other)


def test_a_sample_that_says_what_is_understood_anyway_is_the_same_sample() -> None:
    written = '"context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","location":"Outlet","phase":null'
    meter_value = ',"meterValue":[{"timestamp":"2026-03-06T08:15:00Z","sampledValue":[{"value":7%s}]}]'
    (first,) = events(UPDATED % meter_value % "", Protocol.OCPP201)
    (second,) = events(UPDATED % meter_value % f",{written}", Protocol.OCPP201)
    assert event_id(first) == event_id(second)


MISSING, UNREADABLE, TIMELESS = "required_field_is_missing", "field_cannot_be_read", "timestamp_cannot_be_read"
GOOD = {
    "eventType": '"Updated"',
    "timestamp": '"2026-03-06T08:15:00Z"',
    "seqNo": "1",
    "transactionInfo": '{"transactionId":"tx-1"}',
}


@pytest.mark.parametrize(
    ("field", "value", "reason", "detail"),
    [
        ("eventType", "null", MISSING, "eventType"),
        ("timestamp", "null", MISSING, "timestamp"),
        ("seqNo", "null", MISSING, "seqNo"),
        ("transactionInfo", "null", MISSING, "transactionInfo.transactionId"),
        ("transactionInfo", "{}", MISSING, "transactionInfo.transactionId"),
        ("transactionInfo", '{"transactionId":""}', MISSING, "transactionInfo.transactionId"),
        ("transactionInfo", '"tx-1"', UNREADABLE, "Expected `object`, got `str` - at `$.transactionInfo`"),
        ("eventType", '"Paused"', UNREADABLE, "eventType: neither Started, Updated nor Ended"),
        ("seqNo", '"first"', UNREADABLE, "Expected `int`, got `str` - at `$.seqNo`"),
        ("seqNo", "1.5", UNREADABLE, "Expected `int`, got `float` - at `$.seqNo`"),
        ("timestamp", '"06.03.2026 08:15"', TIMELESS, "timestamp: '06.03.2026 08:15'"),
        ("timestamp", "1772000000", TIMELESS, "timestamp: int"),
    ],
)
def test_a_transaction_event_without_what_identifies_it_is_rejected(field: str, value: str, reason: str, detail: str) -> None:
    fields = ",".join(f'"{name}":{written}' for name, written in (GOOD | {field: value}).items())
    (rejected,) = events(f'[2,"x","TransactionEvent",{{{fields}}}]', Protocol.OCPP201)
    assert isinstance(rejected, MessageRejected)
    assert (rejected.reason, rejected.detail) == (reason, detail)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (UPDATED % "", Protocol.OCPP201),
        ('[2,"x","StopTransaction",{"transactionId":5,"timestamp":"2026-03-06T08:15:00Z"}]', Protocol.OCPP16),
        ('[2,"x","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-03-06T08:15:00Z","sampledValue":[{"value":1}]}]}]',
         Protocol.OCPP16),
        ('[2,"x","MeterValues",{"evseId":1,"meterValue":[{"timestamp":"2026-03-06T08:15:00Z","sampledValue":[{"value":1}]}]}]',
         Protocol.OCPP201),
        ('[2,"x","StatusNotification",{"connectorId":1,"status":"Available"}]', Protocol.OCPP16),
        ('[2,"x","StatusNotification",{"evseId":1,"connectorId":1,"connectorStatus":"Available"}]', Protocol.OCPP201),
    ],
)  # fmt: skip
def test_where_the_source_does_not_tell_the_version_the_shape_does(frame: str, expected: Protocol) -> None:
    (event,) = events(frame, None)
    assert not isinstance(event, MessageRejected)
    assert event.protocol is expected  # type: ignore[union-attr]


def test_a_shape_of_no_version_is_rejected() -> None:
    check("""
        ? [2,"x","MeterValues",{"meterValue":[]}]
        -----
        message.rejected  reason protocol_version_cannot_be_told  detail MeterValues names neither connectorId nor evseId
    """)
