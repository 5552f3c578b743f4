"""What prices may depend on beside energy and time, as the reference data and the messages of a session tell it."""

from decimal import Decimal

import pytest

from streams.rating import conclude, running_cost
from tests.streams.folding import fold
from tests.streams.material import LONG_AGO, catalogue, contract, evse, operator, site
from tests.streams.notation import events
from vocabulary.codec import ReferenceFact
from vocabulary.identity import TariffId
from vocabulary.money import Currency
from vocabulary.sessions import ChargingSession, SessionRated
from vocabulary.tariff import Dimension, EvseKind, PriceComponent, Restrictions, Tariff, TariffElement, TariffPublished


def element(price: str, **conditions: object) -> TariffElement:
    component = PriceComponent(dimension=Dimension.ENERGY, price=Decimal(price), vat_percent=Decimal(19))
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
