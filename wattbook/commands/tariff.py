"""`wattbook tariff`: prices in a person's words."""

import sys
from datetime import UTC, datetime

import click

from vocabulary.identity import TariffId
from wattbook.commands.home import publish_quietly
from wattbook.commands.output import ERR, OUT, escape, escape_lines, json_option, opened, pass_settings, print_json
from wattbook.commands.tariff_formats import export_command, import_command
from wattbook.prices import price_text
from wattbook.settings import Settings


@click.group()
def tariff() -> None:
    """Tariffs."""


tariff.add_command(export_command)
tariff.add_command(import_command)


@tariff.command()
@click.argument("tariff_id")
@click.option("--language", type=click.Choice(["en", "de"]), default="en", show_default=True)
@json_option
@pass_settings
def explain(settings: Settings, tariff_id: str, language: str, as_json: bool) -> None:
    """The prices of the tariff in force now, VAT included, as a station displays them."""
    with opened(settings) as app:
        publish_quietly(app)
        found = app.runtime.catalogue().tariff(TariffId(tariff_id), datetime.now(UTC))
    if found is None:
        ERR.print(f"[bold red]wattbook:[/] no tariff {escape(tariff_id)} is in force: see reference/tariffs.yaml")
        sys.exit(1)
    text = price_text(found, language)
    if as_json:
        print_json({"tariff": tariff_id, "language": language, "text": text})
    else:
        OUT.print(escape_lines(text))
