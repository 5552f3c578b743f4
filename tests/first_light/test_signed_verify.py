"""`wattbook signed verify`: files in, verdicts out; a home is asked for its keys, and needed for nothing."""

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.embedded_runtime import catalogue_in
from tests.first_light.homes import DATA, new_home
from tests.streams.ocmf_meter import OcmfMeter, begin, end
from wattbook.cli import cli
from wattbook.commands.output import opened
from wattbook.settings import read_settings
from wattbook.signed_files import MAX_BYTES, keys_ever

SIGNED = DATA / "signed"
KEBA, FAILED, SEALED = (
    SIGNED / name for name in ("test_ocmf_keba_kcp30.xml", "test_ocmf_keba_kcp30_fail.xml", "test_ocmf_rsa_01.xml")
)


def verify(folder: Path, *arguments: object, stdin: bytes | None = None) -> Result:
    given = ["--home", str(folder), "signed", "verify", *map(str, arguments)]
    return CliRunner().invoke(cli, given, catch_exceptions=False, input=stdin)


@pytest.mark.parametrize(("files", "status"), [([KEBA], 0), ([KEBA, FAILED], 1), ([KEBA, SEALED], 3), ([SEALED, FAILED], 1)])
def test_the_status_tells_the_worst_record(tmp_path: Path, files: list[Path], status: int) -> None:
    assert verify(tmp_path, *files).exit_code == status
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_shown_with_what_the_meter_signed(tmp_path: Path) -> None:
    shown = verify(tmp_path, KEBA).stdout.splitlines()
    assert shown[1:7] == [
        "  1  verified",
        "     OCMF 1.0 · ECDSA-secp256r1-SHA256 · meter 17619300 · transaction 1 · Transaction.Begin",
        "     begin  0.2596 kWh, register 1-b:1.8.0, 2019-08-13 10:03:15 UTC, informative clock",
        "     end  0.2597 kWh, register 1-b:1.8.0, 2019-08-13 10:03:36 UTC, relative",
        "     key a311ca6922950a95, from the file itself",
        "  => transaction 1: begin and end make a pair: 0.0001 kWh, from 0.2596 to 0.2597",
    ]


def test_a_key_in_the_file_is_said_to_prove_only_that_the_file_fits_itself(tmp_path: Path) -> None:
    key = json.loads(verify(tmp_path, "--json", KEBA).stdout)["files"][0]["records"][0]["key_fingerprint"]
    assert "proves only that the file fits itself" in verify(tmp_path, KEBA).stdout
    given = KEBA.read_text().split("<publicKey")[1].partition(">")[2].partition("<")[0]
    by_key = verify(tmp_path, "--key", given, KEBA)
    assert f"key {key[:16]}, as given" in by_key.stdout
    assert "fits itself" not in by_key.stdout


def test_a_file_that_is_none_is_counted(tmp_path: Path) -> None:
    done = verify(tmp_path, KEBA, "-", stdin=b"<values><value>")
    assert (done.exit_code, done.stdout.splitlines()[-3]) == (
        3,
        "1 record in 2 files: 1 verified, 0 failed, 1 unverifiable (1 file as a whole)",
    )


def test_who_has_no_register_is_told_of_the_key_in_the_file_and_of_the_one_that_he_gave(tmp_path: Path) -> None:
    meter, other = OcmfMeter(), OcmfMeter()
    bare = meter.record(begin(1), end(8.5))
    nothing = verify(tmp_path, "-", stdin=bare.encode()).stdout
    assert "unverifiable: the file names no key\n" in nothing
    assert "=> this file: not to be billed: unverifiable, the file names no key\n" in nothing
    value = f"<value><publicKey>{meter.public_key}</publicKey><signedData>{bare}</signedData></value>"
    changed = f"<values>{value.replace('8.5', '9.5')}</values>".encode()
    assert verify(tmp_path, "-", stdin=changed).stdout.count("failed: does not match the key in the file\n") == 1
    by_other = ("--key", other.public_key, "-")
    assert "failed: does not match the key that was given\n" in verify(tmp_path, *by_other, stdin=changed).stdout
    conflict = verify(tmp_path, *by_other, stdin=f"<values>{value}</values>".encode()).stdout
    assert "failed: signed by the key in the file, and not by the one that was given\n" in conflict
    broken = changed.replace(meter.public_key.encode(), b"zz")
    assert "unverifiable: the key in the file cannot be read" in verify(tmp_path, "-", stdin=broken).stdout


def test_what_has_no_name_is_not_called_by_one(tmp_path: Path) -> None:
    meter = OcmfMeter()
    value = (
        f"<value><publicKey>{meter.public_key}</publicKey><signedData>{meter.record(begin(1), end(8.5))}</signedData></value>"
    )
    alone = verify(tmp_path, "-", stdin=f"<values>{value}</values>".encode()).stdout
    assert "=> this file: begin and end make a pair" in alone
    named = value.replace("<value>", '<value transactionId="7">')
    two = f"<values>{value}{named}</values>"
    shown = verify(tmp_path, "-", stdin=two.encode()).stdout
    assert "=> records of no transaction: begin and end make a pair" in shown
    assert "=> transaction 7: not to be billed: failed, a record of it was used before (transaction without a number)" in shown


