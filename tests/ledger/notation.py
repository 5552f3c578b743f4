"""Ledger tests in an accountant's words.

    session S-1 of contract C-1 in DE
      ENERGY        10000 Wh at 0.45  19 %
      PARKING_TIME   1200 s  at 6.00  no VAT
    invoice I-1 for contract C-1
    -----
    1100:C-1             6.76
    ...

`of partner NL*EMS`, `, in doubt: meter_signature_failed` and `, JPY` may follow. An invoice takes all sessions of its contract
above it that are not in doubt, and is drawn up by the published rule: gross rounded per session and rate, net and VAT once per
country and rate. Below the line stands the entry of the last event: accounts in order, debits positive, every digit.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from textwrap import dedent

from sqlalchemy import Connection, Engine

from ledger.post import post
from ledger.sql_tables import METADATA
from vocabulary.billing import Entry, Invoice, InvoicedSession, InvoiceIssued, InvoiceLine, VatTotal
from vocabulary.identity import (
    ContractId,
    InvoiceNumber,
    PartnerId,
    SessionId,
    StationId,
    TariffId,
    TokenUid,
    VersionHash,
)
from vocabulary.money import Currency, from_micro, plain, round_to_minor
from vocabulary.quantities import WattHours
from vocabulary.rated import HOUSE_ROUNDING, Owed, Rated, RatedLine, exact_net, exact_vat
from vocabulary.reference import Address, Operator, Sealed
from vocabulary.sessions import Finding, SessionRated, VatDecision
from vocabulary.tariff import Dimension
from wattbook.database import open_database, writing

START = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
END = START + timedelta(hours=2)
EUR = Currency("EUR")
ISSUED_ON = date(2026, 11, 2)


def check(text: str) -> None:
    above, below = dedent(text).strip().split("-----")
    *_, last = events(above)
    assert entry_text(post(last)[0]) == [" ".join(line.split()) for line in below.strip().splitlines()]


def entry_text(entry: Entry) -> list[str]:
    return [f"{posting.account} {plain(from_micro(posting.amount_micro))}" for posting in entry.postings]


def events(text: str) -> Iterator[SessionRated | InvoiceIssued]:
    delivered: list[SessionRated] = []
    for block in re.split(r"\n(?=\S)", text.strip()):
        head, *lines = block.splitlines()
        if words := re.fullmatch(r"invoice (\S+) for contract (\S+)", head):
            number, contract = words.groups()
            yield issued(number, [s for s in delivered if s.contract == contract and s.held is None])
        else:
            delivered.append(_session(head, [_line(line) for line in lines]))
            yield delivered[-1]


def _session(head: str, lines: list[RatedLine]) -> SessionRated:
    pattern = r"session (\S+) of (contract|partner) (\S+) in ([A-Z]{2})(?:, ([A-Z]{3}))?(?:, in doubt: (\w+))?"
    words = re.fullmatch(pattern, head)
    assert words, head
    name, kind, debtor, country, currency, finding = words.groups()
    return session(
        name,
        lines,
        contract=debtor if kind == "contract" else None,
        partner=debtor if kind == "partner" else None,
        country=country,
        currency=Currency(currency or "EUR"),
        held=Finding(finding) if finding else None,
    )


def _line(text: str) -> RatedLine:
    words = re.fullmatch(r"(\w+) +(\S+) +\S+ +at +(\S+) +(?:(\S+) %|no VAT)", text.strip())
    assert words, text
    dimension, billed, price, percent = words.groups()
    return line(Dimension(dimension), Decimal(billed), Decimal(price), Decimal(percent) if percent else None)


def line(dimension: Dimension, billed: Decimal, price: Decimal, vat_percent: Decimal | None) -> RatedLine:
    return RatedLine(
        dimension=dimension,
        element=1,
        quantity=billed,
        billed=billed,
        unit_price=price,
        vat_percent=vat_percent,
        since=START,
        until=END,
        reason="",
    )


def session(
    name: str,
    lines: Sequence[RatedLine],
    *,
    contract: str | None = "C-1",
    partner: str | None = None,
    country: str = "DE",
    currency: Currency = EUR,
    held: Finding | None = None,
) -> SessionRated:
    owed = owed_by(lines, currency)
    return SessionRated(
        session=SessionId(name),
        station=StationId("CS-1"),
        site="site",
        site_name="Site",
        evse_id="DE*ABC*E1",
        start=START,
        end=END,
        ended_on=date(2026, 10, 5),
        time_zone="Europe/Berlin",
        energy_wh=WattHours(Decimal(10_000)),
        begin_wh=WattHours(Decimal(5_000)),
        end_wh=WattHours(Decimal(15_000)),
        contract=None if contract is None else ContractId(contract),
        partner=None if partner is None else PartnerId(partner),
        token=TokenUid("T"),
        tariff=TariffId("T"),
        tariff_version=VersionHash("0" * 64),
        rated=Rated(currency=currency, lines=tuple(lines), owed=owed, total=sum((o.gross for o in owed), Decimal(0))),
        vat=VatDecision(rule="place-of-consumption", country=country),
        held=held,
    )


def owed_by(lines: Iterable[RatedLine], currency: Currency) -> tuple[Owed, ...]:
    """Gross rounded half up per VAT rate; of it, the net is what remains without VAT, rounded too."""
    exact: dict[Decimal | None, Fraction] = {}
    for each in lines:
        exact[each.vat_percent] = exact.get(each.vat_percent, Fraction(0)) + exact_net(each) + exact_vat(each)
    return tuple(_owed(percent, round_to_minor(gross, currency), currency) for percent, gross in exact.items())


def _owed(percent: Decimal | None, gross: Decimal, currency: Currency) -> Owed:
    net = round_to_minor(Fraction(gross) / (1 + Fraction(percent or 0) / 100), currency)
    return Owed(vat_percent=percent, net=net, vat=gross - net, gross=gross)


def issued(number: str, sessions: Sequence[SessionRated], contract: str = "C-1", currency: Currency = EUR) -> InvoiceIssued:
    contract, currency = (str(sessions[0].contract), sessions[0].rated.currency) if sessions else (contract, currency)
    gross: dict[tuple[str, Decimal | None], Decimal] = {}
    for country, owed in [(each.vat.country, owed) for each in sessions for owed in each.rated.owed]:
        gross[country, owed.vat_percent] = gross.get((country, owed.vat_percent), Decimal(0)) + owed.gross
    groups = [(country, _owed(percent, amount, currency)) for (country, percent), amount in gross.items()]
    return InvoiceIssued(
        invoice=Invoice(
            number=InvoiceNumber(number),
            contract=ContractId(contract),
            buyer=Sealed("k:"),
            seller=SELLER,
            language="en",
            currency=currency,
            month="2026-10",
            issued_on=ISSUED_ON,
            due_on=ISSUED_ON + timedelta(days=14),
            period_start=date(2026, 10, 1),
            period_end=date(2026, 10, 31),
            sessions=tuple(_invoiced(each) for each in sessions),
            vat=tuple(
                VatTotal(country=country, vat_percent=g.vat_percent, net=g.net, vat=g.vat, gross=g.gross)
                for country, g in groups
            ),
            net=sum((group.net for _, group in groups), Decimal(0)),
            tax=sum((group.vat for _, group in groups), Decimal(0)),
            total=sum((group.gross for _, group in groups), Decimal(0)),
        )
    )


def _invoiced(rated: SessionRated) -> InvoicedSession:
    grosses = [rated.rated.total, *[Decimal(0)] * (len(rated.rated.lines) - 1)]
    return InvoicedSession(
        session=rated.session,
        site=rated.site,
        site_name=rated.site_name,
        evse_id=rated.evse_id,
        start=rated.start,
        end=rated.end,
        time_zone=rated.time_zone,
        energy_wh=rated.energy_wh,
        begin_wh=rated.begin_wh,
        end_wh=rated.end_wh,
        tariff=rated.tariff,
        rounding="" if rated.rated.rounding == HOUSE_ROUNDING else rated.rated.rounding,
        tariff_version=rated.tariff_version,
        vat_country=rated.vat.country,
        lines=tuple(
            InvoiceLine(rated=each, gross=gross, reason="") for each, gross in zip(rated.rated.lines, grosses, strict=False)
        ),
        gross=rated.rated.total,
    )


SELLER = Operator(
    country_code="DE",
    party_id="ABC",
    name="ABC Charging GmbH",
    address=Address(street="Kai 1", postal_code="20457", city="Hamburg", country="DE"),
    vat_id="DE123456789",
    currency=EUR,
)


def open_books(path: Path) -> Engine:
    """A database file of wattbook's with the ledger's tables."""
    engine = open_database(path, create=True)
    with writing(engine) as connection:
        METADATA.create_all(connection)
    return engine


@contextmanager
def past_the_ledger(engine: Engine) -> Iterator[Connection]:
    """A transaction in which the triggers and checks that keep the books are gone: how a fault is planted."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql("ALTER TABLE balance DROP CONSTRAINT IF EXISTS balance_sums_are_not_negative")
        else:
            for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        yield connection


def in_dialect(connection: Connection, statement: str) -> str:
    """SQLite's words for bytes in PostgreSQL's."""
    if connection.dialect.name != "postgresql":
        return statement
    return re.sub(r"x'(\w+)'", r"'\\x\1'::bytea", statement).replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')")
