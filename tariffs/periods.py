"""Cut a session at every instant at which a price can change, so that within a period nothing changes; and find its prices.

    clock      |........22:00.....................|     also midnights, and changes of the clock itself
    activity   |  charging            |   idle    |     and how long it has been one or the other
    energy     |.............10 kWh...............|     thresholds of the session so far
    duration   |....30 min........................|     since the start of the session
    power      |........o......o..................|     where a sample tells another
    series     |....:....:....:....:....:....:....|     where a published price is another
    periods    |----|----|---|--------|-----------|     half-open, contiguous, from start to end

A period is judged by its first moment. Its energy is the difference of the register at its two ends, so the periods'
energy adds up to the session's, digit for digit, wherever it is cut; the same holds for what is fed back. There is always
at least one period: a session that has just begun is an empty one, and may owe a start fee.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from msgspec import Struct

from tariffs.clock import Span, offsets, passings, second_of
from tariffs.compiled import ENERGY, EXPORT, Compiled, Edges, Element, Rule
from tariffs.restrictions import Moment
from tariffs.series_rules import SeriesRules, changes
from tariffs.timeline import Cut, Timeline
from vocabulary.circumstances import Circumstances, Sample
from vocabulary.sessions import Activity

Prices = list[Rule | None]  # by slot (`tariffs.compiled`): the rule that is in force, None: free


class Period(Struct, frozen=True, gc=False):
    """Half-open, UTC, whole seconds; it can be empty of time, of energy, or of both. Energy in the timeline's unit."""

    start: int
    end: int
    energy: int
    activity: Activity
    prices: Prices
    lacks_power: bool = False  # a price was asked for a power that nobody measured
    lacks_price: bool = False  # of the series that its energy is priced by no value is published
    exported: int | None = None  # what was fed back, counted as energy is; None: no register tells it


Scheduled = list[tuple[int, Compiled]]  # from which second on which; the first from the start


def periods(
    line: Timeline, scheduled: Scheduled, site: ZoneInfo, known: Circumstances, also: Iterable[int] = ()
) -> list[Period]:
    """The periods of a session under one tariff or several, cut at further seconds if wanted (which changes no price)."""
    edges = [ready.edges for _, ready in scheduled]
    spans = offsets(line.start, line.end, site) if any(edge.clock_s for edge in edges) else []
    cuts = _cuts(line, edges, spans, known, {*also, *[since for since, _ in scheduled[1:]]})
    course = _Course(line, spans, known)
    return [course.period(since, until, _at(scheduled, since[0])) for since, until in pairwise(cuts)]


def prices_in_force(elements: tuple[Element, ...], wanted: int, moment: Moment) -> Prices:
    """By slot the first rule whose element applies; no more than `wanted` slots can be filled."""
    prices: Prices = [None, None, None, None, None, None]
    for conditions, rules in elements:
        for condition in conditions:
            if not condition(moment):
                break
        else:
            for rule in rules:
                if prices[rule.slot] is None:
                    prices[rule.slot] = rule
                    wanted -= 1
            if wanted <= 0:
                break
    return prices


def _at(scheduled: Scheduled, second: int) -> Compiled:
    if len(scheduled) == 1:
        return scheduled[0][1]
    return scheduled[max(bisect_right(scheduled, second, key=lambda one: one[0]) - 1, 0)][1]


def _cuts(line: Timeline, edges: list[Edges], spans: list[Span], known: Circumstances, also: set[int]) -> list[Cut]:
    """From the first to the last, in order."""
    first, last = line.first, line.last
    seconds = also.union([second for second, _ in line.turns])
    for edge in edges:
        if edge.by_time:
            seconds.update(_seconds(line, edge, spans, known))
    cuts = {(second, line.at(second)) for second in seconds if line.start < second < line.end}
    for edge in edges:
        for energy in edge.energies:
            if 0 < energy <= last[1] - first[1]:
                cuts.add(line.reaches(first[1] + energy))
    return [first, *sorted(cut for cut in cuts if first < cut < last), last]


