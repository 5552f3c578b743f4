"""Restrictions and prices in a person's words, English and German: one table of words for each language.

Numbers are written by a function that is passed in (`Number`), since writing them is the business of the reader's locale,
not of a tariff. Conditions come out as fragments in a fixed order: "22:00-06:00", "Monday to Friday", "up to 10 kWh".
"""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from tariffs.restrictions import MIDNIGHT
from tariffs.rounding import Price, tidy
from vocabulary.quantities import WattHours, kwh
from vocabulary.tariff import Restrictions, Tariff, Weekday

Number = Callable[[Decimal], str]

_WEEK = tuple(Weekday)
_UNRESTRICTED = Restrictions()


class Words(Struct, frozen=True, kw_only=True):
    """The words of a language; `{}` stands for what is filled in."""

    energy: str
    time: str
    parking_time: str
    flat: str
    min_price: str
    max_price: str
    free: str
    all_free: str
    otherwise: str
    step: str
    vat: str
    vat_in_part: str
    no_vat: str
    more: str
    element: str
    always: str
    at_other_times: str
    clock: str
    date: str
    from_date: str
    before_date: str
    from_energy: str
    until_energy: str
    from_duration: str
    until_duration: str
    days: tuple[str, ...]
    to: str
    and_: str


ENGLISH = Words(
    energy="Energy",
    time="Charging time",
    parking_time="Idle time",
    flat="Start fee",
    min_price="Minimum price",
    max_price="Maximum price",
    free="free",
    all_free="Free of charge.",
    otherwise="otherwise {}",
    step="in steps of {}",
    vat="Prices include VAT.",
    vat_in_part="Prices include VAT where it applies.",
    no_vat="No VAT applies.",
    more="More prices apply: see the full price list.",
    element="element {}",
    always="always",
    at_other_times="at all other times",
    clock="{}",
    date="%Y-%m-%d",
    from_date="from {}",
    before_date="before {}",
    from_energy="from {} kWh",
    until_energy="up to {} kWh",
    from_duration="after {} of the session",
    until_duration="in the first {} of the session",
    days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    to="{} to {}",
    and_=" and ",
)

GERMAN = Words(
    energy="Energie",
    time="Ladezeit",
    parking_time="Standzeit",
    flat="Startgebühr",
    min_price="Mindestpreis",
    max_price="Höchstpreis",
    free="kostenlos",
    all_free="Kostenlos.",
    otherwise="sonst {}",
    step="in Schritten von {}",
    vat="Alle Preise inkl. MwSt.",
    vat_in_part="Preise inkl. MwSt., soweit sie anfällt.",
    no_vat="Es fällt keine MwSt. an.",
    more="Es gelten weitere Preise: siehe vollständige Preisliste.",
    element="Element {}",
    always="immer",
    at_other_times="zu allen anderen Zeiten",
    clock="{} Uhr",
    date="%d.%m.%Y",
    from_date="ab {}",
    before_date="vor dem {}",
    from_energy="ab {} kWh",
    until_energy="bis {} kWh",
    from_duration="nach {} des Ladevorgangs",
    until_duration="in den ersten {} des Ladevorgangs",
    days=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    to="{} bis {}",
    and_=" und ",
)

_LANGUAGES = {"en": ENGLISH, "de": GERMAN}


def words_for(language: str) -> Words:
    """By language tag ("de", "de-AT"); English where we do not speak the language."""
    return _LANGUAGES.get(language[:2].lower(), ENGLISH)


def reason(tariff: Tariff, price: Price, words: Words, number: Number, time_zone: str = "") -> str:
    """Which element gave a price and by which restrictions: "element 2: 22:00-06:00 Europe/Berlin"."""
    _, element = price
    return f"{words.element.format(element)}: {when(tariff, price, words, number, time_zone) or words.always}"


def when(tariff: Tariff, price: Price, words: Words, number: Number, time_zone: str = "") -> str:
    """By which restrictions a price applied: "22:00-06:00 Europe/Berlin"; empty where it always applies."""
    _, element = price
    found = conditions(tariff.elements[element - 1].restrictions, words, number, time_zone)
    return ", ".join(found) or (words.at_other_times if _is_fallback(tariff, price) else "")


def _is_fallback(tariff: Tariff, price: Price) -> bool:
    dimension, element = price
    earlier = tariff.elements[: element - 1]
    return any(component.dimension is dimension for other in earlier for component in other.components)


def conditions(limit: Restrictions, words: Words, number: Number, time_zone: str = "") -> list[str]:
    """The restrictions of an element, all of which must hold; none: it always applies."""
    if limit == _UNRESTRICTED:
        return []
    parts = (_clock(limit, words, time_zone), _weekdays(limit, words), *_dates(limit, words))
    return [part for part in (*parts, *_energies(limit, words, number), *_durations(limit, words, number)) if part]


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
    for template, seconds in ((words.from_duration, limit.min_duration_s), (words.until_duration, limit.max_duration_s)):
        if seconds is not None:
            yield template.format(duration(seconds, number))


def in_kwh(energy_wh: Decimal) -> Decimal:
    return tidy(kwh(WattHours(energy_wh)))


def duration(seconds: int, number: Number) -> str:
    """In minutes where they are whole, else in seconds."""
    minutes, rest = divmod(seconds, 60)
    return f"{number(Decimal(seconds))} s" if rest else f"{number(Decimal(minutes))} min"
