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

LOCAL_TIME_RULE: Final = "write it as 2026-03-02T08:00:15Z; a time without a zone is read in that of --time-zone"
ZONE_RULE: Final = "say in which it is, --time-zone Europe/Berlin or --time-zone UTC, and import the file then"

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


class ZoneNeeded(Exception):
    """A time bears no zone, and nobody has said in which it is: to guess would be to bill by a guessed time."""

    def __init__(self, number: int, text: str, file: str = "line") -> None:
        super().__init__(f"{file}:{number}: the time {text[:40]!r} bears no zone; {ZONE_RULE}")
        self.number, self.text = number, text


class ToldTwice(Exception):
    """The time is there twice, since the clocks of its zone are put back; `offsets` of both from UTC, as `+02:00`."""

    def __init__(self, first: datetime, second: datetime) -> None:
        super().__init__()
        self.offsets = first.isoformat()[-6:], second.isoformat()[-6:]


def message(station: StationId, frame: list[Any], source: Source, direction: Direction = Direction.FROM_STATION) -> RawMessage:
    """The message that was written from `source`, in OCPP 1.6's words. Nothing is known of its arrival."""
    text = msgspec.json.encode(frame).decode()
    return RawMessage(station=station, frame=text, direction=direction, protocol=Protocol.OCPP16, source=source)


def local_instant(text: str, zone: tzinfo | None, number: int) -> datetime | None:
    """A time in line `number` as UTC; one that bears no zone is in `zone`. None: it is none. Raises ZoneNeeded, ToldTwice."""
    if not _TIME.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text.replace(",", "."))
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        if zone is None:
            raise ZoneNeeded(number, text)
        first, second = (at.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        instant = first.astimezone(UTC)
        if instant < second.astimezone(UTC):
            raise ToldTwice(first, second)
    except (ValueError, OverflowError):
        return None
    return instant


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