def test_a_registered_key_is_trusted_and_named(tmp_path: Path) -> None:
    meter, reference = OcmfMeter(), tmp_path / "reference"
    shutil.copytree(DATA / "reference", reference)
    text = (reference / "reference.yaml").read_text()
    with_key = text.replace(
        "{evse_id: DE*TST*E01*1,", f"{{evse_id: DE*TST*E01*1, meter_keys: [{{public_key: {meter.public_key}}}],"
    )
    (reference / "reference.yaml").write_text(with_key)
    new_home(tmp_path / "home", reference).close()
    bare = tmp_path / "record.ocmf"
    bare.write_text(meter.record(begin(1), end(8.5)))
    shown = verify(tmp_path / "home", bare)
    assert (shown.exit_code, "registered for DE*TST*E01*1" in shown.stdout) == (0, True)
    assert verify(tmp_path / "nowhere", bare).exit_code == 3


def test_a_key_that_was_added_to_the_register_is_trusted(tmp_path: Path) -> None:
    meter, bare = OcmfMeter(), tmp_path / "record.ocmf"
    new_home(tmp_path / "home").close()
    bare.write_text(meter.record(begin(1), end(8.5)))
    added = ["--home", str(tmp_path / "home"), "meter-key", "add", "DE*TST*E01*1", "--key", meter.public_key]
    assert CliRunner().invoke(cli, added, catch_exceptions=False).exit_code == 0
    assert "registered for DE*TST*E01*1" in verify(tmp_path / "home", bare).stdout
    with opened(read_settings(home=tmp_path / "home")) as app, app.reading() as store:
        assert [key.where for key in keys_ever(catalogue_in(store.log))] == ["DE*TST*E01*1"]  # for the records of invoices


def test_json_tells_each_file_each_record_and_each_transaction(tmp_path: Path) -> None:
    told = json.loads(verify(tmp_path, "--json", KEBA, FAILED, tmp_path / "nothing").stdout)
    assert (told["status"], [file["verdict"] for file in told["files"]]) == (1, ["verified", "failed"])
    assert told["files"][0]["records"][0]["key"] == "file"
    assert told["files"][0]["transactions"][0]["energy_wh"] == "0.1"
    assert told["files"][1]["records"][0]["reason"] == "signature_does_not_match_the_registered_key"
    assert told["not_read"][0]["why"] == "there is no such file: check the path"


def test_standard_input_is_a_file(tmp_path: Path) -> None:
    done = verify(tmp_path, "-", stdin=KEBA.read_bytes())
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "standard input")


def test_what_cannot_be_read_is_told_and_the_rest_is_verified(tmp_path: Path) -> None:
    huge, locked = tmp_path / "huge", tmp_path / "locked"
    huge.write_bytes(b"x" * (MAX_BYTES + 1))
    locked.touch(mode=0)
    done = verify(tmp_path, tmp_path / "nothing", tmp_path, huge, KEBA)
    assert done.exit_code == 4
    told = " ".join(done.stderr.split())
    assert "nothing: there is no such file: check the path" in told
    assert ": it is a folder: name the files in it" in told
    assert "huge: it is larger than 16 MB" in told
    assert "1 record in 1 file: 1 verified" in done.stdout
    if os.geteuid():
        assert "check that it may be read" in verify(tmp_path, locked).stderr


def test_a_key_that_is_none_is_a_wrong_usage(tmp_path: Path) -> None:
    done = verify(tmp_path, "--key", "nonsense", KEBA)
    assert done.exit_code == 2
    assert "the key is not a public key" in done.stderr


def test_a_key_may_stand_in_a_file_as_text_or_as_der(tmp_path: Path) -> None:
    meter, bare = OcmfMeter(), tmp_path / "record.ocmf"
    bare.write_text(meter.record(begin(1), end(8.5)))
    for name, content in (("key.hex", meter.public_key.encode()), ("key.der", bytes.fromhex(meter.public_key))):
        (tmp_path / name).write_bytes(content)
        done = verify(tmp_path, "--key-file", tmp_path / name, bare)
        assert (done.exit_code, "as given" in done.stdout) == (0, True)
    nothing = verify(tmp_path, "--key-file", tmp_path / "nothing", bare)
    assert (nothing.exit_code, "there is no such file" in nothing.stderr) == (2, True)


def test_hostile_text_reaches_the_terminal_inert(tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.xml"
    value = '<value transactionId="[red]\u202e${jndi:ldap://x}" context="[link=a]"><signedData>OCMF|</signedData></value>'
    hostile.write_text(f"<values>{value}</values>")
    shown = verify(tmp_path, hostile).stdout
    assert "\u202e" not in shown
    assert "[red]" in shown


def test_no_identification_is_shown(tmp_path: Path) -> None:
    shown = verify(tmp_path, SIGNED / "wirelane.xml")
    assert "0410006A345B84" not in shown.stdout + verify(tmp_path, "--json", SIGNED / "wirelane.xml").stdout
