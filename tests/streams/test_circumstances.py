"""What prices may depend on beside energy and time, as the reference data and the messages of a session tell it."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, structs

from streams.batch_parts import Heard, record
from streams.catalogue import Catalogue
from streams.measured import MOST, Momentary, measured, momentary
from streams.measuring import measures
from streams.rating import conclude, running_cost
from streams.sessions import so_far
from streams.terms import terms_first
from tests.streams.folding import Folding, fold
from tests.streams.material import LONG_AGO, catalogue, contract, everything, evse, operator, partner, site, tariff
from tests.streams.notation import STATION, events, instant
from vocabulary import charging
from vocabulary.assignment import Assignment, TariffAssigned
from vocabulary.charging import ChargingEvent, Protocol, TransactionUpdated
from vocabulary.circumstances import Sample
from vocabulary.codec import ReferenceFact, encode
from vocabulary.decoded import Decoded
from vocabulary.identity import EventId, Position, StationId, TariffId, TransactionId
from vocabulary.money import Currency
from vocabulary.rules import FACTS, PERSONS
from vocabulary.sessions import ChargingSession, Finding, SessionFlagged, SessionRated
from vocabulary.station_facts import TransactionTerms
from vocabulary.tariff import (
    Dimension,
    EvseKind,
    PriceComponent,
    Reservation,
    Restrictions,
    Tariff,
    TariffElement,
    TariffPublished,
)


def element(price: str, dimension: Dimension = Dimension.ENERGY, **conditions: object) -> TariffElement:
    component = PriceComponent(dimension=dimension, price=Decimal(price), vat_percent=Decimal(19))
    return TariffElement(components=(component,), restrictions=Restrictions(**conditions))  # type: ignore[arg-type]


def published(*elements: TariffElement) -> TariffPublished:
    """In force at all EVSEs."""
    return TariffPublished(tariff=Tariff(id=TariffId("day"), currency=Currency("EUR"), elements=elements), valid_from=LONG_AGO)


def charged(story: str = "22:30 started #0 begin 0 evse 1 token A\n23:30 ended #1 end 10000") -> ChargingSession:
    [closed] = fold(events(story)).closed
    return closed.session


def prices(session: ChargingSession, *facts: ReferenceFact) -> list[tuple[Decimal, Decimal]]:
    """What was billed at which price; running and final cost are the same."""
    known = catalogue(operator(), contract(), *facts)
    last = conclude(session, known)[-1]
    assert isinstance(last, SessionRated), last
    assert last.rated == running_cost(session, known)
    return [(line.billed, line.unit_price) for line in last.rated.lines]


BY_KIND = published(element("0.59", evse_kind=EvseKind.DC), element("0.39", evse_kind=EvseKind.AC))


@pytest.mark.parametrize(
    ("power_type", "price"), [("DC", "0.59"), ("AC_1_PHASE", "0.39"), ("AC_2_PHASE_SPLIT", "0.39"), ("AC_3_PHASE", "0.39")]
)
def test_one_tariff_has_a_price_for_each_kind_of_evse(power_type: str, price: str) -> None:
    places = site(evse(1, power_type=power_type))
    assert prices(charged(), places, BY_KIND) == [(Decimal(10000), Decimal(price))]


# Power and current

BY_POWER = published(element("0.79", min_power_w=Decimal(50_000)), element("0.49"))
BY_CURRENT = published(element("0.79", min_current_a=Decimal(48)), element("0.49"))
FAST = site(evse(1, power_w_max=150_000, power_type="DC"))


def told(seq: int, when: str, *values: tuple[str, str, str | None], register: str = "") -> TransactionUpdated:
    """A 2.x message with momentary values: measurand, value, phase."""
    at = instant(when)
    samples = [charging.Sample(at=at, measurand=of, value=Decimal(value), phase=phase) for of, value, phase in values]
    samples += [charging.Sample(at=at, value=Decimal(register))] if register else []
    return TransactionUpdated(
        station=STATION, protocol=Protocol.OCPP201, at=at, transaction=TransactionId("T1"), seq=seq, samples=tuple(samples)
    )


def power(watts: str) -> tuple[str, str, str | None]:
    return ("Power.Active.Import", watts, None)


BEGIN, END = events("22:30 started #0 begin 0 evse 1 token A\n23:30 ended #3 end 40000")
CROSSING: list[ChargingEvent] = [
    BEGIN,
    told(1, "22:30", power("60000"), register="0"),
    told(2, "23:00", power("20000"), register="30000"),
    END,
]


def folded(messages: Sequence[Decoded], known: Catalogue) -> Folding:
    folding = Folding()
    folding.rules, folding.catalogue = known.rules, known
    return folding.tell(messages)


def closed(messages: Sequence[Decoded], *facts: ReferenceFact) -> ChargingSession:
    [session] = folded(messages, catalogue(operator(), contract(), *facts)).closed
    return session.session


def test_a_price_by_power_changes_where_a_sample_crosses_its_bound() -> None:
    session = closed(CROSSING, FAST, BY_POWER)
    assert prices(session, FAST, BY_POWER) == [(Decimal(30000), Decimal("0.79")), (Decimal(10000), Decimal("0.49"))]


def test_the_cost_so_far_is_by_the_power_of_the_moment_too() -> None:
    known = catalogue(operator(), contract(), FAST, BY_POWER)
    [state] = folded(CROSSING[:3], known).open
    session = so_far(state, instant("23:00"))
    cost = session and running_cost(session, known)
    assert cost is not None
    assert [(line.billed, line.unit_price) for line in cost.lines] == [(Decimal(30000), Decimal("0.79"))]


def test_phases_of_a_current_are_added_up_and_a_total_counts_alone() -> None:
    current = [("Current.Import", "16", phase) for phase in ("L1", "L2", "L3", "N")]
    messages = [BEGIN, told(1, "22:30", *current), told(2, "23:00", *current[:2], register="15000"), END]
    session = closed(messages, FAST, BY_CURRENT)
    assert prices(session, FAST, BY_CURRENT) == [(Decimal(15000), Decimal("0.79")), (Decimal(25000), Decimal("0.49"))]


def one(value: str, measurand: str = "Power.Active.Import", **more: str) -> charging.Sample:
    return charging.Sample(at=instant("10:00"), value=Decimal(value), measurand=measurand, **more)


@pytest.mark.parametrize(
    ("samples", "watts"),
    [
        ([one("3000", phase="L1"), one("4000", phase="L2"), one("9000")], "9000"),
        ([one("3000", phase="L1"), one("4000", phase="L2")], "7000"),
        ([one("3000", phase="L1-N"), one("4000", phase="L2-N"), one("500", phase="N")], "7000"),
        ([one("3000", phase="L1"), one("4000", phase="L1-N"), one("9999", phase="L1-L2")], "3000"),
        ([one("3000", location="Cable"), one("2000")], "2000"),
        ([one("3000", location="Cable")], "3000"),
    ],
)
def test_which_values_of_a_message_are_the_power(samples: list[charging.Sample], watts: str) -> None:
    assert momentary(samples) == (Momentary(instant("10:00"), Decimal(watts), None),)


@pytest.mark.parametrize("place", ["Inlet", "EV", "Body", "Upstream"])
def test_what_is_measured_elsewhere_is_not_the_power_at_the_outlet(place: str) -> None:
    assert momentary([one("3000", location=place)]) == ()


def finding(session: ChargingSession, *facts: ReferenceFact) -> Finding | None:
    """What holds it."""
    last = conclude(session, catalogue(operator(), contract(), *facts))[-1]
    assert isinstance(last, SessionRated), last
    return last.held


def test_a_session_without_the_power_that_a_price_asks_for_is_held() -> None:
    session = closed([BEGIN, told(1, "23:00", register="30000"), told(2, "23:10"), END], FAST, BY_POWER)
    assert finding(session, FAST, BY_POWER) is Finding.POWER_NOT_MEASURED


def test_a_power_that_was_told_once_does_not_price_hours_of_charging() -> None:
    begin, end = events("10:00 started #0 begin 0 evse 1 token A\n13:00 ended #2 end 40000")
    session = closed([begin, told(1, "10:30", power("60000")), end], FAST, BY_POWER)
    known = catalogue(operator(), contract(), FAST, BY_POWER)
    assert finding(session, FAST, BY_POWER) is Finding.POWER_NOT_MEASURED
    assert running_cost(session, known) is None, "no driver is told an amount that is not known"


def test_a_power_that_stays_is_measured_all_the_same() -> None:
    begin, end = events("10:00 started #0 begin 0 evse 1 token A\n13:00 ended #10 end 40000")
    steady = [told(n, f"{10 + n // 3}:{20 * (n % 3):02}", power("60000")) for n in range(1, 9)]
    session = closed([begin, *steady, told(9, "13:00"), end], FAST, BY_POWER)
    assert finding(session, FAST, BY_POWER) is None


# Which sessions keep them


@pytest.mark.parametrize("rules", [FACTS, PERSONS])
def test_rules_before_keep_no_power(rules: int) -> None:
    known = structs.replace(catalogue(operator(), contract(), FAST, BY_POWER), rules=rules)
    [session] = folded(CROSSING, known).closed
    assert session.session.power_w is UNSET


def test_where_no_price_depends_on_power_a_session_is_as_it_always_was() -> None:
    session = closed(CROSSING, FAST, tariff())
    assert b"power_w" not in encode(session) and b"current_a" not in encode(session)


ELSEWHERE = structs.replace(BY_POWER, tariff=structs.replace(BY_POWER.tariff, id=TariffId("fast")))


def assigned(**criteria: str) -> TariffAssigned:
    one = Assignment(id="a", tariff=TariffId("fast"), **criteria)  # type: ignore[arg-type]
    return TariffAssigned(assignment=one, valid_from=LONG_AGO)


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        ((), False),
        ((contract(tariff=TariffId("fast")),), True),
        ((partner(tariff=TariffId("fast")),), True),
        ((assigned(),), True),
        ((assigned(contract="C1"),), True),
        ((assigned(site="kai"),), True),
        ((assigned(site="elsewhere"),), False),
        ((assigned(evse="DE*ABC*E1"),), True),
        ((assigned(evse="DE*ABC*E9"),), False),
        ((site(evse(1, tariff=TariffId("fast"))),), True),
        ((site(evse(1, tariff=TariffId("fast"), station=StationId("CP9")), evse(2)),), False),
    ],
)
def test_a_session_keeps_its_power_where_a_tariff_by_power_may_price_it(facts: tuple[ReferenceFact, ...], kept: bool) -> None:
    assert measures(STATION, catalogue(site(), tariff(), ELSEWHERE, *facts)) is kept


def test_a_station_that_nobody_knows_yet_keeps_its_power() -> None:
    assert measures(StationId("CP77"), catalogue(site(), ELSEWHERE))
    assert not measures(StationId("CP77"), catalogue(site(), tariff()))


def test_a_tariff_that_comes_while_a_session_goes_on_finds_no_power_in_it() -> None:
    """Half of its values would price all of it."""
    folding = folded(CROSSING[:2], catalogue(operator(), contract(), FAST, tariff()))
    folding.catalogue = catalogue(operator(), contract(), FAST, BY_POWER)
    [session] = folding.tell(CROSSING[2:]).closed
    assert session.session.power_w is UNSET
    assert finding(session.session, FAST, BY_POWER) is Finding.POWER_NOT_MEASURED


# Whatever order, and bounded

EXAMPLES = settings(max_examples=50, deadline=None)


@EXAMPLES
@given(st.permutations(CROSSING), st.lists(st.sampled_from(CROSSING), max_size=3))
def test_the_order_and_the_repetition_of_messages_change_nothing(
    messages: list[ChargingEvent], again: list[ChargingEvent]
) -> None:
    assert closed([*messages, *again], FAST, BY_POWER) == closed(CROSSING, FAST, BY_POWER)


instants = st.integers(-50, 4000).map(lambda seconds: instant("10:00") + timedelta(seconds=seconds))
moments = st.builds(Momentary, instants, st.none() | st.integers(0, 5).map(Decimal), st.none() | st.integers(0, 5).map(Decimal))


@EXAMPLES
@given(st.lists(moments), st.data())
def test_what_is_kept_says_at_each_instant_what_was_told(told: list[Momentary], data: st.DataObject) -> None:
    start, end = instant("10:00"), instant("11:00")
    power_w, current_a = measured(told, start, end)
    assert (power_w, current_a) == measured(data.draw(st.permutations(told)), start, end)
    kept = () if power_w is UNSET else power_w
    values: dict[object, Decimal] = {}
    for each in sorted((each for each in told if each.power_w is not None), key=lambda each: (each.at, each.power_w)):
        values[each.at] = each.power_w  # type: ignore[assignment]
    at = data.draw(instants.filter(lambda at: start <= at < end))
    assert _at(kept, at) == next((values[when] for when in reversed(values) if when <= at), None)  # type: ignore[operator]


def _at(samples: tuple[Sample, ...], at: object) -> Decimal | None:
    return next((sample.value for sample in reversed(samples) if sample.at <= at), None)  # type: ignore[operator]


def test_a_session_keeps_no_more_values_than_it_can_bear() -> None:
    start = instant("00:00")
    told = [Momentary(start + timedelta(seconds=second), Decimal(second), None) for second in range(80_000)]
    power_w, current_a = measured(told, start, start + timedelta(days=1))
    assert power_w is not UNSET and current_a is UNSET
    assert MOST // 3 < len(power_w) <= MOST
    assert power_w[-1].value == 79_999, "the last of each slot of time"


# Payment by card

CARD_PRICES = published(element("0.20", payment_brand="VISA"), element("0.25", payment_recognition="Debit"), element("0.30"))


def paid(*terms: dict[str, Any], token_type: str = "DirectPayment") -> list[Decoded]:
    begin, end = events("10:00 started #0 begin 0 evse 1 token A\n11:00 ended #1 end 10000")
    begin = structs.replace(begin, token_type=token_type)
    said = [
        TransactionTerms(
            station=STATION,
            protocol=Protocol.OCPP21,
            of=EventId(str(n)),
            transaction=TransactionId("T1"),
            **one,  # type: ignore[arg-type]
        )
        for n, one in enumerate(terms)
    ]
    return [*said, begin, end]


@pytest.mark.parametrize(
    ("terms", "price"),
    [
        ([{"payment_brand": "VISA", "payment_recognition": "CC"}], "0.20"),
        ([{"payment_brand": "girocard"}, {"payment_recognition": "Debit"}], "0.25"),
        ([{"payment_brand": "girocard", "payment_recognition": "CC"}], "0.30"),
    ],
)
def test_a_price_for_a_card_applies_by_what_messages_tell_of_it(terms: list[dict[str, str]], price: str) -> None:
    [session] = folded(paid(*terms), catalogue()).closed
    assert prices(session.session, site(evse(1)), CARD_PRICES) == [(Decimal(10000), Decimal(price))]


@pytest.mark.parametrize(
    "terms",
    [
        [],
        [{"payment_brand": "VISA"}],
        [{"payment_recognition": "CC"}],
        [{"payment_brand": "VISA", "payment_recognition": "CC"}, {"payment_brand": "girocard"}],
    ],
)
def test_what_a_price_asks_of_a_card_and_nobody_told_or_told_in_two_ways_holds_the_session(terms: list[dict[str, str]]) -> None:
    [session] = folded(paid(*terms), catalogue(*everything())).closed
    assert finding(session.session, site(evse(1)), CARD_PRICES) is Finding.PAYMENT_UNKNOWN
    assert finding(session.session, site(evse(1)), tariff()) is None, "where no price asks, nothing is missing"
    assert running_cost(session.session, catalogue(operator(), contract(), site(evse(1)), CARD_PRICES)) is None


@pytest.mark.parametrize("token_type", ["ISO14443", "eMAID", "Central"])
def test_who_charges_by_contract_has_no_card_and_is_not_held(token_type: str) -> None:
    [session] = folded(paid(token_type=token_type), catalogue()).closed
    assert finding(session.session, site(evse(1)), CARD_PRICES) is None


@pytest.mark.parametrize("rules", [FACTS, PERSONS])
def test_rules_before_pass_by_how_a_card_is_told(rules: int) -> None:
    known = structs.replace(catalogue(), rules=rules)
    [session] = folded(paid({"payment_brand": "VISA"}), known).closed
    assert session.session.payment_brand is UNSET and b"payment" not in encode(session)


RESERVED = published(element("2.00", dimension=Dimension.TIME, reservation=Reservation.RESERVATION), element("0.30"))


def test_a_session_that_ended_a_reservation_is_held_where_that_has_a_price() -> None:
    [session] = folded(paid({"reservation": 7}, token_type="ISO14443"), catalogue()).closed
    assert finding(session.session, site(evse(1)), RESERVED) is Finding.RESERVATION_UNTIMED
    assert running_cost(session.session, catalogue(operator(), contract(), site(evse(1)), RESERVED)) is None
    assert finding(session.session, site(evse(1)), tariff()) is None, "where it has no price, nothing is missing"


def test_a_session_without_a_reservation_is_not_held_by_its_price() -> None:
    [session] = folded(paid(token_type="ISO14443"), catalogue()).closed
    assert session.session.reserved is UNSET
    assert finding(session.session, site(evse(1)), RESERVED) is None


@pytest.mark.parametrize("rules", [FACTS, PERSONS])
def test_rules_before_pass_by_that_a_reservation_ended(rules: int) -> None:
    [session] = folded(paid({"reservation": 7}), structs.replace(catalogue(), rules=rules)).closed
    assert b"reserved" not in encode(session)


@EXAMPLES
@given(st.permutations(paid({"payment_brand": "VISA"}, {"payment_recognition": "CC"})[:-1]))
def test_the_order_in_which_a_card_is_told_changes_nothing(messages: list[Decoded]) -> None:
    """The end comes last here, since it would complete the session; a message's terms are stepped before its event."""
    end = paid()[-1]
    [session] = folded([*messages, end], catalogue()).closed
    assert (session.session.payment_brand, session.session.payment_recognition) == ("VISA", "CC")


def test_the_terms_of_each_message_come_before_its_event() -> None:
    terms, begin, end = paid({"payment_brand": "VISA"})
    heard = [_heard(begin, 1), _heard(terms, 1), _heard(end, 2), _heard(terms, 3)]
    assert [each.event for each in terms_first(heard)] == [terms, begin, end, terms]


def _heard(event: Decoded, cause: int) -> Heard:
    return Heard(event, record(event, STATION, Position(cause)), Position(cause), None)


# Evidence


def test_nobody_is_flagged_for_what_no_price_asks() -> None:
    found = conclude(charged(), catalogue(operator(), contract(), site(evse(1)), BY_KIND))
    assert not [each for each in found if isinstance(each, SessionFlagged)]
