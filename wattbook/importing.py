"""Import files of captured OCPP-J frames: read, make durable, process, and count what happened.

A file is read in batches of lines; each batch is appended to the log before it is processed. A line that was imported before
is known by its content, so an import that was broken off is repeated from the beginning and goes on where it stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from msgspec import Struct, field

from ingest.captures import Unreadable, read_line
from streams.embedded_runtime import EmbeddedRuntime, Input
from streams.log import Stream
from streams.office_runtime import OfficeRuntime
from vocabulary.charging import RawMessage

_SHOWN = 20  # unreadable lines that are told one by one; all are counted


class ImportSummary(Struct, kw_only=True):
    """What an import did. `steps` counts what the steps made of the messages (streams.batch).

    `published`: they were handed to a topic, and what is new in them shows when workers process them: `new_messages` is None.
    """

    files: int = 0
    lines: int = 0
    messages: int = 0
    new_messages: int | None = 0
    unreadable: int = 0
    unreadable_lines: list[str] = field(default_factory=list)
    published: bool = False
    steps: dict[str, int] = field(default_factory=dict)


def import_files(
    runtime: EmbeddedRuntime | OfficeRuntime,
    files: Sequence[Path],
    batch: int,
    progress: Callable[[int], None] = lambda _: None,
) -> ImportSummary:
    """Import the files in order. `progress` is called with the bytes read."""
    summary = ImportSummary(files=len(files), published=not runtime.concludes_at_once)
    tally, new = runtime.pump(), 0
    for file in files:
        for lines in _batches(file, batch):
            messages = _read(file, lines, summary)
            appended = runtime.append([Input(Stream.RAW, message.station, message) for message in messages])
            new += sum(is_new for _, is_new in appended)
            tally += runtime.pump()
            progress(sum(len(line) for _, line in lines))
    summary.new_messages = None if summary.published else new
    summary.steps = dict(sorted(tally.items()))
    return summary


def _batches(file: Path, size: int) -> Iterator[list[tuple[int, bytes]]]:
    with file.open("rb") as opened:
        numbered = enumerate(opened, start=1)
        while lines := list(islice(numbered, size)):
            yield lines


def _read(file: Path, lines: Sequence[tuple[int, bytes]], summary: ImportSummary) -> list[RawMessage]:
    messages = []
    for number, line in lines:
        summary.lines += 1
        read = read_line(line, number)
        if isinstance(read, RawMessage):
            messages.append(read)
        elif isinstance(read, Unreadable):
            summary.unreadable += 1
            if summary.unreadable <= _SHOWN:
                summary.unreadable_lines.append(f"{file}:{read.number}: {read.reason}; {read.remedy}")
    summary.messages += len(messages)
    return messages
