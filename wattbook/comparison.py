"""What many sessions come to before and after, added up: by tariff, by account, and what stands out.

Amounts of a total are of those sessions that have a price before and after in one currency; the others are counted beside it.
Sums of parts, in whatever order they are added, are the sum of all.
"""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from streams.rerating import Compared, difference
from vocabulary.identity import SessionId
from vocabulary.sessions import Finding

LARGEST, EXAMPLES = 10, 3
CONTRACT = "contract:"  # an account of one begins so
By = tuple[str, str]  # a name, and a currency


class Sum(NamedTuple):
    sessions: int = 0
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)

    def plus(self, other: "Sum") -> "Sum":
        return Sum(self.sessions + other.sessions, self.before + other.before, self.after + other.after)

    def plain(self) -> dict[str, Any]:
        return self._asdict() | {"difference": self.after - self.before}


class Unpriced(NamedTuple):
    """Sessions without a price after, by why: how many, and the first of them."""

    sessions: int = 0
    examples: tuple[SessionId, ...] = ()

    def plus(self, other: "Unpriced") -> "Unpriced":
        return Unpriced(self.sessions + other.sessions, tuple(sorted((*self.examples, *other.examples))[:EXAMPLES]))


@dataclass
class Sums:
    """`counts`: dearer, cheaper, the same; `first` had no price before, `currency` has another one after. Of those that change:
    `changed` are charged anew, `invoiced` stay on their invoices, `to_tell` of which nobody was told yet.
    """

    by_tariff: dict[By, Sum] = field(default_factory=dict)
    by_account: dict[By, Sum] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    unpriced: dict[Finding, Unpriced] = field(default_factory=dict)
    largest: tuple[Compared, ...] = ()

    def add(self, each: Compared, stays: bool = False) -> None:
        """`stays`: whatever it would come to, its charge is not touched, and in no total."""
        self.counts["sessions"] += 1
        self.counts["changed"] += each.changes and not each.invoice
        self.counts["invoiced"] += each.changes and bool(each.invoice)
        self.counts["to_tell"] += each.changes and bool(each.invoice) and not each.is_told
        if stays:
            return
        by = difference(each)
        if each.finding is not None:
            self._miss(each, each.finding)
        elif by is None:
            self.counts["first" if each.before is None else "currency"] += 1
        else:
            self._add_amounts(each, by)

    def _miss(self, each: Compared, finding: Finding) -> None:
        self.unpriced[finding] = self.unpriced.get(finding, Unpriced()).plus(Unpriced(1, (each.session,)))

    def _add_amounts(self, each: Compared, by: Decimal) -> None:
        assert each.before is not None and each.after is not None and each.currency is not None
        one = Sum(1, each.before, each.after)
        _add(self.by_tariff, (each.tariff or "", each.currency), one)
        _add(self.by_account, (account_of(each), each.currency), one)
        self.counts["dearer" if by > 0 else "cheaper" if by < 0 else "same"] += 1
        if by and (len(self.largest) < LARGEST or abs(by) >= _size(self.largest[-1])):
            self.largest = _largest((*self.largest, each))

    def merge(self, other: "Sums") -> None:
        for mine, others in ((self.by_tariff, other.by_tariff), (self.by_account, other.by_account)):
            for key, one in others.items():
                _add(mine, key, one)
        self.counts.update(other.counts)
        for finding, missed in other.unpriced.items():
            self.unpriced[finding] = self.unpriced.get(finding, Unpriced()).plus(missed)
        self.largest = _largest((*self.largest, *other.largest))

    def totals(self) -> dict[str, Sum]:
        """By currency."""
        found: dict[str, Sum] = {}
        for (_, currency), one in self.by_tariff.items():
            found[currency] = found.get(currency, Sum()).plus(one)
        return dict(sorted(found.items()))

    def plain(self) -> dict[str, Any]:
        counted = {name: self.counts[name] for name in ("sessions", "dearer", "cheaper", "same", "first", "currency")}
        return counted | {
            "totals": [{"currency": currency, **one.plain()} for currency, one in self.totals().items()],
            "by_tariff": _listed("tariff", self.by_tariff),
            "by_account": _listed("account", self.by_account),
            "largest": [one_plain(each) for each in self.largest],
            "not_priced": [
                {"finding": finding, **missed._asdict()} for finding, missed in sorted(self.unpriced.items(), key=_by_name)
            ],
        }


def account_of(each: Compared) -> str:
    """Who is charged, as the books name them."""
    return f"{CONTRACT}{each.contract}" if each.contract else f"partner:{each.partner}"


def one_plain(each: Compared) -> dict[str, Any]:
    return {name: getattr(each, name) for name in Compared.__struct_fields__} | {"difference": difference(each)}


def _add(sums: dict[By, Sum], key: By, one: Sum) -> None:
    sums[key] = sums.get(key, Sum()).plus(one)


def _size(each: Compared) -> Decimal:
    return abs(difference(each) or Decimal(0))


def _largest(found: tuple[Compared, ...]) -> tuple[Compared, ...]:
    return tuple(sorted(found, key=lambda each: (-_size(each), each.session))[:LARGEST])


def _by_name(item: tuple[Finding, Unpriced]) -> str:
    return item[0]


def _listed(name: str, sums: dict[By, Sum]) -> list[dict[str, Any]]:
    return [{name: key, "currency": currency, **one.plain()} for (key, currency), one in sorted(sums.items())]
