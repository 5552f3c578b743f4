"""`wattbook prices`: the prices that tariffs follow, as somebody publishes them: imported from files, and shown."""

from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from streams.series import Publication, Value
from tariffs.rounding import tidy
from vocabulary.identity import short
from vocabulary.money import plain, round_half_up
from vocabulary.zones import zone
from wattbook.commands.home import publish_quietly
from wattbook.commands.output import OUT, count, escape, json_option, opened, pass_settings, print_json, table
from wattbook.price_import import Reading, price_unit, read_prices, series_id
from wattbook.price_publishing import PricedDay, PricesPublished, priced_day, publish_prices
from wattbook.price_rows import PricesRefused
from wattbook.reference_files import operator_zone
from wattbook.settings import Settings

_RESOLUTIONS = {"15m": 900, "30m": 1800, "60m": 3600}


@click.group()
def prices() -> None:
    """Published prices, as of a day-ahead market, that tariffs follow."""


@prices.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--series", required=True, metavar="ID", help="Its name, as tariffs call it: day-ahead-de-lu.")
@click.option("--unit", required=True, help="Of the prices in the file: EUR/MWh, EUR/kWh, ct/kWh, CHF/MWh ….")
@click.option("--column", help="The column of a CSV that has the prices (default: the only one beside the time).")
@click.option("--time-column", help="The column of a CSV that has the times (default: the first).")
@click.option("--zone", "zone_name", help="Of times without an offset from UTC; without it, such a file is refused.")
@click.option(
    "--decimal", type=click.Choice(["comma", "point"]), help="How decimals are written, where the numbers do not tell."
)
@click.option(
    "--resolution", type=click.Choice([*_RESOLUTIONS]), help="How long each price holds (default: the shortest step)."
)
@click.option("--source", help="Where the file comes from, to be kept with it (default: its name).")
@json_option
@pass_settings
def import_command(
    settings: Settings,
    file: Path,
    series: str,
    unit: str,
    column: str | None,
    time_column: str | None,
    zone_name: str | None,
    decimal: str | None,
    resolution: str | None,
    source: str | None,
    as_json: bool,
) -> None:
    """Publish the prices in FILE, a CSV or JSON: all of them, or none. Sessions that waited for them are rated.

    A price that was published before is replaced for what is rated from now on; what was rated keeps its price.
    """
    local = None if zone_name is None else _zone(zone_name)
    reading = Reading(
        series_id(series),
        price_unit(unit),
        column,
        time_column,
        local,
        _RESOLUTIONS.get(resolution or ""),
        None if decimal is None else decimal == "comma",
    )
    try:
        facts = read_prices(file.read_bytes(), reading, source or file.name, datetime.now(UTC))
    except PricesRefused as refused:
        raise PricesRefused(*(f"{file}: {complaint}" for complaint in refused.complaints)) from None
    with opened(settings) as app:
        publish_quietly(app)
        with app.reading() as store:
            before = store.states.progresses()
        published = publish_prices(app, facts)
        with app.reading() as store:
            after = store.states.progresses()
    changed = {name: after[name] - before[name] for name in sorted(after | before) if after[name] != before[name]}
    if as_json:
        print_json({**published._asdict(), "sessions": changed})
    else:
        _tell(published, changed)


def _tell(published: PricesPublished, changed: dict[str, int]) -> None:
    start, end = (f"{at:%Y-%m-%d %H:%M}" for at in (published.start, published.end))
    each = f"{published.resolution_s // 60} minutes"
    OUT.print(f"{escape(published.series)}: {count(published.prices, 'price')} of {each}, {start} to {end} UTC")
    OUT.print(f"from {plain(published.least)} to {plain(published.most)} {published.currency} per kWh")
    if not published.new:
        OUT.print("published before: nothing is new")
        return
    OUT.print(count(published.new, "publication"))
    if published.replaced:
        OUT.print(f"{count(published.replaced, 'quarter-hour')} had another price: what was rated keeps it")
    if changed:
        OUT.print("sessions: " + ", ".join(f"{name} {number:+}" for name, number in changed.items()))


@prices.command()
@click.argument("series")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Default: the last one that has prices.")
@click.option("--zone", "zone_name", help="By whose clock (default: the operator's).")
@json_option
@pass_settings
def show(settings: Settings, series: str, day: datetime | None, zone_name: str | None, as_json: bool) -> None:
    """A day of SERIES, per kWh, by the clock; and who published it when, from which file."""
    local = _zone(zone_name or operator_zone(settings.reference_path) or "UTC")
    with opened(settings) as app:
        found = priced_day(app.runtime.catalogue(), series_id(series), day.date() if day else None, local)
    if as_json:
        print_json(_as_json(found))
    else:
        _show(found)


def _zone(name: str) -> ZoneInfo:
    try:
        return zone(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise click.UsageError(f"--zone: {name} is no zone of the tz database: write Europe/Berlin") from None


def _as_json(found: PricedDay) -> dict[str, object]:
    return {
        "series": found.series,
        "currency": found.currency,
        "day": found.day,
        "zone": found.zone.key,
        "prices": [
            {"start": at, "per_kwh": value and tidy(value.value), "version": value and value.publication.version}
            for at, value in found.slots
        ],
        "publications": [one._asdict() for one in found.publications],
    }


def _show(found: PricedDay) -> None:
    title = f"{found.series}, {found.day}, {found.zone.key}, {found.currency} per kWh"
    table(title, ("", ":00", ":15", ":30", ":45"), [*_hours(found)], right=(1, 2, 3, 4))
    if not found.values:
        OUT.print("no price is published for that day")
        return
    least, most = (pick(found.values, key=lambda value: value.value) for pick in (min, max))
    mean = round_half_up(sum((Fraction(value.value) for value in found.values), Fraction(0)) / len(found.values), 5)
    OUT.print(f"lowest {_at(least, found.zone)}, highest {_at(most, found.zone)}, mean {plain(mean)}")
    for one, number in _publications(found):
        OUT.print(
            f"version {short(one.version)}: {count(number, 'quarter-hour')}, published {one.at:%Y-%m-%d %H:%M} UTC in "
            f"{one.unit} from {escape(one.source)}, SHA-256 {short(one.source_sha256)}"
        )


def _hours(found: PricedDay) -> Iterator[tuple[object, ...]]:
    """An hour of the clock in each row; where clocks are put back the offset tells the two apart."""
    twice = len({at.utcoffset() for at, _ in found.slots}) > 1
    for (hour, offset), group in groupby(found.slots, key=lambda one: (one[0].hour, one[0].isoformat()[-6:])):
        row = {at.minute: value and tidy(value.value) for at, value in group}
        yield (f"{hour:02}:00{offset}" if twice else f"{hour:02}:00", *(row.get(minute) for minute in (0, 15, 30, 45)))


def _at(value: Value, local: ZoneInfo) -> str:
    return f"{plain(tidy(value.value))} at {value.start.astimezone(local):%H:%M}"


def _publications(found: PricedDay) -> Iterator[tuple[Publication, int]]:
    for one in found.publications:
        yield one, sum(value.publication == one for value in found.values)
