"""`wattbook topics`: make Kafka's topics, check how they are configured, and look into one."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from streams.kafka_client import Admin
from streams.kafka_following import TopicReader
from streams.kafka_topics import TOPICS, Misfit, Spec, changes, check, create, faults, mend
from streams.places import Offset, Partition, Taken, Unread
from streams.topic_identity import TopicIdentity
from wattbook.commands.offsets import OFFSET_OR_TIME
from wattbook.commands.output import OUT, count, escape, json_option, pass_settings, print_json, print_lines
from wattbook.settings import Settings
from wattbook.topics import spec_of

_FETCH_BYTES = 64 * 2**10  # a few records are shown, of each of many partitions; a longer one is given all the same
_COLUMNS = ("partition", "offset", "appended_at", "key", "value")


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
        before, misfits = check(admin, spec), mend(admin, spec)
    left = {(misfit.topic, misfit.setting) for misfit in misfits}
    changed = [misfit for misfit in before if (misfit.topic, misfit.setting) not in left]
    if not as_json:
        for line in changes(changed):
            OUT.print(f"changed {escape(line)}")
    _tell(misfits, as_json, changed=[misfit._asdict() for misfit in changed])


@topics.command()
@json_option
@pass_settings
def adopt(settings: Settings, as_json: bool) -> None:
    """Let workers go on in a raw topic that was made anew from a copy: with each record at its old offset.

    They stop where the topic's id is not that of the one whose messages were processed. Looked at is only whether each
    partition is long enough; what it holds, by `wattbook audit verify --topic raw` before and `wattbook audit replay` after.
    """
    if not settings.uses_kafka:
        raise click.UsageError("messages come in through the database: there is no raw topic")
    from wattbook.adopting import adopt_copy  # with the database, which no other of these commands needs

    name = settings.kafka_options.topic("raw")
    with Admin(settings.kafka_options) as admin:
        topic = TopicIdentity(admin.topic_id(name), name)
    with TopicReader(settings.kafka_options, name) as reader:
        held = reader.bounds()
    adopted = adopt_copy(settings, topic, held)
    if as_json:
        print_json({"topic": name, "topic_id": topic.id, "adopted": adopted})
    else:
        OUT.print(f"{count(len(adopted), 'partition')} of {name} taken up: {topic.id}")


@topics.command()
@click.argument("topic", type=click.Choice(TOPICS), metavar="TOPIC")
@click.option("--partition", type=click.IntRange(min=0), help="The partition to read. Default: all, by the broker's time.")
@click.option(
    "--from", "--since", "since", type=OFFSET_OR_TIME, default="0", help="Its offset, or a time with zone. Default: 0."
)
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Records to show at most.")
@json_option
@pass_settings
def read(settings: Settings, topic: str, partition: int | None, since: Offset | datetime, limit: int, as_json: bool) -> None:
    """Show records from an offset on, or from what the broker appended at a moment on.

    TOPIC: raw, events, conclusions, quarantine, reference, commands, documents, journal, station-messages or seals.

    One line each, cut to the terminal's width; `--json` has all of it, with the headers.
    """
    options, name = settings.kafka_options, settings.kafka_options.topic(topic)
    with TopicReader(options, name, _FETCH_BYTES) as reader:
        found = list(reader.first(since, limit, None if partition is None else Partition(partition)))
    rows = [_shown(taken) for taken in sorted(found, key=_age)[:limit]]
    if as_json:
        print_json({"records": rows})
    elif rows:
        print_lines(_COLUMNS, [[*(row[column] for column in _COLUMNS[:-1]), _value(row)] for row in rows])
    else:
        OUT.print(f"no records there in {escape(name)}")


@contextmanager
def _admin(settings: Settings) -> Iterator[tuple[Admin, Spec]]:
    with Admin(settings.kafka_options) as admin:
        yield admin, spec_of(settings, admin)


def _tell(misfits: Sequence[Misfit], as_json: bool, **more: Any) -> None:
    if as_json:
        print_json({**more, "misfits": [misfit._asdict() for misfit in misfits]})
    elif misfits:
        for line in faults(misfits):
            OUT.print(f"[bold red]misfit[/] {escape(line)}")
    else:
        OUT.print("[bold green]all topics are as they must be[/]")
    sys.exit(1 if misfits else 0)


def _age(taken: Taken) -> tuple[int, Partition, Offset]:
    return taken.timestamp_ms, taken.partition, taken.offset


def _shown(taken: Taken) -> dict[str, Any]:
    appended = datetime.fromtimestamp(taken.timestamp_ms // 1000, UTC).replace(microsecond=taken.timestamp_ms % 1000 * 1000)
    return {
        "partition": taken.partition,
        "offset": taken.offset,
        "appended_at": appended.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "key": _text(taken.key),
        "headers": {_text(name.encode(errors="surrogateescape")): _text(value) for name, value in taken.headers},
        "value": _text(taken.value),
        **({"batch": _batch(taken.unread)} if taken.unread else {}),
    }


def _batch(unread: Unread) -> dict[str, Any]:
    """What is told of records that are not unpacked."""
    return {
        "first": unread.first,
        "records": unread.records,
        "codec": unread.codec,
        "length": unread.length,
        "crc": unread.crc,
        "fits": unread.fits,
    }


def _value(row: dict[str, Any]) -> str | None:
    """The value, and which part of a record it is, where it is one. Of a batch that is not unpacked, where it stands."""
    if batch := row.get("batch"):
        why = "not records" if batch["fits"] else "too much"
        return (
            f"(not unpacked: offsets {batch['first']} to {row['offset']}, {batch['length']} bytes of {batch['codec']}: {why})"
        )
    value: str | None = row["value"]
    headers = row["headers"]
    return f"(part {headers['part']} of {headers['parts']}) {value}" if value is not None and "parts" in headers else value


def _text(value: bytes | None) -> str | None:
    """For people: bytes that are no UTF-8 are shown as Python writes them."""
    return None if value is None else value.decode(errors="backslashreplace")
