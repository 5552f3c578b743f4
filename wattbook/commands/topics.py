"""`wattbook topics`: make Kafka's topics, check how they are configured, and look into one."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from streams.kafka_client import Admin, Reader
from streams.kafka_topics import TOPICS, Misfit, Spec, check, create, default_replication, mend
from streams.places import Offset, Partition, Taken
from wattbook.commands.output import OUT, count, escape, json_option, pass_settings, print_json, table
from wattbook.settings import Settings, SettingsError

_SHOWN_MAX = 4_000  # characters of a value in a table


@click.group()
def topics() -> None:
    """The topics in Kafka: make them, check how they are configured, look into one."""


@topics.command("create")
@json_option
@pass_settings
def create_(settings: Settings, as_json: bool) -> None:
    """Make the topics that are missing; check those that are there. Status 1 where one is not as it must be."""
    with _admin(settings) as (admin, spec):
        made = create(admin, spec)
        misfits = check(admin, spec)
    if not as_json:
        OUT.print(
            f"{count(len(made), 'topic')} made: {spec.partitions} partitions, {spec.replication} "
            f"{'copy' if spec.replication == 1 else 'copies'} of each"
        )
    _tell(misfits, as_json, made=made)


@topics.command("check")
@json_option
@pass_settings
def check_(settings: Settings, as_json: bool) -> None:
    """Compare each topic with what it must be, and say how to mend it. Status 1 where one is not as it must be."""
    with _admin(settings) as (admin, spec):
        misfits = check(admin, spec)
    _tell(misfits, as_json)


@topics.command("mend")
@json_option
@pass_settings
def mend_(settings: Settings, as_json: bool) -> None:
    """Change the settings that can be changed in place. Status 1 where something is left."""
    with _admin(settings) as (admin, spec):
        misfits = mend(admin, spec)
    _tell(misfits, as_json)


@topics.command()
@click.argument("topic", type=click.Choice(TOPICS))
@click.option("--partition", type=click.IntRange(min=0), required=True, help="The partition to read.")
@click.option("--from", "since", metavar="TIME|OFFSET", default="0", help="Its offset, or a time with zone. Default: 0.")
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Records to show at most.")
@json_option
@pass_settings
def read(settings: Settings, topic: str, partition: int, since: str, limit: int, as_json: bool) -> None:
    """Show records of a partition from an offset on, or from what the broker appended at a moment on."""
    options = settings.kafka_options
    with Reader(options, options.topic(topic), Partition(partition)) as reader:
        found = _first(reader, Offset(int(since)) if since.isdecimal() else reader.offset_at(_moment(since)), limit)
    rows = [_shown(taken) for taken in found]
    if as_json:
        print_json({"records": rows})
    else:
        shown = [[row["offset"], row["appended_at"], row["key"], _shortened(row)] for row in rows]
        table("", ("offset", "appended", "key", "value"), shown)


@contextmanager
def _admin(settings: Settings) -> Iterator[tuple[Admin, Spec]]:
    with Admin(settings.kafka_options) as admin:
        replication = settings.kafka_replication or default_replication(admin)
        yield admin, Spec(settings.kafka_prefix, settings.kafka_partitions, replication)


def _tell(misfits: Sequence[Misfit], as_json: bool, **more: Any) -> None:
    if as_json:
        print_json({**more, "misfits": [misfit._asdict() for misfit in misfits]})
    elif misfits:
        for misfit in misfits:
            OUT.print(f"[bold red]misfit[/] {escape(str(misfit))}")
    else:
        OUT.print("[bold green]all topics are as they must be[/]")
    sys.exit(1 if misfits else 0)


def _first(reader: Reader, at: Offset, limit: int) -> list[Taken]:
    found: list[Taken] = []
    for records in reader.to_end(at, limit):
        found += records
        if len(found) >= limit:
            break
    return found[:limit]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"--from {text}: write an offset, or a time as 2026-10-01T00:00Z") from None
    if moment.tzinfo is None:
        raise SettingsError(f"--from {text}: write the zone too, as in 2026-10-01T00:00Z")
    return moment


def _shown(taken: Taken) -> dict[str, Any]:
    appended = datetime.fromtimestamp(taken.timestamp_ms // 1000, UTC).replace(microsecond=taken.timestamp_ms % 1000 * 1000)
    return {
        "offset": taken.offset,
        "appended_at": appended.isoformat(timespec="milliseconds"),
        "key": _text(taken.key),
        "headers": {name: _text(value) for name, value in taken.headers},
        "value": _text(taken.value),
    }


def _shortened(row: dict[str, Any]) -> str | None:
    """The value as a table shows it: which part of a record it is, where it is one, and not millions of characters."""
    value: str | None = row["value"]
    if value is None:
        return None
    part = f"(part {row['headers']['part']} of {row['headers']['parts']}) " if "parts" in row["headers"] else ""
    rest = f"… ({len(value)} characters, all of them with --json)" if len(value) > _SHOWN_MAX else ""
    return f"{part}{value[:_SHOWN_MAX]}{rest}"


def _text(value: bytes | None) -> str | None:
    """For people: bytes that are no UTF-8 are shown as Python writes them."""
    return None if value is None else value.decode(errors="backslashreplace")
