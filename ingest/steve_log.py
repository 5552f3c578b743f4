"""Read the frames in a log of SteVe (steve-community/steve), as its WebSocketLogger writes them. Pure.

    [INFO ] 2022-05-02 11:56:00,461 de.rwth.idsg.steve.ocpp.ws.WebSocketLogger (qtp1-45) - [chargeBoxId=CP-1, sessionId=…]
    Received: [2,…]

`Received` is from the station, `Sending` to it. The frame is what stands after it, word for word; its arrival is the time of
the line, which is local and bears no zone: in an hour that is there twice or not at all, since clocks change, it is not known.
The pattern before the class may differ between versions and installations; every other line says nothing. A line of this kind
in which no time or no station's name can be read is told.
"""

import re
from datetime import tzinfo
from typing import Final

from ingest.captures import Unreadable
from ingest.local_times import LOCAL_TIME_RULE, Unsettled, local_instant
from ingest.station_name import RULE, station_name
from vocabulary.charging import Direction, RawMessage

MARK: Final = re.compile(
    rb"\[chargeBoxId=(?P<station>[^,\]]*+),\s++sessionId=[^\]]*+\]\s++(?P<what>Received|Sending):\s*+(?P<frame>\[.*+)"
)
_TIME = re.compile(
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}[T\s][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_BEFORE_MAX: Final = 500  # of a line, before the mark: where its time stands


def read_line(line: bytes, number: int, zone: tzinfo | None) -> RawMessage | Unreadable | None:
    """The frame in a line; None where it holds none. Raises ZoneNeeded."""
    found = MARK.search(line.rstrip(b"\r\n"))
    if found is None:
        return None
    station = station_name(found["station"].decode(errors="replace"))
    if station is None:
        return Unreadable(
            number, f"chargeBoxId: {found['station'][:80].decode(errors='replace')!r} is no station's name", f"use {RULE}"
        )
    time = _TIME.search(line, 0, min(found.start(), _BEFORE_MAX))
    try:
        at = local_instant(re.sub(r"\s", " ", time[0].decode()), zone, number) if time else None
        is_told = at is not None
    except Unsettled:
        at, is_told = None, True
    if not is_told:
        return Unreadable(number, "the line has no time before its frame", LOCAL_TIME_RULE)
    try:
        frame = found["frame"].decode()
    except UnicodeDecodeError:
        return Unreadable(number, "the frame is not UTF-8", "write the log as UTF-8")
    direction = Direction.FROM_STATION if found["what"] == b"Received" else Direction.TO_STATION
    return RawMessage(station=station, frame=frame, direction=direction, received_at=at)
