"""The keys that are trusted, and since when: those of sites and those of the register, as people ask for them and change them.

A change is a fact that is worked out here and published elsewhere. It is refused where two EVSEs would trust one key at a time,
or where it would leave out a time for which the key was trusted until now.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct, structs

from streams.catalogue import Catalogue
from streams.key_register import with_keys
from streams.signed.ecdsa import PublicKey, key_of_der
from streams.signed.keys import read_key
from streams.signed.obis import is_export
from vocabulary.reference import Evse, EvseName, MeterKey, MeterKeyPublished, Site, names_of, plain_evse_id
from wattbook.reference_shapes import REGISTERS_MAX, meter_serial
from wattbook.suggest import did_you_mean

SHOWN = 16  # digits of a fingerprint, for people
_LEAST = 4  # digits by which a key is named
_EVSE_ID = re.compile(r"[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9][A-Z0-9*]{0,29}")
_REGISTER = re.compile(
    r"[0-9A-Fa-f]{1,2}-[0-9A-Fa-f]{1,2}:([0-9A-Fa-f]{1,2}\.){2}[0-9A-Fa-f]{1,2}(\*[0-9]{1,3}|\.[0-9A-Fa-f]{1,2})?"
)
BEGINNING, _FOR_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_ONE_OR_TWO = "the two are one EVSE write also_known_as, and where one key signs for two meters name the meter at both"


class MeterKeyRefused(Exception):
    """A key is not registered or revoked: what is wrong, and what to do. `is_conflict`: it is by what is registered already."""

    def __init__(self, told: str, is_conflict: bool = False) -> None:
        super().__init__(told)
        self.is_conflict = is_conflict


class KeyAsked(NamedTuple):
    """A key as somebody wants it registered: as it is written on the meter, and for what time."""

    evse_id: str
    public_key: str
    meter: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    registers: tuple[str, ...] = ()


class TrustedKey(Struct, frozen=True, kw_only=True):
    """A key as it is listed. `site` None: no site has the EVSE yet. `source`: whether the site carries it, or the register."""

    evse_id: str
    site: str | None
    meter: str
    curve: str
    fingerprint: str
    public_key: str
    valid_from: datetime | None
    valid_until: datetime | None
    registers: tuple[str, ...]
    source: str
    revoked: str
    by: str


class _Held(NamedTuple):
    """An EVSE's key in a version of its site, and while that is in force. `evse` None: no site has it."""

    evse_id: str
    evse: Evse | None
    site: Site | None
    key: MeterKey
    since: datetime
    until: datetime

    @property
    def names(self) -> set[EvseName]:
        return set() if self.evse is None else set(names_of(self.evse))


def trusted_keys(catalogue: Catalogue, evse_id: str | None, now: datetime) -> list[TrustedKey]:
    """As of now, also those whose time is over or yet to come. Raises MeterKeyRefused where there is no such EVSE."""
    found = [held for held in _held(catalogue) if held.site is None or held.since <= now < held.until]
    if evse_id is not None:
        wanted = plain_evse_id(evse_id)
        known = {held.evse_id for held in found} | set(_evse_ids(catalogue))
        if wanted not in map(plain_evse_id, known):
            raise MeterKeyRefused(
                f"there is no EVSE {evse_id} here{did_you_mean(evse_id, known)}: see the sites of your reference folder"
            )
        found = [held for held in found if plain_evse_id(held.evse_id) == wanted]
    return [_listed(held, catalogue) for held in sorted(found, key=lambda held: held.evse_id)]


def key_to_add(catalogue: Catalogue, asked: KeyAsked, by: str = "") -> MeterKeyPublished | None:
    """The fact that registers a key; None: it is trusted so already. Raises MeterKeyRefused.

    The meter and the registers that were named with the key stay named where nobody names others: without its meter's serial
    number a key would verify the records of any meter that signs with it.
    """
    public = _read(asked.public_key)
    evse_id = _evse_id(catalogue, asked.evse_id)
    _demand_registers(asked.registers)
    own = _own(catalogue, evse_id, public.der.hex())
    known = own[-1].key if own else MeterKey(public_key=public.der.hex())
    key = MeterKey(
        public_key=known.public_key,
        meter=_meter(asked.meter) or known.meter,
        valid_from=asked.valid_from,
        valid_until=asked.valid_until,
        registers=asked.registers or known.registers,
    )
    if _until(key) <= _since(key):
        raise MeterKeyRefused("the key would end before it begins, or as it begins: write a later end, or leave it out")
    if own and all(held.key == key for held in own) and not _revoked(catalogue, evse_id, key.public_key):
        return None
    _demand_contains(key, own, evse_id)
    _demand_one_evse(key, evse_id, catalogue)
    return MeterKeyPublished(evse_id=evse_id, key=key, by=by)


