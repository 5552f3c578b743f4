"""What tests against a broker share: options under a prefix of their own, and topics that are gone afterwards."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from streams.kafka_client import Admin, Topic
from streams.kafka_options import KafkaOptions
from wattbook.dev_kafka import KafkaCluster

MakeTopic = Callable[..., str]


@pytest.fixture
def options(kafka: KafkaCluster, prefix: str) -> KafkaOptions:
    return KafkaOptions(servers=tuple(kafka.bootstrap.split(",")), prefix=prefix, timeout_s=20)


@pytest.fixture
def impatient(options: KafkaOptions) -> KafkaOptions:
    return replace(options, timeout_s=2)


@pytest.fixture
def admin(options: KafkaOptions) -> Iterator[Admin]:
    with Admin(options) as admin:
        yield admin


@pytest.fixture
def topic(options: KafkaOptions, admin: Admin) -> Iterator[MakeTopic]:
    """Makes a topic of that many partitions; gives its full name."""
    made: list[str] = []

    def make(name: str = "raw", partitions: int = 1, **config: str) -> str:
        made.append(options.topic(name))
        with_time = {
            "message.timestamp.type": "LogAppendTime",
            **{key.replace("_", "."): value for key, value in config.items()},
        }
        admin.create([Topic(made[-1], partitions, 1, with_time)])
        return made[-1]

    yield make
    if made:
        with Admin(options) as another:  # the broker may have been gone meanwhile
            another.delete(made)
