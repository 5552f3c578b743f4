"""Replay where workers process partitions side by side: fold the raw topic and the office's inputs again, and compare.

    topic raw, partition p   ──▶ lane p + 1 ─┐
    reference facts, taken up where the lane  ├─▶ events, conclusions, states, indexes, entries
    says so (`reference.taken`)               │
    commands, when the lanes were where the  ─┘
    command says (`reached`)

The same code runs that the workers run (`streams.lanes`), over temporary files instead of the server: one log per lane, and one
database for what all share. `wattbook.lane_audit` compares.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

from msgspec import DecodeError
from sqlalchemy import Connection

from streams.embedded_runtime import EmbeddedRuntime
from streams.lanes import SteppedLanes
from streams.log import INPUTS, Appended, BrokenLink, Head, Log, Record, Stored, Stream
from streams.places import OFFICE, Lane, Offset, Partition, Taken, lane_of, place_of, position
from streams.sql_states import SqlStates
from streams.sqlite_log import SqliteLog
from streams.unit import Unit
from vocabulary.billing import InvoiceRunRequested
from vocabulary.codec import decode
from vocabulary.identity import Position
from vocabulary.reference import ReferenceTaken
from wattbook.wiring import VERBS, unit_on

_PAGE = 1000

ReadRaw = Callable[[Partition, Offset, Offset], Iterator[Sequence[Taken]]]
"""The records of a partition from an offset up to, not including, another one, in pages."""


class LaneLog:
    """A log of its own for each lane, behind one port: positions name their lane, as in PostgreSQL (`streams.places`)."""

    def __init__(self, logs: Mapping[Lane, SqliteLog], lane: Lane) -> None:
        self._logs, self._lane = logs, lane

    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]:
        return [Appended(self._out(at), is_new) for at, is_new in self._logs[self._lane].append(stream, records)]

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]:
        found = self._logs[self._lane].read(streams, Position(place_of(after)[0]), limit)
        return [stored._replace(position=self._out(stored.position)) for stored in found]

    def at(self, stream: Stream, position: Position) -> Stored | None:
        place, lane = place_of(position)
        found = self._logs[lane].at(stream, Position(place))
        return None if found is None else found._replace(position=position)

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        lanes: dict[Lane, list[Position]] = {}
        for place, lane in map(place_of, positions):
            lanes.setdefault(lane, []).append(Position(place))
        found = [(lane, stored) for lane, places in lanes.items() for stored in self._logs[lane].pick(stream, places)]
        return [stored._replace(position=position(stored.position, lane)) for lane, stored in found]

    def head(self, stream: Stream) -> Head:
        head = self._logs[self._lane].head(stream)
        return head._replace(position=self._out(head.position) if head.records else Position(0))

    def verify(self, stream: Stream) -> Head | BrokenLink:
        return self._logs[self._lane].verify(stream)

    def _out(self, at: Position) -> Position:
        return position(at, self._lane)


class OfficeView:
    """The stored inputs of the office up to a position, which the replay moves on; what follows from them goes to `derived`."""

    def __init__(self, stored: Log, derived: Log) -> None:
        self._stored, self._derived, self.until = stored, derived, Position(0)

    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]:
        assert stream not in INPUTS, "a replay adds no inputs"
        return self._derived.append(stream, records)

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]:
        if not set(streams) <= set(INPUTS):
            return self._derived.read(streams, after, limit)
        return [stored for stored in self._stored.read(streams, after, limit) if stored.position <= self.until]

    def at(self, stream: Stream, position: Position) -> Stored | None:
        return (self._stored if stream in INPUTS else self._derived).at(stream, position)

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        return (self._stored if stream in INPUTS else self._derived).pick(stream, positions)

    def head(self, stream: Stream) -> Head:
        return self._stored.head(stream)._replace(position=self.until) if stream in INPUTS else self._derived.head(stream)

    def verify(self, stream: Stream) -> Head | BrokenLink:
        return (self._stored if stream in INPUTS else self._derived).verify(stream)


class Reached(NamedTuple):
    """How far a lane was: messages before the offset were processed, reference facts up to the position were known."""

    offset: Offset
    reference: Position


class LaneReplay:
    """`marks`: where each lane took reference facts up, in order; `ends`: how far each is in the end."""

    def __init__(
        self,
        world: "World",
        office: Log,
        read_raw: ReadRaw,
        marks: Mapping[Partition, Sequence[Reached]],
        ends: Mapping[Partition, Reached],
        partitions: int,
    ) -> None:
        self._world, self._office, self._read_raw, self._ends = world, office, read_raw, ends
        self._marks = {partition: deque(found) for partition, found in marks.items()}
        self._views = {lane_of(partition): OfficeView(office, world.log(OFFICE)) for partition in ends}
        self._lanes = SteppedLanes(self._open, VERBS, partitions)
        self._at = {partition: self._lanes.assigned(partition) for partition in ends}
        self.messages = 0

    def run(self, until: Position) -> None:
        """The office's inputs up to a position, and the messages of all partitions up to their ends."""
        view = OfficeView(self._office, self._world.log(OFFICE))
        runtime = EmbeddedRuntime(lambda: nullcontext(self._world.unit(OFFICE, view, view)), VERBS, commands_wait=True)
        for stored in records(self._office, Stream.COMMANDS, until):
            command = decode(stored.body)
            assert isinstance(command, InvoiceRunRequested)
            self._advance({Partition(r.partition): Reached(Offset(r.offset), r.reference) for r in command.reached})
            view.until = stored.position
            runtime.pump()
        view.until = until
        runtime.pump()
        self._advance(self._ends)
        for partition in self._ends:
            self._lanes.revoked(partition)  # which saves the states

    def _advance(self, to: Mapping[Partition, Reached]) -> None:
        """The lanes up to where they were: a command saw what they had concluded by then, and nothing else."""
        for partition, (end, reference) in to.items():
            marks = self._marks.get(partition, deque())
            while marks and marks[0].reference <= reference:
                mark = marks.popleft()
                self._feed(partition, mark.offset)
                self._views[lane_of(partition)].until = mark.reference  # not before: it was not known to these messages
                self._lanes.process(partition, ())
            self._feed(partition, end)

    def _feed(self, partition: Partition, end: Offset) -> None:
        for records in self._read_raw(partition, self._at[partition], end):
            self._lanes.process(partition, records, may_skip=True)
            self.messages += len(records)
        self._at[partition] = end

    @contextmanager
    def _open(self, lane: Lane) -> Iterator[Unit]:
        with self._world.whole(lane):
            yield self._world.unit(lane, self._world.log(lane), self._views[lane])


