"""What every log promises (streams/log.py), run on each of them; and what logs in a database promise in addition.

Kafka's log is told by `log`, which is every log. What takes `forgeable` or `fresh` needs one order over all streams, or a link
that is stored with each record and a head beside them: those run on the others.

The SQLite log is opened anew, in a transaction of its own, for every single call: nothing may live in the object. It runs
twice, once with its index of ids settling every eight positions, so that small tests cross from one part to the other. So is
the PostgreSQL log; its tests share one database, in which each of them finds its lane empty and the lanes beside it in use.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count, groupby
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from streams import postgres_log, sqlite_log
from streams.chain import EMPTY, GENESIS, follow, link
from streams.kafka_client import Admin, Topic
from streams.kafka_log import KafkaLog
from streams.kafka_options import KafkaOptions
from streams.log import Appended, BrokenLink, Conflict, Head, Log, Record, Stored, Stream
from streams.memory_log import MemoryLog
from streams.places import LANES_MAX, Lane, Partition
from streams.postgres_log import PostgresLog
from streams.sqlite_log import SqliteLog
from tests.servers import new_prefix
from vocabulary.identity import Position, digest
from wattbook.database import open_database, reading, writing
from wattbook.dev_kafka import KafkaCluster
from wattbook.dev_postgres import PostgresServer

STREAMS = RAW, EVENTS, COMMANDS = Stream.RAW, Stream.EVENTS, Stream.COMMANDS
START = Position(0)


class Forgeable(Log, Protocol):
    """A log whose stored records a test may change behind its back."""

    def change(self, stream: Stream, position: Position, column: str, value: object) -> None: ...

    def remove(self, stream: Stream, position: Position) -> None: ...

    def set_head(self, stream: Stream, head: Head) -> None: ...


class ForgeableMemoryLog(MemoryLog):
    def change(self, stream: Stream, position: Position, column: str, value: Any) -> None:
        self._stored[stream] = [s._replace(**{column: value}) if s.position == position else s for s in self._stored[stream]]
        self._stored[stream].sort()

    def remove(self, stream: Stream, position: Position) -> None:
        self._stored[stream] = [s for s in self._stored[stream] if s.position != position]

    def set_head(self, stream: Stream, head: Head) -> None:
        self._heads[stream] = head


class ForgeableSqliteLog:
    def __init__(self, path: Path) -> None:
        self._path, self._engine = path, open_database(path, create=True)
        with writing(self._engine) as connection:
            sqlite_log.create(connection)

    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]:
        with writing(self._engine) as connection:
            return SqliteLog(connection).append(stream, records)

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]:
        with reading(self._engine) as connection:
            return SqliteLog(connection).read(streams, after, limit)

    def at(self, stream: Stream, position: Position) -> Stored | None:
        with reading(self._engine) as connection:
            return SqliteLog(connection).at(stream, position)

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        with reading(self._engine) as connection:
            return SqliteLog(connection).pick(stream, positions)

    def head(self, stream: Stream) -> Head:
        with reading(self._engine) as connection:
            return SqliteLog(connection).head(stream)

    def verify(self, stream: Stream) -> Head | BrokenLink:
        with reading(self._engine) as connection:
            return SqliteLog(connection).verify(stream)

    def change(self, stream: Stream, position: Position, column: str, value: object) -> None:
        self._forge(f"UPDATE log_{stream} SET {column} = ? WHERE position = ?", value, position)

    def remove(self, stream: Stream, position: Position) -> None:
        self._forge(f"DELETE FROM log_{stream} WHERE position = ?", position)

    def set_head(self, stream: Stream, head: Head) -> None:
        self._forge("UPDATE log_head SET records = ?, position = ?, link = ? WHERE stream = ?", *head, stream.value)

    def _forge(self, statement: str, *parameters: object) -> None:
        """As one with the file and the sqlite3 shell would: the triggers go first."""
        with closing(sqlite3.connect(self._path)) as connection, connection:
            triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
            for (name,) in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute(statement, parameters)

    def close(self) -> None:
        self._engine.dispose()


class ForgeablePostgresLog:
    lane = Lane(3)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        tables = [f"log_{stream}" for stream in Stream]
        self._forge("; ".join(f"DELETE FROM {table} WHERE lane = {self.lane}" for table in (*tables, "log_head")))

    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]:
        with writing(self._engine, self.lane) as connection:
            return PostgresLog(connection, self.lane).append(stream, records)

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]:
        with reading(self._engine) as connection:
            return PostgresLog(connection, self.lane).read(streams, after, limit)

    def at(self, stream: Stream, position: Position) -> Stored | None:
        with reading(self._engine) as connection:
            return PostgresLog(connection, self.lane).at(stream, position)

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        with reading(self._engine) as connection:
            return PostgresLog(connection, self.lane).pick(stream, positions)

    def head(self, stream: Stream) -> Head:
        with reading(self._engine) as connection:
            return PostgresLog(connection, self.lane).head(stream)

    def verify(self, stream: Stream) -> Head | BrokenLink:
        with reading(self._engine) as connection:
            return PostgresLog(connection, self.lane).verify(stream)

    def change(self, stream: Stream, position: Position, column: str, value: object) -> None:
        self._forge(f"UPDATE log_{stream} SET {column} = %s WHERE lane = {self.lane} AND position = %s", value, position)

    def remove(self, stream: Stream, position: Position) -> None:
        self._forge(f"DELETE FROM log_{stream} WHERE lane = {self.lane} AND position = %s", position)

    def set_head(self, stream: Stream, head: Head) -> None:
        changed = f"UPDATE log_head SET records = %s, position = %s, link = %s WHERE lane = {self.lane} AND stream = %s"
        self._forge(changed, *head, stream.value)

    def _forge(self, statement: str, *parameters: object) -> None:
        """As a superuser would, for whom the triggers do not fire."""
        with writing(self._engine) as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql(statement, parameters)


@pytest.fixture(scope="module")
def postgres_logs(postgres: PostgresServer) -> Iterator[Engine]:
    url = postgres.new_database()
    engine = open_database(url, create=False)
    with writing(engine) as connection:
        postgres_log.create(connection)
        for lane in (ForgeablePostgresLog.lane - 1, ForgeablePostgresLog.lane + 1):
            for stream in Stream:
                PostgresLog(connection, Lane(lane)).append(stream, records(*range(30)))
    yield engine
    engine.dispose()
    postgres.drop_database(url)


class ContractKafkaLog(KafkaLog):
    """Raw messages are not appended to Kafka's log, so conclusions stand in for them here."""

    def append(self, stream: Stream, records: Sequence[Record]) -> list[Appended]:
        try:
            return super().append(_instead(stream), records)
        except Conflict as conflict:
            conflict.stream = stream
            raise

    def read(self, streams: Sequence[Stream], after: Position, limit: int) -> list[Stored]:
        found = super().read([_instead(stream) for stream in streams], after, limit)
        return [stored._replace(stream=streams[0]) for stored in found]

    def at(self, stream: Stream, position: Position) -> Stored | None:
        found = super().at(_instead(stream), position)
        return found and found._replace(stream=stream)

    def pick(self, stream: Stream, positions: Sequence[Position]) -> list[Stored]:
        return [stored._replace(stream=stream) for stored in super().pick(_instead(stream), positions)]

    def head(self, stream: Stream) -> Head:
        return super().head(_instead(stream))

    def verify(self, stream: Stream) -> Head | BrokenLink:
        return super().verify(_instead(stream))


