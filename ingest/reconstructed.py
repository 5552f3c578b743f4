"""What readers share that write a frame from something else than a frame: a row of a table, an XML envelope. Pure.

Such a message says so (`RawMessage.source`): the form it came in, where, and the text it was written from, word for word, so
that an auditor judges the original and not our reading of it.
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import msgspec

from vocabulary.charging import Direction, Protocol, RawMessage, Source
from vocabulary.identity import StationId

LOCAL_TIME_RULE: Final = "write it as 2026-03-02T08:00:15Z; a time without a zone is read in that of --time-zone, or as UTC"

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


def message(station: StationId, frame: list[Any], source: Source, direction: Direction = Direction.FROM_STATION) -> RawMessage:
    """The message that was written from `source`, in OCPP 1.6's words. Nothing is known of its arrival."""
    text = msgspec.json.encode(frame).decode()
    return RawMessage(station=station, frame=text, direction=direction, protocol=Protocol.OCPP16, source=source)


def local_instant(text: str, zone: tzinfo) -> datetime | None:
    """A time as UTC; one without a zone is in `zone`, the first of the two where its clocks are put back. None: it is none."""
    if not _TIME.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text.replace(",", "."))
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
