"""`wattbook meter-key`: the keys by which signed meter values are verified, registered for an EVSE, listed and revoked."""

from datetime import UTC, date, datetime
from pathlib import Path

import click

from vocabulary.identity import short
from vocabulary.reference import MeterKeyPublished
from wattbook.commands.home import looked_into, publish_quietly
from wattbook.commands.moments import DAY_OR_TIME
from wattbook.commands.output import ERR, OUT, count, escape, json_option, opened, pass_settings, print_json, print_lines
from wattbook.deciding import demand_texts
from wattbook.meter_key_changes import Rechecked, as_answer, publish_key
from wattbook.reference_files import ReferenceErrors, operator_zone
from wattbook.reference_shapes import local_instant
from wattbook.settings import Settings
from wattbook.trusted_keys import (
    BEGINNING,
    SHOWN,
    KeyAsked,
    MeterKeyRefused,
    TrustedKey,
    fingerprint_of,
    interval,
    is_known,
    is_never,
    key_to_add,
    key_to_revoke,
    shown,
    similar,
    trusted_keys,
    zone_of,
)
from wattbook.wiring import App

_KEY_BYTES_MAX = 65_536


@click.group("meter-key")
def meter_key() -> None:
    """Meters' public keys, by which signed meter values are verified."""


@meter_key.command()
@click.argument("evse_id")
@click.option("--key", "text", help="As on the meter: DER in hex or base64, PEM, its point, or oca:….")
@click.option(
    "--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The same, or DER as it is, in a file."
)
@click.option("--meter", default="", metavar="SERIAL", help="Of which meter alone; without it, of any that signs with it.")
@click.option("--register", "registers", multiple=True, metavar="OBIS", help="On which it counts sessions, beside the usual.")
@click.option("--from", "since", type=DAY_OR_TIME, help="From when on it is trusted (default: since ever).")
@click.option("--until", type=DAY_OR_TIME, help="Until when, exclusive (default: without an end).")
@click.option("--by", default="", metavar="NAME", help="Who registers it.")
@json_option
@pass_settings
def add(
    settings: Settings,
    evse_id: str,
    text: str | None,
    key_file: Path | None,
    meter: str,
    registers: tuple[str, ...],
    since: date | None,
    until: date | None,
    by: str,
    as_json: bool,
) -> None:
    """Trust a key at EVSE_ID. Sessions that are held there for their signed values are checked again.

    A day begins at midnight of the site. The EVSE may be published later: the key counts from then on.
    """
    if (text is None) == (key_file is None):
        raise click.UsageError("write the key after --key, or name its file after --key-file")
    written = text if text is not None else _in_file(key_file)
    demand_texts("-", by)
    with opened(settings) as app:
        publish_quietly(app)
        catalogue = app.runtime.catalogue()
        zone = zone_of(catalogue, evse_id) or operator_zone(settings.reference_path) or "UTC"
        begins, ends = (None if at is None else local_instant(at, zone) for at in (since, until))
        fact = key_to_add(catalogue, KeyAsked(evse_id, written, meter, begins, ends, registers), by)
        known, near = is_known(catalogue, evse_id), similar(catalogue, evse_id)
        found = None if fact is None else publish_key(app, fact)
    if as_json:
        print_json(as_answer(fact, found))
    elif fact is None:
        OUT.print(f"{escape(evse_id)} trusts this key already, for the same time: nothing to do")
    else:
        OUT.print(f"{escape(fact.evse_id)} trusts {_name(fact)}, {interval(fact.key)}")
        _tell(found)
    if fact is not None and not known:
        ERR.print(f"[yellow]note[/] no site has {escape(evse_id)} yet{near}: the key counts once one has")
    if fact is not None and fact.key.valid_from is None:
        ERR.print("[yellow]note[/] it counts for sessions of any time: say --from where another meter stood there before")


@meter_key.command("list")
@click.argument("evse_id", required=False)
@json_option
@pass_settings
def list_(settings: Settings, evse_id: str | None, as_json: bool) -> None:
    """The keys of EVSE_ID, or of all EVSEs: also those whose time is over, and those that were revoked."""
    found = trusted_keys(looked_into(settings), evse_id, datetime.now(UTC))
    if as_json:
        print_json(found)
    elif not found:
        OUT.print("no key is registered: `wattbook meter-key add`, or write meter_keys at an EVSE of the reference folder")
    else:
        columns = ("EVSE", "meter", "curve", "fingerprint", "trusted from (UTC)", "until (UTC)", "named by", "revoked")
        print_lines(columns, [_row(each) for each in found])


