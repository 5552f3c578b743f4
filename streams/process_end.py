"""The end of a worker's process, where it cannot end by itself. It may be at once: what is not committed counts for nothing."""

import os
import sys
import threading
import time
import traceback
from typing import Final, NoReturn

from streams.intake import Watch
from streams.log import LogError
from streams.mistakes import Poisoned, chain, told

FAILED: Final = 70  # the exit status (EX_SOFTWARE)
SHUTDOWN_S_MAX: Final = 8


def end_now(error: BaseException, watch: Watch) -> NoReturn:
    """Say why, and end. A failure of the outside explains itself; of any other, whoever mends it needs to know the places.

    What others say is left out: a KeyError, or a database about a row, quotes what a message holds.
    """
    explains_itself = isinstance(error, LogError | OSError | Poisoned)
    watch.say("worker_failed", error=str(error) if explains_itself else told(error), kind=type(error).__name__)
    if not isinstance(error, LogError):
        for each in chain(error):
            sys.stderr.write("".join([f"{type(each).__name__}, raised in\n", *traceback.format_tb(each.__traceback__)]))
    sys.stderr.flush()
    os._exit(FAILED)


def end_after(seconds: int, watch: Watch) -> None:
    """End the process, unless it has ended by then."""

    def end() -> None:
        watch.say("worker_killed_itself", why=f"it did not stop within {seconds} s")
        os._exit(FAILED)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def now_ms() -> int:
    """Of a clock that does not go back."""
    return time.monotonic_ns() // 1_000_000
