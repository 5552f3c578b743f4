"""What the calls of OCPP 1.6 mean."""

import pytest

from ingest.decode import decode
from tests.ingest.notation import ARRIVAL, check, events, message
from vocabulary.charging import Direction, MessageRejected, Protocol, StartAnswered, StartRequested, TransactionStarted
from vocabulary.codec import encode, event_id
from vocabulary.rules import DOUBTS, FACTS, FIRST, RULES


def test_a_start_has_no_id_yet_and_names_the_message_that_will_be_answered_with_one() -> None:
    started, requested = check("""
        ocpp1.6 [2,"t-1","StartTransaction",
                 {"connectorId":1,"idTag":"04A1B2C3","meterStart":1203400,"timestamp":"2026-03-02T08:00:14Z"}]
        -----
        transaction.started          at 2026-03-02T08:00:14Z  evse 1  token 04A1B2C3  meter_start_wh 1203400
        transaction.start_requested  message_id t-1
    """)
    assert isinstance(started, TransactionStarted)
    assert isinstance(requested, StartRequested)
    assert requested.start == event_id(started)


def test_a_retried_start_under_another_message_id_is_the_same_start() -> None:
    frame = '[2,"%s","StartTransaction",{"connectorId":1,"idTag":"TAG1","meterStart":6000,"timestamp":"2026-03-03T09:00:00Z"}]'
    (first, _), (second, requested) = events(frame % "d3"), events(frame % "d4")
    assert event_id(first) == event_id(second)
    assert isinstance(requested, StartRequested)
    assert (requested.message_id, requested.start) == ("d4", event_id(first))


def test_the_answer_to_a_start_gives_the_transaction_its_id() -> None:
    check(
        """
        ocpp1.6 [3,"t-1",{"transactionId":50017,"idTagInfo":{"status":"Accepted","parentIdTag":"FLEET-7"}}]
        -----
        transaction.start_answered  message_id t-1  transaction 50017
        token.answered              message_id t-1  status Accepted
        """,
        Direction.TO_STATION,
    )


def test_a_start_and_its_answer_bear_when_they_arrived_from_the_third_rules_on() -> None:
    call = message('[2,"1","StartTransaction",{"connectorId":1,"timestamp":"2026-03-02T09:00:00Z"}]', Protocol.OCPP16)
    answer = message('[3,"1",{"transactionId":7}]', Protocol.OCPP16, Direction.TO_STATION)
    for rules, arrived in ((FIRST, None), (DOUBTS, None), (FACTS, ARRIVAL), (RULES, ARRIVAL)):
        requested, answered = decode(call, event_id, rules)[1], decode(answer, event_id, rules)[0]
        assert isinstance(requested, StartRequested) and isinstance(answered, StartAnswered)
        assert (requested.received_at, answered.received_at) == (arrived, arrived)
        assert (b"received_at" in encode(requested)) == (b"received_at" in encode(answered)) == (arrived is not None)


@pytest.mark.parametrize("payload", ['{"idTagInfo":{}}', "{}", "null", '{"transactionId":"17"}', '{"transactionId":1.5}'])
def test_an_answer_without_an_integer_transaction_id_answers_no_start(payload: str) -> None:
    assert events(f'[3,"t-1",{payload}]', Protocol.OCPP16, Direction.TO_STATION) == ()


def test_an_answer_of_a_station_answers_no_start() -> None:
    assert events('[3,"t-1",{"transactionId":50017}]') == ()


def test_a_stop_carries_its_transaction_data_as_samples() -> None:
    check("""
        ocpp1.6 [2,"t-2","StopTransaction",{"transactionId":50017,"idTag":"04A1","meterStop":1210950,
                 "timestamp":"2026-03-02T09:30:00Z","reason":"EVDisconnected","transactionData":[
                   {"timestamp":"2026-03-02T08:00:14Z","sampledValue":[{"value":"1203400.2","context":"Transaction.Begin"}]},
                   {"timestamp":"2026-03-02T09:30:00Z","sampledValue":[{"value":"1210950.7","context":"Transaction.End"}]}]}]
        -----
        transaction.ended  at 2026-03-02T09:30:00Z  transaction 50017  token 04A1  reason EVDisconnected  meter_stop_wh 1210950
        sample             at 2026-03-02T08:00:14Z  value 1203400.2  context Transaction.Begin
        sample             at 2026-03-02T09:30:00Z  value 1210950.7  context Transaction.End
    """)


