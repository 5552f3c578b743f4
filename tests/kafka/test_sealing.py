"""The sealer on a real broker and a real database, and forgers with all rights on both: what they did is told, and where."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from sqlalchemy import Engine, insert
from sqlalchemy.exc import IntegrityError

from streams.kafka_client import Admin, BrokerUnavailable, Publisher, Reader, Topic
from streams.kafka_options import KafkaOptions
from streams.places import Offset, Partition, Taken
from streams.seal_verdicts import Fault
from streams.seals import Chain, Seal, chain_from, checkpoint, follow, read, seal
from streams.sql_seals import METADATA, SEAL, AnotherSealer, SqlSeals
from tests.kafka.conftest import MakeTopic
from wattbook.cli import cli
from wattbook.database import open_database, reading, writing
from wattbook.seal_audit import Claims, Verdict, Wanted, published_lines, verify
from wattbook.seal_key import FILE, KNOWN_FILE, PublicKeys, SealKey, read_seal_key, seal_key
from wattbook.sealing import Due, Sealer, SealsBroken, restore, seal_for_ever
from wattbook.settings import read_settings
from wattbook.wiring import create_app

P0 = Partition(0)
BEGAN = datetime(2026, 11, 21, 14, 3, tzinfo=UTC)
EVERY = 10
ALL = Wanted()
Forge = Callable[[list[Taken]], list[Taken]]


def quiet(event: str, /, **facts: object) -> None:
    pass


def messages(numbers: Sequence[int]) -> list[Taken]:
    """A second apart. The topic of these tests keeps the producer's time: who owns the broker can change that, and back."""
    start = int(BEGAN.timestamp()) * 1000
    return [
        Taken(P0, Offset(n), b"HAM-0001", b'[2,"%d","Heartbeat",{}]' % n, (("protocol", b"ocpp1.6"),), start + n * 1000)
        for n in numbers
    ]


class Forger:
    """A topic `raw` and its seals; who owns the broker can replace what they hold."""

    def __init__(self, options: KafkaOptions, admin: Admin, make: MakeTopic) -> None:
        self.options, self._admin = options, admin
        self.raw = make("raw", message_timestamp_type="CreateTime", retention_ms="-1")  # its records are old
        self.seals = make("seals")

    def publish(self, records: Sequence[Taken]) -> None:
        producer = KafkaProducer(bootstrap_servers=list(self.options.servers))
        for one in records:
            producer.send(self.raw, one.value, one.key, list(one.headers), 0, one.timestamp_ms)
        producer.flush()
        producer.close()

    def held(self) -> list[Taken]:
        with Reader(self.options, self.raw, P0) as reader:
            return [taken for records in reader.to_end(Offset(0)) for taken in records]

    def replace_records(self, forge: Forge) -> None:
        forged = forge(self.held())
        self._make_anew(self.raw, {"message.timestamp.type": "CreateTime", "retention.ms": "-1"})
        self.publish(forged)

    def replace_seals(self, forge: Callable[[list[bytes]], list[bytes]]) -> None:
        lines = forge(published_lines(self.options, self.raw, P0))
        self._make_anew(self.seals, {})
        with Publisher(self.options) as publisher:
            for line in lines:
                publisher.send(self.seals, P0, f"{self.raw}/0".encode(), line)
            publisher.flush()

    def _make_anew(self, topic: str, config: dict[str, str]) -> None:
        self._admin.delete([topic])
        self._admin.create([Topic(topic, 1, 1, config)])

    def delete_from_head(self, before: int) -> None:
        admin = KafkaAdminClient(bootstrap_servers=list(self.options.servers))
        admin.delete_records({TopicPartition(self.raw, 0): before})
        admin.close()


