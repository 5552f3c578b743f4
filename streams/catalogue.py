"""What is in force: the reference facts, folded, with the questions that the steps ask of them.

A fact of an id is in force from its `valid_from` until a later one of that id. Of two with the same `valid_from` the one
published last counts, for what is concluded from then on; what was concluded before keeps the version it was concluded with.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from msgspec import UNSET, Struct, UnsetType, structs

from streams.key_register import is_registered, with_keys, with_registered
from streams.price_conditions import depends_on_measurements, pays_for_exports, prices_reservations
from streams.series import PublishedSeries, says, with_publication
from vocabulary.assignment import Assignment, TariffAssigned
from vocabulary.codec import ReferenceFact, version_hash
from vocabulary.identity import ContractId, PartnerId, PlanId, SeriesId, StationId, TariffId, TokenUid, VersionHash
from vocabulary.money import Currency
from vocabulary.plan import Plan, PlanPublished
from vocabulary.price_series import SeriesPublished
from vocabulary.reference import (
    ClockTicked,
    Contract,
    ContractPublished,
    Evse,
    EvseName,
    MeterKeyPublished,
    Operator,
    OperatorPublished,
    Partner,
    PartnerPublished,
    RulesAdopted,
    SessionDecided,
    Site,
    SitePublished,
    names_of,
    plain_evse_id,
)
from vocabulary.tariff import Tariff, TariffPublished

V = TypeVar("V")


class Versions(NamedTuple, Generic[V]):
    """The versions of one thing, in order of `since`."""

    since: tuple[datetime, ...] = ()
    values: tuple[V, ...] = ()

    def with_version(self, since: datetime, value: V) -> "Versions[V]":
        kept = [(s, v) for s, v in zip(self.since, self.values, strict=True) if s != since]
        ordered = sorted([*kept, (since, value)], key=lambda pair: pair[0])
        return Versions(tuple(s for s, _ in ordered), tuple(v for _, v in ordered))

    def has(self, since: datetime, value: V) -> bool:
        return (since, value) in zip(self.since, self.values, strict=True)

    def at(self, instant: datetime) -> V | None:
        index = bisect_right(self.since, instant)
        return self.values[index - 1] if index else None


class Until(NamedTuple, Generic[V]):
    """A version that may cease to be in force before there is a later one. `until` is exclusive; None: it does not."""

    value: V
    until: datetime | None = None


def _in_force(versions: Versions[Until[V]], at: datetime) -> V | None:
    found = versions.at(at)
    return None if found is None or (found.until is not None and found.until <= at) else found.value


class Plug(NamedTuple):
    """An EVSE and the site it stands on."""

    site: Site
    evse: Evse


class Deadlines(NamedTuple):
    """How long after the last message of a session what is missing of it is waited for."""

    gap: timedelta = timedelta(hours=24)
    end: timedelta = timedelta(hours=72)


class Catalogue(Struct, frozen=True, kw_only=True):
    """All reference facts up to some position of the log. Small: it is held in memory whole."""

    operators: Versions[Operator] = Versions()
    sites: dict[str, Versions[Site]] = {}
    tariffs: dict[TariffId, Versions[Until[Tariff]]] = {}
    assigned: dict[str, Versions[Until[Assignment]]] = {}
    contracts: dict[ContractId, Versions[Contract]] = {}
    partners: dict[PartnerId, Versions[Partner]] = {}
    plans: dict[PlanId, Versions[Plan]] = {}
    tariff_versions: dict[VersionHash, Tariff] = {}  # every version that was ever published, by its content
    evses: dict[str, Versions[dict[StationId, tuple[Evse, ...]]]] = {}  # of each site's versions, by station
    # Where to look: whatever version of these ever had that station, or that token (in lower case).
    sites_of: dict[StationId, tuple[str, ...]] = {}
    stations_of: dict[str, tuple[StationId, ...]] = {}  # by EVSE id without separators
    contracts_of: dict[str, tuple[ContractId, ...]] = {}
    partners_of: dict[str, tuple[PartnerId, ...]] = {}
    assigned_by: dict[tuple[str, str], tuple[str, ...]] = {}  # whatever version ever had that as its first criterion
    meter_keys: dict[str, tuple[MeterKeyPublished, ...]] = {}  # `streams.key_register.Registered`
    series: dict[tuple[SeriesId, Currency], PublishedSeries] = {}  # one of another currency is another one
    measuring: frozenset[TariffId] = frozenset()  # those of which some version depends on power or current
    reserving: frozenset[TariffId] = frozenset()  # those of which some version has a price for reservations
    feeding: frozenset[TariffId] = frozenset()  # those of which some version pays for energy that is fed back
    of_holders: frozenset[TariffId] = frozenset()  # those that some version of a contract or partner names
    rules: int = 1
    ticked: datetime | None = None  # what time it is, as far as ticks say; None: the clock never ticked

    @property
    def keeps_more(self) -> bool:
        """Whether states hold what a tariff asks for, which those that are gathered anew would not know."""
        return bool(self.measuring or self.feeding or self.reserving)

    def operator(self, at: datetime) -> Operator | None:
        return self.operators.at(at)

    def deadlines(self, at: datetime) -> Deadlines:
        """The operator's; the defaults where none is published."""
        operator = self.operator(at)
        if operator is None:
            return Deadlines()
        return Deadlines(timedelta(hours=operator.close_with_gap_after_h), timedelta(hours=operator.close_without_end_after_h))

    def contract(self, contract: ContractId, at: datetime) -> Contract | None:
        return self.contracts.get(contract, Versions[Contract]()).at(at)

    def plan(self, contract: ContractId, at: datetime) -> Plan | None:
        """The plan that a contract has then; None: none, or none of that id is in force."""
        held = self.contract(contract, at)
        if held is None or isinstance(held.plan, UnsetType):
            return None
        return self.plans.get(held.plan, Versions[Plan]()).at(at)

    def tariff(self, tariff: TariffId, at: datetime) -> Tariff | None:
        return _in_force(self.tariffs.get(tariff, Versions[Until[Tariff]]()), at)

    def tariff_version(self, tariff: TariffId, at: datetime) -> TariffPublished | None:
        """The same with its validity: since when it is in force, and until when at most."""
        known = self.tariffs.get(tariff, Versions[Until[Tariff]]())
        found = _in_force(known, at)
        if found is None:
            return None
        index = bisect_right(known.since, at) - 1
        until = known.values[index].until
        return TariffPublished(tariff=found, valid_from=known.since[index], valid_until=UNSET if until is None else until)

    def assignments(self, criteria: Iterable[tuple[str, str]], at: datetime) -> Iterator[Assignment]:
        """Those in force whose first criterion is one of these (`first_criterion`); whether they hold is not looked at."""
        for one in dict.fromkeys(one for criterion in criteria for one in self.assigned_by.get(criterion, ())):
            if (assignment := _in_force(self.assigned[one], at)) is not None:
                yield assignment

    def bounds(self, start: datetime, end: datetime) -> tuple[datetime, ...]:
        """The instants between the two, in order, at which a tariff or an assignment comes into force or ceases to be."""
        found = {*_bounds(self.tariffs.values()), *_bounds(self.assigned.values())}
        return tuple(sorted(at for at in found if start < at < end))

    def plug(self, station: StationId, number: int, at: datetime) -> Plug | None:
        """The EVSE of a station by its number; where the message named none (0) and the station has only one, that one."""
        plugs, named = self.plugs(station, at), EvseName(station=station, number=number)
        return next((p for p in plugs if named in names_of(p.evse)), plugs[0] if len(plugs) == 1 and number == 0 else None)

    def plugs(self, station: StationId, at: datetime) -> tuple[Plug, ...]:
        """All EVSEs of a station, and those of others that go by a name of its as well."""
        sites = ((one, site) for one in self.sites_of.get(station, ()) if (site := self.sites[one].at(at)) is not None)
        known = self.meter_keys
        return tuple(
            Plug(site, with_keys(evse, known))
            for one, site in sites
            for evse in (self.evses[one].at(at) or {}).get(station, ())
        )

    def plug_of(self, evse_id: str, at: datetime) -> Plug | None:
        """The EVSE of this id."""
        sites = (site for versions in self.sites.values() if (site := versions.at(at)) is not None)
        found = (Plug(site, evse) for site in sites for evse in site.evses if evse.evse_id == evse_id)
        return next((Plug(site, with_keys(evse, self.meter_keys)) for site, evse in found), None)

    def holder(self, token: TokenUid, at: datetime) -> Contract | Partner | None:
        """Whose token this is (compared without regard to case). A contract comes before a partner."""
        wanted = token.casefold()
        for one in self.contracts_of.get(wanted, ()):
            if (contract := self.contracts[one].at(at)) and any(t.casefold() == wanted for t in contract.tokens):
                return contract
        for another in self.partners_of.get(wanted, ()):
            if (partner := self.partners[another].at(at)) and any(t.uid.casefold() == wanted for t in partner.tokens):
                return partner
        return None


