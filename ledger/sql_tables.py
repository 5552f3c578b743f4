"""The ledger's tables: entries and postings, which are only ever inserted, and what is kept beside them.

    entry        one row per booked entry, chained                     insert-only
    posting      its postings, in order                                insert-only
    balance      posted debits and credits per account and currency    sums only grow
    ledger_head  how far the chain has come: one row                   only grows

There is no second copy of an entry: its bytes, of which the chain is made, are rebuilt from these rows, so a changed row is a
broken link. Amounts are integers of 10^-6 currency units. Instants are RFC 3339 text in UTC with microseconds, for SQLite
has no such type. A posting has no foreign key to its entry: on PostgreSQL it would halve the speed
(reference/billing-and-ledger-peers.md 4.2); `ledger.checks` finds a posting without its entry. Text sorts by code points in
both databases, so PostgreSQL's has COLLATE "C".
"""

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    event,
)

METADATA = MetaData()

_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_INT64 = BigInteger().with_variant(Integer, "sqlite")  # an INTEGER of SQLite has 64 bits, and STRICT knows no other name

ENTRY = Table(
    "entry",
    METADATA,
    Column("number", _INT64, primary_key=True, autoincrement=False),
    Column("id", LargeBinary, nullable=False, unique=True),
    Column("kind", _TEXT, nullable=False),
    Column("subject", _TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("effective_at", _TEXT, nullable=False),
    Column("currency", _TEXT, nullable=False),
    Column("cause", _INT64, nullable=False),
    Column("recorded_at", _TEXT, nullable=False),  # empty: not known
    Column("link", LargeBinary, nullable=False),
    Index("entry_subject", "subject"),
    sqlite_strict=True,
)

POSTING = Table(
    "posting",
    METADATA,
    Column("entry", _INT64, nullable=False),
    Column("line", Integer, nullable=False),
    Column("account", _TEXT, nullable=False),
    Column("currency", _TEXT, nullable=False),
    Column("amount_micro", _INT64, nullable=False),
    PrimaryKeyConstraint("entry", "line"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

BALANCE = Table(
    "balance",
    METADATA,
    Column("account", _TEXT, nullable=False),
    Column("currency", _TEXT, nullable=False),
    Column("debit_micro", _INT64, nullable=False),
    Column("credit_micro", _INT64, nullable=False),
    PrimaryKeyConstraint("account", "currency"),
    CheckConstraint("debit_micro >= 0 AND credit_micro >= 0", name="balance_sums_are_not_negative"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

LEDGER_HEAD = Table(
    "ledger_head",
    METADATA,
    Column("one", Integer, CheckConstraint("one = 1"), primary_key=True, autoincrement=False),
    Column("number", _INT64, nullable=False),
    Column("link", LargeBinary, nullable=False),
    sqlite_strict=True,
)

_REFUSED = (
    ("entry", "UPDATE", "TRUE", "an entry is never changed: reverse it"),
    ("entry", "DELETE", "TRUE", "an entry is never deleted: reverse it"),
    ("posting", "UPDATE", "TRUE", "a posting is never changed: reverse its entry"),
    ("posting", "DELETE", "TRUE", "a posting is never deleted: reverse its entry"),
    ("balance", "UPDATE", "NEW.debit_micro < OLD.debit_micro OR NEW.credit_micro < OLD.credit_micro", "a balance only grows"),
    ("balance", "DELETE", "TRUE", "a balance is never deleted"),
    ("ledger_head", "UPDATE", "NEW.number <= OLD.number", "the chain only grows"),
    ("ledger_head", "DELETE", "TRUE", "the chain is never cut"),
)

SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} WHEN {condition} "
    f"BEGIN SELECT RAISE(ABORT, '{reason}'); END"
    for table, verb, condition, reason in _REFUSED
)

for _trigger in SQLITE_TRIGGERS:
    event.listen(METADATA, "after_create", DDL(_trigger).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]

# The class of error is that of a broken constraint, as for SQLite's RAISE(ABORT).
_POSTGRES_FUNCTION = """CREATE OR REPLACE FUNCTION ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0]; END $$"""

for _table, _verb, _condition, _reason in _REFUSED:
    _create = f"CREATE TRIGGER {_table}_refuses_{_verb.lower()} BEFORE {_verb} ON {_table}"
    _row = f"{_create} FOR EACH ROW WHEN ({_condition}) EXECUTE FUNCTION ledger_refuses('{_reason}')"
    _emptying = _create.replace("delete", "truncate").replace(
        "DELETE", "TRUNCATE"
    )  # PostgreSQL's DELETE without looking at rows
    _all = f"{_emptying} FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses('{_reason}')"
    for _statement in (_POSTGRES_FUNCTION, _row, *([_all] if _verb == "DELETE" else [])):
        _ddl = DDL(_statement).execute_if(dialect="postgresql")  # type: ignore[no-untyped-call]
        event.listen(METADATA.tables[_table], "after_create", _ddl)
