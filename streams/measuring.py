"""Which sessions keep the power and the current that is told in them: those that some tariff may price by them; and which keep
what is fed back: those that some tariff may pay for it.

It is decided once, as the first message of a session comes, by what is published then; so a session has all of its values or
none. States and events of all others do not grow.
"""

from streams.catalogue import Catalogue
from streams.sessions import Gathering
from vocabulary.identity import SessionId, StationId, TariffId
from vocabulary.rules import keeps_circumstances


def gathering(session: SessionId, station: StationId, catalogue: Catalogue) -> Gathering:
    """A session of which nothing was told yet."""
    return Gathering(session=session, station=station, measures=measures(station, catalogue), feeds=feeds(station, catalogue))


def measures(station: StationId, catalogue: Catalogue) -> bool:
    """Whether a price there may depend on power or current."""
    return _may_price(station, catalogue.measuring, catalogue)


def feeds(station: StationId, catalogue: Catalogue) -> bool:
    """Whether energy that is fed back there may be paid for."""
    return _may_price(station, catalogue.feeding, catalogue)


def keeps_reservations(station: StationId, catalogue: Catalogue) -> bool:
    """Whether a reservation there may have a price."""
    return _may_price(station, catalogue.reserving, catalogue)


def _may_price(station: StationId, these: frozenset[TariffId], catalogue: Catalogue) -> bool:
    """Whether one of these tariffs, which ever was in force or will be, may price a session there."""
    if not these or not keeps_circumstances(catalogue.rules):
        return False
    sites = catalogue.sites_of.get(station)
    if sites is None:  # nobody knows yet what it is
        return True
    return not these.isdisjoint(catalogue.of_holders | _of_places(station, sites, catalogue))


def _of_places(station: StationId, sites: tuple[str, ...], catalogue: Catalogue) -> frozenset[TariffId]:
    """The tariffs that its EVSEs name, and those that are assigned to them, whenever."""
    versions = (by_station for site in sites for by_station in catalogue.evses[site].values)
    evses = [evse for by_station in versions for evse in by_station.get(station, ())]
    ids = {evse.evse_id for evse in evses}
    assigned = (until.value for versions in catalogue.assigned.values() for until in versions.values)
    named = {
        one.tariff for one in assigned if (one.evse is None or one.evse in ids) and (one.site is None or one.site in sites)
    }
    return frozenset(named | {evse.tariff for evse in evses if evse.tariff is not None})
