"""Read tariffs from JSON, whichever of the formats they are in: OCPI 2.2.1, OCPI 2.3.0, OCPP 2.1, or our own documents.

    OCPP 2.1      has a tariffId, or one of the fields that only a TariffType has (energy, chargingTime, fixedFee ...)
    OCPI 2.3.0    has a country_code, and says tax_included
    OCPI 2.2.1    has a country_code
    ours          all else

A body is one tariff, a list of them, what an OCPI endpoint answers (`data`), or what OCPP sends (the request with its `tariff`,
alone or in its frame).
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from tariffs.document import read_document, tariff_of
from tariffs.ocpi_document import read_ocpi
from tariffs.ocpp_document import read_ocpp
from tariffs.tariff_fields import TariffRefused, no_tariff
from vocabulary.tariff import TariffPublished

BYTES_MAX = 16_000_000
_OF_OCPP = {"tariffId", "energy", "chargingTime", "idleTime", "fixedFee", "reservationTime", "reservationFixed"}
_CALL = 2  # the message type of a request (OCPP-J)


class Imported(NamedTuple):
    """A tariff as it was read. `format` is where it came from; `notes` say what was put aside or taken for something else."""

    published: TariffPublished
    format: str
    notes: tuple[str, ...]


def read_tariffs(body: bytes) -> tuple[Imported, ...]:
    """The tariffs of a JSON body. Raises TariffRefused with all that is wrong with the first one that cannot be read."""
    found = _tariffs_in(read_json(body))
    if not found:
        raise TariffRefused(("the file: holds no tariff",))
    return tuple(_numbered(index, raw, len(found)) for index, raw in enumerate(found))


def read_json(body: bytes) -> Any:
    """JSON with the digits of its numbers. Raises TariffRefused."""
    if len(body) > BYTES_MAX:
        _refuse(f"has more than {BYTES_MAX} bytes; give the tariffs in several files")
    try:
        return json.loads(body.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_constant, object_pairs_hook=_object)
    except UnicodeDecodeError:
        _refuse("is not UTF-8; save it as such")
    except RecursionError:
        _refuse("nests too deeply; no tariff does")
    except json.JSONDecodeError as error:
        _refuse(f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}; correct it there")
    except TariffRefused:
        raise
    except (ValueError, ArithmeticError):
        _refuse("has a number of too many digits; no price has them")


def _refuse(what: str) -> NoReturn:
    raise TariffRefused((f"the file: {what}",))


def _constant(name: str) -> NoReturn:
    _refuse(f"has {name}, which is no number of JSON; write one, or remove the field")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands twice has two meanings, and which one counts differs from reader to reader."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            _refuse(f"gives {name[:60]!r} twice in one object; remove one")
        made[name] = value
    return made


def _tariffs_in(raw: Any) -> list[Any]:
    match raw:
        case [int(kind), str(), str(), Mapping() as payload] if kind == _CALL:
            return _tariffs_in(payload)
        case {"tariff": Mapping() as only}:
            return [only]
        case {"data": list() as several} if "elements" not in raw:
            return several
        case {"data": Mapping() as only} if "elements" not in raw:
            return [only]
        case {"tariffs": list() as several} if "elements" not in raw:
            return several
        case list():
            return raw
        case _:
            return [raw]


def _numbered(index: int, raw: Any, count: int) -> Imported:
    try:
        return read_tariff(raw)
    except TariffRefused as refused:
        if count == 1:
            raise
        raise TariffRefused(tuple(f"tariff {index + 1}: {complaint}" for complaint in refused.complaints)) from None


def is_ours(raw: object) -> bool:
    return isinstance(raw, Mapping) and not _OF_OCPP & raw.keys() and "country_code" not in raw


def read_tariff(raw: object) -> Imported:
    """The tariff that these plain dictionaries and lists are. Raises TariffRefused."""
    if not isinstance(raw, Mapping):
        no_tariff(raw)
    if _OF_OCPP & raw.keys():
        station = read_ocpp(raw)
        return Imported(station.published, "OCPP 2.1", station.notes)
    if "country_code" in raw:
        partner = read_ocpi(raw)
        return Imported(partner.published, "OCPI 2.2.1" if raw.get("tax_included") is None else "OCPI 2.3.0", partner.notes)
    return Imported(tariff_of(read_document(raw)), "our own", ())
