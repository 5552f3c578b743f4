"""The stations' passwords, as salted scrypt hashes in a file beside the database, and never in the log.

    {"credentials": 1, "stations": {"HAM-0001": {"salt": …, "hash": …, "cost": 4096}, "HAM-0002": {"revoked": true}}}

OCPP passwords have 16 to 40 characters (1.6 security whitepaper, 2.0.1 part 2 A00) or to 64 (2.1). 1.6 writes them down as the
hexadecimal form of 16 to 20 bytes, and stations send those bytes, or the form: both are one password here. They are long enough
not to be guessed from a hash, so the hash costs 13 ms and 4 MB, and a fleet that comes back at once is let in within seconds.
A revoked station is refused by every profile that asks who it is; so is one that the file does not have, with a password.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from vocabulary.identity import StationId
from wattbook.private_file import locked, replace

PASSWORD_MIN: Final = 16
PASSWORD_MAX: Final = 64
_COST: Final = 2**12
_GENERATED_BYTES: Final = 20  # 40 hexadecimal digits: what stations of every version take


class CredentialsUnusable(Exception):
    """The file cannot be read, or what was asked for cannot be done; the message says why and what to do."""


class Credential(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One station's. `cost` is scrypt's n; its r is 8 and its p 1."""

    salt: bytes = b""
    hash: bytes = b""
    cost: int = _COST
    revoked: bool = False


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    credentials: int = 1  # version of this shape
    stations: dict[StationId, Credential] = {}


_NOBODY: Final = Credential(salt=bytes(16), hash=bytes(32))


class Credentials:
    """The file; read again when it was changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: tuple[int, int, int] | None = None
        self._held: Mapping[StationId, Credential] = {}

    def add(self, station: StationId, password: str | None = None) -> str:
        """A new station, or one that was revoked; gives its password."""
        return self._set(station, password, wanted=False)

    def change(self, station: StationId, password: str | None = None) -> str:
        """Another password for a station that has one."""
        return self._set(station, password, wanted=True)

    def revoke(self, station: StationId, *, by_certificate: bool = False) -> None:
        """A station of the file, or one that need not be there, as it connects `by_certificate`."""
        with locked(self._path):
            held = self._read().stations
            if station not in held and not by_certificate:
                raise CredentialsUnusable(
                    f"{station} has no password here, so nothing was revoked: `wattbook station list` tells who has one; "
                    f"`wattbook station revoke {station} --certificate` refuses a station that connects with a certificate"
                )
            replace(self._path, _bytes(held | {station: Credential(revoked=True)}))

    def all(self) -> Mapping[StationId, Credential]:
        """As the file is now."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._read_at, self._held = None, {}
            return self._held
        if self._read_at != (version := (status.st_mtime_ns, status.st_ino, status.st_size)):
            self._held, self._read_at = self._read().stations, version
        return self._held

    def _set(self, station: StationId, password: str | None, *, wanted: bool) -> str:
        password = secrets.token_hex(_GENERATED_BYTES) if password is None else password
        if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
            raise CredentialsUnusable(f"a station's password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")
        with locked(self._path):
            held = self._read().stations
            known = station in held and not held[station].revoked
            if known and not wanted:
                raise CredentialsUnusable(f"{station} has a password: `wattbook station password {station}` gives it another")
            if wanted and not known:
                raise CredentialsUnusable(f"{station} has no password: `wattbook station add {station}` gives it one")
            replace(self._path, _bytes(held | {station: _credential(password)}))
        return password

    def _read(self) -> _File:
        try:
            held = msgspec.json.decode(self._path.read_bytes(), type=_File)
        except FileNotFoundError:
            return _File()
        except (OSError, msgspec.MsgspecError) as error:
            raise CredentialsUnusable(f"{self._path} cannot be read, restore its backup: {error}") from error
        if held.credentials != 1:
            raise CredentialsUnusable(f"{self._path} is of a newer wattbook: start that one")
        return held


def is_password_of(credential: Credential | None, password: bytes) -> bool:
    """Takes as long for a station that nobody knows as for any other."""
    known = credential if credential is not None and not credential.revoked else _NOBODY
    return hmac.compare_digest(_hash(password, known.salt, known.cost), known.hash) and known is not _NOBODY


def canonical(password: bytes) -> bytes:
    """The bytes that a password stands for: 32 to 40 hexadecimal digits are the written form of 16 to 20 bytes."""
    if 32 <= len(password) <= 40 and len(password) % 2 == 0:
        try:
            return bytes.fromhex(password.decode("ascii"))
        except ValueError:
            pass
    return password


def _credential(password: str) -> Credential:
    salt = secrets.token_bytes(16)
    return Credential(salt=salt, hash=_hash(password.encode(), salt, _COST))


def _hash(password: bytes, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(canonical(password), salt=salt, n=cost, r=8, p=1, maxmem=2**28, dklen=32)


def _bytes(stations: dict[StationId, Credential]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_File(stations=dict(sorted(stations.items())))))
