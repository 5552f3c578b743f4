"""Which version the tables of a database have, and how those of an older program become today's.

    version               what it is                            a home's SQLite file          PostgreSQL, which several share
    ------------------    ----------------------------------    --------------------------    -------------------------------
    (no table at all)     new: made from the code's tables      made by `wattbook init`       made by `wattbook init`
    HEAD                  today's                               opened                        opened
    an earlier one        an older program's                    upgraded when it is opened    by `wattbook database upgrade`
    a later one           a newer program's                     refused                       refused
    (tables, no version)  0.1.0's, or another program's         upgraded, or refused          refused

The version stands in the one row of `wattbook_schema`, and is read by hand: Alembic is imported where there is something to
migrate, and only there. An upgrade is one transaction, which holds the write lock from its beginning. Before it changes
anything, a SQLite file is copied beside itself, as it is under that lock.
"""

import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from wattbook.database import APPLICATION_ID, DatabaseError, reading, writing
from wattbook.migrations.frozen import statements
from wattbook.private_file import sync

HEAD = "0004"
EARLIER = ("0001", "0002", "0003")  # every revision before it; 0001 is 0.1.0, which marked nothing
VERSION_TABLE = "wattbook_schema"

_MIGRATIONS = Path(__file__).parent / "migrations"
_NO_LANE = -1  # of the lock that is held while tables are made or changed; beside it are those of lanes
_REVISION = re.compile(r"\d{4}")

Create = Callable[[Connection], None]
Tell = Callable[[str], None]


class State(StrEnum):
    EMPTY = "empty"
    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"
    FOREIGN = "foreign"


class Schema(NamedTuple):
    """What a database holds. `version` None: it bears none. `why`: what is foreign in it."""

    state: State
    version: str | None = None
    why: str = ""


class Upgraded(NamedTuple):
    """What an upgrade did; `before` is HEAD where there was nothing to do. `copy`: the database as it was."""

    before: str
    after: str
    copy: Path | None = None


class SchemaError(DatabaseError):
    """The tables are not those that this program works on.

    SchemaError
    ├── NotMade            there are none yet
    ├── UpgradeNeeded      they are an older program's, and nobody may upgrade them but the operator
    └── SchemaUnknown      they are a newer program's or another's, or were changed by hand
    """


class NotMade(SchemaError):
    pass


class UpgradeNeeded(SchemaError):
    pass


class SchemaUnknown(SchemaError):
    pass


def to_stderr(line: str) -> None:
    sys.stderr.write(f"wattbook: {line}\n")


def make_ready(engine: Engine, create: Create | None, tell: Tell = to_stderr) -> None:
    """See to it that the tables are today's. `create` makes them where there are none; with None, that is refused.

    Raises SchemaError, and DatabaseError where the outside fails; no connection is left open then.
    """
    try:
        found = schema_of(engine)
        if found.state is State.EMPTY and create is not None:
            _make(engine, create)
        elif found.state is State.OLDER and _is_file(engine):
            upgrade(engine, tell)
        else:
            _demand_current(engine, found)
    except DatabaseError:
        engine.dispose()
        raise


def schema_of(engine: Engine) -> Schema:
    with reading(engine) as connection:
        return _schema(connection)


def stamp(connection: Connection, version: str = HEAD) -> None:
    """Mark tables that were just made, as Alembic would."""
    connection.exec_driver_sql(
        f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
        f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
    )
    connection.exec_driver_sql(f"INSERT INTO {VERSION_TABLE} VALUES ('{version}')")  # noqa: S608


def upgrade(engine: Engine, tell: Tell = to_stderr) -> Upgraded:
    """Bring the tables of an older program up to today's: all or nothing. Does nothing where they are."""
    with writing(engine) as connection:
        _alone(connection)
        found = _schema(connection)
        if found.state is not State.OLDER:
            _demand_current(engine, found)
            return Upgraded(HEAD, HEAD)
        assert found.version is not None
        _demand_nobody_else(engine, connection)
        copy = _copy(engine, tell) if _is_file(engine) else None
        if VERSION_TABLE not in _tables(connection):
            stamp(connection, found.version)
        _migrate(connection, HEAD)
    tell(f"{name_of(engine)} is upgraded from schema {found.version} to {HEAD}")
    return Upgraded(found.version, HEAD, copy)


def name_of(engine: Engine) -> str:
    """The database in words, without its password."""
    return (engine.url.database or "") if _is_file(engine) else engine.url.set(drivername="postgresql").render_as_string()


def verdict(engine: Engine, found: Schema) -> str:
    """What is to be done about what was found, as a sentence."""
    name = name_of(engine)
    match found.state:
        case State.CURRENT:
            return f"the tables of {name} are this program's"
        case State.EMPTY:
            return f"{name} holds no tables yet; run: wattbook init"
        case State.OLDER:
            return (
                f"the tables of {name} have schema {found.version}, this program needs {HEAD}; run: wattbook database upgrade"
            )
        case State.NEWER:
            return (
                f"a newer wattbook made the tables of {name}: schema {found.version}, this program knows {HEAD}; use that one"
            )
        case State.FOREIGN:
            return f"{name} is left as it is: {found.why}"


