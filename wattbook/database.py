"""The one database in which a home keeps its log, states and books: a SQLite file, or a PostgreSQL server's. Opened only here.

    with writing(engine) as connection:   one transaction that writes
    with reading(engine) as connection:   one moment of the database, seen while others write; writes are refused

                SQLite                                          PostgreSQL
    writing     holds the file's write lock from its beginning  READ COMMITTED; holds the lock of its lane, if it names one
                                                                for which it waits as long as an invoice run may take
    reading     a deferred transaction, queries only            REPEATABLE READ, READ ONLY
    durable     write-ahead log, synchronous=FULL               refused if fsync, full_page_writes or synchronous_commit is off

What is set for a whole PostgreSQL database or user (`ALTER DATABASE … SET`) is seen by connections that are made afterwards. So
each is set up, or refused, when it is made (`_connected_to_postgres`), and is replaced when it is CONNECTION_S_MAX old.

A transaction that was committed survives a power cut. Both context managers commit when their block ends, roll back when it
raises, and turn what the outside does to the database into a DatabaseError that says what to do, and never a password.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from urllib.parse import quote

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from streams.places import OFFICE, Lane
from streams.postgres_parts import LOCKS, hold_lane, take_lane

APPLICATION_ID = LOCKS  # in the SQLite file's header
BUSY_TIMEOUT_S = 10
LOCK_TIMEOUT_S = 30  # PostgreSQL: workers wait for each other's rows
LANE_TIMEOUT_S = 540  # PostgreSQL: for a lane, which an invoice run holds until it has drawn up; below the limit of a statement

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

# Of libpq: a server that is gone is noticed within a minute, and by whoever waits for it too. A URL's own values come first.
_CONNECTING = {
    "application_name": "wattbook",
    "connect_timeout": "10",  # seconds
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",  # milliseconds
    "client_encoding": "utf8",
}

CONNECTION_S_MAX = 60  # PostgreSQL: between two transactions a connection that is older is replaced

# Of a PostgreSQL session, as far as the server knows them. Nothing of ours is one long statement: logs are read page by page.
_SESSION = {
    "lock_timeout": f"{LOCK_TIMEOUT_S}s",
    "statement_timeout": "10min",
    "idle_in_transaction_session_timeout": "60s",  # a writer that hangs gives its locks back
    "idle_session_timeout": "0",  # one that waits in the pool is no fault
    "transaction_timeout": "0",  # of PostgreSQL 17 on: an invoice run may draw up for long, and asks all the time
    "jit": "off",  # compiling takes longer than any of our queries
}
_OFFICE_IDLE_MAX = "10min"  # one document of some 300 000 sessions is drawn up for a minute, on a machine that is busy for more
_READING_IDLE_MAX = "1h"  # who reads may look at what he has read for a while: a replay, the drawing of documents

_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")  # off: what was committed may be lost, or the files damaged
_RELIED_ON = (*_DURABLE, "session_replication_role", "search_path", "default_transaction_read_only")
_SEARCH_PATH = '"$user", public'  # PostgreSQL's own
_READ_ONLY = "default_transaction_read_only"

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


# By SQLSTATE, the longest beginning that fits.
_POSTGRES_REMEDIES = {
    "28": "It refuses this user; check user and password, and the server's pg_hba.conf.",
    "3D000": "There is no such database on that server; create it, or name another one.",
    "42501": "This user may not do that; make it the owner of the database, or grant it all on its tables.",
    "25006": "It is read-only: a standby, or a server that was told to be; name the primary.",
    "53100": "The server's disk is full; make room and try again. Nothing of this transaction was written.",
    "53": "The server has no memory or no connection left for us; give it more, or run fewer workers.",
    "58": "The server could not read or write its files; check its disk, then run `wattbook audit verify`.",
    "XX": "The server found its files damaged; restore them from a backup.",
}
_POSTGRES_REMEDIES_IN_TIME = {
    "08": "The connection was lost. What was being committed is there as a whole or not at all; try again.",
    "40": "Another transaction was in the way, and this one was rolled back; try again.",
    "55P03": f"Another process has held a lock for more than {LOCK_TIMEOUT_S} s; wait for that one, or stop it.",
    "57014": "A statement was cancelled, by someone or by its time limit; nothing of this transaction was written.",
    "25P03": "This process did nothing within a transaction for so long that the server ended it; nothing of it was written.",
    "57P": "The server is starting or shutting down. What was being committed is there as a whole or not at all; try again.",
}


class DatabaseError(Exception):
    """The database cannot be used. The message says which, why, and what to do.

    DatabaseError
    └── DatabaseAway    it may be usable again soon; what was not committed was not written, and trying again is safe
    """


class DatabaseAway(DatabaseError):
    pass


def open_database(place: Path | str, *, create: bool, read_only: bool = False) -> Engine:
    """The database in the file `place`, or at the URL `place`: postgresql://user:password@host:port/name.

    With `create`, a new file where there is none yet. With `read_only`, a file stays as it is to the byte, also where another
    process left something of it in its write-ahead log. Raises DatabaseError.
    """
    engine = _sqlite(place, create, read_only) if isinstance(place, Path) else _postgres(place)
    with reading(engine):
        return engine


Waiting = Callable[[Lane], AbstractContextManager[None]]
"""What surrounds the waiting for a lane that another holds."""


def in_silence(_lane: Lane) -> AbstractContextManager[None]:
    return nullcontext()


@contextmanager
def writing(engine: Engine, lane: Lane | None = None, waiting: Waiting = in_silence) -> Iterator[Connection]:
    """A transaction that writes.

    SQLite: it waits for the file's write lock first, so what it reads is still true when it writes. PostgreSQL: with a lane, it
    waits for that one's lock, so nobody else writes to the lane until it ends.
    """
    with explaining(engine), engine.connect().execution_options(wattbook_writes=True) as connection:
        if connection.info.get(_READ_ONLY):  # a connection that has read before would write: the driver says so each time
            raise DatabaseError(
                _cannot_be_used(engine.url, f"It is read-only: {_READ_ONLY} is on. Turn it off to write to it.")
            )
        with connection.begin():
            if lane is not None and _is_postgres(engine):
                _hold(connection, lane, waiting)
            yield connection


def _hold(connection: Connection, lane: Lane, waiting: Waiting) -> None:
    """Most find the lane free. The office's transaction may think for long: while it draws up, it asks the server nothing."""
    if not take_lane(connection, lane):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LANE_TIMEOUT_S}s'")
        with waiting(lane):
            hold_lane(connection, lane)
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_SESSION['lock_timeout']}'")
    if lane == OFFICE:
        connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{_OFFICE_IDLE_MAX}'")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads, at one moment of the database. It waits for nobody, and nobody waits for it."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if _is_postgres(engine) else {}
    with (
        explaining(engine, may_write=False),
        engine.connect().execution_options(wattbook_writes=False, **options) as connection,
        connection.begin(),
    ):
        if options:
            connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{_READING_IDLE_MAX}'")
        yield connection


