"""`wattbook seal`: chain the records of Kafka's topics, and sign checkpoints of them."""

import signal
import sys
import threading
from pathlib import Path

import click

from streams.held_back import told
from streams.sql_seals import SqlSeals
from wattbook.commands.output import OUT, count, json_option, opened, pass_settings, print_json
from wattbook.database import reading
from wattbook.seal_key import PublicKeys, read_public_keys, seal_key
from wattbook.sealing import RECORDS_MAX, SEALED, SECONDS_MAX, Due, Sealer, restore, seal_for_ever
from wattbook.serving import say
from wattbook.settings import Settings

topic_option = click.option(
    "--topic",
    "topics",
    multiple=True,
    default=SEALED,
    help="Without its prefix; may be repeated. Default: all that are sealed.",
)
records_option = click.option(
    "--records", type=click.IntRange(min=1), default=RECORDS_MAX, show_default=True, help="A checkpoint after so many records…"
)
seconds_option = click.option(
    "--seconds", type=click.IntRange(min=1), default=SECONDS_MAX, show_default=True, help="…or so long after the first of them."
)


@click.group()
def seal() -> None:
    """Tamper evidence for Kafka: chain the records of its topics, and sign checkpoints of them."""


@seal.command()
@topic_option
@records_option
@seconds_option
@pass_settings
def run(settings: Settings, topics: tuple[str, ...], records: int, seconds: int) -> None:
    """Seal what comes, until SIGTERM or Ctrl-C; then seal what has come, and end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    key = seal_key(settings.home)
    with opened(settings) as app:
        options = settings.kafka_options
        say("sealer_started", topics=len(topics), key=key.fingerprint)
        seal_for_ever(
            lambda: Sealer(app.engine, options, key, topics, Due(records, seconds), say), lambda: not stop.is_set(), say
        )
    say("sealer_stopped")


@seal.command()
@topic_option
@records_option
@pass_settings
def once(settings: Settings, topics: tuple[str, ...], records: int) -> None:
    """Seal what the topics hold now, and end."""
    key = seal_key(settings.home)
    with opened(settings) as app, Sealer(app.engine, settings.kafka_options, key, topics, Due(records), say) as sealer:
        held = sealer.once()
    OUT.print(f"sealed: all that the topics hold{', but what is held back:' if held else ''}")
    for topic, partitions in held.items():
        OUT.print(f"  {told(topic, partitions)}", markup=False)


@seal.command()
@json_option
@pass_settings
def key(settings: Settings, as_json: bool) -> None:
    """Print the public key, which is for everybody; the first time, make the pair."""
    public = seal_key(settings.home).public
    if as_json:
        print_json({"fingerprint": public.fingerprints[0], "public_key": public.pem})
    else:
        OUT.print(f"fingerprint {public.fingerprints[0]}")
        OUT.print(public.pem.rstrip())


@seal.command()
@click.option("--topic", help="Without its prefix. Default: all that were sealed.")
@click.option("--partition", type=click.IntRange(min=0), help="Default: all.")
@pass_settings
def show(settings: Settings, topic: str | None, partition: int | None) -> None:
    """Print the last checkpoint of each partition, one line each, to be kept or published elsewhere."""
    wanted = settings.kafka_options.topic(topic) if topic else None
    with opened(settings) as app, reading(app.engine) as connection:
        seals = SqlSeals(connection)
        for place in seals.sealed():
            if wanted in (None, place[0]) and partition in (None, place[1]):
                sys.stdout.write((seals.latest(*place) or b"").decode() + "\n")


@seal.command("restore")
@click.option(
    "--key",
    "keys",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="A public key that signed earlier, where the home does not know it.",
)
@pass_settings
def restore_(settings: Settings, keys: tuple[Path, ...]) -> None:
    """Take up checkpoints from the topic that the database lacks, after it was restored from an older backup."""
    believed = PublicKeys([*seal_key(settings.home).known, *(key for file in keys for key in read_public_keys(file))])
    with opened(settings) as app:
        OUT.print(f"{count(restore(app.engine, settings.kafka_options, believed), 'checkpoint')} restored")
