"""Whether the zone in which the times of a file were read is likely wrong. Pure.

One station that is whole quarter hours off has a wrong clock (`streams.clock` sees to it). Where all are, by the same, it is
rather the file whose times were read in another zone than they were written in, and right clocks are corrected by wrong
arrivals.
"""

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
from vocabulary.clocks import quarter_hours
from vocabulary.identity import EventId, StationId

_NONE = timedelta(0)
_MINUTE = timedelta(minutes=1)
_FEWEST = 2  # stations: of one it is as likely that its clock is wrong


class ZoneDoubt(NamedTuple):
    """How many stations there are, and how far each is ahead of the times of the file."""

    stations: int
    ahead: timedelta

    @classmethod
    def of(cls, greatest: dict[StationId, timedelta]) -> "ZoneDoubt | None":
        off = {quarter_hours(ahead) for ahead in greatest.values()}
        by = off.pop() if len(off) == 1 else None
        return None if by is None or len(greatest) < _FEWEST else cls(len(greatest), by)

    def __str__(self) -> str:
        hours, minutes = divmod(abs(self.ahead) // _MINUTE, 60)
        which = "ahead of" if self.ahead > _NONE else "behind"
        return f"{self.stations} stations, all there are, tell times that are {hours}:{minutes:02} h {which} those of the file"


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
