"""Peak memory of an import of a million frames: state, not history. Takes some two minutes."""

import subprocess
import sys
import tempfile
from pathlib import Path

from bench.network import capture

FRAMES = (100_000, 1_000_000)


def main() -> None:
    for frames in FRAMES:
        with tempfile.TemporaryDirectory(prefix="wattbook-bench-") as folder:
            file = capture(Path(folder) / "capture.ndjson", frames)
            command = [sys.executable, "-m", "bench.bench_import", "ledger", str(file), str(Path(folder) / "home")]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            database = (Path(folder) / "home" / "wattbook.db").stat().st_size / 1e6
            print(f"{frames:9} frames: {done.stdout.strip()}, database {database:.0f} MB")
