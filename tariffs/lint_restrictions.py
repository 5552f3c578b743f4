"""Restrictions that mean something else than they seem to, or that the tariff's dialect does not have."""

from collections.abc import Iterator
from datetime import date, timedelta

from tariffs.lint_prices import Placed, placed
from tariffs.lints import Lint, LintReason, Severity, Surroundings
from tariffs.losses import is_ours
from tariffs.restrictions import MIDNIGHT
from vocabulary.tariff import (
    Basis,
    Dimension,
    PriceComponent,
    Profile,
    Reservation,
    Restrictions,
    Tariff,
    TariffElement,
    Weekday,
    taxes_of,
)

_TIMED = (Dimension.TIME, Dimension.PARKING_TIME)


def restrictions(tariff: Tariff, where: Surroundings) -> Iterator[Lint]:
    for number, element in enumerate(tariff.elements, start=1):
        for reason, severity, detail in (*_windows(element.restrictions), *_others(element, where)):
            yield Lint(reason=reason, severity=severity, element=number, detail=detail)
    if where.valid_from and where.valid_until and where.valid_until <= where.valid_from:
        yield Lint(
            reason=LintReason.VALIDITY_EMPTY,
            severity=Severity.ERROR,
            detail=f"It begins at {where.valid_from.isoformat()} and ends at {where.valid_until.isoformat()}: mend one.",
        )


_Found = tuple[LintReason, Severity, str]


def _windows(limit: Restrictions) -> Iterator[_Found]:
    start, end = limit.start_time, limit.end_time
    if start is not None and start == end:
        yield (
            LintReason.WINDOW_EMPTY,
            Severity.WARNING,
            f"{start:%H:%M}-{end:%H:%M} is read as the whole day, elsewhere perhaps as never: leave both out, or mend one.",
        )
    elif start and end and MIDNIGHT != end < start and 0 < len({*limit.weekdays}) < len(Weekday):
        day = limit.weekdays[0].title()
        yield (
            LintReason.WINDOW_WRAPS,
            Severity.WARNING,
            (
                f"The hours after midnight belong to the next day: {day} {start:%H:%M}-{end:%H:%M} is 00:00-{end:%H:%M} and "
                f"{start:%H:%M}-24:00 of {day}. Write two elements, that until {end:%H:%M} with the days that follow."
            ),
        )


def _others(element: TariffElement, where: Surroundings) -> Iterator[_Found]:
    limit = element.restrictions
    dimensions = {component.dimension for component in element.components}
    if limit.reservation and dimensions - {Dimension.FLAT, Dimension.TIME}:
        yield (
            LintReason.RESERVATION_DIMENSION,
            Severity.ERROR,
            "While an EVSE is reserved nobody charges: price a reservation with FLAT and TIME alone.",
        )
    if _is_momentary(limit):
        yield (
            LintReason.NEEDS_MEASUREMENT,
            Severity.HINT,
            "Where a station does not send power or current, this element never applies: see that all of them do.",
        )
    if limit.evse_kind and where.evse_kinds and limit.evse_kind not in where.evse_kinds:
        yield (
            LintReason.EVSE_KIND_UNUSED,
            Severity.HINT,
            f"No EVSE that has this tariff is {limit.evse_kind}: remove the element, or correct `power_type` of the EVSEs.",
        )
    if detail := _outside(limit, where):
        yield (LintReason.OUTSIDE_VALIDITY, Severity.HINT, detail)


def _is_momentary(limit: Restrictions) -> bool:
    bounds = (limit.min_power_w, limit.max_power_w, limit.min_current_a, limit.max_current_a)
    return any(bound is not None for bound in bounds)


def _outside(limit: Restrictions, where: Surroundings) -> str:
    """A day's margin, since the days of an element are the site's and the instants of a tariff are not."""
    begins = [day for day in (where.valid_from and _day_before(where.valid_from.date()), where.today) if day is not None]
    if limit.end_date is not None and begins and limit.end_date <= max(begins):
        return f"It ended with {limit.end_date.isoformat()} and will not apply any more: remove it in the next version."
    if limit.start_date and where.valid_until and limit.start_date > where.valid_until.date():
        return f"It begins on {limit.start_date.isoformat()}, when this version is no longer in force: move it to the next one."
    return ""


