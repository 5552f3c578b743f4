"""Replay on Kafka: fold the raw topic and the office's inputs again, and show that all that follows from them is the same.

First the inputs are looked at: the hash chains of the office's, the positions up to which they were processed, and whether the
topic is the one that was processed and still holds all of that. (What it holds is looked at by `audit verify --topic`.) Then
what follows is compared: in every lane events, conclusions and quarantine, in order; the indexes of sessions and documents; the
states; and the entries by their identity, since in which order lanes came to the ledger follows from no input. A worker that is
at work saves states now and then: of a lane they are compared if the stored ones know every event of it, and the result says of
which they were not.
"""

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from msgspec import structs
from sqlalchemy import Connection

from ledger.sql_store import SqlLedger
from streams.kafka_client import Admin, Reader
from streams.kafka_following import TopicReader
from streams.kafka_options import KafkaOptions
from streams.lanes import RAW, REFERENCE, next_offset
from streams.log import Stream
from streams.memory import session_key
from streams.places import OFFICE, Bounds, Lane, Offset, Partition, Taken, lane_of
from streams.raw_records import partition_of
from streams.sql_states import SqlStates
from streams.topic_identity import UNKNOWN, TopicIdentity, is_another, is_unknown, topic_of
from vocabulary.codec import encode
from vocabulary.identity import Position, SessionId, StationId
from wattbook.audit import (
    DERIVED,
    Derived,
    Difference,
    Replay,
    Seal,
    broken_chain,
    compare,
    derived,
    indexes,
    numbered,
    quarantined,
    unsaved,
)
from wattbook.database import reading, writing
from wattbook.lane_positions import moved_position
from wattbook.lane_replay import LaneReplay, Reached, ReadRaw, World, marks_of
from wattbook.wiring import App, Store, database_in, log_on, store_on

_AT_ONCE = 2000
_NOTHING = Bounds(Offset(0), Offset(0))


def replay_lanes(app: App) -> Replay:
    """As `wattbook.audit.replay`, where workers process the messages of a topic."""
    options, partitions = app.settings.kafka_options, app.settings.kafka_partitions
    with reading(app.engine) as stored:
        marked = _marked(stored, partitions)
        if (broken := _broken(options, store_on(stored, partitions), marked)) is not None:
            return Replay(inputs=0, events=0, conclusions=0, entries=0, digest=Seal().hex(), difference=broken)
        return replay_over(stored, _Raw(options), partitions, marked)


class Marked(NamedTuple):
    """How far each lane is, and where on the way it took up what was new of the office's facts."""

    ends: Mapping[Partition, Reached]
    marks: Mapping[Partition, Sequence[Reached]]


def _marked(stored: Connection, partitions: int) -> Marked:
    ends = _ends(stored, partitions)
    return Marked(ends, {partition: list(marks_of(log_on(stored, lane_of(partition)))) for partition in ends})


