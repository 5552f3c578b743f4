"""The key of the seals: one file that only its owner reads, made once; and public keys that tell what it signed."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from wattbook.cli import cli
from wattbook.seal_key import (
    FILE,
    KNOWN_FILE,
    PublicKeys,
    SealKeyUnusable,
    known_keys,
    read_public_keys,
    read_seal_key,
    seal_key,
)


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(seal_key, [home] * 8))
    assert {one.fingerprint for one in made} == {read_seal_key(home).fingerprint}
    assert (home / FILE).stat().st_mode & 0o777 == 0o600
    assert {path.name for path in home.iterdir()} == {FILE, KNOWN_FILE}


def test_a_home_knows_the_public_halves_of_the_keys_that_it_had_before(tmp_path: Path) -> None:
    """All that an operator does for a new key is to move the old file away."""
    had = []
    for number in range(3):
        had.append(seal_key(tmp_path).fingerprint)
        assert seal_key(tmp_path).known.fingerprints == read_seal_key(tmp_path).known.fingerprints == tuple(had)
        (tmp_path / FILE).rename(tmp_path / f"old-{number}.pem")
    known = (tmp_path / KNOWN_FILE).read_text()
    assert (known.count("PUBLIC KEY"), "PRIVATE" in known) == (2 * 3, False)
    assert seal_key(tmp_path).public.fingerprints[0] not in had


def test_a_signature_is_genuine_for_what_was_signed_and_by_whom(tmp_path: Path) -> None:
    one, other = seal_key(tmp_path / "one"), seal_key(tmp_path / "other")
    signature = one.sign(b"body")
    both = PublicKeys([*one.public, *other.public])
    assert len(signature) == 64
    assert both.is_genuine(one.fingerprint, b"body", signature)
    assert not both.is_genuine(one.fingerprint, b"Body", signature)
    assert not both.is_genuine(one.fingerprint, b"body", signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not both.is_genuine(one.fingerprint, b"body", b"")
    assert not both.is_genuine(other.fingerprint, b"body", signature)
    assert not other.public.is_genuine(one.fingerprint, b"body", signature)


def test_a_fingerprint_is_the_hash_of_the_public_key_as_openssl_writes_it(tmp_path: Path) -> None:
    key = seal_key(tmp_path)
    public = load_pem_public_key(key.public.pem.encode())
    assert key.fingerprint == sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def test_what_the_command_prints_is_a_file_of_the_public_key_and_nothing_of_the_private_one(tmp_path: Path) -> None:
    printed = CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), "seal", "key"]).output
    (tmp_path / "public").write_text(printed)
    (tmp_path / "both").write_text(printed + seal_key(tmp_path / "other").public.pem)
    fingerprint = read_seal_key(tmp_path / "home").fingerprint
    assert fingerprint in printed
    assert "PRIVATE" not in printed
    assert PublicKeys(read_public_keys(tmp_path / "public")).fingerprints == (fingerprint,)
    assert len(read_public_keys(tmp_path / "both")) == 2


def test_a_key_that_others_may_read_or_that_is_none_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / FILE
    with pytest.raises(SealKeyUnusable, match=r"cannot be read.*restore"):
        read_seal_key(tmp_path)
    seal_key(tmp_path)
    file.chmod(0o640)
    with pytest.raises(SealKeyUnusable, match="chmod 600"):
        read_seal_key(tmp_path)
    file.chmod(0o600)
    file.write_bytes(b"nothing")
    with pytest.raises(SealKeyUnusable, match="holds no private key"):
        seal_key(tmp_path)
    other = ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SealKeyUnusable, match="another kind"):
        seal_key(tmp_path)


def test_an_auditor_without_a_home_is_asked_for_the_public_key_and_not_for_a_private_one(tmp_path: Path) -> None:
    """He has never had the file, so there is no backup of it. Where the home only lost it, the public halves are enough."""
    words = ["--home", str(tmp_path), "audit", "verify", "--topic", "raw"]
    done = CliRunner().invoke(cli, words, env={"WATTBOOK_LOG": "kafka://127.0.0.1:1"})
    assert isinstance(done.exception, SealKeyUnusable)
    assert "write --key FILE, with the operator's public key (`wattbook seal key` prints it" in str(done.exception)
    assert FILE not in str(done.exception)
    had = seal_key(tmp_path).fingerprint
    assert known_keys(tmp_path).fingerprints == (had,)
    (tmp_path / FILE).unlink()
    assert known_keys(tmp_path).fingerprints == (had,)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_without_a_public_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "public").write_bytes(content)
    with pytest.raises(SealKeyUnusable):
        read_public_keys(tmp_path / "public")
