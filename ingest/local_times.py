"""Times as files bear them: with a zone, or without one, and then in a zone that must be said. Pure.

2026-10-14T05:58:20Z, 2026-10-14 07:58:20+02:00     that
2026-10-14 07:58:20                                 in the zone that was said; where none was, ZoneNeeded
2026-10-25 02:30:00 in Europe/Berlin                is there twice: Unsettled
2026-03-29 02:30:00 in Europe/Berlin                is not there: Unsettled
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import Final

LOCAL_TIME_RULE: Final = "write it as 2026-03-02T08:00:15Z; a time without a zone is read in that of --time-zone"
ZONE_RULE: Final = "say in which it is, --time-zone Europe/Berlin or --time-zone UTC, and import the file then"

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


class ZoneNeeded(Exception):
    """A time bears no zone, and nobody has said in which it is: to guess would be to bill by a guessed time."""

    def __init__(self, number: int, text: str, file: str = "line") -> None:
        super().__init__(f"{file}:{number}: the time {text[:40]!r} bears no zone; {ZONE_RULE}")
        self.number, self.text = number, text


class Unsettled(Exception):
    """The clocks of the zone are put back or forward then: the time is there twice, or not at all."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason, self.remedy = reason, remedy


def local_instant(text: str, zone: tzinfo | None, number: int) -> datetime | None:
    """A time in line `number` as UTC; one that bears no zone is in `zone`. None: it is none. Raises ZoneNeeded, Unsettled."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return in_zone(datetime.fromisoformat(text.replace(",", ".")), text, zone, number)
    except (ValueError, OverflowError):
        return None


def in_zone(at: datetime, text: str, zone: tzinfo | None, number: int) -> datetime:
    """The time that `text` says, as UTC. Raises ZoneNeeded, Unsettled, and OverflowError in the first and the last year."""
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    if zone is None:
        raise ZoneNeeded(number, text)
    first, second = (at.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    if first.astimezone(UTC) < second.astimezone(UTC):
        remedy = f"write which of the two it is: {text[:40]}{_offset(first)} or {text[:40]}{_offset(second)}"
        raise Unsettled("is there twice, since clocks are put back", remedy)
    raise Unsettled("is not there, since clocks are put forward", f"see whether --time-zone {zone} is right; {LOCAL_TIME_RULE}")


def _offset(at: datetime) -> str:
    return at.isoformat()[-6:]


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
