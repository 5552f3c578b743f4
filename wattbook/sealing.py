"""The sealer: reads topics in order, chains their records, writes signed checkpoints to PostgreSQL and to the topic `seals`.

    topics ──▶ streams.seals.follow ──▶ a checkpoint is due ──▶ table seal ──▶ topic seals ──▶ go on
                                                                 (the fence)    (for auditors without a database)

A checkpoint is due after so many records, or so many seconds after the first one that none holds yet. Nothing is remembered
beside the checkpoints: after a crash the sealer reads again from the last one in the database. If that was not published, it
is published first; the same line twice in the topic counts once. At most one checkpoint of a partition is between table and
topic at any time, so none before the last one can be missing there.

What must not be sealed over stops the sealer: a topic that ends before its last checkpoint, or no longer holds what comes after
it; and a topic `seals` with checkpoints that the database does not have, which `restore` takes up from there.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple, Protocol, Self

from sqlalchemy import Engine

from streams.held_back import held_back
from streams.kafka_client import Admin, BrokerUnavailable, KafkaOptions, Publisher, Reader
from streams.kafka_following import TopicReader
from streams.kafka_topics import TOPICS
from streams.log import LogError
from streams.places import Bounds, Offset, Partition, Taken
from streams.seal_verdicts import arrange
from streams.seals import Chain, NotASeal, Seal, chain_from, checkpoint, follow, read, seal
from streams.sql_seals import SqlSeals
from wattbook.database import DatabaseAway, reading, writing
from wattbook.seal_key import KNOWN_FILE, PublicKeys, SealKey

SEALS = "seals"
SEALED = tuple(topic for topic in TOPICS if topic != SEALS)
RECORDS_MAX = 10_000
SECONDS_MAX = 60

_POLL_RECORDS = 2_000
_WAIT_S = 0.2
_TAIL = 1_000  # lines of each partition of the topic `seals` that are compared with the database at the start
_TIMEOUT_S_MAX = 5  # so that the process ends in time while the brokers are away
_AGAIN_AFTER_S = 5

Place = tuple[str, Partition]  # full name of a topic, and a partition of it


class Due(NamedTuple):
    """When a checkpoint is written: after `records`, or `seconds` after the first of them."""

    records: int = RECORDS_MAX
    seconds: int = SECONDS_MAX


class Say(Protocol):
    """Is told what an operator should read."""

    def __call__(self, event: str, /, **facts: object) -> None: ...


class SealsBroken(LogError):
    """The sealer will not go on from what it finds; the message says where, and what to do."""


class Sealer:
    """Not for several threads at once. After anything was raised it is to be thrown away."""

    def __init__(self, engine: Engine, options: KafkaOptions, key: SealKey, topics: Sequence[str], due: Due, say: Say) -> None:
        """`topics`: without their prefix."""
        self._engine, self._key, self._due, self._say = engine, key, due, say
        self._options = replace(options, timeout_s=min(options.timeout_s, _TIMEOUT_S_MAX))
        self._topics = [options.topic(topic) for topic in topics]
        self._chains: dict[Place, Chain] = {}
        self._since: dict[Place, int] = {}  # monotonic ns at which the first record came that is in no checkpoint
        self._readers: list[TopicReader] = []

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._publisher = Publisher(self._options)
            opened.callback(self._publisher.close)
            for topic in self._topics:
                self._readers.append(reader := TopicReader(self._options, topic))
                opened.callback(reader.close)
            self._begin()
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def run(self, is_wanted: Callable[[], bool]) -> None:
        """Seal what comes for as long as it is wanted, and at the end what has come."""
        while is_wanted():
            self._pass()
            self._write(self._overdue())
        self._write(self._begun())

    def once(self) -> dict[str, dict[Partition, int]]:
        """Seal all that the topics hold now, but what open transactions hold back: how much, by topic and partition."""
        ends = [reader.end() for reader in self._readers]
        while not all(reader.has_come_to(end) for reader, end in zip(self._readers, ends, strict=True)):
            self._pass()
        self._write(self._begun())
        with Admin(self._options) as admin:
            held = {reader.topic: held_back(admin, reader) for reader in self._readers}
        return {topic: partitions for topic, partitions in held.items() if partitions}

    # Where to go on

    def _begin(self) -> None:
        places = [(reader.topic, partition) for reader in self._readers for partition in reader.partitions]
        published = self._published(places)  # before the database: that one is never behind
        latest = self._latest(places)
        self._check(published, latest)
        self._publish(known for place, known in latest.items() if known.line not in published[place])
        self._chains = {place: chain_from(latest[place]) if place in latest else Chain(*place) for place in places}
        for reader in self._readers:
            reader.go_on_from(self._next_offsets(reader))

    def _published(self, places: Iterable[Place]) -> dict[Place, dict[bytes, int]]:
        """The checkpoints at the end of the topic, each with its number."""
        found: dict[Place, dict[bytes, int]] = {place: {} for place in places}
        with TopicReader(self._options, self._options.topic(SEALS)) as reader:
            for one in map(read_or_none, reader.tails(_TAIL)):
                place = (one.checkpoint.topic, Partition(one.checkpoint.partition)) if one else None
                if one and place in found and self._key.known.is_genuine(one.checkpoint.key, one.signed, one.signature):
                    found[place][one.line] = one.checkpoint.number
        return found

    def _latest(self, places: Iterable[Place]) -> dict[Place, Seal]:
        """The last checkpoint of each partition that has any in the database."""
        with reading(self._engine) as connection:
            lines = {place: SqlSeals(connection).latest(*place) for place in places}
        return {place: self._believed(place, line) for place, line in lines.items() if line is not None}

    def _believed(self, place: Place, line: bytes) -> Seal:
        """Only what a key of this home has signed: whoever can write to the database can put anything there."""
        try:
            found = read(line)
        except NotASeal as error:
            raise SealsBroken(f"the table seal was changed: {error}: restore it from a backup") from error
        at = found.checkpoint
        what = f"checkpoint {at.number} of {_name(*place)}"
        if at.key not in self._key.known.fingerprints:
            raise SealsBroken(
                f"{what} is said to be signed by the key {at.key}, which is none of this home's. If it is an earlier one "
                f"of yours, append its public half to {KNOWN_FILE} in the home (`openssl pkey -in FILE -pubout` prints it); if "
                "not, the table seal was changed: restore it from a backup"
            )
        if not self._key.known.is_genuine(at.key, found.signed, found.signature):
            raise SealsBroken(f"the table seal was changed: {what} is not genuine: restore it from a backup")
        if (at.topic, at.partition) != place:
            of = _name(at.topic, at.partition)
            raise SealsBroken(f"the table seal was changed: {what} is one of {of}: restore it from a backup")
        return found

    def _check(self, published: Mapping[Place, Mapping[bytes, int]], latest: Mapping[Place, Seal]) -> None:
        """What the database lost stands at the end of the topic: its backup was made at one moment, and all that was published
        later comes after all that was published before.
        """
        for place, lines in published.items():
            known, newest = latest[place].checkpoint.number if place in latest else 0, max(lines.values(), default=0)
            if newest > known:
                raise SealsBroken(
                    f"the topic {SEALS} holds checkpoint {newest} of {_name(*place)}, the database {known or 'none'}: it is "
                    "another one, or was restored from an older backup; in that case run `wattbook seal restore`"
                )

    def _next_offsets(self, reader: TopicReader) -> dict[Partition, Offset]:
        beginning, end = reader.beginning(), reader.end()
        found = {}
        for partition in reader.partitions:
            chain = self._chains[reader.topic, partition]
            if chain.number and not beginning[partition] <= chain.next <= end[partition]:
                raise SealsBroken(
                    f"{_name(reader.topic, partition)} is sealed up to offset {chain.next - 1}, but "
                    f"{Bounds(beginning[partition], end[partition]).shown}: it was made anew, cut off, or "
                    "deleted from before it was sealed. See `wattbook audit verify --topic`; then restore the topic, or "
                    "give the new records a WATTBOOK_KAFKA_PREFIX of their own"
                )
            found[partition] = chain.next if chain.number else beginning[partition]
        return found

    # Following

    def _pass(self) -> None:
        """What each topic has now; waits a little where none has anything."""
        came = False
        for reader in self._readers:
            for partition, records in reader.poll(_POLL_RECORDS, 0).items():
                self._take((reader.topic, partition), records)
                came = True
        if not came:
            time.sleep(_WAIT_S)

    def _take(self, place: Place, records: Sequence[Taken]) -> None:
        """A checkpoint stands after every so many records, however they come."""
        while records:
            chain = self._chains[place]
            if not chain.records:
                self._since[place] = time.monotonic_ns()
            room = self._due.records - chain.records
            chain = self._chains[place] = follow(chain, records[:room])
            records = records[room:]
            if chain.records == self._due.records:
                self._write([place])

    def _begun(self) -> list[Place]:
        """Partitions with records that no checkpoint holds."""
        return [place for place, chain in self._chains.items() if chain.records]

    def _overdue(self) -> list[Place]:
        latest = time.monotonic_ns() - self._due.seconds * 10**9
        return [place for place in self._begun() if self._since[place] <= latest]

    # Writing

    def _write(self, places: Sequence[Place]) -> None:
        """A checkpoint of each, first in the database, where only one sealer can write it, then in the topic."""
        if not places:
            return
        now = datetime.now(UTC)
        seals = {place: seal(checkpoint(self._chains[place], now, self._key.fingerprint), self._key.sign) for place in places}
        with writing(self._engine) as connection:
            SqlSeals(connection).add([*seals.values()])
        self._publish(seals.values())
        for place, written in seals.items():
            self._chains[place] = chain_from(written)
            at = written.checkpoint
            self._say("sealed", topic=at.topic, partition=at.partition, number=at.number, last=at.last, records=at.records)

    def _publish(self, seals: Iterable[Seal]) -> None:
        for one in seals:
            at = one.checkpoint
            key = _name(at.topic, Partition(at.partition)).encode()
            self._publisher.send(self._options.topic(SEALS), Partition(at.partition), key, one.line)
        self._publisher.flush()


def seal_for_ever(make: Callable[[], Sealer], is_wanted: Callable[[], bool], say: Say) -> None:
    """Run sealers, one after the other where the brokers or the database go away, until it is not wanted.

    An outage is told once when it begins, however often it is tried again, and once when it is over.
    """
    waits = False
    while is_wanted():
        try:
            with make() as sealer:
                if waits:
                    waits = False
                    say("seal_goes_on")
                sealer.run(is_wanted)
        except (BrokerUnavailable, DatabaseAway) as error:
            if not waits:
                say("seal_waits", because=str(error))
            waits = True
            until = time.monotonic() + _AGAIN_AFTER_S
            while is_wanted() and time.monotonic() < until:
                time.sleep(_WAIT_S)


def restore(engine: Engine, options: KafkaOptions, keys: PublicKeys) -> int:
    """Take up into the database the genuine checkpoints of the topic that it lacks, where they go on from its own; how many."""
    restored = 0
    with TopicReader(options, options.topic(SEALS)) as topic:
        partitions = topic.partitions
    for partition in partitions:
        with Reader(options, options.topic(SEALS), partition) as reader:
            batches = reader.to_end(Offset(0))
            seals = [one for records in batches for one in map(read_or_none, records) if one]
        for name in dict.fromkeys(one.checkpoint.topic for one in seals):
            restored += _restore(engine, keys, name, partition, [s.line for s in seals if s.checkpoint.topic == name])
    return restored


def _restore(engine: Engine, keys: PublicKeys, topic: str, partition: Partition, lines: Sequence[bytes]) -> int:
    with writing(engine) as connection:
        table = SqlSeals(connection)
        stored = table.lines(topic, partition)
        together = arrange(topic, partition, [*stored, *lines], keys.is_genuine)
        if together.breaks:
            first = together.breaks[0]
            raise SealsBroken(
                f"{_name(topic, partition)}: the checkpoints of topic and database do not go together: {first.fault} "
                f"(number {first.number}); nothing of this partition was restored: see `wattbook audit verify --topic`"
            )
        new = [one for one in together.seals if one.line not in set(stored)]
        if new:
            table.add(new)
    return len(new)


def read_or_none(taken: Taken) -> Seal | None:
    """The checkpoint of a record of the topic; what else stands there is the auditor's business."""
    try:
        return read(taken.value or b"")
    except NotASeal:
        return None


def _name(topic: str, partition: int) -> str:
    return f"{topic}/{partition}"
