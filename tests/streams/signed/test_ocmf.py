"""OCMF as meters write it, and as it is written to break its readers."""

import base64
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from streams.signed.carriage import records_in
from streams.signed.check import claimed_key, judged
from streams.signed.ecdsa import Curve
from streams.signed.keys import read_key
from streams.signed.ocmf import read
from streams.signed.record import MAX_BYTES, CannotJudge, SignedReading, SignedRecord
from tests.streams.ocmf_meter import OcmfMeter, begin, end, reading, with_flipped_bit
from tests.streams.signed.samples import samples, verdicts
from vocabulary.signatures import MeterClock, Nature, SignatureReason, Verdict

METER = OcmfMeter()

OK = "verified"
MISMATCH = "failed: signature_does_not_match_the_registered_key"
NO_KEY = "unverifiable: no_meter_key_is_registered_for_the_evse"
SAMPLES = {
    "test_ocmf_keba_kcp30.xml": [OK],
    "test_ocmf_keba_kcp30_fail.xml": [MISMATCH],
    "test_ocmf_ebee_01.xml": [OK, OK],
    "test_ocmf_ebee_02.xml": [MISMATCH, OK],
    "brainpoolP256r1.xml": [OK, OK],
    "nistP384_0Wh.xml": [OK, OK],
    "OCMF_Test_Data_00.xml": [OK, OK],
    "ocmf-secp192r1-second-malformed.xml": [OK, "failed: signature_is_no_signature"],
    "second_key_fail_ocmf.xml": [OK, "failed: meter_key_is_of_another_curve_than_the_signature"],
    "ocmf-obis-98.8.0-compensated.xml": [OK],
    "ocmf_tariff_1.xml": [OK],
    "20211007-device-with-evt-ocmf-sss-ses.xml": [OK, OK],
    "signature_16955306_ALL.xml": [NO_KEY, NO_KEY],
    "log4j_test1.xml": ["unverifiable: meter_key_cannot_be_read"],
    "OCMF-receipt-template.xml": ["unverifiable: format_of_signed_values_is_not_supported"],
    "OCMF-receipt-with_publickey_and_data.xml": [OK],
    "derived-ocmf-swapped-contexts.xml": [OK, OK],
    "derived-ocmf-begin-and-end-of-different-meters.xml": [OK, OK],
    "derived-ocmf-same-record-in-two-transactions.xml": [OK, OK],
    "derived-unknown-format.xml": ["unverifiable: format_of_signed_values_is_not_supported"],
    "test_input_invalid_xml.xml": ["unverifiable: format_of_signed_values_is_not_supported"],
}


@pytest.mark.parametrize("file", SAMPLES)
def test_each_record_of_a_sample_has_the_verdict_that_its_readme_gives(file: str) -> None:
    assert verdicts(file) == SAMPLES[file]


def test_a_sealed_container_is_never_verified() -> None:
    assert all(verdict.startswith("unverifiable") for verdict in verdicts("test_ocmf_rsa_01.xml"))


def record(text: str) -> SignedRecord:
    (found,) = records_in(text)
    return found


def of(*readings: dict[str, Any], **payload: Any) -> SignedRecord:
    return record(METER.record(*readings, **payload))


def first(*readings: dict[str, Any], **payload: Any) -> SignedReading:
    return of(*readings, **payload).readings[0]


