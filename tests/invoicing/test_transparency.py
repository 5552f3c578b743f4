"""The transparency record: valid by the software's schema, paired as the software pairs, and unchanged to the byte."""

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from invoicing.transparency import NotWritable, Piece, TransparencyFile, as_they_came, number_of, transparency_file
from streams.signed.carriage import records_in
from streams.signed.container import values_in
from streams.signed.file_check import Known, check_file
from streams.signed.keys import read_key
from streams.signed.verdicts import check_session
from tests.invoicing.values_schema import breaches
from tests.streams.material import evse
from tests.streams.ocmf_meter import OcmfMeter, begin, end, with_flipped_bit
from tests.streams.signed.chargeit_meter import container, emh
from tests.streams.signed.edl_meter import FIELDS, EdlMeter
from tests.streams.signed.samples import FOLDER
from tests.streams.test_gate import session
from vocabulary.charging import SignedValue
from vocabulary.identity import SessionId
from vocabulary.reference import MeterKey
from vocabulary.sessions import ChargingSession
from vocabulary.signatures import Nature, Verdict
from wattbook.transparency import session_record

METER = OcmfMeter()
KNOWN = [Known(read_key(METER.public_key), "DE*ABC*E1")]
ID = SessionId("ab" * 32)
BEGIN, END = "Transaction.Begin", "Transaction.End"
AT = datetime(2026, 10, 5, 8, tzinfo=UTC)


def signed(*values: tuple[str, str], key: str = "") -> ChargingSession:
    """A session with these texts and their contexts."""
    told = tuple(SignedValue(at=AT, data=text, context=context, public_key=key) for text, context in values)
    return structs.replace(session(), signed=told)


def piece(format_: str, data: bytes, *natures: Nature, context: str = END) -> Piece:
    return Piece(format_, data, frozenset(natures), context, "aa")


def written(session: ChargingSession, known: list[Known] | None = None) -> TransparencyFile:
    return session_record(session, None, KNOWN if known is None else known)


def pairs(file: TransparencyFile) -> list[tuple[str, str]]:
    return [(value.context, value.text) for value in values_in(file.data)]


FIRST, LAST, BOTH = METER.record(begin(1)), METER.record(end(8.5), PG="T2"), METER.record(begin(1), end(8.5))
BETWEEN = METER.record({"TM": "2026-10-05T08:10:00,000+0000 S", "TX": "C", "RV": 2, "RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"})


def test_begin_and_end_are_a_group_of_two_with_the_registered_key_first() -> None:
    file = written(signed((FIRST, BEGIN), (LAST, END)))
    number = number_of(session().id)
    assert file.data.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<values>\n'
        + "".join(
            f'  <value transactionId="{number}" context="{context}">\n'
            f'    <publicKey encoding="hex">{METER.public_key}</publicKey>\n'
            f'    <signedData format="OCMF" encoding="plain">{text}</signedData>\n  </value>\n'
            for text, context in ((FIRST, BEGIN), (LAST, END))
        )
        + "</values>\n"
    )
    assert (file.suffix, breaches(file.data)) == ("xml", [])


def test_a_record_of_both_readings_stands_alone() -> None:
    assert pairs(written(signed((FIRST, BEGIN), (BOTH, END)))) == [(END, BOTH)]


def test_what_is_told_twice_is_written_once_and_what_is_between_is_left_out() -> None:
    told = signed((FIRST, BEGIN), (BETWEEN, "Sample.Periodic"), (FIRST.encode().hex(), BEGIN), (LAST, END), (LAST, END))
    assert pairs(written(told)) == [(BEGIN, FIRST), (END, LAST)]


def test_contexts_are_those_that_were_signed_whatever_the_message_says() -> None:
    assert pairs(written(signed((LAST, BEGIN), (FIRST, "Sample.Clock")))) == [(BEGIN, FIRST), (END, LAST)]


def test_ocmf_that_came_as_hex_is_written_as_text() -> None:
    assert pairs(written(signed((BOTH.encode().hex(), END)))) == [(END, BOTH)]


def test_values_that_make_no_pair_are_each_alone() -> None:
    file = written(signed((LAST, END), (BETWEEN, "Sample.Periodic")))
    assert len({value.transaction for value in values_in(file.data)}) == 2
    assert breaches(file.data) == []


def test_a_value_that_cannot_be_read_is_left_out() -> None:
    assert pairs(written(signed(("ACME", BEGIN), (BOTH, END)))) == [(END, BOTH)]


