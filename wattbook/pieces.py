"""Long work on the desk's thread, in pieces: stations, whose messages come in between, wait for one piece at most."""

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

PIECE_S: Final = 0.03  # for which the desk has a piece in hand while stations are connected
_MIN, _MAX = 20, 1000

R = TypeVar("R")


class Piece:
    """How many things the desk takes in hand at a time: as many as it is through with in so many seconds, by the last piece."""

    def __init__(self, least: int = _MIN) -> None:
        self._least = self.size = least

    def timed(self, seconds: float, work: Callable[[Any], R], argument: Any, things: int) -> R:
        began = time.monotonic()
        done = work(argument)
        wanted = int(things * seconds / max(time.monotonic() - began, 1e-6))
        self.size = max(self._least, min(_MAX, wanted, 2 * self.size))
        return done