def reason_of(text: str | bytes) -> SignatureReason:
    with pytest.raises(CannotJudge) as problem:
        read(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    return problem.value.reason


# Algorithms, keys and signatures


@pytest.mark.parametrize(
    ("names", "curve"),
    [
        ("secp192r1 prime192v1", ec.SECP192R1()),
        ("secp256r1 prime256v1 SECP256R1", ec.SECP256R1()),
        ("secp384r1", ec.SECP384R1()),
        ("secp521r1", ec.SECP521R1()),
        ("secp256k1", ec.SECP256K1()),
        ("brainpool256r1 brainpoolP256r1 BRAINPOOLp256R1", ec.BrainpoolP256R1()),
        ("brainpool384r1 brainpoolP384r1", ec.BrainpoolP384R1()),
        ("brainpoolP512r1", ec.BrainpoolP512R1()),
    ],
)
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_every_curve_is_verified_under_every_name_in_every_writing(
    names: str, curve: ec.EllipticCurve, bare: bool, encoding: str
) -> None:
    meter = OcmfMeter(curve)
    for name in names.split():
        text = meter.sign(meter.payload([begin(), end()]), bare=bare, SA=f"ECDSA-{name}-SHA256", SE=encoding)
        assert judged(record(text), [read_key(meter.public_key)]).verdict is Verdict.VERIFIED, name


@pytest.mark.parametrize(
    "algorithm", ["ECDSA-secp192k1-SHA256", "ECDSA-secp256r1-SHA512", "ECDSA-secp256r1-SHA1", "RSASSA-PKCS1-v1_5", "", "none"]
)
def test_an_algorithm_that_cannot_be_computed_is_unsupported_and_not_failed(algorithm: str) -> None:
    found = judged(record(METER.sign(METER.payload([begin()]), SA=algorithm)), [read_key(METER.public_key)])
    assert (found.verdict, found.reason) == (Verdict.UNVERIFIABLE, SignatureReason.ALGORITHM_UNSUPPORTED)


def test_an_algorithm_that_is_left_out_is_ecdsa_on_p256() -> None:
    found = record(METER.sign(METER.payload([begin()]), SA=None))
    assert found.signature.curves == (Curve.SECP256R1,) and found.algorithm == "ECDSA-secp256r1-SHA256"


def test_the_algorithm_is_told_as_the_record_names_it() -> None:
    meter = OcmfMeter(ec.SECP192R1())
    assert record(meter.sign(meter.payload([begin()]), SA="ECDSA-prime192v1-SHA256")).algorithm == "ECDSA-prime192v1-SHA256"


@pytest.mark.parametrize("text", ["", "zz", "3", "${jndi:ldap://x}", "3045 0220"])
def test_a_signature_that_is_none_fails(text: str) -> None:
    found = judged(record(METER.sign(METER.payload([begin()]), SD=text)), [read_key(METER.public_key)])
    assert (found.verdict, found.reason) == (Verdict.FAILED, SignatureReason.SIGNATURE_MALFORMED)


def test_one_changed_digit_fails() -> None:
    honest = METER.record(begin(), end())
    for section in (1, 2):
        found = judged(record(with_flipped_bit(honest, section)), [read_key(METER.public_key)])
        assert found.verdict is Verdict.FAILED


@pytest.mark.parametrize(("old", "new"), [('"RV":2.100', '"RV":2.1'), ('{"FV"', '{ "FV"'), ('"ST":"G"}', '"ST":"G" }')])
def test_the_payload_counts_as_it_was_written_and_not_as_it_reads(old: str, new: str) -> None:
    payload = METER.payload([begin(2)]).replace('"RV":2', '"RV":2.100')
    text = METER.sign(payload)
    assert judged(record(text), [read_key(METER.public_key)]).verdict is Verdict.VERIFIED
    assert old in text and judged(record(text.replace(old, new)), [read_key(METER.public_key)]).verdict is Verdict.FAILED


def test_a_key_in_a_fourth_section_is_a_claim() -> None:
    found = record(METER.record(begin()) + "|" + METER.public_key)
    assert claimed_key(found, "") == read_key(METER.public_key)


@pytest.mark.parametrize(
    "encode", [str.encode, lambda text: base64.b64encode(text.encode()), lambda text: text.encode().hex().encode()]
)
def test_a_record_is_found_as_text_in_hex_and_in_base64(encode: Any) -> None:
    text = METER.record(begin(), end())
    assert record(encode(text).decode()) == record(text)


# Readings


@pytest.mark.parametrize(
    ("value", "unit", "wh"),
    [
        (0.2596, "kWh", "259.6"),
        ("   9.038", "kWh", "9038"),
        ("00000000.000", "kWh", "0"),
        ("9.038  ", "kWh", "9038"),
        (7753, "Wh", "7753"),
        (7753, "WH", "7753"),
        ("1e3", "Wh", "1000"),
        (30, "sec", None),
        (30, "mOhm", None),
        ("what", "s", None),
        (1, None, None),
        (None, "kWh", None),
    ],
)
def test_energy_is_exact_and_in_wh(value: object, unit: str | None, wh: str | None) -> None:
    found = first(begin(value, RU=unit)).wh
    assert (None if found is None else str(found)) == wh


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "Infinity",
        "1e999999999",
        "1e-999999999",
        "1_0",
        "",
        "1,5",
        "0x10",
        "१",
        "9" * 41,
        "1e19",
        {"a": 1},
        [1],
        True,
        -5,
        -0.0,
        "-0",
    ],
)
def test_energy_that_is_no_number_makes_the_record_unreadable(value: object) -> None:
    assert reason_of(METER.record(begin(value))) is SignatureReason.RECORD_UNREADABLE


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999999999", "1" * 5000, "01", "+1", ".5"])
def test_a_json_number_that_is_none_makes_the_record_unreadable(number: str) -> None:
    payload = METER.payload([begin(2)]).replace('"RV":2', f'"RV":{number}')
    assert reason_of(METER.sign(payload)) is SignatureReason.RECORD_UNREADABLE


