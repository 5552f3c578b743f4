"""PCDF: the energy of a session, signed with all that the meter says of it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from streams.signed import obis
from streams.signed.carriage import records_in
from streams.signed.check import claimed_key, judged
from streams.signed.pcdf import read
from streams.signed.record import CannotJudge, SignedRecord
from tests.streams.signed.samples import samples, verdicts
from tests.streams.signed.signer import Signer
from vocabulary.signatures import MeterClock, Nature, SignatureReason, Verdict

METER = Signer(ec.SECP256R1())


def text(**more: str) -> str:
    told = {
        "ST": "260501162017",
        "CT": "260501172017",
        "CD": "005900",
        "TV": "1",
        "BV": "1",
        "CSC": "1",
        "SP": "1",
        "RV": "0003.276*kWh",
        "SI": "7BCF78AD*1*t-1",
        "CS": "513f627b",
        "HW": "12345678901",
        "DT": "0",
        "PK": METER.point.hex(),
    } | more
    payload = "128.8.0" + "".join(f"({name}:{value})" for name, value in told.items() if name != "SG")
    return f"{payload}(SG:{more.get('SG', METER.sign(payload.encode()).hex())})"


def record(written: str) -> SignedRecord:
    (found,) = records_in(written)
    return found


def test_the_samples_have_the_verdicts_that_their_readme_gives() -> None:
    assert verdicts("valid.pcdf") == verdicts("BVinvalid.pcdf") == ["verified"]
    assert verdicts("DataInvalid.pcdf") == ["failed: signature_does_not_match_the_registered_key"]


def test_a_sample_tells_the_energy_of_its_session() -> None:
    (sample,) = samples("valid.pcdf")
    found = record(sample.text)
    assert [(one.nature, one.wh) for one in found.readings] == [(Nature.BEGIN, 0), (Nature.END, 3276)]
    assert all(obis.is_import(one.register) for one in found.readings)
    assert (found.meter, found.identification, found.problem) == ("12345678901", "55", None)


def test_a_meter_that_forbids_billing_is_heard() -> None:
    (sample,) = samples("BVinvalid.pcdf")
    assert record(sample.text).problem is record(text(BV="")).problem is SignatureReason.BILLING_REFUSED


def test_a_record_is_verified_by_the_key_that_it_names() -> None:
    found = record(text())
    key = claimed_key(found, "")
    assert key == METER.key and judged(found, [key]).verdict is Verdict.VERIFIED


@pytest.mark.parametrize(("before", "behind"), [("\x02", "\x03"), ("", "\r\n"), ("\x02", ""), ("  ", "\n")])
def test_what_frames_a_record_is_no_part_of_it(before: str, behind: str) -> None:
    assert record(before + text() + behind).signed == record(text()).signed


def test_begin_and_end_have_their_times() -> None:
    begin, end = record(text()).readings
    assert (begin.at, end.at) == (datetime(2026, 5, 1, 16, 20, 17, tzinfo=UTC), datetime(2026, 5, 1, 17, 20, 17, tzinfo=UTC))
    assert begin.clock is end.clock is MeterClock.SYNCHRONISED and begin.is_time_usable and end.is_time_usable


@pytest.mark.parametrize("more", [{"TV": "0"}, {"CD": "020000"}, {"CD": ""}, {"ST": "261301162017"}, {"CT": "x"}])
def test_times_that_are_not_valid_or_contradict_the_charging_time_are_not_used(more: dict[str, str]) -> None:
    assert not any(one.is_time_usable for one in record(text(**more)).readings)


def test_the_clock_of_a_meter_that_says_it_is_not_valid_is_unknown() -> None:
    assert {one.clock for one in record(text(TV="0")).readings} == {MeterClock.UNKNOWN}


def test_before_its_end_a_session_has_no_end() -> None:
    assert [one.nature for one in record(text(SP="0")).readings] == [Nature.BEGIN, Nature.INTERMEDIATE]


@pytest.mark.parametrize(("field", "place"), [("ST", 0), ("CT", 1)])
@pytest.mark.parametrize("time", ["", "x", "261305080000", "2605011620"])
def test_no_clock_vouches_for_a_time_that_cannot_be_read(field: str, place: int, time: str) -> None:
    found = record(text(**{field: time})).readings
    assert (found[place].at, found[place].clock) == (None, MeterClock.UNKNOWN)
    assert (found[1 - place].clock, found[1 - place].is_time_usable) == (MeterClock.SYNCHRONISED, False)


@pytest.mark.parametrize(
    ("session", "token", "transaction"),
    [
        ("7BCF78AD*1*t-1", "7BCF78AD", "t-1"),
        ("DE*ABC*C12345*2*t-1", "DE*ABC*C12345", "t-1"),
        ("7BCF78AD*5*t-1", "7BCF78AD", "t-1"),
        ("4111*3*t-1", "", "t-1"),
        ("x*4*t-1", "", "t-1"),
        ("t-1", "", ""),
        ("", "", ""),
    ],
)
def test_a_session_names_a_token_by_its_kind(session: str, token: str, transaction: str) -> None:
    found = record(text(SI=session))
    assert (found.identification, found.meter_transaction) == (token, transaction)


def test_energy_has_the_digits_that_were_signed() -> None:
    assert str(record(text(RV="0003.276*kWh")).readings[1].wh) == "3276"
    assert record(text(RV="12*kWh")).readings[1].wh == Decimal(12_000)


def test_a_signature_that_is_none_fails() -> None:
    found = judged(record(text(SG="zz")), [METER.key])
    assert (found.verdict, found.reason) == (Verdict.FAILED, SignatureReason.SIGNATURE_MALFORMED)


BROKEN = [
    "128.8.0(",
    "128.8.0()",
    "128.8.0(SG:00)",
    text() + "(BV:1)",
    text() + "x",
    text() + text(),
    text().replace("(BV:1)", "(BV:1)(BV:1)"),
    text().replace("(BV:1)", "(BV:0)(BV:1)"),
    text().replace("(BV:1)", ""),
    text().replace("(BV:1)", " (BV:1)"),
    text(RV="3.276"),
    text(RV="3.276*Wh"),
    text(RV="NaN*kWh"),
    text(RV="1e9*kWh"),
    text(RV="-3.276*kWh"),
    text(RV="-0*kWh"),
    text(RV="\N{ARABIC-INDIC DIGIT THREE}*kWh"),
    "128.8.0" + "(AA:" * 15_000,
    "128.8.0" + "(" * 60_000,
    "128.8.0(" + "x" * 70_000,
]


@pytest.mark.parametrize("written", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_record_is_unreadable(written: str) -> None:
    with pytest.raises(CannotJudge) as problem:
        read(written.encode())
    assert problem.value.reason is SignatureReason.RECORD_UNREADABLE


def test_bytes_of_another_format_are_left_to_the_others() -> None:
    assert read(b"") is read(b"128.8.0") is read(b"129.8.0(ST:1)") is read(b"OCMF|") is None