def test_an_absent_reason_means_local() -> None:
    check("""
        ocpp1.6 [2,"x","StopTransaction",{"transactionId":7,"meterStop":6000,"timestamp":"2026-03-03T08:30:00Z"}]
        -----
        transaction.ended  at 2026-03-03T08:30:00Z  transaction 7  meter_stop_wh 6000
    """)


@pytest.mark.parametrize("transaction", ["0", "-1", "-2147483000"])
def test_a_transaction_id_is_kept_as_it_came_even_where_it_means_nothing(transaction: str) -> None:
    check(f"""
        ocpp1.6 [2,"x","StopTransaction",{{"transactionId":{transaction},"meterStop":1,"timestamp":"2026-03-03T08:30:00Z"}}]
        -----
        transaction.ended  at 2026-03-03T08:30:00Z  transaction {transaction}  meter_stop_wh 1
    """)


def test_meter_values_become_samples_in_base_units_and_voltage_stays_in_the_raw_message() -> None:
    check("""
        ocpp1.6 [2,"m-1","MeterValues",{"connectorId":1,"transactionId":50017,"meterValue":[{"timestamp":"2026-03-02T08:10:14Z",
                 "sampledValue":[
                   {"value":"1205.233","measurand":"Energy.Active.Import.Register","unit":"kWh","location":"Outlet","format":"Raw"},
                   {"value":"11.0","measurand":"Power.Active.Import","unit":"kW"},
                   {"value":"16.1","measurand":"Current.Import","unit":"A","phase":"L1"},
                   {"value":"230.4","measurand":"Voltage","unit":"V","phase":"L1-N"},
                   {"value":"38","measurand":"SoC","unit":"Percent","location":"EV"}]}]}]
        -----
        meter.sampled  evse 1  transaction 50017
        sample  at 2026-03-02T08:10:14Z  value 1205233
        sample  at 2026-03-02T08:10:14Z  value 11000  measurand Power.Active.Import
        sample  at 2026-03-02T08:10:14Z  value 16.1  measurand Current.Import  phase L1
        sample  at 2026-03-02T08:10:14Z  value 38  measurand SoC  location EV
    """)


def test_a_value_without_measurand_unit_and_context_is_the_import_register_in_wh() -> None:
    check("""
        ocpp1.6 [2,"m","MeterValues",{"connectorId":2,"meterValue":[
                 {"timestamp":"2026-03-04T12:13:00Z","sampledValue":[{"value":"3600100"}]}]}]
        -----
        meter.sampled  evse 2
        sample  at 2026-03-04T12:13:00Z  value 3600100
    """)


def test_meter_values_without_anything_for_a_bill_mean_nothing() -> None:
    check("""
        ocpp1.6 [2,"m","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-03-04T12:13:00Z",
                 "sampledValue":[{"value":"230","measurand":"Voltage"},{"value":"x","measurand":"Temperature"}]}]}]
        -----
    """)


def test_one_bad_sample_does_not_lose_the_good_ones() -> None:
    check("""
        ocpp1.6 [2,"m","MeterValues",{"connectorId":1,"transactionId":117,"meterValue":[
                 {"timestamp":"yesterday","sampledValue":[{"value":"1"}]},
                 "no meter value",
                 {"timestamp":"2026-03-04T12:24:00Z","sampledValue":[
                   {"value":"1","measurand":"Request.Energy"}, {"value":""}, {"value":"NaN"}, {"value":"3600,60"},
                   {"value":true}, {"value":"1e999999"}, {"value":1e999999}, {"value":"5","unit":"MJ"},
                   {"value":"5","context":7}, {}, 17, {"value":" 3600.7 ","unit":"KWH"}, {"value":3600800}]},
                 {"timestamp":"2026-03-04T12:25:00Z","sampledValue":"none"},
                 {"timestamp":"2026-03-04T12:26:00Z","sampledValue":[{"value":"3600900"}]}]}]
        -----
        meter.sampled  evse 1  transaction 117
        sample  at 2026-03-04T12:24:00Z  value 3600700
        sample  at 2026-03-04T12:24:00Z  value 3600800
        sample  at 2026-03-04T12:26:00Z  value 3600900
    """)


def test_meter_values_of_which_nothing_can_be_read_are_rejected_and_not_passed_over() -> None:
    check("""
        ocpp1.6 [2,"q7","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-03-04T12:22:00Z",
                 "sampledValue":[{"value":""},{"value":"NaN"},{"value":"3600,60","unit":"kWh"}]}]}]
        -----
        message.rejected  reason field_cannot_be_read  detail meterValue: none of 3 sampled values can be read
    """)


