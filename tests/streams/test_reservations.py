"""Since when an EVSE is kept free, and what becomes of it."""

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from invoicing.ocpi_cdr import cdr
from streams import reservations
from streams.measuring import keeps_reservations
from streams.rating import conclude
from streams.reservations import MOST, Ended, Reservations, Unused, Used
from streams.terms import kept_free, names_a_reservation
from tariffs.export_ocpi import document_of
from tests.cases.tariffs import tariff_of
from tests.streams.folding import fold
from tests.streams.material import catalogue, contract, evse, operator, partner, site, tariff
from tests.streams.notation import STATION, events, instant
from vocabulary.charging import Direction, Protocol
from vocabulary.decoded import Decoded
from vocabulary.identity import EventId, StationId, TariffId, TokenUid, TransactionId
from vocabulary.rules import PERSONS
from vocabulary.sessions import Finding, SessionConclusion, SessionFlagged, SessionRated
from vocabulary.signatures import SignatureChecked
from vocabulary.station_facts import MessageAnswered, MessageFailed, ReservationAsked, ReservationChanged, TransactionTerms

AT = "09:00"
EXPIRING = tariff_of("expiring")
EXPIRY, GAP = instant("10:00"), timedelta(hours=24)


def asked(
    number: int = 7, at: str | None = AT, message: str = "m1", token: str = "A", number_of_evse: int | None = 1
) -> Decoded:
    return ReservationAsked(
        station=STATION,
        message_id=message,
        received_at=None if at is None else instant(at),
        protocol=Protocol.OCPP201,
        reservation=number,
        token=TokenUid(token),
        evse=number_of_evse,
        expires_at=EXPIRY,
    )


def answered(status: str = "Accepted", message: str = "m1") -> Decoded:
    return MessageAnswered(station=STATION, message_id=message, direction=Direction.FROM_STATION, status=status)


def changed(status: str, number: int = 7, message: str = "u1") -> Decoded:
    return ReservationChanged(station=STATION, message_id=message, received_at=EXPIRY, reservation=number, status=status)


def used(number: int = 7, transaction: str = "T") -> Decoded:
    return TransactionTerms(
        station=STATION,
        protocol=Protocol.OCPP201,
        of=EventId("e"),
        transaction=TransactionId(transaction),
        reservation=number,
    )


def told(*events: Decoded) -> list[Ended]:
    return folded(events)[1]


def folded(events: Sequence[Decoded]) -> tuple[Reservations, list[Ended]]:
    state, found = Reservations(), list[Ended]()
    for event in events:
        state, out = reservations.step(state, event)
        found += out
    return state, found


def test_a_session_that_names_it_is_told_since_when() -> None:
    [out] = told(asked(), answered(), used())
    assert isinstance(out, Used)
    assert out.since == instant(AT)


def test_a_second_session_that_names_it_is_not() -> None:
    assert len(told(asked(), used(), used(transaction="U"))) == 1


def test_of_two_of_one_number_the_later_one_counts() -> None:
    [out] = told(asked(), answered(), asked(at="09:30", message="m2"), answered(message="m2"), used())
    assert isinstance(out, Used)
    assert out.since == instant("09:30")


@pytest.mark.parametrize(
    "events",
    [
        (asked(), answered("Occupied"), used()),
        (asked(), answered("rejected"), used()),
        (asked(at=None), used()),  # nobody knows when it was asked for
        (asked(number=8), used(7)),
        (asked(), changed("Removed"), used()),
        (used(), asked()),
    ],
    ids=["refused", "refused in other letters", "no arrival", "another number", "removed", "asked for too late"],
)
def test_nothing_is_told_of_what_is_not_known(events: tuple[Decoded, ...]) -> None:
    assert told(*events) == []


def test_one_that_the_station_calls_expired_is_a_session_of_its_own() -> None:
    [out] = told(asked(), answered(), changed("Expired"))
    assert isinstance(out, Unused)
    session = out.closed.session
    assert (session.start, session.end, session.token, session.energy_wh) == (instant(AT), EXPIRY, "A", 0)
    assert out.state.session == session.id


@pytest.mark.parametrize("status", ["Removed", "NoTransaction", "removed", "SomethingNew"])
def test_other_ends_cost_nothing(status: str) -> None:
    state, out = folded([asked(), answered(), changed(status), changed("Expired", message="u2")])
    assert not out
    assert not state.kept


