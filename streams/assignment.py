"""Which tariff prices a session: the most specific assignment that holds, else the holder's own, else the EVSE's.

What is chosen must be in force. It is never replaced by a less specific one that is: who assigned it meant it, and a session
without a tariff in force is a finding, never free; a free tariff is published as one.
"""

from collections.abc import Iterator
from datetime import datetime, time
from typing import NamedTuple

from msgspec import structs

from streams.catalogue import Catalogue, Plug
from vocabulary import zones
from vocabulary.assignment import (
    Assignment,
    PaymentKind,
    PricePolicy,
    Stage,
    TariffChoice,
    has_times,
    is_within,
    times_of,
    weight,
)
from vocabulary.codec import version_hash
from vocabulary.identity import TariffId, TokenUid
from vocabulary.reference import Contract, Partner
from vocabulary.sessions import ChargingSession, Doubt, Finding
from vocabulary.tariff import Tariff, Weekday

Holder = Contract | Partner
_DAYS = tuple(Weekday)


class Asked(NamedTuple):
    """Whose price is asked for, where, and since when. `holder` None: of anybody. `payment` None: as token and holder tell."""

    plug: Plug
    holder: Holder | None
    begun: datetime
    token: TokenUid | None = None
    token_type: str | None = None
    payment: PaymentKind | None = None


class Chosen(NamedTuple):
    """`schedule`: from which instant on each version prices; one, but where the price switches.

    `by_time`: had the session begun at another time of day, or on another weekday, it might be another one; or it switches.
    """

    tariff: Tariff
    choice: TariffChoice
    schedule: tuple[tuple[datetime, Tariff], ...]
    by_time: bool = False

    @property
    def prices(self) -> Tariff | tuple[tuple[datetime, Tariff], ...]:
        """As `tariffs.rate` takes them."""
        return self.tariff if len(self.schedule) == 1 else self.schedule


class _Pick(NamedTuple):
    """What names a tariff, in words; and the assignment, where it is one."""

    tariff: TariffId
    reason: str
    assignment: Assignment | None = None
    by_time: bool = False


def choose(session: ChargingSession, plug: Plug, holder: Holder, catalogue: Catalogue) -> Chosen | Doubt:
    """The tariff of a session with its reason, or why there is none."""
    return choose_for(Asked(plug, holder, session.start, session.token, session.token_type), session.end, catalogue)


def choose_for(asked: Asked, end: datetime, catalogue: Catalogue) -> Chosen | Doubt:
    """The same of a session that may be yet to come, until its end."""
    picked = _pick(asked, asked.begun, catalogue)
    if picked is None:
        return Doubt(finding=Finding.TARIFF_MISSING, detail="no tariff is assigned")
    tariff = catalogue.tariff(picked.tariff, asked.begun)
    if tariff is None:
        by = f" of assignment {picked.assignment.id}" if picked.assignment else ""
        return Doubt(finding=Finding.TARIFF_MISSING, detail=f"tariff {picked.tariff}{by}")
    if picked.assignment is None or picked.assignment.policy is PricePolicy.GUARANTEED:
        return _chosen(picked, ((asked.begun, tariff),))
    return _switching(picked, asked, end, catalogue)


def supposed(session: ChargingSession, tariff: Tariff) -> Chosen:
    """As if every session were priced by this one: for questions of what would be."""
    return _chosen(_Pick(tariff.id, "supposed"), ((session.start, tariff),))


def tariff_at(asked: Asked, at: datetime, catalogue: Catalogue) -> Tariff | None:
    """What is in force for whom asks at an instant; None: nothing is."""
    picked = _pick(asked, at, catalogue)
    return None if picked is None else catalogue.tariff(picked.tariff, at)


def tariff_of_the_place(plug: Plug, at: datetime, catalogue: Catalogue) -> Tariff | None:
    """What would be in force there if nothing were known of who charges, and how it is paid."""
    return tariff_at(Asked(plug, None, at), at, catalogue)


def _switching(picked: _Pick, asked: Asked, end: datetime, catalogue: Catalogue) -> Chosen | Doubt:
    """What is in force at the start and at each bound after it. A time without any is a finding: nothing fills it."""
    schedule: list[tuple[datetime, Tariff]] = []
    by = f"by assignment {picked.assignment.id if picked.assignment else ''}"
    for at in (asked.begun, *catalogue.bounds(asked.begun, end)):
        tariff = tariff_at(asked, at, catalogue)
        if tariff is None:
            return Doubt(finding=Finding.TARIFF_MISSING, detail=f"none from {at.isoformat()} on, {by}")
        if schedule and tariff.currency != schedule[0][1].currency:
            return Doubt(
                finding=Finding.TARIFF_MISSING, detail=f"none in {schedule[0][1].currency} from {at.isoformat()} on, {by}"
            )
        if not schedule or tariff != schedule[-1][1]:
            schedule.append((at, tariff))
    return _chosen(picked, tuple(schedule))


