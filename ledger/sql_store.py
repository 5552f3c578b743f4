"""The ledger in a database, inside the caller's transaction: what is posted and what caused it commit together or not at all.

Posting is idempotent by the entry's identity. An entry that the books hold already is passed over; one with the same identity
and other content raises LedgerConflict before anything of the batch is written. Of two writers that extend the chain from
the same head only one can commit, since numbers and identities are unique; so that none has to fail, on PostgreSQL the second
one waits at the head until the first has ended. It locks the balances after that, in order of account.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, func, insert, select, text

from ledger.books import GENESIS, Balance, Booked, Booking, Head, LedgerConflict, LedgerUnreadable, chained, instant_text
from ledger.sql_tables import BALANCE, ENTRY, LEDGER_HEAD, POSTING
from vocabulary.billing import Entry, Posting
from vocabulary.identity import EventId
from vocabulary.money import Currency

_PAGE = 1000  # entries read at a time
_CHUNK = 500  # identities in one IN (...)

_ADD_TO_BALANCE = (
    "INSERT INTO balance (account, currency, debit_micro, credit_micro) {} ON CONFLICT (account, currency) DO UPDATE SET "
    "debit_micro = balance.debit_micro + excluded.debit_micro, credit_micro = balance.credit_micro + excluded.credit_micro"
)
_ADD_TO_BALANCE_SQLITE = _ADD_TO_BALANCE.format("VALUES (?, ?, ?, ?)")
_ADD_TO_BALANCE_POSTGRES = _ADD_TO_BALANCE.format("SELECT * FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[])")
_SET_HEAD = text(
    "INSERT INTO ledger_head (one, number, link) VALUES (1, :number, :link) "
    "ON CONFLICT (one) DO UPDATE SET number = excluded.number, link = excluded.link"
)
_FIRST_HEAD = text("INSERT INTO ledger_head (one, number, link) VALUES (1, 0, :link) ON CONFLICT (one) DO NOTHING")

_COPY_TYPES = {"BIGINT": "int8", "INTEGER": "int4", "TEXT": "text", "BLOB": "bytea"}  # of a column: its name for psycopg

_Rows = list[tuple[Any, ...]]  # in the order of the table's columns


class SqlLedger:
    """The books on a connection of the caller's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_postgres = connection.dialect.name == "postgresql"

    def post(self, entries: Iterable[Entry], cause: int, recorded_at: datetime | None = None) -> int:
        """Book the entries that follow from one input. Returns how many are new."""
        return self.post_all([Booking(entry, cause, recorded_at) for entry in entries])

    def post_all(self, bookings: Sequence[Booking]) -> int:
        """Book a batch of entries of many causes at once, in the given order. Returns how many are new."""
        new = self._not_yet_booked(bookings)
        if new:
            self._insert(chained(self._head_to_extend(), new))
        return len(new)

    def head(self) -> Head:
        """On PostgreSQL it stays this one until the transaction ends, unless that only reads."""
        query = select(LEDGER_HEAD.c.number, LEDGER_HEAD.c.link)
        reads = self._connection.get_execution_options().get("postgresql_readonly", False)
        row = self._connection.execute(query if reads else query.with_for_update()).one_or_none()
        return Head(*row) if row else Head(0, GENESIS)

    def entries(self, after: int = 0) -> Iterator[Booked]:
        """All entries with a number greater than `after`, in order, read page by page."""
        page: list[Booked] | None = None
        while page is None or len(page) == _PAGE:
            page = self._read(ENTRY.c.number > bindparam("after"), {"after": after})
            yield from page
            after = page[-1].number if page else after

    def entry_of(self, identity: EventId) -> Booked | None:
        found = self._read(ENTRY.c.id == bindparam("identity"), {"identity": bytes.fromhex(identity)})
        return found[0] if found else None

    def entries_of(self, subject: str) -> list[Booked]:
        """What was posted for a session or a document, reversals included, in order."""
        return self._read(ENTRY.c.subject == bindparam("subject"), {"subject": subject})

    def balances(self) -> list[Balance]:
        """The stored balances, by account and currency."""
        query = select(BALANCE).order_by(BALANCE.c.account, BALANCE.c.currency)
        return [Balance(*row) for row in self._connection.execute(query)]

    def turnover(self) -> list[Balance]:
        """The same, summed anew from all postings, whether or not an entry holds them."""
        amount, key = POSTING.c.amount_micro, (POSTING.c.account, POSTING.c.currency)
        debits, credits_ = (func.sum(case((side, amount), else_=0)) for side in (amount > 0, amount < 0))
        rows = self._connection.execute(select(*key, debits, credits_).group_by(*key).order_by(*key))
        return [Balance(account, currency, int(debit), -int(credit)) for account, currency, debit, credit in rows]

    def _not_yet_booked(self, bookings: Sequence[Booking]) -> list[Booking]:
        new: dict[EventId, Booking] = {}
        for booking in bookings:
            first = new.setdefault(booking.entry.id, booking)
            _assert_same(first.entry, booking.entry)
        identities = self._perhaps_booked([bytes.fromhex(identity) for identity in new])
        is_one_of_them = ENTRY.c.id.in_(bindparam("identities", expanding=True))
        for start in range(0, len(identities), _CHUNK):
            for booked in self._read(is_one_of_them, {"identities": identities[start : start + _CHUNK]}):
                _assert_same(booked.entry, new.pop(booked.entry.id).entry)
        return list(new.values())

    def _perhaps_booked(self, identities: list[bytes]) -> list[bytes]:
        """Those among which all that are booked are. Most are not; PostgreSQL tells that of an array in half the time."""
        if not self._is_postgres:
            return identities
        driver: Any = self._connection.connection
        with driver.cursor() as cursor:
            found = cursor.execute("SELECT id FROM entry WHERE id = ANY(%b)", (identities,), binary=True)
            return [identity for (identity,) in found]

    def _head_to_extend(self) -> Head:
        """A row that is not there cannot be waited for."""
        head = self.head()
        if head.number == 0 and self._is_postgres:
            self._connection.execute(_FIRST_HEAD, {"link": GENESIS})
            head = self.head()
        return head

    def _insert(self, booked: list[Booked]) -> None:
        """Rows as the driver wants them go to it as they are: Core looks at every value of every row, which costs as much as
        all that SQLite does with them.
        """
        entries = [_entry_row(each) for each in booked]
        postings = [row for each in booked for row in _posting_rows(each)]
        if self._is_postgres:
            self._insert_into_postgres(entries, postings, _movements(booked))
        else:
            self._insert_into_sqlite(entries, postings, _movements(booked))
        self._connection.execute(_SET_HEAD, {"number": booked[-1].number, "link": booked[-1].link})

    def _insert_into_sqlite(self, entries: _Rows, postings: _Rows, movements: _Rows) -> None:
        run = self._connection.exec_driver_sql
        for table, rows in ((ENTRY, entries), (POSTING, postings)):
            if rows:
                run(str(insert(table).compile(dialect=self._connection.dialect)), rows)
        if movements:
            run(_ADD_TO_BALANCE_SQLITE, movements)

    def _insert_into_postgres(self, entries: _Rows, postings: _Rows, movements: _Rows) -> None:
        driver: Any = self._connection.connection
        with driver.cursor() as cursor:
            for table, rows in ((ENTRY, entries), (POSTING, postings)):
                with cursor.copy(f"COPY {table.name} ({', '.join(table.columns.keys())}) FROM STDIN (FORMAT BINARY)") as copy:
                    copy.set_types([_COPY_TYPES[str(column.type)] for column in table.columns])
                    for row in rows:
                        copy.write_row(row)
            if movements:
                cursor.execute(_ADD_TO_BALANCE_POSTGRES, [list(column) for column in zip(*movements, strict=True)])

    def _read(self, condition: ColumnElement[bool], parameters: dict[str, Any]) -> list[Booked]:
        """The entries that meet a condition, at most a page of them, in order."""
        query = select(ENTRY).where(condition).order_by(ENTRY.c.number).limit(_PAGE)
        rows = self._connection.execute(query, parameters).all()
        if not rows:
            return []
        postings: dict[int, list[Posting]] = {row.number: [] for row in rows}
        of_them = POSTING.c.entry.in_(bindparam("numbers", expanding=True))
        lines = select(POSTING.c.entry, POSTING.c.account, POSTING.c.amount_micro).where(of_them)
        ordered = lines.order_by(POSTING.c.entry, POSTING.c.line)
        for number, account, amount_micro in self._connection.execute(ordered, {"numbers": list(postings)}).all():
            postings[number].append(Posting(account=account, amount_micro=amount_micro))
        return [_booked(row, postings[row.number]) for row in rows]