@pytest.fixture
def forger(options: KafkaOptions, admin: Admin, topic: MakeTopic) -> Forger:
    return Forger(options, admin, topic)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database, create=True)
    with writing(engine) as connection:
        METADATA.create_all(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def key(tmp_path: Path) -> SealKey:
    return seal_key(tmp_path)


@pytest.fixture
def sealer(engine: Engine, options: KafkaOptions, key: SealKey) -> Callable[[], Sealer]:
    return lambda: Sealer(engine, options, key, ["raw"], Due(EVERY), quiet)


@pytest.fixture
def audited(engine: Engine, options: KafkaOptions, key: SealKey) -> Callable[..., Verdict]:
    """What an auditor is told, with the database or without."""

    def stored(topic: str, partition: Partition) -> list[bytes]:
        with reading(engine) as connection:
            return SqlSeals(connection).lines(topic, partition)

    def ask(wanted: Wanted = ALL, *, outside: bool = False) -> Verdict:
        claims = Claims(key.public.is_genuine, None if outside else stored)
        return verify(options, options.topic("raw"), P0, wanted, claims)

    return ask


def sealed(sealer: Callable[[], Sealer]) -> None:
    with sealer() as one:
        one.once()


def broken(verdict: Verdict) -> tuple[Fault, int | None, int, int | None]:
    found = verdict.first_break
    assert found is not None
    return found.fault, found.number, found.first, found.last


# Sealing


def test_what_was_sealed_is_whole_and_what_came_later_is_not_sealed_yet(
    forger: Forger, sealer: Callable[[], Sealer], audited: Callable[..., Verdict], engine: Engine
) -> None:
    forger.publish(messages(range(35)))
    sealed(sealer)
    forger.publish(messages(range(35, 38)))
    for outside in (False, True):
        found = audited(outside=outside)
        assert (found.broken, found.checkpoints, found.records, found.first, found.last) == (0, 4, 35, 0, 34)
        assert (found.unsealed_from, found.unsealed, found.unpublished) == (35, 3, 0)
    with reading(engine) as connection:
        stored = SqlSeals(connection).lines(forger.raw, P0)
    assert stored == published_lines(forger.options, forger.raw, P0)
    sealed(sealer)
    assert (audited().checkpoints, audited().records, audited().unsealed) == (5, 38, 0)
    sealed(sealer)
    assert audited().checkpoints == 5, "nothing new, no checkpoint"


def test_offsets_that_transactions_took_for_their_marks_are_sealed_as_gaps(
    forger: Forger, sealer: Callable[[], Sealer], audited: Callable[..., Verdict]
) -> None:
    producer = KafkaProducer(bootstrap_servers=list(forger.options.servers), transactional_id=forger.raw)
    producer.init_transactions()
    for is_kept in (True, False, True):
        producer.begin_transaction()
        for n in range(4):
            producer.send(forger.raw, b"%d" % n, partition=0)
        producer.flush()
        (producer.commit_transaction if is_kept else producer.abort_transaction)()
    producer.close()
    sealed(sealer)
    found = audited()
    assert (found.broken, found.checkpoints, found.records, found.first, found.last) == (0, 1, 8, 0, 13)
    assert found.unsealed == 1, "the mark of the last transaction"


def test_of_two_sealers_one_is_refused_and_the_chain_does_not_fork(
    forger: Forger, sealer: Callable[[], Sealer], audited: Callable[..., Verdict]
) -> None:
    forger.publish(messages(range(12)))
    with sealer() as one, sealer() as other:
        one.once()
        forger.publish(messages(range(12, 30)))
        with pytest.raises(AnotherSealer, match=r"raw/0 number 1:"):
            other.once()
        one.once()
    sealed(sealer)
    found = audited()
    assert (found.broken, found.records, found.unsealed) == (0, 30, 0)


def test_a_checkpoint_that_was_not_published_before_a_crash_is_published_first(
    forger: Forger, sealer: Callable[[], Sealer], audited: Callable[..., Verdict], engine: Engine, key: SealKey
) -> None:
    forger.publish(messages(range(EVERY)))
    sealed(sealer)
    forger.publish(messages(range(EVERY, 13)))
    with writing(engine) as connection:  # where the sealer's transaction ends, and the power with it
        last = read(SqlSeals(connection).latest(forger.raw, P0) or b"")
        chain = follow(chain_from(last), forger.held()[EVERY:])
        SqlSeals(connection).add([seal(checkpoint(chain, datetime.now(UTC), key.fingerprint), key.sign)])
    assert (audited().broken, audited().unpublished) == (0, 1)
    assert audited(outside=True).unsealed == 3
    sealed(sealer)
    assert (audited().broken, audited().unpublished, audited(outside=True).unsealed) == (0, 0, 0)


def test_a_database_from_an_older_backup_stops_the_sealer_until_it_is_restored_from_the_topic(
    forger: Forger, sealer: Callable[[], Sealer], audited: Callable[..., Verdict], engine: Engine, key: SealKey
) -> None:
    forger.publish(messages(range(35)))
    sealed(sealer)
    forget(engine, "number > 2")
    assert broken(audited())[:2] == (Fault.NOT_IN_DATABASE, 3)
    with pytest.raises(SealsBroken, match=r"holds checkpoint 4 of .*raw/0, the database 2: .*`wattbook seal restore`"):
        sealed(sealer)
    assert restore(engine, forger.options, key.public) == 2
    assert restore(engine, forger.options, key.public) == 0
    forger.publish(messages(range(35, 40)))
    sealed(sealer)
    assert (audited().broken, audited().checkpoints, audited().unsealed) == (0, 5, 0)


def forget(engine: Engine, condition: str) -> None:
    """Past the triggers, as a restored backup would."""
    with writing(engine) as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(f"DELETE FROM seal WHERE {condition}")


@pytest.mark.parametrize("statement", ["UPDATE seal SET line = line", "DELETE FROM seal", "TRUNCATE seal"])
def test_the_table_refuses(engine: Engine, statement: str) -> None:
    with pytest.raises(IntegrityError, match="a checkpoint is evidence"), writing(engine) as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(("left", "held"), [(0, "is empty"), (7, "holds offsets 0 to")])
def test_a_topic_that_was_made_anew_is_not_sealed_over(
    forger: Forger, sealer: Callable[[], Sealer], left: int, held: str, audited: Callable[..., Verdict]
) -> None:
    forger.publish(messages(range(12)))
    sealed(sealer)
    forger.replace_records(lambda records: records[:left])
    with pytest.raises(SealsBroken, match=rf"raw/0 is sealed up to offset 11, but {held}"):
        sealed(sealer)
    assert audited().broken > 0


# Another key


def test_with_a_new_key_the_chain_goes_on(
    forger: Forger, engine: Engine, sealer: Callable[[], Sealer], tmp_path: Path, key: SealKey
) -> None:
    """An operator moves the old file away. Auditors need both public keys then, and the home has them."""
    forger.publish(messages(range(35)))
    sealed(sealer)
    (tmp_path / FILE).rename(tmp_path / "old.pem")
    renewed = seal_key(tmp_path)
    forger.publish(messages(range(35, 38)))
    sealed(lambda: sealer_with(renewed, engine, forger))

    def breaks(keys: PublicKeys) -> int:
        return verify(forger.options, forger.raw, P0, ALL, Claims(keys.is_genuine, None)).broken

    assert (breaks(renewed.known), breaks(read_seal_key(tmp_path).known)) == (0, 0)
    assert breaks(renewed.public) > 0 < breaks(key.public)


def sealer_with(key: SealKey, engine: Engine, forger: Forger) -> Sealer:
    return Sealer(engine, forger.options, key, ["raw"], Due(EVERY), quiet)


def plant(engine: Engine, forger: Forger, one: Seal) -> None:
    """A row in the table, where whoever writes to the database wants the sealer to go on from."""
    row = {"topic": forger.raw, "partition": P0, "number": 10**6, "last_offset": one.checkpoint.last, "line": one.line}
    with writing(engine) as connection:
        connection.execute(insert(SEAL), row)


def test_a_checkpoint_of_a_key_that_the_home_never_had_is_not_gone_on_from(
    forger: Forger, engine: Engine, sealer: Callable[[], Sealer], tmp_path: Path
) -> None:
    """Unless the operator says that it was his: a home of an earlier wattbook did not write that down."""
    forger.publish(messages(range(12)))
    another = seal_key(tmp_path / "another")
    chain = follow(Chain(forger.raw, P0), messages(range(7)))
    plant(engine, forger, seal(checkpoint(chain, BEGAN, another.fingerprint), another.sign))
    with pytest.raises(SealsBroken, match=f"raw/0 is said to be signed by the key {another.fingerprint}, .* none of this home"):
        sealed(sealer)
    with (tmp_path / KNOWN_FILE).open("a") as file:
        file.write(another.public.pem)
    sealed(lambda: sealer_with(seal_key(tmp_path), engine, forger))


@pytest.mark.parametrize("as_if_by", ["the key", "an earlier key"])
def test_a_checkpoint_that_names_a_key_of_the_home_must_be_signed_by_it(
    forger: Forger, engine: Engine, tmp_path: Path, as_if_by: str
) -> None:
    forger.publish(messages(range(12)))
    named = seal_key(tmp_path / "home").fingerprint
    if as_if_by == "an earlier key":
        (tmp_path / "home" / FILE).unlink()
    chain = follow(Chain(forger.raw, P0), messages(range(7)))
    plant(engine, forger, seal(checkpoint(chain, BEGAN, named), seal_key(tmp_path / "another").sign))
    with pytest.raises(SealsBroken, match=r"was changed: checkpoint 1 of .*raw/0 is not genuine"):
        sealed(lambda: sealer_with(seal_key(tmp_path / "home"), engine, forger))


def test_a_genuine_checkpoint_of_another_partition_is_not_gone_on_from(
    forger: Forger, engine: Engine, sealer: Callable[[], Sealer], key: SealKey
) -> None:
    forger.publish(messages(range(12)))
    chain = follow(Chain(forger.options.topic("events"), P0), messages(range(7)))
    plant(engine, forger, seal(checkpoint(chain, BEGAN, key.fingerprint), key.sign))
    with pytest.raises(SealsBroken, match=r"checkpoint 1 of .*raw/0 is one of .*events/0"):
        sealed(sealer)


# Forging


FORGERIES: list[tuple[Forge, Fault, int, int, int]] = [
    (lambda r: [*r[:13], r[13]._replace(value=b"[]"), *r[14:]], Fault.RECORDS_DIFFER, 2, 10, 19),
    (lambda r: [*r[:13], r[13]._replace(timestamp_ms=r[13].timestamp_ms + 1), *r[14:]], Fault.RECORDS_DIFFER, 2, 10, 19),
    (lambda r: [*r[:13], r[13]._replace(key=b"HAM-0002"), *r[14:]], Fault.RECORDS_DIFFER, 2, 10, 19),
    (lambda r: [*r[:13], r[13]._replace(headers=()), *r[14:]], Fault.RECORDS_DIFFER, 2, 10, 19),
    (lambda r: [*r[:29], *r[30:]], Fault.RECORDS_DIFFER, 3, 20, 29),
    (lambda r: [*r[:5], r[5], *r[5:]], Fault.RECORDS_DIFFER, 1, 0, 9),
    (lambda r: [*r[:5], r[6], r[5], *r[7:]], Fault.RECORDS_DIFFER, 1, 0, 9),
    (lambda r: r[:33], Fault.MISSING_AT_THE_END, 4, 30, 34),
]


def test_a_topic_made_anew_with_other_records_is_told_with_the_first_range_that_differs(
    forger: Forger, sealer: Callable[[], Sealer], audited: Callable[..., Verdict]
) -> None:
    original = messages(range(35))
    forger.publish(original)
    sealed(sealer)
    for forge, *told in FORGERIES:
        forger.replace_records(lambda _, forge=forge: forge(original))
        for outside in (False, True):
            assert broken(audited(outside=outside)) == tuple(told)
    forger.replace_records(lambda _: original)
    assert audited().broken == 0, "the same records at the same places are what was sealed"


def test_records_deleted_from_the_head_are_told_and_the_rest_can_still_be_checked(
    forger: Forger, sealer: Callable[[], Sealer], audited: Callable[..., Verdict]
) -> None:
    forger.publish(messages(range(35)))
    sealed(sealer)
    forger.delete_from_head(13)
    found = audited()
    assert (broken(found), found.broken) == ((Fault.DELETED_FROM_THE_HEAD, 1, 0, 9), 2)
    assert found.first_break is not None
    assert found.first_break.found == "the topic begins at 13"
    rest = audited(Wanted(since=20))
    assert (rest.broken, rest.first, rest.last, rest.widened) == (0, 20, 34, False)


@pytest.mark.parametrize(
    ("forge", "fault", "number"),
    [
        (lambda lines: [*lines[:1], *lines[2:]], Fault.MISSING, 2),
        (lambda lines: [*lines[:1], lines[1].replace(b'"records":10', b'"records":11'), *lines[2:]], Fault.NOT_GENUINE, 2),
        (lambda lines: [*lines, b"not one of ours"], Fault.NO_CHECKPOINT, None),
    ],
)
def test_checkpoints_that_were_removed_changed_or_added_are_told(
    forger: Forger, sealer: Callable[[], Sealer], audited: Callable[..., Verdict], forge: Any, fault: Fault, number: int | None
) -> None:
    forger.publish(messages(range(35)))
    sealed(sealer)
    forger.replace_seals(forge)
    assert broken(audited(outside=True))[:2] == (fault, number)
    assert audited().broken > 0


def test_a_topic_of_seals_that_was_made_anew_is_told_but_for_a_checkpoint_that_may_be_on_its_way(
    forger: Forger, sealer: Callable[[], Sealer], audited: Callable[..., Verdict]
) -> None:
    forger.publish(messages(range(35)))
    assert not audited(outside=True).checkpoints and audited(outside=True).is_bare
    sealed(sealer)
    assert not audited(outside=True).is_bare
    for left, missing in ((3, []), (2, [3]), (0, [1, 2, 3])):
        forger.replace_seals(lambda lines, left=left: lines[:left])
        found = audited()
        assert (found.unpublished, found.broken) == (4 - left, len(missing))
        assert not missing or broken(found)[:2] == (Fault.NOT_IN_TOPIC, missing[0])
    assert audited(outside=True).is_bare


def test_checkpoints_that_a_sealer_writes_during_the_audit_are_not_missed(
    forger: Forger, sealer: Callable[[], Sealer], engine: Engine, key: SealKey
) -> None:
    forger.publish(messages(range(35)))

    def stored(topic: str, partition: Partition) -> list[bytes]:
        sealed(sealer)  # after the topic was read
        with reading(engine) as connection:
            return SqlSeals(connection).lines(topic, partition)

    found = verify(forger.options, forger.raw, P0, ALL, Claims(key.public.is_genuine, stored))
    assert (found.broken, found.checkpoints, found.unpublished) == (0, 4, 0)


def test_a_range_of_offsets_or_of_time_is_widened_to_whole_checkpoints(
    forger: Forger, sealer: Callable[[], Sealer], audited: Callable[..., Verdict]
) -> None:
    forger.publish(messages(range(35)))
    sealed(sealer)

    def checked(since: int | datetime | None, until: int | datetime | None) -> tuple[int | None, int | None, bool]:
        found = audited(Wanted(since, until))
        assert found.broken == 0
        return found.first, found.last, found.widened

    second = timedelta(seconds=1)
    assert checked(None, None) == (0, 34, False)
    assert checked(10, 29) == (10, 29, False)
    assert checked(12, 12) == (10, 19, True)
    assert checked(BEGAN + 10 * second, BEGAN + 20 * second) == (10, 19, False)
    assert checked(BEGAN + 9.5 * second, BEGAN + 20.5 * second) == (10, 29, True)
    assert checked(BEGAN + 100 * second, None) == (None, None, False)


# The commands, as processes


@pytest.fixture
def inside(forger: Forger, database: str, tmp_path: Path) -> dict[str, str]:
    """The environment of the operator."""
    given = {
        "WATTBOOK_HOME": str(tmp_path / "home"),
        "WATTBOOK_LOG": "kafka://" + ",".join(forger.options.servers),
        "WATTBOOK_KAFKA_PREFIX": forger.options.prefix,
        "WATTBOOK_DATABASE": database,
    }
    app = create_app(read_settings(**{name.removeprefix("WATTBOOK_").lower(): value for name, value in given.items()}))
    with writing(app.engine) as connection:
        METADATA.create_all(connection)
    app.close()
    return given


def wattbook(environment: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(cli, words, env=environment, catch_exceptions=False)


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    words = ["seal", "run", "--topic", "raw", "--records", "7", "--seconds", "1"]
    command = [sys.executable, "-m", "wattbook", *words]
    return subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True)


def wait_for_offset(process: subprocess.Popen[str], offset: int) -> None:
    """Until a line says that this offset is sealed."""
    assert process.stderr is not None
    for line in process.stderr:
        told = json.loads(line)
        if told["event"] == "sealed" and told["last"] >= offset:
            return
    raise AssertionError(f"the sealer ended with {process.wait()}")


def test_an_outage_is_told_once_and_that_it_is_over_when_it_is_and_not_with_the_next_checkpoint(
    sealer: Callable[[], Sealer],
    forger: Forger,
    options: KafkaOptions,
    engine: Engine,
    key: SealKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two outages, each of three attempts at brokers of which none answers; nothing comes that could be sealed."""
    monkeypatch.setattr("wattbook.sealing._AGAIN_AFTER_S", 0)
    nobody = Sealer(engine, KafkaOptions(servers=("127.0.0.1:1",), timeout_s=1), key, ["raw"], Due(EVERY), quiet)
    tries = iter([nobody, nobody, nobody, sealer(), nobody, nobody, sealer()])
    told: list[str] = []

    def say(event: str, /, **facts: object) -> None:
        told.append(event)
        if event == "seal_goes_on" and told.count(event) == 1:
            raise BrokerUnavailable("away again")

    seal_for_ever(lambda: next(tries), lambda: told.count("seal_goes_on") < 2, say)
    assert told == ["seal_waits", "seal_goes_on", "seal_waits", "seal_goes_on"]


def test_what_an_open_transaction_holds_back_is_told_when_all_else_is_sealed(forger: Forger, inside: dict[str, str]) -> None:
    forger.publish(messages(range(3)))
    producer = KafkaProducer(bootstrap_servers=list(forger.options.servers), transactional_id=forger.raw)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(forger.raw, b"held back", b"HAM-0001", partition=0)
    producer.flush()
    forger.publish(messages(range(3, 5)))
    told = wattbook(inside, "seal", "once", "--topic", "raw")
    assert told.stdout.splitlines() == [
        "sealed: all that the topics hold, but what is held back:",
        f"  {forger.raw}/0: 3 records wait behind an open transaction of a producer",
    ]
    assert json.loads(told.stderr)["records"] == 3
    producer.abort_transaction()
    producer.close()
    told = wattbook(inside, "seal", "once", "--topic", "raw")
    assert (told.stdout, json.loads(told.stderr)["records"]) == ("sealed: all that the topics hold\n", 2)


def test_a_sealer_that_is_killed_and_started_again_goes_on_with_one_chain(forger: Forger, inside: dict[str, str]) -> None:
    for kill in range(3):
        process = start(inside)
        forger.publish(messages(range(kill * 40, kill * 40 + 40)))
        wait_for_offset(process, kill * 40 + (13, 27, 39)[kill])
        process.kill()
        process.wait()
    process = start(inside)
    forger.publish(messages(range(120, 123)))
    wait_for_offset(process, 120)
    forger.publish(messages(range(123, 150)))
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    assert time.monotonic() - began < 10
    sealed = wattbook(inside, "seal", "once", "--topic", "raw")
    assert (sealed.exit_code, sealed.stdout) == (0, "sealed: all that the topics hold\n")
    told = wattbook(inside, "audit", "verify", "--topic", "raw", "--json")
    [found] = json.loads(told.output)["partitions"]
    assert (told.exit_code, found["broken"], found["records"], found["unsealed"]) == (0, 0, 150, 0)
    numbers = [read(line).checkpoint.number for line in dict.fromkeys(published_lines(forger.options, forger.raw, P0))]
    assert numbers == list(range(1, found["checkpoints"] + 1))


def test_an_outside_auditor_needs_the_brokers_and_the_public_key(
    forger: Forger, inside: dict[str, str], tmp_path: Path
) -> None:
    forger.publish(messages(range(12)))
    wattbook(inside, "seal", "once", "--topic", "raw")
    public, kept = tmp_path / "operator.pem", tmp_path / "kept"
    public.write_text(wattbook(inside, "seal", "key").output)
    kept.write_text(wattbook(inside, "seal", "show").output)
    (tmp_path / "elsewhere").mkdir()
    outside = inside | {"WATTBOOK_HOME": str(tmp_path / "elsewhere"), "WATTBOOK_DATABASE": "sqlite"}
    asked = ("audit", "verify", "--topic", "raw", "--key", str(public), "--published", str(kept))
    told = wattbook(outside, *asked)
    assert told.exit_code == 0
    assert told.output.splitlines()[2].split() == [f"{forger.raw}/0", "whole", "1", "12", "0–11", "0"]
    ranges = [wattbook(outside, *asked, one, "3", other, "5") for one, other in (("--from", "--to"), ("--since", "--until"))]
    assert ranges[0].output == ranges[1].output != told.output

    other = tmp_path / "other.pem"
    other.write_text(seal_key(tmp_path / "elsewhere").public.pem)
    told = wattbook(outside, "audit", "verify", "--topic", "raw", "--key", str(other))
    assert told.exit_code == 1
    assert "checkpoint 1 does not hold, offsets 0 to 11: checkpoint_is_not_signed_by_a_given_key" in told.output

    forger.replace_seals(lambda _: [])
    forger.replace_records(lambda records: records[:5])
    told = wattbook(outside, *asked[:6])
    assert (told.exit_code, told.output.splitlines()[2].split()[1:3]) == (1, ["not", "sealed"])
    assert told.output.splitlines()[3].startswith(f"{forger.raw}/0: nothing of it is sealed")
    told = wattbook(outside, *asked)
    assert told.exit_code == 1
    assert "checkpoint_is_not_the_one_that_was_published" in told.output
    assert wattbook(inside, "audit", "verify", "--topic", "raw").exit_code == 1, "the database still has it"
