"""The one SQLite file in which a home keeps its log, states and books; this is the only place that opens it.

    with writing(engine) as connection:   one transaction, holding the write lock from its beginning
    with reading(engine) as connection:   one moment of the database, seen while others write; writes are refused

Write-ahead log and synchronous=FULL: a transaction that was committed survives a power cut. Both context managers commit
when their block ends, roll back when it raises, and turn what the outside does to the file into a DatabaseError that says
what to do.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

APPLICATION_ID = 0x57415454  # "WATT", in the file's header
BUSY_TIMEOUT_S = 10

# Unlike the journal mode, these belong to a connection, not to the file.
_PRAGMAS = {
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "recursive_triggers": "ON",  # else INSERT OR REPLACE removes rows past the triggers that refuse it
    "busy_timeout": BUSY_TIMEOUT_S * 1000,  # milliseconds
    "wal_autocheckpoint": 16_384,  # pages: 64 MB. A checkpoint stops the writer for about 0.1 s; now every 50 000 records
    "cache_size": -32_768,  # kB
    "temp_store": "MEMORY",
}

_REMEDIES = {
    sqlite3.SQLITE_BUSY: f"Another process has been writing to it for {BUSY_TIMEOUT_S} s; wait for that one, or stop it.",
    sqlite3.SQLITE_READONLY: "It cannot be written; give this user write access to the file and its folder.",
    sqlite3.SQLITE_FULL: "The disk is full; make room and try again. Nothing of this transaction was written.",
    sqlite3.SQLITE_IOERR: "Reading or writing the file failed; check the disk, then run `wattbook audit verify`.",
    sqlite3.SQLITE_CORRUPT: "The file is damaged; restore it from a backup.",
    sqlite3.SQLITE_CANTOPEN: "It cannot be opened; check that its folder exists and that this user may write there.",
    sqlite3.SQLITE_PERM: "It cannot be opened; give this user access to the file and its folder.",
    sqlite3.SQLITE_NOTADB: "It is not a wattbook database; name another file. This one was left as it is.",
}


class DatabaseError(Exception):
    """The database cannot be used. The message says which file, why, and what to do."""


def open_database(path: Path, *, create: bool) -> Engine:
    """The database in the file `path`; with `create`, a new one where there is none yet. Raises DatabaseError."""
    if not create and not (path.exists() and path.stat().st_size):
        raise DatabaseError(f"There is no database {path}. Name another file, or make one with `wattbook init`.")
    engine = create_engine(URL.create("sqlite", database=str(path)))
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)
    with reading(engine):
        return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes. It waits for the write lock first, so what it reads is still true when it writes."""
    try:
        with engine.connect().execution_options(wattbook_writes=True) as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        raise _explained(error, engine) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads, at one moment of the database. It waits for nobody, and nobody waits for it."""
    try:
        with engine.connect().execution_options(wattbook_writes=False) as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        if _code(error) == sqlite3.SQLITE_READONLY:
            raise  # nothing is wrong with the file: we wrote where we said that we only read
        raise _explained(error, engine) from error


def _connected(connection: sqlite3.Connection, _: object) -> None:
    """Set a new connection up. `isolation_level` None: the driver begins no transaction behind our back, `_begin` does."""
    try:
        connection.isolation_level = None
        for name, value in _PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {value}")
        _claim(connection)
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error:
        connection.close()  # SQLAlchemy does not know it yet
        raise


def _claim(connection: sqlite3.Connection) -> None:
    """Mark an empty database as ours; refuse one of another program, before anything in it is changed."""
    [marked] = connection.execute("PRAGMA application_id").fetchone()
    [tables] = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if marked == 0 and tables == 0:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    elif marked != APPLICATION_ID:
        error = sqlite3.DatabaseError("file is a database of another program")
        error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
        raise error


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("wattbook_writes", True)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _explained(error: DBAPIError, engine: Engine) -> Exception:
    """What the outside did to the file, in words; any other error is ours, and stays as it is."""
    remedy = _REMEDIES.get(_code(error))
    return DatabaseError(f"The database {engine.url.database} cannot be used. {remedy}") if remedy else error


def _code(error: DBAPIError) -> int:
    """SQLite's primary result code, without the details that it keeps in the higher bits."""
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
