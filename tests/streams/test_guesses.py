"""OCPP 1.6: a stop that a session had by guess is taken back where what is told later says that it is another one's."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.streams.folding import fold
from tests.streams.notation import DAY, STATION, check
from vocabulary.charging import (
    ChargingEvent,
    Protocol,
    StartAnswered,
    StartRequested,
    TransactionEnded,
    TransactionStarted,
)
from vocabulary.codec import event_id
from vocabulary.identity import TokenUid, TransactionId
from vocabulary.quantities import WattHours

_COMMON: dict[str, Any] = {"station": STATION, "protocol": Protocol.OCPP16}

# What answers say that are told after the stops


def test_each_stop_goes_to_its_session_though_the_first_of_the_capture_has_no_start() -> None:
    check("""
        08:30  start 0      connector 2  message m31
        09:00  stop 9000    tx 17
        09:10  start 9000   connector 1  message m33
        09:30  stop 15000   tx 18
        09:50  stop 18000   tx 19
        08:30  answer 18    message m31
        09:10  answer 19    message m33
        -----
        session   08:30:00 - 09:00:00  9000 Wh
        session   09:10:00 - 09:30:00  6000 Wh
        finding   transaction_ended_without_start
        session   08:30:00 - 09:00:00  9000 Wh
        quality   disputed
        held      end_may_be_of_another_session
        revision  1
        finding   transaction_ended_without_start
        session   09:10:00 - 09:30:00  6000 Wh
        quality   disputed
        held      end_may_be_of_another_session
        revision  1
        finding   transaction_ended_without_start
        session   08:30:00 - 09:30:00  15000 Wh
        revision  2
        merged
        session   09:10:00 - 09:50:00  9000 Wh
        revision  2
        merged
    """)


def test_a_start_that_was_tried_again_has_the_stop_of_its_second_answer() -> None:
    check("""
        08:59  start 0      connector 1  message m101
        08:59  answer 17    message m101
        08:59  start 0      connector 1  message m102
        09:05  start 70000  connector 2  message m103
        09:40  stop 79000   tx 18
        09:50  stop 72000   tx 19
        09:00  answer 18    message m102
        09:05  answer 19    message m103
        -----
        session   09:05:00 - 09:40:00  9000 Wh
        finding   transaction_ended_without_start
        session   09:05:00 - 09:40:00  9000 Wh
        quality   disputed
        held      end_may_be_of_another_session
        revision  1
        finding   transaction_ended_without_start
        session   08:59:00 - 09:40:00  79000 Wh
        merged
        session   09:05:00 - 09:50:00  2000 Wh
        revision  2
        merged
    """)


def test_a_session_whose_own_stop_never_comes_stays_held() -> None:
    check("""
        08:30  start 0
        09:00  stop 9000  tx 17
        08:30  answer 18
        -----
        session   08:30:00 - 09:00:00  9000 Wh
        session   08:30:00 - 09:00:00  9000 Wh
        quality   disputed
        held      end_may_be_of_another_session
        revision  1
        finding   transaction_ended_without_start
        open
    """)


def test_a_station_that_stops_everything_as_0_contradicts_nothing() -> None:
    check("""
        08:30  start 0
        09:00  stop 9000  tx 0
        08:30  answer 18
        -----
        session   08:30:00 - 09:00:00  9000 Wh
    """)


def test_an_end_by_the_first_of_two_answers_is_the_sessions() -> None:
    check("""
        08:30  start 0
        08:30  start 0    message m2
        09:00  stop 9000
        08:30  answer 17
        08:31  answer 18  message m2
        -----
        session   08:30:00 - 09:00:00  9000 Wh
    """)


# What starts and stops say that are told later


def test_a_stop_that_a_start_told_later_may_mean_as_well_is_neither_ones() -> None:
    check("""
        08:10  start 70000  connector 2  message m2
        09:00  stop 79000
        08:00  start 0
        -----
        session   08:10:00 - 09:00:00  9000 Wh
        session   08:10:00 - 09:00:00  9000 Wh
        quality   disputed
        held      end_may_be_of_another_session
        revision  1
        finding   transaction_ended_without_start
        open
        open
    """)


def test_a_second_stop_of_the_same_transaction_is_taken_back_with_the_first() -> None:
    check("""
        08:10  start 70000  connector 2  message m2
        09:00  stop 79000
        09:30  stop 99000
        08:00  start 0
        -----
        session   08:10:00 - 09:00:00  9000 Wh
        finding   second_end_of_the_same_transaction
        session   08:10:00 - 09:00:00  9000 Wh
        quality   disputed
        held      second_end_of_the_same_transaction
        revision  1
        finding   transaction_ended_without_start
        finding   transaction_ended_without_start
        open
        open
    """)


def test_of_two_stops_that_mean_the_only_session_neither_is_its() -> None:
    check("""
        08:10  start 70000
        08:30  stop 79000  tx 16
        09:00  stop 72000
        -----
        session   08:10:00 - 08:30:00  9000 Wh
        finding   transaction_ended_without_start
        session   08:10:00 - 08:30:00  9000 Wh
        quality   disputed
        held      end_may_be_of_another_session
        revision  1
        finding   transaction_ended_without_start
        open
    """)


def test_a_session_whose_stop_and_answer_were_lost_takes_no_stop_from_after_the_next_on_its_connector() -> None:
    check("""
        08:00  start 0      message m1
        09:00  start 5000   message m2
        09:00  answer 18    message m2
        10:00  stop 9000    tx 18
        12:00  stop 99000   tx 19
        -----
        session   09:00:00 - 10:00:00  4000 Wh
        finding   transaction_ended_without_start
        open
    """)


# One transaction id on two connectors


_TWO = """
        08:00  start 0      connector 1  message m1
        08:10  start 70000  connector 2  message m2