def key_to_revoke(
    catalogue: Catalogue, evse_id: str, fingerprint: str, reason: str, when: datetime, by: str = ""
) -> MeterKeyPublished | None:
    """The fact that revokes a key from then on; None: it was revoked from then on, or before. Raises MeterKeyRefused.

    `when` BEGINNING: it was never to be trusted. The interval that is left is empty, and the EVSE is as one that never had it.
    """
    evse_id = _evse_id(catalogue, evse_id)
    keys = {held.key.public_key for held in _own(catalogue, evse_id)}
    public_key = _named(keys, fingerprint, evse_id)
    own = [held.key for held in _own(catalogue, evse_id, public_key)]
    since, until = min(map(_since, own)), max(map(_until, own))
    ends = min(until, max(when, since))
    if _revoked(catalogue, evse_id, public_key) and until <= ends:
        return None
    closed = structs.replace(own[-1], valid_from=None if since == BEGINNING else since, valid_until=ends)
    return MeterKeyPublished(evse_id=evse_id, key=closed, revoked=reason, by=by)


def interval(key: MeterKey | TrustedKey) -> str:
    """In words: `never`, `since ever`, `from 2026-07-01T00:00Z until 2026-08-01T00:00Z`."""
    if is_never(key):
        return "never"
    since = "since ever" if key.valid_from is None else f"from {shown(key.valid_from)}"
    return since if key.valid_until is None else f"{since} until {shown(key.valid_until)}"


def is_never(key: MeterKey | TrustedKey) -> bool:
    return key.valid_until is not None and key.valid_until <= (key.valid_from or BEGINNING)


