"""Plans and what they come to, written as a finance person would: a table of sessions, and the lines below it.

12 Oct  10 kWh  4.76        a session that ended on that day: its energy, and what the driver was charged, VAT included
12 Oct  10 kWh  4.76  2.38  the same with a session fee beside the energy
-----
included   -4.76            a line of the plan, in the order in which they are worked out
left        9.52            what is to be paid: sessions and lines
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from invoicing.plan import apply
from vocabulary.codec import plan_hash
from vocabulary.identity import PlanId, SessionId, TariffId, content_id
from vocabulary.money import Currency, plain
from vocabulary.plan import Benefit, Cap, Included, Plan, PlanLine, Rebate, Term, Used, UsedPart
from vocabulary.tariff import Basis, Dimension

VAT = Decimal(19)
WORDS = {
    Benefit.INCLUDED: "included",
    Benefit.PER_KWH: "per kWh",
    Benefit.PER_SESSION: "per session",
    Benefit.PERCENT: "percent",
    Benefit.DAY_CAP: "day cap",
    Benefit.MONTH_CAP: "month cap",
    Benefit.FEE: "fee",
}


def plan(**terms: Any) -> Plan:
    return Plan(id=PlanId("p"), currency=Currency("EUR"), time_zone="Europe/Berlin", **terms)


def included(kwh: str, **more: Any) -> Included:
    return Included(energy_wh=Decimal(kwh) * 1000, **more)


def percent(value: str, **more: Any) -> Rebate:
    return Rebate(percent=Decimal(value), **more)


def per_kwh(value: str, **more: Any) -> Rebate:
    return Rebate(per_kwh=Decimal(value), **{"basis": Basis.GROSS} | more)


def per_session(value: str, **more: Any) -> Rebate:
    return Rebate(per_session=Decimal(value), **{"basis": Basis.GROSS} | more)


def cap(value: str, basis: Basis = Basis.GROSS) -> Cap:
    return Cap(amount=Decimal(value), basis=basis)


def term(of: Plan, first: int = 1, last: int = 31) -> Term:
    """Days of October 2026."""
    return Term(plan=of, version=plan_hash(of), first=date(2026, 10, first), last=date(2026, 10, last))


def session(
    day: int,
    kwh: str,
    gross: str,
    fee: str | None = None,
    *,
    key: str = "1",
    vat: Decimal | None = VAT,
    country: str = "DE",
    **more: Any,
) -> Used:
    """One that ended on that day of October 2026; of two of a day the later key began later."""
    parts = [UsedPart(dimension=Dimension.ENERGY, vat_percent=vat, energy_wh=Decimal(kwh) * 1000, gross=Decimal(gross))]
    if fee is not None:
        parts.append(UsedPart(dimension=Dimension.FLAT, vat_percent=vat, energy_wh=Decimal(0), gross=Decimal(fee)))
    start = datetime(2026, 10, day, 6, tzinfo=UTC) + timedelta(minutes=int(key))
    given = {"site": "hh", "tariff": TariffId("ac"), "evse_kind": None} | more
    return Used(
        session=SessionId(content_id("session", str(day), key)),
        start=start,
        day=date(2026, 10, day),
        country=country,
        parts=tuple(parts),
        **given,
    )


def check(of: Plan | Term, table: str) -> None:
    """That the plan comes to this for the sessions of the table."""
    told, expected = (part.strip().splitlines() for part in table.split("-----"))
    sessions = [_read(line, key) for key, line in enumerate(told)]
    lines = apply(of if isinstance(of, Term) else term(of), sessions, "DE")
    whole = sum((part.gross for one in sessions for part in one.parts), Decimal(0))
    left = whole + sum((line.gross for line in lines), Decimal(0))
    shown = [*map(_shown, lines), f"left {plain(left)}"]
    assert shown == [" ".join(line.split()) for line in expected]


def _read(line: str, key: int) -> Used:
    day, _, kwh, _, gross, *fee = line.split()
    return session(int(day), kwh, gross, fee[0] if fee else None, key=str(key))


def _shown(line: PlanLine) -> str:
    return f"{WORDS[line.benefit]} {plain(line.gross)}"
