"""What readers share that write a frame from something else than a frame: a row of a table, an XML envelope. Pure.

Such a message says so (`RawMessage.source`): the form it came in, where, and the text it was written from, word for word, so
that an auditor judges the original and not our reading of it.
"""

from typing import Any

import msgspec

from vocabulary.charging import Direction, Protocol, RawMessage, Source
from vocabulary.identity import StationId


def message(station: StationId, frame: list[Any], source: Source, direction: Direction = Direction.FROM_STATION) -> RawMessage:
    """The message that was written from `source`, in OCPP 1.6's words. Nothing is known of its arrival."""
    text = msgspec.json.encode(frame).decode()
    return RawMessage(station=station, frame=text, direction=direction, protocol=Protocol.OCPP16, source=source)
