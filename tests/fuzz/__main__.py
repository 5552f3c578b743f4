"""`./run fuzz [--minutes N] [--signed]`: let atheris look for bytes on which a promise of `ingest` or of the steps breaks
(tests/fuzz/targets.py), or of the readers of signed values (tests/fuzz/signed_targets.py).

Coverage-guided: atheris instruments our code and keeps the inputs that reach something new. It begins with every frame of
tests/data/ocpp, and with whole cases, files and bodies. What it finds is written to `crash-*` in the folder that it names, and
the status is not 0; put the bytes into tests/fuzz/test_fuzz.py, then mend.
"""

import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ingest", "streams", "vocabulary"]):
    from tests.fuzz.seeds import SIGNED, seeds
    from tests.fuzz.targets import one


def main() -> None:
    parser = ArgumentParser(prog="./run fuzz", description="Look for input on which reading breaks.")
    parser.add_argument("--minutes", type=int, default=10, help="how long (10)")
    parser.add_argument("--seed", type=int, default=1, help="of the fuzzer's choices (1)")
    parser.add_argument("--signed", action="store_true", help="only signed values of meters (tests/fuzz/signed_targets.py)")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wattbook-fuzz-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seed for seed in seeds() if not asked.signed or seed[:1] == SIGNED):
        (corpus / f"{number:05}").write_bytes(seed)
    options = [f"-max_total_time={asked.minutes * 60}", f"-seed={asked.seed}", "-max_len=16384", "-timeout=10"]
    options += [f"-artifact_prefix={folder}/", "-print_final_stats=1", "-rss_limit_mb=2048"]
    sys.stderr.write(f"{len(list(corpus.iterdir()))} seeds; what is found goes to {folder}\n")
    target = (lambda data: one(SIGNED + data[1:])) if asked.signed else one
    atheris.Setup([sys.argv[0], *options, str(corpus)], target)
    atheris.Fuzz()


main()
