"""A moment as people write it on the command line: a time with its offset from UTC, or a day."""

from datetime import date

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


DAY, DAY_OR_TIME = _Day(), _DayOrTime()
