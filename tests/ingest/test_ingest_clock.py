"""When a message's arrival says something about the station's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.ingest.notation import check, events
from vocabulary.charging import ClockCompared, Moment, Protocol

TOLD = datetime(2026, 3, 6, 8, 0, tzinfo=UTC)
START = '[2,"a","StartTransaction",{"connectorId":1,"timestamp":"2026-03-06T08:00:00Z","meterStart":1}]'
STOP = '[2,"b","StopTransaction",{"transactionId":5,"timestamp":"2026-03-06T08:00:00Z","meterStop":2}]'
UPDATED = (
    '[2,"c","TransactionEvent",{"eventType":"Updated","timestamp":"2026-03-06T08:00:00Z","seqNo":1,'
    '"transactionInfo":{"transactionId":"t"}}]'
)


def compared(frame: str, protocol: Protocol, late: timedelta) -> ClockCompared | None:
    found = [e for e in events(frame, protocol, arrival=TOLD + late) if isinstance(e, ClockCompared)]
    return found[0] if found else None


@pytest.mark.parametrize("minutes", [-5, 0, 5])
@pytest.mark.parametrize(
    ("frame", "protocol"), [(START, Protocol.OCPP16), (STOP, Protocol.OCPP16), (UPDATED, Protocol.OCPP201)]
)
def test_what_arrives_as_it_happens_says_nothing(frame: str, protocol: Protocol, minutes: int) -> None:
    assert compared(frame, protocol, timedelta(minutes=minutes)) is None


@pytest.mark.parametrize("late", [timedelta(minutes=6), timedelta(days=2), timedelta(minutes=-6), timedelta(days=-4000)])
def test_a_16_message_that_is_apart_tells_its_arrival(late: timedelta) -> None:
    for frame, of in ((START, Moment.START), (STOP, Moment.END)):
        found = compared(frame, Protocol.OCPP16, late)
        assert found is not None
        assert (found.of, found.at, found.received_at) == (of, TOLD, TOLD + late)


@pytest.mark.parametrize(
    ("late", "tells"),
    [
        (timedelta(minutes=5), False),
        (timedelta(minutes=6), True),
        (timedelta(hours=2, minutes=7), True),
        (timedelta(hours=-5, minutes=-30), True),
        (timedelta(hours=14, minutes=15), True),
        (timedelta(minutes=-6), True),
    ],
)
def test_a_2x_message_that_was_not_written_offline_tells_it_too(late: timedelta, tells: bool) -> None:
    assert (compared(UPDATED, Protocol.OCPP201, late) is not None) == tells


def test_an_unset_clock_is_told_apart_from_a_queue() -> None:
    check(
        """
        ocpp2.0.1 [2,"c","TransactionEvent",{"eventType":"Ended","timestamp":"1970-01-01T00:08:00Z","seqNo":1,
                   "transactionInfo":{"transactionId":"t"}}]
        -----
        clock.compared     of end  at 1970-01-01T00:08:00Z  received_at 2026-03-06T08:00:00Z  transaction t  seq 1
        transaction.ended  at 1970-01-01T00:08:00Z  transaction t  seq 1
        message.asked message_id c
        """,
        arrival=TOLD,
    )


def test_an_arrival_that_is_not_recorded_says_nothing() -> None:
    assert not [e for e in events(START, Protocol.OCPP16, arrival=None) if isinstance(e, ClockCompared)]
