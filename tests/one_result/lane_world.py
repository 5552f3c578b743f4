"""A topic, a database, and workers over both that may crash at any operation: `SteppedLanes` and `Intake` without a broker.

Topic     partitions of records; offsets may be missing, as where a producer's transaction took them for its marks
Plan      at which of the coming operations on a unit to crash: before one, after one, before the commit, or after it
Worker    reads from the topic what `Intake` asks for, in batches of any size
World     workers over one database; one that crashed is replaced by a new process
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy import Engine

from streams.intake import Intake
from streams.lanes import STATES, SteppedLanes
from streams.log import BrokenLink, Stream
from streams.places import Bounds, Lane, Offset, Partition, Taken, Unread, lane_of
from streams.postgres_log import PostgresLog
from streams.pump import Fenced, Gap
from streams.raw_records import partition_of, raw_record
from streams.sql_states import SqlStates
from streams.unit import Unit, Verbs
from tests.one_result.digests import Result, result_of
from vocabulary.charging import RawMessage
from vocabulary.codec import decode
from vocabulary.quarantine import Quarantined
from wattbook.database import reading, writing
from wattbook.wiring import unit_over

PARTITIONS = 3
POISON: tuple[tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]], ...] = (
    (None, b"[2]", ()),
    (b"no name!", b"[2]", ()),
    (b"1.6-00", None, ()),
    (b"1.6-00", b"[2]", (("protocol", b"soap"),)),
    (b"1.6-00", b"[2]", (("direction", b"up"),)),
    (b"1.6-00", b"[2]", (("received-at", b"yesterday"),)),
)


class Topic:
    """The raw topic. A message goes to the partition of its station, by its sum or, `hashed`, as Kafka's producers have it."""

    def __init__(self, hashed: bool = False) -> None:
        self._hashed = hashed
        self.partitions: dict[Partition, list[Taken]] = {Partition(p): [] for p in range(PARTITIONS)}
        self._next = dict.fromkeys(self.partitions, 0)
        self.poisoned = 0

    def append(self, message: RawMessage) -> None:
        key, headers, value = raw_record(message)
        self._append(self._partition(key), key, value, tuple(headers))

    def append_poison(self, number: int, partition: Partition) -> None:
        """The last number, one beyond those of POISON, is a batch of three records that nobody unpacks."""
        if number == len(POISON):
            self._append_unread(partition, 3)
        else:
            self._append(partition, *POISON[number])
        self.poisoned += 1

    def skip(self, partition: Partition) -> None:
        """An offset that holds nothing."""
        self._next[partition] += 1

    def pages(self, partition: Partition, start: Offset, end: Offset) -> Iterator[list[Taken]]:
        """`wattbook.lane_replay.ReadRaw`."""
        while records := [taken for taken in self.read(partition, start, 20) if taken.offset < end]:
            yield records
            start = Offset(records[-1].offset + 1)

    def read(self, partition: Partition, at: Offset, size: int) -> list[Taken]:
        return [taken for taken in self.partitions[partition] if taken.offset >= at][:size]

    def bounds(self, partitions: Collection[Partition]) -> dict[Partition, Bounds]:
        return {partition: Bounds(Offset(0), Offset(self._next[partition])) for partition in partitions}

    def _partition(self, key: bytes) -> Partition:
        return partition_of(key, PARTITIONS) if self._hashed else Partition(sum(key) % PARTITIONS)

    def _append_unread(self, partition: Partition, records: int) -> None:
        first = self._next[partition]
        at, last = 1_790_000_000_000 + first, Offset(first + records - 1)
        unread = Unread(Offset(first), last, records, "zstd", 99, first, bytes(32), at, fits=False)
        self.partitions[partition].append(Taken(partition, last, None, None, (), at, unread))
        self._next[partition] += records

    def _append(self, partition: Partition, key: bytes | None, value: bytes | None, headers: Any) -> None:
        offset = Offset(self._next[partition])
        self.partitions[partition].append(Taken(partition, offset, key, value, headers, 1_790_000_000_000 + offset))
        self._next[partition] += 1


class Crash(Exception):
    """The process dies here."""


class Plan:
    def __init__(self) -> None:
        self.crash_in = 0  # 0: not at all

    def tick(self) -> None:
        self.crash_in -= 1
        if self.crash_in == 0:
            raise Crash

    @contextmanager
    def unit(self, engine: Engine, lane: Lane) -> Iterator[Unit]:
        with unit_over(engine, lane) as unit:
            yield Unit(*(_Crashing(port, self) for port in unit))
            self.tick()  # all is written, and the transaction is rolled back
        self.tick()  # it is committed, and nobody knows