@contextmanager
def explaining(engine: Engine, may_write: bool = True) -> Iterator[None]:
    """What the outside did to the database, in words; any other error is ours, and stays as it is."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:  # psycopg's own where its cursor was used, for COPY
        driver_error = error.orig if isinstance(error, DBAPIError) else error
        explain = _of_postgres if _is_postgres(engine) else _of_sqlite
        if (explained := explain(driver_error, engine.url, may_write)) is None:
            raise
        raise explained from error


def _is_postgres(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


# SQLite


def _sqlite(path: Path, create: bool, read_only: bool) -> Engine:
    if not create and not (path.exists() and path.stat().st_size):
        raise DatabaseError(f"There is no database {path}. Name another file, or make one with `wattbook init`.")
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, creator=lambda: _read_only(path)) if read_only else create_engine(url)
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)
    return engine


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, check_same_thread=False)


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


def _of_sqlite(error: BaseException | None, url: URL, may_write: bool) -> DatabaseError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary result code; SQLite keeps details in the higher bits
    if code == sqlite3.SQLITE_READONLY and not may_write:
        return None  # nothing is wrong with the file: we wrote where we said that we only read
    remedy = _REMEDIES.get(code)
    return DatabaseError(f"The database {url.database} cannot be used. {remedy}") if remedy else None


# PostgreSQL


def _postgres(place: str) -> Engine:
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise DatabaseError(
            "The database's URL is not one that wattbook knows: write postgresql://user:password@host:port/name."
        )
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",
        connect_args={name: value for name, value in _CONNECTING.items() if name not in url.query},
        pool_size=4,
        max_overflow=4,
        pool_recycle=CONNECTION_S_MAX,
        pool_pre_ping=True,  # a connection that the server has closed meanwhile is replaced before it is used
        hide_parameters=True,  # in error messages of SQLAlchemy: they hold tokens and amounts
    )
    event.listen(engine, "connect", _connected_to_postgres)
    return engine


def _connected_to_postgres(connection: psycopg.Connection, record: ConnectionPoolEntry) -> None:
    """Set a new connection up, and refuse a server that would lose what it has confirmed, or let it be changed."""
    try:
        connection.autocommit = True
        connection.execute(_SET_UP, ([*_SESSION], [*_SESSION.values()]))
        found = {name: (value, source) for name, value, source in connection.execute(_LOOK_AT, ([*_RELIED_ON],))}
        connection.autocommit = False
        if unfit := _unfit(connection, found):
            info = connection.info
            raise DatabaseError(f"The database {info.dbname} at {info.host}:{info.port} cannot be used. {unfit}")
        record.info[_READ_ONLY] = found[_READ_ONLY][0] == "on"
    except (psycopg.Error, DatabaseError):
        connection.close()  # SQLAlchemy does not know it yet
        raise


_SET_UP = """SELECT set_config(name, wanted.value, false) FROM pg_settings
    JOIN unnest(%s::text[], %s::text[]) AS wanted (name, value) USING (name)"""
_LOOK_AT = "SELECT name, setting, source FROM pg_settings WHERE name = ANY(%s) ORDER BY name"


def _unfit(connection: psycopg.Connection, found: Mapping[str, tuple[str, str]]) -> str | None:
    """Why this session is none for us. `found`: by setting its value, and who has set it."""
    if off := [name for name, (value, _) in found.items() if name in _DURABLE and value == "off"]:
        return f"A power cut would take what was confirmed to stations: turn {' and '.join(off)} on."
    if connection.info.parameter_status("server_encoding") != "UTF8":
        return "It cannot hold every text: create it with ENCODING 'UTF8'."
    if found["session_replication_role"][0] == "replica":
        return (
            "session_replication_role is replica: the triggers that keep log and books from being changed are switched off. "
            "Reset it for this database and user."
        )
    path, source = found["search_path"]
    if path != _SEARCH_PATH and source != "client":
        return (
            f"search_path is {path}: tables would be looked for, and made, in another place than before. Reset it for this "
            f"database and user; or, if they are there, write it into the URL: ?options=-csearch_path%3D{quote(path, safe='')}"
        )
    return None


def _of_postgres(error: BaseException | None, url: URL, may_write: bool) -> DatabaseError | None:
    begun = _cannot_be_used(url)
    state = getattr(error, "sqlstate", None) or ""
    if state == "25006" and not may_write:
        return None  # nothing is wrong with the server: we wrote where we said that we only read
    for length in (5, 3, 2):
        if remedy := _POSTGRES_REMEDIES.get(state[:length]):
            return DatabaseError(f"{begun} {remedy}")
        if remedy := _POSTGRES_REMEDIES_IN_TIME.get(state[:length]):
            return DatabaseAway(f"{begun} {remedy}")
    if isinstance(error, psycopg.OperationalError) and not state:
        return _not_connected(begun, str(error))
    return None


def _cannot_be_used(url: URL, why: str = "") -> str:
    """The URL without its password."""
    named = URL.create("postgresql", username=url.username, host=url.host, port=url.port, database=url.database)
    return f"The database {named} cannot be used. {why}".rstrip()


def _not_connected(begun: str, told: str) -> DatabaseError:
    """libpq's own words: what a server answers to a connection that it refuses comes without its SQLSTATE."""
    reason = told.partition("\n")[0].rstrip(".")
    if "FATAL" in reason and not any(words in reason for words in _SOON):
        return DatabaseError(f"{begun} {reason}. Check user, password and name of the database, and that it exists.")
    return DatabaseAway(f"{begun} {reason}. Check that the server runs there, and try again.")


_SOON = ("starting up", "shutting down", "recovery mode", "too many", "remaining connection slots", "not yet accepting")
