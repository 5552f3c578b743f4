"""How a worker tells why it ends: the place of a mistake of ours, and never what a message holds."""

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.faust_runtime import _Lines
from streams.mistakes import Poisoned, told
from tests.kafka.pump_process import Lines
from vocabulary.identity import Position

ROOT = Path(__file__).parent.parent.parent
MARK = "idTag 04A2B3C4D5E680"

ENDS = """
from streams.kafka_connection import BrokerUnavailable
from streams.mistakes import Poisoned
from streams.process_end import end_now
from tests.kafka.pump_process import Lines
from vocabulary.identity import Position

def look_up(frame):
    return dict()[frame]

def step(frame):
    try:
        look_up(frame)
    except LookupError as error:
        raise {raised}

try:
    step(" ".join(["idTag", "04A2B3C4D5E680"]))
except Exception as error:
    end_now(error, Lines())
"""


def ended_by(raised: str) -> str:
    command = [sys.executable, "-P", "-c", ENDS.format(raised=raised)]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 70
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        ("ValueError(frame) from error", "ValueError in __main__.step"),
        ("RuntimeError(frame)", "RuntimeError in __main__.step"),
        ("Poisoned(Position(4097), error) from error", "the steps fail on input 4097: KeyError in __main__.look_up"),
    ],
)
def test_a_mistake_is_told_by_its_places_and_quotes_nothing(raised: str, says: str) -> None:
    told = ended_by(raised)
    assert MARK not in told
    assert says in told
    assert "KeyError, raised in" in told, "what it came from is told too"
    assert "in look_up" in told


def test_a_failure_of_the_outside_explains_itself() -> None:
    assert "start again when it is there" in ended_by("BrokerUnavailable('start again when it is there') from error")
    assert "the disk is full" in ended_by("OSError('the disk is full') from error")
    assert MARK not in ended_by("OSError('the disk is full') from error")


def test_poison_is_told_by_its_place() -> None:
    with pytest.raises(KeyError) as raised:
        {}[MARK]
    assert MARK not in str(Poisoned(Position(1), raised.value))
    assert told(raised.value) == f"KeyError in {__name__}.test_poison_is_told_by_its_place"


@pytest.mark.parametrize(
    "logs",
    [
        lambda logger: logger.error("[^Worker]: crashed: %r", ValueError(MARK)),
        lambda logger: logger.exception("[^Agent]: %r", f"<Event: {MARK}>"),
        lambda logger: logger.error(f"Task exception was never retrieved\nfuture: <Task exception=ValueError({MARK!r})>"),  # noqa: G004
    ],
)
def test_what_faust_logs_is_told_without_what_it_quotes(
    logs: Callable[[logging.Logger], None], capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.Logger("faust")
    logger.addHandler(_Lines(Lines()))
    try:
        raise ValueError(MARK)
    except ValueError:
        logs(logger)
    said = capsys.readouterr().err
    assert '"event": "faust"' in said
    assert MARK not in said
