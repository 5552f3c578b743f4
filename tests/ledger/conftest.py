"""A ledger in a real SQLite file and in a real PostgreSQL database: every test that asks for one runs on both."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ledger.sql_tables import METADATA
from tests.ledger.notation import open_books, past_the_ledger
from wattbook.database import open_database, writing
from wattbook.dev_postgres import PostgresServer

OpenBooks = Callable[[], AbstractContextManager[Engine]]


class PostgresBooks:
    """Databases with the ledger's tables. Whoever opens one gets it empty; two that are open at a time are two."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._idle: list[Engine] = []
        self._urls: list[str] = []

    @contextmanager
    def open(self) -> Iterator[Engine]:
        engine = self._idle.pop() if self._idle else self._new()
        try:
            yield engine
        finally:
            self._empty(engine)
            self._idle.append(engine)

    def close(self) -> None:
        for engine in self._idle:
            engine.dispose()
        for url in self._urls:
            self._server.drop_database(url)

    def _new(self) -> Engine:
        self._urls.append(self._server.new_database())
        engine = open_database(self._urls[-1], create=False)
        with writing(engine) as connection:
            METADATA.create_all(connection)
        return engine

    def _empty(self, engine: Engine) -> None:
        with past_the_ledger(engine) as connection:
            for table in METADATA.tables:
                connection.exec_driver_sql(f"DELETE FROM {table}")
            kept = "CHECK (debit_micro >= 0 AND credit_micro >= 0)"
            connection.exec_driver_sql(f"ALTER TABLE balance ADD CONSTRAINT balance_sums_are_not_negative {kept}")


@pytest.fixture(scope="session")
def postgres_books(postgres: PostgresServer) -> Iterator[PostgresBooks]:
    books = PostgresBooks(postgres)
    yield books
    books.close()


@pytest.fixture(params=["sqlite", "postgres"])
def new_books(request: pytest.FixtureRequest, tmp_path: Path) -> OpenBooks:
    """Opens empty books."""
    if request.param == "postgres":
        postgres_books: PostgresBooks = request.getfixturevalue("postgres_books")
        return postgres_books.open
    numbers = count()

    @contextmanager
    def new_file() -> Iterator[Engine]:
        engine = open_books(tmp_path / f"{next(numbers)}.db")
        yield engine
        engine.dispose()

    return new_file


@pytest.fixture
def books(new_books: OpenBooks) -> Iterator[Engine]:
    with new_books() as engine:
        yield engine
