"""Whatever OCPP's schemas allow is understood: events or nothing, and no rejection.

But for one case: a MeterValues of which all values are of measurands that matter and none can be read (here: a text that is no
number, which 1.6's schema allows) has nothing to say, and says so.
"""

import json
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.decode import decode
from tests.ingest.notation import message
from tests.ingest.schemas import payloads
from vocabulary.charging import Direction, MessageRejected, Protocol
from vocabulary.codec import decode as stored
from vocabulary.codec import encode, event_id

CALLS_16: Final = "Authorize BootNotification StartTransaction StopTransaction MeterValues StatusNotification DataTransfer"
COMMANDS_16: Final = "ReserveNow CancelReservation RemoteStartTransaction ChangeConfiguration DataTransfer"
CALLS_201: Final = (
    "Authorize BootNotification TransactionEvent MeterValues StatusNotification NotifyEvent DataTransfer "
    "ReservationStatusUpdate"
)
COMMANDS_201: Final = (
    "ReserveNow CancelReservation RequestStartTransaction GetTransactionStatus CostUpdated SetVariables DataTransfer"
)
CALLS_21: Final = f"{CALLS_201} NotifySettlement VatNumberValidation BatterySwap OpenPeriodicEventStream"
COMMANDS_21: Final = f"{COMMANDS_201} SetDefaultTariff ChangeTransactionTariff ClearTariffs GetTariffs NotifyWebPaymentStarted"
FROM, TO = Direction.FROM_STATION, Direction.TO_STATION
REQUESTS = [
    (protocol, action, direction)
    for protocol, calls, commands in [
        (Protocol.OCPP16, CALLS_16, COMMANDS_16),
        (Protocol.OCPP201, CALLS_201, COMMANDS_201),
        (Protocol.OCPP21, CALLS_21, COMMANDS_21),
    ]
    for direction, actions in ((FROM, calls), (TO, commands))
    for action in actions.split()
]
ANSWER_OF = {FROM: TO, TO: FROM}
FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(("protocol", "action", "direction"), REQUESTS)
@FEW
@given(st.data())
def test_a_valid_call_is_no_rejection(protocol: Protocol, action: str, direction: Direction, data: st.DataObject) -> None:
    name = action if protocol is Protocol.OCPP16 else f"{action}Request"
    understood(json.dumps([2, "m", action, data.draw(payloads(protocol, name))]), protocol, direction)


@pytest.mark.parametrize(("protocol", "action", "direction"), REQUESTS)
@FEW
@given(st.data())
def test_a_valid_answer_is_no_rejection(protocol: Protocol, action: str, direction: Direction, data: st.DataObject) -> None:
    payload = data.draw(payloads(protocol, f"{action}Response"))
    understood(json.dumps([3, "m", payload]), protocol, ANSWER_OF[direction])


@FEW
@given(payloads(Protocol.OCPP21, "NotifyPeriodicEventStream"))
def test_a_valid_send_is_no_rejection(payload: object) -> None:
    understood(json.dumps([6, "m", "NotifyPeriodicEventStream", payload]), Protocol.OCPP21, FROM)


def understood(frame: str, protocol: Protocol, direction: Direction) -> None:
    for event in decode(message(frame, protocol, direction), event_id):
        if isinstance(event, MessageRejected):
            told = (
                ("MeterValues", "meterValue: none of")
                if "MeterValues" in frame[:30]
                else ("Stream", "basetime: no time so far")
            )
            assert told[0] in frame[:50]
            assert event.detail.startswith(told[1]), event
        assert encode(stored(encode(event))) == encode(event)
