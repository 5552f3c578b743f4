"""The verdict on a session's signed values, and whether its amount may be invoiced."""

import re
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from msgspec import structs

from streams.first_signatures import check, hold
from tests.streams.folding import fold
from tests.streams.material import evse
from tests.streams.notation import events
from tests.streams.ocmf_meter import OcmfMeter, begin, end, reading, with_flipped_bit
from vocabulary.charging import SignedValue
from vocabulary.reference import Evse, MeterKey
from vocabulary.sessions import ChargingSession, Finding
from vocabulary.signatures import SignatureChecked, SignatureReason, Verdict

DATA = Path(__file__).parent.parent / "data" / "signed"
METER, STRANGER = OcmfMeter(), OcmfMeter()
HONEST = METER.record(begin(1.0), end(8.5))


@cache
def session(energy_wh: int = 7500) -> ChargingSession:
    [closed] = fold(events(f"08:00 started #0 begin 1000 evse 1\n09:00 ended #1 end {1000 + energy_wh}")).closed
    return closed.session


def signed(*records: str) -> ChargingSession:
    """The session with these records, in the order in which they were signed."""
    values = [
        SignedValue(at=session().start + timedelta(minutes=n), data=data, context="Sample.Periodic")
        for n, data in enumerate(records)
    ]
    return structs.replace(session(), signed=tuple(values))


def judged(*records: str, keys: tuple[MeterKey, ...] = (METER.key(),)) -> SignatureChecked:
    return check(signed(*records), evse(meter_keys=keys))


def verdict(*records: str, keys: tuple[MeterKey, ...] = (METER.key(),)) -> tuple[str, str]:
    checked = judged(*records, keys=keys)
    return checked.verdict.value, checked.reason.name


VERIFIED = ("verified", "VERIFIED")
MISMATCH = ("failed", "SIGNATURE_MISMATCH")


# Whole records


def test_one_record_with_begin_and_end_is_verified() -> None:
    checked = judged(HONEST)
    assert checked == SignatureChecked(
        session=session().id,
        verdict=Verdict.VERIFIED,
        reason=SignatureReason.VERIFIED,
        format="OCMF 1.0",
        algorithm="ECDSA-secp256r1-SHA256",
        meter="M1",
        key_fingerprint=checked.key_fingerprint,
        begin_wh=Decimal("1000.0"),  # type: ignore[arg-type]
        end_wh=Decimal("8500.0"),  # type: ignore[arg-type]
    )
    assert re.fullmatch("[0-9a-f]{64}", checked.key_fingerprint)


def test_two_records_are_verified_together() -> None:
    assert verdict(METER.record(begin()), METER.record(end())) == VERIFIED


def test_a_record_that_came_twice_is_verified_once_more() -> None:
    assert verdict(HONEST, HONEST) == VERIFIED


def test_intermediate_records_are_verified_too() -> None:
    assert verdict(METER.record(begin()), METER.record(reading("C", 4)), METER.record(end())) == VERIFIED
    assert verdict(METER.record(begin()), STRANGER.record(reading("C", 4)), METER.record(end())) == MISMATCH


def test_a_signature_may_be_base64_or_r_and_s_side_by_side() -> None:
    payload = METER.payload([begin(), end()])
    assert verdict(METER.sign(payload, SE="base64")) == VERIFIED
    assert verdict(METER.sign(payload, bare=True)) == VERIFIED
    assert verdict(with_flipped_bit(METER.sign(payload, bare=True), 2)) == MISMATCH


def test_a_session_without_signed_values_is_unsigned() -> None:
    assert verdict() == ("unsigned", "UNSIGNED")


# Changed records


@pytest.mark.parametrize("section", [1, 2])
def test_one_flipped_bit_fails(section: int) -> None:
    assert verdict(with_flipped_bit(HONEST, section)) == MISMATCH
    assert verdict(METER.record(begin()), with_flipped_bit(METER.record(end()), section)) == MISMATCH


