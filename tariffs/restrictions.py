"""Which price is in force at a moment: the restrictions of OCPI 2.2.1 mod_tariffs, one function for each kind.

All restrictions of an element must hold (AND), judged at an instant: an element comes and goes during a session. Lower
bounds are inclusive, upper bounds exclusive. What the standard leaves open is closed here as follows.

    start_time = end_time            the whole day: the other reading would give the session away
    end_time 00:00                   the end of the day
    only one of the two              until, or from, midnight
    date and time                    a daily window within a range of dates
    weekday and a wrapping window    both at the instant: FRIDAY 22:00-06:00 ends at midnight, for then it is Saturday
    clock change                     the wall clock: an hour that happens twice counts twice, a skipped one never
"""

from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal

from msgspec import Struct

from vocabulary.tariff import Dimension, PriceComponent, Restrictions, Tariff, Weekday

MIDNIGHT = time(0, 0)
_WEEK = tuple(Weekday)


class Moment(Struct, frozen=True):
    """What restrictions look at."""

    local: datetime  # the wall clock of the site
    energy_wh: Decimal  # since the start of the session
    duration_s: int  # since the start of the session


def _time_of_day(wanted: Restrictions, moment: Moment) -> bool:
    if wanted.start_time is None and wanted.end_time is None:
        return True
    start, end = wanted.start_time or MIDNIGHT, wanted.end_time or MIDNIGHT
    now = moment.local.time()
    return start <= now < end if start < end else now >= start or now < end


def _dates(wanted: Restrictions, moment: Moment) -> bool:
    today = moment.local.date()
    return (wanted.start_date or today) <= today and (wanted.end_date is None or today < wanted.end_date)


def _weekday(wanted: Restrictions, moment: Moment) -> bool:
    return not wanted.weekdays or _WEEK[moment.local.weekday()] in wanted.weekdays


def _energy(wanted: Restrictions, moment: Moment) -> bool:
    least, most = wanted.min_energy_wh, wanted.max_energy_wh
    return (least is None or least <= moment.energy_wh) and (most is None or moment.energy_wh < most)


def _duration(wanted: Restrictions, moment: Moment) -> bool:
    least, most = wanted.min_duration_s, wanted.max_duration_s
    return (least is None or least <= moment.duration_s) and (most is None or moment.duration_s < most)


CONDITIONS: tuple[Callable[[Restrictions, Moment], bool], ...] = (_time_of_day, _dates, _weekday, _energy, _duration)


def applies(restrictions: Restrictions, moment: Moment) -> bool:
    return all(holds(restrictions, moment) for holds in CONDITIONS)


def prices_in_force(tariff: Tariff, moment: Moment) -> dict[Dimension, tuple[int, PriceComponent]]:
    """For each dimension the first component whose element applies, with the element's number (from 1).

    A dimension that is missing here is free at this moment.
    """
    prices: dict[Dimension, tuple[int, PriceComponent]] = {}
    for number, element in enumerate(tariff.elements, start=1):
        if applies(element.restrictions, moment):
            for component in element.components:
                prices.setdefault(component.dimension, (number, component))
    return prices


class Boundaries(Struct, frozen=True):
    """Where some restriction can begin or cease to hold."""

    clock: frozenset[time]  # local times of day
    durations_s: frozenset[int]
    energies_wh: frozenset[Decimal]


def boundaries(tariff: Tariff) -> Boundaries:
    limits = [element.restrictions for element in tariff.elements]
    durations = (bound for limit in limits for bound in (limit.min_duration_s, limit.max_duration_s))
    energies = (bound for limit in limits for bound in (limit.min_energy_wh, limit.max_energy_wh))
    return Boundaries(
        frozenset(at for limit in limits for at in _clock_boundaries(limit)),
        frozenset(bound for bound in durations if bound is not None),
        frozenset(bound for bound in energies if bound is not None),
    )


def _clock_boundaries(limit: Restrictions) -> tuple[time, ...]:
    by_time = limit.start_time is not None or limit.end_time is not None
    if by_time or limit.weekdays or limit.start_date is not None or limit.end_date is not None:
        return (MIDNIGHT, limit.start_time or MIDNIGHT, limit.end_time or MIDNIGHT)
    return ()
