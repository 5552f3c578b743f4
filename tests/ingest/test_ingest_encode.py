"""What stations are told of costs: valid by schema, exact to the digit."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.encode import cost_updated_201, final_cost_16, running_cost_16
from ingest.schema import violation
from vocabulary.charging import Protocol
from vocabulary.identity import TransactionId
from vocabulary.money import plain
from vocabulary.quantities import WattHours

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12)
AT = datetime(2026, 3, 5, 8, 10, 10, 987654, tzinfo=UTC)


def payload_of(frame: str, action: str, protocol: Protocol) -> str:
    message_type, message_id, named, payload = json.loads(frame)
    assert (message_type, message_id, named) == (2, "k1", action)
    text = json.dumps(payload)
    assert violation(protocol, action, text, is_answer=False) is None
    return text


@pytest.mark.parametrize("protocol", [Protocol.OCPP201, Protocol.OCPP21])
def test_a_running_cost_is_a_cost_updated_with_the_digits_of_the_amount(protocol: Protocol) -> None:
    frame = cost_updated_201("k1", TransactionId("9f1d3c0e-7a61-4e7c-8a55-0a1f6c1b2d01"), Decimal("2.90"))
    assert frame == '[2,"k1","CostUpdated",{"totalCost":2.90,"transactionId":"9f1d3c0e-7a61-4e7c-8a55-0a1f6c1b2d01"}]'
    payload_of(frame, "CostUpdated", protocol)


def test_a_running_cost_for_1_6_is_a_data_transfer_with_json_as_a_string() -> None:
    frame = running_cost_16("k1", TransactionId("900"), AT, WattHours(Decimal("1234000.9")), Decimal("1.50"), "Charging")
    payload = json.loads(payload_of(frame, "DataTransfer", Protocol.OCPP16))
    assert payload == {
        "vendorId": "org.openchargealliance.costmsg",
        "messageId": "RunningCost",
        "data": '{"transactionId":900,"timestamp":"2026-03-05T08:10:10Z","meterValue":1234000,"cost":1.50,"state":"Charging"}',
    }


def test_a_final_cost_for_1_6_comes_with_the_price_in_words() -> None:
    frame = final_cost_16("k1", TransactionId("900"), Decimal("6.56"), '12,0 kWh "Tag" 4,56 €')
    payload = json.loads(payload_of(frame, "DataTransfer", Protocol.OCPP16))
    assert payload["messageId"] == "FinalCost"
    assert payload["data"] == '{"transactionId":900,"cost":6.56,"priceText":"12,0 kWh \\"Tag\\" 4,56 €"}'


@given(AMOUNTS)
def test_no_amount_passes_through_a_float(amount: Decimal) -> None:
    frame = cost_updated_201("k1", TransactionId("t"), amount)
    assert f'"totalCost":{plain(amount)},' in frame
    assert json.loads(frame, parse_float=Decimal, parse_int=Decimal)[3]["totalCost"] == amount


def test_an_amount_that_is_no_number_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        cost_updated_201("k1", TransactionId("t"), Decimal("NaN"))
