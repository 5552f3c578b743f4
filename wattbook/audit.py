"""Replay: fold the inputs again into an empty store, and show that everything that follows from them is the same.

First the inputs themselves are looked at: their hash chains, and whether the position up to which they were processed is the
position of one of them, beyond which nothing follows. Then are compared, one by one and in order: canonical events, conclusions
(sessions, verdicts, rated charges, invoices), what is in quarantine, and journal entries, each with the input that it follows
from; the indexes of sessions and documents, each row with the conclusions at which it points; and the states of the steps. The
first difference is shown as two values and a position.
`digests` are for comparing two stores whose inputs came in another order: they do not depend on the order of the log. But a
frame that was sent again is another input: it may give events and change a state where it concludes nothing new.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, json, msgpack, structs
from sqlalchemy import Engine

from ledger.balances import balances_digest, entries_digest
from streams.embedded_runtime import CONSUMER, EmbeddedRuntime
from streams.lanes import STATES
from streams.log import INPUTS, Appended, BrokenLink, Head, Log, Record, Stored, Stream
from streams.memory import as_written_today
from streams.places import OFFICE, Partition
from streams.row_conclusions import described, standing_at
from streams.sql_states import IndexRow, SqlStates
from streams.unit import Unit
from vocabulary.billing import InvoiceIssued
from vocabulary.codec import Event, decode, encode
from vocabulary.identity import Position, digest
from vocabulary.reference import ReferenceTaken, Sealed
from wattbook.database import reading, writing
from wattbook.wiring import VERBS, App, Store, database_in, store_on, unit_on

DERIVED = (Stream.EVENTS, Stream.CONCLUSIONS, Stream.QUARANTINE)
_CHUNK = 1000


class Derived(NamedTuple):
    """One thing that follows from inputs. `position` is where it stands in its own stream or in order of key, counted from 1;
    `cause` 0: it follows from more than one.

    `beside` is compared, and no part of digests: of a record its identity and key; of a row of an index its lane, and the
    conclusions at which it points.
    """

    what: str
    position: int
    cause: Position
    body: bytes
    beside: bytes = b""


class Difference(Struct, frozen=True, kw_only=True):
    """The first place where the replay is not what is stored; None: nothing stands there. `input` 0: not known.

    Of a chain or of the recorded position (`what`), `position` is the log's, and `replayed` is what it would have to be. Of a
    position of a lane it is the lane. Of the raw topic it is the partition, `stored` what the brokers have, and `replayed` what
    is not there. `partition`: of the raw topic, in whose lane it stands; None: it is the office's, or the log has no lanes.
    """

    what: str
    position: int
    input: int
    stored: str | None
    replayed: str | None
    partition: Partition | None = None


class Replay(Struct, frozen=True, kw_only=True):
    """What was replayed. `digest` is over everything compared, in order; `difference` None: identical.

    `unsaved`: partitions whose states were not compared, since the worker that steps them has not saved all of them.
    `quarantined`: messages of which nothing follows. `waiting`: inputs of one machine that are not processed yet, and were not
    replayed; of partitions, those are counted elsewhere (`wattbook.waiting`).
    """

    inputs: int
    events: int
    conclusions: int
    entries: int
    digest: str
    difference: Difference | None
    unsaved: tuple[Partition, ...] = ()
    quarantined: int = 0
    waiting: int = 0


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

    def at(self, stream: Stream, position: Position) -> Stored | None:
        return (self._inputs if stream in INPUTS else self._derived).at(stream, position)

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        return (self._inputs if stream in INPUTS else self._derived).pick(stream, positions)

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
            beside = f"{stored.id.hex()} of {stored.key}".encode(errors="surrogatepass")
            yield Derived(stream, place, stored.cause, stored.body, beside)
        after = chunk[-1].position


def compare(stored: Iterator[Derived], replayed: Iterator[Derived], seal: "Seal") -> Difference | None:
    """The first difference of two sequences; everything that agrees goes into the seal."""
    for ours, theirs in zip_longest(stored, replayed):
        if _today(ours) != _today(theirs):
            place = ours or theirs
            return Difference(
                what=place.what, position=place.position, input=place.cause, stored=_text(ours), replayed=_text(theirs)
            )
        assert ours is not None, "both ended together"
        seal.add(ours)
    return None


def _today(item: Derived | None) -> Derived | None:
    """Earlier versions wrote fewer fields of the same states."""
    if item is None or item.what != "state":
        return item
    key, _, body = item.body.partition(b"\0")
    return item._replace(body=key + b"\0" + as_written_today(body))


class Seal:
    """A running digest over what was compared, and how much that was. Conclusions are in it once, not again for each row that
    points at them.
    """

    def __init__(self) -> None:
        self._hash, self.count = sha256(), 0

    def add(self, item: Derived) -> None:
        self._hash.update(len(item.body).to_bytes(8, "big") + item.cause.to_bytes(8, "big") + item.body)
        self.count += 1

    def hex(self) -> str:
        return self._hash.hexdigest()


def _text(item: Derived | None) -> str | None:
    if item is None:
        return None
    if item.what != "state":
        return b" ".join(part for part in (item.body, item.beside) if part).decode(errors="backslashreplace")
    key, _, body = item.body.partition(b"\0")
    return f"{key.decode()} {_state_text(body)}"


def _state_text(body: bytes) -> str:
    """A counter is text, other states are MessagePack; whatever else someone wrote there is shown escaped."""
    if body.isdigit():
        return body.decode()
    try:
        return json.encode(msgpack.decode(body)).decode()
    except (ValueError, TypeError):
        return repr(body)


def replay(app: App) -> Replay:
    """Fold the inputs that were processed again, in a temporary database, and compare what follows from them."""
    with tempfile.TemporaryDirectory(prefix="wattbook-replay-") as folder, app.reading() as store:
        until = store.states.position(CONSUMER)
        if (broken := broken_chain(store) or _wrong_position(store, until)) is not None:
            return Replay(inputs=0, events=0, conclusions=0, entries=0, digest=Seal().hex(), difference=broken)
        engine = database_in(Path(folder))
        try:
            inputs = _replay_into(engine, store.log, until)
            with reading(engine) as connection:
                waiting = sum(1 for _ in _inputs_after(store.log, until))
                return structs.replace(_compared(store, store_on(connection), inputs), waiting=waiting)
        finally:
            engine.dispose()


def broken_chain(store: Store) -> Difference | None:
    """What was changed in the inputs is told as that, whether or not something else follows from them now."""
    for stream in INPUTS:
        found = store.log.verify(stream)
        if isinstance(found, BrokenLink):
            return Difference(
                what=f"chain of {stream}",
                position=found.position,
                input=found.position,
                stored=f"link {found.found.hex()}",
                replayed=f"link {found.expected.hex()}",
            )
    return None


def _wrong_position(store: Store, until: Position) -> Difference | None:
    """Inputs may wait beyond the position, but nothing follows from them yet."""

    def wrong(at: Position, why: str) -> Difference:
        return Difference(what="position", position=until, input=at, stored=f"inputs are processed up to {until}", replayed=why)

    if until and [stored.position for stored in store.log.read(INPUTS, Position(until - 1), 1)] != [until]:
        return wrong(until, f"there is no input {until}")
    for items in (*(derived(store.log, stream) for stream in DERIVED), _entries(store)):
        for item in items:
            if item.cause > until:
                return wrong(item.cause, f"{item.what} {item.position} follows from input {item.cause}")
    for command in store.log.read((Stream.COMMANDS,), until, 1):
        return wrong(command.position, f"input {command.position} is a command, which is carried out as it is written")
    return None


def _replay_into(engine: Engine, inputs: Log, until: Position) -> int:
    """Run the runtime over another log's inputs; how many there were."""

    @contextmanager
    def unit() -> Iterator[Unit]:
        with writing(engine) as connection:
            whole = unit_on(connection)
            log = ReplayLog(inputs, whole.log, until)
            yield whole._replace(log=log, office=log)

    count = 0

    def add(processed: int) -> None:
        nonlocal count
        count += processed

    EmbeddedRuntime(unit, VERBS, commands_wait=True).pump(add)
    return count


