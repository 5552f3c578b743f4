"""`wattbook worker`: process what stations said, from Kafka into PostgreSQL."""

import gc
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import click

from streams.intake import Watch
from streams.kafka_client import Admin, BrokerUnavailable
from streams.kafka_options import KafkaOptions
from streams.kafka_topics import demand_partitions
from streams.lanes import PutAside
from streams.places import Partition
from streams.process_end import now_ms
from streams.pump import Lanes
from streams.topic_identity import TopicIdentity, TopicWatch
from wattbook.commands.output import pass_settings
from wattbook.observing import Meters, Observed, Waits, shown
from wattbook.serving import say
from wattbook.settings import Settings
from wattbook.ticking import Ticker
from wattbook.topics import demand_topics
from wattbook.wiring import open_lanes

_ANSWER_S_MAX = 4
_GONE_S_MAX = 5  # while there is no raw topic: somebody may be about to make it anew, and then that is what is told


@click.command()
@click.option(
    "--engine", type=click.Choice(("faust", "plain")), default="faust", show_default=True, help="Who reads from Kafka."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="For /health and /metrics; 0 takes a free one (default: WATTBOOK_WORKER_PORT; else 9464, or a free one).",
)
@pass_settings
def worker(settings: Settings, engine: str, port: int | None) -> None:
    """Process messages of the raw topic, each once, until SIGTERM or Ctrl-C. Start as many as there are partitions at most.

    Ends with status 70 where it cannot go on: with nothing lost and nothing half done, to be started again.
    """
    if not settings.uses_kafka or settings.database == "sqlite":
        raise click.UsageError(
            "workers go between Kafka and PostgreSQL: set WATTBOOK_LOG=kafka://… and WATTBOOK_DATABASE=postgresql://…"
        )
    demand_topics(settings)
    waits, kafka = Waits(say), settings.kafka_options
    with _impatient(kafka) as admin, open_lanes(settings, _watch(settings, admin), _quarantined, waits.until_free) as lanes:
        meters = Meters(say, settings.worker_stall_s, lanes.tally, waits)
        with shown(meters, settings.worker_host, *_port(settings, port)) as url:
            say("worker_started", engine=engine, topic=settings.kafka_options.topic("raw"), shows=url)
            with Ticker(settings):
                _run(settings, engine, Observed(lanes, meters), meters)
        say("worker_stopped", messages=meters.processed)


def _port(settings: Settings, given: int | None) -> tuple[int, bool]:
    """The port, and whether another will do: not if somebody wrote it down, who will look for the worker there."""
    if given is not None:
        return given, False
    return settings.worker_port, "worker_port" not in settings.model_fields_set


def _quarantined(partition: Partition, records: Sequence[PutAside]) -> None:
    """One line for a batch: of its records where the first one stands, how many there are, and why. Nothing that they hold."""
    reasons = ",".join(dict.fromkeys(record.reason for record in records))
    say(
        "quarantined",
        reason=reasons,
        partition=partition,
        offset=records[0].offset,
        records=sum(record.records for record in records),
    )


def _impatient(kafka: KafkaOptions) -> Admin:
    """For questions that are asked again, where an answer that does not come would hold up the batches."""
    return Admin(replace(kafka, timeout_s=min(kafka.timeout_s, _ANSWER_S_MAX)))


def _watch(settings: Settings, admin: Admin) -> TopicWatch:
    return TopicWatch(
        partial(_topic, settings, admin, settings.worker_outage_s),
        _taken_up,
        partial(_topic_if_told, settings, admin),
        now_ms,
    )


def _taken_up(partitions: Sequence[Partition], found: TopicIdentity) -> None:
    say("topic_taken_up", topic=found.name, partitions=",".join(map(str, partitions)), topic_id=found.id)


def _topic(settings: Settings, admin: Admin, outage_s: int) -> TopicIdentity:
    """Which topic the raw one is. Raises TopicsMisfit where partitions were added to it."""
    name = settings.kafka_options.topic("raw")
    found = admin.identity(name, outage_s, _GONE_S_MAX)
    demand_partitions(name, found.partitions, settings.kafka_partitions)
    return TopicIdentity(found.topic_id, name)


def _topic_if_told(settings: Settings, admin: Admin) -> TopicIdentity | None:
    """None where the brokers are away: the pump sees that too, and how long it may last."""
    try:
        return _topic(settings, admin, outage_s=0)
    except BrokerUnavailable:
        return None


def _run(settings: Settings, engine: str, lanes: Lanes, watch: Watch) -> None:
    if engine == "faust":
        from streams.faust_runtime import FaustPump as Pump  # importing it takes a second
    else:
        from streams.plain_runtime import PlainPump as Pump  # type: ignore[assignment]
    # States and records are trees, and go when nobody refers to them: looking for circles among them took a fifth of the time.
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    kafka = settings.kafka_options
    group = kafka.topic("worker")
    Pump(kafka.topic("raw"), group, kafka, lanes, watch, settings.batch_size, settings.worker_outage_s).run()
