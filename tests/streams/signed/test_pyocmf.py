"""A second opinion on OCMF: pyocmf, which shares nothing with the reader here but the library that computes ECDSA.

Both are asked about every record; where they differ, the difference stands in a table, with its reason. A difference that is no
longer there fails as well as a new one.
"""

import json
import re
import warnings
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from pyocmf import OCMF, PyOCMFError, Reading

from streams.signed.carriage import records_in
from streams.signed.record import SignedReading
from tests.streams.ocmf_meter import OcmfMeter, begin, end, reading
from tests.streams.signed.samples import Sample, files, samples, verdict
from tests.streams.signed.signer import Signer
from vocabulary.signatures import MeterClock, Nature

METER = OcmfMeter()
CURVES: dict[str, ec.EllipticCurve] = {
    "secp192r1": ec.SECP192R1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "secp256k1": ec.SECP256K1(),
    "brainpool256r1": ec.BrainpoolP256R1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpool384r1": ec.BrainpoolP384R1(),
}
_OF_CURVE = {name: OcmfMeter(curve) for name, curve in CURVES.items()}


def ours(sample: Sample) -> str:
    """In three words."""
    return verdict(sample).partition(":")[0]


def theirs(sample: Sample) -> str:
    """False is `failed`; whatever it raises, `unverifiable`."""
    try:
        return "verified" if _parsed(sample.text).verify_signature("".join(sample.key.split()) or None) else "failed"
    except PyOCMFError:
        return "unverifiable"


def _parsed(text: str) -> OCMF:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return OCMF.from_string(text)


OCMF_SAMPLES = [sample for file in files() for sample in samples(file) if "OCMF|" in sample.text]
DIFFERENCES = {  # file and place of the record in it: what each says
    # A key of another curve than the record says signed nothing of it: failed. pyocmf says that it cannot check.
    ("second_key_fail_ocmf.xml", 1): ("failed", "unverifiable"),
    # Keys of X and Y alone and signatures of r and s alone: pyocmf reads DER only, and finds no key.
    ("OCMF-receipt-with_publickey_and_data.xml", 0): ("verified", "unverifiable"),
}


def _place(sample: Sample) -> tuple[str, int]:
    return sample.file, [other for other in OCMF_SAMPLES if other.file == sample.file].index(sample)


@pytest.mark.parametrize("sample", OCMF_SAMPLES, ids=lambda sample: f"{sample.file}-{sample.text[-20:-10]}")
def test_both_say_the_same_of_a_sample_or_the_difference_is_known(sample: Sample) -> None:
    said = ours(sample), theirs(sample)
    assert said == DIFFERENCES.get(_place(sample), (said[0], said[0]))


@pytest.mark.parametrize("sample", OCMF_SAMPLES, ids=lambda sample: f"{sample.file}-{sample.text[-20:-10]}")
def test_both_read_the_same_in_a_sample(sample: Sample) -> None:
    (record,) = records_in(sample.text)
    assert [_told(one) for one in record.readings] == [_told_by_pyocmf(one) for one in _parsed(sample.text).payload.RD]


def _told(one: SignedReading) -> tuple[object, ...]:
    return one.nature, one.wh, one.register, one.at, one.clock


def _told_by_pyocmf(one: Reading) -> tuple[object, ...]:
    factor = {"kWh": 1000, "Wh": 1}.get(str(one.RU))
    natures = {"B": Nature.BEGIN, "C": Nature.INTERMEDIATE, "X": Nature.EXCEPTION, "E": Nature.END}
    clocks = {"S": MeterClock.SYNCHRONISED, "R": MeterClock.RELATIVE, "I": MeterClock.INFORMATIVE, "U": MeterClock.UNKNOWN}
    assert one.TX is not None
    wh = one.RV * factor if factor and one.RV is not None else None
    return natures[one.TX.value], wh, str(one.RI), one.timestamp, clocks[str(one.time_status)]


