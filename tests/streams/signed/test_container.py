"""Files of signed values: whatever stands in which order and encoding, it is found; hostile ones are told, quickly."""

import base64
import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.signed.carriage import records_in
from streams.signed.container import values_in
from streams.signed.record import CannotJudge
from tests.streams.signed.samples import FOLDER, files
from vocabulary.signatures import SignatureReason

OCMF = 'OCMF|{"FV":"1.0"}|{"SD":"30"}'


def value(inner: str, attributes: str = 'transactionId="7" context="Transaction.Begin"') -> bytes:
    return f"<values><value {attributes}>{inner}</value></values>".encode()


def why(data: bytes) -> tuple[SignatureReason, str]:
    with pytest.raises(CannotJudge) as problem:
        values_in(data)
    return problem.value.reason, problem.value.detail


@pytest.mark.parametrize("order", [1, -1])
def test_key_and_data_are_found_in_either_order(order: int) -> None:
    parts = ["<publicKey>aa</publicKey>", f'<signedData format="OCMF">{OCMF}</signedData>']
    (found,) = values_in(value("".join(parts[::order])))
    assert (found.text, found.key, found.transaction, found.context) == (OCMF, "aa", "7", "Transaction.Begin")


def test_transaction_and_context_are_found_wherever_they_stand() -> None:
    inner = f'<signedData transactionId="9" context="Transaction.End">{OCMF}</signedData>'
    (found,) = values_in(value(inner, ""))
    assert (found.transaction, found.context) == ("9", "Transaction.End")


def test_the_transaction_of_the_value_counts_before_that_of_the_data() -> None:
    (found,) = values_in(value(f'<signedData transactionId="9">{OCMF}</signedData>'))
    assert found.transaction == "7"


def test_a_carriage_return_that_is_written_as_one_is_kept() -> None:
    (found,) = values_in(value("<signedData>a&#13;\nb</signedData>"))
    assert found.text == "a\r\nb"


def test_base32_is_decoded_by_its_label_and_other_encodings_by_their_looks() -> None:
    data = base64.b32encode(b"\x02\x01key").decode()
    (found,) = values_in(value(f'<signedData>{OCMF}</signedData><publicKey encoding="base32">{data}</publicKey>'))
    assert found.key == b"\x02\x01key".hex()


def test_a_label_of_base32_on_what_is_none_does_no_harm() -> None:
    (found,) = values_in(value(f'<signedData encoding="base32">{OCMF}</signedData>'))
    assert found.text == OCMF


def test_a_sealed_record_is_told_and_the_others_are_read() -> None:
    first, second = values_in(value(f"<encodedData>30</encodedData><signedData>{OCMF}</signedData>"))
    assert (first.problem, second.text) == (None, OCMF) or (second.problem is not None and first.text == OCMF)
    sealed = first.problem or second.problem
    assert sealed is not None
    assert sealed.reason is SignatureReason.CONTAINER_UNSUPPORTED


def test_a_value_without_data_is_told_and_not_passed_over() -> None:
    (found,) = values_in(value("<publicKey>aa</publicKey><signeddata>OCMF</signeddata>"))
    assert found.problem is not None
    assert (found.problem.reason, found.transaction) == (SignatureReason.RECORD_UNREADABLE, "7")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
def test_a_container_may_be_of_another_encoding(encoding: str) -> None:
    declared = "" if encoding == "utf-8-sig" else f'<?xml version="1.0" encoding="{encoding}"?>'
    text = declared + value("<signedData>OCMF|ä</signedData>").decode()
    (found,) = values_in(text.encode(encoding))
    assert found.text == "OCMF|ä"


def test_a_large_document_of_mennekes_is_taken_apart_by_its_processes() -> None:
    data = (FOLDER / "mennekes-ok.metra.xml").read_bytes()
    process = data[data.index(b"<ChargingProcess>") : data.index(b"</ChargingProcesses>")]
    found = values_in(data.replace(process, process * 40))
    assert [each.transaction for each in found] == [str(number) for number in range(1, 41)]
    assert all(len(records_in(each.text)) == 2 for each in found)
    with_comment = data.replace(process, process * 40 + b"<!-- </ChargingProcess> <ChargingProcess> -->")
    assert len(values_in(with_comment)) in (1, 40)