def _seconds(line: Timeline, edge: Edges, spans: list[Span], known: Circumstances) -> Iterator[int]:
    if edge.clock_s:
        yield from passings(spans, edge.clock_s)
    for duration in edge.durations_s:
        yield line.start + duration
    if edge.charging_s:
        yield from _spent(line, Activity.CHARGING, edge.charging_s)
    if edge.idle_s:
        yield from _spent(line, Activity.IDLE, edge.idle_s)
    if edge.by_power:
        yield from (second_of(sample.at) for sample in known.power_w)
    if edge.by_current:
        yield from (second_of(sample.at) for sample in known.current_a)
    for prices in known.prices:
        if prices.series in edge.series:
            yield from changes(prices)


def _spent(line: Timeline, activity: Activity, bounds: frozenset[int]) -> Iterator[int]:
    """Where the session has spent so many seconds in an activity."""
    before = 0
    ends = [*(second for second, _ in line.turns[1:]), line.end]
    for (since, kind), until in zip(line.turns, ends, strict=True):
        since = max(since, line.start)
        if kind is activity and since < until:
            yield from (since + bound - before for bound in bounds if before < bound <= before + until - since)
            before += until - since


class _Course:
    """Goes along a session once: where it stands in turns, spans and samples is where the last period ended."""

    def __init__(self, line: Timeline, spans: list[Span], known: Circumstances) -> None:
        self._line = line
        self._moment = Moment()
        self._spans = iter(spans)
        self._span: Span | None = next(self._spans, None)
        self._turn = 0
        self._power = _Samples(known.power_w) if known.power_w else _NO_SAMPLES
        self._current = _Samples(known.current_a) if known.current_a else _NO_SAMPLES
        self._series = SeriesRules(known.prices) if known.prices else _NO_SERIES
        self._exported = line.export.first[1] if line.export is not None else 0

    def period(self, since: Cut, until: Cut, compiled: Compiled) -> Period:
        (start, register), (end, after) = since, until
        moment, line = self._moment, self._line
        activity = self._activity(start)
        if self._span is not None:
            while start >= self._span[1] and (following := next(self._spans, None)) is not None:
                self._span = following
            moment.set_clock(start + self._span[2])
        moment.energy = register - line.first[1]
        moment.duration = start - line.start
        if compiled.edges.by_power:
            moment.power = self._power.at(start)
        if compiled.edges.by_current:
            moment.current = self._current.at(start)
        moment.lacks_power = False
        prices = prices_in_force(compiled.session, compiled.slots, moment)
        lacks_price = False
        if (rule := prices[ENERGY]) is not None and rule.component.series is not None:
            prices[ENERGY] = self._series.at(rule, start)
            lacks_price = prices[ENERGY] is None
        if activity is Activity.CHARGING:
            moment.charging += end - start
        elif activity is Activity.IDLE:
            moment.idle += end - start
        exported = None
        if line.export is not None:
            exported = self._export(until)
            if (rule := prices[EXPORT]) is not None and rule.component.series is not None:
                prices[EXPORT] = self._series.at(rule, start)
                lacks_price = lacks_price or (exported > 0 and prices[EXPORT] is None)
        return Period(start, end, after - register, activity, prices, moment.lacks_power, lacks_price, exported)

    def _export(self, until: Cut) -> int:
        """What was fed back since the last period ended. Of a second that energy cuts, all of it is after the cut."""
        line, before = self._line, self._exported
        assert line.export is not None, "asked only where something was fed back"
        self._exported = line.export.last[1] if until == line.last else line.export.at(until[0])
        return self._exported - before

    def _activity(self, second: int) -> Activity:
        turns = self._line.turns
        while self._turn + 1 < len(turns) and turns[self._turn + 1][0] <= second:
            self._turn += 1
        return turns[self._turn][1]


class _Samples:
    """The value of the moment: a sample holds from its second on until the next one, and the first one before it as well."""

    def __init__(self, samples: tuple[Sample, ...]) -> None:
        self._samples = [(second_of(sample.at), sample.value) for sample in samples]
        self._next = 0

    def at(self, second: int) -> Decimal | None:
        while self._next < len(self._samples) and self._samples[self._next][0] <= second:
            self._next += 1
        return self._samples[max(self._next - 1, 0)][1] if self._samples else None


_NO_SAMPLES = _Samples(())
_NO_SERIES = SeriesRules(())