def test_a_session_without_signed_values_has_no_record() -> None:
    with pytest.raises(NotWritable, match="it has no signed values"):
        written(signed())


def test_a_session_of_which_no_signed_value_can_be_read_says_why() -> None:
    with pytest.raises(NotWritable, match="none of its signed values can be read: format_of_signed_values_is_not_supported"):
        written(signed(("ACME", END), ("ACME", END)))


def test_what_cannot_be_read_is_written_as_it_came() -> None:
    assert as_they_came(["ACME", "\ud800\0x"]) == TransparencyFile("txt", b"ACME\n\\ud800\0x\n")
    assert as_they_came(["one\r\nvalue", "ACME"]).data == b"one\r\nvalue\n-----\nACME\n"


# What is billed


def at(time: datetime) -> dict[str, str]:
    return {"TM": f"{time:%Y-%m-%dT%H:%M:%S},000+0000 S"}


PLAIN, COMPENSATED = {"RI": "1-0:1.8.0"}, {"RI": "1-0:98.8.0"}
T1 = METER.record(begin(1, **PLAIN, **at(session().start)), PG="T1")
T2 = METER.record(begin(1, **COMPENSATED, **at(session().start)), PG="T2")
T3 = METER.record(end(8, **COMPENSATED, **at(session().end)), PG="T3")
T4 = METER.record(end(8.5, **PLAIN, **at(session().end)), PG="T4")


def billed(*values: tuple[str, str]) -> TransparencyFile:
    told = signed(*values)
    checked = check_session(told, evse(meter_keys=(METER.key(),)))
    assert checked.billing is Verdict.VERIFIED, checked.billing_reason
    return session_record(told, checked, KNOWN)


def test_the_pair_of_the_register_that_is_billed_is_written() -> None:
    four = (T1, BEGIN), (T2, BEGIN), (T3, END), (T4, END)
    assert pairs(billed(*four)) == pairs(billed(*reversed(four))) == [(BEGIN, T2), (END, T3)]
    assert pairs(written(signed(*four))) == [(BEGIN, T1), (END, T4)]  # nothing is said of what was billed


def test_a_record_of_two_readings_of_two_registers_is_no_pair_of_its_own() -> None:
    mixed = METER.record(end(8.5, **PLAIN, **at(session().end)), begin(1, **COMPENSATED, **at(session().start)), PG="T2")
    assert pairs(billed((mixed, BEGIN), (T3, END))) == [(BEGIN, mixed), (END, T3)]


def test_a_copy_with_a_broken_signature_is_not_the_one_that_is_written() -> None:
    broken = with_flipped_bit(T2, 2)
    assert pairs(billed((broken, BEGIN), (T2, BEGIN), (T3, END))) == [(BEGIN, T2), (END, T3)]


def test_readings_of_which_the_format_leaves_open_what_they_are_are_told_apart_by_their_contexts() -> None:
    meter = EdlMeter(ec.SECP192R1())
    first, between, last = (meter.xml(FIELDS._replace(pagination=page, second_index=page)) for page in (41, 42, 43))
    told = signed((first, BEGIN), (between, "Sample.Periodic"), (last, END))
    checked = check_session(told, evse(meter_keys=(MeterKey(public_key=meter.key.der.hex()),)), ("DE8UBI7TS4",))
    assert checked.billing is Verdict.VERIFIED and checked.begin_wh == checked.end_wh
    assert pairs(session_record(told, checked, [])) == [(BEGIN, first), (END, last)]


def test_a_key_that_is_not_registered_is_not_written_though_the_message_names_it() -> None:
    told = signed((BOTH, END), key=METER.public_key)
    (value,) = values_in(written(told, [Known(read_key(OcmfMeter().public_key), "DE*ABC*E1")]).data)
    assert value.key == ""


def test_a_number_is_the_same_for_the_same_session_and_fits_into_63_bits() -> None:
    assert number_of(ID) == number_of(SessionId("ab" * 32)) != number_of(SessionId("ac" * 32))
    assert 0 <= number_of(ID) < 1 << 63


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_comes_back_to_the_byte_or_is_refused(inside: str) -> None:
    text = f"OCMF|{inside}|&<>]]>\r\n\r\x85\u2028ä|"
    try:
        file = transparency_file(ID, [piece("OCMF", text.encode(), Nature.BEGIN, Nature.END)])
    except NotWritable:
        assert any(ord(sign) < 0x20 or ord(sign) >= 0xFFFE for sign in inside)
        return
    assert pairs(file) == [(END, text)]
    assert breaches(file.data) == []


