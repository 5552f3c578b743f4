"""Lanes: a position per lane and consumer, and each session's lane. The first version that PostgreSQL has.

SQLite: the tables `position` and `session` are made anew and their rows copied; the only lane of a home is 0. `ended_on` was
declared DATE and holds text, as it does now. The log, the books, the documents and what is invoiced are not touched.
A program of 0.1.0 could go on over these tables, but would fold messages as it knew how to, which today's replay does not give
again. So `log_schema.version` is raised, which that one looks at in every transaction: it stops, and asks for a newer wattbook.
PostgreSQL: all tables, as the program that introduced them made them.
"""

from alembic import op

from wattbook.migrations.frozen import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection = op.get_bind()
    run(connection, f"0002.{connection.dialect.name}")
