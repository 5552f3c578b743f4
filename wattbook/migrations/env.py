"""What Alembic runs to migrate: on the connection that it was given, within the transaction that was begun there.

Nothing is committed here. Alembic begins no transaction of its own where there is one, so all revisions together happen or none
does, on SQLite too: `wattbook.database` begins explicitly, which Python's driver would not.
"""

from alembic import context

_given = context.config.attributes

assert _given["connection"].in_transaction()
context.configure(connection=_given["connection"], version_table=_given["version_table"], transactional_ddl=True)
context.run_migrations()
