"""The relay's bookkeeping: in order, each record once, whatever is lost between two pages."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain, pairwise
from random import Random
from threading import Event

import pytest

from ledger.books import Booked
from streams.chain import EMPTY
from streams.log import Head, LogUnusable, Stored, Stream
from streams.parts import PART_BYTES_MAX, Joining, part_in
from streams.places import OFFICE, Lane, Offset, Partition, Taken, position
from vocabulary.billing import Entry
from vocabulary.identity import EventId, Position
from vocabulary.money import Currency
from vocabulary.sessions import ChargingSession, SessionRated
from wattbook.database import DatabaseAway, open_database, writing
from wattbook.publishing import _alone
from wattbook.relaying import JOURNAL, PAGE, Parcel, Relay, Tail, place_in, tail_of

PARTITIONS = 3
BODY = b'{"type":"reference.taken","partition":0,"offset":0,"until":0}'
AT = datetime(2026, 10, 1, tzinfo=UTC)


class Lost(Exception):
    """The relay is gone, at whatever moment."""


class Topics:
    """What brokers hold: records by topic and partition. After `takes` more records it is over with the relay."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, Partition], list[Parcel]] = {}
        self.takes: int | None = None

    def send(self, topic: str, parcels: Sequence[Parcel]) -> None:
        """Each partition takes its records in order; where it breaks off, some partitions have more than others."""
        for partition in sorted({parcel.partition for parcel in parcels}, reverse=True):
            for parcel in (p for p in parcels if p.partition == partition):
                if self.takes == 0:
                    raise Lost
                self.takes = None if self.takes is None else self.takes - 1
                self.held.setdefault((topic, partition), []).append(parcel)

    def last(self, topic: str, partition: Partition) -> Tail | None:
        held = self.taken(topic, partition)
        return tail_of(topic, held[-1]) if held else None

    def taken(self, topic: str, partition: Partition) -> list[Taken]:
        return [
            Taken(partition, Offset(offset), parcel.key, parcel.value, tuple(parcel.headers), 0)
            for offset, parcel in enumerate(self.held.get((topic, partition), []))
        ]

    def places(self, topic: str, partition: Partition) -> list[int]:
        """Of the records, as a reader joins their parts."""
        joining, found = Joining(), []
        for taken in self.taken(topic, partition):
            if joined := joining.take(taken):
                assert joined.taken.value == BODY or topic == JOURNAL
                found.append(place_in(joined.taken.headers))
        return found


class Written:
    """A database's outbox, as lists."""

    def __init__(self) -> None:
        self.stored: dict[tuple[Lane, Stream], list[Stored]] = {}
        self.booked: list[Booked] = []

    def heads(self) -> dict[tuple[Lane, Stream], Head]:
        return {key: Head(len(records), records[-1].position, EMPTY.link) for key, records in self.stored.items() if records}

    def records(self, lane: Lane, stream: Stream, after: Position, limit: int) -> list[Stored]:
        return [stored for stored in self.stored.get((lane, stream), []) if stored.position > after][:limit]

    def entries(self, after: int, limit: int) -> list[Booked]:
        return self.booked[after : after + limit]

    def closed(self, rated: SessionRated, at: Position) -> ChargingSession:
        raise AssertionError(rated, at)

    def write(self, lane: Lane, stream: Stream, count: int) -> None:
        records = self.stored.setdefault((lane, stream), [])
        for _ in range(count):
            at = position(len(records) + 1, lane)
            records.append(
                Stored(
                    at,
                    stream,
                    at.to_bytes(32, "big"),
                    "CS",
                    BODY,
                    Position(0),
                    b"",
                )
            )

    def book(self, lanes: Sequence[Lane]) -> None:
        for lane in lanes:
            number = len(self.booked) + 1
            entry = Entry(
                id=EventId(f"{number:064x}"),
                kind="rated",
                subject="s",
                version=1,
                effective_at=AT,
                currency=Currency("EUR"),
                postings=(),
            )
            self.booked.append(Booked(number, entry, position(number, lane), AT, b""))


def drained(topics: Topics, written: Written, bytes_max: int = PART_BYTES_MAX) -> Relay:
    relay = Relay(topics.send, topics.last, PARTITIONS, bytes_max)
    while relay.publish(written):
        pass
    return relay


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("bytes_max", [PART_BYTES_MAX, 25], ids=["whole", "in parts"])
def test_a_relay_that_is_lost_at_any_record_and_begun_again_publishes_each_record_once_in_order(
    seed: int, bytes_max: int
) -> None:
    random, topics, written = Random(seed), Topics(), Written()
    for _ in range(12):
        written.write(
            Lane(random.randint(1, PARTITIONS)), random.choice([Stream.EVENTS, Stream.CONCLUSIONS]), random.randint(0, 40)
        )
        written.write(OFFICE, Stream.REFERENCE, random.randint(0, 3))
        written.book([Lane(random.randint(0, PARTITIONS)) for _ in range(random.choice([0, 5, PAGE + 3]))])
        topics.takes = random.randint(0, 1500)
        try:
            drained(topics, written, bytes_max)
        except Lost:
            continue
    topics.takes = None
    drained(topics, written, bytes_max)
    for (lane, stream), records in written.stored.items():
        partition = Partition(0 if lane == OFFICE else lane - 1)
        assert topics.places(stream.value, partition) == [r.position for r in records], f"seed {seed}"
    journal = [topics.places(JOURNAL, Partition(partition)) for partition in range(PARTITIONS)]
    assert sorted(chain.from_iterable(journal)) == [booked.number for booked in written.booked], f"seed {seed}"
    assert all(places == sorted(places) for places in journal)
    if bytes_max == PART_BYTES_MAX:
        repeats = [p for parcels in topics.held.values() for one, p in pairwise(parcels) if p.place <= one.place]
        assert repeats == [], "whole records stand there once"


