"""`python -m bench [NAME…]`: run all benchmarks, or those named; each is a module bench_NAME with a function main.

`python -m bench NAME --OPTION…`: one of them, with options, where it has some.
"""

import sys
from importlib import import_module
from inspect import signature
from pathlib import Path


def main() -> None:
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    words = sys.argv[1:]
    first = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    if not words[:first] and {"-h", "--help"} & set(words):
        print(f"{__doc__}\nThere are: {', '.join(known)}")
        return
    names, options = words[:first] or known, words[first:]
    if unknown := set(names) - set(known):
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    mains = {name: import_module(f"bench.bench_{name}").main for name in names}
    if options and not all(signature(main).parameters for main in mains.values()):
        sys.exit(f"{', '.join(names)}: not all of these have options; name one that has, before its options")
    for name, main in mains.items():
        print(f"\n== {name}")
        main(options) if options else main()


main()
