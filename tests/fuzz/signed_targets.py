"""What the fuzzer calls for signed meter values: each takes any bytes and fails only where `streams.signed` breaks a promise.

text        any text gives records, or cannot be judged for a named reason that repeats nothing of it; the same each time
readers     any bytes are of a format, or of another, or broken: each reader says which and raises nothing else
judged      any record has a verdict under any key, and is verified only where the bare signature is
key         any text is a key, or none
container   any file holds values, each of which is a text as above, or cannot be read for a named reason
"""

from contextlib import suppress

from streams.signed import alfen, chargeit, edl_isa, edl_mennekes, edl_sml, edl_xml, ocmf, pcdf
from streams.signed.carriage import unpacked_anew
from streams.signed.check import claim_of, claimed_key, digest_of, judged
from streams.signed.container import values_in
from streams.signed.ecdsa import Curve, PublicKey, key_of_point
from streams.signed.keys import read_key
from streams.signed.record import MAX_BYTES, CannotJudge, SignedRecord
from vocabulary.codec import encode
from vocabulary.signatures import RecordChecked, SignedPoint, Verdict

READERS = (ocmf.read, edl_isa.read, edl_sml.read, edl_xml.read, edl_mennekes.read, alfen.read, pcdf.read, chargeit.read)
DETAIL_MAX = 200
_GENERATOR = {  # a point of each of two curves that nobody has the private key of, for all that is known
    Curve.SECP256R1: "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    Curve.SECP192R1: "03188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012",
}
KEYS: tuple[PublicKey, ...] = tuple(key_of_point(bytes.fromhex(point), curve) for curve, point in _GENERATOR.items())


def signed(body: bytes) -> None:
    """All of them."""
    text = body.decode(errors="surrogateescape")
    _text(text)
    _readers(body)
    _key(text)
    _container(body)


def _text(text: str) -> None:
    try:
        records = unpacked_anew(text)[1]
    except CannotJudge as problem:
        _is_told(problem)
        return
    assert records and records == unpacked_anew(text)[1], "two readings of one text differ"
    for record in records:
        _judge(record)


def _judge(record: SignedRecord) -> None:
    for reading in record.readings:
        assert reading.wh is None or (reading.wh.is_finite() and abs(reading.wh.adjusted()) < 40), "a number that is none"
        assert reading.at is None or reading.at.utcoffset() is not None
    told = judged(record, KEYS)
    assert told.verdict is not Verdict.VERIFIED, "verified by a key that signed nothing"
    assert len(told.detail) <= DETAIL_MAX
    with suppress(CannotJudge):
        claimed = claimed_key(record, "")
        claim_of(claimed, KEYS)
        judged(record, [claimed] if claimed else [])
    points = (SignedPoint(nature=one.nature, wh=one.wh, register=one.register) for one in record.readings if one.wh is not None)
    checked = RecordChecked(digest=digest_of(record), verdict=told.verdict, reason=told.reason, points=tuple(points))
    assert encode(checked)


def _readers(body: bytes) -> None:
    for read in READERS:
        try:
            found = read(body)
        except CannotJudge as problem:
            _is_told(problem)
            continue
        assert found is None or (found and len(body) <= MAX_BYTES), "a record without end, or none"


def _is_told(problem: CannotJudge) -> None:
    assert problem.reason and len(problem.detail) <= DETAIL_MAX


def _key(text: str) -> None:
    for curves in ((), (Curve.SECP256R1,)):
        with suppress(ValueError):
            key = read_key.__wrapped__(text, curves)
            assert read_key.__wrapped__(key.der.hex()) == key, "a key is another one in its own writing"


def _container(body: bytes) -> None:
    try:
        values = values_in(body)
    except CannotJudge as problem:
        _is_told(problem)
        return
    for value in values[:20]:
        if value.problem is None:
            with suppress(CannotJudge):
                unpacked_anew(value.text)
