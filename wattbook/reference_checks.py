"""What must hold between items: each name means one thing at a time, and what is referred to exists.

A version of an item is in force from its `valid_from` until the next version of the same id; two items may hold the same token,
EVSE id or connector one after the other, never at the same time.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Generic, NamedTuple, TypeVar

from vocabulary.reference import plain_evse_id
from vocabulary.tariff import TariffPublished
from wattbook.plan_shapes import PlanShape
from wattbook.reference_fit import path_to
from wattbook.reference_shapes import ALWAYS, AssignmentShape, ContractShape, OperatorShape, PartnerShape, SiteShape
from wattbook.reference_yaml import Node, Place, Problem, place_of
from wattbook.suggest import did_you_mean

S = TypeVar("S", covariant=True)
FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Item(Generic[S]):
    """A version of a thing as its file tells it. `until` is when the next version of the same id begins, exclusive."""

    id: str
    since: datetime
    until: datetime = FOR_EVER
    shape: S
    node: Node
    path: str  # "sites[2]"

    def place(self, *way: str | int) -> Place:
        return place_of(self.node, *way)

    def problem(self, message: str, *way: str | int) -> Problem:
        return Problem(self.place(*way), path_to(self.path, *way), message)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """All that was read and fits its shape. `tariff_ids` are also those of tariffs that do not: they are meant to exist."""

    operators: tuple[Item[OperatorShape], ...]
    tariffs: tuple[Item[TariffPublished], ...]
    sites: tuple[Item[SiteShape], ...]
    contracts: tuple[Item[ContractShape], ...]
    partners: tuple[Item[PartnerShape], ...]
    assignments: tuple[Item[AssignmentShape], ...]
    plans: tuple[Item[PlanShape], ...]
    tariff_ids: frozenset[str]
    zone: str  # the operator's, in which days begin


class Holding(NamedTuple):
    """That an item holds a name while it is in force, and where it says so."""

    name: str
    item: Item[Any]
    way: tuple[str | int, ...]

    def place(self) -> Place:
        return self.item.place(*self.way)


def checks(reference: Reference) -> Iterator[Problem]:
    """All that does not fit together."""
    for items in (
        reference.operators,
        reference.tariffs,
        reference.sites,
        reference.contracts,
        reference.partners,
        reference.assignments,
        reference.plans,
    ):
        yield from _one_version_at_a_time(items)
    yield from _one_zone(reference.operators)
    yield from _known_tariffs(reference)
    yield from _same_currency(reference)
    yield from _one_holder(_tokens(reference), "this token", "remove it from one of the two")
    yield from _one_holder(_evse_ids(reference), "this EVSE id", "give each EVSE its own")
    yield from _one_holder(_connectors(reference), "this station's EVSE of that number", "correct one of the two")


def with_ends(items: Iterable[Item[S]]) -> tuple[Item[S], ...]:
    """The items in order of id and time, each ending where the next version of its id begins."""
    ordered = sorted(items, key=lambda item: (item.id, item.since, item.place()))
    ends = [after.since if item.id == after.id else FOR_EVER for item, after in pairwise(ordered)]
    return tuple(replace(item, until=end) for item, end in zip(ordered, [*ends, FOR_EVER], strict=False))


def _one_version_at_a_time(items: Iterable[Item[object]]) -> Iterator[Problem]:
    for first, second in pairwise(items):
        if (first.id, first.since) == (second.id, second.since):
            since = "always" if first.since == ALWAYS else f"{first.since:%Y-%m-%dT%H:%M:%SZ}"
            yield second.problem(
                f"`{second.id}` valid from {since} is already given at {first.place()}: remove one, or set a later valid_from"
            )


def _one_zone(operators: Iterable[Item[OperatorShape]]) -> Iterator[Problem]:
    for first, second in pairwise(operators):
        if first.shape.time_zone != second.shape.time_zone:
            yield second.problem(
                f"is `{first.shape.time_zone}` at {first.place('time_zone')}: write the same in all versions", "time_zone"
            )


def _known_tariffs(reference: Reference) -> Iterator[Problem]:
    named: list[Holding] = [
        *(
            Holding(e.tariff, s, ("evses", i, "tariff"))
            for s in reference.sites
            for i, e in enumerate(s.shape.evses)
            if e.tariff
        ),
        *(Holding(item.shape.tariff, item, ("tariff",)) for item in reference.contracts if item.shape.tariff),
        *(Holding(item.shape.tariff, item, ("tariff",)) for item in reference.partners if item.shape.tariff),
        *(Holding(item.shape.tariff, item, ("tariff",)) for item in reference.assignments),
    ]
    for name, item, way in named:
        if name not in reference.tariff_ids:
            near = did_you_mean(name, reference.tariff_ids)
            yield item.problem(f"there is no tariff `{name}`{near}: correct it, or add the tariff to tariffs.yaml", *way)


def _same_currency(reference: Reference) -> Iterator[Problem]:
    currencies = {operator.shape.currency for operator in reference.operators}
    for tariff in reference.tariffs:
        currency = tariff.shape.tariff.currency
        if currencies and currency not in currencies:
            operators = " or ".join(sorted(currencies))
            yield tariff.problem(f"`{currency}` is not the operator's currency: price it in {operators}", "currency")


def _one_holder(holdings: Iterable[Holding], what: str, remedy: str) -> Iterator[Problem]:
    """Nothing is held twice at a time. What holds a second time says so, with the place of the first."""
    earlier: dict[str, list[Holding]] = defaultdict(list)
    for holding in sorted(holdings, key=Holding.place):
        if first := next((other for other in earlier[holding.name] if _meet(other.item, holding.item)), None):
            yield holding.item.problem(f"{what} already stands at {first.place()}: {remedy}", *holding.way)
        earlier[holding.name].append(holding)


def _meet(first: Item[object], second: Item[object]) -> bool:
    return first.since < second.until and second.since < first.until


def _tokens(reference: Reference) -> Iterator[Holding]:
    for contract in reference.contracts:
        for i, token in enumerate(contract.shape.tokens):
            yield Holding(token.casefold(), contract, ("tokens", i))
    for partner in reference.partners:
        for i, partner_token in enumerate(partner.shape.tokens):
            yield Holding(partner_token.uid.casefold(), partner, ("tokens", i, "uid"))


def _evse_ids(reference: Reference) -> Iterator[Holding]:
    for site in reference.sites:
        for i, evse in enumerate(site.shape.evses):
            yield Holding(plain_evse_id(evse.evse_id), site, ("evses", i, "evse_id"))


def _connectors(reference: Reference) -> Iterator[Holding]:
    for site in reference.sites:
        for i, evse in enumerate(site.shape.evses):
            yield Holding(f"{evse.station}\n{evse.number}", site, ("evses", i, "number"))
            for j, name in enumerate(evse.also_known_as):
                yield Holding(f"{name.station}\n{name.number}", site, ("evses", i, "also_known_as", j, "number"))
