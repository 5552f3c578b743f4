"""The relay: publish what stands in the database to the topics, in order, each record once.

    lane p + 1   events, conclusions, quarantine  ──▶  the topics of these names, partition p
                 rated sessions' final costs      ──▶  station-messages, partition p: frames for a CSMS to send
    lane 0       reference, commands              ──▶  the topics of these names, partition 0
                 conclusions (issued documents)   ──▶  documents, partition 0
    ledger       entries, in order of number      ──▶  journal, the partition of what caused them

The database is the outbox: what was committed is published, and nothing else. How far the relay came is read off the topics
themselves: the last record of each partition says its place. So a crash loses nothing, and what a broker took without the
relay hearing of it is not published again, unless it arrives after the tail was read: a reader passes over a record whose
place is not higher than the highest before it. One relay at a time, by a lock in the database that dies with its connection.
A last record is believed if the database has its id at its place: anybody else's would make the relay leave out records.

What is longer than a broker takes goes in parts (`streams.parts`). A partition that ends in the middle of them has come to the
record before, and gets all of them again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ledger.books import Booked
from streams.chain import EMPTY
from streams.log import Head, LogUnusable, Stored, Stream
from streams.parts import PART_BYTES_MAX, Part, cut, headers_of, part_in
from streams.places import OFFICE, Lane, Offset, Partition, Taken, lane_of, place_of
from vocabulary.codec import decode, encode
from vocabulary.identity import Position
from vocabulary.money import plain
from vocabulary.sessions import ChargingSession, SessionRated
from wattbook.cost_frames import cost_frame, message_name
from wattbook.costs import Cost

PAGE = 1000
_DOCUMENTS_PAGE = 20  # one may hold a year of a fleet
_PLACE_DIGITS_MAX = 18  # what the database can be asked for
_KEY_BYTES_MAX = 2**12  # only in quarantine a key is longer, where somebody produced it so; the value tells its length
JOURNAL, STATION_MESSAGES, DOCUMENTS = "journal", "station-messages", "documents"


class Feed(NamedTuple):
    """What goes to one partition of a topic."""

    lane: Lane
    stream: Stream
    topic: str
    partition: Partition


class Parcel(NamedTuple):
    """A record on its way. `place`: a reader knows repeats by it."""

    place: int
    partition: Partition
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Tail(NamedTuple):
    """The last record of a topic's partition, as its headers tell. `id` None: it tells none.

    `whole_to`: up to which place the partition holds all that belongs there.
    """

    offset: Offset
    place: int
    id: bytes | None
    whole_to: int


class Outbox(Protocol):
    """One moment of the database. `closed` is the session that a rating is of."""

    def heads(self) -> dict[tuple[Lane, Stream], Head]: ...

    def records(self, lane: Lane, stream: Stream, after: Position, limit: int) -> list[Stored]: ...

    def entries(self, after: int, limit: int) -> list[Booked]: ...

    def closed(self, rated: SessionRated, at: Position) -> ChargingSession:
        """The session as it was closed before it was rated there: it may have been closed again since."""
        ...


Send = Callable[[str, Sequence[Parcel]], None]
"""Publish to a topic; returns when all in-sync replicas have all of it, raises when one has not."""

LastOf = Callable[[str, Partition], Tail | None]
"""The last record that a topic's partition holds; None where it is empty. Raises LogUnusable where it is not from the relay."""


