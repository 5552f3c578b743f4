"""Import files of captured messages: read, make durable, process, and count what happened.

A file is read in batches of lines, or as a whole where its form asks for that (`ingest.file_forms`); each batch is appended to
the log before it is processed. A line that was imported before is known by its content, so an import that was broken off is
repeated from the beginning and goes on where it stopped. Where nobody says in which zone times are, a file is first looked
through, and one that has such times is refused before anything of it is appended. A file of which nothing can be read is
told once.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct, field

from ingest.captures import Unreadable
from ingest.file_faults import no_message, no_text
from ingest.file_forms import HEAD_BYTES, WHOLE_BYTES_MAX, FileForm, line_reader, recognised, whole_reader
from ingest.local_times import ZoneNeeded
from ingest.zone_doubt import ZoneDoubt, told_off
from streams.embedded_runtime import EmbeddedRuntime, Input
from streams.log import Stream
from streams.office_runtime import OfficeRuntime
from vocabulary.charging import RawMessage
from vocabulary.identity import StationId

_EMPTY: Final = "it is empty; see whether all of it was written, or leave it out"
_NOT_REGULAR: Final = "it is no regular file; write what it gives into one, since a file is read more than once"
_SHOWN = 20  # unreadable lines that are told one by one; all are counted


class Found(NamedTuple):
    """A piece of a file: how long, and what is in it."""

    bytes: int
    lines: int
    items: Sequence[RawMessage | Unreadable | None]


class FileRead:
    """What became of one file: how many messages, what was no message, and at first how it begins."""

    def __init__(self, file: Path, form: FileForm | None) -> None:
        head = _head(file) if file.is_file() else b""
        self.file, self.form = file, form or recognised(head)
        self.messages, self.unreadable, self.first = 0, 0, list[Unreadable]()
        self.no_text = no_text(head) if head else _EMPTY if file.is_file() else _NOT_REGULAR

    def note(self, item: RawMessage | Unreadable | None) -> None:
        self.messages += isinstance(item, RawMessage)
        if isinstance(item, Unreadable):
            self.unreadable += 1
            if len(self.first) < _SHOWN:
                self.first.append(item)

    @property
    def fault(self) -> str | None:
        """Why nothing of it was read, and what to do; None where something was, and of an export that has no rows."""
        if self.no_text or self.messages or (self.form is FileForm.STEVE_CSV and not self.unreadable):
            return self.no_text and f"{self.file}: {self.no_text}"
        return f"{self.file}: {no_message(self.form, self.unreadable, next(iter(self.first), None))}"

    @property
    def lines(self) -> list[str]:
        """The first lines that are no message; none where the file as a whole is told."""
        return [] if self.fault else [f"{self.file}:{each.number}: {each.reason}; {each.remedy}" for each in self.first]


class ImportSummary(Struct, kw_only=True):
    """What an import did. `steps` counts what the steps made of the messages (streams.batch). `unread_files`: of which nothing
    could be read. `warnings`: of files that were imported, and whose times were likely read in a wrong zone.

    `published`: they were handed to a topic, and what is new in them shows when workers process them: `new_messages` is None.
    """

    files: int = 0
    lines: int = 0
    messages: int = 0
    new_messages: int | None = 0
    unreadable: int = 0
    unreadable_lines: list[str] = field(default_factory=list)
    unread_files: list[str] = field(default_factory=list)
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
        reading = FileRead(file, form)
        if zone is None and not reading.no_text:
            _look_through(file, batch, reading.form)
        for found in pieces(reading, batch, zone):
            messages = _messages(found, reading)
            summary.lines += found.lines
            if zone is not None:
                told_off(messages, ahead)
            appended = runtime.append([Input(Stream.RAW, message.station, message) for message in messages])
            new += sum(is_new for _, is_new in appended)
            tally += runtime.pump()
            progress(found.bytes)
        if doubt := ZoneDoubt.of(ahead):
            summary.warnings.append(f"{file}: {doubt}")
        _add(summary, reading)
    summary.new_messages = None if summary.published else new
    summary.steps = dict(sorted(tally.items()))
    return summary


def _look_through(file: Path, size: int, form: FileForm) -> None:
    """Raises ZoneNeeded."""
    if form is FileForm.SOAP:  # its envelopes bear no arrival
        return
    try:
        for _ in _pieces(file, size, form, None):
            pass
    except ZoneNeeded as needed:
        raise ZoneNeeded(needed.number, needed.text, str(file)) from None


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(HEAD_BYTES)


def pieces(reading: FileRead, size: int, zone: tzinfo | None) -> Iterator[Found]:
    """What is in the file, in pieces of `size` lines; nothing of one that is no text."""
    if reading.no_text:
        yield Found(reading.file.stat().st_size, 0, ())
        return
    yield from _pieces(reading.file, size, reading.form, zone)


def _pieces(file: Path, size: int, form: FileForm, zone: tzinfo | None) -> Iterator[Found]:
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


def _messages(found: Found, reading: FileRead) -> list[RawMessage]:
    for item in found.items:
        reading.note(item)
    return [item for item in found.items if isinstance(item, RawMessage)]


def _add(summary: ImportSummary, reading: FileRead) -> None:
    summary.messages += reading.messages
    summary.unreadable += reading.unreadable
    summary.unreadable_lines += reading.lines[: _SHOWN - len(summary.unreadable_lines)]
    summary.unread_files += [reading.fault] if reading.fault else []
