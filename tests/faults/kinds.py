"""The faults: what is done to a site's processes and servers while messages flow, each by one function that undoes it.

worker killed        kill -9
worker stopped       stands still for longer than its group waits for it, then goes on: a zombie, whose partitions are others'
worker replaced      SIGTERM, then a new one: a rebalance in the middle of whatever was being done
worker joins         one more for a while, then it leaves: two rebalances
  ... in a batch     it comes while another one stands in the middle of a batch, which ends only when the rebalance has begun
broker killed        kill -9 of one of three, and some seconds later it comes back
postgres crashed     as when the power fails: the write-ahead log is replayed
postgres restarted   open transactions are rolled back, connections are closed
relay, sealer        kill -9
"""

import signal
import time
from collections.abc import Callable, Iterator
from random import Random

from streams.kafka_client import SESSION_S
from tests.one_result.site import WAIT_S, Site, tolerant, wait_until
from wattbook.dev_kafka import KafkaCluster
from wattbook.dev_postgres import PostgresServer

WEIGHTS = {
    "worker killed": 10,
    "worker stopped": 3,
    "worker replaced": 4,
    "worker joins": 3,
    "worker joins in a batch": 3,
    "broker killed": 7,
    "postgres crashed": 4,
    "postgres restarted": 3,
    "relay killed": 4,
    "sealer killed": 3,
}
KILLS = frozenset(kind for kind in WEIGHTS if kind.endswith(("killed", "crashed")))


class Faults:
    """On one or several sites over the same servers: what befalls a server befalls all of them."""

    def __init__(self, sites: dict[str, Site], cluster: KafkaCluster, postgres: PostgresServer, random: Random) -> None:
        """`sites`: by the engine of their workers."""
        self.sites, self._cluster, self._postgres, self._random = sites, cluster, postgres, random
        self._workers = dict.fromkeys(sites, 0)  # how many were ever started
        self._do: dict[str, Callable[[], None]] = {
            "worker killed": lambda: self._kill("worker"),
            "worker stopped": self._stop_a_worker,
            "worker replaced": self._replace_a_worker,
            "worker joins": self._let_a_worker_join,
            "worker joins in a batch": self._let_a_worker_join_in_a_batch,
            "broker killed": self._kill_a_broker,
            "postgres crashed": self._crash_postgres,
            "postgres restarted": postgres.restart,
            "relay killed": lambda: self._kill("relay"),
            "sealer killed": lambda: self._kill("sealer"),
        }
        assert self._do.keys() == WEIGHTS.keys()

    def start(self, workers: int = 2) -> None:
        """The processes of every site."""
        for engine, site in self.sites.items():
            for _ in range(workers):
                self._start_worker(engine)
            site.start("relay", "relay")
            site.start("sealer", "seal", "run", "--records", "500", "--seconds", "5")

    def do(self, kind: str) -> None:
        """Do it and undo it; returns when everything was started again."""
        self._do[kind]()

    def some(self, kills: int) -> Iterator[str]:
        """Kinds by chance until so many of them are kills; others come beside. Each kind at least once, if there is room."""
        kinds = [*WEIGHTS][:kills]
        while (wanted := kills - sum(kind in KILLS for kind in kinds)) > 0:
            kinds += self._random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=wanted)
        self._random.shuffle(kinds)
        yield from kinds

    def _kill(self, name: str) -> None:
        for site in self.sites.values():
            site.kept[self._one(site, name)].send(signal.SIGKILL)

    def _stop_a_worker(self) -> None:
        stopped = [site.kept[self._one(site, "worker")] for site in self.sites.values()]
        for worker in stopped:
            worker.send(signal.SIGSTOP)
        time.sleep(SESSION_S + 2)
        for worker in stopped:
            worker.send(signal.SIGCONT)

    def _replace_a_worker(self) -> None:
        for engine, site in self.sites.items():
            left = self._one(site, "worker")
            self._start_worker(engine)
            self._end(site, left)

    def _let_a_worker_join(self) -> None:
        joined = {engine: self._start_worker(engine) for engine in self.sites}
        time.sleep(self._random.uniform(3, 6))
        for engine, site in self.sites.items():
            self._end(site, joined[engine])

    def _let_a_worker_join_in_a_batch(self) -> None:
        for engine, site in self.sites.items():
            wait_until(lambda site=site: tolerant(lambda: bool(site.committed())), WAIT_S, lambda: "the database answers")
            with site.batches_held():
                joined = self._start_worker(engine)
                wait_until(
                    lambda site=site: site.group_state() == "PreparingRebalance", 25, lambda: "the group shares out anew"
                )
            time.sleep(self._random.uniform(1, 3))
            self._end(site, joined)

    def _kill_a_broker(self) -> None:
        node = self._random.choice(self._cluster.nodes)
        self._cluster.kill(node)
        time.sleep(self._random.uniform(0, 6))
        self._cluster.start(node)

    def _crash_postgres(self) -> None:
        self._postgres.crash()
        time.sleep(self._random.uniform(0, 2))
        self._postgres.start()

    def _start_worker(self, engine: str) -> str:
        self._workers[engine] += 1
        name = f"worker-{self._workers[engine]}"
        self.sites[engine].worker(name, engine)
        return name

    def _one(self, site: Site, name: str) -> str:
        return self._random.choice([kept for kept in site.kept if kept.startswith(name)])

    def _end(self, site: Site, name: str) -> None:
        """A worker that is told to end does so, at the latest after ten seconds; what it could not finish others do."""
        status = site.stop(name)[name]
        assert status != -signal.SIGKILL, f"{name} did not end within 10 s of SIGTERM"
