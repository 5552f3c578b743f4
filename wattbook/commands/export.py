"""`wattbook export`: what leaves for roaming partners."""

import sys
from pathlib import Path

import click

from vocabulary.identity import short
from wattbook.commands.home import publish_quietly
from wattbook.commands.output import ERR, OUT, escape, json_option, opened, pass_settings, print_json, table
from wattbook.exports import Exported, export_cdrs
from wattbook.months import month_of
from wattbook.settings import Settings


@click.group()
def export() -> None:
    """Exports for partners."""


@export.command()
@click.option("--month", required=True, metavar="YYYY-MM", help="Sessions that ended in this month, by the site's calendar.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the files (default: out/cdrs/MONTH).")
@json_option
@pass_settings
def cdrs(settings: Settings, month: str, out: Path | None, as_json: bool) -> None:
    """Write OCPI 2.2.1 charge detail records, one file per roaming partner. Status 1 if a session could not be told."""
    wanted = month_of(month)
    with opened(settings) as app:
        publish_quietly(app)
        exported = export_cdrs(app, wanted, out or settings.out_path / "cdrs" / month)
    if as_json:
        print_json([each._asdict() | {"path": str(each.path)} for each in exported])
    else:
        _show(month, exported)
    sys.exit(1 if any(each.refused for each in exported) else 0)


def _show(month: str, exported: list[Exported]) -> None:
    if not exported:
        OUT.print(f"no sessions of roaming partners in {month}")
        return
    rows = [(e.partner, e.cdrs, e.held, len(e.refused), e.path) for e in exported]
    table(f"CDRs of {month}", ("partner", "CDRs", "held back", "refused", "file"), rows, right=(1, 2, 3))
    for refused in (refused for each in exported for refused in each.refused):
        ERR.print(f"[yellow]not exported[/] session {short(refused.session)}: {escape('; '.join(refused.objections))}")
