"""What the rules in force let a home keep of a message: an old home's replay must give the events that it gave then."""

import pytest
from msgspec import structs

from ingest.decode import decode
from tests.ingest.notation import ARRIVAL, MESSAGE, message
from tests.ingest.test_ingest_recorded import FILES, messages
from vocabulary.charging import (
    ClockCompared,
    Direction,
    MessageRejected,
    Protocol,
    StartAnswered,
    StartRequested,
    TransactionEnded,
    TransactionStarted,
)
from vocabulary.codec import event_id
from vocabulary.decoded import Decoded
from vocabulary.fact import Fact
from vocabulary.rules import CHOICES, DOUBTS, FACTS, FIRST, PERSONS

RECORDED = [message for file in FILES for message in messages(file)]


def kept(events: tuple[Decoded, ...], *without: type) -> list[Decoded]:
    """By the rules that do not add these, which let starts and their answers bear no arrival either."""
    return [_undated(event) for event in events if not isinstance(event, without)]


def _undated(event: Decoded) -> Decoded:
    return structs.replace(event, received_at=None) if isinstance(event, StartRequested | StartAnswered) else event


def test_what_earlier_rules_keep_is_what_newer_ones_keep_without_what_these_add() -> None:
    added = 0
    for one in RECORDED:
        everything = decode(one, event_id, FACTS)
        assert list(decode(one, event_id, DOUBTS)) == kept(everything, Fact), one.frame
        assert list(decode(one, event_id, FIRST)) == kept(everything, Fact, ClockCompared), one.frame
        added += len(everything) - len(decode(one, event_id, DOUBTS))
    assert added > 100, "the files hold facts"


@pytest.mark.parametrize(
    ("protocol", "frame"),
    [
        (Protocol.OCPP21, '[2,"a","BatterySwap",{}]'),
        (Protocol.OCPP21, '[2,"a","NotifySettlement",{"status":3}]'),
        (Protocol.OCPP16, '[4,"a","InternalError","",{}]'),
        (Protocol.OCPP21, '[6,"a","TransactionEvent",{"eventType":"Started"}]'),
        (Protocol.OCPP201, '[3,"a",{"ongoingIndicator":true,"messagesInQueue":false}]'),
    ],
)
def test_what_earlier_rules_did_not_read_they_do_not_reject(protocol: Protocol, frame: str) -> None:
    sent = message(frame, protocol, Direction.FROM_STATION, ARRIVAL)
    assert decode(sent, lambda _: MESSAGE, FIRST) == decode(sent, lambda _: MESSAGE, DOUBTS) == ()
    assert all(isinstance(event, Fact | MessageRejected) for event in decode(sent, lambda _: MESSAGE, FACTS))


SWAP = """[2,"a","BatterySwap",{"batteryData":[{"evseId":3,"serialNumber":"B1","soC":40.5,"soH":98},
  {"evseId":2,"serialNumber":"B2","soC":30,"soH":98}],"eventType":"%s","idToken":{"idToken":"04A1","type":"ISO14443"},"requestId":17}]"""


def test_a_swap_of_batteries_is_a_transaction_of_two_events_since_rules_5() -> None:
    came, went = (
        message(SWAP % kind, Protocol.OCPP21, Direction.FROM_STATION, ARRIVAL) for kind in ("BatteryIn", "BatteryOut")
    )
    fact, started = decode(came, event_id, CHOICES)
    assert decode(came, event_id, PERSONS) == (fact,)
    assert isinstance(started, TransactionStarted)
    assert (started.transaction, started.seq, started.evse, started.token) == ("BatterySwap:17", 0, 2, "04A1")
    assert [(sample.measurand, str(sample.value), sample.at) for sample in started.samples] == [
        ("SoC", "40.5", ARRIVAL),
        ("SoC", "30", ARRIVAL),
    ]
    _, ended = decode(went, event_id, CHOICES)
    assert isinstance(ended, TransactionEnded)
    assert (ended.transaction, ended.seq, ended.at, ended.reason) == ("BatterySwap:17", 1, ARRIVAL, "BatteryOut")


def test_an_event_of_a_swap_that_no_standard_knows_is_rejected() -> None:
    other = message(SWAP % "BatteryLost", Protocol.OCPP21, Direction.FROM_STATION, ARRIVAL)
    [rejected] = decode(other, event_id, CHOICES)
    assert isinstance(rejected, MessageRejected)
    assert rejected.detail == "eventType: 'BatteryLost' is none of BatterySwapEventEnumType"
