"""When a price applies, in a person's words: English and German.

Numbers are written by a function that is passed in, since how a language writes them is the business of the reader's locale,
not of a tariff. Conditions come out as fragments in a fixed order: "22:00-06:00", "Monday to Friday", "up to 10 kWh".
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import assert_never

from tariffs.languages import ENGLISH, GERMAN, Words, words_for
from tariffs.restrictions import MIDNIGHT
from tariffs.rounding import Price, tidy
from vocabulary.money import Currency, minor_exponent, round_half_up
from vocabulary.quantities import WattHours, kwh
from vocabulary.tariff import Dimension, PriceLimit, Reservation, Restrictions, Tariff, Weekday

__all__ = ["ENGLISH", "GERMAN", "Words", "words_for"]  # the languages themselves are in `tariffs.languages`

Number = Callable[[Decimal], str]

PLACES = 4  # to which prices are shown
_WEEK = tuple(Weekday)
_UNRESTRICTED = Restrictions()
_LIMITS = (Dimension.MIN_PRICE, Dimension.MAX_PRICE)


def reason(tariff: Tariff, price: Price, words: Words, number: Number, time_zone: str = "") -> str:
    """Which element gave a price and by which restrictions: "element 2: 22:00-06:00 Europe/Berlin".

    A limit has no element (0), and is told as the tariff says it: "10.00 EUR before taxes".
    """
    dimension, element = price
    if dimension in _LIMITS:
        return limit_reason(tariff, dimension, words, number)
    return f"{words.element.format(element)}: {when(tariff, price, words, number, time_zone) or words.always}"


def when(tariff: Tariff, price: Price, words: Words, number: Number, time_zone: str = "") -> str:
    """By which restrictions a price applied: "22:00-06:00 Europe/Berlin"; empty where it always applies."""
    dimension, element = price
    if dimension in _LIMITS:
        return ""
    found = conditions(tariff.elements[element - 1].restrictions, words, number, time_zone)
    earlier = [
        other.restrictions
        for other in tariff.elements[: element - 1]
        if other.restrictions.reservation is None and any(part.dimension is dimension for part in other.components)
    ]
    return ", ".join(found) or otherwise(earlier, words)


def otherwise(earlier: Sequence[Restrictions], words: Words) -> str:
    """What remains after the earlier prices of a kind; empty where there is none."""
    if any(limit.evse_kind or limit.payment_brand or limit.payment_recognition for limit in earlier):
        return words.in_other_cases
    return words.at_other_times if earlier else ""


def limit_reason(tariff: Tariff, dimension: Dimension, words: Words, number: Number) -> str:
    """With both bounds where it has both; empty where the tariff has no such limit."""
    limit = tariff.min_price if dimension is Dimension.MIN_PRICE else tariff.max_price
    return "" if limit is None else limit_words(limit, tariff.currency, words, number)


def limit_words(limit: PriceLimit, currency: Currency, words: Words, number: Number) -> str:
    bounds = ((words.limit_before_taxes, limit.before_taxes), (words.limit_after_taxes, limit.after_taxes))
    return ", ".join(
        template.format(f"{number(authored(bound, currency))} {currency}") for template, bound in bounds if bound is not None
    )


def unit_of(dimension: Dimension, *, per_minute: bool = False) -> str:
    """What a price of it is per: "/kWh", "/h"; nothing for what is charged once."""
    match dimension:
        case Dimension.ENERGY | Dimension.ENERGY_EXPORT:
            return "/kWh"
        case Dimension.TIME | Dimension.PARKING_TIME:
            return "/min" if per_minute else "/h"
        case Dimension.FLAT | Dimension.SWAP | Dimension.MIN_PRICE | Dimension.MAX_PRICE:
            return ""
    assert_never(dimension)


def shown(amount: Fraction, currency: Currency) -> Decimal:
    """To four decimals, half up, without trailing zeros beyond those of the currency."""
    rounded, places_min = round_half_up(amount, PLACES), minor_exponent(currency)
    places = next(places for places in range(places_min, PLACES + 1) if round_half_up(rounded, places) == rounded)
    return round_half_up(rounded, places)


def authored(price: Decimal, currency: Currency) -> Decimal:
    """All digits of a price, and at least those of its currency: 0.4 EUR is 0.40, 0.123456 stays."""
    exponent = tidy(price).as_tuple().exponent
    places = max(minor_exponent(currency), -exponent if isinstance(exponent, int) else 0)
    return tidy(price).quantize(Decimal(1).scaleb(-places))


def conditions(limit: Restrictions, words: Words, number: Number, time_zone: str = "") -> list[str]:
    """The restrictions of an element, all of which must hold; none: it always applies."""
    if limit == _UNRESTRICTED:
        return []
    parts = (
        _reservation(limit, words),
        _clock(limit, words, time_zone),
        _weekdays(limit, words),
        *_dates(limit, words),
        *_energies(limit, words, number),
        *_durations(limit, words, number),
        *_momentary(limit, words, number),
        *_circumstances(limit, words),
    )
    return [part for part in parts if part]


def _reservation(limit: Restrictions, words: Words) -> str:
    match limit.reservation:
        case None:
            return ""
        case Reservation.RESERVATION:
            return words.while_reserved
        case Reservation.RESERVATION_EXPIRES:
            return words.while_expired


def _clock(limit: Restrictions, words: Words, time_zone: str) -> str:
    """As a window that ends at 24:00 at the latest; equal ends are the whole day."""
    if limit.start_time is None and limit.end_time is None:
        return ""
    start, end = limit.start_time or MIDNIGHT, limit.end_time or MIDNIGHT
    if start == end:
        start = end = MIDNIGHT
    window = f"{start:%H:%M}-{'24:00' if end == MIDNIGHT else format(end, '%H:%M')}"
    return f"{words.clock.format(window)} {time_zone}".rstrip()


def _weekdays(limit: Restrictions, words: Words) -> str:
    """In the order of the week; three and more in a row as "Monday to Friday"."""
    days = sorted(_WEEK.index(day) for day in {*limit.weekdays})
    starts = [0, *(i for i, (one, next_) in enumerate(pairwise(days), start=1) if next_ != one + 1), len(days)]
    names = [name for since, until in pairwise(starts) for name in _run([words.days[day] for day in days[since:until]], words)]
    return words.and_.join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _run(names: list[str], words: Words) -> list[str]:
    return [words.to.format(names[0], names[-1])] if len(names) > 2 else names


def _dates(limit: Restrictions, words: Words) -> Iterator[str]:
    for template, day in ((words.from_date, limit.start_date), (words.before_date, limit.end_date)):
        if isinstance(day, date):
            yield template.format(format(day, words.date))


def _energies(limit: Restrictions, words: Words, number: Number) -> Iterator[str]:
    for template, energy in ((words.from_energy, limit.min_energy_wh), (words.until_energy, limit.max_energy_wh)):
        if energy is not None:
            yield template.format(number(in_kwh(energy)))


def _durations(limit: Restrictions, words: Words, number: Number) -> Iterator[str]:
    """Of the session, of charging in it, of idle time in it."""
    for template, seconds in (
        (words.from_duration, limit.min_duration_s),
        (words.until_duration, limit.max_duration_s),
        (words.from_charging, limit.min_charging_s),
        (words.until_charging, limit.max_charging_s),
        (words.from_idle, limit.min_idle_s),
        (words.until_idle, limit.max_idle_s),
    ):
        if seconds is not None:
            yield template.format(duration(seconds, number))


def _momentary(limit: Restrictions, words: Words, number: Number) -> Iterator[str]:
    """Power in kW, current in A as the sum of the phases."""
    for template, power in ((words.from_power, limit.min_power_w), (words.until_power, limit.max_power_w)):
        if power is not None:
            yield template.format(number(in_kwh(power)))
    for template, current in ((words.from_current, limit.min_current_a), (words.until_current, limit.max_current_a)):
        if current is not None:
            yield template.format(number(tidy(current)))


def _circumstances(limit: Restrictions, words: Words) -> Iterator[str]:
    if limit.evse_kind is not None:
        yield words.at_kind.format(limit.evse_kind.value)
    if limit.payment_brand is not None:
        yield words.with_brand.format(limit.payment_brand)
    if limit.payment_recognition is not None:
        cards = {"CC": words.credit_card, "Debit": words.debit_card}  # the names of OCPP 2.1 that are no words
        yield words.paid_by.format(cards.get(limit.payment_recognition, limit.payment_recognition))


def in_kwh(energy_wh: Decimal) -> Decimal:
    """Thousands: Wh in kWh, and W in kW."""
    return tidy(kwh(WattHours(energy_wh)))


def duration(seconds: int, number: Number) -> str:
    """In minutes where they are whole, else in seconds."""
    minutes, rest = divmod(seconds, 60)
    return f"{number(Decimal(seconds))} s" if rest else f"{number(Decimal(minutes))} min"
