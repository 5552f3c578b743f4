"""A runtime over a real SQLite file with the real verbs, and everything that it has written, to be compared."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from streams.embedded_runtime import EmbeddedRuntime, Input
from streams.log import Stream
from streams.sql_states import SqlStates
from streams.sqlite_log import SqliteLog
from streams.states import SessionRow
from streams.unit import Unit
from tests.streams.frames import raw
from vocabulary.billing import InvoiceRunRequested
from vocabulary.charging import RawMessage
from vocabulary.codec import Event, ReferenceFact, decode
from vocabulary.identity import Position
from wattbook.database import open_database, reading, writing
from wattbook.wiring import VERBS, create_tables, unit_on

Wrap = Callable[[Unit], Unit]


class Told(NamedTuple):
    """A record of a stream as far as no position of its own is in it."""

    id: bytes
    key: str
    body: bytes
    cause: int


class Desk:
    """One database file and a runtime over it; `wrap` may come between the runtime and what it writes."""

    def __init__(self, path: Path, batch: int = 1000, wrap: Wrap = lambda unit: unit) -> None:
        self.engine: Engine = open_database(path, create=True)
        with writing(self.engine) as connection:
            create_tables(connection)
        self.runtime = self.another_runtime(batch, wrap)

    def another_runtime(self, batch: int = 1000, wrap: Wrap = lambda unit: unit) -> EmbeddedRuntime:
        @contextmanager
        def unit() -> Iterator[Unit]:
            with writing(self.engine) as connection:
                yield wrap(unit_on(connection))

        return EmbeddedRuntime(unit, VERBS, batch, commands_wait=True)  # tests append them with other inputs

    def streams(self) -> dict[Stream, list[Told]]:
        """What stands in each stream, in order."""
        with reading(self.engine) as connection:
            log = SqliteLog(connection)
            return {
                stream: [Told(s.id, s.key, s.body, s.cause) for s in log.read([stream], Position(0), 1_000_000)]
                for stream in Stream
            }

    def said(self, stream: Stream) -> list[Event]:
        return [decode(told.body) for told in self.streams()[stream]]

    def at_positions(self, stream: Stream) -> dict[Position, Event]:
        with reading(self.engine) as connection:
            return {s.position: decode(s.body) for s in SqliteLog(connection).read([stream], Position(0), 1_000_000)}

    def rows(self) -> list[SessionRow]:
        with reading(self.engine) as connection:
            return SqlStates(connection).find("")

    def tables(self) -> dict[str, list[Any]]:
        """Every table of the database, row by row."""
        with reading(self.engine) as connection:
            names = connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").scalars()
            return {
                name: sorted(map(tuple, connection.exec_driver_sql(f'SELECT * FROM "{name}"')), key=repr)
                for name in list(names)
                if not name.startswith("sqlite_")
            }


def inputs(*given: RawMessage | ReferenceFact | InvoiceRunRequested | str) -> list[Input]:
    """Inputs in their order. A text is lines of the notation, each after its station: `CP1 08:00 start 0`."""
    found: list[Input] = []
    for one in given:
        match one:
            case str():
                lines = [line.split(maxsplit=1) for line in one.splitlines() if line.strip()]
                found += [Input(Stream.RAW, station, raw(station, text)) for station, text in lines]
            case RawMessage():
                found.append(Input(Stream.RAW, one.station, one))
            case InvoiceRunRequested():
                found.append(Input(Stream.COMMANDS, "invoices", one))
            case _:
                found.append(Input(Stream.REFERENCE, type(one).__name__, one))
    return found
