"""Signed values from the meter to the invoice, as users would: `wattbook serve`, two stations over WebSockets, `invoice run`.

A meter signs OCMF with a key that is made for this test. Each station charges twice; on the way of the second session one byte
of what was signed is changed: that session is on the worklist, and the first one's invoice shows what the meter signed.
"""

import asyncio
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ocpp.v16 import ChargePoint as Station16
from ocpp.v16 import call as call16
from ocpp.v201 import ChargePoint as Station201
from ocpp.v201 import call as call201
from pypdf import PdfReader

from tests.first_light.test_serve import _connected, _server, _wattbook, home  # noqa: F401 - a fixture
from tests.streams.ocmf_meter import OcmfMeter, begin, end

METERS = {"HAM-0001": OcmfMeter(), "HAM-0002": OcmfMeter()}
TOKEN = "04A2B3C4D5E680"
START = datetime(2026, 10, 14, 8, tzinfo=UTC)
DAY = timedelta(days=1)
EVSES = {"HAM-0001": ("DE*ELB*E0001*2", 2), "HAM-0002": ("DE*ELB*E0002*1", 1)}


def signed(station: str, kind: str, page: int, kwh: str, at: datetime) -> str:
    make = begin if kind == "B" else end
    reading = make(kwh, TM=f"{at:%Y-%m-%dT%H:%M:%S},000+0000 S")
    return METERS[station].record(reading, PG=f"T{page}", IT="ISO14443", ID=TOKEN)


def changed(record: str) -> str:
    """One byte of the value, its last digit."""
    at = record.index('"RV":"') + len('"RV":"107.55')
    return record[:at] + chr(ord(record[at]) + 1) + record[at + 1 :]


def carried(record: str) -> dict[str, str]:
    """SignedMeterValueType."""
    data = b64encode(record.encode()).decode()
    return {"signedMeterData": data, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}


def at(day: int, minutes: int) -> datetime:
    return START + day * DAY + timedelta(minutes=minutes)


def kwh(day: int) -> tuple[str, str]:
    """The register at begin and end: each day goes on where the day before ended."""
    first = Decimal("100.000") + day * Decimal("7.550")
    return str(first), str(first + Decimal("7.550"))


def wh(day: int) -> tuple[int, int]:
    first, last = (int(Decimal(each) * 1000) for each in kwh(day))
    return first, last


def records(station: str, day: int, page: int, *, is_changed: bool) -> tuple[str, str]:
    before, after = kwh(day)
    last = signed(station, "E", page + 1, after, at(day, 60))
    return signed(station, "B", page, before, at(day, 0)), changed(last) if is_changed else last


async def charge_16(url: str, day: int, page: int, *, is_changed: bool) -> None:
    """The begin in MeterValues, the end in the StopTransaction; the begin is told there again, as many stations do."""
    first, last = records("HAM-0001", day, page, is_changed=is_changed)
    meter_start, meter_stop = wh(day)

    def value(record: str, context: str, minutes: int) -> dict[str, Any]:
        sampled = {"value": json.dumps(carried(record)), "format": "SignedData", "context": context}
        return {"timestamp": at(day, minutes).isoformat(), "sampledValue": [sampled]}

    async with _connected(Station16, url, "HAM-0001", "ocpp1.6") as station:
        await station.call(call16.BootNotification(charge_point_model="AC22", charge_point_vendor="Example"))
        started = await station.call(call16.StartTransaction(2, TOKEN, meter_start, at(day, 0).isoformat()))
        number = started.transaction_id
        told = [value(first, "Transaction.Begin", 0)]
        await station.call(call16.MeterValues(2, told, transaction_id=number))
        told = [value(first, "Transaction.Begin", 0), value(last, "Transaction.End", 60)]
        stop = call16.StopTransaction(meter_stop, at(day, 60).isoformat(), number, id_tag=TOKEN, transaction_data=told)
        await station.call(stop)


