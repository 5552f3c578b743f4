"""OCPP 1.6: which message belongs to which session, and what the vehicle did meanwhile."""

import pytest

from streams import connectors
from streams.station_states import StationState
from tests.streams.notation import STATION, check, events, instant
from vocabulary.charging import ConnectorStatusChanged, MessageRejected, Protocol, TransactionUpdated
from vocabulary.rules import CHOICES

# What the vehicle did


def test_a_session_is_what_start_and_stop_say() -> None:
    check("""
        08:00:14  start 1203400 Wh  connector 1  token A
        08:00:15  answer 17
        09:30:00  stop 1210950  reason EVDisconnected
        -----
        session      08:00:14 - 09:30:00  7550 Wh
        source       meter_start_and_stop
        reading      08:00:14  1203400
        reading      09:30:00  1210950
        charging     08:00:14 - 09:30:00
        token        A
        evse         1
        transaction  17
        reason       EVDisconnected
        sent         online
    """)


def test_it_is_idle_from_the_moment_the_vehicle_suspends() -> None:
    check("""
        08:00:14  start 1203400
        08:00:15  answer 17
        08:42:00  status SuspendedEV
        09:30:00  stop 1210950
        -----
        session   08:00:14 - 09:30:00  7550 Wh
        charging  08:00:14 - 08:42:00
        idle      08:42:00 - 09:30:00
    """)


def test_a_pause_by_the_station_is_charging() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        08:10  status SuspendedEVSE
        08:20  status Charging
        09:00  stop 5000
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 09:00:00
    """)


def test_charging_that_resumes_ends_the_idle_time() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        08:10  status SuspendedEV
        08:20  status Charging
        08:50  status Finishing
        09:00  stop 5000
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 08:10:00
        idle      08:10:00 - 08:20:00
        charging  08:20:00 - 08:50:00
        idle      08:50:00 - 09:00:00
    """)


def test_statuses_that_say_nothing_about_power_change_nothing() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        08:05  status Preparing
        08:10  status SuspendedEV
        08:15  status Faulted
        08:20  status Available
        09:00  stop 5000
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 08:10:00
        idle      08:10:00 - 09:00:00
    """)


def test_statuses_after_the_stop_and_on_other_connectors_change_nothing() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        08:10  status SuspendedEV  connector 2
        08:20  status SuspendedEV  connector 0
        09:00  stop 5000
        09:01  status Finishing
        09:02  status Available
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 09:00:00
    """)


def test_of_two_statuses_at_one_instant_the_order_of_arrival_does_not_matter() -> None:
    there, back = (
        check(f"""
            08:00  start 0
            08:00  answer 17
            {first}
            {second}
            09:00  stop 5000
            -----
            session   08:00:00 - 09:00:00  5000 Wh
            charging  08:00:00 - 08:10:00
            idle      08:10:00 - 09:00:00
        """).result()
        for first, second in (
            ("08:10  status Charging", "08:10  status SuspendedEV"),
            ("08:10  status SuspendedEV", "08:10  status Charging"),
        )
    )
    assert there == back


# Statuses arrive by another way


def test_a_status_that_overtook_the_start_belongs_to_the_session_it_was_told_in() -> None:
    check("""
        08:42  status SuspendedEV
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 08:42:00
        idle      08:42:00 - 09:00:00
    """)


def test_a_status_that_overtook_two_starts_belongs_to_the_one_it_was_told_in() -> None:
    check("""
        10:30  status SuspendedEV
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        10:00  start 5000  message m2
        10:00  answer 18   message m2
        11:00  stop 9000   tx 18
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 09:00:00
        session   10:00:00 - 11:00:00  4000 Wh
        charging  10:00:00 - 10:30:00
        idle      10:30:00 - 11:00:00
    """)


def test_a_status_from_before_the_start_says_nothing_about_the_session() -> None:
    check("""
        07:59  status SuspendedEV
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 09:00:00
    """)


