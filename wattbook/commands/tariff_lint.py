"""`wattbook tariff lint`: what may be wrong with the tariffs of the reference folder, or of files, before they are published.

Nothing is opened and nothing is written: the reference files are read as `reference publish` reads them. Ends with 0 where
there is no error, with 1 where there is one, and with 2 where what was named is not there.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import click

from tariffs.lint import Lint, Severity, Surroundings
from tariffs.lint import lint as lints_of
from tariffs.lint_display import EU
from vocabulary.tariff import Tariff
from vocabulary.zones import zone
from wattbook.commands.output import ERR, OUT, count, escape, json_option, paragraph, pass_settings, print_json
from wattbook.reference_files import operator_zone
from wattbook.reference_shapes import country as known_country
from wattbook.settings import Settings
from wattbook.sketch import quantity
from wattbook.suggest import did_you_mean
from wattbook.tariff_names import is_file, short_hash
from wattbook.tariff_uses import Used, used_in_file, used_in_reference

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.HINT: "cyan"}


class _Power(click.ParamType):
    name = "50kW"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """In whole watts."""
        try:
            return int(quantity(text if (text := str(value).strip())[-1:].isalpha() else f"{text}kW", "W", "kW"))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Country(click.ParamType):
    name = "DE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return known_country(str(value).upper())
        except ValueError as error:
            self.fail(f"{value} {error}", param, ctx)


class Linted(NamedTuple):
    used: Used
    found: tuple[Lint, ...]


@click.command()
@click.argument("names", nargs=-1, metavar="[ID | FILE]...")
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@click.option("--private", is_flag=True, help="The EVSEs are not publicly accessible (AFIR and PAngV do not apply).")
@click.option("--power", "power_w", type=_Power(), help="Of the EVSEs that use the tariffs of a FILE; a number is in kW.")
@click.option("--country", type=_Country(), help="In which those stand, such as DE.")
@json_option
@pass_settings
def lint(
    settings: Settings,
    names: tuple[str, ...],
    strict: bool,
    private: bool,
    power_w: int | None,
    country: str | None,
    as_json: bool,
) -> None:
    """What may be wrong with tariffs: of the reference folder (all, or those with an ID), or of a FILE.

    Looks at versions that are in force or will be. Status 1: an error; 2: what was named is not there.
    """
    told = Surroundings(
        power_w_max=() if power_w is None else (power_w,),
        countries=frozenset({country} if country else ()),
        is_public=not private,
        is_ad_hoc=True,
    )
    now = datetime.now(UTC)
    linted = [Linted(used, lints_of(used.tariff, used.surroundings)) for used in _named(settings, names, told, now)]
    errors = sum(_severity(one, strict) is Severity.ERROR for each in linted for one in each.found)
    _tell_not_judged(linted)
    if as_json:
        print_json([_as_plain(each, strict) for each in linted])
    else:
        _show(linted, strict, zone(operator_zone(settings.reference_path) or "UTC"))
    sys.exit(1 if errors else 0)


def _named(settings: Settings, names: tuple[str, ...], told: Surroundings, now: datetime) -> Iterator[Used]:
    files, ids = [name for name in names if is_file(name)], [name for name in names if not is_file(name)]
    for file in files:
        if not Path(file).is_file():
            raise click.UsageError(f"there is no file {file}")
        yield from used_in_file(Path(file), told, now)
    if ids or not files:
        yield from _of_reference(settings, ids, told, now)


def _of_reference(settings: Settings, ids: list[str], told: Surroundings, now: datetime) -> Iterator[Used]:
    found = used_in_reference(settings.reference_path, told, now)
    known = {used.tariff.id for used in found}
    for wanted in ids:
        if wanted not in known:
            raise click.UsageError(f"{settings.reference_path} has no tariff {wanted}{did_you_mean(wanted, known)}")
    return (used for used in found if not ids or used.tariff.id in ids)


def _tell_not_judged(linted: list[Linted]) -> None:
    """What the law wants where the EVSEs stand is said to be unknown, so that silence is no praise."""
    shown = [each.used for each in linted if each.used.surroundings.is_public and each.used.surroundings.is_ad_hoc]
    nowhere = [used.tariff.id for used in shown if not used.surroundings.countries]
    of_any_power = [used.tariff.id for used in shown if used.surroundings.countries & EU and not used.surroundings.power_w_max]
    for ids, what in (
        (nowhere, "what AFIR and PAngV want: say with --country where the EVSEs stand, or --private"),
        (of_any_power, "what AFIR wants from 50 kW on: say with --power what the EVSEs deliver"),
    ):
        if ids:
            ERR.print(f"[yellow]not judged[/] {escape(', '.join(dict.fromkeys(ids)))}, by {what}")


def _severity(one: Lint, strict: bool) -> Severity:
    return Severity.ERROR if strict and one.severity is Severity.WARNING else one.severity


def _as_plain(each: Linted, strict: bool) -> dict[str, object]:
    return {
        "tariff": each.used.tariff.id,
        "version": short_hash(each.used.tariff),
        "valid_from": None if each.used.since is None else each.used.since.isoformat(),
        "lints": [
            {
                "reason": one.reason,
                "severity": _severity(one, strict),
                "element": one.element or None,
                "dimension": one.dimension,
                "detail": one.detail,
            }
            for one in each.found
        ],
    }


# For people


def _show(linted: list[Linted], strict: bool, site: ZoneInfo) -> None:
    for each in linted:
        since = "" if each.used.since is None else f"from {each.used.since.astimezone(site):%Y-%m-%d} on"
        nothing = "" if each.found else "  [green]nothing to say[/]"
        OUT.print(f"[bold]{escape(each.used.tariff.id)}[/]" + (f"  [dim]{since}[/]" if since else "") + nothing)
        for one in each.found:
            _show_one(one, _severity(one, strict))
        if each.found:
            OUT.print()
    OUT.print(_summary(linted, strict))


def _show_one(one: Lint, severity: Severity) -> None:
    where = _where(one)
    OUT.print(f"  [{_STYLES[severity]}]{severity:7}[/]  {one.reason}" + (f"  [dim]{where}[/]" if where else ""))
    paragraph(one.detail, indent=11)


def _where(one: Lint) -> str:
    element = f"element {one.element}" if one.element else ""
    return ", ".join(filter(None, (one.dimension or "", element)))


def _summary(linted: list[Linted], strict: bool) -> str:
    severities = [_severity(one, strict) for each in linted for one in each.found]
    told = [count(severities.count(severity), severity) for severity in Severity if severity in severities]
    return (
        f"{count(len({_key(each.used.tariff) for each in linted}), 'version')} looked at: {', '.join(told) or 'nothing to say'}"
    )


def _key(tariff: Tariff) -> str:
    return f"{tariff.id} {short_hash(tariff)}"
