"""`wattbook tick`: say what time it is, by which sessions that never end are concluded."""

from datetime import UTC, date, datetime

import click

from wattbook.commands.moments import DAY_OR_TIME
from wattbook.commands.output import OUT, json_option, opened, pass_settings, print_json
from wattbook.reference_files import operator_zone
from wattbook.reference_shapes import local_instant
from wattbook.settings import Settings
from wattbook.ticking import tick as let_tick


@click.command()
@click.option(
    "--at",
    type=DAY_OR_TIME,
    help="A past time with its offset, as 2026-03-01T08:00Z, or a day: its midnight where the operator is (default: now).",
)
@json_option
@pass_settings
def tick(settings: Settings, at: date | None, as_json: bool) -> None:
    """Note what time it is, and conclude the sessions whose deadline is over.

    `wattbook serve` and workers do it by themselves.
    """
    now = local_instant(at, operator_zone(settings.reference_path) or "UTC") if at else datetime.now(UTC)
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