def test_text_that_xml_cannot_hold_is_refused() -> None:
    with pytest.raises(NotWritable, match=r"U\+0000"):
        transparency_file(ID, [piece("OCMF", b"OCMF|\x00", Nature.END)])
    with pytest.raises(NotWritable, match="not UTF-8"):
        transparency_file(ID, [piece("OCMF", b"OCMF|\xff", Nature.END)])


def test_carriage_returns_and_umlauts_inside_what_was_signed_still_verify() -> None:
    text = METER.sign(METER.payload([begin(1), end(8.5)], TT="Übergabe").replace(",", ",\r\n", 3))
    file = written(signed((text, END)))
    assert b"&#13;" in file.data
    assert check_file(file.data, ()).verdict is Verdict.VERIFIED


def test_edl40_in_xml_is_escaped_and_names_its_own_key() -> None:
    meter = EdlMeter(ec.SECP192R1())
    first, last = meter.xml(), meter.xml(FIELDS._replace(pagination=42, value=213_000))
    file = written(signed((first, BEGIN), (last, END)), [])
    assert b"&lt;signedMeterValue&gt;" in file.data
    assert file.data.count(b'publicKey encoding="hex"') == 0
    assert pairs(file) == [(BEGIN, first), (END, last)]


SAMPLES = {
    "test_ocmf_keba_kcp30.xml": "xml",
    "test_ocmf_ebee_01.xml": "xml",
    "OCMF_Test_Data_00.xml": "xml",
    "brainpoolP256r1.xml": "xml",
    "NewEHZSML.xml": "xml",
    "wirelane.xml": "xml",
    "isa-edl-40p-ok.xml": "xml",
    "mennekes-ok.metra.xml": "xml",
    "edl-40-01.xml": "xml",
    "alfen-begin-ok.xml": "txt",
    "valid.pcdf": "pcdf",
}


@pytest.mark.parametrize("file", SAMPLES)
def test_every_format_is_read_back_to_the_byte_and_verified(file: str) -> None:
    values = values_in((FOLDER / file).read_bytes())
    told = tuple(SignedValue(at=AT, data=v.text, context=v.context or END, public_key=v.key) for v in values)
    known = [Known(read_key(value.key)) for value in values if value.key]
    record = session_record(structs.replace(session(), signed=told), None, known)
    assert record.suffix == SAMPLES[file]
    before = [each.signed for value in values for each in records_in(value.text)]
    after = [each.signed for value in values_in(record.data) for each in records_in(value.text)]
    assert after == before
    assert check_file(record.data, ()).verdict is Verdict.VERIFIED
    if b"<values>" in record.data:
        assert breaches(record.data) == []


def test_the_json_of_chargeit_is_written_as_it_came() -> None:
    text = json.dumps(container(emh(), emh(page=26)))
    record = written(signed((text, END)), [])
    assert (record.suffix, record.data.decode()) == ("json", text)
    assert check_file(record.data, ()).verdict is Verdict.VERIFIED


def test_the_schema_tells_what_breaks_it() -> None:
    wrong = b'<values><value transactionId="x" z="1"><signedData/><publicKey/></value></values>'
    assert breaches(wrong) == ["z of value", "transactionId=x of value", "publicKey out of place in value"]


LINES = [piece("ALFEN", b"AP;0;3;A;B;C;", Nature.BEGIN), piece("ALFEN", b"AP;1;3;A;B;C;", Nature.END)]


def test_alfen_pcdf_mennekes_and_chargeit_stand_as_their_station_wrote_them() -> None:
    assert transparency_file(ID, LINES) == TransparencyFile("txt", b"AP;0;3;A;B;C;\nAP;1;3;A;B;C;")
    whole = Nature.BEGIN, Nature.END
    assert transparency_file(ID, [piece("PCDF", b"128.8.0(\r\n", *whole)]) == TransparencyFile("pcdf", b"128.8.0(\r\n")
    assert transparency_file(ID, [piece("EDL_40_MENNEKES", b"<Billing/>", *whole)]).data == b"<Billing/>"
    assert transparency_file(ID, [piece("CHARGEIT_BSM", b"{}", *whole)]).suffix == "json"


def test_alfen_may_be_written_as_xml() -> None:
    file = transparency_file(ID, LINES, as_xml=True)
    assert pairs(file) == [(BEGIN, "AP;0;3;A;B;C;"), (END, "AP;1;3;A;B;C;")]
    assert (file.suffix, breaches(file.data)) == ("xml", [])
