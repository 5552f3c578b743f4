"""Sessions that are concluded again: their quality, the revision of their charge, and when they were heard last.

All three are empty for what was concluded before: it was whole, rated once, and no clock had ticked. SQLite: the table
`session` is made anew and its rows copied. PostgreSQL: three columns are added, without rewriting a row.
"""

from alembic import op

from wattbook.migrations.frozen import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    connection = op.get_bind()
    run(connection, f"0003.{connection.dialect.name}")
