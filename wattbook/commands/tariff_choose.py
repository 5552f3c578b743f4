"""`wattbook tariff choose`: which tariff a session would have, and why, before there is one."""

import sys
from datetime import UTC, date, datetime

import click

from streams.assignment import Asked, Chosen, choose_for
from streams.catalogue import Catalogue
from vocabulary.codec import version_hash
from vocabulary.identity import TokenUid, short
from vocabulary.sessions import Doubt, Finding
from wattbook.commands.home import looked_into
from wattbook.commands.moments import DAY_OR_TIME
from wattbook.commands.output import ERR, OUT, escape, escape_lines, json_option, pass_settings, print_json
from wattbook.prices import price_text
from wattbook.reference_files import operator_zone
from wattbook.reference_shapes import local_instant
from wattbook.settings import Settings


@click.command()
@click.argument("evse_id")
@click.option("--token", help="Whose session it is; without it, of anybody.")
@click.option(
    "--at",
    type=DAY_OR_TIME,
    help="When it begins: a time with its offset, or a day: its midnight where the operator is (default: now).",
)
@json_option
@pass_settings
def choose(settings: Settings, evse_id: str, token: str | None, at: date | None, as_json: bool) -> None:
    """The tariff of a session that begins at an EVSE, and why it is that one."""
    zone = operator_zone(settings.reference_path) or "UTC"
    begins = datetime.now(UTC) if at is None else local_instant(at, zone)
    chosen = _chosen(looked_into(settings), evse_id, None if token is None else TokenUid(token), begins)
    if isinstance(chosen, Doubt):
        ERR.print(f"[bold red]wattbook:[/] {chosen.finding}: {escape(chosen.detail)}; see docs/errors.md")
        sys.exit(1)
    told = {"tariff": chosen.tariff.id, "version": version_hash(chosen.tariff), "because": chosen.choice.reason}
    if as_json:
        print_json(told | {"assignment": chosen.choice.assignment, "policy": chosen.choice.policy})
        return
    OUT.print(f"tariff     {escape(told['tariff'])}, version {short(told['version'])}")
    OUT.print(f"because    {escape(told['because'])}")
    OUT.print(f"price      {escape_lines(price_text(chosen.tariff, 'en'))}")


def _chosen(catalogue: Catalogue, evse_id: str, token: TokenUid | None, begins: datetime) -> Chosen | Doubt:
    plug = catalogue.plug_of(evse_id, begins)
    if plug is None:
        return Doubt(finding=Finding.EVSE_UNKNOWN, detail=f"no EVSE {evse_id} at {begins.isoformat()}")
    holder = None if token is None else catalogue.holder(token, begins)
    if token is not None and holder is None:
        return Doubt(finding=Finding.TOKEN_UNKNOWN, detail=f"nobody has this token at {begins.isoformat()}")
    return choose_for(Asked(plug, holder, begins, token), begins, catalogue)
