"""Which of a message's samples tell energy, and what kind each is.

The register that counts is Energy.Active.Import.Register at the outlet or in the cable, as an overall value; where a station
reports phases only, the sum of all three (OCPP 1.6 §7.43: an absent phase means the overall value; total and phases are
never added). What else tells energy is kept apart by its kind, for sessions that have nothing better (streams.energy): a total
that is labelled as one phase, the register before the converter of a DC station (Inlet), and intervals. Samples of other
places (Body, EV, Upstream) never count.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Context, Decimal
from enum import StrEnum

from msgspec import Struct

from vocabulary.charging import Sample

BEGIN, END, CLOCK = "Transaction.Begin", "Transaction.End", "Sample.Clock"
EXACT = Context(prec=60)  # sums and differences keep every digit: the longest register that is decoded has 42
_POWER = "Power.Active.Import"
_REGISTER = "Energy.Active.Import.Register"
_PHASES = (("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N"))


class Kind(StrEnum):
    """What a value is, the most trusted first. Values of two kinds are never mixed in one session."""

    TOTAL = ""
    ONE_PHASE = "phase"  # the only value of its instant, and labelled as that of one phase: a total under a wrong label
    INLET = "inlet"
    INTERVAL = "interval"  # the energy of an interval that ends at its instant
    CLOCK_INTERVAL = "clock"  # the same, clock-aligned: it begins there ("the timestamp of the start", 1.6 §9.1.5)


class Register(Struct, frozen=True, gc=False, array_like=True):
    """A value as one message told it; `context` only where it is that of the begin or the end."""

    at: datetime
    wh: Decimal
    context: str
    kind: Kind = Kind.TOTAL


Kinds = Mapping[tuple[str, str], Kind]  # by measurand and location
_KINDS = {
    (_REGISTER, "Outlet"): Kind.TOTAL,
    (_REGISTER, "Cable"): Kind.TOTAL,
    (_REGISTER, "Inlet"): Kind.INLET,
    ("Energy.Active.Import.Interval", "Outlet"): Kind.INTERVAL,
    ("Energy.Active.Import.Interval", "Cable"): Kind.INTERVAL,
}


EXPORTS = {(measurand.replace("Import", "Export"), place): kind for (measurand, place), kind in _KINDS.items()}


def registers(samples: Sequence[Sample], kinds: Kinds = _KINDS) -> tuple[Register, ...]:
    """The energy values among one message's samples, in order of time; one per instant, context and kind.

    Outlet and cable may be two registers: of a message that tells both, the outlet's counts. `kinds`: EXPORTS, of what the
    vehicle feeds back.
    """
    told = {(sample.measurand, sample.location) for sample in samples}
    return as_listed([s for s in samples if s.location != "Cable" or (s.measurand, "Outlet") not in told], kinds)


def as_listed(samples: Sequence[Sample], kinds: Kinds = _KINDS) -> tuple[Register, ...]:
    """The same, outlet and cable taken for one place: of two values the one that is listed last, as the first rules have it."""
    if not samples:
        return ()
    found: defaultdict[tuple[datetime, str, Kind], dict[str | None, Decimal]] = defaultdict(dict)
    for sample in samples:
        kind = kinds.get((sample.measurand, sample.location))
        if kind is not None:
            found[sample.at, sample.context, kind][sample.phase] = sample.value
    return tuple(
        register
        for (at, context, kind), phases in sorted(found.items())
        if (register := _register(at, context, kind, phases)) is not None
    )


def greatest_power(samples: Sequence[Sample]) -> Decimal | None:
    """In W, of one message's samples: the overall value where there is one beside its phases. None: no power was told."""
    return max((s.value for s in samples if s.measurand == _POWER and s.location in ("Outlet", "Cable")), default=None)


def _register(at: datetime, context: str, kind: Kind, phases: dict[str | None, Decimal]) -> Register | None:
    total = _total(phases)
    if total is None:
        return None
    if kind is Kind.INTERVAL and context == CLOCK:
        kind = Kind.CLOCK_INTERVAL
    elif kind is Kind.TOTAL and len(phases) == 1 and None not in phases:
        kind = Kind.ONE_PHASE
    return Register(at, total, context if context in (BEGIN, END) else "", kind)


def _total(phases: dict[str | None, Decimal]) -> Decimal | None:
    """The overall value if there is one, else the sum of three phases, else a single phase's value."""
    if None in phases:
        return phases[None]
    for names in _PHASES:
        if all(name in phases for name in names):
            first, second, third = (phases[name] for name in names)
            return EXACT.add(EXACT.add(first, second), third)
    return next(iter(phases.values())) if len(phases) == 1 else None


def last_of(told: Sequence[Register]) -> Register | None:
    """The last value of the meter itself, by the station's clock."""
    return max((r for r in told if r.kind is Kind.TOTAL), key=lambda r: (r.at, r.wh), default=None)
