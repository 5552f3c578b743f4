"""What the properties of the ledger are drawn from: sessions of any prices, VAT rates and countries, in 3 currencies."""

from decimal import Decimal

from hypothesis import strategies as st

from tests.ledger.notation import line, session
from vocabulary.money import Currency
from vocabulary.sessions import SessionRated
from vocabulary.tariff import PRICED

CURRENCIES = st.sampled_from([Currency("EUR"), Currency("JPY"), Currency("BHD")])  # 2, 0 and 3 decimals
PERCENTS = st.sampled_from([None, *map(Decimal, ("0", "2.5", "7", "19", "19.0", "25.5"))])

LINES = st.builds(
    line,
    st.sampled_from(PRICED),
    billed=st.decimals(0, 250_000, places=1),
    price=st.decimals(0, 3, places=4),
    vat_percent=PERCENTS,
)


def sessions_of(currency: Currency, contract: str = "C-1", prefix: str = "S") -> st.SearchStrategy[list[SessionRated]]:
    """Up to a dozen sessions of one contract."""
    drawn = st.lists(st.tuples(st.sampled_from(["DE", "AT", "FR"]), st.lists(LINES, max_size=5)), max_size=12)
    return drawn.map(
        lambda found: [
            session(f"{prefix}-{number}", lines, contract=contract, currency=currency, country=country)
            for number, (country, lines) in enumerate(found)
        ]
    )
