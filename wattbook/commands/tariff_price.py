"""`wattbook tariff price`: what a session costs under a tariff, and why, segment by segment."""

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import click
from msgspec import structs

from streams.quotes import missing, quotes
from tariffs.breakdown import Breakdown, Segment, Slice, breakdown
from tariffs.policy import Halves, Policy, Rounded
from tariffs.words import unit_of
from vocabulary.money import plain, round_half_up
from vocabulary.quantities import WattHours, kwh
from vocabulary.rated import RatedLine, RatingNote, exact_net
from vocabulary.tariff import Dimension, EvseKind, Profile, Tariff, series_in
from vocabulary.zones import zone
from wattbook.commands.home import published_here
from wattbook.commands.moments import clocks
from wattbook.commands.output import ERR, OUT, escape, json_option, pass_settings, print_json, table
from wattbook.commands.tariff_diff import catalogue_for
from wattbook.reference_files import operator_zone
from wattbook.reference_yaml import YamlErrors, read_yaml
from wattbook.reference_yaml import plain as plain_yaml
from wattbook.settings import Settings
from wattbook.sketch import Sketched, SketchRefused, quantity, read_sketch, span
from wattbook.tariff_names import TariffNotFound, is_file, named_tariff, short_hash

_BLANK = " "
_PLACES = 4  # of what is shown; the JSON is exact


