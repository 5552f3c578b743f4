"""A file by itself: which key verified what, and that a key in the file is never taken for one that is trusted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.signed.file_check import FileChecked, KeyFrom, Known, check_file
from streams.signed.keys import read_key
from tests.streams.ocmf_meter import OcmfMeter, begin, end, reading
from tests.streams.signed.samples import FOLDER
from vocabulary.signatures import SignatureReason, Verdict

METER, OTHER = OcmfMeter(), OcmfMeter()
KEY, OTHER_KEY = read_key(METER.public_key), read_key(OTHER.public_key)
AT = datetime(2026, 10, 5, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def file(*records: str, key: str = METER.public_key) -> bytes:
    beside = f"<publicKey>{key}</publicKey>" if key else ""
    values = "".join(f'<value transactionId="1"><signedData>{record}</signedData>{beside}</value>' for record in records)
    return f"<values>{values}</values>".encode()


RECORD = METER.record(begin(1), end(8.5))


def verdict(checked: FileChecked) -> tuple[Verdict, SignatureReason | None, KeyFrom]:
    (record,) = checked.records
    return record.verdict, record.reason, record.key


def test_a_record_that_only_the_key_in_the_file_verifies_says_so() -> None:
    assert verdict(check_file(file(RECORD), ())) == (Verdict.VERIFIED, None, KeyFrom.FILE)
    assert verdict(check_file(file(RECORD), [Known(OTHER_KEY, "DE*ABC*E1")])) == (Verdict.VERIFIED, None, KeyFrom.FILE)


def test_a_registered_key_is_told_with_its_evse() -> None:
    checked = check_file(file(RECORD, key=""), [Known(OTHER_KEY, "DE*ABC*E1"), Known(KEY, "DE*ABC*E2")])
    assert verdict(checked) == (Verdict.VERIFIED, None, KeyFrom.REGISTERED)
    assert checked.records[0].registered_for == "DE*ABC*E2"


def test_a_registered_key_counts_only_while_it_is_valid() -> None:
    until = Known(KEY, "DE*ABC*E2", "", None, AT)
    after = Known(KEY, "DE*ABC*E2", "", AT + HOUR, None)
    around = Known(KEY, "DE*ABC*E2", "", AT, AT + HOUR)
    out = (Verdict.FAILED, SignatureReason.KEY_OUT_OF_INTERVAL, KeyFrom.REGISTERED)
    assert verdict(check_file(file(RECORD), [until])) == out
    assert verdict(check_file(file(RECORD), [after])) == out
    assert verdict(check_file(file(RECORD), [until, around])) == (Verdict.VERIFIED, None, KeyFrom.REGISTERED)


def test_a_record_that_the_given_key_did_not_sign_has_failed_whatever_the_file_says() -> None:
    conflict = verdict(check_file(file(RECORD), [Known(OTHER_KEY)], only_known=True))
    assert conflict == (Verdict.FAILED, SignatureReason.KEY_CONFLICT, KeyFrom.GIVEN)
    neither = verdict(check_file(file(RECORD, key=""), [Known(OTHER_KEY)], only_known=True))
    assert neither == (Verdict.FAILED, SignatureReason.SIGNATURE_MISMATCH, KeyFrom.GIVEN)


def test_a_register_that_was_allowed_with_the_key_counts() -> None:
    own = METER.record(begin(1, RI="1-0:1.8.0*198"), end(8.5, RI="1-0:1.8.0*198"))
    (unknown,) = check_file(file(own), [Known(KEY, "DE*ABC*E1")]).transactions
    (allowed,) = check_file(file(own), [Known(KEY, "DE*ABC*E1", registers=("1-0:1.8.0*198",))]).transactions
    assert (unknown.reason, allowed.energy_wh) == (SignatureReason.REGISTER_UNKNOWN, 7500)


def test_a_meter_whose_key_is_registered_signs_with_no_other() -> None:
    known = [Known(OTHER_KEY, "DE*ABC*E1", METER.serial)]
    conflict = verdict(check_file(file(RECORD), known))
    assert conflict == (Verdict.FAILED, SignatureReason.KEY_CONFLICT, KeyFrom.REGISTERED)
    without = verdict(check_file(file(RECORD, key=""), known))
    assert without == (Verdict.FAILED, SignatureReason.SIGNATURE_MISMATCH, KeyFrom.REGISTERED)


def test_the_given_key_verifies_a_file_whose_own_key_is_broken_or_another() -> None:
    for beside in ("", "nonsense", OTHER.public_key):
        checked = check_file(file(RECORD, key=beside), [Known(KEY)], only_known=True)
        assert verdict(checked) == (Verdict.VERIFIED, None, KeyFrom.GIVEN)


def test_a_file_without_a_key_says_so() -> None:
    checked = check_file(file(RECORD, key=""), ())
    assert verdict(checked) == (Verdict.UNVERIFIABLE, SignatureReason.KEY_NOT_REGISTERED, KeyFrom.NOWHERE)
    assert checked.records[0].detail == "the file names no key"


def test_the_verdict_on_a_file_is_that_of_the_worst_record() -> None:
    forged = OTHER.record(begin(1), end(8.5))
    assert check_file(file(RECORD, RECORD), ()).verdict is Verdict.VERIFIED
    assert check_file(file(RECORD, "OCMF|"), ()).verdict is Verdict.UNVERIFIABLE
    assert check_file(file(RECORD, "OCMF|", forged), ()).verdict is Verdict.FAILED
    assert check_file(b"", ()).verdict is Verdict.UNVERIFIABLE


def test_a_record_that_cannot_be_read_keeps_its_transaction_from_being_billed() -> None:
    (transaction,) = check_file(file(RECORD, "OCMF|"), ()).transactions
    assert (transaction.billing, transaction.energy_wh) == (Verdict.UNVERIFIABLE, None)


def test_a_file_of_thousands_of_transactions_takes_time_by_their_number() -> None:
    """Nothing is timed: each record was laid beside all transactions before, and 20 000 would not end."""
    records = "".join(f'<value transactionId="{n}"><signedData>OCMF|{n}</signedData></value>' for n in range(20_000))
    repeated = '<value transactionId="x"><signedData>OCMF|0</signedData></value>'
    checked = check_file(f"<values>{records}{repeated}</values>".encode(), ())
    assert [len(checked.records), len(checked.transactions)] == [20_001, 20_001]


def test_registers_without_end_take_time_by_their_number() -> None:
    bare = dict.fromkeys(("TM", "RU", "ST"))
    less = [reading(kind, 1, RI=f"1-{n // 256:x}:1.8.{n % 256:x}", **bare) for n in range(600) for kind in "BE"]
    (transaction,) = check_file(file(METER.record(reading("B", 1, RI="1-f:1.8.0"), *less)), ()).transactions
    assert transaction.energy_wh == 0


def test_the_processes_of_a_billing_document_are_transactions_of_their_own() -> None:
    data = (FOLDER / "mennekes-ok.metra.xml").read_bytes()
    process = data[data.index(b"<ChargingProcess>") : data.index(b"</ChargingProcesses>")]
    checked = check_file(data.replace(process, process * 2), ())
    assert [each.transaction for each in checked.transactions] == ["1", "2"]
    assert checked.transactions[1].reason is SignatureReason.RECORD_REUSED


@settings(max_examples=200)
@given(st.sampled_from(sorted(path for path in FOLDER.iterdir() if path.suffix in (".xml", ".pcdf"))), st.data())
def test_a_sample_that_is_cut_or_changed_is_judged_and_never_breaks(path: Path, data: st.DataObject) -> None:
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.sampled_from([len(raw), at]))]
    check_file(bytes(raw), ())


WHOLE = {path: check_file(path.read_bytes(), ()) for path in FOLDER.iterdir() if path.suffix in (".xml", ".pcdf")}
VERIFIED = sorted(path for path, checked in WHOLE.items() if checked.verdict is Verdict.VERIFIED)


@settings(max_examples=600)
@given(st.sampled_from(VERIFIED), st.data())
def test_no_flipped_bit_of_a_file_makes_another_energy_verified(path: Path, data: st.DataObject) -> None:
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    told = {(record.meter, point.wh, point.register) for record in WHOLE[path].records for point in record.points}
    for record in check_file(bytes(raw), ()).records:
        if record.verdict is Verdict.VERIFIED:
            assert {(record.meter, point.wh, point.register) for point in record.points} <= told
