"""What `wattbook signed verify` prints for people: the records of each file, its transactions, and what a verdict is worth."""

from collections.abc import Sequence

from streams.signed.file_check import FileChecked, FileRecord, FileTransaction, KeyFrom
from vocabulary.money import plain
from vocabulary.quantities import WattHours, kwh
from vocabulary.signatures import MeterClock, Nature, SignedPoint, Verdict
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
        OUT.print(_transaction(each))
    OUT.print()


def _show_record(number: int, record: FileRecord) -> None:
    why = "" if record.reason is None else f": {escape(_why(record.reason, record.detail))}"
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


def _transaction(each: FileTransaction) -> str:
    named = f"transaction {escape(each.transaction)}" if each.transaction else "transaction"
    if each.energy_wh is None or each.begin is None or each.end is None:
        why = "" if each.reason is None else f", {escape(_why(each.reason, each.detail))}"
        return f"  => {named}: not to be billed: {_styled(each.billing)}{why}"
    pair = f"{_kwh(each.begin.wh)} to {_kwh(each.end.wh)}"
    return f"  => {named}: begin and end make a pair: {_kwh(each.energy_wh)} kWh, from {pair}"


def _why(reason: str, detail: str) -> str:
    return f"{reason} ({detail})" if detail else reason


def show_sum(files: Sequence[FileChecked]) -> None:
    records = [record for file in files for record in file.records]
    verdicts = Verdict.VERIFIED, Verdict.FAILED, Verdict.UNVERIFIABLE
    told = ", ".join(f"{sum(record.verdict is verdict for record in records)} {verdict}" for verdict in verdicts)
    OUT.print(f"{count(len(records), 'record')} in {count(len(files), 'file')}: {told}")
    own = sum(record.key is KeyFrom.FILE and record.verdict is Verdict.VERIFIED for record in records)
    if own:
        OUT.print(f"[yellow]{own} verified by the key in the file, and by no key that is trusted.[/]")
        paragraph(OWN_KEY)


def _kwh(wh: WattHours) -> str:
    return plain(kwh(wh))