def test_a_reading_has_what_it_leaves_out_from_the_one_before() -> None:
    one, two, three = of(
        begin(1, EF="t"),
        {"TX": "E", "RV": 2},
        {"RV": 3, "EF": "", "RU": "Wh", "TM": "2026-10-05T09:00:00,000+0100 R", "ST": "F", "RI": "1-0:2.8.0"},
    ).readings
    assert (one.nature, one.wh, one.register, one.is_time_usable) == (Nature.BEGIN, 1000, "1-b:1.8.0", False)
    assert (two.nature, two.wh, two.register, two.is_time_usable) == (Nature.END, 2000, "1-b:1.8.0", False)
    assert (two.at, two.clock, two.problem) == (one.at, one.clock, None)
    assert (three.nature, three.wh, three.register, three.is_time_usable) == (Nature.END, 3, "1-0:2.8.0", True)
    assert (three.at, three.clock) == (datetime(2026, 10, 5, 8, tzinfo=UTC), MeterClock.RELATIVE)
    assert three.problem is SignatureReason.READING_NOT_GOOD


@pytest.mark.parametrize(
    ("letter", "nature"),
    [
        *[("B", Nature.BEGIN), ("X", Nature.EXCEPTION), ("", Nature.UNSAID), (None, Nature.UNSAID), ("b", Nature.UNSAID)],
        *[(letter, Nature.END) for letter in "ELRAP"],
        *[(letter, Nature.INTERMEDIATE) for letter in "CST"],
    ],
)
def test_the_letter_says_what_a_reading_is(letter: str | None, nature: Nature) -> None:
    assert first(begin(TX=letter)).nature is nature


@pytest.mark.parametrize("more", [{"RV": None}, {"RU": "sec"}, {"RU": None}, {"RU": "Ohm", "RV": "-3"}])
def test_an_exception_is_kept_whether_it_tells_energy_or_not(more: dict[str, Any]) -> None:
    told = of(reading("B", 1, RU="sec"), reading("X", 1, **more), reading("E", 2, RU="kWh"))
    assert [(one.nature, one.wh) for one in told.readings][1] == (Nature.EXCEPTION, None)


@pytest.mark.parametrize(
    ("time", "at", "clock"),
    [
        ("2026-10-05T08:00:00,000+0200 S", "2026-10-05T06:00:00+00:00", MeterClock.SYNCHRONISED),
        ("2026-10-05T08:00:00,125+0000 R", "2026-10-05T08:00:00.125000+00:00", MeterClock.RELATIVE),
        ("2026-10-05T08:00:00,000-0530 I", "2026-10-05T13:30:00+00:00", MeterClock.INFORMATIVE),
        ("1970-01-01T01:21:45,000+0100 U", "1970-01-01T00:21:45+00:00", MeterClock.UNKNOWN),
        ("2026-10-05T08:00:00,000+0200 Z", "2026-10-05T06:00:00+00:00", MeterClock.UNKNOWN),
        ("2026-10-05T08:00:00,000 S", None, MeterClock.UNKNOWN),
        ("2026-10-05T08:00:00,000+0200", None, MeterClock.UNKNOWN),
        ("0001-01-01T00:00:00,000+0200 S", None, MeterClock.UNKNOWN),
        ("2026-13-05T08:00:00,000+0200 S", None, MeterClock.UNKNOWN),
        ("1" * 3000 + " S", None, MeterClock.UNKNOWN),
        ("x S", None, MeterClock.UNKNOWN),
        ("x R", None, MeterClock.UNKNOWN),
        ("", None, MeterClock.UNKNOWN),
        (None, None, MeterClock.UNKNOWN),
    ],
)
def test_time_is_an_instant_and_what_its_clock_is_worth(time: str | None, at: str | None, clock: MeterClock) -> None:
    found = first(begin(TM=time))
    assert (found.at.isoformat() if found.at else None, found.clock) == (at, clock)


