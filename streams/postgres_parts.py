"""What PostgreSQL needs beside SQLite: text of any characters, one order of text, triggers that refuse, its driver's own ways.

A station may send U+0000 within a text (the transaction id `"a\\u0000b"` is JSON), and SQLite keeps it; PostgreSQL's text has
no place for it. So there U+0000 is written as U+0001 U+0001, and U+0001 as U+0001 U+0002. That is reversible, leaves every
other text as it is, keeps equal texts equal, beginnings beginnings, and the order of code points, in which SQLite sorts, too.
PostgreSQL sorts by a language unless it is told: every text column has COLLATE "C", for the order of rows decides the bytes
of invoices.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import DDL, Connection, Dialect, String, Table, Text, TypeDecorator, event

LOCKS = 0x57415454  # "WATT": the first key of all advisory locks of ours; the second is a lane's number, or says what it is


class AnyText(TypeDecorator[str]):
    """Text on PostgreSQL; the columns of `text()` have it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else escaped(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else unescaped(value)


def text() -> String:
    """The type of a text column: what SQLite calls VARCHAR, and AnyText on PostgreSQL."""
    return String().with_variant(AnyText(collation="C"), "postgresql")


def escaped(value: str) -> str:
    """As PostgreSQL keeps a text."""
    if "\0" in value or "\1" in value:
        return value.replace("\1", "\1\2").replace("\0", "\1\1")
    return value


def unescaped(value: str) -> str:
    if "\1" in value:
        return value.replace("\1\1", "\0").replace("\1\2", "\1")
    return value


def driver_cursor(connection: Connection) -> Any:
    """A cursor of psycopg's own. It knows COPY, arrays (`%b`: sent in binary form), and results in binary form: SQLAlchemy gets
    bytes as hexadecimal text, which is twice as many.
    """
    return connection.connection.cursor()


def take_lane(connection: Connection, lane: int) -> bool:
    """Hold the lane until the transaction ends, if nobody else holds it; whether that is so."""
    return bool(connection.exec_driver_sql("SELECT pg_try_advisory_xact_lock(%s, %s)", (LOCKS, lane)).scalar())


def hold_lane(connection: Connection, lane: int) -> None:
    """Wait until nobody else holds the lane, and hold it until the transaction ends."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, %s)", (LOCKS, lane))


def driver_rows(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """What a SELECT gives, in binary form."""
    with driver_cursor(connection) as cursor:
        return list(cursor.execute(statement, parameters, binary=True))


def driver_run(connection: Connection, statement: str, parameters: Sequence[Any]) -> None:
    """A statement that gives no rows."""
    with driver_cursor(connection) as cursor:
        cursor.execute(statement, parameters)


def with_lz4(table: Table, column: str) -> None:
    """Compress long values by LZ4 where the server was built with it: states of 3 kB are saved twice as fast as by pglz."""
    statement = f"""DO $$ BEGIN ALTER TABLE {table.name} ALTER COLUMN {column} SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN NULL; END $$"""
    _after(table, statement)


def refuse(table: Table, verb: str, why: str, condition: str | None = None) -> None:
    """The table refuses UPDATE, DELETE or TRUNCATE; with a condition on OLD and NEW, only the rows that meet it."""
    rows = f"FOR EACH ROW WHEN ({condition})" if condition else "FOR EACH STATEMENT"
    _after(table, _REFUSES)
    _after(
        table,
        f"CREATE TRIGGER {table.name}_refuses_{verb.lower()} BEFORE {verb} ON {table.name} {rows} "
        f"EXECUTE FUNCTION streams_refuses('{why}')",
    )


# The class of error is that of a broken constraint, as for SQLite's RAISE(ABORT).
_REFUSES = """CREATE OR REPLACE FUNCTION streams_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0]; END $$"""


def _after(table: Table, statement: str) -> None:
    """Run after the table is made, on PostgreSQL."""
    ddl = DDL(statement).execute_if(dialect="postgresql")  # type: ignore[no-untyped-call]
    event.listen(table, "after_create", ddl)
