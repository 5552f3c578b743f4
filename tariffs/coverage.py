"""Where restrictions hold, as sets: what is left of a price when those before it have taken theirs.

A moment has twelve coordinates (time of day, weekday, date, energy, three durations, power, current, and what is known of EVSE
and payment). The bounds that a tariff names cut each of them into cells; restrictions allow some cells of each, which is a
box; a box is twelve integers whose bits are cells. What no coordinate can be (an energy below 0) is no cell.

    A minus B    boxes that do not overlap: in A and, for the first time in this coordinate, not in B

The coordinates are taken as free of each other, which makes more moments than there are: a 1 January that is a Monday and a
Sunday, three hours of charging in a session of one. So what is left may be no moment, but where nothing is left there is none:
a price that is told to be out of reach is so. Where a set falls into more than BOXES_MAX boxes nothing is told.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import time
from typing import Any, NamedTuple

from msgspec import Struct

from tariffs.restrictions import MIDNIGHT
from vocabulary.tariff import EvseKind, Restrictions, Weekday

BOXES_MAX = 2000
_WEEK = tuple(Weekday)

Box = tuple[int, ...]
Bound = Any  # a number of seconds, Wh, W, A or days; comparable with those of its coordinate
Bounds = tuple[Bound | None, Bound | None]  # least (inclusive) and most (exclusive)


class _Line(NamedTuple):
    """A coordinate that is ordered: cell i reaches from points[i] to points[i + 1], the first from `least`, the last on."""

    least: Bound | None  # None: no end below
    points: tuple[Bound, ...]
    measured: bool = False  # then one cell more stands for what was not measured, where no restriction on it holds
    beyond: int = 0  # the first cell that is beyond all lower bounds

    def cells(self, bounds: Bounds) -> int:
        since, until = bounds
        if since is None and until is None:
            return self.all
        starts = (self.least, *self.points)
        return sum(
            1 << cell
            for cell, start in enumerate(starts)
            if _from(start, since) and (until is None or (start is None or start < until))
        )

    @property
    def all(self) -> int:
        return (1 << (len(self.points) + 1 + self.measured)) - 1

    def bounds(self, cells: int) -> Bounds | None:
        """Those of the first run of cells; None: what was not measured."""
        first = (cells & -cells).bit_length() - 1
        if first > len(self.points):
            return None
        last = first
        while last < len(self.points) and cells >> (last + 1) & 1:
            last += 1
        return (self.points[first - 1] if first else None, self.points[last] if last < len(self.points) else None)


def _from(start: Bound | None, since: Bound | None) -> bool:
    return since is None or (start is not None and start >= since)


class Space(Struct, frozen=True):
    """The cells of every coordinate, for the restrictions that it was made of."""

    clock: tuple[int, ...]  # seconds of the day at which cells begin; the first is 0
    dates: _Line
    lines: tuple[_Line, ...]
    brands: tuple[str, ...]
    recognitions: tuple[str, ...]

    def box(self, limit: Restrictions) -> Box:
        """Where these restrictions hold; what they say of a reservation is not looked at."""
        return (
            self._clock_cells(limit),
            sum(1 << index for index, day in enumerate(_WEEK) if not limit.weekdays or day in limit.weekdays),
            self.dates.cells((limit.start_date, limit.end_date)),
            *(line.cells(bounds) for line, bounds in zip(self.lines, _bounds(limit), strict=True)),
            _choice(tuple(EvseKind), limit.evse_kind),
            _choice(self.brands, limit.payment_brand),
            _choice(self.recognitions, limit.payment_recognition),
        )

    @property
    def whole(self) -> Box:
        return self.box(Restrictions())

    def _clock_cells(self, limit: Restrictions) -> int:
        start, end = _seconds(limit.start_time or MIDNIGHT), _seconds(limit.end_time or MIDNIGHT)
        held = ((start <= at < end) if start < end else (at >= start or at < end) for at in self.clock)
        return sum(1 << cell for cell, holds in enumerate(held) if holds)

    def example(self, box: Box) -> Restrictions:
        """Restrictions within a box, for telling it: of each coordinate the first cells, where not all are in it."""
        whole = self.whole
        known = self.of_known_kind(whole)
        cells = [
            part if part not in {every, all_known} else 0 for part, every, all_known in zip(box, whole, known, strict=True)
        ]
        start, end = self._window(cells[0])
        dates = self.dates.bounds(cells[2]) if cells[2] else None
        bounds = [
            (line.bounds(part) if part else None) or (None, None) for line, part in zip(self.lines, cells[3:9], strict=True)
        ]
        (least_wh, most_wh), (age, age_max), (charging, charging_max), (idle, idle_max), power, current = bounds
        return Restrictions(
            start_time=start,
            end_time=end,
            start_date=dates[0] if dates else None,
            end_date=dates[1] if dates else None,
            weekdays=tuple(day for index, day in enumerate(_WEEK) if cells[1] >> index & 1),
            min_energy_wh=least_wh,
            max_energy_wh=most_wh,
            min_duration_s=age,
            max_duration_s=age_max,
            min_charging_s=charging,
            max_charging_s=charging_max,
            min_idle_s=idle,
            max_idle_s=idle_max,
            min_power_w=power[0],
            max_power_w=power[1],
            min_current_a=current[0],
            max_current_a=current[1],
            evse_kind=next((kind for index, kind in enumerate(EvseKind) if cells[9] >> index & 1), None),
            payment_brand=_chosen(self.brands, cells[10]),
            payment_recognition=_chosen(self.recognitions, cells[11]),
        )

    def _window(self, cells: int) -> tuple[time | None, time | None]:
        if not cells:
            return None, None
        first = (cells & -cells).bit_length() - 1
        last = first
        while last + 1 < len(self.clock) and cells >> (last + 1) & 1:
            last += 1
        ends = (*self.clock[1:], 0)
        return _time(self.clock[first]), _time(ends[last])

    def unknown(self, box: Box) -> Iterator[str]:
        """What no restriction can say of a box: that something was not measured, or is neither of what the tariff names."""
        for line, part, what in zip(self.lines[4:], box[7:9], ("power", "current"), strict=True):
            if line.bounds(part) is None:
                yield f"{what} not measured"
        if box[9] == 1 << len(EvseKind):
            yield "kind of the EVSE not known"
        if box[10] == 1 << len(self.brands) and self.brands:
            yield (
                f"paid with neither {' nor '.join(self.brands)}" if len(self.brands) > 1 else f"not paid with {self.brands[0]}"
            )
        if box[11] == 1 << len(self.recognitions) and self.recognitions:
            yield "paid in another way"

    def of_known_kind(self, box: Box) -> Box:
        """The part of a box where it is known whether the EVSE is AC or DC, as it is of every one in the reference data."""
        return (*box[:9], box[9] & ((1 << len(EvseKind)) - 1), *box[10:])

    def at_start(self, box: Box) -> Box:
        """The part of a box in which a session begins: no energy yet, and no time."""
        return (*box[:3], *(part & 1 for part in box[3:7]), *box[7:])

    def from_thresholds_on(self, box: Box) -> Box:
        """The part of a box where each count has passed all lower bounds that restrictions name: no grace is left."""
        counts = (part >> line.beyond << line.beyond for line, part in zip(self.lines[:4], box[3:7], strict=True))
        return (*box[:3], *counts, *box[7:])


def space_of(limits: Iterable[Restrictions]) -> Space:
    limits = tuple(limits)
    times = {_seconds(at) for limit in limits for at in (limit.start_time, limit.end_time) if at is not None}
    coordinates = zip(*(_bounds(limit) for limit in limits), strict=True) if limits else iter([()] * 6)
    lines = tuple(_line(column, number) for number, column in enumerate(coordinates))
    return Space(
        clock=tuple(sorted({0, *times})),
        dates=_Line(None, _points((limit.start_date, limit.end_date) for limit in limits)),
        lines=lines,
        brands=tuple(sorted({limit.payment_brand for limit in limits if limit.payment_brand is not None})),
        recognitions=tuple(sorted({limit.payment_recognition for limit in limits if limit.payment_recognition is not None})),
    )


def _line(column: Sequence[Bounds], number: int) -> _Line:
    """The first four are counted from 0; power and current have no end below, and may not be measured."""
    if number >= 4:
        return _Line(None, _points(column), measured=True)
    points = tuple(point for point in _points(column) if point > 0)
    least = max((since for since, _ in column if since is not None), default=0)
    return _Line(0, points, beyond=sum(1 for point in points if point <= least))


def _points(column: Iterable[Bounds]) -> tuple[Bound, ...]:
    return tuple(sorted({point for bounds in column for point in bounds if point is not None}))


def _bounds(limit: Restrictions) -> tuple[Bounds, ...]:
    return (
        (limit.min_energy_wh, limit.max_energy_wh),
        (limit.min_duration_s, limit.max_duration_s),
        (limit.min_charging_s, limit.max_charging_s),
        (limit.min_idle_s, limit.max_idle_s),
        (limit.min_power_w, limit.max_power_w),
        (limit.min_current_a, limit.max_current_a),
    )


def _choice(known: tuple[str, ...], wanted: str | None) -> int:
    """One bit for each that is known, one more for any other and for what is not known."""
    return (1 << (len(known) + 1)) - 1 if wanted is None else 1 << known.index(wanted)


def _chosen(known: tuple[str, ...], cells: int) -> str | None:
    return next((name for index, name in enumerate(known) if cells >> index & 1), None)


def _seconds(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def _time(second: int) -> time:
    return time(second // 3600, second // 60 % 60, second % 60)


# Sets of boxes


def is_empty(box: Box) -> bool:
    return not all(box)


def meet(one: Box, other: Box) -> Box:
    return tuple(a & b for a, b in zip(one, other, strict=True))


def minus(boxes: Sequence[Box], taken: Iterable[Box]) -> list[Box] | None:
    """What is left; None where it is cut into too many pieces to go on."""
    left = [box for box in boxes if not is_empty(box)]
    for cut in taken:
        left = [piece for box in left for piece in _minus_one(box, cut)]
        if len(left) > BOXES_MAX:
            return None
    return left


def _minus_one(box: Box, cut: Box) -> Iterable[Box]:
    if is_empty(meet(box, cut)):
        yield box
        return
    head: Box = ()
    for index, (cells, taken) in enumerate(zip(box, cut, strict=True)):
        if outside := cells & ~taken:
            yield (*head, outside, *box[index + 1 :])
        head = (*head, cells & taken)


def has_weekday(limit: Restrictions) -> bool:
    """Whether a range of less than a week has one of the weekdays that are wanted of it."""
    if not limit.weekdays or limit.start_date is None or limit.end_date is None:
        return True
    span = min((limit.end_date - limit.start_date).days, 7)
    first = limit.start_date.weekday()
    return any(_WEEK[(first + after) % 7] in limit.weekdays for after in range(span))


def contradicts_itself(limit: Restrictions) -> bool:
    """Whether no moment can fulfil restrictions: bounds that cross, a day that does not come, more charging than time."""
    if is_empty(space_of((limit,)).box(limit)) or not has_weekday(limit):
        return True
    longest = limit.max_duration_s
    least = (limit.min_charging_s or 0) + (limit.min_idle_s or 0)
    return longest is not None and least >= longest and least > 0