@pytest.mark.parametrize("signature", ["", "00", "ff" * 64, "00" * 64, "30" * 70, "3006020100020100", "ab" * 10_000])
def test_bytes_that_are_no_signature_fail(signature: str) -> None:
    assert verdict(METER.sign(METER.payload([begin(), end()]), SD=signature)) == MISMATCH


def test_the_payload_of_one_record_under_the_signature_of_another_fails() -> None:
    other = METER.record(begin(1.0), end(9.5))
    mixed = "|".join(["OCMF", other.split("|")[1], HONEST.split("|")[2]])
    assert verdict(mixed) == MISMATCH


# Keys


def test_the_key_of_another_meter_fails() -> None:
    assert verdict(HONEST, keys=(STRANGER.key(),)) == MISMATCH


def test_any_of_the_registered_keys_may_be_the_one() -> None:
    assert verdict(HONEST, keys=(STRANGER.key(), METER.key())) == VERIFIED


def test_a_key_of_another_curve_is_not_the_key() -> None:
    other = OcmfMeter(ec.SECP384R1())
    assert verdict(HONEST, keys=(other.key(),)) == MISMATCH
    assert verdict(other.record(begin(), end()), keys=(other.key(),)) == MISMATCH, "it says that it is P-256"


def test_without_a_key_nothing_can_be_said() -> None:
    assert verdict(HONEST, keys=()) == ("unverifiable", "KEY_NOT_REGISTERED")


def test_a_key_that_is_not_yet_valid_is_none() -> None:
    start, second = session().start, timedelta(seconds=1)
    assert verdict(HONEST, keys=(METER.key(valid_from=start + second),)) == ("unverifiable", "KEY_NOT_REGISTERED")
    assert verdict(HONEST, keys=(METER.key(valid_from=start),)) == VERIFIED


def test_a_record_of_another_meter_than_the_one_that_is_registered_fails() -> None:
    """The serial number is read only from a record that was verified: tampering with it must not make the key unknown."""
    assert verdict(HONEST, keys=(METER.key(meter="M2"),)) == ("failed", "METERS_DIFFER")
    assert verdict(HONEST.replace("M1", "M3"), keys=(METER.key(meter="M1"),)) == MISMATCH
    assert verdict(HONEST, keys=(METER.key(meter="M1"),)) == VERIFIED


OFF_THE_CURVE = METER.public_key[:-2] + f"{int(METER.public_key[-2:], 16) ^ 1:02x}"


@pytest.mark.parametrize("key", ["", "zz", "00", METER.public_key[:-2], OFF_THE_CURVE])
def test_a_registered_key_that_cannot_be_read_is_none(key: str) -> None:
    assert verdict(HONEST, keys=(METER.key(public_key=key),)) == ("unverifiable", "KEY_NOT_REGISTERED")


def test_a_registered_key_of_another_kind_is_none() -> None:
    der = rsa.generate_private_key(65537, 1024).public_key()
    key = der.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo).hex()
    assert verdict(HONEST, keys=(METER.key(public_key=key),)) == ("unverifiable", "KEY_NOT_REGISTERED")


def test_the_key_in_the_message_is_not_trusted() -> None:
    claimed = structs.replace(signed(HONEST).signed[0], public_key=METER.public_key)
    checked = check(structs.replace(session(), signed=(claimed,)), evse(meter_keys=()))
    assert checked.verdict is Verdict.UNVERIFIABLE


# What cannot be checked