def _generated() -> dict[str, tuple[str, str, str, str]]:
    """By what is odd in it: a record, its key, what we say of it, what pyocmf says."""
    payload = METER.payload([begin(), end()])
    honest, key = METER.sign(payload), METER.public_key
    made = {
        "as it should be": (honest, key, "verified", "verified"),
        "signature in base64": (METER.sign(payload, SE="base64"), key, "verified", "verified"),
        "payload changed": (honest.replace('"RV":8.5', '"RV":8.6'), key, "failed", "failed"),
        "key of another meter": (honest, OcmfMeter().public_key, "failed", "failed"),
        "key in a fourth section": (f"{honest}|{key}", "", "verified", "verified"),
        "no key": (honest, "", "unverifiable", "unverifiable"),
        "the whole in hex": (honest.encode().hex(), key, "verified", "verified"),
        "no such algorithm": (METER.sign(payload, SA="ECDSA-secp999r1-SHA256"), key, "unverifiable", "unverifiable"),
        # What a reader of JSON does with a key that stands twice is anyone's guess: such a record says two things.
        "a key twice": (METER.sign(payload[:-1] + ',"MS":"other"}'), key, "unverifiable", "verified"),
        "readings twice": (METER.sign(payload[:-1] + ',"RD":[]}'), key, "unverifiable", "verified"),
        # No JSON. Python's reader takes it all the same.
        "NaN in it": (METER.sign(payload[:-1] + ',"U":NaN}'), key, "unverifiable", "verified"),
        # There is no OCMF 2 whose fields could be known here.
        "version 2": (METER.record(begin(), end(), FV="2.0"), key, "unverifiable", "verified"),
        # Names of curves that meters use, and that are in no table of the format.
        "name of ANSI": (METER.sign(payload, SA="ECDSA-prime256v1-SHA256"), key, "verified", "unverifiable"),
        "name in capitals": (METER.sign(payload, SA="ECDSA-SECP256R1-SHA256"), key, "verified", "unverifiable"),
        # r and s side by side, as Isabellenhütte writes them.
        "bare signature": (METER.sign(payload, bare=True), key, "verified", "failed"),
        # It cannot be a signature of this data under this key: failed, and not what cannot be decided.
        "signature that is no hex": (METER.sign(payload, SD="zz"), key, "failed", "unverifiable"),
        "key of another curve": (honest, OcmfMeter(ec.SECP384R1()).public_key, "failed", "unverifiable"),
        "a value that is none": (METER.record(begin("what")), key, "unverifiable", "unverifiable"),
        # A meter that says SHA-512 is not in the format's table; pyocmf lists it, and checks it.
        "signed with SHA-512": (_with_sha512(payload), _SHA512.der.hex(), "unverifiable", "verified"),
    }
    for name, meter in _OF_CURVE.items():
        # pyocmf names the curve of a key brainpoolP256r1, and finds that another one than the format's brainpool256r1.
        differs = name in ("brainpool256r1", "brainpool384r1")
        text = meter.sign(meter.payload([begin(), end()]), SA=f"ECDSA-{name}-SHA256")
        made[f"curve {name}"] = (text, meter.public_key, "verified", "unverifiable" if differs else "verified")
        changed = text.replace('"RV":8.5', '"RV":8.6')
        made[f"curve {name}, changed"] = (changed, meter.public_key, "failed", "unverifiable" if differs else "failed")
    return made


def _with_sha512(payload: str) -> str:
    signature = _SHA512.private.sign(payload.encode(), ec.ECDSA(hashes.SHA512()))
    section = {"SA": "ECDSA-secp256r1-SHA512", "SD": signature.hex()}
    return f"OCMF|{payload}|{json.dumps(section)}"


_SHA512 = Signer(ec.SECP256R1())
GENERATED = _generated()


@pytest.mark.parametrize("odd", GENERATED)
def test_both_say_of_a_generated_record_what_the_table_says(odd: str) -> None:
    text, key, here, there = GENERATED[odd]
    sample = Sample("", text, key)
    assert (ours(sample), theirs(sample)) == (here, there)


NAMED_ALIKE = [name for name in CURVES if GENERATED[f"curve {name}"][3] == "verified"]
VALUES = st.decimals(min_value=0, max_value=10**9, places=4).map(str)
TIMES = st.datetimes().map(
    lambda at: at.strftime("%Y-%m-%dT%H:%M:%S,000+0100 ") if at.year > 1000 else "2026-01-01T00:00:00,000+0000 "
)
READINGS = st.builds(
    lambda kind, value, time, clock, more: reading(kind, value, TM=time + clock, **more),
    st.sampled_from("BCXE"),
    VALUES,
    TIMES,
    st.sampled_from("SRIU"),
    st.dictionaries(st.sampled_from(["RU"]), st.sampled_from(["Wh", "kWh"])),
)


@settings(max_examples=150)
@given(st.lists(READINGS, min_size=1, max_size=5), st.sampled_from(NAMED_ALIKE), st.data())
def test_both_agree_on_honest_and_on_changed_records(readings: list[dict[str, Any]], name: str, data: st.DataObject) -> None:
    meter = _OF_CURVE[name]
    text = meter.sign(meter.payload(readings), SA=f"ECDSA-{name}-SHA256")
    sample = Sample("", text, meter.public_key)
    assert ours(sample) == theirs(sample) == "verified"
    (record,) = records_in(text)
    assert [_told(one) for one in record.readings] == [_told_by_pyocmf(one) for one in _parsed(text).payload.RD]
    digits = [found.start() for found in re.finditer(r"[0-9]", text[: text.index("|{", 6)])]
    at = data.draw(st.sampled_from(digits))
    changed = text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]
    said = ours(Sample("", changed, meter.public_key)), theirs(Sample("", changed, meter.public_key))
    assert "verified" not in said
