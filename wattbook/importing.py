"""Import files of captured messages: read, make durable, process, and count what happened.

A file is read in batches of lines, or as a whole where its form asks for that (`ingest.file_forms`); each batch is appended to
the log before it is processed. A line that was imported before is known by its content, so an import that was broken off is
repeated from the beginning and goes on where it stopped. Where nobody says in which zone times are, a file is first looked
through, and one that has such times is refused before anything of it is appended.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, field

from ingest.captures import Unreadable
from ingest.file_forms import HEAD_BYTES, WHOLE_BYTES_MAX, FileForm, line_reader, recognised, whole_reader
from ingest.local_times import ZoneNeeded
from ingest.zone_doubt import ZoneDoubt, told_off
from streams.embedded_runtime import EmbeddedRuntime, Input
from streams.log import Stream
from streams.office_runtime import OfficeRuntime
from vocabulary.charging import RawMessage
from vocabulary.identity import StationId

_SHOWN = 20  # unreadable lines that are told one by one; all are counted


class Found(NamedTuple):
    """A piece of a file: how long, and what is in it."""

    bytes: int
    lines: int
    items: Sequence[RawMessage | Unreadable | None]


class ImportSummary(Struct, kw_only=True):
    """What an import did. `steps` counts what the steps made of the messages (streams.batch). `warnings`: of files that were
    imported, and whose times were likely read in a wrong zone.

    `published`: they were handed to a topic, and what is new in them shows when workers process them: `new_messages` is None.
    """

    files: int = 0
    lines: int = 0
    messages: int = 0
    new_messages: int | None = 0
    unreadable: int = 0
    unreadable_lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    published: bool = False
    steps: dict[str, int] = field(default_factory=dict)


def import_files(
    runtime: EmbeddedRuntime | OfficeRuntime,
    files: Sequence[Path],
    batch: int,
    progress: Callable[[int], None] = lambda _: None,
    form: FileForm | None = None,
    zone: tzinfo | None = None,
) -> ImportSummary:
    """Import the files in order. `progress` is called with the bytes read. `form` None: each file's is told by how it begins.
    `zone`: of times that bear none. Raises ZoneNeeded at the first of them where it is None: nothing of that file is imported,
    the files before are.
    """
    summary = ImportSummary(files=len(files), published=not runtime.concludes_at_once)
    tally, new = runtime.pump(), 0
    for file in files:
        ahead: dict[StationId, timedelta] = {}
        of_form = form or form_of(file)
        if zone is None:
            _look_through(file, batch, of_form)
        for found in pieces(file, batch, of_form, zone):
            messages = _messages(file, found, summary)
            if zone is not None:
                told_off(messages, ahead)
            appended = runtime.append([Input(Stream.RAW, message.station, message) for message in messages])
            new += sum(is_new for _, is_new in appended)
            tally += runtime.pump()
            progress(found.bytes)
        if doubt := ZoneDoubt.of(ahead):
            summary.warnings.append(f"{file}: {doubt}")
    summary.new_messages = None if summary.published else new
    summary.steps = dict(sorted(tally.items()))
    return summary


def _look_through(file: Path, size: int, form: FileForm) -> None:
    """Raises ZoneNeeded."""
    if form is FileForm.SOAP:  # its envelopes bear no arrival
        return
    try:
        for _ in pieces(file, size, form, None):
            pass
    except ZoneNeeded as needed:
        raise ZoneNeeded(needed.number, needed.text, str(file)) from None


def form_of(file: Path) -> FileForm:
    with file.open("rb") as opened:
        return recognised(opened.read(HEAD_BYTES))


def pieces(file: Path, size: int, form: FileForm, zone: tzinfo | None) -> Iterator[Found]:
    read = line_reader(form, zone)
    if read is None:
        yield from _whole(file, size, form, zone)
        return
    with file.open("rb") as opened:
        numbered = enumerate(opened, start=1)
        while lines := list(islice(numbered, size)):
            yield Found(sum(len(line) for _, line in lines), len(lines), [read(line, number) for number, line in lines])


def _whole(file: Path, size: int, form: FileForm, zone: tzinfo | None) -> Iterator[Found]:
    with file.open("rb") as opened:
        data = opened.read(WHOLE_BYTES_MAX + 1)
    if len(data) > WHOLE_BYTES_MAX:
        yield Found(len(data), 0, [Unreadable(1, f"the file has more than {WHOLE_BYTES_MAX} bytes", "split it")])
        return
    items = whole_reader(form, zone)(data, file.name)
    yield Found(len(data), data.count(b"\n"), items[:size])
    for begin in range(size, len(items), size):
        yield Found(0, 0, items[begin : begin + size])


def _messages(file: Path, found: Found, summary: ImportSummary) -> list[RawMessage]:
    summary.lines += found.lines
    messages = []
    for item in found.items:
        if isinstance(item, RawMessage):
            messages.append(item)
        elif isinstance(item, Unreadable):
            summary.unreadable += 1
            if summary.unreadable <= _SHOWN:
                summary.unreadable_lines.append(f"{file}:{item.number}: {item.reason}; {item.remedy}")
    summary.messages += len(messages)
    return messages
