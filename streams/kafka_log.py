"""The log in one partition of Kafka's topics, under the log port: one topic per stream, one link per record.

    position   offset + 1 in the partition's lane (streams.places); each topic counts for itself
    id, cause  headers `id` (64 hex digits) and `cause` (decimal); a record of the raw topic is known by its content
    place      header of what the relay publishes: a record whose place is not higher than the highest before
               is a repeat after a crash of the relay, and is passed over here; one that came in parts (streams.parts)
               is joined, and stands where its last part does
    link       is computed on reading: a broker keeps none

For auditors, and for small topics with one writer. Idempotence by id needs to know every id: what is called first on a stream
reads its partition once from the beginning, and some 200 bytes per record stay in memory. Raw messages are not appended here:
whoever has them produces them (`streams.raw_records`), each as often as he likes, and workers know repeats by their content,
with the index of the database.

What a broker cannot promise, and logs in one database do, stands in streams.log.
"""

from collections.abc import Sequence

from streams.chain import EMPTY, Placed, follow
from streams.dedup import admit
from streams.kafka_client import Publisher, Reader
from streams.kafka_options import KafkaOptions
from streams.log import Appended, BrokenLink, Head, LogUnusable, Record, Stored, Stream
from streams.parts import Joined, Joining
from streams.places import LANES_MAX, Offset, Partition, Taken, lane_of, position, position_of
from streams.raw_records import Poison, quarantined, raw_message
from vocabulary.codec import encode
from vocabulary.identity import Position, digest

_AT_ONCE = 2_000


class KafkaLog:
    """`close` it. Streams other than raw are appended to by nobody else meanwhile, but by the relay, and then not from here."""

    def __init__(self, options: KafkaOptions, partition: Partition) -> None:
        self._options, self._partition = options, partition
        self._publisher: Publisher | None = None
        self._chains: dict[Stream, _Chain] = {}

    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]:
        if stream is Stream.RAW:
            raise LogUnusable("raw messages are not appended to Kafka's log: produce them as streams.raw_records has them")
        if not records:
            return []
        chain = self._chain(stream)
        held = {record.id: chain.placed(record.id) for record in records if record.id in chain.places}
        answers, fresh = admit(stream, records, held, position(chain.end, lane_of(self._partition)), step=LANES_MAX)
        self._publish(stream, fresh)
        return answers

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]:
        assert limit >= 0 and len(set(streams)) <= 1, "topics have no order among them: read one stream at a time"
        return self._chain(streams[0]).read(after, limit) if streams else []

    def at(self, stream: Stream, position: Position) -> Stored | None:
        found = self._chain(stream).read(Position(position - 1), 1) if position > 0 else []
        return found[0] if found and found[0].position == position else None

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        return [stored for position in sorted(set(positions)) if (stored := self.at(stream, position)) is not None]

    def head(self, stream: Stream) -> Head:
        return self._chain(stream).head

    def verify(self, stream: Stream) -> Head | BrokenLink:
        """The head, computed anew. Broken is what is not as this object has read it before; seals remember for longer."""
        return self._chain(stream).verify()

    def close(self) -> None:
        for chain in self._chains.values():
            chain.close()
        if self._publisher:
            self._publisher.close()

    def _chain(self, stream: Stream) -> "_Chain":
        """The stream's chain as far as its topic goes now."""
        if stream not in self._chains:
            self._chains[stream] = _Chain(self._options, stream, self._partition)
        self._chains[stream].catch_up()
        return self._chains[stream]

    def _publish(self, stream: Stream, fresh: Sequence[Placed]) -> None:
        if not fresh:
            return
        self._publisher = self._publisher or Publisher(self._options)
        topic = self._options.topic(stream)
        sent = [
            self._publisher.send(topic, self._partition, record.key.encode(), record.body, _headers(record))
            for _, record in fresh
        ]
        self._publisher.flush()
        offset = Offset(sent[-1].value.offset)
        if position_of(self._partition, offset) != fresh[-1][0]:
            raise LogUnusable(
                f"{topic}/{self._partition}: somebody else appends to it: stop one of the two, then check its ids"
            )


