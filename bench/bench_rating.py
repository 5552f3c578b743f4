"""How fast sessions are priced, beside what merely decoding the same sessions costs, and beside explaining them in full.

    simple    start fee, energy and charging time, always; 5 readings, 4 of them periods, one of them idle
    heavy     six elements by time of day, weekday, energy and duration, with steps and VAT; 11 readings, 10 periods

Sessions of a month in Berlin, each another one, as they stand in the log (JSON) and decoded. The tariff is compiled once.
Figures are sessions per second of processor time of one core; the best of many short rounds by turns, so that what else the
machine does strikes all alike, and little. Demanded: 20 000 and 8 000 decoded ones, 12 000 and 3 350 from JSON (what the best
native engine for OCPI does on such machines).
"""

import random
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import msgspec

from bench.rates import each_of, rate_of
from tariffs.breakdown import breakdown
from tariffs.rate import rate
from vocabulary.charging import Protocol
from vocabulary.codec import encode
from vocabulary.identity import SessionId, StationId, TariffId, TransactionId
from vocabulary.money import Currency
from vocabulary.quantities import WattHours
from vocabulary.sessions import Activity, ChargingSession, EnergySource, Reading, SessionClosed, Stretch
from vocabulary.tariff import Dimension, PriceComponent, Restrictions, Tariff, TariffElement, Weekday

DECODER = msgspec.json.Decoder(SessionClosed)
ROUNDS, ROUND_S, SESSIONS = 30, 0.05, 2_000
ZONE = "Europe/Berlin"
LEAST = {"simple": (20_000, 12_000), "heavy": (8_000, 3_350)}
MONTH = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
WORKDAYS = tuple(Weekday)[:5]


def main() -> None:
    holds = True
    for name, tariff, periods in (("simple", simple(), 4), ("heavy", heavy(), 10)):
        sessions = list(sessions_of(periods, SESSIONS))
        bodies = [encode(SessionClosed(session=session)) for session in sessions]
        works: list[Callable[[], object]] = [
            each_of(sessions, lambda session, tariff=tariff: rate(session, tariff, ZONE)),  # type: ignore[misc]
            each_of(bodies, lambda body, tariff=tariff: rate(DECODER.decode(body).session, tariff, ZONE)),  # type: ignore[misc]
            each_of(bodies, DECODER.decode),
            each_of(sessions, lambda session, tariff=tariff: breakdown(session, tariff, ZONE)),  # type: ignore[misc]
        ]
        rounds = [[rate_of(work, ROUND_S) for work in works] for _ in range(ROUNDS)]
        decoded, from_json, decoding, explained = (max(rates) for rates in zip(*rounds, strict=True))
        least, least_json = LEAST[name]
        holds = holds and decoded >= least and from_json >= least_json
        print(
            f"{name:7} {len(bodies[0]):5,} B  priced {decoded:7,.0f}/s  from JSON {from_json:7,.0f}/s"
            f"  decoding alone {decoding:8,.0f}/s  explained {explained:6,.0f}/s"
            f"  priced / demanded = {decoded / least:.2f}  from JSON / demanded = {from_json / least_json:.2f}"
        )
    if not holds:
        sys.exit("below a limit")


def simple() -> Tariff:
    element = TariffElement(
        components=(_price(Dimension.FLAT, "0.50"), _price(Dimension.ENERGY, "0.35"), _price(Dimension.TIME, "1.20", 60))
    )
    return Tariff(id=TariffId("simple"), currency=Currency("EUR"), elements=(element,))


def heavy() -> Tariff:
    """Each kind of condition that is usual, in the order in which people write them: the narrow ones first."""
    by_night = Restrictions(start_time=time(22), end_time=time(6), weekdays=WORKDAYS)
    by_day = Restrictions(min_energy_wh=Decimal(10_000), start_time=time(8), end_time=time(18))
    elements = (
        (Restrictions(start_time=time(7), end_time=time(20)), _price(Dimension.FLAT, "0.50")),
        (by_night, _price(Dimension.ENERGY, "0.29", 100), _price(Dimension.TIME, "1.20", 60)),
        (Restrictions(max_energy_wh=Decimal(10_000), weekdays=WORKDAYS), _price(Dimension.ENERGY, "0.39", 100)),
        (by_day, _price(Dimension.ENERGY, "0.49", 100)),
        (Restrictions(min_duration_s=3600, start_time=time(8), end_time=time(22)), _price(Dimension.PARKING_TIME, "6.00", 300)),
        (Restrictions(), _price(Dimension.ENERGY, "0.45", 100), _price(Dimension.TIME, "2.40", 60)),
    )
    made = tuple(TariffElement(components=tuple(prices), restrictions=limits) for limits, *prices in elements)
    return Tariff(id=TariffId("heavy"), currency=Currency("EUR"), elements=made)


def _price(dimension: Dimension, price: str, step_size: int = 1) -> PriceComponent:
    return PriceComponent(dimension=dimension, price=Decimal(price), vat_percent=Decimal(19), step_size=step_size)


def sessions_of(periods: int, count: int, seed: int = 1) -> Iterator[ChargingSession]:
    chance = random.Random(seed)
    for number in range(count):
        start = MONTH + timedelta(seconds=chance.randrange(28 * 86_400))
        register_wh, readings = Decimal("1000000.0"), []
        for place in range(periods + 1):
            readings.append(Reading(at=start + place * QUARTER, register_wh=WattHours(register_wh)))
            register_wh += Decimal(chance.randrange(5_000, 40_000)) / 10 if place < periods - 1 else 0
        end, idle = start + periods * QUARTER, start + (periods - 1) * QUARTER
        yield ChargingSession(
            id=SessionId(f"s{number}"),
            station=StationId(f"CP{number % 100}"),
            protocol=Protocol.OCPP201,
            transaction=TransactionId(str(number)),
            evse=1,
            token=None,
            start=start,
            end=end,
            energy_wh=WattHours(readings[-1].register_wh - readings[0].register_wh),
            energy_source=EnergySource.TRANSACTION_SAMPLES,
            readings=tuple(readings),
            stretches=(
                Stretch(start=start, end=idle, activity=Activity.CHARGING),
                Stretch(start=idle, end=end, activity=Activity.IDLE),
            ),
        )
