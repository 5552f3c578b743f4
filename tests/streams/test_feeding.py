"""What vehicles feed back, as the messages of a session tell it: kept where it may be paid for, and never guessed."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, structs

from streams.measuring import feeds
from streams.rating import conclude, running_cost
from streams.sessions import so_far
from tests.streams.material import LONG_AGO, catalogue, contract, evse, operator, site, tariff
from tests.streams.notation import STATION, events, instant
from tests.streams.test_circumstances import closed, folded
from vocabulary import charging
from vocabulary.charging import ChargingEvent, MeterSampled, Protocol, TransactionUpdated
from vocabulary.codec import ReferenceFact, encode
from vocabulary.identity import StationId, TariffId, TransactionId
from vocabulary.money import Currency
from vocabulary.rules import FACTS, PERSONS
from vocabulary.sessions import ChargingSession, Finding, SessionFlagged, SessionRated, exported_of
from vocabulary.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffPublished

REGISTER = "Energy.Active.Export.Register"
BEGIN, END = events("22:30 started #0 begin 0 evse 1 token A\n23:30 ended #3 end 8000")
PRICES = tuple(
    PriceComponent(dimension=dimension, price=Decimal(price), vat_percent=Decimal(19))
    for dimension, price in ((Dimension.ENERGY, "0.30"), (Dimension.ENERGY_EXPORT, "0.20"))
)
BOTH_WAYS = TariffPublished(
    tariff=Tariff(id=TariffId("day"), currency=Currency("EUR"), elements=(TariffElement(components=PRICES),)),
    valid_from=LONG_AGO,
)


def told(
    seq: int, when: str, *values: tuple[str, ...], measurand: str = REGISTER, context: str = "Sample.Periodic"
) -> ChargingEvent:
    """A 2.x message; of each value its Wh, and where there is more its phase and location."""
    at = instant(when)
    samples = [
        charging.Sample(
            at=at,
            measurand=measurand,
            value=Decimal(value),
            context=context,
            phase=(more[0] or None) if more else None,
            location=more[1] if more[1:] else "Outlet",
        )
        for value, *more in values
    ]
    return TransactionUpdated(
        station=STATION, protocol=Protocol.OCPP201, at=at, transaction=TransactionId("T1"), seq=seq, samples=tuple(samples)
    )


FEEDING: list[ChargingEvent] = [BEGIN, told(1, "22:30", ("400",)), told(2, "23:30", ("3400",)), END]


def exported(messages: Sequence[ChargingEvent], *facts: ReferenceFact) -> list[str]:
    session = closed(messages, *(facts or (site(), BOTH_WAYS)))
    return [f"{each.at:%H:%M} {each.register_wh}" for each in exported_of(session)]


def billed(session: ChargingSession, *facts: ReferenceFact) -> tuple[list[tuple[str, Decimal]], Finding | None]:
    last = conclude(session, catalogue(operator(), contract(), *(facts or (site(), BOTH_WAYS))))[-1]
    assert isinstance(last, SessionRated), last
    return [(str(line.dimension), line.billed) for line in last.rated.lines], last.held


def test_the_register_of_exports_is_a_curve_of_its_own() -> None:
    assert exported(FEEDING) == ["22:30 400", "23:30 3400"]
    assert billed(closed(FEEDING, site(), BOTH_WAYS)) == ([("ENERGY", 8000), ("ENERGY_EXPORT", -3000)], None)


def test_the_cost_so_far_has_the_credit_in_it() -> None:
    known = catalogue(operator(), contract(), site(), BOTH_WAYS)
    [state] = folded([*FEEDING[:2], told(2, "23:00", ("1400",))], known).open
    session = so_far(state, instant("23:00"))
    assert session is None, "its own energy is not known yet"
    import_too = told(2, "23:00", ("4000",), measurand="Energy.Active.Import.Register")
    assert isinstance(import_too, TransactionUpdated)
    fed = told(2, "23:00", ("1400",))
    assert isinstance(fed, TransactionUpdated)
    both = structs.replace(import_too, samples=(*import_too.samples, *fed.samples))
    [state] = folded([*FEEDING[:2], both], known).open
    session = so_far(state, instant("23:00"))
    cost = session and running_cost(session, known)
    assert cost is not None
    assert [(line.dimension, line.billed) for line in cost.lines] == [("ENERGY", 4000), ("ENERGY_EXPORT", -1000)]


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ((("100", "L1"), ("200", "L2"), ("100", "L3")), (("1100", "L1"), ("1200", "L2"), ("1100", "L3"))),
        ((("400", "", "Cable"),), (("3400", "", "Cable"),)),
        ((("400", "", "Outlet"), ("0", "", "Cable")), (("3400", "", "Outlet"), ("9", "", "Cable"))),
        ((("400", "", "Inlet"),), (("3400", "", "Inlet"),)),
    ],
)
def test_where_and_in_which_phases_it_is_measured(begin: tuple[tuple[str, ...], ...], end: tuple[tuple[str, ...], ...]) -> None:
    assert exported([BEGIN, told(1, "22:30", *begin), told(2, "23:30", *end), END]) == ["22:30 400", "23:30 3400"]


def test_intervals_are_added_up_where_no_register_is_told() -> None:
    intervals = [
        told(seq, when, (value,), measurand="Energy.Active.Export.Interval")
        for seq, when, value in ((1, "23:00", "1000"), (2, "23:30", "500"))
    ]
    assert exported([BEGIN, *intervals, END]) == ["22:30 0", "23:00 1000", "23:30 1500"]


@pytest.mark.parametrize("values", [("0", "0"), ("400", "400"), ()])
def test_what_stands_still_or_is_not_told_feeds_nothing_back(values: tuple[str, ...]) -> None:
    messages = [told(seq, when, (value,)) for (seq, when), value in zip([(1, "22:30"), (2, "23:30")], values, strict=False)]
    messages = messages or [told(1, "22:30"), told(2, "23:30")]
    session = closed([BEGIN, *messages, END], site(), BOTH_WAYS)
    assert session.exported == ()
    assert billed(session) == ([("ENERGY", 8000)], None)


@pytest.mark.parametrize("values", [(("22:30", "400"),), (("22:30", "0"),), (("22:30", "3400"), ("23:30", "2400"))])
def test_what_is_told_once_or_falls_is_held(values: tuple[tuple[str, str], ...]) -> None:
    messages = [told(seq, when, (value,)) for seq, (when, value) in enumerate(values, start=1)]
    messages += [told(2, "23:00")] if len(messages) == 1 else []
    session = closed([BEGIN, *messages, END], site(), BOTH_WAYS)
    assert billed(session) == ([("ENERGY", 8000)], Finding.EXPORT_UNKNOWN)


def test_a_register_whose_ends_are_not_told_is_paid_as_far_as_it_is_and_said_so() -> None:
    session = closed([BEGIN, told(1, "22:45", ("400",)), told(2, "23:15", ("1400",)), END], site(), BOTH_WAYS)
    [doubt] = session.doubts or ()
    assert doubt.finding is Finding.ENDS_NOT_TOLD and doubt.detail.startswith("fed back: told from ")
    assert billed(session) == ([("ENERGY", 8000), ("ENERGY_EXPORT", -1000)], None)


def test_what_comes_after_a_session_of_1_6_closed_is_told_of() -> None:
    """As it is of what was delivered: the amount may have to be another one."""
    told_in_time = events("22:30 start 0\n22:30 answer 17\n23:30 stop 8000")
    late = MeterSampled(
        station=STATION,
        protocol=Protocol.OCPP16,
        evse=1,
        transaction=TransactionId("17"),
        samples=(charging.Sample(at=instant("23:00"), measurand=REGISTER, value=Decimal(3400), context="Sample.Periodic"),),
    )
    found = folded([*told_in_time, late], catalogue(operator(), contract(), site(), BOTH_WAYS)).findings
    assert Finding.FACT_AFTER_CLOSE in [each.finding for each in found]
    before = structs.replace(catalogue(operator(), contract(), site(), BOTH_WAYS), rules=PERSONS)
    assert Finding.FACT_AFTER_CLOSE not in [each.finding for each in folded([*told_in_time, late], before).findings]


# Where it is kept


@pytest.mark.parametrize("rules", [FACTS, PERSONS])
def test_rules_before_keep_nothing_of_it(rules: int) -> None:
    known = structs.replace(catalogue(operator(), contract(), site(), BOTH_WAYS), rules=rules)
    [session] = folded(FEEDING, known).closed
    assert session.session.exported is UNSET


def test_where_no_tariff_pays_for_it_a_session_is_as_it_always_was() -> None:
    session = closed(FEEDING, site(), tariff())
    assert b"exported" not in encode(session)
    assert billed(session, site(), tariff())[1] is None


def test_it_is_kept_at_stations_where_it_may_be_paid_for() -> None:
    elsewhere = structs.replace(BOTH_WAYS, tariff=structs.replace(BOTH_WAYS.tariff, id=TariffId("v2g")))
    assert not feeds(STATION, catalogue(site(), tariff(), elsewhere))
    assert feeds(STATION, catalogue(site(evse(1, tariff=TariffId("v2g"))), tariff(), elsewhere))
    assert feeds(StationId("CP77"), catalogue(site(), elsewhere)), "nobody knows yet what it is"


def test_a_tariff_that_comes_while_a_session_goes_on_finds_no_export_in_it_and_holds_it() -> None:
    """Nothing kept is not nothing fed back."""
    folding = folded(FEEDING[:2], catalogue(operator(), contract(), site(), tariff()))
    folding.catalogue = catalogue(operator(), contract(), site(), BOTH_WAYS)
    [session] = folding.tell(FEEDING[2:]).closed
    assert session.session.exported is UNSET
    assert billed(session.session) == ([("ENERGY", 8000)], Finding.EXPORT_UNKNOWN)
    assert running_cost(session.session, catalogue(operator(), contract(), site(), BOTH_WAYS)) is None


def test_what_no_evse_can_take_back_has_no_price() -> None:
    session = closed([BEGIN, told(1, "22:30", ("400",)), told(2, "23:30", ("90400",)), END], site(), BOTH_WAYS)
    last = conclude(session, catalogue(operator(), contract(), site(), BOTH_WAYS))[-1]
    assert isinstance(last, SessionFlagged) and last.finding is Finding.ENERGY_IMPLAUSIBLE
    assert last.detail.startswith("fed back: 90000 Wh")


@settings(max_examples=50, deadline=None)
@given(st.permutations(FEEDING), st.lists(st.sampled_from(FEEDING), max_size=3))
def test_the_order_and_the_repetition_of_messages_change_nothing(
    messages: list[ChargingEvent], again: list[ChargingEvent]
) -> None:
    assert closed([*messages, *again], site(), BOTH_WAYS) == closed(FEEDING, site(), BOTH_WAYS)
