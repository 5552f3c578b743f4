"""The verdict on a session's signed values, and what it means for its bill.

Every record is checked against the keys that were registered for the EVSE while the session went on; then the gate says whether
they make a pair that may be billed. What a key in a message claims is told beside it and decides nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from msgspec import structs

from streams.signed import check
from streams.signed.carriage import records_in
from streams.signed.check import Judged, claim_of, claimed_key, digest_of
from streams.signed.ecdsa import PublicKey
from streams.signed.gate import Beside, Billed, Evidence, Pair, gate, worst_of
from streams.signed.keys import read_key
from streams.signed.record import CannotJudge, SignedReading, SignedRecord
from vocabulary.charging import SignedValue
from vocabulary.reference import Evse, MeterKey
from vocabulary.sessions import ChargingSession, Finding, doubts_of
from vocabulary.signatures import (
    KeyClaim,
    MeterClock,
    Nature,
    RecordChecked,
    SignatureChecked,
    SignatureReason,
    SignedPoint,
    Verdict,
)

_POINTS_MAX = 50  # of each kind that is kept of a record
_DETAIL_MAX = 200  # characters


class Keys(NamedTuple):
    """The keys of an EVSE: those in force throughout a session, and the others, which explain why a record fails."""

    trusted: tuple[tuple[PublicKey, MeterKey], ...]
    others: tuple[PublicKey, ...] = ()

    @property
    def public(self) -> list[PublicKey]:
        return [public for public, _ in self.trusted]

    def registered(self, key: PublicKey | None) -> list[MeterKey]:
        return [meter_key for public, meter_key in self.trusted if public == key]


def keys_of(evse: Evse, start: datetime, end: datetime) -> Keys:
    read = [(read_key(key.public_key), key) for key in evse.meter_keys]
    trusted = tuple(pair for pair in read if _is_in_force(pair[1], start, end))
    return Keys(trusted, tuple(public for public, key in read if not _is_in_force(key, start, end)))


def _is_in_force(key: MeterKey, start: datetime, end: datetime) -> bool:
    return (key.valid_from is None or key.valid_from <= start) and (key.valid_until is None or end < key.valid_until)


class Found(NamedTuple):
    """What came of one signed value: a record, or why there is none."""

    told: RecordChecked
    evidence: Evidence | None


def check_session(session: ChargingSession, evse: Evse, names: Sequence[str] = ()) -> SignatureChecked:
    """The verdict on a closed session's signed values. `names`: by which its holder is known, beside the token."""
    if not session.signed:
        unsigned = Verdict.UNSIGNED, SignatureReason.UNSIGNED
        return SignatureChecked(
            session=session.id, verdict=unsigned[0], reason=unsigned[1], billing=unsigned[0], billing_reason=unsigned[1]
        )
    keys = keys_of(evse, session.start, session.end)
    found = [each for place, value in enumerate(session.signed) for each in found_in(value, place, keys, evse)]
    return _told(session, found, bool(keys.trusted), billing(found, beside(session, keys, names)))


def beside(session: ChargingSession, keys: Keys, names: Sequence[str]) -> Beside:
    reused = next((d.detail for d in doubts_of(session) if d.finding is Finding.SIGNED_RECORD_REUSED), "")
    registers = frozenset(name for _, key in keys.trusted for name in key.registers)
    known = () if session.token is None else (session.token, *names)
    return Beside(known, session.start, session.end, registers, reused)


def found_in(value: SignedValue, place: int, keys: Keys, evse: Evse) -> Iterator[Found]:
    """The records of one signed value, each with its verdict; one that says why, where none can be read."""
    try:
        records = records_in(value.data)
    except CannotJudge as problem:
        digest = sha256(value.data.encode(errors="surrogatepass")).hexdigest()
        verdict = Verdict.UNVERIFIABLE
        told = RecordChecked(value=place, digest=digest, verdict=verdict, reason=problem.reason, detail=problem.detail)
        yield Found(told, None)
        return
    for record in records:
        claimed, claim = _claim(record, value.public_key, keys)
        judged = _judged(record, keys, claimed, claim, evse)
        yield Found(told_of(record, judged, place, claim, claimed), Evidence(record, judged, value.context))


