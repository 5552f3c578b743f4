"""(a) the fold, (b) the embedded runtime, (c) a worker on one broker, (d) two workers on three that are killed: one result.

Each with both engines. What a broker or PostgreSQL suffers here befalls the sites of both engines at once.
"""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.faults.kinds import Faults
from tests.one_result.digests import assert_same
from tests.one_result.network import STATIONS, facts
from tests.one_result.pure_fold import fold
from tests.one_result.site import Fed, Feeder, Site, fed, poison, tolerant, wait_until
from tests.one_result.traffic import recorded, sequence, visits
from tests.one_result.verdict import chains_broken, complaints, seals_broken
from tests.one_result.ways import RUN, embedded
from tests.servers import new_prefix
from vocabulary.charging import RawMessage
from wattbook.dev_kafka import KafkaCluster
from wattbook.dev_postgres import PostgresServer

ENGINES = ("faust", "plain")
ROUNDS = 6  # of visits to all stations
ENDS = {-signal.SIGKILL, 70, 1}  # killed; could not go on; could not begin, and said why
OpenSites = Callable[[KafkaCluster], dict[str, Site]]


@pytest.fixture
def open_sites(postgres: PostgresServer, servers_folder: Path) -> Iterator[OpenSites]:
    """One for each engine, over a cluster; all that they started is gone afterwards."""
    opened: list[Site] = []

    def open_(cluster: KafkaCluster) -> dict[str, Site]:
        for engine in ENGINES:
            folder = servers_folder / f"site-{len(list(servers_folder.glob('site-*')))}-{engine}"
            folder.mkdir()
            opened.append(Site(folder, cluster.bootstrap, postgres.new_database(), new_prefix()))
        return dict(zip(ENGINES, opened[-len(ENGINES) :], strict=True))

    yield open_
    for site in opened:
        site.close()
        postgres.drop_database(site.database)


@contextmanager
def telling(sites: dict[str, Site]) -> Iterator[None]:
    """Whatever fails: what the processes had to say."""
    try:
        yield
    except BaseException:
        for engine, site in sites.items():
            for log in sorted(site.folder.glob("*.log")):
                sys.stdout.write(f"--- {engine} {log.name}\n{log.read_text(errors='replace')[-3000:]}\n")
        raise


def feed(sites: dict[str, Site], records: Sequence[Fed], per_second: int) -> list[Feeder]:
    feeders = [Feeder(site.options, records, per_second) for site in sites.values()]
    for feeder in feeders:
        feeder.start()
    return feeders


def network(rounds: int, seed: int = 7) -> list[RawMessage]:
    """One seed for all: the same messages go all four ways."""
    random = Random(seed)
    return sequence(random, [*visits(random, sorted(STATIONS), rounds), *recorded()])


def test_one_worker_on_one_broker(kafka: KafkaCluster, open_sites: OpenSites) -> None:
    """And the fold, and the embedded runtime: events, conclusions, states, entries, balances and invoices, byte for byte."""
    sites, messages = open_sites(kafka), network(ROUNDS)
    with telling(sites):
        for engine, site in sites.items():
            site.worker("worker", engine)
            site.start("relay", "relay")
        feeders = feed(sites, [*fed(messages), *poison()], per_second=1000)
        for (engine, site), feeder in zip(sites.items(), feeders, strict=True):
            sent = feeder.finish()
            site.drain()
            site.run_invoices()
            known, _ = facts(site.vault)
            inputs = [*known, *messages, RUN]
            expected = fold(inputs)
            assert_same(expected, embedded(inputs), "the embedded runtime")
            assert complaints(site, sent, expected) == [], engine
            assert chains_broken(site) == []
            assert expected.invoices() == site.result().invoices() != []
            assert set(site.stop().values()) == {0}, "each ended well when it was told to"


