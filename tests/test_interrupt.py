"""Ctrl-C is never answered by a traceback, not even while the program is still being read."""

import signal
import subprocess
import sys

import pytest

_INTERRUPTED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal: tests in the background have it ignored
from wattbook.__main__ import main

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == MODULE:
            os.kill(os.getpid(), signal.SIGINT)

MODULE = sys.argv.pop(1)
sys.meta_path.insert(0, Interrupting())
main()
"""


@pytest.mark.parametrize(
    ("module", "status", "said"),
    [
        ("wattbook.settings", -signal.SIGINT, ""),
        ("wattbook.commands.session", 1, "\nAborted!\n"),
        ("wattbook.wiring", 1, "\nAborted!\n"),
    ],
)
def test_ctrl_c_while_the_program_is_read_ends_it_without_a_traceback(module: str, status: int, said: str) -> None:
    command = [sys.executable, "-c", _INTERRUPTED, module, "session", "list"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, said)
