"""OCPP 2.x: a session from the TransactionEvents of its transaction, in whatever order they arrive."""

from decimal import Decimal
from itertools import permutations
from textwrap import dedent
from time import monotonic
from typing import Any

import pytest
from msgspec import structs

from streams.never_connected import tells_a_vehicle
from streams.session_names import session_id
from streams.sessions import missing_seqs
from tests.streams.folding import fold
from tests.streams.notation import check, events, instant
from vocabulary.charging import ChargingEvent, ChargingState, Sample, SignedValue, TransactionEnded, TransactionStarted
from vocabulary.sessions import Finding, Stretch

# What the vehicle did


def activity_at(stretches: tuple[Stretch, ...], time: str) -> str:
    [activity] = [stretch.activity for stretch in stretches if stretch.start <= instant(time) < stretch.end]
    return activity


def test_a_session_is_what_its_events_say() -> None:
    check("""
        08:00:00  started #0  EVConnected  begin 1000.4  evse 2.1  token A ISO14443
        08:01:00  updated #1  Charging
        08:30:00  updated #2  sample 3000
        09:00:00  ended #3  end 8000.9  reason EVDisconnected
        -----
        session      08:00:00 - 09:00:00  7000.5 Wh
        source       transaction_begin_and_end_samples
        reading      08:00:00  1000.4
        reading      08:30:00  3000
        reading      09:00:00  8000.9
        waiting      08:00:00 - 08:01:00
        charging     08:01:00 - 09:00:00
        token        A ISO14443
        evse         2.1
        transaction  T1
        reason       EVDisconnected
        sent         online
    """)


@pytest.mark.parametrize(
    ("state", "before", "afterwards"),
    [
        ("Charging", "charging", "charging"),
        ("SuspendedEVSE", "waiting", "charging"),
        ("SuspendedEV", "idle", "idle"),
        ("EVConnected", "waiting", "idle"),
        ("Idle", "waiting", "waiting"),
    ],
)
def test_a_charging_state_means(state: str, before: str, afterwards: str) -> None:
    """The table of streams.stretches: before charging began, and after it."""
    folding = check(f"""
        08:00  started #0  begin 0  {state}
        08:30  updated #1  Charging
        09:00  updated #2  {state}
        09:30  ended #3  end 5000
        -----
        session  08:00:00 - 09:30:00  5000 Wh
    """)
    stretches = folding.closed[0].session.stretches
    assert (activity_at(stretches, "08:15"), activity_at(stretches, "09:15")) == (before, afterwards)


def test_plugged_in_before_charging_is_waiting_and_after_it_is_idle() -> None:
    check("""
        08:00  started #0  EVConnected  begin 0
        08:05  updated #1  Charging
        08:50  updated #2  EVConnected
        09:00  ended #3  Idle  end 5000
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        waiting   08:00:00 - 08:05:00
        charging  08:05:00 - 08:50:00
        idle      08:50:00 - 09:00:00
    """)


def test_a_pause_by_the_station_is_charging() -> None:
    check("""
        08:00  started #0  Charging  begin 0
        08:10  updated #1  SuspendedEVSE
        08:20  updated #2  Charging
        09:00  ended #3  end 5000
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 09:00:00
    """)


def test_a_session_of_which_no_state_was_told_is_charging() -> None:
    check("""
        08:00  started #0  begin 0
        09:00  ended #1  end 5000
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 09:00:00
    """)


def test_of_two_states_at_one_instant_the_higher_seqno_counts() -> None:
    check("""
        08:00  started #0  Charging  begin 0
        08:30  updated #2  SuspendedEV
        08:30  updated #1  Charging
        09:00  ended #3  end 5000
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 08:30:00
        idle      08:30:00 - 09:00:00
    """)


def test_a_state_from_before_the_start_holds_from_the_start_on() -> None:
    """A clock that was set back between two events."""
    check("""
        08:00  started #0  EVConnected  begin 0
        07:58  updated #1  Charging
        08:30  updated #2  SuspendedEV
        09:00  ended #3  end 5000
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 08:30:00
        idle      08:30:00 - 09:00:00
    """)


def test_a_fraction_of_a_second_is_kept() -> None:
    check("""
        08:00:00.250  started #0  begin 0
        09:00:00.750  ended #1  end 5000
        -----
        session   08:00:00.250 - 09:00:00.750  5000 Wh
        charging  08:00:00.250 - 09:00:00.750
    """)


# What is told once (part 2, E 1.5)


