"""What stations notice of a server that has many of them, and what it costs: answer times, memory, CPU, lost frames.

    python -m bench stations [--stations 2000] [--seconds 60] [--samples 180]

A server as a user starts it, on SQLite, and one process that is all the stations (`bench.station_load`). Half of them charge,
in sessions of every age, of which the database knows what was said before. An answer is counted from before its call is sent
until the station has it. Lost is what was answered and is not in the log, or not once, or not in its order, and what was never
answered. Beside it the disk is asked for a page now and then: where others keep it busy, no server answers quicker.
"""

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from bench.network import new_app
from bench.station_load import DEAF, FLOODING, SAID, Outcome, Plan, Said
from bench.station_talk import EVERY_S, Talk, before, transaction_before
from streams.embedded_runtime import Input
from streams.log import Stream
from vocabulary.charging import Direction, RawMessage
from vocabulary.codec import decode
from vocabulary.identity import Position
from wattbook.settings import read_settings
from wattbook.wiring import open_app

P99_MAX_S = 0.2
_FILES_BESIDE = 200
_AT_ONCE = 2000
_TICKS = os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str] = ()) -> None:
    options = _options(arguments)
    _allow_files(options.stations + _FILES_BESIDE)
    with tempfile.TemporaryDirectory(prefix="wattbook-bench-") as folder:
        home, began = Path(folder) / "home", datetime.now(UTC)
        plan = Plan(0, options.stations, options.samples, options.seconds, began, folder)
        known = _prepare(home, plan)
        print(
            f"{options.stations} stations, half of 1.6 and half of 2.0.1, a call each {EVERY_S} s; half of them charge, "
            f"{known} messages of that before"
        )
        with _server(home, Path(folder) / "serve.log") as (process, port):
            plan.port = port
            outcome, used = _measure(process, plan)
        lost = _lost(home, Path(folder) / SAID)
        holds = _report(outcome, used, lost, Path(folder) / "serve.log")
    if not holds:
        sys.exit(1)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench stations")
    parser.add_argument("--stations", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=60, help="for which is measured")
    parser.add_argument("--samples", type=int, default=180, help="meter values of a session")
    return parser.parse_args(arguments)


