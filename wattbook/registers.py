"""The register of one EVSE from session to session, whatever names its messages came under.

Steps compare a session with the one before it on the same station and number (`streams.meters`), since a station's messages are
all in one order. What the merge map makes one EVSE may come from stations that are processed apart, so this is asked for, not
concluded.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from streams.catalogue import Catalogue
from streams.meter_curve import ROUNDING_WH
from streams.meters import tells_the_register
from streams.row_conclusions import demanded
from streams.states import SessionRow
from vocabulary.reference import EvseName, names_of
from vocabulary.sessions import ChargingSession, Progress, SessionClosed
from wattbook.suggest import did_you_mean
from wattbook.wiring import App, NotReady


class Remark(StrEnum):
    """What is odd about a session beside the one before it."""

    LOWER = "begins below the end before"
    OVERLAPS = "begins before the one before ends"


class Link(NamedTuple):
    """A session of the EVSE. `since_wh`: what the register counted since the session before; None: nothing to compare with."""

    row: SessionRow
    session: ChargingSession
    since_wh: Decimal | None
    remark: Remark | None


def registers(app: App, evse_id: str) -> list[Link]:
    """The closed sessions of an EVSE in order of time, without those that were dropped. Raises NotReady."""
    catalogue = app.runtime.catalogue()
    names = _names(catalogue, evse_id)
    with app.reading() as store:
        rows = [row for row in store.states.closed_on(names) if _is_of(catalogue, row, evse_id)]
        return list(_linked([(row, demanded(store.log, row, SessionClosed).session) for row in rows]))


def _names(catalogue: Catalogue, evse_id: str) -> list[EvseName]:
    """By which an EVSE went at any time, and those of its stations where a message named no EVSE."""
    evses = [evse for versions in catalogue.sites.values() for site in versions.values for evse in site.evses]
    names = [name for evse in evses if evse.evse_id == evse_id for name in names_of(evse)]
    if not names:
        near = did_you_mean(evse_id, {evse.evse_id for evse in evses})
        raise NotReady(f"no site has the EVSE {evse_id}{near}: see sites.yaml, or `wattbook reference publish` first")
    return list(dict.fromkeys([*names, *(EvseName(station=name.station, number=0) for name in names)]))


def _is_of(catalogue: Catalogue, row: SessionRow, evse_id: str) -> bool:
    """Whether the name was that EVSE's when the session began."""
    assert row.start is not None and row.evse is not None, "it is closed"
    plug = catalogue.plug(row.station, row.evse, row.start)
    return plug is not None and plug.evse.evse_id == evse_id and row.progress is not Progress.DROPPED


def _linked(found: Sequence[tuple[SessionRow, ChargingSession]]) -> Iterator[Link]:
    before: ChargingSession | None = None
    for row, session in sorted(found, key=lambda each: (each[1].start, each[1].id)):
        since, remark = None, None
        if before is not None and session.start < before.end:
            remark = Remark.OVERLAPS
        elif before is not None and tells_the_register(before) and tells_the_register(session):
            since = session.readings[0].register_wh - before.readings[-1].register_wh
            remark = Remark.LOWER if since < -ROUNDING_WH else None
        yield Link(row, session, since, remark)
        before = session if before is None or session.end >= before.end else before