def _instead(stream: Stream) -> Stream:
    return Stream.CONCLUSIONS if stream is RAW else stream


IN_A_DATABASE = ["memory", "sqlite", "sqlite, settling often", "postgres"]


@pytest.fixture(params=IN_A_DATABASE)
def fresh(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Forgeable]]:
    """Makes empty logs."""
    with _in_a_database(request, tmp_path, monkeypatch) as make:
        yield make


@pytest.fixture
def forgeable(fresh: Callable[[], Forgeable]) -> Forgeable:
    return fresh()


@pytest.fixture(params=[*IN_A_DATABASE, "kafka"])
def log(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    if request.param == "kafka":
        with _in_kafka(request.getfixturevalue("kafka")) as log:
            yield log
        return
    with _in_a_database(request, tmp_path, monkeypatch) as make:
        yield make()


@contextmanager
def _in_a_database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Forgeable]]:
    if request.param == "memory":
        yield ForgeableMemoryLog
        return
    if request.param == "postgres":
        engine = request.getfixturevalue("postgres_logs")
        yield lambda: ForgeablePostgresLog(engine)
        return
    if request.param == "sqlite, settling often":
        monkeypatch.setattr(sqlite_log, "SETTLE_EVERY", 8)
    made: list[ForgeableSqliteLog] = []
    numbers = count()

    def make() -> Forgeable:
        while made:
            made.pop().close()
        made.append(ForgeableSqliteLog(tmp_path / f"{next(numbers)}.db"))
        return made[-1]

    yield make
    while made:
        made.pop().close()


