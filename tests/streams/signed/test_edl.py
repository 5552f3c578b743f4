"""EDL40 in SML, in XML of the station and in Mennekes' document, and the other block of Isabellenhütte."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.signed import edl, edl_isa, edl_mennekes, edl_sml, edl_xml
from streams.signed.carriage import records_in
from streams.signed.check import claimed_key, judged
from streams.signed.ecdsa import Curve, PublicKey
from streams.signed.record import CannotJudge, Format, SignedRecord
from tests.streams.signed import edl_meter
from tests.streams.signed.edl_meter import FIELDS, EdlMeter
from tests.streams.signed.samples import FOLDER, checked, samples, verified
from vocabulary.signatures import MeterClock, Nature, SignatureReason, Verdict

P192, P256 = EdlMeter(ec.SECP192R1()), EdlMeter(ec.SECP256R1())
BILLING = (FOLDER / "mennekes-ok.metra.xml").read_bytes()


def records(file: str) -> list[SignedRecord]:
    return [record for sample in samples(file) for record in records_in(sample.text)]


def verdict(record: SignedRecord, meter: EdlMeter) -> Verdict:
    return judged(record, [meter.key]).verdict


def why(data: bytes) -> tuple[SignatureReason, str]:
    with pytest.raises(CannotJudge) as problem:
        records_in(data.hex())
    return problem.value.reason, problem.value.detail


# The block


def test_a_block_is_read_back_to_the_fields_that_it_was_built_of() -> None:
    fields = FIELDS._replace(historical=192_106, compensated=192_106, resistance=1000, stopwatch=60, price=0x1234)
    assert edl.fields_of(edl.block(fields)) == fields


def test_the_price_alone_is_written_big_end_first() -> None:
    data = edl.block(FIELDS._replace(price=0x1234, resistance=0x1234))
    assert (data[195:197], data[189:191], len(data)) == (b"\x12\x34", b"\x34\x12", 320)


@pytest.mark.parametrize("wrong", [{"server": bytes(11)}, {"contract": bytes(129)}, {"value": 1 << 63}, {"price": -1}])
def test_a_field_without_room_in_the_block_is_told(wrong: dict[str, int | bytes]) -> None:
    with pytest.raises(CannotJudge):
        edl.block(FIELDS._replace(**wrong))  # type: ignore[arg-type]


def test_the_compensated_value_is_the_one_to_bill_where_the_meter_has_one() -> None:
    plain, compensated = edl.reading(FIELDS, None), edl.reading(FIELDS._replace(compensated=192_106, resistance=1000), None)
    assert (plain.wh, plain.register) == (Decimal("21299.0"), "1-0:1.17.0*255")
    assert (compensated.wh, compensated.register) == (Decimal("19210.6"), "1-0:1.17.0*200")


@pytest.mark.parametrize(("status", "told"), [(0x89, "status 89: an error"), (0x48, "status 48: a magnet")])
def test_a_status_of_an_error_or_a_magnet_is_not_good(status: int, told: str) -> None:
    found = edl.reading(FIELDS._replace(status=status), None)
    assert (found.problem, found.detail) == (SignatureReason.READING_NOT_GOOD, told)
    assert edl.reading(FIELDS._replace(status=0x88), None).problem is None


def test_a_value_of_another_unit_is_no_energy() -> None:
    assert edl.reading(FIELDS._replace(unit=7), None).wh is None


@pytest.mark.parametrize("wrong", [{"value": -1}, {"scaler": 100}, {"scaler": -128}])
def test_a_value_that_no_register_shows_is_told(wrong: dict[str, int]) -> None:
    with pytest.raises(CannotJudge):
        edl.reading(FIELDS._replace(**wrong), None)  # type: ignore[arg-type]


def test_an_identification_is_text_where_it_is_text() -> None:
    assert edl.identification(b"62487887".ljust(128, b"\0")) == "62487887"
    assert edl.identification(bytes.fromhex("0410006a345b84")) == "0410006A345B84"


# EDL_40_P


def test_a_reading_of_sml_is_exact_and_of_no_said_nature() -> None:
    (record,) = records("edl-40-01.xml")
    (reading,) = record.readings
    assert (reading.wh, reading.register, reading.nature) == (Decimal("327.5"), "1-0:1.17.0*255", Nature.UNSAID)
    assert (record.meter, record.identification, record.pagination) == ("09014553591103956940", "62487887", 33)
    assert record.signature.curves == (Curve.SECP192R1,)


def test_a_clock_that_counts_from_1970_is_unknown() -> None:
    (reading,) = records("edl-40-01.xml")[0].readings
    assert (reading.at, reading.clock) == (datetime(1970, 1, 1, 0, 12, 57, tzinfo=UTC), MeterClock.UNKNOWN)


def test_an_emoc_signs_the_compensated_value_and_bills_it() -> None:
    begin, end = records("NewEHZSML.xml")
    assert [r.readings[0].wh for r in (begin, end)] == [Decimal("19210.6"), Decimal("19212.4")]
    assert begin.readings[0].register == "1-0:1.17.0*200"
    assert (begin.readings[0].at, begin.readings[0].clock) == (
        datetime(2023, 6, 26, 11, 33, 41, tzinfo=UTC),
        MeterClock.INFORMATIVE,
    )
    assert begin.identification != end.identification
    assert begin.loss == end.loss != ""


def sml(meter: EdlMeter, fields: edl.EdlFields, **others: bytes) -> bytes:
    entries = {
        "8180817101ff": edl_meter.entry("8180817101ff", fields.pagination),
        "810060080001": edl_meter.second_index(fields.second_index),
        "8182815401ff": edl_meter.entry("8182815401ff", fields.contract, seconds=fields.contract_seconds),
    }
    return meter.sml(entries | others, fields)


def test_the_register_of_all_energy_is_signed_as_the_one_of_the_socket_is() -> None:
    fields = FIELDS._replace(obis=bytes.fromhex("0100010800ff"))
    (record,) = edl_sml.read(sml(P192, fields)) or ()
    assert (verdict(record, P192), record.readings[0].register) == (Verdict.VERIFIED, "1-0:1.8.0*255")


def test_a_status_of_32_bits_goes_into_the_byte_that_an_emoc_signs() -> None:
    shown = FIELDS._replace(status=0x80040104)
    signed = P256.signature(edl.block(FIELDS._replace(status=0x88)), FIELDS.logbook)
    entries = [edl_meter.entry(FIELDS.obis.hex(), FIELDS.value, shown), edl_meter.entry("8180817101ff", FIELDS.pagination)]
    entries += [edl_meter.second_index(FIELDS.second_index)]
    entries += [edl_meter.entry("8182815401ff", FIELDS.contract, seconds=FIELDS.contract_seconds)]
    (record,) = edl_sml.read(edl_meter.sml_file(edl_meter.sml_list(FIELDS.server, "8180817303ff", entries, signed))) or ()
    assert verdict(record, P256) is Verdict.VERIFIED


def test_a_scaler_that_is_not_signed_must_be_the_one_that_is() -> None:
    fields = FIELDS._replace(compensated=192_106)
    compensated = edl_meter.entry("0100011100c8", 192_106)
    tenfold = edl_meter.entry("0100011100c8", 192_106, scaler=0)
    (good,) = edl_sml.read(sml(P256, fields._replace(status=0), x=compensated)) or ()
    (bad,) = edl_sml.read(sml(P256, fields._replace(status=0), x=tenfold)) or ()
    assert (good.problem, bad.problem) == (None, SignatureReason.FIELD_UNSIGNED)
    assert verdict(good, P256) is Verdict.VERIFIED
    assert bad.readings == good.readings


def test_sml_without_a_meter_value_or_a_signature_is_told() -> None:
    other = edl_meter.entry("0100020800ff", 7)
    file = edl_meter.sml_file(edl_meter.sml_list(FIELDS.server, "8180817303ff", [other], b"x" * 50))
    assert why(file) == (SignatureReason.RECORD_UNREADABLE, "SML without a meter value")
    unsigned = edl_meter.sml_file(
        edl_meter.sml_list(FIELDS.server, "8180817303ff", [edl_meter.entry(FIELDS.obis.hex(), 7)], b"")
    )
    assert why(unsigned) == (SignatureReason.RECORD_UNREADABLE, "SML without a signature")


def test_a_signature_of_a_length_that_no_curve_has_is_none() -> None:
    listed = edl_meter.sml_list(FIELDS.server, "8180817303ff", [edl_meter.entry(FIELDS.obis.hex(), 7)], b"x" * 51)
    (record,) = edl_sml.read(edl_meter.sml_file(listed)) or ()
    assert judged(record, [P192.key]).reason is SignatureReason.SIGNATURE_MALFORMED


# EDL_40_SIG


def test_a_block_in_xml_is_signed_as_it_stands_and_names_its_key() -> None:
    (record,) = records_in(P192.xml())
    assert (record.format, record.signed, record.meter) == (Format.EDL_40_SIG, edl.block(FIELDS), "0A01454D480000BA05B4")
    key = claimed_key(record, "")
    assert key == P192.key
    assert verdict(record, P192) is Verdict.VERIFIED


def test_a_block_in_xml_may_be_signed_with_secp256r1() -> None:
    (record,) = records_in(P256.xml(method="ECDSA256SHA256"))
    assert verdict(record, P256) is Verdict.VERIFIED


def test_the_two_bytes_behind_a_signature_must_be_those_of_the_block() -> None:
    signed = edl.block(FIELDS)
    (record,) = records_in(P192.xml(signature=P192.signature(signed, b"\x00\x82")))
    assert judged(record, [P192.key]).reason is SignatureReason.SIGNATURE_MALFORMED


def test_a_block_tells_no_zone_so_that_its_time_is_unknown() -> None:
    (record,) = records_in(P192.xml())
    assert (record.readings[0].at, record.readings[0].clock) == (None, MeterClock.UNKNOWN)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("ECDSA192SHA256", "ECDSA521SHA512", SignatureReason.ALGORITHM_UNSUPPORTED),
        (">EDL<", ">Alfen<", SignatureReason.FORMAT_UNKNOWN),
        ("encodedMeterValue", "encodedMeterValues", SignatureReason.RECORD_UNREADABLE),
        ('encoding="base64"', 'encoding="rot13"', SignatureReason.RECORD_UNREADABLE),
        ('encoding="base64">', 'encoding="base64">!', SignatureReason.RECORD_UNREADABLE),
        ("</signedMeterValue>", "", SignatureReason.RECORD_UNREADABLE),
        ("CgFFTUgAALoF", "", SignatureReason.RECORD_UNREADABLE),
    ],
)
def test_xml_that_is_not_as_it_should_be_is_told(old: str, new: str, reason: SignatureReason) -> None:
    text = P192.xml().replace(old, new)
    with pytest.raises(CannotJudge) as problem:
        records_in(text)
    assert problem.value.reason is reason


# Mennekes


def test_a_billing_document_holds_a_begin_and_an_end_of_each_process() -> None:
    begin, end = edl_mennekes.read(BILLING) or ()
    assert [r.readings[0].nature for r in (begin, end)] == [Nature.BEGIN, Nature.END]
    assert [r.readings[0].wh for r in (begin, end)] == [Decimal("10899.4")] * 2
    assert (begin.pagination, end.pagination, begin.meter) == (4, 5, "0901454D4800008A2939")
    assert (begin.identification, begin.readings[0].at) == ("1AA58986", datetime(2020, 3, 18, 6, 33, 45, tzinfo=UTC))


def test_every_process_of_a_billing_document_is_read() -> None:
    process = re.search(rb"<ChargingProcess>.*</ChargingProcess>", BILLING, re.DOTALL)
    assert process is not None
    assert len(edl_mennekes.read(BILLING.replace(process[0], process[0] * 3)) or ()) == 6


SIGNED_FIELDS = ("ServerId", "CustomerIdent", "Timestamp", "TimestampCustomerIdent", "EventCounter", "MeterStatus")


@pytest.mark.parametrize("name", [*SIGNED_FIELDS, "Value", "Scaler", "Pagination", "SecondIndex", "Signature"])
def test_a_billing_document_with_any_signed_field_changed_is_not_verified(name: str) -> None:
    changed = re.sub(
        rf"(<{name}>[^<]*?)(\d)(?=[^<\d]*(?:\+\d\d:\d\d)?</)".encode(),
        lambda found: found[1] + str((int(found[2]) + 1) % 10).encode(),
        BILLING,
    )
    assert changed != BILLING
    found = edl_mennekes.read(changed) or ()
    assert [checked(record, "").verdict for record in found] == [Verdict.FAILED] * 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<Value>108994", b"<Value>108_994"),
        (b"<Value>108994", b"<Value>1e9"),
        (b"<Value>108994", b"<Value>" + b"9" * 5000),
        (b"<Scaler>-1", b"<Scaler>99"),
        (b"<ServerId>", b"<ServerId>x"),
        (b"<Timestamp>2020", b"<Timestamp>20200"),
        (b"<Timestamp>2020-03-18T07:33:45+01:00", b"<Timestamp>0001-01-01T00:00:00+01:00"),
        (b"</Billing>", b""),
    ],
)
def test_a_billing_document_that_is_not_as_it_should_be_is_told(old: bytes, new: bytes) -> None:
    with pytest.raises(CannotJudge) as problem:
        edl_mennekes.read(BILLING.replace(old, new))
    assert problem.value.reason is SignatureReason.RECORD_UNREADABLE


def test_a_process_without_a_begin_tells_its_end() -> None:
    (record,) = edl_mennekes.read(BILLING.replace(b"MeasurementStart>", b"Measurement>")) or ()
    assert record.readings[0].nature is Nature.END


# Isabellenhütte


def test_the_record_at_the_end_holds_the_value_at_the_begin() -> None:
    (record,) = records("isa-edl-40p-ok.xml")
    begin, end = record.readings
    assert (begin.nature, end.nature, begin.register, end.register) == (
        Nature.BEGIN,
        Nature.END,
        "1-0:1.8.0*255",
        "1-0:1.8.0*255",
    )
    assert (begin.wh, end.wh) == (Decimal("25695931.6"), Decimal("25718261.0"))
    assert record.pagination == 24


def isa(name: str, *values: tuple[str, int | bytes]) -> bytes:
    entries = [edl_meter.entry(obis, value) for obis, value in values]
    return edl_meter.sml_file(edl_meter.sml_list(FIELDS.server, name, entries, b"s" * 66))


WHOLE: tuple[tuple[str, int | bytes], ...] = (
    ("0100010800ff", 20),
    ("010001080080", 10),
    ("8180c7f040ff", 3),
    ("8180816101ff", b"esth"),
    ("8182815401ff", b"token"),
)


def test_the_value_at_the_begin_is_among_what_is_signed() -> None:
    other = (WHOLE[0], ("010001080080", 11), *WHOLE[2:])
    signed = [(edl_isa.read(isa("8180816202ff", *values)) or ())[0].signed for values in (WHOLE, other)]
    assert len(signed[0]) == 320
    assert [at for at in range(320) if signed[0][at] != signed[1][at]] == [260]


def test_a_list_is_the_begin_an_update_or_the_end_by_its_name() -> None:
    natures = [
        [reading.nature for reading in (edl_isa.read(isa(name, *WHOLE)) or ())[0].readings]
        for name in ("8180816200ff", "8180816201ff", "8180816202ff")
    ]
    assert natures == [[Nature.BEGIN], [Nature.BEGIN, Nature.INTERMEDIATE], [Nature.BEGIN, Nature.END]]


@pytest.mark.parametrize("left_out", [0, 1, 2, 3, 4])
def test_a_list_without_one_of_its_entries_is_told(left_out: int) -> None:
    reason, detail = why(isa("8180816202ff", *(value for at, value in enumerate(WHOLE) if at != left_out)))
    assert (reason, detail.endswith("is missing")) == (SignatureReason.RECORD_UNREADABLE, True)


# All of them


VERIFIED = [(record, key) for _, record, key in verified() if "EDL_40" in record.format]


@settings(max_examples=300)
@given(st.sampled_from(VERIFIED), st.integers(0, 319), st.integers(0, 7))
def test_a_flipped_bit_of_what_was_signed_is_never_verified(
    signed_by: tuple[SignedRecord, PublicKey], at: int, bit: int
) -> None:
    record, key = signed_by
    signed = bytearray(record.signed)
    signed[at] ^= 1 << bit
    assert judged(record, [key]).verdict is Verdict.VERIFIED
    assert judged(record._replace(signed=bytes(signed)), [key]).verdict is Verdict.FAILED


@settings(max_examples=200)
@given(st.sampled_from(VERIFIED), st.data())
def test_a_flipped_bit_of_a_signature_is_never_verified(signed_by: tuple[SignedRecord, PublicKey], data: st.DataObject) -> None:
    record, key = signed_by
    value = bytearray(record.signature.value)
    value[data.draw(st.integers(0, len(value) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert judged(record._replace(signature=record.signature._replace(value=bytes(value))), [key]).verdict is Verdict.FAILED


@given(st.binary(max_size=400))
def test_any_bytes_are_records_or_none_or_told(data: bytes) -> None:
    for read in (edl_sml.read, edl_isa.read, edl_xml.read, edl_mennekes.read):
        for whole in (data, edl_meter.sml_file(data), b"<signedMeterValue>" + data, b"<Billing>" + data):
            try:
                read(whole)
            except CannotJudge:
                continue
