"""From Kafka to the posted ledger in PostgreSQL: one worker of each engine, beside a Faust agent that does nothing.

One broker, one PostgreSQL, one worker, all on the same cores; the kinds take turns, so that the machine's drift hits all. A
worker's time runs from its first commit to its last, with batches of 1000. The limits: the Faust worker at 0.6 of the idle
agent, the plain one 10 000 messages/s. The profile says what limits each.

    python -m bench stream
"""

import cProfile
import os
import pstats
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench.bench_faust import MESSAGES, NoWatch, _measure
from bench.stream_network import PREFIX, Network, Progress, captured, network
from streams.places import Offset, Partition, Taken
from wattbook.settings import Settings
from wattbook.wiring import open_lanes

ROUNDS = 3
FAUST_LEAST, PLAIN_LEAST = 0.6, 10_000


def main() -> None:
    with network() as net:
        count = net.fill(captured(net.folder, MESSAGES))
        print(f"{count} messages of 1000 stations, OCPP 1.6, 2.0.1 and 2.1; {ROUNDS} rounds in turn")
        rates: dict[str, list[float]] = {"idle faust": [], "faust": [], "plain": []}
        for round_ in range(ROUNDS):
            rates["idle faust"].append(_measure("idle agent", net.kafka.bootstrap))
            for engine in ("faust", "plain"):
                rates[engine].append(_worker(net, engine, f"{engine}-{round_}", count))
            print("  " + ", ".join(f"{kind} {found[-1]:.0f}/s" for kind, found in rates.items()))
        holds = _report(rates)
        for engine in ("faust", "plain"):
            _profiled(net, engine)
    if not holds:
        sys.exit("below a limit")


def _worker(net: Network, engine: str, name: str, count: int) -> float:
    settings = net.new_home(name)
    progress, worker = Progress(settings), net.worker(settings, engine)
    try:
        begun = progress.wait_for(1, worker)
        first = progress()
        return (count - first) / (progress.wait_for(count, worker) - begun)
    finally:
        worker.terminate()
        worker.wait()
        progress.close()


def _report(rates: dict[str, list[float]]) -> bool:
    medians = {kind: statistics.median(found) for kind, found in rates.items()}
    pairs = [worker / idle for worker, idle in zip(rates["faust"], rates["idle faust"], strict=True)]
    ratio, listed = statistics.median(pairs), ", ".join(f"{pair:.2f}" for pair in pairs)
    print("median: " + ", ".join(f"{kind} {rate:.0f}/s" for kind, rate in medians.items()))
    print(f"faust worker / idle agent {ratio:.2f} (pairs: {listed}); limit {FAUST_LEAST}")
    print(f"plain worker / faust worker {medians['plain'] / medians['faust']:.1f}; limit of the plain one {PLAIN_LEAST}/s")
    return ratio >= FAUST_LEAST and medians["plain"] >= PLAIN_LEAST


def _profiled(net: Network, engine: str) -> None:
    settings = net.new_home(f"{engine}-profile")
    place = [str(settings.home), settings.database, net.kafka.bootstrap]
    subprocess.run([sys.executable, "-m", "bench.bench_stream", engine, *place], check=True)


class _Timed:
    """`streams.pump.Lanes` that ends the process after all messages and says where the time went."""

    def __init__(self, lanes, count: int) -> None:  # type: ignore[no-untyped-def]
        self._lanes, self._count, self._seen = lanes, count, 0
        self._profile, self._wall_ns, self._cpu_ns, self._begun = cProfile.Profile(), 0, 0, 0
        self._process_ns = 0

    def assigned(self, partition: Partition) -> Offset:
        return self._lanes.assigned(partition)

    def revoked(self, partition: Partition) -> None:
        self._lanes.revoked(partition)

    def settle(self) -> None:
        self._lanes.settle()

    def process(self, partition: Partition, records: Sequence[Taken], may_skip: bool = False) -> Offset:
        if not self._begun:
            self._begun, self._process_ns = time.monotonic_ns(), time.process_time_ns()
        wall, cpu = time.monotonic_ns(), time.thread_time_ns()
        self._profile.enable()
        offset = self._lanes.process(partition, records, may_skip=may_skip)
        self._profile.disable()
        self._wall_ns += time.monotonic_ns() - wall
        self._cpu_ns += time.thread_time_ns() - cpu
        self._seen += len(records)
        if self._seen >= self._count:
            self._tell()
            os._exit(0)
        return offset

    def _tell(self) -> None:
        whole, all_cpu = time.monotonic_ns() - self._begun, time.process_time_ns() - self._process_ns
        print(
            f"  {self._wall_ns / whole:.0%} of the time in batches, {self._cpu_ns / whole:.0%} computing, the rest waiting for "
            f"PostgreSQL or the interpreter's lock; meanwhile other threads compute {(all_cpu - self._cpu_ns) / whole:.0%}"
        )
        stats = pstats.Stats(self._profile).stats  # type: ignore[attr-defined]
        total = max(cumulative for _, _, _, cumulative, _ in stats.values())
        shares: dict[str, float] = {}
        for (path, _, function), (_, _, _, cumulative, _) in stats.items():
            if (what := _STAGES.get((Path(path).name, function))) is not None:
                shares[what] = shares.get(what, 0.0) + cumulative / total
        for what, share in sorted(shares.items(), key=lambda item: -item[1]):
            print(f"  {share:6.1%} of batches  {what}")


_STAGES = {  # (file, function): what it stands for
    ("raw_records.py", "raw_message"): "read records",
    ("batch.py", "_decode"): "decode messages to events",
    ("batch.py", "_step"): "steps: assign, gather, close, rate",
    ("postgres_log.py", "append"): "append to the log: look up ids, chain, COPY",
    ("sql_store.py", "post_all"): "post entries to the ledger",
    ("sql_states.py", "save"): "save states",
    ("sql_states.py", "put_rows"): "session index",
    ("base.py", "commit"): "commit",
}


def run(engine: str, home: Path, url: str, bootstrap: str) -> None:
    """A worker under the profiler, in a process of its own."""
    if engine == "faust":
        from streams.faust_runtime import FaustPump as Pump
    else:
        from streams.plain_runtime import PlainPump as Pump  # type: ignore[assignment]
    from wattbook.settings import read_settings

    log = f"kafka://{bootstrap}"
    settings: Settings = read_settings(home=home, log=log, database=url, kafka_prefix=PREFIX, kafka_partitions=4)
    options = settings.kafka_options
    print(f"{engine} worker, under the profiler:")
    with open_lanes(settings) as lanes:
        Pump(options.topic("raw"), f"profile-{engine}", options, _Timed(lanes, MESSAGES), NoWatch(), 1000, 60).run()
    threading.Event().wait()


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
