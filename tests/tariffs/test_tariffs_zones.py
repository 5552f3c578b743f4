"""Every zone of the tz database over each change of its clock: time counted minute by minute, as the wall clock shows it.

The change may be of any size and in any direction: Lord Howe moves by half an hour, Casablanca for Ramadan, Troll by two hours.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files

import pytest

from tariffs.rate import rate
from tests.notation import session_of
from vocabulary.identity import TariffId
from vocabulary.money import Currency
from vocabulary.tariff import Dimension, PriceComponent, Restrictions, Tariff, TariffElement
from vocabulary.zones import zone

YEAR = 2026
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
AROUND = timedelta(hours=4)
WINDOW = time(1, 30), time(2, 30)
ZONES = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()


def test_the_database_has_its_zones_and_about_half_of_them_change_their_clocks():
    assert len(ZONES) > 500
    changing = [name for name in ZONES if changes(name)]
    assert 150 < len(changing) < len(ZONES)
    assert {len(changes(name)) for name in changing} >= {2}
    assert "Africa/Casablanca" in changing


@pytest.mark.parametrize("name", ZONES)
def test_time_in_a_window_is_what_the_wall_clock_shows_minute_by_minute(name):
    instants = changes(name) or [datetime(YEAR, 3, 29, 1, tzinfo=UTC)]
    for change in instants:
        start, end = change - AROUND, change + AROUND
        session = session_of([(start, "start"), (end, "end")], ())
        lines = rate(session, tariff(), name).lines
        billed = {line.element: int(line.quantity) for line in lines}
        inside = sum(60 for at in minutes(start, end) if WINDOW[0] <= at.astimezone(zone(name)).time() < WINDOW[1])
        whole = int((end - start).total_seconds())
        assert billed == {key: seconds for key, seconds in ((1, inside), (2, whole - inside)) if seconds}


def tariff() -> Tariff:
    dear, cheap = (PriceComponent(dimension=Dimension.TIME, price=Decimal(price)) for price in ("6.00", "1.00"))
    window = Restrictions(start_time=WINDOW[0], end_time=WINDOW[1])
    elements = (TariffElement(components=(dear,), restrictions=window), TariffElement(components=(cheap,)))
    return Tariff(id=TariffId("t"), currency=Currency("EUR"), elements=elements)


@cache
def changes(name: str) -> list[datetime]:
    """The instants of the year at which the zone's offset changes, to the minute."""
    found, at = [], datetime(YEAR, 1, 1, tzinfo=UTC)
    while at.year == YEAR:
        if offset(name, at) != offset(name, at + HOUR):
            found.append(next(minute for minute in minutes(at, at + HOUR + MINUTE) if offset(name, minute) != offset(name, at)))
        at += HOUR
    return found


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += MINUTE


def offset(name: str, at: datetime) -> timedelta | None:
    return at.astimezone(zone(name)).utcoffset()