def test_signed_data_in_the_json_form_of_the_oca_note_is_kept_byte_for_byte() -> None:
    check(r"""
        ocpp1.6 [2,"u1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-03-04T14:00:00Z","sampledValue":[
                 {"format":"SignedData","context":"Transaction.Begin","value":
                  "{\"signedMeterData\":\"T0NNRnx7fQ==\",\"signingMethod\":\"\",\"encodingMethod\":\"OCMF\",\"publicKey\":\"b2Nh\"}"}]}]}]
        -----
        meter.sampled  evse 1
        signed  at 2026-03-04T14:00:00Z  data T0NNRnx7fQ==  context Transaction.Begin  encoding_method OCMF  public_key b2Nh
    """)


def test_signed_data_under_its_older_name_is_the_same() -> None:
    check(r"""
        ocpp1.6 [2,"u1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-03-04T14:00:00Z","sampledValue":[
                 {"format":"SignedData","value":"{\"signedMeterValue\":\"T0NNRnx7fQ==\",\"encodingMethod\":\"OCMF\",\"publicKey\":null}"}]}]}]
        -----
        meter.sampled  evse 1
        signed  at 2026-03-04T14:00:00Z  data T0NNRnx7fQ==  context Sample.Periodic  encoding_method OCMF
    """)


@pytest.mark.parametrize(
    "bare",
    ["1b1b1b1b01010101", r"OCMF|{\"FV\":\"1.0\"}|{\"SD\":\"00\"}", r"{\"placeInfo\":{}}", "{broken", "{" + "[" * 3000],
)
def test_signed_data_that_is_no_such_json_is_kept_bare(bare: str) -> None:
    frame = (
        '[2,"u2","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-03-04T15:10:00Z",'
        '"sampledValue":[{"value":"%s","format":"SignedData","context":"Transaction.End"}]}]}]'
    )
    (event,) = events(frame % bare)
    assert [signed.data for signed in event.signed] == [bare.replace("\\", "")]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ('"meterStop":3600750.0', "meter_stop_wh 3600750"),
        ('"meterStop":3600750.4', "meter_stop_wh 3600750.4"),
        ('"meterStop":"3600750"', "meter_stop_wh 3600750"),
        ('"meterStop":null', ""),
        ('"meterStop":"full"', ""),
        ('"meterStop":1e999999', ""),
        ('"idTag":null,"reason":null,"transactionData":null', ""),
        ('"idTag":"","reason":""', ""),
        ('"idTag":"ABCDEFGHIJKLMNOPQRSTU"', "token ABCDEFGHIJKLMNOPQRSTU"),
        ('"vendorExtra":{"a":[1,2,3]},"customData":null', ""),
        ('"transactionData":7', ""),
    ],
)
def test_what_breaks_the_schema_and_still_has_a_meaning_is_decoded(fields: str, expected: str) -> None:
    check(f"""
        ocpp1.6 [2,"q","StopTransaction",{{"transactionId":117,"timestamp":"2026-03-04T12:25:00Z",{fields}}}]
        -----
        transaction.ended  at 2026-03-04T12:25:00Z  transaction 117  {expected}
    """)


def test_integers_written_as_text_or_with_a_point_are_integers() -> None:
    check("""
        ocpp1.6 [2,"q","StopTransaction",{"transactionId":"117","timestamp":"2026-03-04T12:25:00Z"}]
        -----
        transaction.ended  at 2026-03-04T12:25:00Z  transaction 117
    """)
    check("""
        ocpp1.6 [2,"q","StartTransaction",{"connectorId":1.0,"timestamp":"2026-03-04T12:25:00Z","meterStart":"9.6"}]
        -----
        transaction.started  at 2026-03-04T12:25:00Z  evse 1  meter_start_wh 9.6
        transaction.start_requested  message_id q
    """)


def test_a_status_tells_idle_time() -> None:
    check("""
        ocpp1.6 [2,"r3","StatusNotification",
                 {"connectorId":1,"errorCode":"NoError","status":"SuspendedEV","timestamp":"2026-03-04T14:00:00Z"}]
        -----
        connector.status  evse 1  at 2026-03-04T14:00:00Z  status SuspendedEV
    """)