def _compared(stored: Store, replayed: Store, inputs: int) -> Replay:
    seal, counts, difference = Seal(), [], None
    for ours, theirs in zip(_derived(stored), _derived(replayed), strict=True):
        before = seal.count
        difference = difference or compare(ours, theirs, seal)
        counts.append(seal.count - before)
    events, conclusions, _, entries, *_ = counts
    return Replay(
        inputs=inputs,
        events=events,
        conclusions=conclusions,
        entries=entries,
        digest=seal.hex(),
        difference=difference,
        quarantined=quarantined([stored.log]),
    )


def quarantined(logs: Iterable[Log]) -> int:
    return sum(1 for log in logs for _ in derived(log, Stream.QUARANTINE))


def _inputs_after(log: Log, until: Position) -> Iterator[Stored]:
    while stored := log.read(INPUTS, until, _CHUNK):
        yield from stored
        until = stored[-1].position


def _derived(store: Store) -> tuple[Iterator[Derived], ...]:
    streams = (derived(store.log, stream) for stream in DERIVED)
    return (*streams, _entries(store), *indexes(store.states, store.log), states_of(store.states))


def _entries(store: Store) -> Iterator[Derived]:
    for booked in store.ledger.entries():
        yield Derived("entry", booked.number, Position(booked.cause), encode(booked.entry))


