"""Rates of short works in processor time, so that other processes of the machine do not count."""

from collections.abc import Callable
from itertools import cycle
from time import process_time
from typing import TypeVar

V = TypeVar("V")


def each_of(values: list[V], work: Callable[[V], object]) -> Callable[[], object]:
    """The work on one of the values after the other, round and round."""
    following = cycle(values)
    return lambda: work(next(following))


def rate_of(work: Callable[[], object], round_s: float) -> float:
    """How often a second, over a round of at least that long."""
    work()
    count, began = 0, process_time()
    while (spent := process_time() - began) < round_s:
        for _ in range(20):
            work()
        count += 20
    return count / spent
