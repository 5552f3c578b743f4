"""What a tap has passed on and the log has not taken is in files, whole and in order, until the log has it."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattbook.spool import Spool, SpoolUnusable, has_left


def spool(folder: Path, segment_bytes: int = 100) -> Spool:
    return Spool(folder, segment_bytes)


def all_of(spool: Spool, limit: int = 3) -> list[bytes]:
    """Take everything away, some at a time."""
    taken: list[bytes] = []
    while bodies := spool.peek(limit):
        spool.take_away(bodies)
        taken += bodies
    return taken


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix)


@given(
    before=st.lists(st.binary(min_size=1, max_size=60)),
    after=st.lists(st.binary(min_size=1, max_size=60)),
    taken=st.integers(0, 20),
    limit=st.integers(1, 7),
    segment=st.integers(1, 200),
)
def test_what_is_not_taken_away_is_found_again_in_order(
    tmp_path_factory: pytest.TempPathFactory, before: list[bytes], after: list[bytes], taken: int, limit: int, segment: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    first = Spool(folder, segment)
    for body in before:
        first.append(body)
    gone: list[bytes] = []
    while len(gone) < taken and (bodies := first.peek(min(limit, taken - len(gone)))):
        first.take_away(bodies)
        gone += bodies
    assert first.frames == len(before) - len(gone)
    first.close()

    second = Spool(folder, segment)
    assert not second.torn
    for body in after:
        second.append(body)
    found = all_of(second, limit)
    assert before + after == before[: len(before) + len(after) - len(found)] + found, "nothing is missing or out of order"
    assert len(found) >= len(before) - len(gone) + len(after)
    assert (second.frames, second.bytes) == (0, 0)
    second.close()
    assert files(folder) == []


def test_a_file_that_the_log_has_all_of_is_removed(tmp_path: Path) -> None:
    held = spool(tmp_path)
    for number in range(10):
        held.append(b"%d" % number * 30)
    assert len(files(tmp_path)) == 4
    held.take_away(held.peek(3))
    assert len(files(tmp_path)) == 3
    held.take_away(held.peek(2))
    assert len(files(tmp_path)) == 3, "a part of it is still wanted"
    assert (held.frames, held.bytes) == (5, 5 * 38)
    held.close()


@pytest.mark.parametrize("cut", [1, 7, 8, 20])
def test_a_record_that_was_cut_short_is_set_aside_and_told(tmp_path: Path, cut: int) -> None:
    first = spool(tmp_path)
    first.append(b"whole")
    first.append(b"cut short, some")
    first.close()
    [name] = files(tmp_path)
    size = (tmp_path / name).stat().st_size
    os.truncate(tmp_path / name, size - cut)

    second = spool(tmp_path)
    [torn] = second.torn
    assert torn.bytes == torn.file.stat().st_size == 23 - cut
    assert all_of(second) == [b"whole"]
    second.append(b"next")
    second.close()
    third = spool(tmp_path)
    assert not third.torn, "told once"
    assert all_of(third) == [b"next"]
    third.close()
    assert files(tmp_path) == [torn.file.name]


def test_what_was_set_aside_is_never_overwritten(tmp_path: Path) -> None:
    for _ in range(2):
        first = spool(tmp_path)
        first.append(b"body")
        first.close()
        [path] = tmp_path.glob("*.spool")
        path.write_bytes(path.read_bytes()[:-1])
        again = spool(tmp_path)
        assert len(again.torn) == 1
        again.close()
    assert len(list(tmp_path.glob("*.torn"))) == 2


def test_bytes_that_were_changed_on_the_disk_are_not_handed_to_the_log(tmp_path: Path) -> None:
    held = spool(tmp_path)
    held.append(b"body")
    [path] = tmp_path.glob("*.spool")
    path.write_bytes(path.read_bytes()[:-1] + b"Y")
    with pytest.raises(SpoolUnusable, match="check the disk"):
        held.peek(1)
    held.close()


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Whatever is written beyond fails, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_record_that_does_not_fit_on_the_disk_is_not_there_in_part(tmp_path: Path) -> None:
    held = spool(tmp_path)
    held.append(b"first")
    with files_end_at(20):
        for _ in range(2):
            with pytest.raises(OSError, match=r"disk is full|too large"):
                held.append(b"this one has no room")
    held.append(b"last")
    assert held.frames == 2
    assert held.peek(9) == [b"first", b"last"]
    held.close()
    assert all_of(spool(tmp_path)) == [b"first", b"last"]


def test_a_folder_is_one_process_s(tmp_path: Path) -> None:
    held = spool(tmp_path)
    held.append(b"body")
    with pytest.raises(SpoolUnusable, match="WATTBOOK_SERVE_SPOOL_FOLDER"):
        spool(tmp_path)
    assert not has_left(tmp_path), "who has it looks after it"
    held.close()
    assert has_left(tmp_path)
    last = spool(tmp_path)
    assert all_of(last) == [b"body"]
    last.close()
    assert not has_left(tmp_path)


def test_nobody_else_reads_what_stations_said(tmp_path: Path) -> None:
    held = spool(tmp_path / "new")
    held.append(b"body")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    [path] = (tmp_path / "new").glob("*.spool")
    assert path.stat().st_mode & 0o777 == 0o600
    held.close()


def test_a_sync_is_of_all_that_was_added_before_it(tmp_path: Path) -> None:
    held = spool(tmp_path)
    for number in range(4):
        held.append(b"%d" % number * 60)
    unsynced = held.to_sync()
    assert len(unsynced.files) == len(files(tmp_path)) == 2
    assert unsynced.folder == tmp_path, "the names of the files too"
    unsynced.sync()
    held.was_synced(unsynced)
    assert len(held.to_sync().files) == 1, "what is added to no more is closed"
    held.close()
