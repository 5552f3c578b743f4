"""Reservations that are used, expire, or are cancelled: the fold, the runtime and the lanes come to one result."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.cases.outcome import inputs_of
from tests.cases.story import story_of
from tests.cases.tariffs import tariff_of
from tests.one_result.digests import assert_same
from tests.one_result.pure_fold import Input, fold
from tests.one_result.test_lanes import told_to_a_worker
from tests.one_result.ways import embedded
from vocabulary.billing import InvoiceIssued
from vocabulary.charging import RawMessage
from vocabulary.codec import decode
from vocabulary.reference import RulesAdopted
from vocabulary.sessions import ChargeReversed, Finding, ReversalReason, SessionFlagged, SessionRated

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
    world = told_to_a_worker(engine, inputs)
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


def test_one_that_is_used_after_it_was_invoiced_as_expired_is_not_paid_twice() -> None:
    """What stands on an invoice stays, so who used it is held, and a person looks at both."""
    *told, run = story("reservation_expires_and_nobody_charged")
    place = next(at for at, each in enumerate(told) if isinstance(each, RawMessage) and "late-0" in each.frame)
    inputs = [*told[:place], run, *told[place:]]
    found = fold(inputs)
    for batch in (1, 7, 1000):
        assert_same(found, embedded(inputs, batch), "the embedded runtime")
    concluded = [decode(body) for body in found.conclusions]
    [issued] = [each.invoice for each in concluded if isinstance(each, InvoiceIssued)]
    assert not [each for each in concluded if isinstance(each, ChargeReversed)]
    held = [each for each in concluded if isinstance(each, SessionRated) and each.held is Finding.RESERVATION_UNTIMED]
    assert len(held) == 1
    assert held[0].session not in {session.session for session in issued.sessions}


@pytest.mark.parametrize(("rules", "reason"), [(5, ReversalReason.DROPPED), (6, ReversalReason.NOT_OWED)])
def test_what_the_program_takes_back_by_itself_no_person_dropped_but_older_rules_told_it_so(
    rules: int, reason: ReversalReason
) -> None:
    inputs = story("reservation_expires_and_nobody_charged")
    told = [RulesAdopted(number=rules) if isinstance(each, RulesAdopted) else each for each in inputs]
    reversed_ones = [each.reason for body in fold(told).conclusions if isinstance(each := decode(body), ChargeReversed)]
    assert reversed_ones == [reason]
    assert_same(fold(told), embedded(told, 7), "the embedded runtime")