def replay_over(stored: Connection, read_raw: ReadRaw, partitions: int, marked: Marked | None = None) -> Replay:
    """Fold what is read again, and compare it with what is stored."""
    ends, marks = marked or _marked(stored, partitions)
    lanes = [OFFICE, *map(lane_of, ends)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wattbook-replay-")))
        world = _world(stack, folder, lanes)
        replay = LaneReplay(world, log_on(stored), read_raw, marks, ends, partitions)
        until = SqlStates(stored).position("steps")
        replay.run(until)
        inputs = replay.messages + _office_inputs(stored, until)
        return _compared(store_on(stored, partitions), world, lanes, inputs)


def _ends(stored: Connection, partitions: int) -> dict[Partition, Reached]:
    """How far each lane is in which anything was processed, or stands though nothing was."""
    ends = {}
    for partition in map(Partition, range(partitions)):
        states, log = SqlStates(stored, lane_of(partition)), log_on(stored, lane_of(partition))
        messages, facts = states.position(RAW), states.position(REFERENCE)
        if messages or facts or log.read(DERIVED, Position(0), 1):
            ends[partition] = Reached(next_offset(messages), facts)
    return ends


def _broken(options: KafkaOptions, store: Store, marked: Marked) -> Difference | None:
    """What keeps the inputs from being folded again, or was changed beside them."""
    return (
        broken_chain(store)
        or moved_position(store, marked.ends, marked.marks)
        or _moved_station(store.states)
        or _wrong_topic(options, store.states, marked.ends)
    )


def _moved_station(states: SqlStates) -> Difference | None:
    """Partitions were added to the topic while nobody looked at that, and a station went on in another lane."""
    if (found := states.in_two_lanes()) is None:
        return None
    station, first, second = found
    shown = f"sessions of {station} closed in the partitions {first - 1} and {second - 1}"
    return _of_topic(Partition(second - 1), shown, "a station stays in one partition: see `OtherPartitions` in docs/errors.md")


def _wrong_topic(options: KafkaOptions, states: SqlStates, ends: Mapping[Partition, Reached]) -> Difference | None:
    """What the topic lacks is told as that, and not as events that follow from nothing."""
    name, processed = options.topic("raw"), {partition: reached.offset for partition, reached in ends.items() if reached.offset}
    if not processed:
        return None
    with Admin(options) as admin, TopicReader(options, name) as reader:
        found, held = TopicIdentity(admin.topic_id(name), name), reader.bounds()
    for partition, until in processed.items():
        known, bounds = topic_of(states, partition), held.get(partition, _NOTHING)
        if is_unknown(known, found):
            return _of_topic(partition, f"{name} has the id {found.id}", UNKNOWN)
        if is_another(known, found):
            return _of_topic(partition, f"{name} has the id {found.id}", f"the topic with the id {known.id} was processed")
        if gone := bounds.gone(until):
            why = f"{gone} are gone: restore the topic's records from a copy"
            return _of_topic(partition, f"{name}/{partition} {bounds.shown}", why)
    return None


def _of_topic(partition: Partition, stored: str, replayed: str) -> Difference:
    return Difference(what="raw topic, partition", position=partition, input=0, stored=stored, replayed=replayed)


def _world(stack: ExitStack, folder: Path, lanes: Sequence[Lane]) -> World:
    logs: dict[Lane, Connection] = {}
    for lane in lanes:
        place = folder / str(lane)
        place.mkdir()
        engine = database_in(place)
        stack.callback(engine.dispose)
        logs[lane] = stack.enter_context(writing(engine))
    return World(logs[OFFICE], logs)


class _Raw:
    """The raw topic, read again."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options

    def __call__(self, partition: Partition, start: Offset, end: Offset) -> Iterator[Sequence[Taken]]:
        if start >= end:
            return
        with Reader(self._options, self._options.topic("raw"), partition) as reader:
            for records in reader.to_end(start, _AT_ONCE):
                wanted = [taken for taken in records if taken.offset < end]
                yield wanted
                if len(wanted) < len(records) or (wanted and wanted[-1].offset == end - 1):
                    return


def _office_inputs(stored: Connection, until: Position) -> int:
    log, after, count = log_on(stored), Position(0), 0
    while page := log.read((Stream.REFERENCE, Stream.COMMANDS), after, _AT_ONCE):
        count += sum(each.position <= until for each in page)
        after = page[-1].position
    return count


def _compared(stored: Store, world: World, lanes: Sequence[Lane], inputs: int) -> Replay:
    seal, difference, counts = Seal(), None, dict.fromkeys(DERIVED, 0)
    for lane in lanes:
        for stream in DERIVED:
            before = seal.count
            ours, theirs = derived(stored.lanes[lane], stream), derived(world.log(lane), stream)
            difference = difference or _in_lane(lane, compare(ours, theirs, seal))
            counts[stream] += seal.count - before
    before = seal.count
    difference = difference or compare(_entries(stored.ledger), _entries(SqlLedger(world.shared)), seal)
    entries = seal.count - before
    left_out = unsaved(stored)
    for ours, theirs in _rest(stored, world, left_out):
        difference = difference or compare(ours, theirs, seal)
    return Replay(
        inputs=inputs,
        events=counts[Stream.EVENTS],
        conclusions=counts[Stream.CONCLUSIONS],
        entries=entries,
        digest=seal.hex(),
        difference=difference,
        unsaved=left_out,
        quarantined=quarantined(stored.lanes[lane] for lane in lanes),
    )


def _in_lane(lane: Lane, found: Difference | None) -> Difference | None:
    return found if found is None or lane == OFFICE else structs.replace(found, partition=Partition(lane - 1))


def _entries(ledger: SqlLedger) -> Iterator[Derived]:
    """By identity, with what they follow from."""
    found = sorted((b.entry.id, b.cause, encode(b.entry)) for b in ledger.entries())
    for number, (_, cause, body) in enumerate(found, start=1):
        yield Derived("entry", number, Position(cause), body)


def _rest(
    stored: Store, world: World, left_out: Collection[Partition]
) -> Iterator[tuple[Iterator[Derived], Iterator[Derived]]]:
    """What is kept beside log and books, stored and replayed."""
    replayed, partitions = SqlStates(world.shared), len(stored.lanes) - 1
    yield from zip(indexes(stored.states, stored.log), indexes(replayed, world.log(OFFICE)), strict=True)
    ours, theirs = (_without(left_out, partitions, states) for states in (stored.states, replayed))
    yield numbered(ours), numbered(theirs)


def _without(left_out: Collection[Partition], partitions: int, states: SqlStates) -> Iterator[tuple[str, bytes]]:
    """The states, but for those of stations in partitions that are left out."""
    following = states.following()
    while page := list(islice(following, _AT_ONCE)):
        stations = _stations(states, [key for key, _ in page]) if left_out else {}
        for key, body in page:
            if key not in stations or partition_of(stations[key].encode(), partitions) not in left_out:
                yield key, body


def _stations(states: SqlStates, keys: Sequence[str]) -> dict[str, StationId]:
    """By key, whose state it is; the office's are nobody's."""
    sessions = [SessionId(key.removeprefix("session:")) for key in keys if key.startswith("session:")]
    of_sessions = {session_key(session): row.station for session, row in states.rows(sessions).items()}
    of_stations = {
        key: StationId(key.partition(":")[2]) for key in keys if key.startswith(("station:", "meters:", "reservations:"))
    }
    of_records = {key: StationId(key.split(":", 2)[2]) for key in keys if key.startswith("signed:")}
    return of_sessions | of_stations | of_records
