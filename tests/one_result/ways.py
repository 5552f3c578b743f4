"""The ways by which inputs become a result that need no broker: the pure fold, and the embedded runtime over SQLite."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from streams.embedded_runtime import EmbeddedRuntime
from streams.embedded_runtime import Input as Appending
from streams.log import Stream
from tests.one_result.digests import Result, result_of
from tests.one_result.network import MONTH
from tests.one_result.pure_fold import Input
from vocabulary.billing import InvoiceRunRequested
from vocabulary.charging import RawMessage
from wattbook.database import open_database, reading, writing
from wattbook.fact_keys import key_of
from wattbook.wiring import create_tables, runtime_over

ISSUED_AT = datetime(2026, 12, 1, 8, tzinfo=UTC)
RUN = InvoiceRunRequested(month=MONTH, issued_on=ISSUED_AT.date(), requested_at=ISSUED_AT)


def once(inputs: Sequence[Input]) -> list[Input]:
    """Without messages that are there already, arrival and all: they are one record of the embedded log, and two of a topic.

    That differs where an answer comes before its start and again after it: then the second one names the start.
    """
    found, seen = list[Input](), set[RawMessage]()
    for each in inputs:
        if isinstance(each, RawMessage):
            if each in seen:
                continue
            seen.add(each)
        found.append(each)
    return found


def embedded(inputs: Sequence[Input], batch: int = 100) -> Result:
    """One process, one SQLite file; messages are made durable and processed `batch` at a time."""
    with TemporaryDirectory() as folder:
        engine = open_database(Path(folder) / "wattbook.db", create=True)
        try:
            return _embedded(engine, inputs, batch)
        finally:
            engine.dispose()


def _embedded(engine: Engine, inputs: Sequence[Input], batch: int) -> Result:
    with writing(engine) as connection:
        create_tables(connection)
    runtime = runtime_over(engine, batch)
    for kind, run in groupby(inputs, key=type):
        if issubclass(kind, RawMessage):
            for messages in _cut(list(run), batch):
                runtime.append([Appending(Stream.RAW, message.station, message) for message in messages])
                runtime.pump()
        else:
            for each in run:
                _of_the_office(runtime, each)
    with reading(engine) as connection:
        return result_of(connection)


def _of_the_office(runtime: EmbeddedRuntime, each: Input) -> None:
    if isinstance(each, InvoiceRunRequested):
        runtime.carry_out(Appending(Stream.COMMANDS, "invoice-run", each))
    else:
        runtime.publish([each], key_of)  # type: ignore[list-item]
        runtime.pump()


def _cut(messages: list[RawMessage], size: int) -> Iterator[list[RawMessage]]:
    return (messages[start : start + size] for start in range(0, len(messages), size))
