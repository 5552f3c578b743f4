"""The log: one port, six verbs.

    append   a batch of records to a stream; idempotent by record id
    read     stored records of some streams, in order, after a position
    at       the one record of a stream that stands at a position
    pick     the same for many positions at once
    head     how far a stream's hash chain has come
    verify   walk a stream's chain from its beginning and name the first broken link

Guarantees that every implementation keeps (tests/contracts/test_log_contract.py runs them on each):

- Positions are given by the log, rise strictly within a stream, and are never given twice in it. Gaps are legal.
- A record whose id the stream already holds with the same content (key and body) is a duplicate: the stored position comes
  back, `is_new` is False, nothing is written. With other content it is a conflict: `Conflict` is raised before anything of
  the batch is written, and names the id, both contents' hashes and the stored position. The cause is not content: the same
  fact may follow from two inputs.
- What was appended is durable when `append` returns, or, where the log lives in a database transaction of the caller's,
  when that transaction commits. A batch that did not come to its end can be appended again as it was.
- Each stream has a hash chain. The link of a record is SHA-256 over the stream's name, the link before it and the
  record's position, id, key, cause and body, length-prefixed (`streams.chain`); the first one follows `GENESIS`.

What a log in one database keeps in addition, and Kafka's cannot (streams.kafka_log): a topic is an order of its own, and a
broker stores what it is given and nothing about it.

- Positions rise strictly over all streams, so that several are read together, in the order in which they came about.
- A crash at any moment leaves whole batches or nothing.
- Links are stored with the records, and a head beside them: `verify` names the very record that was changed, and notices
  what was cut off the end. Of a topic this is told by comparing it with signed checkpoints that were taken before.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from vocabulary.identity import Position


class Stream(StrEnum):
    """The streams of a log. Inputs come from outside, everything else follows from them."""

    RAW = "raw"  # input: messages of stations, verbatim
    REFERENCE = "reference"  # input: effective-dated facts
    COMMANDS = "commands"  # input: what people asked for (invoice runs)
    EVENTS = "events"  # canonical events
    CONCLUSIONS = "conclusions"  # sessions, verdicts, rated charges, invoices
    QUARANTINE = "quarantine"  # conflicts: same identity, other content


INPUTS = (Stream.RAW, Stream.REFERENCE, Stream.COMMANDS)


class Record(NamedTuple):
    """A record to append. `id` is 32 bytes; `key` the station (or the fact's own id) by which a broker would partition."""

    id: bytes
    key: str
    body: bytes
    cause: Position = Position(0)  # the input that this follows from; 0: it is an input itself


class Appended(NamedTuple):
    position: Position
    is_new: bool


class Stored(NamedTuple):
    position: Position
    stream: Stream
    id: bytes
    key: str
    body: bytes
    cause: Position
    link: bytes


class Head(NamedTuple):
    """How far a stream has come: how many records, the last one's position, and its link (32 bytes)."""

    records: int
    position: Position
    link: bytes


class BrokenLink(NamedTuple):
    """The first record of a stream whose stored link is not what its content and its predecessor give."""

    stream: Stream
    position: Position
    expected: bytes
    found: bytes


class Log(Protocol):
    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]: ...

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]: ...

    def at(self, stream: Stream, position: Position) -> Stored | None: ...

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        """Each that is there once, in no promised order."""
        ...

    def head(self, stream: Stream) -> Head: ...

    def verify(self, stream: Stream) -> Head | BrokenLink: ...


class LogError(Exception):
    """The outside failed, as far as the log is concerned.

    LogError
    ├── Conflict        same id, other content: nothing of the batch was written; quarantine it
    └── LogUnusable     the store cannot be read or written, or is not one of ours: stop
    """


class Conflict(LogError):
    def __init__(self, stream: Stream, record_id: bytes, stored_at: Position, stored_hash: bytes, offered_hash: bytes) -> None:
        super().__init__(
            f"{stream}: record {record_id.hex()[:12]} stands at position {stored_at} with content {stored_hash.hex()[:12]}, "
            f"offered again with content {offered_hash.hex()[:12]}"
        )
        self.stream, self.record_id, self.stored_at = stream, record_id, stored_at
        self.stored_hash, self.offered_hash = stored_hash, offered_hash


class LogUnusable(LogError):
    pass