def test_one_that_was_cancelled_and_expires_all_the_same_is_charged() -> None:
    """The station refused to cancel: it says itself what became of it."""
    assert len(told(asked(), answered(), changed("CancelAsked"), changed("Expired", message="u2"))) == 1


@pytest.mark.parametrize(
    ("events", "count"),
    [
        ((asked(), answered()), 1),
        ((asked(),), 0),  # whether the station accepted it is not known
        ((asked(), answered(), changed("CancelAsked")), 0),
    ],
    ids=["accepted", "not answered", "cancelled"],
)
def test_without_a_word_it_is_over_when_its_transaction_was_waited_for(events: tuple[Decoded, ...], count: int) -> None:
    state, _ = folded(events)
    ticks = (
        EXPIRY - GAP,
        EXPIRY + GAP,
        EXPIRY + 2 * GAP - timedelta(seconds=1),
    )  # it is first heard again a gap after it is over
    for ticked in ticks:
        state, out = reservations.step(state, answered(message="another"), ticked, GAP)
        assert out == ()
    out = reservations.step(state, answered(message="another"), EXPIRY + 2 * GAP, GAP).out
    assert [isinstance(each, Unused) for each in out] == [True] * count


def test_a_start_that_the_station_had_queued_comes_before_its_reservation_is_over() -> None:
    """It comes back after more than a gap, and says first that it booted."""
    state, _ = folded([asked(), answered()])
    state, out = reservations.step(state, answered(message="boot"), EXPIRY + 2 * GAP, GAP)
    assert out == ()
    [used_after_all] = reservations.step(state, used(), EXPIRY + 2 * GAP, GAP).out
    assert isinstance(used_after_all, Used)
    assert used_after_all.instead is None


def test_one_that_was_taken_for_expired_and_used_is_taken_back() -> None:
    [expired, taken_back] = told(asked(), answered(), changed("Expired"), used())
    assert isinstance(expired, Unused)
    assert isinstance(taken_back, Used)
    assert (taken_back.since, taken_back.instead) == (instant(AT), expired.state.session)


def test_who_names_it_again_takes_no_later_one_of_its_number() -> None:
    [first, second] = told(asked(), used(), asked(message="m2", at="09:30"), used(), used(transaction="U"))
    assert [each.since for each in (first, second) if isinstance(each, Used)] == [instant(AT), instant("09:30")]
    assert second.terms.transaction == "U"  # type: ignore[union-attr]


def test_an_answer_of_the_other_side_with_the_same_message_id_is_of_another_call() -> None:
    of_the_csms = structs.replace(answered("UnknownVendorId"), direction=Direction.TO_STATION)
    assert len(told(asked(), of_the_csms, answered(), changed("Expired"))) == 1
    assert told(asked(), structs.replace(answered(), direction=Direction.TO_STATION), answered("Occupied"), used()) == []


def test_an_error_is_a_refusal() -> None:
    error = MessageFailed(station=STATION, message_id="m1", direction=Direction.FROM_STATION, code="InternalError")
    assert told(asked(), error, used()) == []


def test_a_second_one_that_is_refused_leaves_the_first() -> None:
    [out] = told(asked(), answered(), asked(message="m2", at="09:30"), answered("Occupied", "m2"), used())
    assert isinstance(out, Used)
    assert out.since == instant(AT)


@pytest.mark.parametrize(
    ("expires_at", "told_at"),
    [("10:00", "09:30"), ("09:00", "09:30"), ("08:00", "09:30"), ("09:03", "09:00"), ("09:03", "08:59")],
    ids=["long before its time", "as it was asked for", "before it was asked for", "told at once", "told before"],
)
def test_what_expired_at_a_time_at_which_it_cannot_is_a_finding(expires_at: str, told_at: str) -> None:
    reservation = structs.replace(asked(), expires_at=instant(expires_at))
    [out] = told(reservation, answered(), structs.replace(changed("Expired"), received_at=instant(told_at)))
    assert isinstance(out, SessionFlagged)
    assert out.finding is Finding.RESERVATION_UNKNOWN


