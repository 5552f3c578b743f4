"""What the vehicle did from start to end of a session: charging, idle, or waiting for charging to begin.

1.6 tells it by StatusNotification (reordered or lost when offline, so the default is charging), 2.x by chargingState.

    1.6 status       2.x chargingState                     before charging began     afterwards
    Charging         Charging                              charging                  charging
    SuspendedEVSE    SuspendedEVSE                         waiting (1.6 charging)    charging: the station's doing
    SuspendedEV      SuspendedEV                           idle                      idle
    Finishing        EVConnected                           waiting (1.6 idle)        idle
                     Idle (no vehicle is connected)        waiting                   waiting

A pause by the station is time of charging, a pause by the vehicle is parking time (OCPI 2.2.1 errata of 2026-05).
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from vocabulary.charging import ChargingState
from vocabulary.sessions import Activity, Stretch


class Told(Struct, frozen=True, gc=False, array_like=True):
    """A status (1.6) or charging state (2.x) at an instant; `order` breaks ties (2.x seqNo)."""

    at: datetime
    order: int
    word: str


_STATUS = {
    "Charging": Activity.CHARGING,
    "SuspendedEVSE": Activity.CHARGING,
    "SuspendedEV": Activity.IDLE,
    "Finishing": Activity.IDLE,
}
TELLING_STATUSES = frozenset(_STATUS)


def by_status(start: datetime, end: datetime, told: Iterable[Told]) -> tuple[Stretch, ...]:
    """The stretches of a 1.6 session: charging from the start, until a status says otherwise."""
    changes = [(start, Activity.CHARGING)]
    changes += [(t.at, _STATUS[t.word]) for t in sorted(told, key=_order) if start <= t.at < end]
    return _stretches(changes, end)


def by_charging_state(start: datetime, end: datetime, told: Iterable[Told]) -> tuple[Stretch, ...]:
    """The stretches of a 2.x session. A session of which no state was ever told is charging throughout.

    What a clock that was set back tells from before the start holds from the start on.
    """
    states = sorted((Told(max(t.at, start), t.order, t.word) for t in told), key=_order)
    begun = not states
    changes = [(start, Activity.CHARGING if begun else Activity.WAITING)]
    for state in states:
        begun = begun or state.word == ChargingState.CHARGING
        if state.at < end:
            changes.append((state.at, _activity(ChargingState(state.word), begun)))
    return _stretches(changes, end)


def _activity(state: ChargingState, begun: bool) -> Activity:
    match state:
        case ChargingState.CHARGING:
            return Activity.CHARGING
        case ChargingState.SUSPENDED_EV:
            return Activity.IDLE
        case ChargingState.SUSPENDED_EVSE:
            return Activity.CHARGING if begun else Activity.WAITING
        case ChargingState.EV_CONNECTED:
            return Activity.IDLE if begun else Activity.WAITING
        case ChargingState.IDLE:
            return Activity.WAITING


def _order(told: Told) -> tuple[datetime, int, str]:
    return told.at, told.order, told.word


def _stretches(changes: list[tuple[datetime, Activity]], end: datetime) -> tuple[Stretch, ...]:
    """Contiguous stretches; of changes at one instant the last counts, neighbours of the same kind are one."""
    stretches: list[Stretch] = []
    for (since, activity), until in zip(changes, [at for at, _ in changes[1:]] + [end], strict=True):
        if since == until:
            continue
        if stretches and stretches[-1].activity == activity:
            stretches[-1] = Stretch(start=stretches[-1].start, end=until, activity=activity)
        else:
            stretches.append(Stretch(start=since, end=until, activity=activity))
    return tuple(stretches)
