"""`wattbook tariff export` and `wattbook tariff import`: tariffs in the formats of others, and what is lost on the way out."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from tariffs.authored import authored
from tariffs.exporting import export
from tariffs.importing import Imported, is_ours, read_tariff, read_tariffs
from tariffs.losses import Exported, ExportRefused, Loss
from tariffs.tariff_fields import TariffRefused
from vocabulary.identity import TariffId
from vocabulary.tariff import Profile, TariffPublished
from wattbook.commands.home import looked_into
from wattbook.commands.moments import DAY_OR_TIME
from wattbook.commands.output import ERR, OUT, count, escape, json_option, pass_settings, print_json
from wattbook.documents import write_whole
from wattbook.reference_files import ReferenceErrors, operator_zone
from wattbook.reference_shapes import local_instant
from wattbook.reference_yaml import YamlErrors, plain, read_yaml
from wattbook.settings import Settings
from wattbook.shown import shown_json
from wattbook.tariff_files import published_in
from wattbook.tariff_names import TariffNotFound, published_tariff
from wattbook.tariff_yaml import tariffs_yaml
from wattbook.wiring import operator_of

_NUMBERS = msgspec.json.Encoder(decimal_format="number")  # as partners and stations read them
_COMPLAINTS_SHOWN = 20


@click.command("export")
@click.argument("name", metavar="TARIFF")
@click.option("--as", "wanted", required=True, type=click.Choice([each.value for each in Profile]), help="The format.")
@click.option("--at", type=DAY_OR_TIME, help="The version in force then: a time with its offset, or a day (default: now).")
@click.option("--allow-losses", is_flag=True, help="Write it also where it would price another way.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A file for the document (default: it is printed)."
)
@json_option
@pass_settings
def export_command(
    settings: Settings, name: str, wanted: str, at: date | None, allow_losses: bool, out: Path | None, as_json: bool
) -> None:
    """Write a tariff as an OCPI object or as the TariffType of OCPP 2.1, and tell what that format cannot say of it.

    TARIFF is an ID, ID@TIME, a version's hash, FILE or FILE#ID; a version that is named by its hash or a FILE has the
    validity that is known there.
    The losses go to standard error. Where one of them changes the price nothing is written, and the status is 1.
    """
    site = operator_zone(settings.reference_path) or "UTC"
    instant = local_instant(at, site) if at else datetime.now(UTC)
    catalogue = looked_into(settings)
    try:
        published = published_tariff(name, catalogue, instant, site)
    except TariffNotFound as error:
        _refuse((str(error),))
    if at is not None and published != catalogue.tariff_version(TariffId(name), instant):
        raise click.UsageError("--at says which version of an ID is meant: leave it out, since the name says that")
    operator = operator_of(catalogue, instant)
    try:
        exported = export(
            published,
            Profile(wanted),
            country_code=operator.country_code,
            party_id=operator.party_id,
            last_updated=published.valid_from,
            allow_losses=allow_losses,
        )
    except ExportRefused as refused:
        _tell_refused(refused, published, wanted, as_json)
    _tell(exported, published, wanted, out, as_json)


def _tell(exported: Exported, published: TariffPublished, wanted: str, out: Path | None, as_json: bool) -> None:
    document = _json(exported.document)
    if out is not None:
        write_whole(out, document + b"\n")
    if as_json:
        _print(_json({"document": exported.document, "losses": [_plain(loss) for loss in exported.losses]}))
        return
    _show(exported.losses)
    if out is None:
        _print(document)
    else:
        OUT.print(f"{escape(published.tariff.id)} as {wanted}: {escape(str(out))}")


def _tell_refused(refused: ExportRefused, published: TariffPublished, wanted: str, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"document": None, "losses": [_plain(loss) for loss in refused.losses]})
    else:
        _show(refused.losses)
        ERR.print(
            f"[bold red]wattbook:[/] {escape(published.tariff.id)} would price another way as {wanted}; nothing was written: "
            "change it, or say --allow-losses"
        )
    sys.exit(1)


def _show(losses: tuple[Loss, ...]) -> None:
    for loss in losses:
        told = "[yellow]changes the price:[/]" if loss.changes_price else "[dim]told otherwise:[/]"
        ERR.print(f"{told} {escape(str(loss))}")


def _plain(loss: Loss) -> dict[str, Any]:
    return {"reason": loss.reason.value, "changes_price": loss.changes_price, "where": loss.where, "instead": loss.instead}


def _json(value: Any) -> bytes:
    return msgspec.json.format(_NUMBERS.encode(value))


def _print(document: bytes) -> None:
    sys.stdout.write(shown_json(document.decode()) + "\n")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@pass_settings
def import_command(settings: Settings, file: Path, as_json: bool) -> None:
    """Print the tariffs in FILE as they would stand in reference/tariffs.yaml; nothing is published.

    FILE is JSON of OCPI 2.2.1, OCPI 2.3.0 or OCPP 2.1 (an object, a list, an OCPI answer, an OCPP request), or tariffs of
    our own, in JSON or YAML. It needs no home. Nothing is lost: what is read is written with the profile by whose rules it
    prices. What was put aside, or taken for something else, is told on standard error. A tariff that cannot be read is
    refused, with status 1.
    """
    try:
        imported = _read(file, operator_zone(settings.reference_path) or "UTC")
    except TariffRefused as refused:
        _refuse(tuple(f"{file}: {complaint.removeprefix('the file: ')}" for complaint in refused.complaints))
    except (YamlErrors, ReferenceErrors) as errors:
        _refuse(tuple(map(str, errors.problems)))
    for one in imported:
        for note in one.notes:
            ERR.print(f"[yellow]note[/] {escape(one.published.tariff.id)}: {escape(note)}")
    if as_json:
        print_json([_imported(one) for one in imported])
    else:
        found = [authored(one.published) for one in imported]
        sys.stdout.write(tariffs_yaml(found))
        formats = ", ".join(dict.fromkeys(one.format for one in imported))
        ERR.print(f"{count(len(imported), 'tariff')} of {formats}: check, and add to reference/tariffs.yaml")


def _read(file: Path, zone: str) -> tuple[Imported, ...]:
    """Our own YAML is read as the reference folder is: by its places, without a `valid_from` where it always holds."""
    body = file.read_bytes()
    if file.suffix not in (".yaml", ".yml"):
        return read_tariffs(body)
    raw = plain(read_yaml(body, str(file)))
    found = raw["tariffs"] if isinstance(raw, dict) and isinstance(raw.get("tariffs"), list) else [raw]
    if all(map(is_ours, found)):
        return tuple(Imported(published, "our own", ()) for published in published_in(file, zone))
    return tuple(map(read_tariff, found))


def _imported(one: Imported) -> dict[str, Any]:
    return {"format": one.format, "notes": list(one.notes), "tariff": authored(one.published)}


def _refuse(complaints: tuple[str, ...]) -> NoReturn:
    for complaint in complaints[:_COMPLAINTS_SHOWN]:
        ERR.print(f"[bold red]wattbook:[/] {escape(complaint)}")
    if (more := len(complaints) - _COMPLAINTS_SHOWN) > 0:
        ERR.print(f"[bold red]wattbook:[/] and {count(more, 'complaint')} more")
    sys.exit(1)
