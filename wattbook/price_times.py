"""The times of published prices as instants: with an offset, or by the clock of a zone, through both of its changes. Pure.

    2026-01-14T00:15+01:00   2026-01-14 00:15   14.01.2026 00:15   1768346100      "a - b", a span, is the time of its begin

An hour that the clock shows twice is told apart by the rows before it, each a step later than the last; where these do not
tell, it is refused. A time that the clock does not show is refused.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from wattbook.price_rows import Row, shown

_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.0{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_GERMAN = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) +(\d\d:\d\d(:\d\d)?)", re.ASCII)
_YEARS = range(2000, 2101)
_SECONDS = range(946_684_800, 4_133_980_800)  # of these years
_ZONE_NEEDED = "has no offset from UTC"  # told once, since mostly all rows are so
_EXAMPLE = "write it as 2026-01-14T00:15+01:00"


class Times(NamedTuple):
    instants: list[datetime | None]  # of each row; None: it is complained of
    complaints: list[str]


def instants_of(rows: Sequence[Row], zone: ZoneInfo | None, step: timedelta | None) -> Times:
    """`zone`: of times without an offset. `step`: from one price to the next; None: the shortest between two rows."""
    candidates = [_candidates(row, zone) for row in rows]
    if bare := [row for row, found in zip(rows, candidates, strict=True) if found == _ZONE_NEEDED]:
        have, its = (f" and {len(bare) - 1} more have", "their") if len(bare) > 1 else (" has", "its")
        told = f"the time {shown(bare[0].time)}{have} no offset from UTC: say {its} zone, --zone Europe/Berlin or --zone UTC"
        return Times([None] * len(rows), [f"{bare[0].place}: {told}"])
    step = step or _shortest([found[0] for found in candidates if isinstance(found, tuple) and len(found) == 1])
    instants: list[datetime | None] = []
    complaints: list[str] = []
    before: datetime | None = None
    for row, found in zip(rows, candidates, strict=True):
        before = _settled(found, before, step)
        instants.append(before)
        if before is None:
            complaints.append(f"{row.place}: {found if isinstance(found, str) else _twice(row)}")
    return Times(instants, complaints)


def _settled(found: tuple[datetime, ...] | str, before: datetime | None, step: timedelta | None) -> datetime | None:
    if isinstance(found, str):
        return None
    if len(found) == 1:
        return found[0]
    return next((at for at in found if before is not None and step is not None and at == before + step), None)


def _shortest(instants: Sequence[datetime]) -> timedelta | None:
    ordered = sorted(set(instants))
    return min((later - earlier for earlier, later in pairwise(ordered)), default=None)


def _twice(row: Row) -> str:
    return f"{shown(row.time)} is there twice that night, and the rows before it do not tell which it is: write its offset"


def _candidates(row: Row, zone: ZoneInfo | None) -> tuple[datetime, ...] | str:
    """The instants that a time may be: one, or two where clocks are put back. A text: why it is none."""
    if isinstance(row.time, int):
        if row.time not in _SECONDS:
            return f"{shown(row.time)} is no time of ours: write whole seconds since 1970"
        return (datetime.fromtimestamp(row.time, UTC),)
    at = _read(row.time.partition(" - ")[0].strip())
    if at is None or at.year not in _YEARS:
        return f"the time {shown(row.time)} cannot be read: {_EXAMPLE}"
    if at.tzinfo is not None:
        return (at.astimezone(UTC),)
    if zone is None:
        return _ZONE_NEEDED
    return _local(at, zone)


def _local(at: datetime, zone: ZoneInfo) -> tuple[datetime, ...] | str:
    first, second = (at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:
        return f"there is no {at:%Y-%m-%d %H:%M} in {zone}, since clocks are put forward: see whether the zone is right"
    return (first,) if first == second else (first, second)


def _read(text: str) -> datetime | None:
    if german := _GERMAN.fullmatch(text):
        day, month, year, clock, _ = german.groups()
        text = f"{year}-{month}-{day} {clock}"
    if not _ISO.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
