"""Whether the zone that was said of a file's times is likely wrong. Pure.

One station that is whole quarter hours off has a wrong clock (`streams.clock` sees to it). Where most are, by the same, it is
rather the file whose times were read in another zone than they were written in, and right clocks are corrected by wrong
arrivals. A station of which all messages had waited, offline, says nothing of that.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from ingest.decode import decode
from vocabulary.charging import (
    ConnectorStatusChanged,
    Direction,
    RawMessage,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.clocks import APART, quarter_hours
from vocabulary.identity import EventId, StationId

_NONE = timedelta(0)
_MINUTE = timedelta(minutes=1)
_FEWEST = 2  # stations: of one it is as likely that its clock is wrong


class ZoneDoubt(NamedTuple):
    """How many stations there are, how many are off by the same, and how far these are ahead of the times of the file."""

    stations: int
    off: int
    ahead: timedelta

    @classmethod
    def of(cls, greatest: dict[StationId, timedelta]) -> "ZoneDoubt | None":
        offsets = [quarter_hours(ahead) for ahead in greatest.values()]
        counted = Counter(by for by in offsets if by is not None)
        if not counted:
            return None
        by, off = max(counted.items(), key=lambda each: (each[1], each[0]))
        live = sum(ahead >= min(by - _MINUTE, -APART) for ahead in greatest.values())
        return cls(len(greatest), off, by) if off >= _FEWEST and 2 * off > live else None

    def __str__(self) -> str:
        hours, minutes = divmod(abs(self.ahead) // _MINUTE, 60)
        which = "ahead of" if self.ahead > _NONE else "behind"
        who = f"{self.off} stations, all there are," if self.off == self.stations else f"{self.off} of {self.stations} stations"
        return f"{who} tell times that are {hours}:{minutes:02} h {which} those of the file"


def told_off(messages: Iterable[RawMessage], greatest: dict[StationId, timedelta]) -> None:
    """Note how far each station's times are ahead of the arrivals, at most: what had waited is further behind."""
    for message in messages:
        if message.received_at is None or message.direction is not Direction.FROM_STATION:
            continue
        for event in decode(message, lambda _: EventId("")):
            if isinstance(event, TransactionStarted | TransactionUpdated | TransactionEnded | ConnectorStatusChanged):
                ahead = event.at - message.received_at
                if isinstance(event, ConnectorStatusChanged) and not ahead:
                    continue  # it bears no time, and is taken to hold from its arrival on
                greatest[message.station] = max(ahead, greatest.get(message.station, ahead))
