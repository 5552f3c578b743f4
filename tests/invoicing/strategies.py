"""Any month of any contract: sessions with lines of every dimension, at several VAT rates, in several zones and countries;
net and gross prices, per minute and per hour, of reservations; limits.
"""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from tests.invoicing.material import Price, session
from vocabulary.sessions import SessionRated
from vocabulary.tariff import PRICED, Basis, Dimension

ZONES = st.sampled_from(["Europe/Berlin", "Europe/Lisbon", "Asia/Kolkata", "America/St_Johns"])
VATS = st.sampled_from(["19", "19.0", "7", "25.5", "0", None])
MOST = {Dimension.ENERGY: 20_000_000, Dimension.TIME: 100_000, Dimension.PARKING_TIME: 100_000, Dimension.FLAT: 1}
MOST |= {Dimension.ENERGY_EXPORT: 20_000_000, Dimension.SWAP: 4}


@st.composite
def prices(draw: st.DrawFn) -> Price:
    dimension = draw(st.sampled_from(PRICED))
    quantity = 1 if dimension is Dimension.FLAT else draw(st.integers(0, MOST[dimension]))
    quantity = -quantity if dimension is Dimension.ENERGY_EXPORT else quantity
    unit_price = draw(st.decimals(0, 9, places=draw(st.integers(0, 6))))
    return Price(
        dimension,
        str(quantity),
        f"{unit_price:f}",
        vat=draw(VATS),
        basis=draw(st.sampled_from(Basis)),
        per_minute=dimension in (Dimension.TIME, Dimension.PARKING_TIME) and draw(st.booleans()),
        reserved=dimension in (Dimension.TIME, Dimension.FLAT) and draw(st.booleans()),
    )


@st.composite
def months(draw: st.DrawFn, contracts: tuple[str, ...] = ("C-20418",)) -> list[SessionRated]:
    """Sessions that all ended in October 2026, in no order."""
    found = []
    for key in range(draw(st.integers(1, 12))):
        start = datetime(2026, 10, 2, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 60 * 24 * 27)))
        lines = draw(st.lists(prices(), max_size=5))
        zone, contract = draw(ZONES), draw(st.sampled_from(contracts))
        country = draw(st.sampled_from(["DE", "AT", "FR"]))
        limit = draw(st.sampled_from(["", "", "0", "0.504", "4.2017", "1000"]))
        found.append(
            session(*lines, start=start, time_zone=zone, country=country, contract=contract, key=str(key), limit=limit)
        )
    return draw(st.permutations(found))