def test_one_whose_number_a_session_named_before_it_was_asked_for_does_not_expire_by_itself() -> None:
    """Two captures, the later one first: the session is held, and nobody is charged for the same a second time."""
    state, _ = folded([used(), asked(), answered()])
    for ticked in (EXPIRY, EXPIRY + GAP, EXPIRY + 2 * GAP):
        state, out = reservations.step(state, answered(message="another"), ticked, GAP)
        assert out == ()


def test_a_number_below_zero_is_none() -> None:
    assert told(asked(number=-1), used(-1)) == []
    assert not names_a_reservation(structs.replace(used(), reservation=-1))


def test_one_that_a_session_names_in_the_moment_in_which_it_is_over_is_used() -> None:
    state, _ = folded([asked(), answered()])
    state, _ = reservations.step(state, answered(message="another"), EXPIRY, GAP)
    _, out = reservations.step(state, used(), EXPIRY + GAP, GAP)
    assert [type(each) for each in out] == [Used]


def test_an_unknown_one_that_expired_is_a_finding_once() -> None:
    out = told(changed("Expired"), changed("Expired", message="u2"))
    assert [each.finding for each in out if isinstance(each, SessionFlagged)] == [Finding.RESERVATION_UNKNOWN]
    assert "reservation 7" in out[0].detail  # type: ignore[union-attr]


def test_what_is_kept_of_a_station_is_bounded() -> None:
    state, _ = folded([asked(number, message=f"m{number}") for number in range(MOST + 5)])
    assert len(state.kept) == MOST
    assert state.kept[-1].number == MOST + 4
    state, _ = folded([changed("Expired", number) for number in range(MOST + 5)])
    assert len(state.ended) == MOST


@given(
    st.lists(
        st.one_of(
            st.builds(asked, st.integers(1, 3), message=st.sampled_from("abc")),
            st.builds(answered, st.sampled_from(["Accepted", "Faulted"]), st.sampled_from("abc")),
            st.builds(changed, st.sampled_from(["Expired", "Removed", "CancelAsked"]), st.integers(1, 3)),
            st.builds(used, st.integers(1, 3)),
        ),
        max_size=30,
    )
)
def test_each_is_charged_at_most_as_often_as_it_was_asked_for(events: list[Decoded]) -> None:
    out = [each for each in told(*events) if not isinstance(each, SessionFlagged)]
    out = [each for each in out if isinstance(each, Unused) or each.instead is None]  # what is taken back is charged elsewhere
    assert len(out) <= sum(isinstance(each, ReservationAsked) for each in events)


# What it costs


def concluded(token: str = "A", number_of_evse: int = 1, price: str = "expiring") -> tuple[SessionConclusion, ...]:
    [out] = told(asked(token=token, number_of_evse=number_of_evse), answered(), changed("Expired"))
    assert isinstance(out, Unused)
    return conclude(out.closed.session, catalogue(operator(), site(), contract(), partner(), tariff_of(price)))


def test_an_expired_one_costs_its_time_and_its_fee() -> None:
    checked, rated = concluded()
    assert isinstance(checked, SignatureChecked)
    assert isinstance(rated, SessionRated)
    assert rated.unused
    assert rated.rated.total == Decimal("7.14"), "(4.00 + 2.00) x 1.19"
    assert all(line.reserved for line in rated.rated.lines)


def test_where_no_price_is_for_it_there_is_nothing_to_bill() -> None:
    [flagged] = concluded(price="")
    assert isinstance(flagged, SessionFlagged)
    assert flagged.finding is Finding.NEVER_CONNECTED


@pytest.mark.parametrize(
    ("token", "number_of_evse", "finding"),
    [("?", 1, Finding.TOKEN_UNKNOWN), ("A", 0, Finding.EVSE_UNKNOWN)],
    ids=["token of nobody", "any EVSE of the station"],
)
def test_nobody_is_billed_where_it_is_not_known_whom_or_where(token: str, number_of_evse: int, finding: Finding) -> None:
    *_, flagged = concluded(token, number_of_evse)
    assert isinstance(flagged, SessionFlagged)
    assert flagged.finding is finding


