"""Alfen's records: the dataset is signed, what it says is what was read of the meter."""

import base64
import struct
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from streams.signed.alfen import read
from streams.signed.carriage import records_in
from streams.signed.check import claimed_key, judged
from streams.signed.record import CannotJudge, SignedRecord
from tests.streams.signed.samples import samples, verdicts
from tests.streams.signed.signer import Signer
from vocabulary.signatures import MeterClock, Nature, SignatureReason, Verdict

METER = Signer(ec.SECP192R1())


def dataset(*, status: int = 0, unit: int = 30, scaler: int = 0, value: int = 15762, token: bytes = b"058A") -> bytes:
    head = b"\nTestDev\0\x11" + b"v013" + b"\xa6\x2d" + b"\n\x01DZG\x003\0\x01@"
    code, second = bytes.fromhex("0100010800ff"), 1_700_000_000
    return head + struct.pack("<III6sBbq20sII", status, 7, second, code, unit, scaler, value, token, 18, 17)


def text(data: bytes, kind: str = "0", **more: str) -> str:
    told = {"key": b32(METER.compressed), "signature": b32(METER.sign_bare(data)), "tail": ";"} | more
    return f"AP;{kind};3;{told['key']};{b32(data)};{told['signature']}{told['tail']}"


def b32(data: bytes) -> str:
    return base64.b32encode(data).decode()


def record(written: str) -> SignedRecord:
    (found,) = records_in(written)
    return found


def test_the_samples_have_the_verdicts_that_their_readme_gives() -> None:
    assert verdicts("alfen-begin-ok.xml") == ["verified"]
    assert verdicts("alfen-end-badsig.xml") == ["failed: signature_does_not_match_the_registered_key"]


def test_a_sample_tells_what_the_meter_counted() -> None:
    (sample,) = samples("alfen-begin-ok.xml")
    found = record(sample.text)
    (reading,) = found.readings
    assert (reading.nature, reading.wh, reading.register) == (Nature.BEGIN, 15762, "1-0:1.8.0*255")
    assert (reading.at, reading.clock) == (datetime(2018, 11, 23, 14, 41, 1, tzinfo=UTC), MeterClock.INFORMATIVE)
    assert (found.meter, found.pagination, found.meter_transaction) == ("0A01445A470033000140", 17, "18")
    assert (found.identification, found.problem, reading.problem) == ("1", None, None)


@pytest.mark.parametrize("tail", [";", ""])
def test_a_record_is_verified_by_the_key_that_it_names(tail: str) -> None:
    found = record(text(dataset(), tail=tail))
    key = claimed_key(found, "")
    assert key == METER.key and judged(found, [key]).verdict is Verdict.VERIFIED


def test_the_padding_of_base32_may_be_left_out() -> None:
    assert record(GOOD.replace("=", "")) == record(GOOD)


@pytest.mark.parametrize(("kind", "nature"), [("0", Nature.BEGIN), ("1", Nature.END), ("2", Nature.INTERMEDIATE)])
def test_the_type_says_what_a_reading_is(kind: str, nature: Nature) -> None:
    assert record(text(dataset(), kind)).readings[0].nature is nature


@pytest.mark.parametrize("bit", [1, 2, 16, 26, 30, 31])
def test_a_status_with_an_error_is_not_good(bit: int) -> None:
    assert record(text(dataset(status=1 << bit))).readings[0].problem is SignatureReason.READING_NOT_GOOD


@pytest.mark.parametrize("bit", [bit for bit in range(32) if bit not in (1, 2, 16, 26, 30, 31)])
def test_other_bits_of_the_status_are_no_errors(bit: int) -> None:
    assert record(text(dataset(status=1 << bit))).readings[0].problem is None


def test_the_value_is_scaled_exactly() -> None:
    assert record(text(dataset(value=157629, scaler=-1))).readings[0].wh == Decimal("15762.9")
    assert record(text(dataset(unit=27))).readings[0].wh is None


GOOD = text(dataset())


BROKEN = [
    "AP;",
    "AP;0;3;;;",
    "AP;0;3;A;B",
    "AP;9;3" + GOOD[6:],
    GOOD + "more;",
    GOOD.replace(";3;", ";3;x;"),
    text(dataset()[:-1]),
    text(dataset() + b"\0"),
    text(dataset(value=-1)),
    text(dataset(scaler=127)),
    text(dataset(), signature="not base32!"),
    text(dataset(), signature="\N{LATIN SMALL LETTER DOTLESS I}"),
    "AP;0;3;A;" + "A" * 70_000 + ";A;",
    "AP" + ";" * 65_000,
]


@pytest.mark.parametrize("written", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_record_is_unreadable(written: str) -> None:
    with pytest.raises(CannotJudge) as problem:
        read(written.encode())
    assert problem.value.reason is SignatureReason.RECORD_UNREADABLE


def test_bytes_of_another_format_are_left_to_the_others() -> None:
    assert read(b"") is read(b"AP") is read(b"OCMF|") is None
