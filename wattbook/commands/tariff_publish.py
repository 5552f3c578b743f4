"""`wattbook tariff publish`: a tariff is in force from its day on; for a time that is over only with --re-rate, not unseen."""

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import click

from tariffs.lint import Severity
from tariffs.lint import lint as lints_of
from vocabulary.tariff import TariffPublished
from wattbook import publishing_tariffs
from wattbook.commands.moments import DAY_OR_TIME
from wattbook.commands.output import ERR, OUT, count, escape, opened, pass_settings, print_json
from wattbook.commands.re_rating import Asked, carry_out, looked_at, options
from wattbook.publishing_tariffs import Retroactive, demand_fit, is_missing_in, new_of, of_the_past, question, versions_of
from wattbook.reference_files import operator_zone
from wattbook.reference_shapes import ALWAYS, local_instant
from wattbook.settings import Settings
from wattbook.tariff_names import TariffNotFound, short_hash
from wattbook.tariff_uses import surroundings_in
from wattbook.wiring import App, NotReady


@click.command()
@click.argument("name", metavar="ID | FILE | FILE#ID")
@click.option("--valid-from", type=DAY_OR_TIME, help="When that of a FILE comes into force; or which version of the ID.")
@click.option("--re-rate", "is_re_rated", is_flag=True, help="Rate anew what was charged for a time that is over.")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is kept with each decision to re-rate.")
@click.option("--allow-lints", is_flag=True, help="Publish it though `tariff lint` finds errors.")
@options
@pass_settings
def publish(
    settings: Settings,
    name: str,
    valid_from: date | None,
    is_re_rated: bool,
    reason: str,
    allow_lints: bool,
    by: str,
    yes: bool,
    processes: int,
    as_json: bool,
) -> None:
    """Publish a tariff of the reference folder (ID), or of a FILE: it is in force from its `valid_from` on.

    Where that is in the past and the tariff was known before, it is refused, unless --re-rate says that what was charged is to
    be charged anew: what would change is shown first, and written where that is confirmed.
    """
    since = None if valid_from is None else local_instant(valid_from, operator_zone(settings.reference_path) or "UTC")
    try:
        versions = versions_of(name, settings.reference_path, since)
    except TariffNotFound as error:
        raise click.UsageError(str(error)) from None
    if is_re_rated and not reason:
        raise click.UsageError("--re-rate needs --reason TEXT: it is kept with each decision")
    with opened(settings) as app:
        app.runtime.pump()
        demand_fit(versions, app.runtime.catalogue())
        _lint(new_of(versions, app.runtime.catalogue()), settings.reference_path, allow_lints)
        if is_re_rated:
            _re_rate(settings, app, versions, Asked(reason, by, yes, as_json, processes))
        else:
            _publish(settings, app, versions, processes, as_json)
        is_published = not new_of(versions, app.runtime.catalogue())
    if is_published and is_missing_in(settings.reference_path, versions):
        folder = escape(str(settings.reference_path))
        ERR.print(f"[yellow]note[/] {folder} has no such version: add it there too, where the next one looks for prices")


def _lint(versions: tuple[TariffPublished, ...], folder: Path, allow_lints: bool) -> None:
    """Errors refuse it; warnings are told. What the law wants depends on where the folder has the tariff used."""
    found = dict.fromkeys(one for each in versions for one in lints_of(each.tariff, surroundings_in(folder, each)))
    for one in (one for one in found if one.severity is not Severity.HINT):
        ERR.print(f"[yellow]{one.severity}[/] {one.reason}: {escape(one.detail)}")
    if (errors := sum(one.severity is Severity.ERROR for one in found)) and not allow_lints:
        raise NotReady(f"{count(errors, 'error')} in tariff {versions[0].tariff.id}: correct it, or say --allow-lints")


def _publish(settings: Settings, app: App, versions: tuple[TariffPublished, ...], processes: int, as_json: bool) -> None:
    catalogue, now = app.runtime.catalogue(), datetime.now(UTC)
    new = new_of(versions, catalogue)
    if past := of_the_past(new, catalogue, now):
        _refuse(settings, app, past, processes)
    publishing_tariffs.publish(app, new)
    if as_json:
        print_json({"published": [_plain(each) for each in new], "versions": len(versions)})
    for each in () if as_json else new:
        tense = "is" if each.valid_from <= now else "will be"
        OUT.print(f"{escape(each.tariff.id)}, version {short_hash(each.tariff)}, {tense} in force from {_since(each)} on")
    if not new:
        changed, to_tell = _left([each for each in versions if each.valid_from <= now], settings, app, processes)
        told = f"{escape(versions[0].tariff.id)} is in force as it is"
        if changed or to_tell:
            ERR.print(
                f"[yellow]warning[/] {told}, and {count(changed, 'session')} would be charged anew by it, "
                f"{to_tell} on invoices differ: `--re-rate --reason TEXT` shows what would change, and changes it"
            )
        elif not as_json:
            OUT.print(f"{told}: nothing to do")


def _left(begun: list[TariffPublished], settings: Settings, app: App, processes: int) -> tuple[int, int]:
    """How many sessions would be charged anew, and how many on invoices differ untold: it may have been published for a time
    that was over, and nothing re-rated.
    """
    if not begun:
        return 0, 0
    with looked_at(settings, app, question(begun, ()), processes) as changes:
        return changes.sums.counts["changed"], changes.sums.counts["to_tell"]


def _refuse(settings: Settings, app: App, past: tuple[TariffPublished, ...], processes: int) -> None:
    with looked_at(settings, app, question(past, past), processes) as changes:
        counts = changes.sums.counts
    concerned = (
        f"{count(counts['sessions'], 'session')} charged since would have {'its' if counts['sessions'] == 1 else 'their'}"
    )
    raise Retroactive(
        f"tariff {past[0].tariff.id} from {_since(past[0])} on is in the past, and it is known with another price: {concerned} "
        f"price from it, {counts['changed']} would be charged anew, and {counts['invoiced']} on invoices differ. Nothing was "
        "published: `--re-rate --reason TEXT` shows what would change, and changes it; or let it be valid from today on"
    )


def _re_rate(settings: Settings, app: App, versions: tuple[TariffPublished, ...], asked: Asked) -> None:
    """Where one of the two was stopped, it is begun again: what is published already is not published again."""
    new = new_of(versions, app.runtime.catalogue())
    with looked_at(settings, app, question(new or versions, new), asked.processes) as changes:
        if new and not asked.as_json:
            told = ", ".join(f"{short_hash(each.tariff)} from {_since(each)} on" for each in new)
            OUT.print(f"{escape(new[0].tariff.id)} {'will' if asked.yes else 'would'} be published: {told}")
        carry_out(app, changes, asked, before=partial(publishing_tariffs.publish, app, new) if new else None)


def _plain(each: TariffPublished) -> dict[str, object]:
    return {"tariff": each.tariff.id, "version": short_hash(each.tariff), "valid_from": each.valid_from.isoformat()}


def _since(each: TariffPublished) -> str:
    if each.valid_from == ALWAYS:
        return "the beginning"
    return each.valid_from.strftime("%Y-%m-%dT%H:%MZ")
