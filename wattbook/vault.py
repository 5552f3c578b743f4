"""The vault: one random key per contract holder, beside the log and never in it.

Names and addresses enter the log sealed: AES-SIV (RFC 5297) under the holder's key, bound to the contract's id, written as
"<contract>:<base64>". SIV is deterministic, so the same holder published twice is the same event. Forgetting a holder is
destroying the key: what the log holds of him stays, and the books with it, but nobody can read it again.

The file is one JSON object, mode 0600, replaced as a whole (write, fsync, rename, fsync of the folder) under a lock, so that a
crash leaves the old or the new vault. A key is durable before its `Sealed` is given out; one whose event never reached the log
harms nobody. Back it up apart from the log. A vault that is missing or damaged is an error and never a new key: with other
keys the holders in the log could not be read, and would be published a second time.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import Struct

from vocabulary.codec import encode
from vocabulary.identity import ContractId
from vocabulary.reference import Party, Sealed
from wattbook.private_file import locked, replace

Seal = Callable[[ContractId, Party], Sealed]
_KEY_BITS = 512  # AES-256-SIV


class VaultError(Exception):
    """What the vault cannot do.

    VaultError
    ├── Forgotten        the holder's key was destroyed on purpose: show that the holder is forgotten
    └── VaultUnusable    the vault is missing, damaged, or another log's: restore it from its backup
    """


class Forgotten(VaultError):
    def __init__(self, contract: ContractId) -> None:
        super().__init__(f"the holder of contract {contract} was forgotten: the key is destroyed")
        self.contract = contract


class VaultUnusable(VaultError):
    pass


class _Keys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file. `forgotten` are contracts whose key was destroyed: they get no new one."""

    vault: int = 1  # version of this shape
    keys: dict[ContractId, bytes] = {}
    forgotten: tuple[ContractId, ...] = ()


class Vault:
    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Make an empty vault where there is none yet. For a new home only: see above."""
        with locked(self._path):
            if not self._path.exists():
                self._write(_Keys())

    def demand(self, contracts: Iterable[ContractId]) -> None:
        """Raises VaultUnusable where a contract of the log has neither a key nor a tombstone: this is another log's vault."""
        held = self._read()
        for contract in contracts:
            if contract not in held.keys and contract not in held.forgotten:
                raise VaultUnusable(
                    f"{self._path} has no key for contract {contract}: restore the vault that belongs to this log"
                )

    def seal(self, contract: ContractId, party: Party) -> Sealed:
        """The holder, readable with the contract's key only. The first time makes the key. Raises Forgotten."""
        with self.sealing() as seal:
            return seal(contract, party)

    @contextmanager
    def sealing(self) -> Iterator[Seal]:
        """`seal` for many holders with one write. The keys are durable when the block is left: append to the log after it."""
        with locked(self._path):
            held = self._read()
            made: dict[ContractId, bytes] = {}

            def seal(contract: ContractId, party: Party) -> Sealed:
                if contract in held.forgotten:
                    raise Forgotten(contract)
                key = held.keys.get(contract) or made.setdefault(contract, AESSIV.generate_key(_KEY_BITS))
                return _sealed(contract, key, party)

            yield seal
            if made:
                self._write(_Keys(keys=held.keys | made, forgotten=held.forgotten))

    def looking(self) -> Seal:
        """`seal` for who writes nothing: a holder without a key is sealed as nobody. Raises Forgotten."""
        held = self._read()

        def seal(contract: ContractId, party: Party) -> Sealed:
            if contract in held.forgotten:
                raise Forgotten(contract)
            key = held.keys.get(contract)
            return Sealed("") if key is None else _sealed(contract, key, party)

        return seal

    def open(self, sealed: Sealed) -> Party:
        """The holder in the clear, for a document. Raises Forgotten, or VaultUnusable where the key is another."""
        contract, _, box = sealed.rpartition(":")
        held = self._read()
        if contract in held.forgotten:
            raise Forgotten(ContractId(contract))
        key = held.keys.get(ContractId(contract))
        if key is None:
            raise VaultUnusable(f"{self._path} has no key for contract {contract}: restore the vault that belongs to this log")
        try:
            body = AESSIV(key).decrypt(b64decode(box), [contract.encode()])
        except InvalidTag as error:
            raise VaultUnusable(f"{self._path} has another key for contract {contract}: restore this log's vault") from error
        return msgspec.json.decode(body, type=Party)

    def forget(self, contract: ContractId) -> None:
        """Destroy the holder's key, for ever. Backups of the vault must be destroyed or replaced as well."""
        with locked(self._path):
            held = self._read()
            keys = {other: key for other, key in held.keys.items() if other != contract}
            self._write(_Keys(keys=keys, forgotten=tuple(sorted({*held.forgotten, contract}))))

    def _read(self) -> _Keys:
        try:
            held = msgspec.json.decode(self._path.read_bytes(), type=_Keys)
        except FileNotFoundError as error:
            raise VaultUnusable(
                f"{self._path} is missing: restore its backup; `wattbook init` makes one for a new home"
            ) from error
        except (OSError, msgspec.MsgspecError) as error:
            raise VaultUnusable(f"{self._path} cannot be read, restore its backup: {error}") from error
        if held.vault != 1 or any(len(key) * 8 != _KEY_BITS for key in held.keys.values()):
            raise VaultUnusable(f"{self._path} holds a key that is none, restore its backup")
        return held

    def _write(self, keys: _Keys) -> None:
        replace(self._path, msgspec.json.format(msgspec.json.encode(keys)))


def _sealed(contract: ContractId, key: bytes, party: Party) -> Sealed:
    box = AESSIV(key).encrypt(encode(party), [contract.encode()])
    return Sealed(f"{contract}:{b64encode(box).decode()}")
