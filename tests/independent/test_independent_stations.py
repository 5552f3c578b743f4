"""Stations and a CSMS that somebody else wrote talk to `wattbook serve`, and through it to each other: it is one session.

The package `ocpp-rpc` (Node.js) is a 1.6 and a 2.0.1 station, and the CSMS behind the tap; the package `ocpp` is a 2.1 station.
Each checks by schemas of its own what it sends and what it gets, in both directions.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ocpp.routing import on
from ocpp.v21 import ChargePoint, call, call_result
from ocpp.v21.enums import Action
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from wattbook.cli import cli

HERE = Path(__file__).parent
NODE_PACKAGES = HERE.parent.parent / ".node" / "node_modules"
TOKEN_16, TOKEN_2X = "04A2B3C4D5E680", "04112233445566"
NAMES = {"ocpp1.6": "HAM-0001", "ocpp2.0.1": "HAM-0002", "ocpp2.1": "AMS-0101"}
ENERGY_WH = {"ocpp1.6": 7550, "ocpp2.0.1": 8000, "ocpp2.1": 8000}
PATIENCE = {f"WATTBOOK_SERVE_{name}_S": "120" for name in ("HANDSHAKE", "SEND", "PING")}  # on a machine that has much to do
OF_THE_SCHEMAS = "strict mode: "  # what the validator thinks of the package's own schemas of 2.1
# Not long ago, so that no session is overdue when the servers' clocks tick.
BEGIN = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2)


@contextmanager
def started(*command: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
    with process:
        try:
            yield process
        finally:
            process.kill()  # where it has not ended by itself


def node(script: str) -> tuple[tuple[str, str], dict[str, Any]]:
    assert NODE_PACKAGES.is_dir(), "`./run test` fetches the packages of tests/independent into .node"
    return ("node", str(HERE / script)), {"env": os.environ | {"NODE_PATH": str(NODE_PACKAGES)}}


@contextmanager
def csms(broken: list[str]) -> Iterator[str]:
    """Its address; what broke its schemas is told at the end."""
    command, options = node("csms.js")
    with started(*command, **options) as process:
        assert process.stdout is not None
        yield f"ws://127.0.0.1:{int(process.stdout.readline())}/ocpp"
        told, errors = process.communicate(timeout=60)  # closes its standard input
        broken += [*told.splitlines(), *(line for line in errors.splitlines() if not line.startswith(OF_THE_SCHEMAS))]


@contextmanager
def serving(home: Path, *words: str) -> Iterator[str]:
    """`wattbook serve` over a home; its address, without the station's name."""
    command = [sys.executable, "-m", "wattbook", "--home", str(home), "serve", "--port", "0", "--security-profile", "0", *words]
    with started(*command, env=os.environ | PATIENCE) as process:
        assert process.stdout is not None
        found = re.search(r"ws://\S+/ocpp", process.stdout.readline())
        assert found is not None, process.communicate()[1]
        yield found.group()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors


class Station21(ChargePoint):  # type: ignore[misc]
    """Of the package `ocpp`, which raises where a schema is broken."""

    def __init__(self, name: str, connection: Any) -> None:
        super().__init__(name, connection)
        self.called: list[str] = []

    @on(Action.trigger_message)
    def on_trigger(self, **_: Any) -> Any:
        self.called.append("TriggerMessage")
        return call_result.TriggerMessage(status="Accepted")

    @on(Action.cost_updated)
    def on_cost(self, **_: Any) -> Any:
        self.called.append("CostUpdated")
        return call_result.CostUpdated()

    async def charge(self) -> list[Any]:
        """The answers."""
        evse, token = {"id": 1, "connectorId": 1}, {"idToken": TOKEN_2X, "type": "ISO14443"}
        model = {"model": "DC300", "vendorName": "Example"}
        authorized = {"evse": evse, "id_token": token}
        return [
            await self.call(each, suppress=False)
            for each in (
                call.BootNotification(charging_station=model, reason="PowerUp"),
                self._status(0),
                call.Heartbeat(),
                call.Authorize(id_token=token),
                self._event(0, "Started", 0, "Authorized", "Charging", 1000, "Transaction.Begin", **authorized),
                self._event(1, "Updated", 28, "MeterValuePeriodic", "Charging", 6000.5, "Sample.Periodic"),
                self._event(2, "Updated", 53, "ChargingStateChanged", "SuspendedEV", 9000, "Sample.Periodic"),
                self._event(3, "Ended", 58, "EVCommunicationLost", "Idle", 9000, "Transaction.End"),
                self._status(59),
            )
        ]

    def _status(self, minute: int) -> Any:
        at = (BEGIN + timedelta(minutes=minute)).isoformat()
        return call.StatusNotification(timestamp=at, connector_status="Available", evse_id=1, connector_id=1)

    def _event(self, seq: int, kind: str, minute: int, trigger: str, state: str, wh: float, context: str, **more: Any) -> Any:
        at = (BEGIN + timedelta(minutes=minute)).isoformat()
        sample = {"value": wh, "context": context, "unitOfMeasure": {"unit": "Wh"}}
        return call.TransactionEvent(
            event_type=kind,
            timestamp=at,
            trigger_reason=trigger,
            seq_no=seq,
            transaction_info={"transactionId": "tx-21", "chargingState": state},
            meter_value=[{"timestamp": at, "sampledValue": [sample]}],
            **more,
        )


