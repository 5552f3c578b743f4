"""Sessions and what they cost, in a notation that a person of the trade can read and contradict.

    tariff  0.30 EUR/kWh 06:00-24:00   0.20 EUR/kWh 00:00-06:00   Europe/Berlin
    day     2026-01-14
    23:30   start   0.000 kWh
    00:00   meter   4.000 kWh
    00:30   end     9.000 kWh
    -----
    energy  4.000 kWh  0.30   1.20 EUR
    energy  5.000 kWh  0.20   1.00 EUR
    total                     2.20 EUR

A tariff is its elements and its zone, two or more spaces apart; further `tariff` lines go on. Of an element:

    0.30 EUR/kWh    2.00 EUR/h    5.00 EUR/h idle    0.50 EUR    a price, net; several are joined by ` + `
    1.00 EUR/min    0.909 EUR/min idle                           the same, authored per minute
    0.20 EUR/kWh back    3.50 EUR/set                            paid for what is fed back; for a set of swapped batteries
    VAT 19%    step 900                                          of the price before it; without, there is none
    0.12 EUR/kWh on spot x 1.05 least 0.00 most 0.50             1.05 times the series `spot`, and 0.12, within bounds
    taxes federal 6% state 4%    taxes energy 5% > vat 21%       several taxes; after > on what those before come to
    22:00-06:00    22:00-    -06:00    Mon-Fri    Sat,Sun        restrictions of the element, all of which must hold
    2026-12-24..2026-12-27    <10kWh    >=10kWh    <30min    >=90s    <16kW    >=32A
    charging>=30min    idle>=300s    reserved    expired    AC    DC    card:VISA    by:CC

Of the whole tariff, as elements of their own: a profile (`ocpp-2.1`), `gross`, `untaxed`, `min 0.50/0.55` and `max 10.00/-`
(before and after taxes), `independent` (a limit after taxes leaves the net amount as it is).

`prices spot 23:30 0.0853 -0.02 none 0.10` are values of the series, each of a quarter of an hour, from that time on.

Times are the site's; one that is earlier than the last is of the next day; `02:30+01:00` tells the two of autumn apart.
`start`, `meter`, `idle`, `charging`, `waiting` and `end` may each carry a reading; charging goes on until another word.
`feed 2.500 kWh` is a reading of the register that counts what is fed back. `swap 2`, without a time: two sets of batteries.
`power 16 kW` and `current 48 A` hold until the next one. `reserve` is when the EVSE was kept free from; `expired` when that
ended without a session. `evse DC`, `card VISA` and `by CC` have no time.
Of what is expected, ` -> ` stands before what step sizes made of a quantity; amounts of lines are net and exact (to four
decimals). `vat` lines, `exact` totals before and after taxes, and reasons (after ` | `) are compared where the text has them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from textwrap import dedent
from typing import Any

from msgspec import UNSET, structs

from tariffs.breakdown import breakdown
from tariffs.policy import HOUSE, LimitTax, Policy
from vocabulary.charging import Protocol
from vocabulary.circumstances import NOTHING_KNOWN, Circumstances, Reserved, Sample, Swapped
from vocabulary.identity import SeriesId, SessionId, StationId, TariffId, TransactionId
from vocabulary.money import Currency, plain, round_half_up
from vocabulary.price_series import SeriesPrices
from vocabulary.quantities import WattHours, kwh
from vocabulary.rated import Rated, RatedLine, exact_net
from vocabulary.sessions import Activity, ChargingSession, EnergySource, Reading, Stretch
from vocabulary.tariff import (
    Basis,
    Dimension,
    EvseKind,
    PriceComponent,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    SeriesPrice,
    Tariff,
    TariffElement,
    Tax,
    Weekday,
)
from vocabulary.zones import zone

DAY = "2026-01-14"  # a Wednesday in winter, unless the text says otherwise
UNITS = {Dimension.ENERGY: "/kWh", Dimension.TIME: "/h", Dimension.PARKING_TIME: "/h idle", Dimension.FLAT: ""}
NAMES = {Dimension.ENERGY: "energy", Dimension.TIME: "time", Dimension.PARKING_TIME: "idle", Dimension.FLAT: "start"}
UNITS |= {Dimension.ENERGY_EXPORT: "/kWh back", Dimension.SWAP: "/set"}
NAMES |= {Dimension.MIN_PRICE: "minimum", Dimension.MAX_PRICE: "maximum"}
NAMES |= {Dimension.ENERGY_EXPORT: "back", Dimension.SWAP: "swap"}
DAYS = {day.title()[:3]: day for day in Weekday}
WHOLE = re.compile(r"ocp[ip]-[\d.]+|gross|untaxed|independent|(min|max) [\d.-]+/[\d.-]+")
ZONE = re.compile(r"UTC|[A-Z][a-z]+/\w+")
PRICE = re.compile(
    r"(?P<price>[\d.]+) (?P<currency>[A-Z]{3})(?P<unit>/kWh back|/kWh|/h idle|/h|/min idle|/min|/set)?"
    r"(?: VAT (?P<vat>[\d.]+)%)?"
    r"(?: taxes (?P<taxes>(?:\w+ [\d.]+%|>| )+))?(?: step (?P<step>\d+))?"
    r"(?: on (?P<series>[\w-]+)(?: x (?P<factor>[\d.]+))?(?: least (?P<least>[-\d.]+))?(?: most (?P<most>[-\d.]+))?)?"
)


@dataclass(frozen=True)
class Case:
    session: ChargingSession
    tariff: Tariff
    time_zone: str
    expected: tuple[str, ...]
    policy: Policy = HOUSE
    known: Circumstances = NOTHING_KNOWN


def check(text: str) -> None:
    """Rate the session of a text and compare with what it expects."""
    case = parse(text)
    told = breakdown(case.session, case.tariff, case.time_zone, case.policy, case.known)
    has_vat, has_reasons = any(line.strip().startswith("vat") for line in case.expected), " | " in text
    actual = tuple(write_rated(told.rated, has_vat=has_vat, has_reasons=has_reasons))
    if any(line.strip().startswith("exact") for line in case.expected):
        actual += (f"exact   {told.before_taxes} / {told.after_taxes}",)
    assert _squeezed(actual) == _squeezed(case.expected), "\n".join(("", "expected", *case.expected, "got", *actual))


def _squeezed(lines: tuple[str, ...]) -> list[str]:
    return [" ".join(line.split()) for line in lines]


# Reading


def parse(text: str) -> Case:
    story, _, expected = dedent(text).strip().partition("-----")
    lines = [line.strip() for line in story.splitlines() if line.strip()]
    chunks = [chunk for line in lines if line.startswith("tariff") for chunk in re.split(r"\s{2,}", line)[1:]]
    time_zone = next((chunk for chunk in chunks if ZONE.fullmatch(chunk)), "UTC")
    words = [chunk for chunk in chunks if WHOLE.fullmatch(chunk)]
    tariff = read_tariff([chunk for chunk in chunks if not ZONE.fullmatch(chunk) and chunk not in words], words)
    told = [line.split() for line in lines if not line.startswith("tariff")]
    session, known = read_story([each for each in told if each[0] != "prices"], time_zone)
    prices = tuple(read_prices(each, time_zone) for each in told if each[0] == "prices")
    known = structs.replace(known, prices=prices) if prices else known
    policy = Policy(limit_tax=LimitTax.INDEPENDENT) if "independent" in words else HOUSE
    return Case(session, tariff, time_zone, tuple(expected.strip().splitlines()), policy, known)


def read_tariff(elements: list[str], words: Sequence[str] = ()) -> Tariff:
    currencies = {match["currency"] for element in elements for match in PRICE.finditer(element)}
    assert len(currencies) == 1, f"one currency, not {currencies}"
    limits = {f"{word.split()[0]}_price": read_limit(word.split()[1]) for word in words if "/" in word}
    return Tariff(
        id=TariffId("t"),
        currency=Currency(currencies.pop()),
        elements=tuple(map(read_element, elements)),
        profile=next((profile for profile in Profile if profile in words), Profile.OCPI_2_2_1),
        basis=next((basis for basis in Basis if basis in words), Basis.NET),
        **limits,
    )


def read_limit(word: str) -> PriceLimit:
    before, after = (None if part == "-" else Decimal(part) for part in word.split("/"))
    return PriceLimit(before_taxes=before, after_taxes=after)


def read_element(text: str) -> TariffElement:
    limits: dict[str, Any] = {}
    for word in PRICE.sub("", text).replace(" + ", " ").split():
        limits |= read_restriction(word)
    return TariffElement(components=tuple(map(_component, PRICE.finditer(text))), restrictions=Restrictions(**limits))


def _component(match: re.Match[str]) -> PriceComponent:
    unit = (match["unit"] or "").replace("/min", "/h")
    return PriceComponent(
        dimension=next(dimension for dimension, each in UNITS.items() if each == unit),
        price=Decimal(match["price"]),
        vat_percent=Decimal(match["vat"]) if match["vat"] else None,
        step_size=int(match["step"] or 0),
        taxes=tuple(_taxes(match["taxes"] or "")),
        per_minute="/min" in (match["unit"] or ""),
        series=_series(match) if match["series"] else None,
    )


def _series(match: re.Match[str]) -> SeriesPrice:
    bounds = {name: Decimal(match[name]) for name in ("factor", "least", "most") if match[name]}
    return SeriesPrice(id=SeriesId(match["series"]), **bounds)


def read_prices(words: list[str], time_zone: str) -> SeriesPrices:
    """`prices spot 2026-01-14T23:30 0.10 none 0.20`; without a date, of DAY."""
    _, series, since, *values = words
    local = datetime.fromisoformat(since if "T" in since else f"{DAY}T{since}")
    start = (local if local.tzinfo else local.replace(tzinfo=zone(time_zone))).astimezone(UTC)
    told = tuple(None if value == "none" else Decimal(value) for value in values)
    return SeriesPrices(series=SeriesId(series), start=start, resolution_s=900, values=told)


def _taxes(text: str) -> Iterator[Tax]:
    for stack, level in enumerate(text.split(">")):
        for name, percent in re.findall(r"(\w+) ([\d.]+)%", level):
            yield Tax(name=name, percent=Decimal(percent), stack=stack)


BOUNDS = {"kWh": ("energy_wh", 1000), "kW": ("power_w", 1000), "A": ("current_a", 1)}
BOUNDS |= {"min": ("duration_s", 60), "s": ("duration_s", 1)}
FIXED = {
    "reserved": {"reservation": Reservation.RESERVATION},
    "expired": {"reservation": Reservation.RESERVATION_EXPIRES},
    "AC": {"evse_kind": EvseKind.AC},
    "DC": {"evse_kind": EvseKind.DC},
}


def read_restriction(word: str) -> dict[str, Any]:
    if found := re.fullmatch(r"(\d\d:\d\d)?-(\d\d:\d\d)?", word):
        start, end = (time.fromisoformat(part.replace("24:00", "00:00")) if part else None for part in found.groups())
        return {"start_time": start, "end_time": end}
    if found := re.fullmatch(r"([\d-]{10})?\.\.([\d-]{10})?", word):
        since, until = (date.fromisoformat(part) if part else None for part in found.groups())
        return {"start_date": since, "end_date": until}
    if word in FIXED:
        return dict(FIXED[word])
    if found := re.fullmatch(r"(card|by):(\w+)", word):
        return {"payment_brand" if found[1] == "card" else "payment_recognition": found[2]}
    if found := re.fullmatch(r"(charging|idle)?(<|>=)([\d.]+)(kWh|kW|A|min|s)", word):
        name, factor = BOUNDS[found[4]]
        name = f"{found[1]}_s" if found[1] else name
        amount = Decimal(found[3]) * factor
        return {f"{'max' if found[2] == '<' else 'min'}_{name}": int(amount) if name.endswith("_s") else amount}
    return {"weekdays": tuple(day for part in word.split(",") for day in _days(part))}


def _days(part: str) -> Iterator[Weekday]:
    since, _, until = part.partition("-")
    week = list(DAYS)
    yield from (DAYS[name] for name in week[week.index(since) : week.index(until or since) + 1])


def read_session(lines: list[list[str]], time_zone: str) -> ChargingSession:
    return read_story(lines, time_zone)[0]


def read_story(lines: list[list[str]], time_zone: str) -> tuple[ChargingSession, Circumstances]:
    day, at = date.fromisoformat(DAY), None
    events: list[tuple[datetime, str]] = []
    readings: list[Reading] = []
    exported: list[Reading] = []
    samples: dict[str, list[Sample]] = {"power": [], "current": []}
    beside: dict[str, str] = {}
    reserved: datetime | None = None
    for when, word, *rest in lines:
        if when == "day":
            day = date.fromisoformat(word)
            continue
        if when in ("evse", "card", "by", "swap"):
            beside[when] = word
            continue
        day, at = _instant(day, when, time_zone, at)
        if word == "reserve":
            reserved = at
        elif word == "expired":
            events = [(at, "start"), (at, "end")]
            beside["reservation"] = word
        elif word == "feed":
            exported.append(Reading(at=at, register_wh=WattHours(Decimal(rest[0]) * 1000)))
        elif word in samples:
            samples[word].append(Sample(at=at, value=Decimal(rest[0]) * (1000 if rest[1:] == ["kW"] else 1)))
        else:
            events.append((at, word))
            readings += [Reading(at=at, register_wh=WattHours(Decimal(rest[0]) * 1000))] if rest else []
    assert [word for _, word in events if word in ("start", "end")] == ["start", "end"], "a session has a start and an end"
    known = Circumstances(
        power_w=tuple(samples["power"]),
        current_a=tuple(samples["current"]),
        evse_kind=EvseKind(beside["evse"]) if "evse" in beside else None,
        payment_brand=beside.get("card"),
        payment_recognition=beside.get("by"),
        reserved=reserved and Reserved(start=reserved, end=events[0][0], expired="reservation" in beside),
        swap=Swapped(sets=int(beside["swap"])) if "swap" in beside else None,
    )
    return session_of(events, tuple(readings), tuple(exported)), known


def _instant(day: date, when: str, time_zone: str, last: datetime | None) -> tuple[date, datetime]:
    clock = time.fromisoformat(when)
    for local in (day, day + timedelta(days=1)):
        at = datetime.combine(local, clock, clock.tzinfo or zone(time_zone)).astimezone(UTC)
        if last is None or at >= last:
            return local, at
    raise AssertionError(f"{when} is before {last}")


def session_of(
    events: list[tuple[datetime, str]], readings: tuple[Reading, ...], exported: tuple[Reading, ...] = ()
) -> ChargingSession:
    turns = [(at, "charging" if word == "start" else word) for at, word in events if word not in ("meter", "end")]
    end = events[-1][0]
    bounds = [at for at, _ in turns[1:]] + [end]
    return ChargingSession(
        id=SessionId("s"),
        station=StationId("station"),
        protocol=Protocol.OCPP201,
        transaction=TransactionId("1"),
        evse=1,
        token=None,
        start=events[0][0],
        end=end,
        energy_wh=WattHours(readings[-1].register_wh - readings[0].register_wh if readings else Decimal(0)),
        energy_source=EnergySource.TRANSACTION_SAMPLES,
        readings=readings,
        stretches=tuple(
            Stretch(start=at, end=until, activity=Activity(word))
            for (at, word), until in zip(turns, bounds, strict=True)
            if at < until
        ),
        exported=exported or UNSET,
    )


# Writing


def write_rated(rated: Rated, *, has_vat: bool = True, has_reasons: bool = True) -> Iterator[str]:
    for line in rated.lines:
        amount = f"{_amount(exact_net(line))} {rated.currency}"
        reason = f"  | {line.reason}" if has_reasons else ""
        name = f"reserve {NAMES[line.dimension]}" if line.reserved else NAMES[line.dimension]
        yield f"{name:<7} {_quantities(line):<24} {'' if line.limit else plain(line.unit_price):>7} {amount:>12}{reason}"
    for owed in rated.owed if has_vat else ():
        rate = "none" if owed.vat_percent is None else f"{plain(owed.vat_percent)}%"
        rate = " ".join(f"{one.tax.name} {plain(one.amount)}" for one in owed.taxes) or rate
        yield f"vat     {rate:<8} {plain(owed.net)} + {plain(owed.vat)} = {plain(owed.gross)} {rated.currency}"
    yield f"total   {plain(rated.total):>39} {rated.currency}"


def _quantities(line: RatedLine) -> str:
    if line.dimension is Dimension.FLAT or line.limit is not None:
        return ""
    measured, billed = _quantity(line.dimension, line.quantity), _quantity(line.dimension, line.billed)
    return measured if measured == billed else f"{measured} -> {billed}"


def _quantity(dimension: Dimension, quantity: Decimal) -> str:
    if dimension is Dimension.SWAP:
        return plain(quantity)
    if dimension in (Dimension.ENERGY, Dimension.ENERGY_EXPORT):
        return f"{plain(kwh(WattHours(quantity)) + Decimal('0.000'))} kWh"  # at least three decimals
    return f"{quantity} s" if quantity % 60 else f"{int(quantity) // 60} min"


def _amount(exact: Fraction) -> str:
    places = 2 if round_half_up(exact, 2) == exact else 4
    return plain(round_half_up(exact, places))


def write(session: ChargingSession, tariff: Tariff, time_zone: str) -> str:
    """A session and its tariff as `parse` reads them (its instants are whole seconds)."""
    elements = [f"tariff  {write_element(element, tariff.currency)}" for element in tariff.elements]
    return "\n".join([*elements, f"tariff  {time_zone}", *_write_session(session, time_zone)])


def write_element(element: TariffElement, currency: Currency) -> str:
    prices = " + ".join(_write_component(component, currency) for component in element.components)
    return " ".join([prices, *_write_restrictions(element.restrictions)])


def _write_component(component: PriceComponent, currency: Currency) -> str:
    vat = "" if component.vat_percent is None else f" VAT {plain(component.vat_percent)}%"
    return f"{plain(component.price)} {currency}{UNITS[component.dimension]}{vat} step {component.step_size}"


def _write_restrictions(limit: Restrictions) -> Iterator[str]:
    if limit.start_time or limit.end_time:
        yield "-".join(f"{at:%H:%M}" if at else "" for at in (limit.start_time, limit.end_time))
    if limit.start_date or limit.end_date:
        yield "..".join(day.isoformat() if day else "" for day in (limit.start_date, limit.end_date))
    if limit.weekdays:
        yield ",".join(day.title()[:3] for day in limit.weekdays)
    for sign, energy in ((">=", limit.min_energy_wh), ("<", limit.max_energy_wh)):
        if energy is not None:
            yield f"{sign}{plain(energy / 1000)}kWh"
    for sign, seconds in ((">=", limit.min_duration_s), ("<", limit.max_duration_s)):
        if seconds is not None:
            yield f"{sign}{seconds}s"


def _write_session(session: ChargingSession, time_zone: str) -> Iterator[str]:
    turns = [(stretch.start, 1, stretch.activity.value) for stretch in session.stretches]
    meters = [(reading.at, 2, f"meter {plain(reading.register_wh / 1000)} kWh") for reading in session.readings]
    exported = () if session.exported is UNSET else session.exported
    meters += [(reading.at, 2, f"feed {plain(reading.register_wh / 1000)} kWh") for reading in exported]
    events = [(session.start, 0, "start"), *turns, *meters, (session.end, 3, "end")]
    for at, _, text in sorted(events, key=lambda event: event[:2]):
        local = at.astimezone(zone(time_zone))
        yield f"day     {local.date()}"
        yield f"{local.timetz().replace(tzinfo=None) if _is_plain(local) else _with_offset(local)}   {text}"


def _is_plain(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset()


def _with_offset(local: datetime) -> str:
    return local.isoformat(timespec="seconds")[11:]