def test_a_late_status_of_the_instant_of_the_end_says_nothing_about_the_session() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        09:00  status Finishing
        -----
        session  08:00:00 - 09:00:00  5000 Wh
    """)


def test_a_late_status_belongs_to_the_session_before_and_is_a_finding_there() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        10:00  start 5000  message m2
        08:40  status SuspendedEV
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        finding  message_arrived_after_the_session_was_closed
        because  status SuspendedEV of 2026-10-05T08:40:00+00:00
        session  08:00:00 - 09:00:00  5000 Wh
        quality  gap
        revision 1
        open
    """)


# The transaction's id


def test_a_retried_start_under_another_message_id_is_the_same_session() -> None:
    check("""
        08:00  start 0  token A  message m1
        08:00  start 0  token A  message m2
        08:05  answer 17  message m2
        09:00  stop 5000
        -----
        session      08:00:00 - 09:00:00  5000 Wh
        transaction  17
    """)


def test_a_second_answer_gives_the_id_that_counts() -> None:
    check("""
        08:00  start 0  message m1
        08:00  answer 17  message m1
        08:00  start 0  message m2
        08:05  answer 18  message m2
        08:30  meter 2500  tx 18
        09:00  stop 5000  tx 18
        -----
        session      08:00:00 - 09:00:00  5000 Wh
        reading      08:00:00  0
        reading      08:30:00  2500
        reading      09:00:00  5000
        transaction  18
    """)


