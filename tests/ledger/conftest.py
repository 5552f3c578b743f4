"""A ledger in a real SQLite file, and what the properties of the ledger are drawn from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.ledger.notation import open_books


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Engine]:
    engine = open_books(tmp_path / "books.db")
    yield engine
    engine.dispose()
