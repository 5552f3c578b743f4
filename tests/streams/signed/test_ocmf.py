"""OCMF as meters write it, and as it is written to break its readers."""

from typing import Any

import pytest

from streams.signed.carriage import records_in
from streams.signed.ocmf import read
from streams.signed.record import CannotJudge, SignedReading, SignedRecord
from tests.streams.ocmf_meter import OcmfMeter
from tests.streams.signed.samples import verdicts
from vocabulary.signatures import SignatureReason

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
