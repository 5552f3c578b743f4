"""Tariffs as files have them, each with where it is used: which EVSEs, in which countries, with a contract or without."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET, structs

from streams.circumstances import kind_of
from tariffs.lint import Surroundings
from vocabulary.assignment import Assignment, PaymentKind, TariffAssigned
from vocabulary.codec import ReferenceFact
from vocabulary.reference import ContractPublished, Evse, PartnerPublished, Sealed, Site, SitePublished
from vocabulary.tariff import Tariff, TariffPublished
from wattbook.reference_checks import FOR_EVER
from wattbook.reference_files import operator_zone, read_reference
from wattbook.reference_shapes import ALWAYS
from wattbook.tariff_files import published_in

AD_HOC = "AD_HOC_PAYMENT"  # OCPI TariffType
PUBLIC = Surroundings(is_public=True, is_ad_hoc=True)  # what EVSEs are taken to be, unless somebody says otherwise


class Used(NamedTuple):
    tariff: Tariff
    since: datetime | None  # None: it always was
    surroundings: Surroundings


def used_in_file(file: Path, told: Surroundings, now: datetime) -> list[Used]:
    """The tariffs of a file that are in force or will be, in the surroundings that are told. Raises ReferenceErrors."""
    tariffs = published_in(file, operator_zone(file.parent) or "UTC")
    found = [(fact, _until(fact, tariffs)) for fact in tariffs]
    return [_used(fact, told, now, until) for fact, until in found if until > now]


def used_in_reference(folder: Path, told: Surroundings, now: datetime) -> list[Used]:
    """The same of the reference folder, each where its EVSEs are. Raises ReferenceErrors, for all that is wrong with it."""
    facts = read_reference(folder, lambda *_: Sealed(""))  # no holder is looked at
    tariffs = tuple(fact for fact in facts if isinstance(fact, TariffPublished))
    found = [(fact, _until(fact, tariffs)) for fact in tariffs]
    return [_used(fact, _surroundings(fact.tariff, facts, told), now, until) for fact, until in found if until > now]


def surroundings_in(folder: Path, version: TariffPublished) -> Surroundings:
    """Where the folder has the tariff of this version used, whatever version it has itself. Raises ReferenceErrors."""
    facts = read_reference(folder, lambda *_: Sealed("")) if folder.is_dir() else ()  # no holder is looked at
    begins = None if version.valid_from == ALWAYS else version.valid_from
    ends = None if version.valid_until is UNSET else version.valid_until
    return structs.replace(_surroundings(version.tariff, facts, PUBLIC), valid_from=begins, valid_until=ends)


def _until(fact: TariffPublished, tariffs: tuple[TariffPublished, ...]) -> datetime:
    later = (other.valid_from for other in tariffs if other.tariff.id == fact.tariff.id)
    next_one = min((since for since in later if since > fact.valid_from), default=FOR_EVER)
    return next_one if fact.valid_until is UNSET else min(next_one, fact.valid_until)


def _surroundings(tariff: Tariff, facts: tuple[ReferenceFact, ...], told: Surroundings) -> Surroundings:
    """Whoever comes to an EVSE without a contract pays its tariff; one that only contracts and partners name is not ad hoc."""
    sites = [fact.site for fact in facts if isinstance(fact, SitePublished)]
    assigned = [fact.assignment for fact in facts if isinstance(fact, TariffAssigned) and fact.assignment.tariff == tariff.id]
    places = [
        (site, evse)
        for site in sites
        for evse in site.evses
        if evse.tariff == tariff.id or any(_is_for(one, site, evse) for one in assigned)
    ]
    is_named = any(isinstance(fact, ContractPublished) and fact.contract.tariff == tariff.id for fact in facts) or any(
        isinstance(fact, PartnerPublished) and fact.partner.tariff == tariff.id for fact in facts
    )
    return structs.replace(
        told,
        power_w_max=tuple(sorted({evse.power_w_max for _, evse in places})) or told.power_w_max,
        evse_kinds=frozenset(kind_of(evse) for _, evse in places),
        countries=frozenset(site.address.country for site, _ in places) or told.countries,
        is_ad_hoc=_is_ad_hoc(tariff, [evse for _, evse in places], assigned)
        if places or assigned or is_named
        else told.is_ad_hoc,
    )


def _is_for(assignment: Assignment, site: Site, evse: Evse) -> bool:
    return assignment.evse in {None, evse.evse_id} and assignment.site in {None, site.id}


def _is_ad_hoc(tariff: Tariff, evses: list[Evse], assigned: list[Assignment]) -> bool:
    if tariff.audience:
        return tariff.audience == AD_HOC
    kinds = {None, PaymentKind.DIRECT, PaymentKind.AD_HOC}
    for_all = (one for one in assigned if not (one.token or one.contract or one.partner) and one.payment in kinds)
    return any(evse.tariff == tariff.id for evse in evses) or any(for_all)


def _used(fact: TariffPublished, where: Surroundings, now: datetime, until: datetime) -> Used:
    begins, ends = None if fact.valid_from == ALWAYS else fact.valid_from, None if until == FOR_EVER else until
    surroundings = structs.replace(where, valid_from=begins, valid_until=ends, today=now.date())
    return Used(fact.tariff, begins, surroundings)
