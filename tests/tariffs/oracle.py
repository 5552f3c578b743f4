"""The oracle: sessions priced second by second, slowly, in fractions, without cutting anything and without compiling anything.

It shares no code with `tariffs`: conditions, prices, steps, taxes and limits are read off the standards once more, one `if`
after the other. What it cannot share is decided in docs/decisions.md and stands there in words.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from msgspec import UNSET, structs

from vocabulary.circumstances import NOTHING_KNOWN, Circumstances, Sample
from vocabulary.quantities import seconds_between, whole_second
from vocabulary.sessions import Activity, ChargingSession
from vocabulary.tariff import Basis, Dimension, PriceComponent, PriceLimit, Profile, Reservation, Restrictions, Tariff
from vocabulary.zones import zone

FEES = (Dimension.FLAT, Dimension.SWAP)
TIMED = {Activity.CHARGING: Dimension.TIME, Activity.IDLE: Dimension.PARKING_TIME}
WEEK = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


@dataclass(frozen=True)
class Instant:
    """All that a condition can ask about."""

    local: datetime
    energy: Fraction
    age: int
    charging: int
    idle: int
    power: Decimal | None
    current: Decimal | None
    known: Circumstances


@dataclass(frozen=True)
class Found:
    component: PriceComponent
    quantity: Fraction
    since: datetime
    until: datetime
    reserved: bool = False


Price = tuple[Dimension, int, Decimal]  # what for, in which element, and at how much: a series has many


@dataclass
class Bill:
    found: dict[Price, Found] = field(default_factory=dict)
    net: Fraction = Fraction(0)
    gross: Fraction = Fraction(0)


def bill(session: ChargingSession, tariff: Tariff, where: str, profile: Profile, known: Circumstances = NOTHING_KNOWN) -> Bill:
    """What every price finds, and the exact totals with steps, taxes and limits (of which the tax goes by rate)."""
    in_ocpp = profile is Profile.OCPP_2_1
    pieces = [*_before(session, tariff, where, known, in_ocpp)]
    if known.reserved is None or not known.reserved.expired:
        pieces += _during(session, tariff, where, known, in_ocpp)
    result = Bill()
    for dimension, number, one in pieces:
        price = (dimension, number, one.component.price)
        past = result.found.get(price)
        quantity = one.quantity if past is None or dimension in FEES else past.quantity + one.quantity
        since = one.since if past is None else past.since
        result.found[price] = replace(one, quantity=quantity, since=since)
    parts = _parts(pieces, result.found, tariff, steps=not in_ocpp)
    if known.reserved is not None and known.reserved.expired:
        tariff = replace_limits(tariff)
    if in_ocpp:
        result.net, result.gross = _frozen_and_replaced(pieces, tariff)
    else:
        result.net, result.gross = _limited(parts, tariff)
    for dimension, _, one in pieces:  # second by second, with nothing but its price
        if dimension is Dimension.ENERGY_EXPORT:
            net, gross = amount(one, one.quantity, tariff)
            result.net, result.gross = result.net + net, result.gross + gross
    return result


def _before(
    session: ChargingSession, tariff: Tariff, where: str, known: Circumstances, in_ocpp: bool
) -> Iterator[tuple[Dimension, int, Found]]:
    reserved = known.reserved
    if reserved is None or (in_ocpp and reserved.expired):
        return
    kinds = [Reservation.RESERVATION_EXPIRES, Reservation.RESERVATION] if reserved.expired else [Reservation.RESERVATION]
    start, end = whole_second(reserved.start), whole_second(reserved.end)
    flat: int | None = None
    for count in range(max(seconds_between(start, end), 1)):
        at = start + timedelta(seconds=count)
        until = min(at + timedelta(seconds=1), end)
        judged = whole_second(session.start) if in_ocpp else at
        age = 0 if in_ocpp else count
        instant = Instant(judged.astimezone(zone(where)), Fraction(0), age, age, 0, None, None, known)
        for dimension in (Dimension.FLAT, Dimension.TIME):
            price = next((found for kind in kinds if (found := first_price(tariff, dimension, instant, kind))), None)
            if price is None or (dimension is Dimension.TIME and start == end):
                continue
            if dimension is Dimension.FLAT:
                if in_ocpp and count and flat is None:
                    continue
                flat = flat or price[0]
                if price[0] != flat:
                    continue
            yield dimension, price[0], Found(price[1], Fraction(1), at, until, reserved=True)


def _during(
    session: ChargingSession, tariff: Tariff, where: str, known: Circumstances, in_ocpp: bool
) -> Iterator[tuple[Dimension, int, Found]]:
    due: dict[Dimension, int] = {}  # which fee of each kind came up first
    for place, slot in enumerate(slots(session, energy_bounds(tariff))):
        power, current = value_at(known.power_w, slot.at), value_at(known.current_a, slot.at)
        local = slot.at.astimezone(zone(where))
        instant = Instant(local, slot.so_far, slot.second, slot.charging, slot.idle, power, current, known)
        once, *measured = slot.measured.items()
        swapped = [(Dimension.SWAP, Fraction(known.swap.sets))] if known.swap is not None else []
        for dimension, quantity in [once, *swapped, *measured]:
            price = first_price(tariff, dimension, instant, None)
            if price is None:
                continue
            number, component = price
            if component.series is not None:
                value = published(component, known, slot.at)
                if value is None:
                    continue
                component = followed(component, value)
            if dimension in FEES:
                if in_ocpp and dimension not in due and place:
                    continue
                if due.setdefault(dimension, number) != number:
                    continue
            yield dimension, number, Found(component, quantity, slot.at, slot.until)


def first_price(
    tariff: Tariff, dimension: Dimension, instant: Instant, kind: Reservation | None
) -> tuple[int, PriceComponent] | None:
    for number, element in enumerate(tariff.elements, start=1):
        if element.restrictions.reservation is kind and holds(element.restrictions, instant):
            for component in element.components:
                if component.dimension is dimension:
                    return number, component
    return None


def holds(wanted: Restrictions, now: Instant) -> bool:
    clock, today = now.local.time(), now.local.date()
    if wanted.start_time is not None or wanted.end_time is not None:
        start = wanted.start_time or clock.min
        end = wanted.end_time or clock.min
        if start < end and not start <= clock < end:
            return False
        if start > end and end <= clock < start:
            return False
    if wanted.start_date is not None and today < wanted.start_date:
        return False
    if wanted.end_date is not None and today >= wanted.end_date:
        return False
    if wanted.weekdays and WEEK[now.local.weekday()] not in wanted.weekdays:
        return False
    for value, least, most in (
        (now.energy, wanted.min_energy_wh, wanted.max_energy_wh),
        (now.age, wanted.min_duration_s, wanted.max_duration_s),
        (now.charging, wanted.min_charging_s, wanted.max_charging_s),
        (now.idle, wanted.min_idle_s, wanted.max_idle_s),
        (now.power, wanted.min_power_w, wanted.max_power_w),
        (now.current, wanted.min_current_a, wanted.max_current_a),
    ):
        if (least is not None or most is not None) and value is None:
            return False
        if least is not None and value is not None and value < least:
            return False
        if most is not None and value is not None and value >= most:
            return False
    known = now.known
    if wanted.evse_kind not in (None, known.evse_kind) or wanted.payment_brand not in (None, known.payment_brand):
        return False
    return wanted.payment_recognition in (None, known.payment_recognition)


def published(component: PriceComponent, known: Circumstances, at: datetime) -> Decimal | None:
    for prices in known.prices:
        for place, value in enumerate(prices.values):
            since = prices.start + timedelta(seconds=place * prices.resolution_s)
            until = since + timedelta(seconds=prices.resolution_s)
            if component.series and prices.series == component.series.id and since <= at < until:
                return value
    return None


def followed(component: PriceComponent, value: Decimal) -> PriceComponent:
    assert component.series is not None
    price = value * component.series.factor + component.price
    if component.series.least is not None and price < component.series.least:
        price = component.series.least
    if component.series.most is not None and price > component.series.most:
        price = component.series.most
    return structs.replace(component, price=price)


def value_at(samples: tuple[Sample, ...], at: datetime) -> Decimal | None:
    past = [sample.value for sample in samples if whole_second(sample.at) <= at]
    return past[-1] if past else samples[0].value if samples else None


@dataclass(frozen=True)
class Slot:
    """A second, or what of its energy lies between two thresholds."""

    second: int
    at: datetime
    until: datetime
    so_far: Fraction
    charging: int
    idle: int
    measured: dict[Dimension, Fraction]


def slots(session: ChargingSession, energy_bounds: set[Fraction]) -> Iterator[Slot]:
    """Judged by its first instant, each; a second in which a threshold is passed counts as time after it.

    Of a session without time there is one instant.
    """
    begin, end = whole_second(session.start), whole_second(session.end)
    first, last = naive_ends(session)
    registers = [Fraction(naive_register(session, count)) for count in range(seconds_between(begin, end))] or [first]
    fed = fed_back(session)
    backwards = [naive_register(fed, count) for count in range(seconds_between(begin, end))] if fed is not None else []
    backwards = [*(backwards or [naive_ends(fed)[0]]), naive_ends(fed)[1]] if fed is not None else []
    charging = idle = 0
    for count, (before, after) in enumerate(pairwise([*registers, last])):
        at = begin + timedelta(seconds=count)
        inside = sorted(first + bound for bound in energy_bounds if before < first + bound < after)
        *early, (low, high) = pairwise([before, *inside, after])
        for one, other in early:
            energy = {Dimension.FLAT: Fraction(1), Dimension.ENERGY: other - one}
            yield Slot(count, at, at, one - first, charging, idle, energy)
        measured = {Dimension.FLAT: Fraction(1), Dimension.ENERGY: high - low}
        if fed is not None:
            measured[Dimension.ENERGY_EXPORT] = backwards[count + 1] - backwards[count]
        activity = naive_activity(session, at)
        if begin < end and (timed := TIMED.get(activity)):
            measured[timed] = Fraction(1)
        yield Slot(count, at, min(at + timedelta(seconds=1), end), low - first, charging, idle, measured)
        charging += activity is Activity.CHARGING
        idle += activity is Activity.IDLE


def energy_bounds(tariff: Tariff) -> set[Fraction]:
    limits = [element.restrictions for element in tariff.elements]
    return {Fraction(bound) for limit in limits for bound in (limit.min_energy_wh, limit.max_energy_wh) if bound}


# Money


def amount(one: Found, quantity: Fraction, tariff: Tariff) -> tuple[Fraction, Fraction]:
    """Net and gross."""
    per = {Dimension.FLAT: 1, Dimension.ENERGY: 1000, Dimension.TIME: 3600, Dimension.PARKING_TIME: 3600}
    per |= {Dimension.SWAP: 1, Dimension.ENERGY_EXPORT: -1000}  # what is fed back counts the other way
    plain = quantity * Fraction(one.component.price) / (60 if one.component.per_minute else per[one.component.dimension])
    factor = raised(one.component, tariff)
    return (plain / factor, plain) if tariff.basis is Basis.GROSS else (plain, plain * factor)


def raised(component: PriceComponent, tariff: Tariff) -> Fraction:
    if tariff.basis is Basis.UNTAXED:
        return Fraction(1)
    if component.vat_percent is not None:
        return 1 + Fraction(component.vat_percent) / 100
    total = Fraction(1)
    for level in range(10):
        total += total * sum((Fraction(tax.percent) for tax in component.taxes if (tax.stack or 0) == level), Fraction(0)) / 100
    return total


Parts = list[tuple[object, Fraction, Fraction]]  # under which taxes, net, gross


def taxed_as(component: PriceComponent, tariff: Tariff) -> object:
    """What stands together: one tax by its percentage, whatever its name, several by all they are."""
    if tariff.basis is Basis.UNTAXED:
        return None
    if component.vat_percent is not None:
        return component.vat_percent
    return component.taxes[0].percent if len(component.taxes) == 1 else component.taxes or None


def replace_limits(tariff: Tariff) -> Tariff:
    """Of a reservation that nobody came to use there is no least price."""
    return structs.replace(tariff, min_price=None)


def _parts(pieces: list[tuple[Dimension, int, Found]], found: dict[Price, Found], tariff: Tariff, *, steps: bool) -> Parts:
    billed = {price: one.quantity for price, one in found.items()}
    if steps:
        for unit in ([Dimension.ENERGY], _rounded_time(pieces)):
            charged = [(kind, number, one) for kind, number, one in pieces if kind in unit and one.quantity]
            if charged:
                kind, number, one = charged[-1]
                total = sum((each.quantity for _, _, each in charged), Fraction(0))
                step = one.component.step_size
                if step and total % step:
                    billed[kind, number, one.component.price] += step - total % step
    charged = [(price, one) for price, one in found.items() if price[0] is not Dimension.ENERGY_EXPORT]
    return [(taxed_as(one.component, tariff), *amount(one, billed[price], tariff)) for price, one in charged]


def _rounded_time(pieces: list[tuple[Dimension, int, Found]]) -> list[Dimension]:
    is_parked = any(kind is Dimension.PARKING_TIME and one.quantity for kind, _, one in pieces)
    return [Dimension.PARKING_TIME] if is_parked else [Dimension.TIME]


def _limited(parts: Parts, tariff: Tariff) -> tuple[Fraction, Fraction]:
    """What is charged is scaled, tax by tax; credits stay."""
    sums: dict[object, list[Fraction]] = {}
    for taxes, one, other in parts:
        so_far = sums.setdefault(taxes, [Fraction(0), Fraction(0)])
        so_far[0], so_far[1] = so_far[0] + one, so_far[1] + other
    for least, limit in ((True, tariff.min_price), (False, tariff.max_price)):
        for after in (0, 1) if limit is not None else ():
            bound = (limit.before_taxes, limit.after_taxes)[after]
            lacks = None if bound is None else Fraction(bound) - sum((each[after] for each in sums.values()), Fraction(0))
            if lacks is None or not (lacks > 0 if least else lacks < 0):
                continue
            charged = [each for each in sums.values() if each[0] > 0]
            whole = sum((each[after] for each in charged), Fraction(0))
            for each in charged:
                each[0], each[1] = each[0] * (whole + lacks) / whole, each[1] * (whole + lacks) / whole
            if not charged:
                first = first_charged(tariff)
                net = lacks / raised(first, tariff) if after else lacks
                so_far = sums.setdefault(taxed_as(first, tariff), [Fraction(0), Fraction(0)])
                so_far[0], so_far[1] = so_far[0] + net, so_far[1] + net * raised(first, tariff)
    return sum((each[0] for each in sums.values()), Fraction(0)), sum((each[1] for each in sums.values()), Fraction(0))


def first_charged(tariff: Tariff) -> PriceComponent:
    prices = [price for element in tariff.elements for price in element.components]
    return next((price for price in prices if price.dimension is not Dimension.ENERGY_EXPORT), prices[0])


def _frozen_and_replaced(pieces: list[tuple[Dimension, int, Found]], tariff: Tariff) -> tuple[Fraction, Fraction]:
    """Of a maximum the instant at which it is reached; of a minimum the whole."""
    net = gross = Fraction(0)
    paid: set[tuple[Dimension, int]] = set()
    most = tariff.max_price or PriceLimit()
    for moment in _by_instant([piece for piece in pieces if piece[0] is not Dimension.ENERGY_EXPORT]):
        more_net = more_gross = Fraction(0)
        for kind, element, one in moment:
            if kind in FEES:
                if (kind, element) in paid:
                    continue
                paid.add((kind, element))
            one_net, one_gross = amount(one, one.quantity, tariff)
            more_net, more_gross = more_net + one_net, more_gross + one_gross
        shares = [Fraction(1)]
        if most.before_taxes is not None and net + more_net > most.before_taxes:
            shares.append((Fraction(most.before_taxes) - net) / more_net)
        if most.after_taxes is not None and gross + more_gross > most.after_taxes:
            shares.append((Fraction(most.after_taxes) - gross) / more_gross)
        net, gross = net + more_net * min(shares), gross + more_gross * min(shares)
        if min(shares) < 1:
            break
    least = tariff.min_price
    if least is None:
        return net, gross
    is_missed = (least.before_taxes is not None and net < least.before_taxes) or (
        least.after_taxes is not None and gross < least.after_taxes
    )
    if not is_missed:
        return net, gross
    if least.before_taxes is not None and least.after_taxes is not None:
        return Fraction(least.before_taxes), Fraction(least.after_taxes)
    raise NotImplementedError("one bound alone takes the session's own tax, which several prices leave open")


def _by_instant(pieces: list[tuple[Dimension, int, Found]]) -> Iterator[list[tuple[Dimension, int, Found]]]:
    """What is charged at once: a fee, or what a slot measured."""
    batch: list[tuple[Dimension, int, Found]] = []
    for piece in pieces:
        if piece[0] in FEES or (piece[0] is Dimension.ENERGY and batch):
            yield batch
            batch = []
        if piece[0] in FEES:
            yield [piece]
        else:
            batch.append(piece)
    yield batch


# The register


def fed_back(session: ChargingSession) -> ChargingSession | None:
    """The same session, as its other register tells it."""
    return None if session.exported is UNSET else structs.replace(session, readings=session.exported)


def naive_ends(session: ChargingSession) -> tuple[Fraction, Fraction]:
    registers = [Fraction(one.register_wh) for one in session.readings] or [Fraction(0)]
    return registers[0], registers[-1]


def naive_register(session: ChargingSession, second: int) -> Fraction:
    if not session.readings:
        return Fraction(0)
    begin, last = session.start, seconds_between(session.start, session.end)
    points = [(min(max(seconds_between(begin, one.at), 0), last), Fraction(one.register_wh)) for one in session.readings]
    past = [point for point in points if point[0] <= second]
    ahead = [point for point in points if point[0] > second]
    if second == 0 or not past:
        return points[0][1]
    if not ahead:
        return points[-1][1]
    (since, low), (until, high) = past[-1], ahead[0]
    if since == second:
        return low
    exact = low + (high - low) * (second - since) / (until - since)
    return min(max(Fraction(int(exact * 1000 + Fraction(1, 2)), 1000), low), high)


def naive_activity(session: ChargingSession, at: datetime) -> Activity:
    begun = [stretch.activity for stretch in session.stretches if whole_second(stretch.start) <= at]
    return begun[-1] if begun else Activity.WAITING