async def talk_21(address: str) -> Station21:
    name, protocol = NAMES["ocpp2.1"], Subprotocol("ocpp2.1")
    async with connect(f"{address}/{name}", subprotocols=[protocol]) as socket:
        assert socket.subprotocol == protocol
        station = Station21(name, socket)
        reading = asyncio.create_task(station.start())
        try:
            answers = await station.charge()
        finally:
            reading.cancel()
    assert answers[0].status == answers[3].id_token_info["status"] == "Accepted"
    return station


class World:
    """What was said, by `served` and `tapped`, and what came of it."""

    def __init__(self) -> None:
        self.told: dict[str, list[dict[str, Any]]] = {}
        self.called_21: dict[str, list[str]] = {}
        self.sessions: dict[str, dict[str, dict[str, Any]]] = {}
        self.broken: list[str] = []

    def talk(self, **addresses: str) -> None:
        """All stations at once, each way."""
        command, options = node("stations.js")
        plan = [
            {"endpoint": address, "protocol": protocol, "name": NAMES[protocol], "token": token, "begin": BEGIN.isoformat()}
            for address in addresses.values()
            for protocol, token in (("ocpp1.6", TOKEN_16), ("ocpp2.0.1", TOKEN_2X))
        ]
        with started(*command, json.dumps(plan), **options) as process:
            for way, address in addresses.items():
                self.called_21[way] = asyncio.run(asyncio.wait_for(talk_21(address), 300)).called
            told, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
        results = json.loads(told)
        self.told = {way: results[2 * index :][:2] for index, way in enumerate(addresses)}

    def look(self, way: str, home: Path) -> None:
        """The sessions of a home, by the name of their station."""
        rows = json.loads(run("--home", str(home), "session", "list", "--json"))
        self.sessions[way] = {row["station"]: row for row in rows}
        assert len(rows) == len(NAMES)


def run(*words: str) -> str:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world, homes = World(), tmp_path_factory.mktemp("independent")
    for way in ("served", "tapped"):
        run("init", str(homes / way))
    with ExitStack() as stack:
        behind = stack.enter_context(csms(world.broken))
        tapped = stack.enter_context(serving(homes / "tapped", "--upstream", behind))
        served = stack.enter_context(serving(homes / "served"))
        world.talk(served=served, tapped=tapped)
    for way in ("served", "tapped"):
        world.look(way, homes / way)
    return world


@pytest.mark.parametrize("way", ["served", "tapped"])
def test_no_schema_is_broken_in_either_direction(world: World, way: str) -> None:
    assert [one["broken"] for one in world.told[way]] == [[], []]
    assert [one["protocol"] for one in world.told[way]] == ["ocpp1.6", "ocpp2.0.1"]
    assert world.broken == [], "nor what the CSMS got through the tap"


@pytest.mark.parametrize("protocol", NAMES)
def test_a_session_is_the_same_served_and_tapped(world: World, protocol: str) -> None:
    served, tapped = (world.sessions[way][NAMES[protocol]] for way in ("served", "tapped"))
    places = {"closed_at", "checked_at", "rated_at"}  # in the log, where stations were written down as they came
    assert {**served, **dict.fromkeys(places)} == {**tapped, **dict.fromkeys(places)}
    assert Decimal(served["total"]) > 0
    assert Decimal(served["energy_wh"]) == ENERGY_WH[protocol]


def test_each_station_is_told_what_it_is_billed(world: World) -> None:
    [ac, dc] = world.told["served"]
    final = [json.loads(call["data"]) for action, call in ac["called"] if call["messageId"] == "FinalCost"]
    ended = [answer for action, answer in dc["answers"] if action == "TransactionEvent"][-1]
    told = {"HAM-0001": final[0]["cost"], "HAM-0002": ended["totalCost"]}
    billed = {station: Decimal(world.sessions["served"][station]["total"]) for station in told}
    assert {station: Decimal(str(cost)) for station, cost in told.items()} == billed
    assert billed["HAM-0001"] == Decimal("3.70")  # 7.55 kWh * 0.4118 * 1.19 = 3.6998


def test_what_the_csms_calls_reaches_the_stations_through_the_tap(world: World) -> None:
    assert [[action for action, _ in one["called"]] for one in world.told["tapped"]] == [["TriggerMessage"]] * 2
    assert world.called_21 == {"served": [], "tapped": ["TriggerMessage"]}
