"""Signed values, replayed, late and missing ones: the fold, the runtime and the lanes come to one result."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.cases.outcome import inputs_of
from tests.cases.story import story_of
from tests.one_result.digests import assert_same
from tests.one_result.pure_fold import Input, fold
from tests.one_result.test_lanes import told_to_a_worker
from tests.one_result.ways import embedded
from vocabulary.billing import InvoiceIssued
from vocabulary.charging import RawMessage
from vocabulary.codec import decode
from vocabulary.sessions import Finding, SessionFlagged, SessionRated

STORY = Path(__file__).parents[1] / "cases" / "signed_values_decide_what_is_billed" / "story.txt"


def story() -> list[Input]:
    return inputs_of(story_of(STORY.read_text()))


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_the_runtime_concludes_and_bills_what_the_fold_does(batch: int) -> None:
    inputs = story()
    found = fold(inputs)
    assert_same(found, embedded(inputs, batch), "the embedded runtime")
    [issued] = [each.invoice for body in found.conclusions if isinstance(each := decode(body), InvoiceIssued)]
    assert [session.energy_wh for session in issued.sessions] == [5000.5, 2000, 2000]


def test_lanes_conclude_the_same(engine: Engine) -> None:
    inputs = story()
    assert_same(fold(inputs), told_to_a_worker(engine, inputs).result(), "the lanes")


def test_messages_that_come_again_change_nothing() -> None:
    inputs = story()
    *told, run = inputs
    twice = [*told, *(each for each in told if isinstance(each, RawMessage)), run]
    rated = [
        Counter(e for body in fold(each).conclusions if isinstance(e := decode(body), SessionRated)) for each in (inputs, twice)
    ]
    assert rated[0] == rated[1]


def test_a_record_of_one_delivery_is_billed_once_in_whatever_order_its_sessions_come() -> None:
    """That of another time is not billed by it, and takes nothing from the one that it is of."""
    inputs = story()
    messages = [each for each in inputs if isinstance(each, RawMessage)]
    first, second = messages[:4], messages[4:7]  # start, answer, (meter,) stop
    swapped = [each for each in inputs if each not in first and each not in second]
    at = swapped.index(messages[7])
    for order in ((*first, *second), (*second, *first)):
        found = fold([*swapped[:at], *order, *swapped[at:-2], swapped[-1]])
        charges = [e for body in found.conclusions if isinstance(e := decode(body), SessionRated)]
        assert {
            each.start.hour: each.held is not None for each in charges if each.start.day == 10 and each.start.hour < 11
        } == {
            8: False,
            10: True,
        }


def test_a_use_is_kept_by_what_names_the_record() -> None:
    kept = fold(story()).states
    uses = [key for key in kept if key.startswith("signed:")]
    assert len(uses) == 10, "begin and end of four sessions that are billed by them, late ones too; the spans of two meters"


def test_the_same_records_at_two_stations_of_one_evse_are_on_no_invoice() -> None:
    """Stations are processed side by side, so that neither knows what the other used: the run sees both."""
    told = story_of(STORY.read_text())
    first = [
        each.line for each in told if " CP7 " in each.line and any(f'"{name}"' in each.line for name in ("s1", "m1", "e1"))
    ]
    there = [line.replace(" CP7 ", " CP8 ") for line in first]
    facts = ["2026-03-09T08:00:00Z publish CP7/1 22 kW, signed, also CP8/1", "2026-03-09T08:00:00Z publish key CP7/1 M1"]
    found = fold(inputs_of(story_of("\n".join([*facts, *first, *there, "2026-04-02T08:00:00Z invoice 2026-03"]))))
    concluded = [decode(body) for body in found.conclusions]
    assert sum(isinstance(each, SessionRated) and each.held is None for each in concluded) == 2
    assert not any(isinstance(each, InvoiceIssued) for each in concluded)
    assert [each.finding for each in concluded if isinstance(each, SessionFlagged)] == [Finding.OVERLAPS, Finding.OVERLAPS]
