"""Which plan a contract has on which days of a month, and what an invoice charges of it after others did.

A day has the plan that is in force as it begins, in the plan's own time zone. Days that follow each other under one version are
one term. A session is in the term of the day on which it ended by its site's calendar.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from msgspec import structs

from invoicing.amounts import charges
from invoicing.plan import days_in_month
from vocabulary.billing import PlanCharge
from vocabulary.codec import plan_hash
from vocabulary.plan import Plan, PlanLine, Proration, Term, Used, UsedPart, id_of_line
from vocabulary.sessions import SessionRated
from vocabulary.tariff import Dimension, EvseKind
from vocabulary.zones import zone


def terms(month: str, plan_on: Callable[[date], Plan | None]) -> tuple[Term, ...]:
    """The terms of a month, in order. A plan that is reckoned by whole months holds from its first day on until the month ends,
    whatever comes into force before that.
    """
    first = date.fromisoformat(f"{month}-01")
    found = list[Term]()
    for day in (first + timedelta(days=n) for n in range(days_in_month(first))):
        if found and found[-1].plan.proration is Proration.WHOLE_MONTHS:
            found[-1] = structs.replace(found[-1], last=day)
        elif (plan := plan_on(day)) is not None:
            _add_day(found, plan, day)
    return tuple(found)


def _add_day(found: list[Term], plan: Plan, day: date) -> None:
    if found and found[-1].plan == plan and found[-1].last == day - timedelta(days=1):
        found[-1] = structs.replace(found[-1], last=day)
    else:
        found.append(Term(plan=plan, version=plan_hash(plan), first=day, last=day))


def beginning(day: date, time_zone: str) -> datetime:
    """The instant with which a day begins there."""
    return datetime.combine(day, time.min, zone(time_zone))


def month_of(day: date) -> str:
    return f"{day:%Y-%m}"


def used(rated: SessionRated, evse_kind: EvseKind | None) -> Used:
    """A session as a plan sees it: with what its lines charge, as they stand on the invoice."""
    return Used(
        session=rated.session,
        start=rated.start,
        day=rated.ended_on,
        country=rated.vat.country,
        site=rated.site,
        tariff=rated.tariff,
        evse_kind=evse_kind,
        parts=tuple(
            UsedPart(
                dimension=line.dimension,
                vat_percent=line.vat_percent,
                energy_wh=line.billed if line.dimension is Dimension.ENERGY else Decimal(0),
                gross=charge.gross,
            )
            for line, charge in zip(rated.rated.lines, charges(rated.rated), strict=True)
        ),
    )


def settled(
    now: Sequence[PlanLine], before: Collection[PlanLine], reason_of: Callable[[PlanLine], str] = lambda line: line.reason
) -> tuple[PlanCharge, ...]:
    """What is charged of a month: its lines by now, less those that earlier invoices hold. None that changes nothing.

    So what all invoices of a month charge is what the month came to at last, to the minor unit, however its sessions were
    spread over them. A line that is there no more is taken back whole.
    """
    earlier, still = {id_of_line(line): line.gross for line in before}, {id_of_line(line) for line in now}
    gone = [structs.replace(line, exact="0", gross=line.gross - line.gross) for line in before if id_of_line(line) not in still]
    charges = (
        PlanCharge(line=line, before=was, gross=line.gross - was, reason=reason_of(line))
        for line in (*now, *gone)
        for was in (earlier.get(id_of_line(line), Decimal(0)),)
    )
    return tuple(charge for charge in charges if charge.gross)
