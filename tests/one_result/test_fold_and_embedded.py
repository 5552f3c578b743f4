"""(a) the pure fold and (b) the embedded runtime: the same messages, the same bytes."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases.outcome import inputs_of
from tests.cases.story import story_of
from tests.one_result.digests import assert_same
from tests.one_result.network import STATIONS, facts
from tests.one_result.pure_fold import fold
from tests.one_result.traffic import WILD, recorded, sequence, sequences, visits
from tests.one_result.ways import RUN, embedded, once
from vocabulary.charging import Direction, RawMessage


@settings(max_examples=30)
@given(sequences(), st.sampled_from([1, 7, 100]), st.floats(0, 1))
def test_the_embedded_runtime_concludes_what_the_fold_does(messages: list[RawMessage], batch: int, known_at: float) -> None:
    """With a contract that becomes known somewhere on the way, and an invoice run at the end."""
    known, late = facts()
    place = int(known_at * len(messages))
    inputs = once([*known, *messages[:place], *late, *messages[place:], RUN])
    assert_same(fold(inputs), embedded(inputs, batch), "the embedded runtime")


def test_every_frame_of_the_field_and_a_wild_network_give_one_result() -> None:
    random = Random(4)
    messages = sequence(random, [*visits(random, sorted(STATIONS), 4), *recorded()], WILD)
    known, late = facts()
    inputs = once([*known, *messages[:900], *late, *messages[900:], RUN])
    result = fold(inputs)
    assert_same(result, embedded(inputs), "the embedded runtime")
    assert len(result.invoices()) == 3, "each contract is billed"
    assert len(result.entries) > 50
    assert not result.twice()


CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize(
    "case",
    [
        "two_stations_tell_the_same_energy_of_one_socket",
        "overlapping_session_is_released",
        "begin_of_zero_below_what_the_session_before_ended_with",
        "transaction_id_is_used_again_in_2x",
        "register_of_what_was_fed_back_falls_and_somebody_releases_it",
        "batteries_are_swapped_and_the_fuller_ones_come_in",
        "batteries_come_in_and_none_go_out",
        "batteries_are_swapped_before_their_capacity_is_known",
    ],
)
def test_what_is_held_and_left_out_in_a_case_is_so_by_the_runtime(case: str) -> None:
    inputs = inputs_of(story_of((CASES / case / "story.txt").read_text()))
    assert_same(fold(inputs), embedded(inputs, 7), "the embedded runtime")


@pytest.mark.parametrize("answers_first", [True, False])
def test_calls_and_answers_in_files_of_their_own_come_to_the_same_amounts(answers_first: bool) -> None:
    random = Random(7)
    messages = sequence(random, visits(random, sorted(STATIONS), 4))
    apart = sorted(messages, key=lambda each: (each.direction is Direction.TO_STATION) is not answers_first)
    known, late = facts()
    inputs = once([*known, *late, *apart, RUN])
    found = fold(inputs)
    assert_same(found, embedded(inputs, 7), "the embedded runtime")
    assert_same(fold([*known, *late, *messages, RUN]).money(), found.money(), "in files of their own")


def test_when_a_contract_becomes_known_decides_no_amount() -> None:
    random = Random(5)
    messages = sequence(random, [*visits(random, sorted(STATIONS)[::2], 3), *recorded()])
    known, late = facts()
    first, *others = (fold([*known, *messages[:at], *late, *messages[at:], RUN]).money() for at in (0, 60, 400, len(messages)))
    for other in others:
        assert_same(first, other, "a contract that becomes known later")
