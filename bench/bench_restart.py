"""How long a worker takes to begin again when 100 000 sessions are open: seconds from the start of its process until it has
committed a message.

Twice: after a worker that was killed (`kill -9`), so that what it had not saved is stepped again and the group waits
for it until its session is over; and after one that was told to stop. Beside them, in the same run, a first worker, to which
nothing is open yet.

    python -m bench restart
"""

import signal
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

from bench.stream_network import Network, Progress, network
from streams.kafka_client import SESSION_S
from vocabulary.charging import Protocol
from vocabulary.identity import StationId
from wattbook.fleet import Visit, capture_line, messages

SESSIONS = 100_000
_FRAMES = 4  # of each session: it begins, and goes on
_ENDS = ((0.98, signal.SIGKILL), (0.99, signal.SIGTERM))  # of all messages
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
    print(f"{engine}: {progress.wait_for(1, worker) - begun:.1f} s where nothing is open; with {SESSIONS} sessions open")
    for share, how in _ENDS:
        progress.wait_for(int(count * share), worker)
        worker.send_signal(how)
        worker.wait()
        done, begun = progress(), time.monotonic()
        worker = net.worker(settings, engine)
        print(f"  {progress.wait_for(done + 1, worker) - begun:.1f} s after {how.name} at {done / count:.1%} of the messages")
    progress.wait_for(count, worker)
    worker.terminate()
    worker.wait()
    print(f"  of a killed worker the group hears nothing for {SESSION_S} s, and only then gives its partitions to another")
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
