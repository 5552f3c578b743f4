"""`wattbook`: the command line. Commands read as sentences: wattbook invoice run --month 2026-10.

A failure prints what is wrong, where, and what to do, and ends with status 1; wrong usage ends with status 2.
"""

import os
import sys
from pathlib import Path
from pkgutil import resolve_name

import click

from wattbook.commands.output import ERR, escape_lines
from wattbook.settings import read_settings, unknown_settings

COMMANDS = {  # name: where it is; imported when it is called, since some take long to import
    "init": "home:init",
    "import": "importing:import_",
    "check-frames": "frames:check_frames",
    "serve": "serve:serve",
    "station": "station:station",
    "token": "token:token",
    "session": "session:session",
    "ledger": "ledger:ledger",
    "tick": "tick:tick",
    "invoice": "invoice:invoice",
    "export": "export:export",
    "tariff": "tariff:tariff",
    "prices": "prices:prices",
    "reference": "home:reference",
    "meter-key": "meter_key:meter_key",
    "signed": "signed:signed",
    "audit": "audit:audit",
    "seal": "seal:seal",
    "topics": "topics:topics",
    "worker": "worker:worker",
    "relay": "relay:relay",
    "database": "database:database",
    "demo": "demo:demo",
    "dev": "dev:dev",
}


class Commands(click.Group):
    """The commands of the table, in its order."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in COMMANDS:
            return None
        command = resolve_name(f"wattbook.commands.{COMMANDS[cmd_name]}")
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="wattbook")
@click.option(
    "--home", type=click.Path(path_type=Path), help="The folder with the database and reference data (default: here)."
)
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """Event-sourced billing and transaction ledger for EV charging."""
    if unknown := unknown_settings(os.environ):
        raise click.UsageError("\n".join(unknown))
    context.obj = read_settings(home=home) if home else read_settings()


def main() -> None:
    """The console script. Failures of the outside are told in their own words, without a traceback."""
    try:
        cli(prog_name="wattbook")
    except SystemExit:  # what it ends with, in nearly all cases
        raise
    except _outside_failures() as error:
        ERR.print(f"[bold red]wattbook:[/] {escape_lines(str(error))}")
        sys.exit(1)


def _outside_failures() -> tuple[type[Exception], ...]:
    """Looked for where something has failed: they come with nearly all of the program, of which a command needs a part."""
    from wattbook.failures import OUTSIDE_FAILURES

    return OUTSIDE_FAILURES