"""
_STOPS = """
        08:30  stop 3000    tx 5
        09:10  stop 81000   tx 5
"""
_ANSWERS = """
        08:00  answer 5     message m1
        08:10  answer 5     message m2
"""


def test_a_stop_that_two_running_sessions_may_mean_stays_nobodys() -> None:
    check(f"""
{_TWO}{_ANSWERS}{_STOPS}
        09:20  start 5000   connector 3  message m3
        09:20  answer 6     message m3
        -----
        finding   transaction_ended_without_start
        finding   transaction_ended_without_start
        open
        open
        open
    """)


def test_a_stop_that_came_home_before_another_session_has_its_transaction_is_taken_back() -> None:
    check(f"""
{_TWO}{_STOPS}{_ANSWERS}
        -----
        finding   transaction_ended_without_start
        finding   transaction_ended_without_start
        session   08:00:00 - 08:30:00  3000 Wh
        merged
        session   08:00:00 - 08:30:00  3000 Wh
        quality   disputed
        held      end_may_be_of_another_session
        revision  1
        finding   transaction_ended_without_start
        open
    """)


# Answers that may be another start's


def at(minutes: float) -> datetime:
    return DAY + timedelta(minutes=minutes)


def start(minutes: float, message_id: str, connector: int) -> list[ChargingEvent]:
    started = TransactionStarted(
        **_COMMON, at=at(minutes), evse=connector, token=TokenUid("A"), meter_start_wh=WattHours(Decimal(0))
    )
    asked = StartRequested(station=STATION, message_id=message_id, start=event_id(started), received_at=at(minutes))
    return [started, asked]


def answer(minutes: float, message_id: str, transaction: str) -> list[ChargingEvent]:
    named = TransactionId(transaction)
    return [StartAnswered(station=STATION, message_id=message_id, transaction=named, received_at=at(minutes))]


def stop(minutes: float, transaction: str, wh: int) -> list[ChargingEvent]:
    stopped = WattHours(Decimal(wh))
    return [TransactionEnded(**_COMMON, at=at(minutes), transaction=TransactionId(transaction), meter_stop_wh=stopped)]


@pytest.mark.parametrize(("apart", "billed"), [(-0.05, []), (0.01, [5000, 9000, 16000])])
def test_a_transaction_by_an_answer_that_came_a_day_after_the_start_takes_no_stop(apart: float, billed: list[int]) -> None:
    """The clock of who recorded the answers is 3 seconds behind; message ids begin with 1 again."""
    folding = fold(
        [
            *start(1, "1", 1),
            *answer(1 + apart, "1", "1"),
            *start(5, "2", 2),
            *answer(5 + apart, "2", "2"),
            *stop(60, "1", 5000),
            *stop(90, "2", 9000),
            *start(1441, "1", 2),
            *answer(1441 + apart, "1", "3"),
            *stop(1490, "3", 16000),
        ]
    )
    assert [int(closed.session.energy_wh) for closed in folding.closed] == billed