@pytest.mark.parametrize(
    "algorithm",
    [
        "ECDSA-secp256k1-SHA256",
        "ECDSA-secp384r1-SHA256",
        "ECDSA-brainpoolP256r1-SHA256",
        "ECDSA-secp256r1-SHA512",
        "none",
        "",
        "${jndi:ldap://example}" * 100,
    ],
)
def test_another_algorithm_is_unverifiable_and_not_failed(algorithm: str) -> None:
    checked = judged(METER.sign(METER.payload([begin(), end()]), SA=algorithm))
    assert (checked.verdict, checked.reason) == (Verdict.UNVERIFIABLE, SignatureReason.ALGORITHM_UNSUPPORTED)
    assert len(checked.detail) <= 60


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("1B1B1B1B01010101", "FORMAT_UNKNOWN"),
        ("x" * 100_000, "FORMAT_UNKNOWN"),
        ('OCMF|{"FV":"' + "9" * 1000 + '"}|{"SD":"ff"}', "FORMAT_UNKNOWN"),
        ("OCMF|{}", "RECORD_UNREADABLE"),
        ('OCMF|{}|{"SD":"é"}', "RECORD_UNREADABLE"),
    ],
)
def test_what_cannot_be_read_is_unverifiable(data: str, reason: str) -> None:
    checked = judged(data)
    assert (checked.verdict.value, checked.reason.name) == ("unverifiable", reason)
    assert len(checked.detail) <= 120


def test_a_failed_record_is_not_hidden_by_one_that_cannot_be_checked() -> None:
    assert verdict("1B1B1B1B", with_flipped_bit(HONEST, 1)) == MISMATCH
    assert verdict(with_flipped_bit(HONEST, 1), "1B1B1B1B") == MISMATCH


def test_of_records_that_cannot_be_checked_the_first_reason_in_order_of_precedence_is_told() -> None:
    other = METER.sign("{}", SA="none")
    assert verdict(other, "1B1B1B1B") == verdict("1B1B1B1B", other) == ("unverifiable", "FORMAT_UNKNOWN")


# Readings


def test_records_of_different_meters_fail() -> None:
    keys = (METER.key(), STRANGER.key())
    assert verdict(METER.record(begin()), STRANGER.record(end()), keys=keys) == ("failed", "METERS_DIFFER")
    assert verdict(METER.record(begin()), METER.record(end(), MS="M2")) == ("failed", "METERS_DIFFER")


@pytest.mark.parametrize(
    "readings",
    [
        (),
        (begin(),),
        (end(),),
        (begin(), reading("C", 8)),
        (begin(RU="s"), end()),
        (begin(), end("NaN")),
        (begin(), end(RI="1-b:2.8.0")),
        (begin(1), reading("E", 8, RU="Ohm")),
    ],
)
def test_without_begin_or_end_of_one_register_nothing_can_be_said(readings: tuple[dict[str, object], ...]) -> None:
    assert verdict(METER.record(*readings)) == ("unverifiable", "READING_MISSING")


@pytest.mark.parametrize(
    "readings",
    [
        (begin(ST="M"), end()),
        (begin(), end(ST="S")),
        (begin(), end(EF="E")),
        (begin(EF="Et"), end()),
        (begin(ST=None), end(ST=None)),
        (begin(8.5), end(1.0)),
    ],
)
def test_a_genuine_reading_that_the_meter_calls_bad_fails(readings: tuple[dict[str, object], ...]) -> None:
    assert verdict(METER.record(*readings)) == ("failed", "READING_NOT_GOOD")


def test_energy_is_read_in_the_unit_that_was_signed() -> None:
    checked = judged(METER.record(begin(1000, RU="Wh"), end("8.5", RU="kWh")))
    assert [checked.begin_wh, checked.end_wh] == [Decimal(1000), Decimal(8500)]


# What it means for the bill


def held(*records: str, signatures: str, keys: tuple[MeterKey, ...] = (METER.key(),), energy_wh: int = 7500) -> Finding | None:
    known: Evse = evse(meter_keys=keys, signatures=signatures)
    charged = structs.replace(session(energy_wh), signed=signed(*records).signed)
    found = hold(check(charged, known), charged, known)
    return found and found[0]


TAMPERED = with_flipped_bit(HONEST, 1)