def _claim(record: SignedRecord, beside: str, keys: Keys) -> tuple[PublicKey | None, KeyClaim]:
    try:
        claimed = claimed_key(record, beside)
    except CannotJudge:
        return None, KeyClaim.UNREADABLE
    return claimed, claim_of(claimed, keys.public)


def _judged(record: SignedRecord, keys: Keys, claimed: PublicKey | None, claim: KeyClaim, evse: Evse) -> Judged:
    """By the registered keys. Where none of them signed it, why: another key of the meter, or the one that it brings along."""
    judged = check.judged(record, keys.public)
    if judged.reason is SignatureReason.KEY_NOT_REGISTERED:
        return _without_a_key(record, keys, claim, evse)
    if judged.verdict is Verdict.VERIFIED:
        return _of_its_meter(record, judged, keys)
    if judged.reason in (SignatureReason.SIGNATURE_MISMATCH, SignatureReason.KEY_CURVE_MISMATCH):
        if check.judged(record, keys.others).verdict is Verdict.VERIFIED:
            return judged._replace(reason=SignatureReason.KEY_OUT_OF_INTERVAL)
        if claimed is not None and check.judged(record, [claimed]).verdict is Verdict.VERIFIED:
            return judged._replace(reason=SignatureReason.KEY_CONFLICT, detail=f"key {claimed.fingerprint[:16]}")
    return judged


def _without_a_key(record: SignedRecord, keys: Keys, claim: KeyClaim, evse: Evse) -> Judged:
    if keys.others and check.judged(record, keys.others).verdict is Verdict.VERIFIED:
        return Judged(Verdict.FAILED, SignatureReason.KEY_OUT_OF_INTERVAL, "no key of the EVSE is in force")
    if claim is KeyClaim.UNREADABLE:
        return Judged(Verdict.UNVERIFIABLE, SignatureReason.KEY_UNREADABLE, "and none is registered")
    return Judged(Verdict.UNVERIFIABLE, SignatureReason.KEY_NOT_REGISTERED, f"{evse.evse_id}, meter {record.meter[:60]}")


def _of_its_meter(record: SignedRecord, judged: Judged, keys: Keys) -> Judged:
    """A key may be registered for one meter; it must be that one's serial number that was signed."""
    serials = {key.meter for key in keys.registered(judged.key)}
    if "" in serials or record.meter in serials:
        return judged
    detail = f"key of meter {min(serials)}, record of {record.meter[:60]}"
    return judged._replace(verdict=Verdict.FAILED, reason=SignatureReason.METER_NOT_AT_EVSE, detail=detail)


def told_of(
    record: SignedRecord, judged: Judged, place: int = 0, claim: KeyClaim = KeyClaim.NONE, claimed: PublicKey | None = None
) -> RecordChecked:
    """What is kept of a record for good. Its readings are in its text; here are the first 50 begins and ends of energy and the
    first 50 others, in their order. Those beyond, and all that are of no energy, are left out: no meter that is known signs
    as many in one record, and a verdict with thousands of them would take megabytes of the log.
    """
    return RecordChecked(
        value=place,
        digest=digest_of(record),
        verdict=judged.verdict,
        reason=judged.reason,
        detail=judged.detail,
        format=record.format,
        version=record.version,
        algorithm=record.algorithm[:60],
        meter=record.meter[:60],
        page="" if record.pagination is None else f"{'F' if record.is_fiscal else 'T'}{record.pagination}",
        key_fingerprint=judged.key.fingerprint if judged.key else "",
        claim=claim,
        claimed_fingerprint=claimed.fingerprint if claimed and claim is KeyClaim.OTHER else "",
        points=tuple(_point(reading) for reading in _told_readings(record)),
    )


def _told_readings(record: SignedRecord) -> Iterator[SignedReading]:
    left = {True: _POINTS_MAX, False: _POINTS_MAX}
    for reading in record.readings:
        is_end = reading.nature in (Nature.BEGIN, Nature.END)
        if reading.wh is not None and left[is_end]:
            left[is_end] -= 1
            yield reading


def _point(reading: SignedReading, nature: Nature | None = None) -> SignedPoint:
    assert reading.wh is not None
    nature = nature or reading.nature
    return SignedPoint(nature=nature, wh=reading.wh, register=reading.register[:40], at=reading.at, clock=reading.clock)


