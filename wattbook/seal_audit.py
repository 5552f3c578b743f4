"""Check what a broker holds against the checkpoints that seal it, partition by partition.

The checkpoints come from the topic `seals`, and from the database too where there is one; an outside auditor has none, and
needs the public key only. The topic is read before the database, which is never behind it; and once more after it where it
seems to lack what a sealer may have published meanwhile.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, structs

from streams.kafka_client import KafkaOptions, Reader
from streams.places import Bounds, Offset, Partition, Taken
from streams.seal_verdicts import Break, Span, arrange, check, differences, held_to, spans, within
from streams.seals import IsGenuine, Seal, read
from wattbook.sealing import SEALS, read_or_none

Bound = int | datetime | None
StoredLines = Callable[[str, Partition], list[bytes]]


class Wanted(NamedTuple):
    """What is to be checked: offsets or moments, the first included; of the last, an offset is included, a moment is not."""

    since: Bound = None
    until: Bound = None


class Verdict(Struct, frozen=True, kw_only=True):
    """What is known of a partition. `first` and `last`: the offsets that were checked, None where no checkpoint seals any;
    `widened`: they are more than was wanted, since a checkpoint can only be checked as a whole.

    `unsealed`: offsets after the last checkpoint, from `unsealed_from` on, of which nothing is known yet; None where the range
    ends before. `unpublished`: checkpoints at the end that are in the database and not, or not yet, in the topic. `broken`: how
    many breaks there are; `first_break`: the one at the lowest offset.
    """

    topic: str
    partition: int
    checkpoints: int
    records: int
    unpublished: int
    broken: int
    first_break: Break | None
    first: int | None = None
    last: int | None = None
    widened: bool = False
    unsealed_from: int | None = None
    unsealed: int | None = None

    @property
    def is_bare(self) -> bool:
        """Whether nothing seals any of the records that the partition has had."""
        return self.unsealed_from == 0 and bool(self.unsealed)


class Claims(NamedTuple):
    """What an auditor believes in: keys, and what he has seen of checkpoints beside the topic.

    `stored`: gives those of the database. `published`: such as were shown to him earlier.
    """

    is_genuine: IsGenuine
    stored: StoredLines | None = None
    published: Sequence[Seal] = ()


class _Sealed(NamedTuple):
    """The checkpoints of a partition, and what is wrong with them."""

    seals: Sequence[Seal]
    breaks: Sequence[Break]
    unpublished: int


def verify(options: KafkaOptions, topic: str, partition: Partition, wanted: Wanted, claims: Claims) -> Verdict:
    """`topic`: its full name."""
    with Reader(options, topic, partition) as reader:
        sealed = _sealed(options, topic, partition, claims)
        first, last = _offsets(reader, wanted)
        some = within(spans(topic, partition, sealed.seals), first, last)
        held = Bounds(reader.beginning(), reader.end())  # after the checkpoints: they speak of records that were there
        broken = [*sealed.breaks, *(one for one in check(some, _records(reader, some), held) if one)]
    verdict = _verdict(topic, partition, sealed, some, broken)
    return structs.replace(verdict, **_range(sealed.seals, some, first, last, held.end))


def _sealed(options: KafkaOptions, topic: str, partition: Partition, claims: Claims) -> _Sealed:
    there = published_lines(options, topic, partition)
    here = claims.stored(topic, partition) if claims.stored else []
    seals, wrong = arrange(topic, partition, [*here, *there], claims.is_genuine)
    if len(set(here).difference(there)) > 1:
        there += published_lines(options, topic, partition)
    in_topic, in_database = _by_number(seals, there), _by_number(seals, here)
    breaks = [*wrong, *(differences(in_database, in_topic) if claims.stored else ())]
    shown = [one for one in claims.published if (one.checkpoint.topic, one.checkpoint.partition) == (topic, partition)]
    return _Sealed(seals, [*breaks, *held_to(shown, seals)], sum(number > max(in_topic, default=0) for number in in_database))


def _by_number(seals: Sequence[Seal], lines: Sequence[bytes]) -> dict[int, Seal]:
    """Those of the checkpoints whose lines these are."""
    among = set(lines)
    return {seal.checkpoint.number: seal for seal in seals if seal.line in among}


def published_lines(options: KafkaOptions, topic: str, partition: Partition) -> list[bytes]:
    """What the topic `seals` holds under the key of a partition, and what it holds of it under another."""
    key = f"{topic}/{partition}".encode()
    found = []
    with Reader(options, options.topic(SEALS), partition) as reader:
        for records in reader.to_end(Offset(0)):
            found += [taken.value or b"" for taken in records if taken.key == key or _is_of(taken, topic, partition)]
    return found


def published_file(body: bytes) -> list[Seal]:
    """The checkpoints of a file, one in each line. Raises NotASeal."""
    return [read(line) for line in body.split(b"\n") if line.strip()]


def _is_of(taken: Taken, topic: str, partition: Partition) -> bool:
    seal = read_or_none(taken)
    return seal is not None and (seal.checkpoint.topic, seal.checkpoint.partition) == (topic, partition)


def _offsets(reader: Reader, wanted: Wanted) -> tuple[int | None, int | None]:
    since, until = wanted
    first = reader.offset_at(since) if isinstance(since, datetime) else since
    last = reader.offset_at(until) - 1 if isinstance(until, datetime) else until
    return first, last


def _records(reader: Reader, some: Sequence[Span]) -> Iterator[Taken]:
    """All that the broker holds of these spans, in order."""
    if not some:
        return
    last = some[-1].seal.checkpoint.last
    for records in reader.to_end(some[0].before.next):
        for taken in records:
            if taken.offset > last:
                return
            yield taken


def _verdict(topic: str, partition: Partition, sealed: _Sealed, some: Sequence[Span], broken: Sequence[Break]) -> Verdict:
    return Verdict(
        topic=topic,
        partition=partition,
        checkpoints=len(some),
        records=sum(span.seal.checkpoint.records for span in some),
        unpublished=sealed.unpublished,
        broken=len(broken),
        first_break=min(broken, key=lambda one: (one.first, one.number or 0), default=None),
    )


def _range(
    seals: Sequence[Seal], some: Sequence[Span], first: int | None, last: int | None, end: Offset
) -> dict[str, int | bool | None]:
    """What of a verdict says which offsets it is about."""
    sealed_to = max((seal.checkpoint.last + 1 for seal in seals), default=0)
    found: dict[str, int | bool | None] = {}
    if last is None or last >= sealed_to:
        found = {"unsealed_from": sealed_to, "unsealed": max(0, end - sealed_to)}
    if some:
        begins = some[0].before.next if some[0].before.number else some[0].seal.checkpoint.first
        ends = some[-1].seal.checkpoint.last
        widened = (first is not None and first > begins) or (last is not None and last < ends)
        found |= {"first": begins, "last": ends, "widened": widened}
    return found
