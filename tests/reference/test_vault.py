"""The vault: who holds the key can read, who forgets cannot, and no accident makes a new key."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocabulary.identity import ContractId
from vocabulary.reference import Address, Party, Sealed
from wattbook.vault import Forgotten, Vault, VaultUnusable

ADA = Party(name="Ada Example", address=Address(street="Sample Street 12", postal_code="20095", city="Hamburg", country="DE"))
MAX = Party(name="Max Mustermann", address=Address(street="Musterweg 5", postal_code="10115", city="Berlin", country="DE"))
C1, C2 = ContractId("C-1"), ContractId("C-2")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    vault = Vault(tmp_path / "vault.json")
    vault.create()
    return vault


def test_what_is_sealed_can_be_opened(vault: Vault) -> None:
    assert vault.open(vault.seal(C1, ADA)) == ADA


def test_the_same_holder_is_the_same_bytes_for_ever(vault: Vault, tmp_path: Path) -> None:
    sealed = vault.seal(C1, ADA)
    assert vault.seal(C1, ADA) == sealed
    assert Vault(tmp_path / "vault.json").seal(C1, ADA) == sealed
    assert vault.seal(C1, MAX) != sealed


def test_two_contracts_of_one_holder_cannot_be_told_to_be_the_same_persons(vault: Vault) -> None:
    first, second = (vault.seal(contract, ADA).partition(":")[2] for contract in (C1, C2))
    assert first != second


def test_a_sealed_holder_says_nothing(vault: Vault) -> None:
    sealed = vault.seal(C1, ADA)
    assert sealed.startswith("C-1:")
    assert not any(word in sealed for word in ("Ada", "Example", "Hamburg", "20095"))


def test_a_sealed_holder_belongs_to_its_contract(vault: Vault) -> None:
    sealed = vault.seal(C1, ADA)
    vault.seal(C2, MAX)
    with pytest.raises(VaultUnusable, match="has another key for contract C-2"):
        vault.open(Sealed(sealed.replace("C-1:", "C-2:")))


def test_many_are_sealed_with_one_write(vault: Vault, tmp_path: Path) -> None:
    before = (tmp_path / "vault.json").read_bytes()
    with vault.sealing() as seal:
        first, second = seal(C1, ADA), seal(C2, MAX)
        assert seal(C1, ADA) == first
        assert (tmp_path / "vault.json").read_bytes() == before
    assert [vault.open(first), vault.open(second)] == [ADA, MAX]


def test_no_key_is_made_where_sealing_fails(vault: Vault, tmp_path: Path) -> None:
    before = (tmp_path / "vault.json").read_bytes()
    with suppress(KeyError), vault.sealing() as seal:
        seal(C1, ADA)
        raise KeyError
    assert (tmp_path / "vault.json").read_bytes() == before


def test_who_is_forgotten_cannot_be_read_and_does_not_come_back(vault: Vault) -> None:
    sealed, other = vault.seal(C1, ADA), vault.seal(C2, MAX)
    vault.forget(C1)
    with pytest.raises(Forgotten, match="the holder of contract C-1 was forgotten"):
        vault.open(sealed)
    with pytest.raises(Forgotten):
        vault.seal(C1, ADA)
    assert vault.open(other) == MAX
    vault.forget(C1)  # once more changes nothing
    assert vault.open(other) == MAX


def test_a_forgotten_key_is_in_no_file(vault: Vault, tmp_path: Path) -> None:
    vault.seal(C1, ADA)
    key = msgspec.json.decode((tmp_path / "vault.json").read_bytes())["keys"]["C-1"].encode()
    vault.forget(C1)
    assert not any(key in path.read_bytes() for path in tmp_path.iterdir())


def test_only_the_owner_may_read_the_vault(vault: Vault, tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        vault.seal(C1, ADA)
    finally:
        os.umask(old_mask)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_creating_a_vault_keeps_the_one_that_is_there(vault: Vault) -> None:
    sealed = vault.seal(C1, ADA)
    vault.create()
    assert vault.open(sealed) == ADA


def test_a_missing_vault_is_an_error_and_no_new_one(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.json")
    for use in (lambda: vault.seal(C1, ADA), lambda: vault.open(Sealed("C-1:AA")), lambda: vault.forget(C1)):
        with pytest.raises(VaultUnusable, match="is missing: restore its backup"):
            use()
    assert not (tmp_path / "vault.json").exists()


@given(share=st.fractions(0, 1))
def test_a_truncated_vault_is_an_error_and_no_new_key(tmp_path_factory: pytest.TempPathFactory, share: Fraction) -> None:
    path = tmp_path_factory.mktemp("vault") / "vault.json"
    vault = Vault(path)
    vault.create()
    vault.seal(C1, ADA)
    whole = path.read_bytes()
    cut = whole[: int(share * (len(whole) - 1))]
    path.write_bytes(cut)
    with pytest.raises(VaultUnusable, match="restore its backup"):
        vault.seal(C2, MAX)
    assert path.read_bytes() == cut


@pytest.mark.parametrize(
    "content", ["[]", "{}x", '{"vault":2}', '{"keys":{"C-1":"AAAA"}}', '{"keys":{"C-1":7}}', '{"key":{}}', "\xff"]
)
def test_a_damaged_vault_is_an_error(vault: Vault, tmp_path: Path, content: str) -> None:
    (tmp_path / "vault.json").write_text(content, encoding="latin-1")
    with pytest.raises(VaultUnusable, match="restore its backup"):
        vault.seal(C1, ADA)


def test_an_older_backup_does_not_read_what_came_later(vault: Vault, tmp_path: Path) -> None:
    backup = (tmp_path / "vault.json").read_bytes()
    sealed = vault.seal(C1, ADA)
    (tmp_path / "vault.json").write_bytes(backup)
    with pytest.raises(VaultUnusable, match="has no key for contract C-1: restore the vault that belongs to this log"):
        vault.open(sealed)


SEAL_MANY = """
import sys
from pathlib import Path
from tests.reference.test_vault import ADA
from wattbook.vault import Vault
vault = Vault(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**9 if sys.argv[3] == "endless" else 40, int(sys.argv[4])):
    print(vault.seal(f"C-{number}", ADA), flush=True)
"""


def sealing(path: Path, first: int, until: str, step: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SEAL_MANY, str(path), str(first), until, str(step)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def test_two_processes_lose_no_key_to_each_other(vault: Vault, tmp_path: Path) -> None:
    processes = [sealing(tmp_path / "vault.json", first, "forty", 1) for first in (0, 20)]
    printed = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert printed[0][20:] == printed[1], "both sealed these contracts, so with the same keys"
    assert [vault.open(Sealed(sealed)) for sealed in printed[0]] == [ADA] * 40


def test_a_killed_process_leaves_a_vault_that_opens_all_it_gave_out(vault: Vault, tmp_path: Path) -> None:
    process = sealing(tmp_path / "vault.json", 0, "endless", 1)
    assert process.stdout is not None
    printed = [process.stdout.readline().strip() for _ in range(25)]
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    assert {vault.open(Sealed(sealed)) for sealed in printed} == {ADA}
    assert vault.open(vault.seal(ContractId("C-after"), MAX)) == MAX
