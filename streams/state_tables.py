"""The tables of the states: what the steps go on from, the position, and the index of sessions and documents.

    state      by key, the bytes of a station's or session's state, or a counter
    position   by lane and consumer, the last input that was processed
    session    one row per session, for questions of people; replaced as it goes on
    document   one row per issued document
    invoiced   which session stands on which document                                   insert-only

Instants are RFC 3339 text in UTC with microseconds, days ISO text, decimals text: SQLite has no such types, and text keeps
every digit. `lane` is that of the session's station, given when the row is first written (`streams.places`); 0 where the log
has one lane.
"""

from sqlalchemy import DDL, BigInteger, Column, Index, LargeBinary, MetaData, SmallInteger, Table, event

from streams.postgres_parts import refuse, text, with_lz4

METADATA = MetaData()

STATE = Table(
    "state",
    METADATA,
    Column("key", text(), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    postgresql_with={"fillfactor": 70},  # room for the next version of a row beside it, which then leaves the index alone
)

POSITION = Table(
    "position",
    METADATA,
    Column("lane", SmallInteger, primary_key=True, autoincrement=False),
    Column("consumer", text(), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

SESSION = Table(
    "session",
    METADATA,
    Column("session", text(), primary_key=True),
    Column("station", text(), nullable=False),
    Column("progress", text(), nullable=False),
    Column("finding", text()),
    Column("transaction", text()),
    Column("evse", BigInteger),
    Column("start", text()),
    Column("end", text()),
    Column("ended_on", text()),
    Column("energy_wh", text()),
    Column("contract", text()),
    Column("partner", text()),
    Column("total", text()),
    Column("currency", text()),
    Column("invoice", text()),
    Column("closed_at", BigInteger),
    Column("checked_at", BigInteger),
    Column("rated_at", BigInteger),
    Column("lane", SmallInteger, nullable=False, server_default="0"),
    Column("quality", text()),
    Column("revision", BigInteger),
    Column("heard_at", text()),
    Index("session_progress", "progress", "ended_on"),
    Index("session_start", "start"),
)

DOCUMENT = Table(
    "document",
    METADATA,
    Column("number", text(), primary_key=True),
    Column("contract", text(), nullable=False),
    Column("issued_on", text(), nullable=False),
    Column("month", text(), nullable=False),
    Column("currency", text(), nullable=False),
    Column("total", text(), nullable=False),
    Column("issued_at", BigInteger, nullable=False),
)

INVOICED = Table("invoiced", METADATA, Column("session", text(), primary_key=True), Column("number", text(), nullable=False))

with_lz4(STATE, "body")

for _verb in ("UPDATE", "DELETE", "TRUNCATE"):
    refuse(INVOICED, _verb, "a session stays on its invoice")

for _verb in ("UPDATE", "DELETE"):
    _trigger = (
        f"CREATE TRIGGER IF NOT EXISTS invoiced_refuses_{_verb.lower()} BEFORE {_verb} ON invoiced "
        "BEGIN SELECT RAISE(ABORT, 'a session stays on its invoice'); END"
    )
    event.listen(METADATA, "after_create", DDL(_trigger).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]
