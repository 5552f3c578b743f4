"""The verdict on a session's signed meter values, and what it means for billing.

Two questions, two answers: does the signature hold (`check`), and may the amount be invoiced (`hold`). A session is verified
when its begin and its end reading are signed by the same registered meter and both are marked good.
"""

from decimal import Decimal
from typing import NamedTuple

from streams import first_ocmf as ocmf
from streams.first_ocmf import NotOcmf, OcmfReading, OcmfRecord, UnreadableOcmf
from vocabulary.charging import SignedValue
from vocabulary.quantities import WattHours
from vocabulary.reference import Evse, MeterKey
from vocabulary.sessions import ChargingSession, Finding
from vocabulary.signatures import SignatureChecked, SignatureReason, Verdict

_PRECEDENCE = tuple(SignatureReason)
_TOLERANCE_WH = Decimal(2)  # integer registers at both ends of the unsigned session


class _Failed(Exception):
    def __init__(self, verdict: Verdict, reason: SignatureReason, detail: str = "") -> None:
        self.verdict, self.reason, self.detail = verdict, reason, detail


class _Verified(NamedTuple):
    record: OcmfRecord
    key: MeterKey


def check(session: ChargingSession, evse: Evse) -> SignatureChecked:
    """The verdict on a closed session's signed values, against the keys registered for its EVSE."""
    if not session.signed:
        return SignatureChecked(session=session.id, verdict=Verdict.UNSIGNED, reason=SignatureReason.UNSIGNED)
    try:
        return _pair(session, _all_verified(session, evse))
    except _Failed as failed:
        return SignatureChecked(session=session.id, verdict=failed.verdict, reason=failed.reason, detail=failed.detail)


def hold(checked: SignatureChecked, session: ChargingSession, evse: Evse) -> tuple[Finding, str] | None:
    """Why the amount must be held back, if it must; never where signatures are ignored.

    What failed always holds. What cannot be checked holds where a key of the meter is registered: else a tampered record would
    only have to be made unreadable. What is not signed at all holds where signatures are required.
    """
    if evse.signatures == "ignored":
        return None
    if checked.verdict is Verdict.FAILED:
        return Finding.SIGNATURE_FAILED, checked.reason
    if checked.verdict is not Verdict.VERIFIED:
        doubtful = checked.verdict is Verdict.UNVERIFIABLE and evse.meter_keys  # it can be signed, and is not as it should be
        return (Finding.SIGNATURE_UNVERIFIABLE, checked.reason) if doubtful or evse.signatures == "required" else None
    assert checked.begin_wh is not None and checked.end_wh is not None
    signed_wh = checked.end_wh - checked.begin_wh
    if abs(signed_wh - session.energy_wh) > _TOLERANCE_WH:
        return Finding.SIGNED_ENERGY_DIFFERS, f"signed {signed_wh} Wh, session {session.energy_wh} Wh"
    return None


def _all_verified(session: ChargingSession, evse: Evse) -> list[_Verified]:
    """Every record, verified. One that failed counts before one that cannot be checked, which would else hide it."""
    verified, problems = [], []
    for value in session.signed:
        try:
            verified.append(_verified(value, evse, session))
        except _Failed as problem:
            problems.append(problem)
    if problems:
        raise min(problems, key=lambda p: (p.verdict is not Verdict.FAILED, _PRECEDENCE.index(p.reason)))
    return verified


def _verified(value: SignedValue, evse: Evse, session: ChargingSession) -> _Verified:
    record = _parsed(value)
    if record.algorithm != ocmf.ALGORITHM:
        raise _Failed(Verdict.UNVERIFIABLE, SignatureReason.ALGORITHM_UNSUPPORTED, record.algorithm[:60])
    keys = ocmf.keys_in_force(evse.meter_keys, session.start)
    if not keys:
        raise _Failed(Verdict.UNVERIFIABLE, SignatureReason.KEY_NOT_REGISTERED, f"{evse.evse_id}, meter {record.meter[:60]}")
    key = ocmf.matching_key(record, keys)
    if key is None:
        raise _Failed(Verdict.FAILED, SignatureReason.SIGNATURE_MISMATCH, f"context {value.context}")
    if key.meter not in ("", record.meter):
        raise _Failed(Verdict.FAILED, SignatureReason.METERS_DIFFER, f"key of meter {key.meter}, record of {record.meter[:60]}")
    return _Verified(record, key)


def _parsed(value: SignedValue) -> OcmfRecord:
    try:
        return ocmf.parse(value)
    except NotOcmf as error:
        raise _Failed(Verdict.UNVERIFIABLE, SignatureReason.FORMAT_UNKNOWN, str(error)) from error
    except UnreadableOcmf as error:
        raise _Failed(Verdict.UNVERIFIABLE, SignatureReason.RECORD_UNREADABLE, str(error)) from error


def _pair(session: ChargingSession, verified: list[_Verified]) -> SignatureChecked:
    """Begin and end, in one record or in two, of the same meter and both good."""
    if len({(v.record.meter, v.key.public_key) for v in verified}) > 1:
        raise _Failed(Verdict.FAILED, SignatureReason.METERS_DIFFER)
    begin = next((r for v in verified if (r := ocmf.begin_of(v.record)) is not None), None)
    ends = (ocmf.end_of(v.record, begin.register) for v in reversed(verified) if begin is not None)
    end = next((r for r in ends if r is not None), None)
    first, last = _energies(begin, end)
    record, key = verified[-1]
    return SignatureChecked(
        session=session.id,
        verdict=Verdict.VERIFIED,
        reason=SignatureReason.VERIFIED,
        format=f"OCMF {record.version}",
        algorithm=record.algorithm,
        meter=record.meter,
        key_fingerprint=ocmf.fingerprint(key),
        begin_wh=first,
        end_wh=last,
    )


def _energies(begin: OcmfReading | None, end: OcmfReading | None) -> tuple[WattHours, WattHours]:
    if begin is None or end is None or begin.energy_wh is None or end.energy_wh is None:
        raise _Failed(Verdict.UNVERIFIABLE, SignatureReason.READING_MISSING)
    if not (begin.is_good and end.is_good) or end.energy_wh < begin.energy_wh:
        raise _Failed(Verdict.FAILED, SignatureReason.READING_NOT_GOOD, f"{_told(begin)} and {_told(end)}")
    return begin.energy_wh, end.energy_wh


def _told(reading: OcmfReading) -> str:
    flags = f", {reading.flags[:20]}" if reading.flags else ""
    return f"{reading.energy_wh} Wh with status {reading.status[:20] or 'missing'}{flags}"
