"""`wattbook topics` on a real broker: what is missing is made, what is wrong is told with how to mend it."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from streams.kafka_client import Admin, KafkaRefused, Publisher, Topic
from streams.kafka_following import TopicReader
from streams.kafka_options import KafkaOptions
from streams.kafka_topics import (
    TOPICS,
    Misfit,
    Spec,
    TopicsMisfit,
    changes,
    check,
    create,
    default_replication,
    demand,
    faults,
    majority,
    mend,
)
from streams.places import Offset, Partition
from tests.kafka.conftest import MakeTopic
from wattbook.cli import cli
from wattbook.commands import output
from wattbook.dev_kafka import KafkaCluster

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def spec(options: KafkaOptions) -> Spec:
    return Spec(options.prefix, 2, 1)


def wattbook(options: KafkaOptions, *arguments: str, status: int = 0, **settings: str) -> Result:
    environment = {"LOG": f"kafka://{','.join(options.servers)}", "KAFKA_PREFIX": options.prefix, "KAFKA_PARTITIONS": "2"}
    given = {f"WATTBOOK_{name}": value for name, value in (environment | settings).items()}
    result = CliRunner().invoke(cli, arguments, env=given)
    assert result.exit_code == status, (result.output, result.exception)
    return result


def test_topics_that_are_made_are_as_they_must_be(admin: Admin, spec: Spec) -> None:
    assert create(admin, spec) == [spec.prefix + name for name in TOPICS]
    assert check(admin, spec) == []
    demand(admin, spec)
    raw = admin.describe(spec.names())[spec.prefix + "raw"]
    wanted = {
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "min.insync.replicas": "1",
        "max.message.bytes": "16777216",
        "unclean.leader.election.enable": "false",
    }
    assert {key: raw.config[key] for key in wanted} == wanted
    assert (raw.partitions, raw.replication) == (2, 1)
    admin.delete(spec.names())


def test_making_topics_again_makes_only_what_is_missing(admin: Admin, spec: Spec) -> None:
    create(admin, spec)
    assert create(admin, spec) == []
    admin.delete([spec.prefix + "seals"])
    assert create(admin, spec) == [spec.prefix + "seals"]
    admin.create([Topic(spec.prefix + "raw", 9, 1, {})])  # somebody else was quicker
    assert check(admin, spec) == []
    admin.delete(spec.names())


@pytest.mark.parametrize(
    ("setting", "wrong", "wanted"),
    [
        ("message.timestamp.type", "CreateTime", "LogAppendTime"),
        ("cleanup.policy", "compact", "delete"),
        ("retention.ms", "604800000", "-1"),
        ("retention.bytes", "1000000", "-1"),
        ("max.message.bytes", "1048588", "16777216"),
        ("min.insync.replicas", "2", "1"),
        ("unclean.leader.election.enable", "true", "false"),
    ],
)
def test_a_wrong_setting_is_told_and_mended_in_place(
    admin: Admin, spec: Spec, topic: MakeTopic, setting: str, wrong: str, wanted: str
) -> None:
    create(admin, spec)
    name = spec.prefix + "raw"
    admin.configure(name, {setting: wrong})
    [misfit] = check(admin, spec)
    assert misfit[:4] == (name, setting, wrong, wanted)
    assert f"`wattbook topics mend`, or kafka-configs.sh --alter --entity-type topics --entity-name {name}" in misfit.mend
    assert f"--add-config {setting}={wanted}" in misfit.mend
    with pytest.raises(TopicsMisfit, match=f"{name}: {setting} is {wrong}, wanted is {wanted}"):
        demand(admin, spec)
    assert mend(admin, spec) == []
    admin.delete(spec.names())


def test_more_than_is_wanted_is_no_misfit(admin: Admin, spec: Spec) -> None:
    create(admin, spec)
    admin.configure(spec.prefix + "raw", {"max.message.bytes": "33554432"})
    assert check(admin, spec) == []
    admin.delete(spec.names())


def test_what_cannot_be_mended_in_place_is_told_so(admin: Admin, spec: Spec) -> None:
    create(admin, spec)
    wider = spec._replace(partitions=3, replication=2)
    found = {(misfit.setting, misfit.found, misfit.wanted): misfit.mend for misfit in check(admin, wider)}
    assert set(found) == {("partitions", "2", "3"), ("replication", "1", "2")}
    assert "can never change" in found["partitions", "2", "3"] and "write WATTBOOK_KAFKA_PARTITIONS" not in str(found)
    assert "make topics of another WATTBOOK_KAFKA_PREFIX, with a new database" in found["partitions", "2", "3"]
    assert "kafka-reassign-partitions.sh" in found["replication", "1", "2"]
    assert len(mend(admin, wider)) == 2 * len(TOPICS)
    admin.delete(spec.names())


def test_history_that_no_change_undoes_is_told(admin: Admin, spec: Spec, kafka: KafkaCluster) -> None:
    create(admin, spec)
    admin.configure(spec.prefix + "raw", {"message.timestamp.type": "CreateTime"})
    assert check(admin, spec)[0].mend.endswith("; but records that are there keep the time that their producer gave")
    admin.delete(spec.names())


def test_topics_with_the_same_fault_have_one_line_and_the_others_their_own() -> None:
    def misfit(topic: str, wanted: str = "delete") -> Misfit:
        return Misfit(topic, "cleanup.policy", "compact", wanted, f"kafka-configs.sh --entity-name {topic} --add-config x")

    line = "cleanup.policy is compact, wanted is delete: kafka-configs.sh --entity-name"
    assert faults([misfit("raw")]) == [f"raw: {line} raw --add-config x"]
    assert faults([misfit("raw"), misfit("seals")]) == [f"raw, seals: {line} TOPIC --add-config x"]
    assert faults(map(misfit, TOPICS)) == [f"all 10 topics: {line} TOPIC --add-config x"]
    assert len(faults([misfit("raw"), misfit("seals", wanted="-1")])) == 2
    gone = "what was compacted or deleted before is gone"
    assert changes([misfit("raw"), misfit("seals")]) == [f"raw, seals: cleanup.policy was compact, is delete; but {gone}"]


def test_more_than_half_of_the_copies_acknowledge() -> None:
    assert [majority(copies) for copies in (1, 2, 3, 4, 5)] == [1, 2, 2, 3, 3]


def test_as_many_copies_as_brokers_but_three_are_made(admin: Admin) -> None:
    assert admin.brokers() == default_replication(admin) == 1


def test_a_missing_broker_is_told() -> None:
    found = CliRunner().invoke(
        cli, ["topics", "check"], env={"WATTBOOK_LOG": "kafka://127.0.0.1:1", "WATTBOOK_KAFKA_TIMEOUT_S": "2"}
    )
    assert found.exit_code == 1
    assert "Kafka at 127.0.0.1:1 cannot be used now" in str(found.exception)


# The commands


def test_the_commands_make_check_and_mend(options: KafkaOptions, admin: Admin, spec: Spec) -> None:
    missing = "misfit all 10 topics: topic is missing, wanted is there: `wattbook topics create`\n"
    assert wattbook(options, "topics", "check", status=1).output == missing
    made = wattbook(options, "topics", "create").output
    assert made.splitlines() == ["10 topics made: 2 partitions, 1 copy of each", "all topics are as they must be"]
    assert json.loads(wattbook(options, "topics", "create", "--json").output) == {"made": [], "misfits": []}
    admin.configure(spec.prefix + "raw", {"retention.ms": "1"})
    [misfit] = json.loads(wattbook(options, "topics", "check", "--json", status=1).output)["misfits"]
    assert (misfit["topic"], misfit["setting"], misfit["found"], misfit["wanted"]) == (
        spec.prefix + "raw",
        "retention.ms",
        "1",
        "-1",
    )
    mended = wattbook(options, "topics", "mend").output.splitlines()
    changed = f"changed {spec.prefix}raw: retention.ms was 1, is -1; but what was older is gone"
    assert mended == [changed, "all topics are as they must be"]
    assert json.loads(wattbook(options, "topics", "mend", "--json").output) == {"changed": [], "misfits": []}
    wattbook(options, "topics", "check")
    [partitions] = wattbook(options, "topics", "check", status=1, KAFKA_PARTITIONS="3").output.splitlines()
    assert partitions.startswith("misfit all 10 topics: partitions is 2, wanted is 3: the number of partitions of a topic")
    wattbook(options, "topics", "check", status=1, KAFKA_REPLICATION="3")
    admin.delete(spec.names())


def test_more_copies_than_brokers_are_told_with_the_setting_to_change(options: KafkaOptions) -> None:
    told = str(wattbook(options, "topics", "create", status=1, KAFKA_REPLICATION="3").exception)
    assert "has too few brokers for so many copies: write WATTBOOK_KAFKA_REPLICATION as the brokers allow" in told


def test_records_are_read_from_an_offset_or_a_moment_on(options: KafkaOptions, topic: MakeTopic) -> None:
    name = topic(partitions=2)
    with Publisher(options) as publisher:
        for n in range(5):
            publisher.send(name, Partition(1), b"CS-1", b"frame %d \xff" % n, [("protocol", b"ocpp1.6")])
        publisher.flush()

    def read(*arguments: str) -> list[dict[str, str]]:
        found = json.loads(wattbook(options, "topics", "read", "raw", "--partition", "1", "--json", *arguments).output)
        return found["records"]

    assert [record["offset"] for record in read()] == [0, 1, 2, 3, 4]
    [one] = read("--from", "3", "--limit", "1")
    appended_at = one.pop("appended_at")
    assert one == {"partition": 1, "offset": 3, "key": "CS-1", "headers": {"protocol": "ocpp1.6"}, "value": "frame 3 \\xff"}
    assert read("--from", appended_at)[-1]["offset"] == 4
    assert read("--since", "3", "--limit", "1")[0]["offset"] == 3
    assert read("--from", "2020-10-01T00:00Z", "--limit", "2") == read("--limit", "2")
    assert read("--from", "2999-10-01T00:00Z") == []
    shown = wattbook(options, "topics", "read", "raw", "--partition", "1", "--limit", "1").output.splitlines()
    assert [line.split()[:2] for line in shown] == [["partition", "offset"], ["1", "0"]]
    assert shown[1].endswith(r"Z  CS-1  frame 0 \xff")
    assert wattbook(options, "topics", "read", "raw", "--partition", "0").output == f"no records there in {name}\n"
    for wrong, why in (("2020-10-01", "write the zone too"), ("yesterday", "write an offset, or a time with its zone")):
        told = wattbook(options, "topics", "read", "raw", "--partition", "1", "--since", wrong, status=2).output
        assert f"Invalid value for '--from' / '--since': {wrong}: {why}" in told


def test_so_many_records_of_each_partition_are_read_up_to_where_it_ended(options: KafkaOptions, topic: MakeTopic) -> None:
    """By one consumer, however many partitions there are; a long record too, and none of a partition that has enough."""
    name = topic(partitions=3)
    with Publisher(options) as publisher:
        for n in range(300):
            publisher.send(name, Partition(n % 2), None, b"%d" % n + b"x" * 200_000 * (n == 1))
        publisher.flush()
    with TopicReader(options, name, fetch_bytes=1000) as reader:
        found = list(reader.first(Offset(0), 20))
        assert {p: [t.offset for t in found if t.partition == p] for p in range(3)} == {0: [*range(20)], 1: [*range(20)], 2: []}
        assert [taken.offset for taken in reader.first(Offset(148), 20, Partition(1))] == [148, 149]
        assert [*reader.first(Offset(999), 20)] == [*reader.first(datetime(2999, 1, 1, tzinfo=UTC), 20)] == []


def test_looking_into_a_topic_does_not_wait_for_the_database_to_be_imported() -> None:
    """A third of a second, in which the brokers would have answered three times."""
    words = "import sys, wattbook.cli, wattbook.commands.topics; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], cwd=ROOT).returncode == 0


def test_without_a_partition_the_oldest_records_of_all_are_read(options: KafkaOptions, topic: MakeTopic) -> None:
    name = topic(partitions=3)
    with Publisher(options) as publisher:
        for n, partition in enumerate((2, 0, 1, 2, 0)):
            publisher.send(name, Partition(partition), None, b"%d" % n)
            publisher.flush()
            time.sleep(0.01)  # the broker's clock has milliseconds
    found = json.loads(wattbook(options, "topics", "read", "raw", "--limit", "4", "--json").output)["records"]
    assert [(record["partition"], record["value"]) for record in found] == [(2, "0"), (0, "1"), (1, "2"), (2, "3")]


def test_a_partition_that_there_is_not_is_told_at_once(options: KafkaOptions, topic: MakeTopic) -> None:
    name = topic(partitions=2)
    found = wattbook(options, "topics", "read", "raw", "--partition", "99", status=1)
    assert isinstance(found.exception, KafkaRefused)
    assert str(found.exception) == f"{name} has 2 partitions, 0 to 1: there is no partition 99"


def test_a_long_record_is_one_line_cut_on_a_terminal_and_whole_elsewhere(
    options: KafkaOptions, topic: MakeTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = topic(partitions=1)
    with Publisher(options) as publisher:
        publisher.send(name, Partition(0), b"CS-1", b"[2,\n" + b"x" * 500 + b"\x1b[2J]")
        publisher.flush()
    arguments = ("topics", "read", "raw")
    [_, whole] = wattbook(options, *arguments).output.splitlines()
    assert whole.endswith("CS-1  [2, " + "x" * 500 + "�[2J]")
    terminal = Console(force_terminal=True, width=100, height=25, color_system=None, soft_wrap=True, highlight=False)
    monkeypatch.setattr(output, "OUT", terminal)
    lines = [line.rstrip() for line in wattbook(options, *arguments).output.splitlines()]
    assert [len(lines), len(lines[1]), lines[1][-2:]] == [2, 100, "x…"]