def test_the_evse_may_be_told_late() -> None:
    check("""
        08:00  started #0
        08:01  updated #1  evse 2.1  begin 0
        09:00  ended #2  end 5000
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        evse     2.1
    """)


def test_begin_values_may_come_in_an_updated() -> None:
    """E01.FR.17: where the EVSE is unknown at the start, the Transaction.Begin values come when charging starts."""
    check("""
        08:00  started #0  EVConnected
        08:05  updated #1  Charging  evse 1  begin 1000.4
        09:00  ended #2  end 8000.9
        -----
        session  08:00:00 - 09:00:00  7000.5 Wh
        source   transaction_begin_and_end_samples
        reading  08:00:00  1000.4
        reading  08:05:00  1000.4
        reading  09:00:00  8000.9
    """)


def test_the_token_told_first_is_the_debtor() -> None:
    check("""
        08:00  started #0  begin 0
        08:01  updated #1  token A ISO14443
        09:00  ended #2  end 5000  token B eMAID
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        token    A ISO14443
    """)


def test_a_session_of_which_some_message_was_queued_is_marked_offline() -> None:
    check("""
        08:00  started #0  begin 0
        08:30  updated #1  offline
        09:00  ended #2  end 5000
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        sent     offline
    """)


# Sequence numbers


def test_a_gap_waits_and_closes_when_it_is_filled() -> None:
    story = """
        08:00  started #0  begin 0
        08:45  updated #4  sample 4000
        09:00  ended #5  end 5000
    """
    check(f"{story}\n-----\nopen\nmissing #1-#3")
    check(f"{story}\n08:10 updated #1\n08:30 updated #3\n-----\nopen\nmissing #2")
    check(f"""{story}
        08:10  updated #1
        08:30  updated #3  SuspendedEV
        08:20  updated #2
        -----
        session  08:00:00 - 09:00:00  5000 Wh
    """)


def test_numbers_may_begin_anywhere() -> None:
    """E 1.3.2.1: they SHOULD begin at 0; counters that go on per EVSE are still met. 2.0.1 allows negative ones."""
    for first in (7, -2, 2_147_483_000):
        check(f"""
            09:00  ended #{first + 2}  end 5000
            08:30  updated #{first + 1}
            08:00  started #{first}  begin 0
            -----
            session  08:00:00 - 09:00:00  5000 Wh
        """)


def test_a_huge_distance_of_numbers_costs_neither_memory_nor_time() -> None:
    started = monotonic()
    folding = check("""
        08:00  started #-9223372036854775808  begin 0
        09:00  ended #9223372036854775807  end 5000
        08:30  updated #12
        -----
        open
        missing  #-9223372036854775807-#11
        missing  #13-#9223372036854775806
    """)
    assert len(missing_seqs(folding.open[0])) == 2
    assert monotonic() - started < 1


def test_an_end_that_is_numbered_below_the_start_ends_nothing() -> None:
    check("""
        08:00  started #5  begin 0
        09:00  ended #4  end 5000
        -----
        open
    """)


def test_a_number_below_the_start_does_not_stand_in_the_way_of_the_end() -> None:
    check("""
        08:00  started #5  begin 0
        09:00  ended #1  end 6000
        09:00  ended #6  end 5000
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        quality  disputed
        held     second_end_of_the_same_transaction
        finding  second_end_of_the_same_transaction
    """)


# What contradicts


def same_in_any_order(text: str) -> None:
    """The events of a text come to what it expects, findings in any order, in whatever order the events arrive."""
    folding = check(text)
    said = events(dedent(text).partition("-----")[0])
    for order in permutations(said):
        assert fold(order).result() == folding.result(), order


def test_of_two_ends_the_lower_number_is_the_end() -> None:
    same_in_any_order("""
        08:00  started #0  begin 0  Charging
        08:30  updated #1
        09:00  ended #2  end 5000
        09:05  ended #3  end 6000.5  SuspendedEV  reason Other
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        reason   Local
        finding  second_end_of_the_same_transaction
        because  ends 2026-10-05T09:00:00+00:00 and 2026-10-05T09:05:00+00:00
        session  08:00:00 - 09:00:00  5000 Wh
        reason   Local
        quality  disputed
        held     second_end_of_the_same_transaction
        revision 1
    """)


