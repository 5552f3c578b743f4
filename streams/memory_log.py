"""A log in memory, for tests, simulations and what-if replays. It keeps every promise of a log but durability."""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from streams.chain import EMPTY, Placed, follow, walk
from streams.dedup import admit
from streams.log import Appended, BrokenLink, Head, Record, Stored, Stream
from vocabulary.identity import Position

_position = attrgetter("position")


class MemoryLog:
    def __init__(self) -> None:
        self._stored: dict[Stream, list[Stored]] = {stream: [] for stream in Stream}
        self._by_id: dict[Stream, dict[bytes, Placed]] = {stream: {} for stream in Stream}
        self._heads: dict[Stream, Head] = dict.fromkeys(Stream, EMPTY)

    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]:
        last = max(head.position for head in self._heads.values())
        answers, fresh = admit(stream, records, self._by_id[stream], last)
        if fresh:
            self._write(stream, fresh)
        return answers

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]:
        assert limit >= 0
        found = [stored for stream in dict.fromkeys(streams) for stored in self._after(stream, after, limit)]
        return sorted(found, key=_position)[:limit]

    def at(self, stream: Stream, position: Position) -> Stored | None:
        return next((stored for stored in self._after(stream, Position(position - 1), 1) if stored.position == position), None)

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        return [stored for position in set(positions) if (stored := self.at(stream, position)) is not None]

    def head(self, stream: Stream) -> Head:
        return self._heads[stream]

    def verify(self, stream: Stream) -> Head | BrokenLink:
        return walk(stream, self._heads[stream], self._stored[stream])

    def _write(self, stream: Stream, fresh: Sequence[Placed]) -> None:
        links = follow(stream, self._heads[stream].link, fresh)
        for (position, record), link in zip(fresh, links, strict=True):
            self._stored[stream].append(Stored(position, stream, record.id, record.key, record.body, record.cause, link))
            self._by_id[stream][record.id] = position, record
        self._heads[stream] = Head(len(self._stored[stream]), fresh[-1][0], links[-1])

    def _after(self, stream: Stream, after: Position, limit: int) -> list[Stored]:
        first = bisect_right(self._stored[stream], after, key=_position)
        return self._stored[stream][first : first + limit]
