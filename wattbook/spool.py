"""The spool: what a tap has passed on and the log has not taken yet, in files of one folder, oldest first.

    0000000017.spool   [length of the body, 4 bytes][its CRC-32, 4 bytes][body: a raw message, as the log will hold it] …
    0000000018.spool   the last one is added to; a file is removed when the log has all of it

What was added survives the end of the process at once, and a power cut once `sync` has returned. A start finds what was left
and adds to files of its own. A record that was cut short by the end stands at the end of a file: it is set aside, in a file
`….torn`, and told; nobody was sent what came of it. Where the log already has a record that is read back, it stays one, since
its identity is its content.

Not for several threads at once, but for `sync`, which may take long. One process has a folder at a time.
"""

import fcntl
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from wattbook.private_file import sync as sync_file

SEGMENT_BYTES: Final = 2**20  # a file that is longer is added to no more
_HEAD: Final = Struct(">II")


class SpoolUnusable(OSError):
    """The folder cannot be used; the message says why and what to do."""


class Torn(NamedTuple):
    """What was set aside at the start: no record, or one whose bytes are not those that were written."""

    file: Path
    bytes: int


@dataclass
class _Segment:
    path: Path
    size: int = 0
    frames: int = 0
    read: int = 0  # bytes that the log has


class Spool:
    """`left`: how many frames were found at the start; `torn`: what was set aside then."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder, self._segment_bytes = folder, segment_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(folder)
        self.torn: list[Torn] = []
        self._segments = deque(_Segment(path, *self._examine(path)) for path in sorted(folder.glob("*.spool")))
        self._next = 1 + max((int(each.stem) for each in folder.iterdir() if each.stem.isdecimal()), default=0)
        self._file: int | None = None  # the last segment, once this process has added to it
        self._full: list[int] = []  # segments that are added to no more, and not synced yet
        self._is_new = False  # a name in the folder that is not synced yet
        self.frames = self.left = sum(each.frames for each in self._segments)
        self.bytes = sum(each.size for each in self._segments)
        self._remove_taken()

    def append(self, body: bytes) -> None:
        """All of it is in the file when this returns, or nothing. Raises OSError."""
        record = _HEAD.pack(len(body), crc32(body)) + body
        file, segment = self._open()
        try:
            if os.write(file, record) < len(record):
                raise OSError("the disk is full, or a limit on the size of files is reached")
        except OSError:
            self._take_back(file, segment)
            raise
        segment.size += len(record)
        segment.frames += 1
        self.frames += 1
        self.bytes += len(record)

    def to_sync(self) -> "Unsynced":
        """What is to be synced so that all that was added is durable."""
        files = [*self._full, *([] if self._file is None else [self._file])]
        unsynced = Unsynced(files, self._folder if self._is_new else None)
        self._is_new = False
        return unsynced

    def was_synced(self, unsynced: "Unsynced") -> None:
        for file in [file for file in self._full if file in unsynced.files]:
            os.close(file)
            self._full.remove(file)

    def peek(self, limit: int) -> list[bytes]:
        """The oldest records, at most so many; none where the log has all."""
        if not self._segments:
            return []
        segment = self._segments[0]
        with segment.path.open("rb") as file:
            file.seek(segment.read)
            data = file.read(segment.size - segment.read)
        bodies = []
        for body in _records(data):
            bodies.append(body)
            if len(bodies) == limit:
                break
        if not bodies and data:
            raise SpoolUnusable(f"{segment.path} does not hold what was written to it: check the disk")
        return bodies

    def take_away(self, bodies: Sequence[bytes]) -> None:
        """The log has these, which are the oldest ones."""
        segment, size = self._segments[0], sum(_HEAD.size + len(body) for body in bodies)
        segment.read += size
        self.frames -= len(bodies)
        self.bytes -= size
        self._remove_taken()

    def close(self) -> None:
        """Leaves no file behind that the log has all of."""
        for file in [*self._full, *([] if self._file is None else [self._file])]:
            os.close(file)
        self._file, self._full = None, []
        self._remove_taken()
        os.close(self._lock)

    def _open(self) -> tuple[int, _Segment]:
        if self._file is not None and self._segments[-1].size < self._segment_bytes:
            return self._file, self._segments[-1]
        path = self._folder / f"{self._next:010}.spool"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        if self._file is not None:
            self._full.append(self._file)
        self._file, self._is_new = file, True
        self._next += 1
        self._segments.append(_Segment(path))
        return file, self._segments[-1]

    def _take_back(self, file: int, segment: _Segment) -> None:
        """What was written of a record in part; where not even that can be done, the file is added to no more."""
        try:
            os.ftruncate(file, segment.size)
        except OSError:
            self._full.append(file)
            self._file = None

    def _remove_taken(self) -> None:
        while self._segments and self._segments[0].read == self._segments[0].size:
            if self._file is not None and len(self._segments) == 1 and self._segments[0].size < self._segment_bytes:
                return  # it is added to
            if self._file is not None and len(self._segments) == 1:
                self._full.append(self._file)
                self._file = None
            self._segments.popleft().path.unlink()

    def _examine(self, path: Path) -> tuple[int, int]:
        """The bytes and the records of a file that was found, up to what is no record, which is set aside."""
        data = path.read_bytes()
        sizes = [_HEAD.size + len(body) for body in _records(data)]
        size = sum(sizes)
        if size < len(data):
            aside = path.with_suffix(".torn")
            aside.write_bytes(data[size:])
            sync_file(aside)
            sync_file(self._folder)
            os.truncate(path, size)
            self.torn.append(Torn(aside, len(data) - size))
        return size, len(sizes)


class Unsynced(NamedTuple):
    files: list[int]
    folder: Path | None

    def sync(self) -> None:
        """In whatever thread. Raises OSError: then nobody knows what is on the disk."""
        for file in self.files:
            os.fdatasync(file)
        if self.folder is not None:
            sync_file(self.folder)


def has_left(folder: Path) -> bool:
    """Whether a tap left something there that no tap that runs looks after."""
    with suppress(SpoolUnusable):
        if any(folder.glob("*.spool")):
            os.close(_lock(folder))
            return True
    return False


def _records(data: bytes) -> Iterator[bytes]:
    """Up to the first that is not whole."""
    place = 0
    while place + _HEAD.size <= len(data):
        length, check = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        body = data[place : place + length]
        if not length or len(body) < length or crc32(body) != check:
            return
        yield body
        place += length


def _lock(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise SpoolUnusable(
            f"another `wattbook serve --upstream` has the folder {folder}: stop it, or give this one a folder of its own in "
            "WATTBOOK_SERVE_SPOOL_FOLDER"
        ) from None
    return lock
