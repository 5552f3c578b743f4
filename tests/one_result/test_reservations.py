"""Reservations that are used, expire, or are cancelled: the fold, the runtime and the lanes come to one result."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from streams.embedded_runtime import Input as Appending
from streams.log import Stream
from tests.cases.outcome import inputs_of
from tests.cases.story import story_of
from tests.cases.tariffs import tariff_of
from tests.one_result.digests import assert_same
from tests.one_result.lane_world import Topic, World, emptied
from tests.one_result.pure_fold import Input, fold
from tests.one_result.test_lanes import publish
from tests.one_result.ways import embedded
from vocabulary.billing import InvoiceIssued, InvoiceRunRequested
from vocabulary.charging import RawMessage
from vocabulary.codec import decode
from vocabulary.sessions import ChargeReversed, SessionFlagged, SessionRated
from wattbook.wiring import VERBS, runtime_over

CASES = Path(__file__).parents[1] / "cases"
_RUN = "2026-04-02T08:00:00Z invoice 2026-03"


def story(case: str) -> list[Input]:
    """What came, and an invoice run at the end."""
    folder = CASES / case
    text = next(path for path in (folder / "story.txt", folder / "frames.ndjson") if path.exists()).read_text()
    tariff = (folder / "about.txt").read_text().rpartition("tariff: ")[2].strip()
    return inputs_of([*story_of(text), *story_of(_RUN)], tariff)


@pytest.mark.parametrize("case", ["reservation_is_used_and_has_a_price", "reservation_expires_and_nobody_charged"])
@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_the_runtime_concludes_and_bills_what_the_fold_does(case: str, batch: int) -> None:
    inputs = story(case)
    found = fold(inputs)
    assert_same(found, embedded(inputs, batch), "the embedded runtime")
    [issued] = [each.invoice for body in found.conclusions if isinstance(each := decode(body), InvoiceIssued)]
    charges = [each for body in found.conclusions if isinstance(each := decode(body), SessionRated) and each.held is None]
    reversed_ones = [each.rated for body in found.conclusions if isinstance(each := decode(body), ChargeReversed)]
    charges = [each for each in charges if each not in reversed_ones]
    assert len(issued.sessions) == len(charges) == (5 if "expires" in case else 4)
    assert issued.total == sum(each.rated.total for each in charges)


@pytest.mark.parametrize("case", ["reservation_is_used_and_has_a_price", "reservation_expires_and_nobody_charged"])
def test_lanes_conclude_the_same(case: str, engine: Engine) -> None:
    inputs = story(case)
    publish(emptied(engine), [])
    topic = Topic()
    world = World(engine, topic, VERBS, workers=1)
    for each in inputs:
        match each:
            case RawMessage():
                topic.append(each)
            case InvoiceRunRequested():
                world.drain()
                runtime_over(engine, 100).carry_out(Appending(Stream.COMMANDS, "invoice-run", each))
            case _:
                world.drain()
                publish(engine, [each])
    world.drain()
    assert_same(fold(inputs), world.result(), "the lanes")


def test_prices_that_come_after_a_reservation_find_no_beginning_and_say_so() -> None:
    """Nothing is kept of reservations before a tariff asks for them."""
    inputs = story("reservation_expires_and_nobody_charged")
    place = next(place for place, each in enumerate(inputs) if isinstance(each, RawMessage))
    facts, rest = inputs[:place], inputs[place:]
    without = [each for each in facts if each != tariff_of("expiring")]
    assert len(without) == len(facts) - 1
    late = fold([*without, tariff_of(""), *rest[:2], tariff_of("expiring"), *rest[2:]])
    flagged = [each.detail for body in late.conclusions if isinstance(each := decode(body), SessionFlagged)]
    assert any("reservation 81 expired" in detail for detail in flagged)