def test_a_message_id_that_is_used_again_after_a_reboot_means_the_newest_start() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        10:00  start 5000
        10:00  answer 18
        11:00  stop 9000  tx 18
        -----
        session      08:00:00 - 09:00:00  5000 Wh
        transaction  17
        session      10:00:00 - 11:00:00  4000 Wh
        transaction  18
    """)


@pytest.mark.parametrize("reused", ["0", "-1", "17"])
def test_a_transaction_id_that_is_used_again_means_the_session_that_runs(reused: str) -> None:
    check(f"""
        08:00  start 0
        08:00  answer {reused}
        08:30  meter 2500  tx {reused}
        09:00  stop 5000  tx {reused}
        10:00  start 5000  message m2
        10:00  answer {reused}  message m2
        10:30  meter 7000  tx {reused}
        11:00  stop 9000  tx {reused}
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        reading  08:00:00  0
        reading  08:30:00  2500
        reading  09:00:00  5000
        session  10:00:00 - 11:00:00  4000 Wh
        reading  10:00:00  5000
        reading  10:30:00  7000
        reading  11:00:00  9000
    """)


def test_starts_that_were_never_answered_all_stop_as_minus_one() -> None:
    """Errata v4.0 3.18: the station uses -1 where its start was never answered; each stop ends the session that runs."""
    check("""
        08:00  start 0
        08:30  meter 2500  tx -1
        09:00  stop 5000  tx -1
        10:00  start 5000  message m2
        10:30  meter 7000  tx -1
        11:00  stop 9000  tx -1
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        reading  08:00:00  0
        reading  08:30:00  2500
        reading  09:00:00  5000
        session  10:00:00 - 11:00:00  4000 Wh
        reading  10:00:00  5000
        reading  10:30:00  7000
        reading  11:00:00  9000
    """)


def test_an_answer_that_reads_like_an_old_one_may_be_folded_away() -> None:
    """After a reboot message ids begin anew; with a CSMS that always gives 0 the answers are one and the same event."""
    check("""
        08:00  start 0
        08:00  answer 0
        09:00  stop 5000  tx 0
        10:00  start 5000
        10:00  answer 0
        10:30  meter 7000  tx 0
        11:00  stop 9000  tx 0
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        reading  08:00:00  0
        reading  09:00:00  5000
        session  10:00:00 - 11:00:00  4000 Wh
        reading  10:00:00  5000
        reading  10:30:00  7000
        reading  11:00:00  9000
    """)


def test_of_two_sessions_with_one_id_meter_values_mean_the_one_on_their_connector_and_a_stop_means_none() -> None:
    check("""
        08:00  start 0      connector 1  message m1
        08:10  start 90000  connector 2  message m2
        08:30  meter 2500   tx -1  connector 1
        08:30  meter 91000  tx -1  connector 2
        09:00  stop 5000    tx -1
        -----
        finding  transaction_ended_without_start
        open
        open
    """)


def test_an_old_session_of_the_same_id_whose_stop_was_lost_is_not_meant() -> None:
    check("""
        08:00  start 0
        08:00  answer 0  message m1
        10:00  start 5000  message m2
        10:00  answer 0  message m2
        11:00  stop 9000  tx 0
        -----
        session  10:00:00 - 11:00:00  4000 Wh
        open
    """)


def test_two_connectors_charge_at_once() -> None:
    check("""
        08:00  start 0      connector 1  message m1
        08:00  answer 17    message m1
        08:10  start 90000  connector 2  message m2
        08:10  answer 18    message m2
        08:20  status SuspendedEV  connector 2
        08:30  meter 2500   tx 17  connector 1
        08:30  meter 91000  tx 18  connector 2
        09:00  stop 5000    tx 17
        09:10  stop 92000   tx 18
        -----
        session   08:00:00 - 09:00:00  5000 Wh
        charging  08:00:00 - 09:00:00
        evse      1
        session   08:10:00 - 09:10:00  2000 Wh
        charging  08:10:00 - 08:20:00
        idle      08:20:00 - 09:10:00
        evse      2
    """)


# A capture without the CSMS's answers


def test_without_the_answer_meter_values_tell_the_id_of_the_session_on_their_connector() -> None:
    check("""
        08:00  start 0      connector 1  message m1
        08:10  start 90000  connector 2  message m2
        08:30  meter 91000  tx 18  connector 2
        09:00  stop 5000    tx 17
        09:10  stop 92000   tx 18
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        evse     1
        session  08:10:00 - 09:10:00  2000 Wh
        evse     2
    """)


def test_without_the_answer_a_stop_ends_the_only_session_that_it_can_mean() -> None:
    check("""
        08:00  start 0
        09:00  stop 5000
        10:00  start 5000  message m2
        11:00  stop 9000  tx 18
        -----
        session      08:00:00 - 09:00:00  5000 Wh
        transaction  17
        session      10:00:00 - 11:00:00  4000 Wh
        transaction  18
    """)


def test_without_the_answer_a_stop_that_may_mean_two_sessions_ends_neither() -> None:
    check("""
        08:00  start 0      connector 1  message m1
        08:10  start 90000  connector 2  message m2
        09:00  stop 5000    tx 17
        -----
        finding  transaction_ended_without_start
        open
        open
    """)


def test_a_session_whose_stop_was_lost_does_not_compete_with_the_next_on_its_connector() -> None:
    check("""
        08:00  start 0
        10:00  start 5000  message m2
        11:00  stop 9000  tx 18
        -----
        session  10:00:00 - 11:00:00  4000 Wh
        open
    """)


# Meter values


def test_meter_values_that_name_only_the_connector_belong_to_the_session_on_it() -> None:
    check("""
        07:50  meter 1203300  connector 1
        08:00  start 1203400
        08:00  answer 17
        08:30  meter 1206000  connector 1
        08:45  meter 77       connector 2
        08:50  meter 999999   connector 0
        09:00  stop 1208400
        09:10  meter 1208400  connector 1
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        reading  08:00:00  1203400
        reading  08:30:00  1206000
        reading  09:00:00  1208400
    """)


def test_meter_values_of_the_old_transaction_do_not_name_the_session_that_came_after_it() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        10:00  start 5000  message m2
        08:50  meter 4000  tx 17
        10:00  answer 18  message m2
        11:00  stop 9000  tx 18
        -----
        session      08:00:00 - 09:00:00  5000 Wh
        transaction  17
        finding      message_arrived_after_the_session_was_closed
        session      08:00:00 - 09:00:00  5000 Wh
        transaction  17
        quality      gap
        revision     1
        session      10:00:00 - 11:00:00  4000 Wh
        transaction  18
    """)


