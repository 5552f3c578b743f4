"""What followed from the inputs, without the order in which it did: from the fold, or from a database of either kind.

Kept as bags of bytes rather than as hashes, so that where two are not equal a test can say what is missing and what is there
twice. `digests` makes hashes of them, for reports. What only lanes write (`ReferenceTaken`) is left out.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger.books import Balance
from ledger.sql_store import SqlLedger
from streams.sql_states import SqlStates
from vocabulary.billing import Entry, InvoiceIssued
from vocabulary.codec import decode, encode
from vocabulary.identity import digest
from vocabulary.reference import ReferenceTaken

_SHOWN = 3


class Result(NamedTuple):
    """`states` are those that follow from inputs, by key, as they are stored; `balances` one for each account and currency."""

    events: Counter[bytes]
    conclusions: Counter[bytes]
    states: dict[str, bytes]
    entries: Counter[bytes]
    balances: frozenset[Balance]

    def digests(self) -> dict[str, str]:
        """By kind: how many, and 64 hex digits over all of them in order of content."""
        return {kind: f"{len(parts)} {digest(*sorted(parts)).hex()}" for kind, parts in self._parts().items()}

    def invoices(self) -> list[bytes]:
        """The documents with their numbers, in order of number."""
        issued = [event for body in self.conclusions if isinstance(event := decode(body), InvoiceIssued)]
        return [encode(each.invoice) for each in sorted(issued, key=lambda issued: issued.invoice.number)]

    def twice(self) -> dict[str, int]:
        """By kind, how many things are there more than once."""
        bags = {"events": self.events, "conclusions": self.conclusions, "entries": self.entries}
        return {kind: extra for kind, bag in bags.items() if (extra := bag.total() - len(bag))}

    def money(self) -> "Result":
        """What is left when reference facts come at another moment among the messages: the findings of a session that waits
        for one depend on that moment, and nothing else does.
        """
        return self._replace(conclusions=Counter(b for b in self.conclusions.elements() if b"session.flagged" not in b[:40]))

    def _parts(self) -> dict[str, list[bytes]]:
        return {
            "events": list(self.events.elements()),
            "conclusions": list(self.conclusions.elements()),
            "states": [key.encode(errors="surrogatepass") + b"\0" + body for key, body in self.states.items()],
            "entries": list(self.entries.elements()),
            "balances": [":".join(map(str, balance)).encode() for balance in self.balances],
        }


def differences(expected: Result, found: Result) -> list[str]:
    """What is missing in `found`, and what it has that it should not have. Empty: they are equal."""
    told = []
    for (kind, wanted), had in zip(expected._parts().items(), found._parts().values(), strict=True):
        for what, bag in (("missing", Counter(wanted) - Counter(had)), ("too many", Counter(had) - Counter(wanted))):
            if bag:
                told.append(f"{kind}: {bag.total()} {what}: " + " | ".join(_shown(body) for body in list(bag)[:_SHOWN]))
    return told


def assert_same(expected: Result, found: Result, who: str) -> None:
    told = differences(expected, found)
    assert not told, "\n".join([f"{who} gives another result:", *told])


def result_of(connection: Connection) -> Result:
    """Everything in a database, of all lanes where it has lanes."""
    ledger = SqlLedger(connection)
    return Result(
        events=Counter(_bodies(connection, "log_events")),
        conclusions=Counter(b for b in _bodies(connection, "log_conclusions") if not isinstance(decode(b), ReferenceTaken)),
        states=dict(SqlStates(connection).following()),
        entries=Counter(_encoded(booked.entry for booked in ledger.entries())),
        balances=frozenset(ledger.balances()),
    )


def _bodies(connection: Connection, table: str) -> Iterable[bytes]:
    rows: Any = connection.exec_driver_sql(f"SELECT body FROM {table}")  # a name of ours
    return (bytes(body) for (body,) in rows)


def _encoded(entries: Iterable[Entry]) -> Iterable[bytes]:
    return (encode(entry) for entry in entries)


def _shown(body: bytes) -> str:
    return body[:400].decode(errors="backslashreplace")