@pytest.mark.parametrize(
    ("status", "flags", "problem", "is_time_usable"),
    [
        ("G", "", None, True),
        ("G", None, None, True),
        ("G", "t", None, False),
        ("G", "E", SignatureReason.ENERGY_UNUSABLE, True),
        ("G", "Et", SignatureReason.ENERGY_UNUSABLE, False),
        (None, "", SignatureReason.READING_NOT_GOOD, True),
        ("", "", SignatureReason.READING_NOT_GOOD, True),
        *[(status, "E", SignatureReason.READING_NOT_GOOD, True) for status in "NTDRMXIOSEFg"],
    ],
)
def test_a_reading_is_good_only_where_the_meter_says_so(
    status: str | None, flags: str | None, problem: SignatureReason | None, is_time_usable: bool
) -> None:
    found = first(begin(ST=status, EF=flags))
    assert (found.problem, found.is_time_usable) == (problem, is_time_usable)


def test_an_event_that_was_counted_since_the_begin_makes_a_reading_not_good() -> None:
    assert [one.problem for one in of(begin(EI=7), end(EI=7), FV="0.4").readings] == [None, None]
    assert [one.problem for one in of(begin(EI=7), end(EI=8), FV="0.4").readings] == [None, SignatureReason.READING_NOT_GOOD]


def test_the_readings_of_a_sample_are_what_its_file_says() -> None:
    (sample,) = samples("ocmf-obis-98.8.0-compensated.xml")
    found = [(one.nature, one.wh, one.register) for one in record(sample.text).readings]
    assert found == [
        (Nature.BEGIN, 0, "1-0:98.8.0.FF"),
        (Nature.END, 1000, "1-0:98.8.0.FF"),
        (Nature.BEGIN, 1000, "1-0:2.8.0.FF"),
        (Nature.END, 2000, "1-0:2.8.0.FF"),
    ]


def test_the_second_register_of_a_sample_tells_seconds_and_no_energy() -> None:
    _, end_sample = samples("OCMF_Test_Data_00.xml")
    assert [one.wh for one in record(end_sample.text).readings] == [Decimal("9038.000"), None]


# What the payload says of the whole


@pytest.mark.parametrize(
    ("version", "told"), [("1.0", "1.0"), ("1.4", "1.4"), ("0.4", "0.4"), (1.0, "1.0"), (1, "1"), (None, "1.0")]
)
def test_versions_0_and_1_are_read(version: object, told: str) -> None:
    assert of(begin(), FV=version).version == told


@pytest.mark.parametrize("version", ["2.0", "", "x", "10.0", 2, 1e300, {"FV": "1.0"}, "1.0${jndi:x}", "-1.0", "1" * 4000])
def test_another_version_is_another_format(version: object) -> None:
    assert reason_of(METER.record(begin(), FV=version)) is SignatureReason.FORMAT_UNKNOWN


@pytest.mark.parametrize(
    ("given", "page", "is_fiscal"),
    [
        ("T32", 32, False),
        ("F7", 7, True),
        ("T0", 0, False),
        ("X1", None, False),
        ("T", None, False),
        (None, None, False),
        (5, None, False),
    ],
)
def test_pagination_counts_transactions_or_fiscal_readings(given: object, page: int | None, is_fiscal: bool) -> None:
    found = of(begin(), PG=given)
    assert (found.pagination, found.is_fiscal) == (page, is_fiscal)


def test_the_meter_is_its_own_serial_number_else_that_of_the_gateway() -> None:
    assert of(begin(), MS="M7", GS="G1").meter == "M7"
    assert of(begin(), MS=None, GS="G1").meter == of(begin(), MS=" ", GS="G1").meter == "G1"
    assert of(begin(), MS=4711, GS=None).meter == "4711"
    assert of(begin(), MS=None, GS=None).meter == ""


