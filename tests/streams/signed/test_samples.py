"""The files of tests/data/signed as `wattbook signed verify` reads them: the verdict on each record and each transaction."""

import pytest

from streams.signed.file_check import FileChecked, check_file
from tests.streams.signed.samples import FOLDER
from vocabulary.signatures import Verdict

OK = "verified"
MISMATCH = "failed signature_does_not_match_the_registered_key"
UNKNOWN = "unverifiable format_of_signed_values_is_not_supported"
UNREADABLE = "unverifiable signed_record_cannot_be_read"
NO_KEY = "unverifiable no_meter_key_is_registered_for_the_evse"
BROKEN_KEY = "unverifiable meter_key_cannot_be_read"
SEALED = "unverifiable container_of_signed_values_is_not_supported"

RECORDS = {
    "test_ocmf_keba_kcp30.xml": [OK],
    "test_ocmf_keba_kcp30_fail.xml": [MISMATCH],
    "test_ocmf_ebee_01.xml": [OK, OK],
    "test_ocmf_ebee_02.xml": [MISMATCH, OK],
    "brainpoolP256r1.xml": [OK, OK],
    "nistP384_0Wh.xml": [OK, OK],
    "OCMF_Test_Data_00.xml": [OK, OK],
    "ocmf-secp192r1-second-malformed.xml": [OK, "failed signature_is_no_signature"],
    "second_key_fail_ocmf.xml": [OK, "failed meter_key_is_of_another_curve_than_the_signature"],
    "ocmf-obis-98.8.0-compensated.xml": [OK],
    "ocmf_tariff_1.xml": [OK],
    "20211007-device-with-evt-ocmf-sss-ses.xml": [OK, OK],
    "signature_16955306_ALL.xml": [NO_KEY, NO_KEY],
    "log4j_test1.xml": [BROKEN_KEY],
    "OCMF-receipt-template.xml": [UNKNOWN],
    "OCMF-receipt-with_publickey_and_data.xml": [OK],
    "test_ocmf_rsa_01.xml": [SEALED],
    "edl-40-01.xml": [OK],
    "derived-edl40-value-tampered.xml": [UNREADABLE],
    "NewEHZSML.xml": [OK, OK],
    "wirelane.xml": [OK, OK],
    "derived-edlsig-end-value-tampered.xml": [OK, MISMATCH],
    "isa-edl-40p-ok.xml": [OK],
    "isa-edl-40p-data-fail.xml": [UNREADABLE],
    "isa-edl-40p-sign-fail.xml": [BROKEN_KEY],
    "mennekes-ok.metra.xml": [OK, OK],  # one record for the begin, one for the end
    "derived-mennekes-end-value-plus1000.xml": [OK, MISMATCH],
    "alfen-begin-ok.xml": [OK],
    "alfen-end-badsig.xml": [MISMATCH],
    "valid.pcdf": [OK],
    "DataInvalid.pcdf": [MISMATCH],
    "BVinvalid.pcdf": [OK],
    "test_input_invalid_xml.xml": [UNREADABLE],
    "derived-ocmf-swapped-contexts.xml": [OK, OK],
    "derived-ocmf-begin-and-end-of-different-meters.xml": [OK, OK],
    "derived-ocmf-same-record-in-two-transactions.xml": [OK, OK],
    "derived-unknown-format.xml": [UNKNOWN],
}
TRANSACTIONS = {  # kWh, or why it is not billed
    "test_ocmf_keba_kcp30.xml": ["0.1"],
    "test_ocmf_keba_kcp30_fail.xml": [MISMATCH],
    "test_ocmf_ebee_01.xml": ["0"],
    "test_ocmf_ebee_02.xml": [MISMATCH],
    "brainpoolP256r1.xml": ["0"],
    "nistP384_0Wh.xml": ["0"],
    "OCMF_Test_Data_00.xml": ["0"],
    "ocmf-secp192r1-second-malformed.xml": ["failed signature_is_no_signature"],
    "second_key_fail_ocmf.xml": ["failed meter_key_is_of_another_curve_than_the_signature"],
    "ocmf-obis-98.8.0-compensated.xml": ["1000"],
    "ocmf_tariff_1.xml": ["0.0"],
    "20211007-device-with-evt-ocmf-sss-ses.xml": ["unverifiable register_has_no_legal_meaning"],
    "signature_16955306_ALL.xml": [NO_KEY],
    "log4j_test1.xml": [BROKEN_KEY],
    "OCMF-receipt-template.xml": [UNKNOWN],
    "OCMF-receipt-with_publickey_and_data.xml": ["failed meter_marked_the_reading_as_not_good"],
    "test_ocmf_rsa_01.xml": [SEALED],
    "edl-40-01.xml": ["unverifiable signed_begin_is_missing"],
    "derived-edl40-value-tampered.xml": [UNREADABLE],
    "NewEHZSML.xml": ["failed begin_and_end_name_two_identifications"],
    "wirelane.xml": ["0.0"],
    "derived-edlsig-end-value-tampered.xml": [MISMATCH],
    "isa-edl-40p-ok.xml": ["22329.4"],
    "isa-edl-40p-data-fail.xml": [UNREADABLE],
    "isa-edl-40p-sign-fail.xml": [BROKEN_KEY],
    "mennekes-ok.metra.xml": ["0.0"],
    "derived-mennekes-end-value-plus1000.xml": [MISMATCH],
    "alfen-begin-ok.xml": ["unverifiable signed_end_is_missing"],
    "alfen-end-badsig.xml": [MISMATCH],
    "valid.pcdf": ["3276"],
    "DataInvalid.pcdf": [MISMATCH],
    "BVinvalid.pcdf": ["failed meter_says_that_it_is_not_to_be_billed"],
    "test_input_invalid_xml.xml": [],
    "derived-ocmf-swapped-contexts.xml": ["failed context_of_the_message_contradicts_the_record"],
    "derived-ocmf-begin-and-end-of-different-meters.xml": ["failed signed_by_another_meter"],
    "derived-ocmf-same-record-in-two-transactions.xml": ["0.1", "failed signed_record_was_used_by_another_session"],
    "derived-unknown-format.xml": [UNKNOWN],
}


def checked(file: str) -> FileChecked:
    return check_file((FOLDER / file).read_bytes(), ())


@pytest.mark.parametrize("file", RECORDS)
def test_each_record_of_a_sample_has_its_verdict(file: str) -> None:
    found = checked(file)
    told = [f"{record.verdict} {record.reason or ''}".strip() for record in found.records]
    assert (told or [f"unverifiable {found.reason}"]) == RECORDS[file]


@pytest.mark.parametrize("file", TRANSACTIONS)
def test_each_transaction_of_a_sample_is_billed_or_told_why_not(file: str) -> None:
    told = [
        str(each.energy_wh) if each.billing is Verdict.VERIFIED else f"{each.billing} {each.reason}"
        for each in checked(file).transactions
    ]
    assert told == TRANSACTIONS[file]


def test_no_sample_is_left_out() -> None:
    there = {path.name for path in FOLDER.iterdir()} - {".gitattributes", "README.md", "LICENSE", "values.xsd"}
    assert there == set(RECORDS) == set(TRANSACTIONS)