def billing(found: Iterable[Found], beside: Beside) -> Billed:
    """The gate's word; what no record could be read of is told first, unless a record failed."""
    each = list(found)
    missing = [Judged(f.told.verdict, f.told.reason, f.told.detail) for f in each if f.evidence is None]
    if missing:
        worst = worst_of([*missing, *(f.evidence.judged for f in each if f.evidence and not _is_verified(f.evidence))])
        return Billed(worst.verdict, worst.reason, worst.detail)
    return gate([f.evidence for f in each if f.evidence is not None], beside)


def _is_verified(evidence: Evidence) -> bool:
    return evidence.judged.verdict is Verdict.VERIFIED


def _told(session: ChargingSession, found: list[Found], keys_known: bool, billed: Billed) -> SignatureChecked:
    problems = [Judged(f.told.verdict, f.told.reason, f.told.detail) for f in found if f.told.verdict is not Verdict.VERIFIED]
    worst = worst_of(problems) if problems else Judged(Verdict.VERIFIED, SignatureReason.VERIFIED)
    record = next((f.told for f in found if f.evidence), None)
    checked = SignatureChecked(
        session=session.id,
        verdict=worst.verdict,
        reason=worst.reason,
        detail=worst.detail,
        format=" ".join(filter(None, (record.format, record.version))) if record else "",
        algorithm=record.algorithm if record else "",
        meter=record.meter if record else "",
        key_fingerprint=record.key_fingerprint if record else "",
        billing=billed.verdict,
        billing_reason=billed.reason,
        billing_detail=billed.detail[:_DETAIL_MAX],
        claims_other_key=keys_known and any(f.told.claim is KeyClaim.OTHER for f in found),
        records=tuple(f.told for f in found),
    )
    return checked if billed.pair is None else _with_pair(checked, billed.pair)


def _with_pair(checked: SignatureChecked, pair: Pair) -> SignatureChecked:
    begin, end, record = pair.begin.reading, pair.end.reading, pair.end.evidence.record
    return structs.replace(
        checked,
        meter=record.meter[:60],
        begin_wh=begin.wh,
        end_wh=end.wh,
        register=end.register[:40],
        begin_at=begin.at,
        end_at=end.at,
        begin_clock=_clock(begin),
        end_clock=_clock(end),
        between=tuple(_between(pair)),
        loss=record.loss[:80],
        place=(record.place or pair.begin.evidence.record.place)[:60],
    )


def _clock(reading: SignedReading) -> MeterClock:
    return reading.clock if reading.is_time_usable else MeterClock.UNKNOWN


def _between(pair: Pair) -> list[SignedPoint]:
    """One of each instant, the last one signed: of those that the meter calls good, and numbered between begin and end."""
    first, last = (place.evidence.record.pagination for place in (pair.begin, pair.end))
    timed = {
        place.reading.at: _point(place.reading, place.nature)
        for place in pair.between
        if place.reading.at is not None
        and place.reading.problem is None
        and _clock(place.reading) is MeterClock.SYNCHRONISED
        and _is_between(first, place.evidence.record.pagination, last)
    }
    return [point for _, point in sorted(timed.items(), key=lambda each: each[0])]


def _is_between(first: int | None, page: int | None, last: int | None) -> bool:
    """A record with several readings has one number for all."""
    return first is None or page is None or last is None or first <= page <= last


# What it means for the bill


def hold(checked: SignatureChecked, evse: Evse) -> tuple[Finding, str] | None:
    """Why the amount must be held back, if it must; never where signatures are ignored.

    What failed always holds. What cannot be checked holds where a key of the meter is registered: else a tampered record would
    only have to be made unreadable. What is not signed at all holds where signatures are required.
    """
    if evse.signatures == "ignored" or checked.billing is Verdict.VERIFIED:
        return None
    assert checked.billing_reason is not None
    told = ": ".join(filter(None, (checked.billing_reason, checked.billing_detail)))
    if checked.billing is Verdict.FAILED:
        return Finding.SIGNATURE_FAILED, told
    doubtful = checked.billing is Verdict.UNVERIFIABLE and evse.meter_keys  # it can be signed, and is not as it should be
    return (Finding.SIGNATURE_UNVERIFIABLE, told) if doubtful or evse.signatures == "required" else None
