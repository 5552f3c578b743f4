"""What must hold of the assignments of tariffs: what they name exists, and no two are equally specific for one session.

Two assignments tie where they name the same token, holder, EVSE, site and payment, and both are in force, on a day and at a
time at which both hold. Whoever wrote them did not say which one is meant, so neither is published.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec

from vocabulary.assignment import Assignment, has_times, meet
from wattbook.reference_checks import Item, Reference, with_ends
from wattbook.reference_shapes import AssignmentShape, local_instant
from wattbook.reference_yaml import Problem
from wattbook.suggest import did_you_mean


def assignment_of(shape: AssignmentShape) -> Assignment:
    times = {"start_time": _time(shape.start_time), "end_time": _time(shape.end_time)}
    return msgspec.convert(dict(shape) | times, Assignment, from_attributes=True)


def assignments_with_ends(items: Iterable[Item[AssignmentShape]], zone: str) -> tuple[Item[AssignmentShape], ...]:
    """Each ends where the next version of its id begins, or before that by its own `valid_until`."""
    return tuple(_ending(item, zone) for item in with_ends(items))


def assignment_checks(reference: Reference) -> Iterator[Problem]:
    yield from _known(reference)
    for item in reference.assignments:
        if item.shape.contract is not None and item.shape.partner is not None:
            yield item.problem("no session is of a contract and of a partner: remove one of the two", "partner")
        if item.until <= item.since and item.shape.valid_until is not None:
            yield item.problem("is not after valid_from: write a later day, or remove it", "valid_until")
    yield from _ties(reference.assignments)
    yield from _left_out(reference)


def _ending(item: Item[AssignmentShape], zone: str) -> Item[AssignmentShape]:
    until = item.shape.valid_until
    return item if until is None else replace(item, until=min(item.until, local_instant(until, zone)))


def _time(text: str | None) -> str | None:
    return None if text is None else f"{text}:00"


def _known(reference: Reference) -> Iterator[Problem]:
    """Things that no item of reference data has, in any version. A token is not repeated."""
    known = {
        "contract": {item.id for item in reference.contracts},
        "partner": {item.id for item in reference.partners},
        "site": {item.id for item in reference.sites},
        "evse": {evse.evse_id for site in reference.sites for evse in site.shape.evses},
    }
    tokens = {token.casefold() for item in reference.contracts for token in item.shape.tokens}
    tokens |= {token.uid.casefold() for item in reference.partners for token in item.shape.tokens}
    for item in reference.assignments:
        for kind, names in known.items():
            name = getattr(item.shape, kind)
            if name is not None and name not in names:
                what = "EVSE" if kind == "evse" else kind
                yield item.problem(
                    f"there is no {what} `{name}`{did_you_mean(name, names)}: correct it, or add the {what}", kind
                )
        if item.shape.token is not None and item.shape.token.casefold() not in tokens:
            yield item.problem("no contract and no partner has this token: correct it, or add it to one", "token")


def _left_out(reference: Reference) -> Iterator[Problem]:
    """EVSEs at which no session could ever have a tariff but by its contract or partner."""
    shapes = [item.shape for item in reference.assignments]
    for site in reference.sites:
        for i, evse in enumerate(site.shape.evses):
            reached = (one.evse in (None, evse.evse_id) and one.site in (None, site.id) for one in shapes)
            if evse.tariff is None and not any(reached):
                yield site.problem("no tariff is named, and none is assigned: add it", "evses", i, "tariff")


def _ties(items: Iterable[Item[AssignmentShape]]) -> Iterator[Problem]:
    alike: dict[tuple[object, ...], list[tuple[Item[AssignmentShape], Assignment]]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.place()):
        one = assignment_of(item.shape)
        earlier = alike[_criteria(one)]
        tied = next((other for other, its in earlier if other.id != item.id and _is_tie(item, one, other, its)), None)
        if tied is not None:
            yield item.problem(
                f"is as specific as `{tied.id}` at {tied.place()}, and both hold for the same sessions: add a field that "
                "tells them apart, or let their times or validities not meet"
            )
        earlier.append((item, one))


def _criteria(one: Assignment) -> tuple[object, ...]:
    token = None if one.token is None else one.token.casefold()
    return token, one.contract, one.partner, one.evse, one.site, one.payment, has_times(one)


def _is_tie(item: Item[AssignmentShape], one: Assignment, other: Item[AssignmentShape], its: Assignment) -> bool:
    return item.since < other.until and other.since < item.until and meet(one, its)