@pytest.mark.parametrize(
    "kind",
    [
        *["ISO14443", "ISO15693", "EMAID", "EVCCID", "EVCOID", "ISO7812", "PHONE_NUMBER", "KEY_CODE"],
        *[None, "", "NONE", "none", "UNDEFINED", "RFID"],
    ],
)
def test_a_token_is_the_identification_whether_its_kind_is_told_or_not(kind: str | None) -> None:
    found = of(begin(), IT=kind, ID="7bcf78ad")
    assert (found.identification, found.meter_transaction) == ("7bcf78ad", "")


@pytest.mark.parametrize("kind", ["CENTRAL", "CENTRAL_1", "CENTRAL_2", "LOCAL", "LOCAL_1", "LOCAL_2", "CARD_TXN_NR"])
def test_an_identification_that_may_be_a_transaction_is_kept_as_a_digest(kind: str) -> None:
    one, other = of(begin(), IT=kind, ID="7bcf78ad"), of(end(), IT=kind, ID="7bcf78ae")
    assert one.identification == "" and "7bcf78ad" not in one.meter_transaction
    assert one.meter_transaction == of(end(), IT=kind, ID="7bcf78ad").meter_transaction != other.meter_transaction


def test_a_text_of_no_kind_that_is_no_token_by_its_looks_is_kept_as_a_digest() -> None:
    found = of(begin(), IT="UNDEFINED", ID="contract-id: rfid:12345678abcdef")
    assert found.identification == "" and len(found.meter_transaction) == 16
    assert of(begin(), IT="NONE", ID="contract-id: rfid:12345678abcdef").identification == "contract-id: rfid:12345678abcdef"


@pytest.mark.parametrize(("kind", "text"), [("DENIED", "SIM_CHARGE"), ("NONE", ""), (None, None), (None, " ")])
def test_nobody_is_identified_by_nothing(kind: str | None, text: str | None) -> None:
    found = of(begin(), IT=kind, ID=text)
    assert (found.identification, found.meter_transaction) == ("", "")


@pytest.mark.parametrize("level", ["MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"])
def test_an_identification_that_the_meter_refused_is_a_problem_of_the_record(level: str) -> None:
    assert of(begin(), IL=level).problem is SignatureReason.ID_REFUSED
    assert of(begin(), FV="0.4", IS=level).problem is SignatureReason.ID_REFUSED


@pytest.mark.parametrize("level", ["NONE", "HEARSAY", "TRUSTED", "VERIFIED", "CERTIFIED", "SECURE", None])
def test_other_levels_are_none(level: str | None) -> None:
    assert of(begin(), IL=level).problem is None
    assert of(begin(), FV="0.4", IS=level, VI="vendor", VV="1", RD=[begin(EI=7)]).problem is None


def test_the_place_is_told_where_it_is_said_to_be_an_evse() -> None:
    assert of(begin(), CT="EVSEID", CI="DE*ABC*E1").place == "DE*ABC*E1"
    for kind in ("CBIDC", "", None, 0):
        assert of(begin(), CT=kind, CI="CI").place == ""


def test_the_loss_of_the_cable_is_told_in_words() -> None:
    assert of(begin(), LC={"LN": "cable 3 m", "LI": 1, "LR": 12, "LU": "mOhm"}).loss == "cable 3 m, number 1, 12 mOhm"
    assert of(begin(), LC={"LR": 12.50, "LU": "uOhm"}).loss == "12.5 uOhm"
    assert of(begin()).loss == ""


def test_fields_that_nothing_depends_on_are_not_looked_at() -> None:
    assert of(begin(CL=0.5), GI=5, TT="0,42 €/kWh", IF="none", CF=1, U1={"a": [1]}, Z="x").version == "1.0"


# Hostile records: one verdict, no exception, and no word of what was read


