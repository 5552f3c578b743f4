"""A made-up network for benchmarks: reference data for many stations, and captures of any length."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

from vocabulary.charging import Protocol, RawMessage
from vocabulary.identity import StationId
from wattbook.fleet import Visit, capture_line, messages
from wattbook.init_files import write_example
from wattbook.settings import read_settings
from wattbook.wiring import App, create_app

STATIONS = 1000
TOKEN = "04A2B3C4D5E680"  # of the only contract
_DAY = datetime(2026, 10, 1, 6, tzinfo=UTC)
_PROTOCOLS = tuple(Protocol)


def new_app(home: Path, stations: int = STATIONS, meter_key: str = "") -> App:
    """A home that knows so many stations; one contract has the only token. `meter_key`: of all meters, which must sign."""
    settings = read_settings(home=home, batch_size=1000)
    write_example(settings.reference_path)
    (settings.reference_path / "sites.yaml").write_text(_sites(stations, meter_key))
    app = create_app(settings)
    app.publish_reference()
    return app


def _sites(stations: int = STATIONS, meter_key: str = "") -> str:
    head = """sites:
  - id: bench
    name: Bench
    address: {street: Prüfweg 1, postal_code: "20457", city: Hamburg, country: DE}
    time_zone: Europe/Berlin
    latitude: 53.5
    longitude: 9.9
    evses:
"""
    evse = "      - {{evse_id: DE*ELB*E{0:05}*1, station: ST-{0:05}, number: 1, tariff: {1}, power_w_max: 150000{2}}}\n"
    signs = ', signatures: required, meter_keys: [{{public_key: "{0}", meter: "M-{1:05}"}}]'
    known = (
        (i, "dc-day-night" if i % 2 else "ac-simple", signs.format(meter_key, i) if meter_key else "") for i in range(stations)
    )
    return head + "".join(evse.format(*each) for each in known)


def capture(path: Path, frames: int) -> Path:
    """A capture of exactly that many frames: all stations charge, three versions in turn, a sample a minute, day after day."""
    with path.open("wb") as file:
        file.writelines(capture_line(message) for message in islice(_days(), frames))
    return path


def _days() -> Iterator[RawMessage]:
    day = 0
    while True:
        yield from messages(visit(station, day) for station in range(STATIONS))
        day += 1


def visit(station: int, day: int) -> Visit:
    """Sessions of 23 to 82 minutes, a fifth of them with idle time afterwards."""
    return Visit(
        station=StationId(f"ST-{station:05}"),
        protocol=_PROTOCOLS[station % 3],
        evse=1,
        token=TOKEN,
        plugged=_DAY + timedelta(days=day, seconds=station * 7),
        register_wh=Decimal(1_000_000 + day * 20_000),
        energy_wh=Decimal(4000 + station * 13),
        charging_s=1380 + station % 60 * 60,
        idle_s=600 if station % 5 == 0 else 0,
        transaction=str(day * STATIONS + station + 1),
        sample_s=60,
    )