@pytest.mark.parametrize(
    ("records", "ignored", "preferred", "required"),
    [
        pytest.param((HONEST,), None, None, None, id="verified"),
        pytest.param((), None, None, Finding.SIGNATURE_UNVERIFIABLE, id="unsigned"),
        pytest.param(("?",), None, Finding.SIGNATURE_UNVERIFIABLE, Finding.SIGNATURE_UNVERIFIABLE, id="unverifiable"),
        pytest.param((TAMPERED,), None, Finding.SIGNATURE_FAILED, Finding.SIGNATURE_FAILED, id="failed"),
    ],
)
def test_an_amount_is_held_back(
    records: tuple[str, ...], ignored: Finding | None, preferred: Finding | None, required: Finding | None
) -> None:
    assert held(*records, signatures="ignored") is ignored
    assert held(*records, signatures="preferred") is preferred
    assert held(*records, signatures="required") is required


def test_an_amount_is_held_back_where_the_session_says_more_than_the_meter_signed() -> None:
    """Whole watt-hours at both ends explain a difference of two."""
    for energy_wh, found in {
        7498: None,
        7502: None,
        7503: Finding.SIGNED_ENERGY_DIFFERS,
        7497: Finding.SIGNED_ENERGY_DIFFERS,
    }.items():
        assert held(HONEST, signatures="preferred", energy_wh=energy_wh) is found
        assert held(HONEST, signatures="ignored", energy_wh=energy_wh) is None


def test_the_reason_is_told_with_the_finding() -> None:
    known, charged = evse(meter_keys=(METER.key(),)), signed(TAMPERED)
    assert hold(check(charged, known), charged, known) == (
        Finding.SIGNATURE_FAILED,
        "signature_does_not_match_the_registered_key",
    )


# Real meters

RECORD = re.compile(rb"<signedData[^>]*>\s*(.*?)</signedData>\s*<publicKey[^>]*>([^<]*)<", re.DOTALL)


def real(name: str) -> tuple[list[str], MeterKey]:
    """The records of a file, byte for byte, and the key given beside them."""
    found = RECORD.findall((DATA / name).read_bytes())
    return [record.decode() for record, _ in found], MeterKey(public_key=found[0][1].decode())


@pytest.mark.parametrize(
    ("name", "expected", "begin_wh", "end_wh"),
    [
        ("test_ocmf_keba_kcp30.xml", VERIFIED, "259.6", "259.7"),
        ("test_ocmf_keba_kcp30_fail.xml", MISMATCH, None, None),
        ("test_ocmf_ebee_01.xml", VERIFIED, "7753", "7753"),
        ("test_ocmf_ebee_02.xml", MISMATCH, None, None),
    ],
)
def test_a_real_record_is_judged_as_the_reference_verifier_does(
    name: str, expected: tuple[str, str], begin_wh: str | None, end_wh: str | None
) -> None:
    records, key = real(name)
    checked = judged(*records, keys=(key,))
    assert (checked.verdict.value, checked.reason.name) == expected
    assert [checked.begin_wh, checked.end_wh] == [wh and Decimal(wh) for wh in (begin_wh, end_wh)]


def test_a_real_record_with_bare_signature_is_genuine_and_not_good() -> None:
    """The reference verifier cannot read its key; the meter itself calls the readings erroneous (ST and EF are E)."""
    records, bare = real("OCMF-receipt-with_publickey_and_data.xml")
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + bytes.fromhex(bare.public_key))
    der = point.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert verdict(*records, keys=(MeterKey(public_key=der.hex()),)) == ("failed", "READING_NOT_GOOD")


def test_one_flipped_bit_of_a_real_record_fails() -> None:
    [record], key = real("test_ocmf_keba_kcp30.xml")
    assert verdict(record.replace('"RV":0.2597', '"RV":0.2596'), keys=(key,)) == MISMATCH
    assert verdict(record.replace('"TX":"E"', '"TX":"L"'), keys=(key,)) == MISMATCH
