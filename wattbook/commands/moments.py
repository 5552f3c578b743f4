"""A moment as people write it on the command line (a time with its offset from UTC, or a day), and as they read it there."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

import click

from wattbook.reference_shapes import effective


class _DayOrTime(click.ParamType):
    name = "DAY|TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return effective(str(value))
        except ValueError as error:
            self.fail(f"{value} {error}", param, ctx)


class _Day(click.ParamType):
    name = "DAY"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value} is not a day: write it as 2026-10-31", param, ctx)


def clocks(moments: Iterable[datetime], zone: ZoneInfo, shown: str = "%H:%M:%S") -> Iterator[str]:
    """Each by the clock of the zone, with its offset from UTC where the clock alone would mislead: where it is put on or back
    between them, and where it showed one of them twice.
    """
    local = [at.astimezone(zone) for at in moments]
    misleads = len({at.utcoffset() for at in local} | {at.replace(fold=1 - at.fold).utcoffset() for at in local}) > 1
    return (at.strftime(shown) + (at.isoformat()[-6:] if misleads else "") for at in local)


DAY, DAY_OR_TIME = _Day(), _DayOrTime()
