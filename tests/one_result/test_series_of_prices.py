"""Prices that are published somewhere on the way, and corrected: the fold, the runtime and the lanes come to one result."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import Engine

from streams.places import Partition
from tests.one_result.digests import assert_same
from tests.one_result.lane_world import PARTITIONS, Topic, World, emptied
from tests.one_result.network import STATIONS, facts
from tests.one_result.pure_fold import Input, PureFold, fold
from tests.one_result.test_lanes import publish, run_invoices
from tests.one_result.traffic import WILD, recorded, sequence, sequences, visits
from tests.one_result.ways import RUN, embedded, once
from vocabulary.charging import RawMessage
from vocabulary.codec import ReferenceFact
from vocabulary.identity import SeriesId
from vocabulary.money import Currency
from vocabulary.price_series import SeriesPublished
from vocabulary.reference import RulesAdopted
from vocabulary.rules import RULES
from vocabulary.sessions import Finding, SessionFlagged
from vocabulary.tariff import Dimension, PriceComponent, SeriesPrice, Tariff, TariffPublished
from wattbook.wiring import VERBS

SPOT = SeriesId("spot")


def known() -> list[ReferenceFact]:
    """The network, where energy follows a series by day; and the rules of today."""
    first, late = facts()
    followed = [
        structs.replace(one, tariff=_following(one.tariff)) if isinstance(one, TariffPublished) else one for one in first
    ]
    return [*followed, *late, RulesAdopted(number=RULES)]


def _following(tariff: Tariff) -> Tariff:
    by_day, *others = tariff.elements
    following = structs.replace(by_day, components=tuple(map(_at_spot, by_day.components)))
    return structs.replace(tariff, elements=(following, *others))


def _at_spot(component: PriceComponent) -> PriceComponent:
    spot = SeriesPrice(id=SPOT, least=Decimal("-0.05"))
    return structs.replace(component, series=spot) if component.dimension is Dimension.ENERGY else component


def months(random: Random, at: datetime) -> list[ReferenceFact]:
    """Of all the time in which anybody charges here, in publications of a month."""
    since = datetime(2025, 12, 1, tzinfo=UTC)
    return [
        SeriesPublished(
            series=SPOT,
            currency=Currency("EUR"),
            start=since + timedelta(days=30 * month),
            resolution_s=3600,
            values=tuple(Decimal(random.randint(-90, 400)) / 1000 for _ in range(720)),
            unit="EUR/MWh",
            source="by chance",
            source_sha256="0" * 64,
            at=at,
        )
        for month in range(14)
    ]


def told(messages: Sequence[RawMessage], places: list[float], random: Random) -> list[Input]:
    """The prices become known at the first of the places, one after the other, and are corrected at the second."""
    first, second = sorted(int(place * len(messages)) for place in places)
    published, corrected = (months(random, datetime(2026, 12, day, tzinfo=UTC)) for day in (1, 2))
    return [*known(), *messages[:first], *published, *messages[first:second], *corrected[3:12:2], *messages[second:]]


@settings(max_examples=12)
@given(sequences(), st.sampled_from([1, 7, 100]), st.lists(st.floats(0, 1), min_size=2, max_size=2), st.integers(0, 99))
def test_the_runtime_concludes_what_the_fold_does(
    messages: list[RawMessage], batch: int, places: list[float], seed: int
) -> None:
    inputs = once([*told(messages, places, Random(seed)), RUN])
    assert_same(fold(inputs), embedded(inputs, batch), "the embedded runtime")


def test_when_prices_become_known_decides_no_amount() -> None:
    """Nor anything else of the charges, where no session is told anew."""
    random = Random(5)
    messages = sequence(random, visits(random, sorted(STATIONS)[::2], 3))
    published = months(Random(6), datetime(2026, 12, 1, tzinfo=UTC))
    stories = [[*known(), *messages[:at], *published, *messages[at:], RUN] for at in (0, 60, 400, len(messages))]
    first, *others = (fold(story).money() for story in stories)
    for other in others:
        assert_same(first, other, "prices that become known later")
    waiting = PureFold().tell([*known(), *messages]).conclusions
    found = {each.finding for each in waiting if isinstance(each, SessionFlagged)}
    assert Finding.PRICE_NOT_PUBLISHED in found, "the story is worth telling"


def test_lanes_take_up_prices_as_the_fold_does(engine: Engine) -> None:
    random = Random(8)
    messages = sequence(random, [*visits(random, sorted(STATIONS)[:6], 2), *recorded()[:4]], WILD)
    publish(emptied(engine), known())
    topic, story = Topic(), list[Input](known())
    world = World(engine, topic, VERBS)
    half = len(messages) // 2
    for part, said in ((messages[:half], months(random, datetime(2026, 12, 1, tzinfo=UTC))), (messages[half:], [])):
        for message in part:
            topic.append(message)
        for partition in map(Partition, range(PARTITIONS)):
            while world.workers[0].read(partition, 13):
                pass
        story += [*part, *said]
        publish(engine, said)
    world.drain()
    run_invoices(engine)
    assert_same(fold([*story, RUN]), world.result(), "the lanes")
