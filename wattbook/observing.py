"""What a worker shows of itself: how far it is, whether it gets on, and what it has counted.

    pump ──▶ Observed ──▶ lanes            each batch is counted and timed
      └────▶ Meters ──▶ /health, /metrics, and a line of the log every SAY_EVERY_S seconds while there is work

Nothing of what a message holds is shown: no station, no token, no amount.
"""

import errno
import json
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from streams.log import LogUnusable
from streams.places import OFFICE, Lane, Offset, Partition, Taken
from streams.pump import Fenced, Lanes
from wattbook.database import DatabaseError
from wattbook.progress import Progress, told
from wattbook.settings import SettingsError

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, of no use here

SAY_EVERY_S = 10
CLIENTS_MAX = 16
_CLIENT_S_MAX = 5  # for what it has to say
_MOMENT_S = 2
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LABELS = {"quarantined": "reason", "finding": "finding", "rejected": "reason", "signature": "verdict"}  # of tallies
_BATCH_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

Say = Callable[..., None]


class Waits:
    """For a lane that another holds: mostly an invoice run, which may hold all of them for minutes. To wait for it is no fault,
    and no reason to start the worker again. Waits of a moment, as where workers meet at the office, count for nothing.

    `what`: is waited for now; None: nothing is.
    """

    def __init__(self, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self.what: str | None = None
        self.ended = clock()  # when the last long one did

    @contextmanager
    def until_free(self, lane: Lane) -> Iterator[None]:
        """Around the waiting."""
        began, what = self._clock(), "the office" if lane == OFFICE else f"partition {lane - 1}"
        facts = {"lane": what, "why": "an invoice run or another worker holds it; nothing is lost"}
        timer = threading.Timer(_MOMENT_S, self._say, ("waits_for_lane",), facts)
        timer.daemon = True
        timer.start()
        self.what = what
        try:
            yield
        finally:
            timer.cancel()
            self.what, now = None, self._clock()
            if now - began >= _MOMENT_S:
                self.ended = now
                self._say("waited_for_lane", lane=what, seconds=round(now - began, 1))


class Meters:
    """The numbers of one worker, and `streams.intake.Watch` of its pump. `stall_s`: how long may it get nowhere."""

    def __init__(
        self,
        say: Say,
        stall_s: int,
        tally: Tally[str],
        waits: Waits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._stall_s, self._clock = say, stall_s, clock
        self._waits = waits or Waits(say, clock)
        self._lock = threading.Lock()
        self._progress = Progress(clock)
        self._heard = clock()  # when the brokers answered last
        self.processed = 0
        self.registry = CollectorRegistry()
        self.registry.register(_Tallied(tally))
        self._messages = Counter("wattbook_messages", "Messages that were processed and committed.", registry=self.registry)
        self._seconds = Histogram(
            "wattbook_batch_seconds", "Time of a batch to its commit.", buckets=_BATCH_SECONDS, registry=self.registry
        )
        self._rebalances = Counter("wattbook_rebalances", "How often partitions were shared out.", registry=self.registry)
        self._fenced = Counter("wattbook_fenced", "Batches given up to another worker.", registry=self.registry)
        self._position = self._gauge("wattbook_position", "The next offset to be processed.", "partition")
        self._lag = self._gauge("wattbook_lag_messages", "Messages in the topic that are not processed.", "partition")
        self._last_commit = self._gauge("wattbook_last_commit_timestamp_seconds", "When a batch was committed last.")
        self._last_heard = self._gauge("wattbook_kafka_heard_timestamp_seconds", "When the brokers answered last.")

    def say(self, event: str, /, **facts: object) -> None:
        self._say(event, **facts)

    def rebalanced(self, partitions: Collection[Partition]) -> None:
        self._rebalances.inc()
        with self._lock:
            for partition in self._progress.next.keys() - set(partitions):
                self._drop(partition)
        self._say("partitions_shared_out", ours=",".join(map(str, partitions)) or "none")

    def ends(self, ends: Mapping[Partition, Offset], held: Collection[Partition] = ()) -> None:
        with self._lock:
            self._heard = self._clock()
            self._last_heard.set_to_current_time()
            self._progress.heard(ends, held)
            self._show()

    def owned(self, partition: Partition, offset: Offset) -> None:
        with self._lock:
            self._progress.owned(partition, offset)
            self._show()

    def given_back(self, partition: Partition) -> None:
        with self._lock:
            self._drop(partition)

    def committed(self, partition: Partition, messages: int, seconds: float, offset: Offset) -> None:
        self._messages.inc(messages)
        self._seconds.observe(seconds)
        self._last_commit.set_to_current_time()
        with self._lock:
            self.processed += messages
            self._progress.committed(partition, offset)
            self._show()

    def fenced(self) -> None:
        self._fenced.inc()

    @property
    def lag(self) -> dict[Partition, int]:
        """Messages that wait, by partition, as far as the ends are known."""
        return self._progress.lag

    def health(self) -> dict[str, object]:
        """Empty `wrong` where all is well. Who waits for a lane hears and commits nothing: that time does not count."""
        with self._lock:
            now, waits_for = self._clock(), self._waits.what
            free_since = now if waits_for else self._waits.ended
            silent_s = now - max(self._heard, free_since)
            stuck = self._progress.stuck(self._stall_s, free_since)
            silence = [f"Kafka has not answered for {silent_s:.0f} s"] if silent_s > self._stall_s else []
            return {
                "wrong": [*silence, *told(stuck)],
                "waits_for": waits_for,
                "lag": sum(self.lag.values()),
                "stuck": [one.partition for one in stuck],
                "partitions": sorted(self._progress.next),
                "messages": self.processed,
            }

    def _show(self) -> None:
        for partition, offset in self._progress.next.items():
            self._position.labels(partition).set(offset)
        for partition, messages in self.lag.items():
            self._lag.labels(partition).set(messages)

    def _drop(self, partition: Partition) -> None:
        for gauge in (self._position, self._lag):
            gauge.remove(partition)
        self._progress.dropped(partition)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self.registry)


class _Tallied(Collector):
    """What the lanes counted by names of their own: `quarantined: key_missing` is wattbook_quarantined_total{reason=…}."""

    def __init__(self, tally: Tally[str]) -> None:
        self._tally = tally

    def collect(self) -> Iterator[CounterMetricFamily]:
        families = {
            name: CounterMetricFamily(f"wattbook_{name}", f"By {label}.", labels=[label]) for name, label in _LABELS.items()
        }
        others = CounterMetricFamily("wattbook_steps", "What else the steps counted.", labels=["what"])
        for name, count in self._tally.copy().items():
            kind, _, value = name.partition(": ")
            (families[kind] if value and kind in families else others).add_metric([value or kind], count)
        yield from families.values()
        yield others


class Observed:
    """`streams.pump.Lanes` before others. What the database refuses is told as what it is, without a traceback."""

    def __init__(self, lanes: Lanes, meters: Meters) -> None:
        self._lanes, self._meters = lanes, meters

    def assigned(self, partition: Partition) -> Offset:
        with _told(self._meters):
            offset = self._lanes.assigned(partition)
        self._meters.owned(partition, offset)
        return offset

    def revoked(self, partition: Partition) -> None:
        self._meters.given_back(partition)
        with _told(self._meters):
            self._lanes.revoked(partition)

    def process(self, partition: Partition, records: Sequence[Taken], may_skip: bool = False) -> Offset:
        began = time.perf_counter()
        with _told(self._meters):
            offset = self._lanes.process(partition, records, may_skip)
        self._meters.committed(partition, len(records), time.perf_counter() - began, offset)
        return offset

    def settle(self) -> None:
        with _told(self._meters):
            self._lanes.settle()


@contextmanager
def _told(meters: Meters) -> Iterator[None]:
    try:
        yield
    except Fenced:
        meters.fenced()
        raise
    except DatabaseError as error:
        raise LogUnusable(str(error)) from error


@contextmanager
def shown(meters: Meters, host: str, port: int, or_any: bool = False) -> Iterator[str]:
    """Answer /health and /metrics, and say how it goes, until the block ends. The URL.

    Where somebody listens there already: `or_any`, any port that is free; else SettingsError.
    """

    class Answers(BaseHTTPRequestHandler):
        timeout = _CLIENT_S_MAX

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/health":
                    health = meters.health()
                    self._answer(503 if health["wrong"] else 200, "application/json", json.dumps(health).encode() + b"\n")
                case "/metrics":
                    self._answer(200, _METRICS_TYPE, generate_latest(meters.registry))
                case _:
                    self._answer(404, "text/plain", b"there are /health and /metrics\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Who asks is of no interest."""

    over = threading.Event()
    with _listening(meters, host, port, or_any, Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        threading.Thread(target=_say_how_it_goes, args=(meters, over), daemon=True).start()
        try:
            yield f"http://{host}:{server.server_port}"
        finally:
            over.set()
            server.shutdown()


class _Server(ThreadingHTTPServer):
    """Answers so many at once and hangs up on others: who asks for figures must not take the worker's threads and files."""

    def __init__(self, at: tuple[str, int], answers: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(CLIENTS_MAX)
        super().__init__(at, answers)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is of no interest; it would be told with a traceback."""


def _listening(meters: Meters, host: str, port: int, or_any: bool, answers: type[BaseHTTPRequestHandler]) -> _Server:
    try:
        return _Server((host, port), answers)
    except OSError as error:
        taken = f"port {port} of {host} is taken (by another worker?)"
        if error.errno != errno.EADDRINUSE:
            raise SettingsError(f"port {port} of {host} cannot be listened on: {error.strerror}: see --port") from error
        if not or_any:
            raise SettingsError(f"{taken}: give this one --port 0, or another WATTBOOK_WORKER_PORT") from error
    meters.say("port_taken", why=taken, instead="any that is free")
    return _Server((host, 0), answers)


def _say_how_it_goes(meters: Meters, over: threading.Event) -> None:
    """A line every so often, unless there was nothing to do."""
    before = 0
    while not over.wait(SAY_EVERY_S):
        processed, lag = meters.processed, sum(meters.lag.values())
        if processed != before or lag:
            done = processed - before
            meters.say("worked", messages=done, per_s=round(done / SAY_EVERY_S, 1), lag=lag)
        before = processed
