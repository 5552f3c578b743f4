"""`wattbook import`: captured messages from files."""

from datetime import UTC, datetime
from pathlib import Path

import click

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
@click.option("--tick", "ticks", is_flag=True, help="Say at the end that it is now: what is overdue by then is concluded.")
@json_option
@pass_settings
def import_(settings: Settings, files: tuple[Path, ...], ticks: bool, as_json: bool) -> None:
    """Import FILES of OCPP-J frames: NDJSON captures, or lines of a station's name and a frame.

    What was imported before is known again, so an import that broke off is simply repeated.
    """
    with opened(settings) as app:
        publish_quietly(app)
        with progress_bar("importing", sum(file.stat().st_size for file in files)) as progress:
            summary = import_files(app.runtime, files, settings.batch_size, progress)
        if ticks:
            tick(app, datetime.now(UTC))
    for line in summary.unreadable_lines:
        ERR.print(f"[yellow]not imported[/] {escape(line)}")
    if as_json:
        print_json(summary)
    elif summary.published:
        _show_published(summary, settings.kafka_options.topic("raw"))
    else:
        _show(summary)


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
