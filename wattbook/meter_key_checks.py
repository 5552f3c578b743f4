"""What must hold of the meter keys of sites: an interval ends after it begins, and no key is trusted twice at a time.

A record that was signed at one EVSE would be verified at another one that trusts the same key: whoever replays it there would
go unseen. Where two meters sign with one key, as behind a gateway, each names its `meter`, and records are told apart by that.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from vocabulary.reference import plain_evse_id
from wattbook.reference_checks import FOR_EVER, Item, Reference
from wattbook.reference_shapes import ALWAYS, MeterKeyShape, SiteShape, local_instant
from wattbook.reference_yaml import Problem


class _Held(NamedTuple):
    """A key as an EVSE of a site's version has it, and when both hold."""

    item: Item[SiteShape]
    way: tuple[str | int, ...]
    evse: str
    meter: str
    since: datetime
    until: datetime


def interval_of(shape: MeterKeyShape, zone: str) -> tuple[datetime | None, datetime | None]:
    """From when on a key is in force (None: since ever), and until when (None: it does not end)."""
    since, until = shape.valid_from, shape.valid_until
    return None if since is None else local_instant(since, zone), None if until is None else local_instant(until, zone)


def meter_key_checks(reference: Reference) -> Iterator[Problem]:
    earlier: dict[str, list[_Held]] = defaultdict(list)
    for item in sorted(reference.sites, key=lambda item: item.place()):
        for key, held in _held(item):
            if held.until <= held.since and key.valid_until is not None:
                yield item.problem("is not after valid_from: write a later day, or remove it", *held.way, "valid_until")
                continue
            if (first := next((other for other in earlier[key.public_key] if _clash(other, held)), None)) is not None:
                yield item.problem(_said(first, held), *held.way, "public_key")
            earlier[key.public_key].append(held)


def _held(item: Item[SiteShape]) -> Iterator[tuple[MeterKeyShape, _Held]]:
    for i, evse in enumerate(item.shape.evses):
        for j, key in enumerate(evse.meter_keys):
            since, until = interval_of(key, item.shape.time_zone)
            way = ("evses", i, "meter_keys", j)
            yield key, _Held(item, way, plain_evse_id(evse.evse_id), key.meter, since or ALWAYS, until or FOR_EVER)


def _clash(first: _Held, second: _Held) -> bool:
    are_told_apart = first.evse != second.evse and first.meter and second.meter and first.meter != second.meter
    return not are_told_apart and _meet(first, second) and _versions_meet(first.item, second.item)


def _meet(first: _Held, second: _Held) -> bool:
    return first.since < second.until and second.since < first.until


def _versions_meet(first: Item[SiteShape], second: Item[SiteShape]) -> bool:
    return first.since < second.until and second.since < first.until


def _said(first: _Held, second: _Held) -> str:
    place = first.item.place(*first.way, "public_key")
    if first.evse == second.evse:
        return (
            f"this key already stands at {place}, for a time that both have: let one end before the other begins, or remove one"
        )
    return (
        f"this key already stands at {place}, at another EVSE at the same time: remove one of the two; where "
        "they are one EVSE write also_known_as, and where one key signs for two meters write `meter` at both"
    )
