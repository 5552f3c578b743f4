"""Replay: fold the inputs again into an empty store, and show that everything that follows from them is the same.

Compared are, record by record and in order: canonical events, conclusions (sessions, verdicts, rated charges, invoices), and
journal entries, each with the input that it follows from. The first difference is shown as two values and a position.
`digests` are for comparing two stores whose inputs came in another order: they do not depend on the order of the log.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Engine

from ledger.balances import balances_digest, entries_digest
from ledger.sql_store import SqlLedger
from streams.embedded_runtime import CONSUMER, EmbeddedRuntime
from streams.log import INPUTS, Appended, BrokenLink, Head, Log, Record, Stored, Stream
from streams.sql_states import SqlStates
from streams.sqlite_log import SqliteLog
from streams.unit import Unit
from vocabulary.codec import decode, encode
from vocabulary.identity import Position
from wattbook.database import reading, writing
from wattbook.wiring import VERBS, App, Store, database_in, unit_on

DERIVED = (Stream.EVENTS, Stream.CONCLUSIONS)
_CHUNK = 1000


class Derived(NamedTuple):
    """One thing that follows from an input. `position` is where it stands in its own stream, counted from 1."""

    what: str
    position: int
    cause: Position
    body: bytes


class Difference(Struct, frozen=True, kw_only=True):
    """The first place where the replay is not what is stored; None: nothing stands there."""

    what: str
    position: int
    input: int
    stored: str | None
    replayed: str | None


class Replay(Struct, frozen=True, kw_only=True):
    """What was replayed. `digest` is over everything compared, in order; `difference` None: identical."""

    inputs: int
    events: int
    conclusions: int
    entries: int
    digest: str
    difference: Difference | None


class ReplayLog:
    """A log whose inputs are those of another one: what follows from them is written to `derived` and read back from there."""

    def __init__(self, inputs: Log, derived: Log, until: Position) -> None:
        self._inputs, self._derived, self._until = inputs, derived, until

    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]:
        assert stream not in INPUTS, "a replay adds no inputs"
        return self._derived.append(stream, records)

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]:
        if set(streams) <= set(INPUTS):
            return [stored for stored in self._inputs.read(streams, after, limit) if stored.position <= self._until]
        return self._derived.read(streams, after, limit)

    def head(self, stream: Stream) -> Head:
        return self._derived.head(stream)

    def verify(self, stream: Stream) -> Head | BrokenLink:
        return self._derived.verify(stream)


def derived(log: Log, stream: Stream) -> Iterator[Derived]:
    """A derived stream of a store, in order."""
    after, place = Position(0), 0
    while chunk := log.read((stream,), after, _CHUNK):
        for stored in chunk:
            place += 1
            yield Derived(stream, place, stored.cause, stored.body)
        after = chunk[-1].position


def compare(stored: Iterator[Derived], replayed: Iterator[Derived], seal: "Seal") -> Difference | None:
    """The first difference of two sequences; everything that agrees goes into the seal."""
    for ours, theirs in zip_longest(stored, replayed):
        if ours != theirs:
            place = ours or theirs
            return Difference(
                what=place.what, position=place.position, input=place.cause, stored=_text(ours), replayed=_text(theirs)
            )
        seal.add(ours)
    return None


class Seal:
    """A running digest over what was compared, and how much that was."""

    def __init__(self) -> None:
        self._hash, self.count = sha256(), 0

    def add(self, item: Derived) -> None:
        self._hash.update(len(item.body).to_bytes(8, "big") + item.cause.to_bytes(8, "big") + item.body)
        self.count += 1

    def hex(self) -> str:
        return self._hash.hexdigest()


def _text(item: Derived | None) -> str | None:
    return None if item is None else item.body.decode()


def replay(app: App) -> Replay:
    """Fold the inputs that were processed again, in a temporary database, and compare what follows from them."""
    with tempfile.TemporaryDirectory(prefix="wattbook-replay-") as folder, app.reading() as store:
        until = store.states.position(CONSUMER)
        engine = database_in(Path(folder))
        try:
            inputs = _replay_into(engine, store.log, until)
            with reading(engine) as connection:
                return _compared(store, Store(SqliteLog(connection), SqlStates(connection), SqlLedger(connection)), inputs)
        finally:
            engine.dispose()


def _replay_into(engine: Engine, inputs: Log, until: Position) -> int:
    """Run the runtime over another log's inputs; how many there were."""

    @contextmanager
    def unit() -> Iterator[Unit]:
        with writing(engine) as connection:
            whole = unit_on(connection)
            yield whole._replace(log=ReplayLog(inputs, whole.log, until))

    count = 0

    def add(processed: int) -> None:
        nonlocal count
        count += processed

    EmbeddedRuntime(unit, VERBS).pump(add)
    return count


def _compared(stored: Store, replayed: Store, inputs: int) -> Replay:
    seal, counts, difference = Seal(), [], None
    for ours, theirs in zip(_derived(stored), _derived(replayed), strict=True):
        before = seal.count
        difference = difference or compare(ours, theirs, seal)
        counts.append(seal.count - before)
    events, conclusions, entries = counts
    return Replay(
        inputs=inputs, events=events, conclusions=conclusions, entries=entries, digest=seal.hex(), difference=difference
    )


def _derived(store: Store) -> tuple[Iterator[Derived], ...]:
    return (*(derived(store.log, stream) for stream in DERIVED), _entries(store))


def _entries(store: Store) -> Iterator[Derived]:
    for booked in store.ledger.entries():
        yield Derived("entry", booked.number, Position(booked.cause), encode(booked.entry))


def digests(store: Store) -> dict[str, str]:
    """By kind: SHA-256 over the sorted contents, whatever the order in which they were concluded."""
    found: dict[str, list[bytes]] = {}
    for item in derived(store.log, Stream.CONCLUSIONS):
        found.setdefault(type(decode(item.body)).__name__, []).append(sha256(item.body).digest())
    by_kind = {kind: sha256(b"".join(sorted(bodies))).hexdigest() for kind, bodies in sorted(found.items())}
    return by_kind | {
        "Entry": entries_digest(booked.entry for booked in store.ledger.entries()),
        "Balance": balances_digest(store.ledger.balances()),
    }
