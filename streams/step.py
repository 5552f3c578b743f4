"""A step: what a state and an event make of each other. The whole framework.

A step is a pure function `(state, event) -> Step(state, out)`. Folding it over events in two pieces is folding it once.
"""

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S")
E = TypeVar("E")
O = TypeVar("O")  # noqa: E741


class Step(NamedTuple, Generic[S, O]):
    """The next state, and what follows from the event."""

    state: S
    out: tuple[O, ...] = ()


def fold(step: Callable[[S, E], Step[S, O]], state: S, events: Iterable[E]) -> Step[S, O]:
    """One step per event; everything that came out, in order."""
    out: list[O] = []
    for event in events:
        state, more = step(state, event)
        out += more
    return Step(state, tuple(out))
