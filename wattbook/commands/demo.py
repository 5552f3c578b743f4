"""`wattbook demo`: a day of a small network, from the first message to the invoices, in one terminal page."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import click

from ledger.balances import trial_balance
from ledger.checks import check
from streams.states import SessionRow
from vocabulary.identity import TariffId, short
from vocabulary.money import plain
from vocabulary.quantities import WattHours, kwh
from vocabulary.rated import Rated
from vocabulary.sessions import ChargingSession, Progress
from wattbook.audit import replay
from wattbook.commands.ledger import show_trial
from wattbook.commands.output import OUT, escape, table
from wattbook.commands.session_text import show_dossier
from wattbook.conclusions import dossier
from wattbook.costs import cost_of
from wattbook.demo_fleet import DAY, demo_messages
from wattbook.documents import run_invoices, write_invoice
from wattbook.evidence import evidence
from wattbook.exports import export_cdrs
from wattbook.fleet import capture_line
from wattbook.history import history
from wattbook.importing import import_files
from wattbook.init_files import write_example
from wattbook.months import month_of
from wattbook.prices import price_text
from wattbook.settings import read_settings
from wattbook.wiring import App, NotReady, create_app

MONTH, ISSUED_AT = "2026-10", datetime(2026, 11, 2, 8, tzinfo=UTC)
LOOK_AT = DAY.replace(hour=20, minute=48)  # while a car charges in Hamburg
_MARK = ".wattbook-demo"


class Watched(NamedTuple):
    """A session while it ran, and what it cost then."""

    row: SessionRow
    session: ChargingSession
    rated: Rated


@click.command()
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default="demo-out", show_default=True)
def demo(folder: Path) -> None:
    """Stations of three OCPP versions charge for a day; see sessions, prices, books, invoices, and the proof of a replay.

    Everything is made anew in FOLDER and stays there to look at.
    """
    _empty(folder)
    settings = read_settings(home=folder)
    write_example(settings.reference_path)
    app = create_app(settings)
    try:
        app.publish_reference()
        watched = _messages(app, folder)
        _sessions(app)
        _one_session(app)
        _prices(app, watched)
        _documents(app, folder)
        _books(app)
        _proof(app)
    finally:
        app.close()
    OUT.print(f"\nLook around: [bold]wattbook --home {escape(str(folder))} session list[/], … invoice list, … ledger balances")


def _empty(folder: Path) -> None:
    """A folder that is ours to make anew. Raises NotReady where it holds something else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise NotReady(f"{folder} holds something else than a demo: name another one with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()


def _heading(number: int, what: str, how: str) -> None:
    OUT.print(f"\n[bold reverse] {number} [/] [bold]{what}[/]  [dim]{how}[/]\n")


def _messages(app: App, folder: Path) -> Watched:
    """The day's capture is imported in two parts, so that one session can be looked at while it runs."""
    _heading(1, "Stations talk", "every frame is made durable, word for word, before anyone looks at it")
    day, evening = (folder / "captures" / f"2026-10-14-{part}.ndjson" for part in ("day", "evening"))
    day.parent.mkdir()
    captured = [(message.received_at or DAY, capture_line(message)) for message in demo_messages()]
    day.write_bytes(b"".join(line for at, line in captured if at < LOOK_AT))
    evening.write_bytes(b"".join(line for at, line in captured if at >= LOOK_AT))
    first = import_files(app.runtime, [day], app.settings.batch_size)
    watched = _watch(app)
    second = import_files(app.runtime, [evening], app.settings.batch_size)
    events, duplicates = (first.steps.get(n, 0) + second.steps.get(n, 0) for n in ("events", "duplicates"))
    OUT.print(f"{first.messages + second.messages} messages of three stations, in OCPP 1.6, 2.0.1 and 2.1")
    OUT.print(f"{events} events in them; {duplicates} were told twice and are folded away; Amsterdam's came five hours late")
    return watched


def _watch(app: App) -> Watched:
    """The session that runs at that moment, and what it costs so far."""
    with app.reading() as store:
        [row] = [row for row in store.states.find("") if row.progress is Progress.OPEN]
        cost = cost_of(store, app.runtime.catalogue(), row.session)
    assert cost is not None
    return Watched(row, cost.session, cost.rated)


def _sessions(app: App) -> None:
    _heading(2, "Messages become sessions", "rebuilt, signature checked, rated; what is doubtful waits for a person")
    with app.reading() as store:
        rows = sorted(store.states.find(""), key=lambda row: (row.start or DAY, row.session))
        found = [dossier(store, row) for row in rows]
    shown = [
        (
            short(f.row.session)[:8],
            f.row.station,
            f.session.protocol.removeprefix("ocpp") if f.session else "",
            f.row.start.strftime("%H:%M") if f.row.start else "",
            kwh(WattHours(f.row.energy_wh)) if f.row.energy_wh is not None else None,
            f.checked.verdict if f.checked else None,
            f.row.contract or f.row.partner,
            f.row.total,
            f.row.progress if f.row.finding is None else f"{f.row.progress}: {f.row.finding}",
        )
        for f in found
    ]
    table("", ("session", "station", "OCPP", "UTC", "kWh", "signature", "for", "EUR", "progress"), shown, right=(4, 7))


def _one_session(app: App) -> None:
    _heading(3, "One session, explained", "from the meter's readings to the balanced entry")
    with app.reading() as store:
        row = next(r for r in reversed(store.states.find("")) if r.station == "AMS-0101" and r.partner)
        booked = store.ledger.entries_of(row.session)
        found = dossier(store, row)
        show_dossier(found, evidence(store, row, found.session), history(store, row, booked), booked)


def _prices(app: App, watched: Watched) -> None:
    """The price before, the cost during, the cost after: all of one calculation, in the driver's language."""
    _heading(4, "What the driver is told", "the same calculation as the invoice, so the same cents")
    tariff = app.runtime.catalogue().tariff(TariffId("dc-day-night"), DAY)
    assert tariff is not None
    OUT.print("on the display of HAM-0002 (tariff dc-day-night), in the contract's language:")
    for language in ("en", "de"):
        OUT.print(f"price   {language}  {escape(price_text(tariff, language))}")
    with app.reading() as store:
        final = cost_of(store, app.runtime.catalogue(), watched.row.session)
    assert final is not None
    OUT.print(f"\nHAM-0002 was told of session {short(watched.row.session)[:8]}, while it ran and when it ended:")
    for what, session, rated in (("running", watched.session, watched.rated), ("final", final.session, final.rated)):
        OUT.print(f"totalCost   {what:8} {plain(kwh(session.energy_wh)):>8} kWh {plain(rated.total):>8} {rated.currency}")


def _documents(app: App, folder: Path) -> None:
    _heading(5, "Documents", "one invoice per contract, numbered without a gap; charge detail records for the roaming partner")
    issued = run_invoices(app, MONTH, ISSUED_AT.date(), ISSUED_AT)
    files = [write_invoice(app, invoice, folder / "out" / "invoices") for invoice in issued]
    rows = [
        (i.number, i.contract, len(i.sessions), i.net, i.tax, i.total, pdf) for i, (pdf, _) in zip(issued, files, strict=True)
    ]
    table("", ("invoice", "contract", "sessions", "net", "VAT", "EUR", "file"), rows, right=(2, 3, 4, 5))
    OUT.print("\nThe session that was held and the one that was flagged are on no invoice: `wattbook session list --worklist`.")
    assert not run_invoices(app, MONTH, ISSUED_AT.date(), ISSUED_AT + timedelta(minutes=1)), "a second run issues nothing"
    for exported in export_cdrs(app, month_of(MONTH), folder / "out" / "cdrs" / MONTH):
        OUT.print(
            f"\n{exported.cdrs} OCPI 2.2.1 charge detail records for {escape(exported.partner)}: {escape(str(exported.path))}"
        )


def _books(app: App) -> None:
    _heading(6, "Books", "every entry sums to zero")
    with app.reading() as store:
        trial, findings = trial_balance(store.ledger.balances()), check(store.ledger)
    show_trial(trial)
    OUT.print(f"\nledger check: {'all checks hold' if not findings else f'{len(findings)} findings'}")


def _proof(app: App) -> None:
    _heading(7, "Proof", "all of it follows from the messages, and follows again")
    result = replay(app)
    OUT.print(
        f"replayed {result.inputs} inputs: {result.events} events, {result.conclusions} conclusions, {result.entries} entries"
    )
    OUT.print(f"digest   {result.digest}")
    OUT.print(
        "replayed: [bold green]identical[/]" if result.difference is None else f"[bold red]different[/] {result.difference}"
    )
