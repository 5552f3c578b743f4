"""Running costs as time passes: every connected station is asked about once in each interval, few at a time, all along it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import pytest

from vocabulary.charging import Protocol
from vocabulary.identity import StationId
from wattbook.database import DatabaseError
from wattbook.desk import Desk, Sent
from wattbook.serving import Counter, tell_costs
from wattbook.wiring import App

EVERY_S, STATIONS = 0.4, 100


class Costs:
    """A desk, and a server with many stations, of which the loop under test knows no more than this."""

    def __init__(self) -> None:
        self.settings = self
        self.cost_update_interval_s = EVERY_S
        self.stations = frozenset(StationId(f"ST-{number:03}") for number in range(STATIONS))
        self.asked: list[tuple[float, Sequence[StationId]]] = []
        self.sent: list[StationId] = []
        self.twice = asyncio.Event()
        self.locked = 0

    def final_costs(self, now: datetime) -> list[Sent]:
        return []

    def running_costs(self, now: datetime, stations: Sequence[StationId]) -> list[Sent]:
        if self.locked:
            self.locked -= 1
            raise DatabaseError("the database is locked")
        self.asked.append((now.timestamp(), stations))
        return [Sent(station, Protocol.OCPP201, "{}") for station in stations]

    async def send(self, station: StationId, frame: str) -> bool:
        self.sent.append(station)
        if len(self.sent) == 2 * STATIONS:
            self.twice.set()
        return True


def test_each_station_has_its_turn_once_in_an_interval_and_the_turns_are_spread_over_it() -> None:
    costs = asyncio.run(_two_rounds())
    order = [station for _, some in costs.asked for station in some]
    assert order[: 2 * STATIONS] == [*sorted(costs.stations)] * 2
    assert sorted(costs.sent[:STATIONS]) == sorted(costs.stations)
    began = costs.asked[0][0]
    halfway = next(at for at, some in costs.asked if StationId(f"ST-{STATIONS // 2:03}") in some)
    assert halfway - began >= EVERY_S / 10  # not at once with the first


def test_while_the_database_cannot_be_used_costs_wait_and_then_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    costs = asyncio.run(_two_rounds(locked=2))
    assert len(costs.sent) >= 2 * STATIONS
    assert capsys.readouterr().err.count('"event":"costs_wait","error":"the database is locked"') == 2


async def _two_rounds(locked: int = 0) -> Costs:
    costs = Costs()
    costs.locked = locked
    counter = Counter(lambda messages: [])
    telling = asyncio.create_task(tell_costs(cast("App", costs), cast("Desk", costs), counter, cast("Any", costs)))
    await asyncio.wait_for(costs.twice.wait(), 30)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    counter.close()
    return costs