@pytest.mark.parametrize("more", ["signed OCMF|2", "reason DeAuthorized"])
def test_a_second_end_that_says_what_matters_besides_disputes_the_session(more: str) -> None:
    same_in_any_order(f"""
        08:00  started #0  begin 0
        09:00  ended #1  end 5000
        09:00  ended #2  end 5000  {more}
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        finding  second_end_of_the_same_transaction
        session  08:00:00 - 09:00:00  5000 Wh
        quality  disputed
        held     second_end_of_the_same_transaction
        revision 1
    """)


def test_a_second_end_that_says_the_same_is_a_finding_too() -> None:
    same_in_any_order("""
        08:00  started #0  begin 0
        09:00  ended #1  end 5000
        09:00  ended #2  end 5000
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        finding  second_end_of_the_same_transaction
        because  both at 2026-10-05T09:00:00+00:00
    """)


def test_what_is_numbered_after_the_end_is_a_finding_and_changes_nothing() -> None:
    same_in_any_order("""
        08:00  started #0  begin 0  Charging  evse 1  token B
        09:00  ended #1  end 5000
        08:20  updated #2  SuspendedEV  sample 4999  evse 2  token A  offline  signed OCMF
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        reading   08:00:00  0
        reading   09:00:00  5000
        charging  08:00:00 - 09:00:00
        token     B
        evse      1
        sent      online
        finding   message_arrived_after_the_session_was_closed
        because   seqNo 2
    """)


def test_a_number_used_twice_with_other_content_is_a_finding_and_holds() -> None:
    twice = "08:30  updated #1  sample 2000\n08:30  updated #1  sample 2001"
    said = events(f"08:00  started #0  begin 0\n{twice}\n09:00  ended #2  end 5000")
    for order in permutations(said):
        folding = fold(order)
        assert folding.closed[-1].held is Finding.SEQUENCE_CONFLICT, order
        assert [found.detail for found in folding.findings] == ["seqNo 1"]


def test_a_number_of_the_end_that_an_update_has_too_holds_the_session_in_any_order() -> None:
    said = ["08:00 started #0 begin 0 SuspendedEV", "08:20 updated #1 Charging", "09:00 ended #1 end 5000"]
    for order in permutations(said):
        folding = fold(event for line in order for event in events(line))
        assert folding.closed[-1].held is Finding.SEQUENCE_CONFLICT, order


def test_a_transaction_id_that_is_used_again_is_told_and_holds_the_session() -> None:
    """A station that was set back to its factory state counts its transactions anew."""
    folding = fold(events("08:00 started #0 begin 0\n09:00 ended #1 end 5000\n10:00 started #0 begin 5000"))
    assert folding.closed[-1].held is Finding.SEQUENCE_CONFLICT
    assert "another start at 2026-10-05T10:00:00" in folding.findings[-1].detail


@pytest.mark.parametrize("number", [0, 2], ids=["the numbers begin anew", "the numbers go on"])
def test_two_transactions_under_one_id_are_billed_in_no_order_before_somebody_has_looked(number: int) -> None:
    first, second = "08:00 started #0 begin 0\n09:00 ended #1 end 5000", (10, number, 11, number + 1)
    said = events(first + "\n{}:00 started #{} begin 5000\n{}:00 ended #{} end 9000".format(*second))
    for order in permutations(said):
        folding = fold(order)
        assert {closed.session.id for closed in folding.closed} <= {session_id(said[0])}
        last = folding.closed[-1].held if folding.closed else folding.findings[0].finding
        assert last in (Finding.SEQUENCE_CONFLICT, Finding.SECOND_END, Finding.END_BEFORE_START), order


def test_of_two_ends_under_one_number_the_earlier_counts_with_its_own_register() -> None:
    ends = [events("09:00 ended #1 end 5000"), events("11:00 ended #1 end 9000")]
    for before in permutations(ends):
        [*_, closed] = fold(e for each in (*before, events("08:00 started #0 begin 0")) for e in each).closed
        assert (closed.session.end.hour, closed.session.energy_wh, closed.held) == (9, 5000, Finding.SECOND_END)


def test_an_end_before_the_start_is_a_finding_and_no_session() -> None:
    same_in_any_order("""
        08:00  started #0  begin 0
        07:59  ended #1  end 5000
        -----
        finding  session_ends_before_it_starts
    """)


def test_of_two_starts_the_lower_number_is_the_start() -> None:
    first, second = "08:00  started #0  begin 0", "08:10  started #1  begin 700"
    for order in (first, second), (second, first):
        check(f"""
            {order[0]}
            {order[1]}
            09:00  ended #2  end 5000
            -----
            session  08:00:00 - 09:00:00  5000 Wh
        """)


