"""Whether a price is in force at a moment. One function per kind of restriction; an element applies where all of them hold.

What the standard leaves open is decided as follows (docs/decisions.md):

    start_time = end_time            the whole day, as the other reading would give the session away
    end_time 00:00                   the end of the day
    only one of the two              until, or from, midnight
    date and time                    a daily window within a range of dates
    weekday and a wrapping window    both at the instant: FRIDAY 22:00-06:00 ends at midnight, for then it is Saturday
    clock change                     the wall clock: an hour that happens twice counts twice, a skipped one never
    power, current not measured      no restriction on them holds, and the rating notes it
"""

from collections.abc import Callable, Iterator
from datetime import date, time
from decimal import Decimal

from vocabulary.circumstances import NOTHING_KNOWN, Circumstances
from vocabulary.tariff import Restrictions, Tariff, Weekday

MIDNIGHT = time(0, 0)
_WEEK = tuple(Weekday)
_EPOCH = date(1970, 1, 1)
_THURSDAY = 3  # the weekday of that day, counted from Monday


class Moment:
    """What restrictions look at; it is moved along a session, and notes where something was asked for that nobody measured."""

    __slots__ = ("charging", "current", "day", "duration", "energy", "idle", "lacks_power", "power", "second", "weekday")

    second: int  # of the local day
    day: int  # the local date, counted from 1970-01-01
    weekday: int  # of that date, counted from Monday
    energy: int  # since the start of the session, in the unit that the conditions were made for
    duration: int  # since the start of the session, s
    charging: int  # how much of that was charging
    idle: int  # and idle
    power: Decimal | None
    current: Decimal | None
    lacks_power: bool

    def __init__(self) -> None:
        self.second = self.day = self.weekday = self.energy = self.duration = self.charging = self.idle = 0
        self.power = self.current = None
        self.lacks_power = False

    def set_clock(self, local: int) -> None:
        """`local`: seconds since 1970 by the wall clock."""
        self.day, self.second = divmod(local, 86_400)
        self.weekday = (self.day + _THURSDAY) % 7


Condition = Callable[[Moment], bool]


def conditions(wanted: Restrictions, places: int, known: Circumstances = NOTHING_KNOWN) -> tuple[Condition, ...]:
    """What has to be asked at each moment; energy is in 10^-`places` Wh. What circumstances decide is decided here."""
    if not _holds_throughout(wanted, known):
        return (_never,)
    kinds = (_time_of_day, _dates, _weekdays)
    asked = [condition for kind in kinds if (condition := kind(wanted)) is not None]
    return (*asked, *_energies(wanted, places), *_durations(wanted), *_powers(wanted))


def energy_bounds(wanted: Restrictions, places: int) -> tuple[int, ...]:
    return tuple(int(bound.scaleb(places)) for bound in (wanted.min_energy_wh, wanted.max_energy_wh) if bound is not None)


def clock_bounds(wanted: Restrictions) -> tuple[int, ...]:
    """The seconds after midnight at which a restriction can begin or cease to hold."""
    by_time = wanted.start_time is not None or wanted.end_time is not None
    if by_time or wanted.weekdays or wanted.start_date is not None or wanted.end_date is not None:
        return (0, _second(wanted.start_time or MIDNIGHT), _second(wanted.end_time or MIDNIGHT))
    return ()


def energy_places(tariff: Tariff) -> int:
    """How many decimals, in Wh, the energy bounds of a tariff have."""
    limits = [element.restrictions for element in tariff.elements]
    bounds = [bound for limit in limits for bound in (limit.min_energy_wh, limit.max_energy_wh) if bound is not None]
    exponents = (bound.normalize().as_tuple().exponent for bound in bounds)
    return max((-exponent for exponent in exponents if isinstance(exponent, int)), default=0)


def _never(_: Moment) -> bool:
    return False


def _holds_throughout(wanted: Restrictions, known: Circumstances) -> bool:
    """Of what is the same for the whole session."""
    asked = (
        (wanted.evse_kind, known.evse_kind),
        (wanted.payment_brand, known.payment_brand),
        (wanted.payment_recognition, known.payment_recognition),
    )
    return all(one is None or one == found for one, found in asked)


def _time_of_day(wanted: Restrictions) -> Condition | None:
    start, end = _second(wanted.start_time or MIDNIGHT), _second(wanted.end_time or MIDNIGHT)
    if start == end:
        return None
    if start < end:
        return lambda moment: start <= moment.second < end
    return lambda moment: moment.second >= start or moment.second < end


def _dates(wanted: Restrictions) -> Condition | None:
    since = None if wanted.start_date is None else (wanted.start_date - _EPOCH).days
    until = None if wanted.end_date is None else (wanted.end_date - _EPOCH).days
    if since is None and until is None:
        return None
    return lambda moment: (since is None or since <= moment.day) and (until is None or moment.day < until)


def _weekdays(wanted: Restrictions) -> Condition | None:
    days = frozenset(map(_WEEK.index, wanted.weekdays))
    return (lambda moment: moment.weekday in days) if days else None


def _energies(wanted: Restrictions, places: int) -> Iterator[Condition]:
    if wanted.min_energy_wh is not None:
        least = int(wanted.min_energy_wh.scaleb(places))
        yield lambda moment: least <= moment.energy
    if wanted.max_energy_wh is not None:
        most = int(wanted.max_energy_wh.scaleb(places))
        yield lambda moment: moment.energy < most


def _durations(wanted: Restrictions) -> Iterator[Condition]:
    if (least := wanted.min_duration_s) is not None:
        yield lambda moment: least <= moment.duration
    if (most := wanted.max_duration_s) is not None:
        yield lambda moment: moment.duration < most
    if (charging_least := wanted.min_charging_s) is not None:
        yield lambda moment: charging_least <= moment.charging
    if (charging_most := wanted.max_charging_s) is not None:
        yield lambda moment: moment.charging < charging_most
    if (idle_least := wanted.min_idle_s) is not None:
        yield lambda moment: idle_least <= moment.idle
    if (idle_most := wanted.max_idle_s) is not None:
        yield lambda moment: moment.idle < idle_most


def _powers(wanted: Restrictions) -> Iterator[Condition]:
    """Asked last: what was not measured is missed only where all else holds."""
    if wanted.min_power_w is not None or wanted.max_power_w is not None:
        power_least, power_most = wanted.min_power_w, wanted.max_power_w
        yield lambda moment: _within(moment, moment.power, power_least, power_most)
    if wanted.min_current_a is not None or wanted.max_current_a is not None:
        current_least, current_most = wanted.min_current_a, wanted.max_current_a
        yield lambda moment: _within(moment, moment.current, current_least, current_most)


def _within(moment: Moment, value: Decimal | None, least: Decimal | None, most: Decimal | None) -> bool:
    if value is None:
        moment.lacks_power = True
        return False
    return (least is None or least <= value) and (most is None or value < most)


def _second(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second