def _demand_current(engine: Engine, found: Schema) -> None:
    match found.state:
        case State.CURRENT:
            return
        case State.EMPTY:
            raise NotMade(verdict(engine, found))
        case State.OLDER:
            raise UpgradeNeeded(verdict(engine, found))
        case State.NEWER | State.FOREIGN:
            raise SchemaUnknown(verdict(engine, found))


def _make(engine: Engine, create: Create) -> None:
    with writing(engine) as connection:
        _alone(connection)
        found = _schema(connection)  # another process may have been faster
        if found.state is State.EMPTY:
            create(connection)
            stamp(connection)
        else:
            _demand_current(engine, found)


def _schema(connection: Connection) -> Schema:
    tables = _tables(connection)
    if VERSION_TABLE in tables:
        rows = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalars().all()  # noqa: S608
        return _of_version([str(row) for row in rows])
    if not tables:
        return Schema(State.EMPTY)
    if not _is_file(connection.engine):
        return Schema(State.FOREIGN, why="it holds tables of another program; give wattbook a database of its own")
    wrong = _not_as_frozen(connection)
    if wrong is None:
        return Schema(State.OLDER, EARLIER[0])
    return Schema(State.FOREIGN, why=f"it bears no version, and {wrong} is not as wattbook 0.1.0 made it; restore a backup")


def _of_version(rows: list[str]) -> Schema:
    match rows:
        case [version] if version == HEAD:
            return Schema(State.CURRENT, version)
        case [version] if version in EARLIER:
            return Schema(State.OLDER, version)
        case [version] if _REVISION.fullmatch(version) and version > HEAD:
            return Schema(State.NEWER, version)
        case _:
            told = ", ".join(rows) or "none"
            return Schema(State.FOREIGN, why=f"no wattbook knows the version that its {VERSION_TABLE} names ({told})")


def _tables(connection: Connection) -> set[str]:
    if _is_file(connection.engine):
        query = r"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'"
    else:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    return set(connection.exec_driver_sql(query).scalars())


def _not_as_frozen(connection: Connection) -> str | None:
    """The first table, index or trigger of 0.1.0 that is missing here or is another; None: all are there. More may be."""
    with closing(sqlite3.connect(":memory:")) as frozen:
        for statement in statements("0001.sqlite"):
            frozen.execute(statement)
        wanted = _objects(frozen.execute(_OBJECTS))
    found = _objects(tuple(row) for row in connection.exec_driver_sql(_OBJECTS))
    return next((f"{kind} {name}" for (kind, name), sql in wanted.items() if found.get((kind, name)) != sql), None)


_OTHERS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'wattbook' AND pid <> pg_backend_pid()"""
_OBJECTS = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"


def _objects(rows: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], str]:
    """By kind and name, the statement that made it, but for how it was spaced."""
    return {(kind, name): "".join(sql.split()) for kind, name, sql in rows}


def _alone(connection: Connection) -> None:
    """On PostgreSQL, one at a time makes or changes tables, for as long as it takes. A SQLite file is locked already."""
    if not _is_file(connection.engine):
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, %s)", (APPLICATION_ID, _NO_LANE))
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


def _demand_nobody_else(engine: Engine, connection: Connection) -> None:
    """Programs of a server's database are stopped first. Those of a home wait for the write lock; what an older one may do
    afterwards is said by each revision.
    """
    if _is_file(engine):
        return
    others = connection.exec_driver_sql(_OTHERS).scalar_one()
    if others:
        raise UpgradeNeeded(
            f"other programs of wattbook are connected to {name_of(engine)} (connections: {others}); "
            "stop its workers and servers, then run: wattbook database upgrade"
        )


def _migrate(connection: Connection, to: str) -> None:
    from alembic import command  # takes 0.2 s, once per upgrade: commands that find today's tables never pay it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    command.upgrade(config, to)


def _copy(engine: Engine, tell: Tell) -> Path:
    """The file as it is, beside itself. The caller holds the write lock, so nothing can come between this and the upgrade."""
    source = Path(engine.url.database or "")
    copy = source.with_name(f"{source.stem}-before-{HEAD}{source.suffix}")
    part = copy.with_name(copy.name + ".part")
    tell(f"upgrading {source}; it is copied to {copy} first")
    try:
        part.unlink(missing_ok=True)  # left by a crash
        _copy_whole(source, part)
        part.replace(copy)
        sync(copy.parent)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise DatabaseError(
            f"{source} must be upgraded, and the copy {copy} that comes before it failed: {error}. Nothing was changed; "
            "make room there for a file of the same size, and run the command again."
        ) from error
    return copy


def _copy_whole(source: Path, target: Path) -> None:
    target.touch()
    shutil.copymode(source, target)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    sync(target)


def _is_file(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"
