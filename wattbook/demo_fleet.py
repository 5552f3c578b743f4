"""The demo's day: who charges where on 14 October 2026, at the stations of the example reference data.

    HAM-0001   OCPP 1.6     two AC sockets; the meter of the first one signs its readings
    HAM-0002   OCPP 2.0.1   DC, cheaper at night
    AMS-0101   OCPP 2.1     two AC sockets in Amsterdam; without a connection from noon to the evening

One signed reading is changed on its way, one stop is sent twice, and what Amsterdam stored comes five hours late.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from vocabulary.charging import Protocol, RawMessage
from vocabulary.identity import StationId
from wattbook.demo_meter import DemoMeter, tampered
from wattbook.fleet import Visit, messages

METER = "DEMO-0001"
DAY = datetime(2026, 10, 14, tzinfo=UTC)
_HAMBURG_AC, _HAMBURG_DC, _AMSTERDAM = StationId("HAM-0001"), StationId("HAM-0002"), StationId("AMS-0101")
ADA, MAX, VAN_1, VAN_2, ROAMER, STRANGER = (
    "04A2B3C4D5E680",
    "04112233445566",
    "04F1000000A101",
    "04F1000000A102",
    "04B7000000C201",
    "04DEADBEEF0001",
)


def demo_messages() -> Iterator[RawMessage]:
    """Every frame of the day, in order of arrival."""
    return messages(_visits())


def _visits() -> Iterator[Visit]:
    meter = DemoMeter(METER)

    def forged(kind: str, at: datetime, register: Decimal, token: str) -> str:
        record = meter.sign(kind, at, register, token)
        return tampered(record) if kind == "E" else record

    registers = {(_HAMBURG_AC, 1): 1_203_400, (_HAMBURG_AC, 2): 884_120, (_HAMBURG_DC, 1): 5_410_905}
    registers |= {(_AMSTERDAM, 1): 310_000, (_AMSTERDAM, 2): 298_455}
    plan = [  # station, EVSE, token, plugged in (UTC), Wh, charging min, idle min, what is special
        (_HAMBURG_AC, 1, ADA, "05:58", 7550, 42, 48, "signed"),
        (_HAMBURG_AC, 2, VAN_1, "06:10", 15820, 95, 0, "retries"),
        (_HAMBURG_DC, 1, MAX, "03:41", 41234, 34, 4, ""),
        (_HAMBURG_DC, 1, VAN_2, "09:02", 52871, 41, 0, ""),
        (_AMSTERDAM, 1, ROAMER, "10:15", 11042, 70, 260, "offline"),
        (_AMSTERDAM, 2, ADA, "10:40", 6318, 55, 20, "offline"),
        (_HAMBURG_AC, 1, VAN_2, "11:30", 9004, 60, 15, "forged"),
        (_HAMBURG_DC, 1, ROAMER, "12:20", 33790, 28, 6, "retries"),
        (_HAMBURG_AC, 2, STRANGER, "13:05", 4120, 30, 10, ""),
        (_HAMBURG_AC, 1, MAX, "15:45", 12688, 80, 35, "signed"),
        (_HAMBURG_DC, 1, ADA, "20:35", 28114, 24, 3, ""),
    ]
    for count, (station, evse, token, plugged, energy, charging, idle, special) in enumerate(plan, start=1):
        hour, minute = (int(part) for part in plugged.split(":"))
        register = registers[station, evse]
        registers[station, evse] += energy
        yield Visit(
            station=station,
            protocol=_protocol(station),
            evse=evse,
            token=token,
            plugged=DAY + timedelta(hours=hour, minutes=minute),
            register_wh=Decimal(register),
            energy_wh=Decimal(energy),
            charging_s=charging * 60,
            idle_s=idle * 60,
            transaction=str(count) if station == _HAMBURG_AC else f"{station}-{count:04}",
            offline_s=18_000 if special == "offline" else 0,
            retries=special == "retries",
            sign=meter.sign if special == "signed" else forged if special == "forged" else None,
        )


def _protocol(station: StationId) -> Protocol:
    return {_HAMBURG_AC: Protocol.OCPP16, _HAMBURG_DC: Protocol.OCPP201, _AMSTERDAM: Protocol.OCPP21}[station]
