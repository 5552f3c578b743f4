"""Whether the records of a topic's partition are those that were sealed, and if not, between which offsets they are not.

    lines of checkpoints ──▶ arrange ──▶ spans ──▶ check, with the records that the broker gives ──▶ breaks

A span is what one checkpoint seals: the records after the checkpoint before it. Each span is checked from the link that the
checkpoint before vouches for, so a break is found in its own span, a range can be checked without what comes before it, and
one break does not hide another. Where a checkpoint is missing, its records are checked together with those of the next one.

Nothing here can tell that checkpoints and records were cut off at the end together. `held_to` finds that, with a checkpoint
that was published elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from streams.places import Bounds, Partition, Taken
from streams.seals import NOTHING_BEFORE, Chain, IsGenuine, NotASeal, Seal, chain_from, follow, read


class Fault(StrEnum):
    """What can be wrong, with the checkpoints first."""

    NO_CHECKPOINT = "line_is_no_checkpoint_of_this_partition"
    NOT_GENUINE = "checkpoint_is_not_signed_by_a_given_key"
    FORKED = "two_signed_checkpoints_bear_one_number"
    MISSING = "checkpoint_is_missing"
    DOES_NOT_FOLLOW = "checkpoint_does_not_follow_the_one_before"
    NOT_IN_DATABASE = "checkpoint_is_not_in_the_database"
    NOT_IN_TOPIC = "checkpoint_is_not_in_the_topic"
    NOT_AS_PUBLISHED = "checkpoint_is_not_the_one_that_was_published"
    DELETED_FROM_THE_HEAD = "records_were_deleted_from_the_head"
    MISSING_AT_THE_END = "records_are_missing_at_the_end"
    RECORDS_DIFFER = "records_are_not_those_that_were_sealed"


class Break(Struct, frozen=True, kw_only=True):
    """What does not hold, and where: between the offsets `first` and `last`, both included. `last` None: up to the end.

    `number` is that of the checkpoint; None: the line bears none that can be believed.
    """

    fault: Fault
    number: int | None
    first: int
    last: int | None
    expected: str
    found: str


class Arranged(NamedTuple):
    """The genuine checkpoints of a partition by their numbers, and what is wrong with checkpoints."""

    seals: tuple[Seal, ...]
    breaks: tuple[Break, ...]


class Span(NamedTuple):
    """What a checkpoint seals. `before`: the chain to go on from; `is_whole`: no checkpoint is missing between the two."""

    before: Chain
    seal: Seal
    is_whole: bool


def arrange(topic: str, partition: Partition, lines: Iterable[bytes], is_genuine: IsGenuine) -> Arranged:
    """Read the lines that stand for a partition. The same line twice is once: a sealer publishes again after a crash."""
    seals: dict[int, Seal] = {}
    breaks: list[Break] = []
    last = -1
    for line in dict.fromkeys(lines):
        found = _seal_of(topic, partition, line, is_genuine, last + 1)
        if isinstance(found, Break):
            breaks.append(found)
            continue
        at = found.checkpoint
        last = max(last, at.last)
        if seals.setdefault(at.number, found) is not found:
            breaks.append(_about(found, Fault.FORKED, f"digest {seals[at.number].digest}", f"digest {found.digest}"))
    arranged = tuple(seals[number] for number in sorted(seals))
    return Arranged(arranged, (*breaks, *_unfollowed(arranged)))


def _seal_of(topic: str, partition: Partition, line: bytes, is_genuine: IsGenuine, begins: int) -> Seal | Break:
    expected = f"a checkpoint of {topic}/{partition}"
    try:
        found = read(line)
    except NotASeal as error:
        return Break(fault=Fault.NO_CHECKPOINT, number=None, first=begins, last=None, expected=expected, found=str(error))
    at = found.checkpoint
    if (at.topic, at.partition) != (topic, partition):
        other = f"one of {at.topic}/{at.partition}"
        return Break(fault=Fault.NO_CHECKPOINT, number=None, first=begins, last=None, expected=expected, found=other)
    if not is_genuine(at.key, found.signed, found.signature):
        return _about(found, Fault.NOT_GENUINE, "a signature by one of the given keys", f"another, said to be by key {at.key}")
    return found


def _unfollowed(seals: Sequence[Seal]) -> Iterator[Break]:
    """Where numbers or digests do not go on from one checkpoint to the next."""
    number, last, digest = 0, -1, NOTHING_BEFORE
    for seal in seals:
        at = seal.checkpoint
        if at.number != number + 1:
            gap = f"checkpoint {at.number} after {number}" if number else f"checkpoint {at.number} as the first"
            yield Break(
                fault=Fault.MISSING,
                number=number + 1,
                first=last + 1,
                last=max(last, at.first - 1),
                expected=f"checkpoint {number + 1}",
                found=gap,
            )
        elif at.previous != digest:
            yield _about(seal, Fault.DOES_NOT_FOLLOW, f"the digest {digest} before it", at.previous)
        elif at.first <= last:
            yield _about(seal, Fault.DOES_NOT_FOLLOW, f"records from offset {last + 1}", f"records from offset {at.first}")
        number, last, digest = at.number, max(last, at.last), seal.digest


def _about(seal: Seal, fault: Fault, expected: str, found: str) -> Break:
    at = seal.checkpoint
    return Break(fault=fault, number=at.number, first=at.first, last=at.last, expected=expected, found=found)


def differences(database: Mapping[int, Seal], topic: Mapping[int, Seal]) -> Iterator[Break]:
    """Checkpoints, by number, that one of the two stores lacks. The last one may be on its way to the topic: a checkpoint is in
    the database first. None before it can be: the next one is written when it was published.
    """
    for number in sorted(topic.keys() - database.keys()):
        yield _about(topic[number], Fault.NOT_IN_DATABASE, f"checkpoint {number} in the table seal", "nothing")
    for number in sorted(database.keys() - topic.keys()):
        if number < max(database.keys() | topic.keys()):
            yield _about(database[number], Fault.NOT_IN_TOPIC, f"checkpoint {number} in the topic", "nothing")


def held_to(published: Iterable[Seal], seals: Iterable[Seal]) -> Iterator[Break]:
    """Checkpoints of this partition that were published elsewhere, and are not among these."""
    by_number = {seal.checkpoint.number: seal for seal in seals}
    for seal in published:
        ours = by_number.get(seal.checkpoint.number)
        if ours is None or ours.line != seal.line:
            found = f"digest {ours.digest}" if ours else "nothing"
            yield _about(seal, Fault.NOT_AS_PUBLISHED, f"digest {seal.digest}", found)


def spans(topic: str, partition: Partition, seals: Sequence[Seal]) -> Iterator[Span]:
    """What can be checked. Not the first checkpoint's records where that is not number 1: the link before them is not known."""
    before = Chain(topic, partition)
    for seal in seals:
        number = seal.checkpoint.number
        if before.number or number == 1:
            yield Span(before, seal, number == before.number + 1)
        before = chain_from(seal)


