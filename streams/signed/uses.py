"""Which session is billed by a signed record: a record counts for one only, and so does each watt-hour of a meter.

Only what was verified and is billed counts as used: who sends what nobody signed takes nothing away from anybody.

    records   by the meter's number of them (its pagination), else by what was signed; for good, since one may be replayed years
              later. Known at the station, since stations are processed side by side
    spans     from which register value to which, of each meter; the newest `SPANS` of them. A meter may sign the same
              energy in other records, or a reading in between as the begin of another session
"""

from collections.abc import Callable, Iterator
from hashlib import sha256

from msgspec import Struct

from streams.signed import obis
from streams.signed.billed import ends, is_pair
from vocabulary.identity import SessionId, StationId
from vocabulary.quantities import WattHours
from vocabulary.sessions import Doubt, Finding
from vocabulary.signatures import Nature, RecordChecked, SignatureChecked, Verdict

SPANS = 128


class RecordUse(Struct, frozen=True, gc=False, tag="record_use"):
    """By which session a record was used, and what was signed in it."""

    session: SessionId
    digest: str


class SignedSpan(Struct, frozen=True, gc=False, array_like=True):
    session: SessionId
    register: str
    begin_wh: WattHours
    end_wh: WattHours


class SignedSpans(Struct, frozen=True, gc=False, tag="signed_spans"):
    """Of one meter, the newest last."""

    spans: tuple[SignedSpan, ...] = ()


Use = RecordUse | SignedSpans
Known = Callable[[str], Use | None]
"""What is kept under a key."""


def uses_of(station: StationId, checked: SignatureChecked) -> list[tuple[str, str]]:
    """The keys of the records that a session is billed by, each with what was signed in it; none where it is not."""
    if not is_pair(checked):
        return []
    billed = (each for each in checked.records if each.verdict is Verdict.VERIFIED and _bears_on_the_bill(each))
    return list({_record_key(station, each): each.digest for each in billed}.items())


def against(station: StationId, checked: SignatureChecked, known: Known, is_free: Callable[[SessionId], bool]) -> Doubt | None:
    """What is against billing the session by its signed values: another session is. `is_free`: that one was dropped."""
    for key, digest in uses_of(station, checked):
        use = known(key)
        if isinstance(use, RecordUse) and use.session != checked.session and not is_free(use.session):
            what = "the same record" if use.digest == digest else "another record of the same pagination"
            return _reused(f"{what} was used by session {use.session}")
    return next((_reused(told) for told in _overlaps(station, checked, known, is_free)), None)


def _overlaps(
    station: StationId, checked: SignatureChecked, known: Known, is_free: Callable[[SessionId], bool]
) -> Iterator[str]:
    span = _span(checked)
    if span is None or span.begin_wh == span.end_wh:
        return
    for other in _spans(known(spans_key(station, checked))):
        is_other = other.session != checked.session and obis.same_register(other.register, span.register)
        shares = other.begin_wh < span.end_wh and span.begin_wh < other.end_wh
        if is_other and shares and not is_free(other.session):
            yield f"{other.begin_wh} to {other.end_wh} Wh of the meter are billed by session {other.session}"


def with_uses(station: StationId, checked: SignatureChecked, known: Known) -> dict[str, Use]:
    """What is to be kept of a session that is billed by its signed values."""
    kept: dict[str, Use] = {key: RecordUse(checked.session, digest) for key, digest in uses_of(station, checked)}
    if (span := _span(checked)) is not None:
        others = [each for each in _spans(known(spans_key(station, checked))) if each.session != checked.session]
        kept[spans_key(station, checked)] = SignedSpans((*others, span)[-SPANS:])
    return {key: use for key, use in kept.items() if known(key) != use}


def _reused(told: str) -> Doubt:
    return Doubt(finding=Finding.SIGNED_RECORD_REUSED, detail=told)


def _spans(use: Use | None) -> tuple[SignedSpan, ...]:
    return use.spans if isinstance(use, SignedSpans) else ()


def _span(checked: SignatureChecked) -> SignedSpan | None:
    """None: it is billed by no signed pair, or by a register that counts each session anew."""
    if not is_pair(checked) or not obis.counts_on(checked.register):
        return None
    begin, end = ends(checked)
    return SignedSpan(checked.session, checked.register, begin, end)


def spans_key(station: StationId, checked: SignatureChecked) -> str:
    """A key is of one meter at one EVSE, or of several whose serial numbers tell them apart."""
    return _key(station, f"spans|{checked.meter}|{checked.key_fingerprint}")


def _record_key(station: StationId, record: RecordChecked) -> str:
    numbered = record.page and record.meter
    return _key(station, f"{record.meter}|{record.page}" if numbered else record.digest)


def _key(station: StationId, name: str) -> str:
    return f"signed:{sha256(name.encode()).hexdigest()[:32]}:{station}"


def _bears_on_the_bill(record: RecordChecked) -> bool:
    return any(point.nature in (Nature.BEGIN, Nature.END, Nature.UNSAID) for point in record.points)
