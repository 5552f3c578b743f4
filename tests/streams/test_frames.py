"""The frames that tests make from notation say what the notation says: ingest reads them back as the same events."""

import pytest
from msgspec import structs

from ingest.decode import decode
from tests.streams.frames import raw
from tests.streams.notation import STATION, events
from vocabulary.charging import StartAnswered, StartRequested
from vocabulary.fact import Fact
from vocabulary.identity import EventId


@pytest.mark.parametrize(
    "line",
    [
        "08:00:14 start 1203400 connector 2 token A",
        "08:00:15 answer 17 message m2",
        "08:30 meter 1203400.5 tx 17 connector 2",
        "08:30 meter L1 1 L2 2 L3 3",
        "08:42 status SuspendedEV connector 2",
        "09:00 stop 1210950 reason Remote begin 1203400.4 at 08:00 end 1210950.6 signed T0NNRg==",
        "08:00 started #0 EVConnected begin 1000.4 evse 2.1 token A eMAID",
        "08:30 updated #1 Charging sample 3000 Inlet 5 offline signed T0NNRg==",
        "09:00 ended #2 end 8000.9 reason EVDisconnected token A ISO14443",
    ],
)
def test_a_line_and_its_frame_are_the_same_events(line: str) -> None:
    decoded = decode(raw(STATION, line), lambda _: EventId("0" * 64))
    told = [event for event in decoded if not isinstance(event, Fact)]  # what is beside a transaction has no notation
    assert [_plain(event) for event in told] == [_plain(event) for event in events(line)]


def _plain(event: object) -> str:
    if isinstance(event, StartRequested | StartAnswered):  # their arrival is the frame's
        event = structs.replace(event, received_at=None)
    return repr(event).replace("trigger='Trigger'", "trigger=None")
