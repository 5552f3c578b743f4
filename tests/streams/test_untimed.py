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
from vocabulary.sessions import ChargingSession, Finding, SessionFlagged, SessionRated
from vocabulary.tariff import Dimension, PriceComponent, Restrictions, Tariff, TariffElement, TariffPublished

ENDS_ALONE = "19:00 started #0 begin 0 evse 1 token A\n23:00 ended #1 end 20000"

MEASURED = """19:00 started #0 begin 0 evse 1 token A
20:59 updated #1 meter 9000
21:01 updated #2 meter 9100
23:00 ended #3 end 20000"""


def by_clock(at_night: str = "0.20", dimension: Dimension = Dimension.ENERGY) -> TariffPublished:
    """0.40 until 23:00 at the site, then another price. Net, 19 % VAT; 23:00 there is 21:00 UTC in summer."""

    def element(price: str, **limits: time) -> TariffElement:
        component = PriceComponent(dimension=dimension, price=Decimal(price), vat_percent=Decimal(19))
        return TariffElement(components=(component,), restrictions=Restrictions(**limits))

    night = element(at_night, start_time=time(23), end_time=time(6))
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
    assert told == "7.14 EUR by tariff day; 4.76 or 9.52 by when the energy came between two readings"


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


def test_the_rules_before_spread_it_evenly() -> None:
    assert outcome(ENDS_ALONE, by_clock(), PERSONS)[0].held is None


@settings(max_examples=200)
@given(sessions())
def test_what_is_moved_stays_a_session_of_the_same_energy(drawn: ChargingSession) -> None:
    for moved in otherwise(drawn):
        registers = [reading.register_wh for reading in moved.readings]
        assert registers == sorted(registers)
        assert [each.at for each in moved.readings] == sorted(each.at for each in moved.readings)
        assert registers[-1] - registers[0] == drawn.energy_wh
