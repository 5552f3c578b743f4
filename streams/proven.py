"""What the log itself proves of a position, which is only a number in a table: whoever changes that is told.

Everything that follows from inputs names the last of them as its cause, in order. So a position that stands before a cause was
moved back. Processed again, messages would be folded away; but a fact or a command would meet another state of things than it
did, and states would be stepped twice by one event. So nothing is processed then.

How far saved states know the events follows from no log: it is noted a second time beside the states, in the same transaction.
"""

from collections.abc import Callable

from streams.log import Log, LogUnusable, Stream
from streams.places import Lane
from streams.states import States
from vocabulary.identity import Position

_FOLLOWS = (Stream.EVENTS, Stream.CONCLUSIONS, Stream.QUARANTINE)


class PositionChanged(LogUnusable):
    """A position in the database is not where the log proves that it was: the table was changed past wattbook."""

    def __init__(self, consumer: str, lane: Lane, found: Position, why: str) -> None:
        super().__init__(
            f"the position `{consumer}` of lane {lane} is {found}, but {why}: the database was changed past wattbook, and "
            "nothing was processed. Restore it from a backup, or see what `wattbook audit replay` tells of it"
        )


def proven(log: Log, is_own: Callable[[Position], bool] = lambda _: True) -> Position:
    """The last of a lane's own inputs from which anything follows in it; 0: from none."""
    last = (log.at(stream, head.position) for stream in _FOLLOWS if (head := log.head(stream)).records)
    return max((stored.cause for stored in last if stored and is_own(stored.cause)), default=Position(0))


def demand_proven(consumer: str, lane: Lane, found: Position, until: Position) -> None:
    """Raises PositionChanged where the position is before what is proven."""
    if found < until:
        raise PositionChanged(consumer, lane, found, f"something follows from input {until}")


def saved_until(states: States, lane: Lane) -> Position | None:
    """Up to which event saved states know a lane, by the note beside them; None: saved by a version that did not note it."""
    key = f"saved:{lane}"
    noted = states.load([key]).get(key)
    return Position(int(noted)) if noted else None


def note_saved(states: States, lane: Lane, until: Position) -> None:
    states.save({f"saved:{lane}": str(until).encode()})


def demand_saved(consumer: str, states: States, lane: Lane) -> None:
    """Raises PositionChanged where the position is not the noted one: events would be stepped twice, or never."""
    found, noted = states.position(consumer), saved_until(states, lane)
    if noted is not None and noted != found:
        raise PositionChanged(consumer, lane, found, f"the states know the events up to {noted}")