def with_fact(catalogue: Catalogue, fact: ReferenceFact) -> Catalogue:
    """The catalogue with one more fact in it."""
    match fact:
        case OperatorPublished():
            return structs.replace(catalogue, operators=catalogue.operators.with_version(fact.valid_from, fact.operator))
        case SitePublished():
            sites = _with(catalogue.sites, fact.site.id, fact.valid_from, fact.site)
            by_station: dict[StationId, tuple[Evse, ...]] = {}
            for evse in fact.site.evses:
                by_station |= {station: (*by_station.get(station, ()), evse) for station in _stations_of(evse)}
            evses = _with(catalogue.evses, fact.site.id, fact.valid_from, by_station)
            sites_of = _found_by(catalogue.sites_of, by_station, fact.site.id)
            stations_of = catalogue.stations_of | _stations_by_evse(catalogue.stations_of, fact.site)
            return structs.replace(catalogue, sites=sites, evses=evses, sites_of=sites_of, stations_of=stations_of)
        case TariffPublished():
            tariffs = _with(catalogue.tariffs, fact.tariff.id, fact.valid_from, Until(fact.tariff, _end(fact.valid_until)))
            versions = catalogue.tariff_versions | {version_hash(fact.tariff): fact.tariff}
            measuring = catalogue.measuring | ({fact.tariff.id} if depends_on_measurements(fact.tariff) else set())
            feeding = catalogue.feeding | ({fact.tariff.id} if pays_for_exports(fact.tariff) else set())
            reserving = catalogue.reserving | ({fact.tariff.id} if prices_reservations(fact.tariff) else set())
            known = structs.replace(catalogue, tariffs=tariffs, tariff_versions=versions)
            return structs.replace(known, measuring=measuring, feeding=feeding, reserving=reserving)
        case TariffAssigned():
            given = Until(fact.assignment, _end(fact.valid_until))
            assigned = _with(catalogue.assigned, fact.assignment.id, fact.valid_from, given)
            by = _found_by(catalogue.assigned_by, [first_criterion(fact.assignment)], fact.assignment.id)
            return structs.replace(catalogue, assigned=assigned, assigned_by=by)
        case SeriesPublished():
            name = fact.series, fact.currency
            series = catalogue.series | {name: with_publication(catalogue.series.get(name, PublishedSeries()), fact)}
            return structs.replace(catalogue, series=series)
        case ContractPublished():
            contracts = _with(catalogue.contracts, fact.contract.id, fact.valid_from, fact.contract)
            tokens = [token.casefold() for token in fact.contract.tokens]
            contracts_of = _found_by(catalogue.contracts_of, tokens, fact.contract.id)
            named = _with_named(catalogue.of_holders, fact.contract.tariff)
            return structs.replace(catalogue, contracts=contracts, contracts_of=contracts_of, of_holders=named)
        case PartnerPublished():
            partners = _with(catalogue.partners, fact.partner.id, fact.valid_from, fact.partner)
            uids = [token.uid.casefold() for token in fact.partner.tokens]
            partners_of = _found_by(catalogue.partners_of, uids, fact.partner.id)
            named = _with_named(catalogue.of_holders, fact.partner.tariff)
            return structs.replace(catalogue, partners=partners, partners_of=partners_of, of_holders=named)
        case PlanPublished():
            return structs.replace(catalogue, plans=_with(catalogue.plans, fact.plan.id, fact.valid_from, fact.plan))
        case MeterKeyPublished():
            return structs.replace(catalogue, meter_keys=with_registered(catalogue.meter_keys, fact))
        case RulesAdopted():
            return structs.replace(catalogue, rules=max(fact.number, catalogue.rules))
        case ClockTicked():
            return structs.replace(catalogue, ticked=max(fact.at, catalogue.ticked or fact.at))
        case SessionDecided():
            return catalogue


