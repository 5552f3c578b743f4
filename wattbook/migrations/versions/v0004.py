"""Tokens for the HTTP door, and its last answers: two new tables. Nothing that was there is touched.

A program of 0003 could go on over these tables, and would not see the new ones; it refuses them by their version all the same.
"""

from alembic import op

from wattbook.migrations.frozen import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    connection = op.get_bind()
    run(connection, f"0004.{connection.dialect.name}")