@meter_key.command()
@click.argument("evse_id")
@click.argument("fingerprint")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is kept with the key.")
@click.option("--from", "since", type=DAY_OR_TIME, help="From when on it is not trusted any more (default: now).")
@click.option("--entirely", is_flag=True, help="It was never to be trusted there: it was registered by a slip.")
@click.option("--by", default="", metavar="NAME", help="Who revokes it.")
@json_option
@pass_settings
def revoke(
    settings: Settings,
    evse_id: str,
    fingerprint: str,
    reason: str,
    since: date | None,
    entirely: bool,
    by: str,
    as_json: bool,
) -> None:
    """End the trust in a key of EVSE_ID, named by the beginning of its FINGERPRINT.

    What was rated by it stays as it is, and a session that was over before then is verified by it, whenever it comes. So
    revoke a key that was stolen --from the day on which it was, or --entirely.
    """
    demand_texts(reason, by)
    if entirely and since is not None:
        raise click.UsageError("--entirely is for all time: leave --from out")
    with opened(settings) as app:
        _publish_if_sound(app)
        catalogue = app.runtime.catalogue()
        zone = zone_of(catalogue, evse_id) or operator_zone(settings.reference_path) or "UTC"
        when = datetime.now(UTC).replace(microsecond=0) if since is None else local_instant(since, zone)
        when = BEGINNING if entirely else when
        fact = key_to_revoke(catalogue, evse_id, fingerprint, reason, when, by)
        found = None if fact is None else publish_key(app, fact)
    if as_json:
        print_json(as_answer(fact, found))
    elif fact is None:
        OUT.print(f"{escape(evse_id)} does not trust this key any more since then, or before: nothing to do")
    else:
        trusts = "never trusted" if entirely else "trusts"
        when_told = "" if entirely else f", {interval(fact.key)}"
        OUT.print(f"{escape(fact.evse_id)} {trusts} {_name(fact)}{when_told}; revoked: {escape(fact.revoked)}")


def _publish_if_sound(app: App) -> None:
    """What is wrong in the folder keeps nobody from revoking a key; that may be what is wrong."""
    try:
        publish_quietly(app)
    except ReferenceErrors as errors:
        ERR.print(f"[yellow]note[/] the reference folder is left as it was published last: {escape(str(errors.problems[0]))}")


def _in_file(path: Path | None) -> str:
    assert path is not None
    with path.open("rb") as file:
        data = file.read(_KEY_BYTES_MAX + 1)
    if len(data) > _KEY_BYTES_MAX:
        raise MeterKeyRefused(f"{path} has more than {_KEY_BYTES_MAX} bytes: it is no public key")
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        return data.hex()


def _tell(found: Rechecked | None) -> None:
    if found is None or not (found.billable or found.waiting):
        OUT.print("no session had waited for it")
        return
    total = count(len(found.billable) + len(found.waiting), "session")
    are, were = ("is", "was") if total == "1 session" else ("are", "were")
    if not found.is_done:
        OUT.print(f"{total} of the EVSE {are} held: workers check them again when they run")
        return
    OUT.print(f"{total} had waited and {were} checked again: {len(found.billable)} billable now")
    for each in found.waiting:
        OUT.print(f"  {short(each.session)} stays held: {each.finding}")


def _name(fact: MeterKeyPublished) -> str:
    of = f" of meter {escape(fact.key.meter)}" if fact.key.meter else ""
    return f"the key {fingerprint_of(fact.key)[:SHOWN]}{of}"


def _row(each: TrustedKey) -> tuple[object, ...]:
    since, until = ("–" if at is None else shown(at) for at in (each.valid_from, each.valid_until))
    if is_never(each):
        since, until = interval(each), ""
    source = each.source if each.site else f"{each.source}, no site yet"
    return each.evse_id, each.meter, each.curve, each.fingerprint[:SHOWN], since, until, source, each.revoked
