"""Kill things at random moments while messages flow, and show that the result is the fold's: `./run faults`.

    python -m tests.faults --seed 1 --kills 50 --engine both

Three Kafka brokers, PostgreSQL, and for each engine a site of its own with two workers, a relay and a sealer, all on this
machine. A producer sends at a steady rate and repeats what was not acknowledged; a contract becomes known on the way. After the
last kill all comes to rest, invoices are drawn up, and everything is compared. Status 0: nothing is lost, nothing doubled, and
all digests are equal.
"""

import argparse
import secrets
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random, randrange

from tests.faults.kinds import KILLS, Faults
from tests.faults.recovery import Recovery, table
from tests.one_result.digests import Result
from tests.one_result.network import STATIONS, facts
from tests.one_result.published import repeats
from tests.one_result.pure_fold import fold
from tests.one_result.site import Fed, Feeder, Site, fed, messages_in, poison
from tests.one_result.traffic import recorded, sequence, visits
from tests.one_result.verdict import chains_broken, complaints, seals_broken
from tests.one_result.ways import RUN
from tests.servers import new_prefix
from vocabulary.charging import RawMessage
from vocabulary.codec import event_id
from vocabulary.rules import RULES
from wattbook.dev_kafka import KafkaCluster, new_cluster_id
from wattbook.dev_postgres import PostgresServer
from wattbook.dev_process import free_ports
from wattbook.dev_servers import temporary_folder
from wattbook.wiring import VERBS

PAUSE_S = (0.5, 7.0)  # between two faults


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument(
        "--seed", type=int, default=randrange(10**6), help="the same kills and messages; when they meet is chance"
    )
    asked.add_argument("--kills", type=int, default=50, help="of processes; restarts and workers that come and go are beside")
    asked.add_argument("--engine", choices=("faust", "plain", "both"), default="both")
    asked.add_argument("--rate", type=int, default=60, help="messages in a second, to each site")
    given = asked.parse_args()
    tell(f"seed {given.seed}: {given.kills} kills, engine {given.engine}, {given.rate} messages/s to each site")
    with temporary_folder() as folder:
        three = free_ports(6)
        cluster = KafkaCluster(folder / "kafka", new_cluster_id(), [*zip(three[::2], three[1::2], strict=True)])
        postgres = PostgresServer(folder / "postgres", *free_ports(1), secrets.token_hex(16))
        try:
            cluster.start()
            postgres.start()
            run = Run(given, folder, cluster, postgres)
            return run.to_end()
        finally:
            cluster.kill()
            postgres.stop()


