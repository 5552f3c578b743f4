"""Publish a tariff from a file or from the reference folder: what is new of it, whether it changes the past, whose price."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from msgspec import UNSET, structs

from streams.catalogue import Catalogue, changes_the_past, is_in_force
from streams.states import Wanted
from vocabulary.codec import ReferenceFact
from vocabulary.identity import TariffId
from vocabulary.reference import RulesAdopted, Sealed
from vocabulary.rules import RULES
from vocabulary.tariff import TariffPublished
from wattbook.comparing import Question
from wattbook.fact_keys import key_of
from wattbook.reference_files import operator_zone, read_reference
from wattbook.reference_shapes import ALWAYS
from wattbook.suggest import did_you_mean
from wattbook.tariff_files import published_in
from wattbook.tariff_names import TariffNotFound, is_file
from wattbook.wiring import App, NotReady


class Retroactive(Exception):
    """A tariff would get another price for a time that is over, and nobody said that what was charged is to be charged anew."""


def versions_of(name: str, folder: Path, valid_from: datetime | None) -> tuple[TariffPublished, ...]:
    """The versions of one tariff, in order of time. `valid_from`: when that of a file comes into force, or which one of the
    folder's. Raises TariffNotFound, ReferenceErrors, NotReady.
    """
    if is_file(name):
        return _of_file(name, folder, valid_from)
    tariffs = _of_folder(folder)
    found = [each for each in tariffs if each.tariff.id == name]
    if not found:
        raise TariffNotFound(f"{folder} has no tariff {name}{did_you_mean(name, {each.tariff.id for each in tariffs})}")
    chosen = [each for each in found if valid_from in (None, each.valid_from)]
    if not chosen:
        raise TariffNotFound(f"{folder} has no version of {name} that is valid from {valid_from}: leave --valid-from out")
    return tuple(chosen)


def _of_file(name: str, folder: Path, valid_from: datetime | None) -> tuple[TariffPublished, ...]:
    path, _, wanted = name.partition("#")
    if not Path(path).is_file():
        raise TariffNotFound(f"there is no file {path}")
    published = published_in(Path(path), operator_zone(folder) or "UTC")
    ids = sorted({each.tariff.id for each in published})
    if not wanted and len(ids) > 1:
        raise TariffNotFound(f"{path} has {len(ids)} tariffs: write {path}#ID with one of {', '.join(ids)}")
    found = [each for each in published if each.tariff.id == (wanted or ids[0])]
    if not found:
        raise TariffNotFound(f"{path} has no tariff {wanted}{did_you_mean(wanted, ids)}")
    if valid_from is not None and len(found) > 1:
        raise NotReady(f"{path} has {len(found)} versions of {found[0].tariff.id}: say in the file when each is valid from")
    dated = [each if valid_from is None else structs.replace(each, valid_from=valid_from) for each in found]
    for each in dated:
        _demand_no_other(each, folder)
    return tuple(dated)


def _demand_no_other(version: TariffPublished, folder: Path) -> None:
    """The folder is published again by the next command that bills: what it says otherwise would come back."""
    if not folder.is_dir():
        return
    for each in _of_folder(folder):
        if (each.tariff.id, each.valid_from) == (version.tariff.id, version.valid_from) and each != version:
            since = "" if each.valid_from == ALWAYS else f" from {each.valid_from:%Y-%m-%dT%H:%M:%SZ} on"
            raise NotReady(
                f"{folder} has another {each.tariff.id}{since}, and it would be published again: change it there, then "
                f"`wattbook tariff publish {each.tariff.id}`"
            )


def is_missing_in(folder: Path, versions: Sequence[TariffPublished]) -> bool:
    """Whether the folder has not all of them."""
    return folder.is_dir() and not set(versions) <= set(_of_folder(folder))


def _of_folder(folder: Path) -> list[TariffPublished]:
    facts = read_reference(folder, lambda *_: Sealed(""))  # no holder is looked at
    return [fact for fact in facts if isinstance(fact, TariffPublished)]


def demand_fit(versions: Sequence[TariffPublished], catalogue: Catalogue) -> None:
    """Raises NotReady where the operator charges in another currency."""
    for each in versions:
        operator = catalogue.operator(each.valid_from) or (catalogue.operators.values or (None,))[0]
        if operator is not None and operator.currency != each.tariff.currency:
            raise NotReady(f"tariff {each.tariff.id} is in {each.tariff.currency}, the operator charges in {operator.currency}")


def new_of(versions: Sequence[TariffPublished], catalogue: Catalogue) -> tuple[TariffPublished, ...]:
    return tuple(each for each in versions if not is_in_force(catalogue, each))


def of_the_past(versions: Sequence[TariffPublished], catalogue: Catalogue, now: datetime) -> tuple[TariffPublished, ...]:
    return tuple(each for each in versions if changes_the_past(catalogue, each, now))


def question(versions: Sequence[TariffPublished], supposed: Sequence[TariffPublished]) -> Question:
    """Which sessions have their price from these versions, or would have it if those that are supposed were in force."""
    since = min(each.valid_from for each in versions)
    ends = [each.valid_until for each in versions]
    until = None if any(end is UNSET for end in ends) else max(end for end in ends if end is not UNSET)
    wanted = Wanted(ended_after=None if since == ALWAYS else since, began_before=until)
    return Question(wanted, facts_of(supposed), about=TariffId(versions[0].tariff.id), keeps=True)


def facts_of(versions: Sequence[TariffPublished]) -> tuple[ReferenceFact, ...]:
    return (RulesAdopted(number=RULES), *versions)


def publish(app: App, versions: Sequence[TariffPublished]) -> int:
    """What waited for a tariff is concluded; what is charged stays as it is. How many versions were new."""
    app.runtime.publish([RulesAdopted(number=RULES)], key_of)
    new = app.runtime.publish(versions, key_of)
    app.runtime.pump()
    return new
