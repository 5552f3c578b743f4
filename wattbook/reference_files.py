"""Read reference data from a folder of YAML files: all of it, as effective-dated facts for the log, or all that is wrong.

Every `*.yaml` file of the folder is a mapping with some of the keys `operator`, `tariffs`, `sites`, `contracts`, `partners`,
`assignments`, `plans`. How the items are spread over files, and in which order they stand, does not matter. Only the last three
may be missing.

    bytes --read_yaml--> nodes --fit--> items --checks, seal--> facts

Each arrow yields what it could make, and a Problem for what it could not. All are reported at once; only where a file is not
YAML, or a whole kind is missing, those alone are, since the others would follow from them; and assignments are looked at when
all that they may name is right.

`valid_from` says when a version of an item comes into force (a day begins as told in `reference_shapes`); without it, it
always was. An item that is taken out of the files stays as it was last published: a contract ends by a version without tokens.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, structs

from streams.key_register import Registered
from tariffs.document import TariffDocument, tariff_of
from vocabulary.assignment import TariffAssigned
from vocabulary.codec import ReferenceFact
from vocabulary.identity import ContractId
from vocabulary.plan import PlanPublished
from vocabulary.reference import (
    Contract,
    ContractPublished,
    Evse,
    MeterKey,
    Operator,
    OperatorPublished,
    Partner,
    PartnerPublished,
    Party,
    Site,
    SitePublished,
)
from vocabulary.tariff import TariffPublished
from wattbook.assignment_checks import assignment_checks, assignment_of, assignments_with_ends
from wattbook.meter_key_checks import NO_KEYS, interval_of, meter_key_checks
from wattbook.plan_checks import plan_checks
from wattbook.plan_shapes import PlanShape, plan_of
from wattbook.reference_checks import Item, Reference, checks, with_ends
from wattbook.reference_fit import Misfit, fit, path_to
from wattbook.reference_shapes import (
    ALWAYS,
    AssignmentShape,
    ContractShape,
    Dated,
    EvseShape,
    MeterKeyShape,
    OperatorShape,
    PartnerShape,
    Shape,
    SiteShape,
    effective,
    local_instant,
)
from wattbook.reference_yaml import (
    NOT_GIVEN,
    Fields,
    Items,
    Node,
    Place,
    Problem,
    Scalar,
    YamlErrors,
    inner,
    read_yaml,
)
from wattbook.suggest import did_you_mean
from wattbook.vault import Forgotten, Seal

T = TypeVar("T")
S = TypeVar("S", bound=Dated)
R = TypeVar("R", bound=msgspec.Struct)
_KINDS = {  # what a file may hold: what to do when no file holds it
    "operator": "write who sells",
    "tariffs": "write what charging costs",
    "sites": "write where the stations stand",
    "contracts": "write who pays, or `contracts: []` if only roaming partners do",
    "partners": "",
    "assignments": "",
    "plans": "",
}
_NAMES = ", ".join(_KINDS)


class ReferenceErrors(Exception):
    """All that is wrong with a folder of reference data, in order of file and line. Nothing of it is published."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class _Entry(NamedTuple):
    """An item as it stands in a file, not yet understood."""

    kind: str
    node: Node
    path: str  # "sites[2]"


def read_reference(folder: Path, seal: Seal, registered: Registered = NO_KEYS) -> tuple[ReferenceFact, ...]:
    """The facts of the folder, in an order that their content alone decides. Raises ReferenceErrors.

    `registered`: the meter keys that the home knows beside the folder. `seal` is called only when nothing else is wrong; it
    raises Forgotten for a holder who must not come back.
    """
    documents, unreadable = _split(_documents(folder))
    entries, misplaced = _split(entry for document in documents for entry in _entries(document))
    if problems := unreadable or [*misplaced, *_missing(folder, documents)]:
        raise ReferenceErrors(problems)  # what is not found for this reason would be missed everywhere else
    reference, misfits = _reference(entries)
    if problems := [*misfits, *checks(reference), *meter_key_checks(reference, registered), *plan_checks(reference)] or [
        *assignment_checks(reference)
    ]:
        raise ReferenceErrors(problems)
    facts = tuple(_facts(reference, seal))
    if forgotten := [fact for fact in facts if isinstance(fact, Problem)]:
        raise ReferenceErrors(forgotten)
    return tuple(fact for fact in facts if not isinstance(fact, Problem))


def operator_zone(folder: Path) -> str | None:
    """In which the operator's days begin, as the first of its versions says; None where no operator can be read there."""
    documents, _ = _split(_documents(folder))
    entries, _ = _split(entry for document in documents for entry in _entries(document))
    operators, _ = _split(_items(entries, "operator", OperatorShape, lambda _: "operator", lambda o: o.time_zone))
    return operators[0].shape.time_zone if operators else None


