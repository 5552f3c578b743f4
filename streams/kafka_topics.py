"""The topics: which there are, how they have to be configured, and what is wrong with those that are there.

    raw                what stations and the CSMS said; the only topic that others produce to
    events, conclusions, quarantine        what follows from it
    reference, commands, documents         what the office publishes, and the documents it issues
    documents          issued invoices
    journal            the entries of the books
    station-messages   what is to be sent to stations
    seals              signed checkpoints of all others

All are alike, so that partition p of one belongs to partition p of every other. The time of a record is the broker's
(LogAppendTime), nothing is ever removed, and a record is acknowledged by more than half of its copies.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from streams.kafka_admin import Admin, Topic
from streams.kafka_options import MESSAGE_BYTES_MAX
from streams.log import LogUnusable

TOPICS: Final = (
    "raw",
    "events",
    "conclusions",
    "quarantine",
    "reference",
    "commands",
    "documents",
    "journal",
    "station-messages",
    "seals",
)
REPLICATION: Final = 3  # where there are so many brokers

_EXACTLY: Final = {
    "message.timestamp.type": "LogAppendTime",
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "unclean.leader.election.enable": "false",
}
_AT_LEAST: Final = "max.message.bytes"
_IN_SYNC: Final = "min.insync.replicas"
_HISTORY: Final = {  # what a setting may have done already, and no change undoes
    "message.timestamp.type": "records that are there keep the time that their producer gave",
    "cleanup.policy": "what was compacted or deleted before is gone",
    "retention.ms": "what was older is gone",
    "retention.bytes": "what was beyond is gone",
    "unclean.leader.election.enable": "acknowledged records may have been lost before",
}


class Spec(NamedTuple):
    """What is wanted of every topic. `replication`: copies of each partition."""

    prefix: str
    partitions: int
    replication: int

    def names(self) -> list[str]:
        return [self.prefix + topic for topic in TOPICS]


class Misfit(NamedTuple):
    """A setting of a topic that is not as wanted, and how to mend it."""

    topic: str
    setting: str
    found: str
    wanted: str
    mend: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} is {self.found}, wanted is {self.wanted}: {self.mend}"


class TopicsMisfit(LogUnusable):
    """Nothing is worked on with topics that may lose, reorder or refuse what they are given."""

    def __init__(self, misfits: Sequence[Misfit]) -> None:
        super().__init__("the topics are not as they must be:\n" + "\n".join(faults(misfits)))
        self.misfits = tuple(misfits)


def default_replication(admin: Admin) -> int:
    return min(REPLICATION, admin.brokers())


def create(admin: Admin, spec: Spec) -> list[str]:
    """Make the topics that are missing; their names. Those that are there are left as they are."""
    there = admin.describe(spec.names())
    missing = [name for name in spec.names() if name not in there]
    if missing:
        config = _configuration(spec.replication)
        admin.create([Topic(name, spec.partitions, spec.replication, config) for name in missing])
    return missing


def check(admin: Admin, spec: Spec) -> list[Misfit]:
    """All that is not as it must be."""
    there = admin.describe(spec.names())
    return [misfit for name in spec.names() for misfit in _misfits(name, there.get(name), spec)]


def demand(admin: Admin, spec: Spec) -> None:
    """Raises TopicsMisfit unless all is as it must be. For whoever is about to work with the topics."""
    if misfits := check(admin, spec):
        raise TopicsMisfit(misfits)


def demand_partitions(name: str, found: int, wanted: int) -> None:
    """Raises TopicsMisfit where a topic has another number of partitions: somebody added some while it was in use."""
    if found != wanted:
        raise TopicsMisfit([Misfit(name, "partitions", str(found), str(wanted), _PARTITIONS)])


def mend(admin: Admin, spec: Spec) -> list[Misfit]:
    """Change the settings that can be changed in place; what is still not as it must be."""
    for name, topic in admin.describe(spec.names()).items():
        settings = {misfit.setting for misfit in _misfits(name, topic, spec)}
        wanted = {key: value for key, value in _configuration(topic.replication).items() if key in settings}
        if wanted:
            admin.configure(name, wanted)
    return check(admin, spec)


def faults(misfits: Iterable[Misfit]) -> list[str]:
    """One line for all topics that have the same fault, with how to mend it."""
    return [str(misfit) for misfit in _alike(misfits)]


def changes(mended: Iterable[Misfit]) -> list[str]:
    """One line for all topics whose setting was changed likewise, with what that does not undo."""
    return [f"{m.topic}: {m.setting} was {m.found}, is {m.wanted}{_history(m.setting)}" for m in _alike(mended)]


def _alike(misfits: Iterable[Misfit]) -> Iterator[Misfit]:
    """Of topics that have the same fault one misfit, which names them all."""
    groups: dict[tuple[str, ...], list[Misfit]] = {}
    for misfit in misfits:
        groups.setdefault((misfit.setting, misfit.found, misfit.wanted), []).append(misfit)
    for first, *others in groups.values():
        yield _of_all([first, *others]) if others else first


def _of_all(misfits: Sequence[Misfit]) -> Misfit:
    first, topics = misfits[0], [misfit.topic for misfit in misfits]
    name = f"all {len(topics)} topics" if len(topics) == len(TOPICS) else ", ".join(topics)
    return first._replace(topic=name, mend=first.mend.replace(_of_topic(first.topic), _of_topic("TOPIC")))


def majority(replication: int) -> int:
    """How many copies must have a record before it is acknowledged: any so many have one in common with any other."""
    return replication // 2 + 1


def _configuration(replication: int) -> dict[str, str]:
    return {**_EXACTLY, _AT_LEAST: str(MESSAGE_BYTES_MAX), _IN_SYNC: str(majority(replication))}


def _misfits(name: str, topic: Topic | None, spec: Spec) -> Iterator[Misfit]:
    if topic is None:
        yield Misfit(name, "topic", "missing", "there", "`wattbook topics create`")
        return
    if topic.partitions != spec.partitions:
        yield Misfit(name, "partitions", str(topic.partitions), str(spec.partitions), _PARTITIONS)
    if topic.replication < spec.replication:
        yield Misfit(name, "replication", str(topic.replication), str(spec.replication), _REPLICATION)
    for setting, wanted in _configuration(topic.replication).items():
        found = topic.config.get(setting) or "unknown"
        if not _fits(setting, found, wanted, topic.replication):
            yield Misfit(name, setting, found, wanted, _mending(name, setting, wanted))


def _fits(setting: str, found: str, wanted: str, replication: int) -> bool:
    if setting in _EXACTLY or not found.isdecimal():
        return found == wanted
    return int(wanted) <= int(found) and (setting != _IN_SYNC or int(found) <= replication)


def _mending(name: str, setting: str, wanted: str) -> str:
    command = f"kafka-configs.sh --alter --entity-type topics {_of_topic(name)} --add-config {setting}={wanted}"
    return f"`wattbook topics mend`, or {command}{_history(setting)}"


def _of_topic(name: str) -> str:
    return f"--entity-name {name}"


def _history(setting: str) -> str:
    return f"; but {_HISTORY[setting]}" if setting in _HISTORY else ""


_PARTITIONS = (
    "the number of partitions of a topic that was used can never change, since stations would move to other partitions: "
    "make topics of another WATTBOOK_KAFKA_PREFIX, with a new database, and hand the messages over again"
)
_REPLICATION = "kafka-reassign-partitions.sh with more copies, or write WATTBOOK_KAFKA_REPLICATION as it is"