def _without_seal(event: Event) -> Event:
    """An invoice without its sealed holder: each vault seals the same holder in its own way."""
    if not isinstance(event, InvoiceIssued):
        return event
    return InvoiceIssued(invoice=structs.replace(event.invoice, buyer=Sealed("")))


def indexes(states: SqlStates, log: Log) -> Iterator[Iterator[Derived]]:
    """`log` gives the conclusions of all lanes by their positions."""
    return (_index(name, rows, log) for name, rows in states.indexes())


def _index(name: str, rows: Iterator[IndexRow], log: Log) -> Iterator[Derived]:
    for number, (said, places) in enumerate(rows, start=1):
        at = {column: place if column == "lane" else _standing(log, place) for column, place in places.items()}
        yield Derived(name, number, Position(0), json.encode(said), json.encode(at) if at else b"")


def _standing(log: Log, position: object) -> str | None:
    """What stands at a position, which itself is another one in a replay."""
    if position is None:
        return None
    stored = standing_at(log, position)
    if stored is None:
        return f"nothing, at {position}"
    return f"{described(decode(stored.body))}, {digest(b'event', stored.body).hex()}"


def states_of(states: SqlStates) -> Iterator[Derived]:
    return numbered(states.following())


def numbered(states: Iterable[tuple[str, bytes]]) -> Iterator[Derived]:
    for number, (key, body) in enumerate(states, start=1):
        yield Derived("state", number, Position(0), key.encode() + b"\0" + body)


def unsaved(store: Store) -> tuple[Partition, ...]:
    """The partitions whose saved states do not know every event yet: a worker is at work, or was killed."""
    known = store.states.positions(STATES)
    heads = {lane: log.head(Stream.EVENTS).position for lane, log in store.lanes.items() if lane != OFFICE}
    return tuple(Partition(lane - 1) for lane, head in heads.items() if head != known.get(lane, 0))


def digests(store: Store) -> dict[str, str]:
    """By kind: SHA-256 over the sorted contents, in whatever order they came about. No `State` while one is unsaved."""
    events = sorted(sha256(item.body).digest() for log in store.lanes.values() for item in derived(log, Stream.EVENTS))
    return {"Event": sha256(b"".join(events)).hexdigest()} | _concluded(store) | _kept(store)


def _concluded(store: Store) -> dict[str, str]:
    found: dict[str, list[bytes]] = {}
    for item in (item for log in store.lanes.values() for item in derived(log, Stream.CONCLUSIONS)):
        event = decode(item.body)
        if not isinstance(event, ReferenceTaken):  # lanes alone write these
            found.setdefault(type(event).__name__, []).append(sha256(encode(_without_seal(event))).digest())
    return {kind: sha256(b"".join(sorted(bodies))).hexdigest() for kind, bodies in sorted(found.items())}


def _kept(store: Store) -> dict[str, str]:
    books = {
        "Entry": entries_digest(booked.entry for booked in store.ledger.entries()),
        "Balance": balances_digest(store.ledger.balances()),
    }
    if unsaved(store):
        return books
    seal = Seal()
    for state in states_of(store.states):
        seal.add(state)
    return books | {"State": seal.hex()}
