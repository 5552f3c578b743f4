"""The worked examples in the docstring of `tariffs.charges` are true, and the room's files are as the house wants them."""

import doctest
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tariffs import charges, rounding


def test_the_worked_examples_hold():
    result = doctest.testmod(charges)
    assert (result.attempted, result.failed) == (1, 0)


@given(st.integers(0, 10**9), st.integers(1, 10_000))
def test_what_is_billed_is_the_next_multiple_and_never_a_step_more(total, step):
    added = charges.surplus(total, step)
    assert (total + added) % step == 0
    assert 0 <= added < step


@given(st.decimals(0, 10**6, places=4))
def test_a_tidy_number_is_the_same_number_in_one_form(number):
    form = str(rounding.tidy(number))
    assert Decimal(form) == number
    assert "E" not in form
    assert not ("." in form and form.endswith("0"))
