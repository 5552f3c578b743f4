"""A document longer than a broker takes: published in parts, read as the page for operators says, sealed and verified."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.kafka_client import Admin, Publisher, Reader
from streams.kafka_log import KafkaLog
from streams.kafka_options import MESSAGE_BYTES_MAX, KafkaOptions
from streams.kafka_topics import Spec, create
from streams.log import Record, Stream
from streams.parts import Part, part_in
from streams.places import OFFICE, Lane, Offset, Partition
from vocabulary.identity import Position
from wattbook.cli import cli
from wattbook.database import writing
from wattbook.publishing import relay_over, tails
from wattbook.settings import read_settings
from wattbook.wiring import App, create_app, log_on

PAGE = Path(__file__).parent.parent.parent / "docs" / "for-operators.md"
EXAMPLE = re.compile(r"(?ms)^### Reading these topics$.*?^```python\n(.*?)^```$")
P0 = Partition(0)

# Longer than two records of a broker, of characters of two bytes, none of which is cut; then a short one, which was stuck.
LONG, SHORT = b'{"of":"' + "ä".encode() * (MESSAGE_BYTES_MAX + 1) + b'"}', b'{"of":"one session"}'


@pytest.fixture
def environment(options: KafkaOptions, database: str, tmp_path: Path) -> dict[str, str]:
    return {
        "WATTBOOK_HOME": str(tmp_path / "home"),
        "WATTBOOK_LOG": "kafka://" + ",".join(options.servers),
        "WATTBOOK_KAFKA_PREFIX": options.prefix,
        "WATTBOOK_KAFKA_PARTITIONS": "1",
        "WATTBOOK_DATABASE": database,
    }


@pytest.fixture
def app(options: KafkaOptions, environment: dict[str, str]) -> Iterator[App]:
    with Admin(options) as admin:
        create(admin, Spec(options.prefix, 1, 1))
    app = create_app(read_settings(**{name.removeprefix("WATTBOOK_").lower(): text for name, text in environment.items()}))
    yield app
    app.close()


def write(app: App, lane: Lane, stream: Stream, *bodies: bytes, key: str = "C-1") -> None:
    with writing(app.engine, lane) as connection:
        log_on(connection, lane).append(stream, [Record(sha256(body).digest(), key, body) for body in bodies])


def relayed(app: App, options: KafkaOptions) -> int:
    """By a relay of its own, to the end."""
    with Publisher(options) as publisher:
        publish = relay_over(app.engine, options, 1, publisher)
        return sum(iter(publish, 0))


def wattbook(environment: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(cli, words, env=environment, catch_exceptions=False)


def example(options: KafkaOptions) -> list[str]:
    """What the documented reader prints of the topic `documents`."""
    found = EXAMPLE.search(PAGE.read_text("utf-8"))
    assert found
    here = found[1].replace("localhost:9092", options.servers[0]).replace("wattbook.documents", options.topic("documents"))
    ran = subprocess.run([sys.executable, "-c", here], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_a_document_that_is_longer_than_a_broker_takes_holds_up_none_after_it(
    app: App, options: KafkaOptions, environment: dict[str, str]
) -> None:
    write(app, OFFICE, Stream.CONCLUSIONS, LONG, SHORT)
    assert relayed(app, options) == 2
    expected = [f"{sha256(body).hexdigest()} {len(body)}" for body in (LONG, SHORT)]
    assert example(options) == expected

    with Reader(options, options.topic("documents"), P0) as reader:
        held = [taken for records in reader.to_end(Offset(0)) for taken in records]
    assert [part_in(taken.headers) for taken in held] == [Part(1, 3), Part(2, 3), Part(3, 3), Part(1, 1)]
    assert relayed(app, options) == 0, "another relay finds nothing to do"

    shown = wattbook(environment, "topics", "read", "documents", "--partition", "0", "--limit", "2").output
    assert [line.split()[4:8] for line in shown.splitlines()[1:]] == [["(part", n, "of", "3)"] for n in "12"]
    told = wattbook(environment, "topics", "read", "documents", "--partition", "0", "--json").output
    assert "".join(record["value"] for record in json.loads(told)["records"][:3]) == LONG.decode()

    assert wattbook(environment, "seal", "once", "--topic", "documents").exit_code == 0
    told = wattbook(environment, "audit", "verify", "--topic", "documents", "--json").output
    [verdict] = json.loads(told)["partitions"]
    assert (verdict["broken"], verdict["records"], verdict["unsealed"]) == (0, 4, 0)


def test_a_relay_that_ended_between_two_parts_publishes_all_of_them_again(app: App, options: KafkaOptions) -> None:
    """Read by the log over Kafka, from anywhere, as the two records that they are."""
    write(app, Lane(1), Stream.EVENTS, LONG, SHORT, key="CS-1")
    topic = options.topic("events")
    relayed(app, options)
    with Reader(options, topic, P0) as reader:
        held = [taken for records in reader.to_end(Offset(0)) for taken in records]
    with Admin(options) as admin:
        admin.delete([topic])
        create(admin, Spec(options.prefix, 1, 1))
    with Publisher(options) as publisher:
        for taken in held[:2]:
            publisher.send(topic, P0, taken.key, taken.value, taken.headers)
        publisher.flush()
    place = int(dict(held[0].headers)["place"])
    tail = tails(options, "events")[P0]
    assert tail is not None and (tail.place, tail.whole_to) == (place, place - 1)
    assert relayed(app, options) == 2
    log = KafkaLog(options, P0)
    long, short = log.read([Stream.EVENTS], Position(0), 10)
    assert (long.body, short.body, long.key, long.id) == (LONG, SHORT, "CS-1", sha256(LONG).digest())
    assert log.read([Stream.EVENTS], Position(long.position - 1), 10) == [long, short]
    assert log.read([Stream.EVENTS], long.position, 10) == [short]
    assert [log.at(Stream.EVENTS, at.position) for at in (long, short)] == [long, short]
    assert log.at(Stream.EVENTS, Position(long.position - 4096)) is None, "a part is no record"
    assert log.head(Stream.EVENTS) == log.verify(Stream.EVENTS)
    log.close()
