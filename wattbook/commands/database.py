"""`wattbook database`: which version its tables have, and bringing those of an older program up to today's."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Engine

from wattbook.commands.output import OUT, escape, json_option, pass_settings, print_json
from wattbook.database import open_database
from wattbook.migrating import HEAD, State, name_of, schema_of, upgrade, verdict
from wattbook.settings import Settings


@click.group()
def database() -> None:
    """The database: the version of its tables."""


@database.command()
@json_option
@pass_settings
def status(settings: Settings, as_json: bool) -> None:
    """Show the version of the tables, and change nothing. Status 1 unless it is this program's."""
    with _engine(settings) as engine:
        found = schema_of(engine)
        name, sentence = name_of(engine), verdict(engine, found)
    if as_json:
        told = {"database": name, "state": found.state, "schema": found.version, "program": HEAD, "verdict": sentence}
        print_json(told)
    else:
        OUT.print(f"database   {escape(name)}")
        OUT.print(f"schema     {escape(found.version or '–')}, this program's is {HEAD}")
        OUT.print(f"verdict    {escape(sentence)}")
    sys.exit(0 if found.state is State.CURRENT else 1)


@database.command("upgrade")
@json_option
@pass_settings
def upgrade_(settings: Settings, as_json: bool) -> None:
    """Bring the tables of an older wattbook up to this one's: all of it or nothing.

    A SQLite file is copied beside itself first. Of PostgreSQL make a backup yourself, and stop all workers.
    """
    with _engine(settings) as engine:
        done = upgrade(engine)
    if as_json:
        print_json(done._asdict() | {"copy": str(done.copy) if done.copy else None})
    elif done.before == done.after:
        OUT.print(f"nothing to do: the tables have schema {done.after}")
    else:
        OUT.print(f"upgraded   from schema {done.before} to {done.after}")
        if done.copy:
            OUT.print(f"copy       {escape(str(done.copy))}")


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    """The database, whatever its tables are."""
    engine = open_database(settings.database_place, create=False)
    try:
        yield engine
    finally:
        engine.dispose()
