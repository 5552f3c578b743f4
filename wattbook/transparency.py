"""The transparency record of a stored session: its signed values as they came, each with the key that verifies it."""

from collections.abc import Iterator, Mapping, Sequence

from invoicing.transparency import Piece, TransparencyFile, transparency_file
from streams.signed.carriage import unpacked
from streams.signed.check import digest_of, judged
from streams.signed.ecdsa import PublicKey
from streams.signed.file_check import Known
from streams.signed.record import CannotJudge, Format, SignedRecord
from vocabulary.charging import SignedValue
from vocabulary.sessions import ChargingSession
from vocabulary.signatures import SignatureChecked, Verdict

_POINTS = (Format.EDL_40_P, Format.ISA_EDL_40_P)  # whose keys are X and Y, and no DER


def session_record(
    session: ChargingSession, checked: SignatureChecked | None, known: Sequence[Known], *, as_xml: bool = False
) -> TransparencyFile:
    """`checked`: the verdict, if there is one. Raises NotWritable where nothing that is signed can be read in the messages."""
    by_fingerprint = {each.key.fingerprint: each.key for each in known}
    records = checked.records if checked else ()
    keys = {each.digest: by_fingerprint[each.key_fingerprint] for each in records if each.key_fingerprint in by_fingerprint}
    return transparency_file(session.id, [*_pieces(session.signed, known, keys)], as_xml=as_xml)


def _pieces(signed: Sequence[SignedValue], known: Sequence[Known], keys: Mapping[str, PublicKey]) -> Iterator[Piece]:
    """Each record once, in the order of the messages: it may stand in MeterValues and at the end again.

    `keys`: with which the records of these digests were checked; of a record that failed, too.
    """
    seen: set[str] = set()
    for value in signed:
        try:
            data, records = unpacked(value.data)
        except CannotJudge:
            continue  # the software knows no more formats than we do
        digests = {digest_of(record) for record in records}
        if not digests <= seen:
            seen |= digests
            key = keys.get(digest_of(records[0])) or _key(records[0], known)
            natures = frozenset(reading.nature for record in records for reading in record.readings)
            yield Piece(records[0].format, data, natures, value.context, _written(key, records[0].format))


def _key(record: SignedRecord, known: Sequence[Known]) -> PublicKey | None:
    """The registered one that signed it; None: nobody vouches for the key that a message brings along."""
    found = judged(record, [each.key for each in known])
    return found.key if found.verdict is Verdict.VERIFIED else None


def _written(key: PublicKey | None, format_: Format) -> str:
    if key is None:
        return ""
    return (key.point if format_ in _POINTS else key.der).hex()
