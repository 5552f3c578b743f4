"""Which public keys are trusted at an EVSE: those that its site carries, and those that were registered or revoked since.

A key has one interval at an EVSE by the register; that counts instead of all intervals which the site has for the same key. So
what was revoked stays revoked, however often the site is published again.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import structs

from vocabulary.reference import Evse, MeterKey, MeterKeyPublished, SitePublished, plain_evse_id

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


def keys_for(evse: Evse, start: datetime, end: datetime) -> Iterator[MeterKey]:
    """The keys that are in force as a session begins, and do not end before it does."""
    return (key for key in evse.meter_keys if is_in_force_for(key, start, end))


def is_in_force_for(key: MeterKey, start: datetime, end: datetime) -> bool:
    has_begun = key.valid_from is None or key.valid_from <= start
    return has_begun and (key.valid_until is None or (start < key.valid_until and end <= key.valid_until))


def evses_of(fact: object) -> frozenset[str]:
    """The EVSEs of which a fact may bring a key, their ids without separators."""
    match fact:
        case MeterKeyPublished():
            return frozenset({plain_evse_id(fact.evse_id)})
        case SitePublished():
            return frozenset(plain_evse_id(evse.evse_id) for evse in fact.site.evses)
        case _:
            return frozenset()
