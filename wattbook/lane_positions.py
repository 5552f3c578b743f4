"""Whether the positions of lanes are where everything else says that they were: the log, the commands, and what states know.

    raw         not before the message of an event, of a record in quarantine, of a fact taken up, or of an invoice run
    reference   where the lane's log has noted it last
    states      where it was noted beside the states when they were saved
    steps       of the office: not before a command, which is processed as it is written

A position beyond what was processed needs no rule: the replay gives what the database lacks.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from streams.embedded_runtime import CONSUMER
from streams.lanes import RAW, REFERENCE, STATES, next_offset
from streams.log import Stream
from streams.places import OFFICE, Lane, Offset, Partition, lane_of, place_of, position_of
from streams.proven import proven, saved_until
from vocabulary.billing import InvoiceRunRequested
from vocabulary.codec import decode
from vocabulary.identity import Position
from wattbook.audit import Difference
from wattbook.lane_replay import Reached, records
from wattbook.wiring import Store


def moved_position(
    store: Store, ends: Mapping[Partition, Reached], marks: Mapping[Partition, Sequence[Reached]]
) -> Difference | None:
    """The first one that is not where it was."""
    reached = _reached_by_commands(store)
    nowhere = Reached(Offset(0), Position(0))  # a lane that a command found, and of which the position was removed
    lanes = (_of_lane(store, p, ends.get(p, nowhere), marks.get(p, ()), reached[p]) for p in sorted({*ends, *reached}))
    return next((found for differences in (_of_office(store), *lanes) for found in differences), None)


def _of_office(store: Store) -> Iterator[Difference]:
    found = store.states.position(CONSUMER)
    until = max(proven(store.log), store.log.head(Stream.COMMANDS).position)
    if found < until:
        yield _difference(CONSUMER, OFFICE, found, until, "the last command, which was carried out")


def _of_lane(
    store: Store, partition: Partition, end: Reached, marks: Sequence[Reached], reached: Offset
) -> Iterator[Difference]:
    lane = lane_of(partition)
    found = {consumer: store.states.positions(consumer).get(lane, Position(0)) for consumer in (RAW, STATES)}
    known = saved_until(store.states, lane)
    cause = proven(store.lanes[lane], lambda position: place_of(position)[1] == lane)
    until = max(next_offset(cause), reached, *(mark.offset for mark in marks))
    if end.offset < until:
        at = position_of(partition, Offset(until - 1))
        yield _difference(RAW, lane, found[RAW], at, f"offset {until - 1}, which was processed")
    noted = marks[-1].reference if marks else Position(0)
    if end.reference != noted:
        yield _difference(REFERENCE, lane, end.reference, noted, "the last fact that the lane has noted")
    if known is not None and found[STATES] != known:
        yield _difference(STATES, lane, found[STATES], known, "the event up to which the states were saved")


def _reached_by_commands(store: Store) -> Mapping[Partition, Offset]:
    """Where the lanes were, at least, when invoices were drawn up."""
    found: defaultdict[Partition, Offset] = defaultdict(lambda: Offset(0))
    for command in records(store.log, Stream.COMMANDS):
        run = decode(command.body)
        assert isinstance(run, InvoiceRunRequested)
        for each in run.reached:
            partition = Partition(each.partition)
            found[partition] = max(found[partition], Offset(each.offset))
    return found


def _difference(consumer: str, lane: Lane, found: Position, wanted: Position, why: str) -> Difference:
    return Difference(
        what=f"position {consumer} of lane", position=lane, input=0, stored=f"{found}", replayed=f"{wanted}: {why}"
    )
