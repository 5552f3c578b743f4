"""One bit changed, anywhere in what a meter signed, in its signature or in its key: never verified, on every sample that is.

In the bytes themselves every bit is tried. In the text as it was carried a bit may fall on what nobody signed (a blank, the
case of a letter in hex, a name that is shown beside a value): then the record may be verified, and tells what it told before.
"""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.signed.carriage import records_in
from streams.signed.check import judged
from streams.signed.ecdsa import PublicKey, key_of_der
from streams.signed.record import CannotJudge, Format, SignedRecord
from tests.streams.signed.chargeit_meter import BSM, EMH, bsm, container, emh
from tests.streams.signed.samples import FOLDER, Sample, checked, files, samples, verified
from vocabulary.signatures import Verdict

# No sample of chargeIT's JSON has a free licence.
MADE = [Sample("made", json.dumps(container(bsm())), ""), Sample("made", json.dumps(container(emh(), emh(page=26))), "")]
VERIFIED = list({record.signed: (file, record, key) for file, record, key in verified()}.values())
VERIFIED += [("made", *pair) for pair in zip(records_in(MADE[0].text), [BSM.key], strict=True)]
VERIFIED += [("made", record, EMH.key) for record in records_in(MADE[1].text)]
CARRIED = [*{sample.text: sample for file in files() for sample in samples(file) if sample.text}.values(), *MADE]


def flips(data: bytes) -> Iterator[bytes]:
    for bit in range(8 * len(data)):
        yield flipped(data, bit)


def flipped(data: bytes, bit: int) -> bytes:
    place = bit // 8
    return data[:place] + bytes([data[place] ^ (1 << bit % 8)]) + data[place + 1 :]


def is_verified(record: SignedRecord, key: PublicKey) -> bool:
    return judged(record, [key]).verdict is Verdict.VERIFIED


def _name(case: object) -> str:
    return f"{case[0]}-{case[1].format}" if isinstance(case, tuple) else ""


def test_samples_of_every_format_that_has_some_are_verified() -> None:
    assert {record.format for _, record, _ in VERIFIED} == set(Format)
    assert FOLDER.is_dir() and len(VERIFIED) >= 18


@pytest.mark.parametrize("case", VERIFIED, ids=_name)
def test_no_bit_of_what_was_signed_can_change(case: tuple[str, SignedRecord, PublicKey]) -> None:
    _, record, key = case
    assert is_verified(record, key)
    assert not any(is_verified(record._replace(signed=other), key) for other in flips(record.signed))


@pytest.mark.parametrize("case", VERIFIED, ids=_name)
def test_no_bit_of_a_signature_can_change(case: tuple[str, SignedRecord, PublicKey]) -> None:
    _, record, key = case
    others = (record._replace(signature=record.signature._replace(value=other)) for other in flips(record.signature.value))
    assert not any(is_verified(other, key) for other in others)


@pytest.mark.parametrize("case", VERIFIED, ids=_name)
def test_no_bit_of_a_key_can_change(case: tuple[str, SignedRecord, PublicKey]) -> None:
    _, record, key = case
    assert not any(is_verified(record, other) for other in _keys(key.der))


def _keys(der: bytes) -> Iterator[PublicKey]:
    for other in flips(der):
        try:
            yield key_of_der(other)
        except ValueError:
            continue


def test_a_key_with_a_hybrid_point_is_none() -> None:
    """X9.62 knows a third writing of a point, 06 or 07 before X and Y, which would be a second one of the same key."""
    der, point = BSM.der, len(BSM.der) - 65
    for head in (b"\x06", b"\x07"):
        with pytest.raises(ValueError, match="not a public key"):
            key_of_der(der[:point] + head + der[point + 1 :])


@settings(max_examples=1500, deadline=None)
@given(st.data())
def test_no_bit_of_what_was_carried_changes_what_is_verified(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(CARRIED))
    carried = sample.text.encode(errors="surrogateescape")
    other = flipped(carried, data.draw(st.integers(0, 8 * len(carried) - 1))).decode(errors="surrogateescape")
    honest = [_told(record) for record in _verified_in(sample, sample.text)]
    assert all(_told(record) in honest for record in _verified_in(sample, other))


def _verified_in(sample: Sample, text: str) -> list[SignedRecord]:
    try:
        return [record for record in records_in(text) if checked(record, sample.key).verdict is Verdict.VERIFIED]
    except CannotJudge:
        return []


def _told(record: SignedRecord) -> tuple[object, ...]:
    energies = tuple((one.wh, one.register) for one in record.readings)
    return record.format, record.signed, energies, record.meter, record.pagination, record.identification, record.loss