def test_two_workers_on_three_brokers_while_they_are_killed(
    kafka3: KafkaCluster, postgres: PostgresServer, open_sites: OpenSites
) -> None:
    """Workers, a broker and PostgreSQL are killed; a worker stands still until its partitions are another's; workers join and
    leave, one while others stand in the middle of a batch; a contract becomes known on the way.
    """
    sites, messages = open_sites(kafka3), network(ROUNDS)
    faults = Faults(sites, kafka3, postgres, Random(8))
    with telling(sites):
        faults.start()
        feeders = feed(sites, [*poison(), *fed(messages)], per_second=30)
        wait_until(lambda: all(_works(site) for site in sites.values()), 60, lambda: "all workers have partitions, and commit")
        for kind in ("worker killed", "broker killed", "postgres crashed", "worker joins in a batch", "worker stopped"):
            _meets(faults, kind, sites, feeders)
        for site in sites.values():
            site.publish_late()
        for kind in ("relay killed", "postgres restarted", "sealer killed", "worker joins", "worker replaced"):
            _meets(faults, kind, sites, feeders)
        for feeder in feeders:
            feeder.enough.set()
        for (engine, site), feeder in zip(sites.items(), feeders, strict=True):
            sent = feeder.finish()
            site.drain()
            site.run_invoices()
            known, late = facts(site.vault)
            inputs = [*known, *messages[: len(sent) - len(poison())], *late, RUN]
            expected = fold(inputs).money()
            assert_same(expected, embedded(inputs).money(), "the embedded runtime")
            assert complaints(site, sent, expected) == [], engine
            assert chains_broken(site) == []
            assert expected.invoices() == site.result().invoices() != []
            assert {status for kept in site.kept.values() for status in kept.ends} <= ENDS
            assert not [name for name, kept in site.kept.items() if "Traceback" in kept.log]
            assert set(site.stop().values()) == {0}, "each ended well when it was told to"
            assert seals_broken(site) == []


def _works(site: Site) -> bool:
    """Every worker was given partitions, and messages were committed."""
    given = [kept.log.count("partitions_shared_out") for name, kept in site.kept.items() if name.startswith("worker")]
    return all(given) and sum(site.committed().values()) > 50


def _meets(faults: Faults, kind: str, sites: dict[str, Site], feeders: Sequence[Feeder]) -> None:
    """Do it while messages flow: some were committed since the fault before, and more are to come."""
    before = [sum(site.committed().values()) for site in sites.values()]
    more = lambda: all(sum(s.committed().values()) > done for s, done in zip(sites.values(), before, strict=True))  # noqa: E731
    wait_until(lambda: tolerant(more), 60, lambda: f"messages are committed before: {kind}")
    assert all(not feeder.is_at_end for feeder in feeders), f"all messages were sent before: {kind}"
    faults.do(kind)


def test_while_two_of_three_brokers_are_down_everybody_waits_and_then_goes_on_by_himself(
    kafka3: KafkaCluster, open_sites: OpenSites
) -> None:
    """Nobody is started by hand, nothing that was acknowledged is lost, and who reads the logs knows why nothing moves."""
    sites, messages = open_sites(kafka3), network(1)
    with telling(sites):
        for engine, site in sites.items():
            site.worker("worker", engine)
        feeders = feed(sites, fed(messages), per_second=100)
        wait_until(lambda: all(sum(site.committed().values()) > 100 for site in sites.values()), 60, lambda: "messages flow")
        down = _without_one_that_leads_little(kafka3, sites)
        kafka3.kill(*down)
        try:
            wait_until(lambda: all(feeder.outages for feeder in feeders), 60, lambda: "producers are told")
            done = [feeder.done for feeder in feeders]
            wait_until(lambda: all(map(_tells_of_it, sites.values())), 60, lambda: "workers tell")
            assert [feeder.done for feeder in feeders] == done, "nothing is acknowledged by one broker of three"
            assert all("127.0.0.1" in feeder.outages[-1] for feeder in feeders), "the message says which Kafka"
        finally:
            kafka3.start(*down)
        for (engine, site), feeder in zip(sites.items(), feeders, strict=True):
            sent = feeder.finish()
            site.drain()
            known, _ = facts(site.vault)
            assert site.kept["worker"].ends == [], "nobody had to start it again"
            assert_same(fold([*known, *messages]), site.result(), f"the {engine} worker")
            assert len(sent) == len(messages) <= len(site.raw())


def _without_one_that_leads_little(cluster: KafkaCluster, sites: dict[str, Site]) -> list[int]:
    """Two of three nodes. A worker whose partitions are all led by the third would be served as before, with what there is."""
    led = [site.leaders() for site in sites.values()]
    stays = min(cluster.nodes, key=lambda node: max(leaders.count(node) for leaders in led))
    return [node for node in cluster.nodes if node != stays]


def _tells_of_it(site: Site) -> bool:
    return "kafka_does_not_answer" in site.kept["worker"].log