# Ends without a beginning, and beginnings without an end


def test_a_stop_without_start_is_a_finding() -> None:
    check("""
        09:00  stop 5000
        -----
        finding  transaction_ended_without_start
        because  transaction 17, 2026-10-05T09:00:00+00:00
    """)


def test_a_stop_that_came_before_its_start_waits_for_it() -> None:
    check("""
        09:00  stop 5000
        08:30  meter 2500  tx 17
        08:00  start 0
        08:00  answer 17
        -----
        finding  transaction_ended_without_start
        session  08:00:00 - 09:00:00  5000 Wh
        reading  08:00:00  0
        reading  08:30:00  2500
        reading  09:00:00  5000
        merged
    """)


def test_a_stop_without_start_does_not_end_a_later_session_that_is_given_its_id() -> None:
    check("""
        07:00  stop 5000  tx 0
        06:50  meter 4000  tx 0
        08:00  start 5000
        08:00  answer 0
        09:00  stop 9000  tx 0
        -----
        finding  transaction_ended_without_start
        session  08:00:00 - 09:00:00  4000 Wh
        reading  08:00:00  5000
        reading  09:00:00  9000
    """)


def test_a_session_without_a_stop_stays_open() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        08:30  meter 2500  tx 17
        -----
        open
    """)


# After the end


def test_a_second_stop_with_other_content_is_a_finding_and_the_session_is_disputed() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        09:05  stop 6000
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        finding  second_end_of_the_same_transaction
        because  ends 2026-10-05T09:00:00+00:00 with 5000 Wh and 2026-10-05T09:05:00+00:00 with 6000 Wh
        session  08:00:00 - 09:00:00  5000 Wh
        quality  disputed
        held     second_end_of_the_same_transaction
        revision 1
    """)


@pytest.mark.parametrize("more", ["signed OCMF|1", "reason DeAuthorized"])
def test_a_second_stop_that_says_what_matters_besides_disputes_the_session(more: str) -> None:
    """What only it says is no part of the session, whose bill shall not hang on which of the two came first."""
    check(f"""
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        09:00  stop 5000  {more}
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        finding  second_end_of_the_same_transaction
        session  08:00:00 - 09:00:00  5000 Wh
        quality  disputed
        held     second_end_of_the_same_transaction
        revision 1
    """)


@pytest.mark.parametrize("less", ["", "signed OCMF|2", "reason Remote", "end 5000"])
def test_a_second_stop_that_says_less_or_the_same_informs(less: str) -> None:
    check(f"""
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000  signed OCMF|1  reason Other
        09:00  stop 5000  {less}
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        finding  second_end_of_the_same_transaction
    """)


def test_meter_values_after_the_end_are_a_finding_where_they_speak_of_the_session() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        08:30  meter 2500  tx 17
        08:40  meter 3000  tx 17
        09:10  meter 5000  tx 17
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        reading  08:00:00  0
        reading  09:00:00  5000
        finding  message_arrived_after_the_session_was_closed
        because  MeterValues
        session  08:00:00 - 09:00:00  5000 Wh
        reading  08:00:00  0
        reading  09:00:00  5000
        quality  gap
        revision 1
        finding  message_arrived_after_the_session_was_closed
        because  MeterValues
    """)


def test_signed_values_after_the_end_are_a_finding_and_the_session_is_looked_at_again_with_them() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        09:10  meter tx 17  signed OCMF
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        finding  message_arrived_after_the_session_was_closed
        session  08:00:00 - 09:00:00  5000 Wh
        revision 1
    """)


def test_by_older_rules_signed_values_after_the_end_are_a_finding_alone() -> None:
    check(
        """
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        09:10  meter tx 17  signed OCMF
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        finding  message_arrived_after_the_session_was_closed
        """,
        CHOICES,
    )


def test_the_debtor_is_who_started_whoever_stops() -> None:
    check("""
        08:00  start 0  token A
        08:00  answer 17
        09:00  stop 5000  token B
        -----
        session  08:00:00 - 09:00:00  5000 Wh
        token    A
    """)


