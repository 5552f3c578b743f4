"""The verdict on a file of signed values by itself: each record, and each transaction in it as the billing gate sees it.

A key that is trusted is one that was given, or registered. A key in the file is a claim: what it verifies fits itself. Who
signed it is not said by that.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from msgspec import Struct

from streams.registers import EXACT
from streams.signed.carriage import records_in
from streams.signed.check import Judged, claimed_key, digest_of, judged
from streams.signed.container import Carried, values_in
from streams.signed.ecdsa import PublicKey
from streams.signed.gate import Beside, Billed, Evidence, gate, worst_of
from streams.signed.record import CannotJudge, SignedReading, SignedRecord
from vocabulary.quantities import WattHours
from vocabulary.signatures import MeterClock, Nature, SignatureReason, SignedPoint, Verdict


class KeyFrom(StrEnum):
    """Where the key comes from that a record was checked with."""

    NOWHERE = ""
    GIVEN = "given"
    REGISTERED = "registered"
    FILE = "file"


class Known(NamedTuple):
    """A key that is trusted. `where`: the EVSE that it is registered for, "" where it was given; `meter`: "": any."""

    key: PublicKey
    where: str = ""
    meter: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    registers: tuple[str, ...] = ()  # that count as a session's energy on this meter beside the usual ones

    def is_valid(self, record: SignedRecord) -> bool:
        """At every time that the record tells, as far as its meter has a clock."""
        times = [r.at for r in record.readings if r.at is not None and r.clock is not MeterClock.UNKNOWN]
        begins, ends = self.valid_from, self.valid_until
        return all((begins is None or begins <= at) and (ends is None or at < ends) for at in times)


class FileRecord(Struct, frozen=True, kw_only=True):
    """A record of the file. `reason` None: verified. `key`: that of the file where nothing better verifies it."""

    transaction: str
    context: str
    digest: str
    verdict: Verdict
    reason: SignatureReason | None = None
    detail: str = ""
    format: str = ""
    version: str = ""
    algorithm: str = ""
    meter: str = ""
    key: KeyFrom = KeyFrom.NOWHERE
    key_fingerprint: str = ""
    registered_for: str = ""
    points: tuple[SignedPoint, ...] = ()


class FileTransaction(Struct, frozen=True, kw_only=True):
    """A transaction of the file, by the checks of the billing gate; token, time and other sessions are not known here."""

    transaction: str
    billing: Verdict
    reason: SignatureReason | None = None
    detail: str = ""
    begin: SignedPoint | None = None
    end: SignedPoint | None = None
    energy_wh: WattHours | None = None


class FileChecked(Struct, frozen=True, kw_only=True):
    """`reason`: why no value can be found in the file; None: there are some."""

    records: tuple[FileRecord, ...] = ()
    transactions: tuple[FileTransaction, ...] = ()
    reason: SignatureReason | None = None
    detail: str = ""

    @property
    def verdict(self) -> Verdict:
        """Verified where every record is; failed where one failed."""
        found = {record.verdict for record in self.records}
        if Verdict.FAILED in found:
            return Verdict.FAILED
        return Verdict.VERIFIED if found == {Verdict.VERIFIED} else Verdict.UNVERIFIABLE


class _Found(NamedTuple):
    told: FileRecord
    evidence: Evidence | None


def check_file(data: bytes, known: Sequence[Known], *, only_known: bool = False) -> FileChecked:
    """`only_known`: a record that is signed by none of these keys has failed, whatever the file says of keys."""
    try:
        values = values_in(data)
    except CannotJudge as problem:
        return FileChecked(reason=problem.reason, detail=problem.detail)
    found = [each for value in values for each in _checked(value, known, only_known)]
    return FileChecked(records=tuple(each.told for each in found), transactions=tuple(_transactions(found, known)))


# Records


def _checked(value: Carried, known: Sequence[Known], only_known: bool) -> Iterator[_Found]:
    try:
        if value.problem is not None:
            raise value.problem
        records = records_in(value.text)
    except CannotJudge as problem:
        digest = sha256(value.text.encode(errors="surrogatepass")).hexdigest()
        told = Judged(Verdict.UNVERIFIABLE, problem.reason, problem.detail)
        yield _Found(_told(value, digest, told), None)
        return
    for record in records:
        judgement, key, where = _judged(record, value.key, known, only_known)
        yield _Found(_of_record(value, record, judgement, key, where), Evidence(record, judgement, value.context))


def _judged(record: SignedRecord, beside: str, known: Sequence[Known], only_known: bool) -> tuple[Judged, KeyFrom, str]:
    """By the known keys, else by the key in the file; with where the key comes from.

    A meter whose key is registered signs with no other, whatever the file says.
    """
    by_known = judged(record, [each.key for each in known])
    if by_known.verdict is Verdict.VERIFIED:
        return _by_its_interval(record, by_known, [each for each in known if each.key == by_known.key])
    try:
        by_claim = _by_claim(record, beside)
    except CannotJudge as problem:
        by_claim = Judged(Verdict.UNVERIFIABLE, problem.reason, problem.detail)
    of_meter = known if only_known else [each for each in known if each.meter and each.meter == record.meter]
    if not of_meter:
        return by_claim, KeyFrom.FILE if by_claim.key else KeyFrom.NOWHERE, ""
    by_known = judged(record, [each.key for each in of_meter])
    if by_claim.verdict is Verdict.VERIFIED and by_known.verdict is Verdict.FAILED:
        by_known = by_known._replace(reason=SignatureReason.KEY_CONFLICT, detail="the key in the file fits")
    return by_known, *_source(by_known, of_meter)


def _source(judgement: Judged, known: Sequence[Known]) -> tuple[KeyFrom, str]:
    where = ", ".join(dict.fromkeys(each.where for each in known if each.where and each.key == judgement.key))
    if judgement.key is None:
        return KeyFrom.NOWHERE, ""
    return (KeyFrom.REGISTERED if where else KeyFrom.GIVEN), where


def _by_its_interval(record: SignedRecord, by_known: Judged, signers: Sequence[Known]) -> tuple[Judged, KeyFrom, str]:
    key, where = _source(by_known, signers)
    if any(each.is_valid(record) for each in signers):
        return by_known, key, where
    out = SignatureReason.KEY_OUT_OF_INTERVAL
    return by_known._replace(verdict=Verdict.FAILED, reason=out, detail=f"registered for {where}"), key, where


def _by_claim(record: SignedRecord, beside: str) -> Judged:
    key = claimed_key(record, beside)
    found = judged(record, [key] if key else [])
    details = {
        SignatureReason.KEY_NOT_REGISTERED: "the file names no key",
        SignatureReason.SIGNATURE_MISMATCH: "by the key in the file",
    }
    return found._replace(detail=details.get(found.reason, found.detail))


def _of_record(value: Carried, record: SignedRecord, judgement: Judged, key: KeyFrom, where: str) -> FileRecord:
    points = tuple(_point(reading, reading.nature) for reading in record.readings if reading.wh is not None)
    return _told(value, digest_of(record), judgement, record, key, where, points)


def _told(
    value: Carried,
    digest: str,
    judgement: Judged,
    record: SignedRecord | None = None,
    key: KeyFrom = KeyFrom.NOWHERE,
    where: str = "",
    points: tuple[SignedPoint, ...] = (),
) -> FileRecord:
    return FileRecord(
        transaction=_transaction(value, record),
        context=value.context,
        digest=digest,
        verdict=judgement.verdict,
        reason=None if judgement.verdict is Verdict.VERIFIED else judgement.reason,
        detail=judgement.detail,
        format=record.format if record else "",
        version=record.version if record else "",
        algorithm=record.algorithm[:60] if record else "",
        meter=record.meter[:60] if record else "",
        key=key,
        key_fingerprint=judgement.key.fingerprint if judgement.key else "",
        registered_for=where,
        points=points,
    )


def _transaction(value: Carried, record: SignedRecord | None) -> str:
    """As the file says it, else as the meter counts it."""
    return value.transaction or (record.meter_transaction[:60] if record else "")


# Transactions


def _transactions(found: Sequence[_Found], known: Sequence[Known]) -> Iterator[FileTransaction]:
    """In the order of the file. A record that stands in an earlier transaction as well is not billed twice."""
    grouped: dict[str, list[_Found]] = {}
    for each in found:
        grouped.setdefault(each.told.transaction, []).append(each)
    before: dict[str, str] = {}  # by digest, the first transaction that it stands in
    for transaction, group in grouped.items():
        digests = [each.told.digest for each in group]
        reused = next((before[digest] for digest in digests if digest in before), None)
        told = "" if reused is None else f"transaction {reused or 'without a number'}"
        yield _transaction_of(transaction, _billed(group, Beside(registers=_registers(group, known), reused=told)))
        for digest in digests:
            before.setdefault(digest, transaction)


def _registers(found: Sequence[_Found], known: Sequence[Known]) -> frozenset[str]:
    signers = {each.evidence.judged.key for each in found if each.evidence is not None}
    return frozenset(register for each in known if each.key in signers for register in each.registers)


def _billed(found: Sequence[_Found], beside: Beside) -> Billed:
    """What no record could be read of is told first, unless a record failed."""
    missing = [each.told for each in found if each.evidence is None]
    evidence = [each.evidence for each in found if each.evidence is not None]
    if not missing:
        return gate(evidence, beside)
    told = [Judged(each.verdict, each.reason, each.detail) for each in missing if each.reason is not None]
    worst = worst_of([*told, *(e.judged for e in evidence if e.judged.verdict is not Verdict.VERIFIED)])
    return Billed(worst.verdict, worst.reason, worst.detail)


def _transaction_of(transaction: str, billed: Billed) -> FileTransaction:
    begin = end = energy_wh = None
    if billed.pair is not None:
        pair = billed.pair
        begin, end = (_point(place.reading, place.nature) for place in (pair.begin, pair.end))
        energy_wh = WattHours(EXACT.subtract(end.wh, begin.wh))
    return FileTransaction(
        transaction=transaction,
        billing=billed.verdict,
        reason=None if billed.verdict is Verdict.VERIFIED else billed.reason,
        detail=billed.detail,
        begin=begin,
        end=end,
        energy_wh=energy_wh,
    )


def _point(reading: SignedReading, nature: Nature) -> SignedPoint:
    assert reading.wh is not None, "only readings of energy are asked for"
    return SignedPoint(nature=nature, wh=reading.wh, register=reading.register[:40], at=reading.at, clock=reading.clock)
