"""Whatever policy made minor units of a session's lines: its invoice is posted, and what rounding cannot explain is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ledger.chart import PostingError
from ledger.post import ON_NET, PER_LINE, post
from tariffs.policy import HOUSE, Halves, Policy, Rounded
from tariffs.rate import rate
from tests.ledger.notation import EUR, issued, line, session
from tests.tariffs.strategies import sessions
from vocabulary.identity import TariffId
from vocabulary.money import Currency
from vocabulary.rated import HOUSE_ROUNDING, Owed, Rated
from vocabulary.sessions import ChargingSession, SessionRated
from vocabulary.tariff import Dimension, PriceComponent, Restrictions, Tariff, TariffElement

POLICIES = [Policy(rounded=rounded, halves=halves) for rounded in Rounded for halves in Halves]


def test_the_ledger_knows_each_policy_by_the_words_that_a_rating_bears() -> None:
    assert Policy(rounded=Rounded.GROSS_PER_LINE).rounding.endswith(PER_LINE)
    assert Policy(rounded=Rounded.NET_PER_TAX).rounding.endswith(ON_NET)
    assert not HOUSE_ROUNDING.endswith((PER_LINE, ON_NET))
    assert HOUSE.rounding == HOUSE_ROUNDING


def charge(cost: Rated, name: str = "S-1") -> SessionRated:
    return structs.replace(session(name, cost.lines), rated=cost)


prices = st.decimals(0, 2, places=4)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """Prices by steps of energy, so that a session has several lines of a rate."""
    rates = st.sampled_from([Decimal(19), Decimal(7), Decimal("5.5"), Decimal(50), None])
    elements = [
        TariffElement(
            components=(PriceComponent(dimension=Dimension.ENERGY, price=draw(prices), vat_percent=draw(rates)),),
            restrictions=Restrictions(max_energy_wh=Decimal(1000 * most)),
        )
        for most in range(1, draw(st.integers(1, 8)))
    ]
    flat = PriceComponent(dimension=Dimension.FLAT, price=draw(prices), vat_percent=draw(rates))
    return Tariff(id=TariffId("T"), currency=Currency("EUR"), elements=(*elements, TariffElement(components=(flat,))))


@given(sessions(), tariffs(), st.sampled_from(POLICIES))
def test_an_invoice_is_posted_by_whichever_policy_its_sessions_were_rounded(
    charged: ChargingSession, tariff: Tariff, policy: Policy
) -> None:
    one = charge(rate(charged, tariff, "Europe/Berlin", policy))
    (entry,) = post(issued("I-1", [one]))
    assert sum(posting.amount_micro for posting in entry.postings) == 0


def test_what_the_house_would_not_leave_is_still_refused() -> None:
    """Twelve lines of 0.00714 are 0.12 line by line, and 0.09 at once."""
    lines = [line(Dimension.ENERGY, Decimal(1000), Decimal("0.006"), Decimal(19))] * 12
    owed = (Owed(vat_percent=Decimal(19), net=Decimal("0.10"), vat=Decimal("0.02"), gross=Decimal("0.12")),)
    rounding = Policy(rounded=Rounded.GROSS_PER_LINE).rounding
    cost = Rated(currency=EUR, lines=tuple(lines), owed=owed, total=Decimal("0.12"), rounding=rounding)
    assert post(issued("I-1", [charge(cost)]))
    with pytest.raises(PostingError, match="rounding explains"):
        post(issued("I-1", [charge(structs.replace(cost, rounding=HOUSE_ROUNDING))]))
