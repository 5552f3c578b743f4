"""`wattbook session`: charging sessions, one by one or as a list, and what keeps some from being billed."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import click

from ledger.books import Booked
from streams.states import SessionRow
from vocabulary import zones
from vocabulary.billing import Entry
from vocabulary.identity import short
from vocabulary.money import plain
from vocabulary.quantities import WattHours, kwh
from vocabulary.reference import Decision
from vocabulary.sessions import (
    ChargeReversed,
    ChargingSession,
    Progress,
    Quality,
    Rated,
    RatedLine,
    SignatureChecked,
    doubts_of,
    quality_of,
)
from vocabulary.tariff import Dimension
from wattbook.commands.output import (
    ERR,
    OUT,
    count,
    escape,
    json_option,
    micro,
    opened,
    pass_settings,
    print_json,
    print_json_list,
    table,
)
from wattbook.conclusions import Dossier, dossier
from wattbook.deciding import decide, remedy
from wattbook.history import History, history
from wattbook.registers import Link
from wattbook.registers import registers as list_registers
from wattbook.settings import Settings
from wattbook.wiring import App

_LIMIT = 50
_NO_SESSION = "no session yet: `wattbook import FILE`, or let stations connect"
_NO_WORK = "nothing to look at"

_limit = click.option(
    "--limit", type=click.IntRange(min=1), help=f"Sessions to show at most. Default: {_LIMIT}, and with --json all."
)


@click.group()
def session() -> None:
    """Charging sessions: what stations told, what was concluded, what it costs."""


@session.command("list")
@click.option("--worklist", is_flag=True, help="Only what a person must look at: flagged, held back, or incomplete.")
@_limit
@json_option
@pass_settings
def list_(settings: Settings, worklist: bool, limit: int | None, as_json: bool) -> None:
    """Sessions, newest first; those of the worklist oldest first."""
    with opened(settings) as app, app.reading() as store:
        find = store.states.flagged if worklist else store.states.newest
        if as_json:
            print_json_list(row._asdict() for row in find(limit))
        elif rows := list(find(limit or _LIMIT)):
            _show_list(rows, worklist, store.states.count(only_flagged=worklist))
        else:
            OUT.print(escape(_NO_WORK if worklist else _why_none(app)))


def _show_list(rows: list[SessionRow], worklist: bool, there_are: int) -> None:
    columns = ("session", "station", "evse", "start (UTC)", "kWh", "total", "", "progress", "finding", "invoice")
    table("Worklist" if worklist else "Sessions", columns, [_cells(row) for row in rows], right=(2, 4, 5))
    _tell_of_more(there_are, len(rows), "on the worklist" if worklist else "before them")


def _tell_of_more(there_are: int, shown: int, which: str) -> None:
    if (more := there_are - shown) > 0:
        OUT.print(f"and {more} more {which}: `--limit {there_are}` shows all, `--json` prints them")


@session.command()
@_limit
@json_option
@pass_settings
def worklist(settings: Settings, limit: int | None, as_json: bool) -> None:
    """What a person must look at, oldest first: since when, why, and what to do about it."""
    with opened(settings) as app, app.reading() as store:
        if as_json:
            rows = store.states.flagged(limit)
            print_json_list(row._asdict() | {"since": row.end or row.start, "do": remedy(row)} for row in rows)
        elif shown := list(store.states.flagged(limit or _LIMIT)):
            columns = ("session", "station", "since (UTC)", "total", "", "progress", "finding", "do")
            table("Worklist", columns, [_work(row) for row in shown], right=(3,))
            _tell_of_more(store.states.count(only_flagged=True), len(shown), "on the worklist")
        else:
            OUT.print(_NO_WORK)


def _work(row: SessionRow) -> tuple[object, ...]:
    since = row.end or row.start
    shown = since.strftime("%Y-%m-%d %H:%M") if since else None
    return short(row.session), row.station, shown, row.total, row.currency, row.progress, row.finding, remedy(row)


_reason = click.option("--reason", required=True, metavar="TEXT", help="Why; it is kept with the decision.")
_by = click.option("--by", default="", metavar="NAME", help="Who decides.")


@session.command()
@click.argument("identity")
@_reason
@_by
@json_option
@pass_settings
def release(settings: Settings, identity: str, reason: str, by: str, as_json: bool) -> None:
    """Bill a session in spite of what was found."""
    _decide(settings, identity, Decision.RELEASE, reason, by, as_json)


@session.command()
@click.argument("identity")
@_reason
@_by
@json_option
@pass_settings
def drop(settings: Settings, identity: str, reason: str, by: str, as_json: bool) -> None:
    """Bill nothing for a session, and take back what was booked for it."""
    _decide(settings, identity, Decision.DROP, reason, by, as_json)


def _decide(settings: Settings, identity: str, decision: Decision, reason: str, by: str, as_json: bool) -> None:
    with opened(settings) as app:
        with app.reading() as store:
            rows = store.states.find(identity)
        if len(rows) != 1:
            sys.exit(_not_one(identity, rows))
        decided = decide(app, rows[0], decision, reason, by, datetime.now(UTC))
    before, after = decided.before, decided.after
    if as_json:
        print_json(
            {"session": after.session, "before": before._asdict(), "after": after._asdict(), "applied": decided.is_applied}
        )
    elif not decided.is_applied:
        OUT.print(f"session {short(after.session)}: noted; a `wattbook worker` applies it when it runs")
    elif before == after:
        OUT.print(f"session {short(after.session)} is {_told(after)}: nothing to do")
    else:
        OUT.print(f"session {short(after.session)} was {_told(before)}; it is {_told(after)}")


def _told(row: SessionRow) -> str:
    finding = f" ({row.finding})" if row.finding else ""
    return f"{row.progress}{finding}" + (f" with {plain(row.total)} {row.currency}" if row.total is not None else "")


def _why_none(app: App) -> str:
    """What is to be done where there is no session: messages are missing, or on Kafka whoever processes them."""
    if not app.settings.uses_kafka:
        return _NO_SESSION
    from streams.held_back import told  # with the library for Kafka, which few need
    from wattbook.waiting import messages_waiting

    topic, waiting = app.settings.kafka_options.topic("raw"), messages_waiting(app)
    if waiting is None:
        return "no session yet, and Kafka does not tell whether messages wait: see `wattbook topics check`"
    held = f"; {told(topic, waiting.held)}" if waiting.held else ""
    if waiting.messages:
        unprocessed = f"not processed in {topic}: {count(waiting.messages, 'message')}{held}"
        return f"no session yet; {unprocessed}. Is a `wattbook worker` running?"
    if held:
        return f"no session yet{held}, which must end first"
    return _NO_SESSION


def _cells(row: SessionRow) -> tuple[object, ...]:
    start = row.start.strftime("%Y-%m-%d %H:%M:%S") if row.start else None
    energy = kwh(WattHours(row.energy_wh)) if row.energy_wh is not None else None
    return (
        short(row.session),
        row.station,
        row.evse,
        start,
        energy,
        row.total,
        row.currency,
        row.progress,
        row.finding,
        row.invoice,
    )


@session.command()
@click.argument("identity")
@json_option
@pass_settings
def show(settings: Settings, identity: str, as_json: bool) -> None:
    """One session, by the beginning of its id or of its transaction id: readings, verdict, rated lines, entries."""
    with opened(settings) as app, app.reading() as store:
        rows = store.states.find(identity)
        if len(rows) != 1:
            sys.exit(_not_one(identity, rows))
        found = dossier(store, rows[0])
        booked = store.ledger.entries_of(rows[0].session)
        before = history(store, rows[0], booked)
    if as_json:
        told = {"session": found.session, "signature": found.checked, "rated": found.rated}
        print_json(told | {"entries": [each.entry for each in booked], "decisions": before.decisions} | _more(found, before))
    else:
        show_dossier(found, before, booked)


@session.command()
@click.argument("evse_id")
@json_option
@pass_settings
def registers(settings: Settings, evse_id: str, as_json: bool) -> None:
    """The register of an EVSE from session to session: where it falls, or counts what no session has."""
    with opened(settings) as app:
        links = list_registers(app, evse_id)
    if as_json:
        print_json_list(_link_json(link) for link in links)
    elif links:
        columns = ("session", "station", "", "start (UTC)", "end (UTC)", "from kWh", "to kWh", "since before", "remark")
        table(f"Registers of {evse_id}", columns, [_link(link) for link in links], right=(2, 5, 6, 7))
    else:
        OUT.print(f"no session of {escape(evse_id)} is closed")


def _link(link: Link) -> tuple[object, ...]:
    row, charged = link.row, link.session
    times = (at.strftime("%Y-%m-%d %H:%M:%S") for at in (charged.start, charged.end))
    ends = (kwh(each.register_wh) for each in (charged.readings[0], charged.readings[-1]))
    since = None if link.since_wh is None else kwh(WattHours(link.since_wh))
    return short(row.session), row.station, row.evse, *times, *ends, since, link.remark


def _link_json(link: Link) -> dict[str, object]:
    row, charged = link.row, link.session
    begin, end = charged.readings[0].register_wh, charged.readings[-1].register_wh
    named = {"session": row.session, "station": row.station, "evse": row.evse, "start": charged.start, "end": charged.end}
    return named | {"begin_wh": begin, "end_wh": end, "since_wh": link.since_wh, "remark": link.remark}


def _more(found: Dossier, before: History) -> dict[str, object]:
    """What the stored records leave out where it is nothing special; and the charges that were reversed, in order."""
    quality = quality_of(found.session) if found.session else None
    reversed_ = [{"rated": each.rated, "reason": each.reason} for each in before.reversals]
    return {"progress": found.row.progress, "finding": found.row.finding, "quality": quality, "reversed": reversed_}


def _not_one(identity: str, rows: list[SessionRow]) -> int:
    what = f"{len(rows)} sessions begin" if rows else "no session begins"
    ERR.print(f"[bold red]wattbook:[/] {what} with {escape(identity)}: see `wattbook session list`")
    return 1


def show_dossier(found: Dossier, before: History, booked: Sequence[Booked]) -> None:
    """A session from what was measured to what was booked, for reading from top to bottom."""
    row = found.row
    OUT.print(f"[bold]Session {short(row.session)}[/]  {escape(row.station)}  transaction {escape(row.transaction or '–')}")
    OUT.print(f"progress   {row.progress}" + (f" · {row.finding}" if row.finding else ""))
    for decided in before.decisions:
        by = f" by {decided.by}" if decided.by else ""
        OUT.print(f"decided    {decided.at:%Y-%m-%d %H:%M} UTC, {decided.decision}{escape(by)}: {escape(decided.reason)}")
    if row.progress is Progress.DROPPED and not before.decisions:
        OUT.print("decided    dropped with its end, about which that was decided before its start came")
    for name, value in _about(found):
        OUT.print(f"{name:10} {escape(value)}")
    if found.session is not None:
        _show_session(found.session, found.rated.time_zone if found.rated else "UTC")
    if found.checked is not None:
        _show_verdict(found.checked)
    if found.rated is not None:
        show_rated(found.rated.rated)
    if before.reversals:
        _show_reversals(before.reversals)
    for each in booked:
        show_entry(each.entry)


def _about(found: Dossier) -> Iterator[tuple[str, str]]:
    """Who and where, as far as it was concluded."""
    rated, charged = found.rated, found.session
    if rated is not None:
        yield "at", f"{rated.site_name}, EVSE {rated.evse_id}"
        yield "for", f"{'contract' if rated.contract else 'partner'} {rated.contract or rated.partner}, token {rated.token}"
        if rated.revision:
            yield "revision", f"{rated.revision}: rated {rated.revision + 1} times; what did not hold is below"
        yield "tariff", f"{rated.tariff}, version {short(rated.tariff_version)}, VAT of {rated.vat.country}"
        if charged is not None and rated.energy_wh != charged.energy_wh:
            billed = f"{plain(kwh(rated.energy_wh))} kWh, from {plain(kwh(rated.begin_wh))} to {plain(kwh(rated.end_wh))} kWh"
            yield "billed", billed
        if rated.held is not None:
            yield "held", f"{rated.held}: see docs/errors.md"
    elif charged is not None:
        yield "at", f"EVSE {charged.evse} of the station"
        yield "token", charged.token or "none was told"


def _show_session(charged: ChargingSession, zone: str) -> None:
    local = zones.zone(zone)
    start, end = (at.astimezone(local).strftime("%Y-%m-%d %H:%M:%S") for at in (charged.start, charged.end))
    OUT.print(f"time       {start} – {end} {zone}, {charged.protocol}" + (", delivered late" if charged.offline else ""))
    OUT.print(f"energy     {plain(kwh(charged.energy_wh))} kWh by {charged.energy_source}")
    if (quality := quality_of(charged)) is not Quality.COMPLETE:
        OUT.print(f"quality    {quality}")
    for doubt in doubts_of(charged):
        OUT.print(f"noticed    {doubt.finding}: {escape(doubt.detail)}")
    days = {at.astimezone(local).date() for at in (charged.start, charged.end)}
    shown = "%H:%M:%S" if len(days) == 1 else "%Y-%m-%d %H:%M:%S"
    for stretch in charged.stretches:
        times = " – ".join(at.astimezone(local).strftime(shown) for at in (stretch.start, stretch.end))
        OUT.print(f"           {times}  {stretch.activity}")


def _show_verdict(checked: SignatureChecked) -> None:
    meter = f" · meter {escape(checked.meter)}, key {checked.key_fingerprint[:16]}" if checked.meter else ""
    if checked.begin_wh is not None and checked.end_wh is not None:
        meter += f" · {plain(kwh(checked.begin_wh))} to {plain(kwh(checked.end_wh))} kWh"
    OUT.print(f"signature  {checked.verdict} · {checked.reason}{meter}")


def show_rated(rated: Rated) -> None:
    """Lines with quantity, unit price, VAT and reason; then what is owed."""
    rows = [(line.dimension, _quantity(line), _price(line), _percent(line.vat_percent), line.reason) for line in rated.lines]
    table("Rated lines", ("", "quantity", "net price", "VAT", "because"), rows, right=(1, 2, 3))
    owed = [(_percent(owed.vat_percent), owed.net, owed.vat, owed.gross) for owed in rated.owed]
    table(f"Owed: {plain(rated.total)} {rated.currency}", ("VAT", "net", "VAT", "gross"), owed, right=(0, 1, 2, 3))


def _quantity(line: RatedLine) -> str:
    match line.dimension:
        case Dimension.ENERGY:
            return f"{plain(kwh(WattHours(line.billed)))} kWh"
        case Dimension.TIME | Dimension.PARKING_TIME:
            return str(timedelta(seconds=int(line.billed)))
        case Dimension.FLAT:
            return plain(line.billed)


def _price(line: RatedLine) -> str:
    unit = {Dimension.ENERGY: "/kWh", Dimension.TIME: "/h", Dimension.PARKING_TIME: "/h", Dimension.FLAT: ""}[line.dimension]
    return plain(line.unit_price) + unit


def _percent(percent: Decimal | None) -> str:
    return "none" if percent is None else f"{plain(percent)} %"


def _show_reversals(reversals: Sequence[ChargeReversed]) -> None:
    """The charges that do not hold any more, and why each was taken back."""
    rows = [
        (
            each.rated.revision,
            each.rated.end.strftime("%Y-%m-%d %H:%M:%S"),
            kwh(each.rated.energy_wh),
            each.rated.rated.total,
            each.rated.rated.currency,
            each.rated.held,
            each.reason,
        )
        for each in reversals
    ]
    table("Earlier revisions", ("", "end (UTC)", "kWh", "total", "", "held", "reversed because"), rows, right=(0, 2, 3))


def show_entry(entry: Entry) -> None:
    again = f", {entry.version}" if entry.version > 1 else ""
    rows = [(p.account, micro(max(p.amount_micro, 0)), micro(max(-p.amount_micro, 0))) for p in entry.postings]
    table(f"Entry {short(entry.id)}, {entry.kind}{again}", ("account", f"debit {entry.currency}", "credit"), rows, right=(1, 2))