def tariffs_in(file: Path, zone: str) -> tuple[Item[TariffPublished], ...]:
    """The tariffs of one file: of reference data, a list of them, or one alone. Raises ReferenceErrors.

    `zone` is that in which the days of `valid_from` begin.
    """
    try:
        document = read_yaml(file.read_bytes(), str(file))
    except YamlErrors as errors:
        raise ReferenceErrors(errors.problems) from None
    found, problems = _split(_tariffs([_Entry("tariffs", node, path) for node, path in _tariff_nodes(document)], zone))
    if problems or not found:
        nothing = Problem(Place(str(file)), "", "no tariff is here: write one, or several below `tariffs:`")
        raise ReferenceErrors(problems or [nothing])
    return with_ends(found)


def _tariff_nodes(document: Node) -> Iterator[tuple[Node, str]]:
    match document:
        case Fields() if "tariffs" in document.values:
            yield from _tariff_nodes(document.values["tariffs"])
        case Items():
            yield from ((node, path_to("tariffs", index)) for index, node in enumerate(document.items))
        case Fields() if not document.values.keys() & _KINDS.keys():
            yield document, "tariff"
        case _:
            pass


def _documents(folder: Path) -> Iterator[Fields | Problem]:
    paths = [path for path in sorted(folder.glob("*.y*ml")) if path.suffix in (".yaml", ".yml") and path.name[0] != "."]
    if not paths:
        yield Problem(Place(str(folder)), "", "no .yaml file is here: write one, or let `wattbook init` write an example")
    for path in paths:
        try:
            document = read_yaml(path.read_bytes(), str(path))
        except YamlErrors as errors:
            yield from errors.problems
        except OSError as error:
            yield Problem(Place(str(path)), "", f"the file cannot be read: {error.strerror}")
        else:
            yield document if isinstance(document, Fields) else Problem(document.place, "", f"begin with one of {_NAMES}")


def _entries(document: Fields) -> Iterator[_Entry | Problem]:
    """The items of a file, kind by kind. The operator is one item; a list of them are its versions."""
    for kind, node in document.values.items():
        if kind not in _KINDS:
            near = did_you_mean(kind, _KINDS)
            yield Problem(document.keys[kind], kind, f"is no kind of reference data{near}: write one of {_NAMES}")
        elif isinstance(node, Items):
            yield from (_Entry(kind, item, path_to(kind, index)) for index, item in enumerate(node.items))
        elif kind == "operator":
            yield _Entry(kind, node, kind)
        else:
            yield Problem(document.keys[kind], kind, "takes a list: begin each item with `- `, or write [] for none")


def _missing(folder: Path, documents: list[Fields]) -> Iterator[Problem]:
    given = {kind for document in documents for kind in document.keys}
    for kind, remedy in _KINDS.items():
        if remedy and kind not in given:
            yield Problem(Place(str(folder)), kind, f"is in no file: {remedy}")


def _reference(entries: list[_Entry]) -> tuple[Reference, list[Problem]]:
    """The items that fit their shapes, each in its time."""
    operators, in_operator = _split(_items(entries, "operator", OperatorShape, lambda _: "operator", lambda o: o.time_zone))
    zone = operators[0].shape.time_zone if operators else "UTC"
    tariffs, in_tariffs = _split(_tariffs(entries, zone))
    sites, in_sites = _split(_items(entries, "sites", SiteShape, lambda site: site.id, lambda site: site.time_zone))
    contracts, in_contracts = _split(_items(entries, "contracts", ContractShape, lambda contract: contract.id, lambda _: zone))
    partners, in_partners = _split(_items(entries, "partners", PartnerShape, lambda partner: partner.id, lambda _: zone))
    assignments, in_assignments = _split(_items(entries, "assignments", AssignmentShape, lambda one: one.id, lambda _: zone))
    plans, in_plans = _split(_items(entries, "plans", PlanShape, lambda plan: plan.id, lambda _: zone))
    reference = Reference(
        operators=with_ends(operators),
        tariffs=with_ends(tariffs),
        sites=with_ends(sites),
        contracts=with_ends(contracts),
        partners=with_ends(partners),
        assignments=assignments_with_ends(assignments, zone),
        plans=with_ends(plans),
        tariff_ids=frozenset(_tariff_ids(entries)),
        zone=zone,
    )
    return reference, [*in_operator, *in_tariffs, *in_sites, *in_contracts, *in_partners, *in_assignments, *in_plans]


def _items(
    entries: list[_Entry], kind: str, shape: type[S], id_of: Callable[[S], str], zone_of: Callable[[S], str]
) -> Iterator[Item[S] | Problem]:
    for entry in _of_kind(entries, kind):
        match fit(shape, entry.node, entry.path):
            case Misfit(problems=problems):
                yield from problems
            case fitted:
                since = local_instant(fitted.valid_from, zone_of(fitted))
                yield Item(id=id_of(fitted), since=since, shape=fitted, node=entry.node, path=entry.path)


