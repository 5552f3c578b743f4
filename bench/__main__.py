"""`python -m bench [NAME…]`: run all benchmarks, or those named; each is a module bench_NAME with a function main."""

import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    names = sys.argv[1:] or known
    if unknown := set(names) - set(known):
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    for name in names:
        print(f"\n== {name}")
        import_module(f"bench.bench_{name}").main()


main()
