"""The keys that an EVSE has are those of its site and those of the register; the register's word counts last."""

from datetime import UTC, datetime

from msgspec import structs

from streams.catalogue import Catalogue, Plug, is_in_force, with_fact
from tests.streams.material import evse, site
from vocabulary.codec import ReferenceFact, encode
from vocabulary.identity import StationId
from vocabulary.reference import MeterKey, MeterKeyPublished

SPRING, SUMMER = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
OWN, OTHER = MeterKey(public_key="aa", meter="M1"), MeterKey(public_key="bb", valid_from=SPRING)
SITE = site(evse(1, meter_keys=(OWN,)), evse(2))


def registered(key: MeterKey, evse_id: str = "DE*ABC*E1", revoked: str = "") -> MeterKeyPublished:
    return MeterKeyPublished(evse_id=evse_id, key=key, revoked=revoked)


def known(*facts: ReferenceFact) -> Catalogue:
    catalogue = Catalogue()
    for fact in facts:
        catalogue = with_fact(catalogue, fact)
    return catalogue


def keys(*facts: ReferenceFact, number: int = 1) -> tuple[MeterKey, ...]:
    plug = known(*facts).plug(StationId("CP1"), number, SUMMER)
    assert plug is not None
    return plug.evse.meter_keys


def test_an_evse_has_the_keys_of_its_site_and_those_that_were_registered() -> None:
    assert keys(SITE) == (OWN,)
    assert keys(SITE, registered(OTHER)) == (OWN, OTHER)
    assert keys(SITE, registered(OTHER), number=2) == ()


def test_a_key_that_was_registered_before_its_site_was_published_counts_once_the_site_comes() -> None:
    assert keys(registered(OTHER), SITE) == (OWN, OTHER)


def test_separators_of_an_evse_id_do_not_matter() -> None:
    assert keys(SITE, registered(OTHER, "DEABCE1")) == (OWN, OTHER)


def test_the_last_fact_of_a_key_counts() -> None:
    closed = structs.replace(OTHER, valid_until=SUMMER)
    assert keys(SITE, registered(OTHER), registered(closed, revoked="the meter was changed")) == (OWN, closed)
    assert keys(SITE, registered(closed), registered(OTHER)) == (OWN, OTHER)


def test_what_was_revoked_stays_revoked_however_often_the_site_names_it() -> None:
    closed = structs.replace(OWN, valid_until=SPRING)
    assert keys(SITE, registered(closed, revoked="stolen"), SITE) == (closed,)
    later = structs.replace(SITE, valid_from=SPRING)
    assert keys(SITE, registered(closed, revoked="stolen"), later) == (closed,)


def test_an_evse_asked_for_by_its_id_has_all_of_its_keys() -> None:
    plug = known(SITE, registered(OTHER)).plug_of("DE*ABC*E1", SUMMER)
    assert isinstance(plug, Plug) and plug.evse.meter_keys == (OWN, OTHER)


def test_registering_what_is_registered_so_changes_nothing() -> None:
    catalogue = known(SITE, registered(OTHER))
    assert is_in_force(catalogue, registered(OTHER))
    assert not is_in_force(catalogue, registered(OWN)), "the site may take its key back"
    assert not is_in_force(catalogue, registered(OTHER, revoked="lost"))


def test_a_key_without_an_end_has_the_bytes_that_it_always_had() -> None:
    assert encode(OTHER) == b'{"public_key":"bb","valid_from":"2026-04-01T00:00:00Z"}'
    assert encode(registered(MeterKey(public_key="aa"))) == (
        b'{"type":"meter-key.published","evse_id":"DE*ABC*E1","key":{"public_key":"aa"}}'
    )
