"""The oracle: sessions priced second by second, slowly and without cutting anything.

It shares with the code under test only the judgement of a moment (`tariffs.restrictions`), which the notation tests hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from tariffs.restrictions import Moment, prices_in_force
from vocabulary.quantities import seconds_between, whole_second
from vocabulary.sessions import Activity, ChargingSession
from vocabulary.tariff import Dimension, Tariff
from vocabulary.zones import zone

TIMED = {Activity.CHARGING: Dimension.TIME, Activity.IDLE: Dimension.PARKING_TIME}


@dataclass(frozen=True)
class Found:
    unit_price: Decimal
    quantity: Fraction
    since: datetime
    until: datetime


Price = tuple[Dimension, int]


def second_by_second(session: ChargingSession, tariff: Tariff, where: str) -> dict[Price, Found]:
    """What each price found; of start fees the first only."""
    found: dict[Price, Found] = {}
    for slot in slots(session, energy_bounds(tariff)):
        prices = prices_in_force(tariff, Moment(slot.at.astimezone(zone(where)), exact(slot.so_far), slot.second))
        for dimension in slot.measured.keys() & prices.keys():
            number, component = prices[dimension]
            flats = {price for price in found if price[0] is Dimension.FLAT}
            if dimension is not Dimension.FLAT or flats <= {(dimension, number)}:
                past = found.get((dimension, number), Found(component.price, Fraction(0), slot.at, slot.until))
                total = past.quantity + slot.measured[dimension]
                found[dimension, number] = Found(component.price, total, past.since, slot.until)
    return {price: replace(one, quantity=Fraction(1)) if price[0] is Dimension.FLAT else one for price, one in found.items()}


@dataclass(frozen=True)
class Slot:
    """A second, or what of its energy lies between two thresholds."""

    second: int
    at: datetime
    until: datetime
    so_far: Fraction
    measured: dict[Dimension, Fraction]


def slots(session: ChargingSession, energy_bounds: set[Fraction]) -> Iterator[Slot]:
    """Judged by its first instant, each; a second in which a threshold is passed counts as time after it.

    Of a session without time there is one instant.
    """
    begin, end = whole_second(session.start), whole_second(session.end)
    first, last = naive_ends(session)
    registers = [naive_register(session, count) for count in range(seconds_between(begin, end))] or [first]
    for count, (before, after) in enumerate(pairwise([*registers, last])):
        at = begin + timedelta(seconds=count)
        inside = sorted(first + bound for bound in energy_bounds if before < first + bound < after)
        *early, (low, high) = pairwise([before, *inside, after])
        for one, other in early:
            yield Slot(count, at, at, one - first, {Dimension.FLAT: Fraction(1), Dimension.ENERGY: other - one})
        measured = {Dimension.FLAT: Fraction(1), Dimension.ENERGY: high - low}
        if begin < end and (timed := TIMED.get(naive_activity(session, at))):
            measured[timed] = Fraction(1)
        yield Slot(count, at, min(at + timedelta(seconds=1), end), low - first, measured)


def energy_bounds(tariff: Tariff) -> set[Fraction]:
    limits = [element.restrictions for element in tariff.elements]
    return {Fraction(bound) for limit in limits for bound in (limit.min_energy_wh, limit.max_energy_wh) if bound}


def exact(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / number.denominator


def naive_ends(session: ChargingSession) -> tuple[Fraction, Fraction]:
    registers = [Fraction(one.register_wh) for one in session.readings] or [Fraction(0)]
    return registers[0], registers[-1]


def naive_register(session: ChargingSession, second: int) -> Fraction:
    if not session.readings:
        return Fraction(0)
    begin, last = session.start, seconds_between(session.start, session.end)
    points = [(min(max(seconds_between(begin, one.at), 0), last), Fraction(one.register_wh)) for one in session.readings]
    past = [point for point in points if point[0] <= second]
    ahead = [point for point in points if point[0] > second]
    if second == 0 or not past:
        return points[0][1]
    if not ahead:
        return points[-1][1]
    (since, low), (until, high) = past[-1], ahead[0]
    if since == second:
        return low
    exact = low + (high - low) * (second - since) / (until - since)
    return min(max(Fraction(int(exact * 1000 + Fraction(1, 2)), 1000), low), high)


def naive_activity(session: ChargingSession, at: datetime) -> Activity:
    return [stretch.activity for stretch in session.stretches if whole_second(stretch.start) <= at][-1]
