"""What the pumps themselves cost: messages through Faust and through kafka-python into lanes that do nothing.

Beside them an idle Faust agent, tuned as far as Faust lets itself be tuned: uvloop, its Cython paths, aiokafka's log off, no
acknowledgements, 500 events at a time. One broker and one worker share the machine's cores; each worker is a process of its
own, and the time runs from its first message to its last.

    python -m bench faust
"""

import asyncio
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from streams.kafka_client import Admin, KafkaOptions, Publisher, Topic
from streams.places import Offset, Partition, Taken
from wattbook.dev_kafka import KafkaCluster, new_cluster_id
from wattbook.dev_process import free_ports

MESSAGES, PARTITIONS, STATIONS = 80_000, 4, 1_000
FRAME = b'[2,"%d","TransactionEvent",{%s}]'
TOPIC = "bench.raw"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cluster = KafkaCluster(Path(folder, "kafka"), new_cluster_id(), [tuple(free_ports(2))])  # type: ignore[list-item]
        try:
            cluster.start()
            _fill(cluster.bootstrap)
            idle = _measure("idle agent", cluster.bootstrap)
            for name in ("faust pump", "plain pump"):
                rate = _measure(name, cluster.bootstrap)
                print(f"{name:<12} {rate:10,.0f} messages/s    {name} / idle agent = {rate / idle:.2f}")
            print(f"{'idle agent':<12} {idle:10,.0f} messages/s")
        finally:
            cluster.kill()


def _fill(bootstrap: str) -> None:
    options = _options(bootstrap)
    with Admin(options) as admin:
        admin.create([Topic(TOPIC, PARTITIONS, 1, {})])
    with Publisher(options) as publisher:
        for number in range(MESSAGES):
            value = FRAME % (number, b"x" * 560)
            publisher.send(TOPIC, Partition(number % PARTITIONS), b"CS-%d" % (number % STATIONS), value)
        publisher.flush()


def _measure(name: str, bootstrap: str) -> float:
    command = [sys.executable, "-m", "bench.bench_faust", name, bootstrap]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if not done.stdout:
        sys.exit(f"{name}: {done.stderr}")
    return MESSAGES / float(done.stdout.split()[-1])


def _options(bootstrap: str) -> KafkaOptions:
    return KafkaOptions(servers=tuple(bootstrap.split(",")), prefix="bench.")


class Count:
    """Prints the seconds from the first message to the last, and ends the process."""

    def __init__(self) -> None:
        self._seen, self._begun_ns = 0, 0

    def add(self, messages: int) -> None:
        self._begun_ns = self._begun_ns or time.monotonic_ns()
        self._seen += messages
        if self._seen >= MESSAGES:
            print("\n", (time.monotonic_ns() - self._begun_ns) / 1e9, flush=True)  # Faust writes there, too
            os._exit(0)


class NoLanes:
    """`streams.pump.Lanes` without any work."""

    def __init__(self) -> None:
        self._count = Count()

    def assigned(self, _partition: Partition) -> Offset:
        return Offset(0)

    def revoked(self, _partition: Partition) -> None: ...

    def process(self, _partition: Partition, records: Sequence[Taken], **_: object) -> Offset:
        self._count.add(len(records))
        return Offset(records[-1].offset + 1)

    def settle(self) -> None: ...


class NoWatch:
    def say(self, event: str, /, **facts: object) -> None:
        print(event, facts, file=sys.stderr)

    def rebalanced(self, partitions: Collection[Partition]) -> None: ...

    def ends(self, ends: Mapping[Partition, Offset], held: Collection[Partition] = ()) -> None: ...


def run_idle_agent(bootstrap: str) -> None:
    import faust
    import uvloop

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    app = faust.App(
        f"bench-idle-{os.getpid()}",  # a group of its own each time: the last one's member is not given up for a minute
        loop=loop,
        broker=f"kafka://{bootstrap}",
        value_serializer="raw",
        key_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        cython_optimizations=True,
        datadir=tempfile.mkdtemp(),
    )
    count = Count()

    @app.agent(app.topic(TOPIC))
    async def idle(stream: Any) -> None:
        async for events in stream.noack().take(500, within=0.1):
            count.add(len(events))

    faust.Worker(app, loop=loop, quiet=True, redirect_stdouts=False, loglevel="ERROR").execute_from_commandline()


def run_pump(name: str, bootstrap: str) -> None:
    if name == "faust pump":
        from streams.faust_runtime import FaustPump as Pump
    else:
        from streams.plain_runtime import PlainPump as Pump  # type: ignore[assignment]
    Pump(TOPIC, "bench-" + name.replace(" ", "-"), _options(bootstrap), NoLanes(), NoWatch()).run()


if __name__ == "__main__":
    run_idle_agent(sys.argv[2]) if sys.argv[1] == "idle agent" else run_pump(*sys.argv[1:])
