"""`python -m wattbook` is the command `wattbook`, and this is where both begin.

Reading the program takes a second. Ctrl-C ends it at once meanwhile; as an exception it would be a traceback of some import.
"""

import signal


def main() -> None:
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not where a shell ignores it for its jobs
    if is_ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from wattbook.cli import main as run

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