def _allow_files(wanted: int) -> None:
    """Each connection is an open file, here and in the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(
            f"so many stations need {wanted} open files, and this user may have {hard}: raise `ulimit -Hn`, or --stations less"
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _prepare(home: Path, plan: Plan) -> int:
    """A home that knows what was said before of the sessions that run; how many messages that is."""
    app, count = new_app(home, plan.stations), 0
    waiting: list[RawMessage] = []
    for number in range(plan.stations):
        waiting += _said_before(Talk(number, plan.samples), plan.began)
        if len(waiting) >= _AT_ONCE or number + 1 == plan.stations:
            app.runtime.append([Input(Stream.RAW, message.station, message) for message in waiting])
            app.runtime.pump()
            count += len(waiting)
            waiting = []
    app.close()
    return count


def _said_before(talk: Talk, now: datetime) -> Iterator[RawMessage]:
    for at, message_id, action, payload in before(talk, now):
        frames = [(Direction.FROM_STATION, [2, message_id, action, payload])]
        if action == "StartTransaction":
            answer = {"transactionId": transaction_before(talk.number), "idTagInfo": {"status": "Accepted"}}
            frames.append((Direction.TO_STATION, [3, message_id, answer]))
        for direction, frame in frames:
            text = msgspec.json.encode(frame).decode()
            yield RawMessage(
                station=talk.station,
                frame=text,
                direction=direction,
                protocol=talk.protocol,
                received_at=at,
                security_profile=0,
            )


@contextmanager
def _server(home: Path, log: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    command = [sys.executable, "-m", "wattbook", "--home", str(home), "serve", "--port", "0", "--security-profile", "0"]
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r":(\d+)/", process.stdout.readline())
        if found is None:
            sys.exit(f"the server did not start:\n{log.read_text()}")
        yield process, int(found[1])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            sys.exit(f"the server did not stop within 30 s:\n{log.read_text()[-2000:]}")


class Used(NamedTuple):
    """What a while took. Shares are of one core; `others`: what neither server nor stations used, of all cores."""

    server: float
    stations: float
    others: float
    cores: int
    rss_mb: float
    pss_mb: float
    peak_mb: float
    disk_s: list[float]


def _measure(server: "subprocess.Popen[str]", plan: Plan) -> tuple[Outcome, Used]:
    command = [sys.executable, "-m", "bench.station_load"]
    load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert load.stdin is not None
    assert load.stdout is not None
    load.stdin.write(msgspec.json.encode(plan))
    load.stdin.close()
    _line(load.stdout, b"begins")
    before_, began, over, disk_s = _cpu_s(server.pid, load.pid), time.monotonic(), threading.Event(), list[float]()
    probe = threading.Thread(target=_probe_disk, args=(Path(plan.folder) / "probe", over, disk_s))
    probe.start()
    _line(load.stdout, b"ends")
    over.set()
    probe.join()
    after, seconds = _cpu_s(server.pid, load.pid), time.monotonic() - began
    memory = _memory_mb(server.pid)
    outcome = msgspec.json.decode(load.stdout.read(), type=Outcome)
    load.wait()
    ours, theirs, all_ = ((b - a) / seconds for a, b in zip(before_, after, strict=True))
    return outcome, Used(ours, theirs, all_ - ours - theirs, os.cpu_count() or 1, *memory, disk_s)


def _probe_disk(file: Path, over: threading.Event, seconds: list[float]) -> None:
    """How long the disk takes for a page, ten times a second: no answer can be quicker than two of these."""
    with file.open("wb", buffering=0) as probe:
        while not over.wait(0.1):
            began = time.perf_counter()
            probe.write(bytes(4096))
            os.fdatasync(probe.fileno())
            seconds.append(time.perf_counter() - began)


def _line(stream: IO[bytes], wanted: bytes) -> None:
    if stream.readline().strip() != wanted:
        sys.exit("the process of the stations ended early")


def _cpu_s(*processes: int) -> tuple[float, ...]:
    """Of each process, and of the whole machine."""
    each = (Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13] for process in processes)
    machine = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    busy = sum(machine) - machine[3] - machine[4]  # idle, and waiting for disks
    return (*(sum(map(int, words)) / _TICKS for words in each), busy / _TICKS)


def _memory_mb(process: int) -> tuple[float, float, float]:
    rolled = dict(re.findall(r"(\w+): +(\d+) kB", Path(f"/proc/{process}/smaps_rollup").read_text()))
    peak = dict(re.findall(r"(\w+):\s+(\d+) kB", Path(f"/proc/{process}/status").read_text()))["VmHWM"]
    return int(rolled["Rss"]) / 1024, int(rolled["Pss"]) / 1024, int(peak) / 1024


def _lost(home: Path, said: Path) -> list[str]:
    """What was answered and is not in the log as it was said; or an answer that is not there."""
    frames: dict[str, list[str]] = defaultdict(list)
    answers: dict[str, list[str]] = defaultdict(list)
    with said.open("rb") as lines:
        for each in sorted((msgspec.json.decode(line, type=Said) for line in lines), key=lambda each: each.place):
            frames[each.station].append(each.frame)
            if each.answer is not None:
                answers[each.station].append(each.answer)
    logged: dict[tuple[str, Direction], list[str]] = defaultdict(list)
    for message in _logged(home):
        logged[message.station, message.direction].append(message.frame)
    return [
        f"{station}: {text}"
        for direction, told in ((Direction.FROM_STATION, frames), (Direction.TO_STATION, answers))
        for station, texts in told.items()
        for text in _missing(texts, logged[station, direction])
    ]


def _missing(told: list[str], logged: list[str]) -> list[str]:
    """What was told and does not stand in the log once, and in this order."""
    places = {text: place for place, text in enumerate(logged)}
    counts, last, missing = Counter(logged), -1, []
    for text in told:
        if counts[text] != 1 or places[text] < last:
            missing.append(f"{counts[text]} times, at {places.get(text)} after {last}: {text}")
        last = places.get(text, last)
    return missing


def _logged(home: Path) -> Iterator[RawMessage]:
    app = open_app(read_settings(home=home))
    position = Position(0)
    while True:
        with app.reading() as store:
            chunk = store.log.read((Stream.RAW,), position, _AT_ONCE)
        if not chunk:
            break
        position = chunk[-1].position
        for stored in chunk:
            message = decode(stored.body)
            assert isinstance(message, RawMessage)
            yield message
    app.close()


def _report(outcome: Outcome, used: Used, lost: list[str], log: Path) -> bool:
    """Whether the limit holds and nothing was lost."""
    p99 = _percentile(outcome.answers_s, 99)
    print(f"answers   {len(outcome.answers_s)}: {_spread(outcome.answers_s)}; {outcome.unanswered} never came")
    print(f"          p99 is {p99 / P99_MAX_S:.2f} of the limit of {_ms(P99_MAX_S)}")
    print(f"          the stations' process was late by itself: {_spread(outcome.lag_s)}")
    print(f"          a page written to the same disk meanwhile: {_spread(used.disk_s)}; an answer waits for three")
    print(f"lost      {len(lost)} frames; {len(outcome.lost_connections)} connections of others than the hostile")
    for each in [*lost[:3], *outcome.lost_connections[:3]]:
        print(f"          {each[:118]}")
    print(f"CPU       server {used.server:.2f} cores, stations {used.stations:.2f}, all else {used.others:.2f} of {used.cores}")
    print(f"memory    server {used.rss_mb:.0f} MB resident, {used.pss_mb:.0f} MB its share; {used.peak_mb:.0f} MB at most")
    lines = [msgspec.json.decode(line) for line in log.read_text().splitlines() if line.startswith("{")]
    for name, station, told in (("floods", FLOODING, outcome.flood), ("deaf", DEAF, outcome.deaf)):
        print(f"{name:9} {', '.join(f'{what} {count}' for what, count in told.items())}; the server: {_ends(lines, station)}")
    return p99 < P99_MAX_S and not lost and not outcome.unanswered and not outcome.lost_connections


def _ends(lines: list[dict[str, object]], station: str) -> str:
    """What the server's log says of a station, but that it was connected."""
    ends = (line for line in lines if line.get("station") == station and line["event"] != "station_connected")
    counts = Counter(f"{line['event']} {line.get('code', '')}".strip() for line in ends)
    return ", ".join(f"{what} ({count})" for what, count in counts.items())


def _percentile(seconds: Sequence[float], percent: int) -> float:
    return sorted(seconds)[min(len(seconds) - 1, len(seconds) * percent // 100)]


def _spread(seconds: Sequence[float]) -> str:
    return f"p50 {_ms(_percentile(seconds, 50))}, p99 {_ms(_percentile(seconds, 99))}, longest {_ms(max(seconds))}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


if __name__ == "__main__":
    main(sys.argv[1:])
