"""What is in force of a series: of each quarter of an hour the publication that came last; and what a charge records of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from streams.catalogue import Catalogue, is_in_force
from streams.plausibility import depends_on_time
from streams.rating import conclude, running_cost
from streams.series import PublishedSeries, last_value, prices_between, replaced, says, values_between, with_publication
from tests.streams.folding import fold
from tests.streams.material import catalogue, contract, operator, site, tariff
from tests.streams.notation import events
from vocabulary.codec import decode, encode, publication_hash
from vocabulary.identity import SeriesId
from vocabulary.money import Currency
from vocabulary.price_series import SeriesPublished, fault
from vocabulary.sessions import ChargingSession, Finding, SessionFlagged, SessionRated
from vocabulary.tariff import PriceComponent, SeriesPrice, TariffPublished

SPOT = SeriesId("spot")
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def published(
    *values: str, start: datetime = NOON, resolution_s: int = 900, hour: int = 0, currency: str = "EUR"
) -> SeriesPublished:
    return SeriesPublished(
        series=SPOT,
        currency=Currency(currency),
        start=start,
        resolution_s=resolution_s,
        values=tuple(map(Decimal, values)),
        unit="EUR/kWh",
        source="by hand",
        source_sha256="0" * 64,
        at=datetime(2026, 10, 5, hour, tzinfo=UTC),
    )


def folded(*facts: SeriesPublished) -> PublishedSeries:
    known = PublishedSeries()
    for fact in facts:
        known = with_publication(known, fact)
    return known


def told(known: PublishedSeries, quarters: int, since: datetime = NOON) -> str:
    prices = prices_between(known, SPOT, since, since + quarters * QUARTER)
    return " ".join("-" if value is None else f"{value.normalize():f}" for value in prices.values)


def test_a_later_publication_counts_for_its_quarters_alone() -> None:
    first, correction = published("0.1", "0.2", "0.3"), published("0.25", start=NOON + QUARTER, hour=1)
    known = folded(first, correction)
    assert told(known, 4) == "0.1 0.25 0.3 -"
    versions = [value.publication.version for value in values_between(known, NOON, NOON + 3 * QUARTER)]
    assert versions == [publication_hash(first), publication_hash(correction), publication_hash(first)]


def test_an_hour_is_four_quarters() -> None:
    assert told(folded(published("0.1", "0.2", resolution_s=3600), published("0.9", start=NOON + QUARTER)), 6) == (
        "0.1 0.9 0.1 0.1 0.2 0.2"
    )


def test_the_quarters_are_those_that_a_time_touches() -> None:
    known = folded(published("0.1", "0.2", "0.3"))
    touched = prices_between(known, SPOT, NOON + timedelta(minutes=14), NOON + timedelta(minutes=16))
    assert (touched.start, len(touched.values)) == (NOON, 2)
    assert len(prices_between(known, SPOT, NOON, NOON + QUARTER).values) == 1, "the end is exclusive"
    assert len(prices_between(known, SPOT, NOON, NOON).values) == 1, "a session that has just begun"


def test_before_1970_and_across_days_nothing_is_mixed_up() -> None:
    midnight = datetime(2026, 10, 5, 23, 45, tzinfo=UTC)
    assert told(folded(published("0.1", "0.2", start=midnight)), 3, midnight) == "0.1 0.2 -"
    assert told(folded(published("0.1")), 2, datetime(1969, 12, 31, 23, 45, tzinfo=UTC)) == "- -"


def test_what_is_published_again_changes_nothing() -> None:
    known = folded(published("0.1", "0.2"))
    assert says(known, published("0.2", start=NOON + QUARTER, hour=9))
    assert not says(known, published("0.2", "0.3", start=NOON + QUARTER))
    assert (replaced(known, published("0.1", "0.9", "0.9")), last_value(known)) == (1, NOON + QUARTER)


def test_a_series_in_another_currency_is_another_one() -> None:
    known = catalogue(published("0.1"), published("9", currency="CHF"))
    assert [told(series, 1) for series in known.series.values()] == ["0.1", "9"]
    assert is_in_force(known, published("0.1")) and not is_in_force(known, published("0.1", currency="NOK"))


@pytest.mark.parametrize(
    "wrong",
    [
        published("0.1", resolution_s=60),
        published("0.1", start=NOON + timedelta(minutes=1)),
        published(),
        published(*["0.1"] * 2977),
        published("0.1234567891"),
        published("1E+2"),
        published("1000.1"),
        published("NaN"),
    ],
)
def test_what_cannot_be_a_publication(wrong: SeriesPublished) -> None:
    assert fault(wrong)


def test_a_publication_is_known_by_its_bytes_and_comes_back_from_them() -> None:
    one = published("0.10", "-0.000000001", *["0.1"] * 2974)
    assert decode(encode(one)) == one
    assert publication_hash(one) != publication_hash(structs.replace(one, at=NOON))


@given(st.lists(st.tuples(st.integers(-200, 200), st.lists(st.integers(-9, 9), min_size=1, max_size=120)), max_size=6))
def test_the_folded_series_is_what_was_published_last(runs: list[tuple[int, list[int]]]) -> None:
    naive: dict[int, Decimal] = {}
    known = PublishedSeries()
    for offset, whole in runs:
        known = with_publication(known, published(*map(str, whole), start=NOON + offset * QUARTER))
        naive |= {offset + place: Decimal(value) for place, value in enumerate(whole)}
    found = prices_between(known, SPOT, NOON - 220 * QUARTER, NOON + 340 * QUARTER).values
    assert list(found) == [naive.get(slot) for slot in range(-220, 340)]


# Sessions


def following(least: str | None = None) -> TariffPublished:
    energy = PriceComponent(
        dimension=tariff().tariff.elements[0].components[0].dimension,
        price=Decimal("0.10"),
        vat_percent=Decimal(19),
        series=SeriesPrice(id=SPOT, least=None if least is None else Decimal(least)),
    )
    plain = tariff()
    element = structs.replace(plain.tariff.elements[0], components=(energy,))
    return structs.replace(plain, tariff=structs.replace(plain.tariff, elements=(element,)))


def session(end: str = "12:30", energy_wh: int = 4000) -> ChargingSession:
    [closed] = fold(events(f"12:00 started #0 begin 0 evse 1 token A\n{end} ended #1 end {energy_wh}")).closed
    return closed.session


def world(*facts: SeriesPublished, least: str | None = None) -> Catalogue:
    return catalogue(operator(), site(), contract(), following(least), *facts)


def test_a_session_without_its_prices_waits_and_says_for_which() -> None:
    last = conclude(session(), world(published("0.2")))[-1]
    assert isinstance(last, SessionFlagged)
    assert (last.finding, last.detail) == (
        Finding.PRICE_NOT_PUBLISHED,
        "tariff day: spot has no price in EUR at 2026-10-05T12:15Z",
    )
    assert running_cost(session(), world(published("0.2"))) is None, "what no price is known for is not displayed as free"


def test_a_charge_names_the_publications_of_its_time() -> None:
    first, second, other = published("0.2"), published("0.4", start=NOON + QUARTER), published("9", start=NOON + 2 * QUARTER)
    rated = conclude(session(), world(first, second, other))[-1]
    assert isinstance(rated, SessionRated)
    assert rated.series == (publication_hash(first), publication_hash(second))
    assert rated.rated.total == Decimal("1.90"), "2 kWh at 0.30 and 2 at 0.50, with 19 %"
    assert running_cost(session(), world(first, second)) == rated.rated


def test_a_charge_of_a_tariff_that_follows_none_has_the_bytes_that_it_had() -> None:
    rated = conclude(session(), catalogue(operator(), site(), contract(), tariff(), published("0.2", "0.4")))[-1]
    assert isinstance(rated, SessionRated)
    assert b"series" not in encode(rated)


def test_prices_in_another_currency_are_none() -> None:
    last = conclude(session(), world(published("0.2", "0.4", currency="CHF")))[-1]
    assert isinstance(last, SessionFlagged)
    assert last.finding is Finding.PRICE_NOT_PUBLISHED


def test_such_a_price_depends_on_the_time() -> None:
    assert depends_on_time(following().tariff)
    assert not depends_on_time(tariff().tariff)
