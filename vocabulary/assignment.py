"""Which tariff a session is priced by: assignments, effective-dated, and the choice that was made by them.

An assignment names a tariff and the criteria that must all hold. Of several that hold for a session the most specific counts:
who charges before where, and that before how and when, each finer one before the coarser (`weight`). So two that hold for one
session and are equally specific name the same token, holder, EVSE, site and payment, and differ in their times alone; where
these meet as well, reference data are refused.

    token, contract or partner, EVSE, site, payment, weekdays and times of day, none of them
    then the tariff that the contract or the partner names itself, then that of the EVSE
"""

from datetime import datetime, time
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from vocabulary.identity import ContractId, PartnerId, TariffId, TokenUid, VersionHash
from vocabulary.tariff import Weekday


class PaymentKind(StrEnum):
    """How a session is paid, as its token and whom that belongs to tell."""

    CONTRACT = "contract"
    ROAMING = "roaming"  # by a partner
    DIRECT = "direct_payment"  # by a card at a terminal: OCPP 2.1 idToken.type DirectPayment
    AD_HOC = "ad_hoc"  # whoever it was: OCPP 2.x idToken.type NoAuthorization


class PricePolicy(StrEnum):
    GUARANTEED = "guaranteed"  # what was in force when the session began prices all of it
    SWITCHING = "switching"  # from each instant on at which a validity begins or ends, what is in force then


class Assignment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A criterion that is None holds for every session. Days and times are those of the site's clock as the session began;
    `start_time` inclusive, `end_time` exclusive, over midnight where it is not the later one; the day is that of the instant.
    """

    id: str
    tariff: TariffId
    token: TokenUid | None = None  # compared without regard to case
    contract: ContractId | None = None
    partner: PartnerId | None = None
    evse: str | None = None  # its id
    site: str | None = None
    payment: PaymentKind | None = None
    weekdays: tuple[Weekday, ...] = ()  # empty: every day
    start_time: time | None = None
    end_time: time | None = None
    policy: PricePolicy = PricePolicy.GUARANTEED


class TariffAssigned(Struct, frozen=True, kw_only=True, tag="tariff.assigned"):
    """In force from `valid_from` on, until a later one of the same id, or until `valid_until` (exclusive)."""

    assignment: Assignment
    valid_from: datetime
    valid_until: datetime | UnsetType = UNSET


class Stage(Struct, frozen=True, kw_only=True):
    """A tariff version that prices what is charged from an instant on."""

    since: datetime
    tariff: TariffId
    version: VersionHash


class TariffChoice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a session is priced by its tariff: by what criteria, with no token and no name in it.

    `then`: what came into force while it went on, where the price switches.
    """

    reason: str
    assignment: str | None = None  # its id; None: none held
    policy: PricePolicy = PricePolicy.GUARANTEED
    then: tuple[Stage, ...] = ()


def weight(assignment: Assignment) -> int:
    """The higher, the more specific: each criterion weighs more than all that are named after it together."""
    criteria = (
        assignment.token is not None,
        assignment.contract is not None or assignment.partner is not None,
        assignment.evse is not None,
        assignment.site is not None,
        assignment.payment is not None,
        has_times(assignment),
    )
    return sum(2**place for place, given in enumerate(reversed(criteria)) if given)


def has_times(assignment: Assignment) -> bool:
    return bool(assignment.weekdays) or assignment.start_time is not None or assignment.end_time is not None


def times_of(assignment: Assignment) -> tuple[tuple[time, time], ...]:
    """The parts of a day that its times are, half-open; an end of 00:00 is the end of the day."""
    start, end = assignment.start_time or time.min, assignment.end_time or time.min
    if end == time.min or start < end:
        return ((start, end),)
    return ((start, time.min), (time.min, end))


def is_within(at: time, part: tuple[time, time]) -> bool:
    start, end = part
    return start <= at and (end == time.min or at < end)


def meet(one: Assignment, other: Assignment) -> bool:
    """Whether there is a day and a time at which both hold."""
    days = set(one.weekdays or Weekday) & set(other.weekdays or Weekday)
    return bool(days) and any(_overlap(a, b) for a in times_of(one) for b in times_of(other))


def _overlap(one: tuple[time, time], other: tuple[time, time]) -> bool:
    return is_within(one[0], other) or is_within(other[0], one)
