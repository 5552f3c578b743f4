"""Twice, shuffled, split, killed: the same sessions, rated lines, entries, balances and documents."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from tests.first_light.homes import CAPTURES, imported, new_home, with_invoices
from tests.first_light.shuffle import Line, shuffled
from wattbook.importing import import_files
from wattbook.settings import read_settings
from wattbook.wiring import create_app


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A home after one ordinary import, and its digests."""
    home = tmp_path_factory.mktemp("plain") / "home"
    return home, with_invoices(imported(home, CAPTURES))


def _lines() -> list[Line]:
    return [json.loads(line) for path in CAPTURES for line in path.read_text().splitlines()]


def _written(path: Path, lines: list[Line]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_importing_twice_changes_nothing(plain: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    app = imported(tmp_path / "home", CAPTURES + CAPTURES, vault=plain[0] / "vault.json")
    again = import_files(app.runtime, CAPTURES, 500)
    assert again.new_messages == 0
    assert with_invoices(app) == plain[1]


@pytest.mark.parametrize("seed", range(12))
def test_the_order_that_ocpp_allows_changes_nothing(seed: int, plain: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    lines = shuffled(_lines(), Random(seed))
    app = imported(tmp_path / "home", (_written(tmp_path / "shuffled", lines),), vault=plain[0] / "vault.json", batch=7)
    assert _concluded(with_invoices(app)) == _concluded(plain[1]), f"seed {seed}"


def _concluded(digests: dict[str, str]) -> dict[str, str]:
    """A retry under another message id is another message; what is concluded is the same."""
    return {kind: digest for kind, digest in digests.items() if kind not in ("Event", "State")}


def test_the_order_among_stations_changes_nothing_at_all(plain: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    assert {"Event", "State"} < plain[1].keys()
    assert with_invoices(imported(tmp_path / "home", CAPTURES[::-1], vault=plain[0] / "vault.json")) == plain[1]


def test_splitting_the_import_in_two_changes_nothing(plain: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    lines = _lines()
    files = (_written(tmp_path / "first", lines[:37]), _written(tmp_path / "second", lines[37:]))
    assert with_invoices(imported(tmp_path / "home", files, vault=plain[0] / "vault.json")) == plain[1]


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_the_size_of_batches_changes_nothing(batch: int, plain: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    assert with_invoices(imported(tmp_path / "home", CAPTURES, vault=plain[0] / "vault.json", batch=batch)) == plain[1]


def test_ten_kills_at_random_moments_change_nothing(plain: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """`kill -9` of the importing process; what it made durable is there, what it had not done is done by the next."""
    seed = int(os.environ.get("TEST_SEED", time.time_ns() % 10**6))
    random = Random(seed)
    home = tmp_path / "home"
    new_home(home, vault=plain[0] / "vault.json").close()
    kills = 0
    for attempt in range(60):
        process = _importing(home)
        _wait_for_progress(process, home, random)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        if kills == 10:
            break
        if attempt % 2 and process.returncode == 0:  # it had nothing left to be killed in: begin anew
            home = tmp_path / f"home-{attempt}"
            new_home(home, vault=plain[0] / "vault.json").close()
    assert kills == 10, f"seed {seed}"
    app = create_app(read_settings(home=home))
    import_files(app.runtime, CAPTURES, 500)
    assert with_invoices(app) == plain[1], f"seed {seed}"


def _importing(home: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"WATTBOOK_BATCH_SIZE": "1"}
    command = [sys.executable, "-m", "wattbook", "--home", str(home), "import", *map(str, CAPTURES)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for_progress(process: subprocess.Popen[bytes], home: Path, random: Random) -> None:
    """Until the process writes, then a random moment longer."""
    wal, deadline = home / "wattbook.db-wal", time.monotonic() + 20
    while process.poll() is None and not (wal.exists() and wal.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.25))
