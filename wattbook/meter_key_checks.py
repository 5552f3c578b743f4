"""What must hold of the meter keys of sites: an interval ends after it begins, and no key is trusted twice at a time.

A record that was signed at one EVSE would be verified at another one that trusts the same key: whoever replays it there would
go unseen. Where two meters sign with one key, as behind a gateway, each names its `meter`, and records are told apart by that.

The keys that the home's register has beside the folder hold as well: also where their EVSE is published only now, or not yet.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from streams.key_register import Registered
from vocabulary.reference import MeterKeyPublished, plain_evse_id
from wattbook.reference_checks import FOR_EVER, Item, Reference
from wattbook.reference_shapes import ALWAYS, MeterKeyShape, SiteShape, local_instant
from wattbook.reference_yaml import Problem

NO_KEYS: Registered = {}


class _Held(NamedTuple):
    """A key as an EVSE of a site's version has it, and when both hold.

    `item` None: it is registered for an EVSE that is not in the folder. `way` is that of the key, or of the id of an EVSE for
    which it is registered.
    """

    item: Item[SiteShape] | None
    way: tuple[str | int, ...]
    evse: str
    meter: str
    since: datetime
    until: datetime
    is_registered: bool = False

    @property
    def name(self) -> str:
        return plain_evse_id(self.evse)


def interval_of(shape: MeterKeyShape, zone: str) -> tuple[datetime | None, datetime | None]:
    """From when on a key is in force (None: since ever), and until when (None: it does not end)."""
    since, until = shape.valid_from, shape.valid_until
    return None if since is None else local_instant(since, zone), None if until is None else local_instant(until, zone)


def meter_key_checks(reference: Reference, registered: Registered = NO_KEYS) -> Iterator[Problem]:
    earlier: dict[str, list[_Held]] = defaultdict(list)
    for public_key, away in _registered_elsewhere(reference, registered):
        earlier[public_key].append(away)
    for item in sorted(reference.sites, key=lambda item: item.place()):
        for public_key, held in _held(item, registered):
            if held.until <= held.since:
                if not held.is_registered:
                    yield item.problem("is not after valid_from: write a later day, or remove it", *held.way, "valid_until")
                continue
            if (first := next((other for other in earlier[public_key] if _clash(other, held)), None)) is not None:
                yield item.problem(_said(first, held), *held.way, *(() if held.is_registered else ("public_key",)))
            earlier[public_key].append(held)


def _held(item: Item[SiteShape], registered: Registered) -> Iterator[tuple[str, _Held]]:
    """Of a key that both name the register's word counts (streams.key_register)."""
    for i, evse in enumerate(item.shape.evses):
        name = plain_evse_id(evse.evse_id)
        instead = {each.key.public_key: each for each in registered.get(name, ())}
        for public_key, each in instead.items():
            yield public_key, _of_register(item, ("evses", i, "evse_id"), each)
        for j, key in enumerate(evse.meter_keys):
            if key.public_key not in instead:
                since, until = interval_of(key, item.shape.time_zone)
                way = ("evses", i, "meter_keys", j)
                yield key.public_key, _Held(item, way, evse.evse_id, key.meter, since or ALWAYS, until or FOR_EVER)


def _registered_elsewhere(reference: Reference, registered: Registered) -> Iterator[tuple[str, _Held]]:
    here = {plain_evse_id(evse.evse_id) for item in reference.sites for evse in item.shape.evses}
    for evse_id, facts in registered.items():
        if evse_id not in here:
            yield from ((fact.key.public_key, _of_register(None, (), fact)) for fact in facts)


def _of_register(item: Item[SiteShape] | None, way: tuple[str | int, ...], fact: MeterKeyPublished) -> _Held:
    key = fact.key
    return _Held(item, way, fact.evse_id, key.meter, key.valid_from or ALWAYS, key.valid_until or FOR_EVER, is_registered=True)


def _clash(first: _Held, second: _Held) -> bool:
    are_told_apart = first.name != second.name and first.meter and second.meter and first.meter != second.meter
    return not are_told_apart and _meet(first, second) and _versions_meet(first.item, second.item)


def _meet(first: _Held, second: _Held) -> bool:
    return first.since < second.until and second.since < first.until


def _versions_meet(first: Item[SiteShape] | None, second: Item[SiteShape] | None) -> bool:
    return first is None or second is None or (first.since < second.until and second.since < first.until)


def _said(first: _Held, second: _Held) -> str:
    if first.is_registered or first.item is None:
        return _said_of_register(first.evse, second)
    place = first.item.place(*first.way, "public_key")
    if second.is_registered:
        what = f"is registered with a meter key that stands at {place}, at another EVSE at the same time"
        return f"{what}: {_END.format(second.evse)}"
    if first.name == second.name:
        return (
            f"this key already stands at {place}, for a time that both have: let one end before the other begins, or remove one"
        )
    return (
        f"this key already stands at {place}, at another EVSE at the same time: remove one of the two; where "
        "they are one EVSE write also_known_as, and where one key signs for two meters write `meter` at both"
    )


def _said_of_register(other: str, second: _Held) -> str:
    with_the_key = "is registered with a meter key that" if second.is_registered else "this key"
    return f"{with_the_key} is registered for {other} as well, at the same time: {_END.format(other)}"


_END = (
    "let it end there (`wattbook meter-key revoke {}`, with --entirely after a slip), or at the other one; where one key signs "
    "for two meters name the meter at both"
)
