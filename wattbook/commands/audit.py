"""`wattbook audit`: replay the log and compare; verify the hash chains, and what Kafka holds against its seals."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click

from streams.chain import EMPTY
from streams.kafka_following import TopicReader
from streams.kafka_options import KafkaOptions
from streams.log import BrokenLink, Stream
from streams.places import OFFICE, Lane, Partition, place_of
from streams.seals import NotASeal
from streams.sql_seals import SqlSeals
from vocabulary.identity import Position
from wattbook.audit import Difference, Replay, digests, replay, unsaved
from wattbook.commands.offsets import OFFSET_OR_TIME
from wattbook.commands.output import OUT, count, escape, json_option, opened, pass_settings, print_json, table
from wattbook.database import reading
from wattbook.seal_audit import Bound, Claims, Verdict, Wanted, published_file
from wattbook.seal_audit import verify as verify_topic
from wattbook.seal_key import PublicKeys, known_keys, read_public_keys
from wattbook.settings import Settings, SettingsError

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def audit() -> None:
    """What an auditor asks: is it complete, unchanged, and does everything follow from it?"""


@audit.command("replay")
@json_option
@pass_settings
def replay_(settings: Settings, as_json: bool) -> None:
    """Check the inputs, fold them again into an empty store, and compare all that follows. Status 1 on a difference."""
    with opened(settings) as app:
        if settings.uses_kafka:
            from wattbook.lane_audit import replay_lanes  # with the library for Kafka, which few need

            result = replay_lanes(app)
        else:
            result = replay(app)
    if as_json:
        print_json(result)
    else:
        OUT.print(
            f"replayed   {count(result.inputs, 'input')}: {count(result.events, 'event')}, "
            f"{count(result.conclusions, 'conclusion')}, {count(result.entries, 'entry')}"
        )
        OUT.print(f"digest     {result.digest}")
        _verdict(result.difference, settings.uses_kafka)
        _say_unsaved(result.unsaved)
        _say_left_out(result)
    sys.exit(1 if result.difference else 0)


def _verdict(difference: Difference | None, has_lanes: bool) -> None:
    if difference is None:
        OUT.print("[bold green]identical[/]")
        return
    source = f", from {_input(difference.input, has_lanes)}" if difference.input else ""
    OUT.print(f"[bold red]different[/] first at {_where(difference, has_lanes)}{source}")
    OUT.print(f"stored     {escape(difference.stored or '(nothing)')}")
    OUT.print(f"replayed   {escape(difference.replayed or '(nothing)')}")


def _where(difference: Difference, has_lanes: bool) -> str:
    if difference.what.startswith("chain of ") and has_lanes:
        return f"number {_number(difference.position, has_lanes)} of the {difference.what}"
    of = "" if difference.partition is None else f" of partition {difference.partition}"
    return f"{difference.what} {difference.position}{of}"


def _input(position: int, has_lanes: bool) -> str:
    """What people call an input: a position of a log with lanes is three facts in one number (`streams.places`)."""
    place, lane = place_of(Position(position)) if has_lanes else (position, OFFICE)
    if lane != OFFICE:
        return f"partition {lane - 1}, offset {place - 1}"
    return f"input {place} of the office" if has_lanes else f"input {place}"


def _number(position: int, has_lanes: bool) -> int:
    """Counted from 1 in its stream, or in its lane of it."""
    return place_of(Position(position))[0] if has_lanes else position


def _say_unsaved(partitions: Sequence[Partition]) -> None:
    if partitions:
        which = f"partition{'s' if len(partitions) > 1 else ''} {', '.join(map(str, partitions))}"
        OUT.print(f"left out   the states of {which}: a worker has not saved all of them. Wait until it has nothing to do,")
        OUT.print("           or stop it (SIGTERM; where it was killed, start one first), and run this again")


def _say_left_out(replayed: Replay) -> None:
    if replayed.quarantined:
        OUT.print(
            f"put aside  {count(replayed.quarantined, 'message')} in quarantine, from which nothing follows (docs/errors.md)"
        )
    if replayed.waiting:
        OUT.print(f"not yet    {count(replayed.waiting, 'input')} after these: not processed, and so not replayed")


@audit.command()
@click.option(
    "--topic", "topics", multiple=True, help="A topic in Kafka, without its prefix, instead of the database's chains."
)
@click.option("--partition", type=click.IntRange(min=0), help="One partition. Default: all.")
@click.option(
    "--from",
    "--since",
    "since",
    type=OFFSET_OR_TIME,
    help="The first record; the range is widened to whole checkpoints.",
)
@click.option(
    "--to",
    "--until",
    "until",
    type=OFFSET_OR_TIME,
    help="The last offset, or the moment before which records were appended.",
)
@click.option(
    "--key", "keys", type=_FILE, multiple=True, help="A public key that signed checkpoints. Default: all that the home has had."
)
@click.option("--published", type=_FILE, help="Checkpoints that were kept elsewhere, one in each line.")
@json_option
@pass_settings
def verify(
    settings: Settings,
    topics: tuple[str, ...],
    partition: int | None,
    since: Bound,
    until: Bound,
    keys: tuple[Path, ...],
    published: Path | None,
    as_json: bool,
) -> None:
    """Walk the hash chain of every stream, or check topics in Kafka against their seals. Status 1 where something is broken,
    or nothing seals what a partition holds.
    """
    if not topics:
        if any(given is not None for given in (partition, since, until, published)) or keys:
            raise click.UsageError("--partition, --from (--since), --to (--until), --key and --published go with --topic")
        _verify_chains(settings, as_json)
    wanted = Wanted(since, until)
    with _claims(settings, keys, published) as claims:
        verdicts = list(_verdicts(settings.kafka_options, topics, partition, wanted, claims))
    if as_json:
        print_json({"partitions": verdicts})
    else:
        _tell(verdicts)
    sys.exit(1 if any(verdict.broken or verdict.is_bare for verdict in verdicts) else 0)


_OF_THE_OFFICE = (Stream.REFERENCE, Stream.COMMANDS, Stream.CONCLUSIONS)  # on Kafka; what follows from messages has partitions


def _verify_chains(settings: Settings, as_json: bool) -> NoReturn:
    with opened(settings) as app, app.reading() as store:
        found = {(lane, stream): log.verify(stream) for stream in Stream for lane, log in store.lanes.items()}
    awaited = {(OFFICE, stream) for stream in (_OF_THE_OFFICE if settings.uses_kafka else Stream)}
    chains = {_chain(*place): chain for place, chain in found.items() if chain != EMPTY or place in awaited}
    broken = [found for found in chains.values() if isinstance(found, BrokenLink)]
    if as_json:
        print_json({name: chain._asdict() for name, chain in chains.items()})
    else:
        rows = [(name, _chain_state(f), _number(f.position, settings.uses_kafka), _link(f)) for name, f in chains.items()]
        table("Hash chains", ("stream", "", "last position", "head"), rows, right=(2,))
    sys.exit(1 if broken else 0)


def _chain(lane: Lane, stream: Stream) -> str:
    """What a chain is called: by its stream, and, where that has partitions, by its partition."""
    return stream if lane == OFFICE else f"{stream}/{lane - 1}"


def _chain_state(found: object) -> str:
    return "BROKEN" if isinstance(found, BrokenLink) else "whole"


def _link(found: object) -> str:
    return f"found {found.found.hex()[:16]}" if isinstance(found, BrokenLink) else getattr(found, "link", b"").hex()[:16]


@audit.command("digest")
@json_option
@pass_settings
def digest_(settings: Settings, as_json: bool) -> None:
    """Digests that do not depend on the order of the log, to compare two stores."""
    with opened(settings) as app, app.reading() as store:
        found, left_out = digests(store), unsaved(store)
    if as_json:
        print_json(found)
    else:
        table("Order-free digests", ("of", "sha-256"), list(found.items()))
        _say_unsaved(left_out)


# Topics against their seals


@contextmanager
def _claims(settings: Settings, keys: Sequence[Path], published: Path | None) -> Iterator[Claims]:
    """The checkpoints of the database count where the settings name one that has them: an outside auditor has none."""
    believed = PublicKeys(key for file in keys for key in read_public_keys(file)) if keys else known_keys(settings.home)
    try:
        shown = published_file(published.read_bytes()) if published else []
    except NotASeal as error:
        raise SettingsError(f"--published {published}: {error}") from None
    if settings.database == "sqlite":
        yield Claims(believed.is_genuine, None, shown)
        return
    with opened(settings) as app:

        def stored(topic: str, partition: Partition) -> list[bytes]:
            with reading(app.engine) as connection:
                return SqlSeals(connection).lines(topic, partition)

        yield Claims(believed.is_genuine, stored, shown)


def _verdicts(
    options: KafkaOptions, topics: Sequence[str], partition: int | None, wanted: Wanted, claims: Claims
) -> Iterator[Verdict]:
    for topic in map(options.topic, topics):
        with TopicReader(options, topic) as reader:
            partitions = reader.partitions
        for one in partitions:
            if partition in (None, one):
                yield verify_topic(options, topic, one, wanted, claims)


def _tell(verdicts: Sequence[Verdict]) -> None:
    rows = [(f"{v.topic}/{v.partition}", _state(v), v.checkpoints, v.records, _offsets(v), v.unsealed) for v in verdicts]
    table(
        "Topics against their seals", ("partition", "", "checkpoints", "records", "offsets", "not sealed yet"), rows, (2, 3, 5)
    )
    for verdict in verdicts:
        for line in _notes(verdict):
            OUT.print(escape(f"{verdict.topic}/{verdict.partition}: {line}"))


def _state(verdict: Verdict) -> str:
    return "BROKEN" if verdict.broken else "whole" if verdict.checkpoints else "not sealed"


def _offsets(verdict: Verdict) -> str:
    return "" if verdict.first is None else f"{verdict.first}–{verdict.last}{' (widened)' if verdict.widened else ''}"


def _notes(verdict: Verdict) -> Iterator[str]:
    found = verdict.first_break
    if found is not None:
        which = "a line" if found.number is None else f"checkpoint {found.number}"
        upto = "the end" if found.last is None else found.last
        yield f"{which} does not hold, offsets {found.first} to {upto}: {found.fault}"
        yield f"  expected {found.expected}"
        yield f"  found    {found.found}"
    if verdict.broken > 1:
        yield f"{verdict.broken} breaks in all"
    if verdict.is_bare:
        yield "nothing of it is sealed: no genuine checkpoint of it was found"
    if verdict.unpublished:
        yield f"{count(verdict.unpublished, 'checkpoint')} in the database only: not published yet, or removed from the topic"
