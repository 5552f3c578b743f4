"""Several partitions of the raw topic through the steps, each in a lane of its own (`streams.pump.Lanes`).

One transaction per batch: reference facts that are new since the lane's last batch, then the messages, and with all that
follows from them the position, moved by compare-and-set. Who does not own the lane any more writes nothing.

    raw          the next message of the partition                          moves with every batch
    reference    the last reference fact that the lane has taken up         moves when there are new ones
    states       the last event that the saved states know                  moves when they are saved

States are kept in memory and saved every `SAVE_EVERY` batches, when there are many, and when there is nothing else to do: a
session's state grows with each of its samples, and writing it with each would cost more than all the rest. What is in the
log of events beyond the saved states is stepped again where another process takes over: at most that many batches.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from streams.batch import Batch
from streams.batch_parts import Message
from streams.catalogue import Catalogue, with_fact
from streams.log import Record, Stored, Stream
from streams.memory import Memory
from streams.mistakes import Poisoned
from streams.partition_count import note_partitions
from streams.places import OFFICE, Lane, Offset, Partition, Taken, lane_of, offset_of, place_of, position_of
from streams.proven import demand_proven, demand_saved, note_saved, proven
from streams.pump import Fenced, Gap
from streams.raw_records import Poison, misplaced, poison, quarantined, raw_message
from streams.states import PositionMoved
from streams.topic_identity import TopicIdentity, TopicMadeAnew, TopicWatch, adopt_topic
from streams.unit import Unit, Verbs
from vocabulary.charging import RawMessage
from vocabulary.codec import ReferenceFact, decode, encode
from vocabulary.identity import Position, digest
from vocabulary.quarantine import QuarantineReason
from vocabulary.reference import ReferenceTaken


class PutAside(NamedTuple):
    """A record that went to quarantine, or all of a batch, from its first offset on."""

    offset: Offset
    records: int
    reason: QuarantineReason


TellQuarantined = Callable[[Partition, Sequence[PutAside]], None]
OpenLane = Callable[[Lane], AbstractContextManager[Unit]]

RAW, REFERENCE, STATES = "raw", "reference", "states"  # consumers
SAVE_EVERY = 50  # batches
SAVE_BEYOND = 20_000  # states
GLANCE_EVERY_MS = 2000  # between batches, whether the topic is still the same
_PAGE = 1000


class _Owned:
    """What is remembered of a lane between batches; true as long as the stored position is `raw`."""

    def __init__(self, lane: Lane) -> None:
        self.lane, self.memory = lane, Memory()
        self.raw: Position | None = None  # None: nothing is remembered, the next batch recovers
        self.reference = self.states = Position(0)
        self.batches_unsaved = 0
        self.has_noted_partitions = False

    def forget(self) -> None:
        self.memory.forget()
        self.raw, self.batches_unsaved = None, 0

    @property
    def is_saved(self) -> bool:
        return self.batches_unsaved == 0

    @property
    def must_save(self) -> bool:
        return self.batches_unsaved >= SAVE_EVERY or self.memory.unsaved > SAVE_BEYOND


class SteppedLanes:
    """`streams.pump.Lanes` over units of a database. `tally` counts what happened, over all lanes.

    `partitions` of the topic: a record that is not in the partition of its key goes to quarantine. None: that is not looked at.
    `topic`: a lane goes on only in the topic in which it was. None: that is not looked at. `quarantined` is told after each
    batch, once it is durable, what of it was put aside.
    """

    def __init__(
        self,
        open_lane: OpenLane,
        verbs: Verbs,
        partitions: int | None = None,
        topic: TopicWatch | None = None,
        quarantined: TellQuarantined | None = None,
    ) -> None:
        self._open, self._verbs, self._partitions = open_lane, verbs, partitions
        self._topic, self._quarantined = topic, quarantined
        self._owned: dict[Partition, _Owned] = {}
        self._catalogues: dict[Position, Catalogue] = {Position(0): Catalogue()}
        self._processed_since_settling = False
        self._topics: dict[Partition, str] = {}  # which topic each lane was of, when it was ours last
        self._taken_up: dict[TopicIdentity, list[Partition]] = {}  # and not told yet: all that come together are one line
        self._glanced_ms: int | None = None
        self.tally: Counter[str] = Counter()

    def assigned(self, partition: Partition) -> Offset:
        owned, found = _Owned(lane_of(partition)), self._topic.ask() if self._topic else None
        with self._open(owned.lane) as unit:
            raw = unit.states.position(RAW)
            _demand_positions(unit, owned.lane, raw)
            if self._topic and found and adopt_topic(unit.states, partition, found, may_be_another=not raw):
                self._taken_up.setdefault(found, []).append(partition)
            self._owned[partition] = owned
            self._topics[partition] = found.id if found else ""
            owned.reference = unit.states.position(REFERENCE)
            if unit.states.position(STATES) < unit.log.head(Stream.EVENTS).position:
                owned.batches_unsaved = 1  # the one before us saved nothing at its end: `settle` does, if no message comes
            return next_offset(raw)

    def revoked(self, partition: Partition) -> None:
        self._tell_what_was_taken_up()
        owned = self._owned.pop(partition, None)
        if owned is not None and owned.raw is not None and not owned.is_saved:
            try:
                self._batch(owned, (), save=True)
            except PositionMoved:
                owned.forget()

    def process(self, partition: Partition, records: Sequence[Taken], may_skip: bool = False) -> Offset:
        owned = self._owned[partition]
        self._processed_since_settling = True
        self._tell_what_was_taken_up()
        if self._topic:
            self._demand_same_topic(self._topic.ask())
        poisoned: dict[Position, Poisoned] = {}
        left, size = records, len(records)
        while True:
            try:
                reached = self._batch(owned, left[:size], may_skip=may_skip, poisoned=poisoned)
            except Poisoned as mistake:  # in smaller batches, few others are done again for each
                if mistake.position in poisoned or mistake.position not in _positions(records):
                    raise
                poisoned[mistake.position] = mistake
                size = max(1, size // 2)
                continue
            except PositionMoved as moved:
                raise Fenced(partition) from moved
            left, size = left[size:], size * 2
            if not left:
                return reached

    def settle(self) -> None:
        """Save what is unsaved where nothing else was to be done; take up reference facts where there are new ones."""
        self._tell_what_was_taken_up()
        idle, self._processed_since_settling = not self._processed_since_settling, False
        if self._topic and self._is_time_to_glance():
            self._demand_same_topic(self._topic.glance())
        if not self._owned:
            return
        with self._open(OFFICE) as unit:
            published = unit.office.head(Stream.REFERENCE).position
        for partition, owned in self._owned.items():
            if owned.reference < published or (idle and not owned.is_saved):
                try:
                    self._batch(owned, (), save=idle)
                except PositionMoved as moved:
                    raise Fenced(partition) from moved

    def _tell_what_was_taken_up(self) -> None:
        if self._topic and self._taken_up:
            told, self._taken_up = self._taken_up, {}
            for found, partitions in told.items():
                self._topic.say(partitions, found)

    def _demand_same_topic(self, found: TopicIdentity | None) -> None:
        """Records that were read before the answer are of the topic that was taken up, if the answer is its id.

        So it is asked with the records of each batch in hand: an answer of before says nothing of them. None: the brokers did
        not tell.
        """
        for partition, known in self._topics.items():
            if found and found.id and known and found.id != known:
                raise TopicMadeAnew(partition, known, found)

    def _is_time_to_glance(self) -> bool:
        now = self._topic.now_ms() if self._topic else 0
        if self._glanced_ms is not None and now - self._glanced_ms < GLANCE_EVERY_MS:
            return False
        self._glanced_ms = now
        return True

    def _batch(
        self,
        owned: _Owned,
        records: Sequence[Taken],
        may_skip: bool = False,
        save: bool = False,
        poisoned: dict[Position, Poisoned] | None = None,
    ) -> Offset:
        """One transaction; what it left in memory is dropped with it if it fails."""
        work = _Work(owned, self._verbs, self._catalogues, self._partitions)
        try:
            with self._open(owned.lane) as unit:
                work.begin(unit)
                work.messages(records, may_skip, poisoned or {})
                work.end(save)
        except BaseException:
            owned.forget()
            raise
        work.committed()
        self.tally.update(work.tally)
        if work.put_aside and self._quarantined:
            self._quarantined(records[0].partition, work.put_aside)
        return next_offset(work.raw)


class _Work:
    """One batch of one lane, inside its transaction."""

    def __init__(self, owned: _Owned, verbs: Verbs, catalogues: dict[Position, Catalogue], partitions: int | None) -> None:
        self._owned, self._verbs, self._catalogues, self._partitions = owned, verbs, catalogues, partitions
        self.tally: Counter[str] = Counter()
        self.put_aside: list[PutAside] = []
        self._did_save = False

    def begin(self, unit: Unit) -> None:
        """Read the position, recover where it is not the one that is remembered, and take up what is new of reference facts."""
        self._unit, states = unit, unit.states
        self._before = self.raw = states.position(RAW)
        if self.raw != self._owned.raw:
            self._owned.forget()
            self._owned.reference, self._owned.states = states.position(REFERENCE), states.position(STATES)
        self.reference, self.states = self._owned.reference, self._owned.states
        self._batch = Batch(unit, self._verbs, self._owned.memory, self._catalogue())
        if self._owned.raw is None:
            _demand_positions(unit, self._owned.lane, self.raw)
            self._recover()
        self._take_up_reference()

    def messages(self, records: Sequence[Taken], may_skip: bool, poisoned: dict[Position, Poisoned]) -> None:
        """Decode, step and conclude the records that are new; what cannot be is put into quarantine."""
        messages: list[Message] = []
        for at, taken in self._new(records, may_skip):
            read = raw_message(taken) if at not in poisoned else poison(poisoned[at].error)
            if isinstance(read, RawMessage) and self._partitions is not None:
                read = misplaced(taken, self._partitions) or read
            if isinstance(read, RawMessage):
                messages.append(Message(read, at))
            else:
                self._quarantine(taken, read)
        self._batch.messages(messages)
        self._batch.flush()

    def end(self, save: bool) -> None:
        """Save the states if it is time, and move the positions."""
        states, owned = self._unit.states, self._owned
        if save or owned.must_save or self._batch.must_save:
            self._batch.save_states()
            events = self._unit.log.head(Stream.EVENTS).position
            if events != self.states:
                states.move(STATES, self.states, events)
                note_saved(states, owned.lane, events)
            self.states, self._did_save = events, True
        if self.raw != self._before:
            states.move(RAW, self._before, self.raw)
            self._note_partitions()
        self.tally += self._batch.tally

    def committed(self) -> None:
        owned = self._owned
        owned.raw, owned.reference, owned.states = self.raw, self.reference, self.states
        is_behind = bool(owned.batches_unsaved or owned.memory.unsaved or self.tally["events"])  # an event may change no state
        owned.batches_unsaved = 0 if self._did_save or not is_behind else owned.batches_unsaved + 1
        owned.memory.forget(closed=True)
        owned.has_noted_partitions |= self.raw != self._before
        self._catalogues[self.reference] = self._batch.catalogue

    def _note_partitions(self) -> None:
        if self._partitions is not None and not self._owned.has_noted_partitions:
            note_partitions(self._unit.states, self._partitions)

    def _new(self, records: Sequence[Taken], may_skip: bool) -> Iterator[tuple[Position, Taken]]:
        """The records beyond the position, which moves on, each with its own; they must be without a gap."""
        expected = next_offset(self.raw)
        for taken in records:
            if taken.first > expected and not may_skip:
                raise Gap(taken.partition, expected, taken.first)
            if taken.offset >= expected:
                self.raw, expected = position_of(taken.partition, taken.offset), Offset(taken.offset + 1)
                yield self.raw, taken

    def _quarantine(self, taken: Taken, why: Poison) -> None:
        body = encode(quarantined(taken, why))
        at = position_of(taken.partition, taken.offset)
        record = Record(
            digest(b"quarantine", at.to_bytes(8, "big"), body), (taken.key or b"").decode(errors="replace"), body, at
        )
        self._unit.log.append(Stream.QUARANTINE, [record])
        count = taken.offset - taken.first + 1
        self.tally[f"quarantined: {why.reason}"] += count
        self.put_aside.append(PutAside(taken.first, count, why.reason))

    def _recover(self) -> None:
        """Step the saved states on by the events that they do not know yet."""
        after = self.states
        while events := self._unit.log.read((Stream.EVENTS,), after, _PAGE):
            self._batch.remember(events)
            self.tally["recovered events"] += len(events)
            after = events[-1].position

    def _take_up_reference(self) -> None:
        """Fold in what was published since, and conclude what waited for it; and record from which message on it holds."""
        before = self.reference
        if self.raw == 0 and before == 0:  # nothing can wait for it in a lane that has seen no message
            self.reference = self._unit.office.head(Stream.REFERENCE).position
            self._batch.catalogue = self._catalogue()
        else:
            while facts := self._unit.office.read((Stream.REFERENCE,), self.reference, _PAGE):
                self._batch.run(facts)
                self.reference = facts[-1].position
        if self.reference != before:
            self._unit.states.move(REFERENCE, before, self.reference)
            self._note_reference()

    def _note_reference(self) -> None:
        next_place, lane = place_of(self.raw) if self.raw else (0, self._owned.lane)
        taken = ReferenceTaken(partition=lane - 1, offset=next_place, until=self.reference)
        body = encode(taken)
        self._unit.log.append(
            Stream.CONCLUSIONS, [Record(digest(b"event", body), f"partition:{taken.partition}", body, self.reference)]
        )

    def _catalogue(self) -> Catalogue:
        """The facts up to the one that the lane has taken up. Lanes stand at the same one, but for moments."""
        known = self._catalogues.get(self.reference)
        if known is None:
            below = max(at for at in self._catalogues if at < self.reference)
            known, after = self._catalogues[below], below
            while facts := _until(self._unit.office.read((Stream.REFERENCE,), after, _PAGE), self.reference):
                for stored in facts:
                    known = with_fact(known, _fact(stored))
                after = facts[-1].position
            self._catalogues[self.reference] = known
        for old in sorted(self._catalogues)[1:-8]:
            del self._catalogues[old]
        return known


def _demand_positions(unit: Unit, lane: Lane, raw: Position) -> None:
    """Raises PositionChanged where one of them was moved past wattbook. Asked where nothing of the lane is remembered."""
    demand_proven(RAW, lane, raw, proven(unit.log, lambda cause: place_of(cause)[1] == lane))
    demand_saved(STATES, unit.states, lane)


def _until(facts: Sequence[Stored], last: Position) -> list[Stored]:
    return [stored for stored in facts if stored.position <= last]


def _fact(stored: Stored) -> ReferenceFact:
    return decode(stored.body)  # type: ignore[return-value]


def next_offset(raw: Position | None) -> Offset:
    """The offset after a position in a lane; 0 before the first message."""
    return Offset(offset_of(raw)[1] + 1) if raw else Offset(0)


def _positions(records: Sequence[Taken]) -> set[Position]:
    return {position_of(taken.partition, taken.offset) for taken in records}
