"""The statements by which today's program makes its tables in PostgreSQL, for a revision's file of frozen statements.

    python -m tests.frozen_schema > wattbook/migrations/versions/0002.postgresql.sql

Once, when a program that makes a new baseline is about to be released: what was released is frozen.
"""

import secrets
import sys

from sqlalchemy import event

from wattbook.database import open_database, writing
from wattbook.dev_postgres import PostgresServer
from wattbook.dev_process import free_ports
from wattbook.dev_servers import temporary_folder
from wattbook.wiring import create_tables


def made_by(url: str) -> list[str]:
    """What makes the tables in the empty database there, in order, each once."""
    engine, made = open_database(url, create=True), []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("SELECT"):
            made.append("\n".join(line.rstrip() for line in statement.strip().expandtabs(4).splitlines()))

    with writing(engine) as connection:
        create_tables(connection)
    engine.dispose()
    return list(dict.fromkeys(made))


def main() -> None:
    with temporary_folder() as folder:
        server = PostgresServer(folder / "postgres", *free_ports(1), secrets.token_hex(16))
        server.start()
        try:
            statements = made_by(server.url)
        finally:
            server.stop()
    assert not any(";\n\n" in statement for statement in statements)
    sys.stdout.write(";\n\n".join(statements) + ";\n")


if __name__ == "__main__":
    main()
