"""An invoice run over a month's rated sessions: sessions per second and peak memory, on SQLite and on PostgreSQL.

Each figure is a process of its own. The sessions are made before, from OCPP 1.6 frames through the steps: 200 on each of many
contracts, or all on a single one, which is the worst there is, one document in one transaction. Beside each run stands for how
long the lanes were held at once at most, which is how long a worker may wait.

    python -m bench invoices                              20 000 sessions, a minute or two
    python -m bench.bench_invoices run 300000 many all    SESSIONS  many|one  sqlite|postgres|all
"""

import resource
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from bench.network import _sites
from streams.embedded_runtime import Input
from streams.log import Stream
from streams.places import Offset, Partition, Taken
from streams.raw_records import partition_of, raw_record
from vocabulary.charging import Protocol, RawMessage
from vocabulary.identity import StationId
from wattbook.dev_postgres import PostgresServer
from wattbook.dev_process import free_ports
from wattbook.dev_servers import temporary_folder
from wattbook.documents import issue, read_invoices
from wattbook.fleet import Visit, messages
from wattbook.init_files import write_example
from wattbook.settings import Settings, read_settings
from wattbook.wiring import App, create_app, open_app, open_lanes

SESSIONS, STATIONS, PARTITIONS, BATCH = 20_000, 1000, 4, 1000
_BEGIN = datetime(2026, 10, 1, 6, tzinfo=UTC)
_NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)


def main() -> None:
    for contracts in ("many", "one"):
        compare(SESSIONS, contracts, ("sqlite", "postgres"))


def compare(sessions: int, contracts: str, kinds: tuple[str, ...]) -> None:
    with temporary_folder() as folder:
        for kind in kinds:
            with _database(kind, folder) as url:
                for step in ("make", "run"):
                    words = [step, kind, str(sessions), contracts, str(folder / f"{kind}-home"), url]
                    subprocess.run([sys.executable, "-m", "bench.bench_invoices", "step", *words], check=True)


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield "sqlite"
        return
    server = PostgresServer(folder / "postgres", *free_ports(1), secrets.token_hex(16))
    server.start()
    try:
        yield server.new_database()
    finally:
        server.stop()


def step(step: str, kind: str, sessions: int, contracts: str, home: Path, url: str) -> None:
    """In a process of its own."""
    kafka = {} if kind == "sqlite" else {"log": "kafka://nobody:9092", "kafka_partitions": PARTITIONS}
    settings = read_settings(home=home, database=url, batch_size=BATCH, **kafka)  # type: ignore[arg-type]
    if step == "make":
        _make(settings, sessions, max(1, sessions // 200) if contracts == "many" else 1)
    else:
        _measure(open_app(settings), kind, sessions)


def _measure(app: App, kind: str, sessions: int) -> None:
    held_s = _timed(app.runtime)
    begun, cpu = time.perf_counter(), time.process_time()
    issued = issue(app, "2026-10", _NOW.date(), _NOW)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{kind:8} {sessions:7} sessions, {len(issued):5} invoices: {sessions / seconds:6.0f} sessions/s  {seconds:6.1f} s, "
        f"of which this process computed {cpu:5.1f}; lanes held {max(held_s):5.1f} s at once  peak {peak:.0f} MB",
        flush=True,
    )
    billed = sum(len(invoice.sessions) for invoice in read_invoices(app, issued))
    assert billed == sessions, f"{billed} of {sessions} sessions were billed"
    app.close()


def _timed(runtime: Any) -> list[float]:
    """How long each command takes from now on: for so long it holds the lanes."""
    seconds: list[float] = []
    carry_out = runtime.carry_out

    def timed(*given: Any) -> Any:
        begun = time.perf_counter()
        done = carry_out(*given)
        seconds.append(time.perf_counter() - begun)
        return done

    runtime.carry_out = timed
    return seconds


def _make(settings: Settings, sessions: int, contracts: int) -> None:
    """Rated sessions, one day after the other, on contracts in turn."""
    write_example(settings.reference_path)
    (settings.reference_path / "sites.yaml").write_text(_sites())
    (settings.reference_path / "contracts.yaml").write_text(_contracts(contracts))
    app = create_app(settings)
    app.publish_reference()
    frames = _frames(sessions, contracts)
    if settings.uses_kafka:
        _through_lanes(settings, frames)
    else:
        for some in _batches(frames, BATCH):
            app.runtime.append([Input(Stream.RAW, message.station, message) for message in some])
            app.runtime.pump()
    app.close()


def _through_lanes(settings: Settings, frames: Iterator[RawMessage]) -> None:
    """What workers do, without a broker between."""
    ends = dict.fromkeys(map(Partition, range(PARTITIONS)), 0)
    with open_lanes(settings) as lanes:
        for partition in ends:
            lanes.assigned(partition)
        for some in _batches(frames, BATCH * PARTITIONS):
            taken: dict[Partition, list[Taken]] = {partition: [] for partition in ends}
            for message in some:
                key, headers, value = raw_record(message)
                partition = partition_of(key, PARTITIONS)
                taken[partition].append(Taken(partition, Offset(ends[partition]), key, value, tuple(headers), 0))
                ends[partition] += 1
            for partition, records in taken.items():
                lanes.process(partition, records)
        for partition in ends:
            lanes.revoked(partition)


def _batches(frames: Iterator[RawMessage], size: int) -> Iterator[list[RawMessage]]:
    while some := list(islice(frames, size)):
        yield some


def _frames(sessions: int, contracts: int) -> Iterator[RawMessage]:
    """Start and stop of each session. Without answers: a station's stop can only mean its start."""
    for number in range(sessions):
        for message in messages([_visit(number, f"04{number % contracts:012X}")]):
            if "StartTransaction" in message.frame or "StopTransaction" in message.frame:
                yield message


def _visit(number: int, token: str) -> Visit:
    day, station = divmod(number, STATIONS)
    return Visit(
        station=StationId(f"ST-{station:05}"),
        protocol=Protocol.OCPP16,
        evse=1,
        token=token,
        plugged=_BEGIN + timedelta(hours=day * 2, seconds=station),
        register_wh=Decimal(1_000_000 + day * 20_000),
        energy_wh=Decimal(4000 + station * 13),
        charging_s=2400,
        idle_s=0,
        transaction=str(number + 1),
        sample_s=3600,
    )


def _contracts(count: int) -> str:
    one = """  - id: B-{0:06}
    language: en
    tokens: ["04{0:012X}"]
    holder: {{name: Holder {0}, address: {{street: Street 1, postal_code: "20095", city: Hamburg, country: DE}}}}
"""
    return "contracts:\n" + "".join(one.format(number) for number in range(count))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["run", sessions, contracts, "all"]:
            compare(int(sessions), contracts, ("sqlite", "postgres"))
        case ["run", sessions, contracts, kind]:
            compare(int(sessions), contracts, (kind,))
        case ["step", what, kind, sessions, contracts, home, url]:
            step(what, kind, int(sessions), contracts, Path(home), url)
        case _:
            sys.exit(__doc__)
