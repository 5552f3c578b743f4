"""The broker goes away and comes back, once, under workers of both engines: a restart takes most of the time here."""

from pathlib import Path

from tests.kafka.pump_rules import Home
from wattbook.dev_kafka import KafkaCluster


def test_workers_go_on_by_themselves_after_an_outage_that_they_told_once(
    kafka: KafkaCluster, prefix: str, tmp_path: Path
) -> None:
    homes = [Home(kafka, f"{prefix}{engine}.", tmp_path / engine, engine) for engine in ("faust", "plain")]
    workers = [home.worker() for home in homes]
    try:
        for home, worker in zip(homes, workers, strict=True):
            home.send(20)
            home.wait_for(worker.owns)
        kafka.kill(1)
        try:
            for home, worker in zip(homes, workers, strict=True):
                home.wait_for(lambda: worker.said("kafka_does_not_answer"))  # noqa: B023
        finally:
            kafka.start(1)
        for home, worker in zip(homes, workers, strict=True):
            home.send(20)
            home.wait_until_done()
            home.wait_for(lambda: worker.said("kafka_answers_again"))  # noqa: B023
            assert len(worker.said("kafka_does_not_answer")) == 1
            assert worker.stop() == 0
    finally:
        for worker in workers:
            worker.kill()
