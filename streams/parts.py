"""A published record that is longer than a broker takes: cut into parts, and joined again by whoever reads.

    place 8193                   {"type":"session.rated", … }        fits: one record, without the headers part and parts
    place 12289   part 1 of 3    {"type":"invoice.issued", …
    place 12289   part 2 of 3    …
    place 12289   part 3 of 3    … }

The parts of a record have its key and its other headers, `place` among them, and stand in one partition. Where the relay ended
between two of them, all of them come again. So a reader gathers parts by place and number until he has all, and then passes
over whatever has a place that is not higher.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from streams.kafka_options import MESSAGE_BYTES_MAX
from streams.places import Offset, Taken

PART_BYTES_MAX: Final = MESSAGE_BYTES_MAX - 2**20
"""Of a value. What is left of the record is for its key and headers, which are short."""


class Part(NamedTuple):
    """`number` counts from 1."""

    number: int
    parts: int

    @property
    def is_last(self) -> bool:
        return self.number == self.parts


WHOLE: Final = Part(1, 1)


def cut(value: bytes, bytes_max: int) -> list[bytes]:
    """Pieces of at most so many bytes, at least one. UTF-8 is cut between two characters, so that each piece can be shown."""
    pieces, start = [], 0
    while len(value) - start > bytes_max:
        end = start + bytes_max
        while end > start + bytes_max - 3 and value[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(value[start:end])
        start = end
    return [*pieces, value[start:]]


def headers_of(part: Part) -> list[tuple[str, bytes]]:
    """What a part has beside the headers of its record: nothing where it is all of it."""
    return [] if part == WHOLE else [("part", b"%d" % part.number), ("parts", b"%d" % part.parts)]


def part_in(headers: Iterable[tuple[str, bytes]]) -> Part:
    found = dict(headers)
    return Part(int(found["part"]), int(found["parts"])) if "parts" in found else WHOLE


class Joined(NamedTuple):
    """A whole record, where its last part stands, and the offset of its first."""

    taken: Taken
    first: Offset


class Joining:
    """The records of one partition, in order of offset, each once. One without a place is not the relay's: it is whole."""

    def __init__(self) -> None:
        self._last = 0  # place of the last whole record
        self._found: dict[tuple[int, int], dict[int, Taken]] = {}  # by place and number of parts: parts by their number

    def take(self, taken: Taken) -> Joined | None:
        """None: it is a repeat, or parts are missing."""
        place = int(dict(taken.headers).get("place") or 0)
        if not place:
            return Joined(taken, taken.offset)
        if place <= self._last:
            return None
        number, parts = part_in(taken.headers)
        found = self._found.setdefault((place, parts), {})
        found.setdefault(number, taken)
        if len(found) < parts:
            return None
        self._last, self._found = place, {}
        return Joined(_joined([found[n] for n in range(1, parts + 1)], taken), min(part.offset for part in found.values()))


def _joined(parts: list[Taken], last: Taken) -> Taken:
    if len(parts) == 1:
        return last
    headers = tuple(header for header in last.headers if header[0] not in ("part", "parts"))
    return last._replace(value=b"".join(part.value or b"" for part in parts), headers=headers)
