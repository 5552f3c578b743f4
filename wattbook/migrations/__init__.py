"""The tables as each released version had them, and the way from one to the next (Alembic; run by `wattbook.migrating`).

    env.py               what Alembic runs: it joins the transaction that the caller began
    frozen.py            statements as they stand in versions/*.sql
    versions/v0001.py    the tables of 0.1.0, in SQLite
    versions/v0002.py    lanes; the first version that PostgreSQL has
    versions/v0003.py    sessions that are concluded again
    versions/v0004.py    access tokens, and the HTTP door's last answers

A revision never looks at the tables of the code: those change, and what a release made does not. A new database takes no way at
all: its tables are made from the code's, and marked with the newest revision. That both give the same is tested.
"""
