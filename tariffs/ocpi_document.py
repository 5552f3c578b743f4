"""Read a tariff as a partner sends it: the Tariff object of OCPI 2.2.1 or 2.3.0 (mod_tariffs).

It has the shape of our own documents, with the freedoms that a partner has and an author has not: no beginning means that it
always was in force, and an instant without a zone is UTC. In 2.3.0, which is known by its `tax_included`, unknown fields of the
tariff, its texts and its energy mix are put aside, with a note. In a price, its restrictions and the limits they are refused,
although 2.3.0 would have them passed over: a condition that is not looked at makes a price apply where it should not.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tariffs.document import Element, TariffDocument, Text, read_document, tariff_of
from tariffs.energy_mix import Mix
from tariffs.tariff_fields import ALWAYS, Part, no_tariff, path
from vocabulary.tariff import TariffPublished

_INSTANTS = ("start_date_time", "end_date_time")
_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?", re.ASCII)
_OPEN: dict[str, type[Part]] = {"elements": Element, "tariff_alt_text": Text, "energy_mix": Mix}  # where fields may be unknown


class OcpiTariff(NamedTuple):
    published: TariffPublished
    notes: tuple[str, ...]  # what was put aside


def read_ocpi(raw: object) -> OcpiTariff:
    """The tariff that this OCPI object is. Raises TariffRefused with all that is wrong."""
    if not isinstance(raw, Mapping):
        no_tariff(raw)
    fields = {**raw, **{name: _utc(raw[name]) for name in _INSTANTS if name in raw}}
    if fields.get("start_date_time") is None:
        fields["start_date_time"] = ALWAYS.isoformat()
    aside = ["preauthorize_amount"] if fields.pop("preauthorize_amount", None) is not None else []
    if fields.get("tax_included") is not None:
        fields, unknown = _known_of(fields)
        aside += unknown
    return OcpiTariff(tariff_of(read_document(fields)), tuple(map(_note, aside)))


def _note(field: str) -> str:
    if field == "preauthorize_amount":
        return f"{field}: put aside; it is what is blocked on a card, and no price"
    return f"{field}: put aside; OCPI 2.3.0 has no such field, and no price here depends on it"


def _utc(instant: object) -> object:
    return f"{instant}Z" if isinstance(instant, str) and _WITHOUT_ZONE.fullmatch(instant) else instant


def _known_of(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The fields without those that are unknown where they may be, and the ways to these."""
    kept, aside = _split(fields, TariffDocument, ())
    for name, shape in _OPEN.items():
        match kept.get(name):
            case list() as items:
                parts = [_split(item, shape, (name, index)) for index, item in enumerate(items)]
                kept[name] = [part for part, _ in parts]
                aside += [way for _, ways in parts for way in ways]
            case Mapping() as item:
                kept[name], ways = _split(item, shape, (name,))
                aside += ways
    return kept, aside


def _split(item: Any, shape: type[Part], way: tuple[str | int, ...]) -> tuple[Any, list[str]]:
    if not isinstance(item, Mapping):
        return item, []
    known = {*_names_of(shape)}
    kept = {name: value for name, value in item.items() if name in known}
    return kept, [path((*way, name)) for name in item if name not in known]


def _names_of(shape: type[Part]) -> Iterator[str]:
    for name, field in shape.model_fields.items():
        yield name
        yield from (str(choice) for choice in getattr(field.validation_alias, "choices", ()))