class Relay:
    """`publish` sends what is new; call it again and again. `published` counts, by topic. `bytes_max`: of a part's value."""

    def __init__(self, send: Send, last: LastOf, partitions: int, bytes_max: int = PART_BYTES_MAX) -> None:
        self._send, self.published, self._bytes_max = send, Counter[str](), bytes_max
        self._tails = {feed: last(feed.topic, feed.partition) for feed in feeds(partitions)}
        self._entry_tails = {Partition(p): last(JOURNAL, Partition(p)) for p in range(partitions)}
        self._reached = {feed: Position(tail.whole_to if tail else 0) for feed, tail in self._tails.items()}
        self._journal = {partition: tail.whole_to if tail else 0 for partition, tail in self._entry_tails.items()}
        # Pages are sent one after the other, so before the last one nothing is missing in any partition.
        self._entry = max(0, max(self._journal.values()) - PAGE)

    def publish(self, outbox: Outbox) -> int:
        """A page of each feed at most; how many records."""
        heads = outbox.heads()
        self._demand_nothing_beyond(heads)
        self._demand_own_tails(outbox)
        behind = [
            feed for feed, reached in self._reached.items() if heads.get((feed.lane, feed.stream), EMPTY).position > reached
        ]
        return self._publish_journal(outbox) + sum(self._publish_feed(feed, outbox) for feed in behind)

    def _demand_nothing_beyond(self, heads: Mapping[tuple[Lane, Stream], Head]) -> None:
        """A topic that is further than the database tells of another past; publishing on would mix the two."""
        for feed, reached in self._reached.items():
            if reached > heads.get((feed.lane, feed.stream), EMPTY).position:
                raise LogUnusable(
                    f"topic {feed.topic}, partition {feed.partition}, ends at place {reached}, which the database does not "
                    "hold: it was restored from an older backup, or is another one; a new WATTBOOK_KAFKA_PREFIX gives it topics"
                )

    def _demand_own_tails(self, outbox: Outbox) -> None:
        """Once: what was published since is ours."""
        for feed, tail in self._tails.items():
            if tail and _record_id(feed, tail, outbox) != tail.id:
                raise another_publishes(feed.topic, feed.partition, tail.offset, _not_stored(tail))
        for partition, tail in self._entry_tails.items():
            if tail and _entry_id(partition, tail, outbox) != tail.id:
                raise another_publishes(JOURNAL, partition, tail.offset, _not_stored(tail))
        self._tails, self._entry_tails = {}, {}

    def _publish_feed(self, feed: Feed, outbox: Outbox) -> int:
        page = _DOCUMENTS_PAGE if feed.topic == DOCUMENTS else PAGE
        found = outbox.records(feed.lane, feed.stream, self._reached[feed], page)
        if feed.topic == STATION_MESSAGES:
            self._publish(feed.topic, [p for stored in found if (p := _final_cost(stored, feed.partition, outbox)) is not None])
        else:
            self._publish(feed.topic, [_parcel(stored, feed.partition) for stored in found])
        self._reached[feed] = found[-1].position if found else self._reached[feed]
        return len(found)

    def _publish_journal(self, outbox: Outbox) -> int:
        entries = outbox.entries(self._entry, PAGE)
        parcels = [_entry_parcel(booked) for booked in entries]
        self._publish(JOURNAL, [parcel for parcel in parcels if parcel.place > self._journal[parcel.partition]])
        self._journal |= {parcel.partition: max(parcel.place, self._journal[parcel.partition]) for parcel in parcels}
        self._entry = entries[-1].number if entries else self._entry
        return len(entries)

    def _publish(self, topic: str, parcels: Sequence[Parcel]) -> None:
        if parcels:
            self._send(topic, [part for parcel in parcels for part in in_parts(parcel, self._bytes_max)])
            self.published[topic] += len(parcels)


def feeds(partitions: int) -> list[Feed]:
    """All that is published but the journal, for topics of that many partitions."""
    return [*_feeds_of_lanes(partitions), *_feeds_of_office()]


def place_in(headers: Iterable[tuple[str, bytes]]) -> int:
    """The place that a published record says. Raises ValueError where it says none: nobody but the relay may publish there."""
    for name, value in headers:
        if name == "place":
            if value and value.isdigit() and len(value) <= _PLACE_DIGITS_MAX:
                return int(value)
            raise ValueError("its header `place` is no place")
    raise ValueError("it is without the header `place`")


def tail_of(topic: str, taken: Taken) -> Tail:
    """What the last record of a partition tells. Raises LogUnusable where it is not from the relay."""
    try:
        place, part = place_in(taken.headers), _readable_part_in(taken.headers)
    except ValueError as error:
        raise another_publishes(topic, taken.partition, taken.offset, str(error)) from error
    return Tail(taken.offset, place, dict(taken.headers).get("id"), place if part.is_last else place - 1)


def _readable_part_in(headers: Iterable[tuple[str, bytes]]) -> Part:
    try:
        return part_in(headers)
    except (ValueError, KeyError, TypeError):
        raise ValueError("its headers `part` and `parts` cannot be read") from None


