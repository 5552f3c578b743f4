"""May a session be billed by these records? Checks beyond the signature; the first that fails says why.

    every record is verified            what the record says of itself         one begin, one end of one legal register
    same meter, key, register, loss     pagination rises, of transactions      neither value nor time falls
    no exception in between             one identification, that of the token  used by no other session
    inside the transaction

Nothing is invented: where a begin or an end is missing there is no pair. What comes out, verified, is the pair of signed
readings whose difference is the energy to bill, with what the meter vouches for about their times.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from streams.signed import obis
from streams.signed.check import Judged, digest_of
from streams.signed.record import Format, SignedReading, SignedRecord
from vocabulary.signatures import MeterClock, Nature, SignatureReason, Verdict

_PRECEDENCE = tuple(SignatureReason)
_EMAID = re.compile("[A-Z]{2}[A-Z0-9]{12,13}")  # ISO 15118-2, without separators
_UID = re.compile("([0-9A-F]{2}){4,10}")
_BEGIN_CONTEXT, _END_CONTEXT = "Transaction.Begin", "Transaction.End"
_WINDOWS = {  # how far the meter's clock may be off the transaction's begin and end; of a clock of which nothing is known, any
    MeterClock.SYNCHRONISED: timedelta(minutes=10),
    MeterClock.INFORMATIVE: timedelta(hours=24),
}


class Evidence(NamedTuple):
    """A record with its verdict, and the context of the sample that carried it, "" where nothing says any."""

    record: SignedRecord
    judged: Judged
    context: str = ""


class Beside(NamedTuple):
    """What the session says beside its records; of records in a file nothing is known.

    `registers`: what counts as the energy of a session on this meter beside what obis says. `reused`: that a record, or its
    pagination, is another session's, in words; "" where none is.
    """

    names: tuple[str, ...] = ()  # the token, and by which contract its holder is known
    start: datetime | None = None
    end: datetime | None = None
    registers: frozenset[str] = frozenset()
    reused: str = ""


UNKNOWN = Beside()


class Place(NamedTuple):
    """A reading of energy, with the evidence that it stands in."""

    reading: SignedReading
    nature: Nature
    evidence: Evidence


class Pair(NamedTuple):
    """The signed begin and end of a session, and the readings of their register in between."""

    begin: Place
    end: Place
    between: tuple[Place, ...] = ()


class Billed(NamedTuple):
    """`verdict` verified: the pair is what is billed. Else `reason` says why not."""

    verdict: Verdict
    reason: SignatureReason
    detail: str = ""
    pair: Pair | None = None


class _Refused(Exception):
    def __init__(self, reason: SignatureReason, detail: str = "", verdict: Verdict = Verdict.FAILED) -> None:
        super().__init__(reason)
        self.billed = Billed(verdict, reason, detail)


def gate(found: Sequence[Evidence], beside: Beside = UNKNOWN) -> Billed:
    """Whether a session may be billed by what was found, in the order in which it came."""
    try:
        each = _each_once(found)
        _all_verified(each)
        _not_refused_by_the_meter(each)
        _no_exception(each)
        pair = _pair(each, beside.registers)
        for holds in _CHECKS:
            holds(pair)
        _is_of_the_session(pair, beside.names)
        if beside.reused:
            raise _Refused(SignatureReason.RECORD_REUSED, beside.reused)
        _is_inside(pair, beside)
    except _Refused as refused:
        return refused.billed
    return Billed(Verdict.VERIFIED, SignatureReason.VERIFIED, "", pair)


# Records


def _each_once(found: Sequence[Evidence]) -> list[Evidence]:
    """A record that was told twice counts once, and is verified if one of its copies is: what is signed is the same."""
    best: dict[str, Evidence] = {}
    for each in found:
        known = best.get(digest := digest_of(each.record))
        if known is None:
            best[digest] = each
        elif known.judged.verdict is not Verdict.VERIFIED:
            best[digest] = each._replace(context=known.context or each.context)
        elif not known.context or known.context.startswith("Sample."):
            best[digest] = known._replace(context=each.context)
    return [*best.values()]


def _all_verified(each: Sequence[Evidence]) -> None:
    problems = [e.judged for e in each if e.judged.verdict is not Verdict.VERIFIED]
    if problems:
        worst = worst_of(problems)
        raise _Refused(worst.reason, worst.detail, worst.verdict)


def worst_of(problems: Iterable[Judged]) -> Judged:
    """What failed counts before what cannot be checked, which would else hide it."""
    return min(problems, key=lambda p: (p.verdict is not Verdict.FAILED, _PRECEDENCE.index(p.reason)))


def _not_refused_by_the_meter(each: Sequence[Evidence]) -> None:
    for evidence in each:
        if evidence.record.problem is not None:
            raise _Refused(evidence.record.problem, evidence.record.detail)
        natures = {reading.nature for reading in evidence.record.readings}
        contradicts = (evidence.context == _BEGIN_CONTEXT and Nature.END in natures and Nature.BEGIN not in natures) or (
            evidence.context == _END_CONTEXT and Nature.BEGIN in natures and Nature.END not in natures
        )
        if contradicts:
            told = "begin" if Nature.BEGIN in natures else "end"
            raise _Refused(SignatureReason.CONTEXT_CONFLICT, f"{evidence.context} carries a record of the {told}")


def _no_exception(each: Sequence[Evidence]) -> None:
    """Of whatever quantity it is a reading: from there on the meter vouches for nothing."""
    for evidence in each:
        for reading in evidence.record.readings:
            if reading.nature is Nature.EXCEPTION:
                raise _Refused(SignatureReason.EXCEPTION_BETWEEN, "" if reading.wh is None else f"{reading.wh} Wh")


# The pair


def _pair(each: Sequence[Evidence], allowed: frozenset[str]) -> Pair:
    """Begin and end of the register that is billed: a compensated one before a plain one, and never one that counts export."""
    places = [place for place in _places(each) if place.reading.wh is not None]
    if not places:
        raise _Refused(SignatureReason.BEGIN_MISSING, "no reading of energy in it", Verdict.UNVERIFIABLE)
    legal = [p for p in places if obis.is_import(p.reading.register, allowed) and not obis.is_export(p.reading.register)]
    if not legal:
        named = ", ".join(dict.fromkeys(p.reading.register[:30] for p in places))
        if all(obis.is_export(place.reading.register) for place in places):
            raise _Refused(SignatureReason.REGISTER_IS_EXPORT, named)
        raise _Refused(SignatureReason.REGISTER_UNKNOWN, named, Verdict.UNVERIFIABLE)
    by_register: dict[str, list[Place]] = {}
    for place in legal:
        by_register.setdefault(obis.canonical(place.reading.register), []).append(place)
    names = sorted(by_register, key=lambda name: (not obis.is_compensated(name), not obis.is_whole(name)))
    first = names[0]
    if {Nature.BEGIN, Nature.END} <= {place.nature for place in by_register[first]}:
        others = [name for name in names[1:] if obis.is_compensated(name) == obis.is_compensated(first)]
        if others and not obis.is_whole(first):
            raise _Refused(SignatureReason.REGISTER_UNKNOWN, f"parts by tariff: {first}, {others[0]}", Verdict.UNVERIFIABLE)
        return _of_register(by_register[first])
    is_told_elsewhere = any({Nature.BEGIN, Nature.END} <= {place.nature for place in by_register[name]} for name in names)
    raise _without_a_pair({first: by_register[first]} if is_told_elsewhere else by_register)


def _places(each: Sequence[Evidence]) -> list[Place]:
    """All readings, each with what it is of its transaction. Where a format does not say it, the context does; where that says
    nothing either, the first is the begin and the last the end.
    """
    named = {_BEGIN_CONTEXT: Nature.BEGIN, _END_CONTEXT: Nature.END}
    unsaid = [e for e in each if any(r.nature is Nature.UNSAID for r in e.record.readings)]
    by_order = len(unsaid) > 1 and not any(e.context in named or e.context.startswith(("Sample.", "Trigger")) for e in unsaid)
    found: list[Place] = []
    for evidence in each:
        told = named.get(evidence.context, Nature.INTERMEDIATE)
        if by_order and evidence in (unsaid[0], unsaid[-1]):
            told = Nature.BEGIN if evidence is unsaid[0] else Nature.END
        natures = ((r, told if r.nature is Nature.UNSAID else r.nature) for r in evidence.record.readings)
        found.extend(Place(reading, nature, evidence) for reading, nature in natures)
    return found


def _without_a_pair(by_register: dict[str, list[Place]]) -> _Refused:
    natures = {name: {place.nature for place in places} for name, places in by_register.items()}
    begins = [name for name, found in natures.items() if Nature.BEGIN in found]
    ends = [name for name, found in natures.items() if Nature.END in found]
    if begins and ends:
        meters = {place.evidence.record.meter for places in by_register.values() for place in places}
        if len(meters) > 1:
            return _Refused(SignatureReason.METERS_DIFFER, " and ".join(sorted(meter[:60] for meter in meters)[:2]))
        return _Refused(SignatureReason.REGISTERS_DIFFER, f"begin of {begins[0][:30]}, end of {ends[0][:30]}")
    missing = SignatureReason.END_MISSING if begins else SignatureReason.BEGIN_MISSING
    return _Refused(missing, next(iter(natures))[:30], Verdict.UNVERIFIABLE)


def _of_register(places: Sequence[Place]) -> Pair:
    begins, ends = _distinct(places, Nature.BEGIN), _distinct(places, Nature.END)
    for found, reason in ((begins, SignatureReason.BEGIN_TWICE), (ends, SignatureReason.END_TWICE)):
        if len(found) > 1:
            raise _Refused(reason, " and ".join(f"{place.reading.wh} Wh" for place in found[:2]))
    between = [p for p in places if p.nature in (Nature.INTERMEDIATE, Nature.EXCEPTION)]
    return Pair(begins[0], ends[0], tuple(between))


def _distinct(places: Sequence[Place], nature: Nature) -> list[Place]:
    """The begin may stand in two records, its own and that of the end: the same value of the same time is one."""
    found: dict[object, Place] = {}
    for place in places:
        if place.nature is nature:
            found.setdefault((place.reading.wh, place.reading.at), place)
    return [*found.values()]


# Begin and end against each other


def _both_are_good(pair: Pair) -> None:
    for place in (pair.begin, pair.end):
        if place.reading.problem is not None:
            raise _Refused(place.reading.problem, f"{place.reading.wh} Wh: {place.reading.detail}")


def _of_one_meter(pair: Pair) -> None:
    begin, end = pair.begin.evidence, pair.end.evidence
    for place in pair.between:
        if place.evidence.record.meter != end.record.meter:
            raise _Refused(SignatureReason.METERS_DIFFER, f"a reading in between is of {place.evidence.record.meter[:60]}")
    if begin.record.meter != end.record.meter:
        raise _Refused(SignatureReason.METERS_DIFFER, f"begin of {begin.record.meter[:60]}, end of {end.record.meter[:60]}")
    if begin.judged.key != end.judged.key:
        raise _Refused(SignatureReason.METERS_DIFFER, "begin and end are signed by two keys")
    if begin.record.place and end.record.place and _bare(begin.record.place) != _bare(end.record.place):
        raise _Refused(SignatureReason.METERS_DIFFER, f"at {begin.record.place[:40]} and at {end.record.place[:40]}")
    if begin.record.loss != end.record.loss:
        told = f"begin {begin.record.loss[:40] or 'none'}, end {end.record.loss[:40] or 'none'}"
        raise _Refused(SignatureReason.LOSSES_DIFFER, told)


def _pagination_rises(pair: Pair) -> None:
    begin, end = pair.begin.evidence.record, pair.end.evidence.record
    if begin.is_fiscal or end.is_fiscal:
        raise _Refused(SignatureReason.PAGINATION_FISCAL, f"F{(end if end.is_fiscal else begin).pagination}")
    if any(record.format is Format.OCMF and record.pagination is None for record in (begin, end)):
        raise _Refused(SignatureReason.PAGINATION, "it has none, which OCMF demands")
    if begin is end or begin.pagination is None or end.pagination is None:
        return
    if end.pagination <= begin.pagination:
        raise _Refused(SignatureReason.PAGINATION, f"begin {begin.pagination}, end {end.pagination}")


def _of_one_transaction(pair: Pair) -> None:
    begin, end = pair.begin.evidence.record, pair.end.evidence.record
    if begin.meter_transaction != end.meter_transaction:
        raise _Refused(SignatureReason.TRANSACTIONS_DIFFER, "as the meter counts them")


def _nothing_falls(pair: Pair) -> None:
    wh = [place.reading.wh for place in (pair.begin, *_by_pagination(pair.between), pair.end)]
    told = [each for each in wh if each is not None]
    if told[-1] < told[0]:
        raise _Refused(SignatureReason.VALUE_FELL, f"begin {told[0]} Wh, end {told[-1]} Wh")
    if any(not told[0] <= each <= told[-1] for each in told):
        raise _Refused(SignatureReason.VALUE_FELL, f"a reading in between is not from {told[0]} to {told[-1]} Wh")
    begin, end = pair.begin.reading, pair.end.reading
    if begin.at is not None and end.at is not None and end.at < begin.at:
        raise _Refused(SignatureReason.TIME_FELL, f"begin {begin.at.isoformat()}, end {end.at.isoformat()}")


def _by_pagination(places: Sequence[Place]) -> list[Place]:
    return sorted(places, key=lambda place: place.evidence.record.pagination or 0)


def _one_identification(pair: Pair) -> None:
    begin, end = (_bare(place.evidence.record.identification) for place in (pair.begin, pair.end))
    if begin and end and begin != end:
        raise _Refused(SignatureReason.IDS_DIFFER)


_CHECKS = (
    _both_are_good,
    _of_one_meter,
    _pagination_rises,
    _of_one_transaction,
    _nothing_falls,
    _one_identification,
)


# The session


def _is_of_the_session(pair: Pair, names: Sequence[str]) -> None:
    """A UID may be told in the other order of its bytes; an eMAID with or without its separators and its check digit."""
    signed = _bare(pair.end.evidence.record.identification or pair.begin.evidence.record.identification)
    known = [name for each in names if (name := _bare(each))]
    if signed and known and not any(_is_alike(signed, name) for name in known):
        raise _Refused(SignatureReason.TOKEN_DIFFERS, f"signed {_masked(signed)}, the session's is {_masked(known[0])}")


def _is_alike(signed: str, name: str) -> bool:
    if signed == name:
        return True
    if _EMAID.fullmatch(signed) and _EMAID.fullmatch(name):
        return {len(signed), len(name)} == {14, 15} and signed[:14] == name[:14]  # with and without its check digit
    return bool(_UID.fullmatch(name)) and signed == "".join(reversed(re.findall("..", name)))


def _masked(identification: str) -> str:
    """Enough for who knows both, and for nobody else."""
    return f"…{identification[-2:]} of {len(identification)} characters"


def _bare(identification: str) -> str:
    return re.sub(r"[\s:*-]", "", identification).upper()


def _is_inside(pair: Pair, beside: Beside) -> None:
    if beside.start is None or beside.end is None:
        return
    for name, place in (("begin", pair.begin), ("end", pair.end)):
        at, window = place.reading.at, _WINDOWS.get(place.reading.clock)
        if at is None or window is None:
            continue
        if not beside.start - window <= at <= beside.end + window:
            raise _Refused(SignatureReason.TIME_WINDOW, f"signed {name} {at.isoformat()}")
