"""Drive the steps in one process: log, states and books in one database, one transaction per batch.

    append   inputs are made durable, before anyone looks at them
    pump     every input that was not processed yet goes through the steps, batch by batch; the position moves with each

A failure leaves whole batches or nothing: what was in memory is dropped, and the next pump begins where the position is. A
message on which our own functions fail is no failure: it goes into quarantine, as in a lane, and stops no other.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import msgspec

from streams.batch import Batch
from streams.catalogue import Catalogue, is_in_force, with_fact
from streams.log import INPUTS, Appended, Log, Record, Stream
from streams.memory import Memory
from streams.mistakes import Poisoned
from streams.places import OFFICE
from streams.proven import PositionChanged, demand_proven, proven
from streams.states import States
from streams.unit import OpenUnit, Unit, Verbs
from vocabulary.codec import ReferenceFact, decode, encode
from vocabulary.identity import Position, digest
from vocabulary.reference import ClockTicked, SessionDecided

CONSUMER = "steps"
BATCH = 1000


class Input(NamedTuple):
    """An input to append: to which stream, under which key, and what it says."""

    stream: Stream
    key: str
    value: msgspec.Struct


Complete = Callable[[Unit, Input], Input]


class CarriedOut(NamedTuple):
    """What a command did. What followed from it stands in the conclusions beyond `after`, up to `until`, and nothing else."""

    tally: Counter[str]
    after: Position
    until: Position


class EmbeddedRuntime:
    """Not for several threads at once. Several processes may take turns on one database (a server, and an import beside it):
    what one of them remembers is dropped where another one has moved the position since.
    """

    concludes_at_once = True  # `pump` processes messages too

    def __init__(self, writing: OpenUnit, verbs: Verbs, batch: int = BATCH, commands_wait: bool = False) -> None:
        """`commands_wait`: the log may hold commands that were not carried out yet, as that of a replay does."""
        self._writing, self._verbs, self._batch, self._commands_wait = writing, verbs, batch, commands_wait
        self._memory = Memory()
        self._catalogue: Catalogue | None = None
        self._reached = Position(0)  # where the position stood when memory and catalogue were last true

    def append(self, inputs: Sequence[Input]) -> list[Appended]:
        """Make inputs durable. An input that the log already holds keeps its place."""
        with self._writing() as unit:
            return append(unit, inputs)

    def publish(
        self, facts: Sequence[ReferenceFact], key: Callable[[ReferenceFact], str], tick_after: timedelta = timedelta(0)
    ) -> int:
        """Append the reference facts that are not in force as they are; how many those were. A tick only if the one before is
        longer ago than `tick_after`: of several who ask, one notes it.

        A fact that was replaced and comes back is published anew, so its identity is its content and its place among the
        facts, not its content alone.
        """
        with self._writing() as unit:
            are_decisions = all(isinstance(fact, SessionDecided) for fact in facts)  # which are always new
            catalogue = Catalogue() if are_decisions else catalogue_at(unit)
            count = unit.log.head(Stream.REFERENCE).records
            new = [fact for fact in facts if not is_in_force(catalogue, fact) and not _is_early(catalogue, fact, tick_after)]
            bodies = [encode(fact) for fact in new]
            places = [str(count + index).encode() for index in range(len(new))]
            records = zip(new, bodies, places, strict=True)
            unit.log.append(
                Stream.REFERENCE, [Record(digest(b"reference", body, at), key(fact), body) for fact, body, at in records]
            )
        return len(new)

    def pump(self, progress: Callable[[int], None] = lambda _: None) -> Counter[str]:
        """Process everything that waits; what happened, counted."""
        tally: Counter[str] = Counter()
        while processed := self._pump_batch(tally):
            progress(processed)
            if processed < self._batch:
                break
        return tally

    def pump_batch(self, limit: int, tally: Counter[str]) -> int:
        """Process so many of the inputs that wait, for who has other things to do in between; how many, 0 where none waits.
        What happened is added to the tally.
        """
        return self._pump_batch(tally, limit)

    def carry_out(self, command: Input, complete: Complete = lambda _, command: command) -> CarriedOut:
        """Append a command and process it in one transaction: one that fails leaves no trace, and cannot stop what follows.

        Messages are different: they are facts, and durable before anyone looks at them. `complete` may add to the command what
        only the transaction knows.
        """
        self.pump()
        tally: Counter[str] = Counter()
        place = [Position(0), Position(0)]

        def append_and_process(unit: Unit) -> int:
            [stands] = append(unit, [complete(unit, command)])
            processed = sum(iter(lambda: self._process(unit, tally), 0))
            until = unit.log.head(Stream.CONCLUSIONS).position
            place[:] = [stands.position if stands.is_new else until, until]
            return processed

        self._guarded(append_and_process)
        return CarriedOut(tally, *place)

    def catalogue(self) -> Catalogue:
        """The reference facts in force at the position that was reached."""
        if self._catalogue is None:
            with self._writing() as unit:
                return self._known_catalogue(unit)
        return self._catalogue

    def memory(self, states: States) -> Memory:
        """What is remembered, where the states that are read stand at the same position; else nothing is."""
        return self._memory if states.position(CONSUMER) == self._reached else Memory()

    def _pump_batch(self, tally: Counter[str], limit: int | None = None) -> int:
        """A batch, in one transaction. Where we fail on messages of it, in smaller ones: few others are done again for each."""
        poisoned: dict[Position, Poisoned] = {}
        most = limit or self._batch
        processed, size = 0, most

        def demand_and_process(unit: Unit) -> int:
            self._demand_position(unit)
            return self._process(unit, tally, size, poisoned)

        while processed < most:
            size = min(size, most - processed)
            try:
                done = self._guarded(demand_and_process)
            except Poisoned as mistake:  # a message that was noted goes into quarantine as it is tried again
                if poisoned.get(mistake.position) is not mistake:
                    raise
                size = max(1, size // 2)
                continue
            processed += done
            if done < size:
                break
            size *= 2
        return processed

    def _demand_position(self, unit: Unit) -> None:
        """Raises PositionChanged where it was moved past us: a command that was carried out would be carried out again."""
        position = unit.states.position(CONSUMER)
        if position and position == self._reached:
            return
        demand_proven(CONSUMER, OFFICE, position, proven(unit.log))
        if not self._commands_wait and position < (last := unit.log.head(Stream.COMMANDS).position):
            raise PositionChanged(CONSUMER, OFFICE, position, f"command {last} was carried out")

    def _guarded(self, work: Callable[[Unit], int]) -> int:
        """Work in one transaction; what it remembered is dropped with the transaction if it fails."""
        catalogue, reached = self._catalogue, self._reached
        try:
            with self._writing() as unit:
                processed = work(unit)
        except Poisoned:  # the facts in force are what they were
            self._forget()
            self._catalogue, self._reached = catalogue, reached
            raise
        except BaseException:
            self._forget()
            raise
        self._memory.forget(closed=True)
        return processed

    def _process(
        self, unit: Unit, tally: Counter[str], limit: int | None = None, poisoned: dict[Position, Poisoned] | None = None
    ) -> int:
        """One batch. Raises Poisoned, and notes the message on which the steps fail, where that is new."""
        position = unit.states.position(CONSUMER)
        if position != self._reached:
            self._forget()
            self._reached = position
        inputs = unit.log.read(INPUTS, position, limit or self._batch)
        if not inputs:
            return 0
        batch = Batch(unit, self._verbs, self._memory, self._known_catalogue(unit))
        try:
            batch.run(inputs, poisoned or {})
        except Poisoned as mistake:
            is_message = any(each.position == mistake.position and each.stream is Stream.RAW for each in inputs)
            if poisoned is not None and is_message:
                poisoned.setdefault(mistake.position, mistake)
            raise
        batch.save_states()
        unit.states.move(CONSUMER, position, inputs[-1].position)
        self._catalogue, self._reached = batch.catalogue, inputs[-1].position
        tally.update(batch.tally)
        return len(inputs)

    def _forget(self) -> None:
        self._memory.forget()
        self._catalogue, self._reached = None, Position(0)

    def _known_catalogue(self, unit: Unit) -> Catalogue:
        if self._catalogue is None:
            self._catalogue = catalogue_at(unit, unit.states.position(CONSUMER))
        return self._catalogue


def _is_early(catalogue: Catalogue, fact: ReferenceFact, tick_after: timedelta) -> bool:
    return isinstance(fact, ClockTicked) and catalogue.ticked is not None and fact.at < catalogue.ticked + tick_after


def append(unit: Unit, inputs: Sequence[Input]) -> list[Appended]:
    """Append inputs in order inside a unit; neighbours of one stream go in one batch."""
    appended: list[Appended] = []
    pending: list[Record] = []
    for index, (stream, key, value) in enumerate(inputs):
        body = encode(value)
        pending.append(Record(digest(b"event", body), key, body))
        if index + 1 == len(inputs) or inputs[index + 1].stream is not stream:
            appended += unit.log.append(stream, pending)
            pending = []
    return appended


def catalogue_at(unit: Unit, position: Position | None = None) -> Catalogue:
    """The reference facts up to a position, or all of them, folded."""
    return catalogue_in(unit.office, position)


def catalogue_in(office: Log, position: Position | None = None) -> Catalogue:
    """As `catalogue_at`, of the log in which they stand."""
    catalogue, after = Catalogue(), Position(0)
    while facts := office.read((Stream.REFERENCE,), after, 1000):
        for stored in facts:
            if position is not None and stored.position > position:
                return catalogue
            catalogue = with_fact(catalogue, decode(stored.body))  # type: ignore[arg-type]
        after = facts[-1].position
    return catalogue
