"""`wattbook import`: captured messages from files."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from ingest.file_forms import FileForm
from ingest.local_times import ZoneNeeded
from vocabulary.zones import zone
from wattbook.commands.home import publish_quietly
from wattbook.commands.output import (
    ERR,
    OUT,
    count,
    escape,
    json_option,
    opened,
    pass_settings,
    print_json,
    progress_bar,
    table,
)
from wattbook.importing import ImportSummary, import_files
from wattbook.settings import Settings
from wattbook.ticking import tick


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice([form.value for form in FileForm]), help="Default: by how a file begins.")
@click.option("--time-zone", help="Of times of arrival and of SteVe's CSV that bear none: without it, such a file is refused.")
@click.option("--tick", "ticks", is_flag=True, help="Say at the end that it is now: what is overdue by then is concluded.")
@json_option
@pass_settings
def import_(
    settings: Settings, files: tuple[Path, ...], form: str | None, time_zone: str | None, ticks: bool, as_json: bool
) -> None:
    """Import FILES: captures of OCPP-J frames, SteVe's log or its CSV of transactions, OCPP 1.6 or 1.5 over SOAP.

    What was imported before is known again, so an import that broke off is simply repeated. The status is 1 where
    nothing could be read of a file; the others are imported.
    """
    local = zone_option(time_zone) if time_zone else None
    with opened(settings) as app:
        publish_quietly(app)
        with progress_bar("importing", sum(file.stat().st_size for file in files)) as progress:
            wanted = FileForm(form) if form else None
            try:
                summary = import_files(app.runtime, files, settings.batch_size, progress, wanted, local)
            except ZoneNeeded as needed:
                raise click.UsageError(str(needed)) from None
        if ticks:
            tick(app, datetime.now(UTC))
    for line in (*summary.unreadable_lines, *summary.unread_files):
        ERR.print(f"[yellow]not imported[/] {escape(line)}")
    for warning in summary.warnings:
        ERR.print(f"[yellow]warning[/] {escape(warning)}; {_zone_remedy(time_zone)}")
    if as_json:
        print_json(summary)
    elif summary.published:
        _show_published(summary, settings.kafka_options.topic("raw"))
    else:
        _show(summary)
    sys.exit(1 if summary.unread_files else 0)


def _zone_remedy(time_zone: str | None) -> str:
    return f"if {time_zone} is not the zone of its times, restore the home from before, and import with the right one"


def zone_option(name: str) -> ZoneInfo:
    try:
        return zone(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise click.UsageError(f"--time-zone: {name} is no zone of the tz database: write Europe/Berlin") from None


def _show(summary: ImportSummary) -> None:
    new = summary.new_messages or 0
    rows = [("messages", summary.messages), ("  new", new), ("  known before", summary.messages - new)]
    rows += [("lines that are no message", summary.unreadable)] if summary.unreadable else []
    rows += [(name, count) for name, count in summary.steps.items() if name != "messages"]
    table(_read(summary), ("", ""), rows, right=(1,))


def _show_published(summary: ImportSummary, topic: str) -> None:
    """What the messages say, and which were told before, is known when a worker has processed them, and not here."""
    OUT.print(f"[bold]{_read(summary)}[/]")
    OUT.print(f"published {count(summary.messages, 'message')} to topic {escape(topic)}; a worker processes them")
    if summary.unreadable:
        OUT.print(f"{count(summary.unreadable, 'line')} that {'is' if summary.unreadable == 1 else 'are'} no message")


def _read(summary: ImportSummary) -> str:
    return f"{count(summary.files, 'file')}, {count(summary.lines, 'line')}"