def test_an_end_before_the_start_is_a_finding_and_no_session() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        07:59  stop 5000
        -----
        finding  session_ends_before_it_starts
        because  start 2026-10-05T08:00:00+00:00, end 2026-10-05T07:59:00+00:00
    """)


# Bounds


def test_what_a_station_has_in_mind_does_not_grow_with_its_history() -> None:
    """Starts whose stops are lost and that nobody answers, statuses and orphans: the newest of each are kept."""
    state = StationState()
    for day in range(2_000):
        lines = f"""
            08:00  start {day}  message m{day}
            08:10  status SuspendedEV
            08:20  meter {day}  tx {day}  connector 9
            07:30  stop {day}  tx 1{day}  reason R{day}
        """
        for event in events(lines):
            assert not isinstance(event, TransactionUpdated | MessageRejected)
            state, _ = connectors.step(state, event)
    assert len(state.starts) == 512 and len(state.sessions) == 513
    assert len(state.statuses) + len(state.requests) + len(state.asked) + len(state.orphans) < 640


def test_a_status_of_2x_tells_nothing_here() -> None:
    event = ConnectorStatusChanged(
        station=STATION, protocol=Protocol.OCPP201, evse=1, connector=1, at=instant("08:00"), status="Occupied"
    )
    assert connectors.step(StationState(), event) == (StationState(), ())


def test_two_stops_without_start_are_two_findings_though_their_id_is_the_same() -> None:
    check("""
        09:00  stop 5000  tx 0
        10:00  stop 9000  tx 0
        -----
        finding  transaction_ended_without_start
        because  transaction 0, 2026-10-05T09:00:00+00:00
        finding  transaction_ended_without_start
        because  transaction 0, 2026-10-05T10:00:00+00:00
    """)


def test_no_number_of_lost_samples_pushes_out_a_stop_that_waits_for_its_start() -> None:
    samples = "".join(f"        08:{minute:02}  meter {minute * 10}  tx 9\n" for minute in range(1, 60)) * 1
    more = "".join(f"        08:{minute:02}  meter {minute * 10 + 5}  tx 9\n" for minute in range(30, 60))
    check(f"""
        09:00  stop 5000  tx 9
{samples}{more}        08:00  start 0
        08:00  answer 9
        -----
        finding  transaction_ended_without_start
        session  08:00:00 - 09:00:00  5000 Wh
        merged
    """)


# Ids that are used again


def test_a_stop_that_two_sessions_without_an_id_may_mean_does_not_dispute_the_one_that_had_it_before() -> None:
    check("""
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        10:00  start 5000   message m2
        10:01  start 90000  connector 2  message m3
        11:00  stop 9000
        -----
        session      08:00:00 - 09:00:00  5000 Wh
        finding      transaction_ended_without_start
        open
        open
    """)


def test_an_answer_is_to_the_start_that_its_message_id_carried_last() -> None:
    """A station that booted counts from 1 again, and so does a CSMS that lost its counter."""
    check("""
        08:00  start 0
        08:00  answer 17
        08:01  start 70000  connector 2  message m2
        08:01  answer 18  message m2
        09:00  stop 5000
        09:01  stop 71000  tx 18
        10:00  start 5000
        10:00  answer 17
        10:01  start 71000  connector 2  message m2
        10:01  answer 18  message m2
        11:00  stop 9000
        11:01  stop 72000  tx 18
        -----
        session      08:00:00 - 09:00:00  5000 Wh
        session      08:01:00 - 09:01:00  1000 Wh
        session      10:00:00 - 11:00:00  4000 Wh
        session      10:01:00 - 11:01:00  1000 Wh
    """)


def test_a_start_that_is_told_again_is_the_one_that_is_answered() -> None:
    check("""
        08:00  start 0
        09:00  start 70000  connector 2
        08:00  start 0
        08:00  answer 17
        09:00  stop 5000
        -----
        session      08:00:00 - 09:00:00  5000 Wh
        transaction  17
        open
    """)
