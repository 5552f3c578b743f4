"""A process that appends is killed at random moments; what it acknowledged is there, whole, and the next one goes on.

Run as a program, this file is the process that gets killed. One batch is one transaction over two streams. Checkpoints and
the settling of ids happen every few batches, so that kills strike them too. SIGKILL leaves the system's page cache alone:
this shows atomicity and recovery, not what the disk does when its power is cut.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from streams import sqlite_log
from streams.log import Record, Stream
from streams.sqlite_log import SqliteLog
from vocabulary.identity import Position
from wattbook import database
from wattbook.database import open_database, reading, writing

KILLS, PER_BATCH = 12, 50
SEED = int(os.environ.get("KILL_SEED") or random.randrange(2**32))  # KILL_SEED=… repeats a run, as far as time repeats itself


def test_a_log_survives_its_writer_being_killed(tmp_path: Path) -> None:
    path, dice = tmp_path / "log.db", random.Random(SEED)
    engine = open_database(path, create=True)
    with writing(engine) as connection:
        sqlite_log.create(connection)
    engine.dispose()

    acknowledged = 0
    for kill in range(KILLS):
        where = f"KILL_SEED={SEED}, kill {kill + 1} of {KILLS}"
        acknowledged = max(acknowledged, *append_until_killed(path, dice, where))
        stored = whole_batches(path, where)
        assert stored >= acknowledged, f"{where}: {acknowledged} batches were acknowledged, {stored} are there"
    assert acknowledged > KILLS, f"KILL_SEED={SEED}: hardly anything was written, so this showed nothing"


def append_until_killed(path: Path, dice: random.Random, where: str) -> list[int]:
    """Start a writer, kill it: while it opens the file, or somewhere in its batches. The batches that it acknowledged."""
    command = [sys.executable, "-P", __file__, str(path)]  # -P: `streams` is ours, not tests/streams
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True) as writer:
        assert writer.stdout is not None
        heard = [writer.stdout.readline()]  # "0": it is about to open the file
        if dice.random() < 0.7:
            heard.append(writer.stdout.readline())  # its first batch
        time.sleep(dice.uniform(0, 0.08))
        writer.kill()
        rest, errors = writer.communicate()
    assert writer.returncode == -signal.SIGKILL, f"{where}: the writer failed by itself: {errors}"
    return [int(line) for line in "".join([*heard, rest]).split()]


def whole_batches(path: Path, where: str) -> int:
    """How many batches are stored, all of them from the first on, each complete in both streams."""
    engine = open_database(path, create=False)
    with reading(engine) as connection:
        log = SqliteLog(connection)
        stored = log.read([Stream.RAW, Stream.EVENTS], Position(0), 10_000_000)
        whole = log.verify(Stream.RAW) == log.head(Stream.RAW) and log.verify(Stream.EVENTS) == log.head(Stream.EVENTS)
    engine.dispose()
    assert whole, f"{where}: a chain is broken"
    number, left = divmod(len(stored), 2 * PER_BATCH)
    assert left == 0, f"{where}: a part of a batch was stored"
    expected = [
        (stream, record.id) for batch in range(number) for stream in (Stream.RAW, Stream.EVENTS) for record in records(batch)
    ]
    assert [(record.stream, record.id) for record in stored] == expected, f"{where}: the batches are not the ones appended"
    return number


def records(batch: int) -> list[Record]:
    ids = [hashlib.sha256(b"%d %d" % (batch, number)).digest() for number in range(PER_BATCH)]
    return [Record(id_, "CS-1", id_ * 20) for id_ in ids]


def append_forever(path: Path) -> None:
    """Go on after the last batch that is stored; say how many there are after each commit."""
    sqlite_log.SETTLE_EVERY = 512
    database._PRAGMAS["wal_autocheckpoint"] = 100
    say(0)
    engine = open_database(path, create=False)
    while True:
        with writing(engine) as connection:
            log = SqliteLog(connection)
            batch = log.head(Stream.RAW).records // PER_BATCH
            appended = log.append(Stream.RAW, records(batch)) + log.append(Stream.EVENTS, records(batch))
            assert all(answer.is_new for answer in appended)
        say(batch + 1)


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    append_forever(Path(sys.argv[1]))