def shown(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ" if at.second else "%Y-%m-%dT%H:%MZ")


def zone_of(catalogue: Catalogue, evse_id: str) -> str | None:
    """The time zone of the EVSE's site; None: no site has it."""
    found = next((held for held in _evses(catalogue) if plain_evse_id(held[1].evse_id) == plain_evse_id(evse_id)), None)
    return None if found is None else found[0].time_zone


def is_known(catalogue: Catalogue, evse_id: str) -> bool:
    return zone_of(catalogue, evse_id) is not None


def similar(catalogue: Catalogue, evse_id: str) -> str:
    return did_you_mean(evse_id, set(_evse_ids(catalogue)))


def fingerprint_of(key: MeterKey) -> str:
    return key_of_der(bytes.fromhex(key.public_key)).fingerprint


def _read(text: str) -> PublicKey:
    try:
        return read_key(text)
    except ValueError as error:
        raise MeterKeyRefused(f"the key {error}") from None


def _demand_registers(registers: Sequence[str]) -> None:
    if len(registers) > REGISTERS_MAX:
        raise MeterKeyRefused(f"{len(registers)} registers are more than a meter has: write at most {REGISTERS_MAX}")
    if bad := next((register for register in registers if not _REGISTER.fullmatch(register)), None):
        raise MeterKeyRefused(
            f"`{bad[:40]}` is not a register: write its OBIS code as the meter signs it, such as 1-0:1.8.0*198"
        )
    if export := next((register for register in registers if is_export(register)), None):
        raise MeterKeyRefused(f"`{export}` counts what was fed back, and no session is billed by it: leave it out")


def _meter(written: str) -> str:
    try:
        return meter_serial(written)
    except ValueError as error:
        raise MeterKeyRefused(f"the meter's serial number {error}") from None


def _evse_id(catalogue: Catalogue, evse_id: str) -> str:
    """As its site writes it."""
    if not _EVSE_ID.fullmatch(evse_id):
        raise MeterKeyRefused(f"`{evse_id[:60]}` is not an EVSE id of eMI3: write such as DE*WAT*E0001")
    return next((known for known in _evse_ids(catalogue) if plain_evse_id(known) == plain_evse_id(evse_id)), evse_id)


def _demand_contains(key: MeterKey, own: Sequence[_Held], evse_id: str) -> None:
    for held in own:
        if is_never(held.key):
            continue
        if _since(held.key) < _since(key) or _until(key) < _until(held.key):
            raise MeterKeyRefused(
                f"{evse_id} trusts this key {interval(held.key)}, and a key has one interval there: {interval(key)} would "
                "leave some of that out. Write an interval that contains it, or let it end by `wattbook meter-key revoke`",
                is_conflict=True,
            )


def _demand_one_evse(key: MeterKey, evse_id: str, catalogue: Catalogue) -> None:
    names = {
        name
        for site, evse in _evses(catalogue)
        if plain_evse_id(evse.evse_id) == plain_evse_id(evse_id)
        for name in names_of(evse)
    }
    for held in _held(catalogue):
        if held.key.public_key != key.public_key or plain_evse_id(held.evse_id) == plain_evse_id(evse_id) or names & held.names:
            continue
        are_told_apart = key.meter and held.key.meter and key.meter != held.key.meter
        since, until = max(_since(held.key), held.since), min(_until(held.key), held.until)
        if not are_told_apart and since < until and since < _until(key) and _since(key) < until:
            raise MeterKeyRefused(
                f"{held.evse_id} trusts this key {interval(held.key)}, and what is signed at one EVSE would be verified at the "
                "other: let it end there first (`wattbook meter-key revoke`, with --entirely after a slip, or valid_until in "
                f"its site); where {_ONE_OR_TWO}",
                is_conflict=True,
            )


def _named(keys: set[str], prefix: str, evse_id: str) -> str:
    """The key of these that the beginning of a fingerprint names."""
    wanted = prefix.replace(":", "").lower()
    by_fingerprint = {key_of_der(bytes.fromhex(key)).fingerprint: key for key in keys}
    listed = ", ".join(sorted(each[:SHOWN] for each in by_fingerprint)) or "none"
    if len(wanted) < _LEAST or not re.fullmatch(r"[0-9a-f]{1,64}", wanted):
        raise MeterKeyRefused(
            f"`{prefix[:70]}` names no key: write at least {_LEAST} hex digits of its fingerprint; {evse_id} has {listed}"
        )
    found = [key for fingerprint, key in by_fingerprint.items() if fingerprint.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise MeterKeyRefused(f"{evse_id} has no key whose fingerprint begins with {wanted}; it has {listed}", is_conflict=True)
    raise MeterKeyRefused(f"several keys of {evse_id} begin with {wanted}: write more of it; it has {listed}", is_conflict=True)


def _own(catalogue: Catalogue, evse_id: str, public_key: str | None = None) -> list[_Held]:
    """Its keys, once each for an interval."""
    found = [held for held in _held(catalogue) if plain_evse_id(held.evse_id) == plain_evse_id(evse_id)]
    return list({held.key: held for held in found if public_key in (None, held.key.public_key)}.values())


def _revoked(catalogue: Catalogue, evse_id: str, public_key: str) -> str:
    published = _published(catalogue, evse_id, public_key)
    return "" if published is None else published.revoked


def _published(catalogue: Catalogue, evse_id: str, public_key: str) -> MeterKeyPublished | None:
    registered = catalogue.meter_keys.get(plain_evse_id(evse_id), ())
    return next((each for each in registered if each.key.public_key == public_key), None)


def _held(catalogue: Catalogue) -> Iterator[_Held]:
    known = set()
    for versions in catalogue.sites.values():
        ends = (*versions.since[1:], _FOR_EVER)
        for since, until, site in zip(versions.since, ends, versions.values, strict=True):
            for evse in site.evses:
                known.add(plain_evse_id(evse.evse_id))
                for key in with_keys(evse, catalogue.meter_keys).meter_keys:
                    yield _Held(evse.evse_id, evse, site, key, since, until)
    for evse_id, published in catalogue.meter_keys.items():
        if evse_id not in known:
            yield from (_Held(each.evse_id, None, None, each.key, BEGINNING, _FOR_EVER) for each in published)


def _evses(catalogue: Catalogue) -> Iterator[tuple[Site, Evse]]:
    """Of all versions of all sites, the newest first."""
    for versions in catalogue.sites.values():
        yield from ((site, evse) for site in reversed(versions.values) for evse in site.evses)


def _evse_ids(catalogue: Catalogue) -> Iterator[str]:
    return (evse.evse_id for _, evse in _evses(catalogue))


def _listed(held: _Held, catalogue: Catalogue) -> TrustedKey:
    public = key_of_der(bytes.fromhex(held.key.public_key))
    published = _published(catalogue, held.evse_id, held.key.public_key)
    return TrustedKey(
        evse_id=held.evse_id,
        site=None if held.site is None else held.site.id,
        meter=held.key.meter,
        curve=public.curve,
        fingerprint=public.fingerprint,
        public_key=held.key.public_key,
        valid_from=held.key.valid_from,
        valid_until=held.key.valid_until,
        registers=held.key.registers,
        source="site" if published is None else "register",
        revoked="" if published is None else published.revoked,
        by="" if published is None else published.by,
    )


def _since(key: MeterKey) -> datetime:
    return key.valid_from or BEGINNING


def _until(key: MeterKey) -> datetime:
    return key.valid_until or _FOR_EVER
