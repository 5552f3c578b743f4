"""Decide what of a batch is new to a stream: the idempotence that every log keeps, in one place.

    id not seen                       fresh, gets the next position
    id seen, same key and body        a duplicate: its first position is the answer
    id seen, other key or body        Conflict, and nothing of the batch is written

"Seen" means stored in the stream or earlier in the same batch.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.chain import Placed
from streams.log import Appended, Conflict, Record, Stream
from vocabulary.identity import Position, digest


class Admitted(NamedTuple):
    """The answer for each record of a batch, in its order, and those of them that are to be written."""

    answers: list[Appended]
    fresh: list[Placed]


def admit(stream: Stream, records: Sequence[Record], held: Mapping[bytes, Placed], last: Position, step: int = 1) -> Admitted:
    """`held` has, by id, at least those records of the stream whose ids are in the batch; `last` is the log's last position,
    and its positions lie `step` apart.
    """
    answers: list[Appended] = []
    fresh: dict[bytes, Placed] = {}
    for record in records:
        assert len(record.id) == 32, record.id
        known = held.get(record.id) or fresh.get(record.id)
        if known is None:
            position = Position(last + step * (len(fresh) + 1))
            fresh[record.id] = position, record
            answers.append(Appended(position, is_new=True))
        else:
            answers.append(_duplicate(stream, record, known, last))
    return Admitted(answers, list(fresh.values()))


def content_hash(record: Record) -> bytes:
    """What tells two records of one id apart. The cause is not content: a fact may follow from two inputs."""
    return digest(record.key.encode(), record.body)


def _duplicate(stream: Stream, record: Record, known: Placed, last: Position) -> Appended:
    position, first = known
    if (first.key, first.body) == (record.key, record.body):
        return Appended(position, is_new=False)
    stored_at = position if position <= last else Position(0)  # 0: both are in this batch, neither is stored
    raise Conflict(stream, record.id, stored_at, content_hash(first), content_hash(record))
