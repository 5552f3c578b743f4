"""How long a fault is felt: from the moment of it until every partition has committed a message that was acknowledged after it.

That is what a station's owner would notice, whatever was in the way: the producer, the broker, the worker or the database.
Where a second fault comes before the first is over, both last until the end of the second.
"""

import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from statistics import median
from typing import NamedTuple

from streams.places import Offset, Partition
from tests.one_result.site import Feeder, Site
from wattbook.database import DatabaseError

_EVERY_S = 0.1


class Fault(NamedTuple):
    kind: str
    at: float
    acknowledged: Mapping[Partition, Offset]


class Recovery(threading.Thread):
    """Looks at how far a site has committed, for as long as `going` is set."""

    def __init__(self, site: Site, feeder: Feeder) -> None:
        super().__init__(daemon=True)
        self._site, self._feeder = site, feeder
        self._seen: list[tuple[float, dict[Partition, Offset]]] = []
        self.faults: list[Fault] = []
        self.going = threading.Event()
        self.going.set()

    def run(self) -> None:
        while self.going.is_set():
            with suppress(DatabaseError):  # away: nobody can commit now
                self._seen.append((time.monotonic(), self._site.committed()))
            time.sleep(_EVERY_S)

    def note(self, kind: str) -> None:
        """A fault begins now."""
        self.faults.append(Fault(kind, time.monotonic(), dict(self._feeder.acknowledged)))

    def seconds(self) -> dict[str, list[float]]:
        """By kind. A fault so near the end that no more messages came to every partition is left out."""
        found = defaultdict(list)
        for fault in self.faults:
            first = bisect_left(self._seen, fault.at, key=lambda seen: seen[0])
            over = next((at for at, done in self._seen[first:] if _is_over(fault, done)), None)
            if over is not None:
                found[fault.kind].append(over - fault.at)
        return found


def _is_over(fault: Fault, done: Mapping[Partition, Offset]) -> bool:
    return all(done.get(partition, 0) > offset for partition, offset in fault.acknowledged.items())


def table(seconds: Mapping[str, list[float]]) -> list[str]:
    everything = [each for found in seconds.values() for each in found]
    rows = [*sorted(seconds.items()), ("all", everything)]
    return [f"{kind:<20}{len(found):>6}{median(found):>10.1f}{max(found):>10.1f}" for kind, found in rows if found]