@contextmanager
def _in_kafka(cluster: KafkaCluster) -> Iterator[Log]:
    """A partition that is not the first: its positions lie in a lane."""
    options = KafkaOptions(servers=tuple(cluster.bootstrap.split(",")), prefix=new_prefix())
    topics = [Topic(options.topic(_instead(stream)), 3, 1, {"max.message.bytes": "16777216"}) for stream in STREAMS]
    with Admin(options) as admin:
        admin.create(topics)
        log = ContractKafkaLog(options, Partition(2))
        yield log
        log.close()
        admin.delete([topic.name for topic in topics])


def record(number: int, body: bytes = b"", key: str = "CS-1", cause: int = 0) -> Record:
    return Record(hashlib.sha256(b"%d" % number).digest(), key, body or b"body %d" % number, Position(cause))


def records(*numbers: int) -> list[Record]:
    return [record(number) for number in numbers]


def everything(log: Log) -> list[Stored]:
    """Stream by stream."""
    return [stored for stream in STREAMS for stored in log.read([stream], START, 1_000_000)]


def in_order(log: Log) -> list[Stored]:
    return log.read(STREAMS, START, 1_000_000)


def content(stored: Stored) -> tuple[Stream, Record]:
    return stored.stream, Record(stored.id, stored.key, stored.body, stored.cause)


# Positions and reading


def test_positions_rise_over_all_streams_and_are_never_given_twice(forgeable: Forgeable) -> None:
    answers = forgeable.append(RAW, records(1, 2)) + forgeable.append(EVENTS, records(3)) + forgeable.append(RAW, records(4, 5))
    positions = [answer.position for answer in answers]
    assert positions == sorted(set(positions))
    assert positions[0] > START
    assert all(answer.is_new for answer in answers)
    assert forgeable.at(EVENTS, positions[0]) is forgeable.at(RAW, positions[2]) is None


def test_a_stream_is_read_from_after_a_position_up_to_the_limit(log: Log) -> None:
    answers = log.append(RAW, records(*range(5))) + log.append(RAW, records(5, 6))
    log.append(EVENTS, records(7))
    positions = [answer.position for answer in answers]
    assert positions == sorted(set(positions)) and positions[0] > START
    stored = log.read([RAW], START, 100)
    assert [one.position for one in stored] == positions
    for at in range(7):
        assert log.read([RAW], positions[at], 3) == stored[at + 1 : at + 4]
        assert log.read([RAW], Position(positions[at] - 1), 2) == stored[at : at + 2]


def test_several_streams_are_read_in_the_order_of_the_log(forgeable: Forgeable) -> None:
    forgeable.append(RAW, records(1, 2))
    forgeable.append(EVENTS, records(3))
    forgeable.append(COMMANDS, records(4))
    forgeable.append(RAW, records(5))
    wanted = [(RAW, record(1)), (RAW, record(2)), (EVENTS, record(3)), (RAW, record(5))]
    assert [content(stored) for stored in forgeable.read([EVENTS, RAW], START, 100)] == wanted


def test_reading_begins_after_the_position_and_stops_at_the_limit(forgeable: Forgeable) -> None:
    positions = [
        forgeable.append(stream, records(number))[0].position for number, stream in enumerate([RAW, EVENTS, RAW, EVENTS, RAW])
    ]
    found = [stored.position for stored in forgeable.read([RAW, EVENTS], positions[0], 3)]
    assert found == positions[1:4]


