"""The import register of a session at any whole second: between two readings on a straight line, outside them constant.

    Wh   5000 |                o        readings at 10:00 (1000) and 11:00 (5000)
              |            .            at 10:30 the register stands at 3000
         1000 |   o  .                  before 10:00 at 1000, after 11:00 at 5000

A reading before the session's start or after its end counts as taken at the start or the end: all of the metered energy
belongs to the session. What lies on the line is rounded to 0.001 Wh, half up; what was read is taken as read.
"""

from bisect import bisect_left
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter

from msgspec import Struct

from vocabulary.money import round_half_up
from vocabulary.quantities import ONE_SECOND, ZERO_WH, whole_second
from vocabulary.sessions import ChargingSession, Reading

Cut = tuple[datetime, Decimal]  # a whole second, and where the register stands there

_AT = attrgetter("at")
_REGISTER = attrgetter("register_wh")
_PLACES = 3


class Register(Struct, frozen=True):
    """`start` and `end` are whole seconds; `readings` are in order of time, never fall, and may be none.

    To be asked in a decimal context that loses no digits.
    """

    start: datetime
    end: datetime
    readings: tuple[Reading, ...]

    @property
    def first(self) -> Cut:
        return self.start, self.readings[0].register_wh if self.readings else ZERO_WH

    @property
    def last(self) -> Cut:
        return self.end, self.readings[-1].register_wh if self.readings else ZERO_WH

    def at(self, instant: datetime) -> Decimal:
        """Where the register stands at a whole second; of several readings in one second the last counts."""
        if instant <= self.start:
            return self.first[1]
        taken = bisect_left(self.readings, instant + ONE_SECOND, key=_AT)  # how many, until and in this second
        if instant >= self.end or taken == len(self.readings):
            return self.last[1]
        return self._between(self.readings[taken - 1], self.readings[taken], instant) if taken else self.first[1]

    def reaches(self, target: Decimal) -> Cut:
        """Where the register comes to `target`, which is above its first reading and not above its last.

        The cut has exactly that energy. Its instant is floored to the whole second, as all instants are.
        """
        above = bisect_left(self.readings, target, key=_REGISTER)  # it is reached after the reading before this one
        least, most = self._second(self.readings[above - 1].at) + 1, self._second(self.readings[above].at)
        least, most = max(min(least, most), 1), min(most, self._second(self.end))
        reached = least + bisect_left(range(least, most), target, key=lambda s: self.at(self.start + s * ONE_SECOND))
        at = min(self.start + reached * ONE_SECOND, self.end)  # the first whole second at which it is reached
        return (at, target) if self.at(at) == target else (max(at - ONE_SECOND, self.start), target)

    def _between(self, before: Reading, after: Reading, instant: datetime) -> Decimal:
        at, since, until = self._second(instant), self._second(before.at), min(self._second(after.at), self._second(self.end))
        if at == since:
            return before.register_wh
        weighted = before.register_wh * (until - at) + after.register_wh * (at - since)
        line = round_half_up(Fraction(weighted) / (until - since), _PLACES)
        return min(max(line, before.register_wh), after.register_wh)

    def _second(self, instant: datetime) -> int:
        """Since the start, floored; 0 before it."""
        return max((instant - self.start) // ONE_SECOND, 0)


def register_of(session: ChargingSession) -> Register:
    register = Register(whole_second(session.start), whole_second(session.end), session.readings)
    assert register.start <= register.end, "a session that ends before it starts is flagged, not rated"
    assert register.last[1] - register.first[1] == session.energy_wh, "the readings do not add up to the energy"
    return register
