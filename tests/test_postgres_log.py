"""What the PostgreSQL log promises beyond the port: its lanes, what the database itself refuses, several writers at a time."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from streams import postgres_log
from streams.log import Conflict, Head, Record, Stored, Stream
from streams.places import LANES_MAX, OFFICE, Lane, Partition, lane_of, place_of, position
from streams.postgres_log import PostgresLog, heads, pages
from vocabulary.identity import Position
from wattbook.database import open_database, reading, writing
from wattbook.dev_postgres import PostgresServer

EVENTS, CONCLUSIONS = Stream.EVENTS, Stream.CONCLUSIONS
START = Position(0)
T = TypeVar("T")


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database, create=False)
    with writing(engine) as connection:
        postgres_log.create(connection)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def lanes_engine(postgres: PostgresServer) -> Iterator[Engine]:
    url = postgres.new_database()
    engine = open_database(url, create=False)
    with writing(engine) as connection:
        postgres_log.create(connection)
    yield engine
    engine.dispose()
    postgres.drop_database(url)


def records(*numbers: int, body: bytes = b"") -> list[Record]:
    return [Record(hashlib.sha256(b"%d" % n).digest(), f"CS-{n}", body or b"body %d" % n) for n in numbers]


def append(engine: Engine, lane: int, stream: Stream, *numbers: int) -> list[Position]:
    with writing(engine, Lane(lane)) as connection:
        return [answer.position for answer in PostgresLog(connection, Lane(lane)).append(stream, records(*numbers))]


def all_of(engine: Engine, lane: int, *streams: Stream) -> list[Stored]:
    with reading(engine) as connection:
        return PostgresLog(connection, Lane(lane)).read(streams or list(Stream), START, 1_000_000)


# Lanes


@pytest.mark.parametrize("lane", [OFFICE, lane_of(Partition(0)), Lane(LANES_MAX - 1)])
def test_places_are_counted_from_one_over_all_streams_of_a_lane(engine: Engine, lane: Lane) -> None:
    append(engine, 7, EVENTS, *range(5))
    first, second, third = append(engine, lane, EVENTS, 1, 2) + append(engine, lane, CONCLUSIONS, 1)
    assert [place_of(each) for each in (first, second, third)] == [(1, lane), (2, lane), (3, lane)]


def test_records_are_found_by_what_they_are_about_after_a_position_of_their_lane(engine: Engine) -> None:
    first, second = append(engine, 1, EVENTS, 1, 2)
    append(engine, 2, EVENTS, 2)
    with reading(engine) as connection:
        log = PostgresLog(connection, Lane(1))
        found = [log.about(EVENTS, "CS-2", after) for after in (START, first, second)]
        assert log.about(CONCLUSIONS, "CS-2", START) == []
    assert [[stored.position for stored in each] for each in found] == [[second], [second], []]


def test_the_same_record_in_two_lanes_is_two_records(engine: Engine) -> None:
    one, two = append(engine, 1, EVENTS, 1), append(engine, 2, EVENTS, 1)
    assert (one, two) == ([position(1, Lane(1))], [position(1, Lane(2))])
    assert append(engine, 1, EVENTS, 1) == one


def test_a_lane_is_read_alone_and_a_position_finds_its_record_from_any_lane(engine: Engine) -> None:
    one, two = append(engine, 1, EVENTS, 1, 2), append(engine, 2, CONCLUSIONS, 3, 4)
    assert [stored.position for stored in all_of(engine, 1)] == one
    assert [stored.position for stored in all_of(engine, 2)] == two
    with reading(engine) as connection:
        office = PostgresLog(connection)
        assert office.read(list(Stream), START, 10) == []
        assert [office.at(EVENTS, one[1]), office.at(CONCLUSIONS, two[0])] == [all_of(engine, 1)[1], all_of(engine, 2)[0]]
        assert office.at(CONCLUSIONS, one[1]) is office.at(EVENTS, position(9, Lane(1))) is None


def test_a_lane_is_read_page_by_page_after_a_place(engine: Engine) -> None:
    append(engine, 2, EVENTS, *range(100, 120))
    places = append(engine, 1, EVENTS, *range(10))
    with reading(engine) as connection:
        found = list(pages(connection, EVENTS, Lane(1), after=places[1], size=3))
        assert [len(page) for page in found] == [3, 3, 2]
        assert [stored.position for page in found for stored in page] == places[2:]
        assert list(pages(connection, EVENTS, Lane(1), after=places[-1])) == []


def test_the_heads_of_all_lanes_are_told_at_once(engine: Engine) -> None:
    append(engine, 1, EVENTS, 1, 2)
    append(engine, 1, CONCLUSIONS, 1)
    append(engine, 5, EVENTS, 3)
    with reading(engine) as connection:
        found = heads(connection)
        assert list(found) == [(1, CONCLUSIONS), (1, EVENTS), (5, EVENTS)]
        for (lane, stream), head in found.items():
            assert head == PostgresLog(connection, lane).head(stream) == PostgresLog(connection, lane).verify(stream)
    assert found[Lane(1), EVENTS] == Head(2, position(2, Lane(1)), all_of(engine, 1, EVENTS)[-1].link)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.tuples(st.integers(0, 2), st.lists(st.integers(0, 20), max_size=8)), max_size=10), data=st.data())
def test_how_batches_of_lanes_interleave_changes_no_lane(
    lanes_engine: Engine, batches: list[tuple[int, list[int]]], data: st.DataObject
) -> None:
    interleaved = data.draw(st.permutations(batches))

    def folded(order: list[tuple[int, list[int]]]) -> list[list[Stored]]:
        with lanes_engine.connect() as connection:
            for lane, numbers in order:
                PostgresLog(connection, Lane(lane)).append(EVENTS, records(*numbers))
            found = [PostgresLog(connection, Lane(lane)).read([EVENTS], START, 1_000) for lane in range(3)]
            connection.rollback()
        return found

    by_lane = [batch for lane in range(3) for batch in interleaved if batch[0] == lane]
    assert folded(interleaved) == folded(by_lane)


# What the database refuses


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log_events SET body = ''",
        "UPDATE log_events SET body = '' WHERE false",
        "DELETE FROM log_events",
        "TRUNCATE log_events",
        "INSERT INTO log_events SELECT * FROM log_events ON CONFLICT (lane, position) DO UPDATE SET body = ''",
        "DELETE FROM log_head",
        "TRUNCATE log_head",
        "UPDATE log_head SET position = position - 4096, records = records + 1",
        "UPDATE log_head SET records = records - 1, position = position + 4096",
        "UPDATE log_head SET link = ''",
        "UPDATE log_head SET lane = 9, records = records + 1, position = position + 4096",
    ],
)
def test_the_database_itself_refuses_to_change_what_is_stored(engine: Engine, statement: str) -> None:
    append(engine, 1, EVENTS, 1, 2)
    before = all_of(engine, 1)
    with pytest.raises(IntegrityError, match=r"the log is evidence|moves forward only"), writing(engine) as connection:
        connection.exec_driver_sql(statement)
    assert all_of(engine, 1) == before


def test_every_stream_is_guarded(engine: Engine) -> None:
    for stream in Stream:
        append(engine, 1, stream, 1)
        with pytest.raises(IntegrityError, match="the log is evidence"), writing(engine) as connection:
            connection.exec_driver_sql(f"DELETE FROM log_{stream}")


def test_making_the_tables_again_changes_nothing(engine: Engine) -> None:
    append(engine, 1, EVENTS, 1)
    with writing(engine) as connection:
        postgres_log.create(connection)
    assert len(all_of(engine, 1)) == 1


# Transactions


def test_what_is_rolled_back_was_never_appended(engine: Engine) -> None:
    with engine.connect() as connection:
        PostgresLog(connection, Lane(1)).append(EVENTS, records(1, 2))
        connection.rollback()
    assert all_of(engine, 1) == []
    assert [place_of(each)[0] for each in append(engine, 1, EVENTS, 1)] == [1]


def test_a_transaction_goes_on_after_a_conflict(engine: Engine) -> None:
    append(engine, 1, EVENTS, 1)
    with writing(engine, Lane(1)) as connection:
        log = PostgresLog(connection, Lane(1))
        with pytest.raises(Conflict):
            log.append(EVENTS, records(1, body=b"other"))
        log.append(Stream.QUARANTINE, records(1, body=b"other"))
    assert [stored.stream for stored in all_of(engine, 1)] == [EVENTS, Stream.QUARANTINE]


def test_two_writers_of_a_lane_take_turns(engine: Engine) -> None:
    def write(numbers: range) -> None:
        for number in numbers:
            append(engine, 1, EVENTS, number, number + 1)

    in_threads(write, [range(30), range(10, 40), range(20, 50)])
    assert sorted(stored.key for stored in all_of(engine, 1)) == sorted(f"CS-{number}" for number in range(51))
    with reading(engine) as connection:
        assert PostgresLog(connection, Lane(1)).verify(EVENTS) == PostgresLog(connection, Lane(1)).head(EVENTS)


def test_writers_of_different_lanes_go_at_the_same_time(engine: Engine) -> None:
    """Each waits within its transaction until all have written: were one of them to wait for another, nobody would come."""
    met = threading.Barrier(3, timeout=30)

    def write(lane: Lane) -> None:
        with writing(engine, lane) as connection:
            PostgresLog(connection, lane).append(EVENTS, records(1, 2, 3))
            met.wait()

    in_threads(write, [Lane(0), Lane(1), Lane(2)])
    assert [len(all_of(engine, lane)) for lane in range(3)] == [3, 3, 3]


def test_of_two_writers_that_do_not_take_turns_one_fails_and_leaves_nothing(engine: Engine) -> None:
    """Without the lane's lock: the second finds the first one's positions taken."""
    append(engine, 1, EVENTS, 0)
    failures: list[psycopg.Error] = []

    def second() -> None:
        try:
            with writing(engine) as connection:
                PostgresLog(connection, Lane(1)).append(EVENTS, records(2))
        except psycopg.errors.UniqueViolation as error:
            failures.append(error)

    with writing(engine) as connection:
        PostgresLog(connection, Lane(1)).append(EVENTS, records(1))
        thread = threading.Thread(target=second)
        thread.start()
        while not waiting(engine):
            pass
    thread.join()
    assert len(failures) == 1
    assert [stored.key for stored in all_of(engine, 1)] == ["CS-0", "CS-1"]


def waiting(engine: Engine) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with reading(engine) as connection:
        return bool(connection.exec_driver_sql(query).scalar())


def in_threads(work: Callable[[T], None], arguments: Sequence[T]) -> None:
    with ThreadPoolExecutor(len(arguments)) as pool:
        list(pool.map(work, arguments))  # raises what one of them raised