@pytest.mark.parametrize(
    "text",
    [
        "OCMF|",
        "OCMF||",
        "OCMF|{}",
        "OCMF|{}|{}",
        "OCMF|[]|{}",
        "OCMF|{}|[]",
        "OCMF|{}|{}|{}|{}|{}",
        "OCMF|" + "|" * 60_000,
        "OCMF|" + "[" * 60_000 + "|{}",
        "OCMF|" + '{"U":' * 12_000 + "|{}",
        'OCMF|{"U":' + "[" * 30_000 + "]" * 30_000 + '}|{"SD":""}',
        'OCMF|{"RD":' + "[" * 60_000 + '|{"SD":""}',
        'OCMF|{}|{"SD":""}'.replace("{}", '{"U":NaN}'),
        'OCMF|{"FV":"1.0","FV":"1.0"}|{"SD":""}',
        'OCMF|{"RD":[],"RD":[]}|{"SD":""}',
        'OCMF|{"RD":[{"RV":1,"RV":2}]}|{"SD":""}',
        'OCMF|{"U":{"a":1,"a":1}}|{"SD":""}',
        'OCMF|{"U":{"a":1,"\\u0061":1}}|{"SD":""}',
        'OCMF|{}|{"SD":"","SD":"00"}',
        'OCMF|{}|{"SD":"00","U":{"a":1,"a":1}}',
        'OCMF|{"RD":{}}|{"SD":""}',
        'OCMF|{"RD":null}|{"SD":""}',
        'OCMF|{"RD":[1]}|{"SD":""}',
        'OCMF|{"MS":{}}|{"SD":""}',
        'OCMF|{"MS":1e5}|{"SD":""}',
        'OCMF|{"LC":"x"}|{"SD":""}',
        'OCMF|{"MS":"\ud800"}|{"SD":""}',
        'OCMF|{"MS":"\\ud800"}|{"SD":""}',
        'OCMF|{}|{"SD":5}',
        'OCMF|{}|{"U":' + "[" * 60_000,
        'OCMF|{}|{"SD":"","SE":"rot13"}',
        'OCMF|{}|{"SA":"ECDSA-secp256r1-SHA256"}',
        'OCMF|{}\x00|{"SD":""}',
        "OCMF|" + "a" * MAX_BYTES,
    ],
    ids=lambda text: text[:40],
)
def test_a_broken_record_is_unreadable(text: str) -> None:
    assert reason_of(text) is SignatureReason.RECORD_UNREADABLE


@pytest.mark.parametrize(
    "data",
    [
        b'OCMF|{"MS":"\xff"}|{"SD":""}',
        b'OCMF|{}|{"S\xedD":""}',
        b'OCMF|{"M\xedS":""}|{"SD":""}',
        b'OCMF|{"U":"\xc0\x80"}|{"SD":""}',
        b'OCMF|{}|{"SD":"","U":"\xed\xa0\x80"}',
    ],
)
def test_bytes_that_are_no_utf_8_are_unreadable(data: bytes) -> None:
    assert reason_of(data) is SignatureReason.RECORD_UNREADABLE


@pytest.mark.parametrize(
    "payload",
    [
        '{"ID":"7bcf78ad","ID":"7bcf78ad"}',
        '{"ID":{"7bcf78ad":1}}',
        '{"ID":"7bcf78ad",}',
        '{"RD":[{"RU":"Wh","RV":"7bcf78ad"}]}',
    ],
)
def test_what_is_wrong_is_told_without_what_was_read(payload: str) -> None:
    with pytest.raises(CannotJudge) as problem:
        read(f'OCMF|{payload}|{{"SD":""}}'.encode())
    assert "7bcf78ad" not in str(problem.value)


def test_hostile_text_is_text() -> None:
    found = of(begin(RI="${jndi:ldap://x}"), MS="${jndi:ldap://x}", ID="<!ENTITY x>", IT="EMAID")
    assert (found.meter, found.identification) == ("${jndi:ldap://x}", "<!ENTITY x>")


def test_more_readings_than_a_meter_signs_are_not_read() -> None:
    most = METER.payload([begin()])[:-2] + ',{"RV":1}' * 1999
    assert len(record(METER.sign(most + "]}")).readings) == 2000
    assert reason_of(METER.sign(most + ",{}]}")) is SignatureReason.RECORD_UNREADABLE


def test_bytes_of_another_format_are_left_to_the_others() -> None:
    assert read(b"") is read(b"OCMF") is read(b"ocmf|{}|{}") is read(b"AP;0;") is read(b"\xff\x00") is None