def test_a_meter_that_must_sign_does_not_hold_it() -> None:
    demanding = site(evse(1, signatures="required"))
    [out] = told(asked(), answered(), changed("Expired"))
    assert isinstance(out, Unused)
    *_, rated = conclude(out.closed.session, catalogue(operator(), demanding, contract(), EXPIRING))
    assert isinstance(rated, SessionRated)
    assert rated.held is None


def test_a_partner_is_told_of_it_as_ocpi_has_it() -> None:
    [out] = told(asked(token="P"), answered(), changed("Expired"))
    assert isinstance(out, Unused)
    known = catalogue(operator(), site(), partner(), EXPIRING)
    *_, rated = conclude(out.closed.session, known)
    assert isinstance(rated, SessionRated)
    record = cdr(
        rated=rated,
        session=out.closed.session,
        site=site().site,
        evse=evse(1),
        partner=partner().partner,
        operator=operator().operator,
        tariff=document_of(EXPIRING.tariff, country_code="DE", party_id="ABC", last_updated=EXPIRY),
        signature=None,
        last_updated=EXPIRY,
    )
    assert isinstance(record, bytes)
    document = json.loads(record, parse_float=Decimal)
    assert "session_id" not in document
    assert document["cdr_location"]["connector_id"] == "#NA"
    assert document["total_reservation_cost"] == document["total_cost"] == {"excl_vat": 6, "incl_vat": Decimal("7.14")}
    assert document["total_energy"] == 0
    [period] = document["charging_periods"]
    assert period["dimensions"] == [{"type": "RESERVATION_TIME", "volume": 1}]


# Of which stations they are kept


def test_they_are_kept_where_a_tariff_may_ask_for_them_and_nowhere_else() -> None:
    known = catalogue(*(site(evse(1)), contract(), tariff(name="day"), EXPIRING))
    assert keeps_reservations(STATION, known)
    assert keeps_reservations(StationId("never heard of"), known), "it may be known later"
    assert not keeps_reservations(STATION, structs.replace(known, rules=PERSONS))
    elsewhere = structs.replace(EXPIRING, tariff=structs.replace(EXPIRING.tariff, id=TariffId("night")))
    assert not keeps_reservations(STATION, catalogue(site(evse(1)), contract(), tariff(name="day"), elsewhere))
    assert not catalogue(*(site(evse(1)), contract(), tariff(name="day"))).reserving


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("08:00", "10:00", ("08:00", "09:00")),
        ("09:00", "10:00", ("09:00", "09:00")),
        ("08:00", None, ("08:00", "09:00")),
        ("08:00", "08:30", ("08:00", "08:30")),  # it is not held longer than that, whatever the station's clock says
        ("08:00", "07:00", ("08:00", "08:00")),
        ("09:01", "10:00", None),
    ],
)
def test_an_evse_is_kept_free_until_the_start_and_not_after_the_expiry(
    since: str, until: str | None, expected: tuple[str, str] | None
) -> None:
    found = kept_free((instant(since), None if until is None else instant(until)), instant("09:00"))
    assert found == (UNSET if expected is None else (instant(expected[0]), instant(expected[1])))
    assert kept_free((instant("09:00") - timedelta(days=31), None), instant("09:00")) is UNSET


def test_where_nobody_knows_how_long_it_was_kept_free_the_session_is_held() -> None:
    [closed] = fold(events("22:30 started #0 begin 0 evse 1 token A\n23:30 ended #1 end 10000")).closed
    session = structs.replace(closed.session, reserved=True)
    known = catalogue(operator(), site(), contract(), EXPIRING)
    for free, is_held in (((session.start - timedelta(hours=1), session.start), False), (UNSET, True)):
        *_, rated = conclude(structs.replace(session, kept_free=free), known)
        assert isinstance(rated, SessionRated)
        assert (rated.held is Finding.RESERVATION_UNTIMED) is is_held


def test_one_of_a_year_has_no_price() -> None:
    long = structs.replace(asked(), expires_at=EXPIRY + timedelta(days=365))
    [out] = told(long, answered(), structs.replace(changed("Expired"), received_at=EXPIRY + timedelta(days=365)))
    assert isinstance(out, Unused)
    [flagged] = conclude(out.closed.session, catalogue(operator(), site(), contract(), EXPIRING))
    assert isinstance(flagged, SessionFlagged)
    assert flagged.finding is Finding.DURATION_IMPLAUSIBLE
