"""Which session used a signed record: a record counts for one only, or one delivery of energy would be billed twice.

A meter numbers its records, so its serial number and a record's pagination name it; where a format has none, what was signed
does. Kept per station, for good: a record may be replayed years later. Readings in between are of no bill, and are not kept.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from msgspec import Struct

from streams.signed.carriage import records_in
from streams.signed.check import digest_of
from streams.signed.record import CannotJudge, SignedRecord
from vocabulary.charging import SignedValue
from vocabulary.identity import SessionId
from vocabulary.sessions import Doubt, Finding
from vocabulary.signatures import Nature

_BILLED = (Nature.BEGIN, Nature.END)


class RecordUse(Struct, frozen=True, gc=False, tag="record_use"):
    """By which session a record was used, and what was signed in it."""

    session: SessionId
    digest: str


def records_of(signed: Iterable[SignedValue]) -> Iterator[tuple[str, str]]:
    """The name and the digest of each record that a session may be billed by."""
    names: dict[str, str] = {}
    for value in signed:
        names.update((name_of(record), digest_of(record)) for record in _read(value) if _bears_on_the_bill(record, value))
    yield from names.items()


def name_of(record: SignedRecord) -> str:
    numbered = record.pagination is not None and record.meter
    counted = f"{record.meter}|{'F' if record.is_fiscal else 'T'}{record.pagination}" if numbered else digest_of(record)
    return sha256(counted.encode()).hexdigest()[:32]


def used_before(session: SessionId, digest: str, known: RecordUse) -> Doubt | None:
    """What is against a record of the session, if another one used it."""
    if known.session == session:
        return None
    what = "the same record" if known.digest == digest else "another record of the same pagination"
    return Doubt(finding=Finding.SIGNED_RECORD_REUSED, detail=f"{what} was used by session {known.session}")


def _read(value: SignedValue) -> tuple[SignedRecord, ...]:
    try:
        return records_in(value.data)
    except CannotJudge:
        return ()


def _bears_on_the_bill(record: SignedRecord, value: SignedValue) -> bool:
    natures = {reading.nature for reading in record.readings}
    return bool(natures & {*_BILLED}) or (Nature.UNSAID in natures and not value.context.startswith("Sample."))
