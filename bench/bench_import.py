"""From file to posted ledger, embedded and durable, beside appending the same frames to the log alone.

Each figure is a process of its own; the two kinds take turns, so that the machine's drift hits both. The limit for the first
is 8 000 frames/s on 2 cores. The profile says where the time goes, as shares of the whole (under the profiler all is slower).
"""

import cProfile
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.network import capture, new_app
from ingest.captures import read_line
from streams.embedded_runtime import Input
from streams.log import Stream
from vocabulary.charging import RawMessage
from wattbook.importing import import_files

FRAMES, ROUNDS, LIMIT = 150_000, 3, 8000
_STAGES = {  # what a profiled function stands for
    "read_line": "read lines",
    "append": "append to the log (raw messages, events, conclusions)",
    "_decode": "decode messages to events",
    "_step": "steps: assign, gather, close, rate",
    "post": "post entries to the ledger",
    "save": "save states",
    "put_rows": "session index",
    "commit": "commit (fsync)",
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="wattbook-bench-") as folder:
        file = capture(Path(folder) / "capture.ndjson", FRAMES)
        size = file.stat().st_size
        print(f"{FRAMES} frames, {size / 1e6:.0f} MB, 1000 stations, OCPP 1.6, 2.0.1 and 2.1; {ROUNDS} rounds in turn")
        rates: dict[str, list[float]] = {"ledger": [], "log": []}
        for round_ in range(ROUNDS):
            for kind, found in rates.items():
                found.append(_measured(kind, file, Path(folder) / f"{kind}-{round_}"))
        holds = _report(rates)
        _profile(file, Path(folder) / "profile")
    if not holds:
        sys.exit(f"below the limit of {LIMIT} frames/s")


def _measured(kind: str, file: Path, home: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "bench.bench_import", kind, str(file), str(home)], check=True, capture_output=True, text=True
    )
    print("  " + done.stdout.strip())
    return float(done.stdout.split()[1])


def _report(rates: dict[str, list[float]]) -> bool:
    """Prints the medians and the ratio; whether the limit holds."""
    ledger, log = (statistics.median(rates[kind]) for kind in ("ledger", "log"))
    ratios = [a / b for a, b in zip(rates["ledger"], rates["log"], strict=True)]
    print(f"median: {ledger:.0f} frames/s to the posted ledger, {log:.0f} frames/s to the log alone")
    pairs = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"ratio {statistics.median(ratios):.2f} (pairs: {pairs}); {ledger / LIMIT:.2f} of the limit of {LIMIT} frames/s")
    return ledger >= LIMIT


def run(kind: str, file: Path, home: Path) -> None:
    """One measured process: prints its kind, frames per second, and peak memory."""
    app = new_app(home)
    frames = sum(1 for _ in file.open("rb"))
    start = time.perf_counter()
    if kind == "ledger":
        import_files(app.runtime, [file], 1000)
    else:
        _append_only(app, file)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{kind:7} {frames / seconds:8.0f} frames/s  {seconds:7.2f} s  peak {peak:.0f} MB")


def _append_only(app, file: Path) -> None:  # type: ignore[no-untyped-def]
    """The same reading and the same durable appending, and nothing after it."""
    batch: list[Input] = []
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            message = read_line(line, number)
            assert isinstance(message, RawMessage)
            batch.append(Input(Stream.RAW, message.station, message))
            if len(batch) == 1000:
                app.runtime.append(batch)
                batch = []
    app.runtime.append(batch)


def _profile(file: Path, home: Path) -> None:
    app, profile = new_app(home), cProfile.Profile()
    profile.enable()
    import_files(app.runtime, [file], 1000)
    profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    whole = max(cumulative for _, _, _, cumulative, _ in stats.values())
    print("where the time goes (cumulative share under the profiler; commits are inside what they end):")
    shares = [
        (cumulative / whole, f"{_STAGES[name]} · {Path(path).parent.name}/{Path(path).name}:{name}")
        for (path, _, name), (_, _, _, cumulative, _) in stats.items()
        if name in _STAGES and any(f"/{room}/" in path for room in ("streams", "ingest", "ledger"))
    ]
    for share, what in sorted(shares, reverse=True):
        if share >= 0.01:
            print(f"  {share:6.1%}  {what}")


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