class _Chain:
    """One stream's partition, as far as it was read: its links, and where each id stands."""

    def __init__(self, options: KafkaOptions, stream: Stream, partition: Partition) -> None:
        self._options, self._stream, self._partition = options, stream, partition
        self._reader = Reader(options, options.topic(stream), partition)
        self._links: dict[Position, bytes] = {}
        self._joining = Joining()
        self._first: dict[Position, Offset] = {}  # of the parts of a record that came in several
        self.places: dict[bytes, Position] = {}  # by id
        self.head, self.end = EMPTY, Offset(0)

    def catch_up(self) -> None:
        """Read on from where the last reading ended."""
        end = self._reader.end()
        if end < self.end:
            raise LogUnusable(
                f"{self._stream}/{self._partition}: ends at {end}, and held {self.end} records before: restore it"
            )
        if end > self.end:
            for records in self._reader.to_end(self.end, _AT_ONCE):
                self._follow(records)
            self.end = end

    def read(self, after: Position, limit: int) -> list[Stored]:
        """From the broker again; links from memory."""
        found: list[Stored] = []
        if limit == 0 or after >= self.head.position:
            return found
        joining = Joining()
        for records in self._reader.to_end(self._from(after), min(limit, _AT_ONCE)):
            whole = self._joined(joining, records)
            found += [stored for joined in whole if (stored := self._known(joined, after)) is not None]
            if len(found) >= limit or (found and found[-1].position >= self.head.position):
                break
        return found[:limit]

    def verify(self) -> Head | BrokenLink:
        anew = _Chain(self._options, self._stream, self._partition)
        try:
            anew.catch_up()
        finally:
            anew.close()
        for at, link in self._links.items():
            found = anew._links.get(at, anew.head.link)
            if found != link:
                return BrokenLink(self._stream, at, expected=found, found=link)
        return anew.head

    def placed(self, id_: bytes) -> Placed:
        [stored] = self.read(Position(self.places[id_] - 1), 1)
        return stored.position, Record(stored.id, stored.key, stored.body, stored.cause)

    def close(self) -> None:
        self._reader.close()

    def _follow(self, records: Sequence[Taken]) -> None:
        """Link each record that is no repeat to the one before."""
        for joined in self._joined(self._joining, records):
            taken = joined.taken
            at, record = position_of(taken.partition, taken.offset), _record(self._stream, taken)
            if joined.first != taken.offset:
                self._first[at] = joined.first
            [link] = follow(self._stream, self.head.link, [(at, record)])
            self.head = Head(self.head.records + 1, at, link)
            self._links[at] = link
            self.places.setdefault(record.id, at)

    def _joined(self, joining: Joining, records: Sequence[Taken]) -> list[Joined]:
        """What the relay published, whole and once. Other headers of raw messages than those of their format say nothing."""
        if self._stream is Stream.RAW:
            return [Joined(taken, taken.offset) for taken in records]
        return [joined for taken in records if (joined := joining.take(taken)) is not None]

    def _from(self, after: Position) -> Offset:
        """Where to begin to read what comes after a position: not between the parts of a record."""
        offset = _first_after(after, self._partition)
        return min([offset, *(first for at, first in self._first.items() if at > after and first < offset)])

    def _known(self, joined: Joined, after: Position) -> Stored | None:
        """None for a repeat, for what was not asked for, and for what came after the chain was followed."""
        at = position_of(joined.taken.partition, joined.taken.offset)
        link = self._links.get(at)
        return Stored(at, self._stream, *_record(self._stream, joined.taken), link) if link is not None and at > after else None


def _headers(record: Record) -> list[tuple[str, bytes]]:
    return [("id", record.id.hex().encode()), ("cause", str(record.cause).encode())]


def _record(stream: Stream, taken: Taken) -> Record:
    return _raw(taken) if stream is Stream.RAW else _appended(stream, taken)


def _raw(taken: Taken) -> Record:
    """A message as it stands in the stream of a database; one that cannot be worked on as what is quarantined of it."""
    read = raw_message(taken)
    if isinstance(read, Poison):
        body = encode(quarantined(taken, read))
        return Record(digest(b"quarantine", body), (taken.key or b"").decode(errors="replace"), body)
    body = encode(read)
    return Record(digest(b"event", body), read.station, body)


def _appended(stream: Stream, taken: Taken) -> Record:
    headers = dict(taken.headers)
    try:
        id_, cause = bytes.fromhex(headers["id"].decode()), Position(int(headers["cause"]))
        return Record(id_, (taken.key or b"").decode(), taken.value or b"", cause)
    except (KeyError, ValueError):
        where = f"{stream}/{taken.partition} at offset {taken.offset}"
        raise LogUnusable(f"{where}: a record without a readable id and cause: nobody but wattbook may produce here") from None


def _first_after(after: Position, partition: Partition) -> Offset:
    """The first offset whose position is beyond: at or one after the place of `after`, by the order of the lanes."""
    if after < position(1, lane_of(partition)):
        return Offset(0)
    place, lane = after // LANES_MAX, after % LANES_MAX
    return Offset(place if lane >= lane_of(partition) else place - 1)
