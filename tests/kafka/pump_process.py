"""A worker for tests: a pump in front of `StoredLanes`, which keep what was processed in SQLite, and each position with it.

    python tests/kafka/pump_process.py ENGINE BOOTSTRAP TOPIC GROUP FILE [BATCH_MS] [POISON]

It is a process of its own so that tests can kill it. BATCH_MS: how long a batch takes at least, before its commit. POISON: the
lanes fail at a record of this value.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from streams.kafka_options import KafkaOptions
from streams.places import Offset, Partition, Taken
from streams.pump import Fenced, Gap


class StoredLanes:
    """`streams.pump.Lanes` that do nothing but remember: each record in one row, positions by compare-and-set."""

    def __init__(self, path: Path, batch_ms: int = 0, poison: bytes | None = None) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._batch_ms, self._poison = batch_ms, poison
        self._owned: dict[Partition, int] = {}
        with self._db:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS done (partition INT, offset INT, value BLOB)")
            self._db.execute("CREATE TABLE IF NOT EXISTS positions (partition INT PRIMARY KEY, next INT)")

    def assigned(self, partition: Partition) -> Offset:
        self._db.execute("INSERT OR IGNORE INTO positions VALUES (?, 0)", (partition,))
        ((self._owned[partition],),) = self._db.execute("SELECT next FROM positions WHERE partition = ?", (partition,))
        return Offset(self._owned[partition])

    def revoked(self, partition: Partition) -> None:
        del self._owned[partition]

    def process(self, partition: Partition, records: Sequence[Taken], may_skip: bool = False) -> Offset:
        before = following = self._owned[partition]
        rows = []
        for taken in records:
            assert taken.partition == partition
            if taken.value == self._poison:
                raise OSError("the disk is full")
            if taken.offset > following and not may_skip:
                raise Gap(partition, Offset(following), taken.offset)
            if taken.offset >= following:
                rows.append((partition, taken.offset, taken.value))
                following = taken.offset + 1
        self._commit(partition, before, following, rows)
        self._owned[partition] = following
        return Offset(following)

    def settle(self) -> None:
        assert self._db.in_transaction is False

    def _commit(self, partition: Partition, before: int, following: int, rows: list[tuple[int, int, bytes | None]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO done VALUES (?, ?, ?)", rows)
        moved = self._db.execute(
            "UPDATE positions SET next = ? WHERE partition = ? AND next = ?", (following, partition, before)
        )
        if moved.rowcount != 1:
            self._db.execute("ROLLBACK")
            raise Fenced(partition)
        time.sleep(self._batch_ms / 1000)
        self._db.execute("COMMIT")


class Lines:
    """`streams.intake.Watch`: one line of JSON for each thing that is said."""

    def say(self, event: str, /, **facts: object) -> None:
        sys.stderr.write(json.dumps({"event": event} | facts, default=str) + "\n")
        sys.stderr.flush()

    def rebalanced(self, partitions: Collection[Partition]) -> None:
        self.say("rebalanced", partitions=sorted(partitions))

    def ends(self, ends: Mapping[Partition, Offset], held: Collection[Partition] = ()) -> None:
        self.say("ends", ends={str(partition): end for partition, end in ends.items()}, held=list(held))


def main(engine: str, bootstrap: str, topic: str, group: str, path: str, batch_ms: str = "0", poison: str = "") -> None:
    lanes = StoredLanes(Path(path), int(batch_ms), poison.encode() or None)
    if engine == "faust":
        from streams.faust_runtime import FaustPump as Pump  # importing faust takes a second
    else:
        from streams.plain_runtime import PlainPump as Pump
    Pump(topic, group, KafkaOptions(servers=tuple(bootstrap.split(",")), timeout_s=5), lanes, Lines()).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