def within(spans: Iterable[Span], first: int | None, last: int | None) -> list[Span]:
    """The spans that hold any offset from `first` to `last`, both included: a range is widened to whole spans."""
    return [
        span
        for span in spans
        if (first is None or span.seal.checkpoint.last >= first) and (last is None or span.before.next <= last)
    ]


def check(spans: Iterable[Span], records: Iterable[Taken], held: Bounds) -> Iterator[Break | None]:
    """For each span what is wrong with it. `records` in order, from where the first of these spans begins."""
    coming = _Coming(records)
    for span in spans:
        found = follow(span.before, coming.between(span.before.next, span.seal.checkpoint.last))
        yield _fault(span, found, held)


def _fault(span: Span, found: Chain, held: Bounds) -> Break | None:
    at, begins = span.seal.checkpoint, span.before.next if span.before.number else span.seal.checkpoint.first

    def broken(fault: Fault, expected: str, instead: str) -> Break:
        return Break(fault=fault, number=at.number, first=begins, last=at.last, expected=expected, found=instead)

    if held.beginning > at.first:
        return broken(Fault.DELETED_FROM_THE_HEAD, f"records from offset {at.first}", f"the topic begins at {held.beginning}")
    if held.end <= at.last:
        return broken(Fault.MISSING_AT_THE_END, f"records up to offset {at.last}", f"the topic ends before {held.end}")
    if found.link.hex() != at.link or (span.is_whole and found.records != at.records):
        counted = f"{at.records} records, " if span.is_whole else ""
        return broken(Fault.RECORDS_DIFFER, f"{counted}link {at.link}", f"{found.records} records, link {found.link.hex()}")
    return None


class _Coming:
    """Records one after another, some of which may be asked for and the rest later."""

    def __init__(self, records: Iterable[Taken]) -> None:
        self._records = iter(records)
        self._next = next(self._records, None)

    def between(self, first: int, last: int) -> Iterator[Taken]:
        while self._next is not None and self._next.offset <= last:
            if self._next.offset >= first:
                yield self._next
            self._next = next(self._records, None)
