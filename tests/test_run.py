"""`./run`, in a folder of its own whose .venv is there and whose Kafka is not: who asks for help has nothing fetched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("sh", "cat", "cksum", "dirname", "rm", "mkdir", "cp", "sed")  # and no dpkg-query: it looks for no packages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("run", "requirements.txt", "pyproject.toml", "broker/pom.xml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in TOOLS:
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    for path, does in (
        (".venv/bin/python", 'echo "python $*"'),
        (".venv/bin/wattbook", 'echo "wattbook $*"'),
        ("bin/mvn", "echo mvn; mkdir -p .kafka/libs"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / path).chmod(0o755)
    stamp = 'echo "$PWD $(.venv/bin/python -V 2>/dev/null) $(cat requirements.txt pyproject.toml | cksum)" >.venv/stamp'
    subprocess.run(["sh", "-c", stamp], cwd=tmp_path, check=True)
    return tmp_path


def said(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["./run", *words],
        cwd=folder,
        env=os.environ | {"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "does"),
    [
        (("bench", "--help"), "python -m bench --help\n"),
        (("bench", "ledger", "-h"), "python -m bench ledger -h\n"),
        (("faults", "--help"), "python -m tests.faults --help\n"),
        (("dev", "--help"), "wattbook dev --help\n"),
    ],
)
def test_who_asks_for_help_waits_for_no_servers(folder: Path, words: tuple[str, ...], does: str) -> None:
    assert said(folder, *words) == does


def test_what_needs_kafka_fetches_it_once(folder: Path) -> None:
    assert "fetching Apache Kafka" in (first := said(folder, "bench", "ledger")) and "mvn" in first
    assert said(folder, "bench", "ledger") == "python -m bench ledger\n"


def test_bench_tells_what_there_is() -> None:
    done = subprocess.run([sys.executable, "-m", "bench", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "There are: decode, " in done.stdout and "==" not in done.stdout
