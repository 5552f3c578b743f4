"""The tables of wattbook 0.1.0. It knew SQLite only, and marked its databases with no version.

A home of 0.1.0 is recognised by these statements (`wattbook.migrating`), and never made by them; they are where the way begins
for tests, and what PostgreSQL has nothing of.
"""

from alembic import op

from wattbook.migrations.frozen import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        run(connection, "0001.sqlite")