async def charge_201(url: str, day: int, page: int, *, is_changed: bool) -> None:
    """The begin comes after the start, when the meter has signed it (`SignedDataReceived`)."""
    first, last = records("HAM-0002", day, page, is_changed=is_changed)
    meter_start, meter_stop = wh(day)

    async with _connected(Station201, url, "HAM-0002", "ocpp2.0.1") as station:

        async def tell(what: str, trigger: str, seq: int, wh: int, minutes: int, record: str | None, **more: Any) -> None:
            context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(what, "Transaction.Begin")
            value: dict[str, Any] = {"value": wh, "context": context}
            value |= {"signedMeterValue": carried(record)} if record else {}
            sampled = [{"timestamp": at(day, minutes).isoformat(), "sampledValue": [value]}]
            event = call201.TransactionEvent(
                event_type=what,
                timestamp=at(day, minutes).isoformat(),
                trigger_reason=trigger,
                seq_no=seq,
                transaction_info={"transactionId": f"tx-{day}"},
                meter_value=sampled,
                **more,
            )
            await station.call(event)

        await station.call(call201.BootNotification(charging_station={"model": "X", "vendorName": "Example"}, reason="PowerUp"))
        evse, token = {"id": 1, "connectorId": 1}, {"idToken": TOKEN, "type": "ISO14443"}
        await tell("Started", "Authorized", 0, meter_start, 0, None, evse=evse, id_token=token)
        await tell("Updated", "SignedDataReceived", 1, meter_start, 0, first)
        await tell("Ended", "EVDeparted", 2, meter_stop, 60, last)


@pytest.mark.parametrize(("station", "charge"), [("HAM-0001", charge_16), ("HAM-0002", charge_201)], ids=["1.6", "2.0.1"])
def test_what_the_meter_signed_is_on_the_invoice_and_what_was_changed_on_the_way_on_the_worklist(
    home: Path,  # noqa: F811
    tmp_path: Path,
    station: str,
    charge: Any,
) -> None:
    evse_id, number = EVSES[station]
    key = ["meter-key", "add", evse_id, "--key", METERS[station].public_key, "--meter", "M1", "--json"]
    _wattbook("--home", str(home), *key)
    with _server(home) as url:
        asyncio.run(charge(url, 0, 10 * number, is_changed=False))
        asyncio.run(charge(url, 1, 10 * number + 2, is_changed=True))

    rows = _wattbook("--home", str(home), "session", "list", "--json")
    held, good = [row for row in rows if (row["station"], row["evse"]) == (station, number)]
    assert (good["progress"], Decimal(good["energy_wh"])) == ("rated", 7550)
    assert (held["progress"], held["finding"]) == ("held", "meter_signature_failed")
    worklist = _wattbook("--home", str(home), "session", "list", "--worklist", "--json")
    assert held["session"] in [row["session"] for row in worklist]

    shown = _wattbook("--home", str(home), "session", "show", held["session"], "--json")["signature"]
    assert (shown["verdict"], shown["billing"]) == ("failed", "failed")
    assert shown["reason"] == "signature_does_not_match_the_registered_key"
    assert [record["verdict"] for record in shown["records"]].count("failed") == 1

    [issued] = _wattbook("--home", str(home), "invoice", "run", "--month", "2026-10", "--out", str(tmp_path), "--json")
    text = " ".join(_wattbook("--home", str(home), "invoice", "show", issued["number"]).split())
    assert "100.000 – 107.550 kWh valid · M1" in text
    assert "1-b:1.8.0 · 14 Oct 2026, 10:00:00 – 11:00:00 · clock synchronised · record attached" in text
    assert held["session"][:12] not in text

    record = tmp_path / "record.xml"
    _wattbook("--home", str(home), "session", "signed", good["session"], "--output", str(record))
    [attached] = PdfReader(issued["pdf"]).attachments[f"{good['session'][:12]}.xml"]
    assert attached == record.read_bytes()
    verified = _wattbook("--home", str(home), "signed", "verify", str(record), "--key", METERS[station].public_key, "--json")
    assert [each["verdict"] for each in verified["files"][0]["records"]] == ["verified", "verified"]
    assert _wattbook("--home", str(home), "audit", "replay").count("identical") == 1
