"""`POST /v1/messages` where messages go to Kafka: what is accepted is in the raw topic then, in its station's partition."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.kafka_client import Admin, Reader
from streams.kafka_options import KafkaOptions
from streams.kafka_topics import Spec, create
from streams.places import Offset, Partition
from streams.raw_records import partition_of, raw_message
from tests.http.world import add_token, door
from vocabulary.charging import Protocol, RawMessage
from wattbook.settings import read_settings
from wattbook.wiring import App, create_app

PARTITIONS = 2
FRAMES = [f'[2, "m{number}",\t"Heartbeat",{{}}]' for number in range(6)]
BODY = "\n".join(
    f'{{"at":"2026-10-14T05:58:2{number}Z","station":"CP-{number % 3}","protocol":"ocpp1.6","frame":{frame}}}'
    for number, frame in enumerate(FRAMES)
)

Made = Callable[[KafkaOptions], App]


@pytest.fixture
def made(database: str, tmp_path: Path) -> Iterator[Made]:
    apps: list[App] = []

    def make(options: KafkaOptions) -> App:
        settings = read_settings(
            home=tmp_path,
            database=database,
            log="kafka://" + ",".join(options.servers),
            kafka_prefix=options.prefix,
            kafka_partitions=PARTITIONS,
            kafka_timeout_s=int(options.timeout_s),
        )
        apps.append(create_app(settings))
        add_token(apps[0])
        return apps[0]

    yield make
    for app in apps:
        app.close()


def test_what_is_accepted_is_in_the_topic_character_for_character(options: KafkaOptions, made: Made) -> None:
    with Admin(options) as admin:
        create(admin, Spec(options.prefix, PARTITIONS, 1))
    app = made(options)
    with door(app) as http:
        answers = [http.post(BODY, Idempotency_Key="k"), http.post(BODY, Idempotency_Key="k"), http.post(BODY)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [answer.body["accepted"] for answer in answers] == [6, 6, 6], "whether it was there before shows to workers"
    found = {partition: _messages(options, Partition(partition)) for partition in range(PARTITIONS)}
    assert sum(map(len, found.values())) == 12, "the repeated key sent nothing"
    assert all(partition_of(m.station.encode(), PARTITIONS) == partition for partition, ms in found.items() for m in ms)
    frames = sorted(m.frame for messages in found.values() for m in messages)
    assert frames == sorted(2 * FRAMES)
    assert {(m.protocol, str(m.received_at)[:17]) for ms in found.values() for m in ms} == {
        (Protocol.OCPP16, "2026-10-14 05:58:")
    }
    with Admin(options) as admin:
        admin.delete(Spec(options.prefix, PARTITIONS, 1).names())


def test_a_broker_that_is_away_is_answered_with_503(made: Made) -> None:
    app = made(KafkaOptions(servers=("127.0.0.1:1",), prefix="nobody.", timeout_s=2))
    with door(app) as http:
        answer = http.post(BODY)
        assert (answer.status, answer.body["reason"]) == (503, "log_is_away")
        assert answer.headers["retry-after"] == "5"


def _messages(options: KafkaOptions, partition: Partition) -> list[RawMessage]:
    with Reader(options, options.topic("raw"), partition) as reader:
        found = [raw_message(taken) for records in reader.to_end(Offset(0)) for taken in records]
    assert all(isinstance(message, RawMessage) for message in found)
    return [message for message in found if isinstance(message, RawMessage)]
