"""Meter keys that come late, or are revoked: the fold, the runtime and the lanes come to one result."""

from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import Engine

from tests.cases.outcome import inputs_of
from tests.cases.story import story_of
from tests.one_result.digests import assert_same
from tests.one_result.pure_fold import Input, PureFold, fold
from tests.one_result.test_lanes import told_to_a_worker
from tests.one_result.ways import embedded
from vocabulary.billing import InvoiceIssued
from vocabulary.codec import Conclusion
from vocabulary.reference import MeterKeyPublished, RulesAdopted, SitePublished
from vocabulary.sessions import ChargeReversed, ReversalReason

STORY = Path(__file__).parents[1] / "cases" / "meter_key_comes_late" / "story.txt"


def story() -> list[Input]:
    """What came, and an invoice run at its end."""
    return inputs_of(story_of(STORY.read_text()))


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_the_runtime_concludes_and_bills_what_the_fold_does(batch: int) -> None:
    inputs = story()
    assert_same(fold(inputs), embedded(inputs, batch), "the embedded runtime")


def test_lanes_conclude_the_same(engine: Engine) -> None:
    inputs = story()
    assert_same(fold(inputs), told_to_a_worker(engine, inputs).result(), "the lanes")


def told_by(fact: int, inputs: list[Input]) -> list[Conclusion]:
    """What followed from the key that was registered as the nth."""
    at = [place for place, each in enumerate(inputs) if isinstance(each, MeterKeyPublished)][fact]
    before = PureFold().tell(inputs[:at])
    return PureFold().tell(inputs[: at + 1]).conclusions[len(before.conclusions) :]


def test_a_key_that_was_registered_so_before_changes_nothing() -> None:
    assert told_by(2, story()) != []
    assert told_by(3, story()) == []


def test_a_site_that_brings_the_key_itself_has_its_held_sessions_checked_again() -> None:
    inputs = story()
    at, key = next((place, each) for place, each in enumerate(inputs) if isinstance(each, MeterKeyPublished))
    *_, published = (each for each in inputs[:at] if isinstance(each, SitePublished))
    with_key = [structs.replace(evse, meter_keys=(key.key,)) for evse in published.site.evses if evse.number == 2]
    others = [evse for evse in published.site.evses if evse.number != 2]
    site = structs.replace(published, site=structs.replace(published.site, evses=(*others, *with_key)))
    instead = [*inputs[:at], site, site, inputs[-1]]
    found = fold(instead)
    for batch in (1, 1000):
        assert_same(found, embedded(instead, batch), "the embedded runtime")
    reversed_ones = [each for each in PureFold().tell(instead).conclusions if isinstance(each, ChargeReversed)]
    assert [each.reason for each in reversed_ones].count(ReversalReason.KEY_CAME) == 1


def by_older_rules(inputs: list[Input]) -> list[Input]:
    return [RulesAdopted(number=5) if isinstance(each, RulesAdopted) else each for each in inputs]


def test_by_older_rules_a_site_that_brings_the_key_changes_nothing_and_a_registered_one_counts() -> None:
    """What was concluded before replays to the byte; who registers a key, adopts newer rules with it."""
    inputs = story()
    at, key = next((place, each) for place, each in enumerate(inputs) if isinstance(each, MeterKeyPublished))
    *_, published = (each for each in inputs[:at] if isinstance(each, SitePublished))
    evses = tuple(structs.replace(evse, meter_keys=(key.key,)) for evse in published.site.evses)
    site = structs.replace(published, site=structs.replace(published.site, evses=evses))
    for last, reversed_ones in ((site, 0), (key, 1)):
        older = by_older_rules([*inputs[:at], last])
        found = PureFold().tell(older).conclusions
        reasons = [each.reason for each in found if isinstance(each, ChargeReversed)]
        assert reasons.count(ReversalReason.KEY_CAME) == reversed_ones
        assert_same(fold(older), embedded(older, 1000), "the embedded runtime")


def test_what_stands_on_an_invoice_or_was_dropped_is_not_checked_again() -> None:
    """A key of another meter comes after the run: nothing of what is billed changes, whatever it says."""
    inputs = story()
    at = [place for place, each in enumerate(inputs) if isinstance(each, MeterKeyPublished)][4]
    late = [*inputs[:at], inputs[-1], *inputs[at:-1]]
    told = PureFold().tell(late).conclusions
    issued = next(place for place, each in enumerate(told) if isinstance(each, InvoiceIssued))
    billed = {session.session for session in told[issued].invoice.sessions}  # type: ignore[union-attr]
    assert billed
    assert not [each for each in told[issued:] if isinstance(each, ChargeReversed) and each.rated.session in billed]
    assert_same(fold(late), embedded(late, 7), "the embedded runtime")
