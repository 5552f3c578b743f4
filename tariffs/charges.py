"""What the prices of a session find to charge, period by period; and added up by price, with what step sizes add.

    ENERGY in every period    TIME while charging    PARKING_TIME while idle    FLAT once, at the first price that comes up
    ENERGY_EXPORT in every period, below zero        SWAP as FLAT, for each set of batteries

A reservation is charged as a session without energy of its own: TIME while it lasts, FLAT once.

Step sizes (OCPI mod_tariffs, step_size) apply once per session to the total of a unit, energy or time, never where
prices change. The total is rounded up to the next multiple of the last step size, and what that adds is billed at that
last price. 28 minutes, 6 of them before a price change and 22 after it, with steps of 10 minutes are 30 minutes, 24 of them
at the later price:

    >>> surplus(6 * 60 + 22 * 60, step=600)
    120

An exact multiple stays. A step size of 0 does not round. TIME and PARKING_TIME count together: where both are billed, only
the parking time is rounded. Time that has no price is neither rounded nor counted. Fees and what is fed back have no steps.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from tariffs.compiled import ENERGY, EXPORT, FLAT, PARKING, SWAP, TIME, Rule
from tariffs.periods import Period
from tariffs.policy import StepOnTime
from vocabulary.sessions import Activity

_TIMED = {Activity.CHARGING: TIME, Activity.IDLE: PARKING}


class Charge(Struct, frozen=True, gc=False):
    """What one price charges for one period: energy in the timeline's unit, whole seconds, 1 for FLAT, sets for SWAP."""

    rule: Rule
    quantity: int
    since: int
    until: int
    period: int  # counted from 0


class Taken(Struct, gc=False):
    """What one price charges altogether; `surplus` is what its step size adds."""

    rule: Rule
    quantity: int
    since: int
    until: int
    surplus: int = 0
    breaks: bool = False  # it did not charge all the time from `since` to `until`


def charges(cut: Sequence[Period], *, flat_at_start: bool = False, sets: int = 0) -> list[Charge]:
    """In order of time. Of several fees of a kind only the first that comes up is due; `flat_at_start`: or none."""
    found: list[Charge] = []
    flat, swap = (cut[0].prices[FLAT], cut[0].prices[SWAP]) if cut else (None, None)
    feeds = bool(cut) and cut[0].exported is not None
    for place, period in enumerate(cut):
        prices, since, until = period.prices, period.start, period.end
        if (rule := prices[FLAT]) is not None and not (flat_at_start and flat is None):
            flat = flat or rule
            if rule is flat:
                found.append(Charge(rule, 1, since, until, place))
        if sets and (rule := prices[SWAP]) is not None and not (flat_at_start and swap is None):
            swap = swap or rule
            if rule is swap:
                found.append(Charge(rule, sets, since, until, place))
        if (rule := prices[ENERGY]) is not None:
            found.append(Charge(rule, period.energy, since, until, place))
        if feeds and (rule := prices[EXPORT]) is not None:
            found.append(Charge(rule, -(period.exported or 0), since, until, place))
        timed = _TIMED.get(period.activity)
        if timed is not None and since < until and (rule := prices[timed]) is not None:
            found.append(Charge(rule, until - since, since, until, place))
    return found


def taken(found: Iterable[Charge], *, steps: bool, step_on_time: StepOnTime = StepOnTime.PARKING) -> list[Taken]:
    """By price, each at the place where it first came up."""
    by_rule: dict[int, Taken] = {}
    last: dict[int, Rule] = {}  # of each kind of price, that which charged last
    for charge in found:
        rule = charge.rule
        if (so_far := by_rule.get(rule.number)) is None:
            by_rule[rule.number] = Taken(rule, charge.quantity, charge.since, charge.until)
        else:
            so_far.breaks = so_far.breaks or so_far.until < charge.since
            so_far.until = charge.until
            if rule.slot >= ENERGY:
                so_far.quantity += charge.quantity
        if charge.quantity and rule.slot >= ENERGY:
            last.pop(rule.slot, None)
            last[rule.slot] = rule
    if steps:
        _add_surplus(by_rule, last, ENERGY)
        timed = [slot for slot in last if slot in (TIME, PARKING)]
        if timed:
            parking_is_rounded = step_on_time is StepOnTime.PARKING and PARKING in timed
            _add_surplus(by_rule, last, PARKING if parking_is_rounded else timed[-1])
    return [*by_rule.values()]


def surplus(total: int, step: int) -> int:
    """How much is missing to the next multiple of the step."""
    return -total % step if step else 0


def _add_surplus(by_rule: dict[int, Taken], last: dict[int, Rule], slot: int) -> None:
    if (rule := last.get(slot)) is not None:
        total = sum(one.quantity for one in by_rule.values() if one.rule.slot == slot)
        by_rule[rule.number].surplus = surplus(total, rule.step)
