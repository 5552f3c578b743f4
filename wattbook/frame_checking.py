"""Check files of captured messages by OCPP's schemas, frame by frame, beside what is decoded from them. Needs no home."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from pathlib import Path

from msgspec import Struct, field

from ingest.file_forms import FileForm
from ingest.frame_verdict import FrameJudge, FrameVerdict, Judged
from vocabulary.charging import Protocol, RawMessage
from wattbook.importing import FileRead, pieces

_LINES = 500


class CheckedFrame(Struct, frozen=True, kw_only=True):
    """`line` counts from 1; of a row or an envelope it is where that begins."""

    file: str
    line: int
    frame: FrameVerdict


class Sum(Struct, kw_only=True):
    """Frames of one version and action: how many, what the schema says, and what was decoded. Without events are those that are
    of no interest to a bill.
    """

    protocol: Protocol | None
    action: str | None
    frames: int = 0
    valid: int = 0
    violates: int = 0
    not_judged: int = 0
    with_events: int = 0
    rejected: int = 0


class FileSum(Struct, kw_only=True):
    """Frames of one file, and lines of it that are no message."""

    file: str
    frames: int
    valid: int
    violates: int
    not_judged: int
    no_message: int


class Checked(Struct, kw_only=True):
    """`unreadable_lines`: of each file the first that are no message. `unread_files`: of which nothing could be read."""

    frames: list[CheckedFrame] = field(default_factory=list)
    unreadable_lines: list[str] = field(default_factory=list)
    unread_files: list[str] = field(default_factory=list)
    files: list[FileSum] = field(default_factory=list)

    @property
    def violations(self) -> int:
        return sum(each.frame.verdict is Judged.VIOLATES for each in self.frames)

    def sums(self) -> list[Sum]:
        found: dict[tuple[Protocol | None, str | None], Sum] = {}
        for frame in (each.frame for each in self.frames):
            kind = found.setdefault((frame.protocol, frame.action), Sum(protocol=frame.protocol, action=frame.action))
            kind.frames += 1
            counted = Counter([frame.verdict])
            kind.valid += counted[Judged.VALID]
            kind.violates += counted[Judged.VIOLATES]
            kind.not_judged += counted[Judged.NOT_JUDGED]
            kind.with_events += bool(frame.events)
            kind.rejected += frame.rejection is not None
        return [found[key] for key in sorted(found, key=lambda key: (key[0] or "~", key[1] or "~"))]


def check_files(
    files: Sequence[Path],
    progress: Callable[[int], None] = lambda _: None,
    form: FileForm | None = None,
    zone: tzinfo = UTC,
    protocol: Protocol | None = None,
) -> Checked:
    """Check the files in order, as `importing.import_files` reads them; an answer may stand in a later file than its call."""
    checked, judge = Checked(), FrameJudge(protocol)
    for file in files:
        before, reading, first = 0, FileRead(file, form), len(checked.frames)
        for piece in pieces(reading, _LINES, zone):
            for number, item in enumerate(piece.items, start=before + 1):
                reading.note(item)
                if isinstance(item, RawMessage):
                    line = item.source.line if item.source else number
                    checked.frames.append(CheckedFrame(file=str(file), line=line, frame=judge(item)))
            before += piece.lines
            progress(piece.bytes)
        checked.unreadable_lines += reading.lines
        checked.unread_files += [reading.fault] if reading.fault else []
        checked.files.append(_sum(reading, checked.frames[first:]))
    return checked


def _sum(reading: FileRead, frames: Sequence[CheckedFrame]) -> FileSum:
    counted = Counter(each.frame.verdict for each in frames)
    return FileSum(
        file=str(reading.file),
        frames=len(frames),
        valid=counted[Judged.VALID],
        violates=counted[Judged.VIOLATES],
        not_judged=counted[Judged.NOT_JUDGED],
        no_message=reading.unreadable,
    )