def _assert_same(stored: Entry, offered: Entry) -> None:
    if stored is not offered and stored != offered:
        raise LedgerConflict(stored, offered)


def _entry_row(booked: Booked) -> tuple[Any, ...]:
    entry = booked.entry
    effect = (
        bytes.fromhex(entry.id),
        entry.kind,
        entry.subject,
        entry.version,
        instant_text(entry.effective_at),
        entry.currency,
    )
    return (booked.number, *effect, booked.cause, instant_text(booked.recorded_at), booked.link)


def _posting_rows(booked: Booked) -> list[tuple[Any, ...]]:
    number, currency = booked.number, booked.entry.currency
    return [
        (number, line, posting.account, currency, posting.amount_micro)
        for line, posting in enumerate(booked.entry.postings, start=1)
    ]


def _movements(booked: Iterable[Booked]) -> list[tuple[Any, ...]]:
    """What a batch adds to each balance: every account once, in one order for all writers, so that none waits in a circle."""
    sums: dict[tuple[str, Currency], list[int]] = {}
    for each in booked:
        for posting in each.entry.postings:
            debit_and_credit = sums.setdefault((posting.account, each.entry.currency), [0, 0])
            debit_and_credit[posting.amount_micro < 0] += abs(posting.amount_micro)
    return [(*key, *debit_and_credit) for key, debit_and_credit in sorted(sums.items())]


def _booked(row: Row[Any], postings: list[Posting]) -> Booked:
    try:
        entry = Entry(
            id=EventId(row.id.hex()),
            kind=row.kind,
            subject=row.subject,
            version=row.version,
            effective_at=datetime.fromisoformat(row.effective_at),
            currency=Currency(row.currency),
            postings=tuple(postings),
        )
        recorded_at = datetime.fromisoformat(row.recorded_at) if row.recorded_at else None
    except ValueError as error:
        raise LedgerUnreadable(row.number, str(error)) from error
    return Booked(row.number, entry, row.cause, recorded_at, row.link)
