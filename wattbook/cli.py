"""`wattbook`: the command line. Commands read as sentences: wattbook invoice run --month 2026-10.

A failure prints what is wrong, where, and what to do, and ends with status 1; wrong usage ends with status 2.
"""

import sys
from pathlib import Path

import click

from invoicing.not_rendered import NotRendered
from ledger.books import LedgerError
from streams.log import LogError
from streams.states import AlreadyInvoiced, PositionMoved
from wattbook.commands import audit, demo, export, home, importing, invoice, ledger, serve, session, tariff
from wattbook.commands.output import ERR, escape
from wattbook.database import DatabaseError
from wattbook.months import NotAMonth
from wattbook.reference_files import ReferenceErrors
from wattbook.settings import SettingsError, read_settings
from wattbook.vault import VaultError
from wattbook.wiring import NotReady

OUTSIDE_FAILURES = (
    SettingsError,
    NotRendered,
    LedgerError,
    NotReady,
    NotAMonth,
    ReferenceErrors,
    DatabaseError,
    LogError,
    PositionMoved,
    AlreadyInvoiced,
    VaultError,
    OSError,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="wattbook")
@click.option(
    "--home", type=click.Path(path_type=Path), help="The folder with the database and reference data (default: here)."
)
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """Event-sourced billing and transaction ledger for EV charging."""
    context.obj = read_settings(home=home) if home else read_settings()


for command in (
    home.init,
    importing.import_,
    serve.serve,
    session.session,
    ledger.ledger,
    invoice.invoice,
    export.export,
    tariff.tariff,
    home.reference,
    audit.audit,
    demo.demo,
):
    cli.add_command(command)


def main() -> None:
    """The console script. Failures of the outside are told in their own words, without a traceback."""
    try:
        cli()
    except OUTSIDE_FAILURES as error:
        ERR.print(f"[bold red]wattbook:[/] {escape(str(error))}")
        sys.exit(1)


if __name__ == "__main__":
    main()
