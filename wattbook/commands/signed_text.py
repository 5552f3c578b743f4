"""What `wattbook signed verify` prints for people: the records of each file, its transactions, and what a verdict is worth.

Reasons are told by their names, by which docs/errors.md explains them. Those that speak of a registered key, or of other
sessions, are told in words where the key is that of the file or was given: who checks a file need have no register.
"""

from collections import Counter
from collections.abc import Sequence

from streams.signed.file_check import FileChecked, FileRecord, FileTransaction, KeyFrom
from vocabulary.money import plain
from vocabulary.quantities import WattHours, kwh
from vocabulary.signatures import MeterClock, Nature, SignatureReason, SignedPoint, Verdict
from wattbook.commands.output import OUT, count, escape, paragraph

_FINGERPRINT = 16
_STYLES = {Verdict.VERIFIED: "green", Verdict.FAILED: "red", Verdict.UNVERIFIABLE: "yellow"}
_INDENT = 5
OWN_KEY = (
    "A key in the file proves only that the file fits itself: whoever changes it can sign it anew with a key of his own. "
    "Compare the fingerprint with that of the meter's key, or give the key that is printed on the meter with --key."
)


def show_file(name: str, file: FileChecked) -> None:
    OUT.print(f"[bold]{escape(name)}[/]")
    if file.reason is not None:
        OUT.print(f"  {_styled(Verdict.UNVERIFIABLE)}: {escape(_why(file.reason, file.detail))}")
    for number, record in enumerate(file.records, 1):
        _show_record(number, record)
    for each in file.transactions:
        OUT.print(_transaction(each, file))
    OUT.print()


def _show_record(number: int, record: FileRecord) -> None:
    why = "" if record.reason is None else f": {escape(_why(record.reason, record.detail, record.key))}"
    OUT.print(f"{number:>3}  {_styled(record.verdict)}{why}")
    for line in (_named(record), *map(_reading, record.points), _key(record)):
        if line:
            paragraph(line, _INDENT)


def _styled(verdict: Verdict) -> str:
    return f"[{_STYLES.get(verdict, 'default')}]{verdict}[/]"


def _named(record: FileRecord) -> str:
    parts = (
        f"{record.format} {record.version}".strip(),
        record.algorithm,
        record.meter and f"meter {record.meter}",
        record.transaction and f"transaction {record.transaction}",
        record.context,
    )
    return " · ".join(filter(None, parts))


def _reading(point: SignedPoint) -> str:
    vouched = point.clock in (MeterClock.SYNCHRONISED, MeterClock.RELATIVE)
    clock = f"{point.clock} clock" if not vouched else point.clock
    at = f", {point.at:%Y-%m-%d %H:%M:%S} UTC, {clock}" if point.at else ""
    nature = "reading" if point.nature is Nature.UNSAID else point.nature
    return f"{nature}  {_kwh(point.wh)} kWh, register {point.register}{at}"


def _key(record: FileRecord) -> str:
    where = {
        KeyFrom.NOWHERE: "",
        KeyFrom.GIVEN: "as given",
        KeyFrom.REGISTERED: f"registered for {record.registered_for}",
        KeyFrom.FILE: "from the file itself",
    }[record.key]
    return where and f"key {record.key_fingerprint[:_FINGERPRINT]}, {where}"


def _transaction(each: FileTransaction, file: FileChecked) -> str:
    nameless = "this file" if len(file.transactions) == 1 else "records of no transaction"
    named = f"transaction {escape(each.transaction)}" if each.transaction else nameless
    if each.energy_wh is None or each.begin is None or each.end is None:
        told = (r.key for r in file.records if (r.transaction, r.reason) == (each.transaction, each.reason))
        why = "" if each.reason is None else f", {escape(_why(each.reason, each.detail, next(told, KeyFrom.NOWHERE)))}"
        return f"  => {named}: not to be billed: {_styled(each.billing)}{why}"
    pair = f"{_kwh(each.begin.wh)} to {_kwh(each.end.wh)}"
    return f"  => {named}: begin and end make a pair: {_kwh(each.energy_wh)} kWh, from {pair}"


_WORDS: dict[tuple[SignatureReason, KeyFrom], str] = {
    (SignatureReason.KEY_NOT_REGISTERED, KeyFrom.NOWHERE): "the file names no key",
    (SignatureReason.KEY_UNREADABLE, KeyFrom.NOWHERE): "the key in the file cannot be read",
    (SignatureReason.SIGNATURE_MISMATCH, KeyFrom.FILE): "does not match the key in the file",
    (SignatureReason.SIGNATURE_MISMATCH, KeyFrom.GIVEN): "does not match the key that was given",
    (SignatureReason.KEY_CURVE_MISMATCH, KeyFrom.FILE): "the key in the file is of another curve than the signature",
    (SignatureReason.KEY_CURVE_MISMATCH, KeyFrom.GIVEN): "the key that was given is of another curve than the signature",
    (SignatureReason.KEY_CONFLICT, KeyFrom.GIVEN): "signed by the key in the file, and not by the one that was given",
    (SignatureReason.RECORD_REUSED, KeyFrom.NOWHERE): "a record of it was used before",
    (SignatureReason.CONTEXT_CONFLICT, KeyFrom.NOWHERE): "the context in the file contradicts what was signed",
}
_SAID = ("the file names no key", "by the key in the file", "the key in the file fits")  # details that say the same again


def _why(reason: SignatureReason, detail: str, key: KeyFrom = KeyFrom.NOWHERE) -> str:
    words = _WORDS.get((reason, key), "")
    more = "" if words and detail in _SAID else detail
    return f"{words or reason} ({more})" if more else words or reason


def show_sum(files: Sequence[FileChecked]) -> None:
    records = [record for file in files for record in file.records]
    verdicts = Verdict.VERIFIED, Verdict.FAILED, Verdict.UNVERIFIABLE
    whole = [file for file in files if file.reason is not None]
    found = Counter([record.verdict for record in records] + [Verdict.UNVERIFIABLE for _ in whole])
    told = ", ".join(f"{found[verdict]} {verdict}" for verdict in verdicts)
    which = f" ({count(len(whole), 'file')} as a whole)" if whole else ""
    OUT.print(f"{count(len(records), 'record')} in {count(len(files), 'file')}: {told}{which}")
    own = sum(record.key is KeyFrom.FILE and record.verdict is Verdict.VERIFIED for record in records)
    if own:
        OUT.print(f"[yellow]{own} verified by the key in the file, and by no key that is trusted.[/]")
        paragraph(OWN_KEY)


def _kwh(wh: WattHours) -> str:
    return plain(kwh(wh))
