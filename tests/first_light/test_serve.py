"""A real station program over a WebSocket: the `ocpp` package as station, against `wattbook serve` started as a user would."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint as Station16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v16.enums import Action as Action16
from ocpp.v21 import ChargePoint as Station21
from ocpp.v21 import call as call21
from ocpp.v21 import call_result as result21
from ocpp.v21.enums import Action as Action21
from ocpp.v201 import ChargePoint as Station201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from ocpp.v201.enums import Action as Action201
from websockets.asyncio.client import connect
from websockets.headers import build_authorization_basic

PASSWORD = "correct horse battery"
START = datetime(2026, 10, 14, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("serve") / "home"
    _wattbook("init", str(home))
    for station in ("HAM-0001", "HAM-0002", "AMS-0101"):
        command = [sys.executable, "-m", "wattbook", "--home", str(home), "station", "add", station, "--stdin"]
        subprocess.run(command, check=True, capture_output=True, input=PASSWORD + "\n", text=True)
    return home


def _wattbook(*words: str) -> Any:
    """Run a command as a user would; its output, decoded where it is JSON."""
    done = subprocess.run([sys.executable, "-m", "wattbook", *words], check=True, capture_output=True, text=True)
    return json.loads(done.stdout) if "--json" in words else done.stdout


@contextmanager
def _server(home: Path, *words: str) -> Iterator[str]:
    """The server's URL; stopped by SIGTERM at the end, which it must obey with status 0."""
    environment = os.environ | {"WATTBOOK_COST_UPDATE_INTERVAL_S": "5"}
    command = [sys.executable, "-m", "wattbook", "--home", str(home), "serve", "--port", "0", *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        found = re.search(r"ws://\S+/ocpp/", line)
        assert found is not None, line
        yield found.group()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0, process.communicate()[1]
        process.stdout.close()


@asynccontextmanager
async def _connected(kind: type, url: str, station: str, protocol: str) -> AsyncIterator[Any]:
    login = {"Authorization": build_authorization_basic(station, PASSWORD)}
    async with connect(url + station, subprotocols=[protocol], additional_headers=login) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == protocol
        charger = kind(station, socket)
        reading = asyncio.create_task(charger.start())
        try:
            yield charger
        finally:
            reading.cancel()


class AcStation(Station16):
    """A 1.6 station that keeps what it is told of costs."""

    def __init__(self, name: str, connection: Any) -> None:
        super().__init__(name, connection)
        self.told: list[dict[str, Any]] = []

    @on(Action16.data_transfer)
    def on_cost(self, vendor_id: str, message_id: str, data: str, **_: Any) -> Any:
        assert vendor_id == "org.openchargealliance.costmsg"
        self.told.append({"kind": message_id} | json.loads(data, parse_float=Decimal))
        return result16.DataTransfer(status="Accepted")


def test_a_16_station_charges_and_is_told_what_it_costs(home: Path) -> None:
    with _server(home) as url:
        told = asyncio.run(_charge_16(url))
    final = told[-1]
    assert [message["kind"] for message in told] == ["RunningCost", "FinalCost", "FinalCost"], "a retry is told again"
    assert told[0]["cost"] == Decimal("2.45")  # 5 kWh * 0.4118 * 1.19 = 2.4502
    assert final["cost"] == Decimal("3.70")  # 7.55 kWh * 0.4118 * 1.19 = 3.6998
    assert _session(home, str(final["transactionId"]))["total"] == str(final["cost"])


async def _charge_16(url: str) -> list[dict[str, Any]]:
    async with _connected(AcStation, url, "HAM-0001", "ocpp1.6") as station:
        boot = await station.call(call16.BootNotification(charge_point_model="AC22", charge_point_vendor="Example"))
        assert (boot.status, boot.interval) == ("Accepted", 300)
        assert (await station.call(call16.Heartbeat())).current_time.endswith("Z")
        known = await station.call(call16.Authorize(id_tag="04A2B3C4D5E680"))
        unknown = await station.call(call16.Authorize(id_tag="NOBODY"))
        assert (known.id_tag_info["status"], unknown.id_tag_info["status"]) == ("Accepted", "Invalid")
        start = call16.StartTransaction(2, "04A2B3C4D5E680", 100_000, _time(0))
        first, again = await station.call(start), await station.call(start)
        assert first.transaction_id == again.transaction_id > 0, "a retry is the same transaction"
        await station.call(call16.StatusNotification(2, "NoError", "Charging", timestamp=_time(1)))
        values = [{"timestamp": _time(30), "sampledValue": [{"value": "105000"}]}]
        await station.call(call16.MeterValues(2, values, transaction_id=first.transaction_id))
        stop = call16.StopTransaction(107_550, _time(60), first.transaction_id, id_tag="04A2B3C4D5E680")
        await station.call(stop)
        await station.call(stop)
        other = await station.call(call16.DataTransfer(vendor_id="com.example", data="x"))
        assert other.status == "UnknownVendorId"
        await asyncio.sleep(0.2)
        return list(station.told)


@pytest.mark.parametrize(
    ("kind", "words", "answers", "action", "protocol", "station"),
    [
        (Station201, call201, result201, Action201.cost_updated, "ocpp2.0.1", "HAM-0002"),
        (Station21, call21, result21, Action21.cost_updated, "ocpp2.1", "AMS-0101"),
    ],
    ids=["2.0.1", "2.1"],
)
def test_a_2x_station_shows_the_price_the_running_and_the_final_cost(
    home: Path, kind: type, words: Any, answers: Any, action: Any, protocol: str, station: str
) -> None:
    class Charger(kind):  # type: ignore[misc]
        def __init__(self, name: str, connection: Any) -> None:
            super().__init__(name, connection)
            self.updates: asyncio.Queue[Decimal] = asyncio.Queue()

        @on(action)
        def on_cost(self, total_cost: float, transaction_id: str, **_: Any) -> Any:
            self.updates.put_nowait(Decimal(str(total_cost)))
            return answers.CostUpdated()

    with _server(home) as url:
        costs = asyncio.run(_charge_2x(url, Charger, words, protocol, station))
    row = _session(home, f"{station}-tx")
    assert row["total"] == str(costs["final"])
    assert costs["running"] < costs["pushed"] <= costs["final"]
    assert "EUR/kWh" in costs["price"]


async def _charge_2x(url: str, kind: type, words: Any, protocol: str, station: str) -> dict[str, Any]:
    """Three hours after it began, energy and start fee; then idle, whose fee the server tells by the clock."""
    begin = datetime.now(UTC) - timedelta(hours=5)

    def event(at: timedelta, what: str, trigger: str, seq: int, state: str, **more: Any) -> Any:
        info = {"transactionId": f"{station}-tx", "chargingState": state}
        return words.TransactionEvent(
            event_type=what,
            timestamp=(begin + at).isoformat(),
            trigger_reason=trigger,
            seq_no=seq,
            transaction_info=info,
            **more,
        )

    def energy(at: timedelta, wh: int, context: str) -> list[dict[str, Any]]:
        return [{"timestamp": (begin + at).isoformat(), "sampledValue": [{"value": wh, "context": context}]}]

    async with _connected(kind, url, station, protocol) as charger:
        model = {"model": "X", "vendorName": "Example"}
        assert (await charger.call(words.BootNotification(charging_station=model, reason="PowerUp"))).status == "Accepted"
        token = {"idToken": "04112233445566", "type": "ISO14443"}
        authorized = (await charger.call(words.Authorize(id_token=token))).id_token_info
        assert authorized["status"] == "Accepted"
        minute, zero = timedelta(minutes=1), timedelta()
        evse = {"id": 1, "connectorId": 1}
        await charger.call(
            event(
                zero,
                "Started",
                "Authorized",
                0,
                "Charging",
                evse=evse,
                id_token=token,
                meter_value=energy(zero, 1000, "Transaction.Begin"),
            )
        )
        running = await charger.call(
            event(
                60 * minute,
                "Updated",
                "MeterValuePeriodic",
                1,
                "Charging",
                meter_value=energy(60 * minute, 6000, "Sample.Periodic"),
            )
        )
        updated = await charger.call(
            event(
                90 * minute,
                "Updated",
                "ChargingStateChanged",
                2,
                "SuspendedEV",
                meter_value=energy(90 * minute, 9000, "Sample.Periodic"),
            )
        )
        pushed = Decimal(str(updated.total_cost))
        if protocol == "ocpp2.1":  # idle time has a price in Amsterdam: it is told as the clock runs
            pushed = await asyncio.wait_for(charger.updates.get(), timeout=15)
        ended = await charger.call(
            event(
                302 * minute,
                "Ended",
                "EVCommunicationLost",
                3,
                "Idle",
                meter_value=energy(302 * minute, 9000, "Transaction.End"),
            )
        )
        return {
            "price": authorized["person_message" if "person_message" in authorized else "personal_message"]["content"],
            "running": Decimal(str(running.total_cost)),
            "pushed": pushed,
            "final": Decimal(str(ended.total_cost)),
        }


def _session(home: Path, transaction: str) -> dict[str, Any]:
    rows = _wattbook("--home", str(home), "session", "list", "--json")
    [row] = [row for row in rows if row["transaction"] == transaction]
    return dict(row)


def _but_for_places(row: dict[str, Any]) -> dict[str, Any]:
    """A log has conclusions at places of its own: what else it holds, and when a clock ticked, is no part of the session."""
    return {key: value for key, value in row.items() if key not in ("closed_at", "checked_at", "rated_at")}


def test_a_session_through_a_tap_before_a_csms_is_the_same_session(home: Path, tmp_path: Path) -> None:
    for name in ("csms", "tap"):
        _wattbook("init", str(tmp_path / name))
    with (
        _server(tmp_path / "csms", "--security-profile", "0") as behind,
        _server(tmp_path / "tap", "--upstream", behind.rstrip("/")) as url,
    ):
        told = asyncio.run(_charge_16(url))
    number = str(told[-1]["transactionId"])
    answered, tapped = (_session(tmp_path / name, number) for name in ("csms", "tap"))
    assert _but_for_places(tapped) == _but_for_places(answered)
    assert tapped["total"] == str(told[-1]["cost"])


def test_what_was_served_replays_identically(home: Path) -> None:
    assert _wattbook("--home", str(home), "audit", "replay", "--json")["difference"] is None


def _time(minutes: int) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