def _chosen(picked: _Pick, schedule: tuple[tuple[datetime, Tariff], ...]) -> Chosen:
    then = tuple(Stage(since=since, tariff=tariff.id, version=version_hash(tariff)) for since, tariff in schedule[1:])
    choice = TariffChoice(reason=picked.reason, then=then)
    if picked.assignment is not None:
        choice = structs.replace(choice, assignment=picked.assignment.id, policy=picked.assignment.policy)
    return Chosen(schedule[0][1], choice, schedule, picked.by_time or len(schedule) > 1)


def _pick(asked: Asked, at: datetime, catalogue: Catalogue) -> _Pick | None:
    by_time = False
    for one in sorted(_holding(asked, at, catalogue), key=lambda one: (-weight(one), one.id)):
        by_time = by_time or has_times(one)
        if not has_times(one) or _is_time(one, asked):
            return _Pick(one.tariff, f"assignment {one.id}: {_criteria(one) or 'every session'}", one, by_time)
    if asked.holder is not None and asked.holder.tariff is not None:
        kind = "contract" if isinstance(asked.holder, Contract) else "partner"
        return _Pick(asked.holder.tariff, f"{kind} {asked.holder.id} names it", by_time=by_time)
    evse = asked.plug.evse
    return None if evse.tariff is None else _Pick(evse.tariff, f"EVSE {evse.evse_id} names it", by_time=by_time)


def _holding(asked: Asked, at: datetime, catalogue: Catalogue) -> Iterator[Assignment]:
    """Those in force at the instant that hold for whom asks, whatever their days and times: these are judged as it began, so
    that no price changes by them later.
    """
    holder, plug = asked.holder, asked.plug
    names = [("token", (asked.token or "").casefold()), ("evse", plug.evse.evse_id), ("site", plug.site.id), ("", "")]
    names += [("contract" if isinstance(holder, Contract) else "partner", holder.id)] if holder is not None else []
    for one in catalogue.assignments(names, at):
        if _holds(one, asked):
            yield one


def _holds(one: Assignment, asked: Asked) -> bool:
    holder, plug = asked.holder, asked.plug
    return (
        (one.token is None or (asked.token is not None and one.token.casefold() == asked.token.casefold()))
        and (one.contract is None or (isinstance(holder, Contract) and holder.id == one.contract))
        and (one.partner is None or (isinstance(holder, Partner) and holder.id == one.partner))
        and one.evse in (None, plug.evse.evse_id)
        and one.site in (None, plug.site.id)
        and one.payment in (None, _payment(asked))
    )


def _payment(asked: Asked) -> PaymentKind | None:
    if asked.payment is not None or asked.holder is None:
        return asked.payment
    return payment_of(asked.holder, asked.token_type)


def _is_time(one: Assignment, asked: Asked) -> bool:
    local = asked.begun.astimezone(zones.zone(asked.plug.site.time_zone))
    day = _DAYS[local.weekday()]
    return day in (one.weekdays or _DAYS) and any(is_within(local.time(), part) for part in times_of(one))


def payment_of(holder: Holder, token_type: str | None) -> PaymentKind:
    match (token_type or "").casefold():
        case "directpayment":
            return PaymentKind.DIRECT
        case "noauthorization":
            return PaymentKind.AD_HOC
        case _:
            return PaymentKind.CONTRACT if isinstance(holder, Contract) else PaymentKind.ROAMING


def _criteria(one: Assignment) -> str:
    """In words, the most specific first; which token it is, is not told."""
    said = [
        "its token" if one.token is not None else "",
        f"contract {one.contract}" if one.contract is not None else "",
        f"partner {one.partner}" if one.partner is not None else "",
        f"EVSE {one.evse}" if one.evse is not None else "",
        f"site {one.site}" if one.site is not None else "",
        f"payment {one.payment}" if one.payment is not None else "",
        ", ".join(one.weekdays),
        f"{one.start_time or time.min:%H:%M}-{_end_of(one.end_time or time.min)}" if one.start_time or one.end_time else "",
    ]
    return "; ".join(part for part in said if part)


def _end_of(end: time) -> str:
    return f"{end:%H:%M}" if end != time.min else "24:00"
