"""Where in a topic: an offset, or a moment of the broker's clock, as people write it on the command line."""

from datetime import datetime

import click

from streams.places import Offset


class _OffsetOrTime(click.ParamType):
    """A complaint names the option by all its names, as click does."""

    name = "OFFSET|TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Offset | datetime:
        text = str(value)
        if text.isdecimal():
            return Offset(int(text))
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text}: write an offset, or a time with its zone, as 2026-10-01T00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{text}: write the zone too, as in 2026-10-01T00:00Z", param, ctx)
        return moment


OFFSET_OR_TIME = _OffsetOrTime()
