"""Who lets the clock tick where workers process messages: of several, whoever is first after an interval."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import Engine

from streams.embedded_runtime import catalogue_at
from streams.log import Stream
from streams.places import Lane
from streams.sql_states import SqlStates
from streams.states import SessionRow
from vocabulary.identity import SessionId, StationId
from vocabulary.reference import Decision
from vocabulary.sessions import Finding, Progress
from wattbook import deciding, ticking
from wattbook.database import open_database, writing
from wattbook.migrating import make_ready
from wattbook.settings import Settings, read_settings
from wattbook.ticking import Ticker
from wattbook.wiring import create_tables, open_app, unit_over

NOW = datetime(2026, 10, 9, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    """Of a worker; nobody connects to the brokers here."""
    return read_settings(home=tmp_path, log="kafka://127.0.0.1:1", database=database, tick_interval_s=600)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database, create=True)
    make_ready(engine, create_tables)
    yield engine
    engine.dispose()


def ticked(engine: Engine) -> datetime | None:
    with unit_over(engine) as unit:
        return catalogue_at(unit).ticked


def test_of_two_workers_one_ticks_within_an_interval(settings: Settings, engine: Engine) -> None:
    one, other = Ticker(settings), Ticker(settings)
    one._tick(NOW)
    other._tick(NOW + timedelta(seconds=599))
    assert ticked(engine) == NOW
    other._tick(NOW + timedelta(seconds=600))
    assert ticked(engine) == NOW + timedelta(seconds=600)


def test_a_worker_ticks_some_time_after_it_started_and_stops_with_it(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticking, "_FIRST_S", 0.05)
    before, until = datetime.now(UTC), monotonic() + 30
    with Ticker(settings) as ticker:
        while ticked(engine) is None and monotonic() < until:
            sleep(0.05)
    found = ticked(engine)
    assert found is not None and found >= before
    assert not ticker._thread.is_alive()


def test_a_worker_that_is_not_to_tick_does_not(settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "_FIRST_S", 0.05)
    with Ticker(settings.model_copy(update={"tick_interval_s": 0})) as ticker:
        ticker._thread.join(10)
        assert not ticker._thread.is_alive()
    assert ticked(engine) is None


def test_a_decision_that_no_worker_takes_up_is_noted_and_said_to_wait(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "_WAIT_S", 0.3)
    held = SessionRow(SessionId("s1"), StationId("CP1"), Progress.HELD, Finding.NO_END)
    with writing(engine) as connection:
        SqlStates(connection, Lane(1)).put_rows([held])
    app = open_app(settings)
    try:
        decided = deciding.decide(app, held, Decision.RELEASE, "looked at", "Ada", NOW)
    finally:
        app.close()
    assert (decided.after, decided.is_applied) == (held, False)
    with unit_over(engine) as unit:
        assert unit.log.head(Stream.REFERENCE).records == 1
