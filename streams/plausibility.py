"""The gate before billing: whether an EVSE can have delivered what a session tells, and what to do where it cannot.

    more than 30 days                            blocks: no time of it can be believed
    values between start and end contradict      blocks until a person says that start and end are right
    clock not to be trusted                      blocks where the price depends on the time, else informs
    begin 0, then a jump that no EVSE makes      the begin was a placeholder: the first credible register counts; held
    every part a thousand times too much         blocks: a unit is wrong, and nobody can say which
    more than power x time in any other way      blocks

Power x time is asked of the whole and of each part between two readings: days plugged in leave time for any register. What
a vehicle feeds back is asked the same.

The session itself is not changed: what comes out here is what is billed, with the findings that explain it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise, takewhile
from typing import NamedTuple

from msgspec import structs

from streams.clock import ANCIENT
from streams.registers import EXACT
from vocabulary.quantities import WattHours, seconds_between
from vocabulary.sessions import CONTRADICTING, ChargingSession, Doubt, Finding, Quality, Reading, doubts_of, exported_of
from vocabulary.tariff import Dimension, Restrictions, Tariff

LONGEST = timedelta(days=30)  # what lasts longer began or ended by a broken clock, and its time has no price
_MARGIN = Decimal("1.1")  # a meter may read above the EVSE's nameplate power
_GRACE_S = 60  # and clocks are told in whole seconds, some of them late
_STALE_S = 900  # a station may read its meter more seldom than it tells it: what was delivered before comes in one part
_COARSE_WH = 1000  # and some registers count in whole kWh
_THOUSAND = 1000
_TIMED = {Dimension.TIME, Dimension.PARKING_TIME}


class Judged(NamedTuple):
    """The session as it is billed. `blocks`: why it is not; `doubts`: what else is to be told of it."""

    session: ChargingSession
    doubts: tuple[Doubt, ...] = ()
    blocks: Doubt | None = None


def judge(session: ChargingSession, power_w_max: int, waived: Collection[Finding] = ()) -> Judged:
    """What an EVSE of this power makes of a session; before any tariff is looked at."""
    judged = _of_what_was_delivered(session, power_w_max, waived)
    if judged.blocks is not None or not (exported := exported_of(session)):
        return judged
    blocks = _too_much(exported, power_w_max)
    if blocks is None or blocks.finding in waived:
        return judged
    return judged._replace(blocks=structs.replace(blocks, detail=f"fed back: {blocks.detail}"))


def _of_what_was_delivered(session: ChargingSession, power_w_max: int, waived: Collection[Finding]) -> Judged:
    doubts = doubts_of(session)
    if session.end - session.start > LONGEST and Finding.DURATION_IMPLAUSIBLE not in waived:
        lasts = f"{session.start.isoformat()} to {session.end.isoformat()}"
        return Judged(session, doubts, Doubt(finding=Finding.DURATION_IMPLAUSIBLE, detail=lasts))
    if contradiction := next((d for d in doubts if d.finding in CONTRADICTING and d.finding not in waived), None):
        return Judged(session, doubts, contradiction)
    if (blocks := _too_much(session.readings, power_w_max)) is None:
        return Judged(session, doubts)
    credible = after_placeholder(session.readings, power_w_max)
    if credible is None:
        return Judged(session, doubts, None if blocks.finding in waived else blocks)
    told = f"0 Wh at {session.start.isoformat()}, {credible[1].register_wh} Wh at {credible[1].at.isoformat()}"
    noticed = Doubt(finding=Finding.BEGIN_PLACEHOLDER, detail=f"{told}: {session.energy_wh} Wh if believed")
    others = (doubt for doubt in doubts if doubt.finding is not noticed.finding)  # which is told once, by what is done about it
    return Judged(_with_readings(session, credible), (noticed, *others))


def after_placeholder(readings: Sequence[Reading], power_w_max: int) -> tuple[Reading, ...] | None:
    """The readings without a begin of 0 that was none: the first above 0 is more than the EVSE can have delivered until then.

    None where the begin is no 0, where there is no reading between it and the end, or where the rest is too much as well.
    """
    zeros = list(takewhile(lambda reading: reading.register_wh == 0, readings))
    rest = readings[len(zeros) :]
    if not zeros or len(rest) < 2:
        return None
    if rest[0].register_wh <= _most_wh(zeros[-1].at, rest[0].at, power_w_max) or _too_much(rest, power_w_max):
        return None
    return (Reading(at=readings[0].at, register_wh=rest[0].register_wh), *rest)


def _with_readings(session: ChargingSession, readings: tuple[Reading, ...]) -> ChargingSession:
    energy = WattHours(EXACT.subtract(readings[-1].register_wh, readings[0].register_wh))
    return structs.replace(session, readings=readings, energy_wh=energy, quality=Quality.ESTIMATED)


def _too_much(readings: Sequence[Reading], power_w_max: int) -> Doubt | None:
    """What an EVSE of this power cannot have delivered: the whole, or a part of it."""
    first, last = readings[0], readings[-1]
    energy_wh = EXACT.subtract(last.register_wh, first.register_wh)
    if energy_wh <= (limit := _most_wh(first.at, last.at, power_w_max)):
        return _jump(readings, power_w_max)
    told = f"{energy_wh} Wh, at most {limit:.0f} Wh fit"
    if _is_a_thousand_times_too_high(readings, power_w_max):
        return Doubt(finding=Finding.UNIT_IMPLAUSIBLE, detail=f"{told}; a thousandth would in each part")
    return Doubt(finding=Finding.ENERGY_IMPLAUSIBLE, detail=told)


def _jump(readings: Sequence[Reading], power_w_max: int) -> Doubt | None:
    """The first part between two readings that is too much, though the whole is not."""
    fits_any = _most_wh(readings[0].at, readings[0].at, power_w_max, _STALE_S) + _COARSE_WH  # however near the two are
    for before, after in pairwise(readings):
        rise = EXACT.subtract(after.register_wh, before.register_wh)
        if rise <= fits_any:
            continue
        limit = _most_wh(before.at, after.at, power_w_max, _STALE_S) + _COARSE_WH
        if rise > limit:
            told = f"{rise} Wh from {before.at.isoformat()} to {after.at.isoformat()}, at most {limit:.0f} Wh fit"
            return Doubt(finding=Finding.ENERGY_IMPLAUSIBLE, detail=told)
    return None


def _is_a_thousand_times_too_high(readings: Sequence[Reading], power_w_max: int) -> bool:
    """Whether two or more parts between readings are too much, all together more than tenfold, and a thousandth of each is not.

    A single jump may be a wrong begin or end as well, and a little too much a wrong power: no sign of a wrong unit.
    """
    whole = _most_wh(readings[0].at, readings[-1].at, power_w_max)
    if readings[-1].register_wh - readings[0].register_wh <= 10 * whole:
        return False
    parts = [(after.register_wh - before.register_wh, before.at, after.at) for before, after in pairwise(readings)]
    risen = [(rise, _most_wh(since, until, power_w_max)) for rise, since, until in parts if rise > 0]
    return len(risen) > 1 and all(most < rise <= most * _THOUSAND for rise, most in risen)


def _most_wh(start: datetime, end: datetime, power_w_max: int, before_s: int = 0) -> Decimal:
    """The energy that an EVSE can have delivered in that time, and so many seconds before it."""
    return Decimal(power_w_max) * _MARGIN * (seconds_between(start, end) + _GRACE_S + before_s) / 3600


def clock_blocks(
    session: ChargingSession, tariff: Tariff | None, waived: Collection[Finding] = (), by_time: bool = False
) -> Doubt | None:
    """The doubt about the clock, where it is one about the price: the tariff has parts that depend on the time.

    `tariff` None: before one was looked for, which takes a date. Without a date nobody can set it aside. `by_time`: at another
    time of day, or on another weekday, another tariff would have been chosen.
    """
    doubt = next((d for d in doubts_of(session) if d.finding is Finding.CLOCK_UNTRUSTED), None)
    if doubt is None:
        return None
    dateless = session.start < ANCIENT or session.end < ANCIENT
    timed = tariff is not None and (by_time or depends_on_time(tariff)) and doubt.finding not in waived
    return doubt if dateless or timed else None


def depends_on_time(tariff: Tariff) -> bool:
    """Whether a part of the price is for time, applies at some times only, or is another at each time."""
    return any(
        component.dimension in _TIMED or component.series is not None or _is_timed(element.restrictions)
        for element in tariff.elements
        for component in element.components
    )


def _is_timed(restrictions: Restrictions) -> bool:
    """Whether there is more than what holds for all of a session or follows from its energy."""
    timeless = ("min_energy_wh", "max_energy_wh", "evse_kind", "payment_brand", "payment_recognition")
    return restrictions != Restrictions(**{name: getattr(restrictions, name) for name in timeless})
