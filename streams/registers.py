"""Which of a message's samples is the import register, and how a curve of it is made.

The register that counts is Energy.Active.Import.Register at the outlet or in the cable, as an overall value; where a station
reports phases only, the sum of all three (OCPP 1.6 §7.43: an absent phase means the overall value; total and phases are
never added). Samples of other places (Inlet, Body, EV, Upstream) never count.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Context, Decimal

from msgspec import Struct

from vocabulary.charging import Sample
from vocabulary.quantities import WattHours
from vocabulary.sessions import Reading

BEGIN, END = "Transaction.Begin", "Transaction.End"
EXACT = Context(prec=60)  # sums and differences keep every digit: the longest register that is decoded has 42
ROUNDING_WH = Decimal(1)  # integer registers truncate at one end and round at the other: 1 Wh is no contradiction
_REGISTER = "Energy.Active.Import.Register"
_PLACES = ("Outlet", "Cable")
_PHASES = (("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N"))


class Register(Struct, frozen=True, array_like=True):
    """The import register as one message told it; `context` only where it is that of the begin or the end."""

    at: datetime
    wh: Decimal
    context: str


def registers(samples: Sequence[Sample]) -> tuple[Register, ...]:
    """The register values among samples, in order of time; one per instant and context."""
    found: defaultdict[tuple[datetime, str], dict[str | None, Decimal]] = defaultdict(dict)
    for sample in samples:
        if sample.measurand == _REGISTER and sample.location in _PLACES:
            found[sample.at, sample.context][sample.phase] = sample.value
    return tuple(
        Register(at, total, context if context in (BEGIN, END) else "")
        for (at, context), phases in sorted(found.items())
        if (total := _total(phases)) is not None
    )


def _total(phases: dict[str | None, Decimal]) -> Decimal | None:
    """The overall value if there is one, else the sum of three phases, else a single phase's value."""
    if None in phases:
        return phases[None]
    for names in _PHASES:
        if all(name in phases for name in names):
            first, second, third = (phases[name] for name in names)
            return EXACT.add(EXACT.add(first, second), third)
    return next(iter(phases.values())) if len(phases) == 1 else None


def curve(begin: Reading, between: Iterable[Register], end: Reading) -> tuple[Reading, ...] | Register:
    """Readings from begin to end that never fall, or the first register value that contradicts them.

    A value within rounding below its predecessor or above the end is clamped; a greater fall is the contradiction.
    """
    readings = [begin]
    for register in sorted(between, key=lambda r: (r.at, r.wh)):
        if not begin.at < register.at < end.at:
            continue
        lowest, highest = readings[-1].register_wh, end.register_wh
        if register.wh < lowest - ROUNDING_WH or register.wh > highest + ROUNDING_WH:
            return register
        clamped = WattHours(min(max(register.wh, lowest), highest))
        if register.at > readings[-1].at:
            readings.append(Reading(at=register.at, register_wh=clamped))
    return (*readings, end)
