"""The transparency record of a stored session: its signed values as they came, each with the key that verifies it."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from invoicing.transparency import BEGIN, END, NotWritable, Piece, TransparencyFile, transparency_file
from streams.signed.carriage import unpacked
from streams.signed.check import digest_of, judged
from streams.signed.ecdsa import PublicKey
from streams.signed.file_check import Known
from streams.signed.obis import same_register
from streams.signed.record import CannotJudge, Format, SignedRecord
from vocabulary.charging import SignedValue
from vocabulary.sessions import ChargingSession
from vocabulary.signatures import Nature, SignatureChecked, Verdict

_POINTS = (Format.EDL_40_P, Format.ISA_EDL_40_P)  # whose keys are X and Y, and no DER


def session_record(
    session: ChargingSession, checked: SignatureChecked | None, known: Sequence[Known], *, as_xml: bool = False
) -> TransparencyFile:
    """`checked`: the verdict, if there is one. Raises NotWritable where nothing that is signed can be read in the messages."""
    pieces = _with_keys(session, checked, known)
    if session.signed and not pieces:
        raise NotWritable(f"none of its signed values can be read: {why_unread(session)}")
    return transparency_file(session.id, pieces, as_xml=as_xml)


def unread(session: ChargingSession) -> dict[str, str]:
    """The texts of signed values that cannot be read, each once, with why."""
    found = {}
    for value in session.signed:
        try:
            unpacked(value.data)
        except CannotJudge as problem:
            found[value.data] = ": ".join(filter(None, (problem.reason, problem.detail)))
    return found


def why_unread(session: ChargingSession) -> str:
    return "; ".join(dict.fromkeys(unread(session).values()))


def _with_keys(session: ChargingSession, checked: SignatureChecked | None, known: Sequence[Known]) -> list[Piece]:
    by_fingerprint = {each.key.fingerprint: each.key for each in known}
    records = checked.records if checked else ()
    keys = {each.digest: by_fingerprint[each.key_fingerprint] for each in records if each.key_fingerprint in by_fingerprint}
    return [*_pieces(session.signed, known, keys, checked)]


def _pieces(
    signed: Sequence[SignedValue], known: Sequence[Known], keys: Mapping[str, PublicKey], checked: SignatureChecked | None
) -> Iterator[Piece]:
    """Each record once, in the order of the messages: it may stand in MeterValues and at the end again.

    `keys`: with which the records of these digests were checked; of a record that failed, too.
    """
    seen: set[str] = set()
    broken = _broken_copies(checked)
    for place, value in enumerate(signed):
        if place in broken:
            continue
        try:
            data, records = unpacked(value.data)
        except CannotJudge:
            continue  # the software knows no more formats than we do
        digests = {digest_of(record) for record in records}
        if not digests <= seen:
            seen |= digests
            key = keys.get(digest_of(records[0])) or _key(records[0], known)
            natures = frozenset(reading.nature for record in records for reading in record.readings)
            begins, ends = (_holds(digests, checked, nature, value.context) for nature in (Nature.BEGIN, Nature.END))
            yield Piece(records[0].format, data, natures, value.context, _written(key, records[0].format), begins, ends)


def _broken_copies(checked: SignatureChecked | None) -> set[int]:
    """Which values are of no use where the session is billed by its records: of each there is a copy that is verified."""
    if checked is None or checked.billing is not Verdict.VERIFIED:
        return set()
    return {record.value for record in checked.records if record.verdict is not Verdict.VERIFIED}


def _holds(digests: Collection[str], checked: SignatureChecked | None, nature: Nature, context: str) -> bool:
    """Whether the billed begin, or end, stands in the records of these digests. A format may leave open which of the two a
    reading is; then it is the one that its context does not deny.
    """
    if checked is None or checked.billing is not Verdict.VERIFIED:
        return False
    is_begin = nature is Nature.BEGIN
    wh, at = (checked.begin_wh, checked.begin_at) if is_begin else (checked.end_wh, checked.end_at)
    natures = (nature,) if context == (END if is_begin else BEGIN) else (nature, Nature.UNSAID)
    points = (p for r in checked.records if r.digest in digests and r.meter == checked.meter for p in r.points)
    return any((p.wh, p.at) == (wh, at) and p.nature in natures and same_register(p.register, checked.register) for p in points)


def _key(record: SignedRecord, known: Sequence[Known]) -> PublicKey | None:
    """The registered one that signed it; None: nobody vouches for the key that a message brings along."""
    found = judged(record, [each.key for each in known])
    return found.key if found.verdict is Verdict.VERIFIED else None


def _written(key: PublicKey | None, format_: Format) -> str:
    if key is None:
        return ""
    return (key.point if format_ in _POINTS else key.der).hex()
