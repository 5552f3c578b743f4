"""`wattbook tariff`: prices in a person's words, what may be wrong with them, and what changes between two of them."""

import sys
from datetime import UTC, datetime

import click

from invoicing.localise import language as words_of
from streams.catalogue import Catalogue
from tariffs.price_sheet import price_sheet
from vocabulary.zones import zone
from wattbook.commands.output import ERR, OUT, escape, escape_lines, json_option, pass_settings, print_json
from wattbook.commands.price_sheet_text import show_price_sheet
from wattbook.commands.tariff_choose import choose
from wattbook.commands.tariff_diff import catalogue_for, diff
from wattbook.commands.tariff_formats import export_command, import_command
from wattbook.commands.tariff_lint import lint
from wattbook.commands.tariff_price import price
from wattbook.commands.tariff_publish import publish
from wattbook.commands.tariff_what_if import what_if
from wattbook.prices import price_text
from wattbook.reference_files import operator_zone
from wattbook.reference_shapes import ALWAYS
from wattbook.settings import Settings
from wattbook.tariff_names import NamedTariff, TariffNotFound, named_tariff, short_hash


@click.group()
def tariff() -> None:
    """Tariffs."""


tariff.add_command(lint)
tariff.add_command(price)
tariff.add_command(diff)
tariff.add_command(publish)
tariff.add_command(what_if)
tariff.add_command(choose)
tariff.add_command(export_command)
tariff.add_command(import_command)


@tariff.command()
@click.argument("tariff_id")
@click.option("--language", type=click.Choice(["en", "de"]), default="en", show_default=True)
@click.option("--short", is_flag=True, help="Only the text that a station displays, of at most 512 characters.")
@json_option
@pass_settings
def explain(settings: Settings, tariff_id: str, language: str, short: bool, as_json: bool) -> None:
    """All prices of a tariff in a person's words: in force now, or as ID@TIME, a version's hash, or a FILE has it."""
    site = operator_zone(settings.reference_path) or "UTC"
    found = _found(tariff_id, catalogue_for(settings, tariff_id), site)
    text = price_text(found.tariff, language)
    if as_json:
        print_json({"tariff": tariff_id, "language": language, "text": text})
    elif short:
        OUT.print(escape_lines(text))
    else:
        since, until = (None if at is None or at == ALWAYS else at.astimezone(zone(site)) for at in found[1:])
        version = f"{found.tariff.id}, {found.tariff.profile}, version {short_hash(found.tariff)}"
        show_price_sheet(price_sheet(found.tariff, language, words_of(language).decimal, since, until), version)


def _found(name: str, catalogue: Catalogue, site: str) -> NamedTariff:
    try:
        return named_tariff(name, catalogue, datetime.now(UTC), site)
    except TariffNotFound as error:
        ERR.print(f"[bold red]wattbook:[/] {escape(str(error))}")
        sys.exit(1)
