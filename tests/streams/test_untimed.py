"""Energy of which nobody measured when it came."""

from datetime import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from msgspec import structs

from streams.rating import conclude
from streams.untimed import otherwise
from tests.streams.folding import fold
from tests.streams.material import LONG_AGO, catalogue, contract, operator, site
from tests.streams.notation import events
from tests.tariffs.strategies import sessions
from vocabulary.codec import ReferenceFact
from vocabulary.identity import TariffId
from vocabulary.money import Currency
from vocabulary.rules import PERSONS, RULES
from vocabulary.sessions import ChargingSession, Finding, SessionFlagged, SessionRated, exported_of
from vocabulary.tariff import Dimension, PriceComponent, Restrictions, Tariff, TariffElement, TariffPublished

ENDS_ALONE = "19:00 started #0 begin 0 evse 1 token A\n23:00 ended #1 end 20000"

MEASURED = """19:00 started #0 begin 0 evse 1 token A
20:59 updated #1 meter 9000
21:01 updated #2 meter 9100
23:00 ended #3 end 20000"""


def by_clock(at_night: str = "0.20", dimension: Dimension = Dimension.ENERGY, **window: time) -> TariffPublished:
    """0.40, and another price at night, or in another window. Net, 19 % VAT; 23:00 at the site is 21:00 UTC in summer."""

    def element(price: str, **limits: time) -> TariffElement:
        component = PriceComponent(dimension=dimension, price=Decimal(price), vat_percent=Decimal(19))
        return TariffElement(components=(component,), restrictions=Restrictions(**limits))

    night = element(at_night, **(window or {"start_time": time(23), "end_time": time(6)}))
    return TariffPublished(
        tariff=Tariff(id=TariffId("day"), currency=Currency("EUR"), elements=(night, element("0.40"))), valid_from=LONG_AGO
    )


def session(story: str) -> ChargingSession:
    [closed] = fold(events(story)).closed
    return closed.session


def outcome(story: str, tariff: ReferenceFact, rules: int = RULES) -> tuple[SessionRated, str]:
    """The charge, and the detail of the finding that holds it, if that is this one."""
    known = catalogue(operator(), site(), contract(), tariff)
    *noticed, rated = conclude(session(story), structs.replace(known, rules=rules))
    assert isinstance(rated, SessionRated)
    told = [each.detail for each in noticed if isinstance(each, SessionFlagged) and each.finding is Finding.ENERGY_UNTIMED]
    assert (rated.held is Finding.ENERGY_UNTIMED) is bool(told)
    return rated, "".join(told)


def test_registers_at_the_ends_alone_hold_what_is_priced_by_the_clock() -> None:
    """19:00 to 23:00 UTC; two hours of four are before 21:00: 10 kWh at 0.40 and 10 at 0.20, all of it early or late."""
    rated, told = outcome(ENDS_ALONE, by_clock())
    assert rated.rated.total == Decimal("7.14"), "(4.00 + 2.00) x 1.19"
    assert told == "7.14 EUR by tariff day; 4.76 to 9.52 by when the energy came between two readings"


@pytest.mark.parametrize(
    ("story", "tariff"),
    [
        (ENDS_ALONE, by_clock("0.40")),
        ("19:00 started #0 begin 0 evse 1 token A\n20:30 ended #1 end 20000", by_clock()),
        ("19:00 started #0 begin 0 evse 1 token A\n23:00 ended #1 end 0", by_clock()),
        ("20:30 started #0 begin 0 evse 1 token A\n21:30 ended #1 end 9000", by_clock()),
        (ENDS_ALONE, by_clock(dimension=Dimension.TIME)),
        (MEASURED, by_clock()),
    ],
    ids=["one price", "no change in it", "no energy", "an hour", "time alone is priced", "measured where the price changes"],
)
def test_what_cannot_cost_anything_else_is_not_held(story: str, tariff: ReferenceFact) -> None:
    assert outcome(story, tariff)[1] == ""


def test_a_vehicle_that_charged_before_the_price_changed_and_stayed_is_held() -> None:
    """The stretches tell that it charged for 50 minutes; the rating takes its energy to come evenly until the end."""
    story = "18:00 started #0 begin 0 evse 1 token A Charging\n18:50 updated #1 SuspendedEV\n23:00 ended #2 end 20000"
    assert outcome(story, by_clock())[1].startswith("7.62 EUR by tariff day; 4.76 to 9.52")


def test_two_times_of_which_each_may_be_dear_or_cheap_do_not_make_up_for_each_other() -> None:
    """Cheap from the middle of the first to the middle of the second: all early or all late is what evenly is."""
    story = "13:00 started #0 begin 0 evse 1 token A\n17:00 updated #1 meter 10000\n21:00 ended #2 end 20000"
    rated, told = outcome(story, by_clock(start_time=time(17), end_time=time(21)))
    assert rated.rated.total == Decimal("7.14")
    assert told.startswith("7.14 EUR by tariff day; 5.95 to 8.33")


def test_an_hour_in_the_middle_that_is_dear_is_not_passed_over() -> None:
    """Early and late are the same price, and what is between is not."""

    def dear(price: str, **limits: time) -> TariffElement:
        component = PriceComponent(dimension=Dimension.ENERGY, price=Decimal(price), vat_percent=Decimal(19))
        return TariffElement(components=(component,), restrictions=Restrictions(**limits))

    elements = (
        dear("0.60", start_time=time(22, 30), end_time=time(23)),
        dear("0.20", start_time=time(23), end_time=time(23, 30)),
        dear("0.40"),
    )
    tariff = structs.replace(by_clock(), tariff=structs.replace(by_clock().tariff, elements=elements))
    assert outcome(ENDS_ALONE, tariff)[1].startswith("9.52 EUR by tariff day; 4.76 to 14.28")


def test_the_rules_before_spread_it_evenly() -> None:
    assert outcome(ENDS_ALONE, by_clock(), PERSONS)[0].held is None


@settings(max_examples=200)
@given(sessions())
def test_what_is_moved_stays_a_session_of_the_same_energy(drawn: ChargingSession) -> None:
    for moved in otherwise(drawn):
        for was, now in ((drawn.readings, moved.readings), (exported_of(drawn), exported_of(moved))):
            assert [each.register_wh for each in now] == sorted(each.register_wh for each in now)
            assert [each.at for each in now] == sorted(each.at for each in now)
            assert (now[0], now[-1]) == (was[0], was[-1]) if was else not now