def test_a_ptb_container_holds_a_begin_and_an_end_with_one_key() -> None:
    data = json.dumps({"format": "ptb", "publicKey": "aa", "ocmfBegin": OCMF, "ocmfEnd": OCMF + " "}).encode()
    begin, end = values_in(data)
    assert (begin.context, end.context, begin.key, end.key) == ("Transaction.Begin", "Transaction.End", "aa", "aa")
    assert (begin.text, end.text) == (OCMF, OCMF + " ")


def test_a_ptb_container_without_its_records_is_told() -> None:
    assert why(b'{"format": "ptb", "publicKey": "aa"}')[0] is SignatureReason.RECORD_UNREADABLE


def test_a_container_that_says_two_things_is_told() -> None:
    twice = b'{"format": "ptb", "publicKey": "aa", "publicKey": "bb", "ocmfBegin": "", "ocmfEnd": ""}'
    assert why(twice) == (SignatureReason.RECORD_UNREADABLE, "a key stands twice in an object")


def test_json_of_another_kind_is_one_text() -> None:
    (found,) = values_in(b' {"placeInfo": {}, "signedMeterValues": []}\n')
    assert found.text == '{"placeInfo": {}, "signedMeterValues": []}'


def test_bare_records_stand_one_after_the_other() -> None:
    found = values_in(b"\xef\xbb\xbf" + f"{OCMF}\r\n{OCMF}\nAP;0;3;A;B;C;\nAP;1;3;A;B;C;\n".encode())
    assert [each.text for each in found] == [OCMF, OCMF, "AP;0;3;A;B;C;", "AP;1;3;A;B;C;"]


def test_a_bare_document_of_another_root_is_one_text() -> None:
    (found,) = values_in((FOLDER / "mennekes-ok.metra.xml").read_bytes())
    assert "<ChargingProcess>" in found.text


def test_a_bare_file_of_sml_is_one_text_in_hex() -> None:
    data = bytes.fromhex("1b1b1b1b01010101760501")
    assert values_in(data)[0].text == data.hex()


BOMB = b'<!DOCTYPE v [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><values><value>&b;</value></values>'
OUTSIDE = b'<!DOCTYPE v [<!ENTITY a SYSTEM "file:///etc/passwd">]><values><value>&a;</value></values>'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"<",
        b"<values/>",
        b"<values><other/></values>",
        BOMB,
        OUTSIDE,
        b"<values>" + b"<value>" * 100 + b"</value>" * 100 + b"</values>",
        b"<values>\xff\xfe</values>",
        b'<?xml version="1.0" encoding="nonsense"?><values/>',
        b'<?xml version="1.0" encoding="utf-32"?><values/>',
        b"\x80\x81\x82",
        b"{" * 10 + b"\xff",
    ],
)
def test_what_is_no_file_of_signed_values_is_told(data: bytes) -> None:
    assert why(data)[0] is SignatureReason.RECORD_UNREADABLE


@pytest.mark.parametrize(
    "data",
    [
        b"<values>" + b"<a>" * 2_000_000,
        b"<values>" + b"<a/>" * 2_000_000 + b"</values>",
        b"[" * 5_000_000,
        b'{"a":' * 1_000_000,
        b"<" + b" " * 5_000_000,
        b"<values " + b" ".join(b'a%d="1"' % number for number in range(300_000)),
    ],
)
def test_a_huge_file_is_told_or_read_at_once(data: bytes) -> None:
    begun = time.process_time()
    with contextlib.suppress(CannotJudge):
        values_in(data)
    assert time.process_time() - begun < 3


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"<values><value>", b"<", b'{"format":"ptb"', b"OCMF|", b"\xef\xbb\xbf<"])
)
def test_any_bytes_are_values_or_told(data: bytes, begin: bytes) -> None:
    with contextlib.suppress(CannotJudge):
        values_in(begin + data)


@pytest.mark.parametrize("file", files())
def test_every_sample_is_read_or_told(file: str) -> None:
    data = (FOLDER / file).read_bytes()
    for cut in range(0, len(data), max(1, len(data) // 20)):
        try:
            values_in(data[:cut])
        except CannotJudge:
            continue
