"""Apache Kafka's topics and their configuration: look at them, make them, change them."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from kafka import KafkaAdminClient, TopicPartition
from kafka import errors as told
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec

from streams.kafka_connection import BrokerUnavailable, KafkaRefused, connection, telling
from streams.kafka_options import KafkaOptions
from streams.places import Offset, Partition

_NO_ID: Final = "00000000-0000-0000-0000-000000000000"


class Topic(NamedTuple):
    """A topic as the cluster has it. `replication`: the copies of the partition that has fewest."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str | None]


class Identity(NamedTuple):
    """Which topic bears a name. `topic_id`: one that is made anew has another; empty where the brokers know no such thing."""

    topic_id: str
    partitions: int


class Admin:
    """What is asked seldom, and waits for the answer."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        with telling(options):
            self._admin = KafkaAdminClient(**connection(options))

    def brokers(self) -> int:
        """How many are alive."""
        with telling(self._options):
            return sum(not broker.get("is_fenced") for broker in self._admin.describe_cluster()["brokers"])

    def describe(self, names: Sequence[str]) -> dict[str, Topic]:
        """Those of the topics that exist, by name."""
        with telling(self._options):
            found = {t["name"]: t["partitions"] for t in self._admin.describe_topics(list(names)) if _exists(t)}
            asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in found]
            configs = self._admin.describe_configs(asked, config_filter="all")["topic"] if found else {}
        return {
            name: Topic(
                name,
                len(partitions),
                min(len(partition["replica_nodes"]) for partition in partitions),
                {key: setting["value"] for key, setting in configs[name].items()},
            )
            for name, partitions in found.items()
        }

    def topic_id(self, name: str) -> str:
        """Asks again where no broker answers, for as long as the options say."""
        return self.identity(name, self._options.timeout_s).topic_id

    def identity(self, name: str, outage_s: int = 0, gone_s: int = 0) -> Identity:
        """Asks again for so many seconds where no broker answers, or where there is no such topic."""
        began = time.monotonic()
        while True:
            try:
                return self._identity(name)
            except BrokerUnavailable as silence:
                if time.monotonic() - began >= outage_s:
                    why = f"the brokers do not tell whether {name} is still the same topic: start again when they do"
                    raise BrokerUnavailable(why) from silence
            except KafkaRefused:
                if time.monotonic() - began >= gone_s:
                    raise
            time.sleep(1 / 20)

    def _identity(self, name: str) -> Identity:
        with telling(self._options, name):
            [topic] = self._admin.describe_topics([name])
            if not _exists(topic):
                raise told.UnknownTopicOrPartitionError(name)
            return Identity(str(topic["topic_id"] or "").removeprefix(_NO_ID), len(topic["partitions"]))

    def high_watermarks(self, name: str, partitions: Sequence[Partition]) -> dict[Partition, Offset]:
        """The next offsets, behind the records of transactions that are still open, which no reader of ours is given."""
        wanted = dict.fromkeys((TopicPartition(name, partition) for partition in partitions), OffsetSpec.LATEST)
        with telling(self._options, name):
            found = self._admin.list_partition_offsets(wanted, timeout_ms=self._options.timeout_s * 1000)
        return {Partition(place.partition): Offset(at.offset) for place, at in found.items()}

    def create(self, topics: Sequence[Topic]) -> None:
        """Make topics, but those that exist, and wait until they can be used."""
        wanted = {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": topic.replication,
                "configs": dict(topic.config),
            }
            for topic in topics
        }
        with telling(self._options):
            answer = self._admin.create_topics(wanted, timeout_ms=self._options.timeout_s * 1000, raise_errors=False)
            for topic in answer["topics"]:
                error = told.for_code(topic["error_code"])
                if error not in (told.NoError, told.TopicAlreadyExistsError):  # another process may have been quicker
                    raise error(f"{topic['name']}: {topic['error_message']}")
            self._admin.wait_for_topics(list(wanted), timeout_ms=self._options.timeout_s * 1000)

    def configure(self, name: str, config: Mapping[str, str]) -> None:
        """Change some settings of a topic and leave the others."""
        with telling(self._options, name):
            self._admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, dict(config))])
        self._wait(lambda: config.items() <= self.describe([name])[name].config.items())

    def delete(self, names: Sequence[str]) -> None:
        """With all that they hold. For tests."""
        with telling(self._options, ", ".join(names)):
            self._admin.delete_topics(list(names), timeout_ms=self._options.timeout_s * 1000)
        self._wait(lambda: not self.describe(names))

    def _wait(self, done: Callable[[], bool]) -> None:
        """The controller answers before the brokers have heard of it."""
        for _ in range(self._options.timeout_s * 20):
            if done():
                return
            time.sleep(1 / 20)
        raise BrokerUnavailable("the brokers do not take up what Kafka's controller has changed: look at their logs")

    def close(self) -> None:
        self._admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _exists(topic: Mapping[str, Any]) -> bool:
    """Raises what the broker objects to, but that there is no such topic."""
    error = told.for_code(topic["error_code"])
    if error is told.NoError:
        return True
    if error is told.UnknownTopicOrPartitionError:
        return False
    raise error(topic["name"])