def _day_before(day: date) -> date:
    return day - timedelta(days=1) if day > date.min else day


# What a dialect lacks


def dialect(tariff: Tariff, _: Surroundings) -> Iterator[Lint]:
    """What the standard in which the tariff was authored cannot say: partners and stations will not get it."""
    of_a_format = _lacking_in_ocpp if tariff.profile is Profile.OCPP_2_1 else _lacking_in_ocpi
    for at in placed(tariff):
        if is_ours(at.component):
            yield _lacking_everywhere(at)
            continue
        for what in of_a_format(at.component, tariff.elements[at.element - 1].restrictions):
            yield _lacking(tariff, what, at)
    for what in _lacking_in_whole(tariff):
        yield _lacking(tariff, what, None)


def _lacking(tariff: Tariff, what: str, at: Placed | None) -> Lint:
    return Lint(
        reason=LintReason.LACKING_IN_DIALECT,
        severity=Severity.WARNING,
        element=at.element if at else 0,
        dimension=at.component.dimension if at else None,
        detail=f"{tariff.profile} has no {what}: who gets the tariff in that form gets another one. "
        "Price without it, or write it in another profile.",
    )


def _lacking_everywhere(at: Placed) -> Lint:
    what = "energy that is fed back" if at.component.dimension is Dimension.ENERGY_EXPORT else "a battery swap"
    return Lint(
        reason=LintReason.LACKING_IN_DIALECT,
        severity=Severity.HINT,
        element=at.element,
        dimension=at.component.dimension,
        detail=f"Neither OCPI nor OCPP has a price of {what}: partners and stations are refused the tariff, or get it without.",
    )


def _lacking_in_ocpi(component: PriceComponent, limit: Restrictions) -> Iterator[str]:
    if limit.min_charging_s is not None or limit.max_charging_s is not None:
        yield "condition on the charging time"
    if limit.min_idle_s is not None or limit.max_idle_s is not None:
        yield "condition on the idle time"
    if limit.evse_kind:
        yield "condition on AC or DC"
    if limit.payment_brand or limit.payment_recognition:
        yield "condition on the payment"
    if len(component.taxes) > 1:
        yield "several taxes"


def _lacking_in_ocpp(component: PriceComponent, limit: Restrictions) -> Iterator[str]:
    is_fixed = component.dimension is Dimension.FLAT
    if is_fixed and (_is_counted(limit) or _is_momentary(limit)):
        yield "condition on energy, duration, power or current of a fixed fee"
    if not is_fixed and (limit.payment_brand or limit.payment_recognition):
        yield "condition on the payment"
    if limit.reservation is Reservation.RESERVATION_EXPIRES:
        yield "condition on a reservation that expired"
    if not is_fixed and component.step_size > 1:
        yield "step size"


def _is_counted(limit: Restrictions) -> bool:
    """Whether it depends on what a session has come to so far."""
    bounds = (
        *(limit.min_energy_wh, limit.max_energy_wh, limit.min_duration_s, limit.max_duration_s),
        *(limit.min_charging_s, limit.max_charging_s, limit.min_idle_s, limit.max_idle_s),
    )
    return any(bound is not None for bound in bounds)


def _lacking_in_whole(tariff: Tariff) -> Iterator[str]:
    if tariff.profile is not Profile.OCPI_2_3_0 and tariff.basis is Basis.GROSS:
        yield "prices that include taxes"
    if tariff.profile is not Profile.OCPP_2_1:
        return
    rates: dict[tuple[Dimension, bool], set[object]] = {}
    for element in tariff.elements:
        for component in element.components:
            kind = (component.dimension, element.restrictions.reservation is not None)
            rates.setdefault(kind, set()).add(taxes_of(component))
    if any(len(found) > 1 for found in rates.values()):
        yield "different taxes for prices of one kind"