def _tariffs(entries: list[_Entry], zone: str) -> Iterator[Item[TariffPublished] | Problem]:
    for entry in _of_kind(entries, "tariffs"):
        match fit(TariffDocument, _with_instants(entry.node, zone), entry.path):
            case Misfit(problems=problems):
                yield from problems
            case document:
                tariff = tariff_of(document)
                yield Item(id=tariff.tariff.id, since=tariff.valid_from, shape=tariff, node=entry.node, path=entry.path)


def _with_instants(node: Node, zone: str) -> Node:
    """The tariff with its days as instants, since tariffs know no zone; what is no date is left for `fit`."""
    if not isinstance(node, Fields):
        return node
    values = dict(node.values)
    if "start_date_time" not in values:
        values.setdefault("valid_from", NOT_GIVEN)
    for name in ("valid_from", "valid_until"):
        given = values.get(name)
        if isinstance(given, Scalar) and (name == "valid_from" or given.text is not None):
            text = _instant(given, zone)
            values[name] = given if text is None else Scalar(place=given.place, text=text)
    return replace(node, values=values)


def _instant(given: Scalar, zone: str) -> str | None:
    try:
        return local_instant(ALWAYS if given.text is None else effective(given.text), zone).isoformat()
    except ValueError:
        return None


def _tariff_ids(entries: list[_Entry]) -> Iterator[str]:
    """Also of tariffs that do not fit: to call them missing as well would mislead."""
    for entry in _of_kind(entries, "tariffs"):
        match inner(entry.node, "id"):
            case Scalar(text=str(text)):
                yield text


def _facts(reference: Reference, seal: Seal) -> Iterator[ReferenceFact | Problem]:
    for operator in reference.operators:
        yield OperatorPublished(operator=_as(Operator, operator.shape), valid_from=operator.since)
    for tariff in reference.tariffs:
        yield tariff.shape
    for site in reference.sites:
        yield SitePublished(site=_site(site.shape), valid_from=site.since)
    for contract in reference.contracts:
        yield _contract(contract, seal)
    for partner in reference.partners:
        yield PartnerPublished(partner=_as(Partner, partner.shape, id=partner.id), valid_from=partner.since)
    for one in reference.assignments:
        until = UNSET if one.shape.valid_until is None else local_instant(one.shape.valid_until, reference.zone)
        yield TariffAssigned(assignment=assignment_of(one.shape), valid_from=one.since, valid_until=until)
    currency = reference.operators[0].shape.currency
    for plan in reference.plans:
        yield PlanPublished(plan=plan_of(plan.shape, currency, reference.zone), valid_from=plan.since)


def _site(shape: SiteShape) -> Site:
    return _as(Site, shape, evses=tuple(_evse(evse, shape) for evse in shape.evses))


def _evse(shape: EvseShape, site: SiteShape) -> Evse:
    """How signatures count is the site's to say, where the EVSE does not say it itself."""
    keys, capacity_wh = tuple(_meter_key(key, site.time_zone) for key in shape.meter_keys), shape.battery_capacity_wh or 0
    signatures = shape.signatures or site.signatures
    made = _as(Evse, shape, meter_keys=keys, signatures=signatures, battery_capacity_wh=capacity_wh)
    return structs.replace(
        made, also_known_as=made.also_known_as or UNSET, battery_capacity_wh=made.battery_capacity_wh or UNSET
    )


def _meter_key(shape: MeterKeyShape, zone: str) -> MeterKey:
    since, until = interval_of(shape, zone)
    return _as(MeterKey, shape, valid_from=since, valid_until=until)


def _contract(item: Item[ContractShape], seal: Seal) -> ContractPublished | Problem:
    try:
        holder = seal(ContractId(item.id), _as(Party, item.shape.holder))
    except Forgotten:
        return item.problem("this contract's holder was forgotten: remove it, or give a new contract a new id", "id")
    made = _as(Contract, item.shape, holder=holder, plan=item.shape.plan or "")
    return ContractPublished(contract=made if made.plan else structs.replace(made, plan=UNSET), valid_from=item.since)


def _as(record: type[R], shape: Shape, **changed: object) -> R:
    """The shape as its twin in the vocabulary; fields that the vocabulary does not have are left behind."""
    return msgspec.convert(dict(shape) | changed, record, from_attributes=True)


def _of_kind(entries: list[_Entry], kind: str) -> Iterator[_Entry]:
    return (entry for entry in entries if entry.kind == kind)


def _split(found: Iterable[T | Problem]) -> tuple[list[T], list[Problem]]:
    """What was made, and what was wrong."""
    good: list[T] = []
    bad: list[Problem] = []
    for one in found:
        if isinstance(one, Problem):
            bad.append(one)
        else:
            good.append(one)
    return good, bad
