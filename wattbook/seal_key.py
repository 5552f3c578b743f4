"""The key by which checkpoints are signed (Ed25519), and the public keys by which anyone verifies them.

The private key is one PEM file in the home, mode 0600, made when it is first needed and never replaced here. Whoever has it can
sign whatever he likes, so it belongs on the sealer's machine alone. The public key is for everybody: PEM as `openssl pkey`
reads it. The public halves of all keys that this home has had stand beside it, the first one first, so that what an earlier
one signed is known when that is gone. A fingerprint is SHA-256 over the DER form of a public key:

    openssl pkey -pubin -in FILE -outform DER | sha256sum
"""

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from wattbook.private_file import sync

FILE = "seal-key.pem"
KNOWN_FILE = "seal-keys-public.pem"
_FOR_OTHERS = 0o077
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n?", re.DOTALL)


class SealKeyUnusable(Exception):
    """A key of the seal cannot be read or must not be used; the message says which, why, and what to do."""


class SealKey:
    """The private key of a sealer. `known`: its public half, and those of the keys that the home has had before."""

    def __init__(self, key: Ed25519PrivateKey, earlier: Iterable[Ed25519PublicKey] = ()) -> None:
        self._key = key
        self.public = PublicKeys([key.public_key()])
        self.known = PublicKeys([*earlier, key.public_key()])
        (self.fingerprint,) = self.public.fingerprints

    def sign(self, body: bytes) -> bytes:
        return self._key.sign(body)


class PublicKeys:
    """The keys that an auditor believes in: one, or one after the other where a sealer got a new one."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {_fingerprint(key): key for key in keys}

    def __iter__(self) -> Iterator[Ed25519PublicKey]:
        return iter(self._keys.values())

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return tuple(self._keys)

    @property
    def pem(self) -> str:
        keys = [key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in self]
        return b"".join(keys).decode()

    def is_genuine(self, fingerprint: str, signed: bytes, signature: bytes) -> bool:
        """Whether one of these keys, the one with this fingerprint, signed this."""
        key = self._keys.get(fingerprint)
        try:
            if key is not None:
                key.verify(signature, signed)
        except InvalidSignature:
            return False
        return key is not None


def seal_key(home: Path) -> SealKey:
    """The key of this home; a new one where there is none yet. From then on it is known here, also when another one follows."""
    if not (home / FILE).exists():
        _make(home / FILE)
    key, path = read_seal_key(home), home / KNOWN_FILE
    known = path.read_bytes() if path.exists() else b""
    if key.public.pem.encode() not in known:
        with _aside(path, known + key.public.pem.encode(), 0o644) as whole:
            whole.replace(path)
        sync(home)
    return key


def read_seal_key(home: Path) -> SealKey:
    """The key of this home, which must be there."""
    path = home / FILE
    try:
        mode, body = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise SealKeyUnusable(f"the key {path} cannot be read ({error.strerror}): restore it from its backup") from error
    if mode & _FOR_OTHERS:
        raise SealKeyUnusable(f"others may read the key {path}: run `chmod 600 {path}`; if someone did read it, make a new one")
    try:
        key = load_pem_private_key(body, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SealKeyUnusable(f"{path} holds no private key: restore it from its backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SealKeyUnusable(f"{path} holds a key of another kind than Ed25519: restore it from its backup")
    known = home / KNOWN_FILE
    return SealKey(key, read_public_keys(known) if known.exists() else ())


def known_keys(home: Path) -> PublicKeys:
    """All keys that this home has had. Raises SealKeyUnusable where it has had none, as that of an auditor from outside."""
    if (home / FILE).exists():
        return read_seal_key(home).known
    if (home / KNOWN_FILE).exists():
        return PublicKeys(read_public_keys(home / KNOWN_FILE))
    raise SealKeyUnusable(
        f"there is no key of the seal in {home.absolute()}: write --key FILE, with the operator's public key "
        "(`wattbook seal key` prints it on the sealer's machine)"
    )


def read_public_keys(path: Path) -> list[Ed25519PublicKey]:
    """All public keys in a file of PEM blocks; other text between them does not matter."""
    try:
        keys = [load_pem_public_key(block) for block in _PEM.findall(path.read_bytes())]
    except OSError as error:
        raise SealKeyUnusable(f"the public key {path} cannot be read: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SealKeyUnusable(f"{path} holds a public key that is damaged: ask the operator for it again") from error
    ed25519 = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not ed25519:
        raise SealKeyUnusable(f"{path} holds no public key of Ed25519: `wattbook seal key` prints the operator's")
    return ed25519


def _fingerprint(key: Ed25519PublicKey) -> str:
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _make(path: Path) -> None:
    """Linked to its name, so that of two processes the first one's key stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with _aside(path, body, 0o600) as whole:
        try:
            os.link(whole, path)
        except FileExistsError:
            return
    sync(path.parent)


@contextmanager
def _aside(path: Path, body: bytes, mode: int) -> Iterator[Path]:
    """A durable file beside another one, to take its name: whoever reads finds the whole of one of them. Else it is removed."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        yield aside
    finally:
        aside.unlink(missing_ok=True)
