"""The chart of accounts: everywhere that money can stand.

An account is named by its code and its dimensions, joined by colons: `1105:contract:C-1`, `2210:DE:19`. The currency is not
part of the name; every balance is per account and currency. Debits are positive, credits negative. An account that is not
in this table, or whose dimensions do not read as the table says, cannot be posted to.

Identifiers from outside become dimensions as they are, but for a colon, a percent sign and control characters, which are
written as in a URL (`%3A`): a name always splits into its parts again, and two identifiers never share an account.
"""

import re
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from vocabulary.identity import ContractId, PartnerId
from vocabulary.money import plain
from vocabulary.plan import Benefit, PlanLine
from vocabulary.rated import RatedLine
from vocabulary.sessions import Finding
from vocabulary.tariff import Dimension


class Kind(StrEnum):
    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"


class Account(Struct, frozen=True):
    """`whole_minor_units`: stands for legal money (a document, a payment), so it accepts no fraction of a cent."""

    code: str
    name: str
    kind: Kind
    whole_minor_units: bool
    dimensions: tuple[str, ...]
    meaning: str


ASSET, LIABILITY, INCOME, EXPENSE = Kind

# fmt: off
CHART = (
    #       code    name                    kind       whole  dimensions                 meaning
    Account("1100", "driver receivable",    ASSET,     True,  ("contract",),             "invoiced to drivers, not yet paid"),
    Account("1105", "unbilled receivable",  ASSET,     False, ("debtor kind", "debtor"), "delivered, on no document yet"),
    Account("2200", "VAT payable",          LIABILITY, True,  ("country", "VAT rate"),   "VAT on issued documents"),
    Account("2210", "VAT accrued",          LIABILITY, False, ("country", "VAT rate"),   "VAT on what is on no document yet"),
    Account("2500", "held revenue",         LIABILITY, False, ("finding",),              "gross of sessions in doubt"),
    Account("4010", "revenue energy",       INCOME,    False, ("country",),              "energy delivered, net"),
    Account("4020", "revenue time",         INCOME,    False, ("country",),              "charging time, net"),
    Account("4030", "revenue fixed",        INCOME,    False, ("country",),              "flat prices per session, net"),
    Account("4040", "revenue idle",         INCOME,    False, ("country",),              "parking without charging, net"),
    Account("4050", "revenue reservation",  INCOME,    False, ("country",),              "keeping an EVSE free, net"),
    Account("4060", "revenue price limits", INCOME,    False, ("country",),              "what limits add or take off, net"),
    Account("4070", "revenue subscriptions", INCOME,   False, ("country",),              "fees of plans, net"),
    Account("4080", "rebates of plans",     INCOME,    False, ("country",),              "what plans take off, net: a debit"),
    Account("4090", "revenue battery swaps", INCOME,   False, ("country",),              "exchanges of batteries, net"),
    Account("5010", "energy fed back",      EXPENSE,   False, ("country",),              "bought from drivers' vehicles, net"),
    Account("7100", "rounding differences", EXPENSE,   False, ("document",),             "exact net less the document's net"),
)

_DIMENSIONS = {
    "contract":    r"[^:\x00-\x1f\x7f]{1,128}",
    "debtor kind": r"contract|partner",
    "debtor":      r"[^:\x00-\x1f\x7f]{1,128}",
    "country":     r"[A-Z]{2}",                        # ISO 3166-1 alpha-2
    "VAT rate":    r"0|[1-9]\d{0,2}|\d{1,3}\.\d{0,5}[1-9]",  # percent, without trailing zeros
    "finding":     "|".join(Finding),
    "document":    r"invoice",
}
# fmt: on


class PostingError(AssertionError):
    """What was to be posted breaks a rule of double entry: we are wrong, and nothing is written.

    PostingError
    └── UnknownAccount    the account is not in the chart, or not by that name
    """


class UnknownAccount(PostingError):
    pass


def unbilled(contract: ContractId | None, partner: PartnerId | None) -> str:
    """What a contract or a partner owes for deliveries that are on no document yet; exactly one of the two is given."""
    assert (contract is None) != (partner is None), "a delivery has exactly one debtor"
    return _named("1105", "contract", contract) if contract is not None else _named("1105", "partner", str(partner))


def driver_receivable(contract: ContractId) -> str:
    return _named("1100", contract)


def vat_payable(country: str, percent: Decimal) -> str:
    return _named("2200", country, _rate(percent))


def vat_accrued(country: str, percent: Decimal) -> str:
    return _named("2210", country, _rate(percent))


def held_revenue(reason: Finding) -> str:
    return _named("2500", reason)


_REVENUE = {Dimension.ENERGY: "4010", Dimension.TIME: "4020", Dimension.FLAT: "4030", Dimension.PARKING_TIME: "4040"}
_REVENUE |= {Dimension.SWAP: "4090", Dimension.ENERGY_EXPORT: "5010"}


_RESERVATION, _LIMITS = "4050", "4060"


def revenue(line: RatedLine, country: str) -> str:
    """Income by what was sold and the country of the charging point; what a vehicle feeds back is bought, and an expense.

    What a minimum price adds was sold as nothing in particular, and what a maximum price takes off is no less of anything: both
    have an account of their own, so that 4010 to 4050 stay quantities times prices.
    """
    if line.limit is not None:
        return _named(_LIMITS, country)
    return _named(_RESERVATION if line.reserved else _REVENUE[line.dimension], country)


def plan_revenue(line: PlanLine) -> str:
    """The fee is income of its own; all else is less of what sessions brought in, and stays apart from it."""
    return _named("4070" if line.benefit is Benefit.FEE else "4080", line.country)


def rounding_differences(document: str) -> str:
    return _named("7100", document)


@lru_cache(maxsize=65_536)
def account_of(name: str) -> Account:
    """The account of the chart that this name belongs to. Raises UnknownAccount."""
    code, *dimensions = name.split(":")
    account = _BY_CODE.get(code)
    if account is None:
        raise UnknownAccount(f"{name}: the chart has no account {code}")
    if len(dimensions) != len(account.dimensions):
        raise UnknownAccount(f"{name}: account {code} is named by {' and '.join(account.dimensions)}")
    for dimension, text in zip(account.dimensions, dimensions, strict=True):
        if not re.fullmatch(_DIMENSIONS[dimension], text):
            raise UnknownAccount(f"{name}: {text!r} is no {dimension}")
    return account


_BY_CODE = {account.code: account for account in CHART}


def _named(code: str, *dimensions: str) -> str:
    name = ":".join([code, *[_UNSAFE.sub(_percent_encoded, dimension) for dimension in dimensions]])
    account_of(name)
    return name


_UNSAFE = re.compile(r"[%:\x00-\x1f\x7f]")


def _percent_encoded(unsafe: re.Match[str]) -> str:
    return f"%{ord(unsafe[0]):02X}"


def _rate(percent: Decimal) -> str:
    """19, 19.0 and 1.9E+1 are one rate."""
    return plain(percent.normalize())
