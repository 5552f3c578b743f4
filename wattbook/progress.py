"""Whether each partition that a worker owns gets on: what waits in it, since when it has not moved, and what holds it up."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from streams.places import Offset, Partition


class Stuck(NamedTuple):
    """A partition in which messages wait and none was committed for so long. `is_held`: by a producer's open transaction."""

    partition: Partition
    messages: int
    seconds: float
    is_held: bool


class Progress:
    """Of the partitions of one worker, by a clock in seconds. Not for several threads at once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.next: dict[Partition, Offset] = {}
        self._ends: dict[Partition, Offset] = {}
        self._held: frozenset[Partition] = frozenset()
        self._moved: dict[Partition, float] = {}  # when something of it was committed last, or nothing waited

    @property
    def lag(self) -> dict[Partition, int]:
        """Messages that wait, by partition, as far as the ends are known."""
        return {p: max(0, end - self.next[p]) for p, end in self._ends.items() if p in self.next}

    def owned(self, partition: Partition, offset: Offset) -> None:
        self.next[partition], self._moved[partition] = offset, self._clock()

    def committed(self, partition: Partition, offset: Offset) -> None:
        if offset != self.next.get(partition):
            self.owned(partition, offset)

    def heard(self, ends: Mapping[Partition, Offset], held: Collection[Partition]) -> None:
        before, now = self.lag, self._clock()
        self._moved |= {partition: now for partition in self.next if not before.get(partition)}
        self._ends.update(ends)
        self._held = frozenset(held)

    def dropped(self, partition: Partition) -> None:
        for known in (self.next, self._ends, self._moved):
            known.pop(partition, None)

    def stuck(self, for_s: float, not_before: float) -> list[Stuck]:
        """Those that have not moved for longer than that. Time before a moment of the clock does not count."""
        now = self._clock()
        since = {p: max(self._moved[p], not_before) for p, lag in sorted(self.lag.items()) if lag}
        return [Stuck(p, self.lag[p], now - at, p in self._held) for p, at in since.items() if now - at > for_s]


def told(stuck: Collection[Stuck]) -> Iterator[str]:
    """A sentence for those that an open transaction holds up, and one for the others."""
    for is_held, why in ((True, " behind an open transaction of a producer"), (False, "")):
        if some := [one for one in stuck if one.is_held == is_held]:
            which = f"partition{'s' if len(some) > 1 else ''} {', '.join(str(one.partition) for one in some)}"
            messages, seconds = sum(one.messages for one in some), min(one.seconds for one in some)
            wait = f"{messages} messages wait" if messages > 1 else "1 message waits"
            yield f"{which}: {wait}{why}, and nothing was committed for {seconds:.0f} s"
