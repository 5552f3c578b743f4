"""`wattbook tariff diff`: what two tariffs, or two versions of one, differ in. Ends with a status as diff(1) does."""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Literal

import click
from rich.table import Table

from streams.catalogue import Catalogue
from tariffs.diff import Change, ChangeKind
from tariffs.diff import diff as changes_of
from vocabulary.codec import as_plain
from vocabulary.money import plain
from wattbook.commands.home import looked_into
from wattbook.commands.output import OUT, count, escape, json_option, pass_settings, print_json
from wattbook.reference_files import operator_zone
from wattbook.settings import Settings
from wattbook.tariff_names import TariffNotFound, is_file, named_tariff, short_hash

_STYLES = {ChangeKind.NEW: "green", ChangeKind.GONE: "red", ChangeKind.MOVED: "yellow"}
_COLUMNS: tuple[Literal["left", "right"], ...] = ("left", "left", "right", "right")


@click.command()
@click.argument("old")
@click.argument("new")
@json_option
@pass_settings
def diff(settings: Settings, old: str, new: str, as_json: bool) -> None:
    """What changes from tariff OLD to NEW, price by price: each is an ID, ID@TIME, a version's hash, FILE or FILE#ID.

    Status 0: they are the same; 1: they are not; 2: one of them is not there.
    """
    site = operator_zone(settings.reference_path) or "UTC"
    catalogue = catalogue_for(settings, old, new)
    try:
        before, after = (named_tariff(name, catalogue, datetime.now(UTC), site).tariff for name in (old, new))
    except TariffNotFound as error:
        raise click.UsageError(str(error)) from None
    changes = changes_of(before, after)
    if as_json:
        versions = {"old": short_hash(before), "new": short_hash(after)}
        print_json({**versions, "changes": [as_plain(change) for change in changes]})
    else:
        _show(changes)
    sys.exit(1 if changes else 0)


def catalogue_for(settings: Settings, *names: str) -> Catalogue:
    """What is in force in this home, the folder's prices to come among it; not looked at where only files are named."""
    if all(map(is_file, names)):
        return Catalogue()
    return looked_into(settings)


def _show(changes: tuple[Change, ...]) -> None:
    for (where, _, _), group in groupby(changes, key=lambda one: (one.where, one.element_before, one.element_after)):
        found = list(group)
        title = f"{where or 'The tariff as a whole'}{_elements(found[0])}"
        OUT.print(f"[bold]{escape(title)}[/]")
        made = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        columns = 4 if any(change.absolute is not None for change in found) else 2
        for justify in _COLUMNS[:columns]:
            made.add_column(justify=justify, no_wrap=justify == "right")
        for change in found:
            made.add_row(*_row(change)[:columns])
        OUT.print(made)
        OUT.print()
    OUT.print(count(len(changes), "difference") if changes else "no difference")


def _elements(change: Change) -> str:
    before, after = change.element_before, change.element_after
    match before, after:
        case None, None:
            return ""
        case (None, number) | (number, None):
            return f" (element {number})"
        case _:
            return f" (element {after})" if before == after else f" (element {after}, was {before})"


def _row(change: Change) -> list[str]:
    """What, what is told of it, and of an amount by how much it rises or falls, and by how many per cent."""
    is_new, is_gone = change.kind is ChangeKind.NEW, change.kind is ChangeKind.GONE
    told = change.after if is_new else change.before if is_gone else f"{change.before} → {change.after}"
    style = _STYLES.get(change.kind, "")
    kind = f"[{style}]{change.kind}[/] " if style else ""
    absolute = "" if change.absolute is None else _signed(change.absolute)
    percent = "" if change.percent is None else f"{_signed(change.percent)} %"
    return ["  " + escape(change.what), kind + escape(told), absolute, percent]


def _signed(number: Decimal) -> str:
    return f"{'+' if number > 0 else ''}{plain(number)}"
