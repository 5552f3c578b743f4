"""`wattbook invoice`: draw up, list, and write invoices."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from invoicing.invoice_json import invoice_json
from invoicing.invoice_text import invoice_text
from invoicing.not_rendered import NotRendered
from streams.states import DocumentRow
from vocabulary.billing import Invoice
from vocabulary.money import plain
from wattbook.commands.home import publish_quietly
from wattbook.commands.output import ERR, OUT, count, escape, json_option, opened, pass_settings, print_json, step_bar, table
from wattbook.conclusions import invoice_of
from wattbook.documents import issue, read_invoices, write_invoice
from wattbook.months import month_of
from wattbook.settings import Settings
from wattbook.vault import Forgotten
from wattbook.wiring import App

out_option = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the files (default: out/invoices)."
)


@click.group()
def invoice() -> None:
    """Invoices to contract holders."""


@invoice.command()
@click.option("--month", required=True, metavar="YYYY-MM", help="Sessions that ended by the end of this month.")
@click.option("--issued-on", type=click.DateTime(["%Y-%m-%d"]), help="Date of issue (default: today, UTC).")
@out_option
@json_option
@pass_settings
def run(settings: Settings, month: str, issued_on: datetime | None, out: Path | None, as_json: bool) -> None:
    """Draw up one invoice per contract for what is rated and on no invoice yet. Repeating it issues nothing twice."""
    now = datetime.now(UTC)
    with opened(settings) as app:
        publish_quietly(app)
        issued = issue(app, month, issued_on.date() if issued_on else now.date(), now)
        written = _write_all(app, issued.documents, out or settings.out_path / "invoices")
        waiting = _waiting(app, month)
    for left in issued.left_out:
        ERR.print(f"[bold red]wattbook:[/] left out: session {left.session}: {left.finding}, {escape(left.detail)}")
    if as_json:
        print_json([summary | {"pdf": _path(made, 0), "json": _path(made, 1)} for summary, made in written])
    else:
        rows = [(*summary.values(), _path(made, 0)) for summary, made in written]
        columns = ("number", "contract", "issued", "month", "sessions", "total", "", "file")
        if rows:
            table(f"{count(len(rows), 'invoice')} issued", columns, rows, right=(4, 5))
        else:
            OUT.print(f"nothing to invoice for {month}: no rated contract session is without an invoice")
        if waiting:
            told = ", ".join(f"{number} {progress}" for progress, number in sorted(waiting.items()))
            OUT.print(f"not on any invoice, and on the worklist: {told}; see `wattbook session list --worklist`")
    sys.exit(0 if all(made for _, made in written) and not issued.left_out else 1)


def _write_all(
    app: App, issued: Sequence[DocumentRow], folder: Path
) -> list[tuple[dict[str, object], tuple[Path, Path] | None]]:
    """The summary of each invoice, and its files: a PDF of thousands of sessions takes minutes, so what is done is shown."""
    if issued:
        are = "is" if len(issued) == 1 else "are"
        ERR.print(f"{count(len(issued), 'invoice')} {are} issued and safe; writing the files, which may be interrupted:")
        ERR.print("`wattbook invoice show NUMBER --out FOLDER` writes those that are missing")
    done = []
    with step_bar("invoice", len(issued)) as begin:
        for each in read_invoices(app, issued):
            begin(f"{each.number}, {count(len(each.sessions), 'session')}")
            done.append((_summary(each), _written(app, each, folder)))
    return done


def _written(app: App, issued: Invoice, folder: Path) -> tuple[Path, Path] | None:
    """The files of an invoice; None, and why, where it cannot be rendered or its holder is forgotten. It is issued anyway."""
    try:
        return write_invoice(app, issued, folder)
    except (NotRendered, Forgotten) as error:
        ERR.print(f"[bold red]wattbook:[/] {issued.number} is issued, but not written: {escape(str(error))}")
        return None


def _path(made: tuple[Path, Path] | None, index: int) -> str | None:
    return None if made is None else str(made[index])


def _waiting(app: App, month: str) -> dict[str, int]:
    """Sessions that began by the end of the month and wait for somebody, by progress."""
    with app.reading() as store:
        last = month_of(month).last
        rows = (row for row in store.states.flagged() if row.start is None or row.start.date() <= last)
        return dict(Counter(row.progress.value for row in rows))


def _summary(issued: Invoice) -> dict[str, object]:
    return {
        "number": issued.number,
        "contract": issued.contract,
        "issued_on": issued.issued_on.isoformat(),
        "month": issued.month,
        "sessions": len(issued.sessions),
        "total": plain(issued.total),
        "currency": issued.currency,
    }


@invoice.command("list")
@json_option
@pass_settings
def list_(settings: Settings, as_json: bool) -> None:
    """Issued invoices, in order of number."""
    with opened(settings) as app, app.reading() as store:
        rows = store.states.documents()
    if as_json:
        print_json([row._asdict() for row in rows])
    else:
        shown = [(r.number, r.contract, r.issued_on, r.month, r.total, r.currency) for r in rows]
        table("Invoices", ("number", "contract", "issued", "month", "total", ""), shown, right=(4,))


@invoice.command()
@click.argument("number")
@out_option
@json_option
@pass_settings
def show(settings: Settings, number: str, out: Path | None, as_json: bool) -> None:
    """Print an invoice as text; with --out, write its PDF and JSON again."""
    with opened(settings) as app:
        found = _find(app, number)
        if out is not None:
            pdf, data = write_invoice(app, found, out)
            ERR.print(f"written {escape(str(pdf))} and {escape(str(data))}")
        buyer = app.vault.open(found.buyer)
    if as_json:
        sys.stdout.write(invoice_json(found, buyer).decode() + "\n")
    else:
        sys.stdout.write(invoice_text(found, buyer))


def _find(app: App, number: str) -> Invoice:
    with app.reading() as store:
        rows = store.states.documents(number)
        if not rows:
            ERR.print(f"[bold red]wattbook:[/] there is no invoice {escape(number)}: see `wattbook invoice list`")
            sys.exit(1)
        return invoice_of(store, rows[0])
