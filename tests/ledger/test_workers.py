"""Several workers post to the books of one PostgreSQL database at the same time: they queue at the head, and none fails."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from ledger.checks import check
from ledger.post import post
from ledger.sql_store import SqlLedger
from tests.ledger.conftest import PostgresBooks
from tests.ledger.notation import line, session
from vocabulary.billing import Entry
from vocabulary.tariff import Dimension
from wattbook.database import reading, writing


@pytest.fixture
def shared(postgres_books: PostgresBooks) -> Iterator[Engine]:
    with postgres_books.open() as engine:
        yield engine


def rated(name: str, contract: str = "C-1") -> Entry:
    price = line(Dimension.ENERGY, Decimal(1000), Decimal(1), Decimal(19))
    return post(session(name, [price], contract=contract))[0]


def test_workers_that_post_at_the_same_time_queue_from_the_first_entry_on(shared: Engine) -> None:
    """Each with contracts and revenue accounts in common with the others, in an order of its own."""
    begin = threading.Barrier(4)

    def worker(number: int) -> None:
        begin.wait()
        for batch in range(10):
            names = [f"S-{number}-{batch}-{n}" for n in range(5)]
            with writing(shared) as connection:
                SqlLedger(connection).post([rated(name, f"C-{(number + n) % 5}") for n, name in enumerate(names)], cause=1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(4)))  # raises what one of them raised
    with reading(shared) as connection:
        assert SqlLedger(connection).head().number == 4 * 10 * 5
        assert check(SqlLedger(connection)) == ()


def test_the_second_worker_goes_on_from_what_the_first_has_posted_or_from_where_it_began(shared: Engine) -> None:
    def second(name: str) -> int:
        with writing(shared) as connection:
            SqlLedger(connection).post([rated(name)], cause=1)
            return SqlLedger(connection).head().number

    with ThreadPoolExecutor(1) as pool:
        with shared.connect() as connection:
            SqlLedger(connection).post([rated("S-1")], cause=1)
            after_a_rollback = pool.submit(second, "S-2")
            wait_for_a_waiting_one(shared)
            connection.rollback()
        assert after_a_rollback.result() == 1
        with writing(shared) as connection:
            SqlLedger(connection).post([rated("S-3")], cause=1)
            after_a_commit = pool.submit(second, "S-4")
            wait_for_a_waiting_one(shared)
        assert after_a_commit.result() == 3
    with reading(shared) as connection:
        assert [booked.entry.subject for booked in SqlLedger(connection).entries()] == ["S-2", "S-3", "S-4"]


def test_who_reads_the_books_waits_for_nobody(shared: Engine) -> None:
    with writing(shared) as connection:
        SqlLedger(connection).post([rated("S-1")], cause=1)
    with writing(shared) as connection:
        SqlLedger(connection).post([rated("S-2")], cause=1)
        with reading(shared) as reader:
            assert SqlLedger(reader).head().number == 1
            assert check(SqlLedger(reader)) == ()


def wait_for_a_waiting_one(engine: Engine) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(3_000):
        with reading(engine) as connection:
            if connection.exec_driver_sql(query).scalar():
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")