def test_a_reader_that_goes_on_after_its_last_record_sees_every_record_once(forgeable: Forgeable) -> None:
    for number in range(40):
        forgeable.append([RAW, EVENTS, COMMANDS][number % 3], records(2 * number, 2 * number + 1))
    seen: list[Stored] = []
    while chunk := forgeable.read([RAW, COMMANDS], seen[-1].position if seen else START, 7):
        seen += chunk
    assert seen == forgeable.read([RAW, COMMANDS], START, 1_000)
    assert len(seen) == 54


def test_nothing_is_read_from_no_stream_from_an_empty_one_after_the_end_or_with_limit_zero(log: Log) -> None:
    last = log.append(RAW, records(1, 2))[-1].position
    assert (
        log.read([], START, 10) == log.read([EVENTS], START, 10) == log.read([RAW], last, 10) == log.read([RAW], START, 0) == []
    )


def test_a_stream_that_is_named_twice_is_read_once(log: Log) -> None:
    log.append(RAW, records(1))
    assert len(log.read([RAW, RAW], START, 10)) == 1


@pytest.mark.parametrize(
    "kept",
    [
        record(1, body=bytes(range(256))),
        record(1, body=b'{"broken'),
        record(1, body=b"x" * 3_000_000),
        record(1, key=""),
        record(1, key="Ladesäule 東京 🚗 \0 '; DROP TABLE"),
        record(1, cause=2**62),
        Record(bytes(32), "", b""),
    ],
    ids=["every byte", "not JSON", "3 MB", "no key", "any text as key", "a far cause", "all empty"],
)
def test_a_record_comes_back_as_it_was_given(log: Log, kept: Record) -> None:
    log.append(RAW, [kept])
    [stored] = everything(log)
    assert content(stored) == (RAW, kept)
    assert isinstance(stored.stream, Stream)
    assert log.verify(RAW) == log.head(RAW)


def test_a_record_is_found_by_its_position(log: Log) -> None:
    log.append(RAW, records(1, 2))
    log.append(EVENTS, records(3))
    first, second, third = everything(log)
    assert [log.at(RAW, first.position), log.at(RAW, second.position), log.at(EVENTS, third.position)] == [first, second, third]
    assert log.at(COMMANDS, first.position) is log.at(RAW, Position(second.position + LANES_MAX)) is log.at(RAW, START) is None
    nowhere = [START, Position(second.position + LANES_MAX)]
    assert sorted(log.pick(RAW, [second.position, *nowhere, first.position, second.position])) == [first, second]
    assert log.pick(COMMANDS, [first.position]) == log.pick(RAW, []) == []


# Idempotence


def test_a_record_that_is_offered_again_keeps_its_position_and_is_not_written(log: Log) -> None:
    first = log.append(RAW, records(1, 2, 3))
    before = everything(log)
    again = log.append(RAW, records(2, 3, 1))
    assert again == [Appended(first[n].position, is_new=False) for n in (1, 2, 0)]
    assert everything(log) == before


def test_a_record_that_is_offered_twice_in_one_batch_is_written_once(log: Log) -> None:
    first, second, third = log.append(RAW, records(1, 1, 2))
    assert (first.is_new, second.is_new, third.is_new) == (True, False, True)
    assert first.position == second.position < third.position
    assert [content(stored) for stored in everything(log)] == [(RAW, record(1)), (RAW, record(2))]


def test_old_records_are_known_among_new_ones(log: Log) -> None:
    for number in range(0, 60, 3):
        log.append(RAW, records(number, number + 1, number + 2))
    answers = log.append(RAW, records(*range(80)))
    assert [answer.is_new for answer in answers] == [False] * 60 + [True] * 20
    assert [content(stored)[1] for stored in everything(log)] == records(*range(80))


def test_the_same_id_in_another_stream_is_another_record(log: Log) -> None:
    log.append(RAW, records(1))
    assert log.append(EVENTS, [record(1, body=b"other")])[0].is_new


def test_the_cause_is_not_content(log: Log) -> None:
    [first] = log.append(EVENTS, [record(1, cause=1)])
    assert log.append(EVENTS, [record(1, cause=2)]) == [Appended(first.position, is_new=False)]
    assert everything(log)[0].cause == 1


