"""`wattbook check-frames`: what OCPP's own schemas say of captured frames."""

import sys
from pathlib import Path

import click

from ingest.file_forms import FileForm
from ingest.frame_verdict import Judged
from vocabulary.charging import Protocol
from vocabulary.codec import as_plain
from wattbook.commands.importing import zone_option
from wattbook.commands.output import ERR, OUT, count, escape, json_option, print_json, progress_bar, table
from wattbook.frame_checking import Checked, CheckedFrame, FileSum, check_files

_COUNTED = ("frames", "valid", "violate", "not judged")


@click.command("check-frames")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice([form.value for form in FileForm]), help="Default: by how a file begins.")
@click.option("--time-zone", default="UTC", show_default=True, help="Of times that bear none.")
@click.option("--protocol", type=click.Choice([each.value for each in Protocol]), help="Of frames that do not tell it.")
@click.option("--all", "show_all", is_flag=True, help="Show the frames that are valid, too.")
@json_option
def check_frames(
    files: tuple[Path, ...], form: str | None, time_zone: str, protocol: str | None, show_all: bool, as_json: bool
) -> None:
    """Check the frames in FILES by OCPP's schemas, and tell what is decoded from them all the same.

    Reads what `wattbook import` reads, and keeps nothing: it needs no home. Times without a zone are taken for UTC, since
    nothing is billed by them here. The status is 1 where a frame violates its schema, or nothing could be read of a file.
    What a schema refuses is imported, too, as far as it can be understood.
    """
    zone = zone_option(time_zone)
    with progress_bar("checking", sum(file.stat().st_size for file in files)) as progress:
        checked = check_files(files, progress, FileForm(form) if form else None, zone, Protocol(protocol) if protocol else None)
    for line in checked.unreadable_lines:
        ERR.print(f"[yellow]no message[/] {escape(line)}")
    for line in checked.unread_files:
        ERR.print(f"[yellow]not checked[/] {escape(line)}")
    if as_json:
        print_json({"violations": checked.violations, "summary": as_plain(checked.sums()), **as_plain(checked)})
    else:
        _show(checked, show_all)
    sys.exit(1 if checked.violations or checked.unread_files else 0)


def _show(checked: Checked, show_all: bool) -> None:
    shown = [each for each in checked.frames if show_all or each.frame.verdict is Judged.VIOLATES or each.frame.rejection]
    if shown:
        table("Frames", ("place", "station", "version", "action", "schema", "decoded"), [_row(each) for each in shown])
        OUT.print()
    if len(checked.files) > 1:
        table("Files", ("file", *_COUNTED, "no message"), [_file_row(each) for each in checked.files], right=range(1, 6))
        OUT.print()
    title = f"{count(len(checked.frames), 'frame')}, {count(checked.violations, 'violation')}"
    columns = ("version", "action", *_COUNTED, "with events", "rejected")
    rows = [
        (_version(s.protocol), s.action, s.frames, s.valid, s.violates, s.not_judged, s.with_events, s.rejected)
        for s in checked.sums()
    ]
    table(title, columns, rows, right=range(2, 8))


def _file_row(each: FileSum) -> tuple[object, ...]:
    return Path(each.file).name, each.frames, each.valid, each.violates, each.not_judged, each.no_message


def _row(each: CheckedFrame) -> tuple[object, ...]:
    frame = each.frame
    schema = frame.verdict if frame.found is None else f"{frame.verdict}: {frame.found}"
    decoded = f"rejected: {frame.rejection}" if frame.rejection else ", ".join(frame.events) or "no event"
    return f"{Path(each.file).name}:{each.line}", frame.station, _version(frame.protocol), frame.action, schema, decoded


def _version(protocol: Protocol | None) -> str | None:
    return protocol and protocol.removeprefix("ocpp")
