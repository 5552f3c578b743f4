"""A session as whole numbers: seconds since 1970, and its registers in a unit in which all of their readings are whole.

    Wh   5000 |                o        readings at 10:00 (1000) and 11:00 (5000)
              |            .            at 10:30 the register stands at 3000
         1000 |   o  .                  before 10:00 at 1000, after 11:00 at 5000

Between two readings the register rises on a straight line, outside them it is constant. A reading before the session's start
or after its end counts as taken at the start or the end: all of the metered energy belongs to the session. What lies on the
line is rounded to 0.001 Wh, half up; what was read is taken as read. The unit is 10^-`places` Wh, and 0.001 Wh or finer.
What the vehicle fed back has a register of its own, which rises as this one does.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from tariffs.clock import second_of
from vocabulary.sessions import Activity, ChargingSession, Reading, exported_of

LINE_PLACES = 3  # of what is computed, in Wh

Cut = tuple[int, int]  # a second, and where the register stands there


class Timeline(Struct, frozen=True, gc=False):
    """`seconds` and `registers` are the readings, in order of time, within the session, never falling; they may be none.

    `turns`: from this second on this activity; the first covers the session's start, and none are of one second.
    `export` is the register of what was fed back, if there is one, between the same ends and in the same unit.
    """

    start: int
    end: int
    seconds: list[int]
    registers: list[int]
    places: int
    turns: list[tuple[int, Activity]]
    export: "Timeline | None" = None

    @property
    def first(self) -> Cut:
        return self.start, self.registers[0] if self.registers else 0

    @property
    def last(self) -> Cut:
        return self.end, self.registers[-1] if self.registers else 0

    def at(self, second: int) -> int:
        """Where the register stands; of several readings in one second the last counts."""
        if second <= self.start:
            return self.first[1]
        taken = bisect_right(self.seconds, second)  # how many, until and in this second
        if second >= self.end or taken == len(self.seconds):
            return self.last[1]
        return self._between(taken - 1, second) if taken else self.registers[0]

    def reaches(self, target: int) -> Cut:
        """Where the register comes to `target`, which is above its first reading and not above its last.

        The cut has exactly that energy. Its second is the one in which the register comes there.
        """
        above = bisect_left(self.registers, target)  # it is reached after the reading before this one
        since, until = self.seconds[above - 1], self.seconds[above]
        least, most = max(min(since + 1, until), self.start + 1), min(until, self.end)
        at = max(least, min(since + self._rise_until(above - 1, target), most))  # the first second at which it is
        return (at, target) if self.at(at) == target else (max(at - 1, self.start), target)

    def _rise_until(self, before: int, target: int) -> int:
        """How many seconds after a reading the line to the next one, rounded as it is, has come to the target."""
        low, high = self.registers[before], self.registers[before + 1]
        unit = 10 ** (self.places - LINE_PLACES)
        rounded_from = 2 * -(-target // unit) * unit - unit  # twice what rounds up to it
        steps: int = -(-(rounded_from - 2 * low) * (self.seconds[before + 1] - self.seconds[before]) // (2 * (high - low)))
        return steps

    def _between(self, before: int, second: int) -> int:
        since, until = self.seconds[before], self.seconds[before + 1]
        low, high = self.registers[before], self.registers[before + 1]
        if second == since:
            return low
        weighted = low * (until - second) + high * (second - since)
        return min(max(_half_up(weighted, until - since, 10 ** (self.places - LINE_PLACES)), low), high)


def timeline(session: ChargingSession, places_min: int = LINE_PLACES) -> Timeline:
    """To be made in a decimal context that loses no digits."""
    start, end = second_of(session.start), second_of(session.end)
    assert start <= end, "a session that ends before it starts is flagged, not rated"
    readings = session.readings
    places, registers = _whole([reading.register_wh for reading in readings], places_min)
    rises = readings[-1].register_wh - readings[0].register_wh if readings else 0
    assert rises == session.energy_wh, "the readings do not add up to the energy"
    seconds = [min(max(second_of(reading.at), start), end) for reading in readings]
    line = Timeline(start, end, seconds, registers, places, _turns(session))
    return _with_export(line, exported) if (exported := exported_of(session)) else line


def _with_export(line: Timeline, readings: Sequence[Reading]) -> Timeline:
    """Both registers in the finer of their units."""
    places, registers = _whole([reading.register_wh for reading in readings], line.places)
    assert all(one <= other for one, other in pairwise(registers)), "the register of what was fed back falls"
    seconds = [min(max(second_of(reading.at), line.start), line.end) for reading in readings]
    imported = [register * 10 ** (places - line.places) for register in line.registers]
    fed_back = Timeline(line.start, line.end, seconds, registers, places, line.turns)
    return replace(line, registers=imported, places=places, export=fed_back)


def _whole(values: list[Decimal], places_min: int) -> tuple[int, list[int]]:
    """All of the values in one unit of 10^-places in which each is whole."""
    scaled = [value.scaleb(places_min) for value in values]
    whole = [int(value) for value in scaled]
    if whole == scaled:
        return places_min, whole
    exponents = [exponent for value in values if isinstance(exponent := value.normalize().as_tuple().exponent, int)]
    places = max(places_min, -min(exponents))
    return places, [int(value.scaleb(places)) for value in values]


def _turns(session: ChargingSession) -> list[tuple[int, Activity]]:
    """Of stretches that begin in the same second the last counts."""
    assert session.stretches or session.start == session.end, "the stretches do not cover the session"
    turns: dict[int, Activity] = {second_of(stretch.start): stretch.activity for stretch in session.stretches}
    return [*turns.items()] or [(second_of(session.start), Activity.WAITING)]


def _half_up(numerator: int, denominator: int, unit: int) -> int:
    """The nearest multiple of the unit."""
    scale = denominator * unit
    return (2 * numerator + scale) // (2 * scale) * unit