def is_in_force(catalogue: Catalogue, fact: ReferenceFact) -> bool:
    """Whether the catalogue has exactly this version, from exactly this instant: publishing it again would change nothing."""
    match fact:
        case OperatorPublished():
            return catalogue.operators.has(fact.valid_from, fact.operator)
        case SitePublished():
            return catalogue.sites.get(fact.site.id, Versions[Site]()).has(fact.valid_from, fact.site)
        case TariffPublished():
            known = catalogue.tariffs.get(fact.tariff.id, Versions[Until[Tariff]]())
            return known.has(fact.valid_from, Until(fact.tariff, _end(fact.valid_until)))
        case TariffAssigned():
            given = catalogue.assigned.get(fact.assignment.id, Versions[Until[Assignment]]())
            return given.has(fact.valid_from, Until(fact.assignment, _end(fact.valid_until)))
        case SeriesPublished():
            return says(catalogue.series.get((fact.series, fact.currency), PublishedSeries()), fact)
        case ContractPublished():
            return catalogue.contracts.get(fact.contract.id, Versions[Contract]()).has(fact.valid_from, fact.contract)
        case PartnerPublished():
            return catalogue.partners.get(fact.partner.id, Versions[Partner]()).has(fact.valid_from, fact.partner)
        case PlanPublished():
            return catalogue.plans.get(fact.plan.id, Versions[Plan]()).has(fact.valid_from, fact.plan)
        case MeterKeyPublished():
            return is_registered(catalogue.meter_keys, fact)
        case RulesAdopted():
            return fact.number <= catalogue.rules
        case ClockTicked():
            return catalogue.ticked is not None and fact.at <= catalogue.ticked
        case SessionDecided():
            return False


