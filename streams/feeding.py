"""What a vehicle fed back in a session: the register that counts exported energy, as a curve of its own.

Energy.Active.Export.Register (1.6 §7.31; 2.0.1 and 2.1 MeasurandEnumType) beside the import register, and never netted with it.
No field of a transaction tells it at its two ends, so it is made of samples alone, by the rules of `streams.energy`: first and
last of the outlet or the cable, else of one phase, of the inlet, of intervals. It is kept of sessions that a tariff may pay for
it (`streams.measuring`).

    nothing told, a register that stands still          nothing was fed back
    one value, or values that contradict themselves     not known, which is never zero: the amount waits for a person
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from streams.clock import Clock
from streams.energy import Bounds, energy
from streams.measured import momentary
from streams.registers import EXPORTS, Register, registers
from streams.said import Said
from vocabulary.charging import Sample
from vocabulary.sessions import Doubt, Finding, Reading

if TYPE_CHECKING:
    from streams.sessions import Gathering

_SHOWN_MAX = 3  # values in the detail of a finding


class FedBack(NamedTuple):
    """`readings` from start to end, never falling; none: nothing, or it is not known how much, which a doubt says then."""

    readings: tuple[Reading, ...] = ()
    doubts: tuple[Doubt, ...] = ()


def exports(samples: Sequence[Sample]) -> tuple[Register, ...]:
    """The exported energy that one message tells."""
    return registers(samples, EXPORTS)


def kept(said: Said, state: "Gathering", samples: Sequence[Sample]) -> Said:
    """With what is kept of some sessions only."""
    if state.measures:
        said = structs.replace(said, momentary=momentary(samples))
    return structs.replace(said, exported=exports(samples)) if state.feeds else said


def fed_back(counted: Iterable[Said], clock: Clock) -> FedBack:
    """Of all that counts for a session, by its times."""
    told_by_all = clock.corrected(register for said in counted for register in said.exported)
    found = sorted(told_by_all, key=lambda register: (register.at, register.wh))
    if not found:
        return FedBack()
    told = energy(Bounds(clock.start, None, clock.end, None), found)
    if isinstance(told, Doubt):
        values = ", ".join(f"{register.wh} Wh at {register.at.isoformat()}" for register in found[:_SHOWN_MAX])
        why = f"not told at start and end, but {values}" if told.finding is Finding.ENERGY_UNKNOWN else told.detail
        return FedBack(doubts=(Doubt(finding=Finding.EXPORT_UNKNOWN, detail=f"export register {why}"),))
    doubts = tuple(structs.replace(doubt, detail=f"fed back: {doubt.detail}") for doubt in told.doubts)
    first, *_, last = told.readings
    return FedBack(told.readings if first.register_wh < last.register_wh else (), doubts)
