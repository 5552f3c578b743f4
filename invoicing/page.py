"""What stands on a page of an invoice, as text: made by `invoicing.presentation`, placed by the template and the plain text."""

from dataclasses import dataclass
from decimal import Decimal

from invoicing.localise import Language

NOTHING = "–"


@dataclass(frozen=True, kw_only=True)
class ShownLine:
    name: str
    note: str  # empty: the name says all
    quantity: str
    unit_price: str
    vat: str
    amount: str


@dataclass(frozen=True, kw_only=True)
class ShownSession:
    when: str
    where: tuple[str, ...]
    energy: str
    amount: str
    lines: tuple[ShownLine, ...]


@dataclass(frozen=True, kw_only=True)
class ShownPlan:
    """What plans charge for a month; lines have neither a unit price nor, but for included energy, a quantity."""

    when: str
    amount: str
    lines: tuple[ShownLine, ...]


@dataclass(frozen=True, kw_only=True)
class ShownVat:
    country: str  # empty where all VAT on the invoice is that of the seller's country
    rate: str
    net: str
    vat: str
    gross: str


@dataclass(frozen=True, kw_only=True)
class ShownMeter:
    """A row of the annex."""

    when: str
    session: str
    meter: str
    begin: str
    end: str
    verdict: str
    key: str  # empty: no key was used
    tariff: str
    version: str
    proof: str = ""  # what was signed beside the values: the register, the times and how far the meter vouches for them
    record: str = ""  # the file with the signed values, which is attached


@dataclass(frozen=True, kw_only=True)
class Page:
    """What stands on an invoice, from top to bottom. A fact is a label with its value."""

    language: Language
    number: str
    title: str
    issued_on: str  # ISO 8601, for the file's metadata
    seller: str
    return_address: tuple[str, ...]
    buyer: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    summary: str
    due: tuple[tuple[str, str], ...]  # the first is the amount
    currency: str
    prices: str  # the head of the column of unit prices
    sessions: tuple[ShownSession, ...]
    plans: tuple[ShownPlan, ...]
    vat: tuple[ShownVat, ...]
    total: ShownVat
    terms: tuple[str, ...]
    meters: tuple[ShownMeter, ...]
    footer: tuple[tuple[str, ...], ...]


def rate(vat_percent: Decimal | None, tongue: Language) -> str:
    return NOTHING if vat_percent is None else tongue.percent(vat_percent)