def changes_the_past(catalogue: Catalogue, fact: ReferenceFact, now: datetime) -> bool:
    """Whether a tariff or an assignment that is known gets another content for a time that is over: what comes late of it is
    then priced anew.
    """
    match fact:
        case TariffPublished() if fact.valid_from < now:
            return fact.tariff.id in catalogue.tariffs and not is_in_force(catalogue, fact)
        case TariffAssigned() if fact.valid_from < now:
            return fact.assignment.id in catalogue.assigned and not is_in_force(catalogue, fact)
        case _:
            return False


def _bounds(known: Iterable[Versions[Until[V]]]) -> Iterator[datetime]:
    for versions in known:
        yield from versions.since
        yield from (value.until for value in versions.values if value.until is not None)


def first_criterion(assignment: Assignment) -> tuple[str, str]:
    """By what an assignment is looked for: the most specific of its criteria that names a thing."""
    named = {
        "token": None if assignment.token is None else assignment.token.casefold(),
        "contract": assignment.contract,
        "partner": assignment.partner,
        "evse": assignment.evse,
        "site": assignment.site,
    }
    return next(((kind, name) for kind, name in named.items() if name is not None), ("", ""))


def _with_named(known: frozenset[TariffId], tariff: TariffId | None) -> frozenset[TariffId]:
    return known if tariff is None or tariff in known else known | {tariff}


def _end(valid_until: datetime | UnsetType) -> datetime | None:
    return None if isinstance(valid_until, UnsetType) else valid_until


def _stations_by_evse(known: dict[str, tuple[StationId, ...]], site: Site) -> dict[str, tuple[StationId, ...]]:
    found: dict[str, tuple[StationId, ...]] = {}
    for evse in site.evses:
        name = plain_evse_id(evse.evse_id)
        before = found.get(name, known.get(name, ()))
        found[name] = (*before, *sorted(_stations_of(evse) - {*before}))
    return found


def _stations_of(evse: Evse) -> set[StationId]:
    return {name.station for name in names_of(evse)}


K = TypeVar("K")


def _with(known: dict[K, Versions[V]], key: K, since: datetime, value: V) -> dict[K, Versions[V]]:
    return known | {key: known.get(key, Versions[V]()).with_version(since, value)}


def _found_by(known: dict[K, tuple[V, ...]], keys: Iterable[K], value: V) -> dict[K, tuple[V, ...]]:
    """The index with the value under all of the keys, once each."""
    added = {key: (*known.get(key, ()), value) for key in keys if value not in known.get(key, ())}
    return known | added
