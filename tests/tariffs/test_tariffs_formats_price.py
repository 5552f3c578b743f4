"""A tariff that is exported without a loss of the price comes to the same amounts there, each priced by its own dialect."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tariffs.exporting import export
from tariffs.importing import read_tariffs
from tariffs.rate import rate
from tests.tariffs import dialect_strategies as drawn
from tests.tariffs.strategies import ZONES, circumstances, sessions
from vocabulary.circumstances import Circumstances
from vocabulary.rated import exact_net, exact_vat
from vocabulary.sessions import ChargingSession
from vocabulary.tariff import Profile, Tariff, TariffPublished

OWNER: dict[str, Any] = {"country_code": "DE", "party_id": "ABC", "last_updated": datetime(2026, 1, 2, tzinfo=UTC)}
_NUMBERS = msgspec.json.Encoder(decimal_format="number")


def without_steps_of_one(tariff: Tariff) -> Tariff:
    """A station bills Wh as metered: what a step of one adds is less than one of them."""
    elements = tuple(
        structs.replace(
            element,
            components=tuple(
                structs.replace(part, step_size=0 if part.step_size == 1 else part.step_size) for part in element.components
            ),
        )
        for element in tariff.elements
    )
    return structs.replace(tariff, elements=elements)


def total(session: ChargingSession, tariff: Tariff, where: str, known: Circumstances) -> tuple[Fraction, Fraction, Decimal]:
    """Exactly before and after taxes, and what is owed, which is rounded tax by tax."""
    rated = rate(session, without_steps_of_one(tariff), where, known=known)
    net = sum(map(exact_net, rated.lines), Fraction(0))
    return net, net + sum(map(exact_vat, rated.lines), Fraction(0)), rated.total


@settings(max_examples=300)
@given(st.data(), drawn.alike(), st.sampled_from(Profile), sessions(hours_max=6), ZONES)
def test_what_both_dialects_price_alike_may_go_from_either_to_the_other(data, published, wanted, session, where):
    document = export(published, wanted, **OWNER).document  # which is not refused
    (read,) = read_tariffs(_NUMBERS.encode(document))
    known = data.draw(circumstances(session))
    assert total(session, read.published.tariff, where, known) == total(session, published.tariff, where, known)


@settings(max_examples=200)
@given(st.data(), st.one_of(drawn.ANY, drawn.ANY.map(drawn.fitting)), st.sampled_from(Profile), sessions(hours_max=6), ZONES)
def test_a_tariff_that_loses_no_price_on_its_way_prices_the_same(data, published: TariffPublished, wanted, session, where):
    exported = export(published, wanted, **OWNER, allow_losses=True)
    if exported.changes_price:
        return
    (read,) = read_tariffs(_NUMBERS.encode(exported.document))
    known = data.draw(circumstances(session))
    assert total(session, read.published.tariff, where, known) == total(session, published.tariff, where, known)
