"""A session that is a swap of batteries: what those that went out held more than those that came in.

    came in    40 %                 2.4 kWh    of 6 kWh each, the nominal capacity of the EVSE's batteries (reference data)
    went out   95 %                 5.7 kWh
    delivered                       3.3 kWh    by the price of energy, beside the fee for the set

Had those that came in held more, the difference was fed back, and no energy is below zero. There is no register and no power:
the gate and the comparison with the meter pass it by. Where a state of charge or the capacity is not known, nor is the energy.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import UNSET, structs

from streams.clock import Clock
from streams.energy import Energy
from streams.registers import EXACT
from streams.said import Said
from vocabulary.charging import BATTERY_SWAP, Sample
from vocabulary.exchanged import BatteriesSwapped
from vocabulary.quantities import WattHours
from vocabulary.reference import Evse
from vocabulary.sessions import ChargingSession, Doubt, EnergySource, Finding, Reading

_ZERO = WattHours(Decimal(0))
_PERCENT = Decimal("0.01")


def states_of_charge(trigger: str | None, samples: Sequence[Sample]) -> tuple[Decimal, ...] | None:
    """In percent, of a message that tells one side of a swap; None: it is none."""
    if trigger != BATTERY_SWAP:
        return None
    return tuple(sorted(sample.value for sample in samples if sample.measurand == "SoC"))


def swap_of(counted: Sequence[Said]) -> BatteriesSwapped | None:
    """What all that counts for a session tells of a swap."""
    told = {said.seq: said.swapped for said in counted if said.swapped is not None}
    return BatteriesSwapped(in_percent=told.get(0, ()), out_percent=told.get(1, ())) if told else None


def energy_of(swap: BatteriesSwapped, clock: Clock) -> Energy | Doubt:
    """None of a register, until the capacity of the batteries is known; nothing where one of the two sides is not."""
    if clock.end < clock.start:
        told = f"start {clock.start.isoformat()}, end {clock.end.isoformat()}"
        return Doubt(finding=Finding.END_BEFORE_START, detail=told)
    if not swap.in_percent or not swap.out_percent:
        missing = "in" if not swap.in_percent else "out"
        return Doubt(finding=Finding.ENERGY_UNKNOWN, detail=f"batteries: no state of charge of what went {missing}")
    ends = (Reading(at=clock.start, register_wh=_ZERO), Reading(at=clock.end, register_wh=_ZERO))
    return Energy(EnergySource.STATE_OF_CHARGE, ends)


def as_billed(session: ChargingSession, evse: Evse) -> ChargingSession | Doubt:
    """With the energy that was swapped, as if a register of what is delivered, and one of what is fed back, had counted it."""
    swap = session.swap
    assert swap is not UNSET, "asked only of swaps"
    if evse.battery_capacity_wh is UNSET:
        return Doubt(finding=Finding.CAPACITY_UNKNOWN, detail=f"EVSE {evse.evse_id}: battery_capacity_wh")
    came_in, went_out = (_stored(each, evse.battery_capacity_wh) for each in (swap.in_percent, swap.out_percent))
    start, end = session.start, session.end
    if went_out >= came_in:
        delivered = (Reading(at=start, register_wh=came_in), Reading(at=end, register_wh=went_out))
        return structs.replace(session, readings=delivered, energy_wh=WattHours(EXACT.subtract(went_out, came_in)))
    fed_back = (Reading(at=start, register_wh=went_out), Reading(at=end, register_wh=came_in))
    still = tuple(Reading(at=at, register_wh=went_out) for at in (start, end))
    return structs.replace(session, readings=still, exported=fed_back)


def _stored(states_percent: Sequence[Decimal], capacity_wh: int) -> WattHours:
    stored = Decimal(0)
    for percent in states_percent:
        stored = EXACT.add(stored, EXACT.multiply(EXACT.multiply(percent, _PERCENT), Decimal(capacity_wh)))
    return WattHours(stored)
