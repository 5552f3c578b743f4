"""How long a worker takes to begin again when 100 000 sessions are open: seconds until it has committed the first message.

The worker before it is killed (`kill -9`) at the end of its work, so what it had not saved is stepped again. Beside it, in the
same run, the time that a worker takes where nothing is open yet. Both run from the start of the process.

    python -m bench restart
"""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

from bench.stream_network import Network, Progress, network
from vocabulary.charging import Protocol
from vocabulary.identity import StationId
from wattbook.fleet import Visit, capture_line, messages

SESSIONS = 100_000
_FRAMES = 4  # of each session: it begins, and goes on
_KILLED_AT = 0.99  # of all messages
_BEGIN = datetime(2026, 10, 1, 6, tzinfo=UTC)


def main() -> None:
    with network() as net:
        count = net.fill(_captured(net.folder))
        for engine in ("faust", "plain"):
            _measure(net, engine, count)


def _measure(net: Network, engine: str, count: int) -> None:
    settings = net.new_home(engine)
    progress = Progress(settings)
    begun = time.monotonic()
    worker = net.worker(settings, engine)
    empty = progress.wait_for(1, worker) - begun
    progress.wait_for(int(count * _KILLED_AT), worker)
    worker.kill()
    worker.wait()
    done, begun = progress(), time.monotonic()
    worker = net.worker(settings, engine)
    full = progress.wait_for(done + 1, worker) - begun
    progress.wait_for(count, worker)
    worker.terminate()
    worker.wait()
    print(
        f"{engine}: {full:.1f} s until the first commit with {SESSIONS} sessions open ({done} messages done, then killed), "
        f"{empty:.1f} s with none"
    )
    progress.close()


def _captured(folder: Path) -> Path:
    path = folder / "open.ndjson"
    with path.open("wb") as file:
        for number in range(SESSIONS):
            file.writelines(capture_line(message) for message in islice(messages([_visit(number)]), _FRAMES))
    return path


def _visit(number: int) -> Visit:
    return Visit(
        station=StationId(f"OPEN-{number:06}"),
        protocol=tuple(Protocol)[number % 3],
        evse=1,
        token="04A2B3C4D5E680",
        plugged=_BEGIN + timedelta(seconds=number % 600),
        register_wh=Decimal(1_000_000),
        energy_wh=Decimal(20_000),
        charging_s=7200,
        idle_s=0,
        transaction=str(number + 1),
    )
