"""Plans: what a contract agrees on for a calendar month beside its tariffs, and what that comes to.

Sessions are rated by tariffs, each by itself. A plan changes no rating: it adds lines of its own to an invoice, in this order:

    included energy     kWh of the month that cost nothing more, taken by sessions in order of their start
    absolute rebates    so much per kWh that is not included, so much per session
    percent rebates     of what is left
    cap per day         what the sessions of a local day come to at most
    cap per month       what those of the month come to at most
    fee                 beside all of that; no cap holds for it

A plan is immutable and known by its content (`vocabulary.codec.plan_hash`); from when on which version is in force is told
beside it, as of a tariff. Which plan a contract has, its own versions say (`Contract.plan`).
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from vocabulary.identity import PlanId, SessionId, TariffId, VersionHash
from vocabulary.money import Currency
from vocabulary.tariff import Basis, Dimension, DisplayText, EvseKind


class Scope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """For what a benefit holds: all that is given must; what is empty holds for everything."""

    dimensions: tuple[Dimension, ...] = ()
    tariffs: tuple[TariffId, ...] = ()
    sites: tuple[str, ...] = ()
    evse_kinds: tuple[EvseKind, ...] = ()  # an EVSE of which the kind is not known is of none


class Fee(Struct, frozen=True, kw_only=True):
    """What a whole month costs. None as `vat_percent`: no VAT applies."""

    amount: Decimal
    basis: Basis = Basis.NET
    vat_percent: Decimal | None


class Included(Struct, frozen=True, kw_only=True, omit_defaults=True):
    energy_wh: Decimal  # of a whole month
    scope: Scope | None = None  # None: all; of its dimensions only ENERGY counts


class Rebate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Exactly one of the three is given. Amounts are `basis`, in units of the plan's currency; more than what is left is never
    taken off.
    """

    percent: Decimal | None = None
    per_kwh: Decimal | None = None
    per_session: Decimal | None = None
    basis: Basis = Basis.NET
    scope: Scope | None = None  # None: all


class Cap(Struct, frozen=True, kw_only=True):
    amount: Decimal
    basis: Basis = Basis.GROSS


class Proration(StrEnum):
    """What a plan comes to that holds for a part of a month."""

    DAYS = "days"  # fee, included energy and the cap per month in proportion to its days, exactly
    WHOLE_MONTHS = "whole_months"  # all of them whole; and it holds until the month ends


class Plan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a plan. `group` names whoever shares it, for people and for reports; prices of a group are those of the
    tariffs that its contracts are assigned.
    """

    id: PlanId
    currency: Currency
    time_zone: str  # IANA: in which its months and days begin
    names: tuple[DisplayText, ...] = ()
    fee: Fee | None = None
    included: Included | None = None
    rebates: tuple[Rebate, ...] = ()
    day_cap: Cap | None = None
    month_cap: Cap | None = None
    proration: Proration = Proration.DAYS
    group: str = ""


class PlanPublished(Struct, frozen=True, kw_only=True, tag="plan.published"):
    """From `valid_from` on this version is in force, until a later one of the same id."""

    plan: Plan
    valid_from: datetime


class Term(Struct, frozen=True, kw_only=True):
    """Days of one calendar month, both inclusive, on which a contract has one version of a plan."""

    plan: Plan
    version: VersionHash
    first: date
    last: date


class UsedPart(Struct, frozen=True, kw_only=True):
    """What a line of a session charges: whole minor units, VAT included. `energy_wh` as billed; 0 where it is no energy."""

    dimension: Dimension
    vat_percent: Decimal | None
    energy_wh: Decimal
    gross: Decimal


class Used(Struct, frozen=True, kw_only=True):
    """A session as a plan sees it. `day`: on which it ended by the site's calendar, the tax point."""

    session: SessionId
    start: datetime
    day: date
    country: str  # whose VAT it bears
    site: str
    tariff: TariffId
    evse_kind: EvseKind | None
    parts: tuple[UsedPart, ...]


class Benefit(StrEnum):
    """What a line of a plan is, in the order in which they are worked out."""

    INCLUDED = "included_energy"
    PER_KWH = "rebate_per_kwh"
    PER_SESSION = "rebate_per_session"
    PERCENT = "rebate_percent"
    DAY_CAP = "day_cap"
    MONTH_CAP = "month_cap"
    FEE = "fee"


class PlanLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one benefit, or the fee, comes to for the days of a term, at one VAT rate of a country; below 0: taken off.

    `number` counts the rebates of the plan from 1 on; 0: it is none. `gross` is in whole minor units, VAT included. `exact` is
    the same before rounding, as a fraction of a currency unit ("-3/13"). `energy_wh`: how much is included, of `included_wh`
    that the term has; or from how much a rebate per kWh is taken off. `base`: of how much, VAT included, a percentage or a cap
    was reckoned. `sessions`: off how many a rebate per session is. `days`: on which a cap per day was reached.
    """

    plan: PlanId
    version: VersionHash
    first: date
    last: date
    benefit: Benefit
    number: int = 0
    country: str
    vat_percent: Decimal | None = None
    exact: str
    gross: Decimal
    energy_wh: Decimal | None = None
    included_wh: str | None = None  # a fraction of a Wh
    base: str | None = None  # a fraction of a currency unit
    sessions: int = 0
    days: tuple[date, ...] = ()
    reason: str


LineId = tuple[PlanId, VersionHash, date, Benefit, int, str, Decimal | None]


def id_of_line(line: PlanLine) -> LineId:
    """What makes a line of a month the same one on every invoice."""
    return line.plan, line.version, line.first, line.benefit, line.number, line.country, line.vat_percent


def lines_after(before: Iterable[PlanLine], changed: Iterable[PlanLine]) -> tuple[PlanLine, ...]:
    """The lines of a month that invoices hold, with those of one more; what comes to nothing is none."""
    known = {id_of_line(line): line for line in (*before, *changed)}
    return tuple(line for line in known.values() if line.gross)
