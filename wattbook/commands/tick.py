"""`wattbook tick`: say what time it is, by which sessions that never end are concluded."""

from datetime import UTC, datetime

import click

from wattbook.commands.output import OUT, json_option, opened, pass_settings, print_json
from wattbook.settings import Settings
from wattbook.ticking import tick as let_tick


@click.command()
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]), help="An instant of the past, UTC (default: now)."
)
@json_option
@pass_settings
def tick(settings: Settings, at: datetime | None, as_json: bool) -> None:
    """Note what time it is, and conclude the sessions whose deadline is over.

    `wattbook serve` and workers do it by themselves.
    """
    now = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    with opened(settings) as app:
        with app.reading() as store:
            before = store.states.progresses()
        noted = let_tick(app, now)
        with app.reading() as store:
            after = store.states.progresses()
    changed = {name: after[name] - before[name] for name in sorted(after | before) if after[name] != before[name]}
    if as_json:
        print_json({"at": now, "noted": noted, "changed": changed})
    elif not noted:
        OUT.print("the clock has ticked for a later time already: nothing was noted")
    else:
        told = ", ".join(f"{name} {number:+}" for name, number in changed.items())
        OUT.print(f"it is {now.strftime('%Y-%m-%d %H:%M')} UTC" + (f"; sessions: {told}" if told else "; nothing is overdue"))