class Run:
    def __init__(self, given: argparse.Namespace, folder: Path, cluster: KafkaCluster, postgres: PostgresServer) -> None:
        self._given, self._random, self._began = given, Random(given.seed), time.monotonic()
        engines = ("faust", "plain") if given.engine == "both" else (given.engine,)
        self._sites = {engine: _site(folder / engine, cluster, postgres) for engine in engines}
        self._faults = Faults(self._sites, cluster, postgres, self._random)
        self._messages = self._traffic()
        records = [*poison(), *fed(self._messages)]
        self._feeders = {engine: Feeder(site.options, records, given.rate) for engine, site in self._sites.items()}
        self._recoveries = {engine: Recovery(site, self._feeders[engine]) for engine, site in self._sites.items()}
        self._done: Counter[str] = Counter()  # faults, by kind

    def to_end(self) -> int:
        """The exit status."""
        try:
            self._kill_at_random_moments()
            found = [f"{engine}: {told}" for engine in self._sites for told in self._settle(engine)]
        except BaseException:
            tell(f"seed {self._given.seed}: failed after {self._told()}")
            self._tell_logs()
            raise
        finally:
            for site in self._sites.values():
                site.close()
        for told in found:
            tell(f"seed {self._given.seed}: {told}")
        if found:
            self._tell_logs()
        tell(f"seed {self._given.seed}: {'FAILED' if found else 'one result'}")
        return 1 if found else 0

    def _traffic(self) -> list[RawMessage]:
        """More than can be sent meanwhile: faults take up to half a minute each."""
        wanted = self._given.kills * 40 * self._given.rate
        rounds = max(2, wanted // (len(STATIONS) * 25))
        return sequence(self._random, [*visits(self._random, sorted(STATIONS), rounds), *recorded()])

    def _kill_at_random_moments(self) -> None:
        self._faults.start()
        for each in (*self._feeders.values(), *self._recoveries.values()):
            each.start()
        time.sleep(5)
        known_at = self._random.randrange(self._given.kills)
        for number, kind in enumerate(self._faults.some(self._given.kills)):
            if number == known_at:
                for site in self._sites.values():
                    threading.Thread(target=site.publish_late, daemon=True).start()
            time.sleep(self._random.uniform(*PAUSE_S))
            tell(f"{time.monotonic() - self._began:7.1f} s  {kind}")
            for recovery in self._recoveries.values():
                recovery.note(kind)
            self._faults.do(kind)
            self._done[kind] += 1
        time.sleep(15)
        for feeder in self._feeders.values():
            feeder.enough.set()

    def _settle(self, engine: str) -> list[str]:
        """Come to rest, compare and report; what is to be said against it."""
        site, feeder, recovery = self._sites[engine], self._feeders[engine], self._recoveries[engine]
        sent = feeder.finish()
        recovery.going.clear()
        site.publish_late()
        site.drain()
        site.run_invoices()
        known, late = facts(site.vault)
        messages = self._messages[: len(sent) - len(poison())]
        expected = fold([*known, *messages, *late, RUN]).money()
        found = complaints(site, sent, expected)
        self._report(engine, sent, messages, expected)
        restarts = {name: len(kept.ends) for name, kept in site.kept.items() if kept.ends}
        tell(f"  started again          {restarts}")
        site.stop()
        return found + chains_broken(site) + seals_broken(site)

    def _report(self, engine: str, sent: list[Fed], messages: list[RawMessage], expected: Result) -> None:
        site, feeder = self._sites[engine], self._feeders[engine]
        raw = site.raw()
        told = [event for message in messages_in(raw) for event in VERBS.decode(message, event_id, RULES)]
        result = site.result().money()
        tell(f"\n== {engine}: {self._told()} in {time.monotonic() - self._began:.0f} s")
        for kind, count in sorted(self._done.items()):
            tell(f"  {kind:<22}{count:>5}")
        tell(f"  records acknowledged   {len(sent)}, {len(sent) - len(messages)} of them poison")
        tell(
            f"  in the raw topic       {len(raw)}: {len(raw) - len(sent)} by a producer that sent again what it did not know of"
        )
        tell(f"  producer's outages     {len(feeder.outages)}, after each of which it sent again")
        tell(f"  events told            {len(told)}; told before and folded away {len(told) - len(result.events)}")
        tell(f"  repeats by the relay   {repeats(site)}, passed over by their place")
        tell(f"  events lost            {(expected.events - result.events).total()}")
        tell(f"  events doubled         {(result.events - expected.events).total()}")
        whose = "the" if result.invoices() == expected.invoices() else "NOT the"
        tell(f"  invoices               {len(result.invoices())}, {whose} fold's")
        for name, digest in result.digests().items():
            tell(f"  {name:<14}{'equal' if digest == expected.digests()[name] else 'NOT EQUAL'}  {digest}")
        tell("\n  from the fault until every partition has committed something newer, in seconds")
        tell(f"  {'':<20}{'times':>6}{'median':>10}{'max':>10}")
        for line in table(self._recoveries[engine].seconds()):
            tell(f"  {line}")

    def _told(self) -> str:
        kills = sum(count for kind, count in self._done.items() if kind in KILLS)
        return f"{kills} kills and {self._done.total() - kills} other faults"

    def _tell_logs(self) -> None:
        for engine, site in self._sites.items():
            for log in sorted(site.folder.glob("*.log")):
                tell(f"--- {engine} {log.name}\n{log.read_text(errors='replace')[-2500:]}")


def _site(folder: Path, cluster: KafkaCluster, postgres: PostgresServer) -> Site:
    folder.mkdir()
    return Site(folder, cluster.bootstrap, postgres.new_database(), new_prefix())


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
