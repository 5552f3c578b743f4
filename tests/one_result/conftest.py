"""A PostgreSQL database with our tables, shared by the tests of a file: each begins with `lane_world.emptied`."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from wattbook.database import open_database, writing
from wattbook.dev_postgres import PostgresServer
from wattbook.wiring import create_tables


@pytest.fixture(scope="module")
def engine(postgres: PostgresServer) -> Iterator[Engine]:
    url = postgres.new_database()
    engine = open_database(url, create=True)
    with writing(engine) as connection:
        create_tables(connection)
    yield engine
    engine.dispose()
    postgres.drop_database(url)
