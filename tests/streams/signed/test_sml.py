"""SML: what a file says, and that a broken one is told and never crashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.signed import sml
from streams.signed.record import CannotJudge
from tests.streams.signed import edl_meter
from tests.streams.signed.samples import samples

SERVER = bytes.fromhex("0a01454d480000ba05b4")
METER = bytes.fromhex("0100011100ff")
FILE = edl_meter.sml_file(edl_meter.sml_list(SERVER, "8180817303ff", [edl_meter.entry(METER.hex(), 7)], b"signature"))


def broken(data: bytes) -> str:
    with pytest.raises(CannotJudge) as problem:
        sml.lists(data)
    return problem.value.detail


def one_list(body: bytes) -> bytes:
    return edl_meter.sml_file(body)


def test_a_file_tells_server_list_registers_and_signature() -> None:
    (found,) = sml.lists(FILE)
    assert (found.server, found.name.hex(), found.signature) == (SERVER, "8180817303ff", b"signature")
    assert sml.number(found.entries[METER]) == 7


def test_an_escape_among_the_messages_is_written_twice_and_read_once() -> None:
    body = edl_meter.sml_list(SERVER, "8180817303ff", [], b"\x1b" * 9)
    (found,) = sml.lists(edl_meter.sml_file(body))
    assert found.signature == b"\x1b" * 9


def test_a_file_of_several_lists_tells_all() -> None:
    body = edl_meter.sml_list(SERVER, "8180817303ff", [], b"")
    assert len(sml.lists(edl_meter.sml_file(body, body))) == 2


def test_both_checksums_are_checked() -> None:
    assert broken(FILE[:-1] + bytes([FILE[-1] ^ 1])) == "the checksum of the SML file does not fit"
    changed = FILE[:-8].replace(b"signature", b"Signature") + FILE[-8:-2]
    assert broken(changed + edl_meter.crc(changed)) == "the checksum of an SML message does not fit"


def test_what_does_not_end_is_told() -> None:
    assert broken(FILE[:40]) == "SML that does not end"
    assert broken(FILE + b"\x00") == "SML that does not end as it should"


def test_nesting_is_bounded() -> None:
    assert "nested deeper" in broken(one_list(b"\x71" * 5000 + b"\x01"))


def test_a_list_that_is_longer_than_the_file_is_told() -> None:
    assert "without a length" in broken(one_list(b"\xff\x8f\x8f\x0f"))
    assert "longer than the file" in broken(one_list(b"\x8f\x0f"))


def test_a_register_that_is_told_twice_is_no_reading() -> None:
    twice = [edl_meter.entry(METER.hex(), 7), edl_meter.entry(METER.hex(), 8)]
    assert "twice" in broken(one_list(edl_meter.sml_list(SERVER, "8180817303ff", twice, b"")))


def test_a_checksum_that_is_no_number_is_told() -> None:
    head = b"\x76" + edl_meter.octets(b"1") + b"\x62\x00\x62\x00" + edl_meter.listed(edl_meter.unsigned(0x0701), b"\x01")
    for crc in (b"\x01", b"\x53\xff\xff", b"\x69" + b"\xff" * 8, b"\x42\x01"):
        framed = b"\x1b" * 4 + b"\x01" * 4 + head + crc + b"\x00" + b"\x1b" * 4 + b"\x1a\x00"
        assert "checksum" in broken(framed + edl_meter.crc(framed))


@given(st.binary(max_size=300))
def test_any_content_with_fitting_checksums_is_a_list_or_told(content: bytes) -> None:
    for data in (edl_meter.sml_file(content), content, sml.START + content):
        try:
            sml.lists(data)
        except CannotJudge:
            continue


@given(st.data())
def test_a_flipped_bit_of_a_real_file_is_told(data: st.DataObject) -> None:
    raw = bytearray.fromhex(next(samples("edl-40-01.xml")).text)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CannotJudge):
        sml.lists(bytes(raw))
