"""`wattbook session`: charging sessions, one by one or as a list, and what keeps some from being billed."""

import sys
from datetime import UTC, datetime

import click

from streams.row_conclusions import conclusion
from streams.states import SessionRow
from vocabulary.codec import as_plain
from vocabulary.identity import short
from vocabulary.money import plain
from vocabulary.quantities import WattHours, kwh
from vocabulary.reference import Decision
from vocabulary.sessions import quality_of
from vocabulary.signatures import SignatureChecked
from wattbook.commands.output import (
    ERR,
    OUT,
    count,
    escape,
    json_option,
    opened,
    pass_settings,
    print_json,
    print_json_list,
    table,
)
from wattbook.commands.session_re_rate import re_rate
from wattbook.commands.session_signed import signed
from wattbook.commands.session_text import show_dossier
from wattbook.conclusions import Dossier, dossier
from wattbook.deciding import decide, is_about_signatures, reason_of, remedy
from wattbook.evidence import Ends, Evidence, evidence
from wattbook.history import History, history
from wattbook.registers import Link
from wattbook.registers import registers as list_registers
from wattbook.settings import Settings
from wattbook.wiring import App, Store

_LIMIT = 50
_WORK = ("session", "station", "transaction", "since (UTC)", "total", "", "progress", "finding", "do")
_TRANSACTION_MAX = 13  # signs of one that the worklist shows
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
        find, ends = store.states.flagged if worklist else store.states.newest, Ends(store)
        if as_json:
            print_json_list(ends.with_end(row)._asdict() for row in find(limit))
        elif rows := [ends.with_end(row) for row in find(limit or _LIMIT)]:
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
        ends = Ends(store)
        if as_json:
            print_json_list(_as_work(ends.with_end(row), _verdict(store, row)) for row in store.states.flagged(limit))
        elif shown := [(ends.with_end(row), _verdict(store, row)) for row in store.states.flagged(limit or _LIMIT)]:
            columns: tuple[str, ...] = _WORK
            rows = [_work(row, checked) for row, checked in shown]
            if any(reasons := [reason_of(row, checked) for row, checked in shown]):
                columns = (*columns[:-1], "because", columns[-1])
                rows = [(*cells[:-1], reason, cells[-1]) for cells, reason in zip(rows, reasons, strict=True)]
            table("Worklist", columns, rows, right=(4,))
            _tell_of_more(store.states.count(only_flagged=True), len(shown), "on the worklist")
        else:
            OUT.print(_NO_WORK)


def _verdict(store: Store, row: SessionRow) -> SignatureChecked | None:
    return conclusion(store.log, row, SignatureChecked) if is_about_signatures(row) else None


def _as_work(row: SessionRow, checked: SignatureChecked | None) -> dict[str, object]:
    about = {"since": row.end or row.start, "because": reason_of(row, checked), "do": remedy(row, checked)}
    return row._asdict() | about


def _work(row: SessionRow, checked: SignatureChecked | None) -> tuple[object, ...]:
    since = row.end or row.start
    shown = since.strftime("%Y-%m-%d %H:%M") if since else None
    charge = row.total, row.currency, row.progress, row.finding
    return short(row.session), row.station, _short_transaction(row.transaction), shown, *charge, remedy(row, checked)


def _short_transaction(transaction: str | None) -> str | None:
    """Of a UUID its beginning, which `session show` takes: with all of it nothing else has room on a line."""
    if transaction is None or len(transaction) <= _TRANSACTION_MAX:
        return transaction
    return transaction[: _TRANSACTION_MAX - 1] + "…"


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


session.add_command(re_rate)
session.add_command(signed)


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
        known = evidence(store, rows[0], found.session)
    if as_json:
        told = {"session": found.session, "signature": found.checked, "rated": found.rated}
        print_json(
            told | {"entries": [each.entry for each in booked], "decisions": before.decisions} | _more(found, known, before)
        )
    else:
        show_dossier(found, known, before, booked)


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


def _more(found: Dossier, known: Evidence, before: History) -> dict[str, object]:
    """What the stored records leave out where it is nothing special, or there are none; and the charges that were reversed."""
    row = found.row
    quality = quality_of(found.session) if found.session else None
    reversed_ = [{"rated": each.rated, "reason": each.reason} for each in before.reversals]
    told = None if known.told is None else {"station": row.station, **as_plain(known.told)}
    stands = {"progress": row.progress, "finding": row.finding, "quality": quality, "reversed": reversed_}
    return stands | {"findings": known.findings, "told": told}


def _not_one(identity: str, rows: list[SessionRow]) -> int:
    what = f"{len(rows)} sessions begin" if rows else "no session begins"
    ERR.print(f"[bold red]wattbook:[/] {what} with {escape(identity)}: see `wattbook session list`")
    return 1
