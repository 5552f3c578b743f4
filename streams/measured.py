"""The power and the current that a session's messages tell, kept where a price may depend on them (`streams.measuring`).

Power.Active.Import and Current.Import at the outlet or in the cable. An absent phase means the overall value (OCPP 1.6 §7.43);
else the phases that are told are added up, those to neutral only where there are no others. A value holds until the next one,
so of equal ones in a row one each quarter of an hour is kept, as the sign that they were measured.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec import UNSET, Struct, UnsetType

from streams.registers import EXACT
from vocabulary import charging
from vocabulary.circumstances import Sample

MOST = 4096  # values of a session: one each 10 seconds, for eleven hours
_POWER, _CURRENT = "Power.Active.Import", "Current.Import"
_PHASES = (("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N"))
_SIGN_OF_LIFE = timedelta(minutes=15)
_SLOT = timedelta(seconds=10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Momentary(Struct, frozen=True, gc=False, array_like=True):
    """What one message told of an instant. None: not told."""

    at: datetime
    power_w: Decimal | None
    current_a: Decimal | None


Measured = tuple[Sample, ...] | UnsetType  # UNSET: nothing is kept, or nothing was told


def momentary(samples: Sequence[charging.Sample]) -> tuple[Momentary, ...]:
    """In order of time. Outlet and cable are one place: of a message that tells both, the outlet's value counts."""
    found: defaultdict[datetime, dict[tuple[str, str, str | None], Decimal]] = defaultdict(dict)
    for sample in samples:
        if sample.measurand in (_POWER, _CURRENT) and sample.location in ("Outlet", "Cable"):
            key = (sample.measurand, sample.location, sample.phase)
            found[sample.at][key] = max(sample.value, found[sample.at].get(key, sample.value))
    return tuple(Momentary(at, _value(told, _POWER), _value(told, _CURRENT)) for at, told in sorted(found.items()))


def _value(told: dict[tuple[str, str, str | None], Decimal], measurand: str) -> Decimal | None:
    for location in ("Outlet", "Cable"):
        by_phase = {phase: value for (of, place, phase), value in told.items() if (of, place) == (measurand, location)}
        if None in by_phase:
            return by_phase[None]
        for names in _PHASES:
            if values := [by_phase[name] for name in names if name in by_phase]:
                return _sum(values)
    return None


def _sum(values: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, value)
    return total


def measured(told: Iterable[Momentary], start: datetime, end: datetime) -> tuple[Measured, Measured]:
    """Power in W and current in A, as a session bears them, whatever the order in which they were told."""
    powers, currents = dict[datetime, Decimal](), dict[datetime, Decimal]()
    for one in told:
        if one.power_w is not None:
            powers[one.at] = max(one.power_w, powers.get(one.at, one.power_w))
        if one.current_a is not None:
            currents[one.at] = max(one.current_a, currents.get(one.at, one.current_a))
    return _kept(powers, start, end), _kept(currents, start, end)


def _kept(told: dict[datetime, Decimal], start: datetime, end: datetime) -> Measured:
    """Before the start the last value alone: it holds as the session begins."""
    before = max((at for at in told if at <= start), default=start)
    kept = list[Sample]()
    for at, value in sorted((at, value) for at, value in told.items() if before <= at < end):
        if not kept or value != kept[-1].value or at - kept[-1].at >= _SIGN_OF_LIFE:
            kept.append(Sample(at=at, value=value))
    return tuple(_bounded(kept)) or UNSET


def _bounded(kept: list[Sample]) -> list[Sample]:
    """Where they are too many, the last one of each slot of time, in slots that are long enough."""
    slot = _SLOT
    while len(kept) > MOST:
        kept, slot = [*{(sample.at - _EPOCH) // slot: sample for sample in kept}.values()], 2 * slot
    return kept