def test_a_partition_that_ends_in_the_middle_of_a_record_gets_all_of_it_again() -> None:
    topics, written = Topics(), Written()
    written.write(Lane(1), Stream.EVENTS, 2)
    topics.takes = 5
    with pytest.raises(Lost):
        drained(topics, written, 25)
    tail = topics.last("events", Partition(0))
    assert tail is not None and tail.whole_to == position(2, Lane(1)) - 1
    topics.takes = None
    assert drained(topics, written, 25).published == {"events": 1}, "records are counted, not their parts"
    parts = [part_in(parcel.headers).number for parcel in topics.held["events", Partition(0)]]
    assert parts == [1, 2, 3, 1, 2, 1, 2, 3]
    assert topics.places("events", Partition(0)) == [position(1, Lane(1)), position(2, Lane(1))]


def test_a_key_that_is_longer_than_any_of_ours_is_cut_between_two_characters() -> None:
    topics, written = Topics(), Written()
    written.write(Lane(1), Stream.QUARANTINE, 1)
    [stored] = written.stored[Lane(1), Stream.QUARANTINE]
    written.stored[Lane(1), Stream.QUARANTINE] = [stored._replace(key="\ufffd" * 6_000_000)]
    drained(topics, written)
    [parcel] = topics.held["quarantine", Partition(0)]
    assert parcel.key == ("\ufffd" * 1365).encode()


def test_an_entry_goes_to_the_partition_of_what_caused_it_and_those_of_the_office_to_the_first() -> None:
    topics, written = Topics(), Written()
    written.book([Lane(2), OFFICE, Lane(1)])
    drained(topics, written)
    assert [p.place for p in topics.held[JOURNAL, Partition(1)]] == [1]
    assert [p.place for p in topics.held[JOURNAL, Partition(0)]] == [2, 3]


def test_what_is_there_already_is_not_published_again() -> None:
    topics, written = Topics(), Written()
    written.write(Lane(1), Stream.EVENTS, 5)
    assert drained(topics, written).published == {"events": 5}
    assert drained(topics, written).published == {}


FORGED = b"0" * 64
NO_RECORDS_OF_THE_RELAY: list[list[tuple[str, bytes]]] = [
    [],
    [("id", FORGED)],
    [("place", b"")],
    [("place", b"abc")],
    [("place", b"-1")],
    [("place", b"9" * 5000)],
    [("place", b"9" * 19)],
    [("place", b"4097"), ("parts", b"2")],
    [("place", b"4097"), ("part", b"one"), ("parts", b"2")],
]


@pytest.mark.parametrize("headers", NO_RECORDS_OF_THE_RELAY)
def test_a_last_record_that_says_no_place_is_not_gone_on_from(headers: list[tuple[str, bytes]]) -> None:
    topics, written = Topics(), Written()
    topics.held["events", Partition(1)] = [Parcel(0, Partition(1), b"CS", BODY, headers)]
    with pytest.raises(LogUnusable, match=r"topic events, partition 1, ends at offset 0 .* Somebody else publishes there"):
        drained(topics, written)


@pytest.mark.parametrize("stream", [Stream.EVENTS, Stream.CONCLUSIONS, Stream.QUARANTINE])
def test_a_forged_record_at_the_place_of_a_head_makes_the_relay_leave_out_nothing(stream: Stream) -> None:
    topics, written = Topics(), Written()
    written.write(Lane(1), stream, 3)
    drained(topics, written)
    written.write(Lane(1), stream, 2)
    forge(topics, stream.value, position(5, Lane(1)))
    with pytest.raises(
        LogUnusable, match=rf"topic {stream}, partition 0, ends at offset 3 .* at place {position(5, Lane(1))}\."
    ):
        drained(topics, written)


def test_a_forged_entry_and_a_copy_of_another_partitions_entry_are_not_gone_on_from() -> None:
    for identity in (FORGED, b"%064x" % 3):
        topics, written = Topics(), Written()
        written.book([Lane(1), Lane(1), Lane(2)])
        drained(topics, written)
        forge(topics, JOURNAL, 3, identity)
        with pytest.raises(LogUnusable, match=r"topic journal, partition 0, ends at offset 2 .* at place 3\."):
            drained(topics, written)


def forge(topics: Topics, topic: str, place: int, identity: bytes = FORGED) -> None:
    headers = [("place", b"%d" % place), ("id", identity), ("cause", b"0")]
    topics.held[topic, Partition(0)].append(Parcel(place, Partition(0), b"CS", BODY, headers))


def test_a_topic_that_is_further_than_the_database_is_not_published_to() -> None:
    topics, written = Topics(), Written()
    written.write(Lane(1), Stream.EVENTS, 5)
    drained(topics, written)
    restored = Written()
    restored.write(Lane(1), Stream.EVENTS, 3)
    with pytest.raises(LogUnusable, match="restored from an older backup"):
        drained(topics, restored)


def test_a_relay_whose_connection_breaks_tells_of_the_database(database: str) -> None:
    """It holds a lock by that connection, and has nothing to give back then."""
    engine = open_database(database, create=True)
    lines: list[str] = []
    with pytest.raises(DatabaseAway), _alone(engine, Event(), lambda event, **_: lines.append(event)) as is_held:  # noqa: PT012 - it breaks within
        assert is_held()
        with writing(engine) as other:
            ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            other.exec_driver_sql(f"{ours} AND pid <> pg_backend_pid()")
        is_held()
    assert lines == []
    engine.dispose()
