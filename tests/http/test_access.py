"""Tokens and remembered answers, in both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from vocabulary.access import Role
from wattbook import sql_access
from wattbook.database import open_database, reading, writing
from wattbook.migrating import make_ready
from wattbook.sql_access import NameTaken, SqlAccess, ToldAnswer
from wattbook.wiring import create_tables

NOW = datetime(2026, 10, 1, 12, 30, 15, 250_000, UTC)
TOLD = ToldAnswer(b"\0digest", 207, b'{"results":[]}' * 1000)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    place = tmp_path / "wattbook.db" if request.param == "sqlite" else request.getfixturevalue("database")
    engine = open_database(place, create=True)
    make_ready(engine, create_tables)
    yield engine
    engine.dispose()


def test_a_token_is_found_by_itself_until_it_is_revoked(engine: Engine) -> None:
    with writing(engine) as connection:
        SqlAccess(connection).add("csms", Role.PUBLISHER, "wattbook_secret", NOW)
    with reading(engine) as connection:
        found = SqlAccess(connection).holder("wattbook_secret")
        assert SqlAccess(connection).holder("wattbook_Secret") is None
    assert found is not None
    assert (found.name, found.role, found.last_four, found.created, found.revoked) == (
        "csms",
        Role.PUBLISHER,
        "cret",
        NOW,
        None,
    )
    with writing(engine) as connection:
        assert SqlAccess(connection).revoke("csms", NOW)
        assert not SqlAccess(connection).revoke("csms", NOW)
    with reading(engine) as connection:
        assert SqlAccess(connection).holder("wattbook_secret") is None
        assert [token.revoked for token in SqlAccess(connection).tokens()] == [NOW]


def test_a_name_is_given_once(engine: Engine) -> None:
    with writing(engine) as connection:
        SqlAccess(connection).add("csms", Role.PUBLISHER, "a", NOW)
    with pytest.raises(NameTaken), writing(engine) as connection:
        SqlAccess(connection).add("csms", Role.ADMIN, "b", NOW)


def test_answers_are_given_again_as_they_were_and_the_oldest_are_forgotten(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_access, "ANSWERS_MAX", 2)
    for key in "abc":
        with writing(engine) as connection:
            SqlAccess(connection).remember("csms", key, TOLD)
    with reading(engine) as connection:
        access = SqlAccess(connection)
        assert [access.told("csms", key) for key in "abc"] == [None, TOLD, TOLD]
        assert access.told("other", "c") is None