@pytest.mark.parametrize("timestamp", ["", ',"timestamp":null', ',"timestamp":"noon"', ',"timestamp":1772000000'])
def test_a_status_without_a_readable_time_holds_from_its_arrival_on(timestamp: str) -> None:
    check(f"""
        ocpp1.6 [2,"r","StatusNotification",{{"connectorId":1,"errorCode":"PowerMeterFailure","status":"Faulted"{timestamp}}}]
        -----
        connector.status  evse 1  at 2026-03-02T09:00:00Z  status Faulted  error PowerMeterFailure
    """)


def test_a_status_without_any_time_is_rejected() -> None:
    check(
        """
        ocpp1.6 [2,"r","StatusNotification",{"connectorId":1,"status":"Faulted"}]
        -----
        message.rejected  reason timestamp_cannot_be_read
                          detail timestamp: none that can be read, and the arrival is not recorded
        """,
        arrival=None,
    )


MISSING, UNREADABLE, TIMELESS = "required_field_is_missing", "field_cannot_be_read", "timestamp_cannot_be_read"


@pytest.mark.parametrize(
    ("action", "payload", "reason", "detail"),
    [
        ("StartTransaction", "{}", MISSING, "connectorId"),
        ("StartTransaction", '{"connectorId":1}', MISSING, "timestamp"),
        ("StartTransaction", '{"connectorId":"one","idTag":5}', MISSING, "timestamp"),
        ("StartTransaction", '{"connectorId":null,"timestamp":"t"}', MISSING, "connectorId"),
        (
            "StartTransaction",
            '{"connectorId":"one","timestamp":"t"}',
            UNREADABLE,
            "Expected `int`, got `str` - at `$.connectorId`",
        ),
        ("StartTransaction", '{"connectorId":1,"timestamp":"t","idTag":{}}', UNREADABLE, "Expected `str | null`, got `object`"),
        (
            "StartTransaction",
            '{"connectorId":99999999999999999999,"timestamp":"t"}',
            UNREADABLE,
            "Expected `int` <= 922337203685",
        ),
        ("StartTransaction", '{"connectorId":1,"timestamp":"31.12.2026"}', TIMELESS, "timestamp: '31.12.2026'"),
        ("StartTransaction", '{"connectorId":1,"timestamp":{"idTag":"secret"}}', TIMELESS, "timestamp: dict"),
        ("StopTransaction", '{"meterStop":5,"timestamp":"2026-03-04T12:25:00Z"}', MISSING, "transactionId"),
        ("StopTransaction", '{"transactionId":5,"timestamp":""}', TIMELESS, "timestamp: ''"),
        ("MeterValues", '{"meterValue":[]}', MISSING, "connectorId"),
        ("MeterValues", '{"connectorId":1}', MISSING, "meterValue"),
        ("MeterValues", '{"connectorId":"x","meterValue":null}', MISSING, "meterValue"),
        ("MeterValues", '{"connectorId":1,"meterValue":{}}', UNREADABLE, "meterValue: none of 1 sampled values can be read"),
        ("StatusNotification", '{"connectorId":1}', MISSING, "status"),
    ],
)
def test_a_call_without_what_it_is_about_is_rejected_with_the_field(
    action: str, payload: str, reason: str, detail: str
) -> None:
    (rejected,) = events(f'[2,"x","{action}",{payload}]')
    assert isinstance(rejected, MessageRejected)
    assert rejected.reason == reason
    assert rejected.detail.startswith(detail)


@pytest.mark.parametrize("action", ["Heartbeat", "DataTransfer", "SecurityEventNotification", "Nonsense", ""])
def test_a_call_that_is_not_about_a_bill_means_nothing(action: str) -> None:
    assert events(f'[2,"x","{action}",{{"idTag":"A","data":"B"}}]') == ()


def test_a_call_of_the_other_family_contradicts_the_version() -> None:
    check("""
        ocpp1.6 [2,"x","TransactionEvent",{}]
        -----
        message.rejected  reason protocol_version_cannot_be_told  detail TransactionEvent is no action of ocpp1.6
    """)


def test_a_call_to_the_station_means_nothing_to_a_bill() -> None:
    frame = '[2,"x","StopTransaction",{"transactionId":5,"meterStop":5,"timestamp":"2026-03-04T12:25:00Z"}]'
    assert events(frame, Protocol.OCPP16, Direction.TO_STATION) == ()


def test_decoding_twice_gives_the_same_bytes() -> None:
    raw = message('[2,"t","StartTransaction",{"connectorId":1,"timestamp":"2026-03-04T12:25:00.1234567+01:00"}]', None)
    assert decode(raw, event_id) == decode(raw, event_id)
