"""Tokens for the HTTP door, and its last answers: two new tables. Nothing that was there is touched.

A program of 0002 could go on over these tables, and would not see the new ones; it refuses them by their version all the same.
"""

from alembic import op

from wattbook.migrations.frozen import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    connection = op.get_bind()
    run(connection, f"0003.{connection.dialect.name}")
