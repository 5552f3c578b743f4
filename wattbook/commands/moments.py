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


DAY_OR_TIME = _DayOrTime()
