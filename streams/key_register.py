"""Which public keys are trusted at an EVSE: those that its site carries, and those that were registered or revoked since.

A key has one interval at an EVSE by the register; that counts instead of all intervals which the site has for the same key. So
what was revoked stays revoked, however often the site is published again.
"""

from collections.abc import Mapping

from msgspec import structs

from vocabulary.reference import Evse, MeterKeyPublished, SitePublished, plain_evse_id

Registered = Mapping[str, tuple[MeterKeyPublished, ...]]
"""By EVSE id, its separators left out: the last fact of each key, in the order in which the keys came first."""


def with_registered(known: Registered, fact: MeterKeyPublished) -> dict[str, tuple[MeterKeyPublished, ...]]:
    evse, key = plain_evse_id(fact.evse_id), fact.key.public_key
    by_key = {each.key.public_key: each for each in known.get(evse, ())} | {key: fact}
    return {**known, evse: tuple(by_key.values())}


def is_registered(known: Registered, fact: MeterKeyPublished) -> bool:
    return fact in known.get(plain_evse_id(fact.evse_id), ())


def with_keys(evse: Evse, known: Registered) -> Evse:
    """The EVSE with the keys of both."""
    registered = known.get(plain_evse_id(evse.evse_id), ()) if known else ()
    if not registered:
        return evse
    instead = {each.key.public_key for each in registered}
    own = (key for key in evse.meter_keys if key.public_key not in instead)
    return structs.replace(evse, meter_keys=(*own, *(each.key for each in registered)))


def evses_of(fact: object) -> frozenset[str]:
    """The EVSEs of which a fact may bring a key, their ids without separators."""
    match fact:
        case MeterKeyPublished():
            return frozenset({plain_evse_id(fact.evse_id)})
        case SitePublished():
            return frozenset(plain_evse_id(evse.evse_id) for evse in fact.site.evses)
        case _:
            return frozenset()
