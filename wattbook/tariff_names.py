"""Tariffs by what people call them, on the command line.

    ac-simple                       the version in force now
    ac-simple@2026-01-01            the one in force at that day, or instant, in the operator's zone
    00d4fd…                         a version's hash, or as much of its beginning as is enough
    prices.yaml, new.yaml#ac-day    the only tariff of a file; the one with that id
    partner.json                    the same, in any format that tariffs are read in

Of several versions in a file the last counts.
"""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET

from streams.catalogue import Catalogue
from vocabulary.codec import version_hash
from vocabulary.identity import TariffId
from vocabulary.tariff import Tariff, TariffPublished
from wattbook.reference_shapes import ALWAYS, effective, local_instant
from wattbook.suggest import did_you_mean
from wattbook.tariff_files import published_in

_FILES = (".yaml", ".yml", ".json")
_HASH_MIN = 6


class TariffNotFound(Exception):
    """Nothing has the name that was given for a tariff."""


class NamedTariff(NamedTuple):
    """A version, with when it is in force; None: always, for ever, or not known."""

    tariff: Tariff
    since: datetime | None
    until: datetime | None


def is_file(name: str) -> bool:
    return Path(name.partition("#")[0]).suffix.lower() in _FILES


def named_tariff(name: str, catalogue: Catalogue, now: datetime, zone: str) -> NamedTariff:
    """Raises TariffNotFound."""
    if is_file(name):
        return _in_file(name, zone)
    if found := _in_force(name, catalogue, now):
        return found
    of, at_sign, at = name.rpartition("@")
    if at_sign and (found := _in_force(of, catalogue, _instant(at, zone))):
        return found
    return _by_hash(name, catalogue)


def published_tariff(name: str, catalogue: Catalogue, now: datetime, zone: str) -> TariffPublished:
    """The same as it was published, or would be: with its own `valid_until` alone, whatever version follows it."""
    found = named_tariff(name, catalogue, now, zone)
    if is_file(name):
        return TariffPublished(tariff=found.tariff, valid_from=found.since or ALWAYS, valid_until=found.until or UNSET)
    known = catalogue.tariffs[TariffId(found.tariff.id)]
    since = found.since or next(
        at for at, version in zip(*known, strict=True) if version_hash(version.value) == version_hash(found.tariff)
    )
    published = catalogue.tariff_version(TariffId(found.tariff.id), since)
    assert published is not None, "a version is in force when it comes into force"
    return published


def _in_file(name: str, zone: str) -> NamedTariff:
    path, _, wanted = name.partition("#")
    if not Path(path).is_file():
        raise TariffNotFound(f"there is no file {path}")
    tariffs = published_in(Path(path), zone)
    ids = sorted({one.tariff.id for one in tariffs})
    if not wanted and len(ids) > 1:
        raise TariffNotFound(f"{path} has {len(ids)} tariffs: write {path}#ID with one of {', '.join(ids)}")
    found = [one for one in tariffs if one.tariff.id == (wanted or ids[0])]
    if not found:
        raise TariffNotFound(f"{path} has no tariff {wanted}{did_you_mean(wanted, ids)}")
    last = found[-1]
    return NamedTariff(last.tariff, last.valid_from, None if last.valid_until is UNSET else last.valid_until)


def _in_force(tariff: str, catalogue: Catalogue, at: datetime) -> NamedTariff | None:
    found = catalogue.tariff_version(TariffId(tariff), at)
    if found is None:
        return None
    ends = [after for after in catalogue.tariffs[TariffId(tariff)].since if after > at]
    ends += [] if found.valid_until is UNSET else [found.valid_until]
    return NamedTariff(found.tariff, found.valid_from, min(ends, default=None))


def _instant(text: str, zone: str) -> datetime:
    try:
        return local_instant(effective(text), zone)
    except ValueError as error:
        raise TariffNotFound(f"what stands after @ {error}") from None


def _by_hash(name: str, catalogue: Catalogue) -> NamedTariff:
    found = [tariff for version, tariff in catalogue.tariff_versions.items() if version.startswith(name.lower())]
    if len(name) >= _HASH_MIN and len(found) == 1:
        return NamedTariff(found[0], None, None)
    if len(name) >= _HASH_MIN and len(found) > 1:
        raise TariffNotFound(f"{len(found)} versions have a hash that begins with {name}: write more of it")
    near = did_you_mean(name.partition("@")[0], catalogue.tariffs)
    raise TariffNotFound(f"no tariff {name} is in force{near}: see reference/tariffs.yaml")


def short_hash(tariff: Tariff) -> str:
    return version_hash(tariff)[:12]
