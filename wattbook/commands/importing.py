"""`wattbook import`: captured messages from files."""

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


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@pass_settings
def import_(settings: Settings, files: tuple[Path, ...], as_json: bool) -> None:
    """Import FILES of OCPP-J frames: NDJSON captures, or lines of a station's name and a frame.

    What was imported before is known again, so an import that broke off is simply repeated.
    """
    with opened(settings) as app:
        publish_quietly(app)
        with progress_bar("importing", sum(file.stat().st_size for file in files)) as progress:
            summary = import_files(app.runtime, files, settings.batch_size, progress)
    for line in summary.unreadable_lines:
        ERR.print(f"[yellow]not imported[/] {escape(line)}")
    if as_json:
        print_json(summary)
    else:
        _show(summary)


def _show(summary: ImportSummary) -> None:
    known = summary.messages - summary.new_messages
    rows: list[tuple[str, int]] = [("messages", summary.messages)]
    rows += (
        [("  published", summary.messages)]
        if summary.published
        else [("  new", summary.new_messages), ("  known before", known)]
    )
    rows += [("lines that are no message", summary.unreadable)] if summary.unreadable else []
    rows += [(name, count) for name, count in summary.steps.items() if name != "messages"]
    table(f"{count(summary.files, 'file')}, {count(summary.lines, 'line')}", ("", ""), rows, right=(1,))
    if summary.published:
        OUT.print("workers process them from here: `wattbook worker`")
