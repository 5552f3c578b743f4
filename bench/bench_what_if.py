"""How long it takes to price a month of sessions by another tariff, with one process and with two, and in how much memory.

The home is made first, from a capture of short 2.0.1 sessions of 1 000 stations; that takes most of the time, and is timed
beside. `--sessions 1000000` is the month of a large network: an hour, and some 16 GB of disk. Each look is its own process,
as it is typed; its memory is that of the largest process it had.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bench.network import STATIONS, TOKEN, new_app
from vocabulary.charging import Protocol, RawMessage
from vocabulary.identity import StationId
from wattbook.fleet import Visit, capture_line, messages
from wattbook.importing import import_files

MONTH, DAYS = datetime(2026, 10, 1, 1, tzinfo=UTC), 30
SESSIONS = 20_000


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("bench what_if")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--home", type=Path, help="keep the home here, or use the one that is here")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="wattbook-bench-") as folder:
        home = wanted.home or Path(folder) / "home"
        if not home.exists():
            _fill(home, wanted.sessions)
        for processes in (1, 2):
            _look(home, processes)


def _fill(home: Path, sessions: int) -> None:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="wattbook-bench-") as folder:
        file = Path(folder) / "capture.ndjson"
        with file.open("wb") as lines:
            lines.writelines(capture_line(message) for message in _frames(sessions))
        app = new_app(home)
        import_files(app.runtime, [file], 1000)
        app.close()
    size = (home / "wattbook.db").stat().st_size / 1e6
    print(f"{sessions} sessions imported and charged in {time.perf_counter() - began:.0f} s, {size:,.0f} MB", flush=True)


def _frames(sessions: int) -> Iterator[RawMessage]:
    """All stations charge by turns, as often a day as it takes."""
    rounds = -(-sessions // STATIONS)
    for number in range(rounds):
        plugged = MONTH + number * (timedelta(days=DAYS) / rounds)
        visits = (_visit(station, number, plugged) for station in range(min(STATIONS, sessions - number * STATIONS)))
        yield from messages(visits)


def _visit(station: int, number: int, plugged: datetime) -> Visit:
    return Visit(
        station=StationId(f"ST-{station:05}"),
        protocol=Protocol.OCPP201,
        evse=1,
        token=TOKEN,
        plugged=plugged + timedelta(seconds=station),
        register_wh=Decimal(1_000_000 + number * 20_000),
        energy_wh=Decimal(4_000 + station * 7),
        charging_s=900 + station % 20 * 30,
        idle_s=120,
        transaction=f"{number}-{station}",
        sample_s=450,
    )


def _look(home: Path, processes: int) -> None:
    command = [str(Path(sys.executable).parent / "wattbook"), "tariff", "what-if", "dc-day-night", "--month", "2026-10"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "WATTBOOK_HOME": str(home)}
    done = subprocess.run(
        [*command, "--processes", str(processes)], check=True, capture_output=True, text=True, env=environment, cwd=home
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    sessions = int(done.stdout.split()[0])
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{processes} process{'es' if processes > 1 else '  '}  {sessions / seconds:8,.0f} sessions/s  {seconds:7.1f} s"
        f"  {sessions / worked:8,.0f} per s of a core  peak {after.ru_maxrss / 1024:,.0f} MB",
        flush=True,
    )
    print("  " + "\n  ".join(done.stdout.splitlines()[1:3]), flush=True)
