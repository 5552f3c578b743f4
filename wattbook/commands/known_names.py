"""Names on the command line that must be there: a question about nobody would be answered with nothing, as if it were so."""

from collections.abc import Iterable

import click

from wattbook.suggest import did_you_mean

_SHOWN = 10


def demand_known(option: str, name: str | None, known: Iterable[str]) -> None:
    """Raises UsageError, with the name that comes nearest, or with all of them where they are few."""
    names = sorted(known)
    if name is None or name in names:
        return
    there_are = ", ".join(names) if names else "none"
    near = did_you_mean(name, names) or (f"; there are: {there_are}" if len(names) <= _SHOWN else "")
    raise click.UsageError(f"{option}: there is no {name} here{near}")