class World:
    """Temporary stores: one database for what all lanes share, and a log per lane."""

    def __init__(self, shared: Connection, logs: Mapping[Lane, Connection]) -> None:
        self._shared, self._connections = shared, logs
        self._logs = {lane: SqliteLog(connection) for lane, connection in logs.items()}

    def log(self, lane: Lane) -> LaneLog:
        return LaneLog(self._logs, lane)

    def unit(self, lane: Lane, log: Log, office: Log) -> Unit:
        return unit_on(self._shared, OFFICE)._replace(log=log, states=SqlStates(self._shared, lane), office=office)

    @contextmanager
    def whole(self, lane: Lane) -> Iterator[None]:
        """A batch is written as a whole, or not at all if it raises: a message on which the steps fail is tried once more."""
        with self._shared.begin_nested(), self._connections[lane].begin_nested():
            yield

    @property
    def shared(self) -> Connection:
        return self._shared


def marks_of(log: Log) -> Iterator[Reached]:
    """Where a lane took reference facts up, from its own log."""
    for stored in records(log, Stream.CONCLUSIONS):
        if (taken := _taken(stored.body)) is not None:
            yield Reached(Offset(taken.offset), taken.until)


def _taken(body: bytes) -> ReferenceTaken | None:
    """None: another conclusion, or what someone put there, which is told when it is compared."""
    try:
        event = decode(body)
    except DecodeError:
        return None
    return event if isinstance(event, ReferenceTaken) else None


def records(log: Log, stream: Stream, until: Position | None = None) -> Iterator[Stored]:
    after = Position(0)
    while page := log.read((stream,), after, _PAGE):
        for stored in page:
            if until is not None and stored.position > until:
                return
            yield stored
        after = page[-1].position
