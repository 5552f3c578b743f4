"""One file per revision, named for it. `upgrade` works on SQLite and on PostgreSQL; nothing goes back: restore the backup."""
