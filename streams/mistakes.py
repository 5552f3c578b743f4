"""A mistake of ours, and how it is told: by its kind and its place. What it says may quote what a message holds.

Which exceptions those are is said here once. A database or a broker that fails raises others: those are nobody's poison.
"""

from collections.abc import Iterator
from typing import Final

from vocabulary.identity import Position

MISTAKES: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Poisoned(Exception):
    """Our own functions fail on what stands at this position, and there is no reason to stop all others for good."""

    def __init__(self, position: Position, error: Exception) -> None:
        super().__init__(f"the steps fail on input {position}: {told(error)}")
        self.position, self.error = position, error


def told(error: BaseException) -> str:
    """In one line: what was raised, and in which function."""
    trace, place = error.__traceback__, "?"
    while trace is not None:
        code = trace.tb_frame
        place, trace = f"{code.f_globals.get('__name__')}.{code.f_code.co_qualname}", trace.tb_next
    return f"{type(error).__name__} in {place}"


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those from which it came, the last one first."""
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