class _Crashing:
    """A port that counts each call of each verb, before it and after it."""

    def __init__(self, port: object, plan: Plan) -> None:
        self._port, self._plan = port, plan

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._port, name)

        def counted(*given: Any) -> Any:
            self._plan.tick()
            result = verb(*given)
            self._plan.tick()
            return result

        return counted


class _Silent:
    """`streams.intake.Watch` for nobody."""

    def say(self, event: str, /, **facts: object) -> None: ...

    def rebalanced(self, partitions: object) -> None: ...

    def ends(self, ends: object, held: object = ()) -> None: ...


class Worker:
    """One process. It keeps to what it believes to own, whoever owns it meanwhile."""

    def __init__(self, engine: Engine, topic: Topic, verbs: Verbs) -> None:
        self.plan, self._topic = Plan(), topic
        self.lanes = SteppedLanes(partial(self.plan.unit, engine), verbs)
        self._intake = Intake(self.lanes, topic.bounds, _Silent())
        self._at: dict[Partition, Offset] = {}

    def read(self, partition: Partition, size: int) -> int:
        """One batch; how many records it had."""
        if partition not in self._at:
            self._at |= self._intake.assigned([partition])
        records = self._topic.read(partition, self._at[partition], size)
        if records:
            again = self._intake.process(partition, records)
            self._at[partition] = Offset(records[-1].offset + 1) if again is None else again
        return len(records)

    def read_again(self, partition: Partition, back: int, size: int) -> None:
        """Records that were processed before, and some that were not: as a broker gives them to who comes back."""
        if partition in self._at:
            records = self._topic.read(partition, Offset(max(0, self._at[partition] - back)), size)
            with suppress(Gap, Fenced):  # nothing was written
                self.lanes.process(partition, records)

    def settle(self) -> None:
        self._at |= self._intake.settle()

    def give_back(self, partition: Partition) -> None:
        self._intake.revoked([partition])
        self._at.pop(partition, None)


class World:
    def __init__(self, engine: Engine, topic: Topic, verbs: Verbs, workers: int = 2) -> None:
        self.engine, self.topic, self.crashes = engine, topic, 0
        self._new_worker = partial(Worker, engine, topic, verbs)
        self.workers = [self._new_worker() for _ in range(workers)]

    @contextmanager
    def crashing(self, number: int, crash_in: int) -> Iterator[Worker]:
        """A worker that may die within the block; then there is a new one in its place."""
        worker = self.workers[number]
        worker.plan.crash_in = crash_in
        try:
            yield worker
        except Crash:
            self.crashes += 1
            self.workers[number] = self._new_worker()
        else:
            worker.plan.crash_in = 0

    def drain(self) -> None:
        """A new process goes on until there is nothing left, and saves what it remembers."""
        worker = self._new_worker()
        for partition in self.topic.partitions:
            while worker.read(partition, 50):
                pass
        worker.settle()
        worker.settle()

    def result(self) -> Result:
        with reading(self.engine) as connection:
            return result_of(connection)

    def unsaved(self) -> list[Partition]:
        """Whose saved states do not know every event."""
        with reading(self.engine) as connection:
            heads = {p: PostgresLog(connection, lane_of(p)).head(Stream.EVENTS).position for p in self.topic.partitions}
            return [p for p, head in heads.items() if SqlStates(connection, lane_of(p)).position(STATES) < head]

    def quarantine(self) -> list[Quarantined]:
        with reading(self.engine) as connection:
            found = connection.exec_driver_sql("SELECT body FROM log_quarantine ORDER BY lane, position").all()
            return [decode(bytes(body)) for (body,) in found]  # type: ignore[misc]

    def broken_chains(self) -> list[BrokenLink]:
        with reading(self.engine) as connection:
            logs = [PostgresLog(connection, lane) for lane in (Lane(0), *map(lane_of, self.topic.partitions))]
            return [broken for log in logs for s in Stream if isinstance(broken := log.verify(s), BrokenLink)]

    def tally(self) -> Counter[str]:
        return sum((worker.lanes.tally for worker in self.workers), Counter())


def emptied(engine: Engine) -> Engine:
    """The database as new. The triggers that refuse this are those of a superuser's session to leave out."""
    with writing(engine) as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        tables = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars()
        for table in tables.all():
            connection.exec_driver_sql(f'DELETE FROM "{table}"')
    return engine