def test_transactions_of_one_station_do_not_touch_each_other() -> None:
    check("""
        08:00  started #0  begin 0     tx T1  evse 1
        08:10  started #0  begin 90000 tx T2  evse 2
        09:00  ended #1  end 5000      tx T1
        09:10  ended #1  end 92000     tx T2
        -----
        session      08:00:00 - 09:00:00  5000 Wh
        transaction  T1
        session      08:10:00 - 09:10:00  2000 Wh
        transaction  T2
    """)


def test_a_retried_event_is_the_same_event() -> None:
    check("""
        08:00  started #0  begin 0
        08:00  started #0  begin 0
        09:00  ended #1  end 5000
        09:00  ended #1  end 5000
        08:00  started #0  begin 0
        -----
        session  08:00:00 - 09:00:00  5000 Wh
    """)


def test_signed_values_stand_in_an_order_of_their_own() -> None:
    """By time, then by content: never by chance, and each once."""
    values = [SignedValue(at=instant("08:30"), data="OCMF", context="Sample.Periodic", public_key=f"key {n}") for n in range(9)]
    started, ended = events("08:00 started #0 begin 0\n09:00 ended #1 end 5000")
    assert isinstance(started, TransactionStarted)
    assert isinstance(ended, TransactionEnded)
    told: list[ChargingEvent] = [
        structs.replace(started, signed=tuple(values[::-1])),
        structs.replace(ended, signed=tuple(values[3:])),
    ]
    assert fold(told).closed[0].session.signed == tuple(values)


# No vehicle comes


@pytest.mark.parametrize(("begin", "end"), [("", ""), ("begin 5410905", "end 5410905"), ("begin 0  signed OCMF|1", "end 0")])
def test_a_start_that_no_vehicle_follows_is_empty(begin: str, end: str) -> None:
    same_in_any_order(f"""
        08:00  started #0  token A  Idle  {begin}
        08:02  ended #1  reason Timeout  {end}
        -----
        finding  vehicle_was_never_connected
        because  stopped: Timeout
    """)


@pytest.mark.parametrize(
    ("started", "ended", "comes_to"),
    [
        ("#0  EVConnected", "#1  reason Timeout", "finding  energy_is_unknown"),
        ("#0  signed OCMF|1", "#1  reason Timeout", "finding  energy_is_unknown"),
        ("#0  begin L1 5 L2 5", "#1  reason Timeout", "finding  energy_is_unknown"),
        ("#0  begin 5", "#1  reason Timeout  end 7", "session  08:00:00 - 08:02:00  2 Wh"),
        ("#0  begin 5", "#1  reason Local  end 5", "session  08:00:00 - 08:02:00  0 Wh"),
        ("#0", "#1  reason Local", "finding  energy_is_unknown"),
    ],
)
def test_where_anything_says_otherwise_it_is_a_session(started: str, ended: str, comes_to: str) -> None:
    same_in_any_order(f"""
        08:00  started {started}
        08:02  ended {ended}
        -----
        {comes_to}
    """)


@pytest.mark.parametrize(
    ("said", "tells"),
    [
        ({}, False),
        ({"trigger": "EVConnectTimeout"}, False),
        ({"trigger": "CablePluggedIn"}, True),
        ({"charging_state": ChargingState.IDLE}, False),
        ({"charging_state": ChargingState.EV_CONNECTED}, True),
        ({"samples": ("Voltage", 230)}, False),
        ({"samples": ("Current.Import", 0)}, False),
        ({"samples": ("Current.Import", 32)}, True),
        ({"samples": ("SoC", 20)}, True),
        ({"samples": ("Energy.Active.Net", 5)}, True),
        ({"samples": ("Energy.Active.Import.Register", 5)}, False),
    ],
)
def test_what_there_is_only_with_a_vehicle(said: dict[str, Any], tells: bool) -> None:
    [event] = events("08:00 started #0")
    assert isinstance(event, TransactionStarted)
    if "samples" in said:
        measurand, value = said["samples"]
        said = {"samples": (Sample(at=event.at, value=Decimal(value), measurand=measurand),)}
    assert tells_a_vehicle(structs.replace(event, **said)) is tells


def test_where_messages_between_are_missing_its_energy_is_unknown() -> None:
    check("""
        08:00  started #0
        08:02  ended #2  reason Timeout
        08:02  tick +2d
        -----
        finding  energy_is_unknown
        open
    """)