class _Span(click.ParamType):
    name = "1h30m"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        try:
            return span(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("tariff")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--energy", metavar="20kWh", help="Delivered evenly while the session charges.")
@click.option("--start", metavar="TIME", help="When charging begins, with its offset: 2026-03-10T10:00:00+01:00.")
@click.option("--duration", type=_Span(), help="How long it charges.")
@click.option("--idle", type=_Span(), help="How long the vehicle stays after that.")
@click.option("--reserved", type=_Span(), help="How long the EVSE was kept free before.")
@click.option("--export", metavar="5kWh", help="Fed back, evenly from the start to the end.")
@click.option("--swaps", metavar="1", type=click.IntRange(1, 100), help="Sets of batteries that were exchanged.")
@click.option("--power", metavar="11kW", help="What was measured, throughout.")
@click.option("--evse-kind", type=click.Choice([each.value for each in EvseKind]))
@click.option("--payment-brand", metavar="BRAND")
@click.option("--payment-recognition", metavar="CC")
@click.option("--zone", "time_zone", metavar="ZONE", help="Of the site (default: the operator's, or UTC).")
@click.option("--profile", type=click.Choice([each.value for each in Profile]), help="By whose rules (default: the tariff's).")
@click.option("--rounded", type=click.Choice([each.value for each in Rounded]), default=Rounded.GROSS_PER_TAX.value)
@click.option("--halves", type=click.Choice([each.value for each in Halves]), default=Halves.UP.value)
@json_option
@pass_settings
def price(
    settings: Settings,
    /,
    tariff: str,
    file: Path | None,
    rounded: str,
    halves: str,
    profile: str | None,
    as_json: bool,
    **told: Any,
) -> None:
    """Price a session under TARIFF (an ID, ID@TIME, a version's hash, FILE or FILE#ID), and tell why it costs that.

    The session is FILE (YAML or JSON, see docs/tariffs.md), or is sketched by --energy, --start and --duration.
    """
    site = operator_zone(settings.reference_path) or "UTC"
    try:
        sketch = _from_file(file, site) if file is not None else _from_options(told, site)
    except (SketchRefused, YamlErrors) as refused:
        _refuse(refused.complaints if isinstance(refused, SketchRefused) else tuple(map(str, refused.problems)))
    catalogue = catalogue_for(settings, tariff)
    try:
        found = named_tariff(tariff, catalogue, sketch.session.start, sketch.time_zone).tariff
    except TariffNotFound as error:
        raise click.UsageError(str(error)) from None
    policy = Policy(profile=Profile(profile) if profile else None, rounded=Rounded(rounded), halves=Halves(halves))
    quoted = quotes(sketch.session, found, published_here(settings) if is_file(tariff) and series_in(found) else catalogue)
    known = structs.replace(sketch.circumstances, prices=quoted.prices)
    told_why = breakdown(sketch.session, found, sketch.time_zone, policy, known)
    priced = {"tariff": found.id, "version": short_hash(found), "time_zone": sketch.time_zone}
    if RatingNote.PRICE_NOT_PUBLISHED in (told_why.rated.notes or ()):
        _tell_missing(told_why, found, priced, missing(quoted, found.currency), as_json)
    if as_json:
        print_json(priced | {"price": told_why})
    else:
        show_breakdown(told_why, found, sketch.time_zone)


def _tell_missing(told: Breakdown, tariff: Tariff, priced: dict[str, str], lacking: str, as_json: bool) -> NoReturn:
    """A part of a price is no price: nothing is added up, and the status is 1."""
    if as_json:
        print_json(priced | {"price": None, "missing": lacking})
    else:
        show_segments(told, tariff, priced["time_zone"])
    ERR.print(
        f"[bold red]wattbook:[/] {RatingNote.PRICE_NOT_PUBLISHED}: {escape(lacking)}; there is no total: import the prices "
        "with `wattbook prices import`"
    )
    sys.exit(1)


def _from_file(file: Path, site: str) -> Sketched:
    raw = plain_yaml(read_yaml(file.read_bytes(), str(file)))
    if not isinstance(raw, dict):
        raise SketchRefused((f"{file}: holds no session; write start, end and energy",))
    return read_sketch({"time_zone": site, **raw})


def _from_options(told: dict[str, Any], site: str) -> Sketched:
    missing = [f"--{name}" for name in ("energy", "start", "duration") if told[name] is None]
    if missing:
        raise click.UsageError(f"give a FILE with the session, or {', '.join(missing)} as well")
    try:
        start = datetime.fromisoformat(told["start"])
    except ValueError:
        raise click.UsageError(f"--start {told['start']!r}: write such as 2026-03-10T10:00:00+01:00") from None
    if start.tzinfo is None:
        raise click.UsageError(f"--start {told['start']}: has no offset from UTC; write such as 2026-03-10T10:00:00+01:00")
    if not 1970 <= start.year < 3000:
        raise click.UsageError(f"--start {told['start']}: is not between 1970 and 2999; check the year")
    for name, units in (("energy", ("Wh", "kWh")), ("export", ("Wh", "kWh")), ("power", ("W", "kW"))):
        try:
            told[name] = None if told[name] is None else quantity(told[name], *units)
        except ValueError as error:
            raise click.UsageError(f"--{name} {error}") from None
    charged = start + told["duration"]
    raw = {
        "start": start,
        "end": charged + (told["idle"] or span("0s")),
        "readings": [{"at": charged, "energy": told["energy"]}],
        "activities": [{"at": charged, "is": "idle"}] if told["idle"] else [],
        "power": [{"at": start, "value": told["power"]}] if told["power"] is not None else [],
        "reserved": {"since": start - told["reserved"]} if told["reserved"] else None,
        "time_zone": told["time_zone"] or site,
        **{name: told[name] for name in ("evse_kind", "payment_brand", "payment_recognition", "export", "swaps")},
    }
    return read_sketch(raw)


def show_segments(told: Breakdown, tariff: Tariff, time_zone: str) -> None:
    rated = told.rated
    OUT.print(f"[bold]{escape(tariff.id)}[/] {short_hash(tariff)}, by {rated.semantics}, times in {escape(time_zone)}")
    is_known = RatingNote.PRICE_NOT_PUBLISHED not in (rated.notes or ())
    free = "no price: free" if is_known else "no price: none is published, or free"
    rows = [*_dated(told.segments, rated.lines, time_zone, free)]
    table("", ("day", "from", "until", "", "quantity", "unit price", "net", "because"), rows, right=(4, 5, 6))


def show_breakdown(told: Breakdown, tariff: Tariff, time_zone: str) -> None:
    """Segment by segment; then what the limits change, the taxes, and what is owed."""
    show_segments(told, tariff, time_zone)
    rated = told.rated
    limits = [(_limit(line), _shown(exact_net(line)), line.reason) for line in rated.lines if line.limit is not None]
    if limits:
        OUT.print()
        table("Limits", ("", "net", "because"), limits, right=(1,))
    OUT.print()
    owed = [(_tax(each.vat_percent, each.taxes), each.net, each.vat, each.gross) for each in rated.owed]
    table(f"Owed: {plain(rated.total)} {rated.currency}", ("tax", "net", "tax", "gross"), owed, right=(0, 1, 2, 3))
    OUT.print(f"[dim]exactly {told.before_taxes} before and {told.after_taxes} after taxes; rounded {rated.rounding}[/]")
    for note in rated.notes or ():
        ERR.print(f"[yellow]note[/] {escape(note)}: see docs/errors.md")


def _dated(segments: Sequence[Segment], lines: tuple[RatedLine, ...], time_zone: str, free: str) -> Iterator[Sequence[object]]:
    """A row for each price of a segment; the day where it is another one than in the row before."""
    day, times = "", iter(clocks((at for segment in segments for at in (segment.start, segment.end)), zone(time_zone)))
    for segment in segments:
        since = segment.start.astimezone(zone(time_zone))
        shown_day, day = ("" if f"{since:%Y-%m-%d}" == day else f"{since:%Y-%m-%d}"), f"{since:%Y-%m-%d}"
        what = "reserved" if segment.reserved else segment.activity.value
        first: tuple[object, ...] = (shown_day or _BLANK, next(times), next(times), what)
        if not segment.slices:
            yield (*first, _energy(segment.energy_wh) or _BLANK, _BLANK, _BLANK, free)
        for each in segment.slices:
            yield (*first, _quantity(each), _unit_price(each, lines), _shown(Fraction(each.net)), _because(each))
            first = (_BLANK,) * len(first)


def _because(each: Slice) -> str:
    held_not = f"; {', '.join(map(str, each.passed_over))} did not hold" if each.passed_over else ""
    step = f"; {_amount(each.dimension, each.surplus)} added by the step size" if each.surplus else ""
    return each.reason + held_not + step


def _quantity(each: Slice) -> str:
    if each.dimension is Dimension.SWAP:
        return plain(each.quantity)
    return _BLANK if each.dimension is Dimension.FLAT else _amount(each.dimension, each.quantity)


def _amount(dimension: Dimension, amount: Decimal) -> str:
    if dimension in (Dimension.ENERGY, Dimension.ENERGY_EXPORT):
        return _energy(WattHours(amount))
    minutes, seconds = divmod(int(amount), 60)
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"


def _energy(energy_wh: WattHours) -> str:
    return f"{plain(kwh(energy_wh))} kWh" if energy_wh else ""


def _unit_price(each: Slice, lines: tuple[RatedLine, ...]) -> str:
    per_minute = any(line.per_minute for line in lines if (line.dimension, line.element) == (each.dimension, each.element))
    return plain(each.unit_price) + unit_of(each.dimension, per_minute=per_minute)


def _limit(line: RatedLine) -> str:
    kind = "minimum" if line.dimension is Dimension.MIN_PRICE else "maximum"
    return f"{kind}, {_tax(line.vat_percent, ())}"


def _tax(vat_percent: Decimal | None, taxes: tuple[Any, ...]) -> str:
    if taxes:
        return " + ".join(f"{each.tax.name} {plain(each.tax.percent)} %" for each in taxes)
    return "none" if vat_percent is None else f"{plain(vat_percent)} %"


def _shown(exact: Fraction) -> str:
    rounded = round_half_up(exact, _PLACES)
    return plain(rounded.quantize(Decimal("0.01")) if rounded == round_half_up(exact, 2) else rounded)


def _refuse(complaints: tuple[str, ...]) -> NoReturn:
    for complaint in complaints:
        ERR.print(f"[bold red]wattbook:[/] {escape(complaint)}")
    sys.exit(1)
