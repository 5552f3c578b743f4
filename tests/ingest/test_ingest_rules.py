"""What the rules in force let a home keep of a message: an old home's replay must give the events that it gave then."""

import pytest
from msgspec import structs

from ingest.decode import decode
from tests.ingest.notation import ARRIVAL, MESSAGE, message
from tests.ingest.test_ingest_recorded import FILES, messages
from vocabulary.charging import ClockCompared, Direction, MessageRejected, Protocol, StartAnswered, StartRequested
from vocabulary.codec import event_id
from vocabulary.decoded import Decoded
from vocabulary.fact import Fact
from vocabulary.rules import DOUBTS, FACTS, FIRST

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