def test_ids_that_begin_alike_or_stand_at_the_edge_of_a_number_are_told_apart(log: Log) -> None:
    beginnings = [bytes(8), b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\x80" + bytes(7), b"\x80" + bytes(6) + b"\x01"]
    wanted = [
        Record(beginning + ending * 24, "k", beginning + ending) for beginning in beginnings for ending in (b"a", b"b", b"\0")
    ]
    assert all(answer.is_new for answer in log.append(RAW, wanted))
    assert not any(answer.is_new for answer in log.append(RAW, wanted))
    assert [content(stored)[1] for stored in everything(log)] == wanted


def test_an_empty_batch_changes_nothing(log: Log) -> None:
    assert log.append(RAW, []) == []
    assert log.head(RAW) == EMPTY


# Conflicts


@pytest.mark.parametrize("other", [record(2, body=b"other"), record(2, key="CS-2")], ids=["body", "key"])
def test_other_content_under_a_known_id_is_a_conflict_that_names_all_and_writes_nothing(log: Log, other: Record) -> None:
    position = log.append(RAW, records(1, 2))[1].position
    before = everything(log), log.head(RAW)
    with pytest.raises(Conflict) as caught:
        log.append(RAW, [record(3), other, record(4)])
    conflict = caught.value
    assert (conflict.stream, conflict.record_id, conflict.stored_at) == (RAW, other.id, position)
    assert conflict.stored_hash == digest(b"CS-1", b"body 2")
    assert conflict.offered_hash == digest(other.key.encode(), other.body)
    assert (everything(log), log.head(RAW)) == before
    assert log.append(RAW, records(3, 4))[0].is_new


def test_two_contents_under_one_id_in_one_batch_are_a_conflict_that_stands_at_no_position(log: Log) -> None:
    with pytest.raises(Conflict) as caught:
        log.append(RAW, [record(1), record(2), record(1, body=b"other")])
    assert (caught.value.record_id, caught.value.stored_at) == (record(1).id, START)
    assert everything(log) == []
    assert log.head(RAW) == EMPTY


# The chain


def test_an_empty_stream_has_a_head_before_the_first_position_and_verifies(log: Log) -> None:
    assert log.head(RAW) == log.verify(RAW) == Head(0, START, GENESIS)


def test_the_head_is_the_last_record_of_its_stream(log: Log) -> None:
    log.append(RAW, records(1, 2))
    log.append(EVENTS, records(3))
    last = log.read([RAW], START, 10)[-1]
    assert log.head(RAW) == Head(2, last.position, last.link)
    assert log.verify(RAW) == log.head(RAW)
    assert log.verify(EVENTS) == log.head(EVENTS)


def test_a_link_is_the_digest_of_all_that_the_record_is_and_of_the_link_before(log: Log) -> None:
    log.append(EVENTS, [record(1, cause=7), record(2, key="ключ", cause=9)])
    previous = GENESIS
    for stored in everything(log):
        numbers = [number.to_bytes(8, "big") for number in (stored.position, stored.cause)]
        previous = digest(b"events", previous, numbers[0], stored.id, stored.key.encode(), numbers[1], stored.body)
        assert stored.link == previous


def test_the_same_records_have_other_links_in_another_stream_or_order(fresh: Callable[[], Forgeable]) -> None:
    heads = set()
    for stream, numbers in ((RAW, (1, 2)), (RAW, (2, 1)), (EVENTS, (1, 2))):
        log = fresh()
        log.append(stream, records(*numbers))
        heads.add(log.head(stream))
    assert len(heads) == 3


@pytest.mark.parametrize(
    ("column", "value"),
    [("body", b"body 6"), ("key", "CS-2"), ("id", bytes(32)), ("cause", 1), ("cause", -1), ("link", b"\1" * 32)],
)
def test_a_changed_record_is_the_broken_link(forgeable: Forgeable, column: str, value: object) -> None:
    forgeable.append(RAW, records(*range(10)))
    stored = everything(forgeable)[5]
    forgeable.change(RAW, stored.position, column, value)
    broken = forgeable.verify(RAW)
    assert isinstance(broken, BrokenLink)
    assert (broken.stream, broken.position) == (RAW, stored.position)
    assert broken.expected != broken.found
    assert (broken.found == stored.link) is (column != "link")


def test_a_removed_record_breaks_the_link_of_the_next(forgeable: Forgeable) -> None:
    forgeable.append(RAW, records(*range(10)))
    removed, following = everything(forgeable)[5:7]
    forgeable.remove(RAW, removed.position)
    broken = forgeable.verify(RAW)
    assert isinstance(broken, BrokenLink)
    assert (broken.position, broken.found) == (following.position, following.link)


def test_two_swapped_records_break_at_the_first(forgeable: Forgeable) -> None:
    forgeable.append(RAW, records(*range(10)))
    one, two = everything(forgeable)[5:7]
    for aside, back in ((one, 1_000), (two, one.position), (one._replace(position=Position(1_000)), two.position)):
        forgeable.change(RAW, aside.position, "position", back)
    broken = forgeable.verify(RAW)
    assert isinstance(broken, BrokenLink)
    assert (broken.position, broken.found) == (one.position, two.link)


def test_records_missing_at_the_end_break_at_the_head(forgeable: Forgeable) -> None:
    forgeable.append(RAW, records(*range(10)))
    stored, head = everything(forgeable), forgeable.head(RAW)
    for cut in stored[7:]:
        forgeable.remove(RAW, cut.position)
    assert forgeable.verify(RAW) == BrokenLink(RAW, head.position, expected=stored[6].link, found=head.link)


def test_a_stream_of_which_all_was_removed_breaks_at_the_head(forgeable: Forgeable) -> None:
    forgeable.append(RAW, records(1))
    head = forgeable.head(RAW)
    forgeable.remove(RAW, head.position)
    assert forgeable.verify(RAW) == BrokenLink(RAW, head.position, expected=GENESIS, found=head.link)


def test_records_beyond_the_head_break_at_the_head(forgeable: Forgeable) -> None:
    forgeable.append(RAW, records(*range(3)))
    early = forgeable.head(RAW)
    forgeable.append(RAW, records(3, 4))
    late = forgeable.head(RAW)
    forgeable.set_head(RAW, early)
    assert forgeable.verify(RAW) == BrokenLink(RAW, early.position, expected=late.link, found=early.link)


def test_a_broken_stream_leaves_the_others_whole(forgeable: Forgeable) -> None:
    forgeable.append(RAW, records(1, 2))
    forgeable.append(EVENTS, records(1, 2))
    forgeable.change(RAW, everything(forgeable)[0].position, "body", b"forged")
    assert isinstance(forgeable.verify(RAW), BrokenLink)
    assert forgeable.verify(EVENTS) == forgeable.head(EVENTS)


# Properties

OFFERS = st.lists(st.tuples(st.sampled_from([RAW, EVENTS]), st.lists(st.integers(0, 25), max_size=12)), max_size=8)
PROPERTY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@PROPERTY
@given(offers=OFFERS)
def test_batches_with_repeats_give_the_log_of_each_record_once_in_the_order_first_seen(
    fresh: Callable[[], Forgeable], offers: list[tuple[Stream, list[int]]]
) -> None:
    with_repeats = fresh()
    for stream, numbers in offers:
        with_repeats.append(stream, records(*numbers))
    found = in_order(with_repeats)

    once = fresh()
    first_seen = dict.fromkeys((stream, number) for stream, numbers in offers for number in numbers)
    for stream, run in groupby(first_seen, key=lambda offer: offer[0]):
        once.append(stream, records(*[number for _, number in run]))
    assert found == in_order(once)
    assert [(stored.stream, stored.id) for stored in found] == [(stream, record(n).id) for stream, n in first_seen]


@PROPERTY
@given(numbers=st.lists(st.integers(0, 1_000), max_size=40, unique=True), cut=st.integers(0, 40))
def test_appending_in_two_pieces_gives_the_links_of_appending_at_once(
    fresh: Callable[[], Forgeable], numbers: list[int], cut: int
) -> None:
    at_once = fresh()
    at_once.append(RAW, records(*numbers))
    expected = everything(at_once), at_once.head(RAW)
    in_pieces = fresh()
    in_pieces.append(RAW, records(*numbers[:cut]))
    in_pieces.append(RAW, records(*numbers[cut:]))
    assert (everything(in_pieces), in_pieces.head(RAW)) == expected


def test_link_is_follow_for_one_record() -> None:
    one, two = (Position(1), record(1)), (Position(5), record(2))
    first = link(RAW, GENESIS, one[1], one[0])
    assert follow(RAW, GENESIS, [one, two]) == [first, link(RAW, first, two[1], two[0])]
