"""What the books hold, as read from a store: booked entries, balances, and the head of the hash chain.

Entries are numbered from 1 without gaps in the order of their booking. Each is bound to all before it by its link:

    link(n) = SHA-256( "ledger", n, link(n - 1), the entry's bytes, its cause, when it was recorded )      link(0) = 32 zeros

length-prefixed, so that no byte can move from one field to another. The entry's bytes are `vocabulary.codec.encode`'s and
contain its identity, postings and period; nothing of a booked entry stays outside.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

from vocabulary.billing import Entry
from vocabulary.codec import encode
from vocabulary.identity import digest, short
from vocabulary.money import Currency

GENESIS = bytes(32)


class Booking(NamedTuple):
    """An entry to be booked. `cause` is the log position of the input it follows from, `recorded_at` when that arrived."""

    entry: Entry
    cause: int
    recorded_at: datetime | None = None


class Booked(NamedTuple):
    """An entry as it stands in the books, its `number` and its `link`."""

    number: int
    entry: Entry
    cause: int
    recorded_at: datetime | None
    link: bytes


class Balance(NamedTuple):
    """What was posted to an account in one currency. Both sums only ever grow; the balance is their difference."""

    account: str
    currency: Currency
    debit_micro: int
    credit_micro: int

    @property
    def balance_micro(self) -> int:
        return self.debit_micro - self.credit_micro


class Head(NamedTuple):
    """The last entry's number and link; 0 and GENESIS while the books are empty."""

    number: int
    link: bytes


class Books(Protocol):
    """The reading side of a ledger, as far as checks and reports need it."""

    def entries(self, after: int = 0) -> Iterator[Booked]: ...

    def balances(self) -> list[Balance]: ...

    def turnover(self) -> list[Balance]: ...

    def head(self) -> Head: ...


class LedgerError(Exception):
    """The books cannot take or give what was asked.

    LedgerError
    ├── LedgerConflict      same identity, other content: nothing of the batch was written; quarantine the event
    └── LedgerUnreadable    a row is not what the ledger writes: stop, and run `wattbook ledger check`
    """


class LedgerConflict(LedgerError):
    def __init__(self, stored: Entry, offered: Entry) -> None:
        super().__init__(f"{stored.kind} {short(stored.subject)} is posted already, and offered again with other content")
        self.stored, self.offered = stored, offered


class LedgerUnreadable(LedgerError):
    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"entry {number} cannot be read: {reason}")
        self.number, self.reason = number, reason


def chained(head: Head, bookings: list[Booking]) -> list[Booked]:
    """The bookings as they will stand after that head."""
    booked = []
    for booking in bookings:
        head = Head(head.number + 1, link_after(head, booking))
        booked.append(Booked(head.number, *booking, head.link))
    return booked


def link_after(head: Head, booking: Booking) -> bytes:
    """The link of the entry that is booked next after `head`."""
    number, cause = (head.number + 1).to_bytes(8, "big"), booking.cause.to_bytes(8, "big", signed=True)
    return digest(b"ledger", number, head.link, encode(booking.entry), cause, instant_text(booking.recorded_at).encode())


@lru_cache(maxsize=1024)  # a batch has few different ones, and each is needed twice
def instant_text(at: datetime | None) -> str:
    """RFC 3339 in UTC, always with microseconds: it sorts as time does, and equal instants are equal bytes. Empty for None."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")