def another_publishes(topic: str, partition: Partition, offset: Offset, why: str) -> LogUnusable:
    return LogUnusable(
        f"topic {topic}, partition {partition}, ends at offset {offset} with a record that is not from the relay: {why}. "
        "Somebody else publishes there, or the topics are those of another database; nobody but the relay may, and a new "
        "WATTBOOK_KAFKA_PREFIX gives it topics of its own"
    )


def in_parts(parcel: Parcel, bytes_max: int) -> list[Parcel]:
    """The parcel, or its parts where its value is longer than that."""
    pieces = cut(parcel.value, bytes_max)
    parts = [Part(number, len(pieces)) for number in range(1, len(pieces) + 1)]
    return [
        parcel._replace(value=piece, headers=[*parcel.headers, *headers_of(part)])
        for piece, part in zip(pieces, parts, strict=True)
    ]


def _feeds_of_lanes(partitions: int) -> Iterable[Feed]:
    for number in range(partitions):
        partition = Partition(number)
        for stream in (Stream.EVENTS, Stream.CONCLUSIONS, Stream.QUARANTINE):
            yield Feed(lane_of(partition), stream, stream.value, partition)
        yield Feed(lane_of(partition), Stream.CONCLUSIONS, STATION_MESSAGES, partition)


def _feeds_of_office() -> Iterable[Feed]:
    for stream, topic in ((Stream.REFERENCE, "reference"), (Stream.COMMANDS, "commands"), (Stream.CONCLUSIONS, DOCUMENTS)):
        yield Feed(OFFICE, stream, topic, Partition(0))


def _record_id(feed: Feed, tail: Tail, outbox: Outbox) -> bytes | None:
    """What the header `id` of the record at that place says, by the database; None where it has none there."""
    found = outbox.records(feed.lane, feed.stream, Position(tail.place - 1), 1)
    return _id(found[0].id) if found and found[0].position == tail.place else None


def _entry_id(partition: Partition, tail: Tail, outbox: Outbox) -> bytes | None:
    """As `_record_id`; None too where the entry belongs to another partition."""
    found = [_entry_parcel(booked) for booked in outbox.entries(tail.place - 1, 1)]
    ids = [dict(parcel.headers)["id"] for parcel in found if (parcel.partition, parcel.place) == (partition, tail.place)]
    return ids[0] if ids else None


def _not_stored(tail: Tail) -> str:
    return f"the database does not hold its id at place {tail.place}"


def _parcel(stored: Stored, partition: Partition) -> Parcel:
    key = stored.key.encode()[:_KEY_BYTES_MAX].decode(errors="ignore").encode()  # cut between two characters
    return Parcel(stored.position, partition, key, stored.body, _headers(stored.position, stored.id, stored.cause))


def _final_cost(stored: Stored, partition: Partition, outbox: Outbox) -> Parcel | None:
    """The frame that tells a station what a session cost in the end; None where the record is no rating, or the station's
    transaction is not known.
    """
    rated = decode(stored.body)
    if not isinstance(rated, SessionRated):
        return None
    session = outbox.closed(rated, stored.position)
    if not session.transaction:
        return None
    name = message_name(rated.station, rated.session, plain(rated.rated.total), "final")
    frame = cost_frame(name, session.transaction, Cost(rated.rated, session, final=True))
    headers = [*_headers(stored.position, stored.id, stored.cause), ("protocol", session.protocol.encode())]
    return Parcel(stored.position, partition, rated.station.encode(), frame.encode(), headers)


def _entry_parcel(booked: Booked) -> Parcel:
    _, lane = place_of(Position(booked.cause))
    partition = Partition(0 if lane == OFFICE else lane - 1)
    headers = _headers(booked.number, bytes.fromhex(booked.entry.id), booked.cause)
    return Parcel(booked.number, partition, booked.entry.subject.encode(), encode(booked.entry), headers)


def _headers(place: int, identity: bytes, cause: int) -> list[tuple[str, bytes]]:
    return [("place", str(place).encode()), ("id", _id(identity)), ("cause", str(cause).encode())]


def _id(identity: bytes) -> bytes:
    """As a header."""
    return identity.hex().encode()
