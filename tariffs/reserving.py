"""The time for which an EVSE was kept free, cut and priced as a session of its own kind.

    OCPI 2.x    as it goes by: energy none, and durations count from the beginning of the reservation
    OCPP 2.1    all of it by the conditions at the start of the transaction (I12.FR.06); an expired one has no price there

Where a reservation expired, RESERVATION_EXPIRES comes first, and what it lacks RESERVATION gives (vector S19).
"""

from zoneinfo import ZoneInfo

from msgspec.structs import replace

from tariffs.clock import second_of
from tariffs.compiled import Compiled
from tariffs.periods import Period, Scheduled, periods
from tariffs.timeline import LINE_PLACES, Timeline
from vocabulary.circumstances import Circumstances
from vocabulary.sessions import Activity, ChargingSession
from vocabulary.tariff import Profile


def reserved_periods(
    session: ChargingSession, scheduled: Scheduled, site: ZoneInfo, known: Circumstances, profile: Profile
) -> list[Period]:
    assert known.reserved is not None, "asked only of sessions with a reservation"
    since, until = second_of(known.reserved.start), second_of(known.reserved.end)
    first = _for_reservation(scheduled[0][1], expired=known.reserved.expired)
    if profile is not Profile.OCPP_2_1:
        return periods(_span(since, until), [(since, first)], site, Circumstances())
    if known.reserved.expired:
        return []
    at = second_of(session.start)
    (judged,) = periods(_span(at, at), [(at, first)], site, Circumstances())
    return [replace(judged, start=since, end=until)]


def _span(start: int, end: int) -> Timeline:
    """Time alone; it counts as TIME, as charging does."""
    return Timeline(start, end, [], [], LINE_PLACES, [(start, Activity.CHARGING)])


def _for_reservation(compiled: Compiled, *, expired: bool) -> Compiled:
    elements = compiled.expired if expired else compiled.reserved
    return replace(compiled, session=elements, slots=len({rule.slot for _, rules in elements for rule in rules}))
